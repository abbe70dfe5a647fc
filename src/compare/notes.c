/* SPDX-License-Identifier: MIT */
#include "compare/notes.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "compare/spread.h"

enum { NAMES_MAX = 5, NAME_COLS = 80 };

static void put_name(struct rp_buf *out, const char *name)
{
    rp_text_append(out, rp_slice_str(name), NAME_COLS);
}

/* ---- a file by itself ------------------------------------------------------------------------ */

static bool has_course(const struct rp_run_file *file)
{
    for (size_t i = 0; i < file->subject_count; i++)
        if (file->subjects[i].track.cells)
            return true;
    return false;
}

static bool is_short(const struct rp_run_file *file)
{
    for (size_t i = 0; i < file->subject_count; i++)
        if (file->subjects[i].track.cells >= RP_SPREAD_CELLS_MIN)
            return false;
    return true;
}

static void note_file(struct rp_buf *out, const struct rp_run_file *file)
{
    const json_t *run = json_object_get(file->root, "run");
    const json_t *generator = json_object_get(file->root, "generator");
    const char *verdict = json_string_value(json_object_get(generator, "verdict"));
    const char *status = json_string_value(json_object_get(run, "status"));
    json_int_t code = json_integer_value(json_object_get(run, "exit_code"));

    if (file->origin != RP_ORIGIN_RAMPA || !has_course(file)) {
        put_name(out, file->name);
        rp_buf_appendf(out,
                       "%s has no course in time: its numbers are taken to vary as those of the "
                       "others do\n",
                       file->origin == RP_ORIGIN_K6 ? " is a summary of k6 and" : "");
    } else if (is_short(file)) {
        put_name(out, file->name);
        rp_buf_appendf(out,
                       " is shorter than %d intervals: how much its numbers vary is not known\n",
                       RP_SPREAD_CELLS_MIN);
    }
    if (file->origin != RP_ORIGIN_RAMPA)
        return;
    if (code > 1 && status) {
        put_name(out, file->name);
        rp_buf_append_str(out, " did not end as a run should: ");
        put_name(out, status);
        rp_buf_append_str(out, "\n");
    }
    if (json_array_size(json_object_get(run, "adjustments"))) {
        put_name(out, file->name);
        rp_buf_append_str(out, " was adjusted while it ran: its load is not the one of its plan\n");
    }
    if (verdict && strcmp(verdict, "valid") != 0) {
        put_name(out, file->name);
        rp_buf_append_str(out, " is ");
        put_name(out, verdict);
        rp_buf_append_str(out, ": the generator may have been the limit, and not the server\n");
    }
}

/* ---- two files ------------------------------------------------------------------------------- */

static const json_t *member(const struct rp_run_file *file, const char *object, const char *name)
{
    return json_object_get(json_object_get(file->root, object), name);
}

static void note_difference(struct rp_buf *out, const struct rp_run_file *base,
                            const struct rp_run_file *current, const char *object, const char *name,
                            const char *what)
{
    const json_t *a = member(base, object, name), *b = member(current, object, name);

    if (!a || !b || json_equal(a, b))
        return;
    put_name(out, base->name);
    rp_buf_appendf(out, " and ");
    put_name(out, current->name);
    rp_buf_appendf(out, " differ in %s\n", what);
}

/* Copies of a file have the same run in them. */
static void note_itself(struct rp_buf *out, const struct rp_run_file *base,
                        const struct rp_run_file *current)
{
    const char *a = json_string_value(member(base, "run", "id"));
    const char *b = json_string_value(member(current, "run", "id"));

    if (a && b ? strcmp(a, b) != 0 : strcmp(base->name, current->name) != 0)
        return;
    put_name(out, base->name);
    rp_buf_append_str(out, " is the current run itself, and no base of it\n");
}

static bool has_subject(const struct rp_run_file *file, const struct rp_subject *like)
{
    for (size_t i = 0; i < file->subject_count; i++)
        if (file->subjects[i].kind == like->kind &&
            strcmp(file->subjects[i].name, like->name) == 0 &&
            strcmp(file->subjects[i].group, like->group) == 0)
            return true;
    return false;
}

/* What one file has and the other has not: a request that is not made any more looks like nothing
 * otherwise. The two subjects of a request are one name. */
static void note_missing(struct rp_buf *out, const struct rp_run_file *file,
                         const struct rp_run_file *other, enum rp_subject_kind kind)
{
    static const char *const kinds[] = { "metric", "request", "check" };
    const char *last = "";
    size_t count = 0;

    for (size_t i = 0; i < file->subject_count; i++) {
        const struct rp_subject *subject = &file->subjects[i];

        if (subject->kind != kind || has_subject(other, subject) ||
            strcmp(last, subject->name) == 0)
            continue;
        last = subject->name;
        if (count++ >= NAMES_MAX)
            continue;
        if (count == 1)
            rp_buf_appendf(out, "only in ");
        if (count == 1)
            put_name(out, file->name);
        if (count == 1)
            rp_buf_appendf(out, ", by %s: ", kinds[kind]);
        rp_buf_append_str(out, count > 1 ? ", " : "");
        put_name(out, subject->name);
    }
    if (count > NAMES_MAX)
        rp_buf_appendf(out, " and %zu more", count - NAMES_MAX);
    if (count)
        rp_buf_append_str(out, "\n");
}

/* Why "cannot tell" stands beside an interval that leaves out 0. */
static void note_many(struct rp_buf *out, const struct rp_comparison *self)
{
    if (self->held_back)
        rp_buf_appendf(out,
                       "%zu of the numbers that cannot be told %s an interval on one side of zero: "
                       "among %zu numbers some have one by chance\n",
                       self->held_back, self->held_back == 1 ? "has" : "have", self->row_count);
}

int rp_compare_note(struct rp_comparison *self)
{
    const struct rp_run_file *base = &self->bases[self->base_count - 1];
    struct rp_buf *out = &self->notes;

    for (size_t i = 0; i < self->base_count; i++)
        note_file(out, &self->bases[i]);
    note_file(out, self->current);
    for (size_t i = 0; i < self->base_count; i++)
        note_itself(out, &self->bases[i], self->current);
    note_difference(out, base, self->current, "config", "scenarios", "the load that was asked for");
    note_difference(out, base, self->current, "machine", "cpu_model", "the processor");
    note_difference(out, base, self->current, "machine", "cores_usable",
                    "the number of processors");
    for (size_t kind = 0; kind < 3; kind++) {
        /* A summary of another program has no requests by name. */
        if (kind == RP_SUBJECT_REQUEST &&
            (base->origin != RP_ORIGIN_RAMPA || self->current->origin != RP_ORIGIN_RAMPA))
            continue;
        if (kind == RP_SUBJECT_METRIC && base->origin != self->current->origin)
            continue;
        note_missing(out, base, self->current, (enum rp_subject_kind)kind);
        note_missing(out, self->current, base, (enum rp_subject_kind)kind);
    }
    note_many(out, self);
    /* A list of notes that is too long ends where it is full. */
    return out->error == -ENOMEM ? -ENOMEM : 0;
}

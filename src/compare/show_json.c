/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/json_line.h"
#include "compare/show.h"

/* One document on one line: what a program reads has no need of indents. */

static const char *const origins[] = {
    [RP_ORIGIN_RAMPA] = "rampa", [RP_ORIGIN_REFERENCE] = "rampa-0.0", [RP_ORIGIN_K6] = "k6"
};
static const char *const kinds[] = { "metric", "request", "check" };

/* "no_change": a word of a program has no blanks. */
static const char *word(enum rp_compare_verdict verdict)
{
    return verdict == RP_COMPARE_SAME      ? "no_change"
           : verdict == RP_COMPARE_UNCLEAR ? "cannot_tell"
                                           : rp_compare_verdict_name(verdict);
}

static void put_file(struct rp_json_line *line, const char *key, const struct rp_run_file *file)
{
    rp_line_open(line, key);
    rp_line_text(line, "file", file->name);
    rp_line_text(line, "from", origins[file->origin]);
    rp_line_close(line);
}

static void put_row(struct rp_json_line *line, const struct rp_compare_row *row)
{
    static const char *const units[] = { "number", "ms", "bytes" };

    rp_line_open(line, NULL);
    rp_line_text(line, "kind", kinds[row->subject->kind]);
    rp_line_text(line, "group", row->subject->group);
    rp_line_text(line, "name", row->subject->name);
    rp_line_text(line, "stat", row->stat);
    rp_line_text(line, "unit", row->is_share ? "ratio" : units[row->subject->unit]);
    rp_line_number(line, "base", row->base);
    rp_line_number(line, "current", row->current);
    rp_line_text(line, "change_is", row->is_share ? "difference" : "ratio");
    rp_line_number(line, "change", row->change);
    rp_line_number(line, "low", row->low);
    rp_line_number(line, "high", row->high);
    rp_line_number(line, "p", row->p);
    rp_line_text(line, "better", row->better > 0 ? "higher" : row->better < 0 ? "lower" : NULL);
    rp_line_text(line, "verdict", word(row->verdict));
    rp_line_close(line);
}

static void put_passed(struct rp_json_line *line, const char *key,
                       const struct rp_run_threshold *threshold)
{
    if (threshold && threshold->passed >= 0)
        rp_line_bool(line, key, threshold->passed);
    else
        rp_line_null(line, key);
}

static void put_threshold(struct rp_json_line *line, const struct rp_compare_threshold *row)
{
    rp_line_open(line, NULL);
    rp_line_text(line, "metric", row->current->metric);
    rp_line_text(line, "expression", row->current->expression);
    put_passed(line, "base", row->base);
    put_passed(line, "current", row->current);
    rp_line_text(line, "verdict", word(row->verdict));
    rp_line_close(line);
}

static void put_notes(struct rp_json_line *line, const struct rp_comparison *self)
{
    struct rp_buf note;

    rp_buf_init(&note, 1 << 20);
    rp_line_open_list(line, "notes");
    for (const char *at = rp_buf_str(&self->notes); *at;) {
        size_t length = strcspn(at, "\n");

        rp_buf_reset(&note);
        rp_buf_append(&note, at, length);
        rp_line_text(line, NULL, rp_buf_str(&note));
        at += length + (at[length] == '\n');
    }
    rp_line_close_list(line);
    if (note.error)
        line->out->error = note.error;
    rp_buf_deinit(&note);
}

int rp_compare_write_json(const struct rp_comparison *self, struct rp_buf *out)
{
    struct rp_json_line line = { .out = out };

    rp_line_open(&line, NULL);
    rp_line_i64(&line, "schema", 1);
    rp_line_text(&line, "verdict", word(rp_compare_overall(self)));
    rp_line_open_list(&line, "bases");
    for (size_t i = 0; i < self->base_count; i++)
        put_file(&line, NULL, &self->bases[i]);
    rp_line_close_list(&line);
    put_file(&line, "current", self->current);
    rp_line_number(&line, "min_effect", self->min_effect);
    rp_line_open(&line, "counts");
    for (size_t i = 0; i < RP_COMPARE_VERDICTS; i++)
        rp_line_u64(&line, word((enum rp_compare_verdict)i), self->counts[i]);
    rp_line_close(&line);
    rp_line_open_list(&line, "numbers");
    for (size_t i = 0; i < self->row_count; i++)
        put_row(&line, &self->rows[i]);
    rp_line_close_list(&line);
    rp_line_open_list(&line, "thresholds");
    for (size_t i = 0; i < self->threshold_count; i++)
        put_threshold(&line, &self->thresholds[i]);
    rp_line_close_list(&line);
    put_notes(&line, self);
    rp_line_close(&line);
    rp_buf_append_str(out, "\n");
    return out->error;
}

/* SPDX-License-Identifier: MIT */
#include "app/control_answer.h"

#include "base/compiler.h"
#include "base/json_line.h"

enum kind { TEXT, TEXTS, NUMBER, WHOLE, FLAG, OBJECT, OBJECTS };

struct member {
    const char *name;
    enum kind kind;
    bool is_needed, may_be_null;
    const struct member
        *members; /* of an object, or of each one of a list; the last one has no name */
};

static const struct member scenario[] = {
    { "name", TEXT },
    { "executor", TEXT },
    { "state", TEXT },
    { "vus", WHOLE },
    { "rate", NUMBER, .may_be_null = true },
    { "progress", NUMBER },
    { "stage", WHOLE, .may_be_null = true },
    { 0 },
};
static const struct member generator[] = {
    { "limited", FLAG },
    { "verdict", TEXT, .may_be_null = true },
    { "reasons", TEXTS },
    { 0 },
};
/* Of all answers: docs/control.md. Those of an older run may have fewer. What must be there besides depends on the
 * question: rp_control_answer_check(). */
static const struct member top[] = {
    { "run_id", TEXT, .is_needed = true },
    { "script", TEXT },
    { "status", TEXT },
    { "phase", TEXT },
    { "started_at", TEXT },
    { "elapsed_s", NUMBER },
    { "duration_s", NUMBER, .may_be_null = true },
    { "vus", WHOLE },
    { "scenarios", OBJECTS, .members = scenario },
    { "warnings", TEXTS },
    { "generator", OBJECT, .members = generator },
    { "address", TEXT },
    { "scenario", TEXT }, /* that was adjusted */
    { "rate", NUMBER },
    { "hold", FLAG },
    { 0 },
};

/* ---- checking -------------------------------------------------------------------------------- */

static bool is_single(const json_t *value, enum kind kind)
{
    switch (kind) {
    case TEXT:
    case TEXTS:
        return json_is_string(value);
    case NUMBER:
        return json_is_number(value);
    case WHOLE:
        return json_is_integer(value);
    case FLAG:
        return json_is_boolean(value);
    case OBJECT:
    case OBJECTS:
        return json_is_object(value);
    }
    return false;
}

static bool is_list(const struct member *member)
{
    return member->kind == TEXTS || member->kind == OBJECTS;
}

static const char *check(const struct member *members, const json_t *object);

static const char *check_value(const struct member *member, const json_t *value)
{
    if (!is_single(value, member->kind))
        return member->name;
    return member->members ? check(member->members, value) : NULL;
}

static const char *check_member(const struct member *member, const json_t *value)
{
    const char *wrong = NULL;
    const json_t *item;
    size_t i;

    if (!value || (json_is_null(value) && member->may_be_null))
        return !value && member->is_needed ? member->name : NULL;
    if (!is_list(member))
        return check_value(member, value);
    if (!json_is_array(value))
        return member->name;
    json_array_foreach(value, i, item)
    {
        wrong = check_value(member, item);
        if (wrong)
            break;
    }
    return wrong;
}

static const char *check(const struct member *members, const json_t *object)
{
    const char *wrong = NULL;

    for (; members->name && !wrong; members++)
        wrong = check_member(members, json_object_get(object, members->name));
    return wrong;
}

const char *rp_control_answer_check(const json_t *answer, bool is_for_browser)
{
    const char *needed = is_for_browser ? "address" : "status"; /* what is shown */
    const char *wrong = check(top, answer);

    return wrong || json_object_get(answer, needed) ? wrong : needed;
}

/* ---- writing --------------------------------------------------------------------------------- */

static void write_members(struct rp_json_line *line, const struct member *members,
                          const json_t *object);

/* With a NULL @key an item of a list. */
static void write_value(struct rp_json_line *line, const char *key, const struct member *member,
                        const json_t *value)
{
    if (json_is_null(value)) {
        rp_line_null(line, key);
    } else if (json_is_string(value)) {
        rp_line_text(line, key, json_string_value(value));
    } else if (json_is_boolean(value)) {
        rp_line_bool(line, key, json_is_true(value));
    } else if (json_is_integer(value)) {
        rp_line_i64(line, key, json_integer_value(value));
    } else if (json_is_real(value)) {
        rp_line_number(line, key, json_real_value(value));
    } else {
        rp_line_open(line, key);
        write_members(line, member->members, value);
        rp_line_close(line);
    }
}

static void write_members(struct rp_json_line *line, const struct member *members,
                          const json_t *object)
{
    for (; members->name; members++) {
        const json_t *value = json_object_get(object, members->name), *item;
        size_t i;

        if (!value)
            continue;
        if (!is_list(members)) {
            write_value(line, members->name, members, value);
            continue;
        }
        rp_line_open_list(line, members->name);
        json_array_foreach(value, i, item) write_value(line, NULL, members, item);
        rp_line_close_list(line);
    }
}

void rp_control_answer_write(const json_t *answer, struct rp_buf *out)
{
    struct rp_json_line line = { .out = out };

    rp_line_open(&line, NULL);
    write_members(&line, top, answer);
    rp_line_close(&line);
}

/* SPDX-License-Identifier: MIT */
#include "plan/fields.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "plan/duration.h"
#include "plan/shorthand.h"

/* A list in a struct: the pointer and, right after it, the count. */
struct list {
    void *items;
    size_t count;
};
_Static_assert(offsetof(struct rp_scenario, stage_count) ==
                   offsetof(struct rp_scenario, stages) + offsetof(struct list, count),
               "stages are a list");
_Static_assert(offsetof(struct rp_plan, trend_stat_count) ==
                   offsetof(struct rp_plan, trend_stats) + offsetof(struct list, count),
               "trend_stats are a list");

/* Reals and integers below this are exact in both. */
#define EXACT_DOUBLE 9007199254740992.0

static const struct rp_field stage_fields[] = {
    { "duration", RP_FT_DURATION, .offset = offsetof(struct rp_stage, duration), .min = 0,
      .max = RP_LONGEST },
    { "target", RP_FT_INTEGER, .offset = offsetof(struct rp_stage, target), .min = 0,
      .max = RP_MOST_RATE },
};
static const char *const stage_keys[] = { "duration", "target" };

void rp_field_expected(const struct rp_field *field, char *out, size_t size)
{
    char least[64], most[64];

    switch (field->type) {
    case RP_FT_EXECUTOR:
        snprintf(out, size, "the name of an executor");
        break;
    case RP_FT_ARRIVAL:
        snprintf(out, size, "'%s' or '%s'", rp_arrival_names[0], rp_arrival_names[1]);
        break;
    case RP_FT_INTEGER:
        snprintf(out, size, "a whole number from %" PRId64 " to %" PRId64, field->min, field->max);
        break;
    case RP_FT_NUMBER:
        snprintf(out, size, "a number from %" PRId64 " to %" PRId64 " with at most %d decimals",
                 field->min, field->max, RP_RATE_DECIMALS);
        break;
    case RP_FT_DURATION:
        rp_duration_format(field->min, least, sizeof(least));
        rp_duration_format(field->max, most, sizeof(most));
        snprintf(out, size, "a duration %s to %s", field->min ? "of more than 0s, up" : "from 0s",
                 most);
        break;
    case RP_FT_TEXT:
        snprintf(out, size, "text that is not empty");
        break;
    case RP_FT_FLAG:
        snprintf(out, size, "true or false");
        break;
    case RP_FT_STAGES:
        snprintf(out, size, "a list of at least one {duration, target}");
        break;
    case RP_FT_PAIRS:
        snprintf(out, size, "a dict of text to text");
        break;
    case RP_FT_STATS:
        snprintf(out, size, "a list of at least one of avg, min, med, max, p(N), count");
        break;
    }
}

static int fail_value(const struct rp_field *field, const json_t *value,
                      const struct rp_where *where, struct rp_error *err)
{
    char expected[128], shown[RP_SHOW_SIZE];

    rp_field_expected(field, expected, sizeof(expected));
    return rp_where_fail(where, err, "%s must be %s, not %s", field->name, expected,
                         rp_show_json(value, shown));
}

/* What there is to choose from. */
static void hint_executors(struct rp_error *err)
{
    char names[256];
    size_t used = 0;

    for (int i = 0; i < RP_EXECUTOR_KIND_COUNT && used < sizeof(names); i++)
        used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", i ? ", " : "",
                                 rp_executor_kinds[i].name);
    rp_error_hint(err, "executors: %s", names);
}

static int parse_executor(const struct rp_field *field, void *base, const json_t *value,
                          const struct rp_where *where, struct rp_error *err)
{
    const char *names[RP_EXECUTOR_KIND_COUNT];
    char shown[RP_SHOW_SIZE];
    const char *text = json_string_value(value), *near;
    int r;

    if (!text)
        return fail_value(field, value, where, err);
    for (int i = 0; i < RP_EXECUTOR_KIND_COUNT; i++) {
        names[i] = rp_executor_kinds[i].name;
        if (strcmp(text, names[i]) == 0) {
            *(enum rp_executor_kind *)rp_field_at(field, base) = (enum rp_executor_kind)i;
            return 0;
        }
    }
    r = rp_where_fail(where, err, "unknown executor %s", rp_show_text(text, shown));
    near = rp_suggest(rp_slice_str(text), names, RP_EXECUTOR_KIND_COUNT);
    if (near)
        rp_error_suggest(err, near);
    else
        hint_executors(err);
    return r;
}

static int parse_arrival(const struct rp_field *field, void *base, const json_t *value,
                         const struct rp_where *where, struct rp_error *err)
{
    const char *text = json_string_value(value), *near;

    for (int i = 0; text && i < RP_ARRIVAL_COUNT; i++)
        if (strcmp(text, rp_arrival_names[i]) == 0) {
            *(enum rp_arrival *)rp_field_at(field, base) = (enum rp_arrival)i;
            return 0;
        }
    fail_value(field, value, where, err);
    near = text ? rp_suggest(rp_slice_str(text), rp_arrival_names, RP_ARRIVAL_COUNT) : NULL;
    rp_error_suggest(err, near);
    return -RP_EUSER;
}

static struct rp_slice text_of(const json_t *value)
{
    return (struct rp_slice){ json_string_value(value), json_string_length(value) };
}

/* Also text that is a number: scripts take such from the environment. */
static int parse_integer(const struct rp_field *field, void *base, const json_t *value,
                         const struct rp_where *where, struct rp_error *err)
{
    int64_t number;

    if (json_is_integer(value)) {
        number = json_integer_value(value);
    } else if (json_is_string(value) && rp_parse_i64(text_of(value), &number)) {
        /* number has it */
    } else if (json_is_real(value) && fabs(json_real_value(value)) <= EXACT_DOUBLE &&
               floor(json_real_value(value)) == json_real_value(value)) {
        number = (int64_t)json_real_value(value);
    } else {
        return fail_value(field, value, where, err);
    }
    if (number < field->min || number > field->max)
        return fail_value(field, value, where, err);
    *(int64_t *)rp_field_at(field, base) = number;
    return 0;
}

/* "50/s" is how the command line says it. */
static void hint_rate(const json_t *value, struct rp_error *err)
{
    struct rp_rate rate;
    char unit[64];

    if (!json_is_string(value) || rp_rate_parse(text_of(value), &rate, NULL) < 0 || !rate.time_unit)
        return;
    rp_duration_format(rate.time_unit, unit, sizeof(unit));
    rp_error_hint(err, "write rate=%.15g, time_unit=\"%s\"", rate.count, unit);
}

static int parse_number(const struct rp_field *field, void *base, const json_t *value,
                        const struct rp_where *where, struct rp_error *err)
{
    double number = json_number_value(value);
    bool is_number = json_is_number(value) ||
                     (json_is_string(value) && rp_parse_double(text_of(value), &number));

    if (!is_number || !(number >= (double)field->min && number <= (double)field->max)) {
        fail_value(field, value, where, err);
        hint_rate(value, err);
        return -RP_EUSER;
    }
    if (!rp_rate_is_exact(number)) {
        fail_value(field, value, where, err);
        rp_error_hint(err, "a third in a second is 1 with the time_unit \"3s\"");
        return -RP_EUSER;
    }
    *(double *)rp_field_at(field, base) = number == 0 ? 0 : number; /* no negative zero */
    return 0;
}

/* Reads seconds given as a number. The whole and the fraction are converted apart, so that every
 * real that was written with at most nine decimals is exact. False when the number is out of any
 * range. */
static bool seconds_to_ns(const json_t *value, rp_ns *ret)
{
    double real = json_number_value(value), whole = floor(real);

    if (json_is_integer(value))
        return !__builtin_mul_overflow(json_integer_value(value), RP_S, ret);
    if (!(fabs(real) < 9e9))
        return false;
    *ret = (rp_ns)whole * RP_S + (rp_ns)llround((real - whole) * 1e9);
    return true;
}

static int parse_duration(const struct rp_field *field, void *base, const json_t *value,
                          const struct rp_where *where, struct rp_error *err)
{
    rp_ns duration;

    if (json_is_string(value)) {
        struct rp_error inner = { 0 };

        if (rp_duration_parse(text_of(value), &duration, &inner) < 0) {
            rp_where_fail(where, err, "%s: %s", field->name, inner.message ? inner.message : "?");
            if (inner.hint)
                rp_error_hint(err, "%s", inner.hint);
            rp_error_deinit(&inner);
            return -RP_EUSER;
        }
    } else if (!json_is_number(value)) {
        int r = fail_value(field, value, where, err);

        rp_error_hint(err, "write \"30s\", \"1m30s\" or a number of seconds");
        return r;
    } else if (!seconds_to_ns(value, &duration)) {
        return fail_value(field, value, where, err);
    }
    if (duration < field->min || duration > field->max)
        return fail_value(field, value, where, err);
    *(rp_ns *)rp_field_at(field, base) = duration;
    return 0;
}

static int parse_text(const struct rp_field *field, void *base, const json_t *value,
                      const struct rp_where *where, struct rp_error *err)
{
    char *copy;

    if (!json_is_string(value) || !json_string_length(value))
        return fail_value(field, value, where, err);
    copy = rp_strdup(json_string_value(value));
    if (!copy)
        return -ENOMEM;
    rp_field_clear(field, base);
    *(char **)rp_field_at(field, base) = copy;
    return 0;
}

static int parse_stage(struct rp_stage *stage, size_t i, const json_t *value,
                       const struct rp_where *where, struct rp_error *err)
{
    bool is_pair = json_is_array(value) && json_array_size(value) == RP_ARRAY_LEN(stage_keys);
    char shown[RP_SHOW_SIZE], name[48];
    int r = 0;

    if (!json_is_object(value) && !is_pair)
        return rp_where_fail(where, err,
                             "stages[%zu] must be {duration, target} or (duration, target), not %s",
                             i, rp_show_json(value, shown));
    if (!is_pair)
        r = rp_json_check_keys(value, stage_keys, RP_ARRAY_LEN(stage_keys), where, err);
    for (size_t k = 0; r == 0 && k < RP_ARRAY_LEN(stage_fields); k++) {
        struct rp_field field = stage_fields[k];
        const json_t *part = is_pair ? json_array_get(value, k)
                                     : json_object_get(value, field.name);

        snprintf(name, sizeof(name), "stages[%zu].%s", i, field.name);
        field.name = name;
        if (rp_json_is_absent(part))
            return rp_where_fail(where, err, "%s is missing", name);
        r = rp_field_parse(&field, stage, part, where, err);
        if (r == -RP_EUSER && field.type == RP_FT_INTEGER && json_is_real(part))
            rp_error_hint(err, "a rate with a fraction is whole in a longer time_unit: 2.5 in 1s "
                               "are 5 in 2s");
    }
    return r;
}

static int parse_stages(const struct rp_field *field, void *base, const json_t *value,
                        const struct rp_where *where, struct rp_error *err)
{
    struct list *list = rp_field_at(field, base);
    size_t count = json_array_size(value);
    struct rp_stage *stages;

    if (!json_is_array(value) || !count)
        return fail_value(field, value, where, err);
    stages = rp_calloc(count, sizeof(*stages));
    if (!stages)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        int r = parse_stage(&stages[i], i, json_array_get(value, i), where, err);

        if (r < 0) {
            rp_free(stages);
            return r;
        }
    }
    rp_field_clear(field, base);
    *list = (struct list){ stages, count };
    return 0;
}

static int parse_pairs(const struct rp_field *field, void *base, const json_t *value,
                       const struct rp_where *where, struct rp_error *err)
{
    struct rp_pairs pairs = { 0 };
    char key_shown[RP_SHOW_SIZE], shown[RP_SHOW_SIZE];
    const char *key;
    json_t *item;

    if (!json_is_object(value))
        return fail_value(field, value, where, err);
    json_object_foreach((json_t *)value, key, item)
    {
        int r;

        if (!*key || strchr(key, '='))
            r = rp_where_fail(where, err, "%s: a name must not be empty or contain '=', like %s",
                              field->name, rp_show_text(key, key_shown));
        else if (!json_is_string(item))
            r = rp_where_fail(where, err, "%s: the value of %s must be text, not %s", field->name,
                              rp_show_text(key, key_shown), rp_show_json(item, shown));
        else
            r = rp_pairs_set(&pairs, key, json_string_value(item));
        if (r < 0) {
            rp_pairs_deinit(&pairs);
            return r;
        }
    }
    rp_field_clear(field, base);
    *(struct rp_pairs *)rp_field_at(field, base) = pairs;
    return 0;
}

static int parse_stats(const struct rp_field *field, void *base, const json_t *value,
                       const struct rp_where *where, struct rp_error *err)
{
    struct list *list = rp_field_at(field, base);
    size_t count = json_array_size(value);
    char shown[RP_SHOW_SIZE];
    struct rp_stat *stats;

    if (!json_is_array(value) || !count)
        return fail_value(field, value, where, err);
    stats = rp_calloc(count, sizeof(*stats));
    if (!stats)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(value, i);
        struct rp_slice text = text_of(item);

        if (text.ptr && rp_stat_parse(text, &stats[i]) && rp_stat_fits(stats[i], RP_TREND))
            continue;
        rp_free(stats);
        return rp_where_fail(where, err,
                             "%s[%zu] must be one of avg, min, med, max, p(N), count, not %s",
                             field->name, i, rp_show_json(item, shown));
    }
    rp_field_clear(field, base);
    *list = (struct list){ stats, count };
    return 0;
}

int rp_field_parse(const struct rp_field *field, void *base, const json_t *value,
                   const struct rp_where *where, struct rp_error *err)
{
    switch (field->type) {
    case RP_FT_EXECUTOR:
        return parse_executor(field, base, value, where, err);
    case RP_FT_ARRIVAL:
        return parse_arrival(field, base, value, where, err);
    case RP_FT_INTEGER:
        return parse_integer(field, base, value, where, err);
    case RP_FT_NUMBER:
        return parse_number(field, base, value, where, err);
    case RP_FT_DURATION:
        return parse_duration(field, base, value, where, err);
    case RP_FT_TEXT:
        return parse_text(field, base, value, where, err);
    case RP_FT_FLAG:
        if (!json_is_boolean(value))
            return fail_value(field, value, where, err);
        *(bool *)rp_field_at(field, base) = json_is_true(value);
        return 0;
    case RP_FT_STAGES:
        return parse_stages(field, base, value, where, err);
    case RP_FT_PAIRS:
        return parse_pairs(field, base, value, where, err);
    case RP_FT_STATS:
        return parse_stats(field, base, value, where, err);
    }
    return -EINVAL;
}

int rp_field_parse_text(const struct rp_field *field, void *base, const char *text,
                        const char *name, struct rp_error *err)
{
    const struct rp_where nowhere = { 0 };
    struct rp_field named = *field;
    json_t *value = NULL;
    int64_t number;
    int r;

    named.name = name;
    if (field->type == RP_FT_INTEGER && rp_parse_i64(rp_slice_str(text), &number)) {
        value = json_integer(number);
        if (!value)
            return -ENOMEM;
    } else {
        value = json_stringn_nocheck(text, strlen(text)); /* bytes of the command line */
        if (!value)
            return -ENOMEM;
    }
    r = rp_field_parse(&named, base, value, &nowhere, err);
    json_decref(value);
    return r;
}

void rp_field_clear(const struct rp_field *field, void *base)
{
    void *at = rp_field_at(field, base);

    switch (field->type) {
    case RP_FT_EXECUTOR:
        *(enum rp_executor_kind *)at = RP_CONSTANT_VUS;
        break;
    case RP_FT_ARRIVAL:
        *(enum rp_arrival *)at = RP_ARRIVAL_UNIFORM;
        break;
    case RP_FT_INTEGER:
        *(int64_t *)at = 0;
        break;
    case RP_FT_NUMBER:
        *(double *)at = 0;
        break;
    case RP_FT_DURATION:
        *(rp_ns *)at = 0;
        break;
    case RP_FT_TEXT:
        rp_free(*(char **)at);
        *(char **)at = NULL;
        break;
    case RP_FT_FLAG:
        *(bool *)at = false;
        break;
    case RP_FT_PAIRS:
        rp_pairs_deinit(at);
        break;
    case RP_FT_STAGES:
    case RP_FT_STATS:
        rp_free(((struct list *)at)->items);
        *(struct list *)at = (struct list){ 0 };
        break;
    }
}

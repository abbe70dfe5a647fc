/* SPDX-License-Identifier: MIT */
#include "plan/fields.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "plan/duration.h"

struct stage_list {
    const struct rp_stage *items;
    size_t count;
};

struct stat_list {
    const struct rp_stat *items;
    size_t count;
};

static json_t *duration_to_json(rp_ns duration)
{
    char text[64];

    rp_duration_format(duration, text, sizeof(text));
    return json_string(text);
}

/* Whole numbers as integers: 500 reads better than 500.0. */
static json_t *number_to_json(double number)
{
    if (floor(number) == number && fabs(number) < 9007199254740992.0)
        return json_integer((json_int_t)number);
    return json_real(number);
}

static json_t *stages_to_json(const struct stage_list *stages)
{
    json_t *list = json_array();

    for (size_t i = 0; list && i < stages->count; i++) {
        json_t *stage = json_object();
        bool is_made = stage &&
                       !json_object_set_new(stage, "duration",
                                            duration_to_json(stages->items[i].duration)) &&
                       !json_object_set_new(stage, "target", json_integer(stages->items[i].target));

        if (!is_made || json_array_append(list, stage) < 0) {
            json_decref(list);
            list = NULL;
        }
        json_decref(stage);
    }
    return list;
}

static json_t *pairs_to_json(const struct rp_pairs *pairs)
{
    json_t *object = json_object();

    for (size_t i = 0; object && i < pairs->count; i++)
        if (json_object_set_new(object, pairs->items[i].key, json_string(pairs->items[i].value)) <
            0) {
            json_decref(object);
            object = NULL;
        }
    return object;
}

static json_t *stats_to_json(const struct stat_list *stats)
{
    json_t *list = json_array();

    for (size_t i = 0; list && i < stats->count; i++) {
        char text[32];

        rp_stat_format(stats->items[i], text, sizeof(text));
        if (json_array_append_new(list, json_string(text)) < 0) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

json_t *rp_field_to_json(const struct rp_field *field, const void *base)
{
    const void *at = rp_field_peek(field, base);

    switch (field->type) {
    case RP_FT_EXECUTOR:
        return json_string(rp_executor_kinds[*(const enum rp_executor_kind *)at].name);
    case RP_FT_ARRIVAL:
        return json_string(rp_arrival_names[*(const enum rp_arrival *)at]);
    case RP_FT_INTEGER:
        return json_integer(*(const int64_t *)at);
    case RP_FT_NUMBER:
        return number_to_json(*(const double *)at);
    case RP_FT_DURATION:
        return duration_to_json(*(const rp_ns *)at);
    case RP_FT_TEXT:
        return *(char *const *)at ? json_string(*(char *const *)at) : json_null();
    case RP_FT_FLAG:
        return json_boolean(*(const bool *)at);
    case RP_FT_STAGES:
        return stages_to_json(at);
    case RP_FT_PAIRS:
        return pairs_to_json(at);
    case RP_FT_STATS:
        return stats_to_json(at);
    }
    return NULL;
}

static void stages_to_text(const struct stage_list *stages, struct rp_buf *out)
{
    char text[64];

    for (size_t i = 0; i < stages->count; i++) {
        rp_duration_format(stages->items[i].duration, text, sizeof(text));
        rp_buf_appendf(out, "%s%s -> %" PRId64, i ? ", " : "", text, stages->items[i].target);
    }
}

static void pairs_to_text(const struct rp_pairs *pairs, struct rp_buf *out)
{
    for (size_t i = 0; i < pairs->count; i++)
        rp_buf_appendf(out, "%s%s=%s", i ? ", " : "", pairs->items[i].key, pairs->items[i].value);
    if (!pairs->count)
        rp_buf_append_str(out, "-");
}

static void stats_to_text(const struct stat_list *stats, struct rp_buf *out)
{
    char text[32];

    for (size_t i = 0; i < stats->count; i++) {
        rp_stat_format(stats->items[i], text, sizeof(text));
        rp_buf_appendf(out, "%s%s", i ? ", " : "", text);
    }
}

void rp_field_to_text(const struct rp_field *field, const void *base, struct rp_buf *out)
{
    const void *at = rp_field_peek(field, base);
    char text[64];

    switch (field->type) {
    case RP_FT_EXECUTOR:
        rp_buf_append_str(out, rp_executor_kinds[*(const enum rp_executor_kind *)at].name);
        break;
    case RP_FT_ARRIVAL:
        rp_buf_append_str(out, rp_arrival_names[*(const enum rp_arrival *)at]);
        break;
    case RP_FT_INTEGER:
        rp_buf_appendf(out, "%" PRId64, *(const int64_t *)at);
        break;
    case RP_FT_NUMBER:
        rp_buf_appendf(out, "%.15g", *(const double *)at);
        break;
    case RP_FT_DURATION:
        rp_duration_format(*(const rp_ns *)at, text, sizeof(text));
        rp_buf_append_str(out, text);
        break;
    case RP_FT_TEXT:
        rp_buf_append_str(out, *(char *const *)at ? *(char *const *)at : "-");
        break;
    case RP_FT_FLAG:
        rp_buf_append_str(out, *(const bool *)at ? "yes" : "no");
        break;
    case RP_FT_STAGES:
        stages_to_text(at, out);
        break;
    case RP_FT_PAIRS:
        pairs_to_text(at, out);
        break;
    case RP_FT_STATS:
        stats_to_text(at, out);
        break;
    }
}

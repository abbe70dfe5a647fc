/* SPDX-License-Identifier: MIT */
#include "output/otel_message.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "base/json_line.h"
#include "base/str.h"
#include "base/text.h"
#include "proto/protobuf.h"

enum { NAME_MAX_BYTES = 230, TEXT_MAX = 1 << 20, U64_TEXT = 24 };
enum { DELTA = 1, CUMULATIVE = 2 }; /* AggregationTemporality */

/* ---- names ----------------------------------------------------------------------------------- */

/* [A-Za-z][A-Za-z0-9_.\-/]{0,254} */
static void put_name(struct rp_buf *out, const char *metric)
{
    bool begins_well = (*metric | 0x20) >= 'a' && (*metric | 0x20) <= 'z';

    if (!begins_well)
        rp_buf_append_str(out, "metric_");
    for (const char *at = metric; *at && out->len < NAME_MAX_BYTES; at++) {
        bool is_allowed = ((*at | 0x20) >= 'a' && (*at | 0x20) <= 'z') ||
                          (*at >= '0' && *at <= '9') || strchr("_.-/", *at);

        rp_buf_append(out, is_allowed ? at : "_", 1);
    }
}

static const char *suffix(enum rp_metric_type type, bool is_time, enum rp_totals_part part)
{
    static const char *const suffixes[RP_METRIC_TYPE_COUNT][RP_PARTS] = {
        [RP_COUNTER] = { [RP_PART_VALUE] = "" },
        [RP_GAUGE] = { [RP_PART_VALUE] = "" },
        [RP_RATE] = { [RP_PART_VALUE] = "", [RP_PART_TRUE] = "_true" },
        [RP_TREND] = { [RP_PART_BUCKET] = "", [RP_PART_SUM] = "_without_buckets" },
    };

    return suffixes[type][part];
}

const struct rp_totals_style rp_otel_names = { .put_name = put_name, .suffix = suffix };

/* ---- either encoding ------------------------------------------------------------------------- */

/* Fields have a number in the one encoding and a name in the other. */
struct writer {
    bool is_json;
    struct rp_json_line json;
    struct rp_buf *out;
};

static struct writer begin(const struct rp_otel_style *style, struct rp_buf *out, bool has_member)
{
    return (struct writer){ .is_json = style->is_json,
                            .json = { .out = out, .has_member = has_member },
                            .out = out };
}

/* A message. @name: NULL in a list. */
static size_t enter(struct writer *w, unsigned field, const char *name)
{
    if (!w->is_json)
        return rp_pb_begin(w->out, field);
    rp_line_open(&w->json, name);
    return 0;
}

static void leave(struct writer *w, size_t begin)
{
    if (w->is_json)
        rp_line_close(&w->json);
    else
        rp_pb_end(w->out, begin);
}

/* A repeated field. In Protocol Buffers its items just follow each other. */
static void open_list(struct writer *w, const char *name)
{
    if (w->is_json)
        rp_line_open_list(&w->json, name);
}

static void close_list(struct writer *w)
{
    if (w->is_json)
        rp_line_close_list(&w->json);
}

/* Numbers of a repeated field stand one after the other, without its number. */
static size_t open_numbers(struct writer *w, unsigned field, const char *name)
{
    if (!w->is_json)
        return rp_pb_begin(w->out, field);
    rp_line_open_list(&w->json, name);
    return 0;
}

static void close_numbers(struct writer *w, size_t begin)
{
    if (w->is_json)
        rp_line_close_list(&w->json);
    else
        rp_pb_end(w->out, begin);
}

static void put_text(struct writer *w, unsigned field, const char *name, const char *text)
{
    struct rp_buf clean;

    if (w->is_json) {
        rp_line_text(&w->json, name, text);
        return;
    }
    rp_buf_init(&clean, TEXT_MAX);
    rp_text_utf8(&clean, rp_slice_str(text));
    rp_pb_bytes(w->out, field, rp_buf_slice(&clean));
    if (clean.error && !w->out->error)
        w->out->error = clean.error;
    rp_buf_deinit(&clean);
}

static void put_u64_text(struct writer *w, const char *name, uint64_t value)
{
    char text[U64_TEXT];

    snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
    rp_line_text(&w->json, name, text);
}

/* 64 bits are a text in JSON. */
static void put_fixed(struct writer *w, unsigned field, const char *name, uint64_t value)
{
    if (w->is_json)
        put_u64_text(w, name, value);
    else
        rp_pb_fixed64(w->out, field, value);
}

static void put_double(struct writer *w, unsigned field, const char *name, double value)
{
    if (w->is_json)
        rp_line_number(&w->json, name, value);
    else
        rp_pb_double(w->out, field, value);
}

static void put_enum(struct writer *w, unsigned field, const char *name, unsigned value)
{
    if (w->is_json)
        rp_line_u64(&w->json, name, value);
    else
        rp_pb_int(w->out, field, value);
}

static void put_true(struct writer *w, unsigned field, const char *name)
{
    if (w->is_json)
        rp_line_bool(&w->json, name, true);
    else
        rp_pb_int(w->out, field, 1);
}

static void put_sint(struct writer *w, unsigned field, const char *name, int64_t value)
{
    if (w->is_json)
        rp_line_i64(&w->json, name, value);
    else
        rp_pb_sint(w->out, field, value);
}

/* ---- data points ----------------------------------------------------------------------------- */

static void put_attribute(struct writer *w, unsigned field, const char *key, const char *value)
{
    size_t pair = enter(w, field, NULL), any;

    put_text(w, 1, "key", key);
    any = enter(w, 2, "value");
    put_text(w, 1, "stringValue", value);
    leave(w, any);
    leave(w, pair);
}

/* What all kinds of points begin with. @field: that of the attributes, which differs. */
static void put_head(struct writer *w, const struct rp_otel_style *style,
                     const struct rp_store_series *origin, unsigned field)
{
    open_list(w, "attributes");
    for (size_t i = 0; i < origin->tag_count; i++)
        put_attribute(w, field, origin->tags[i][0], origin->tags[i][1]);
    close_list(w);
    if (origin->type != RP_GAUGE)
        put_fixed(w, 2, "startTimeUnixNano", style->start_ns);
    put_fixed(w, 3, "timeUnixNano", style->end_ns);
}

static void put_number(struct writer *w, const struct rp_otel_style *style,
                       const struct rp_total *total, enum rp_totals_part part)
{
    size_t point = enter(w, 1, NULL);

    put_head(w, style, total->origin, 7);
    if (total->origin->type == RP_RATE)
        put_fixed(w, 6, "asInt", part == RP_PART_TRUE ? total->hits : total->count);
    else
        put_double(w, 4, "asDouble", total->origin->type == RP_GAUGE ? total->last : total->sum);
    leave(w, point);
}

/* A histogram may have no buckets: then it tells count and sum only. */
static void put_histogram(struct writer *w, const struct rp_otel_style *style,
                          const struct rp_total *total)
{
    bool has_buckets = total->buckets && rp_total_has_buckets(total);
    const double *bounds = rp_totals_bounds(total->origin->is_time);
    size_t point = enter(w, 1, NULL), numbers;

    put_head(w, style, total->origin, 9);
    put_fixed(w, 4, "count", total->count);
    put_double(w, 5, "sum", total->sum);
    if (has_buckets) {
        numbers = open_numbers(w, 6, "bucketCounts");
        for (size_t i = 0; i <= RP_TOTALS_BOUNDS; i++)
            if (w->is_json)
                put_u64_text(w, NULL, total->buckets[i]);
            else
                rp_pb_raw64(w->out, total->buckets[i]);
        close_numbers(w, numbers);
        numbers = open_numbers(w, 7, "explicitBounds");
        for (size_t i = 0; i < RP_TOTALS_BOUNDS; i++)
            if (w->is_json)
                rp_line_number(&w->json, NULL, bounds[i]);
            else
                rp_pb_raw64(w->out, rp_pb_bits(bounds[i]));
        close_numbers(w, numbers);
    }
    put_double(w, 11, "min", total->min);
    put_double(w, 12, "max", total->max);
    leave(w, point);
}

static void put_side(struct writer *w, unsigned field, const char *name,
                     const struct rp_exp_side *side)
{
    size_t buckets = enter(w, field, name), numbers;

    put_sint(w, 1, "offset", side->count ? side->first : 0);
    numbers = open_numbers(w, 2, "bucketCounts");
    for (uint32_t i = 0; i < side->count; i++)
        if (w->is_json)
            put_u64_text(w, NULL, side->counts[i]);
        else
            rp_pb_varint(w->out, side->counts[i]);
    close_numbers(w, numbers);
    leave(w, buckets);
}

static void put_exponential(struct writer *w, const struct rp_otel_style *style,
                            const struct rp_total *total)
{
    size_t point = enter(w, 1, NULL);

    put_head(w, style, total->origin, 1);
    put_fixed(w, 4, "count", total->count);
    put_double(w, 5, "sum", total->sum);
    put_sint(w, 6, "scale", total->exp.scale);
    put_fixed(w, 7, "zeroCount", total->exp.zeros);
    put_side(w, 8, "positive", &total->exp.positive);
    if (total->exp.negative.count)
        put_side(w, 9, "negative", &total->exp.negative);
    put_double(w, 12, "min", total->min);
    put_double(w, 13, "max", total->max);
    leave(w, point);
}

/* ---- metrics --------------------------------------------------------------------------------- */

/* What stands in one message Metric. An exponential histogram has all its samples in its buckets. So
 * a series without buckets is another kind of histogram there, and goes out under another name, for
 * under one name all are of one kind. */
enum kind { VALUES, TRUES, HISTOGRAMS, EXPONENTIALS, WITHOUT_BUCKETS, KINDS };

static const struct {
    unsigned field; /* of Metric; 0 = it is that of a gauge or of a sum */
    const char *name;
    enum rp_totals_part part;
} kinds[KINDS] = {
    [VALUES] = { .part = RP_PART_VALUE },
    [TRUES] = { .part = RP_PART_TRUE },
    [HISTOGRAMS] = { 9, "histogram", RP_PART_BUCKET },
    [EXPONENTIALS] = { 10, "exponentialHistogram", RP_PART_BUCKET },
    [WITHOUT_BUCKETS] = { 9, "histogram", RP_PART_SUM },
};

static bool is_of(const struct rp_total *total, enum kind kind)
{
    if (total->origin->type == RP_TREND)
        return kind == (total->buckets                ? HISTOGRAMS
                        : rp_total_has_buckets(total) ? EXPONENTIALS
                                                      : WITHOUT_BUCKETS);
    return kind == VALUES || (kind == TRUES && total->origin->type == RP_RATE);
}

static size_t put_points(struct writer *w, const struct rp_otel_style *style, enum kind kind,
                         const struct rp_total *const *series, size_t count)
{
    size_t points = 0;

    open_list(w, "dataPoints");
    for (size_t i = 0; i < count; i++) {
        if (!is_of(series[i], kind))
            continue;
        points++;
        if (kind == EXPONENTIALS)
            put_exponential(w, style, series[i]);
        else if (kinds[kind].field)
            put_histogram(w, style, series[i]);
        else
            put_number(w, style, series[i], kinds[kind].part);
    }
    close_list(w);
    return points;
}

static size_t put_metric(struct writer *w, const struct rp_otel_style *style, enum kind kind,
                         const struct rp_total *const *series, size_t count)
{
    const struct rp_store_series *origin = series[0]->origin;
    bool is_gauge = origin->type == RP_GAUGE, is_number = !kinds[kind].field;
    char name[RP_TOTALS_NAME_BYTES + RP_TOTALS_SUFFIX_BYTES];
    size_t metric = enter(w, 2, NULL), inner, points;

    snprintf(name, sizeof(name), "%s%s", series[0]->name,
             suffix(origin->type, origin->is_time, kinds[kind].part));
    put_text(w, 1, "name", name);
    if (origin->type == RP_TREND && origin->is_time)
        put_text(w, 3, "unit", "s");
    if (is_number)
        inner = enter(w, is_gauge ? 5 : 7, is_gauge ? "gauge" : "sum");
    else
        inner = enter(w, kinds[kind].field, kinds[kind].name);
    points = put_points(w, style, kind, series, count);
    if (!is_gauge)
        put_enum(w, 2, "aggregationTemporality", style->is_delta ? DELTA : CUMULATIVE);
    if (is_number && !is_gauge)
        put_true(w, 3, "isMonotonic");
    leave(w, inner);
    leave(w, metric);
    return points;
}

size_t rp_otel_put_metrics(const struct rp_otel_style *style, struct rp_buf *out,
                           const struct rp_total *const *series, size_t count)
{
    size_t points = 0;

    for (unsigned kind = 0; kind < KINDS; kind++) {
        struct writer w = begin(style, out, out->len > 0);
        bool is_any = false;

        for (size_t i = 0; !is_any && i < count; i++)
            is_any = is_of(series[i], kind);
        if (is_any)
            points += put_metric(&w, style, kind, series, count);
    }
    return points;
}

void rp_otel_put_request(const struct rp_otel_style *style, struct rp_buf *out,
                         struct rp_slice metrics, const struct rp_otel_attribute *attributes,
                         size_t attribute_count)
{
    struct writer w = begin(style, out, false);
    size_t of_resource, inner;

    if (style->is_json)
        rp_line_open(&w.json, NULL);
    open_list(&w, "resourceMetrics");
    of_resource = enter(&w, 1, NULL);
    inner = enter(&w, 1, "resource");
    open_list(&w, "attributes");
    for (size_t i = 0; i < attribute_count; i++)
        put_attribute(&w, 1, attributes[i].key, attributes[i].value);
    close_list(&w);
    leave(&w, inner);
    open_list(&w, "scopeMetrics");
    inner = enter(&w, 2, NULL);
    {
        size_t scope = enter(&w, 1, "scope");

        put_text(&w, 1, "name", "rampa");
        put_text(&w, 2, "version", RP_VERSION);
        leave(&w, scope);
    }
    open_list(&w, "metrics");
    rp_buf_append_slice(out, metrics);
    close_list(&w);
    leave(&w, inner);
    close_list(&w);
    leave(&w, of_resource);
    close_list(&w);
    if (style->is_json)
        rp_line_close(&w.json);
}

/* ---- the answer ------------------------------------------------------------------------------ */

/* ExportMetricsPartialSuccess { int64 rejected_data_points = 1; string error_message = 2; }, which is
 * field 1 of ExportMetricsServiceResponse. */
static uint64_t read_protobuf(struct rp_slice body, struct rp_buf *why)
{
    struct rp_pb_field field, part;
    int64_t refused = 0;

    while (rp_pb_next(&body, &field) == 1) {
        if (field.number != 1 || field.kind != RP_PB_BYTES)
            continue;
        while (rp_pb_next(&field.bytes, &part) == 1)
            if (part.number == 1 && part.kind == RP_PB_VARINT)
                refused = (int64_t)part.value;
            else if (part.number == 2 && part.kind == RP_PB_BYTES)
                rp_buf_append_slice(why, part.bytes);
    }
    return refused > 0 ? (uint64_t)refused : 0;
}

static uint64_t read_json(struct rp_slice body, struct rp_buf *why)
{
    json_t *root = json_loadb(body.ptr ? body.ptr : "", body.len, 0, NULL);
    json_t *partial = json_object_get(root, "partialSuccess");
    json_t *count = json_object_get(partial, "rejectedDataPoints");
    const char *message = json_string_value(json_object_get(partial, "errorMessage"));
    int64_t refused = json_integer_value(count);

    if (json_is_string(count) && !rp_parse_i64(rp_slice_str(json_string_value(count)), &refused))
        refused = 0;
    if (message)
        rp_buf_append_str(why, message);
    json_decref(root);
    return refused > 0 ? (uint64_t)refused : 0;
}

uint64_t rp_otel_count_refused(bool is_json, struct rp_slice body, struct rp_buf *why)
{
    return is_json ? read_json(body, why) : read_protobuf(body, why);
}

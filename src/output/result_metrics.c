/* SPDX-License-Identifier: MIT */
#include "output/result_json.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/base64.h"
#include "plan/metrics.h"

/* The type of a view. The view of a sub-metric without samples may not know it; only the type of a
 * built-in metric is sure then. */
static enum rp_metric_type type_of(const struct rp_view *view)
{
    const struct rp_builtin_metric *builtin = rp_builtin_metric_find(view->name);

    return !view->total.samples && builtin ? builtin->type : view->type;
}

static const char *unit_of(const struct rp_view *view)
{
    const struct rp_builtin_metric *builtin = rp_builtin_metric_find(view->name);

    if (view->is_time || (builtin && builtin->is_time))
        return "ms";
    if (builtin && builtin->is_bytes)
        return "bytes";
    return type_of(view) == RP_RATE ? "ratio" : NULL;
}

static double stat_of(const struct rp_view *view, struct rp_stat stat, double elapsed_s)
{
    bool is_sum = stat.kind == RP_STAT_COUNT ||
                  (stat.kind == RP_STAT_RATE && type_of(view) == RP_COUNTER);

    if (!view->total.samples)
        return is_sum ? 0 : NAN;
    return rp_view_stat(view, stat, elapsed_s);
}

static void put_stat(struct rp_json_object *object, const struct rp_view *view, struct rp_stat stat,
                     double elapsed_s)
{
    char name[32];

    rp_stat_format(stat, name, sizeof(name));
    rp_json_put(object, name, rp_json_number(stat_of(view, stat, elapsed_s)));
}

static void put_stats(struct rp_json_object *object, const struct rp_view *view,
                      const struct rp_stat *stats, size_t count, double elapsed_s)
{
    for (size_t i = 0; i < count; i++)
        put_stat(object, view, stats[i], elapsed_s);
}

static const struct rp_stat trend_stats[] = {
    { .kind = RP_STAT_AVG },        { .kind = RP_STAT_MIN },
    { .kind = RP_STAT_MED },        { .kind = RP_STAT_MAX },
    { .kind = RP_STAT_P, .p = 90 }, { .kind = RP_STAT_P, .p = 95 },
    { .kind = RP_STAT_P, .p = 99 }, { .kind = RP_STAT_P, .p = 99.9 },
    { .kind = RP_STAT_COUNT },
};
static const struct rp_stat counter_stats[] = { { .kind = RP_STAT_COUNT },
                                                { .kind = RP_STAT_RATE } };
static const struct rp_stat gauge_stats[] = { { .kind = RP_STAT_VALUE },
                                              { .kind = RP_STAT_MIN },
                                              { .kind = RP_STAT_MAX } };
static const struct rp_stat rate_stats[] = { { .kind = RP_STAT_RATE } };

static void put_fraction(struct rp_json_object *object, const struct rp_value *value)
{
    uint64_t hits = value->samples ? value->rate.hits : 0;
    uint64_t total = value->samples ? value->rate.total : 0;

    rp_json_put(object, "passes", rp_json_count(hits));
    rp_json_put(object, "fails", rp_json_count(total - hits));
}

static json_t *metric_json(const struct rp_view *view, const struct rp_plan *plan, double elapsed_s)
{
    struct rp_json_object object = rp_json_object();

    switch (type_of(view)) {
    case RP_TREND:
        put_stats(&object, view, trend_stats, RP_ARRAY_LEN(trend_stats), elapsed_s);
        if (plan) /* one that is there already is only written again */
            put_stats(&object, view, plan->trend_stats, plan->trend_stat_count, elapsed_s);
        break;
    case RP_COUNTER:
        put_stats(&object, view, counter_stats, RP_ARRAY_LEN(counter_stats), elapsed_s);
        break;
    case RP_GAUGE:
        put_stats(&object, view, gauge_stats, RP_ARRAY_LEN(gauge_stats), elapsed_s);
        break;
    case RP_RATE:
        put_stats(&object, view, rate_stats, RP_ARRAY_LEN(rate_stats), elapsed_s);
        put_fraction(&object, &view->total);
        break;
    case RP_METRIC_TYPE_COUNT:
        break;
    }
    return rp_json_take(&object);
}

/* A metric that nobody recorded, and nobody asked about, is not shown. The sub-metric of a
 * threshold is, with nulls. */
static bool is_shown(const struct rp_view *view)
{
    return view->total.samples || view->filter;
}

/* The types stand beside the statistics, which are all numbers. */
static json_t *type_json(const struct rp_view *view)
{
    struct rp_json_object object = rp_json_object();

    rp_json_put(&object, "type", json_string(rp_metric_type_name(type_of(view))));
    rp_json_put(&object, "unit", rp_json_text(unit_of(view)));
    return rp_json_take(&object);
}

static int write_types(struct rp_result_writer *writer)
{
    int r = 0;

    rp_json_open(&writer->document, "types");
    for (size_t i = 0; i < writer->view_count && r == 0; i++)
        if (is_shown(writer->views[i]))
            r = rp_json_member(&writer->document, writer->views[i]->display,
                               type_json(writer->views[i]), RP_JSON_LINE);
    rp_json_close(&writer->document);
    return r;
}

static int write_stats(struct rp_result_writer *writer)
{
    int r = 0;

    rp_json_open(&writer->document, "metrics");
    for (size_t i = 0; i < writer->view_count && r == 0; i++) {
        const struct rp_view *view = writer->views[i];

        if (is_shown(view))
            r = rp_json_member(&writer->document, view->display,
                               metric_json(view, writer->result->plan, writer->elapsed_s),
                               RP_JSON_LINE);
    }
    rp_json_close(&writer->document);
    return r;
}

int rp_result_write_metrics(struct rp_result_writer *writer)
{
    int r;

    rp_json_open(&writer->document, "summary");
    r = rp_json_member(&writer->document, "duration", rp_json_number(writer->elapsed_s),
                       RP_JSON_LINE);
    if (r == 0)
        r = write_stats(writer);
    if (r == 0)
        r = write_types(writer);
    if (r == 0)
        r = rp_result_write_requests(writer);
    rp_json_close(&writer->document);
    return r;
}

/* A column of the series: its name, and where its value stands in a point. */
struct column {
    const char *name;
    size_t offset;
};

#define AT(member) offsetof(struct rp_point, member)

/* The columns of a type end with one that has no name. */
static const struct column point_columns[RP_METRIC_TYPE_COUNT][5] = {
    [RP_COUNTER] = { { "sum", AT(counter) } },
    [RP_GAUGE] = { { "last", AT(gauge.last) }, { "min", AT(gauge.min) }, { "max", AT(gauge.max) } },
    [RP_RATE] = { { "passes", AT(rate.hits) }, { "total", AT(rate.total) } },
    [RP_TREND] = { { "avg", AT(trend.avg) },
                   { "min", AT(trend.min) },
                   { "max", AT(trend.max) },
                   { "p(95)", AT(trend.p95) } },
};

static json_t *columns_json(enum rp_metric_type type)
{
    json_t *array = json_array();

    rp_json_push(&array, json_string("start_s"));
    rp_json_push(&array, json_string("length_s"));
    rp_json_push(&array, json_string("samples"));
    for (const struct column *column = point_columns[type]; column->name; column++)
        rp_json_push(&array, json_string(column->name));
    return array;
}

static json_t *point_json(const struct rp_point *point, enum rp_metric_type type)
{
    json_t *array = json_array();

    rp_json_push(&array, rp_json_number((double)point->start / 1e9));
    rp_json_push(&array, rp_json_number((double)point->length / 1e9));
    rp_json_push(&array, rp_json_count(point->samples));
    for (const struct column *column = point_columns[type]; column->name; column++)
        rp_json_push(&array,
                     rp_json_number(*(const double *)((const char *)point + column->offset)));
    return array;
}

static json_t *series_json(const struct rp_view *view, const struct rp_point *points, size_t count)
{
    struct rp_json_object object = rp_json_object();
    json_t *array = json_array();

    rp_json_put(&object, "columns", columns_json(view->type));
    for (size_t i = 0; i < count; i++)
        rp_json_push(&array, point_json(&points[i], view->type));
    rp_json_put(&object, "points", array);
    return rp_json_take(&object);
}

int rp_result_write_series(struct rp_result_writer *writer)
{
    int r = 0;

    rp_json_open(&writer->document, "series");
    for (size_t i = 0; i < writer->view_count && r == 0; i++) {
        const struct rp_view *view = writer->views[i];
        size_t count = 0;
        const struct rp_point *points = rp_store_points(view, &count);

        if (count)
            r = rp_json_member(&writer->document, view->display, series_json(view, points, count),
                               RP_JSON_POINTS);
    }
    rp_json_close(&writer->document);
    return r;
}

static int write_histogram(struct rp_result_writer *writer, const struct rp_view *view)
{
    struct rp_buf raw, text;
    struct rp_json_object object;
    int r;

    rp_buf_init(&raw, SIZE_MAX / 4);
    rp_buf_init(&text, SIZE_MAX / 2);
    r = rp_hist_encode_hdr(&view->total.hist, &raw);
    if (r == 0)
        r = raw.error;
    if (r == 0) {
        rp_base64_append(&text, rp_buf_slice(&raw));
        r = text.error;
    }
    if (r == 0) {
        object = rp_json_object();
        rp_json_put(&object, "encoding",
                    json_string(view->is_time ? "HdrHistogram V2, base64, ns"
                                              : "HdrHistogram V2, base64, 2^-20"));
        rp_json_put(&object, "data", json_stringn(rp_buf_str(&text), text.len));
        rp_json_put(&object, "buckets", rp_result_buckets_json(&view->total.hist, view->is_time));
        r = rp_json_member(&writer->document, view->display, rp_json_take(&object), RP_JSON_LINE);
    }
    rp_buf_deinit(&raw);
    rp_buf_deinit(&text);
    return r;
}

int rp_result_write_histograms(struct rp_result_writer *writer)
{
    int r = 0;

    rp_json_open(&writer->document, "histograms");
    for (size_t i = 0; i < writer->view_count && r == 0; i++) {
        const struct rp_view *view = writer->views[i];

        if (view->type == RP_TREND && view->total.samples)
            r = write_histogram(writer, view);
    }
    rp_json_close(&writer->document);
    return r;
}

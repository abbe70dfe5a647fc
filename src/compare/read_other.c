/* SPDX-License-Identifier: MIT */
#include "compare/run_file.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "plan/metrics.h"

enum { GROUPS_MAX = 64 /* in each other */ };

/*
 * Results of other programs, which are summaries without a course in time: those of k6, and those
 * of the Python package rampa 0.0. Neither says more of a metric's type than its statistics do,
 * but for k6's handleSummary().
 */

/* ---- a metric by its statistics -------------------------------------------------------------- */

/* Of "http_req_duration{status:200}" the table of metrics knows what stands before the brace. */
static const struct rp_builtin_metric *builtin_of(const char *name)
{
    for (size_t i = 0; i < RP_BUILTIN_COUNT; i++) {
        size_t length = strlen(rp_builtin_metrics[i].name);

        if (strncmp(rp_builtin_metrics[i].name, name, length) == 0 &&
            (!name[length] || name[length] == '{'))
            return &rp_builtin_metrics[i];
    }
    return NULL;
}

static int take_metric(struct rp_run_file *file, const char *name, const json_t *values)
{
    const struct rp_builtin_metric *builtin = builtin_of(name);
    bool is_trend = json_object_get(values, "med"), is_rate = json_object_get(values, "passes");
    struct rp_subject *subject;

    if (!is_trend && !is_rate && !json_object_get(values, "count"))
        return 0; /* a gauge, or nothing that is known */
    subject = rp_run_file_add(file, RP_SUBJECT_METRIC,
                              is_trend  ? RP_TREND
                              : is_rate ? RP_RATE
                                        : RP_COUNTER,
                              name);
    if (!subject)
        return -ENOMEM;
    subject->unit = builtin && builtin->is_time    ? RP_IN_MS
                    : builtin && builtin->is_bytes ? RP_IN_BYTES
                                                   : RP_IN_NUMBERS;
    subject->stats[RP_RUN_MED] = rp_run_number(values, "med");
    subject->stats[RP_RUN_P95] = rp_run_number(values, "p(95)");
    subject->stats[RP_RUN_P99] = rp_run_number(values, "p(99)");
    subject->stats[RP_RUN_RATE] = rp_run_number(values, "rate");
    if (is_rate && isnan(subject->stats[RP_RUN_RATE])) /* --summary-export */
        subject->stats[RP_RUN_RATE] = rp_run_number(values, "value");
    subject->count = is_rate ? rp_run_number(values, "passes") + rp_run_number(values, "fails")
                             : rp_run_number(values, "count");
    /* Built-in metrics without a sample stand there with zeros. */
    if ((is_trend || is_rate) && subject->count == 0)
        file->subject_count--;
    return 0;
}

/* ---- the reference --------------------------------------------------------------------------- */

int rp_run_file_take_reference(struct rp_run_file *file)
{
    json_t *metrics = json_object_get(json_object_get(file->root, "summary"), "metrics"), *values;
    const json_t *thresholds = json_object_get(file->root, "thresholds");
    const char *name;
    int r = 0;

    json_object_foreach(metrics, name, values)
    {
        r = r < 0 ? r : take_metric(file, name, values);
    }
    for (size_t i = 0; r == 0 && i < json_array_size(thresholds); i++) {
        const json_t *item = json_array_get(thresholds, i);
        const char *source = json_string_value(json_object_get(item, "source"));

        /* It does not say of which metric. */
        if (source)
            r = rp_run_file_add_threshold(
                file,
                (struct rp_run_threshold){ .metric = "",
                                           .expression = source,
                                           .passed = json_is_true(json_object_get(item, "passed")),
                                           .actual = rp_run_number(item, "lhs") });
    }
    return r;
}

/* ---- k6 -------------------------------------------------------------------------------------- */

/* handleSummary() has { "EXPRESSION": { "ok": true } }. --summary-export has { "EXPRESSION": false
 * }, which says that the threshold was not crossed. */
static int take_k6_thresholds(struct rp_run_file *file, const char *metric, json_t *thresholds)
{
    const char *expression;
    json_t *value;
    int r = 0;

    json_object_foreach(thresholds, expression, value)
    {
        const json_t *ok = json_is_object(value) ? json_object_get(value, "ok") : value;
        bool passed = json_is_object(value) ? json_is_true(ok) : json_is_false(ok);

        if (r == 0)
            r = rp_run_file_add_threshold(
                file, (struct rp_run_threshold){ .metric = metric,
                                                 .expression = expression,
                                                 .passed = json_is_boolean(ok) ? passed : -1,
                                                 .actual = NAN });
    }
    return r;
}

static int take_k6_group(struct rp_run_file *file, const json_t *group, unsigned depth);

/* An item of the checks or groups of @group. */
static int take_k6_item(struct rp_run_file *file, const json_t *group, const json_t *item,
                        bool is_group, unsigned depth)
{
    const char *path = json_string_value(json_object_get(group, "path"));

    if (is_group)
        return depth < GROUPS_MAX ? take_k6_group(file, item, depth + 1) : 0;
    return rp_run_file_add_check(file, path ? path : "", item);
}

/* Groups and checks are lists in handleSummary(), and objects by name in --summary-export. */
static int take_k6_list(struct rp_run_file *file, const json_t *group, const char *key,
                        unsigned depth)
{
    json_t *list = json_object_get(group, key), *item;
    bool is_group = strcmp(key, "groups") == 0;
    const char *name;
    int r = 0;

    for (size_t i = 0; r == 0 && i < json_array_size(list); i++)
        r = take_k6_item(file, group, json_array_get(list, i), is_group, depth);
    json_object_foreach(list, name, item)
    {
        r = r < 0 ? r : take_k6_item(file, group, item, is_group, depth);
    }
    return r;
}

static int take_k6_group(struct rp_run_file *file, const json_t *group, unsigned depth)
{
    int r = take_k6_list(file, group, "checks", depth);

    return r < 0 ? r : take_k6_list(file, group, "groups", depth);
}

int rp_run_file_take_k6(struct rp_run_file *file)
{
    const char *name;
    json_t *metric;
    int r = 0;

    json_object_foreach(json_object_get(file->root, "metrics"), name, metric)
    {
        const json_t *values = json_object_get(metric, "values");

        if (r == 0)
            r = take_metric(file, name, values ? values : metric);
        if (r == 0)
            r = take_k6_thresholds(file, name, json_object_get(metric, "thresholds"));
    }
    return r < 0 ? r : take_k6_group(file, json_object_get(file->root, "root_group"), 0);
}

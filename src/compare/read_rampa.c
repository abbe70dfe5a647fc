/* SPDX-License-Identifier: MIT */
#include "compare/run_file.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "compare/spread.h"

/* Result files of ours: docs/result.md. A member that is absent or strange is as one without
 * samples, because files are edited and cut down by tools. */

/* ---- the course of the run ------------------------------------------------------------------- */

static double length_of_run(const struct rp_run_file *file)
{
    const json_t *run = json_object_get(file->root, "run");
    double elapsed = rp_run_number(run, "elapsed_s"), paused = rp_run_number(run, "paused_s");

    return elapsed + (isnan(paused) ? 0 : paused);
}

/* Room for the points of a list. False: there are none, or no memory (*ret_error). */
static bool make_points(struct rp_track *track, const json_t *list, double length, int *ret_error)
{
    size_t count = json_array_size(list);

    if (!count || !(length > 0))
        return false;
    track->points = rp_calloc(count, sizeof(*track->points));
    if (!track->points)
        *ret_error = -ENOMEM;
    return track->points;
}

static void end_points(struct rp_track *track, double length, double width)
{
    double cells = width > 0 ? floor(length / width + 0.5) : 0;

    track->cells = cells >= 1 ? (size_t)fmin(cells, RP_SPREAD_CELLS_MAX) : 0;
}

/* The sum of a histogram, a value being the middle of its bucket. */
static void add_up(const json_t *buckets, struct rp_track_point *point)
{
    for (size_t i = 0; i < json_array_size(buckets); i++) {
        const json_t *item = json_array_get(buckets, i);
        double low = json_number_value(json_array_get(item, 0));
        double high = json_number_value(json_array_get(item, 1));
        double count = json_number_value(json_array_get(item, 2));

        point->per += count;
        point->sum += count * (low + high) / 2;
    }
}

/* The histograms of intervals. Those of setup() and teardown() have no start. */
static int take_intervals(const struct rp_run_file *file, const json_t *intervals,
                          struct rp_track *track)
{
    double length = length_of_run(file), widest = 0;
    int r = 0;

    if (!make_points(track, intervals, length, &r))
        return r;
    for (size_t i = 0; i < json_array_size(intervals); i++) {
        const json_t *interval = json_array_get(intervals, i);
        const json_t *buckets = json_object_get(interval, "buckets");
        double start = rp_run_number(interval, "start_s");
        double width = rp_run_number(interval, "length_s");

        if (isnan(start) || isnan(width) || !json_is_array(buckets))
            continue;
        track->points[track->count] = (struct rp_track_point){ .at = (start + width / 2) / length,
                                                               .buckets = buckets };
        add_up(buckets, &track->points[track->count++]);
        widest = fmax(widest, width);
    }
    track->has_buckets = track->count;
    end_points(track, length, widest);
    return 0;
}

/* The place of a column in the points of a series; the first three have no names of their own. */
static size_t column_of(const json_t *series, const char *name)
{
    const json_t *columns = json_object_get(series, "columns");

    for (size_t i = 0; i < json_array_size(columns); i++) {
        const char *text = json_string_value(json_array_get(columns, i));

        if (text && strcmp(text, name) == 0)
            return i;
    }
    return SIZE_MAX;
}

static int take_series(const struct rp_run_file *file, const char *name, struct rp_subject *subject)
{
    const json_t *series = json_object_get(json_object_get(file->root, "series"), name);
    const json_t *points = json_object_get(series, "points");
    const char *sum_name = subject->type == RP_COUNTER ? "sum"
                           : subject->type == RP_RATE  ? "passes"
                                                       : "avg";
    size_t sum = column_of(series, sum_name);
    size_t per = column_of(series, subject->type == RP_RATE ? "total" : "samples");
    size_t start = column_of(series, "start_s"), width = column_of(series, "length_s");
    struct rp_track *track = &subject->track;
    double length = length_of_run(file), widest = 0;
    int r = 0;

    track->is_per_time = subject->type == RP_COUNTER;
    if (!make_points(track, points, length, &r))
        return r;
    for (size_t i = 0; i < json_array_size(points); i++) {
        const json_t *point = json_array_get(points, i);
        double wide = json_number_value(json_array_get(point, width));
        struct rp_track_point made = {
            .at = (json_number_value(json_array_get(point, start)) + wide / 2) / length,
            .sum = json_number_value(json_array_get(point, sum)),
            .per = json_number_value(json_array_get(point, per)),
        };

        if (subject->type == RP_TREND)
            made.sum *= made.per;
        track->points[track->count++] = made;
        widest = fmax(widest, wide);
    }
    end_points(track, length, widest);
    return 0;
}

/* ---- metrics --------------------------------------------------------------------------------- */

static void take_trend(const json_t *values, struct rp_subject *subject)
{
    subject->stats[RP_RUN_MED] = rp_run_number(values, "med");
    subject->stats[RP_RUN_P95] = rp_run_number(values, "p(95)");
    subject->stats[RP_RUN_P99] = rp_run_number(values, "p(99)");
    subject->count = rp_run_number(values, "count");
}

static int take_metric(struct rp_run_file *file, const char *name, const json_t *values)
{
    const json_t *root = file->root, *summary = json_object_get(root, "summary");
    const json_t *kind = json_object_get(json_object_get(summary, "types"), name);
    const char *type = json_string_value(json_object_get(kind, "type"));
    const char *unit = json_string_value(json_object_get(kind, "unit"));
    struct rp_subject *subject;
    enum rp_metric_type number = RP_COUNTER;

    while (number < RP_METRIC_TYPE_COUNT && strcmp(rp_metric_type_name(number), type ? type : ""))
        number++;
    if (number == RP_METRIC_TYPE_COUNT || number == RP_GAUGE)
        return 0;
    subject = rp_run_file_add(file, RP_SUBJECT_METRIC, number, name);
    if (!subject)
        return -ENOMEM;
    subject->unit = !unit                        ? RP_IN_NUMBERS
                    : strcmp(unit, "ms") == 0    ? RP_IN_MS
                    : strcmp(unit, "bytes") == 0 ? RP_IN_BYTES
                                                 : RP_IN_NUMBERS;
    if (number == RP_TREND) {
        const json_t *intervals = json_object_get(root, "intervals");
        const char *metric = json_string_value(json_object_get(intervals, "metric"));

        take_trend(values, subject);
        subject->buckets = json_object_get(
            json_object_get(json_object_get(root, "histograms"), name), "buckets");
        if (metric && strcmp(metric, name) == 0)
            return take_intervals(file, json_object_get(intervals, "all"), &subject->track);
    } else {
        subject->stats[RP_RUN_RATE] = rp_run_number(values, "rate");
        subject->count = number == RP_COUNTER
                             ? rp_run_number(values, "count")
                             : rp_run_number(values, "passes") + rp_run_number(values, "fails");
    }
    return take_series(file, name, subject);
}

/* ---- requests, checks, thresholds ------------------------------------------------------------ */

static const json_t *intervals_of(const struct rp_run_file *file, const char *name)
{
    const json_t *list = json_object_get(json_object_get(file->root, "intervals"), "requests");

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        const char *own = json_string_value(json_object_get(item, "name"));

        if (own && strcmp(own, name) == 0)
            return json_object_get(item, "intervals");
    }
    return NULL;
}

static int take_request(struct rp_run_file *file, const json_t *request)
{
    const char *name = json_string_value(json_object_get(request, "name"));
    double count = rp_run_number(request, "count"), failed = rp_run_number(request, "failed");
    struct rp_subject *subject;

    if (!name || !(count > 0))
        return 0;
    subject = rp_run_file_add(file, RP_SUBJECT_REQUEST, RP_RATE, name);
    if (!subject)
        return -ENOMEM;
    subject->stats[RP_RUN_RATE] = failed / count;
    subject->count = count;
    subject = rp_run_file_add(file, RP_SUBJECT_REQUEST, RP_TREND, name);
    if (!subject)
        return -ENOMEM;
    subject->unit = RP_IN_MS;
    take_trend(json_object_get(request, "duration"), subject);
    subject->buckets = json_object_get(request, "buckets");
    return take_intervals(file, intervals_of(file, name), &subject->track);
}

static int take_check(struct rp_run_file *file, const json_t *check)
{
    const char *group = json_string_value(json_object_get(check, "group"));

    return rp_run_file_add_check(file, group ? group : "", check);
}

static int take_threshold(struct rp_run_file *file, const json_t *threshold)
{
    const char *metric = json_string_value(json_object_get(threshold, "metric"));
    const char *expression = json_string_value(json_object_get(threshold, "expression"));
    const json_t *passed = json_object_get(threshold, "passed");

    if (!metric || !expression)
        return 0;
    return rp_run_file_add_threshold(
        file, (struct rp_run_threshold){ .metric = metric,
                                         .expression = expression,
                                         .passed = json_is_true(passed)    ? 1
                                                   : json_is_false(passed) ? 0
                                                                           : -1,
                                         .actual = rp_run_number(threshold, "actual") });
}

static int take_list(struct rp_run_file *file, const json_t *list,
                     int (*take)(struct rp_run_file *, const json_t *))
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < json_array_size(list); i++)
        r = take(file, json_array_get(list, i));
    return r;
}

int rp_run_file_take_rampa(struct rp_run_file *file)
{
    json_t *summary = json_object_get(file->root, "summary"), *values;
    const char *name;
    int r = 0;

    json_object_foreach(json_object_get(summary, "metrics"), name, values)
    {
        r = r < 0 ? r : take_metric(file, name, values);
    }
    if (r == 0)
        r = take_list(file, json_object_get(summary, "requests"), take_request);
    if (r == 0)
        r = take_list(file, json_object_get(file->root, "checks"), take_check);
    if (r == 0)
        r = take_list(file, json_object_get(file->root, "thresholds"), take_threshold);
    return r;
}

/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * stats/store.h - where the coordinator merges what workers send, and what summary, thresholds and
 * results read.
 *
 * A view is a metric, or a sub-metric: the series of a metric whose tags equal all those of a
 * filter {k:v,...}. The delta of a series is added to every view that the series belongs to. So
 * views are exact sums, whatever the number of workers. A view also keeps what came since the last
 * tick; rp_store_tick() makes of that one point of the view's bounded time series.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"
#include "base/time.h"
#include "stats/value.h"

struct rp_store;

/* A series of the run: what all workers record with equal metric and tags. */
struct rp_store_series {
    uint32_t id; /* dense from 0, in order of definition */
    enum rp_metric_type type;
    bool is_time; /* of the metric: what its values are in, see stats/value.h */
    const char *metric;
    size_t tag_count;
    const char *const (*tags)[2]; /* sorted by key */
};

struct rp_filter { /* the tags a sub-metric asks for */
    size_t count;
    struct {
        char *key, *value;
    } * pairs; /* owned by whoever owns the filter */
};

struct rp_view {
    const char *name;    /* metric's name */
    const char *display; /* "http_req_duration{status:200}"; equal to name for the metric itself */
    enum rp_metric_type type;
    bool is_time;
    const struct rp_filter *filter; /* NULL for the metric itself */
    struct rp_value total;          /* since the start */
    struct rp_value second;         /* since the last tick */
    struct rp_sum counted;          /* of a counter: the part of the total that was not set aside */
};

/* What a counter has counted in the time of the executors: its total without what setup() and
 * teardown() have counted. It is a sum of its own, because a difference of two rounded sums would
 * lose what is small. */
static inline double rp_view_counted(const struct rp_view *view)
{
    return rp_sum_read(&view->counted);
}
/* A statistic of all that the view got, as rp_value_stat(). But the rate of a counter is what it
 * has counted in the time of the executors, of which @elapsed_s is the length: numerator and
 * denominator are of one span. */
double rp_view_stat(const struct rp_view *view, struct rp_stat stat, double elapsed_s);

RP_NODISCARD int rp_store_new(struct rp_store **ret);
void rp_store_free(struct rp_store *store);

/* Finds or makes the view of a metric. -RP_EUSER when the metric has another type or unit
 * already. */
RP_NODISCARD int rp_store_metric(struct rp_store *store, const char *name, enum rp_metric_type type,
                                 bool is_time, struct rp_view **ret, struct rp_error *err);
/* Finds or makes the view of a sub-metric. A view that has @display already is returned as it is.
 * @filter is copied. The metric need not exist yet: the type of the view is set when the first
 * series of the metric is defined, and until then total.samples is 0. -EINVAL once a series of the
 * metric is defined, whose samples the view would miss. */
RP_NODISCARD int rp_store_submetric(struct rp_store *store, const char *name,
                                    const struct rp_filter *filter, const char *display,
                                    struct rp_view **ret);

/* From now on the gauge @name, whose view exists, is the sum of the workers' last values. At a tick
 * it gets one sample, if a worker has told a new value since the last tick; retired gauges are left
 * out. -EINVAL when @name is no gauge or has series already. */
RP_NODISCARD int rp_store_sum_gauge(struct rp_store *store, const char *name);
/* Retires the gauges of @worker, or with a @name that one only: they count in no sum any more. */
void rp_store_retire(struct rp_store *store, uint32_t worker, const char *name);

/* Says what @worker means by the number @series: a metric with @tag_count tags, in any order. The
 * numbers of a worker are small and dense; they may come in any order. -EINVAL for a number that is
 * defined already or absurdly large, and for a key that is given twice. */
RP_NODISCARD int rp_store_define(struct rp_store *store, uint32_t worker, uint32_t series,
                                 const char *metric, enum rp_metric_type type, bool is_time,
                                 const struct rp_slice (*tags)[2], size_t tag_count,
                                 struct rp_error *err);
/* Whether what comes from now on is set aside: it was recorded beside the time of the executors, by
 * setup() and teardown(). It counts in totals, and is in no rate of a counter and in no point of a
 * view's time series, which would show it in a second in which it did not happen. */
void rp_store_set_aside(struct rp_store *store, bool is_aside);
/* Adds @delta to the series and to its views. -EINVAL for an undefined series or another type. On
 * failure nothing is added anywhere. */
RP_NODISCARD int rp_store_apply(struct rp_store *store, uint32_t worker, uint32_t series,
                                const struct rp_value *delta);
/* The series of the run to which a series of @worker belongs; lives as long as the store. NULL when
 * it is undefined. */
const struct rp_store_series *rp_store_series(const struct rp_store *store, uint32_t worker,
                                              uint32_t series);
/* Whether all deltas of a series of @worker add up exactly to @total, which the worker tells at its
 * end. The deltas of an undefined series add up to nothing. */
bool rp_store_verify(const struct rp_store *store, uint32_t worker, uint32_t series,
                     const struct rp_value *total);

/* The sum of all samples that @worker has recorded in the series of a trend, as stored
 * (stats/value.h): times in ns. 0 without any. */
double rp_store_sum_of(const struct rp_store *store, uint32_t worker, const char *metric);

size_t rp_store_view_count(const struct rp_store *store);
struct rp_view *rp_store_view_at(struct rp_store *store, size_t i); /* in order of creation */
struct rp_view *rp_store_view(struct rp_store *store, const char *display); /* or NULL */

/* Calls @fn for each series of @metric (NULL = of all metrics) with what all workers have recorded
 * in it, in the order of the ids. The last value of a gauge is the one that arrived last. */
typedef void rp_store_series_fn(void *user, const struct rp_store_series *series,
                                const struct rp_value *total);
RP_NODISCARD int rp_store_each_series(const struct rp_store *store, const char *metric,
                                      rp_store_series_fn *fn, void *user);

/* What a series has got in one interval. */
struct rp_store_change {
    const struct rp_store_series *series;
    const struct rp_value *delta; /* never empty */
};
/* One interval: all series that got samples in it, in the order of their ids. @changes is borrowed
 * until the function returns; the series live as long as the store. */
typedef void rp_store_interval_fn(void *user, rp_ns start, rp_ns length,
                                  const struct rp_store_change *changes, size_t count);
/* From now on each rp_store_tick() calls @fn, when nothing can fail in it any more. Each delta is
 * in exactly one interval, and the intervals of a series add up to its total. Without @fn
 * nothing is kept by series, and nothing costs more. @fn may read the store but not change it.
 * -EINVAL once a series is defined, whose samples would be missing. */
RP_NODISCARD int rp_store_keep_intervals(struct rp_store *store, rp_store_interval_fn *fn,
                                         void *user);

/* Ends the running interval at @at, in ns since the start of the run. Each view that got samples in
 * the interval gets a point in its time series, and its `second` is emptied. What came in an
 * interval of no length belongs to the point before it, or, at the very start, to the next one.
 * -EINVAL when @at is before the end of the last interval. -ENOMEM changes nothing.
 *
 * At least the newest RP_STORE_FINE_POINTS points cover one interval each. Before them stand points
 * that cover 2, 4, 8, ... intervals, at least RP_STORE_COARSE_POINTS of each kind: a day of seconds
 * has at most 3,600 points. A point takes 64 bytes.
 *
 * The merged points are exact, except for p95, which is the largest p95 of the merged intervals, so
 * that a spike stays visible. It is not the p95 of all their samples: seldom below that, often
 * above. */
enum {
    RP_STORE_FINE_POINTS = 600,
    RP_STORE_COARSE_POINTS = 300,
    RP_STORE_POINTS = 9400, /* at most, after 300 years of seconds */
};
struct rp_point {
    rp_ns start, length;
    uint64_t samples;
    /* What the samples come to, by the type of the view. */
    union {
        double counter; /* the sum */
        struct {
            double last, min, max;
        } gauge;
        struct {
            double hits, total; /* whole numbers */
        } rate;
        struct {
            double avg, min, max, p95; /* in the border's unit */
            double sum;                /* private: as stored, stats/value.h */
        } trend;
    };
};
RP_NODISCARD int rp_store_tick(struct rp_store *store, rp_ns at);
/* The points of a view; borrowed until the next tick. */
const struct rp_point *rp_store_points(const struct rp_view *view, size_t *ret_count);
/* How many of them, the newest, cover one interval each. */
size_t rp_store_fine_points(const struct rp_view *view);

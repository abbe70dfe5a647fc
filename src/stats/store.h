/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * stats/store.h - where the coordinator merges what workers send, and what summary, thresholds and
 * results read.
 *
 * A view is a metric, or a sub-metric: a metric with a filter {k:v,...} that all must equal. A
 * delta of a series is added to every view that it belongs to, so views are exact sums whatever the
 * number of workers. Views also keep the running second, from which rp_store_tick() appends one
 * point to the bounded time series.
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
};

/* A statistic of all that the view got, as rp_value_stat(). */
static inline double rp_view_stat(const struct rp_view *view, struct rp_stat stat, double elapsed_s)
{
    return rp_value_stat(&view->total, view->is_time, stat, elapsed_s);
}

RP_NODISCARD int rp_store_new(struct rp_store **ret);
void rp_store_free(struct rp_store *store);

/* A metric's view; made when new. Same name with another type: -RP_EUSER. */
RP_NODISCARD int rp_store_metric(struct rp_store *store, const char *name, enum rp_metric_type type,
                                 bool is_time, struct rp_view **ret, struct rp_error *err);
/* A sub-metric's view; the metric need not exist yet (type is then set when its first series is
 * defined; until then total.samples is 0). @filter is copied. The view that has @display already is
 * returned as it is. -EINVAL once a series of the metric is defined, for it would miss samples. */
RP_NODISCARD int rp_store_submetric(struct rp_store *store, const char *name,
                                    const struct rp_filter *filter, const char *display,
                                    struct rp_view **ret);

/* The gauge @name (a view that exists) is the sum of the workers' last values: a sample a tick, of
 * those that are not retired, when one of them has a new value. -EINVAL when it is none, or has
 * series already. */
RP_NODISCARD int rp_store_sum_gauge(struct rp_store *store, const char *name);
/* The gauges of @worker (only @name, unless NULL) count in no sum any more. */
void rp_store_retire(struct rp_store *store, uint32_t worker, const char *name);

/* Series @series of worker @worker: which metric, which tags (@tag_count pairs, in any order). Ids
 * are small numbers, dense per worker, in any order; -EINVAL for one that is defined already or
 * absurd, and for a key given twice. */
RP_NODISCARD int rp_store_define(struct rp_store *store, uint32_t worker, uint32_t series,
                                 const char *metric, enum rp_metric_type type, bool is_time,
                                 const struct rp_slice (*tags)[2], size_t tag_count,
                                 struct rp_error *err);
/* Adds @delta to the series and to its views. -EINVAL for an undefined series or another type. On
 * failure nothing is added anywhere. */
RP_NODISCARD int rp_store_apply(struct rp_store *store, uint32_t worker, uint32_t series,
                                const struct rp_value *delta);
/* What the series of the worker is part of; lives as long as the store. NULL for an undefined
 * one. */
const struct rp_store_series *rp_store_series(const struct rp_store *store, uint32_t worker,
                                              uint32_t series);
/* Whether the sum of the deltas of a series equals @total exactly (what the worker says at its
 * end). An undefined series has the sum nothing. */
bool rp_store_verify(const struct rp_store *store, uint32_t worker, uint32_t series,
                     const struct rp_value *total);

size_t rp_store_view_count(const struct rp_store *store);
struct rp_view *rp_store_view_at(struct rp_store *store, size_t i); /* in order of creation */
struct rp_view *rp_store_view(struct rp_store *store, const char *display); /* or NULL */

/* What the workers have recorded in each series, merged: for checks by name, errors by kind. In
 * order of the ids. @metric NULL = all. A gauge's last value is that which arrived last. */
typedef void rp_store_series_fn(void *user, const struct rp_store_series *series,
                                const struct rp_value *total);
RP_NODISCARD int rp_store_each_series(const struct rp_store *store, const char *metric,
                                      rp_store_series_fn *fn, void *user);

/* What a series has got in one interval. */
struct rp_store_change {
    const struct rp_store_series *series;
    const struct rp_value *delta; /* never empty */
};
/* One interval: every series that got samples in it, in order of the ids. All borrowed until @fn
 * returns, but for the series. */
typedef void rp_store_interval_fn(void *user, rp_ns start, rp_ns length,
                                  const struct rp_store_change *changes, size_t count);
/* Calls @fn in each rp_store_tick() from now on, at which nothing can fail any more: each delta is
 * in one interval, and the intervals of a series add up to its total. (Sums of a counter with
 * fractions may differ in their last bits, for they depend on the order.) Without @fn nothing is
 * kept by series and nothing costs more. -EINVAL once a series is defined, for it would miss
 * samples. @fn must not use the store but to read. */
RP_NODISCARD int rp_store_keep_intervals(struct rp_store *store, rp_store_interval_fn *fn,
                                         void *user);

/* Ends the running interval at @at (ns since the run's start; -EINVAL before the last one's end):
 * appends a point to the time series of each view that got samples in it, and empties its second.
 * What an interval of no length got is part of the point before it; at the very start, of the next
 * one. The newest points, RP_STORE_FINE_POINTS at least, cover an interval each; before them stand
 * at least RP_STORE_COARSE_POINTS each that cover 2, 4, 8, ...: a day of seconds has 3,600 points
 * at most. A point takes 88 bytes. Merged points are exact, sums and means too, but for p95, which
 * is that of the worst of their intervals, so that a spike stays visible: it is not the p95 of all
 * their samples, which is seldom above it and often below. -ENOMEM changes nothing. */
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
            __int128 sum;              /* private: as in the histogram */
        } trend;
    };
};
RP_NODISCARD int rp_store_tick(struct rp_store *store, rp_ns at);
/* The points of a view; borrowed until the next tick. */
const struct rp_point *rp_store_points(const struct rp_view *view, size_t *ret_count);

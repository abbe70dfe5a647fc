/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * stats/store_internal.h - what store.c (series, merging), store_views.c, store_points.c (time series) and
 * store_intervals.c (the running interval by series) share.
 */

#include "stats/store.h"
#include "stats/table.h"

/* Points of the last one cover 2^24 intervals: seconds of half a year. */
enum { STORE_LEVELS = 25 };

struct store_view {
    struct rp_view view;
    struct rp_filter filter;
    bool has_series; /* of the metric's own view */
    bool is_summed;  /* of the metric's own view: see rp_store_sum_gauge() */
    bool has_new;    /* of a view whose metric is: something to add up */

    /* store_points.c. The oldest first; of each level, how many. */
    struct rp_point *points;
    uint64_t *intervals; /* of each point, the number of its first interval */
    size_t point_count, point_cap;
    size_t levels[STORE_LEVELS];
};

/* What one worker records of a series. */
struct store_part {
    struct store_series *series;
    struct store_part *next; /* of the series */
    struct rp_value total;
    bool is_retired;
};

struct store_series {
    struct rp_store_series series;
    struct store_view *metric;
    struct store_view **views; /* the metric's and the sub-metrics' */
    size_t view_count;
    struct store_part *first, **last;
    const struct store_part *latest; /* that got a delta; NULL: none did */
    struct rp_value *interval;       /* since the last tick; NULL when nobody wants to know */
    bool has_new;                    /* of a summed gauge: since then */
    char *text;                      /* the tags' */
    const char *tags[][2];
};

struct store_worker {
    struct store_part **parts; /* by the worker's number of the series, NULL where undefined */
    size_t count, cap;
};

struct rp_store {
    struct rp_stats_table views_by_display, series_by_tags;
    struct store_view **views;
    size_t view_count, view_cap;
    struct store_series **series; /* by id */
    size_t series_count, series_cap;
    struct store_worker *workers; /* by number */
    size_t worker_count, worker_cap;
    rp_ns last_tick;
    uint64_t interval_count;           /* intervals of some length that have ended */
    rp_store_interval_fn *interval_fn; /* or NULL */
    void *interval_user;
    struct rp_store_change
        *changes; /* room for one of each series, when there is such a function */
    size_t change_cap;
};

/* Samples the gauges that are sums. */
void rp_store_add_up_gauges(struct rp_store *store);

/* store_intervals.c. Before the series becomes one of the store's: what its intervals will need. -ENOMEM. */
RP_NODISCARD int rp_store_prepare_interval(struct rp_store *store, struct store_series *series);
/* Tells of the interval that ends at @at, and begins another one. */
void rp_store_tell_interval(struct rp_store *store, rp_ns at);

void rp_store_view_free(struct store_view *view); /* half-built too; NULL allowed */

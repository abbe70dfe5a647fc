/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * stats/store_internal.h - what store.c (series, merging), store_views.c and store_points.c (time series) share.
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

struct rp_store {
    struct rp_stats_table views_by_display, groups_by_parts;
    struct store_view **views;
    size_t view_count, view_cap;
    struct store_group **groups; /* distinct (metric, tags), in order of definition */
    size_t group_count, group_cap;
    struct store_worker *workers; /* by number */
    size_t worker_count, worker_cap;
    rp_ns last_tick;
    uint64_t interval_count; /* intervals of some length that have ended */
};

/* Samples the gauges that are sums. */
void rp_store_add_up_gauges(struct rp_store *store);

void rp_store_view_free(struct store_view *view); /* half-built too; NULL allowed */

/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * stats/stats_internal.h - what only the files of this room see: the numbering of a histogram's
 * buckets, the inside of the registry, the inside of the store.
 */

#include <stdint.h>

#include "base/compiler.h"
#include "stats/hist.h"
#include "stats/registry.h"
#include "stats/store.h"
#include "stats/table.h"

/* ---- histograms: the numbering of buckets ---------------------------------------------------- */

enum {
    RP_HIST_FIRST_BUCKET = 1 << 10,  /* of the smallest normal double */
    RP_HIST_END_BUCKET = 0x7ff << 10 /* of infinity */
};

/* @magnitude >= 0. Below RP_HIST_FIRST_BUCKET for what counts as zero. */
static inline uint32_t rp_hist_bucket_of(double magnitude)
{
    uint64_t bits;

    __builtin_memcpy(&bits, &magnitude, sizeof(bits));
    return (uint32_t)(bits >> 42);
}

/* The smallest magnitude in the bucket; infinity for RP_HIST_END_BUCKET. */
static inline double rp_hist_bucket_low(uint32_t bucket)
{
    uint64_t bits = (uint64_t)bucket << 42;
    double low;

    __builtin_memcpy(&low, &bits, sizeof(low));
    return low;
}

/* The magnitude that stands for the bucket's samples; @unit as for rp_hist_percentile(). */
double rp_hist_bucket_middle(uint32_t bucket, double unit);

/* ---- the registry ---------------------------------------------------------------------------- */

/* registry.c has metrics, series and the drain; tags.c interns tags. */

struct rp_tag_key; /* tags.c */

struct rp_registry {
    struct rp_registry_limits limits;

    /* tags.c */
    struct rp_stats_table keys, values, sets;
    struct rp_tag_key *first_key, **last_key; /* in order of creation */
    struct rp_tag *scratch;                   /* the set being looked up */
    size_t scratch_cap;
    const struct rp_tags *empty, *overflow;
    uint64_t set_overflows;

    /* registry.c */
    struct rp_stats_table metrics_by_name, series_by_parts;
    struct rp_metric **metrics; /* by id */
    size_t metric_count, metric_cap;
    struct rp_series **series; /* by id */
    size_t series_count, series_cap;
    uint64_t *dirty; /* a bit per series, by id: order without sorting */
    size_t dirty_cap;
    uint32_t drain_count;
    size_t next_to_trim; /* series by id */
    /* fold.c: what histograms take, and will take more when the deltas are added to the totals. */
    size_t hist_bytes, hist_pending;
    struct rp_kept_tag *kept;
    size_t folded;
    const char *folded_key;
    uint32_t folded_values; /* how many values that key has */
    bool is_folding;        /* a set of fewer tags is always made */
    rp_sample_fn *listener; /* or NULL */
    void *listener_user;
};

/* fold.c: adds a sample to the delta of a trend. False when it was ignored or lost. */
bool rp_registry_record_trend(struct rp_series *series, double value);
void rp_registry_mark(struct rp_series *series); /* registry.c: as changed */
void rp_registry_deinit_fold(struct rp_registry *registry);
uint32_t rp_tags_value_count(const struct rp_registry *registry, const char *key);
RP_NODISCARD int rp_registry_init_tags(struct rp_registry *registry);
void rp_registry_deinit_tags(struct rp_registry *registry); /* half-built too */

/* dst += src, which cannot fail: memory was reserved (rp_value_reserve()), or none is needed. */
static inline void rp_value_add_reserved(struct rp_value *dst, const struct rp_value *src)
{
    int r = rp_value_add(dst, src);

    rp_assert(r == 0);
}

/* ---- the store ------------------------------------------------------------------------------- */

/* store.c has series and merging, store_views.c views, store_points.c the time series,
 * store_intervals.c the running interval by series. */

/* A point of the last level covers 2^24 intervals: half a year of seconds. */
enum { STORE_LEVELS = 25 };

struct store_view {
    struct rp_view view;
    struct rp_filter filter;
    struct store_view *next; /* of the same name, in a ring: a metric and its sub-metrics */
    bool has_series;         /* of the metric's own view */
    bool is_summed;          /* of the metric's own view: see rp_store_sum_gauge() */
    bool has_new;            /* of a view whose metric is: something to add up */

    /* store_points.c: the points, the oldest first, and how many there are of each level. */
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
    struct rp_stats_table rings_by_name; /* of the views: one view stands for its ring */
    struct store_view **views;
    size_t view_count, view_cap;
    struct store_series **series; /* by id */
    size_t series_count, series_cap;
    struct store_worker *workers; /* by number */
    size_t worker_count, worker_cap;
    bool is_aside; /* see rp_store_set_aside() */
    rp_ns last_tick;
    uint64_t interval_count;           /* intervals of some length that have ended */
    rp_store_interval_fn *interval_fn; /* or NULL */
    void *interval_user;
    /* With an interval_fn: room for one change of each series. */
    struct rp_store_change *changes;
    size_t change_cap;
};

/* Gives each gauge that is a sum its sample of this tick. */
void rp_store_add_up_gauges(struct rp_store *store);

/* store_intervals.c: makes room for what the intervals of @series will need, before the series
 * becomes one of the store's. -ENOMEM. */
RP_NODISCARD int rp_store_prepare_interval(struct rp_store *store, struct store_series *series);
/* Tells of the interval that ends at @at, and begins another one. */
void rp_store_tell_interval(struct rp_store *store, rp_ns at);

void rp_store_view_free(struct store_view *view); /* half-built too; NULL allowed */

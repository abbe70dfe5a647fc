/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * stats/registry.h - metrics, interned tag sets and the series that a worker records into.
 *
 * A series is one metric with one tag set. Recording a sample is one inline call on the series: no
 * queue, no object, and in steady state no allocation. Each series has two values: its delta, what
 * was recorded since the last drain, and its total, everything before. rp_registry_drain() hands
 * over the deltas of the series that have changed and adds them to the totals.
 *
 * Tag sets are interned: equal sets are the same pointer, which lives as long as the registry.
 * Memory is bounded, however many names a script makes up. A key has at most limits.values_per_key
 * distinct values; any further value becomes RP_TAG_OVERFLOW. There are at most limits.tag_sets
 * sets, the empty set and the next one included; any further set becomes the set { overflow =
 * "true" }. Both are counted for the summary.
 *
 * The histograms of all series take limits.histogram_bytes at most. A trend that would need more
 * counts the sample itself, with sum, minimum and maximum, and folds: the sample goes into the
 * buckets of the series that has the same tags but for those that nobody asks percentiles by. So
 * the percentiles of every sum of series that is asked for stay exact. Those that are asked for are
 * named with rp_registry_keep(); name and status are, as long as there is memory for them.
 *
 * A registry belongs to one thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"
#include "stats/value.h"

#define RP_TAG_OVERFLOW "(overflow)"

struct rp_registry;

struct rp_tag {
    const char *key, *value; /* interned, NUL-terminated */
};

struct rp_tags {    /* immutable */
    uint32_t id;    /* dense from 0; 0 is the empty set */
    uint32_t count; /* sorted by key, keys unique */
    struct rp_tag tag[];
};

struct rp_metric {
    const char *name; /* owned by the registry */
    enum rp_metric_type type;
    bool is_time; /* values are milliseconds at the border */
    uint32_t id;  /* dense from 0 */
};

struct rp_series {
    const struct rp_metric *metric;
    const struct rp_tags *tags;
    uint32_t id; /* dense from 0, in order of creation */
    /* Private. A sample only has to be added to the delta: the series is marked as changed already,
     * and nobody listens to samples. */
    bool is_quick;
    struct rp_registry *registry; /* private */
    struct rp_value delta, total;
    uint32_t last_drain;    /* private */
    struct rp_series *fold; /* private: whose buckets have what this series has no memory for */
};

struct rp_registry_limits {
    uint32_t values_per_key; /* 0 = the default, 1000 */
    uint32_t tag_sets;       /* 0 = the default, 20000 */
    size_t histogram_bytes;  /* 0 = the default, RP_HISTOGRAM_BYTES */
};
enum { RP_HISTOGRAM_BYTES = 64 << 20 };

RP_NODISCARD int rp_registry_new(struct rp_registry_limits limits, struct rp_registry **ret);
void rp_registry_free(struct rp_registry *registry);

/* Declares a metric or finds it. The same name with another type (or unit) is -RP_EUSER; so is a
 * name that rp_metric_name_is_valid() refuses. */
RP_NODISCARD int rp_registry_metric(struct rp_registry *registry, const char *name,
                                    enum rp_metric_type type, bool is_time,
                                    const struct rp_metric **ret, struct rp_error *err);
const struct rp_metric *rp_registry_find(const struct rp_registry *registry,
                                         const char *name); /* or NULL */

const struct rp_tags *rp_tags_empty(struct rp_registry *registry);
enum { RP_TAG_TEXT_MAX = 8192 }; /* bytes of a key or a value */
/* The set @base with @key set to @value. A value that the key has is replaced; with value.ptr NULL
 * the key is removed. A text ends at its first NUL, and after RP_TAG_TEXT_MAX bytes. NULL on
 * -ENOMEM only. A set that exists costs no allocation. */
const struct rp_tags *rp_tags_with(struct rp_registry *registry, const struct rp_tags *base,
                                   struct rp_slice key, struct rp_slice value);
const char *rp_tags_get(const struct rp_tags *tags, const char *key); /* or NULL */

/* Finds or makes the series. NULL on -ENOMEM only. O(1). */
struct rp_series *rp_registry_series(struct rp_registry *registry, const struct rp_metric *metric,
                                     const struct rp_tags *tags);
/* Somebody asks for the percentiles of @metric by @key, such as a threshold. */
RP_NODISCARD int rp_registry_keep(struct rp_registry *registry, const char *metric,
                                  const char *key);
/* How many series have folded samples, and of their tags the one with most values that was folded;
 * NULL when there is none. */
size_t rp_registry_folded(const struct rp_registry *registry, const char **ret_key);
/* Bytes that the histograms of all series take. */
size_t rp_registry_histogram_bytes(const struct rp_registry *registry);
size_t rp_registry_series_count(const struct rp_registry *registry);
struct rp_series *rp_registry_series_at(struct rp_registry *registry, size_t id);

/* Records a sample in a series of any type, quick or not: marks the series as changed, adds the
 * sample (for a rate @value is 1 or 0) and tells the listener. NaN and infinities are ignored. */
void rp_series_record_slow(struct rp_series *series, double value);

/* Counter += amount, a whole number below 2^53: the listener gets it as a double. */
static inline void rp_series_count(struct rp_series *series, int64_t amount)
{
    int64_t whole;

    if (RP_UNLIKELY(!series->is_quick) ||
        RP_UNLIKELY(__builtin_add_overflow(series->delta.counter.whole, amount, &whole))) {
        rp_series_record_slow(series, (double)amount);
        return;
    }
    series->delta.counter.whole = whole;
    series->delta.samples++;
}

/* Counter += amount, or adds a sample to a trend, of any number: its sum is exact too. @value is
 * what rp_trend_stored() gives. NaN and infinities are ignored. */
static inline void rp_series_number(struct rp_series *series, double value)
{
    rp_series_record_slow(series, value);
}

static inline void rp_series_rate(struct rp_series *series, bool hit)
{
    if (RP_UNLIKELY(!series->is_quick)) {
        rp_series_record_slow(series, hit);
        return;
    }
    series->delta.rate.hits += hit;
    series->delta.rate.total++;
    series->delta.samples++;
}

/* Adds a sample to a trend: a whole number of nanoseconds. */
static inline void rp_series_trend(struct rp_series *series, double value)
{
    if (RP_UNLIKELY(!series->is_quick) ||
        RP_UNLIKELY(!rp_hist_record_quick(&series->delta.hist, value))) {
        rp_series_record_slow(series, value);
        return;
    }
    series->delta.samples++;
}

/* NaN and infinities are ignored. */
void rp_series_gauge(struct rp_series *series, double value);

/* From now on calls @fn once for every sample, after it was added. @value is what the recording
 * function was given; for a rate it is 1 or 0. @fn must not record. A sample that was ignored, or
 * lost for want of memory, is not told. @fn NULL: nobody listens any more. Without a listener
 * recording costs nothing more, because the listener is told on the slow path, which a series takes
 * for its first sample of a second anyway. */
typedef void rp_sample_fn(void *user, const struct rp_series *series, double value);
void rp_registry_listen(struct rp_registry *registry, rp_sample_fn *fn, void *user);

/* Calls @fn once for every series that has changed since the last drain, in the order of their ids.
 * Then the delta of the series is added to its total and emptied. @fn must not record.
 *
 * A negative return of @fn ends the drain and is returned; that series and those after it stay
 * changed, and the next drain hands them out. The same holds for -ENOMEM, which is met before @fn
 * sees the series. So no delta is lost or handed out twice.
 *
 * A delta that stays empty for RP_IDLE_DRAINS drains frees the memory of its histogram, half of
 * what the series holds, before twice as many drains have passed. */
enum { RP_IDLE_DRAINS = 60 };
typedef int rp_drain_fn(void *user, const struct rp_series *series);
RP_NODISCARD int rp_registry_drain(struct rp_registry *registry, rp_drain_fn *fn, void *user);

/* What the limits have cut: the @i-th key of which values became RP_TAG_OVERFLOW (NULL past the
 * end), and how many look-ups did so. The key "(tag sets)" stands for the limit of the number of
 * sets. */
const char *rp_registry_overflow(const struct rp_registry *registry, size_t i, uint64_t *ret_times);

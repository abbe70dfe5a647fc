/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * stats/registry.h - metrics, interned tag sets and the series a worker records into.
 *
 * A series is one metric with one tag set. Recording a sample is one inline call on the series: no
 * queue, no object, no allocation in steady state. Each series holds what came since the last drain
 * (delta) and everything (total); rp_registry_drain() hands over the deltas of the series that
 * changed and folds them into the totals.
 *
 * Tag sets are interned: equal sets are the same pointer, which lives as long as the registry. A
 * key may have at most limits.values_per_key distinct values; further ones become RP_TAG_OVERFLOW,
 * and there are at most limits.tag_sets sets (the empty one and the next included), after which new
 * ones fold into the set { overflow = "true" }: memory is bounded whatever a script names its
 * requests. Both are counted for the summary. Belongs to one thread.
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
    /* Private: a sample needs nothing but to be added. The series is marked as changed, and nobody
     * listens to samples. */
    bool is_quick;
    struct rp_registry *registry; /* private */
    struct rp_value delta, total;
    uint32_t last_drain; /* private */
};

struct rp_registry_limits {
    uint32_t values_per_key; /* 0 = the default, 1000 */
    uint32_t tag_sets;       /* 0 = the default, 20000 */
};

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
/* @base with @key set to @value (replaced when present; removed when value.ptr is NULL). Text ends
 * at a NUL. NULL on -ENOMEM only. No allocation for a set that exists. */
const struct rp_tags *rp_tags_with(struct rp_registry *registry, const struct rp_tags *base,
                                   struct rp_slice key, struct rp_slice value);
const char *rp_tags_get(const struct rp_tags *tags, const char *key); /* or NULL */

/* Finds or makes the series. NULL on -ENOMEM only. O(1). */
struct rp_series *rp_registry_series(struct rp_registry *registry, const struct rp_metric *metric,
                                     const struct rp_tags *tags);
size_t rp_registry_series_count(const struct rp_registry *registry);
struct rp_series *rp_registry_series_at(struct rp_registry *registry, size_t id);

/* What is not quick, whatever the type: marks the series as changed, adds the sample (@value of a
 * rate is 1 or 0) and tells the listener. */
void rp_series_record_slow(struct rp_series *series, double value);

/* Counter += amount. NaN and infinities are ignored. */
static inline void rp_series_count(struct rp_series *series, double amount)
{
    if (RP_UNLIKELY(!isfinite(amount)))
        return;
    if (RP_UNLIKELY(!series->is_quick)) {
        rp_series_record_slow(series, amount);
        return;
    }
    series->delta.counter += amount;
    series->delta.samples++;
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

/* Trend: @value as rp_trend_stored() gives it: ns for times. NaN and infinities are ignored. */
static inline void rp_series_trend(struct rp_series *series, double value)
{
    if (RP_UNLIKELY(!series->is_quick)) {
        rp_series_record_slow(series, value);
        return;
    }
    if (RP_UNLIKELY(rp_hist_record(&series->delta.hist, value) < 0))
        return;
    series->delta.samples++;
}

/* NaN and infinities are ignored. */
void rp_series_gauge(struct rp_series *series, double value);

/* Calls @fn for every sample that is recorded from now on, once each, after it was added: @value is
 * what the recording function was given, 1 or 0 for a rate. @fn must not record. What is ignored or
 * lost for want of memory is no sample. NULL: nobody listens any more. Without a listener recording
 * costs nothing more: this is the branch that a series takes for its first sample of a second
 * anyway. */
typedef void rp_sample_fn(void *user, const struct rp_series *series, double value);
void rp_registry_listen(struct rp_registry *registry, rp_sample_fn *fn, void *user);

/* Calls @fn once for every series that changed since the last drain, in order of series id, then
 * folds its delta into its total and empties the delta. @fn must not record. A negative return of
 * @fn stops and is returned; that series and those not yet visited stay dirty, and the next drain
 * hands them out. -ENOMEM (before @fn saw the series) likewise: no delta is ever lost or handed out
 * twice. A delta that stays empty for RP_IDLE_DRAINS drains, and at most twice as many, gives its
 * histogram's memory back, which is half of what its series holds. */
enum { RP_IDLE_DRAINS = 60 };
typedef int rp_drain_fn(void *user, const struct rp_series *series);
RP_NODISCARD int rp_registry_drain(struct rp_registry *registry, rp_drain_fn *fn, void *user);

/* What the limits cut: the @i-th key whose values overflowed (NULL past the end) and how many
 * look-ups fell into the overflow value; key "(tag sets)" for the total bound. */
const char *rp_registry_overflow(const struct rp_registry *registry, size_t i, uint64_t *ret_times);

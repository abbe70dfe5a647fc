/* SPDX-License-Identifier: MIT */
/*
 * Metrics and series. A bitmap by series id says which series have changed since the last drain. So
 * marking a series is one OR, a drain meets the series in order, and what a failed drain has not
 * finished is still marked.
 */
#include "stats/registry.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/text.h"
#include "stats/stats_internal.h"

enum {
    DEFAULT_VALUES_PER_KEY = 1000,
    DEFAULT_TAG_SETS = 20000,
    LEAST_TAG_SETS = 2, /* the empty one and the overflow one */
    WORD_BITS = 64,
};

int rp_registry_new(struct rp_registry_limits limits, struct rp_registry **ret)
{
    struct rp_registry *registry = rp_calloc(1, sizeof(*registry));
    int r;

    if (!registry)
        return -ENOMEM;
    if (!limits.values_per_key)
        limits.values_per_key = DEFAULT_VALUES_PER_KEY;
    if (!limits.tag_sets)
        limits.tag_sets = DEFAULT_TAG_SETS;
    if (!limits.histogram_bytes)
        limits.histogram_bytes = RP_HISTOGRAM_BYTES;
    if (limits.tag_sets < LEAST_TAG_SETS)
        limits.tag_sets = LEAST_TAG_SETS;
    registry->limits = limits;
    r = rp_registry_init_tags(registry);
    if (r < 0) {
        rp_registry_free(registry);
        return r;
    }
    *ret = registry;
    return 0;
}

void rp_registry_free(struct rp_registry *registry)
{
    if (!registry)
        return;
    for (size_t i = 0; i < registry->series_count; i++) {
        rp_value_deinit(&registry->series[i]->delta);
        rp_value_deinit(&registry->series[i]->total);
        rp_free(registry->series[i]);
    }
    for (size_t i = 0; i < registry->metric_count; i++) {
        rp_free((char *)registry->metrics[i]->name);
        rp_free(registry->metrics[i]);
    }
    rp_stats_table_deinit(&registry->series_by_parts);
    rp_stats_table_deinit(&registry->metrics_by_name);
    rp_free(registry->series);
    rp_free(registry->metrics);
    rp_free(registry->dirty);
    rp_registry_deinit_fold(registry);
    rp_registry_deinit_tags(registry);
    rp_free(registry);
}

static bool metric_eq(const void *item, const void *key)
{
    return strcmp(((const struct rp_metric *)item)->name, key) == 0;
}

static struct rp_metric *make_metric(struct rp_registry *registry, const char *name,
                                     enum rp_metric_type type, bool is_time)
{
    struct rp_metric *metric;

    if (rp_stats_table_reserve(&registry->metrics_by_name) < 0 ||
        rp_stats_grow(&registry->metrics, sizeof(struct rp_metric *), &registry->metric_cap,
                      registry->metric_count + 1) < 0)
        return NULL;
    metric = rp_calloc(1, sizeof(*metric));
    if (!metric)
        return NULL;
    metric->name = rp_strdup(name);
    if (!metric->name) {
        rp_free(metric);
        return NULL;
    }
    metric->type = type;
    metric->is_time = is_time;
    metric->id = (uint32_t)registry->metric_count;
    registry->metrics[registry->metric_count++] = metric;
    rp_stats_table_insert(&registry->metrics_by_name, rp_hash_bytes(name, strlen(name), 0), metric);
    return metric;
}

/* "trend of times", for a message. */
static const char *unit_text(enum rp_metric_type type, bool is_time)
{
    return type == RP_TREND ? (is_time ? " of times" : " of numbers") : (is_time ? " of time" : "");
}

int rp_registry_metric(struct rp_registry *registry, const char *name, enum rp_metric_type type,
                       bool is_time, const struct rp_metric **ret, struct rp_error *err)
{
    const struct rp_metric *metric = rp_registry_find(registry, name);

    if (!metric) {
        if ((unsigned)type >= RP_METRIC_TYPE_COUNT)
            return -EINVAL;
        if (!rp_metric_name_is_valid(rp_slice_str(name))) {
            rp_error_set(err, -RP_EUSER, "a metric's name must be " RP_NAME_RULE ", not '%.200s'",
                         name);
            return -RP_EUSER;
        }
        metric = make_metric(registry, name, type, is_time);
        if (!metric)
            return -ENOMEM;
    } else if (metric->type != type || metric->is_time != is_time) {
        rp_error_set(err, -RP_EUSER, "metric '%s' is a %s%s already and cannot be a %s%s", name,
                     rp_metric_type_name(metric->type), unit_text(metric->type, metric->is_time),
                     rp_metric_type_name(type), unit_text(type, is_time));
        rp_error_hint(err, "give one of the two another name");
        return -RP_EUSER;
    }
    *ret = metric;
    return 0;
}

const struct rp_metric *rp_registry_find(const struct rp_registry *registry, const char *name)
{
    return rp_stats_table_find(&registry->metrics_by_name, rp_hash_bytes(name, strlen(name), 0),
                               metric_eq, name);
}

struct series_query {
    const struct rp_metric *metric;
    const struct rp_tags *tags;
};

static bool series_eq(const void *item, const void *key)
{
    const struct rp_series *series = item;
    const struct series_query *query = key;

    return series->metric == query->metric && series->tags == query->tags;
}

static int reserve_series(struct rp_registry *registry)
{
    size_t words = registry->series_count / WORD_BITS + 1, old_cap = registry->dirty_cap;
    int r = rp_stats_table_reserve(&registry->series_by_parts);

    if (r == 0)
        r = rp_stats_grow(&registry->series, sizeof(struct rp_series *), &registry->series_cap,
                          registry->series_count + 1);
    if (r == 0)
        r = rp_stats_grow(&registry->dirty, sizeof(*registry->dirty), &registry->dirty_cap, words);
    if (registry->dirty_cap > old_cap)
        memset(registry->dirty + old_cap, 0,
               (registry->dirty_cap - old_cap) * sizeof(*registry->dirty));
    return r;
}

struct rp_series *rp_registry_series(struct rp_registry *registry, const struct rp_metric *metric,
                                     const struct rp_tags *tags)
{
    struct series_query query = { metric, tags };
    uint64_t hash = rp_stats_mix((uint64_t)metric->id << 32 | tags->id);
    struct rp_series *series = rp_stats_table_find(&registry->series_by_parts, hash, series_eq,
                                                   &query);

    if (series)
        return series;
    if (reserve_series(registry) < 0)
        return NULL;
    series = rp_calloc(1, sizeof(*series));
    if (!series)
        return NULL;
    series->metric = metric;
    series->tags = tags;
    series->id = (uint32_t)registry->series_count;
    series->registry = registry;
    rp_value_init(&series->delta, metric->type);
    rp_value_init(&series->total, metric->type);
    registry->series[registry->series_count++] = series;
    rp_stats_table_insert(&registry->series_by_parts, hash, series);
    return series;
}

size_t rp_registry_series_count(const struct rp_registry *registry)
{
    return registry->series_count;
}

struct rp_series *rp_registry_series_at(struct rp_registry *registry, size_t id)
{
    return id < registry->series_count ? registry->series[id] : NULL;
}

/* ---- recording ------------------------------------------------------------------------------- */

static uint64_t *dirty_word(const struct rp_series *series)
{
    return &series->registry->dirty[series->id / WORD_BITS];
}

static uint64_t dirty_bit(const struct rp_series *series)
{
    return (uint64_t)1 << series->id % WORD_BITS;
}

void rp_registry_mark(struct rp_series *series)
{
    *dirty_word(series) |= dirty_bit(series);
}

static void add_to_gauge(struct rp_value *delta, double value)
{
    if (!delta->samples || value < delta->gauge.min)
        delta->gauge.min = value;
    if (!delta->samples || value > delta->gauge.max)
        delta->gauge.max = value;
    delta->gauge.last = value;
}

void rp_series_record_slow(struct rp_series *series, double value)
{
    struct rp_registry *registry = series->registry;
    struct rp_value *delta = &series->delta;

    switch (series->metric->type) {
    case RP_COUNTER:
        if (rp_sum_add(&delta->counter, value) < 0)
            return;
        break;
    case RP_GAUGE:
        add_to_gauge(delta, value);
        break;
    case RP_RATE:
        delta->rate.hits += value != 0;
        delta->rate.total++;
        break;
    default:
        if (!rp_registry_record_trend(series, value))
            return;
        break;
    }
    delta->samples++;
    rp_registry_mark(series);
    series->is_quick = !registry->listener;
    if (registry->listener)
        registry->listener(registry->listener_user, series, value);
}

void rp_series_gauge(struct rp_series *series, double value)
{
    if (isfinite(value))
        rp_series_record_slow(series, value);
}

void rp_registry_listen(struct rp_registry *registry, rp_sample_fn *fn, void *user)
{
    registry->listener = fn;
    registry->listener_user = user;
    for (size_t i = 0; i < registry->series_count; i++)
        registry->series[i]->is_quick = false;
}

/* ---- drain ----------------------------------------------------------------------------------- */

static int drain_one(struct rp_series *series, rp_drain_fn *fn, void *user)
{
    /* Memory is reserved before @fn sees the delta: if adding failed afterwards, the delta would be
     * handed out again. */
    bool is_trend = series->metric->type == RP_TREND;
    size_t before = is_trend ? rp_hist_bytes(&series->total.hist) : 0;
    int r = rp_value_reserve(&series->total, &series->delta);

    if (r < 0)
        return r;
    if (is_trend)
        series->registry->hist_bytes += rp_hist_bytes(&series->total.hist) - before;
    r = fn(user, series);
    if (r < 0)
        return r;
    rp_value_add_reserved(&series->total, &series->delta);
    rp_value_reset(&series->delta);
    series->is_quick = false;
    series->last_drain = series->registry->drain_count;
    return 0;
}

/* Frees the memory of idle deltas. Each drain looks at a part of the series, and RP_IDLE_DRAINS
 * drains at all of them. A delta that is not dirty is empty. */
static void trim_idle(struct rp_registry *registry)
{
    size_t visits = registry->series_count / RP_IDLE_DRAINS + 1;

    for (size_t i = 0; i < visits && i < registry->series_count; i++) {
        struct rp_series *series;

        if (registry->next_to_trim >= registry->series_count)
            registry->next_to_trim = 0;
        series = registry->series[registry->next_to_trim++];
        if (!(*dirty_word(series) & dirty_bit(series)) &&
            registry->drain_count - series->last_drain >= RP_IDLE_DRAINS) {
            if (series->metric->type == RP_TREND)
                registry->hist_bytes -= rp_hist_bytes(&series->delta.hist);
            rp_value_deinit(&series->delta);
        }
    }
}

int rp_registry_drain(struct rp_registry *registry, rp_drain_fn *fn, void *user)
{
    size_t words = (registry->series_count + WORD_BITS - 1) / WORD_BITS;

    for (size_t word = 0; word < words; word++) {
        while (registry->dirty[word]) {
            size_t id = word * WORD_BITS + (size_t)__builtin_ctzll(registry->dirty[word]);
            int r = drain_one(registry->series[id], fn, user);

            if (r < 0)
                return r;
            registry->dirty[word] &= registry->dirty[word] - 1;
        }
    }
    registry->drain_count++;
    registry->hist_pending = 0;
    trim_idle(registry);
    return 0;
}

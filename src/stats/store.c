/* SPDX-License-Identifier: MIT */
/*
 * Merging. A series is one metric with one set of tags, whichever workers record it. The views to
 * which it belongs are found once, when it is made. The part of each worker keeps a sum of its own,
 * so that it can be verified; the sum of the whole series is made from its parts when somebody
 * asks.
 */
#include "stats/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "stats/stats_internal.h"

enum {
    MOST_WORKERS = 1 << 16, /* numbers from a peer are not trusted to be dense */
    MOST_SERIES = 1 << 22,
};

typedef const char *tag_pair[2];

int rp_store_new(struct rp_store **ret)
{
    *ret = rp_calloc(1, sizeof(**ret));
    return *ret ? 0 : -ENOMEM;
}

static void series_free(struct store_series *series)
{
    if (!series)
        return;
    for (struct store_part *part = series->first, *next; part; part = next) {
        next = part->next;
        rp_value_deinit(&part->total);
        rp_free(part);
    }
    rp_value_deinit(series->interval);
    rp_free(series->interval);
    rp_free(series->views);
    rp_free(series->text);
    rp_free(series);
}

void rp_store_free(struct rp_store *store)
{
    if (!store)
        return;
    for (size_t i = 0; i < store->series_count; i++)
        series_free(store->series[i]);
    for (size_t i = 0; i < store->view_count; i++)
        rp_store_view_free(store->views[i]);
    for (size_t i = 0; i < store->worker_count; i++)
        rp_free(store->workers[i].parts);
    rp_free(store->series);
    rp_free(store->views);
    rp_free(store->workers);
    rp_free(store->changes);
    rp_stats_table_deinit(&store->views_by_display);
    rp_stats_table_deinit(&store->rings_by_name);
    rp_stats_table_deinit(&store->series_by_tags);
    rp_free(store);
}

/* ---- series ---------------------------------------------------------------------------------- */

static uint64_t hash_text(const char *text, uint64_t seed)
{
    return rp_hash_bytes(text, strlen(text) + 1, seed); /* with the NUL: "a" "bc" is not "ab" "c" */
}

static const char *tag_of(const struct store_series *series, const char *key)
{
    for (size_t i = 0; i < series->series.tag_count; i++)
        if (strcmp(series->tags[i][0], key) == 0)
            return series->tags[i][1];
    return NULL;
}

static bool matches(const struct store_series *series, const struct rp_filter *filter)
{
    for (size_t i = 0; filter && i < filter->count; i++) {
        const char *value = tag_of(series, filter->pairs[i].key);

        if (!value || strcmp(value, filter->pairs[i].value) != 0)
            return false;
    }
    return true;
}

static bool series_eq(const void *item, const void *key)
{
    const struct store_series *a = item, *b = key;

    if (a->metric != b->metric || a->series.tag_count != b->series.tag_count)
        return false;
    for (size_t i = 0; i < a->series.tag_count; i++)
        if (strcmp(a->tags[i][0], b->tags[i][0]) != 0 || strcmp(a->tags[i][1], b->tags[i][1]) != 0)
            return false;
    return true;
}

static uint64_t series_hash(const struct store_series *series)
{
    uint64_t hash = hash_text(series->metric->view.name, 0);

    for (size_t i = 0; i < series->series.tag_count; i++)
        hash = hash_text(series->tags[i][1], hash_text(series->tags[i][0], hash));
    return hash;
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp((*(const tag_pair *)a)[0], (*(const tag_pair *)b)[0]);
}

/* Makes a series without tags that is in no table yet, with room for the text of its tags. NULL on
 * -ENOMEM. */
static struct store_series *new_series(struct store_view *metric, size_t tag_count, size_t bytes)
{
    struct store_series *series = rp_calloc(1, sizeof(*series) + tag_count * sizeof(tag_pair));
    char *text = series ? rp_calloc(1, bytes) : NULL;

    if (!text) {
        rp_free(series);
        return NULL;
    }
    *series = (struct store_series){ .series = { .type = metric->view.type,
                                                 .is_time = metric->view.is_time,
                                                 .metric = metric->view.name,
                                                 .tag_count = tag_count,
                                                 .tags = series->tags },
                                     .metric = metric,
                                     .text = text };
    series->last = &series->first;
    return series;
}

/* Makes a series with sorted copies of the tags that is in no table yet. */
static int make_series(struct store_view *metric, const struct rp_slice (*tags)[2],
                       size_t tag_count, struct store_series **ret)
{
    struct store_series *series;
    size_t bytes = 0;
    char *text;

    for (size_t i = 0; i < tag_count; i++)
        bytes += tags[i][0].len + tags[i][1].len + 2;
    series = new_series(metric, tag_count, bytes);
    if (!series)
        return -ENOMEM;
    text = series->text;
    for (size_t i = 0; i < tag_count; i++) {
        for (int half = 0; half < 2; half++) {
            series->tags[i][half] = text;
            if (tags[i][half].len)
                memcpy(text, tags[i][half].ptr, tags[i][half].len);
            text += tags[i][half].len + 1;
        }
    }
    if (tag_count)
        qsort(series->tags, tag_count, sizeof(*series->tags), compare_keys);
    for (size_t i = 1; i < tag_count; i++) {
        if (strcmp(series->tags[i - 1][0], series->tags[i][0]) == 0) {
            series_free(series);
            return -EINVAL;
        }
    }
    *ret = series;
    return 0;
}

/* The views to which the series belongs, one after the other, from that of its metric; NULL after
 * the last. */
static struct store_view *next_view(const struct store_series *series, struct store_view *view)
{
    do
        view = view->next;
    while (view != series->metric && !matches(series, view->view.filter));
    return view == series->metric ? NULL : view;
}

/* Finds the views of the series and puts it into the store. Only views of its own metric are
 * looked at, so that the time does not grow with the number of metrics. */
static int add_series(struct rp_store *store, struct store_series *series, uint64_t hash)
{
    if (rp_stats_table_reserve(&store->series_by_tags) < 0 ||
        rp_stats_grow(&store->series, sizeof(struct store_series *), &store->series_cap,
                      store->series_count + 1) < 0 ||
        rp_store_prepare_interval(store, series) < 0)
        return -ENOMEM;
    for (struct store_view *view = series->metric; view; view = next_view(series, view))
        series->view_count++;
    series->views = rp_alloc(series->view_count * sizeof(struct store_view *));
    if (!series->views)
        return -ENOMEM;
    series->view_count = 0;
    for (struct store_view *view = series->metric; view; view = next_view(series, view))
        series->views[series->view_count++] = view;
    series->metric->has_series = true;
    series->series.id = (uint32_t)store->series_count;
    store->series[store->series_count++] = series;
    rp_stats_table_insert(&store->series_by_tags, hash, series);
    return 0;
}

static int find_or_add_series(struct rp_store *store, struct store_view *metric,
                              const struct rp_slice (*tags)[2], size_t tag_count,
                              struct store_series **ret)
{
    struct store_series *series, *found;
    uint64_t hash;
    int r = make_series(metric, tags, tag_count, &series);

    if (r < 0)
        return r;
    hash = series_hash(series);
    found = rp_stats_table_find(&store->series_by_tags, hash, series_eq, series);
    if (found) {
        series_free(series);
        *ret = found;
        return 0;
    }
    r = add_series(store, series, hash);
    if (r < 0)
        series_free(series);
    else
        *ret = series;
    return r;
}

/* ---- their parts ----------------------------------------------------------------------------- */

static struct store_part *find_part(const struct rp_store *store, uint32_t worker, uint32_t series)
{
    if (worker >= store->worker_count || series >= store->workers[worker].count)
        return NULL;
    return store->workers[worker].parts[series];
}

/* Makes room for a part with that number in the worker. */
static int reserve_part(struct rp_store *store, uint32_t worker, uint32_t series)
{
    struct store_worker *w;

    if (rp_stats_grow(&store->workers, sizeof(*w), &store->worker_cap, (size_t)worker + 1) < 0)
        return -ENOMEM;
    while (store->worker_count <= worker)
        store->workers[store->worker_count++] = (struct store_worker){ 0 };
    w = &store->workers[worker];
    if (rp_stats_grow(&w->parts, sizeof(struct store_part *), &w->cap, (size_t)series + 1) < 0)
        return -ENOMEM;
    while (w->count <= series)
        w->parts[w->count++] = NULL;
    return 0;
}

int rp_store_define(struct rp_store *store, uint32_t worker, uint32_t series, const char *metric,
                    enum rp_metric_type type, bool is_time, const struct rp_slice (*tags)[2],
                    size_t tag_count, struct rp_error *err)
{
    struct store_series *whole;
    struct store_part *part;
    struct rp_view *view;
    int r;

    if (worker >= MOST_WORKERS || series >= MOST_SERIES || find_part(store, worker, series))
        return -EINVAL;
    r = rp_store_metric(store, metric, type, is_time, &view, err);
    if (r == 0)
        r = reserve_part(store, worker, series);
    if (r < 0)
        return r;
    part = rp_calloc(1, sizeof(*part));
    if (!part)
        return -ENOMEM;
    r = find_or_add_series(store, rp_container_of(view, struct store_view, view), tags, tag_count,
                           &whole);
    if (r < 0) {
        rp_free(part);
        return r;
    }
    part->series = whole;
    rp_value_init(&part->total, type);
    *whole->last = part;
    whole->last = &part->next;
    store->workers[worker].parts[series] = part;
    return 0;
}

/* Allocates what rp_store_apply() will need. */
static int reserve_sums(struct store_part *part, const struct rp_value *delta, bool is_aside)
{
    const struct store_series *series = part->series;
    int r = rp_value_reserve(&part->total, delta);

    if (r == 0 && series->interval)
        r = rp_value_reserve(series->interval, delta);
    for (size_t i = 0; r == 0 && i < series->view_count; i++) {
        struct rp_view *view = &series->views[i]->view;

        r = rp_value_reserve(&view->total, delta);
        if (r == 0 && !is_aside)
            r = rp_value_reserve(&view->second, delta);
        if (r == 0 && !is_aside && delta->type == RP_COUNTER)
            r = rp_sum_reserve(&view->counted, &delta->counter);
    }
    return r;
}

/* Its memory is reserved. */
static void add_to_view(struct rp_view *view, const struct rp_value *delta, bool is_aside)
{
    int r = 0;

    rp_value_add_reserved(&view->total, delta);
    if (is_aside)
        return;
    rp_value_add_reserved(&view->second, delta);
    if (delta->type == RP_COUNTER)
        r = rp_sum_merge(&view->counted, &delta->counter);
    rp_assert(r == 0);
}

void rp_store_set_aside(struct rp_store *store, bool is_aside)
{
    store->is_aside = is_aside;
}

int rp_store_apply(struct rp_store *store, uint32_t worker, uint32_t series,
                   const struct rp_value *delta)
{
    struct store_part *part = find_part(store, worker, series);
    struct store_series *whole;
    int r;

    if (!part || part->total.type != delta->type)
        return -EINVAL;
    r = reserve_sums(part, delta, store->is_aside);
    if (r < 0)
        return r;
    whole = part->series;
    rp_value_add_reserved(&part->total, delta);
    if (delta->samples)
        whole->latest = part;
    if (whole->metric->is_summed) {
        whole->has_new = true;
        for (size_t i = 0; i < whole->view_count; i++)
            whole->views[i]->has_new = true;
        return 0;
    }
    if (whole->interval)
        rp_value_add_reserved(whole->interval, delta);
    for (size_t i = 0; i < whole->view_count; i++)
        add_to_view(&whole->views[i]->view, delta, store->is_aside);
    return 0;
}

const struct rp_store_series *rp_store_series(const struct rp_store *store, uint32_t worker,
                                              uint32_t series)
{
    const struct store_part *part = find_part(store, worker, series);

    return part ? &part->series->series : NULL;
}

bool rp_store_verify(const struct rp_store *store, uint32_t worker, uint32_t series,
                     const struct rp_value *total)
{
    const struct store_part *part = find_part(store, worker, series);

    return part ? rp_value_equal(&part->total, total) : total->samples == 0;
}

/* ---- gauges that are sums -------------------------------------------------------------------- */

int rp_store_sum_gauge(struct rp_store *store, const char *name)
{
    struct rp_view *view = rp_store_view(store, name);
    struct store_view *metric = view ? rp_container_of(view, struct store_view, view) : NULL;

    if (!metric || metric->view.filter || metric->has_series || metric->view.type != RP_GAUGE)
        return -EINVAL;
    metric->is_summed = true;
    return 0;
}

void rp_store_retire(struct rp_store *store, uint32_t worker, const char *name)
{
    if (worker >= store->worker_count)
        return;
    for (size_t i = 0; i < store->workers[worker].count; i++) {
        struct store_part *part = store->workers[worker].parts[i];

        if (part && (!name || strcmp(part->series->metric->view.name, name) == 0))
            part->is_retired = true;
    }
}

/* The sum of the last values of the workers that are not retired. */
static double sum_of_parts(const struct store_series *series)
{
    double sum = 0;

    for (const struct store_part *part = series->first; part; part = part->next)
        if (!part->is_retired && part->total.samples)
            sum += part->total.gauge.last;
    return sum;
}

static double sum_of_view(const struct rp_store *store, const struct store_view *view)
{
    double sum = 0;

    for (size_t i = 0; i < store->series_count; i++) {
        const struct store_series *series = store->series[i];

        if (strcmp(view->view.name, series->series.metric) == 0 &&
            matches(series, view->view.filter))
            sum += sum_of_parts(series);
    }
    return sum;
}

/* Adds a sample to a gauge, for which no memory is needed. */
static void add_sample(struct rp_value *to, double value)
{
    struct rp_value sample = { .type = RP_GAUGE,
                               .gauge = { .last = value, .min = value, .max = value },
                               .samples = 1 };

    rp_value_add_reserved(to, &sample);
}

void rp_store_add_up_gauges(struct rp_store *store)
{
    for (size_t i = 0; i < store->view_count; i++) {
        struct store_view *view = store->views[i];
        double sum;

        if (!view->has_new)
            continue;
        view->has_new = false;
        sum = sum_of_view(store, view);
        add_sample(&view->view.total, sum);
        add_sample(&view->view.second, sum);
    }
    for (size_t i = 0; store->interval_fn && i < store->series_count; i++) {
        struct store_series *series = store->series[i];

        if (series->has_new)
            add_sample(series->interval, sum_of_parts(series));
        series->has_new = false;
    }
}

/* ---- sums of the parts ----------------------------------------------------------------------- */

static int visit_series(const struct store_series *series, rp_store_series_fn *fn, void *user)
{
    struct rp_value sum;
    int r = 0;

    if (!series->first->next || series->metric->is_summed) {
        fn(user, &series->series,
           series->metric->is_summed ? &series->metric->view.total : &series->first->total);
        return 0;
    }
    rp_value_init(&sum, series->series.type);
    for (const struct store_part *part = series->first; r == 0 && part; part = part->next)
        r = rp_value_add(&sum, &part->total);
    if (sum.type == RP_GAUGE && series->latest)
        sum.gauge.last = series->latest->total.gauge.last;
    if (r == 0)
        fn(user, &series->series, &sum);
    rp_value_deinit(&sum);
    return r;
}

int rp_store_each_series(const struct rp_store *store, const char *metric, rp_store_series_fn *fn,
                         void *user)
{
    for (size_t i = 0; i < store->series_count; i++) {
        const struct store_series *series = store->series[i];
        int r;

        if (metric && strcmp(series->series.metric, metric) != 0)
            continue;
        r = visit_series(series, fn, user);
        if (r < 0)
            return r;
    }
    return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * Merging. A group is one (metric, tags), whichever workers have it; it knows the views that it belongs to, found once
 * when it is made. Each worker's series keeps its own sum, so that it can be verified, and a group's sum is made from its
 * members when somebody asks.
 */
#include "stats/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "stats/store_internal.h"

enum {
    MOST_WORKERS = 1 << 16, /* numbers from a peer are not trusted to be dense */
    MOST_SERIES = 1 << 22,
};

typedef const char *tag_pair[2];

struct store_series {
    struct store_group *group;
    struct store_series *next; /* of the group */
    struct rp_value total;
    bool is_retired;
};

struct store_group {
    struct store_view *metric;
    struct store_view **views; /* the metric's and the sub-metrics' */
    size_t view_count;
    struct store_series *first, **last;
    char *text; /* the tags' */
    size_t tag_count;
    tag_pair tags[];
};

struct store_worker {
    struct store_series **series; /* by id, NULL where undefined */
    size_t count, cap;
};

int rp_store_new(struct rp_store **ret)
{
    *ret = rp_calloc(1, sizeof(**ret));
    return *ret ? 0 : -ENOMEM;
}

static void group_free(struct store_group *group)
{
    if (!group)
        return;
    for (struct store_series *series = group->first, *next; series; series = next) {
        next = series->next;
        rp_value_deinit(&series->total);
        rp_free(series);
    }
    rp_free(group->views);
    rp_free(group->text);
    rp_free(group);
}

void rp_store_free(struct rp_store *store)
{
    if (!store)
        return;
    for (size_t i = 0; i < store->group_count; i++)
        group_free(store->groups[i]);
    for (size_t i = 0; i < store->view_count; i++)
        rp_store_view_free(store->views[i]);
    for (size_t i = 0; i < store->worker_count; i++)
        rp_free(store->workers[i].series);
    rp_free(store->groups);
    rp_free(store->views);
    rp_free(store->workers);
    rp_stats_table_deinit(&store->views_by_display);
    rp_stats_table_deinit(&store->groups_by_parts);
    rp_free(store);
}

/* ---- groups ---- */

static uint64_t hash_text(const char *text, uint64_t seed)
{
    return rp_hash_bytes(text, strlen(text) + 1, seed); /* with the NUL: "a" "bc" is not "ab" "c" */
}

static const char *group_tag(const struct store_group *group, const char *key)
{
    for (size_t i = 0; i < group->tag_count; i++)
        if (strcmp(group->tags[i][0], key) == 0)
            return group->tags[i][1];
    return NULL;
}

static bool group_matches(const struct store_group *group, const struct rp_filter *filter)
{
    for (size_t i = 0; filter && i < filter->count; i++) {
        const char *value = group_tag(group, filter->pairs[i].key);

        if (!value || strcmp(value, filter->pairs[i].value) != 0)
            return false;
    }
    return true;
}

static bool group_eq(const void *item, const void *key)
{
    const struct store_group *a = item, *b = key;

    if (a->metric != b->metric || a->tag_count != b->tag_count)
        return false;
    for (size_t i = 0; i < a->tag_count; i++)
        if (strcmp(a->tags[i][0], b->tags[i][0]) != 0 || strcmp(a->tags[i][1], b->tags[i][1]) != 0)
            return false;
    return true;
}

static uint64_t group_hash(const struct store_group *group)
{
    uint64_t hash = hash_text(group->metric->view.name, 0);

    for (size_t i = 0; i < group->tag_count; i++)
        hash = hash_text(group->tags[i][1], hash_text(group->tags[i][0], hash));
    return hash;
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp((*(const tag_pair *)a)[0], (*(const tag_pair *)b)[0]);
}

/* A group with copies of the tags, sorted, in no table yet. */
static int new_group(struct store_view *metric, const struct rp_slice (*tags)[2], size_t tag_count,
                     struct store_group **ret)
{
    struct store_group *group = rp_calloc(1, sizeof(*group) + tag_count * sizeof(tag_pair));
    size_t bytes = 0;
    char *text;

    for (size_t i = 0; i < tag_count; i++)
        bytes += tags[i][0].len + tags[i][1].len + 2;
    text = group ? rp_calloc(1, bytes) : NULL;
    if (!text) {
        rp_free(group);
        return -ENOMEM;
    }
    *group = (struct store_group){ .metric = metric, .text = text, .tag_count = tag_count };
    group->last = &group->first;
    for (size_t i = 0; i < tag_count; i++) {
        for (int half = 0; half < 2; half++) {
            group->tags[i][half] = text;
            if (tags[i][half].len)
                memcpy(text, tags[i][half].ptr, tags[i][half].len);
            text += tags[i][half].len + 1;
        }
    }
    if (tag_count)
        qsort(group->tags, tag_count, sizeof(*group->tags), compare_keys);
    for (size_t i = 1; i < tag_count; i++) {
        if (strcmp(group->tags[i - 1][0], group->tags[i][0]) == 0) {
            group_free(group);
            return -EINVAL;
        }
    }
    *ret = group;
    return 0;
}

static bool belongs(const struct store_group *group, const struct store_view *view)
{
    return view == group->metric || (strcmp(view->view.name, group->metric->view.name) == 0 &&
                                     group_matches(group, view->view.filter));
}

/* Finds the group's views and puts it into the store. */
static int add_group(struct rp_store *store, struct store_group *group, uint64_t hash)
{
    if (rp_stats_table_reserve(&store->groups_by_parts) < 0 ||
        rp_stats_grow(&store->groups, sizeof(struct store_group *), &store->group_cap,
                      store->group_count + 1) < 0)
        return -ENOMEM;
    for (size_t i = 0; i < store->view_count; i++)
        group->view_count += belongs(group, store->views[i]);
    group->views = rp_alloc(group->view_count * sizeof(struct store_view *));
    if (!group->views)
        return -ENOMEM;
    for (size_t i = 0, n = 0; i < store->view_count; i++)
        if (belongs(group, store->views[i]))
            group->views[n++] = store->views[i];
    group->metric->has_series = true;
    store->groups[store->group_count++] = group;
    rp_stats_table_insert(&store->groups_by_parts, hash, group);
    return 0;
}

static int find_or_add_group(struct rp_store *store, struct store_view *metric,
                             const struct rp_slice (*tags)[2], size_t tag_count,
                             struct store_group **ret)
{
    struct store_group *group, *found;
    uint64_t hash;
    int r = new_group(metric, tags, tag_count, &group);

    if (r < 0)
        return r;
    hash = group_hash(group);
    found = rp_stats_table_find(&store->groups_by_parts, hash, group_eq, group);
    if (found) {
        group_free(group);
        *ret = found;
        return 0;
    }
    r = add_group(store, group, hash);
    if (r < 0)
        group_free(group);
    else
        *ret = group;
    return r;
}

/* ---- series ---- */

static struct store_series *find_series(const struct rp_store *store, uint32_t worker,
                                        uint32_t series)
{
    if (worker >= store->worker_count || series >= store->workers[worker].count)
        return NULL;
    return store->workers[worker].series[series];
}

/* Room for the worker's series by its number. */
static int reserve_series(struct rp_store *store, uint32_t worker, uint32_t series)
{
    struct store_worker *w;

    if (rp_stats_grow(&store->workers, sizeof(*w), &store->worker_cap, (size_t)worker + 1) < 0)
        return -ENOMEM;
    while (store->worker_count <= worker)
        store->workers[store->worker_count++] = (struct store_worker){ 0 };
    w = &store->workers[worker];
    if (rp_stats_grow(&w->series, sizeof(struct store_series *), &w->cap, (size_t)series + 1) < 0)
        return -ENOMEM;
    while (w->count <= series)
        w->series[w->count++] = NULL;
    return 0;
}

int rp_store_define(struct rp_store *store, uint32_t worker, uint32_t series, const char *metric,
                    enum rp_metric_type type, bool is_time, const struct rp_slice (*tags)[2],
                    size_t tag_count, struct rp_error *err)
{
    struct store_series *made;
    struct store_group *group;
    struct rp_view *view;
    int r;

    if (worker >= MOST_WORKERS || series >= MOST_SERIES || find_series(store, worker, series))
        return -EINVAL;
    r = rp_store_metric(store, metric, type, is_time, &view, err);
    if (r == 0)
        r = reserve_series(store, worker, series);
    if (r < 0)
        return r;
    made = rp_calloc(1, sizeof(*made));
    if (!made)
        return -ENOMEM;
    r = find_or_add_group(store, rp_container_of(view, struct store_view, view), tags, tag_count,
                          &group);
    if (r < 0) {
        rp_free(made);
        return r;
    }
    made->group = group;
    rp_value_init(&made->total, type);
    *group->last = made;
    group->last = &made->next;
    store->workers[worker].series[series] = made;
    return 0;
}

int rp_store_apply(struct rp_store *store, uint32_t worker, uint32_t series,
                   const struct rp_value *delta)
{
    struct store_series *to = find_series(store, worker, series);
    const struct store_group *group;
    int r;

    if (!to || to->total.type != delta->type)
        return -EINVAL;
    group = to->group;
    r = rp_value_reserve(&to->total, delta);
    for (size_t i = 0; r == 0 && i < group->view_count; i++) {
        r = rp_value_reserve(&group->views[i]->view.total, delta);
        if (r == 0)
            r = rp_value_reserve(&group->views[i]->view.second, delta);
    }
    if (r < 0)
        return r;
    rp_assert(rp_value_add(&to->total, delta) == 0);
    for (size_t i = 0; i < group->view_count; i++) {
        if (group->metric->is_summed) {
            group->views[i]->has_new = true;
            continue;
        }
        rp_assert(rp_value_add(&group->views[i]->view.total, delta) == 0);
        rp_assert(rp_value_add(&group->views[i]->view.second, delta) == 0);
    }
    return 0;
}

int rp_store_series_type(const struct rp_store *store, uint32_t worker, uint32_t series,
                         enum rp_metric_type *ret)
{
    const struct store_series *found = find_series(store, worker, series);

    if (!found)
        return -EINVAL;
    *ret = found->total.type;
    return 0;
}

bool rp_store_verify(const struct rp_store *store, uint32_t worker, uint32_t series,
                     const struct rp_value *total)
{
    const struct store_series *found = find_series(store, worker, series);

    return found ? rp_value_equal(&found->total, total) : total->samples == 0;
}

/* ---- gauges that are sums ---- */

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
        struct store_series *series = store->workers[worker].series[i];

        if (series && (!name || strcmp(series->group->metric->view.name, name) == 0))
            series->is_retired = true;
    }
}

static double sum_of(const struct rp_store *store, const struct store_view *view)
{
    double sum = 0;

    for (size_t i = 0; i < store->group_count; i++) {
        if (!belongs(store->groups[i], view))
            continue;
        for (const struct store_series *series = store->groups[i]->first; series;
             series = series->next)
            if (!series->is_retired && series->total.samples)
                sum += series->total.gauge.last;
    }
    return sum;
}

void rp_store_add_up_gauges(struct rp_store *store)
{
    for (size_t i = 0; i < store->view_count; i++) {
        struct store_view *view = store->views[i];
        struct rp_value sample = { .type = RP_GAUGE, .samples = 1 };

        if (!view->has_new)
            continue;
        view->has_new = false;
        sample.gauge.last = sample.gauge.min = sample.gauge.max = sum_of(store, view);
        rp_assert(rp_value_add(&view->view.total, &sample) == 0); /* a gauge needs no memory */
        rp_assert(rp_value_add(&view->view.second, &sample) == 0);
    }
}

static int visit_group(const struct store_group *group, rp_store_series_fn *fn, void *user)
{
    struct rp_value sum;
    int r = 0;

    if (!group->first->next || group->metric->is_summed) {
        fn(user, group->metric->view.name, group->tags, group->tag_count,
           group->metric->is_summed ? &group->metric->view.total : &group->first->total);
        return 0;
    }
    rp_value_init(&sum, group->metric->view.type);
    for (const struct store_series *series = group->first; r == 0 && series; series = series->next)
        r = rp_value_add(&sum, &series->total);
    if (r == 0)
        fn(user, group->metric->view.name, group->tags, group->tag_count, &sum);
    rp_value_deinit(&sum);
    return r;
}

int rp_store_each_series(const struct rp_store *store, const char *metric, rp_store_series_fn *fn,
                         void *user)
{
    for (size_t i = 0; i < store->group_count; i++) {
        const struct store_group *group = store->groups[i];
        int r;

        if (metric && strcmp(group->metric->view.name, metric) != 0)
            continue;
        r = visit_group(group, fn, user);
        if (r < 0)
            return r;
    }
    return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * The views of a store: metrics and sub-metrics, found by what they are displayed as.
 */
#include "stats/store.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "stats/stats_internal.h"

static void filter_deinit(struct rp_filter *filter)
{
    for (size_t i = 0; i < filter->count; i++) {
        rp_free(filter->pairs[i].key);
        rp_free(filter->pairs[i].value);
    }
    rp_free(filter->pairs);
    *filter = (struct rp_filter){ 0 };
}

void rp_store_view_free(struct store_view *view)
{
    if (!view)
        return;
    if (view->view.display != view->view.name)
        rp_free((char *)view->view.display);
    rp_free((char *)view->view.name);
    rp_value_deinit(&view->view.total);
    rp_value_deinit(&view->view.second);
    rp_sum_deinit(&view->view.counted);
    filter_deinit(&view->filter);
    rp_free(view->points);
    rp_free(view->intervals);
    rp_free(view);
}

static uint64_t hash_text(const char *text)
{
    return rp_hash_bytes(text, strlen(text), 0);
}

static bool view_eq(const void *item, const void *key)
{
    return strcmp(((const struct store_view *)item)->view.display, key) == 0;
}

static struct store_view *find_view(const struct rp_store *store, const char *display)
{
    return rp_stats_table_find(&store->views_by_display, hash_text(display), view_eq, display);
}

static bool name_eq(const void *item, const void *key)
{
    return strcmp(((const struct store_view *)item)->view.name, key) == 0;
}

/* Puts the view into the ring of its name, or begins that ring. The table has room. */
static void join_ring(struct rp_store *store, struct store_view *view)
{
    uint64_t hash = hash_text(view->view.name);
    struct store_view *other = rp_stats_table_find(&store->rings_by_name, hash, name_eq,
                                                   view->view.name);

    view->next = other ? other->next : view;
    if (other)
        other->next = view;
    else
        rp_stats_table_insert(&store->rings_by_name, hash, view);
}

static void set_type(struct store_view *view, enum rp_metric_type type, bool is_time)
{
    view->view.type = type;
    view->view.is_time = is_time;
    rp_value_init(&view->view.total, type);
    rp_value_init(&view->view.second, type);
}

static int copy_filter(struct rp_filter *dst, const struct rp_filter *src)
{
    dst->pairs = rp_calloc(src->count, sizeof(*dst->pairs));
    if (!dst->pairs)
        return -ENOMEM;
    for (size_t i = 0; i < src->count; i++) {
        dst->count = i + 1;
        dst->pairs[i].key = rp_strdup(src->pairs[i].key);
        dst->pairs[i].value = rp_strdup(src->pairs[i].value);
        if (!dst->pairs[i].key || !dst->pairs[i].value)
            return -ENOMEM;
    }
    return 0;
}

/* Makes a view that has no type yet. @filter NULL: the view of the metric itself. NULL on
 * -ENOMEM. */
static struct store_view *make_view(struct rp_store *store, const char *name,
                                    const struct rp_filter *filter, const char *display)
{
    struct store_view *view;

    if (rp_stats_table_reserve(&store->views_by_display) < 0 ||
        rp_stats_table_reserve(&store->rings_by_name) < 0 ||
        rp_stats_grow(&store->views, sizeof(struct store_view *), &store->view_cap,
                      store->view_count + 1) < 0)
        return NULL;
    view = rp_calloc(1, sizeof(*view));
    if (!view)
        return NULL;
    view->view.name = rp_strdup(name);
    view->view.display = filter ? rp_strdup(display) : view->view.name;
    if (!view->view.name || !view->view.display ||
        (filter && copy_filter(&view->filter, filter) < 0)) {
        rp_store_view_free(view);
        return NULL;
    }
    view->view.filter = filter ? &view->filter : NULL;
    store->views[store->view_count++] = view;
    rp_stats_table_insert(&store->views_by_display, hash_text(view->view.display), view);
    join_ring(store, view);
    return view;
}

static struct store_view *make_metric(struct rp_store *store, const char *name,
                                      enum rp_metric_type type, bool is_time)
{
    struct store_view *metric = make_view(store, name, NULL, NULL), *view = metric;

    if (!metric)
        return NULL;
    do {
        set_type(view, type, is_time);
        view = view->next;
    } while (view != metric);
    return metric;
}

int rp_store_metric(struct rp_store *store, const char *name, enum rp_metric_type type,
                    bool is_time, struct rp_view **ret, struct rp_error *err)
{
    struct store_view *metric = find_view(store, name);

    if ((unsigned)type >= RP_METRIC_TYPE_COUNT || (metric && metric->view.filter))
        return -EINVAL;
    if (!metric) {
        metric = make_metric(store, name, type, is_time);
        if (!metric)
            return -ENOMEM;
    } else if (metric->view.type != type || metric->view.is_time != is_time) {
        return rp_error_set(err, -RP_EUSER, "metric '%s' is a %s%s and a %s%s at once", name,
                            rp_metric_type_name(metric->view.type),
                            metric->view.is_time ? " of times" : "", rp_metric_type_name(type),
                            is_time ? " of times" : "");
    }
    *ret = &metric->view;
    return 0;
}

int rp_store_submetric(struct rp_store *store, const char *name, const struct rp_filter *filter,
                       const char *display, struct rp_view **ret)
{
    struct store_view *metric = find_view(store, name), *view = find_view(store, display);

    if (view) {
        *ret = &view->view;
        return view->view.filter && strcmp(view->view.name, name) == 0 ? 0 : -EINVAL;
    }
    if (metric && metric->has_series)
        return -EINVAL;
    view = make_view(store, name, filter, display);
    if (!view)
        return -ENOMEM;
    if (metric)
        set_type(view, metric->view.type, metric->view.is_time);
    *ret = &view->view;
    return 0;
}

double rp_view_stat(const struct rp_view *view, struct rp_stat stat, double elapsed_s)
{
    if (view->type == RP_COUNTER && stat.kind == RP_STAT_RATE)
        return elapsed_s > 0 ? rp_view_counted(view) / elapsed_s : 0;
    return rp_value_stat(&view->total, view->is_time, stat, elapsed_s);
}

double rp_store_sum_of(const struct rp_store *store, uint32_t worker, const char *metric)
{
    const struct store_worker *of = worker < store->worker_count ? &store->workers[worker] : NULL;
    double sum = 0;

    for (size_t i = 0; of && i < of->count; i++) {
        const struct store_part *part = of->parts[i];

        if (part && part->total.type == RP_TREND &&
            strcmp(part->series->series.metric, metric) == 0)
            sum += rp_hist_sum(&part->total.hist);
    }
    return sum;
}

size_t rp_store_view_count(const struct rp_store *store)
{
    return store->view_count;
}

struct rp_view *rp_store_view_at(struct rp_store *store, size_t i)
{
    return i < store->view_count ? &store->views[i]->view : NULL;
}

struct rp_view *rp_store_view(struct rp_store *store, const char *display)
{
    struct store_view *view = find_view(store, display);

    return view ? &view->view : NULL;
}

/* SPDX-License-Identifier: MIT */
/*
 * The time series of views. Intervals are numbered; a point covers the intervals that share their number divided by its
 * view's span, and is made when the first of them ends with samples. When there is no room for another point the span
 * doubles and points that have become one are merged, until there is room: silent times leave no points, so one
 * doubling may not be enough.
 */
#include "stats/store.h"

#include <errno.h>

#include "base/alloc.h"
#include "stats/store_internal.h"

static double second_stat(const struct rp_view *view, enum rp_stat_kind kind, double p)
{
    return rp_value_stat(&view->second, view->is_time, (struct rp_stat){ .kind = kind, .p = p }, 0);
}

static struct rp_point point_of(const struct rp_view *view, rp_ns start, rp_ns end)
{
    const struct rp_value *value = &view->second;
    struct rp_point point = { .start = start, .length = end - start, .samples = value->samples };

    switch (value->type) {
    case RP_COUNTER:
        point.a = value->counter;
        break;
    case RP_GAUGE:
        point.a = value->gauge.last;
        point.b = value->gauge.min;
        point.c = value->gauge.max;
        break;
    case RP_RATE:
        point.a = (double)value->rate.hits;
        point.b = (double)value->rate.total;
        break;
    default:
        point.a = second_stat(view, RP_STAT_AVG, 0);
        point.b = second_stat(view, RP_STAT_MIN, 0);
        point.c = second_stat(view, RP_STAT_MAX, 0);
        point.d = second_stat(view, RP_STAT_P, 95);
        break;
    }
    return point;
}

/* @to becomes the point of both; @from is the later one. Both have samples. */
static void merge_point(struct rp_point *to, const struct rp_point *from, enum rp_metric_type type)
{
    double share = (double)from->samples / ((double)to->samples + (double)from->samples);

    if (type == RP_COUNTER || type == RP_RATE) {
        to->a += from->a;
        to->b += from->b;
    } else {
        to->a = type == RP_GAUGE ? from->a : to->a + (from->a - to->a) * share;
        to->b = from->b < to->b ? from->b : to->b;
        to->c = from->c > to->c ? from->c : to->c;
        to->d = from->d > to->d ? from->d : to->d;
    }
    to->samples += from->samples;
    to->length = from->start + from->length - to->start;
}

static void merge_neighbours(struct store_view *view)
{
    size_t kept = 0;

    view->span *= 2;
    for (size_t i = 1; i < view->point_count; i++) {
        if (view->intervals[i] / view->span == view->intervals[kept] / view->span) {
            merge_point(&view->points[kept], &view->points[i], view->view.type);
        } else {
            kept++;
            view->points[kept] = view->points[i];
            view->intervals[kept] = view->intervals[i];
        }
    }
    view->point_count = kept + 1;
}

static bool same_point(const struct store_view *view, uint64_t interval)
{
    return view->point_count &&
           view->intervals[view->point_count - 1] / view->span == interval / view->span;
}

static void append_point(struct store_view *view, struct rp_point point, uint64_t interval)
{
    while (!same_point(view, interval) && view->point_count == RP_STORE_POINTS)
        merge_neighbours(view);
    if (same_point(view, interval)) {
        merge_point(&view->points[view->point_count - 1], &point, view->view.type);
        return;
    }
    view->points[view->point_count] = point;
    view->intervals[view->point_count] = interval;
    view->point_count++;
}

/* Room for one point more, up to the most. */
static int reserve_point(struct store_view *view)
{
    size_t need = view->point_count < RP_STORE_POINTS ? view->point_count + 1 : RP_STORE_POINTS;
    size_t cap = view->point_cap;

    if (need <= cap)
        return 0;
    if (rp_stats_grow(&view->intervals, sizeof(*view->intervals), &cap, need) < 0)
        return -ENOMEM;
    return rp_stats_grow(&view->points, sizeof(*view->points), &view->point_cap, need);
}

int rp_store_tick(struct rp_store *store, rp_ns at)
{
    uint64_t interval = store->interval_count;

    if (at < store->last_tick)
        return -EINVAL;
    /* An interval of no length belongs to the one before it. */
    if (at == store->last_tick && interval)
        interval--;
    for (size_t i = 0; i < store->view_count; i++)
        if (store->views[i]->view.second.samples && reserve_point(store->views[i]) < 0)
            return -ENOMEM;
    for (size_t i = 0; i < store->view_count; i++) {
        struct store_view *view = store->views[i];

        if (!view->view.second.samples)
            continue;
        append_point(view, point_of(&view->view, store->last_tick, at), interval);
        rp_value_reset(&view->view.second);
    }
    if (at > store->last_tick)
        store->interval_count++;
    store->last_tick = at;
    return 0;
}

const struct rp_point *rp_store_points(const struct rp_view *view, size_t *ret_count)
{
    const struct store_view *private = rp_container_of(view, struct store_view, view);

    *ret_count = private->point_count;
    return private->points;
}

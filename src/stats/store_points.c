/* SPDX-License-Identifier: MIT */
/*
 * The time series of views.
 *
 * Intervals are numbered. A point of level k covers the intervals whose numbers are equal when
 * divided by 2^k. It is made when the first of them ends with samples. The points of a view stand
 * in one array, the oldest and coarsest first, so that a level is a stretch of the array. When a
 * level is full, its oldest points are merged into fewer points of the next level. That is done for
 * many points at a time, because everything behind them has to be moved. A time without samples
 * leaves no points: then points may move up without becoming fewer.
 */
#include "stats/store.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "stats/stats_internal.h"

/* How many points move up a level at once. RP_STORE_POINTS is counted with it. */
enum { BATCH = 64 };

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
        point.counter = rp_sum_read(&value->counter);
        break;
    case RP_GAUGE:
        point.gauge.last = value->gauge.last;
        point.gauge.min = value->gauge.min;
        point.gauge.max = value->gauge.max;
        break;
    case RP_RATE:
        point.rate.hits = (double)value->rate.hits;
        point.rate.total = (double)value->rate.total;
        break;
    default:
        point.trend.avg = second_stat(view, RP_STAT_AVG, 0);
        point.trend.min = second_stat(view, RP_STAT_MIN, 0);
        point.trend.max = second_stat(view, RP_STAT_MAX, 0);
        point.trend.p95 = second_stat(view, RP_STAT_P, 95);
        point.trend.sum = rp_hist_sum(&value->hist);
        break;
    }
    return point;
}

static double lower(double a, double b)
{
    return b < a ? b : a;
}

static double higher(double a, double b)
{
    return b > a ? b : a;
}

static double mean_of(const struct rp_point *point, bool is_time)
{
    double mean = rp_trend_shown(is_time, point->trend.sum / (double)point->samples);

    return lower(higher(mean, point->trend.min), point->trend.max);
}

/* @to becomes the point of both; @from is the later one. Both have samples. */
static void merge_point(struct rp_point *to, const struct rp_point *from,
                        const struct rp_view *view)
{
    to->samples += from->samples;
    to->length = from->start + from->length - to->start;
    switch (view->type) {
    case RP_COUNTER:
        to->counter += from->counter;
        break;
    case RP_GAUGE:
        to->gauge.last = from->gauge.last;
        to->gauge.min = lower(to->gauge.min, from->gauge.min);
        to->gauge.max = higher(to->gauge.max, from->gauge.max);
        break;
    case RP_RATE:
        to->rate.hits += from->rate.hits;
        to->rate.total += from->rate.total;
        break;
    default:
        to->trend.min = lower(to->trend.min, from->trend.min);
        to->trend.max = higher(to->trend.max, from->trend.max);
        to->trend.p95 = higher(to->trend.p95, from->trend.p95);
        to->trend.sum += from->trend.sum;
        to->trend.avg = mean_of(to, view->is_time);
        break;
    }
}

/* ---- levels ---- */

static size_t most_of(size_t level)
{
    return (level ? RP_STORE_COARSE_POINTS : RP_STORE_FINE_POINTS) + BATCH;
}

/* Where the points of @level begin. */
static size_t start_of(const struct store_view *view, size_t level)
{
    size_t start = 0;

    for (size_t i = STORE_LEVELS - 1; i > level; i--)
        start += view->levels[i];
    return start;
}

/* Merges each group of points in [@at, @end) into one point, and returns how many points are
 * left. */
static size_t merge_groups(struct store_view *view, size_t at, size_t end, size_t level)
{
    bool is_last = level + 1 == STORE_LEVELS; /* nothing is coarser: pairs, wherever they begin */
    size_t kept = at;

    for (size_t i = at + 1; i < end; i++) {
        bool is_same = is_last ? (i - at) % 2
                               : view->intervals[i] >> (level + 1) ==
                                     view->intervals[kept] >> (level + 1);

        if (is_same) {
            merge_point(&view->points[kept], &view->points[i], &view->view);
        } else {
            kept++;
            view->points[kept] = view->points[i];
            view->intervals[kept] = view->intervals[i];
        }
    }
    return kept + 1 - at;
}

/* Moves the oldest points of @level up. Points that belong to one point move together, so that the
 * level is left with newer ones. */
static void move_up(struct store_view *view, size_t level)
{
    size_t at = start_of(view, level), end = at + BATCH, kept;

    if (view->intervals[end - 1] >> (level + 1) == view->intervals[end] >> (level + 1))
        end++;
    kept = merge_groups(view, at, end, level);
    view->levels[level] -= end - at;
    view->levels[level + 1 < STORE_LEVELS ? level + 1 : level] += kept;
    memmove(&view->points[at + kept], &view->points[end],
            (view->point_count - end) * sizeof(*view->points));
    memmove(&view->intervals[at + kept], &view->intervals[end],
            (view->point_count - end) * sizeof(*view->intervals));
    view->point_count -= end - at - kept;
}

static void append_point(struct store_view *view, struct rp_point point, uint64_t interval)
{
    if (view->point_count && view->intervals[view->point_count - 1] == interval) {
        merge_point(&view->points[view->point_count - 1], &point, &view->view);
        return;
    }
    view->points[view->point_count] = point;
    view->intervals[view->point_count] = interval;
    view->point_count++;
    view->levels[0]++;
    for (size_t level = 0; level < STORE_LEVELS; level++)
        while (view->levels[level] > most_of(level))
            move_up(view, level);
}

/* Makes room for one more point. */
static int reserve_point(struct store_view *view)
{
    size_t need = view->point_count + 1;
    size_t cap = view->point_cap;

    if (need <= cap)
        return 0;
    if (rp_stats_grow(&view->intervals, sizeof(*view->intervals), &cap, need) < 0)
        return -ENOMEM;
    return rp_stats_grow(&view->points, sizeof(*view->points), &view->point_cap, need);
}

static int reserve_points(struct rp_store *store)
{
    for (size_t i = 0; i < store->view_count; i++)
        if (store->views[i]->view.second.samples && reserve_point(store->views[i]) < 0)
            return -ENOMEM;
    return 0;
}

static void append_points(struct rp_store *store, rp_ns at, uint64_t interval)
{
    for (size_t i = 0; i < store->view_count; i++) {
        struct store_view *view = store->views[i];

        if (!view->view.second.samples)
            continue;
        append_point(view, point_of(&view->view, store->last_tick, at), interval);
        rp_value_reset(&view->view.second);
    }
}

int rp_store_tick(struct rp_store *store, rp_ns at)
{
    bool is_long = at > store->last_tick;

    if (at < store->last_tick)
        return -EINVAL;
    rp_store_add_up_gauges(store);
    if (reserve_points(store) < 0)
        return -ENOMEM;
    /* The points of an interval of no length belong to the one before it; without such a one, to
     * the next. */
    if (is_long || store->interval_count)
        append_points(store, at, store->interval_count - !is_long);
    rp_store_tell_interval(store, at);
    store->interval_count += is_long;
    store->last_tick = at;
    return 0;
}

const struct rp_point *rp_store_points(const struct rp_view *view, size_t *ret_count)
{
    const struct store_view *private = rp_container_of(view, struct store_view, view);

    *ret_count = private->point_count;
    return private->points;
}

size_t rp_store_fine_points(const struct rp_view *view)
{
    return rp_container_of(view, const struct store_view, view)->levels[0];
}

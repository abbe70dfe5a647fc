/* SPDX-License-Identifier: MIT */
/*
 * The running interval by series, for a user that wants to know. A series then has one sum more,
 * which is made with the series. A store whose intervals nobody asked for has none of this.
 */
#include "stats/store.h"

#include <errno.h>

#include "base/alloc.h"
#include "stats/stats_internal.h"

int rp_store_keep_intervals(struct rp_store *store, rp_store_interval_fn *fn, void *user)
{
    if (store->series_count)
        return -EINVAL;
    store->interval_fn = fn;
    store->interval_user = user;
    return 0;
}

int rp_store_prepare_interval(struct rp_store *store, struct store_series *series)
{
    if (!store->interval_fn)
        return 0;
    if (rp_stats_grow(&store->changes, sizeof(*store->changes), &store->change_cap,
                      store->series_count + 1) < 0)
        return -ENOMEM;
    series->interval = rp_alloc(sizeof(*series->interval));
    if (!series->interval)
        return -ENOMEM;
    rp_value_init(series->interval, series->series.type);
    return 0;
}

void rp_store_tell_interval(struct rp_store *store, rp_ns at)
{
    size_t count = 0;

    if (!store->interval_fn)
        return;
    for (size_t i = 0; i < store->series_count; i++) {
        struct store_series *series = store->series[i];

        if (series->interval->samples)
            store->changes[count++] = (struct rp_store_change){ &series->series, series->interval };
    }
    store->interval_fn(store->interval_user, store->last_tick, at - store->last_tick,
                       store->changes, count);
    for (size_t i = 0; i < store->series_count; i++) {
        struct rp_value *value = store->series[i]->interval;

        /* A series that was silent for an interval gives its memory back. */
        if (value->samples)
            rp_value_reset(value);
        else
            rp_value_deinit(value);
    }
}

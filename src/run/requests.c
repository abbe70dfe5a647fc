/* SPDX-License-Identifier: MIT */
#include "run/requests.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "plan/metrics.h"

/*
 * Both lists are sorted while they are made: a series finds its place by halving. There are as many
 * names as a tag may have values (plan/plan.h), and a few statuses of each.
 */

struct walk {
    struct rp_requests *requests;
    int error;
};

static const char *tag_of(const struct rp_store_series *series, const char *key)
{
    for (size_t i = 0; i < series->tag_count; i++)
        if (strcmp(series->tags[i][0], key) == 0)
            return series->tags[i][1];
    return "";
}

static void deinit_named(struct rp_named_requests *named)
{
    for (size_t i = 0; i < named->status_count; i++)
        rp_free(named->statuses[i].status);
    rp_free(named->statuses);
    rp_value_deinit(&named->duration);
    rp_free(named->name);
}

void rp_requests_deinit(struct rp_requests *requests)
{
    for (size_t i = 0; i < requests->count; i++)
        deinit_named(&requests->items[i]);
    rp_free(requests->items);
    *requests = (struct rp_requests){ 0 };
}

/* Where @key stands, or where it would have to stand, among @count items of @size bytes that begin
 * with a text each. */
static size_t place_of(const void *items, size_t count, size_t size, const char *key,
                       bool *ret_found)
{
    size_t low = 0, high = count;

    *ret_found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(*(char *const *)((const char *)items + middle * size), key);

        if (order == 0) {
            *ret_found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Makes room for an item at @place, which is zeroed but for a copy of @key at its start. */
static int insert(void **items, size_t *count, size_t *cap, size_t size, size_t place,
                  const char *key)
{
    size_t more = *cap ? *cap * 2 : 8;
    char *copy, *at;

    if (*count == *cap) {
        void *bigger = rp_realloc_array(*items, more, size);

        if (!bigger)
            return -ENOMEM;
        *items = bigger;
        *cap = more;
    }
    copy = rp_strdup(key);
    if (!copy)
        return -ENOMEM;
    at = (char *)*items + place * size;
    memmove(at + size, at, (*count - place) * size);
    memset(at, 0, size);
    *(char **)at = copy;
    ++*count;
    return 0;
}

/* The requests that a series is about. NULL for want of memory. */
static struct rp_named_requests *named_of(struct walk *walk, const struct rp_store_series *series)
{
    struct rp_requests *requests = walk->requests;
    const char *name = tag_of(series, "name");
    bool is_found;
    size_t place = place_of(requests->items, requests->count, sizeof(*requests->items), name,
                            &is_found);

    if (is_found)
        return &requests->items[place];
    walk->error = insert((void **)&requests->items, &requests->count, &requests->cap,
                         sizeof(*requests->items), place, name);
    if (walk->error < 0)
        return NULL;
    rp_value_init(&requests->items[place].duration, RP_TREND);
    return &requests->items[place];
}

static int count_status(struct rp_named_requests *named, const char *status, uint64_t count)
{
    bool is_found;
    size_t place = place_of(named->statuses, named->status_count, sizeof(*named->statuses), status,
                            &is_found);
    int r = is_found ? 0
                     : insert((void **)&named->statuses, &named->status_count, &named->status_cap,
                              sizeof(*named->statuses), place, status);

    if (r == 0)
        named->statuses[place].count += count;
    return r;
}

static void take_count(void *user, const struct rp_store_series *series,
                       const struct rp_value *total)
{
    struct walk *walk = user;
    struct rp_named_requests *named;

    if (walk->error || total->type != RP_COUNTER || !total->samples || rp_value_sum(total) < 1)
        return;
    named = named_of(walk, series);
    if (!named)
        return;
    named->count += (uint64_t)rp_value_sum(total);
    walk->error = count_status(named, tag_of(series, "status"), (uint64_t)rp_value_sum(total));
}

static void take_failures(void *user, const struct rp_store_series *series,
                          const struct rp_value *total)
{
    struct walk *walk = user;
    struct rp_named_requests *named;

    if (walk->error || total->type != RP_RATE || !total->samples)
        return;
    named = named_of(walk, series);
    if (named)
        named->failed += total->rate.hits;
}

/* A series may have no durations of its own, but those of other series of the name in its buckets. */
static void take_durations(void *user, const struct rp_store_series *series,
                           const struct rp_value *total)
{
    struct walk *walk = user;
    struct rp_named_requests *named;

    if (walk->error || total->type != RP_TREND || !(total->samples || total->hist.guests))
        return;
    named = named_of(walk, series);
    if (named)
        walk->error = rp_value_add(&named->duration, total);
}

/* Durations and failures may have been folded into series without a name: they belong to requests
 * that are counted elsewhere. */
static void drop_uncounted(struct rp_requests *requests)
{
    size_t kept = 0;

    for (size_t i = 0; i < requests->count; i++) {
        if (requests->items[i].count)
            requests->items[kept++] = requests->items[i];
        else
            deinit_named(&requests->items[i]);
    }
    requests->count = kept;
}

int rp_requests_collect(const struct rp_store *store, struct rp_requests *ret)
{
    struct walk walk = { .requests = ret };
    int r = 0;

    *ret = (struct rp_requests){ 0 };
    if (!store)
        return 0;
    r = rp_store_each_series(store, rp_builtin_name(RP_M_HTTP_REQS), take_count, &walk);
    if (r == 0)
        r = rp_store_each_series(store, rp_builtin_name(RP_M_HTTP_REQ_FAILED), take_failures,
                                 &walk);
    if (r == 0)
        r = rp_store_each_series(store, rp_builtin_name(RP_M_HTTP_REQ_DURATION), take_durations,
                                 &walk);
    drop_uncounted(ret);
    return r < 0 ? r : walk.error;
}

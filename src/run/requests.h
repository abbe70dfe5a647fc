/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * run/requests.h - the requests of a run by their names: what the table REQUESTS of the summary and
 * summary.requests of the result file show.
 *
 * A name is what the script gave as name=, else the URL. The numbers are sums over all other tags,
 * made of the series in the store, so that they are the same for any number of workers.
 */

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "stats/store.h"

struct rp_status_count {
    /* "200"; "0" of requests without a response; "" of those whose status is not known: there were
     * too many tags */
    char *status;
    uint64_t count;
};

struct rp_named_requests {
    char *name; /* "" of those that were folded: there were too many tags */
    uint64_t count, failed;
    struct rp_value duration;         /* http_req_duration: a trend of times */
    struct rp_status_count *statuses; /* sorted */
    size_t status_count, status_cap;
};

struct rp_requests {                 /* zeroed is valid */
    struct rp_named_requests *items; /* sorted by name */
    size_t count, cap;
};

/* @store may be NULL. Free *ret with rp_requests_deinit(), after a failure too. */
RP_NODISCARD int rp_requests_collect(const struct rp_store *store, struct rp_requests *ret);
void rp_requests_deinit(struct rp_requests *requests);

/* Whether every duration of the name is in its own histogram, and no other one. Otherwise the
 * histograms of series had no memory left (--series-memory), and what is in this one may be the
 * fast requests only: its percentiles and its buckets are then shown to nobody. */
static inline bool rp_requests_has_buckets(const struct rp_named_requests *requests)
{
    return requests->duration.hist.guests == 0;
}

/* A statistic of the durations in milliseconds; NaN without any, and for a percentile that is not
 * known. */
static inline double rp_requests_stat(const struct rp_named_requests *requests, struct rp_stat stat)
{
    bool needs_buckets = stat.kind == RP_STAT_MED || stat.kind == RP_STAT_P;

    if (needs_buckets && !rp_requests_has_buckets(requests))
        return NAN;
    return rp_value_stat(&requests->duration, true, stat, 0);
}

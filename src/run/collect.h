/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * run/collect.h - what the summary and the result file both show and the store holds only as
 * series: views in a stable order, checks by name, failed requests by kind.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "stats/store.h"

/* Every view: built-in metrics in the order of their table, then the script's own by name; a
 * metric's sub-metrics behind it. Which worker spoke first has no influence. *ret is an array of
 * borrowed views; free it with rp_free. */
RP_NODISCARD int rp_views_sorted(struct rp_store *store, struct rp_view ***ret, size_t *ret_count);

struct rp_check_count {
    char *group, *name; /* group "" when none */
    uint64_t passes, fails;
};

struct rp_check_counts { /* zeroed is valid */
    struct rp_check_count *items;
    size_t count, cap;
};

/* Sums the series of "checks" by group and name; sorted by them. */
RP_NODISCARD int rp_checks_collect(const struct rp_store *store, struct rp_check_counts *ret);
void rp_checks_deinit(struct rp_check_counts *checks);

struct rp_failed_request {
    char *error_code, *error,
        *status;         /* "" when the series has no such tag; of HTTP the status only */
    char *method, *name; /* of the most frequent example; of HTTP the method only */
    uint64_t count, example_count;
};

struct rp_failed_requests { /* zeroed is valid */
    struct rp_failed_request *items;
    size_t count, cap;
    uint64_t total;
};

/* Sums the failures in "http_req_failed" and "grpc_req_failed" of the series that carry an error or an error_code and were
 * not an expected response, and WebSockets that failed ("ws_errors"); most frequent first. */
RP_NODISCARD int rp_failed_requests_collect(const struct rp_store *store,
                                            struct rp_failed_requests *ret);
void rp_failed_requests_deinit(struct rp_failed_requests *failed);

/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * stats/unfinished.h - a request that was still under way when its iteration was interrupted.
 *
 * Nobody knows yet whether the server was slow or the end of the test merely came in between. That
 * can be judged only at the end of the run, by what the run's answered requests took, and only where
 * all workers' numbers are. So the worker counts the request and ships its times; the coordinator
 * judges it (coordinator/unfinished.h).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"

/* How far it had come. A phase that it had not reached is 0. */
struct rp_unfinished {
    uint32_t series; /* of the counter that has counted it, whose tags it has */
    bool was_sent;   /* at least in part */
    rp_ns blocked, looking_up, connecting;
    rp_ns tls_handshaking, sending, waiting, receiving;
};

/* What it had taken of http_req_duration, or grpc_req_duration; of a request that was never sent, all that it had
 * waited. */
static inline rp_ns rp_unfinished_age(const struct rp_unfinished *request)
{
    if (!request->was_sent)
        return rp_ns_add(rp_ns_add(request->blocked, request->looking_up),
                         rp_ns_add(request->connecting, request->tls_handshaking));
    return rp_ns_add(rp_ns_add(request->sending, request->waiting), request->receiving);
}

/* Is handed @count > 0 of them, borrowed until it returns. */
typedef void rp_unfinished_fn(void *user, const struct rp_unfinished *requests, size_t count);

struct rp_unfinished_list { /* zeroed: there are none */
    struct rp_unfinished *items;
    size_t count, cap;
};

/* A further one, to be filled in. NULL without memory. */
struct rp_unfinished *rp_unfinished_list_add(struct rp_unfinished_list *list);
/* Calls @fn once with all, if there are any, and forgets them. */
void rp_unfinished_list_take(struct rp_unfinished_list *list, rp_unfinished_fn *fn, void *user);
void rp_unfinished_list_deinit(struct rp_unfinished_list *list);

/* SPDX-License-Identifier: MIT */

/*
 * How much of a turn of the loop handshakes may take. Sixty connections that open in one turn would
 * stop the loop for that many milliseconds, and all VUs of the worker with it. So the steps that find the
 * time of their turn used up wait, in their order, and a deferred task goes on with them in the next turns.
 */

#include "net/net_internal.h"

#define TURN_MAX RP_MS

static void step(struct rp_tls_shared *shared, struct rp_tls *tls, struct rp_slice bytes, rp_ns at)
{
    rp_ns began = rp_clock_ns();

    rp_tls_step(tls, bytes, at);
    shared->spent += rp_clock_ns() - began;
}

static void turn_ends(struct rp_task *task)
{
    struct rp_tls_shared *shared = rp_container_of(task, struct rp_tls_shared, turn_ends);
    struct rp_list *node;

    while (shared->spent < TURN_MAX && (node = rp_list_pop(&shared->delayed))) {
        struct rp_tls *tls = rp_container_of(node, struct rp_tls, node);
        struct rp_buf bytes = tls->delayed;

        rp_buf_init(&tls->delayed, bytes.max);
        step(shared, tls, rp_buf_slice(&bytes), tls->delayed_at);
        rp_buf_deinit(&bytes);
    }
    shared->spent = 0;
    if (!rp_list_is_empty(&shared->delayed))
        rp_loop_defer(shared->loop, task, turn_ends);
}

int rp_tls_step_in_turn(struct rp_tls *tls, struct rp_slice bytes, rp_ns at)
{
    struct rp_tls_shared *shared = tls->context->shared;

    rp_loop_defer(shared->loop, &shared->turn_ends, turn_ends);
    if (shared->spent < TURN_MAX && rp_list_is_empty(&shared->delayed)) {
        step(shared, tls, bytes, at);
        return 0;
    }
    rp_buf_append_slice(&tls->delayed, bytes);
    if (tls->delayed.error)
        return tls->delayed.error;
    tls->delayed_at = at;
    if (!rp_list_is_linked(&tls->node))
        rp_list_append(&shared->delayed, &tls->node);
    return 0;
}

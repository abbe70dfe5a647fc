/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * output/delivery.h - takes bodies to a server, one after the other, in their order.
 *
 * A body waits until the one before it was taken. What waits is bounded in bytes: when the bound is
 * passed, the oldest bodies that wait are lost. A body is sent again, after a pause that grows, when
 * the connection failed, the answer took longer than its time-out, or was one that passes (struct
 * rp_answer). Any other answer but one that takes it loses it.
 *
 * While the run goes on, its loop (rp_sinks.loop) turns that of the requests (output/poster.h); at
 * the end the delivery turns it until everything is there or its time is over. So nothing of it can
 * hold up the run.
 */

#include "base/buf.h"
#include "base/error.h"
#include "output/output.h"
#include "output/poster.h"

#define RP_DELIVERY_TIMEOUT (10 * RP_S) /* default of struct rp_delivery_config.timeout */
#define RP_DELIVERY_WAIT (10 * RP_S)    /* default of struct rp_delivery_config.wait */
#define RP_DELIVERY_PROBE (5 * RP_S)    /* of the request before the run, at most */
#define RP_DELIVERY_PAUSE_MAX (30 * RP_S)
enum { RP_DELIVERY_WAITING = 32 << 20 };

struct rp_delivery;

struct rp_delivery_config {
    const char *name; /* the kind of output, for messages */
    struct rp_poster_config server;
    bool is_required; /* the run does not begin when the server cannot be reached */
    rp_ns timeout;    /* of one request; 0 = RP_DELIVERY_TIMEOUT */
    /* How many of the numbers of a body were not taken, by the body @answer of the answer that took
     * it: they are lost. What it says of them goes into @why. NULL = such answers take all. */
    uint64_t (*count_refused)(struct rp_slice answer, struct rp_buf *why);
    rp_ns wait; /* at the end: as long without a body that was taken, and three times in all */
};

/* Opens nothing yet. -RP_EUSER: the URL, a header or the proxy of the environment cannot be used. */
RP_NODISCARD int rp_delivery_new(const struct rp_delivery_config *config, struct rp_delivery **ret,
                                 struct rp_error *err);
/* Sends @body, before the run, which begins when the answer is there: where somebody waits for sinks
 * on the loop (rp_sinks.opened) the sink is opening until then, else this waits. @body is borrowed
 * for as long. -RP_EUSER for what will not heal: a name
 * that does not resolve, a certificate that is refused, 401, 403 and 404, in gRPC UNAUTHENTICATED,
 * PERMISSION_DENIED and UNIMPLEMENTED; with is_required for every
 * failure. Any other failure is a warning of the run. @sink is that of the output: who is told of
 * losses from now on, and whose list has the loop. */
RP_NODISCARD int rp_delivery_begin(struct rp_delivery *delivery, struct rp_sink *sink,
                                   struct rp_slice body, struct rp_error *err);
/* The loop of the run goes away. */
void rp_delivery_leave_loop(struct rp_delivery *delivery);
/* Hands over what @body holds, and empties it. @points: how many numbers these are, for people.
 * Without memory they are lost. */
void rp_delivery_put(struct rp_delivery *delivery, struct rp_buf *body, uint64_t points);
/* Waits until all is delivered, or the time for it is over. A negative code with @err when
 * anything was lost in the run: how much, and why. */
RP_NODISCARD int rp_delivery_end(struct rp_delivery *delivery, struct rp_error *err);
void rp_delivery_free(struct rp_delivery *delivery); /* NULL is allowed */

/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * net/dial.h - opens connections, for every protocol: waits out a back-off, looks the name up, tries its addresses, takes the
 * stack of transports through its handshakes, says how long each of these took, or why it came to nothing.
 *
 * A dialler belongs to one loop and has what all its dials share. A dial is one connection being opened; its memory is
 * one block that is gone when it has ended, so that an open connection pays nothing for it. A dial never ends inside
 * rp_dial_start(). Only a failure to connect leads to the next address; one of a layer's handshake is final.
 */

#include "net/dns.h"
#include "net/stack.h"

struct rp_dialler {
    struct rp_loop *loop;
    struct rp_resolver *resolver;
    uint64_t no_descriptors, no_ports; /* dials that failed for want of them */
};

RP_NODISCARD int rp_dialler_init(struct rp_dialler *dialler, struct rp_loop *loop);
void rp_dialler_deinit(
    struct rp_dialler *dialler); /* no dial may be left; a zeroed one is allowed */

/* What dials that should spare each other have in common. A server that refuses must not make its users spin: after two
 * failures in a row the next dial waits, 10 ms at first, 100 ms at most. Zeroed = none has failed. */
struct rp_backoff {
    unsigned failures; /* in a row */
    rp_ns last;        /* when the last of them ended */
};

/* Times of the phases that were reached, 0 for others. A look-up that was answered at once took none. */
struct rp_dial_times {
    rp_ns looking_up;
    rp_ns
        connecting; /* of all addresses that were tried, and of layers whose opening is no handshake */
    rp_ns handshaking; /* of layers whose opening is one */
};

/* The end: @failure is NULL when the stack is open, else it is closed. The dial itself is gone. */
typedef void rp_dialled_fn(void *user, const struct rp_net_failure *failure,
                           const struct rp_dial_times *times);

struct rp_dial_spec {
    struct rp_stack *stack;
    /* Of the open stack, from its first byte on. Their connected() is not used. */
    const struct rp_transport_events *events;
    const char *host; /* borrowed */
    uint16_t port;
    struct rp_backoff *backoff; /* borrowed */
    rp_ns deadline;             /* of the whole dial */
    rp_dialled_fn *done;
    void *user; /* of done() and, once open, of the top transport */
};

struct rp_dial;
/* -ENOMEM: nothing has begun. */
RP_NODISCARD int rp_dial_start(struct rp_dialler *dialler, const struct rp_dial_spec *spec,
                               struct rp_dial **ret);
/* Ends it without done(). The stack is closed, with a reset. */
void rp_dial_cancel(struct rp_dial *dial);
/* The times of the phases up to @now. */
struct rp_dial_times rp_dial_times(const struct rp_dial *dial, rp_ns now);

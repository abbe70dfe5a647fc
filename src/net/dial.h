/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * net/dial.h - opens connections, for every protocol.
 *
 * A dial is one connection that is being opened. It waits out the back-off, looks the name up,
 * tries its addresses (net/race.h) and lets the stack of transports do its handshakes. It
 * ends in one callback, which says how long each phase took, and why if the connection is not open.
 * Its memory is one block that is freed when it ends: an open connection pays nothing for having
 * been dialled. A dialler belongs to one loop and has what all its dials share.
 *
 * Only a failure to connect leads to the next address. A server that was reached and refused the
 * handshake would refuse it at its other addresses too.
 */

#include "net/destination.h"
#include "net/dns.h"
#include "net/local_ips.h"
#include "net/networks.h"
#include "net/stack.h"

/* Which one of several addresses of a family a dial tries first. Whatever it is, an address that does
 * not work gives way to the next one. */
enum rp_dial_select {
    RP_DIAL_BY_SPREAD, /* by the number of its user, so that each has one of its own */
    RP_DIAL_FIRST,
    RP_DIAL_IN_TURN,
    RP_DIAL_AT_RANDOM,
};

struct rp_dialler {
    struct rp_loop *loop;
    struct rp_resolver *resolver;
    enum rp_dial_select select;
    uint64_t random;             /* state of what is random, set by the user */
    struct rp_local_ips sources; /* that connections come from */
    struct rp_networks networks; /* that they may lead to; then sockets of this machine are out */
    uint64_t no_descriptors, no_ports; /* how many dials failed for want of them */
};

RP_NODISCARD int rp_dialler_init(struct rp_dialler *dialler, struct rp_loop *loop);
void rp_dialler_deinit(
    struct rp_dialler *dialler); /* no dial may be left; a zeroed one is allowed */

/* How long each phase took. 0 = the phase was not reached, or the look-up was answered at once. */
struct rp_dial_times {
    rp_ns looking_up;
    /* All addresses that were tried, and the opening of layers that is no handshake, such as what a
     * proxy is asked. */
    rp_ns connecting;
    rp_ns handshaking;
};

/* The end of a dial, never called inside rp_dial_start(). @failure: NULL = the stack is open; else
 * it is closed. The dial itself is freed already. */
typedef void rp_dialled_fn(void *user, const struct rp_net_failure *failure,
                           const struct rp_dial_times *times);

struct rp_dial_spec {
    struct rp_stack *stack;
    /* What the open stack calls, from its first byte on. Their connected() is not used. */
    const struct rp_transport_events *events;
    const char *host; /* borrowed */
    uint16_t port;
    const char *unix_path; /* a socket of this machine instead, borrowed; NULL = none */
    /* A further host, of which the stack needs an address before it is opened: found() is told one. */
    const char *far_host; /* borrowed; NULL = there is none */
    void (*found)(void *user, const struct rp_address *address);
    /* Borrowed, of all dials to this host and port: they wait for one another's failures, and know
     * which addresses work. */
    struct rp_destination *destination;
    unsigned spread; /* dials with another number prefer another address of the host */
    const struct rp_address
        *aim; /* this one is tried first, whatever the dialler selects; NULL = none */
    /* Before done(): the address that was connected, even if the handshake has failed, or the only one that
     * there was, even if it was not connected; empty = none of several was. NULL = nobody asks. It may be what @aim points to. */
    struct rp_address *peer;
    rp_ns deadline; /* when the dial ends at the latest */
    /* How long it may take after the back-off, and how long the handshakes of the layers; 0 = until the
     * deadline. */
    rp_ns timeout, handshake_timeout;
    rp_dialled_fn *done;
    void *user; /* goes to done() and, once it is open, into the top transport */
};

struct rp_dial;
/* -ENOMEM: nothing has begun. */
RP_NODISCARD int rp_dial_start(struct rp_dialler *dialler, const struct rp_dial_spec *spec,
                               struct rp_dial **ret);
/* Frees the dial without a call of done(). The stack is closed, with a reset. */
void rp_dial_cancel(struct rp_dial *dial);
/* How long each phase has taken up to @now. */
struct rp_dial_times rp_dial_times(const struct rp_dial *dial, rp_ns now);

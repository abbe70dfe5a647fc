/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * net/race.h - connects to the first of several addresses that answers (RFC 8305, 5).
 *
 * The addresses are tried in their order. The next one is tried as soon as one has failed, or when
 * none has answered for 250 ms; those that were tried before go on. So an address that swallows
 * what is sent to it costs 250 ms, and not the whole time limit.
 */

#include "net/destination.h"
#include "net/failure.h"
#include "net/local_ips.h"

#define RP_ATTEMPT_DELAY (250 * RP_MS)

struct rp_race;
/* The end, never called inside rp_race_start(). @fd: a connected socket, the callee's from here on;
 * or -1 when every address has failed, the last one by @failure. The race may be freed. */
typedef void rp_raced_fn(struct rp_race *race, int fd, const struct rp_net_failure *failure);

struct rp_attempt {
    struct rp_watch watch;
    struct rp_race *race;
    int fd; /* -1 = it has failed, or has not begun */
};

struct rp_race { /* embedded by its user */
    struct rp_loop *loop;
    struct rp_destination *destination; /* is told who fails, who wins */
    const struct rp_address *addresses; /* borrowed */
    uint16_t port;
    const struct rp_local_ips *sources; /* that the sockets are bound to */
    unsigned spread;                    /* which of them */
    size_t count, next, under_way;
    size_t winner; /* of the addresses, when done() is given a socket */
    rp_raced_fn *done;
    struct rp_timer timer;
    struct rp_attempt attempts[RP_ADDRESSES_MAX];
};

/* @count: 1 to RP_ADDRESSES_MAX. The sources are set before. */
void rp_race_start(struct rp_race *race, struct rp_loop *loop, struct rp_destination *destination,
                   const struct rp_address *addresses, size_t count, uint16_t port,
                   rp_raced_fn *done);
/* Ends the race without a callback; no-op when it is over. */
void rp_race_cancel(struct rp_race *race);

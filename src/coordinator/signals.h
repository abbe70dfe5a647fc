/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * coordinator/signals.h - the signals that steer a run, taken over while it lasts: SIGINT, SIGTERM,
 * SIGHUP (unless it is ignored), SIGUSR1, SIGUSR2.
 */

#include <signal.h>

#include "base/compiler.h"
#include "loop/loop.h"

struct rp_signals { /* embedded; zeroed = none taken */
    struct rp_watch watch;
    int fd;
    bool is_blocking;
    sigset_t old;
    void (*came)(struct rp_signals *signals, int number);
};

/* From now on they are blocked, and @came is told of them. -errno; to be released in every case. */
RP_NODISCARD int rp_signals_take(struct rp_signals *signals, struct rp_loop *loop,
                                 void (*came)(struct rp_signals *signals, int number));
void rp_signals_release(struct rp_signals *signals);

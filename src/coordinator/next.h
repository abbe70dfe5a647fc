/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * coordinator/next.h - what follows from something that has happened. Whoever takes a message,
 * judges, or sees a worker end only decides; coordinator.c acts. Why something follows is in the
 * result or in the error already.
 */

#include "base/slice.h"
#include "base/time.h"

struct rp_peer;
struct rp_result_adjustment;

enum rp_next_kind {
    RP_NEXT_NOTHING,
    RP_NEXT_LOAD,    /* @peer gets the script */
    RP_NEXT_START,   /* the plan is known: the other workers are started */
    RP_NEXT_PLAN,    /* @peer gets the plan */
    RP_NEXT_LOOK,    /* what the workers have come to decides: rp_phase_next() */
    RP_NEXT_SETUP,   /* the first worker runs setup() */
    RP_NEXT_SHARE,   /* the others get @data, which setup() returned */
    RP_NEXT_RUN,     /* all start */
    RP_NEXT_ROUND,   /* every worker has told how far it is: that is published and judged */
    RP_NEXT_ABANDON, /* the iterations are not to begin; what setup() may have made is torn down */
    RP_NEXT_STOP,    /* no new iterations, and @grace for those that run */
    RP_NEXT_PAUSE,   /* no iteration starts */
    RP_NEXT_RESUME,
    RP_NEXT_ADJUST,   /* all workers are told of @adjustment */
    RP_NEXT_FINISHED, /* the iterations of all workers are over */
    RP_NEXT_TEARDOWN, /* the first worker runs teardown(), if there is one */
    RP_NEXT_LEAVE,    /* all are asked for their totals and to end; @status < 0: there is no run */
    RP_NEXT_END,      /* @peer has said its last word */
    RP_NEXT_KILL,     /* @peer is ended, for a reason that was told */
    RP_NEXT_KILL_ALL, /* all are, because somebody wants it */
    RP_NEXT_OVER      /* no worker is left */
};

struct rp_next {
    enum rp_next_kind kind;
    struct rp_peer *peer;
    int status;
    rp_ns grace;
    struct rp_slice data; /* borrowed: of the message that was taken */
    rp_ns elapsed;        /* of the round, by the workers' clock */
    const struct rp_result_adjustment *adjustment;
};

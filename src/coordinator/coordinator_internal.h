/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * coordinator/coordinator_internal.h - the state of a run. Its parts are their owners'; what is
 * left here belongs to coordinator.c, which is the only one that acts. The others look at it and
 * decide what follows (next.h).
 *
 *   coordinate.c     makes a run, and unmakes it
 *   coordinator.c    acts: leads the workers from phase to phase
 *   control.c        what users ask for, by signals or as a program
 *   receive.c        what follows from a message       loss.c   from the end of a worker, or its silence
 *   judge.c          the verdict, live and final       phase.c  from what the workers have come to
 *   publish.c        tells who listens                 merge.c  adds up what the workers measured
 *   measured.c       hands that to the sinks
 *   pauses.c signals.c preflight.c judge_generator.c peer.c and the kinds of workers: know nothing of a run
 */

#include "coordinator/coordinator.h"
#include "coordinator/judge.h"
#include "coordinator/measured.h"
#include "coordinator/merge.h"
#include "coordinator/pauses.h"
#include "coordinator/peer.h"
#include "coordinator/peer_local.h"
#include "coordinator/phase.h"
#include "coordinator/publish.h"
#include "coordinator/signals.h"
#include "run/control.h"

struct rp_coordinator {
    const struct rp_coordinator_config *config;
    struct rp_control control; /* for the sinks */
    struct rp_loop *loop;
    struct rp_result *result;
    struct rp_error *err;
    int status; /* of the whole: 0 or a negative code with @err filled */
    bool plan_only;
    enum rp_phase phase;
    bool is_set_up;      /* setup() has succeeded */
    bool is_stopping;    /* the iterations are not to begin, or not to go on */
    bool has_finished;   /* the executors of every worker that is left, and there is one */
    unsigned stops_seen; /* signals, and requests of the program */
    char *declaration;   /* the first worker's */
    struct rp_buf plan_json;
    struct rp_timer tick;
    struct rp_peers peers;
    struct rp_merging merging;
    struct rp_measured measured;
    struct rp_pauses pauses;
    struct rp_judging judging;
    struct rp_publishing publishing;
    struct rp_signals signals;
    /* Of a run on a loop that others turn. */
    struct rp_peer_local local;
    struct rp_task end_task;
    void (*conclude)(struct rp_task *end_task); /* NULL: somebody turns the loop until it is over */
    void (*over)(void *user, int status);
    void *over_user;
};

/* Of the executors, without pauses. */
static inline rp_ns rp_coordinator_elapsed(const struct rp_coordinator *c)
{
    return c->has_finished ? c->result->elapsed
                           : rp_pauses_elapsed(&c->pauses, rp_loop_now(c->loop));
}

/* ---- coordinator.c --------------------------------------------------------------------------- */

extern const struct rp_peers_events rp_coordinator_peers_events;
/* The first worker, and the clock. */
RP_NODISCARD int rp_coordinator_start(struct rp_coordinator *c);
/* Does it, and what follows. */
void rp_coordinator_act(struct rp_coordinator *c, struct rp_next next);

/* ---- control.c ------------------------------------------------------------------------------- */

extern const struct rp_control_ops rp_coordinator_control_ops;
void rp_coordinator_signal(struct rp_signals *signals, int number);

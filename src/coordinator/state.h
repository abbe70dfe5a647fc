/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * coordinator/state.h - the state of a run. Most of its parts are structs of their owners. What is
 * left belongs to coordinator.c, which is the only one that acts. The files that decide (judge.c,
 * loss.c, receive.c) and the one that tells (publish.c) look at it.
 */

#include "coordinator/config.h"
#include "coordinator/measured.h"
#include "coordinator/merge.h"
#include "coordinator/pauses.h"
#include "coordinator/peer.h"
#include "coordinator/peer_local.h"
#include "coordinator/phase.h"
#include "coordinator/signals.h"
#include "run/control.h"
#include "run/sink.h"

/* Of judge.c. Zeroed: nothing is judged yet. */
struct rp_judging {
    rp_ns next;    /* by the workers' time: when thresholds are judged again */
    bool has_told; /* how they are while it runs, for the first time */
};

/* Of publish.c. Zeroed: nothing was told yet. */
struct rp_publishing {
    enum rp_run_phase published_phase;
    bool has_published_phase;
    bool has_snapshot;
    rp_ns last_snapshot;                /* of the run, pauses included */
    unsigned char told[RP_CAUSE_COUNT]; /* of each cause: the verdict that was published */
};

struct rp_coordinator {
    const struct rp_coordinator_config *config;
    struct rp_control control; /* for the sinks */
    struct rp_loop *loop;
    struct rp_result *result;
    struct rp_error *err;
    int status; /* of the whole: 0 or a negative code with @err filled */
    bool plan_only;
    enum rp_phase phase;
    bool is_opening;     /* the plan waits for outputs */
    bool is_stopping;    /* the iterations are not to begin, or not to go on */
    bool has_finished;   /* the executors of every worker that is left, and there is one */
    bool was_stopped;    /* by a signal or by whoever has the control */
    bool has_signal;     /* one that stops: the next one ends all at once */
    bool has_killed_all; /* as somebody wanted it */
    char *declaration;   /* the first worker's */
    struct rp_buf plan_json;
    struct rp_timer tick;
    struct rp_peers peers;
    struct rp_merging merging;
    struct rp_measured measured;
    struct rp_pauses pauses;
    struct rp_judging judging;
    struct rp_publishing publishing;
    unsigned shown;    /* exchanges that were shown */
    bool is_shown_out; /* no further one is */
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

/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * sched/executor.h - when iterations start and when they must end.
 *
 * An executor owns the time of one scenario: start_time, regular time, graceful stop. It has numbered slots (VUs of
 * its own, from 0) and asks its user to begin iterations on them; the user tells when one has ended. Nothing here knows
 * what an iteration is. What kinds differ in is one small ops table (executor kinds at the end of executor.c).
 *
 * Accounting: `scheduled` iterations are those the schedule asked for, `dropped` those of them that never began. The
 * user counts started, completed and interrupted ones by itself, so that the identity between both is a check.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/time.h"
#include "loop/loop.h"
#include "plan/plan.h"

struct rp_execution;

struct rp_execution_user {
    /* Begin iteration @iteration (from 0, unique in the scenario) on the idle @slot, soon; @due is when it should begin,
     * which is where its time is measured from. Must not call
     * rp_execution_ended() from inside. */
    void (*begin)(struct rp_execution *executor, int64_t slot, uint64_t iteration, rp_ns due);
    /* The time is over for what runs on @slot: interrupt it now; rp_execution_ended() must follow, now or later. */
    void (*interrupt)(struct rp_execution *executor, int64_t slot);
    /* Nothing runs any more and nothing will. Once. */
    void (*finished)(struct rp_execution *executor);
};

enum rp_execution_state {
    RP_EXECUTION_WAITING,      /* for start_time */
    RP_EXECUTION_RUNNING,      /* regular time */
    RP_EXECUTION_STOPPING,     /* no new iteration; running ones may finish */
    RP_EXECUTION_INTERRUPTING, /* running ones have been told to end */
    RP_EXECUTION_FINISHED,
};

struct rp_executor_ops;

struct rp_execution { /* embedded by the user; fields are read only */
    const struct rp_executor_ops *ops;
    const struct rp_execution_user *user;
    const struct rp_scenario *scenario;
    struct rp_loop *loop;
    enum rp_execution_state state;
    rp_ns origin;          /* when regular time began */
    struct rp_timer timer; /* of the next change of state */
    int64_t slot_count, active;
    uint64_t scheduled, dropped;
    uint64_t next_iteration;
    uint64_t *slot_iterations; /* begun on each slot */
    uint8_t *slot_is_active;
};

/* Slots a scenario needs at most. */
int64_t rp_execution_slots(const struct rp_scenario *scenario);

/* -ENOMEM, or -ENOTSUP for an executor that this version does not run. */
RP_NODISCARD int rp_execution_init(struct rp_execution *executor,
                                   const struct rp_scenario *scenario, struct rp_loop *loop,
                                   const struct rp_execution_user *user);
void rp_execution_deinit(struct rp_execution *executor); /* zeroed is allowed */

/* The run's executors start at @at; this one start_time later. */
void rp_execution_start(struct rp_execution *executor, rp_ns at);
/* The iteration on @slot has ended, completed or interrupted; or it never began (@began false): then it is dropped when
 * the schedule has a number of iterations, and as if it had not been asked for when it has none. */
void rp_execution_ended(struct rp_execution *executor, int64_t slot, bool began, rp_ns now);
/* Whether an iteration that was asked for may still begin at @now: false after the regular end and after a stop. The
 * user asks when it has kept one waiting. */
static inline bool rp_execution_may_begin(const struct rp_execution *executor, rp_ns now)
{
    return executor->state == RP_EXECUTION_RUNNING && now < executor->timer.deadline;
}
/* No new iteration from now on; what runs may finish until @deadline (or the executor's own limit, if earlier). */
void rp_execution_stop(struct rp_execution *executor, rp_ns deadline);

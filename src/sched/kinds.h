/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * sched/kinds.h - what the kinds of executors differ in, and what executor.c does for them.
 */

#include "sched/executor.h"

struct rp_executor_ops {
    /* The schedule owes iterations: one that was asked for and does not begin is dropped. Else it
     * was only an opportunity for one. */
    bool owes;
    /* The executor is done as soon as `total` iterations have ended, without waiting for the
     * regular end. */
    bool ends_with_total;
    /* An iteration may begin up to RP_LATE_BEGIN after the regular end. */
    bool begins_late;
    /* The VUs that a scenario of this kind needs at most, those of all workers together. */
    int64_t (*slots)(const struct rp_scenario *scenario);
    /* Sets the members that the kind decides: total, made, work, kind, the flags of slots. May be
     * NULL. On failure deinit() follows. */
    int (*init)(struct rp_executor *executor, const struct rp_executor_share *share);
    void (*deinit)(struct rp_executor *executor); /* may be NULL */
    /* Carries out the schedule up to @now, which may be after the regular end. False: there is more
     * to do; call again in the next turn. NULL when the schedule has no events; `kind` stays NULL
     * then. */
    bool (*advance)(struct rp_executor *executor, rp_ns now);
    /* The time of the next event, counted from origin. RP_NS_NEVER when there is none. */
    rp_ns (*next)(const struct rp_executor *executor);
    /* @slot has been idle since @at: give it an iteration, or keep it idle. Also called for slots
     * without a flag when the regular time begins and when a pause ends. */
    void (*idle)(struct rp_executor *executor, int64_t slot, rp_ns at);
    double (*rate)(const struct rp_executor *executor, rp_ns elapsed); /* NULL = 0 */
    /* How many own VUs are to loop now; NULL = 0. */
    int64_t (*vus_wanted)(const struct rp_executor *executor);
    /* From @at on, which counts from origin and is within the regular time, the load is @value. Not
     * called after the regular time. -ENOMEM: then all is as before. NULL: this cannot be. */
    int (*adjust)(struct rp_executor *executor, double value, rp_ns at, bool hold);
};

extern const struct rp_executor_ops rp_constant_vus;
extern const struct rp_executor_ops rp_ramping_vus;
extern const struct rp_executor_ops rp_shared_iterations;
extern const struct rp_executor_ops rp_per_vu_iterations;
extern const struct rp_executor_ops rp_constant_arrival_rate;
extern const struct rp_executor_ops rp_ramping_arrival_rate;

/* ---- ramping.c ------------------------------------------------------------------------------- */

/* Makes an executor of constant-vus one whose VUs follow a schedule, and adjusts it: see
 * adjust(). */
RP_NODISCARD int rp_ramping_take_over(struct rp_executor *executor, double value, rp_ns at,
                                      bool hold);

/* ---- executor.c ------------------------------------------------------------------------------ */

/* Makes `work` the share's segment of numbers that @v VUs (the whole's) do. -ENOMEM, -EINVAL. */
RP_NODISCARD int rp_executor_rescale(struct rp_executor *executor,
                                     const struct rp_executor_share *share, int64_t v);
/* Gives @slot, idle, the iteration @iteration. begin_until must have been looked at. */
void rp_executor_begin(struct rp_executor *executor, int64_t slot, uint64_t iteration, rp_ns due);
/* Interrupts what runs on @slot, unless that was done. */
void rp_executor_interrupt(struct rp_executor *executor, int64_t slot);
/* Acts on the schedule until @now, and arms for what follows. */
void rp_executor_advance(struct rp_executor *executor, rp_ns now);
/* Ends the regular time if it is over at @now: the clock decides, not the order of timers. */
void rp_executor_end_if_over(struct rp_executor *executor, rp_ns now);

static inline rp_ns rp_executor_end(const struct rp_executor *executor)
{
    return rp_ns_add(executor->origin, executor->regular);
}

/* The number of the next iteration of a kind that hands them out one after the other. */
static inline uint64_t rp_executor_next_number(struct rp_executor *executor)
{
    uint64_t own = executor->handed++;

    /* A single worker owns every number: that saves two divisions an iteration. */
    return executor->work->slots == 1 ? own
                                      : (uint64_t)rp_segment_nth(executor->work, (int64_t)own);
}

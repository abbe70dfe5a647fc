/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * sched/executor.h - when iterations start and when they must end.
 *
 * An executor owns the time of one scenario: start_time, regular time, graceful stop. It has
 * numbered slots (VUs of its own, from 0) and asks its user to begin iterations on them; the user
 * tells when one has ended. Nothing here knows what an iteration is. What kinds differ in is one
 * ops table each (sched/kinds.h), over the pure schedules of sched/schedule.h; all their times
 * count from `origin`, so that a pause moves everything by moving that.
 *
 * Accounting: `scheduled` iterations are those the schedule asked for, `dropped` those of them that
 * never began. The user counts started, completed and interrupted ones by itself, so that the
 * identity between both is a check.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/time.h"
#include "loop/loop.h"
#include "plan/plan.h"
#include "sched/segment.h"

struct rp_executor;

struct rp_executor_user {
    /* Begin iteration @iteration (from 0, unique in the scenario, all workers') on the idle @slot,
     * soon; @due is when it should begin, which is where its time is measured from. Must not call
     * rp_executor_ended() from inside. */
    void (*begin)(struct rp_executor *executor, int64_t slot, uint64_t iteration, rp_ns due);
    /* The time is over for what runs on @slot: interrupt it now; rp_executor_ended() must follow,
     * now or later. Once an iteration. */
    void (*interrupt)(struct rp_executor *executor, int64_t slot);
    /* Make the VU of @slot, the next one, soon; rp_executor_made() must follow, not from inside. */
    void (*make)(struct rp_executor *executor, int64_t slot);
    /* Nothing runs any more and nothing will. Once. */
    void (*finished)(struct rp_executor *executor);
};

enum rp_executor_state {
    RP_EXECUTOR_WAITING,      /* for start_time */
    RP_EXECUTOR_RUNNING,      /* regular time */
    RP_EXECUTOR_STOPPING,     /* no new iteration; running ones may finish */
    RP_EXECUTOR_INTERRUPTING, /* running ones have been told to end */
    RP_EXECUTOR_FINISHED,
};

enum rp_slot_flag { /* 0: idle, and may be given an iteration */
                    RP_SLOT_ACTIVE = 1,
                    RP_SLOT_UNWANTED = 2,    /* the schedule wants no further iteration on it now */
                    RP_SLOT_INTERRUPTED = 4, /* has been told to end */
};

/* The part of the work that is this worker's. */
struct rp_executor_share {
    /* NULL = all of the work. Borrowed for the executor's life. */
    const struct rp_segment_sequence *sequence;
    size_t index;
    uint64_t seed; /* of the plan: random arrivals */
};

struct rp_executor_ops;

struct rp_executor { /* embedded by the user; fields are read only */
    const struct rp_executor_ops *ops;
    const struct rp_executor_user *user;
    const struct rp_scenario *scenario;
    struct rp_loop *loop;
    enum rp_executor_state state;
    bool is_paused;
    rp_ns origin;            /* when regular time begins; a pause moves it */
    rp_ns regular;           /* how long that is */
    rp_ns begin_until;       /* no iteration begins at or after; INT64_MIN = none at all */
    rp_ns next_at;           /* when the schedule goes on */
    rp_ns paused_at;         /* when is_paused */
    rp_ns ran;               /* how much of the regular time has been, once it is over */
    struct rp_timer timer;   /* of the next change of state */
    struct rp_timer advance; /* of next_at */
    int64_t slot_count;      /* own slots at most */
    int64_t made;            /* own slots that have a VU */
    int64_t active;
    /* Iterations of this share in all; 0 = as many as the time allows, or not known. */
    uint64_t total;
    uint64_t scheduled, dropped;
    uint64_t without_vu;       /* those dropped ones that were due when no VU was free */
    uint64_t late_drops;       /* those dropped ones that came RP_LATE_ARRIVAL after their time */
    uint64_t handed;           /* how many were asked for: the own number of the next */
    uint64_t *slot_iterations; /* begun on each slot */
    uint8_t *slot_flags;       /* enum rp_slot_flag */
    const struct rp_segment *vus;        /* whose VU numbers are own */
    const struct rp_segment *work;       /* whose iteration numbers are own */
    struct rp_segment_sequence rescaled; /* owned; what `work` is in, when it is not the share's */
    void *kind;                          /* private to the kind */
};

/* VUs that a scenario needs at most, all workers' together. */
int64_t rp_executor_slots(const struct rp_scenario *scenario);

/* @share may be NULL: everything, seed 0. -ENOMEM, or what the schedules say. A share may be empty:
 * then the executor finishes when its regular time begins. */
RP_NODISCARD int rp_executor_init(struct rp_executor *executor, const struct rp_scenario *scenario,
                                  struct rp_loop *loop, const struct rp_executor_user *user,
                                  const struct rp_executor_share *share);
void rp_executor_deinit(struct rp_executor *executor); /* zeroed is allowed */

/* The run's executors start at @at; this one start_time later. */
void rp_executor_start(struct rp_executor *executor, rp_ns at);
/* The iteration on @slot has ended, completed or interrupted; or it never began (@began false):
 * then it is dropped when the schedule owes iterations, and as if it had not been asked for when it
 * only asks for VUs. */
void rp_executor_ended(struct rp_executor *executor, int64_t slot, bool began, rp_ns now);
/* The answer to make(): there is a VU on @slot now, or there cannot be one (then no further one is
 * asked for). */
void rp_executor_made(struct rp_executor *executor, int64_t slot, bool ok);
/* Whether the iteration that was asked for on @slot may still begin at @now: false after the
 * regular end, after a stop, while paused, and when the schedule has taken the VU away since. The
 * user asks when it has kept one waiting. An arrival that was due by the end may begin a little
 * later: see RP_LATE_BEGIN. */
static inline bool rp_executor_may_begin(const struct rp_executor *executor, int64_t slot,
                                         rp_ns now)
{
    return now < executor->begin_until && executor->slot_flags[slot] == RP_SLOT_ACTIVE;
}
/* Arrivals are due at moments, the last ones right before the regular end or, of a ramping rate, at
 * it. A generator that is late by microseconds must not lose those: what was due by the end and
 * finds a VU begins up to this much after it. */
#define RP_LATE_BEGIN (100 * RP_MS)
/* An arrival that is looked at later than this was kept from its VU by the generator, whether or
 * not it finds one now. */
#define RP_LATE_ARRIVAL (20 * RP_MS)

/* No new iteration from now on; what runs may finish until @deadline (or the executor's own limit,
 * if earlier). Ends a pause. */
void rp_executor_stop(struct rp_executor *executor, rp_ns deadline);
/* The schedule and the regular time stop at @now, and go on at resume's. What was asked for and has
 * not begun waits (the user moves its due time by as much). What runs goes on running; a graceful
 * stop goes on too. No-op when nothing is left to hold or when paused already; resume: when not
 * paused. */
void rp_executor_pause(struct rp_executor *executor, rp_ns now);
void rp_executor_resume(struct rp_executor *executor, rp_ns now);

/* ---- how far it is --------------------------------------------------------------------------- */

/* Of its regular time, without pauses. */
rp_ns rp_executor_elapsed(const struct rp_executor *executor, rp_ns now);
/* The present stage of ramping executors, from 0 (the last one when over); else -1. */
int64_t rp_executor_stage(const struct rp_executor *executor, rp_ns now);
/* Arrivals per second that this share wants now; 0 for other executors, and outside the regular
 * time. */
double rp_executor_rate(const struct rp_executor *executor, rp_ns now);

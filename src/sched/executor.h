/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * sched/executor.h - when iterations start and when they must end.
 *
 * An executor owns the time of one scenario: start_time, regular time, graceful stop. It has
 * numbered slots, from 0, one for each VU of its own. It asks its user to begin iterations on them,
 * and the user tells when an iteration has ended. Nothing here knows what an iteration is. What the
 * kinds of executors differ in stands in one table of functions each (sched/kinds.h), made on the
 * pure schedules of sched/schedule.h. All times of a schedule count from `origin`: a pause moves
 * `origin`, and with it everything.
 *
 * Accounting: `scheduled` are the iterations that the schedule asked for, `dropped` those of them
 * that never began. The user counts started, completed and interrupted iterations by itself, so
 * that comparing both is a check.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/time.h"
#include "loop/loop.h"
#include "plan/plan.h"
#include "plan/segment.h"

struct rp_executor;

struct rp_executor_user {
    /* Begin the iteration @iteration on the idle @slot, soon. Its number counts from 0 and is
     * unique in the scenario, among all workers. Its time is measured from @due, when it should
     * begin. Must not call rp_executor_ended() from inside. */
    void (*begin)(struct rp_executor *executor, int64_t slot, uint64_t iteration, rp_ns due);
    /* The time of the iteration on @slot is over: interrupt it now. rp_executor_ended() must
     * follow, at once or later. Called at most once for an iteration. */
    void (*interrupt)(struct rp_executor *executor, int64_t slot);
    /* Make the VU of @slot, which is the next slot, soon. rp_executor_made() must follow, but not
     * from inside. */
    void (*make)(struct rp_executor *executor, int64_t slot);
    /* Nothing runs any more, and nothing will. Called once. */
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
    /* Of several runs that share the work, on several machines: which part this run has. @sequence
     * shares out that part then. NULL = this run has all of it. */
    const struct rp_segment_sequence *run;
    size_t run_index;
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
    struct rp_segment_sequence own_vus;  /* owned; what `vus` is in, when it is a part of a part */
    struct rp_segment_sequence rescaled; /* owned; what `work` is in, when it is not `vus` */
    void *kind;                          /* private to the kind */
};

/* The number of VUs that a scenario needs at most, those of all workers together. */
int64_t rp_executor_slots(const struct rp_scenario *scenario);

/* @share NULL: all of the work, seed 0. A share may be empty: then the executor finishes when its
 * regular time begins. -ENOMEM, or an error of the schedule. */
RP_NODISCARD int rp_executor_init(struct rp_executor *executor, const struct rp_scenario *scenario,
                                  struct rp_loop *loop, const struct rp_executor_user *user,
                                  const struct rp_executor_share *share);
void rp_executor_deinit(struct rp_executor *executor); /* zeroed is allowed */

/* All executors of the run start at @at; this one begins its regular time start_time later. */
void rp_executor_start(struct rp_executor *executor, rp_ns at);
/* The iteration on @slot has ended, completed or interrupted. @began false: it never began. Then it
 * is dropped if the schedule owes iterations; if the schedule only asks for VUs, it counts as never
 * asked for. */
void rp_executor_ended(struct rp_executor *executor, int64_t slot, bool began, rp_ns now);
/* The answer to make(). @ok false: the VU could not be made, and the executor asks for no further
 * one. */
void rp_executor_made(struct rp_executor *executor, int64_t slot, bool ok);
/* Whether the iteration that was asked for on @slot may still begin at @now. The user asks when it
 * has kept an iteration waiting. False after the regular end, after a stop, while paused, and when
 * the schedule has meanwhile taken the VU away. An arrival that was due by the end may begin a
 * little later: see RP_LATE_BEGIN. */
static inline bool rp_executor_may_begin(const struct rp_executor *executor, int64_t slot,
                                         rp_ns now)
{
    return now < executor->begin_until && executor->slot_flags[slot] == RP_SLOT_ACTIVE;
}
/* How long after the regular end an iteration may begin that was due by then and has a VU. Arrivals
 * are due at moments, the last ones right before the regular end or, with a ramping rate, exactly
 * at it. A generator that is late by microseconds must not lose them. */
#define RP_LATE_BEGIN (100 * RP_MS)
/* An arrival that the executor comes to see later than this was held up by the generator, whether
 * or not it then finds a VU. */
#define RP_LATE_ARRIVAL (20 * RP_MS)

/* No iteration begins from now on. Those that run may finish until @deadline, or until the
 * executor's own limit if that is earlier. Ends a pause. */
void rp_executor_stop(struct rp_executor *executor, rp_ns deadline);
/* A pause stops the schedule and the regular time at @now; a resume lets them go on. An iteration
 * that was asked for and has not begun waits, and the user moves its due time by the length of the
 * pause. Iterations that run go on, and so does a graceful stop. No-op when paused already, or when
 * nothing is left to hold; a resume when not paused. */
void rp_executor_pause(struct rp_executor *executor, rp_ns now);
void rp_executor_resume(struct rp_executor *executor, rp_ns now);

/* From @at on, the load of the whole scenario is @value: so many VUs, or arrivals per time_unit.
 * This counts until the present stage ends, or with @hold to the end of the regular time, or until
 * the next adjustment (see sched/schedule.h). @at counts from the start of the executors, without
 * pauses. A moment before start_time is start_time; one after the regular time changes nothing, nor
 * does anything change once the regular time is over.
 *
 * @at may have passed. Then the executor catches up with the schedule as it is now: iterations that
 * it should have begun begin late, or are dropped, VUs come and go at once, and of arrivals that
 * came too early as many fewer come next. So all workers end with the same schedule.
 *
 * VUs that are taken away have graceful_ramp_down to end their iteration, those of constant-vus
 * graceful_stop. @value is at most what rp_executor_slots() says, or any rate that a plan can have.
 * -ENOMEM: then all is as before; -ENOTSUP: the kind of executor has no load to adjust. */
RP_NODISCARD int rp_executor_adjust(struct rp_executor *executor, double value, rp_ns at,
                                    bool hold);

/* ---- how far it is --------------------------------------------------------------------------- */

/* How much of the regular time has passed, without pauses. */
rp_ns rp_executor_elapsed(const struct rp_executor *executor, rp_ns now);
/* The present stage of a ramping executor, from 0; the last one when it is over. -1 for other
 * executors. */
int64_t rp_executor_stage(const struct rp_executor *executor, rp_ns now);
/* The arrivals per second that this share should have now. 0 for other executors, and outside the
 * regular time. */
double rp_executor_rate(const struct rp_executor *executor, rp_ns now);
/* How many VUs of this share are to loop now: what the schedule or an adjustment says, not how many
 * there are. 0 for executors whose VUs have another task, and after the regular time. */
int64_t rp_executor_vus_wanted(const struct rp_executor *executor);

/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * sched/schedule.h - schedules as pure functions of integers: arrival n -> time, time -> VUs
 * wanted.
 *
 * Times are nanoseconds from the beginning of the scenario's regular time. All arithmetic is exact
 * (rationals of whole numbers, intermediate values up to 256 bits): a time is the exact one, cut to
 * the nanosecond, at any rate and after any time. Nothing here knows a clock, a loop or a VU; the
 * engine, tests and a dry run use the same functions. A segment's schedule is the whole's, with
 * only the numbers it owns.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"
#include "plan/plan.h"
#include "plan/segment.h"

/* ---- arrivals: constant-arrival-rate, ramping-arrival-rate ----------------------------------- */

struct rp_rational { /* lowest terms, den > 0 */
    int64_t num, den;
};
/* The decimal number that @value stands for (0.1 is 1/10): the shortest one of at most nine
 * decimals whose nearest double is @value; if there is none, the nearest one. 0 when @value is not
 * above 0. At most 2^62. */
struct rp_rational rp_rational_of(double value);

struct rp_arrival_stage { /* private; lasts longer than 0 */
    rp_ns began, duration;
    int64_t from, to;                /* rates times the common denominator */
    unsigned __int128 done, reached; /* area before it and after it */
};

struct rp_arrivals {                 /* a cursor; fields are private */
    struct rp_arrival_stage *stages; /* owned */
    size_t stage_count, stage;
    unsigned __int128 per_arrival, area; /* units of one arrival; of everything */
    uint64_t total;                      /* uniform arrivals of the whole */
    rp_ns end;
    bool is_constant, is_poisson;
    const struct rp_segment *segment;
    uint64_t round, position; /* the next own number is round + segment->at[position] */
    /* For a stretch of constant rate: the index and time of the last arrival, its time's remainder
     * in 1/divisor ns, and how much later the arrival comes whose index is higher by `gap`. */
    uint64_t divisor; /* 0: none of this is valid */
    uint64_t last_index, last_time, last_rest, gap, gap_time, gap_rest;
    uint64_t limit;     /* from here on this does not hold any more */
    uint64_t random[4]; /* poisson: the state of the generator */
    /* The area of the last arrival drawn, and of everything, in 2^-32 arrivals. */
    unsigned __int128 random_area, random_end;
    uint64_t drawn;
};

/* Sets a cursor before the first arrival. @segment is borrowed. -ENOMEM.
 *
 * A constant rate: arrival g (from 0) is at g * time_unit / rate, while that is before the end. A
 * ramping rate: the arrival with index n - 1 is where the area under the rate reaches n, the end
 * included.
 *
 * With arrival="poisson" the area from 0 to the first arrival and the areas between arrivals are
 * exponentially distributed with mean 1. They are drawn from @seed, as long as their sum is below
 * the area of the whole schedule. They are the same for every segment and on every machine. */
RP_NODISCARD int rp_arrivals_init(struct rp_arrivals *arrivals, const struct rp_scenario *scenario,
                                  const struct rp_segment *segment, uint64_t seed);
void rp_arrivals_deinit(struct rp_arrivals *arrivals);
/* Moves to the next own arrival: its index in the whole schedule, from 0, and its time. False when
 * there is none. Amortised O(1). */
bool rp_arrivals_next(struct rp_arrivals *arrivals, uint64_t *ret_index, rp_ns *ret_time);
/* Skips the own arrivals that are due at @time or before, and returns how many those are. O(1),
 * however many. Only uniform arrivals can be skipped; of others none is. */
uint64_t rp_arrivals_skip(struct rp_arrivals *arrivals, rp_ns time);
/* How many uniform arrivals of the whole schedule come before @time (one at @time does not count),
 * and how many there are in all. UINT64_MAX when there are more than a number can hold. */
uint64_t rp_arrivals_before(const struct rp_arrivals *arrivals, rp_ns time);
uint64_t rp_arrivals_total(const struct rp_arrivals *arrivals);
/* The rate of the schedule at @time, in iterations per second. At a jump it is the new rate; 0 from
 * the end on. */
double rp_arrivals_rate(const struct rp_arrivals *arrivals, rp_ns time);

/* ---- VUs: ramping-vus ------------------------------------------------------------------------ */

/* One VU more (up) or less at a time. Own numbers: VU 0 is the first own one. */
struct rp_vu_step {
    rp_ns time;
    int64_t vu; /* local index, from 0: starts (up), or is asked to finish */
    bool up;
};

/* A cursor over the raw steps of one segment, in the order of time. The members are private. */
struct rp_vu_steps {
    const struct rp_scenario *scenario;
    const struct rp_segment *segment;
    size_t stage;                   /* the next one */
    rp_ns end, stage_end, duration; /* of everything; of the current stage */
    int64_t from, level;            /* raw levels of the whole before and after the current stage */
    int64_t own, own_target;        /* the own part of the level now and after the stage */
};

/* Sets a cursor before the first step. VUs g count from 1 in the whole schedule. On the way up, in
 * a stage that ends at T, VU g starts at T - trunc(dur * (to - g) / (to - from)). On the way down
 * it stops at T - trunc(dur * (to - g + 1) / (to - from)). The start_vus begin at 0. Steps at the
 * same time come in the order of the stages, so that a VU may start and stop at once. There is no
 * step at or after the end of the last stage, where everything ends. */
void rp_vu_steps_init(struct rp_vu_steps *steps, const struct rp_scenario *scenario,
                      const struct rp_segment *segment);
bool rp_vu_steps_next(struct rp_vu_steps *steps, struct rp_vu_step *ret);
/* The largest number of VUs ever wanted. A target that is reached at the very end counts too, as in
 * rp_plan_max_vus(). */
int64_t rp_vus_most(const struct rp_scenario *scenario);

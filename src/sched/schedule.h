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
 *
 * A schedule can be adjusted: from a moment on another load counts. It is the same function again,
 * with another value in that time, and the same as before at all earlier times. So whoever makes
 * the same adjustments has the same schedule, however late it makes them.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"
#include "plan/plan.h"
#include "plan/segment.h"

/* Until when an adjustment at @at counts, 0 <= @at < the scenario's regular time: to the end of the
 * stage that @at is in, or with @hold, and without stages, to the end of the regular time. Then the
 * plan counts again. */
rp_ns rp_adjusted_until(const struct rp_scenario *scenario, rp_ns at, bool hold);

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
    rp_ns span;                      /* from `from` to `to`: longer than duration when it was cut */
    int64_t from, to;                /* rates times the common denominator */
    unsigned __int128 done, reached; /* area before it and after it */
};

struct rp_arrivals {                 /* a cursor; fields are private */
    struct rp_arrival_stage *stages; /* owned */
    size_t stage_count, stage;
    int64_t den;                         /* the common denominator of rates */
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
/* From @at on, 0 <= @at < the scenario's regular time, the rate is @rate (per time_unit, at most
 * RP_MOST_RATE) until rp_adjusted_until(). It replaces what earlier adjustments have said about the
 * time from @at on. The area under the rate is carried over: an arrival that is half due at @at
 * waits for the other half at the new rate. What is left of a whole unit at the end of a ramp that
 * is cut is dropped, which is less than a nanosecond. Arrivals that the cursor has passed are not
 * given again. -ENOMEM: then all is as before. */
RP_NODISCARD int rp_arrivals_adjust(struct rp_arrivals *arrivals,
                                    const struct rp_scenario *scenario, double rate, rp_ns at,
                                    bool hold);
/* Takes back the last rp_arrivals_next(), which has given an arrival: the next one gives it
 * again. */
void rp_arrivals_take_back(struct rp_arrivals *arrivals);
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

/* Adjustments of one schedule, in the order of time. */
struct rp_vu_adjustments {
    struct rp_vu_adjustment {
        rp_ns at, until;
        int64_t vus; /* of the whole */
    } * items;       /* owned */
    size_t count;
};
/* From @at on, 0 <= @at < the scenario's regular time, there are @vus VUs until
 * rp_adjusted_until(). It replaces what earlier adjustments have said about the time from @at on.
 * -ENOMEM. */
RP_NODISCARD int rp_vu_adjustments_add(struct rp_vu_adjustments *adjustments,
                                       const struct rp_scenario *scenario, int64_t vus, rp_ns at,
                                       bool hold);
void rp_vu_adjustments_deinit(struct rp_vu_adjustments *adjustments); /* zeroed is allowed */

/* A cursor over the raw steps of one segment, in the order of time. The members are private. */
struct rp_vu_steps {
    const struct rp_scenario *scenario;
    const struct rp_segment *segment;
    const struct rp_vu_adjustments *adjustments;
    size_t stage, adjustment; /* the next ones */
    bool is_adjusted;         /* the current stage is the last adjustment, not one of the plan */
    rp_ns end, stage_end, duration; /* of everything; of the current stage */
    rp_ns limit;                    /* an adjustment cuts the current stage here */
    int64_t from, level;            /* raw levels of the whole before and after the current stage */
    int64_t own, own_target;        /* the own part of the level now and after the stage */
};

/* Sets a cursor before the first step. VUs g count from 1 in the whole schedule. On the way up, in
 * a stage that ends at T, VU g starts at T - trunc(dur * (to - g) / (to - from)). On the way down
 * it stops at T - trunc(dur * (to - g + 1) / (to - from)). The start_vus begin at 0. Steps at the
 * same time come in the order of the stages, so that a VU may start and stop at once. There is no
 * step at or after the end of the last stage, where everything ends. The VUs of constant-vus begin
 * at 0.
 *
 * Where an adjustment begins and where it ends, all steps to the new level come at once. All three
 * are borrowed; @adjustments may be NULL. */
void rp_vu_steps_init(struct rp_vu_steps *steps, const struct rp_scenario *scenario,
                      const struct rp_segment *segment,
                      const struct rp_vu_adjustments *adjustments);
bool rp_vu_steps_next(struct rp_vu_steps *steps, struct rp_vu_step *ret);
/* The level of the whole at the very end, where there are no steps any more; and the highest one
 * that is reached there, by stages that end there. */
void rp_vus_at_end(const struct rp_scenario *scenario, const struct rp_vu_adjustments *adjustments,
                   int64_t *ret_last, int64_t *ret_highest);
/* The largest number of VUs that can be wanted: by the stages, also at the very end, or by an
 * adjustment, up to max_vus. */
int64_t rp_vus_most(const struct rp_scenario *scenario);

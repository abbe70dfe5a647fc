/* SPDX-License-Identifier: MIT */

/*
 * sched/arrivals.c - when iterations arrive: the inverse of the area under the rate.
 *
 * Rates are whole numbers of 1/den. Area is counted in units of 1/(2 * time_unit * den) arrivals. A
 * stage from rate a to rate b that lasts D has an area of (a + b) * D, and an area of 2at + (b -
 * a)tt/D after the time t. An arrival comes where its share of the area is reached. Within a stage
 * that is the largest t with t * (2aD + (b - a)t) <= area * D. It is guessed in floating point, and
 * the guess is corrected in integers. Sizes: rates are below 2^60 and times below 2^59, so areas
 * are below 2^120 and these products below 2^192.
 *
 * A constant rate is one stage whose first arrival is at area 0, not 1. As long as the rate is
 * constant, the time of the next arrival is that of the last one plus a quotient and a remainder.
 */
#include "sched/schedule.h"

#include <errno.h>
#include <math.h>

#include "base/alloc.h"
#include "base/compiler.h"
#include "base/random.h"
#include "sched/wide.h"

/* ---- one stage ------------------------------------------------------------------------------- */

/* Of the stage as it was before it was cut. */
static rp_u128 stage_area(const struct rp_arrival_stage *stage)
{
    return (rp_u128)(uint64_t)(stage->from + stage->to) * (uint64_t)stage->span;
}

/* The area after the time @t, multiplied by the span of the stage. */
static struct rp_wide area_after(const struct rp_arrival_stage *stage, uint64_t t)
{
    rp_u128 factor = (rp_u128)(2 * (uint64_t)stage->from) * (uint64_t)stage->span;

    if (stage->to >= stage->from)
        factor += (rp_u128)(uint64_t)(stage->to - stage->from) * t;
    else
        factor -= (rp_u128)(uint64_t)(stage->from - stage->to) * t;
    return rp_wide_mul(factor, t);
}

static long double real_of(rp_u128 value)
{
    return (long double)(uint64_t)(value >> 64) * 0x1p64L + (long double)(uint64_t)value;
}

/* How long a rate that grows from @from by @slope needs for @area > 0. Nothing cancels out in this
 * form. */
static long double time_for(long double from, long double slope, long double area)
{
    return area / (from + sqrtl(from * from + slope * area));
}

/* A time near the exact one. For a falling rate it is computed backwards from the end of the
 * stage. */
static uint64_t guess(const struct rp_arrival_stage *stage, rp_u128 area)
{
    long double span = stage->span, t;
    rp_u128 rest = stage_area(stage) - area;

    if (!area)
        return 0;
    if (!rest)
        return (uint64_t)stage->span;
    if (stage->to > stage->from)
        t = time_for(stage->from, (stage->to - stage->from) / span, real_of(area));
    else
        t = span - time_for(stage->to, (stage->from - stage->to) / span, real_of(rest));
    return t <= 0 ? 0 : t >= span ? (uint64_t)stage->span : (uint64_t)t;
}

/* How long after its beginning the stage reaches @area of its own, cut to the nanosecond. */
static rp_ns invert(const struct rp_arrival_stage *stage, rp_u128 area)
{
    struct rp_wide wanted = rp_wide_mul(area, (uint64_t)stage->span);
    uint64_t t, span = (uint64_t)stage->span;

    if (stage->from == stage->to)
        return (rp_ns)(area / (2 * (uint64_t)stage->from));
    t = guess(stage, area);
    while (t > 0 && !rp_wide_le(area_after(stage, t), wanted))
        t--;
    while (t < span && rp_wide_le(area_after(stage, t + 1), wanted))
        t++;
    return (rp_ns)t;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static void add_stage(struct rp_arrivals *arrivals, int64_t from, int64_t to, rp_ns duration)
{
    struct rp_arrival_stage *stage = &arrivals->stages[arrivals->stage_count];

    if (!duration)
        return;
    *stage = (struct rp_arrival_stage){ .began = arrivals->end,
                                        .duration = duration,
                                        .span = duration,
                                        .from = from,
                                        .to = to,
                                        .done = arrivals->area };
    arrivals->area += stage_area(stage);
    stage->reached = arrivals->area;
    arrivals->end += duration;
    arrivals->stage_count++;
}

/* What the plan has from @time on, which is its beginning or the end of a stage. */
static void add_plan(struct rp_arrivals *arrivals, const struct rp_scenario *scenario, rp_ns time)
{
    struct rp_rational rate = rp_rational_of(scenario->rate);
    int64_t from = rate.num * (arrivals->den / rate.den);
    rp_ns began = 0;

    if (!rp_executor_kinds[scenario->executor].has_stages)
        add_stage(arrivals, from, from, time ? 0 : scenario->duration);
    else
        for (size_t i = 0; i < scenario->stage_count; i++) {
            int64_t to = scenario->stages[i].target * arrivals->den;

            if (began >= time)
                add_stage(arrivals, from, to, scenario->stages[i].duration);
            began += scenario->stages[i].duration;
            from = to;
        }
}

static uint64_t saturate(rp_u128 value)
{
    return value > UINT64_MAX ? UINT64_MAX : (uint64_t)value;
}

/* The area of everything in 2^-32 arrivals, rounded up: arrivals below it are inside. Nobody lives
 * to see 2^64 arrivals. */
static rp_u128 random_end(const struct rp_arrivals *arrivals)
{
    rp_u128 whole = arrivals->area / arrivals->per_arrival;
    rp_u128 rest = arrivals->area % arrivals->per_arrival << 32;

    if (whole > UINT64_MAX)
        return (rp_u128)UINT64_MAX << 32;
    return (whole << 32) + (rest + arrivals->per_arrival - 1) / arrivals->per_arrival;
}

/* The stages are complete. */
static void add_up(struct rp_arrivals *arrivals)
{
    rp_u128 part = arrivals->is_constant ? arrivals->per_arrival - 1 : 0;

    arrivals->total = saturate((arrivals->area + part) / arrivals->per_arrival);
    arrivals->random_end = random_end(arrivals);
}

int rp_arrivals_init(struct rp_arrivals *arrivals, const struct rp_scenario *scenario,
                     const struct rp_segment *segment, uint64_t seed)
{
    struct rp_rational rate = rp_rational_of(scenario->rate);

    *arrivals = (struct rp_arrivals){
        .den = rate.den,
        .per_arrival = 2 * (rp_u128)(uint64_t)scenario->time_unit * (uint64_t)rate.den,
        .is_constant = !rp_executor_kinds[scenario->executor].has_stages,
        .is_poisson = scenario->arrival == RP_ARRIVAL_POISSON,
        .segment = segment,
    };
    arrivals->stages = rp_calloc(scenario->stage_count + 1, sizeof(*arrivals->stages));
    if (!arrivals->stages)
        return -ENOMEM;
    add_plan(arrivals, scenario, 0);
    add_up(arrivals);
    rp_random_seed(arrivals->random, seed);
    return 0;
}

void rp_arrivals_deinit(struct rp_arrivals *arrivals)
{
    rp_free(arrivals->stages);
    *arrivals = (struct rp_arrivals){ 0 };
}

/* ---- adjustments ----------------------------------------------------------------------------- */

/* Counts in rates of 1/@den too. What was whole before is whole in smaller units. */
static void refine(struct rp_arrivals *arrivals, int64_t den)
{
    int64_t factor = den / rp_gcd(arrivals->den, den);

    arrivals->den *= factor;
    arrivals->per_arrival *= (uint64_t)factor;
    for (size_t i = 0; i < arrivals->stage_count; i++) {
        struct rp_arrival_stage *stage = &arrivals->stages[i];

        stage->from *= factor;
        stage->to *= factor;
        stage->done *= (uint64_t)factor;
        stage->reached *= (uint64_t)factor;
    }
}

/* Leaves out everything from @time on. */
static void cut(struct rp_arrivals *arrivals, rp_ns time)
{
    struct rp_arrival_stage *last;

    while (arrivals->stage_count && arrivals->stages[arrivals->stage_count - 1].began >= time)
        arrivals->stage_count--;
    arrivals->area = 0;
    arrivals->end = time;
    if (!arrivals->stage_count)
        return;
    last = &arrivals->stages[arrivals->stage_count - 1];
    last->duration = time - last->began;
    last->reached = last->done +
                    rp_wide_div(area_after(last, (uint64_t)last->duration), (uint64_t)last->span);
    arrivals->area = last->reached;
}

int rp_arrivals_adjust(struct rp_arrivals *arrivals, const struct rp_scenario *scenario,
                       double rate, rp_ns at, bool hold)
{
    struct rp_rational wanted = rp_rational_of(rate);
    rp_ns until = rp_adjusted_until(scenario, at, hold);
    size_t room = arrivals->stage_count + scenario->stage_count + 2;
    struct rp_arrival_stage *stages = rp_realloc_array(arrivals->stages, room, sizeof(*stages));
    int64_t level;

    if (!stages)
        return -ENOMEM;
    arrivals->stages = stages;
    refine(arrivals, wanted.den);
    cut(arrivals, at);
    level = wanted.num * (arrivals->den / wanted.den);
    add_stage(arrivals, level, level, until - at);
    add_plan(arrivals, scenario, until);
    add_up(arrivals);
    arrivals->stage = 0;
    arrivals->divisor = 0;
    return 0;
}

/* ---- one arrival ----------------------------------------------------------------------------- */

/* The area at which uniform arrival @index is due. */
static rp_u128 area_of(const struct rp_arrivals *arrivals, uint64_t index)
{
    return ((rp_u128)index + !arrivals->is_constant) * arrivals->per_arrival;
}

/* ---- the cursor ------------------------------------------------------------------------------ */

static inline uint64_t own_index(const struct rp_arrivals *arrivals)
{
    return arrivals->round + (uint64_t)arrivals->segment->at[arrivals->position];
}

void rp_arrivals_take_back(struct rp_arrivals *arrivals)
{
    if (arrivals->position == 0) {
        arrivals->position = (size_t)arrivals->segment->owned;
        arrivals->round -= (uint64_t)arrivals->segment->slots;
    }
    arrivals->position--;
    arrivals->divisor = 0;
}

static inline void own_advance(struct rp_arrivals *arrivals)
{
    if (++arrivals->position == (size_t)arrivals->segment->owned) {
        arrivals->position = 0;
        arrivals->round += (uint64_t)arrivals->segment->slots;
    }
}

/* Moves to the stage in which @area is reached; there is one. Arrivals of a constant rate are before
 * the end of a stage: one that falls on it comes when the rate is above 0 again. */
static const struct rp_arrival_stage *move_to(struct rp_arrivals *arrivals, rp_u128 area)
{
    rp_u128 more = arrivals->is_constant && !arrivals->is_poisson ? area + 1 : area;

    while (more > arrivals->stages[arrivals->stage].reached) {
        arrivals->stage++;
        arrivals->divisor = 0;
    }
    return &arrivals->stages[arrivals->stage];
}

/* Prepares for the next own arrival, whose index is higher by @gap, in a stage of constant rate. */
static void prepare_gap(struct rp_arrivals *arrivals, const struct rp_arrival_stage *stage,
                        uint64_t gap)
{
    rp_u128 time;

    if (arrivals->divisor && arrivals->gap == gap)
        return;
    arrivals->divisor = 2 * (uint64_t)stage->from;
    arrivals->gap = gap;
    time = gap * arrivals->per_arrival / arrivals->divisor;
    arrivals->gap_rest = (uint64_t)(gap * arrivals->per_arrival % arrivals->divisor);
    arrivals->gap_time = time > INT64_MAX ? INT64_MAX : (uint64_t)time;
    /* An arrival falls on the end itself only if nothing is left over, and with a constant rate
     * never. */
    arrivals->limit = (uint64_t)(stage->began + stage->duration);
}

static bool next_slowly(struct rp_arrivals *arrivals, uint64_t index, rp_ns *ret_time)
{
    const struct rp_arrival_stage *stage;
    rp_u128 area;

    if (index >= arrivals->total)
        return false;
    area = area_of(arrivals, index);
    stage = move_to(arrivals, area);
    area -= stage->done;
    own_advance(arrivals);
    if (stage->from != stage->to) {
        *ret_time = stage->began + invert(stage, area);
        return true;
    }
    prepare_gap(arrivals, stage, own_index(arrivals) - index);
    arrivals->last_index = index;
    arrivals->last_time = (uint64_t)stage->began + (uint64_t)(area / arrivals->divisor);
    arrivals->last_rest = (uint64_t)(area % arrivals->divisor);
    *ret_time = (rp_ns)arrivals->last_time;
    return true;
}

static bool next_uniform(struct rp_arrivals *arrivals, uint64_t *ret_index, rp_ns *ret_time)
{
    uint64_t index = own_index(arrivals), time, rest;

    *ret_index = index;
    if (!arrivals->divisor || index - arrivals->last_index != arrivals->gap)
        return next_slowly(arrivals, index, ret_time);
    time = arrivals->last_time + arrivals->gap_time;
    rest = arrivals->last_rest + arrivals->gap_rest;
    if (rest >= arrivals->divisor) {
        rest -= arrivals->divisor;
        time++;
    }
    if (RP_UNLIKELY(time >= arrivals->limit))
        return next_slowly(arrivals, index, ret_time);
    arrivals->last_index = index;
    arrivals->last_time = time;
    arrivals->last_rest = rest;
    *ret_time = (rp_ns)time;
    own_advance(arrivals);
    return true;
}

/* Draws all arrivals up to the own arrival @index, so that every segment sees the same sequence.
 * False when the sequence ends before. */
static bool draw(struct rp_arrivals *arrivals, uint64_t index)
{
    while (arrivals->drawn <= index && arrivals->random_area < arrivals->random_end) {
        arrivals->random_area += rp_random_exponential(arrivals->random);
        arrivals->drawn++;
    }
    return arrivals->random_area < arrivals->random_end;
}

static bool next_poisson(struct rp_arrivals *arrivals, uint64_t *ret_index, rp_ns *ret_time)
{
    const struct rp_arrival_stage *stage;
    uint64_t index = own_index(arrivals);
    rp_u128 area;

    if (!draw(arrivals, index))
        return false;
    area = (arrivals->random_area >> 32) * arrivals->per_arrival +
           ((uint32_t)arrivals->random_area * arrivals->per_arrival >> 32);
    area += area == 0; /* so that it comes after a pause at the very beginning */
    stage = move_to(arrivals, area);
    *ret_index = index;
    *ret_time = stage->began + invert(stage, area - stage->done);
    own_advance(arrivals);
    return true;
}

bool rp_arrivals_next(struct rp_arrivals *arrivals, uint64_t *ret_index, rp_ns *ret_time)
{
    if (!arrivals->segment->owned)
        return false;
    return arrivals->is_poisson ? next_poisson(arrivals, ret_index, ret_time)
                                : next_uniform(arrivals, ret_index, ret_time);
}

/* ---- without the cursor ---------------------------------------------------------------------- */

/* The last stage that began before @time (or at it, if @included), 0 < @time <= end. */
static const struct rp_arrival_stage *stage_at(const struct rp_arrivals *arrivals, rp_ns time,
                                               bool included)
{
    size_t first = 0, last = arrivals->stage_count;

    while (first + 1 < last) {
        size_t middle = first + (last - first) / 2;
        rp_ns began = arrivals->stages[middle].began;

        if (began < time || (included && began == time))
            first = middle;
        else
            last = middle;
    }
    return &arrivals->stages[first];
}

uint64_t rp_arrivals_before(const struct rp_arrivals *arrivals, rp_ns time)
{
    const struct rp_arrival_stage *stage;
    rp_u128 area, per_arrival = arrivals->per_arrival;

    if (time <= 0)
        return 0;
    if (time > arrivals->end || !arrivals->stage_count)
        return arrivals->total;
    stage = stage_at(arrivals, time, false);
    /* No arrival comes in a stage without a rate: the last one came before it or, of a ramping rate,
     * at its very beginning. */
    if (!stage->from && !stage->to)
        return saturate((stage->done + (arrivals->is_constant ? per_arrival - 1 : 0)) /
                        per_arrival);
    area = stage->done + rp_wide_div_up(area_after(stage, (uint64_t)(time - stage->began)),
                                        (uint64_t)stage->span);
    /* An arrival that is reached exactly at @time is not before it. Arrivals of a constant rate
     * count from 0. */
    return saturate((area + per_arrival - 1) / per_arrival - !arrivals->is_constant);
}

uint64_t rp_arrivals_total(const struct rp_arrivals *arrivals)
{
    return arrivals->total;
}

double rp_arrivals_rate(const struct rp_arrivals *arrivals, rp_ns time)
{
    const struct rp_arrival_stage *stage;
    double share, rate;

    if (time < 0 || time >= arrivals->end)
        return 0;
    stage = stage_at(arrivals, time, true);
    share = (double)(time - stage->began) / (double)stage->span;
    rate = (double)stage->from + (double)(stage->to - stage->from) * share;
    return rate * 2e9 / (double)arrivals->per_arrival;
}

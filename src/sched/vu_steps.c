/* SPDX-License-Identifier: MIT */

/*
 * sched/vu_steps.c - ramping-vus: the raw level of VUs as steps of one segment.
 *
 * A stage that ends at T adds or takes away n VUs. The step of VU g is before T by `away` / n of
 * the stage, where `away` is the number of steps that still come after it. start_vus are a first
 * stage of no length, from 0 up. An adjustment is a stage of no length too, and so is the way back to
 * the plan at its end.
 */
#include "sched/schedule.h"

#include <errno.h>

#include "base/alloc.h"

/* ---- adjustments ----------------------------------------------------------------------------- */

int rp_vu_adjustments_add(struct rp_vu_adjustments *adjustments, const struct rp_scenario *scenario,
                          int64_t vus, rp_ns at, bool hold)
{
    struct rp_vu_adjustment *items = rp_realloc_array(adjustments->items, adjustments->count + 1,
                                                      sizeof(*items));

    if (!items)
        return -ENOMEM;
    adjustments->items = items;
    while (adjustments->count && items[adjustments->count - 1].at >= at)
        adjustments->count--;
    items[adjustments->count++] = (struct rp_vu_adjustment){
        .at = at, .until = rp_adjusted_until(scenario, at, hold), .vus = vus
    };
    return 0;
}

void rp_vu_adjustments_deinit(struct rp_vu_adjustments *adjustments)
{
    rp_free(adjustments->items);
    *adjustments = (struct rp_vu_adjustments){ 0 };
}

void rp_vus_at_end(const struct rp_scenario *scenario, const struct rp_vu_adjustments *adjustments,
                   int64_t *ret_last, int64_t *ret_highest)
{
    size_t i = scenario->stage_count;

    *ret_last = i ? scenario->stages[i - 1].target : scenario->vus;
    *ret_highest = *ret_last;
    if (adjustments->count) {
        const struct rp_vu_adjustment *last = &adjustments->items[adjustments->count - 1];

        if (last->until >= rp_scenario_regular(scenario)) {
            *ret_last = *ret_highest = last->vus;
            return;
        }
    }
    while (i > 1 && !scenario->stages[i - 1].duration)
        if (scenario->stages[--i - 1].target > *ret_highest)
            *ret_highest = scenario->stages[i - 1].target;
}

/* ---- steps ----------------------------------------------------------------------------------- */

static const struct rp_vu_adjustment *next_adjustment(const struct rp_vu_steps *steps)
{
    return steps->adjustments && steps->adjustment < steps->adjustments->count
               ? &steps->adjustments->items[steps->adjustment]
               : NULL;
}

static void go_to(struct rp_vu_steps *steps, int64_t level)
{
    const struct rp_vu_adjustment *next = next_adjustment(steps);

    steps->from = steps->level;
    steps->level = level;
    steps->own_target = rp_segment_scale(steps->segment, level);
    steps->limit = next && next->at < steps->end ? next->at : steps->end;
}

void rp_vu_steps_init(struct rp_vu_steps *steps, const struct rp_scenario *scenario,
                      const struct rp_segment *segment, const struct rp_vu_adjustments *adjustments)
{
    *steps = (struct rp_vu_steps){
        .scenario = scenario,
        .segment = segment,
        .adjustments = adjustments,
        .end = rp_scenario_regular(scenario),
    };
    go_to(steps,
          rp_executor_kinds[scenario->executor].has_stages ? scenario->start_vus : scenario->vus);
}

static rp_ns step_time(const struct rp_vu_steps *steps, int64_t vu, bool up)
{
    int64_t number = rp_segment_nth(steps->segment, vu) + 1;
    int64_t away = up ? steps->level - number : number - 1 - steps->level;
    int64_t all = up ? steps->level - steps->from : steps->from - steps->level;

    if (!steps->duration)
        return steps->stage_end;
    return steps->stage_end - (rp_ns)((unsigned __int128)steps->duration * (uint64_t)away / all);
}

static void begin_adjustment(struct rp_vu_steps *steps, const struct rp_vu_adjustment *adjustment)
{
    steps->is_adjusted = true;
    steps->adjustment++;
    steps->duration = 0;
    steps->stage_end = adjustment->at;
    go_to(steps, adjustment->vus);
}

/* At @time, where a stage of the plan ends: goes on where this and others that end there have
 * come to. */
static void end_adjustment(struct rp_vu_steps *steps, rp_ns time)
{
    const struct rp_scenario *scenario = steps->scenario;
    rp_ns end = 0;

    steps->is_adjusted = false;
    steps->duration = 0;
    steps->stage_end = time;
    for (steps->stage = 0; end + scenario->stages[steps->stage].duration <= time; steps->stage++)
        end += scenario->stages[steps->stage].duration;
    go_to(steps, scenario->stages[steps->stage - 1].target);
}

static bool next_stage(struct rp_vu_steps *steps)
{
    const struct rp_vu_adjustment *next = next_adjustment(steps);
    rp_ns over = steps->is_adjusted ? steps->adjustments->items[steps->adjustment - 1].until
                                    : steps->stage_end;

    if (next && next->at <= over) {
        begin_adjustment(steps, next);
    } else if (over >= steps->end) {
        return false;
    } else if (steps->is_adjusted) {
        end_adjustment(steps, over);
    } else if (steps->stage < steps->scenario->stage_count) {
        const struct rp_stage *stage = &steps->scenario->stages[steps->stage++];

        steps->duration = stage->duration;
        steps->stage_end += stage->duration;
        go_to(steps, stage->target);
    } else if (next) { /* of constant-vus, which has no stages */
        begin_adjustment(steps, next);
    } else {
        return false;
    }
    return true;
}

bool rp_vu_steps_next(struct rp_vu_steps *steps, struct rp_vu_step *ret)
{
    bool up;
    int64_t vu;
    rp_ns time;

    for (;;) {
        up = steps->own < steps->own_target;
        vu = up ? steps->own : steps->own - 1;
        if (steps->own != steps->own_target) {
            time = step_time(steps, vu, up);
            if (time < steps->limit)
                break;
        }
        if (!next_stage(steps))
            return false;
    }
    steps->own += up ? 1 : -1;
    *ret = (struct rp_vu_step){ .time = time, .vu = vu, .up = up };
    return true;
}

int64_t rp_vus_most(const struct rp_scenario *scenario)
{
    int64_t most = scenario->start_vus;

    for (size_t i = 0; i < scenario->stage_count; i++)
        if (scenario->stages[i].target > most)
            most = scenario->stages[i].target;
    return most > scenario->max_vus ? most : scenario->max_vus;
}

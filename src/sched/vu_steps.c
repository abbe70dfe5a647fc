/* SPDX-License-Identifier: MIT */

/*
 * sched/vu_steps.c - ramping-vus: the raw level of VUs as steps of one segment.
 *
 * A stage that ends at T adds or takes away n VUs. The step of VU g is before T by `away` / n of
 * the stage, where `away` is the number of steps that still come after it. start_vus are a first
 * stage of no length, from 0 up.
 */
#include "sched/schedule.h"

void rp_vu_steps_init(struct rp_vu_steps *steps, const struct rp_scenario *scenario,
                      const struct rp_segment *segment)
{
    *steps = (struct rp_vu_steps){
        .scenario = scenario,
        .segment = segment,
        .end = rp_scenario_regular(scenario),
        .level = scenario->start_vus,
        .own_target = rp_segment_scale(segment, scenario->start_vus),
    };
}

static rp_ns step_time(const struct rp_vu_steps *steps, int64_t vu, bool up)
{
    int64_t number = rp_segment_nth(steps->segment, vu) + 1;
    int64_t away = up ? steps->level - number : number - 1 - steps->level;
    int64_t all = up ? steps->level - steps->from : steps->from - steps->level;

    return steps->stage_end - (rp_ns)((unsigned __int128)steps->duration * (uint64_t)away / all);
}

static bool next_stage(struct rp_vu_steps *steps)
{
    const struct rp_stage *stage;

    if (steps->stage == steps->scenario->stage_count)
        return false;
    stage = &steps->scenario->stages[steps->stage++];
    steps->from = steps->level;
    steps->level = stage->target;
    steps->own_target = rp_segment_scale(steps->segment, stage->target);
    steps->duration = stage->duration;
    steps->stage_end += stage->duration;
    return true;
}

bool rp_vu_steps_next(struct rp_vu_steps *steps, struct rp_vu_step *ret)
{
    bool up;
    int64_t vu;
    rp_ns time;

    while (steps->own == steps->own_target)
        if (!next_stage(steps))
            return false;
    up = steps->own < steps->own_target;
    vu = up ? steps->own : steps->own - 1;
    time = step_time(steps, vu, up);
    if (time >= steps->end)
        return false;
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
    return most;
}

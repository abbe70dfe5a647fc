/* SPDX-License-Identifier: MIT */

/*
 * ramping-vus. Raw steps say when a VU is wanted. A VU that is not wanted any more finishes its
 * iteration within graceful_ramp_down. The VUs that finish stand in one queue: the one that was
 * asked first has the first deadline, so one timer serves them all.
 */

#include <errno.h>

#include "base/alloc.h"
#include "sched/kinds.h"
#include "sched/schedule.h"

struct ramping_vu {
    struct rp_list finishing; /* in the queue while it runs unwanted */
    rp_ns deadline;           /* of that, counted from the origin */
};

struct ramping {
    struct rp_vu_steps steps;
    struct rp_vu_step step; /* the next one */
    bool has_step;
    bool is_past_end;
    bool is_advancing; /* what an interruption ends must not start over */
    struct rp_list finishing;
    struct ramping_vu vus[];
};

static struct ramping *ramping_of(const struct rp_executor *executor)
{
    return executor->kind;
}

static int init_ramping(struct rp_executor *executor, const struct rp_executor_share *share)
{
    struct ramping *ramping = rp_calloc(1, sizeof(*ramping) + (size_t)executor->slot_count *
                                                                  sizeof(ramping->vus[0]));

    if (!ramping)
        return -ENOMEM;
    executor->kind = ramping;
    rp_list_init(&ramping->finishing);
    for (int64_t slot = 0; slot < executor->slot_count; slot++)
        executor->slot_flags[slot] = RP_SLOT_UNWANTED;
    rp_vu_steps_init(&ramping->steps, executor->scenario, executor->vus);
    ramping->has_step = rp_vu_steps_next(&ramping->steps, &ramping->step);
    return 0;
}

/* ---- one VU ---------------------------------------------------------------------------------- */

static void begin(struct rp_executor *executor, int64_t slot, rp_ns due)
{
    rp_executor_begin(executor, slot, rp_executor_next_number(executor), due);
}

/* A VU that is wanted again while it is finishing simply goes on. */
static void want(struct rp_executor *executor, int64_t slot, rp_ns due, rp_ns now)
{
    struct ramping *ramping = ramping_of(executor);

    executor->slot_flags[slot] &= (uint8_t)~RP_SLOT_UNWANTED;
    rp_list_remove(&ramping->vus[slot].finishing);
    if (!executor->slot_flags[slot] && now < executor->begin_until)
        begin(executor, slot, due);
}

static void release(struct rp_executor *executor, int64_t slot, rp_ns at)
{
    struct ramping *ramping = ramping_of(executor);
    struct ramping_vu *vu = &ramping->vus[slot];

    executor->slot_flags[slot] |= RP_SLOT_UNWANTED;
    if (!(executor->slot_flags[slot] & RP_SLOT_ACTIVE))
        return;
    vu->deadline = rp_ns_add(at, executor->scenario->graceful_ramp_down);
    rp_list_append(&ramping->finishing, &vu->finishing);
}

static void idle_ramping(struct rp_executor *executor, int64_t slot, rp_ns at)
{
    rp_list_remove(&ramping_of(executor)->vus[slot].finishing);
    /* The schedule decides, not the order of timers: a step at this moment comes first. */
    if (at >= executor->next_at)
        rp_executor_advance(executor, at);
    if (RP_UNLIKELY(at >= executor->begin_until))
        rp_executor_end_if_over(executor, at);
    else if (!executor->slot_flags[slot])
        begin(executor, slot, at);
}

/* ---- the schedule ---------------------------------------------------------------------------- */

/* After the last step comes the end, for the VUs that the last target leaves out. */
static rp_ns next_step(const struct rp_executor *executor)
{
    const struct ramping *ramping = ramping_of(executor);

    if (executor->state != RP_EXECUTOR_RUNNING || ramping->is_past_end)
        return RP_NS_NEVER;
    return ramping->has_step ? ramping->step.time : executor->regular;
}

static struct ramping_vu *first_finishing(const struct ramping *ramping)
{
    return rp_list_is_empty(&ramping->finishing)
               ? NULL
               : rp_container_of(ramping->finishing.next, struct ramping_vu, finishing);
}

static rp_ns next_ramping(const struct rp_executor *executor)
{
    const struct ramping_vu *first = first_finishing(ramping_of(executor));
    rp_ns step = next_step(executor);

    return first && first->deadline < step ? first->deadline : step;
}

/* The largest level that is reached at the very end, by stages that end there. */
static int64_t highest_at_end(const struct rp_scenario *scenario)
{
    size_t i = scenario->stage_count - 1;
    int64_t highest = scenario->stages[i].target;

    while (i > 0 && !scenario->stages[i].duration)
        if (scenario->stages[--i].target > highest)
            highest = scenario->stages[i].target;
    return highest;
}

/* Carries out the steps at the very end, where no iteration begins any more. VUs that the last
 * target leaves out are asked to finish, within graceful_ramp_down. VUs that are wanted at the end
 * have graceful_stop, also if they were finishing. */
static void take_end(struct rp_executor *executor, rp_ns now)
{
    const struct rp_scenario *scenario = executor->scenario;
    int64_t target = scenario->stages[scenario->stage_count - 1].target;
    int64_t own_target = rp_segment_scale(executor->vus, target);
    int64_t own_highest = rp_segment_scale(executor->vus, highest_at_end(scenario));

    ramping_of(executor)->is_past_end = true;
    for (int64_t slot = 0; slot < executor->slot_count; slot++) {
        if (slot < own_highest)
            want(executor, slot, rp_executor_end(executor), now);
        if (slot >= own_target && !(executor->slot_flags[slot] & RP_SLOT_UNWANTED))
            release(executor, slot, executor->regular);
    }
}

static void take_step(struct rp_executor *executor, rp_ns now)
{
    struct ramping *ramping = ramping_of(executor);
    struct rp_vu_step step = ramping->step;

    if (!ramping->has_step) {
        take_end(executor, now);
        return;
    }
    ramping->has_step = rp_vu_steps_next(&ramping->steps, &ramping->step);
    if (step.up)
        want(executor, step.vu, rp_ns_add(executor->origin, step.time), now);
    else
        release(executor, step.vu, step.time);
}

static bool advance_ramping(struct rp_executor *executor, rp_ns now)
{
    struct ramping *ramping = ramping_of(executor);
    rp_ns elapsed = now - executor->origin;

    if (ramping->is_advancing)
        return true;
    ramping->is_advancing = true;
    for (;;) {
        struct ramping_vu *first = first_finishing(ramping);
        rp_ns step = next_step(executor);

        /* At equal times steps come first: they may want the VU again. */
        if (step <= elapsed && (!first || step <= first->deadline)) {
            take_step(executor, now);
        } else if (first && first->deadline <= elapsed) {
            rp_list_remove(&first->finishing);
            rp_executor_interrupt(executor, first - ramping->vus);
        } else {
            break;
        }
    }
    ramping->is_advancing = false;
    return true;
}

const struct rp_executor_ops rp_ramping_vus = {
    .slots = rp_vus_most,
    .init = init_ramping,
    .advance = advance_ramping,
    .next = next_ramping,
    .idle = idle_ramping,
};

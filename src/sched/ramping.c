/* SPDX-License-Identifier: MIT */

/*
 * ramping-vus, and constant-vus once it has been adjusted. Raw steps say when a VU is wanted. A VU that is not wanted any more finishes its
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
    struct rp_vu_adjustments adjustments;
    struct rp_vu_steps steps;
    struct rp_vu_step step; /* the next one */
    int64_t level;          /* so many own VUs are wanted: those below it */
    rp_ns advanced; /* all steps until then have been carried out; from the origin; at first -1 */
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

static int make_ramping(struct rp_executor *executor, struct ramping **ret)
{
    struct ramping *ramping = rp_calloc(1, sizeof(*ramping) + (size_t)executor->slot_count *
                                                                  sizeof(ramping->vus[0]));

    if (!ramping)
        return -ENOMEM;
    rp_list_init(&ramping->finishing);
    ramping->advanced = -1;
    *ret = ramping;
    return 0;
}

/* Sets the cursor behind the steps that have been carried out. */
static void find_step(struct rp_executor *executor)
{
    struct ramping *ramping = ramping_of(executor);

    rp_vu_steps_init(&ramping->steps, executor->scenario, executor->vus, &ramping->adjustments);
    do
        ramping->has_step = rp_vu_steps_next(&ramping->steps, &ramping->step);
    while (ramping->has_step && ramping->step.time <= ramping->advanced);
}

static int init_ramping(struct rp_executor *executor, const struct rp_executor_share *share)
{
    struct ramping *ramping;
    int r = make_ramping(executor, &ramping);

    if (r < 0)
        return r;
    executor->kind = ramping;
    for (int64_t slot = 0; slot < executor->slot_count; slot++)
        executor->slot_flags[slot] = RP_SLOT_UNWANTED;
    find_step(executor);
    return 0;
}

static void deinit_ramping(struct rp_executor *executor)
{
    struct ramping *ramping = ramping_of(executor);

    if (ramping)
        rp_vu_adjustments_deinit(&ramping->adjustments);
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

/* How long a VU that is taken away may run. */
static rp_ns grace_of(const struct rp_scenario *scenario)
{
    return rp_executor_kinds[scenario->executor].has_stages ? scenario->graceful_ramp_down
                                                            : scenario->graceful_stop;
}

static void release(struct rp_executor *executor, int64_t slot, rp_ns at)
{
    struct ramping *ramping = ramping_of(executor);
    struct ramping_vu *vu = &ramping->vus[slot];

    executor->slot_flags[slot] |= RP_SLOT_UNWANTED;
    if (!(executor->slot_flags[slot] & RP_SLOT_ACTIVE))
        return;
    vu->deadline = rp_ns_add(at, grace_of(executor->scenario));
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

/* Carries out the steps at the very end, where no iteration begins any more. VUs that the last
 * target leaves out are asked to finish, within graceful_ramp_down. VUs that are wanted at the end
 * have graceful_stop, also if they were finishing. */
static void take_end(struct rp_executor *executor, rp_ns now)
{
    struct ramping *ramping = ramping_of(executor);
    int64_t target, highest, own_target, own_highest;

    rp_vus_at_end(executor->scenario, &ramping->adjustments, &target, &highest);
    own_target = rp_segment_scale(executor->vus, target);
    own_highest = rp_segment_scale(executor->vus, highest);
    ramping->is_past_end = true;
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
    ramping->level = step.up ? step.vu + 1 : step.vu;
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
    if (elapsed > ramping->advanced)
        ramping->advanced = elapsed;
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

/* ---- adjustments ----------------------------------------------------------------------------- */

/* The own level behind the steps that should have been carried out. */
static int64_t level_wanted(const struct ramping *ramping)
{
    if (!ramping->has_step)
        return ramping->steps.own;
    return ramping->step.up ? ramping->step.vu : ramping->step.vu + 1;
}

static int64_t vus_wanted_ramping(const struct rp_executor *executor)
{
    return ramping_of(executor)->level;
}

static int adjust_ramping(struct rp_executor *executor, double value, rp_ns at, bool hold)
{
    struct ramping *ramping = ramping_of(executor);
    rp_ns now = rp_loop_now(executor->loop);
    int r = rp_vu_adjustments_add(&ramping->adjustments, executor->scenario, (int64_t)value, at,
                                  hold);

    if (r < 0)
        return r;
    find_step(executor);
    /* Where the moment has passed, the VUs should be others by now. */
    while (ramping->level > level_wanted(ramping))
        release(executor, --ramping->level, at);
    while (ramping->level < level_wanted(ramping))
        want(executor, ramping->level++, rp_ns_add(executor->origin, at), now);
    return 0;
}

/* Until now a VU that was idle began again, whatever its number: all of them were wanted. */
int rp_ramping_take_over(struct rp_executor *executor, double value, rp_ns at, bool hold)
{
    struct ramping *ramping;
    int r = make_ramping(executor, &ramping);

    if (r < 0)
        return r;
    if (executor->state == RP_EXECUTOR_RUNNING) {
        ramping->advanced = rp_executor_elapsed(executor, rp_loop_now(executor->loop));
        ramping->level = rp_segment_scale(executor->vus, executor->scenario->vus);
    }
    for (int64_t slot = ramping->level; slot < executor->slot_count; slot++)
        executor->slot_flags[slot] |= RP_SLOT_UNWANTED;
    executor->kind = ramping;
    executor->ops = &rp_ramping_vus;
    find_step(executor);
    return adjust_ramping(executor, value, at, hold);
}

const struct rp_executor_ops rp_ramping_vus = {
    .slots = rp_vus_most,
    .init = init_ramping,
    .deinit = deinit_ramping,
    .advance = advance_ramping,
    .next = next_ramping,
    .idle = idle_ramping,
    .vus_wanted = vus_wanted_ramping,
    .adjust = adjust_ramping,
};

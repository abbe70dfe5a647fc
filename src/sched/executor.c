/* SPDX-License-Identifier: MIT */

/*
 * The life of an executor: waiting, regular time, graceful stop, interruption; and pauses of the
 * first two. The kinds decide what runs when (closed.c, ramping.c, open.c).
 */

#include "sched/executor.h"

#include <errno.h>

#include "base/alloc.h"
#include "sched/kinds.h"
#include "sched/schedule.h"
#include "sched/share.h"

static const struct rp_executor_ops *const kinds[RP_EXECUTOR_KIND_COUNT] = {
    [RP_CONSTANT_VUS] = &rp_constant_vus,
    [RP_RAMPING_VUS] = &rp_ramping_vus,
    [RP_SHARED_ITERATIONS] = &rp_shared_iterations,
    [RP_PER_VU_ITERATIONS] = &rp_per_vu_iterations,
    [RP_CONSTANT_ARRIVAL_RATE] = &rp_constant_arrival_rate,
    [RP_RAMPING_ARRIVAL_RATE] = &rp_ramping_arrival_rate,
};

/* ---- making ---------------------------------------------------------------------------------- */

int64_t rp_executor_slots(const struct rp_scenario *scenario)
{
    return kinds[scenario->executor]->slots(scenario);
}

int rp_executor_rescale(struct rp_executor *executor, const struct rp_executor_share *share,
                        int64_t v)
{
    return rp_share_work(share, v, &executor->rescaled, &executor->work);
}

static int make_slots(struct rp_executor *executor)
{
    size_t count = (size_t)(executor->slot_count ? executor->slot_count : 1);

    executor->slot_iterations = rp_calloc(count, sizeof(*executor->slot_iterations));
    executor->slot_flags = rp_calloc(count, sizeof(*executor->slot_flags));
    return executor->slot_iterations && executor->slot_flags ? 0 : -ENOMEM;
}

int rp_executor_init(struct rp_executor *executor, const struct rp_scenario *scenario,
                     struct rp_loop *loop, const struct rp_executor_user *user,
                     const struct rp_executor_share *share)
{
    static const struct rp_executor_share everything;
    const struct rp_executor_ops *ops = kinds[scenario->executor];
    int r;

    share = share ? share : &everything;
    *executor = (struct rp_executor){ .ops = ops,
                                      .user = user,
                                      .scenario = scenario,
                                      .loop = loop,
                                      .regular = rp_scenario_regular(scenario),
                                      .begin_until = INT64_MIN,
                                      .next_at = RP_NS_NEVER };
    r = rp_share_vus(share, &executor->own_vus, &executor->vus);
    if (r == 0) {
        executor->work = executor->vus;
        executor->slot_count = rp_segment_scale(executor->vus, ops->slots(scenario));
        executor->made = executor->slot_count;
        r = make_slots(executor);
    }
    /* An empty share has no schedule, because it may own no number at all. */
    if (r == 0 && executor->slot_count && ops->init)
        r = ops->init(executor, share);
    if (r < 0)
        rp_executor_deinit(executor);
    return r;
}

void rp_executor_deinit(struct rp_executor *executor)
{
    rp_timer_disarm(&executor->timer);
    rp_timer_disarm(&executor->advance);
    if (executor->ops && executor->ops->deinit)
        executor->ops->deinit(executor);
    rp_free(executor->kind);
    rp_segment_sequence_deinit(&executor->own_vus);
    rp_segment_sequence_deinit(&executor->rescaled);
    rp_free(executor->slot_iterations);
    rp_free(executor->slot_flags);
    executor->ops = NULL;
    executor->kind = NULL;
    executor->slot_iterations = NULL;
    executor->slot_flags = NULL;
}

/* ---- the end --------------------------------------------------------------------------------- */

/* Whether the schedule asks for nothing more although its time is not over. */
static bool is_exhausted(const struct rp_executor *executor)
{
    if (!executor->slot_count)
        return executor->state != RP_EXECUTOR_WAITING;
    return executor->ops->ends_with_total && executor->handed >= executor->total;
}

static void finish_if_idle(struct rp_executor *executor)
{
    if (executor->active || executor->state == RP_EXECUTOR_FINISHED)
        return;
    if (executor->state < RP_EXECUTOR_STOPPING) {
        if (!is_exhausted(executor))
            return;
        executor->ran = rp_executor_elapsed(executor, rp_loop_now(executor->loop));
    }
    executor->state = RP_EXECUTOR_FINISHED;
    executor->is_paused = false;
    executor->begin_until = INT64_MIN;
    executor->next_at = RP_NS_NEVER;
    rp_timer_disarm(&executor->timer);
    rp_timer_disarm(&executor->advance);
    executor->user->finished(executor);
}

void rp_executor_interrupt(struct rp_executor *executor, int64_t slot)
{
    if ((executor->slot_flags[slot] & (RP_SLOT_ACTIVE | RP_SLOT_INTERRUPTED)) != RP_SLOT_ACTIVE)
        return;
    executor->slot_flags[slot] |= RP_SLOT_INTERRUPTED;
    executor->user->interrupt(executor, slot);
}

static void grace_over(struct rp_timer *timer, rp_ns now)
{
    struct rp_executor *executor = rp_container_of(timer, struct rp_executor, timer);

    executor->state = RP_EXECUTOR_INTERRUPTING;
    executor->begin_until = INT64_MIN;
    for (int64_t slot = 0; slot < executor->slot_count; slot++)
        rp_executor_interrupt(executor, slot);
}

/* Drops the iterations that a schedule with a fixed number of them still owes: they will never
 * begin. */
static void drop_the_rest(struct rp_executor *executor)
{
    if (!executor->ops->ends_with_total || executor->total <= executor->handed)
        return;
    executor->scheduled += executor->total - executor->handed;
    executor->dropped += executor->total - executor->handed;
}

static void arm_advance(struct rp_executor *executor);

static void stop_at(struct rp_executor *executor, rp_ns deadline)
{
    executor->state = RP_EXECUTOR_STOPPING;
    drop_the_rest(executor);
    rp_timer_arm(executor->loop, &executor->timer, deadline, grace_over);
    arm_advance(executor);
    finish_if_idle(executor);
}

/* The time, from the beginning of the regular time, at which iterations are interrupted. */
static rp_ns own_limit(const struct rp_executor *executor)
{
    return rp_ns_add(rp_executor_end(executor), executor->scenario->graceful_stop);
}

static void regular_time_over(struct rp_timer *timer, rp_ns now)
{
    struct rp_executor *executor = rp_container_of(timer, struct rp_executor, timer);

    /* What the schedule wanted until the end is done before the end. */
    if (executor->ops->advance && !executor->ops->advance(executor, now)) {
        rp_timer_arm(executor->loop, timer, rp_executor_end(executor), regular_time_over);
        return;
    }
    if (executor->state != RP_EXECUTOR_RUNNING)
        return; /* an interruption ended an iteration, and that saw the end first */
    executor->ran = executor->regular;
    stop_at(executor, own_limit(executor));
}

void rp_executor_end_if_over(struct rp_executor *executor, rp_ns now)
{
    if (executor->state == RP_EXECUTOR_RUNNING && !executor->is_paused &&
        now >= rp_executor_end(executor))
        regular_time_over(&executor->timer, now);
}

/* ---- the schedule ---------------------------------------------------------------------------- */

static void advance_due(struct rp_timer *timer, rp_ns now)
{
    rp_executor_advance(rp_container_of(timer, struct rp_executor, advance), now);
}

static void arm_advance(struct rp_executor *executor)
{
    rp_ns next = executor->kind ? executor->ops->next(executor) : RP_NS_NEVER;

    executor->next_at = next == RP_NS_NEVER ? next : rp_ns_add(executor->origin, next);
    if (next == RP_NS_NEVER)
        rp_timer_disarm(&executor->advance);
    else if (executor->ops->begins_late)
        rp_timer_arm_precise(executor->loop, &executor->advance, executor->next_at, advance_due);
    else
        rp_timer_arm(executor->loop, &executor->advance, executor->next_at, advance_due);
}

void rp_executor_advance(struct rp_executor *executor, rp_ns now)
{
    if (!executor->ops->advance)
        return;
    executor->ops->advance(executor, now);
    /* Interruptions may have ended the last iteration. */
    if (executor->state != RP_EXECUTOR_FINISHED)
        arm_advance(executor);
}

static rp_ns begin_limit(const struct rp_executor *executor)
{
    return rp_ns_add(rp_executor_end(executor), executor->ops->begins_late ? RP_LATE_BEGIN : 0);
}

/* Regular time begins or goes on. @due is the moment at which idle VUs should have got their
 * iterations. */
static void run(struct rp_executor *executor, rp_ns now, rp_ns due)
{
    if (!executor->slot_count) {
        finish_if_idle(executor);
        return;
    }
    executor->begin_until = begin_limit(executor);
    rp_timer_arm(executor->loop, &executor->timer, rp_executor_end(executor), regular_time_over);
    if (now >= rp_executor_end(executor)) {
        rp_executor_end_if_over(executor, now);
        return;
    }
    rp_executor_advance(executor, now);
    for (int64_t slot = 0; slot < executor->made; slot++)
        if (!executor->slot_flags[slot])
            executor->ops->idle(executor, slot, due);
    finish_if_idle(executor);
}

static void regular_time_begins(struct rp_timer *timer, rp_ns now)
{
    struct rp_executor *executor = rp_container_of(timer, struct rp_executor, timer);

    executor->state = RP_EXECUTOR_RUNNING;
    run(executor, now, executor->origin);
}

void rp_executor_start(struct rp_executor *executor, rp_ns at)
{
    executor->origin = rp_ns_add(at, executor->scenario->start_time);
    rp_timer_arm(executor->loop, &executor->timer, executor->origin, regular_time_begins);
}

void rp_executor_begin(struct rp_executor *executor, int64_t slot, uint64_t iteration, rp_ns due)
{
    executor->slot_flags[slot] = RP_SLOT_ACTIVE;
    executor->slot_iterations[slot]++;
    executor->active++;
    executor->scheduled++;
    executor->user->begin(executor, slot, iteration, due);
}

/* Takes back an iteration that was asked for and never began. */
static void take_back(struct rp_executor *executor, int64_t slot)
{
    if (executor->ops->owes) {
        executor->dropped++;
    } else {
        executor->scheduled--;
        executor->slot_iterations[slot]--;
    }
}

void rp_executor_ended(struct rp_executor *executor, int64_t slot, bool began, rp_ns now)
{
    executor->slot_flags[slot] &= (uint8_t) ~(RP_SLOT_ACTIVE | RP_SLOT_INTERRUPTED);
    executor->active--;
    if (RP_UNLIKELY(!began))
        take_back(executor, slot);
    executor->ops->idle(executor, slot, now);
    if (RP_UNLIKELY(executor->active == 0))
        finish_if_idle(executor);
}

/* ---- from outside ---------------------------------------------------------------------------- */

/* Lets the schedule go on where it was. */
static void unfreeze(struct rp_executor *executor, rp_ns now)
{
    if (!executor->is_paused)
        return;
    executor->is_paused = false;
    executor->origin = rp_ns_add(executor->origin, now - executor->paused_at);
}

void rp_executor_stop(struct rp_executor *executor, rp_ns deadline)
{
    rp_ns now = rp_loop_now(executor->loop), limit;

    unfreeze(executor, now);
    switch (executor->state) {
    case RP_EXECUTOR_WAITING:
        stop_at(executor, deadline);
        break;
    case RP_EXECUTOR_RUNNING:
        executor->begin_until = INT64_MIN;
        executor->ran = rp_executor_elapsed(executor, now);
        limit = own_limit(executor);
        /* What was due until now counts as asked for: the schedule catches up first. */
        while (executor->ops->advance && !executor->ops->advance(executor, now))
            ;
        if (executor->state == RP_EXECUTOR_RUNNING)
            stop_at(executor, deadline < limit ? deadline : limit);
        else
            rp_executor_stop(executor, deadline); /* it was over before */
        break;
    case RP_EXECUTOR_STOPPING:
        executor->begin_until = INT64_MIN;
        if (deadline < executor->timer.deadline)
            rp_timer_arm(executor->loop, &executor->timer, deadline, grace_over);
        break;
    case RP_EXECUTOR_INTERRUPTING:
    case RP_EXECUTOR_FINISHED:
        break;
    }
}

void rp_executor_pause(struct rp_executor *executor, rp_ns now)
{
    if (executor->is_paused || executor->state > RP_EXECUTOR_STOPPING)
        return;
    rp_executor_end_if_over(executor, now);
    executor->begin_until = INT64_MIN;
    /* An executor whose regular time is over goes on to its end, without beginning anything. */
    if (executor->state >= RP_EXECUTOR_STOPPING ||
        (executor->state == RP_EXECUTOR_RUNNING && now >= rp_executor_end(executor)))
        return;
    executor->is_paused = true;
    executor->paused_at = now;
    executor->next_at = RP_NS_NEVER;
    rp_timer_disarm(&executor->timer);
    rp_timer_disarm(&executor->advance);
}

void rp_executor_resume(struct rp_executor *executor, rp_ns now)
{
    if (!executor->is_paused)
        return;
    unfreeze(executor, now);
    if (executor->state == RP_EXECUTOR_WAITING)
        rp_timer_arm(executor->loop, &executor->timer, executor->origin, regular_time_begins);
    else
        run(executor, now, now);
}

int rp_executor_adjust(struct rp_executor *executor, double value, rp_ns at, bool hold)
{
    int r;

    if (!executor->ops->adjust)
        return -ENOTSUP;
    at -= executor->scenario->start_time;
    if (at < 0)
        at = 0;
    if (!executor->slot_count || executor->state > RP_EXECUTOR_RUNNING || at >= executor->regular)
        return 0;
    r = executor->ops->adjust(executor, value, at, hold);
    if (r == 0 && executor->state == RP_EXECUTOR_RUNNING && !executor->is_paused)
        rp_executor_advance(executor, rp_loop_now(executor->loop));
    return r;
}

/* ---- how far it is --------------------------------------------------------------------------- */

rp_ns rp_executor_elapsed(const struct rp_executor *executor, rp_ns now)
{
    rp_ns elapsed = (executor->is_paused ? executor->paused_at : now) - executor->origin;

    if (executor->state == RP_EXECUTOR_WAITING)
        return 0;
    if (executor->state >= RP_EXECUTOR_STOPPING)
        return executor->ran;
    return elapsed < executor->regular ? elapsed : executor->regular;
}

int64_t rp_executor_stage(const struct rp_executor *executor, rp_ns now)
{
    const struct rp_scenario *scenario = executor->scenario;
    rp_ns elapsed = rp_executor_elapsed(executor, now);
    size_t stage = 0;

    if (!rp_executor_kinds[scenario->executor].has_stages)
        return -1;
    while (stage + 1 < scenario->stage_count && elapsed >= scenario->stages[stage].duration)
        elapsed -= scenario->stages[stage++].duration;
    return (int64_t)stage;
}

double rp_executor_rate(const struct rp_executor *executor, rp_ns now)
{
    if (!executor->ops->rate || !executor->slot_count || executor->state != RP_EXECUTOR_RUNNING)
        return 0;
    return executor->ops->rate(executor, rp_executor_elapsed(executor, now));
}

int64_t rp_executor_vus_wanted(const struct rp_executor *executor)
{
    if (!executor->ops->vus_wanted || !executor->slot_count ||
        executor->state > RP_EXECUTOR_RUNNING)
        return 0;
    return executor->ops->vus_wanted(executor);
}

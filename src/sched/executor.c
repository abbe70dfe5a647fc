/* SPDX-License-Identifier: MIT */
#include "sched/executor.h"

#include <errno.h>

#include "base/alloc.h"
#include "sched/kinds.h"

static const struct rp_executor_ops *const kinds[RP_EXECUTOR_COUNT] = {
    [RP_CONSTANT_VUS] = &rp_constant_vus,
    [RP_SHARED_ITERATIONS] = &rp_shared_iterations,
    [RP_PER_VU_ITERATIONS] = &rp_per_vu_iterations,
};

int64_t rp_execution_slots(const struct rp_scenario *scenario)
{
    const struct rp_executor_ops *ops = kinds[scenario->executor];

    return ops ? ops->slots(scenario) : 0;
}

int rp_execution_init(struct rp_execution *executor, const struct rp_scenario *scenario,
                      struct rp_loop *loop, const struct rp_execution_user *user)
{
    const struct rp_executor_ops *ops = kinds[scenario->executor];

    if (!ops)
        return -ENOTSUP;
    *executor = (struct rp_execution){ .ops = ops,
                                       .user = user,
                                       .scenario = scenario,
                                       .loop = loop,
                                       .slot_count = ops->slots(scenario) };
    executor->slot_iterations = rp_calloc((size_t)executor->slot_count, sizeof(uint64_t));
    executor->slot_is_active = rp_calloc((size_t)executor->slot_count, 1);
    if (!executor->slot_iterations || !executor->slot_is_active) {
        rp_execution_deinit(executor);
        return -ENOMEM;
    }
    return 0;
}

void rp_execution_deinit(struct rp_execution *executor)
{
    rp_timer_disarm(&executor->timer);
    rp_free(executor->slot_iterations);
    rp_free(executor->slot_is_active);
    executor->slot_iterations = NULL;
    executor->slot_is_active = NULL;
}

static void finish_if_idle(struct rp_execution *executor)
{
    if (executor->active || executor->state == RP_EXECUTION_FINISHED)
        return;
    executor->state = RP_EXECUTION_FINISHED;
    rp_timer_disarm(&executor->timer);
    executor->user->finished(executor);
}

static void grace_over(struct rp_timer *timer, rp_ns now)
{
    struct rp_execution *executor = rp_container_of(timer, struct rp_execution, timer);

    executor->state = RP_EXECUTION_INTERRUPTING;
    for (int64_t slot = 0; slot < executor->slot_count; slot++)
        if (executor->slot_is_active[slot])
            executor->user->interrupt(executor, slot);
}

/* What the schedule still owed will never begin. */
static void drop_the_rest(struct rp_execution *executor)
{
    uint64_t total = executor->ops->total(executor->scenario);

    if (total > executor->next_iteration) {
        executor->scheduled += total - executor->next_iteration;
        executor->dropped += total - executor->next_iteration;
    }
}

static void stop_at(struct rp_execution *executor, rp_ns deadline)
{
    executor->state = RP_EXECUTION_STOPPING;
    drop_the_rest(executor);
    rp_timer_arm(executor->loop, &executor->timer, deadline, grace_over);
    finish_if_idle(executor);
}

/* When iterations are interrupted, seen from the regular time: its end is what the timer is armed for. */
static rp_ns own_limit(const struct rp_execution *executor)
{
    return rp_ns_add(executor->timer.deadline, executor->scenario->graceful_stop);
}

static void regular_time_over(struct rp_timer *timer, rp_ns now)
{
    struct rp_execution *executor = rp_container_of(timer, struct rp_execution, timer);

    stop_at(executor, own_limit(executor));
}

static void feed(struct rp_execution *executor, int64_t slot, rp_ns due)
{
    if (executor->state != RP_EXECUTION_RUNNING || !executor->ops->may_begin(executor, slot))
        return;
    executor->slot_is_active[slot] = 1;
    executor->slot_iterations[slot]++;
    executor->active++;
    executor->scheduled++;
    executor->user->begin(executor, slot, executor->next_iteration++, due);
}

static void regular_time_begins(struct rp_timer *timer, rp_ns now)
{
    struct rp_execution *executor = rp_container_of(timer, struct rp_execution, timer);
    rp_ns regular = executor->ops->regular_time(executor->scenario);

    executor->state = RP_EXECUTION_RUNNING;
    executor->origin = timer->deadline;
    rp_timer_arm(executor->loop, timer, rp_ns_add(executor->origin, regular), regular_time_over);
    if (!rp_execution_may_begin(executor, now)) {
        stop_at(executor, own_limit(executor));
        return;
    }
    for (int64_t slot = 0; slot < executor->slot_count; slot++)
        feed(executor, slot, executor->origin);
    finish_if_idle(executor);
}

void rp_execution_start(struct rp_execution *executor, rp_ns at)
{
    rp_timer_arm(executor->loop, &executor->timer, rp_ns_add(at, executor->scenario->start_time),
                 regular_time_begins);
}

/* An iteration that was asked for and never began. A schedule without a number of iterations does not owe it. */
static void take_back(struct rp_execution *executor, int64_t slot)
{
    if (executor->ops->total(executor->scenario)) {
        executor->dropped++;
    } else {
        executor->scheduled--;
        executor->slot_iterations[slot]--;
    }
}

void rp_execution_ended(struct rp_execution *executor, int64_t slot, bool began, rp_ns now)
{
    executor->slot_is_active[slot] = 0;
    executor->active--;
    if (RP_UNLIKELY(!began))
        take_back(executor, slot);
    /* The clock decides, not the timer: in a late turn no iteration may start after the regular end. */
    if (RP_LIKELY(rp_execution_may_begin(executor, now)))
        feed(executor, slot, now);
    else if (executor->state == RP_EXECUTION_RUNNING)
        stop_at(executor, own_limit(executor));
    if (RP_UNLIKELY(executor->active == 0))
        finish_if_idle(executor);
}

void rp_execution_stop(struct rp_execution *executor, rp_ns deadline)
{
    rp_ns limit;

    switch (executor->state) {
    case RP_EXECUTION_WAITING:
        stop_at(executor, deadline);
        break;
    case RP_EXECUTION_RUNNING:
        limit = own_limit(executor);
        stop_at(executor, deadline < limit ? deadline : limit);
        break;
    case RP_EXECUTION_STOPPING:
        if (deadline < executor->timer.deadline)
            rp_timer_arm(executor->loop, &executor->timer, deadline, grace_over);
        break;
    case RP_EXECUTION_INTERRUPTING:
    case RP_EXECUTION_FINISHED:
        break;
    }
}

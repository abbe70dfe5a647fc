/* SPDX-License-Identifier: MIT */

/*
 * The closed kinds with a fixed number of VUs: a VU that is idle begins again, until the time or
 * the iterations are used up.
 */

#include "sched/kinds.h"

static int64_t slots_vus(const struct rp_scenario *scenario)
{
    return scenario->vus;
}

/* ---- constant-vus: VUs loop until the regular end -------------------------------------------- */

static int64_t slots_constant(const struct rp_scenario *scenario)
{
    return scenario->max_vus > scenario->vus ? scenario->max_vus : scenario->vus;
}

static int64_t vus_wanted_constant(const struct rp_executor *executor)
{
    return rp_segment_scale(executor->vus, executor->scenario->vus);
}

/* Those beyond `vus` wait for an adjustment. */
static int init_constant(struct rp_executor *executor, const struct rp_executor_share *share)
{
    for (int64_t slot = vus_wanted_constant(executor); slot < executor->slot_count; slot++)
        executor->slot_flags[slot] = RP_SLOT_UNWANTED;
    return 0;
}

static void idle_constant(struct rp_executor *executor, int64_t slot, rp_ns at)
{
    if (RP_LIKELY(at < executor->begin_until))
        rp_executor_begin(executor, slot, rp_executor_next_number(executor), at);
    else
        rp_executor_end_if_over(executor, at);
}

const struct rp_executor_ops rp_constant_vus = {
    .slots = slots_constant,
    .init = init_constant,
    .idle = idle_constant,
    .vus_wanted = vus_wanted_constant,
    .adjust = rp_ramping_take_over,
};

/* ---- shared-iterations: one pool; whoever is free takes the next ----------------------------- */

static int init_shared(struct rp_executor *executor, const struct rp_executor_share *share)
{
    int r = rp_executor_rescale(executor, share, executor->scenario->vus);

    if (r == 0)
        executor->total = (uint64_t)rp_segment_scale(executor->work,
                                                     executor->scenario->iterations);
    return r;
}

static void idle_shared(struct rp_executor *executor, int64_t slot, rp_ns at)
{
    if (RP_UNLIKELY(at >= executor->begin_until))
        rp_executor_end_if_over(executor, at);
    else if (executor->handed < executor->total)
        rp_executor_begin(executor, slot, rp_executor_next_number(executor), at);
}

const struct rp_executor_ops rp_shared_iterations = {
    .owes = true,
    .ends_with_total = true,
    .slots = slots_vus,
    .init = init_shared,
    .idle = idle_shared,
};

/* ---- per-vu-iterations: each VU its own ------------------------------------------------------ */

static int init_per_vu(struct rp_executor *executor, const struct rp_executor_share *share)
{
    executor->total = (uint64_t)executor->scenario->iterations * (uint64_t)executor->slot_count;
    return 0;
}

/* Iterations are numbered round by round, so that the numbers are the same however the VUs are
 * shared out. */
static uint64_t number_per_vu(const struct rp_executor *executor, int64_t slot)
{
    return executor->slot_iterations[slot] * (uint64_t)executor->scenario->vus +
           (uint64_t)rp_segment_nth(executor->vus, slot);
}

static void idle_per_vu(struct rp_executor *executor, int64_t slot, rp_ns at)
{
    if (RP_UNLIKELY(at >= executor->begin_until)) {
        rp_executor_end_if_over(executor, at);
    } else if (executor->slot_iterations[slot] < (uint64_t)executor->scenario->iterations) {
        executor->handed++;
        rp_executor_begin(executor, slot, number_per_vu(executor, slot), at);
    }
}

const struct rp_executor_ops rp_per_vu_iterations = {
    .owes = true,
    .ends_with_total = true,
    .slots = slots_vus,
    .init = init_per_vu,
    .idle = idle_per_vu,
};

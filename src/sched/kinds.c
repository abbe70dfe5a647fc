/* SPDX-License-Identifier: MIT */
#include "sched/kinds.h"

static int64_t slots_vus(const struct rp_scenario *scenario)
{
    return scenario->vus;
}

static rp_ns time_duration(const struct rp_scenario *scenario)
{
    return scenario->duration;
}

static rp_ns time_max_duration(const struct rp_scenario *scenario)
{
    return scenario->max_duration;
}

/* ---- constant-vus: VUs loop until the regular end ---------------------------------------------------------- */

static uint64_t total_open(const struct rp_scenario *scenario)
{
    return 0;
}

static bool may_always(const struct rp_execution *executor, int64_t slot)
{
    return true;
}

const struct rp_executor_ops rp_constant_vus = {
    .slots = slots_vus,
    .regular_time = time_duration,
    .total = total_open,
    .may_begin = may_always,
};

/* ---- shared-iterations: one pool; whoever is free takes the next ------------------------------------------- */

static uint64_t total_shared(const struct rp_scenario *scenario)
{
    return (uint64_t)scenario->iterations;
}

static bool may_shared(const struct rp_execution *executor, int64_t slot)
{
    return executor->next_iteration < (uint64_t)executor->scenario->iterations;
}

const struct rp_executor_ops rp_shared_iterations = {
    .slots = slots_vus,
    .regular_time = time_max_duration,
    .total = total_shared,
    .may_begin = may_shared,
};

/* ---- per-vu-iterations: each VU its own ---------------------------------------------------------------------- */

static uint64_t total_per_vu(const struct rp_scenario *scenario)
{
    return (uint64_t)scenario->iterations * (uint64_t)scenario->vus;
}

static bool may_per_vu(const struct rp_execution *executor, int64_t slot)
{
    return executor->slot_iterations[slot] < (uint64_t)executor->scenario->iterations;
}

const struct rp_executor_ops rp_per_vu_iterations = {
    .slots = slots_vus,
    .regular_time = time_max_duration,
    .total = total_per_vu,
    .may_begin = may_per_vu,
};

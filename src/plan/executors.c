/* SPDX-License-Identifier: MIT */

/* The table of the kinds of executors, and what follows from it for one scenario. */

#include <math.h>

#include "plan/plan.h"

const struct rp_executor_kind_info rp_executor_kinds[RP_EXECUTOR_KIND_COUNT] = {
    [RP_CONSTANT_VUS] = { "constant-vus", "VUs run iterations one after the other for a time" },
    [RP_RAMPING_VUS] = { "ramping-vus", "the same with a number of VUs that follows stages",
                         .has_stages = true },
    [RP_SHARED_ITERATIONS] = { "shared-iterations",
                               "VUs take iterations from one pool until it is empty",
                               .has_iterations = true, .shares_iterations = true },
    [RP_PER_VU_ITERATIONS] = { "per-vu-iterations", "every VU runs its own number of iterations",
                               .has_iterations = true },
    [RP_CONSTANT_ARRIVAL_RATE] = { "constant-arrival-rate",
                                   "iterations start at a fixed rate, however long they take",
                                   .has_arrivals = true },
    [RP_RAMPING_ARRIVAL_RATE] = { "ramping-arrival-rate",
                                  "the same with a rate that follows stages", .has_arrivals = true,
                                  .has_stages = true },
};

const char *rp_executor_kind_name(enum rp_executor_kind kind)
{
    return (unsigned)kind < RP_EXECUTOR_KIND_COUNT ? rp_executor_kinds[kind].name : "unknown";
}

rp_ns rp_scenario_regular(const struct rp_scenario *scenario)
{
    const struct rp_executor_kind_info *kind = &rp_executor_kinds[scenario->executor];
    rp_ns total = 0;

    if (kind->has_iterations)
        return scenario->max_duration;
    if (!kind->has_stages)
        return scenario->duration;
    for (size_t i = 0; i < scenario->stage_count; i++)
        total = rp_ns_add(total, scenario->stages[i].duration);
    return total;
}

double rp_scenario_highest_rate(const struct rp_scenario *scenario)
{
    const struct rp_executor_kind_info *kind = &rp_executor_kinds[scenario->executor];
    double highest = scenario->rate;

    if (!kind->has_arrivals)
        return 0;
    for (size_t i = 0; kind->has_stages && i < scenario->stage_count; i++)
        highest = fmax(highest, (double)scenario->stages[i].target);
    return highest * 1e9 / (double)scenario->time_unit;
}

/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * sched/kinds.h - what the kinds of executors differ in.
 */

#include "sched/executor.h"

struct rp_executor_ops {
    /* Slots (VUs) of a scenario of this kind. */
    int64_t (*slots)(const struct rp_scenario *scenario);
    /* Length of the regular time. */
    rp_ns (*regular_time)(const struct rp_scenario *scenario);
    /* How many iterations the schedule asks for in all; 0 = as many as the time allows. */
    uint64_t (*total)(const struct rp_scenario *scenario);
    /* May @slot begin another iteration? */
    bool (*may_begin)(const struct rp_execution *executor, int64_t slot);
};

extern const struct rp_executor_ops rp_constant_vus;
extern const struct rp_executor_ops rp_shared_iterations;
extern const struct rp_executor_ops rp_per_vu_iterations;

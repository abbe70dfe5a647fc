/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * run/adjustment.h - a change of a scenario's load while the run goes on: what somebody asks for
 * (run/control.h), and what the result has of it.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/time.h"
#include "plan/plan.h"

enum rp_adjusted {
    RP_ADJUST_VUS,  /* of constant-vus and ramping-vus */
    RP_ADJUST_RATE, /* of constant-arrival-rate and ramping-arrival-rate */
    RP_ADJUSTED_COUNT
};
const char *rp_adjusted_name(enum rp_adjusted adjusted); /* "vus", "rate" */

struct rp_adjustment {
    const char *scenario; /* its name; NULL: the plan has only one. Borrowed */
    enum rp_adjusted what;
    /* Of the whole scenario: VUs, from 0 to rp_scenario_max_vus(); or iterations in the scenario's
     * time_unit, as in the plan. */
    double value;
    /* It counts to the end of the scenario. Else it counts until the present stage ends, and then
     * the plan does again; of executors without stages that is the same. */
    bool hold;
};

/* Whether the scenarios of @plan can be adjusted so; then *ret_scenario is which one. -RP_EUSER with
 * @err: there is no such scenario, its executor runs a number of iterations, has no rate or no VUs
 * to adjust, or the value is none or too large. */
RP_NODISCARD int rp_adjustment_check(const struct rp_plan *plan,
                                     const struct rp_adjustment *adjustment, size_t *ret_scenario,
                                     struct rp_error *err);

/* Further ones are refused: every worker keeps them as a part of its schedule. */
enum { RP_RESULT_ADJUSTMENTS_MAX = 10000 };

/* One that was made. */
struct rp_result_adjustment {
    size_t scenario; /* of the plan */
    enum rp_adjusted what;
    double value;
    bool hold;
    rp_ns at; /* since the start of the executors, without pauses: one moment for all workers */
};

/* SPDX-License-Identifier: MIT */
#include "run/adjustment.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/str.h"
#include "plan/fields.h"

enum { NAMES_MAX = 1000 }; /* bytes of a list of names */

const char *rp_adjusted_name(enum rp_adjusted adjusted)
{
    static const char *const names[RP_ADJUSTED_COUNT] = { "vus", "rate" };

    return names[adjusted];
}

static void hint_names(const struct rp_plan *plan, struct rp_error *err)
{
    struct rp_buf names;

    rp_buf_init(&names, NAMES_MAX);
    for (size_t i = 0; i < plan->scenario_count; i++)
        rp_buf_appendf(&names, "%s'%s'", i ? ", " : "", plan->scenarios[i].name);
    if (!names.error)
        rp_error_hint(err, "the run has %s", rp_buf_str(&names));
    rp_buf_deinit(&names);
}

static int find_scenario(const struct rp_plan *plan, const char *name, size_t *ret,
                         struct rp_error *err)
{
    if (!name && plan->scenario_count != 1) {
        rp_error_set(err, -RP_EUSER, "a scenario must be named, for the run has %zu",
                     plan->scenario_count);
        hint_names(plan, err);
        return -RP_EUSER;
    }
    for (size_t i = 0; i < plan->scenario_count; i++) {
        if (name && strcmp(plan->scenarios[i].name, name) != 0)
            continue;
        *ret = i;
        return 0;
    }
    rp_error_set(err, -RP_EUSER, "there is no scenario '%.300s' in the run", name);
    hint_names(plan, err);
    return -RP_EUSER;
}

/* A scenario has either VUs to adjust, or a rate, or neither. */
static int check_kind(const struct rp_scenario *scenario, enum rp_adjusted what,
                      struct rp_error *err)
{
    const struct rp_executor_kind_info *kind = &rp_executor_kinds[scenario->executor];

    if (kind->has_iterations) {
        rp_error_set(err, -RP_EUSER,
                     "scenario '%s': %s runs a number of iterations and cannot be adjusted",
                     scenario->name, kind->name);
        rp_error_hint(err, "constant-vus and ramping-vus can have other VUs, "
                           "constant-arrival-rate and ramping-arrival-rate another rate");
        return -RP_EUSER;
    }
    if (kind->has_arrivals == (what == RP_ADJUST_RATE))
        return 0;
    rp_error_set(err, -RP_EUSER, "scenario '%s': %s has no %s to adjust", scenario->name,
                 kind->name, what == RP_ADJUST_RATE ? "rate" : "number of VUs");
    rp_error_hint(err, "adjust its %s",
                  rp_adjusted_name(kind->has_arrivals ? RP_ADJUST_RATE : RP_ADJUST_VUS));
    return -RP_EUSER;
}

static int check_vus(const struct rp_scenario *scenario, double value, struct rp_error *err)
{
    int64_t most = rp_scenario_max_vus(scenario);

    if (value >= 0 && value <= (double)most && value == floor(value))
        return 0;
    rp_error_set(err, -RP_EUSER,
                 "scenario '%s': vus must be a whole number from 0 to %" PRId64 ", not %.10g",
                 scenario->name, most, value);
    if (value > (double)most)
        rp_error_hint(err, "max_vus of the scenario says how many are made before the start");
    else if (value < 0)
        rp_error_hint(err, "0 VUs let the scenario rest; the run goes on");
    return -RP_EUSER;
}

static int check_rate(const struct rp_scenario *scenario, double value, struct rp_error *err)
{
    /* A billion in a second are one in a nanosecond. */
    double most = fmin(RP_MOST_RATE, (double)scenario->time_unit);

    if (value >= 0 && value <= most)
        return 0;
    return rp_error_set(err, -RP_EUSER,
                        "scenario '%s': rate must be a number from 0 to %.10g, not %.10g",
                        scenario->name, most, value);
}

int rp_adjustment_check(const struct rp_plan *plan, const struct rp_adjustment *adjustment,
                        size_t *ret_scenario, struct rp_error *err)
{
    const struct rp_scenario *scenario;
    int r = find_scenario(plan, adjustment->scenario, ret_scenario, err);

    if (r < 0)
        return r;
    scenario = &plan->scenarios[*ret_scenario];
    r = check_kind(scenario, adjustment->what, err);
    if (r < 0)
        return r;
    return adjustment->what == RP_ADJUST_VUS ? check_vus(scenario, adjustment->value, err)
                                             : check_rate(scenario, adjustment->value, err);
}

/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "plan/execution_segment.h"
#include "plan/plan_internal.h"

void rp_scenario_deinit(struct rp_scenario *scenario)
{
    for (int i = 0; i < RP_F_COUNT; i++)
        rp_field_clear(&rp_scenario_fields[i], scenario);
    rp_free(scenario->name);
    rp_free(scenario->file);
    *scenario = (struct rp_scenario){ 0 };
}

/* VUs of an arrival executor when nobody says how many. */
#define USUAL_ARRIVAL_VUS 10

static int64_t highest_target(const struct rp_scenario *scenario)
{
    int64_t highest = 0;

    for (size_t i = 0; i < scenario->stage_count; i++)
        if (scenario->stages[i].target > highest)
            highest = scenario->stages[i].target;
    return highest;
}

/* Of an executor of VUs: the most that its own schedule has. */
static int64_t scheduled_vus(const struct rp_scenario *scenario)
{
    int64_t highest = highest_target(scenario);

    if (rp_executor_kind_has(scenario->executor, RP_F_VUS))
        return scenario->vus;
    return highest > scenario->start_vus ? highest : scenario->start_vus;
}

static int fill_default(struct rp_scenario *scenario, enum rp_field_id id, rp_field_set given,
                        const struct rp_where *where, struct rp_error *err)
{
    const struct rp_field *field = &rp_scenario_fields[id];
    char expected[128];
    void *at = rp_field_at(field, scenario);

    if (field->required >> scenario->executor & 1) {
        rp_field_expected(field, expected, sizeof(expected));
        rp_where_fail(where, err, "executor '%s' needs '%s', %s",
                      rp_executor_kinds[scenario->executor].name, field->name, expected);
        if (id == RP_F_DURATION)
            rp_error_hint(err, "add duration=\"30s\" to the scenario, or give --duration");
        return -RP_EUSER;
    }
    if (id == RP_F_PRE_ALLOCATED_VUS)
        scenario->pre_allocated_vus = given >> RP_F_MAX_VUS & 1 ? scenario->max_vus
                                                                : USUAL_ARRIVAL_VUS;
    else if (id == RP_F_MAX_VUS)
        scenario->max_vus = rp_executor_kinds[scenario->executor].has_arrivals
                                ? scenario->pre_allocated_vus
                                : scheduled_vus(scenario);
    else if (id == RP_F_EXEC_FN)
        return rp_where_fail(where, err, "exec_fn is missing: which function is one iteration?");
    else if (field->type == RP_FT_INTEGER || field->type == RP_FT_DURATION)
        *(int64_t *)at = field->default_value;
    else if (field->type == RP_FT_NUMBER)
        *(double *)at = (double)field->default_value;
    return 0;
}

/* A schedule that only goes down needs a start that somebody has given: with the default there
 * would be no load. */
static int check_stages(const struct rp_scenario *s, rp_field_set given,
                        const struct rp_where *where, struct rp_error *err)
{
    const struct rp_executor_kind_info *kind = &rp_executor_kinds[s->executor];
    int64_t highest = highest_target(s);
    bool starts = (given >> RP_F_START_VUS & 1 && s->start_vus > 0) ||
                  (given >> RP_F_RATE & 1 && s->rate > 0);
    rp_ns total = 0;

    for (size_t i = 0; i < s->stage_count; i++)
        total = rp_ns_add(total, s->stages[i].duration);
    if (highest == 0 && !starts)
        return rp_where_fail(where, err, "stages: at least one target must be greater than 0");
    if (!kind->has_arrivals && highest > RP_MOST_VUS)
        return rp_where_fail(where, err, "stages: a target must be at most %d VUs, not %" PRId64,
                             RP_MOST_VUS, highest);
    if (total == 0)
        return rp_where_fail(where, err, "stages: all together must last longer than 0s");
    if (total > RP_LONGEST)
        return rp_where_fail(where, err, "stages: all together must last at most 3650d");
    return 0;
}

/* A rate in billionths: a rate of at most nine decimals is a whole number of them. */
static int64_t billionths(double rate)
{
    return (int64_t)llroundl((long double)rate * 1e9L);
}

/* Twice what the schedule asks for, in arrivals times time_unit times a billion. */
static unsigned __int128 twice_arrivals(const struct rp_scenario *s)
{
    unsigned __int128 twice = 0;
    int64_t from = billionths(s->rate);

    if (!rp_executor_kinds[s->executor].has_stages)
        return (unsigned __int128)from * (unsigned __int128)s->duration * 2;
    for (size_t i = 0; i < s->stage_count; i++) {
        int64_t to = s->stages[i].target * 1000000000;

        twice += ((unsigned __int128)from + (unsigned __int128)to) *
                 (unsigned __int128)s->stages[i].duration;
        from = to;
    }
    return twice;
}

/* Checks that the schedule is within the bounds in which its arithmetic is exact, and that it asks
 * for something. */
static int check_arrivals(const struct rp_scenario *s, const struct rp_where *where,
                          struct rp_error *err)
{
    const struct rp_executor_kind_info *kind = &rp_executor_kinds[s->executor];
    unsigned __int128 one = (unsigned __int128)s->time_unit * 2000000000;
    unsigned __int128 twice = twice_arrivals(s);
    double highest = fmax(s->rate, (double)highest_target(s));

    if (highest > (double)s->time_unit) /* a billion in a second are one in a nanosecond */
        return rp_where_fail(where, err, "rate: at most %d iterations can start in a second",
                             RP_MOST_RATE);
    if (twice > one * RP_MOST_ITERATIONS)
        return rp_where_fail(where, err, "%s: at most %" PRId64 " iterations can start in all",
                             kind->has_stages ? "stages" : "rate", (int64_t)RP_MOST_ITERATIONS);
    if (!kind->has_stages || twice >= one)
        return 0;
    rp_where_fail(where, err, "stages: they ask for less than one iteration in all");
    rp_error_hint(err, "raise the targets, make the stages longer, or time_unit shorter");
    return -RP_EUSER;
}

/* Numbers that do not fit together and are put right, with a warning. */
static int adapt_vus(struct rp_scenario *s, const struct rp_where *where, struct rp_plan *plan)
{
    int64_t vus = s->vus, before = s->pre_allocated_vus;

    if (rp_executor_kinds[s->executor].shares_iterations && s->iterations < vus) {
        s->vus = s->iterations;
        return rp_plan_warn(plan, where,
                            "%" PRId64 " of its %" PRId64 " VUs are left out, because there are "
                            "no iterations for them: iterations is %" PRId64,
                            vus - s->iterations, vus, s->iterations);
    }
    if (rp_executor_kinds[s->executor].has_arrivals && s->max_vus >= 1 && s->max_vus < before) {
        s->pre_allocated_vus = s->max_vus;
        return rp_plan_warn(plan, where,
                            "max_vus (%" PRId64 ") is less than pre_allocated_vus (%" PRId64
                            "): %" PRId64 " VUs are made before the start",
                            s->max_vus, before, s->max_vus);
    }
    if (!rp_executor_kinds[s->executor].has_arrivals &&
        rp_executor_kind_has(s->executor, RP_F_MAX_VUS) && s->max_vus < scheduled_vus(s)) {
        int64_t given = s->max_vus;

        s->max_vus = scheduled_vus(s);
        return rp_plan_warn(plan, where,
                            "max_vus (%" PRId64 ") is less than the %" PRId64
                            " VUs that the scenario asks for, and does nothing",
                            given, s->max_vus);
    }
    return 0;
}

static int check_between(const struct rp_scenario *s, rp_field_set given,
                         const struct rp_where *where, struct rp_error *err)
{
    const struct rp_executor_kind_info *kind = &rp_executor_kinds[s->executor];
    int r = 0;

    if (kind->has_arrivals && !kind->has_stages && !(s->rate > 0))
        return rp_where_fail(where, err, "rate must be greater than 0");
    if (kind->has_arrivals && s->max_vus < 1)
        return rp_where_fail(where, err,
                             "max_vus is missing: with no VU made before the start there is none");
    if (kind->has_stages)
        r = check_stages(s, given, where, err);
    return r == 0 && kind->has_arrivals ? check_arrivals(s, where, err) : r;
}

int rp_scenario_finish(struct rp_scenario *scenario, rp_field_set given, bool is_whole,
                       const struct rp_where *where, struct rp_plan *plan, struct rp_error *err)
{
    int r;

    for (int i = 0; i < RP_F_COUNT; i++) {
        if (given >> i & 1 || !rp_executor_kind_has(scenario->executor, (enum rp_field_id)i))
            continue;
        r = fill_default(scenario, (enum rp_field_id)i, given, where, err);
        is_whole = is_whole && r == 0;
        r = rp_error_keep(err, r);
        if (r < 0)
            return r;
    }
    if (!is_whole)
        return 0;
    r = adapt_vus(scenario, where, plan);
    return r == 0 ? rp_error_keep(err, check_between(scenario, given, where, err)) : r;
}

rp_ns rp_scenario_longest(const struct rp_scenario *scenario)
{
    return rp_ns_add(rp_scenario_regular(scenario), scenario->graceful_stop);
}

static rp_ns end_of(const struct rp_scenario *scenario)
{
    return rp_ns_add(scenario->start_time, rp_scenario_longest(scenario));
}

rp_ns rp_plan_longest(const struct rp_plan *plan)
{
    rp_ns longest = 0;

    for (size_t i = 0; i < plan->scenario_count; i++)
        if (end_of(&plan->scenarios[i]) > longest)
            longest = end_of(&plan->scenarios[i]);
    return longest;
}

int64_t rp_scenario_max_vus(const struct rp_scenario *scenario)
{
    int64_t scheduled = scheduled_vus(scenario);

    if (rp_executor_kinds[scenario->executor].has_arrivals)
        return scenario->max_vus;
    return scenario->max_vus > scheduled ? scenario->max_vus : scheduled;
}

bool rp_scenario_has(const struct rp_scenario *scenario, enum rp_field_id id)
{
    if (id == RP_F_MAX_VUS && !rp_executor_kinds[scenario->executor].has_arrivals &&
        scenario->max_vus <= scheduled_vus(scenario))
        return false;
    return rp_executor_kind_has(scenario->executor, id);
}

/* The sum of VUs rises only where a scenario starts: so it is taken there. A scenario that starts
 * at the moment when another one must be over still meets it. */
int64_t rp_plan_max_vus(const struct rp_plan *plan)
{
    int64_t highest = 0;

    for (size_t i = 0; i < plan->scenario_count; i++) {
        rp_ns at = plan->scenarios[i].start_time;
        int64_t sum = 0;

        for (size_t k = 0; k < plan->scenario_count; k++) {
            const struct rp_scenario *other = &plan->scenarios[k];

            if (other->start_time <= at && end_of(other) >= at)
                sum += rp_scenario_max_vus(other);
        }
        if (sum > highest)
            highest = sum;
    }
    return highest;
}

enum { VUS_A_WORKER = 32, RATE_A_WORKER = 2000 };

int64_t rp_plan_auto_workers(const struct rp_plan *plan, int64_t cores)
{
    int64_t vus = 0, wanted;
    double rate = 0;

    for (size_t i = 0; i < plan->scenario_count; i++) {
        double own = rp_scenario_highest_rate(&plan->scenarios[i]);

        rate += own;
        vus += own > 0 ? 0 : rp_scenario_max_vus(&plan->scenarios[i]);
    }
    wanted = vus / VUS_A_WORKER + (int64_t)fmin(rate / RATE_A_WORKER, RP_WORKERS_MAX);
    wanted = rp_plan_own(plan, wanted);
    wanted = wanted < cores ? wanted : cores;
    if (wanted > RP_WORKERS_MAX)
        wanted = RP_WORKERS_MAX;
    return wanted > 1 ? wanted : 1;
}

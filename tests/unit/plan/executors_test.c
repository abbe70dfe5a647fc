/* SPDX-License-Identifier: MIT */
/* The executors that ramp and those of arrivals: what their fields resolve to, and what is wrong with them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/compiler.h"
#include "plan/plan.h"
#include "testing.h"

#define RAMPING "'executor':'ramping-vus',"
#define RATE "'executor':'constant-arrival-rate',"
#define RAMPING_RATE "'executor':'ramping-arrival-rate',"

static struct rp_plan *resolve_fields(const char *fields)
{
    char declaration[1024], *json;
    struct rp_error err = { 0 };
    struct rp_plan *plan = NULL;

    snprintf(declaration, sizeof(declaration),
             "{'script':'x','functions':[{'name':'f'}],'decorated':[{'name':'f','fields':{%s}}]}",
             fields);
    json = quoted(declaration);
    if (rp_plan_resolve(json, NULL, &plan, &err) < 0)
        fail_msg("%s: %s", fields, err.message);
    free(json);
    return plan;
}

static void ramping_vus_has_its_fields(void **state)
{
    struct rp_plan *plan = resolve_fields(
        RAMPING "'start_vus':0,'graceful_ramp_down':'5s','graceful_stop':0,"
                "'stages':[{'duration':'30s','target':10},['1m30s',0],{'duration':0,'target':7},"
                "[0.25,7.0]]");
    const struct rp_scenario *s = plan->scenarios;
    static const struct rp_stage stages[] = {
        { 30 * RP_S, 10 }, { 90 * RP_S, 0 }, { 0, 7 }, { RP_S / 4, 7 }
    };

    assert_int_equal(s->executor, RP_RAMPING_VUS);
    assert_int_equal(s->start_vus, 0);
    assert_true(s->graceful_ramp_down == 5 * RP_S && s->graceful_stop == 0);
    assert_int_equal(s->stage_count, RP_ARRAY_LEN(stages));
    for (size_t i = 0; i < RP_ARRAY_LEN(stages); i++)
        assert_true(s->stages[i].duration == stages[i].duration &&
                    s->stages[i].target == stages[i].target);
    assert_true(rp_scenario_longest(s) == 120 * RP_S + RP_S / 4);
    assert_int_equal(rp_plan_max_vus(plan), 10);
    rp_plan_free(plan);

    plan = resolve_fields(RAMPING "'stages':[['1s',1]]");
    assert_int_equal(plan->scenarios->start_vus, 1);
    assert_true(plan->scenarios->graceful_ramp_down == 30 * RP_S);
    assert_true(rp_scenario_longest(plan->scenarios) == 31 * RP_S);
    rp_plan_free(plan);
    /* down from what was asked for, to nothing */
    plan = resolve_fields(RAMPING "'start_vus':20,'stages':[['10s',0]]");
    assert_int_equal(rp_plan_max_vus(plan), 20);
    rp_plan_free(plan);
}

static void arrival_executors_have_their_fields(void **state)
{
    struct rp_plan *plan = resolve_fields(
        RATE "'rate':0.000000001,'time_unit':'1m','duration':'3650d','pre_allocated_vus':0,"
             "'max_vus':5,'arrival':'poisson','graceful_stop':'1s'");
    const struct rp_scenario *s = plan->scenarios;

    assert_int_equal(s->executor, RP_CONSTANT_ARRIVAL_RATE);
    assert_true(s->rate == 1e-9 && s->time_unit == 60 * RP_S);
    assert_int_equal(s->arrival, RP_ARRIVAL_POISSON);
    assert_int_equal(s->pre_allocated_vus, 0);
    assert_int_equal(rp_plan_max_vus(plan), 5);
    assert_true(rp_scenario_longest(s) == 3650 * 86400 * RP_S + RP_S);
    rp_plan_free(plan);

    plan = resolve_fields(RATE "'rate':500,'duration':'1m','pre_allocated_vus':9");
    assert_true(plan->scenarios->time_unit == RP_S);
    assert_int_equal(plan->scenarios->arrival, RP_ARRIVAL_UNIFORM);
    assert_int_equal(plan->scenarios->max_vus, 9);
    rp_plan_free(plan);

    plan = resolve_fields(RAMPING_RATE "'stages':[['30s',10],['30s',0]],'pre_allocated_vus':2,"
                                       "'max_vus':4");
    s = plan->scenarios;
    assert_true(s->rate == 0 && s->time_unit == RP_S);
    assert_int_equal(s->arrival, RP_ARRIVAL_UNIFORM);
    assert_true(rp_scenario_longest(s) == 90 * RP_S);
    assert_int_equal(rp_plan_max_vus(plan), 4);
    rp_plan_free(plan);
    plan = resolve_fields(RAMPING_RATE "'rate':100.5,'stages':[['30s',0]],'pre_allocated_vus':2");
    assert_true(plan->scenarios->rate == 100.5);
    rp_plan_free(plan);
}

static void wrong_stages_are_named(void **state)
{
    static const struct expected table[] = {
        { RAMPING "'start_vus':1", AT,
          S "executor 'ramping-vus' needs 'stages', a list of at least one {duration, target}" },
        { RAMPING_RATE "'pre_allocated_vus':1", AT,
          S "executor 'ramping-arrival-rate' needs 'stages', a list of at least one {duration, "
            "target}" },
        { RAMPING "'stages':[]", AT,
          S "stages must be a list of at least one {duration, target}, not an empty list" },
        { RAMPING "'stages':'30s:10'", AT,
          S "stages must be a list of at least one {duration, target}, not '30s:10'" },
        { RAMPING "'stages':['30s:10']", AT,
          S "stages[0] must be {duration, target} or (duration, target), not '30s:10'" },
        { RAMPING "'stages':[['30s',1],['30s']]", AT,
          S "stages[1] must be {duration, target} or (duration, target), not a list" },
        { RAMPING "'stages':[['30s',1,2]]", AT,
          S "stages[0] must be {duration, target} or (duration, target), not a list" },
        { RAMPING "'stages':[[100,'30s']]", AT,
          S "stages[0].target must be a whole number from 0 to 1000000000, not '30s'" },
        { RAMPING "'stages':[['30',1]]", AT,
          S "stages[0].duration: '30' is not a duration: it has no unit",
          "a duration is numbers with units, such as \"30s\", \"1m30s\" or \"250ms\" (units: d h m "
          "s ms us ns)" },
        { RAMPING "'stages':[{'duration':'30s','target':1},{'duration':'30s'}]", AT,
          S "stages[1].target is missing" },
        { RAMPING "'stages':[['30s',null]]", AT, S "stages[0].target is missing" },
        { RAMPING "'stages':[{'duration':'30s','target':-1}]", AT,
          S "stages[0].target must be a whole number from 0 to 1000000000, not -1" },
        { RAMPING "'stages':[{'duration':-1,'target':1}]", AT,
          S "stages[0].duration must be a duration from 0s to 3650d, not -1" },
        { RAMPING "'stages':[{'duration':'30s','goal':1}]", AT, S "unknown field 'goal'" },
        { RAMPING "'stages':[{'duration':'30s','taget':1}]", AT, S "unknown field 'taget'",
          "did you mean 'target'?" },
        { RAMPING "'stages':[{'duration':'30s','target':0}]", AT,
          S "stages: at least one target must be greater than 0" },
        { RAMPING "'start_vus':0,'stages':[{'duration':'30s','target':0}]", AT,
          S "stages: at least one target must be greater than 0" },
        { RAMPING_RATE "'rate':0,'pre_allocated_vus':1,'stages':[['30s',0]]", AT,
          S "stages: at least one target must be greater than 0" },
        { RAMPING "'stages':[['0s',5],[0,7]]", AT,
          S "stages: all together must last longer than 0s" },
        { RAMPING_RATE "'pre_allocated_vus':1,'stages':[['0s',5]]", AT,
          S "stages: all together must last longer than 0s" },
        { RAMPING "'stages':[{'duration':'30s','target':10000001}]", AT,
          S "stages: a target must be at most 10000000 VUs, not 10000001" },
        { RAMPING "'stages':[{'duration':'3650d','target':1},{'duration':'1ns','target':1}]", AT,
          S "stages: all together must last at most 3650d" },
        { RAMPING_RATE "'pre_allocated_vus':1,'stages':[['30s',2.5]]", AT,
          S "stages[0].target must be a whole number from 0 to 1000000000, not 2.5",
          "a rate with a fraction is whole in a longer time_unit: 2.5 in 1s are 5 in 2s" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(table); i++)
        check_fields_error(&table[i]);
}

static void wrong_arrivals_are_named(void **state)
{
    static const struct expected table[] = {
        { RAMPING "'stages':[['1s',1]],'start_vus':-1", AT,
          S "start_vus must be a whole number from 0 to 10000000, not -1" },
        { RATE "'duration':'1m','pre_allocated_vus':5", AT,
          S "executor 'constant-arrival-rate' needs 'rate', a number from 0 to 1000000000 with at "
            "most 9 decimals" },
        { RATE "'rate':5,'pre_allocated_vus':5", AT,
          S "executor 'constant-arrival-rate' needs 'duration', a duration of more than 0s, up to "
            "3650d",
          "add duration=\"30s\" to the scenario, or give --duration" },
        { RATE "'rate':0,'duration':'1m','pre_allocated_vus':5", AT,
          S "rate must be greater than 0" },
        { RATE "'rate':-1", AT,
          S "rate must be a number from 0 to 1000000000 with at most 9 decimals, not -1" },
        { RATE "'rate':'500/s'", AT,
          S "rate must be a number from 0 to 1000000000 with at most 9 decimals, not '500/s'",
          "write rate=500, time_unit=\"1s\"" },
        { RATE "'rate':'7/3s'", AT,
          S "rate must be a number from 0 to 1000000000 with at most 9 decimals, not '7/3s'",
          "write rate=7, time_unit=\"3s\"" },
        { RATE "'rate':'fast'", AT,
          S "rate must be a number from 0 to 1000000000 with at most 9 decimals, not 'fast'" },
        { RATE "'rate':1000000001", AT,
          S "rate must be a number from 0 to 1000000000 with at most 9 decimals, not 1000000001" },
        { RATE "'rate':0.3333333333", AT,
          S "rate must be a number from 0 to 1000000000 with at most 9 decimals, not 0.3333333333",
          "a third in a second is 1 with the time_unit \"3s\"" },
        { RATE "'rate':0.0000000001", AT,
          S "rate must be a number from 0 to 1000000000 with at most 9 decimals, not 1e-10",
          "a third in a second is 1 with the time_unit \"3s\"" },
        { RATE "'rate':5,'time_unit':0", AT,
          S "time_unit must be a duration of more than 0s, up to 3650d, not 0" },
        { RATE "'rate':5,'arrival':'posson'", AT,
          S "arrival must be 'uniform' or 'poisson', not 'posson'", "did you mean 'poisson'?" },
        { RATE "'rate':5,'arrival':'zzz'", AT,
          S "arrival must be 'uniform' or 'poisson', not 'zzz'" },
        { RATE "'rate':5,'arrival':1", AT, S "arrival must be 'uniform' or 'poisson', not 1" },
        { RATE "'rate':5,'arrivals':'poisson'", AT, S "unknown field 'arrivals'",
          "did you mean 'arrival'?" },
        { RATE "'startRate':5", AT, S "unknown field 'startRate'", "did you mean 'rate'?" },
        { RATE "'preAllocatedVUs':5", AT, S "unknown field 'preAllocatedVUs'",
          "did you mean 'pre_allocated_vus'?" },
        { RATE "'maxVUs':5", AT, S "unknown field 'maxVUs'", "did you mean 'max_vus'?" },
        { RATE "'timeUnit':5", AT, S "unknown field 'timeUnit'", "did you mean 'time_unit'?" },
        { RAMPING "'startVUs':5", AT, S "unknown field 'startVUs'", "did you mean 'start_vus'?" },
        { RAMPING "'gracefulRampDown':5", AT, S "unknown field 'gracefulRampDown'",
          "did you mean 'graceful_ramp_down'?" },
        { RATE "'rate':5,'duration':'1m','pre_allocated_vus':0", AT,
          S "max_vus is missing: with no VU made before the start there is none" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(table); i++)
        check_fields_error(&table[i]);
}

/* One step on both sides of every bound. */
static void schedules_stay_within_their_bounds(void **state)
{
    static const char *const inside[] = {
        RATE "'rate':1000000000,'duration':'100s','pre_allocated_vus':1",
        RATE "'rate':1,'time_unit':'1ns','duration':'100s','pre_allocated_vus':1",
        RATE "'rate':1000000000,'time_unit':'3650d','duration':'3650d','pre_allocated_vus':1",
        RATE "'rate':700000,'duration':'1d','pre_allocated_vus':1",
        RAMPING_RATE "'stages':[['200s',1000000000]],'pre_allocated_vus':1",
        RAMPING_RATE "'stages':[['2s',1]],'pre_allocated_vus':1",
        RAMPING_RATE "'rate':0.1,'time_unit':'1s','stages':[['20s',0]],'pre_allocated_vus':1",
        RAMPING_RATE "'rate':0.000000001,'stages':[['0s',5],['200ms',5]],'pre_allocated_vus':1",
    };
    static const struct expected outside[] = {
        { RATE "'rate':1000000000,'time_unit':'1ns','duration':'1ns','pre_allocated_vus':1", AT,
          S "rate: at most 1000000000 iterations can start in a second" },
        { RATE "'rate':1000000000,'duration':'100.000000001s','pre_allocated_vus':1", AT,
          S "rate: at most 100000000000 iterations can start in all" },
        { RATE "'rate':1.000000001,'time_unit':'1ns','duration':'1s','pre_allocated_vus':1", AT,
          S "rate: at most 1000000000 iterations can start in a second" },
        { RAMPING_RATE "'time_unit':'1ms','stages':[['1s',1000001]],'pre_allocated_vus':1", AT,
          S "rate: at most 1000000000 iterations can start in a second" },
        { RAMPING_RATE "'stages':[['200s',1000000000],['1ns',0],['1d',0]],"
                       "'pre_allocated_vus':1",
          AT, S "stages: at most 100000000000 iterations can start in all" },
        { RAMPING_RATE "'stages':[['1.999999999s',1]],'pre_allocated_vus':1", AT,
          S "stages: they ask for less than one iteration in all",
          "raise the targets, make the stages longer, or time_unit shorter" },
        { RAMPING_RATE "'rate':0.1,'stages':[['19.999999999s',0]],'pre_allocated_vus':1", AT,
          S "stages: they ask for less than one iteration in all",
          "raise the targets, make the stages longer, or time_unit shorter" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(inside); i++)
        rp_plan_free(resolve_fields(inside[i]));
    for (size_t i = 0; i < RP_ARRAY_LEN(outside); i++)
        check_fields_error(&outside[i]);
}

static void rates_of_nine_decimals_are_kept(void **state)
{
    static const char *const table[] = {
        "0.1",          "0.000000001", "0.123456789", "999999.5", "123456.123456789",
        "33.333333333", "999999999.9", "1e3",         "2.5e-3"
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(table); i++) {
        struct rp_plan *plan, *back;
        char fields[256], *json;

        snprintf(fields, sizeof(fields), RATE "'rate':%s,'duration':'1s','pre_allocated_vus':1",
                 table[i]);
        plan = resolve_fields(fields);
        assert_true(plan->scenarios->rate == strtod(table[i], NULL));
        json = plan_json(plan);
        assert_int_equal(rp_plan_read_json(json, &back, NULL), 0);
        assert_true(plans_are_equal(plan, back));
        rp_free(json);
        rp_plan_free(plan);
        rp_plan_free(back);
    }
}

/* Room for an adjustment: it is a part of the plan only when there is some. */
static void vus_have_room_for_adjustments(void **state)
{
    static const struct {
        const char *fields;
        int64_t most;
        const char *shown; /* NULL: nothing of it */
    } table[] = {
        { "'vus':4,'duration':'1s'", 4, NULL },
        { "'vus':4,'duration':'1s','max_vus':4", 4, NULL },
        { "'vus':4,'duration':'1s','max_vus':9", 9, "\"max_vus\": 9" },
        { "'executor':'ramping-vus','start_vus':3,'stages':[['1s',5],['1s',0]]", 5, NULL },
        { "'executor':'ramping-vus','start_vus':6,'stages':[['1s',5]],'max_vus':7", 7,
          "\"max_vus\": 7" },
        { "'executor':'per-vu-iterations','vus':3", 3, NULL },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(table); i++) {
        struct rp_plan *plan = resolve_fields(table[i].fields), *again;
        struct rp_error err = { 0 };
        struct rp_buf json;

        rp_buf_init(&json, 1 << 20);
        assert_int_equal(rp_plan_max_vus(plan), table[i].most);
        assert_int_equal(rp_scenario_max_vus(plan->scenarios), table[i].most);
        assert_int_equal(rp_plan_write_json(plan, &json), 0);
        if (table[i].shown)
            assert_non_null(strstr(rp_buf_str(&json), table[i].shown));
        else
            assert_null(strstr(rp_buf_str(&json), "max_vus"));
        assert_int_equal(rp_plan_read_json(rp_buf_str(&json), &again, &err), 0);
        assert_int_equal(rp_scenario_max_vus(again->scenarios), table[i].most);
        rp_plan_free(again);
        rp_plan_free(plan);
        rp_buf_deinit(&json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vus_have_room_for_adjustments),
        cmocka_unit_test(ramping_vus_has_its_fields),
        cmocka_unit_test(arrival_executors_have_their_fields),
        cmocka_unit_test(wrong_stages_are_named),
        cmocka_unit_test(wrong_arrivals_are_named),
        cmocka_unit_test(schedules_stay_within_their_bounds),
        cmocka_unit_test(rates_of_nine_decimals_are_kept),
    };

    return cmocka_run_group_tests_name("plan/executors", tests, NULL, NULL);
}

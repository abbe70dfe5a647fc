/* SPDX-License-Identifier: MIT */

/* What the scenarios of a plan can be adjusted to, and what is said of the rest. */

#include "run/adjustment.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct rp_stage stages[] = { { 10 * RP_S, 8 } };
static struct rp_scenario scenarios[] = {
    { .name = (char *)"vus", .executor = RP_CONSTANT_VUS, .vus = 5 },
    { .name = (char *)"room", .executor = RP_CONSTANT_VUS, .vus = 5, .max_vus = 9 },
    { .name = (char *)"ramp",
      .executor = RP_RAMPING_VUS,
      .start_vus = 3,
      .stages = stages,
      .stage_count = 1 },
    { .name = (char *)"rate", .executor = RP_CONSTANT_ARRIVAL_RATE, .time_unit = RP_S },
    { .name = (char *)"fine", .executor = RP_RAMPING_ARRIVAL_RATE, .time_unit = 1000 },
    { .name = (char *)"pool", .executor = RP_SHARED_ITERATIONS, .vus = 5 },
    { .name = (char *)"each", .executor = RP_PER_VU_ITERATIONS, .vus = 5 },
};
static const struct rp_plan plan = { .scenarios = scenarios,
                                     .scenario_count = RP_ARRAY_LEN(scenarios) };

static void test_what_can_be(void **state)
{
    static const struct {
        struct rp_adjustment wanted;
        size_t scenario;
    } cases[] = {
        { { "vus", RP_ADJUST_VUS, 0, false }, 0 },    { { "vus", RP_ADJUST_VUS, 5, true }, 0 },
        { { "room", RP_ADJUST_VUS, 9, false }, 1 },   { { "ramp", RP_ADJUST_VUS, 8, false }, 2 },
        { { "rate", RP_ADJUST_RATE, 0, false }, 3 },  { { "rate", RP_ADJUST_RATE, 0.5, true }, 3 },
        { { "rate", RP_ADJUST_RATE, 1e9, true }, 3 }, { { "fine", RP_ADJUST_RATE, 1000, true }, 4 },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct rp_error err = { 0 };
        size_t scenario = SIZE_MAX;

        assert_int_equal(rp_adjustment_check(&plan, &cases[i].wanted, &scenario, &err), 0);
        assert_int_equal(scenario, cases[i].scenario);
        assert_null(err.message);
    }
}

#define NAMES "the run has 'vus', 'room', 'ramp', 'rate', 'fine', 'pool', 'each'"
#define OTHERS                                                                                     \
    "constant-vus and ramping-vus can have other VUs, constant-arrival-rate and "                  \
    "ramping-arrival-rate another rate"

static void test_what_cannot_be(void **state)
{
    static const struct {
        struct rp_adjustment wanted;
        const char *message, *hint;
    } cases[] = {
        { { NULL, RP_ADJUST_VUS, 1, false }, "a scenario must be named, for the run has 7", NAMES },
        { { "pole", RP_ADJUST_VUS, 1, false }, "there is no scenario 'pole' in the run", NAMES },
        { { "", RP_ADJUST_VUS, 1, false }, "there is no scenario '' in the run", NAMES },
        { { "vus", RP_ADJUST_VUS, 6, false },
          "scenario 'vus': vus must be a whole number from 0 to 5, not 6",
          "max_vus of the scenario says how many are made before the start" },
        { { "ramp", RP_ADJUST_VUS, 8.5, false },
          "scenario 'ramp': vus must be a whole number from 0 to 8, not 8.5",
          "max_vus of the scenario says how many are made before the start" },
        { { "room", RP_ADJUST_VUS, 1.5, false },
          "scenario 'room': vus must be a whole number from 0 to 9, not 1.5",
          NULL },
        { { "vus", RP_ADJUST_VUS, -1, false },
          "scenario 'vus': vus must be a whole number from 0 to 5, not -1",
          "0 VUs let the scenario rest; the run goes on" },
        { { "vus", RP_ADJUST_VUS, NAN, false },
          "scenario 'vus': vus must be a whole number from 0 to 5, not nan",
          NULL },
        { { "vus", RP_ADJUST_RATE, 1, false },
          "scenario 'vus': constant-vus has no rate to adjust",
          "adjust its vus" },
        { { "rate", RP_ADJUST_VUS, 1, false },
          "scenario 'rate': constant-arrival-rate has no number of VUs to adjust",
          "adjust its rate" },
        { { "rate", RP_ADJUST_RATE, -0.5, false },
          "scenario 'rate': rate must be a number from 0 to 1000000000, not -0.5",
          NULL },
        { { "rate", RP_ADJUST_RATE, INFINITY, false },
          "scenario 'rate': rate must be a number from 0 to 1000000000, not inf",
          NULL },
        { { "fine", RP_ADJUST_RATE, 1001, false },
          "scenario 'fine': rate must be a number from 0 to 1000, not 1001",
          NULL },
        { { "pool", RP_ADJUST_VUS, 1, false },
          "scenario 'pool': shared-iterations runs a number of iterations and cannot be adjusted",
          OTHERS },
        { { "each", RP_ADJUST_RATE, 1, false },
          "scenario 'each': per-vu-iterations runs a number of iterations and cannot be adjusted",
          OTHERS },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct rp_error err = { 0 };
        size_t scenario;

        assert_int_equal(rp_adjustment_check(&plan, &cases[i].wanted, &scenario, &err), -RP_EUSER);
        assert_string_equal(err.message, cases[i].message);
        if (cases[i].hint)
            assert_string_equal(err.hint, cases[i].hint);
        else
            assert_null(err.hint);
        rp_error_deinit(&err);
    }
}

/* Of a single scenario the name goes without saying. */
static void test_the_only_scenario(void **state)
{
    const struct rp_plan single = { .scenarios = &scenarios[3], .scenario_count = 1 };
    const struct rp_adjustment wanted = { .what = RP_ADJUST_RATE, .value = 7 };
    size_t scenario = SIZE_MAX;

    assert_int_equal(rp_adjustment_check(&single, &wanted, &scenario, NULL), 0);
    assert_int_equal(scenario, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_can_be),
        cmocka_unit_test(test_what_cannot_be),
        cmocka_unit_test(test_the_only_scenario),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

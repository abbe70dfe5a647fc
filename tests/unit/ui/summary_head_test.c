/* SPDX-License-Identifier: MIT */
#include "../run/fixture.h"

#include "ui/report.h"

#include <string.h>

static void write_summary(const struct rp_result *result, unsigned width, struct rp_buf *out)
{
    rp_buf_init(out, 1 << 20);
    rp_summary_write(result, (struct rp_style){ .width = width }, out);
    assert_int_equal(out->error, 0);
}

static bool has(const struct rp_buf *text, const char *part)
{
    return strstr(rp_buf_str(text), part) != NULL;
}

static struct rp_stage stages[] = { { 10 * RP_S, 50 }, { 80 * RP_S, 20 } };
static struct rp_stage held[] = { { 30 * RP_S, 100 }, { 60 * RP_S, 100 }, { 30 * RP_S, 0 } };
static struct rp_stage level[] = { { 30 * RP_S, 1 }, { 60 * RP_S, 1 } };
static struct rp_stage saw[] = { { RP_S, 5 }, { RP_S, 1 }, { RP_S, 5 }, { RP_S, 1 }, { 0, 9 },
                                 { RP_S, 1 }, { RP_S, 5 }, { RP_S, 1 }, { RP_S, 5 } };
static const struct {
    struct rp_scenario scenario;
    const char *expected;
} loads[] = {
    { { .executor = RP_CONSTANT_VUS, .vus = 1, .duration = 90 * RP_S },
      "constant-vus  1 VU for 1m30s\n" },
    { { .executor = RP_RAMPING_VUS, .start_vus = 1, .stages = stages, .stage_count = 2 },
      "ramping-vus  1 -> 50 -> 20 VUs over 1m30s\n" },
    { { .executor = RP_RAMPING_VUS, .stages = held, .stage_count = 3 },
      "ramping-vus  0 -> 100 -> 0 VUs over 2m\n" },
    { { .executor = RP_RAMPING_VUS, .start_vus = 1, .stages = level, .stage_count = 2 },
      "ramping-vus  1 VU over 1m30s\n" },
    { { .executor = RP_RAMPING_VUS, .start_vus = 1, .stages = saw, .stage_count = 8 },
      "ramping-vus  1 -> 5 -> 1 -> 5 -> 1 -> 9 -> 1 -> 5 -> 1 VUs over 7s\n" },
    { { .executor = RP_RAMPING_VUS, .start_vus = 1, .stages = saw, .stage_count = 9 },
      "ramping-vus  up to 9 VUs over 8s\n" },
    { { .executor = RP_SHARED_ITERATIONS, .vus = 3, .iterations = 1, .start_time = RP_S },
      "shared-iterations  1 iteration shared by 3 VUs, from 1s\n" },
    { { .executor = RP_PER_VU_ITERATIONS, .vus = 3, .iterations = 7 },
      "per-vu-iterations  7 iterations by each of 3 VUs\n" },
    { { .executor = RP_CONSTANT_ARRIVAL_RATE,
        .rate = 12.5,
        .time_unit = 60 * RP_S,
        .duration = 2 * RP_S,
        .pre_allocated_vus = 2,
        .max_vus = 5 },
      "constant-arrival-rate  12.5/1m for 2s, 2 to 5 VUs\n" },
    { { .executor = RP_CONSTANT_ARRIVAL_RATE,
        .rate = 700000,
        .time_unit = RP_S,
        .arrival = RP_ARRIVAL_POISSON,
        .duration = 2 * RP_S,
        .max_vus = 1 },
      "constant-arrival-rate  700000/s at random for 2s, 0 to 1 VU\n" },
    { { .executor = RP_CONSTANT_ARRIVAL_RATE,
        .rate = 0.000123,
        .time_unit = RP_S,
        .duration = RP_S,
        .pre_allocated_vus = 1,
        .max_vus = 1 },
      "constant-arrival-rate  0.000123/s for 1s, 1 VU\n" },
    { { .executor = RP_RAMPING_ARRIVAL_RATE,
        .rate = 0.5,
        .stages = stages,
        .stage_count = 2,
        .time_unit = RP_S,
        .pre_allocated_vus = 5,
        .max_vus = 5 },
      "ramping-arrival-rate  0.5 -> 50 -> 20/s over 1m30s, 5 VUs\n" },
    { { .executor = RP_RAMPING_ARRIVAL_RATE,
        .stages = saw,
        .stage_count = 9,
        .time_unit = 3 * RP_S,
        .arrival = RP_ARRIVAL_POISSON,
        .pre_allocated_vus = 5,
        .max_vus = 10 },
      "ramping-arrival-rate  up to 9/3s at random over 8s, 5 to 10 VUs\n" },
};

/* Every executor's line. */
static void test_scenario_lines(void **state)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(loads); i++) {
        char name[] = "a";
        struct rp_scenario scenario = loads[i].scenario;
        struct rp_plan plan = { .scenarios = &scenario, .scenario_count = 1, .seed = 4711 };
        struct rp_result result = { .plan = &plan, .started_wall_ns = 1 };
        struct rp_buf text;

        scenario.name = name;
        write_summary(&result, 80, &text);
        if (!has(&text, loads[i].expected))
            fail_msg("no %s in\n%s", loads[i].expected, rp_buf_str(&text));
        assert_int_equal(has(&text, ", seed 4711\n"), scenario.arrival == RP_ARRIVAL_POISSON);
        rp_buf_deinit(&text);
        result.started_wall_ns = 0; /* nothing was drawn */
        write_summary(&result, 80, &text);
        assert_false(has(&text, "seed"));
        rp_buf_deinit(&text);
    }
}

static void test_pauses(void **state)
{
    static struct rp_result_pause pauses[RP_RESULT_PAUSES_MAX] = { { 4 * RP_S, 2500 * RP_MS } };
    static const struct {
        size_t count;
        rp_ns paused;
        const char *expected;
    } cases[] = {
        { 1, 2500 * RP_MS, "  paused once, for 2.50s, 4.00s after the start\n" },
        { 2, 90 * RP_S, "  paused 2 times, 1m30s in all\n" },
        { RP_RESULT_PAUSES_MAX, RP_S, "  paused at least 1000 times, 1.00s in all\n" },
    };
    struct rp_result result = { .started_wall_ns = 1 };
    struct rp_buf text;

    write_summary(&result, 80, &text);
    assert_false(has(&text, "paused"));
    rp_buf_deinit(&text);
    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        result.pauses = pauses;
        result.pause_count = cases[i].count;
        result.paused = cases[i].paused;
        write_summary(&result, 80, &text);
        if (!has(&text, cases[i].expected))
            fail_msg("no %s in\n%s", cases[i].expected, rp_buf_str(&text));
        rp_buf_deinit(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scenario_lines),
        cmocka_unit_test(test_pauses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */

/* Seconds that are made up, against the schedule of ten arrivals a second. */

#include "coordinator/judge_schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "plan/metrics.h"

enum { SECONDS = 6, LATENESS, DROPS };

struct second {
    int begun, dropped;
    double late_ms;
};

static void add(struct rp_result *result, uint32_t series, struct rp_value *delta, uint64_t samples)
{
    delta->samples = samples;
    if (samples)
        assert_int_equal(rp_store_apply(result->store, 0, series, delta), 0);
    rp_value_deinit(delta);
}

/* What workers would have told of the seconds. */
static void fill(struct rp_result *result, const struct second *seconds)
{
    struct rp_value delta;

    assert_int_equal(rp_store_new(&result->store), 0);
    assert_int_equal(rp_store_define(result->store, 0, LATENESS,
                                     rp_builtin_name(RP_M_ITERATION_LATENESS), RP_TREND, true, NULL,
                                     0, NULL),
                     0);
    assert_int_equal(rp_store_define(result->store, 0, DROPS,
                                     rp_builtin_name(RP_M_DROPPED_ITERATIONS), RP_COUNTER, false,
                                     NULL, 0, NULL),
                     0);
    for (int i = 0; i < SECONDS; i++) {
        rp_value_init(&delta, RP_TREND);
        assert_int_equal(
            rp_hist_record_times(&delta.hist, seconds[i].late_ms * 1e6, (uint64_t)seconds[i].begun),
            0);
        add(result, LATENESS, &delta, (uint64_t)seconds[i].begun);
        rp_value_init(&delta, RP_COUNTER);
        delta.counter.whole = seconds[i].dropped;
        add(result, DROPS, &delta, seconds[i].dropped != 0);
        assert_int_equal(rp_store_tick(result->store, (i + 1) * RP_S), 0);
    }
}

static struct rp_scenario scenario = { .name = (char *)"a",
                                       .executor = RP_CONSTANT_ARRIVAL_RATE,
                                       .rate = 10,
                                       .time_unit = RP_S,
                                       .duration = SECONDS * RP_S };

static int judge(const struct second *seconds, struct rp_result *ret)
{
    static struct rp_plan plan = { .scenarios = &scenario, .scenario_count = 1, .workers = 1 };

    ret->plan = &plan;
    fill(ret, seconds);
    return rp_judge_schedule(ret);
}

static void forget(struct rp_result *result)
{
    result->plan = NULL;
    rp_result_deinit(result);
}

static void a_run_on_time_is_valid(void **state)
{
    const struct second seconds[SECONDS] = { { 10, 0, 0.1 }, { 9, 0, 0.2 },  { 11, 0, 0.1 },
                                             { 6, 4, 0.1 },  { 0, 10, 0.1 }, { 10, 0, 49 } };
    struct rp_result result = { 0 };

    assert_int_equal(judge(seconds, &result), 0);
    assert_int_equal(result.generator, RP_GENERATOR_VALID);
    assert_int_equal(result.arrivals.off_count, 0);
    assert_int_equal(result.arrivals.seconds, SECONDS - 1); /* without the one that began none */
    assert_true(result.arrivals.worst_late_ms == 49);
    forget(&result);
}

/* As many as planned in all, and none dropped: but a second's came in the next one. */
static void a_stall_that_was_caught_up_is_named(void **state)
{
    const struct second seconds[SECONDS] = { { 10, 0, 0.1 }, { 10, 0, 0.2 }, { 2, 0, 0.1 },
                                             { 18, 0, 450 }, { 10, 0, 0.1 }, { 10, 0, 0.1 } };
    struct rp_result result = { 0 };

    assert_int_equal(judge(seconds, &result), 0);
    assert_int_equal(result.generator, RP_GENERATOR_SUSPECT);
    assert_int_equal(result.arrivals.off_count, 2);
    assert_true(result.arrivals.off[0] == 2 * RP_S && result.arrivals.off[1] == 3 * RP_S);
    assert_int_equal(result.generator_reasons[0].cause, RP_CAUSE_SCHEDULE);
    assert_non_null(strstr(result.generator_reasons[0].text, "in 2 of 6 seconds (from 2 s, 3 s)"));
    assert_non_null(strstr(result.generator_reasons[0].text, "450ms late on average"));
    forget(&result);
}

/* What somebody has adjusted is no fault of the generator, and without that it is off the schedule. */
static void an_adjusted_run_has_an_adjusted_schedule(void **state)
{
    const struct second seconds[SECONDS] = { { 10, 0, 0.1 },  { 10, 0, 0.2 }, { 100, 0, 0.1 },
                                             { 60, 40, 0.1 }, { 50, 0, 0.1 }, { 0, 0, 0 } };
    struct rp_result_adjustment made[] = {
        { .what = RP_ADJUST_RATE, .value = 100, .at = 2 * RP_S },
        { .what = RP_ADJUST_RATE, .value = 0, .at = 4 * RP_S + RP_S / 2 }
    };
    struct rp_result result = { 0 };

    result.adjustments = rp_calloc(2, sizeof(made[0]));
    assert_non_null(result.adjustments);
    memcpy(result.adjustments, made, sizeof(made));
    result.adjustment_count = 2;
    assert_int_equal(judge(seconds, &result), 0);
    assert_int_equal(result.generator, RP_GENERATOR_VALID);
    assert_int_equal(result.arrivals.seconds, SECONDS - 1);
    rp_store_free(result.store);
    result.adjustment_count = 1;
    assert_int_equal(judge(seconds, &result), 0);
    assert_int_equal(result.arrivals.off_count, 1);
    assert_true(result.arrivals.off[0] == 4 * RP_S);
    forget(&result);
}

/* They say that they are on time, but too many came. */
static void a_second_with_other_arrivals_is_off(void **state)
{
    const struct second seconds[SECONDS] = { { 10, 0, 0.1 }, { 14, 0, 0.2 }, { 10, 0, 0.1 },
                                             { 6, 0, 0.1 },  { 10, 0, 0.1 }, { 10, 0, 0.1 } };
    struct rp_result result = { 0 }, paused = { .pause_count = 1 }, random = { 0 };
    struct rp_result failed = { .exit_code = RP_EXIT_THRESHOLDS }, cut = { .is_cut_short = true };

    assert_int_equal(judge(seconds, &result), 0);
    assert_int_equal(result.arrivals.off_count, 2);
    assert_true(result.arrivals.off[0] == RP_S && result.arrivals.off[1] == 3 * RP_S);
    forget(&result);
    /* A failed threshold changes nothing about the schedule. */
    assert_int_equal(judge(seconds, &failed), 0);
    assert_int_equal(failed.arrivals.off_count, 2);
    forget(&failed);
    /* What the schedule has in a second is not known. */
    assert_int_equal(judge(seconds, &cut), 0);
    assert_int_equal(cut.arrivals.off_count, 0);
    forget(&cut);
    assert_int_equal(judge(seconds, &paused), 0);
    assert_int_equal(paused.arrivals.off_count, 0);
    forget(&paused);
    scenario.arrival = RP_ARRIVAL_POISSON;
    assert_int_equal(judge(seconds, &random), 0);
    assert_int_equal(random.arrivals.off_count, 0);
    scenario.arrival = RP_ARRIVAL_UNIFORM;
    forget(&random);
}

/* @late_ms of ten arrivals in one second; all others have ten on time. With @drops each second has
 * one arrival that was dropped in place of being begun. */
static void judge_long(struct rp_result *result, int seconds, int odd, double late_ms, bool drops)
{
    static struct rp_scenario long_one;
    static struct rp_plan plan = { .scenarios = &long_one, .scenario_count = 1, .workers = 1 };
    const struct second none[SECONDS] = { 0 };
    struct rp_value delta;

    long_one = scenario;
    long_one.duration = (SECONDS + seconds) * RP_S;
    long_one.start_time = SECONDS * RP_S;
    result->plan = &plan;
    fill(result, none);
    for (int i = 0; i < seconds; i++) {
        uint64_t begun = drops ? 9 : 10;

        rp_value_init(&delta, RP_TREND);
        assert_int_equal(rp_hist_record_times(&delta.hist, (i == odd ? late_ms : 0.1) * 1e6, begun),
                         0);
        add(result, LATENESS, &delta, begun);
        rp_value_init(&delta, RP_COUNTER);
        delta.counter.whole = drops;
        add(result, DROPS, &delta, drops);
        assert_int_equal(rp_store_tick(result->store, (SECONDS + i + 1) * RP_S), 0);
    }
    assert_int_equal(rp_judge_schedule(result), 0);
}

/* What older seconds were merged into is no second: it is not looked at, and not counted as one. */
static void of_a_long_run_the_last_ten_minutes_are_looked_at(void **state)
{
    for (int drops = 0; drops < 2; drops++) {
        struct rp_result late = { 0 }, early = { 0 };

        judge_long(&late, 2000, 1900, 400, drops);
        assert_int_equal(late.arrivals.off_count, 1);
        assert_true(late.arrivals.off[0] == (SECONDS + 1900) * RP_S);
        assert_in_range(late.arrivals.seconds, RP_STORE_FINE_POINTS, RP_STORE_FINE_POINTS + 70);
        forget(&late);
        judge_long(&early, 2000, 100, 4000, drops);
        assert_int_equal(early.arrivals.off_count, 0);
        assert_in_range(early.arrivals.seconds, RP_STORE_FINE_POINTS, RP_STORE_FINE_POINTS + 70);
        forget(&early);
    }
}

static void without_memory_it_fails(void **state)
{
    const struct second seconds[SECONDS] = { { 2, 0, 900 }, { 2, 0, 900 }, { 2, 0, 900 },
                                             { 2, 0, 900 }, { 2, 0, 900 }, { 2, 0, 900 } };
    static struct rp_plan plan = { .scenarios = &scenario, .scenario_count = 1, .workers = 1 };
    int r = -1;

    for (uint64_t n = 1; r < 0; n++) {
        struct rp_result result = { .plan = &plan };

        fill(&result, seconds);
        rp_alloc_fail_at(n);
        r = rp_judge_schedule(&result);
        rp_alloc_fail_at(0);
        assert_true(r == 0 || r == -12);
        forget(&result);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_on_time_is_valid),
        cmocka_unit_test(an_adjusted_run_has_an_adjusted_schedule),
        cmocka_unit_test(a_stall_that_was_caught_up_is_named),
        cmocka_unit_test(a_second_with_other_arrivals_is_off),
        cmocka_unit_test(of_a_long_run_the_last_ten_minutes_are_looked_at),
        cmocka_unit_test(without_memory_it_fails),
    };

    return cmocka_run_group_tests_name("judge_schedule", tests, NULL, NULL);
}

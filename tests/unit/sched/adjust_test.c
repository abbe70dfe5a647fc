/* SPDX-License-Identifier: MIT */

/* Executors that are adjusted, in virtual time: who begins and who is interrupted, and that the books balance whatever is
 * adjusted when, and however late. */

#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/random.h"
#include "executing.h"
#include "sched/schedule.h"

#define ANY UINT64_MAX
#define AT(seconds) ((rp_ns)((seconds)*1000) * RP_MS)
#define B(seconds, slot)                                                                           \
    {                                                                                              \
        AT(seconds), 'b', slot, ANY, -1                                                            \
    }
#define I(seconds, slot)                                                                           \
    {                                                                                              \
        AT(seconds), 'i', slot, ANY, -1                                                            \
    }
#define F(seconds)                                                                                 \
    {                                                                                              \
        AT(seconds), 'f', -1, ANY, -1                                                              \
    }
#define EXPECT(ex, what, list) ex_expect(ex, what, list, RP_ARRAY_LEN(list))

static void adjust(struct ex *ex, double value, rp_ns at, bool hold)
{
    assert_int_equal(rp_executor_adjust(&ex->executor, value, at, hold), 0);
}

/* ---- VUs -------------------------------------------------------------------------------------------------------- */

/* Who is taken away has graceful_stop to end its iteration, and who is wanted again goes on. */
static void test_constant_vus(void **state)
{
    static const struct ex_event expected[] = {
        B(0, 0), B(0, 1), B(0, 2), I(5, 2), I(5, 1), B(6, 1), I(12, 0), I(12, 1), F(12),
    };
    const struct rp_scenario scenario = {
        .executor = RP_CONSTANT_VUS, .vus = 3, .duration = AT(10), .graceful_stop = AT(2)
    };
    struct ex ex = { .constant_length = EX_FOREVER };

    ex_start(&ex, &scenario, NULL);
    ex_until(&ex, AT(1));
    assert_int_equal(rp_executor_vus_wanted(&ex.executor), 3);
    adjust(&ex, 1, AT(3), false);
    ex_until(&ex, AT(4));
    assert_int_equal(rp_executor_vus_wanted(&ex.executor), 1);
    adjust(&ex, 2, AT(6), false);
    ex_out(&ex);
    assert_int_equal(rp_executor_vus_wanted(&ex.executor), 0);
    EXPECT(&ex, "bif", expected);
    assert_int_equal(ex.executor.scheduled, 4);
    ex_free(&ex);
}

static void test_constant_vus_before_the_start(void **state)
{
    static const struct ex_event expected[] = { B(4, 0), B(4, 1), B(9, 2), F(12) };
    const struct rp_scenario scenario = {
        .executor = RP_CONSTANT_VUS, .vus = 3, .start_time = AT(2), .duration = AT(10)
    };
    struct ex ex = { .constant_length = AT(100) };

    ex_start(&ex, &scenario, NULL);
    adjust(&ex, 2, AT(1), false); /* from its beginning on */
    adjust(&ex, 0, AT(0), false); /* which replaces it */
    adjust(&ex, 2, AT(4), false);
    adjust(&ex, 3, AT(9), false);
    adjust(&ex, 1, AT(12), false); /* it is over then */
    ex_out(&ex);
    EXPECT(&ex, "bf", expected);
    ex_free(&ex);
}

/* max_vus leaves room above what the plan has, which nothing uses before. */
static void test_more_vus_than_planned(void **state)
{
    static struct rp_stage stages[] = { { AT(4), 2 } };
    static const struct ex_event constant[] = { B(0, 0), B(0, 1), B(2, 2), B(2, 3), F(4) };
    static const struct ex_event ramping[] = { B(0, 0), B(2, 1), B(2, 2), B(2, 3), F(4) };
    const struct rp_scenario scenarios[] = {
        { .executor = RP_CONSTANT_VUS, .vus = 2, .max_vus = 5, .duration = AT(4) },
        { .executor = RP_RAMPING_VUS,
          .start_vus = 1,
          .max_vus = 5,
          .stages = stages,
          .stage_count = 1 },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(scenarios); i++) {
        struct ex ex = { .constant_length = EX_FOREVER };

        ex_start(&ex, &scenarios[i], NULL);
        assert_int_equal(ex.executor.made, 5);
        ex_until(&ex, AT(1));
        adjust(&ex, 4, AT(2), false);
        ex_out(&ex);
        if (i == 0)
            EXPECT(&ex, "bf", constant);
        else
            EXPECT(&ex, "bf", ramping);
        assert_int_equal(ex_count(&ex, 'i'), 4);
        ex_free(&ex);
    }
}

/* Until the stage ends, or held to the end of all. */
static void test_ramping_vus(void **state)
{
    static struct rp_stage stages[] = { { AT(4), 4 }, { AT(4), 4 }, { AT(4), 0 } };
    static const struct ex_event stage_only[] = {
        B(1, 0), B(2, 1),  I(2.5, 1), B(4, 1),  B(4, 2), B(4, 3),
        I(9, 3), I(10, 2), I(11, 1),  I(12, 0), F(12),
    };
    static const struct ex_event held[] = { B(1, 0), B(2, 1), I(2.5, 1), I(12, 0), F(12) };
    struct rp_scenario scenario = { .executor = RP_RAMPING_VUS,
                                    .stages = stages,
                                    .stage_count = 3 };

    for (int hold = 0; hold < 2; hold++) {
        struct ex ex = { .constant_length = EX_FOREVER };

        ex_start(&ex, &scenario, NULL);
        ex_until(&ex, AT(2.1));
        adjust(&ex, 1, AT(2.5), hold);
        ex_out(&ex);
        if (hold)
            EXPECT(&ex, "bif", held);
        else
            EXPECT(&ex, "bif", stage_only);
        ex_free(&ex);
    }
}

/* Too late: what should have happened happens now. */
static void test_late_vus(void **state)
{
    static struct rp_stage stages[] = { { AT(10), 10 }, { AT(10), 0 } };
    static const struct ex_event down[] = { I(5.5, 4), I(5.5, 3), I(5.5, 2) };
    static const struct ex_event up[] = { { AT(5.5), 'b', 5, ANY, AT(4.5) },
                                          { AT(5.5), 'b', 6, ANY, AT(4.5) } };
    struct rp_scenario scenario = { .executor = RP_RAMPING_VUS,
                                    .stages = stages,
                                    .stage_count = 2 };
    struct ex ex = { .constant_length = EX_FOREVER };

    ex_start(&ex, &scenario, NULL);
    ex_until(&ex, AT(5.5));
    adjust(&ex, 2, AT(4.5), true);
    EXPECT(&ex, "i", down);
    ex_out(&ex);
    ex_free(&ex);
    ex = (struct ex){ .constant_length = EX_FOREVER };
    ex_start(&ex, &scenario, NULL);
    ex_until(&ex, AT(5.5));
    assert_int_equal(ex_count(&ex, 'b'), 5);
    adjust(&ex, 7, AT(4.5), true);
    assert_int_equal(ex_count(&ex, 'b'), 7);
    for (size_t i = 0; i < 2; i++) {
        const struct ex_event *event = ex_event(&ex, 'b', 5 + i);

        assert_int_equal(event->at, up[i].at);
        assert_int_equal(event->slot, up[i].slot);
        assert_int_equal(event->due, up[i].due);
    }
    ex_out(&ex);
    ex_free(&ex);
}

/* ---- arrivals --------------------------------------------------------------------------------------------------- */

static struct rp_scenario arrivals_of(double rate, rp_ns duration)
{
    return (struct rp_scenario){ .executor = RP_CONSTANT_ARRIVAL_RATE,
                                 .name = (char *)"s",
                                 .rate = rate,
                                 .time_unit = RP_S,
                                 .duration = duration,
                                 .pre_allocated_vus = 50,
                                 .max_vus = 50 };
}

/* An arrival that is half due waits for the other half at the new rate. */
static void test_arrivals(void **state)
{
    static const struct ex_event expected[] = { B(0, 0),    B(1, 0),    B(1.75, 0), B(2.25, 0),
                                                B(2.75, 0), B(3.25, 0), B(9.5, 0),  F(10) };
    struct rp_scenario scenario = arrivals_of(1, AT(10));
    struct ex ex = { .constant_length = AT(0.1) };

    ex_start(&ex, &scenario, NULL);
    ex_until(&ex, AT(0.5));
    assert_int_equal(ex.executor.total, 10);
    adjust(&ex, 2, AT(1.5), false);
    assert_int_equal(rp_executor_vus_wanted(&ex.executor), 0);
    assert_true(rp_executor_rate(&ex.executor, ex.start + AT(1)) == 1);
    assert_true(rp_executor_rate(&ex.executor, ex.start + AT(1.5)) == 2);
    adjust(&ex, 0, AT(3.5), false);
    assert_int_equal(ex.executor.total, 6);
    ex_until(&ex, AT(8));
    adjust(&ex, 0.5, AT(8.5), false);
    assert_int_equal(ex.executor.total, 7);
    ex_out(&ex);
    EXPECT(&ex, "bf", expected);
    assert_int_equal(ex.executor.scheduled, 7);
    ex_free(&ex);
}

/* Without VUs arrivals are dropped, and with a higher rate more of them. */
static void test_drops(void **state)
{
    struct rp_scenario scenario = arrivals_of(10, AT(10));
    struct ex ex = { .constant_length = EX_FOREVER };

    scenario.pre_allocated_vus = scenario.max_vus = 3;
    ex_start(&ex, &scenario, NULL);
    ex_until(&ex, AT(4));
    adjust(&ex, 100, AT(5), false);
    ex_out(&ex);
    assert_int_equal(ex.executor.scheduled, 50 + 500);
    assert_int_equal(ex.executor.dropped, 550 - 3);
    assert_int_equal(ex.executor.total, 550);
    ex_free(&ex);
}

/* In a pause nothing happens, and the moment comes as long after the resume as it was ahead. */
static void test_in_a_pause(void **state)
{
    static const struct ex_event expected[] = { B(0, 0),   B(1, 0),   B(6.5, 0),
                                                B(6.6, 0), B(6.7, 0), F(6.8) };
    struct rp_scenario scenario = arrivals_of(1, AT(1.8));
    struct ex ex = { .constant_length = AT(0.01) };

    ex_start(&ex, &scenario, NULL);
    ex_until(&ex, AT(1.2));
    rp_executor_pause(&ex.executor, rp_loop_now(ex.loop));
    adjust(&ex, 0.5, AT(1.25), false);
    adjust(&ex, 10, AT(1.45), false);
    ex_until(&ex, AT(6.2));
    assert_int_equal(ex_count(&ex, 'b'), 2);
    rp_executor_resume(&ex.executor, rp_loop_now(ex.loop));
    ex_out(&ex);
    /* 0.25 at 1 and 0.1 at 0.5 are 0.35 of an arrival; the other 0.65 come at 10. */
    assert_int_equal(ex_count(&ex, 'b'), 5);
    for (size_t i = 0; i < RP_ARRAY_LEN(expected) - 1; i++)
        assert_in_range(ex_event(&ex, 'b', i)->at - expected[i].at, 0, AT(0.02));
    ex_free(&ex);
}

/* ---- what cannot be --------------------------------------------------------------------------------------------- */

static void test_others_cannot(void **state)
{
    const struct rp_scenario scenarios[] = {
        { .executor = RP_SHARED_ITERATIONS, .vus = 2, .iterations = 4, .max_duration = AT(10) },
        { .executor = RP_PER_VU_ITERATIONS, .vus = 2, .iterations = 2, .max_duration = AT(10) },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(scenarios); i++) {
        struct ex ex = { .constant_length = AT(1) };

        ex_start(&ex, &scenarios[i], NULL);
        ex_until(&ex, AT(0.5));
        assert_int_equal(rp_executor_adjust(&ex.executor, 1, AT(1), false), -ENOTSUP);
        ex_out(&ex);
        assert_int_equal(ex.executor.scheduled, 4);
        ex_free(&ex);
    }
}

static void test_nothing_after_the_end(void **state)
{
    struct rp_scenario scenario = arrivals_of(10, AT(2));
    struct ex ex = { .constant_length = AT(1) };

    ex_start(&ex, &scenario, NULL);
    ex_until(&ex, AT(2.5));
    adjust(&ex, 100, AT(1), true); /* its regular time is over, whenever that was to be */
    ex_out(&ex);
    adjust(&ex, 100, AT(1), true);
    assert_int_equal(ex.executor.scheduled, 20);
    ex_free(&ex);
}

static void test_no_memory(void **state)
{
    static struct rp_stage stages[] = { { AT(4), 4 } };
    const struct rp_scenario scenarios[] = {
        { .executor = RP_CONSTANT_VUS, .vus = 2, .duration = AT(4) },
        { .executor = RP_RAMPING_VUS, .stages = stages, .stage_count = 1 },
        arrivals_of(1, AT(4)),
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(scenarios); i++) {
        struct ex plain = { .constant_length = AT(0.5) }, ex = plain;
        int failures = 0;

        ex_start(&plain, &scenarios[i], NULL);
        ex_out(&plain);
        ex_start(&ex, &scenarios[i], NULL);
        ex_until(&ex, AT(1.2));
        for (uint64_t n = 1; n <= 2; n++) {
            rp_alloc_fail_at(n);
            if (rp_executor_adjust(&ex.executor, 1, AT(5), true) == 0) /* after the end */
                failures += rp_executor_adjust(&ex.executor, 0, AT(2), true) == -ENOMEM;
            rp_alloc_fail_at(0);
            if (n == 1)
                assert_int_equal(failures, 1);
        }
        if (failures == (i == 0 ? 2 : 1)) /* of constant-vus both can fail */
            ex_until(&ex, AT(2));
        else
            fail();
        ex_out(&ex);
        assert_true(i == 0 ? ex.executor.scheduled == plain.executor.scheduled
                           : ex.executor.scheduled < plain.executor.scheduled);
        ex_free(&plain);
        ex_free(&ex);
    }
}

/* ---- random adjustments, in all shares at the same instant ------------------------------------------------------ */

enum { SHARES = 3, ADJUSTMENTS = 5 };
#define LATE (150 * RP_MS)

static int64_t pick(uint64_t random[4], int64_t low, int64_t high)
{
    return low + (int64_t)(rp_random_next(random) % (uint64_t)(high - low + 1));
}

static rp_ns some_time(const struct ex *ex, int64_t slot, uint64_t iteration)
{
    return 1 + (rp_ns)((iteration * 7919 + (uint64_t)slot * 104729) % 900) * RP_MS;
}

static struct rp_scenario random_scenario(uint64_t random[4], struct rp_stage stages[3])
{
    static const enum rp_executor_kind kinds[] = { RP_CONSTANT_VUS, RP_RAMPING_VUS,
                                                   RP_CONSTANT_ARRIVAL_RATE,
                                                   RP_RAMPING_ARRIVAL_RATE };
    struct rp_scenario scenario = { .executor = kinds[pick(random, 0, 3)],
                                    .name = (char *)"s",
                                    .vus = 9,
                                    .duration = AT(8),
                                    .rate = (double)pick(random, 1, 300) / 10,
                                    .time_unit = RP_S,
                                    .start_time = pick(random, 0, 1) * RP_S,
                                    .graceful_stop = pick(random, 0, 2) * RP_S,
                                    .graceful_ramp_down = pick(random, 0, 1) * RP_S,
                                    .pre_allocated_vus = 9,
                                    .max_vus = 30,
                                    .stage_count = 3 };

    for (int i = 0; i < 3; i++)
        stages[i] = (struct rp_stage){ pick(random, 0, 3) * RP_S + RP_MS, pick(random, 0, 9) };
    stages[2].target = 9;
    if (rp_executor_kinds[scenario.executor].has_stages)
        scenario.stages = stages;
    else
        scenario.stage_count = 0;
    return scenario;
}

struct change {
    double value;
    rp_ns at;
    bool hold;
};

/* Adjusts @ex at each change's moment, less @ahead: a negative one is late. Its books balance: ex_out(). */
static void live(struct ex *ex, const struct rp_scenario *scenario,
                 const struct rp_executor_share *share, const struct change *changes, rp_ns ahead)
{
    *ex = (struct ex){ .length = some_time };
    ex_start(ex, scenario, share);
    for (int i = 0; i < ADJUSTMENTS && !ex->finished; i++) {
        ex_until(ex, changes[i].at - ahead);
        if (!ex->finished)
            adjust(ex, changes[i].value, changes[i].at, changes[i].hold);
    }
    ex_out(ex);
}

/* What the whole has to have, by the schedule alone. */
static uint64_t total_of(const struct rp_scenario *scenario, const struct change *changes)
{
    struct rp_arrivals arrivals;
    uint64_t total;

    assert_int_equal(rp_arrivals_init(&arrivals, scenario, &rp_segment_all, 0), 0);
    for (int i = 0; i < ADJUSTMENTS; i++) {
        rp_ns at = changes[i].at - scenario->start_time;

        if (at < rp_scenario_regular(scenario))
            assert_int_equal(rp_arrivals_adjust(&arrivals, scenario, changes[i].value,
                                                at > 0 ? at : 0, changes[i].hold),
                             0);
    }
    total = rp_arrivals_total(&arrivals);
    rp_arrivals_deinit(&arrivals);
    return total;
}

static void check_shares(const struct rp_scenario *scenario, const struct change *changes)
{
    struct rp_segment_sequence sequence;
    rp_ns end = scenario->start_time + rp_scenario_regular(scenario);
    uint64_t scheduled = 0, late = 0;
    bool is_missed = false; /* a change, for it comes after the end */

    for (int i = 0; i < ADJUSTMENTS; i++)
        is_missed = is_missed || (changes[i].at < end && changes[i].at + LATE >= end);
    assert_int_equal(rp_segment_equal(SHARES, &sequence), 0);
    for (size_t i = 0; i < SHARES; i++) {
        struct rp_executor_share share = { .sequence = &sequence, .index = i };
        struct ex ex;

        live(&ex, scenario, &share, changes, 20 * RP_MS);
        scheduled += ex.executor.scheduled;
        ex_free(&ex);
        live(&ex, scenario, &share, changes, i == 1 ? -LATE : 20 * RP_MS);
        late += ex.executor.scheduled;
        ex_free(&ex);
    }
    if (rp_executor_kinds[scenario->executor].has_arrivals) {
        assert_int_equal(scheduled, total_of(scenario, changes));
        if (!is_missed) /* what came too early is not taken back at the very end */
            assert_true(late >= scheduled);
    }
    rp_segment_sequence_deinit(&sequence);
}

static void test_random(void **state)
{
    uint64_t random[4];

    rp_random_seed(random, 31);
    for (int i = 0; i < 400; i++) {
        struct rp_stage stages[3];
        struct rp_scenario scenario = random_scenario(random, stages);
        struct change changes[ADJUSTMENTS];
        rp_ns at = 0;

        for (int k = 0; k < ADJUSTMENTS; k++) {
            at += pick(random, 0, 2000) * RP_MS;
            changes[k] = (struct change){ (double)pick(random, 0, 12), at,
                                          pick(random, 0, 1) == 0 };
        }
        check_shares(&scenario, changes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_constant_vus),
        cmocka_unit_test(test_constant_vus_before_the_start),
        cmocka_unit_test(test_more_vus_than_planned),
        cmocka_unit_test(test_ramping_vus),
        cmocka_unit_test(test_late_vus),
        cmocka_unit_test(test_arrivals),
        cmocka_unit_test(test_drops),
        cmocka_unit_test(test_in_a_pause),
        cmocka_unit_test(test_others_cannot),
        cmocka_unit_test(test_nothing_after_the_end),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_random),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

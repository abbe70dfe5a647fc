/* SPDX-License-Identifier: MIT */

/* The arrival executors in virtual time: when iterations begin, on which VU, and what is dropped. */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "executing.h"

#define ANY UINT64_MAX
#define AT(seconds) ((rp_ns)((seconds)*1000) * RP_MS)
#define EXPECT(ex, what, list) ex_expect(ex, what, list, RP_ARRAY_LEN(list))
#define STAGES(list) .stages = (list), .stage_count = RP_ARRAY_LEN(list)

static struct rp_scenario constant(double rate, rp_ns time_unit, rp_ns duration, int64_t vus)
{
    return (struct rp_scenario){ .executor = RP_CONSTANT_ARRIVAL_RATE,
                                 .name = (char *)"s",
                                 .rate = rate,
                                 .time_unit = time_unit,
                                 .duration = duration,
                                 .graceful_stop = AT(30),
                                 .pre_allocated_vus = vus,
                                 .max_vus = vus };
}

/* ---- when ---------------------------------------------------------------------------------------------------- */

static void test_a_constant_rate(void **state)
{
    struct rp_scenario scenario = constant(10, RP_S, AT(1), 3);
    struct ex_event expected[11];
    struct ex ex;

    /* The last idle VU is the next one: with short iterations only VU 0 works. */
    for (size_t i = 0; i < 10; i++)
        expected[i] = (struct ex_event){ AT(0.1) * (rp_ns)i, 'b', 0, i, AT(0.1) * (rp_ns)i };
    expected[10] = (struct ex_event){ AT(1), 'f', -1, ANY, -1 };
    ex_run(&ex, &scenario, AT(0.05));
    EXPECT(&ex, "bfmi", expected);
    assert_int_equal(ex.executor.total, 10);
    ex_free(&ex);

    scenario.start_time = AT(5);
    for (size_t i = 0; i < 11; i++) {
        expected[i].at += AT(5);
        expected[i].due += AT(5) * (i < 10);
    }
    ex_run(&ex, &scenario, AT(0.05));
    EXPECT(&ex, "bfmi", expected);
    ex_free(&ex);
}

/* 1 3, 0.5, 7 per 3 s, 3,000,000/s: the exact time, cut to the nanosecond. */
static void test_rates_that_do_not_divide(void **state)
{
    static const struct {
        double rate;
        rp_ns time_unit, duration;
        int64_t num, den; /* time of arrival g: g * num / den */
        size_t count;
    } cases[] = {
        { 3, RP_S, AT(60), 1000000000, 3, 180 },
        { 0.5, RP_S, AT(60), 2000000000, 1, 30 },
        { 7, 3 * RP_S, AT(60), 3000000000, 7, 140 },
        { 3000000, RP_S, 20 * RP_MS, 1000, 3, 60000 },
        { 700000, RP_S, 100 * RP_MS, 10000, 7, 70000 },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct rp_scenario scenario = constant(cases[i].rate, cases[i].time_unit, cases[i].duration,
                                               1);
        struct ex ex;
        size_t g = 0;

        ex_run(&ex, &scenario, 1);
        for (size_t n = 0; n < ex.count; n++) {
            if (ex.events[n].what != 'b')
                continue;
            assert_int_equal(ex.events[n].at, (int64_t)g * cases[i].num / cases[i].den);
            assert_int_equal(ex.events[n].due, ex.events[n].at);
            assert_int_equal(ex.events[n].iteration, g++);
        }
        assert_int_equal(g, cases[i].count);
        assert_int_equal(ex.executor.dropped, 0);
        ex_free(&ex);
    }
}

/* From 0 to 10/s in 1 s, 10/s for 0.55 s, at once to 4/s, down to 0 in 1 s: areas 5, 5.5, 2, the halves carried over. */
static void test_a_ramping_rate(void **state)
{
    static struct rp_stage stages[] = {
        { AT(1), 10 }, { AT(0.55), 10 }, { 0, 4 }, { AT(1), 0 }, { AT(0.5), 0 }
    };
    static const struct ex_event expected[] = {
        { 447213595, 'b', 0, 0, 447213595 },   /* sqrt(1/5) */
        { 632455532, 'b', 0, 1, 632455532 },   /* sqrt(2/5) */
        { 774596669, 'b', 0, 2, 774596669 },   /* sqrt(3/5) */
        { 894427190, 'b', 0, 3, 894427190 },   /* sqrt(4/5) */
        { 1000000000, 'b', 0, 4, 1000000000 }, /* at the end of the stage */
        { 1100000000, 'b', 0, 5, 1100000000 },
        { 1200000000, 'b', 0, 6, 1200000000 },
        { 1300000000, 'b', 0, 7, 1300000000 },
        { 1400000000, 'b', 0, 8, 1400000000 },
        { 1500000000, 'b', 0, 9, 1500000000 },
        { 1683974596, 'b', 0, 10, 1683974596 }, /* 1.55 + 1 - sqrt(1 - 0.5/2) */
        { 2050000000, 'b', 0, 11, 2050000000 }, /* 1.55 + 1 - sqrt(1 - 1.5/2) */
        { AT(3.05), 'f', -1, ANY, -1 },
    };
    struct rp_scenario scenario = { .executor = RP_RAMPING_ARRIVAL_RATE,
                                    .name = (char *)"s",
                                    .time_unit = RP_S,
                                    .pre_allocated_vus = 1,
                                    .max_vus = 1,
                                    STAGES(stages) };
    struct ex ex;

    ex_run(&ex, &scenario, 1);
    EXPECT(&ex, "bfmi", expected);
    assert_int_equal(ex.executor.total, 12);
    ex_free(&ex);
}

/* The one whose area is reached at the very end is due then, and begins. */
static void test_the_last_one_at_the_end(void **state)
{
    static struct rp_stage stages[] = { { AT(1), 10 } };
    struct rp_scenario scenario = { .executor = RP_RAMPING_ARRIVAL_RATE,
                                    .name = (char *)"s",
                                    .time_unit = RP_S,
                                    .graceful_stop = AT(1),
                                    .pre_allocated_vus = 1,
                                    .max_vus = 1,
                                    STAGES(stages) };
    struct ex ex;

    ex_run(&ex, &scenario, RP_MS);
    assert_int_equal(ex_count(&ex, 'b'), 5);
    assert_int_equal(ex_event(&ex, 'b', 4)->at, AT(1));
    assert_int_equal(ex_event(&ex, 'f', 0)->at, AT(1) + RP_MS);
    assert_int_equal(ex.executor.dropped, 0);
    ex_free(&ex);
}

static void test_a_day(void **state)
{
    struct rp_scenario scenario = constant(2, RP_S, AT(86400), 1);
    struct ex ex;

    ex_run(&ex, &scenario, AT(0.1));
    assert_int_equal(ex_count(&ex, 'b'), 172800);
    assert_int_equal(ex_event(&ex, 'b', 172799)->at, AT(86399.5));
    ex_free(&ex);
}

/* ---- without a VU -------------------------------------------------------------------------------------------- */

static void test_drops(void **state)
{
    /* VU 0 works from 0 and 0.4 and 0.8, VU 1 from 0.1 and 0.5 and 0.9. */
    static const struct ex_event expected[] = {
        { AT(0), 'b', 0, 0, AT(0) },     { AT(0.1), 'b', 1, 1, AT(0.1) },
        { AT(0.4), 'b', 0, 4, AT(0.4) }, { AT(0.5), 'b', 1, 5, AT(0.5) },
        { AT(0.8), 'b', 0, 8, AT(0.8) }, { AT(0.9), 'b', 1, 9, AT(0.9) },
        { AT(1.25), 'f', -1, ANY, -1 },
    };
    struct rp_scenario scenario = constant(10, RP_S, AT(1), 2);
    struct ex ex;

    ex_run(&ex, &scenario, AT(0.35));
    EXPECT(&ex, "bfmi", expected);
    assert_int_equal(ex.executor.scheduled, 10);
    assert_int_equal(ex.executor.dropped, 4);
    assert_int_equal(ex.executor.without_vu, 4);
    assert_int_equal(ex.executor.late_drops, 0); /* nobody was late */
    ex_free(&ex);
}

static void test_vus_are_made_one_at_a_time(void **state)
{
    /* Each takes 0.25 s to make; nobody waits for it. */
    static const struct ex_event expected[] = {
        { AT(0), 'b', 0, 0, -1 },     { AT(0.1), 'm', 1, ANY, -1 }, { AT(0.4), 'b', 1, 4, -1 },
        { AT(0.5), 'm', 2, ANY, -1 }, { AT(0.8), 'b', 2, 8, -1 },   { AT(1), 'i', 0, 0, -1 },
        { AT(1), 'i', 1, 4, -1 },     { AT(1), 'i', 2, 8, -1 },     { AT(1), 'f', -1, ANY, -1 },
    };
    struct rp_scenario scenario = constant(10, RP_S, AT(1), 1);
    struct ex ex = { .constant_length = EX_FOREVER, .make_time = AT(0.25) };

    scenario.max_vus = 3;
    scenario.graceful_stop = 0;
    ex_start(&ex, &scenario, NULL);
    assert_int_equal(ex.executor.made, 1);
    ex_out(&ex);
    EXPECT(&ex, "bfmi", expected);
    assert_int_equal(ex.executor.made, 3);
    assert_int_equal(ex.executor.dropped, 7);
    ex_free(&ex);
}

static void test_a_vu_that_cannot_be_made(void **state)
{
    struct rp_scenario scenario = constant(10, RP_S, AT(1), 0);
    struct ex ex = { .constant_length = AT(0.05), .make_time = AT(0.25), .make_fails = true };

    scenario.max_vus = 3;
    ex_start(&ex, &scenario, NULL);
    ex_out(&ex);
    assert_int_equal(ex_count(&ex, 'm'), 1);
    assert_int_equal(ex.executor.made, 0);
    assert_int_equal(ex.executor.dropped, 10);
    ex_free(&ex);
}

/* ---- late turns ---------------------------------------------------------------------------------------------- */

static void test_lateness(void **state)
{
    /* From 0.15 to 0.55 the loop does not turn: four arrivals begin together, in their order. */
    static const struct ex_event enough[] = {
        { AT(0), 'b', -1, 0, AT(0) },      { AT(0.1), 'b', -1, 1, AT(0.1) },
        { AT(0.55), 'b', -1, 2, AT(0.2) }, { AT(0.55), 'b', -1, 3, AT(0.3) },
        { AT(0.55), 'b', -1, 4, AT(0.4) }, { AT(0.55), 'b', -1, 5, AT(0.5) },
        { AT(0.6), 'b', -1, 6, AT(0.6) },  { AT(0.7), 'b', -1, 7, AT(0.7) },
        { AT(0.8), 'b', -1, 8, AT(0.8) },  { AT(0.9), 'b', -1, 9, AT(0.9) },
    };
    for (int64_t vus = 5; vus >= 3; vus--) {
        struct rp_scenario scenario = constant(10, RP_S, AT(1), vus);
        struct ex ex = { .constant_length = AT(0.04) };
        size_t begun = vus == 3 ? 9 : 10;

        ex_start(&ex, &scenario, NULL);
        ex_until(&ex, AT(0.15));
        ex_stall(&ex, AT(0.55));
        ex_out(&ex);
        if (vus == 3) { /* 2, 3, 4 take them all */
            struct ex_event fewer[9];

            memcpy(fewer, enough, 5 * sizeof(*fewer));
            memcpy(fewer + 5, enough + 6, 4 * sizeof(*fewer));
            EXPECT(&ex, "b", fewer);
        } else {
            EXPECT(&ex, "b", enough);
        }
        assert_int_equal(ex_count(&ex, 'b'), begun);
        assert_int_equal(ex.executor.dropped, 10 - begun);
        ex_free(&ex);
    }
}

/* What was due by the end begins a little after it when the loop is a little late; not when it is very late. */
static void test_late_at_the_end(void **state)
{
    static const struct {
        rp_ns late;
        size_t begun;
    } cases[] = { { 0, 10 }, { 1, 10 }, { 99 * RP_MS, 10 }, { 100 * RP_MS, 8 }, { AT(10), 8 } };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct rp_scenario scenario = constant(10, RP_S, AT(1), 5);
        struct ex ex = { .constant_length = AT(0.04) };

        ex_start(&ex, &scenario, NULL);
        ex_until(&ex, AT(0.75)); /* 0 to 7 */
        ex_stall(&ex, AT(1) + cases[i].late);
        ex_out(&ex);
        assert_int_equal(ex_count(&ex, 'b'), cases[i].begun);
        assert_int_equal(ex.executor.scheduled, 10);
        assert_int_equal(ex.executor.dropped, 10 - cases[i].begun);
        assert_int_equal(ex.executor.late_drops, 10 - cases[i].begun);
        assert_int_equal(ex.executor.without_vu, 0);
        ex_free(&ex);
    }
}

/* Ten million arrivals in a stall, a billion a second: what finds no VU costs nothing. */
static void test_after_a_long_stall(void **state)
{
    static const double rates[] = { 1e6, 1e9 };

    for (size_t i = 0; i < RP_ARRAY_LEN(rates); i++) {
        struct rp_scenario scenario = constant(rates[i], RP_S, AT(20), 7);
        struct ex ex = { .constant_length = EX_FOREVER };
        uint64_t turns;

        ex_start(&ex, &scenario, NULL);
        ex_until(&ex, 0);
        ex_stall(&ex, AT(10));
        turns = ex.turns;
        ex_until(&ex, AT(10) + 1);
        assert_int_equal(ex_count(&ex, 'b'), 7);
        assert_true(ex.turns - turns <= 5);
        assert_true(ex.executor.dropped >= 10 * (uint64_t)rates[i] - 7);
        ex_stall(&ex, AT(20));
        ex_out(&ex);
        assert_int_equal(ex.executor.scheduled, 20 * (uint64_t)rates[i]);
        assert_int_equal(ex.executor.without_vu, ex.executor.scheduled - 7);
        /* All are late but those of the last 20 ms of each stall, give or take the one at its end. */
        assert_in_range(ex.executor.dropped - ex.executor.late_drops,
                        2 * (uint64_t)(rates[i] / 50) - 2, 2 * (uint64_t)(rates[i] / 50) + 2);
        ex_free(&ex);
    }
}

/* A stall that all can be begun after, and random arrivals: in batches, not in one long turn. */
static void test_batches(void **state)
{
    for (int poisson = 0; poisson < 2; poisson++) {
        struct rp_scenario scenario = constant(1e6, RP_S, AT(1), poisson ? 1 : 30000);
        struct ex ex = { .constant_length = EX_FOREVER };
        size_t count;

        scenario.arrival = poisson ? RP_ARRIVAL_POISSON : RP_ARRIVAL_UNIFORM;
        scenario.graceful_stop = 0;
        ex_start(&ex, &scenario, NULL);
        ex_until(&ex, 1);
        ex_stall(&ex, 30 * RP_MS - 1);
        count = ex.executor.handed;
        while (ex.executor.handed - count < 29000) {
            uint64_t before = ex.executor.handed;

            assert_int_equal(rp_loop_turn(ex.loop, 0), 0);
            assert_true(ex.executor.handed > before && ex.executor.handed - before <= 4096);
        }
        rp_executor_stop(&ex.executor, 0);
        ex_out(&ex);
        ex_free(&ex);
    }
}

static void test_a_start_after_the_end(void **state)
{
    struct rp_scenario scenario = constant(10, RP_S, AT(1), 5);
    struct ex ex = { .constant_length = AT(0.04) };

    ex_start(&ex, &scenario, NULL);
    ex_stall(&ex, AT(60));
    ex_out(&ex);
    assert_int_equal(ex_count(&ex, 'b'), 0);
    assert_int_equal(ex.executor.scheduled, 10);
    assert_int_equal(ex.executor.dropped, 10);
    ex_free(&ex);
}

/* ---- stops, randomness, memory --------------------------------------------------------------------------------- */

static void test_stop_at_any_moment(void **state)
{
    static struct rp_stage stages[] = { { AT(3), 8 }, { AT(5), 0 } };
    struct rp_scenario scenarios[] = { constant(4, RP_S, AT(8), 3),
                                       { .executor = RP_RAMPING_ARRIVAL_RATE,
                                         .name = (char *)"s",
                                         .time_unit = RP_S,
                                         .pre_allocated_vus = 2,
                                         .max_vus = 4,
                                         STAGES(stages) } };

    for (size_t i = 0; i < RP_ARRAY_LEN(scenarios); i++) {
        struct rp_scenario *scenario = &scenarios[i];

        scenario->start_time = AT(2);
        scenario->graceful_stop = AT(1);
        for (rp_ns at = 0; at < AT(12); at += AT(0.2))
            for (rp_ns grace = 0; grace <= AT(2); grace += RP_S) {
                struct ex ex = { .constant_length = AT(1.3), .make_time = AT(0.7) };

                ex_start(&ex, scenario, NULL);
                ex_until(&ex, at);
                rp_executor_stop(&ex.executor, ex.start + at + grace);
                ex_out(&ex);
                assert_true(ex_event(&ex, 'f', 0)->at <= at + grace || at > AT(10));
                assert_true(ex_event(&ex, 'f', 0)->at <= AT(11) || at > AT(11));
                if (i == 0 && at >= AT(2) && at < AT(10)) /* what was due until then, no more */
                    assert_int_equal(ex.executor.scheduled, (at - AT(2)) / AT(0.25) + 1);
                ex_free(&ex);
            }
    }
}

/* Stopped in a late turn: what was due before the stop was asked for, and is dropped. */
static void test_stop_in_a_late_turn(void **state)
{
    struct rp_scenario scenario = constant(10, RP_S, AT(10), 3);
    struct ex ex = { .constant_length = AT(0.04) };

    ex_start(&ex, &scenario, NULL);
    ex_until(&ex, AT(1));
    ex_stall(&ex, AT(5));
    rp_executor_stop(&ex.executor, ex.start + AT(6));
    ex_out(&ex);
    assert_int_equal(ex.executor.scheduled, 51);
    assert_int_equal(ex.executor.dropped, 51 - ex_count(&ex, 'b'));
    assert_int_equal(ex.executor.without_vu, 0);
    ex_free(&ex);
}

static void test_random_arrivals(void **state)
{
    struct rp_scenario scenario = constant(100, RP_S, AT(100), 1);
    struct rp_executor_share share = { .seed = 1 };
    rp_ns times[3][64];

    scenario.arrival = RP_ARRIVAL_POISSON;
    for (int i = 0; i < 4; i++) { /* the same twice, another seed, another name */
        struct ex ex = { .constant_length = 1 };
        rp_ns *to = times[i ? i - 1 : 0];

        share.seed = i == 2 ? 2 : 1;
        scenario.name = (char *)(i == 3 ? "t" : "s");
        ex_start(&ex, &scenario, &share);
        ex_out(&ex);
        assert_int_equal(ex.executor.total, 0); /* nobody knows before */
        assert_in_range(ex.executor.scheduled, 9600, 10400);
        for (size_t n = 0; n < 64; n++) {
            if (i == 1)
                assert_int_equal(to[n], ex_event(&ex, 'b', n)->due);
            to[n] = ex_event(&ex, 'b', n)->due;
        }
        ex_free(&ex);
    }
    assert_int_not_equal(times[0][0], times[1][0]);
    assert_int_not_equal(times[0][0], times[2][0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_constant_rate),
        cmocka_unit_test(test_rates_that_do_not_divide),
        cmocka_unit_test(test_a_ramping_rate),
        cmocka_unit_test(test_the_last_one_at_the_end),
        cmocka_unit_test(test_a_day),
        cmocka_unit_test(test_drops),
        cmocka_unit_test(test_vus_are_made_one_at_a_time),
        cmocka_unit_test(test_a_vu_that_cannot_be_made),
        cmocka_unit_test(test_lateness),
        cmocka_unit_test(test_late_at_the_end),
        cmocka_unit_test(test_after_a_long_stall),
        cmocka_unit_test(test_batches),
        cmocka_unit_test(test_a_start_after_the_end),
        cmocka_unit_test(test_stop_at_any_moment),
        cmocka_unit_test(test_stop_in_a_late_turn),
        cmocka_unit_test(test_random_arrivals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */

/* Rates, regular time and arrivals against times that arrival_vectors.py computed from the definition. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <math.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/compiler.h"
#include "naive.h"
#include "base/random.h"
#include "sched/schedule.h"

enum { STAGES = 8, MOST = 14 };

struct arrival {
    uint64_t index;
    rp_ns time;
};

struct vector {
    const char *name;
    double rate;
    rp_ns time_unit, duration;
    struct rp_stage stages[STAGES];
    size_t stage_count;
    uint64_t total;
    size_t count;
    struct arrival arrivals[MOST];
};

struct random_vector {
    const char *name;
    double rate;
    rp_ns time_unit, duration;
    struct rp_stage stages[STAGES];
    size_t stage_count;
    uint64_t seed, total;
    size_t count;
    struct arrival arrivals[MOST];
};

#include "arrival_vectors.h"

static struct rp_scenario scenario_of(double rate, rp_ns time_unit, rp_ns duration,
                                      const struct rp_stage *stages, size_t stage_count)
{
    return (struct rp_scenario){
        .executor = stage_count ? RP_RAMPING_ARRIVAL_RATE : RP_CONSTANT_ARRIVAL_RATE,
        .rate = rate,
        .time_unit = time_unit,
        .duration = duration,
        .stages = (struct rp_stage *)stages,
        .stage_count = stage_count,
    };
}

/* ---- rates and times -------------------------------------------------------------------------------------------- */

static void test_rationals(void **state)
{
    static const struct {
        double value;
        int64_t num, den;
    } cases[] = {
        { 0, 0, 1 },
        { -1, 0, 1 },
        { 1, 1, 1 },
        { 0.1, 1, 10 },
        { 0.5, 1, 2 },
        { 0.333333333, 333333333, 1000000000 },
        { 1.0 / 3, 333333333, 1000000000 },
        { 2.0 / 3, 666666667, 1000000000 },
        { 2.333333333, 2333333333, 1000000000 },
        { 0.000000001, 1, 1000000000 },
        { 4e-10, 0, 1 },
        { 6e-10, 1, 1000000000 },
        { 1e-300, 0, 1 },
        { 123.456, 15432, 125 },
        { 700000.1, 7000001, 10 },
        { 123456789.1, 1234567891, 10 },
        { 999999999.9, 9999999999, 10 },
        { 1000000.000001, 1000000000001, 1000000 },
        { 999999.999999999, 999999999999999, 1000000000 },
        { 1e9, 1000000000, 1 },
        { 0x1p53, INT64_C(1) << 53, 1 },
        { 0x1p53 + 2, (INT64_C(1) << 53) + 2, 1 },
        { 1e300, INT64_C(1) << 62, 1 },
        { INFINITY, INT64_C(1) << 62, 1 },
        { NAN, 0, 1 },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct rp_rational found = rp_rational_of(cases[i].value);

        if (found.num != cases[i].num || found.den != cases[i].den)
            fail_msg("%.17g is %lld/%lld", cases[i].value, (long long)found.num,
                     (long long)found.den);
    }
}

/* Whatever is written with up to nine decimals and fifteen digits comes back. */
static void test_rationals_come_back(void **state)
{
    uint64_t random[4];

    rp_random_seed(random, 20);
    for (int i = 0; i < 200000; i++) {
        int64_t den = 1, num = (int64_t)(rp_random_next(random) % 1000000000000000);
        struct rp_rational found;

        for (uint64_t decimals = rp_random_next(random) % 10; decimals; decimals--)
            den *= 10;
        found = rp_rational_of((double)num / (double)den);
        if ((__int128)found.num * den != (__int128)num * found.den)
            fail_msg("%lld/%lld came back as %lld/%lld", (long long)num, (long long)den,
                     (long long)found.num, (long long)found.den);
    }
}

static void test_regular_time(void **state)
{
    struct rp_stage stages[] = { { 3 * RP_S, 5 }, { 0, 1 }, { 4, 2 } };
    struct rp_scenario scenario = {
        .duration = 7, .max_duration = 9, .stages = stages, .stage_count = 3
    };
    static const rp_ns expected[RP_EXECUTOR_KIND_COUNT] = {
        [RP_CONSTANT_VUS] = 7,          [RP_RAMPING_VUS] = 3 * RP_S + 4,
        [RP_SHARED_ITERATIONS] = 9,     [RP_PER_VU_ITERATIONS] = 9,
        [RP_CONSTANT_ARRIVAL_RATE] = 7, [RP_RAMPING_ARRIVAL_RATE] = 3 * RP_S + 4,
    };

    for (int i = 0; i < RP_EXECUTOR_KIND_COUNT; i++) {
        scenario.executor = (enum rp_executor_kind)i;
        assert_int_equal(rp_scenario_regular(&scenario), expected[i]);
    }
}

/* ---- uniform arrivals ------------------------------------------------------------------------------------------- */

static void check_arrival(const struct vector *v, const struct rp_arrivals *arrivals,
                          struct arrival expected)
{
    rp_ns time = naive_jump(arrivals, expected.index);
    uint64_t until = rp_arrivals_before(arrivals, expected.time + 1);

    if (time != expected.time)
        fail_msg("%s: arrival %llu is at %lld, not at %lld", v->name,
                 (unsigned long long)expected.index, (long long)expected.time, (long long)time);
    if (rp_arrivals_before(arrivals, expected.time) > expected.index || until <= expected.index)
        fail_msg("%s: arrival %llu is counted at another time than %lld", v->name,
                 (unsigned long long)expected.index, (long long)expected.time);
}

/* Runs the cursor over all arrivals, or the first million of them. */
static void check_cursor(const struct vector *v, struct rp_arrivals *arrivals)
{
    uint64_t index, expected = 0;
    size_t k = 0;
    rp_ns time, last = 0;

    while (expected < 1000000 && rp_arrivals_next(arrivals, &index, &time)) {
        assert_int_equal(index, expected++);
        assert_true(time >= last);
        last = time;
        while (k < v->count && v->arrivals[k].index < index)
            k++;
        if (k < v->count && v->arrivals[k].index == index && v->arrivals[k].time != time)
            fail_msg("%s: the cursor has %llu at %lld", v->name, (unsigned long long)index,
                     (long long)time);
        if (index % 37 == 0 && naive_jump(arrivals, index) != time)
            fail_msg("%s: the cursor has %llu at %lld, not at %lld", v->name,
                     (unsigned long long)index, (long long)time,
                     (long long)naive_jump(arrivals, index));
    }
    assert_int_equal(expected, v->total < 1000000 ? v->total : 1000000);
    if (expected == v->total)
        for (int i = 0; i < 3; i++)
            assert_false(rp_arrivals_next(arrivals, &index, &time));
}

static void test_arrivals(void **state)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(vectors); i++) {
        const struct vector *v = &vectors[i];
        struct rp_scenario scenario = scenario_of(v->rate, v->time_unit, v->duration, v->stages,
                                                  v->stage_count);
        struct rp_arrivals arrivals;

        assert_int_equal(rp_arrivals_init(&arrivals, &scenario, &rp_segment_all, 1), 0);
        if (rp_arrivals_total(&arrivals) != v->total)
            fail_msg("%s: %llu arrivals, not %llu", v->name,
                     (unsigned long long)rp_arrivals_total(&arrivals),
                     (unsigned long long)v->total);
        assert_int_equal(rp_arrivals_before(&arrivals, RP_NS_NEVER), v->total);
        assert_int_equal(rp_arrivals_before(&arrivals, 0), 0);
        assert_int_equal(rp_arrivals_before(&arrivals, -5), 0);
        assert_int_equal(naive_jump(&arrivals, v->total), RP_NS_NEVER);
        assert_int_equal(naive_jump(&arrivals, UINT64_MAX), RP_NS_NEVER);
        for (size_t k = 0; k < v->count; k++)
            check_arrival(v, &arrivals, v->arrivals[k]);
        check_cursor(v, &arrivals);
        rp_arrivals_deinit(&arrivals);
    }
}

/* More of them than a number can hold: they are still in their places. */
static void test_beyond_counting(void **state)
{
    struct rp_scenario scenario = scenario_of(1e9, 1, 100 * 86400 * RP_S, NULL, 0);
    struct rp_arrivals arrivals;

    assert_int_equal(rp_arrivals_init(&arrivals, &scenario, &rp_segment_all, 1), 0);
    assert_true(rp_arrivals_total(&arrivals) == UINT64_MAX);
    assert_true(rp_arrivals_before(&arrivals, scenario.duration) == UINT64_MAX);
    assert_int_equal(naive_jump(&arrivals, 999999999), 0);
    assert_int_equal(naive_jump(&arrivals, 1000000000), 1);
    assert_int_equal(naive_jump(&arrivals, UINT64_MAX - 1), 18446744073);
    rp_arrivals_deinit(&arrivals);
}

static void test_rate(void **state)
{
    static const struct rp_stage stages[] = {
        { 10 * RP_S, 120 }, { 0, 600 }, { 10 * RP_S, 600 }, { 10 * RP_S, 0 }
    };
    static const struct {
        rp_ns time;
        double rate;
    } cases[] = {
        { -1, 0 },         { 0, 1 },           { 5 * RP_S, 1.5 }, { 10 * RP_S, 10 },
        { 15 * RP_S, 10 }, { 25 * RP_S, 5 },   { 29 * RP_S, 1 },  { 30 * RP_S, 0 },
        { 31 * RP_S, 0 },  { RP_NS_NEVER, 0 }, { 26 * RP_S, 4 },
    };
    struct rp_scenario scenario = scenario_of(60, 60 * RP_S, 0, stages, 4);
    struct rp_arrivals arrivals;

    assert_int_equal(rp_arrivals_init(&arrivals, &scenario, &rp_segment_all, 1), 0);
    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++)
        if (!(fabs(rp_arrivals_rate(&arrivals, cases[i].time) - cases[i].rate) < 1e-9))
            fail_msg("at %lld the rate is %g, not %g", (long long)cases[i].time,
                     rp_arrivals_rate(&arrivals, cases[i].time), cases[i].rate);
    rp_arrivals_deinit(&arrivals);

    scenario = scenario_of(0.5, 3 * RP_S, RP_S, NULL, 0);
    assert_int_equal(rp_arrivals_init(&arrivals, &scenario, &rp_segment_all, 1), 0);
    assert_true(fabs(rp_arrivals_rate(&arrivals, 999999999) - 0.5 / 3) < 1e-12);
    assert_true(rp_arrivals_rate(&arrivals, RP_S) == 0);
    rp_arrivals_deinit(&arrivals);
}

static void test_no_memory(void **state)
{
    struct rp_scenario scenario = scenario_of(1, RP_S, RP_S, NULL, 0);
    struct rp_arrivals arrivals;
    int r;

    rp_alloc_fail_at(1);
    r = rp_arrivals_init(&arrivals, &scenario, &rp_segment_all, 1);
    rp_alloc_fail_at(0);
    assert_int_equal(r, -ENOMEM);
    rp_arrivals_deinit(&arrivals);
}

/* ---- random arrivals -------------------------------------------------------------------------------------------- */

static void test_random_arrivals(void **state)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(random_vectors); i++) {
        const struct random_vector *v = &random_vectors[i];
        struct rp_scenario scenario = scenario_of(v->rate, v->time_unit, v->duration, v->stages,
                                                  v->stage_count);
        struct rp_arrivals arrivals;
        uint64_t index, count = 0;
        size_t k = 0;
        rp_ns time;

        scenario.arrival = RP_ARRIVAL_POISSON;
        assert_int_equal(rp_arrivals_init(&arrivals, &scenario, &rp_segment_all, v->seed), 0);
        while (rp_arrivals_next(&arrivals, &index, &time)) {
            assert_int_equal(index, count++);
            if (k < v->count && v->arrivals[k].index == index && v->arrivals[k++].time != time)
                fail_msg("%s: %llu is at %lld", v->name, (unsigned long long)index,
                         (long long)time);
        }
        assert_int_equal(count, v->total);
        assert_int_equal(k, v->count);
        assert_false(rp_arrivals_next(&arrivals, &index, &time));
        rp_arrivals_deinit(&arrivals);
    }
}

/* Mean, variance and tail of what should be exponential, for one seed: nothing here is left to chance. */
static void test_distribution(void **state)
{
    enum { DRAWS = 1000000 };
    double sum = 0, squares = 0;
    int above[4] = { 0 };
    uint64_t random[4];

    rp_random_seed(random, 1);
    for (int i = 0; i < DRAWS; i++) {
        double x = (double)rp_random_exponential(random) * 0x1p-32;

        sum += x;
        squares += x * x;
        for (int k = 0; k < 4; k++)
            above[k] += x > k + 0.5;
    }
    assert_true(fabs(sum / DRAWS - 1) < 0.004);
    assert_true(fabs(squares / DRAWS - 2) < 0.02);
    for (int k = 0; k < 4; k++)
        assert_true(fabs((double)above[k] / DRAWS - exp(-k - 0.5)) < 0.002);
}

static uint64_t random_count(const struct rp_scenario *scenario, uint64_t seed, rp_ns until,
                             rp_ns *ret_sum)
{
    struct rp_arrivals arrivals;
    uint64_t index, count = 0;
    rp_ns time;

    *ret_sum = 0;
    assert_int_equal(rp_arrivals_init(&arrivals, scenario, &rp_segment_all, seed), 0);
    while (rp_arrivals_next(&arrivals, &index, &time)) {
        count += time < until;
        *ret_sum += time / 1000;
        assert_in_range(time, 0, rp_scenario_regular(scenario) - 1);
    }
    rp_arrivals_deinit(&arrivals);
    return count;
}

/* They follow the rate, and another seed gives others. */
static void test_random_follows_rate(void **state)
{
    static const struct rp_stage stages[] = { { 10 * RP_S, 20000 } };
    struct rp_scenario scenario = scenario_of(0, RP_S, 0, stages, 1);
    rp_ns sum, again, other;

    scenario.arrival = RP_ARRIVAL_POISSON;
    /* 100,000 expected in all, a quarter in the first half; limits are five standard deviations. */
    assert_in_range(random_count(&scenario, 5, 10 * RP_S, &sum), 98419, 101581);
    assert_in_range(random_count(&scenario, 5, 5 * RP_S, &again), 24210, 25790);
    assert_int_equal(sum, again);
    random_count(&scenario, 6, 0, &other);
    assert_int_not_equal(sum, other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rationals),       cmocka_unit_test(test_rationals_come_back),
        cmocka_unit_test(test_regular_time),    cmocka_unit_test(test_arrivals),
        cmocka_unit_test(test_beyond_counting), cmocka_unit_test(test_rate),
        cmocka_unit_test(test_no_memory),       cmocka_unit_test(test_random_arrivals),
        cmocka_unit_test(test_distribution),    cmocka_unit_test(test_random_follows_rate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

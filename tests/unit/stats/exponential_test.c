/* SPDX-License-Identifier: MIT */
#include "stats_test.h"

#include <float.h>

#include "base/alloc.h"
#include "stats/exponential.h"

enum { VALUES = 5000 };

/* How many of @values have the sign, and magnitudes up to @high. */
static uint64_t up_to(const double *values, double sign, double high)
{
    uint64_t ret = 0;

    for (size_t i = 0; i < VALUES; i++)
        ret += values[i] * sign > 0 && values[i] * sign <= high;
    return ret;
}

/* Each border has as many values below it as @values have, but for those that are a thousandth away
 * from it. */
static void check_side(const struct rp_exp *exp, const struct rp_exp_side *side,
                       const double *values, double sign)
{
    uint64_t below = 0;

    assert_in_range(side->count, 0, RP_EXP_BUCKETS);
    for (uint32_t i = 0; i < side->count; i++) {
        double border = exp2(ldexp(side->first + (int32_t)i + 1, -exp->scale));

        below += side->counts[i];
        if (border < DBL_MAX / 2)
            assert_in_range(below, up_to(values, sign, border / 1.001),
                            up_to(values, sign, border * 1.001));
    }
    if (side->count) /* no more buckets than have something */
        assert_true(side->counts[0] && side->counts[side->count - 1]);
}

static void check(double (*make)(struct test_random *r), double factor, int least_scale)
{
    struct rp_exp exp = { .scale = RP_EXP_SCALE };
    struct test_random r = { .state = 7 };
    struct rp_hist hist = { 0 };
    static double values[VALUES];
    uint64_t zeros = 0;

    for (int round = 0; round < 5; round++) { /* as intervals are added */
        rp_hist_reset(&hist);
        for (size_t i = 0; i < VALUES / 5; i++) {
            double value = make(&r);

            values[(size_t)round * (VALUES / 5) + i] = value * factor;
            zeros += value == 0;
            assert_int_equal(rp_hist_record(&hist, value), 0);
        }
        assert_int_equal(rp_exp_add(&exp, &hist, factor), 0);
    }
    assert_int_equal(rp_exp_total(&exp), VALUES);
    assert_int_equal(exp.zeros, zeros);
    assert_true(exp.scale >= least_scale);
    check_side(&exp, &exp.positive, values, 1);
    check_side(&exp, &exp.negative, values, -1);
    rp_exp_reset(&exp);
    assert_int_equal(rp_exp_total(&exp), 0);
    assert_int_equal(exp.scale, RP_EXP_SCALE);
    rp_hist_deinit(&hist);
    rp_exp_deinit(&exp);
}

static double narrow(struct test_random *r)
{
    return 1e6 * (1 + 0.1 * random_unit(r));
}
static double wide(struct test_random *r)
{
    return exp(15 + 2 * random_normal(r));
}
static double of_both_signs(struct test_random *r)
{
    return random_below(r, 20) ? 1e3 * random_normal(r) : 0;
}
static double tiny_and_huge(struct test_random *r)
{
    return exp(1300 * (random_unit(r) - 0.5));
}
static double powers_of_two(struct test_random *r)
{
    return ldexp(1, (int)random_below(r, 40));
}

static void test_every_value_is_in_its_bucket(void **state)
{
    check(narrow, 1, 8);
    check(narrow, 1e-9, 8);
    check(wide, 1e-9, 2);
    check(of_both_signs, 0x1p-20, 2);
    check(tiny_and_huge, 1, -4);
    check(powers_of_two, 1, 2);
}

/* A border belongs to the bucket below it, at every scale. */
static void test_a_border_is_in_the_bucket_that_ends_with_it(void **state)
{
    for (int spread = 1; spread < 1000; spread *= 3) {
        struct rp_exp exp = { .scale = RP_EXP_SCALE };
        struct rp_hist hist = { 0 };
        double high = ldexp(1, spread);
        uint32_t last;

        assert_int_equal(rp_hist_record(&hist, 1), 0);
        assert_int_equal(rp_exp_add(&exp, &hist, 1), 0);
        rp_hist_reset(&hist);
        assert_int_equal(rp_hist_record(&hist, high), 0);
        assert_int_equal(rp_exp_add(&exp, &hist, 1), 0);
        last = exp.positive.count - 1;
        assert_int_equal(exp.positive.counts[0], 1);
        assert_int_equal(exp.positive.counts[last], 1);
        assert_int_equal(exp.positive.first, -1);
        assert_true(exp2(ldexp(exp.positive.first + (int32_t)last, -exp.scale)) < high);
        assert_true(exp2(ldexp(exp.positive.first + (int32_t)last + 1, -exp.scale)) >= high);
        rp_hist_deinit(&hist);
        rp_exp_deinit(&exp);
    }
}

static void test_without_memory_nothing_breaks(void **state)
{
    struct rp_exp exp = { .scale = RP_EXP_SCALE };
    struct rp_hist hist = { 0 };

    assert_int_equal(rp_hist_record(&hist, 5), 0);
    assert_int_equal(rp_hist_record(&hist, 0), 0);
    rp_alloc_fail_at(1);
    assert_int_equal(rp_exp_add(&exp, &hist, 1), -ENOMEM);
    rp_alloc_fail_at(0);
    assert_int_equal(rp_exp_total(&exp), 1);
    rp_hist_deinit(&hist);
    rp_exp_deinit(&exp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_value_is_in_its_bucket),
        cmocka_unit_test(test_a_border_is_in_the_bucket_that_ends_with_it),
        cmocka_unit_test(test_without_memory_nothing_breaks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>

#include "base/alloc.h"
#include "base/random.h"
#include "compare/spread.h"

#define NEAR(value, expected, off) assert_true(fabs((value) - (expected)) <= (off))

/* A number from 0 to 1 and, of twelve of them, one that is nearly normally distributed. */
static double even(uint64_t random[4])
{
    return (double)(rp_random_next(random) >> 11) * 0x1p-53;
}

static double normal(uint64_t random[4])
{
    double sum = -6;

    for (int i = 0; i < 12; i++)
        sum += even(random);
    return sum;
}

static void test_students_distribution_is_that_of_the_tables(void **state)
{
    NEAR(rp_student_value(0.05, 1), 12.7062, 1e-4);
    NEAR(rp_student_value(0.05, 4), 2.7764, 1e-4);
    NEAR(rp_student_value(0.01, 10), 3.1693, 1e-4);
    NEAR(rp_student_value(0.05, 1e6), 1.95997, 1e-4);
    NEAR(rp_student_p(2.7764, 4), 0.05, 1e-5);
    NEAR(rp_student_p(-2.7764, 4), 0.05, 1e-5);
    NEAR(rp_student_p(0, 7), 1, 1e-12);
    NEAR(rp_student_p(INFINITY, 7), 0, 1e-12);
    assert_true(isnan(rp_student_p(NAN, 7)));
    NEAR(rp_fisher_p(7.7086, 1, 4), 0.05, 1e-5);
    NEAR(rp_fisher_p(3.1968, 3, 17), 0.05, 1e-4);
    NEAR(rp_fisher_p(0, 3, 17), 1, 1e-12);
}

static void test_of_many_numbers_more_must_be_sure(void **state)
{
    double few[] = { 0.04 }, many[] = { 0.9, 0.04, NAN, 0.6, 0.5 }, all[] = { 0.04, 0.03, 0.001 };
    double limit;

    assert_int_equal(rp_spread_limit(few, 1, 0.05, &limit), 0);
    assert_true(limit == 0.04);
    assert_int_equal(rp_spread_limit(many, 5, 0.05, &limit), 0);
    assert_true(limit < 0);
    assert_int_equal(rp_spread_limit(all, 3, 0.05, &limit), 0);
    assert_true(limit == 0.04);
    assert_int_equal(rp_spread_limit(all, 0, 0.05, &limit), 0);
    assert_true(limit < 0);
    rp_alloc_fail_at(1);
    assert_int_equal(rp_spread_limit(all, 3, 0.05, &limit), -ENOMEM);
    rp_alloc_fail_at(0);
}

static void test_a_quantile_lies_within_its_bucket(void **state)
{
    static const struct rp_spread_bucket buckets[] = { { 1, 2 }, { 2, 4 }, { 8, 10 } };
    static const double counts[] = { 2, 0, 2 }, none[] = { 0, 0, 0 };

    NEAR(rp_spread_quantile(buckets, counts, 3, 0.25), 1.5, 1e-12);
    NEAR(rp_spread_quantile(buckets, counts, 3, 0.5), 2, 1e-12);
    NEAR(rp_spread_quantile(buckets, counts, 3, 0.75), 9, 1e-12);
    NEAR(rp_spread_quantile(buckets, counts, 3, 1), 10, 1e-12);
    assert_true(isnan(rp_spread_quantile(buckets, none, 3, 0.5)));
}

enum { CELLS = 60, PAIRS = 300 };

/* Parts whose sums vary by @off around 100; each takes the share @memory of the one before. */
static void make_parts(uint64_t random[4], double off, double memory, struct rp_spread_part *ret)
{
    double last = normal(random);

    for (size_t i = 0; i < CELLS; i++) {
        last = memory * last + sqrt(1 - memory * memory) * normal(random);
        ret[i] = (struct rp_spread_part){ 100 + off * last, 1 };
    }
}

static void test_the_error_is_that_of_the_mean_of_the_parts(void **state)
{
    struct rp_spread_part parts[CELLS];
    struct rp_spread calm, moody;
    uint64_t random[4];
    double sum = 0;

    rp_random_seed(random, 1);
    for (int i = 0; i < 50; i++) {
        make_parts(random, 10, 0, parts);
        sum += rp_spread_ratio(parts, NULL, CELLS, false).error;
    }
    NEAR(sum / 50, 10 / sqrt(CELLS), 0.15);
    make_parts(random, 10, 0, parts);
    calm = rp_spread_ratio(parts, NULL, CELLS, false);
    make_parts(random, 10, 0.8, parts);
    moody = rp_spread_ratio(parts, NULL, CELLS, false);
    assert_true(moody.error > 1.5 * calm.error);
    assert_true(rp_spread_ratio(parts, NULL, CELLS, false).error == moody.error);
}

/* Pairs of one system: of those that are told apart at 5 %, there are some 5 %. */
static void test_equal_runs_are_told_apart_as_rarely_as_promised(void **state)
{
    for (int memory = 0; memory < 2; memory++) {
        unsigned told = 0, found = 0;
        uint64_t random[4];

        rp_random_seed(random, 2);
        for (int i = 0; i < PAIRS; i++) {
            struct rp_spread_part a[CELLS], b[CELLS];
            double means[2] = { 0, 0 };
            struct rp_spread spread;

            make_parts(random, 10, 0.4 * memory, a);
            make_parts(random, 10, 0.4 * memory, b);
            for (size_t n = 0; n < CELLS; n++) {
                means[0] += a[n].sum / CELLS;
                means[1] += b[n].sum / CELLS;
            }
            spread = rp_spread_ratio(a, b, CELLS, true);
            told += rp_student_p(log(means[1] / means[0]) / spread.error, spread.freedom) < 0.05;
            found += rp_student_p(log(1.1 * means[1] / means[0]) / spread.error, spread.freedom) <
                     0.05;
        }
        assert_in_range(told, memory ? 3 : 5, PAIRS / 10);
        assert_in_range(found, PAIRS * 9 / 10, PAIRS);
    }
}

/* What is the same in both runs, as a load that grows, is no chance. */
static void test_a_plan_that_both_runs_follow_is_no_chance(void **state)
{
    struct rp_spread_part a[CELLS], b[CELLS];

    for (size_t i = 0; i < CELLS; i++) {
        a[i] = (struct rp_spread_part){ (double)i, 1 };
        b[i] = (struct rp_spread_part){ 1.1 * (double)i, 1 };
    }
    assert_true(rp_spread_ratio(a, NULL, CELLS, true).error > 0.05);
    NEAR(rp_spread_ratio(a, b, CELLS, true).error, 0, 1e-9);
}

static struct rp_spread_hist make_hist(uint64_t random[4], struct rp_spread_entry *entries,
                                       struct rp_spread_bucket *buckets)
{
    struct rp_spread_hist hist = { entries, 0, buckets, 40 };

    for (size_t i = 0; i < 40; i++)
        buckets[i] = (struct rp_spread_bucket){ 10 + (double)i / 2, 10.5 + (double)i / 2 };
    for (uint32_t cell = 0; cell < CELLS; cell++)
        for (int i = 0; i < 100; i++)
            entries[hist.entry_count++] = (struct rp_spread_entry){
                cell, (uint32_t)fmin(fmax(20 + 6 * normal(random), 0), 39), 1
            };
    return hist;
}

static void test_quantiles_have_errors_too(void **state)
{
    static struct rp_spread_entry entries[2][CELLS * 100];
    static struct rp_spread_bucket buckets[2][40];
    static const double quantiles[] = { 0.5, 0.95, 0.99 };
    struct rp_spread spreads[3], single[3];
    struct rp_spread_hist a, b;
    uint64_t random[4];

    rp_random_seed(random, 3);
    a = make_hist(random, entries[0], buckets[0]);
    b = make_hist(random, entries[1], buckets[1]);
    assert_int_equal(rp_spread_quantiles(&a, &b, CELLS, quantiles, 3, spreads), 0);
    assert_int_equal(rp_spread_quantiles(&a, NULL, CELLS, quantiles, 3, single), 0);
    /* The median of 6,000 samples, which vary by 3 around 20: 1.253 * 3 / sqrt(6000) / 20. */
    NEAR(single[0].error, 0.0024, 0.0008);
    assert_true(spreads[0].error > single[0].error);
    assert_true(spreads[2].error > spreads[0].error);
    for (uint64_t n = 1; n <= 2; n++) {
        rp_alloc_fail_at(n);
        assert_int_equal(rp_spread_quantiles(&a, &b, CELLS, quantiles, 3, spreads), -ENOMEM);
        rp_alloc_fail_at(0);
    }
}

static void test_a_run_of_few_parts_says_nothing(void **state)
{
    static const double quantiles[] = { 0.5 };
    struct rp_spread_part parts[CELLS] = { 0 };
    struct rp_spread_hist none = { 0 };
    struct rp_spread spread;

    make_parts((uint64_t[4]){ 1, 2, 3, 4 }, 10, 0, parts);
    assert_true(isnan(rp_spread_ratio(parts, NULL, RP_SPREAD_CELLS_MIN - 1, true).error));
    assert_false(isnan(rp_spread_ratio(parts, NULL, RP_SPREAD_CELLS_MIN, true).error));
    assert_int_equal(rp_spread_quantiles(&none, NULL, CELLS, quantiles, 1, &spread), 0);
    assert_true(isnan(spread.error));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_students_distribution_is_that_of_the_tables),
        cmocka_unit_test(test_of_many_numbers_more_must_be_sure),
        cmocka_unit_test(test_a_quantile_lies_within_its_bucket),
        cmocka_unit_test(test_the_error_is_that_of_the_mean_of_the_parts),
        cmocka_unit_test(test_equal_runs_are_told_apart_as_rarely_as_promised),
        cmocka_unit_test(test_a_plan_that_both_runs_follow_is_no_chance),
        cmocka_unit_test(test_quantiles_have_errors_too),
        cmocka_unit_test(test_a_run_of_few_parts_says_nothing),
    };

    return cmocka_run_group_tests_name("spread", tests, NULL, NULL);
}

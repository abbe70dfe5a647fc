/* SPDX-License-Identifier: MIT */
#include "stats_test.h"

#include <float.h>

#include "stats/hist.h"
#include "stats/value.h"

enum { SAMPLES = 20001 };

/* ---- against exact sorting ---- */

static double uniform(struct test_random *r)
{
    return 1e6 + 9e6 * random_unit(r);
}
static double exponential(struct test_random *r)
{
    return -5e6 * log(random_unit(r));
}
static double lognormal(struct test_random *r)
{
    return exp(15 + 2 * random_normal(r));
}
static double bimodal(struct test_random *r)
{
    return random_below(r, 10) ? 2e5 + 1e3 * random_normal(r) : 1e9 + 1e6 * random_normal(r);
}
static double tiny_and_huge(struct test_random *r)
{
    return exp(1400 * (random_unit(r) - 0.5));
}
static double of_both_signs(struct test_random *r)
{
    return random_below(r, 20) ? 1e3 * random_normal(r) : 0;
}
static double negative_tiny_and_huge(struct test_random *r)
{
    return -tiny_and_huge(r);
}
static double fractions_below_2048(struct test_random *r)
{
    return 2048 * random_unit(r);
}
static double large_integers(struct test_random *r)
{
    return (double)(2048 + random_below(r, 100000));
}

typedef double distribution(struct test_random *random);

static distribution *const distributions[] = {
    uniform,
    exponential,
    lognormal,
    bimodal,
    tiny_and_huge,
    of_both_signs,
    large_integers,
    negative_tiny_and_huge,
    fractions_below_2048,
};

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

struct exact {
    double value, tolerance;
};

static struct exact exact_percentile(const double *sorted, size_t count, double p)
{
    double position = p / 100 * (double)(count - 1), fraction;
    size_t rank = (size_t)position;
    double low = sorted[rank], high = rank + 1 < count ? sorted[rank + 1] : low;

    fraction = position - (double)rank;
    /* 0.1 % of what goes into it, and the rounding of the position. */
    return (struct exact){ low * (1 - fraction) + high * fraction,
                           0.001 * (fabs(low) * (1 - fraction) + fabs(high) * fraction) +
                               1e-11 * fabs(high - low) };
}

static void check_percentile(const struct rp_hist *hist, const double *sorted, size_t count,
                             double p)
{
    struct exact exact = exact_percentile(sorted, count, p);
    double got = rp_hist_percentile(hist, p, 1);

    if (!(fabs(got - exact.value) <= exact.tolerance))
        fail_msg("p(%g) is %.17g, not %.17g", p, got, exact.value);
}

static void every_percentile_is_within_a_thousandth_of_an_exact_sort(void **state)
{
    double *values = calloc(SAMPLES, sizeof(*values));

    for (size_t d = 0; d < RP_ARRAY_LEN(distributions); d++) {
        struct test_random random = { d };
        struct rp_hist hist = { 0 };
        double sum = 0, magnitudes = 0;

        for (int i = 0; i < SAMPLES; i++) {
            values[i] = distributions[d](&random);
            assert_int_equal(rp_hist_record(&hist, values[i]), 0);
            sum += values[i];
            magnitudes += fabs(values[i]);
        }
        qsort(values, SAMPLES, sizeof(*values), compare_doubles);
        for (int i = 0; i <= 1000; i++)
            check_percentile(&hist, values, SAMPLES, i / 10.0);
        check_percentile(&hist, values, SAMPLES, 99.99);
        check_percentile(&hist, values, SAMPLES, 99.999);
        assert_true(rp_hist_percentile(&hist, 0, 1) == values[0]);
        assert_true(rp_hist_percentile(&hist, 100, 1) == values[SAMPLES - 1]);
        assert_true(hist.min == values[0] && hist.max == values[SAMPLES - 1]);
        assert_int_equal(hist.count, SAMPLES);
        if (magnitudes < 0x1p80)
            assert_true(fabs(rp_hist_mean(&hist) - sum / SAMPLES) <=
                        1e-12 * magnitudes / SAMPLES + 0x1p-21);
        rp_hist_deinit(&hist);
    }
    free(values);
}

static void check_whole_units(double unit, uint64_t below, struct test_random *random)
{
    struct rp_hist hist = { 0 };
    double values[101];

    for (int i = 0; i < 101; i++) {
        values[i] = unit * (double)random_below(random, below);
        assert_int_equal(rp_hist_record(&hist, values[i]), 0);
    }
    qsort(values, 101, sizeof(*values), compare_doubles);
    for (int i = 0; i <= 100; i++)
        assert_true(rp_hist_percentile(&hist, i, fabs(unit)) == values[i]);
    rp_hist_deinit(&hist);
}

static void whole_units_below_2048_are_exact(void **state)
{
    static const double units[] = { 1, -1, 2, 0x1p20, -0x1p20, 0x1p60 };
    struct test_random random = { 7 };

    for (size_t i = 0; i < RP_ARRAY_LEN(units); i++)
        for (uint64_t below = 2; below <= 2048; below *= 2)
            check_whole_units(units[i], below, &random);
}

static void percentiles_interpolate_between_ranks(void **state)
{
    static const struct {
        double p, expected;
    } table[] = {
        { 0, 10 },         { 25, 17.5 }, { 50, 25 }, { 90, 37 },
        { 99.99, 39.997 }, { 100, 40 },  { -1, 10 }, { 101, 40 },
    };
    struct rp_hist hist = { 0 };

    assert_true(isnan(rp_hist_percentile(&hist, 50, 1)));
    assert_true(isnan(rp_hist_mean(&hist)));
    for (int i = 1; i <= 4; i++)
        assert_int_equal(rp_hist_record(&hist, 10 * i), 0);
    for (size_t i = 0; i < RP_ARRAY_LEN(table); i++)
        assert_true(fabs(rp_hist_percentile(&hist, table[i].p, 1) - table[i].expected) < 1e-12);
    assert_true(isnan(rp_hist_percentile(&hist, NAN, 1)));
    assert_true(rp_hist_mean(&hist) == 25);
    rp_hist_deinit(&hist);
    /* From one end of the doubles to the other. */
    assert_int_equal(rp_hist_record(&hist, -DBL_MAX), 0);
    assert_int_equal(rp_hist_record(&hist, DBL_MAX), 0);
    assert_true(rp_hist_percentile(&hist, 50, 1) == 0);
    assert_true(fabs(rp_hist_percentile(&hist, 75, 1) / DBL_MAX - 0.5) < 1e-15);
    rp_hist_deinit(&hist);
}

/* p is @digits / 10^@decimals, as a threshold has it: read from its text. */
static double percent_of(uint64_t digits, int decimals)
{
    char text[64];
    struct rp_stat stat;
    uint64_t power = 1;

    for (int i = 0; i < decimals; i++)
        power *= 10;
    snprintf(text, sizeof(text), "p(%llu.%0*llu)", (unsigned long long)(digits / power),
             decimals ? decimals : 1, (unsigned long long)(digits % power));
    assert_true(rp_stat_parse(rp_slice_str(text), &stat));
    return stat.p;
}

static uint64_t power_of_ten(int decimals)
{
    return decimals ? 10 * power_of_ten(decimals - 1) : 1;
}

/* The samples are 0, 1, 2, ..., each with a bucket of its own: so the percentile is the place. It
 * is compared with the fraction that the place is. */
static void the_place_of_a_percentile_is_exact(void **state)
{
    struct test_random random = { 64 };
    size_t whole = 0;

    for (int round = 0; round < 400; round++) {
        uint64_t last = round < 200 ? 1 + random_below(&random, 2046)
                                    : 125u << random_below(&random, 5);
        struct rp_hist hist = { 0 };

        for (uint64_t i = 0; i <= last; i++)
            assert_int_equal(rp_hist_record(&hist, (double)i), 0);
        for (int i = 0; i < 50; i++) {
            int decimals = (int)random_below(&random, 6);
            uint64_t digits = random_below(&random, 100 * power_of_ten(decimals) + 1);
            uint64_t over = digits * last, under = 100 * power_of_ten(decimals);
            double got = rp_hist_percentile(&hist, percent_of(digits, decimals), 1);

            whole += over % under == 0;
            if (over % under == 0)
                assert_true(got == (double)(over / under));
            else
                assert_true(got > (double)(over / under) && got < (double)(over / under + 1));
            assert_true(fabs(got - (double)over / (double)under) <= 1e-12 * (double)last);
        }
        rp_hist_deinit(&hist);
    }
    assert_true(whole > 1000); /* the random ones met both kinds */
}

/* As many samples of 1 as make the place of p the last of them: nothing of the 2 behind is in it. */
static void a_percentile_whose_place_is_a_sample_is_that_sample(void **state)
{
    static const struct {
        double p;
        uint64_t ones, twos;
    } table[] = {
        { 64.4, 162, 89 },
        { 99.9, 1000, 1 },
        { 99.99, 10000, 1 },
        { 0.1, 2, 999 },
        { 33.3, 334, 667 },
        { 64.4, 644000000000000001, 356000000000000000 },
        { 99.999999999, 99999999999000001, 1000000 },
        { 12.3456789, 123456790, 876543211 },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(table); i++) {
        struct rp_hist hist = { 0 };

        assert_int_equal(rp_hist_record_times(&hist, 1, table[i].ones), 0);
        assert_int_equal(rp_hist_record_times(&hist, 2, table[i].twos), 0);
        assert_true(rp_hist_percentile(&hist, table[i].p, 1) == 1);
        rp_hist_deinit(&hist);
    }
}

static void a_bucket_stands_for_its_middle(void **state)
{
    static const struct {
        double from, step, middle; /* three samples, the middle one's value */
        double unit;
    } table[] = {
        { 2048, 0.5, 2049, 1 },
        { 1e6, 200, 1953.5 * 512, 1 },
        { 0.5, 0.0001, 0.5 + 0x1p-12, 1 },
        { 1024, 0.3, 1024, 1 },
        { 512, 0.1, 512, 1 },
        { 512.5, 0.1, 512.75, 1 },
        { 1024, 0.3, 1024.5, 0x1p20 }, /* no whole unit: nothing special */
        { 0x1p20, 100, 0x1p20, 0x1p20 },
        { 0x1p20, 100, 0x1p20 + 512, 1 },
        { 0x1.8p20, 100, 0x1.8p20 + 512, 0x1p20 },
        { 0x1p31, 0x1p18, 0x1p31 + 0x1p20, 0x1p20 },
    };

    for (int sign = -1; sign <= 1; sign += 2) {
        for (size_t i = 0; i < RP_ARRAY_LEN(table); i++) {
            struct rp_hist hist = { 0 };

            for (int j = 0; j < 3; j++)
                assert_int_equal(rp_hist_record(&hist, sign * (table[i].from + j * table[i].step)),
                                 0);
            assert_int_equal(rp_hist_record(&hist, 0), 0); /* neither is the first nor the last */
            assert_int_equal(rp_hist_record(&hist, sign * 1e12), 0);
            assert_true(rp_hist_percentile(&hist, 50, table[i].unit) == sign * table[i].middle);
            rp_hist_deinit(&hist);
        }
    }
}

static void an_odd_value_alone_is_given_back_exactly(void **state)
{
    static const double values[] = { 0,      -0.0,    0.1,     1,        2049.3,    1e-300,
                                     5e-324, -5e-324, DBL_MIN, DBL_MAX,  -DBL_MAX,  0x1p52,
                                     0x1p83, 1e40,    -1e40,   -0x1p-20, 0x1p53 + 2 };

    for (size_t i = 0; i < RP_ARRAY_LEN(values); i++) {
        struct rp_hist hist = { 0 };

        for (int times = 0; times < 3; times++)
            assert_int_equal(rp_hist_record(&hist, values[i]), 0);
        assert_int_equal(hist.count, 3);
        assert_true(hist.min == values[i] && hist.max == values[i]);
        assert_true(values[i] != 0 || !signbit(hist.min)); /* the two zeros are one */
        assert_true(rp_hist_percentile(&hist, 50, 1) == values[i]);
        assert_true(rp_hist_mean(&hist) == values[i]);
        rp_hist_deinit(&hist);
    }
}

static void what_is_no_number_is_refused_and_changes_nothing(void **state)
{
    struct rp_hist hist = { 0 };

    assert_int_equal(rp_hist_record(&hist, NAN), -EINVAL);
    assert_int_equal(rp_hist_record(&hist, INFINITY), -EINVAL);
    assert_int_equal(rp_hist_record(&hist, DBL_MAX), 0);
    assert_int_equal(rp_hist_record(&hist, -DBL_MAX), 0);
    assert_int_equal(rp_hist_record(&hist, -INFINITY), -EINVAL);
    assert_int_equal(rp_hist_record(&hist, INFINITY), -EINVAL);
    assert_int_equal(rp_hist_record(&hist, NAN), -EINVAL);
    assert_int_equal(rp_hist_record(&hist, -NAN), -EINVAL);
    assert_int_equal(hist.count, 2);
    assert_true(rp_hist_sum(&hist) == 0);
    assert_int_equal(rp_hist_add_bucket(&hist, 1023, 1), -EINVAL);
    assert_int_equal(rp_hist_add_bucket(&hist, 0x7ff << 10, 1), -EINVAL);
    assert_int_equal(rp_hist_add_bucket(&hist, -(0x7ff << 10), 1), -EINVAL);
    assert_int_equal(rp_hist_add_bucket(&hist, INT32_MIN, 1), -EINVAL);
    rp_hist_deinit(&hist);
}

static void the_sum_is_exact_of_whatever_was_recorded(void **state)
{
    static const double values[] = { 1,      0x1p40 + 1, 0x1p52 - 1, 0x1p43 - 1, 0x1p43 + 1,
                                     0x1p82, 0.1,        0.7,        1e-300,     5e-324,
                                     1e200,  -0x1p60,    1.8e83,     -1e-9,      3e-20 };
    struct rp_hist hist = { 0 };

    for (size_t i = 0; i < RP_ARRAY_LEN(values); i++)
        assert_int_equal(rp_hist_record(&hist, values[i]), 0);
    for (size_t i = RP_ARRAY_LEN(values); i-- > 1;) /* all but the first have their opposites */
        assert_int_equal(rp_hist_record(&hist, -values[i]), 0);
    assert_true(rp_hist_sum(&hist) == 1);
    rp_hist_deinit(&hist);
    for (int i = 0; i < 20000; i++)
        assert_int_equal(rp_hist_record(&hist, 0.1), 0);
    assert_true(rp_hist_sum(&hist) == 2000);
    assert_true(rp_hist_mean(&hist) == 0.1);
    assert_int_equal(rp_hist_record_times(&hist, 1e-13, 1000000), 0);
    assert_true(rp_hist_sum(&hist) == 2000.0000001);
    rp_hist_deinit(&hist);
    /* Their sum is no double, their mean is. */
    assert_int_equal(rp_hist_record_times(&hist, DBL_MAX, 2), 0);
    assert_int_equal(rp_hist_record_times(&hist, 0, 2), 0);
    assert_true(isinf(rp_hist_sum(&hist)));
    assert_true(rp_hist_mean(&hist) == DBL_MAX / 2);
    rp_hist_deinit(&hist);
}

/* The quick path for whole numbers and the other one come to the same. */
static void whole_numbers_are_the_same_on_both_paths(void **state)
{
    struct test_random random = { 9 };
    struct rp_hist quick = { 0 }, slow = { 0 };

    for (int i = 0; i < 20000; i++) {
        double value = (double)(random_u64(&random) >> (10 + random_below(&random, 54)));

        if (!rp_hist_record_quick(&quick, value))
            assert_int_equal(rp_hist_record(&quick, value), 0);
        assert_int_equal(rp_hist_record(&slow, value), 0);
    }
    assert_true(rp_hist_equal(&quick, &slow));
    rp_hist_deinit(&quick);
    rp_hist_deinit(&slow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_percentile_is_within_a_thousandth_of_an_exact_sort),
        cmocka_unit_test(whole_units_below_2048_are_exact),
        cmocka_unit_test(percentiles_interpolate_between_ranks),
        cmocka_unit_test(the_place_of_a_percentile_is_exact),
        cmocka_unit_test(a_percentile_whose_place_is_a_sample_is_that_sample),
        cmocka_unit_test(a_bucket_stands_for_its_middle),
        cmocka_unit_test(an_odd_value_alone_is_given_back_exactly),
        cmocka_unit_test(what_is_no_number_is_refused_and_changes_nothing),
        cmocka_unit_test(the_sum_is_exact_of_whatever_was_recorded),
        cmocka_unit_test(whole_numbers_are_the_same_on_both_paths),
    };

    return cmocka_run_group_tests_name("hist", tests, NULL, NULL);
}

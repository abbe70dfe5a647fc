/* SPDX-License-Identifier: MIT */
#include "stats_test.h"

#include <float.h>

#include "stats/sum.h"

enum { NUMBERS = 400, ORDERS = 20 };

static double read_of(const double *values, size_t count)
{
    struct rp_sum sum = { 0 };
    double ret;

    for (size_t i = 0; i < count; i++)
        assert_int_equal(rp_sum_add(&sum, values[i]), 0);
    ret = rp_sum_read(&sum);
    rp_sum_deinit(&sum);
    return ret;
}

/* Sums whose nearest double is known. */
static void a_sum_is_the_nearest_double(void **state)
{
    static const struct {
        double values[4];
        double expected;
    } table[] = {
        { { 0.1, 0.2 }, 0.30000000000000004 },
        { { 0.1, 0.2, 0.3, -0.6 }, 0x1p-55 }, /* of the four doubles */
        { { 1e16, 1, -1e16 }, 1 },
        { { 1e308, 1e308, -1e308 }, 1e308 },
        { { 1e300, 5e-324, -1e300 }, 5e-324 },
        { { DBL_MIN, -5e-324 }, DBL_MIN - 5e-324 },
        { { 1, 0x1p-53 }, 1 },                   /* in the middle: to the even one */
        { { 1, 0x1p-53, 5e-324 }, 1 + 0x1p-52 }, /* above the middle */
        { { 1 + 0x1p-52, 0x1p-53 }, 1 + 0x1p-51 },
        { { -1, -0x1p-53 }, -1 },
        { { 0x1p62, 0.5, -0x1p62 }, 0.5 },
        { { 9e18, 9e18, 9e18, 0.25 }, 27e18 },
        { { -9e18, -9e18, -9e18, 27e18 }, 0 },
        { { DBL_MAX, DBL_MAX }, INFINITY },
        { { -DBL_MAX, -DBL_MAX, -1 }, -INFINITY },
        { { 0 }, 0 },
        { { -0.0 }, 0 },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(table); i++)
        assert_true(read_of(table[i].values, 4) == table[i].expected);
}

static double any_number(struct test_random *random)
{
    switch (random_below(random, 4)) {
    case 0:
        return (double)(int64_t)random_u64(random);
    case 1:
        return ldexp(random_unit(random) - 0.5, (int)random_below(random, 2000) - 1000);
    case 2:
        return (double)random_below(random, 1000) / 10;
    default:
        return random_normal(random);
    }
}

static void shuffle(struct test_random *random, double *values, size_t count)
{
    for (size_t i = count; i > 1; i--) {
        size_t j = random_below(random, i);
        double swapped = values[i - 1];

        values[i - 1] = values[j];
        values[j] = swapped;
    }
}

/* In any order, by any number of workers: equal to the last bit. */
static void the_order_and_the_number_of_parts_change_nothing(void **state)
{
    struct test_random random = { 40 };
    double values[NUMBERS];
    struct rp_sum first = { 0 };

    for (size_t i = 0; i < NUMBERS; i++) {
        values[i] = any_number(&random);
        assert_int_equal(rp_sum_add(&first, values[i]), 0);
    }
    for (size_t order = 1; order < ORDERS; order++) {
        struct rp_sum whole = { 0 };

        shuffle(&random, values, NUMBERS);
        for (size_t part = 0; part < order; part++) {
            struct rp_sum sum = { 0 };

            for (size_t i = part; i < NUMBERS; i += order)
                assert_int_equal(rp_sum_add(&sum, values[i]), 0);
            assert_int_equal(rp_sum_merge(&whole, &sum), 0);
            rp_sum_deinit(&sum);
        }
        assert_true(rp_sum_equal(&whole, &first));
        assert_true(rp_sum_read(&whole) == rp_sum_read(&first));
        rp_sum_deinit(&whole);
    }
    for (size_t i = 0; i < NUMBERS; i++)
        assert_int_equal(rp_sum_add(&first, -values[i]), 0);
    assert_true(rp_sum_read(&first) == 0);
    rp_sum_deinit(&first);
}

static void whole_numbers_take_no_memory(void **state)
{
    struct rp_sum sum = { 0 }, other = { 0 };

    for (int i = 0; i < 1000; i++)
        assert_int_equal(rp_sum_add(&sum, i * 1e12), 0);
    assert_true(rp_sum_read(&sum) == 499500e12 && !sum.rest);
    assert_int_equal(rp_sum_add(&sum, NAN), -EINVAL);
    assert_int_equal(rp_sum_add(&sum, -INFINITY), -EINVAL);
    assert_true(rp_sum_read(&sum) == 499500e12);
    /* The integer overflows: what is beyond it is not lost. */
    assert_int_equal(rp_sum_add_whole(&other, INT64_MAX), 0);
    assert_int_equal(rp_sum_add_whole(&other, INT64_MAX), 0);
    assert_int_equal(rp_sum_add_whole(&other, 2), 0);
    assert_true(rp_sum_read(&other) == 0x1p64);
    assert_int_equal(rp_sum_add_whole(&other, INT64_MIN), 0);
    assert_int_equal(rp_sum_add_whole(&other, INT64_MIN), 0);
    assert_int_equal(rp_sum_add_whole(&other, INT64_MIN), 0);
    assert_true(rp_sum_read(&other) == -0x1p63);
    rp_sum_reset(&other);
    assert_true(rp_sum_read(&other) == 0 && rp_sum_equal(&other, &(struct rp_sum){ 0 }));
    rp_sum_deinit(&other);
}

static void without_memory_nothing_changes(void **state)
{
    struct rp_sum sum = { .whole = INT64_MAX }, part = { 0 }, before;

    assert_int_equal(rp_sum_add(&part, 0.5), 0);
    before = sum;
    rp_alloc_fail_at(1);
    assert_int_equal(rp_sum_add(&sum, 0.5), -ENOMEM);
    rp_alloc_fail_at(1);
    assert_int_equal(rp_sum_add(&sum, 1), -ENOMEM);
    rp_alloc_fail_at(1);
    assert_int_equal(rp_sum_merge(&sum, &part), -ENOMEM);
    rp_alloc_fail_at(0);
    assert_memory_equal(&sum, &before, sizeof(sum));
    assert_int_equal(rp_sum_reserve(&sum, &part), 0);
    rp_alloc_fail_at(1);
    assert_int_equal(rp_sum_merge(&sum, &part), 0);
    assert_int_equal(rp_sum_add(&sum, 1), 0);
    rp_alloc_fail_at(0);
    assert_true(rp_sum_read(&sum) == 0x1p63);
    rp_sum_deinit(&sum);
    rp_sum_deinit(&part);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sum_is_the_nearest_double),
        cmocka_unit_test(the_order_and_the_number_of_parts_change_nothing),
        cmocka_unit_test(whole_numbers_take_no_memory),
        cmocka_unit_test(without_memory_nothing_changes),
    };

    return cmocka_run_group_tests_name("sum", tests, NULL, NULL);
}

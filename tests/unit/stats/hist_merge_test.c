/* SPDX-License-Identifier: MIT */
#include "stats_test.h"

#include "stats/hist.h"

/* Awkward on purpose: every sign and size, zeros, what the fast path takes and what it does not. */
static double any_value(struct test_random *random)
{
    switch (random_below(random, 8)) {
    case 0:
        return 0;
    case 1:
        return exp(1400 * (random_unit(random) - 0.5));
    case 2:
        return 5e6 * log(random_unit(random));
    case 3:
        return (double)random_below(random, 5000) / 7;
    case 4:
        return 0x1p43 * (0.5 + random_unit(random));
    default:
        return -5e6 * log(random_unit(random));
    }
}

static void assert_same_bits(const struct rp_hist *a, const struct rp_hist *b)
{
    struct rp_hist_iter in_a, in_b;

    assert_true(a->count == b->count && a->zeros == b->zeros && a->whole == b->whole);
    assert_memory_equal(&a->min, &b->min, sizeof(double));
    assert_memory_equal(&a->max, &b->max, sizeof(double));
    rp_hist_iter_init(&in_a, a);
    rp_hist_iter_init(&in_b, b);
    while (rp_hist_iter_next(&in_a)) {
        assert_true(rp_hist_iter_next(&in_b));
        assert_true(in_a.bucket == in_b.bucket && in_a.count == in_b.count);
        assert_true(in_a.low == in_b.low && in_a.high == in_b.high);
    }
    assert_false(rp_hist_iter_next(&in_b));
    assert_true(rp_hist_equal(a, b));
}

static void merged_parts_are_bit_identical_to_the_whole(void **state)
{
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct test_random random = { seed };
        size_t part_count = 1 + random_below(&random, 6);
        struct rp_hist whole = { 0 }, parts[6] = { 0 }, merged = { 0 };

        for (int i = 0; i < 2000; i++) {
            double value = any_value(&random);

            assert_int_equal(rp_hist_record(&whole, value), 0);
            assert_int_equal(rp_hist_record(&parts[random_below(&random, part_count)], value), 0);
        }
        /* Some parts are first merged with their neighbour; then all, from a random one on. */
        for (size_t i = 0; i + 1 < part_count; i++) {
            if (random_below(&random, 2)) {
                assert_int_equal(rp_hist_add(&parts[i], &parts[i + 1]), 0);
                rp_hist_reset(&parts[i + 1]);
            }
        }
        for (size_t i = 0, from = random_below(&random, part_count); i < part_count; i++)
            assert_int_equal(rp_hist_add(&merged, &parts[(from + i) % part_count]), 0);
        assert_same_bits(&merged, &whole);
        rp_hist_deinit(&whole);
        rp_hist_deinit(&merged);
        for (size_t i = 0; i < 6; i++)
            rp_hist_deinit(&parts[i]);
    }
}

static void a_difference_anywhere_is_seen(void **state)
{
    struct rp_hist a = { 0 }, b = { 0 };

    assert_true(rp_hist_equal(&a, &b));
    for (int i = 0; i < 4; i++)
        assert_int_equal(rp_hist_record(&a, 1000 + i), 0);
    assert_int_equal(rp_hist_add(&b, &a), 0);
    assert_true(rp_hist_equal(&a, &b));
    b.whole++;
    assert_false(rp_hist_equal(&a, &b));
    b.whole--;
    assert_int_equal(rp_hist_record(&b, 0.25), 0);
    assert_false(rp_hist_equal(&a, &b));
    rp_hist_deinit(&b);
    assert_int_equal(rp_hist_add(&b, &a), 0);
    b.max = nextafter(b.max, INFINITY);
    assert_false(rp_hist_equal(&a, &b));
    b.max = a.max;
    b.count++;
    assert_false(rp_hist_equal(&a, &b));
    b.count--;
    assert_int_equal(rp_hist_add_bucket(&b, 0, 1), 0);
    assert_false(rp_hist_equal(&a, &b));
    b.zeros = 0;
    assert_int_equal(rp_hist_add_bucket(&b, 1 << 20, 1), 0);
    assert_false(rp_hist_equal(&a, &b));
    rp_hist_deinit(&a);
    rp_hist_deinit(&b);
}

static void the_walk_is_ascending_and_a_copy_can_be_made_from_it(void **state)
{
    struct test_random random = { 3 };
    struct rp_hist hist = { 0 }, copy = { 0 };
    struct rp_hist_iter iter;
    double last = -INFINITY;
    uint64_t count = 0;

    for (int i = 0; i < 5000; i++)
        assert_int_equal(rp_hist_record(&hist, any_value(&random)), 0);
    rp_hist_iter_init(&iter, &hist);
    while (rp_hist_iter_next(&iter)) {
        assert_true(iter.count > 0 && iter.low >= last);
        assert_true(iter.low < iter.high || iter.bucket == 0);
        assert_true((iter.bucket < 0) == (iter.high < 0) && (iter.bucket > 0) == (iter.low > 0));
        last = iter.high;
        count += iter.count;
        assert_int_equal(rp_hist_add_bucket(&copy, iter.bucket, iter.count), 0);
    }
    assert_int_equal(count, hist.count);
    copy.count = hist.count;
    copy.whole = hist.whole;
    assert_int_equal(rp_rest_reserve(&copy.rest), 0);
    *copy.rest = *hist.rest;
    copy.min = hist.min;
    copy.max = hist.max;
    assert_same_bits(&copy, &hist);
    rp_hist_deinit(&hist);
    rp_hist_deinit(&copy);
}

static void every_bucket_holds_what_its_bounds_say(void **state)
{
    struct test_random random = { 5 };

    for (int i = 0; i < 5000; i++) {
        double value = any_value(&random);
        struct rp_hist hist = { 0 };
        struct rp_hist_iter iter;

        assert_int_equal(rp_hist_record(&hist, value), 0);
        rp_hist_iter_init(&iter, &hist);
        assert_true(rp_hist_iter_next(&iter));
        if (value > 0)
            assert_true(iter.low <= value && value < iter.high);
        else
            assert_true(iter.low <= value && value <= iter.high &&
                        (value == 0 || iter.low < value));
        assert_false(rp_hist_iter_next(&iter));
        rp_hist_deinit(&hist);
    }
}

static void after_a_reset_it_is_as_new_but_keeps_its_pages(void **state)
{
    struct test_random random = { 9 };
    struct rp_hist hist = { 0 }, fresh = { 0 };
    uint64_t allocations;
    double value = 0;

    for (int i = 0; i < 1000; i++)
        assert_int_equal(rp_hist_record(&hist, value = 1e6 + fabs(any_value(&random))), 0);
    rp_hist_reset(&hist);
    assert_true(isnan(rp_hist_percentile(&hist, 50, 1)));
    assert_same_bits(&hist, &fresh);
    allocations = rp_alloc_count();
    assert_int_equal(rp_hist_record(&hist, value), 0);
    assert_int_equal(rp_alloc_count(), allocations);
    assert_true(hist.min == value && hist.max == value);
    assert_int_equal(rp_hist_record(&fresh, value), 0);
    assert_same_bits(&hist, &fresh);
    rp_hist_deinit(&hist);
    rp_hist_deinit(&fresh);
}

static void recording_many_times_is_recording_often(void **state)
{
    static const double values[] = { 0, 3.3, -1e9, 1e60, 0x1p43 };
    struct rp_hist often = { 0 }, once = { 0 };

    for (size_t i = 0; i < RP_ARRAY_LEN(values); i++) {
        for (int times = 0; times < 17; times++)
            assert_int_equal(rp_hist_record(&often, values[i]), 0);
        assert_int_equal(rp_hist_record_times(&once, values[i], 17), 0);
        assert_int_equal(rp_hist_record_times(&once, values[i] + 1, 0), 0);
    }
    assert_same_bits(&once, &often);
    rp_hist_deinit(&often);
    rp_hist_deinit(&once);
}

/* ---- memory ---- */

static void a_failed_allocation_loses_one_sample_and_nothing_else(void **state)
{
    static const double values[] = { 5, 1e6, 0, -3, 7e-9, 1e200, -1e-200, 5.001 };
    struct rp_hist hist = { 0 }, good = { 0 };
    int failures = 0;

    for (size_t i = 0; i < RP_ARRAY_LEN(values); i++) {
        int r = -ENOMEM;

        for (uint64_t n = 1; r < 0; n++) {
            rp_alloc_fail_at(n);
            r = rp_hist_record(&hist, values[i]);
            rp_alloc_fail_at(0);
            assert_true(r == 0 || r == -ENOMEM);
            if (r < 0)
                assert_same_bits(&hist, &good);
            failures += r < 0;
        }
        assert_int_equal(rp_hist_record(&good, values[i]), 0);
        assert_same_bits(&hist, &good);
    }
    assert_int_equal(failures, 12); /* a directory and a page for all but the zero and the last */
    rp_hist_deinit(&hist);
    rp_hist_deinit(&good);
}

static void a_failed_merge_leaves_the_target_untouched(void **state)
{
    struct test_random random = { 11 };
    struct rp_hist from = { 0 }, before = { 0 }, both = { 0 };
    uint64_t n;
    int r = -ENOMEM;

    for (int i = 0; i < 60; i++) {
        assert_int_equal(rp_hist_record(&from, any_value(&random)), 0);
        assert_int_equal(rp_hist_record(&before, any_value(&random)), 0);
    }
    assert_int_equal(rp_hist_add(&both, &from), 0);
    assert_int_equal(rp_hist_add(&both, &before), 0);
    for (n = 1; r < 0; n++) {
        struct rp_hist into = { 0 };

        assert_int_equal(rp_hist_add(&into, &before), 0);
        rp_alloc_fail_at(n);
        r = rp_hist_add(&into, &from);
        rp_alloc_fail_at(0);
        assert_true(r == 0 || r == -ENOMEM);
        assert_same_bits(&into, r < 0 ? &before : &both);
        assert_int_equal(r < 0 ? rp_hist_reserve(&into, &from) : 0, 0);
        if (r < 0) {
            rp_alloc_fail_at(1);
            assert_int_equal(rp_hist_add(&into, &from), 0); /* reserved: needs none */
            rp_alloc_fail_at(0);
            assert_same_bits(&into, &both);
        }
        rp_hist_deinit(&into);
    }
    assert_true(n > 20);
    rp_hist_deinit(&from);
    rp_hist_deinit(&before);
    rp_hist_deinit(&both);
}

static void memory_depends_on_the_range_and_not_on_the_samples(void **state)
{
    struct test_random random = { 13 };
    struct rp_hist latency = { 0 };
    size_t after_some = 0;

    /* 50 us to 50 ms, as many in every power of two: nearly 10 powers of 16 pages. */
    for (int i = 0; i < 1000000; i++) {
        assert_int_equal(rp_hist_record(&latency, 5e4 * pow(1000, random_unit(&random))), 0);
        if (i == 100000)
            after_some = hist_memory(&latency);
    }
    assert_int_equal(hist_memory(&latency), after_some);
    print_message("a histogram of 50 us to 50 ms takes %zu bytes\n", after_some);
    assert_true(after_some < 90000);
    rp_hist_deinit(&latency);
    /* One value: one page, and a directory of one power of two. */
    assert_int_equal(rp_hist_record(&latency, 1e6), 0);
    assert_int_equal(hist_memory(&latency), 65 * 8 + 16 * 8);
    rp_hist_deinit(&latency);
    assert_int_equal(hist_memory(&latency), 0);
    rp_hist_deinit(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merged_parts_are_bit_identical_to_the_whole),
        cmocka_unit_test(a_difference_anywhere_is_seen),
        cmocka_unit_test(the_walk_is_ascending_and_a_copy_can_be_made_from_it),
        cmocka_unit_test(every_bucket_holds_what_its_bounds_say),
        cmocka_unit_test(after_a_reset_it_is_as_new_but_keeps_its_pages),
        cmocka_unit_test(recording_many_times_is_recording_often),
        cmocka_unit_test(a_failed_allocation_loses_one_sample_and_nothing_else),
        cmocka_unit_test(a_failed_merge_leaves_the_target_untouched),
        cmocka_unit_test(memory_depends_on_the_range_and_not_on_the_samples),
    };

    return cmocka_run_group_tests_name("hist_merge", tests, NULL, NULL);
}

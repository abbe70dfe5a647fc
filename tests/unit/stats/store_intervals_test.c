/* SPDX-License-Identifier: MIT */
#include "stats_test.h"

#include "stats/store.h"

enum { WORKERS = 3, NAMES = 4, SERIES = RP_METRIC_TYPE_COUNT * NAMES };

/* What the intervals of each series add up to, and what they looked like. */
struct seen {
    struct rp_store *store;
    struct rp_value sums[SERIES]; /* by the id of the series */
    int intervals, changes;
    rp_ns end; /* of the last one */
};

static void take_interval(void *user, rp_ns start, rp_ns length,
                          const struct rp_store_change *changes, size_t count)
{
    struct seen *seen = user;

    assert_true(start == seen->end && length >= 0);
    seen->end += length;
    seen->intervals++;
    seen->changes += (int)count;
    for (size_t i = 0; i < count; i++) {
        const struct rp_store_series *series = changes[i].series;
        int r;

        assert_true(series->id < SERIES && (!i || changes[i - 1].series->id < series->id));
        assert_true(changes[i].delta->samples > 0);
        assert_int_equal(changes[i].delta->type, series->type);
        if (!seen->sums[series->id].samples)
            rp_value_init(&seen->sums[series->id], series->type);
        while ((r = rp_value_add(&seen->sums[series->id], changes[i].delta)) == -ENOMEM)
            ; /* a test that fails allocations hits this one too */
        assert_int_equal(r, 0);
    }
}

static void seen_init(struct seen *seen)
{
    *seen = (struct seen){ 0 };
    assert_int_equal(rp_store_new(&seen->store), 0);
    assert_int_equal(rp_store_keep_intervals(seen->store, take_interval, seen), 0);
}

static void seen_deinit(struct seen *seen)
{
    for (int i = 0; i < SERIES; i++)
        rp_value_deinit(&seen->sums[i]);
    rp_store_free(seen->store);
}

/* Series @number of the worker is that of its type and name; each worker counts its series from another one on. */
static uint32_t number_of(uint32_t worker, int which)
{
    return ((uint32_t)which + worker * 5) % SERIES;
}

static int define(struct rp_store *store, uint32_t worker, int which)
{
    static const char *const names[NAMES] = { "home", "cart", "pay", "help" };
    enum rp_metric_type type = (enum rp_metric_type)(which % RP_METRIC_TYPE_COUNT);
    const struct rp_slice tags[2][2] = {
        { RP_SLICE("name"), rp_slice_str(names[which / RP_METRIC_TYPE_COUNT]) },
        { RP_SLICE("a"), RP_SLICE("b") },
    };

    return rp_store_define(store, worker, number_of(worker, which), rp_metric_type_name(type), type,
                           type == RP_TREND, tags, 2, NULL);
}

/* A delta of one to four samples; the sums of its counters are exact in any order. */
static struct rp_value any_delta(enum rp_metric_type type, struct test_random *random)
{
    struct rp_value delta;

    rp_value_init(&delta, type);
    delta.samples = 1 + random_below(random, 4);
    if (type == RP_COUNTER) {
        assert_int_equal(rp_sum_add(&delta.counter, (double)random_below(random, 1000) / 8), 0);
    } else if (type == RP_RATE) {
        delta.rate.total = delta.samples;
        delta.rate.hits = random_below(random, delta.samples + 1);
    } else if (type == RP_GAUGE) {
        delta.gauge.min = random_normal(random);
        delta.gauge.last = delta.gauge.min + random_unit(random);
        delta.gauge.max = delta.gauge.last + random_unit(random);
    } else {
        for (uint64_t i = 0; i < delta.samples; i++)
            assert_int_equal(rp_hist_record(&delta.hist, exp(random_normal(random) * 4 + 12)), 0);
    }
    return delta;
}

static void apply_any(struct rp_store *store, struct test_random *random, uint64_t *samples)
{
    uint32_t worker = (uint32_t)random_below(random, WORKERS);
    int which = (int)random_below(random, SERIES);
    struct rp_value delta = any_delta((enum rp_metric_type)(which % RP_METRIC_TYPE_COUNT), random);

    assert_int_equal(rp_store_apply(store, worker, number_of(worker, which), &delta), 0);
    *samples += delta.samples;
    rp_value_deinit(&delta);
}

static void compare_sum(void *user, const struct rp_store_series *series,
                        const struct rp_value *total)
{
    struct seen *seen = user;

    assert_int_equal(total->type, series->type);
    if (total->samples)
        assert_true(rp_value_equal(&seen->sums[series->id], total));
    else
        assert_int_equal(seen->sums[series->id].samples, 0);
}

static void the_intervals_of_a_series_are_its_total(void **state)
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct test_random random = { seed };
        uint64_t samples = 0, told = 0;
        struct seen seen;

        seen_init(&seen);
        for (uint32_t worker = 0; worker < WORKERS; worker++)
            for (int which = 0; which < SERIES; which++)
                assert_int_equal(define(seen.store, worker, which), 0);
        for (int second = 1; second <= 30; second++) {
            for (uint64_t i = random_below(&random, 60); i; i--)
                apply_any(seen.store, &random, &samples);
            assert_int_equal(rp_store_tick(seen.store, second * RP_S), 0);
        }
        apply_any(seen.store, &random, &samples); /* after the last second has ended */
        assert_int_equal(rp_store_tick(seen.store, 30 * RP_S), 0);
        assert_int_equal(seen.intervals, 31);
        assert_true(seen.end == 30 * RP_S);
        assert_int_equal(rp_store_each_series(seen.store, NULL, compare_sum, &seen), 0);
        for (int i = 0; i < SERIES; i++)
            told += seen.sums[i].samples;
        assert_int_equal(told, samples);
        seen_deinit(&seen);
    }
}

static void a_series_has_its_name_and_is_the_same_for_all_workers(void **state)
{
    struct seen seen;
    const struct rp_store_series *series;

    seen_init(&seen);
    assert_int_equal(define(seen.store, 0, RP_TREND), 0);
    assert_int_equal(rp_store_keep_intervals(seen.store, take_interval, &seen), -EINVAL);
    assert_int_equal(define(seen.store, 1, RP_TREND), 0);
    assert_int_equal(define(seen.store, 1, RP_COUNTER), 0);
    series = rp_store_series(seen.store, 0, number_of(0, RP_TREND));
    assert_ptr_equal(rp_store_series(seen.store, 1, number_of(1, RP_TREND)), series);
    assert_int_equal(series->id, 0);
    assert_string_equal(series->metric, "trend");
    assert_int_equal(series->type, RP_TREND);
    assert_true(series->is_time);
    assert_int_equal(series->tag_count, 2);
    assert_string_equal(series->tags[0][0], "a"); /* sorted */
    assert_string_equal(series->tags[0][1], "b");
    assert_string_equal(series->tags[1][0], "name");
    assert_string_equal(series->tags[1][1], "home");
    assert_int_equal(rp_store_series(seen.store, 1, number_of(1, RP_COUNTER))->id, 1);
    assert_null(rp_store_series(seen.store, 1, 99));
    assert_null(rp_store_series(seen.store, 9, 0));
    assert_int_equal(rp_store_tick(seen.store, RP_S), 0); /* nothing was recorded */
    assert_int_equal(seen.intervals, 1);
    assert_int_equal(seen.changes, 0);
    seen_deinit(&seen);
}

static void set(struct rp_store *store, uint32_t worker, double value)
{
    struct rp_value delta = { .type = RP_GAUGE, .samples = 1, .gauge = { value, value, value } };

    assert_int_equal(rp_store_apply(store, worker, 0, &delta), 0);
}

/* Of one that is a sum of workers, an interval has a sample of what they were together. */
static void gauges_that_are_sums_are_told_as_such(void **state)
{
    const struct rp_value *sum;
    struct rp_view *view;
    struct seen seen;

    seen_init(&seen);
    sum = &seen.sums[0];
    assert_int_equal(rp_store_metric(seen.store, "vus", RP_GAUGE, false, &view, NULL), 0);
    assert_int_equal(rp_store_sum_gauge(seen.store, "vus"), 0);
    for (uint32_t worker = 0; worker < 2; worker++) {
        assert_int_equal(
            rp_store_define(seen.store, worker, 0, "vus", RP_GAUGE, false, NULL, 0, NULL), 0);
        set(seen.store, worker, 3 + worker);
    }
    assert_int_equal(rp_store_tick(seen.store, 1), 0);
    assert_int_equal(sum->samples, 1);
    assert_true(sum->gauge.last == 7);
    assert_int_equal(rp_store_tick(seen.store, 2), 0); /* nothing new */
    assert_int_equal(sum->samples, 1);
    rp_store_retire(seen.store, 1, NULL);
    set(seen.store, 0, 2);
    assert_int_equal(rp_store_tick(seen.store, 3), 0);
    assert_true(rp_value_equal(sum, &view->total));
    assert_true(sum->samples == 2 && sum->gauge.last == 2 && sum->gauge.max == 7);
    seen_deinit(&seen);
}

/* ---- memory ---- */

static struct rp_value trend_of(double value)
{
    struct rp_value delta;

    rp_value_init(&delta, RP_TREND);
    assert_int_equal(rp_hist_record(&delta.hist, value), 0);
    delta.samples = 1;
    return delta;
}

static uint64_t run_with_failure_at(uint64_t n)
{
    struct rp_value delta = trend_of(1e6), expected;
    struct seen seen;
    uint64_t used;
    int r;

    rp_value_init(&expected, RP_TREND);
    for (int i = 0; i < 3; i++)
        assert_int_equal(rp_value_add(&expected, &delta), 0);
    seen_init(&seen);
    used = rp_alloc_count();
    rp_alloc_fail_at(n);
    for (uint32_t worker = 0; worker < WORKERS; worker++) {
        while ((r = define(seen.store, worker, RP_TREND)) == -ENOMEM)
            ;
        assert_int_equal(r, 0);
        while ((r = rp_store_apply(seen.store, worker, number_of(worker, RP_TREND), &delta)) ==
               -ENOMEM)
            ;
        assert_int_equal(r, 0);
        while ((r = rp_store_tick(seen.store, (worker + 1) * RP_S)) == -ENOMEM)
            assert_int_equal(seen.intervals, worker); /* one that failed is not told */
        assert_int_equal(r, 0);
    }
    rp_alloc_fail_at(0);
    used = rp_alloc_count() - used;
    assert_int_equal(seen.intervals, WORKERS);
    assert_true(rp_value_equal(&seen.sums[0], &expected));
    rp_value_deinit(&expected);
    rp_value_deinit(&delta);
    seen_deinit(&seen);
    return used;
}

static void every_failed_allocation_can_be_tried_again(void **state)
{
    uint64_t used = run_with_failure_at(0);

    assert_true(used > 20);
    for (uint64_t n = 1; n <= used; n++)
        run_with_failure_at(n);
}

/* A series that got nothing in an interval holds no memory for the next one. */
static void what_is_silent_gives_its_memory_back(void **state)
{
    struct rp_value delta = trend_of(1e6);
    struct seen seen;
    uint64_t before;

    seen_init(&seen);
    assert_int_equal(define(seen.store, 0, RP_TREND), 0);
    for (int second = 1; second <= 4; second++) {
        before = rp_alloc_count();
        assert_int_equal(rp_store_apply(seen.store, 0, number_of(0, RP_TREND), &delta), 0);
        before = rp_alloc_count() - before;
        assert_int_equal(rp_store_tick(seen.store, second * RP_S), 0);
        if (second == 2 || second == 3)
            assert_int_equal(before, 0); /* it is kept while samples come */
        if (second == 3)
            assert_int_equal(rp_store_tick(seen.store, 3 * RP_S), 0);
    }
    assert_true(before > 0);
    rp_value_deinit(&delta);
    seen_deinit(&seen);
}

/* Without anybody who wants to know, a store allocates nothing for it. */
static void nobody_asked_nothing_is_kept(void **state)
{
    struct rp_value delta = trend_of(1e6);
    uint64_t used[2];

    for (int is_kept = 0; is_kept < 2; is_kept++) {
        struct rp_store *store;
        struct seen seen = { 0 };

        used[is_kept] = rp_alloc_count();
        assert_int_equal(rp_store_new(&store), 0);
        if (is_kept)
            assert_int_equal(rp_store_keep_intervals(store, take_interval, &seen), 0);
        assert_int_equal(define(store, 0, RP_TREND), 0);
        assert_int_equal(rp_store_apply(store, 0, number_of(0, RP_TREND), &delta), 0);
        used[is_kept] = rp_alloc_count() - used[is_kept];
        rp_store_free(store);
    }
    /* The list of changes, and of the series: its sum, the directory of its histogram and one page. */
    assert_int_equal(used[1] - used[0], 4);
    rp_value_deinit(&delta);
}

static void add_to(struct rp_store *store, double amount)
{
    struct rp_value delta = { .type = RP_COUNTER, .samples = 1 };

    assert_int_equal(rp_sum_add(&delta.counter, amount), 0);
    assert_int_equal(rp_store_apply(store, 0, 0, &delta), 0);
    rp_value_deinit(&delta);
}

/* What setup() and teardown() have counted is in no rate and in no point. */
static void what_is_set_aside_is_in_no_rate(void **state)
{
    struct rp_store *store;
    const struct rp_stat rate = { .kind = RP_STAT_RATE }, sum = { .kind = RP_STAT_COUNT };
    const struct rp_point *points;
    struct rp_view *view;
    size_t n;

    assert_int_equal(rp_store_new(&store), 0);
    assert_int_equal(rp_store_define(store, 0, 0, "reqs", RP_COUNTER, false, NULL, 0, NULL), 0);
    view = rp_store_view(store, "reqs");
    rp_store_set_aside(store, true);
    add_to(store, 1000);
    add_to(store, 0.25);
    rp_store_set_aside(store, false);
    assert_int_equal(rp_store_tick(store, 0), 0);
    add_to(store, 20);
    assert_int_equal(rp_store_tick(store, RP_S), 0);
    rp_store_set_aside(store, true);
    add_to(store, 3);
    assert_int_equal(rp_store_tick(store, RP_S), 0);
    assert_true(rp_view_stat(view, sum, 2) == 1023.25 && rp_view_stat(view, rate, 2) == 10);
    assert_true(rp_view_stat(view, rate, 0) == 0);
    points = rp_store_points(view, &n);
    assert_int_equal(n, 1);
    assert_true(points[0].counter == 20);
    rp_store_free(store);
}

/* 0.25 has no place in a double beside 2^60, but it is what the run has counted. */
static void what_is_counted_is_not_rounded_by_what_is_set_aside(void **state)
{
    const struct rp_stat rate = { .kind = RP_STAT_RATE };
    struct rp_store *store;

    assert_int_equal(rp_store_new(&store), 0);
    assert_int_equal(rp_store_define(store, 0, 0, "reqs", RP_COUNTER, false, NULL, 0, NULL), 0);
    rp_store_set_aside(store, true);
    add_to(store, 0x1p60);
    rp_store_set_aside(store, false);
    add_to(store, 0.25);
    assert_true(rp_view_counted(rp_store_view(store, "reqs")) == 0.25);
    assert_true(rp_view_stat(rp_store_view(store, "reqs"), rate, 1) == 0.25);
    rp_store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_set_aside_is_in_no_rate),
        cmocka_unit_test(what_is_counted_is_not_rounded_by_what_is_set_aside),
        cmocka_unit_test(the_intervals_of_a_series_are_its_total),
        cmocka_unit_test(a_series_has_its_name_and_is_the_same_for_all_workers),
        cmocka_unit_test(gauges_that_are_sums_are_told_as_such),
        cmocka_unit_test(every_failed_allocation_can_be_tried_again),
        cmocka_unit_test(what_is_silent_gives_its_memory_back),
        cmocka_unit_test(nobody_asked_nothing_is_kept),
    };

    return cmocka_run_group_tests_name("store_intervals", tests, NULL, NULL);
}

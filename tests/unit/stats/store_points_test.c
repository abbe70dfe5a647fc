/* SPDX-License-Identifier: MIT */
#include "stats_test.h"

#include "stats/store.h"

struct series {
    struct rp_store *store;
    struct rp_view *view;
    struct rp_value delta;
};

static struct series make_series(enum rp_metric_type type, bool is_time)
{
    struct series s = { 0 };

    assert_int_equal(rp_store_new(&s.store), 0);
    assert_int_equal(rp_store_metric(s.store, "m", type, is_time, &s.view, NULL), 0);
    assert_int_equal(rp_store_define(s.store, 0, 0, "m", type, is_time, NULL, 0, NULL), 0);
    rp_value_init(&s.delta, type);
    return s;
}

static void drop_series(struct series *s)
{
    rp_value_deinit(&s->delta);
    rp_store_free(s->store);
}

static void apply(struct series *s)
{
    assert_int_equal(rp_store_apply(s->store, 0, 0, &s->delta), 0);
    rp_value_reset(&s->delta);
}

static void count(struct series *s, double amount)
{
    rp_sum_reset(&s->delta.counter);
    assert_int_equal(rp_sum_add(&s->delta.counter, amount), 0);
    s->delta.samples = 1;
    apply(s);
}

static void gauge(struct series *s, double last, double min, double max)
{
    s->delta.gauge.last = last;
    s->delta.gauge.min = min;
    s->delta.gauge.max = max;
    s->delta.samples = 2;
    apply(s);
}

static void check_point(const struct rp_point *point, double start_s, double length_s,
                        uint64_t samples)
{
    assert_true(point->start == (rp_ns)(start_s * 1e9));
    assert_true(point->length == (rp_ns)(length_s * 1e9));
    assert_int_equal(point->samples, samples);
}

static void each_type_gives_its_numbers(void **state)
{
    struct series counter = make_series(RP_COUNTER, false), g = make_series(RP_GAUGE, false);
    struct series rate = make_series(RP_RATE, false), trend = make_series(RP_TREND, true);
    const struct rp_point *point;
    size_t n;

    count(&counter, 2);
    count(&counter, 3);
    gauge(&g, 5, 1, 9);
    gauge(&g, 4, 3, 12);
    rate.delta.rate.hits = 1;
    rate.delta.rate.total = rate.delta.samples = 4;
    apply(&rate);
    for (int i = 1; i <= 100; i++)
        assert_int_equal(rp_hist_record(&trend.delta.hist, i * 1e6), 0);
    trend.delta.samples = 100;
    apply(&trend);
    for (int i = 0; i < 4; i++)
        assert_int_equal(
            rp_store_tick((struct series *[]){ &counter, &g, &rate, &trend }[i]->store, RP_S), 0);
    point = rp_store_points(counter.view, &n);
    assert_int_equal(n, 1);
    check_point(point, 0, 1, 2);
    assert_true(point->counter == 5);
    assert_int_equal(counter.view->second.samples, 0);
    assert_true(counter.view->second.counter.whole == 0 && counter.view->total.counter.whole == 5);
    point = rp_store_points(g.view, &n);
    check_point(point, 0, 1, 4);
    assert_true(point->gauge.last == 4 && point->gauge.min == 1 && point->gauge.max == 12);
    point = rp_store_points(rate.view, &n);
    check_point(point, 0, 1, 4);
    assert_true(point->rate.hits == 1 && point->rate.total == 4);
    point = rp_store_points(trend.view, &n);
    check_point(point, 0, 1, 100);
    assert_true(point->trend.avg == 50.5 && point->trend.min == 1 && point->trend.max == 100);
    assert_true(fabs(point->trend.p95 - 95.05) < 0.09505);
    drop_series(&counter);
    drop_series(&g);
    drop_series(&rate);
    drop_series(&trend);
}

/* Whole numbers, exactly, in the metric's unit. */
static void trends_of_numbers_keep_whole_ones(void **state)
{
    struct series trend = make_series(RP_TREND, false);
    const struct rp_point *point;
    size_t n;

    for (int i = -20; i <= 80; i++)
        assert_int_equal(rp_hist_record(&trend.delta.hist, rp_trend_stored(false, i)), 0);
    trend.delta.samples = 101;
    apply(&trend);
    assert_int_equal(rp_store_tick(trend.store, RP_S), 0);
    point = rp_store_points(trend.view, &n);
    check_point(point, 0, 1, 101);
    assert_true(point->trend.avg == 30 && point->trend.p95 == 75);
    assert_true(point->trend.min == -20 && point->trend.max == 80);
    drop_series(&trend);
}

static void silence_leaves_no_point_and_time_does_not_go_back(void **state)
{
    struct series s = make_series(RP_COUNTER, false);
    const struct rp_point *points;
    size_t n;

    assert_int_equal(rp_store_tick(s.store, 0), 0);
    assert_int_equal(rp_store_tick(s.store, RP_S), 0);
    points = rp_store_points(s.view, &n);
    assert_int_equal(n, 0);
    count(&s, 1);
    assert_int_equal(rp_store_tick(s.store, RP_S - 1), -EINVAL);
    assert_int_equal(s.view->second.samples, 1);
    assert_int_equal(rp_store_tick(s.store, 2 * RP_S), 0);
    assert_int_equal(rp_store_tick(s.store, 3 * RP_S), 0);
    count(&s, 2);
    assert_int_equal(rp_store_tick(s.store, 4 * RP_S + RP_S / 2), 0);
    count(&s, 4); /* what comes at the last moment belongs to the interval before */
    assert_int_equal(rp_store_tick(s.store, 4 * RP_S + RP_S / 2), 0);
    points = rp_store_points(s.view, &n);
    assert_int_equal(n, 2);
    check_point(&points[0], 1, 1, 1);
    check_point(&points[1], 3, 1.5, 2);
    assert_true(points[0].counter == 1 && points[1].counter == 6);
    drop_series(&s);
}

/* What setup() records: there is no point without a length. */
static void what_comes_before_the_start_is_in_the_first_point(void **state)
{
    struct series s = make_series(RP_COUNTER, false);
    const struct rp_point *points;
    size_t n;

    count(&s, 1);
    assert_int_equal(rp_store_tick(s.store, 0), 0);
    points = rp_store_points(s.view, &n);
    assert_int_equal(n, 0);
    assert_int_equal(s.view->second.samples, 1);
    count(&s, 2);
    assert_int_equal(rp_store_tick(s.store, RP_S), 0);
    points = rp_store_points(s.view, &n);
    assert_int_equal(n, 1);
    check_point(&points[0], 0, 1, 2);
    assert_true(points[0].counter == 3);
    drop_series(&s);
}

/* Against sums kept by second: whatever was merged, each point must be the sum of the seconds that it covers, and no
 * second may be lost or counted twice. */
static void check_coverage(struct series *s, const double *by_second, size_t seconds)
{
    size_t n, at = 0;
    const struct rp_point *points = rp_store_points(s->view, &n);

    assert_true(n <= RP_STORE_POINTS);
    for (size_t i = 0; i < n; i++) {
        double sum = 0;

        assert_true(points[i].start >= (rp_ns)at * RP_S && points[i].length > 0);
        while ((rp_ns)at * RP_S < points[i].start)
            assert_true(by_second[at++] == 0);
        while ((rp_ns)at * RP_S < points[i].start + points[i].length)
            sum += by_second[at++];
        assert_true(sum == points[i].counter);
    }
    while (at < seconds)
        assert_true(by_second[at++] == 0);
}

/* From the newest on: enough points of one second, then enough of each coarser length; older ones are never finer. */
static void check_levels(const struct series *s, size_t seconds)
{
    size_t n, of_length = 0, most = seconds / 2 + 1;
    const struct rp_point *points = rp_store_points(s->view, &n);
    rp_ns length = RP_S;

    for (size_t i = n; i-- > 0; of_length++) {
        if (points[i].length == length)
            continue;
        assert_true(of_length >= (length == RP_S ? RP_STORE_FINE_POINTS : RP_STORE_COARSE_POINTS));
        assert_true(points[i].length == 2 * length);
        length *= 2;
        of_length = 0;
        most /= 2;
        assert_true(most > 0);
    }
}

/* A day of seconds: the bound, the levels, and every sum to the last bit; then a few more with gaps. */
static void older_points_get_coarser(void **state)
{
    static const unsigned gaps[] = { 1, 2, 3, 7,
                                     1000 }; /* samples in every n-th second, and at random */
    enum { DAY = 86400, DAY_POINTS = 3576 };
    double *by_second = calloc(DAY, sizeof(*by_second));

    for (size_t g = 0; g < RP_ARRAY_LEN(gaps); g++) {
        struct series s = make_series(RP_COUNTER, false);
        struct test_random random = { g };
        size_t n;

        for (size_t i = 0; i < DAY; i++) {
            by_second[i] = 0;
            if (gaps[g] == 1000 ? random_below(&random, 5) < 2 : i % gaps[g] == 0)
                count(&s, by_second[i] = (double)random_below(&random, 1000) + 1);
            assert_int_equal(rp_store_tick(s.store, (rp_ns)(i + 1) * RP_S), 0);
            rp_store_points(s.view, &n);
            assert_true(n <= DAY_POINTS);
            if (i % 3571 == 0 || (i > 660 && i < 730))
                check_coverage(&s, by_second, i + 1);
            if (gaps[g] == 1 && i % 61 == 0)
                check_levels(&s, i + 1);
        }
        check_coverage(&s, by_second, DAY);
        assert_true(n > 2000 || gaps[g] > 2);
        drop_series(&s);
    }
    free(by_second);
}

/* Most intervals are silent: batches move up without becoming fewer. */
static void rare_samples_lose_nothing(void **state)
{
    struct series s = make_series(RP_COUNTER, false);
    struct test_random random = { 1 };
    struct rp_store *store = s.store;
    double sum = 0, seen = 0;
    const struct rp_point *points;
    rp_ns at = 0;
    size_t n = 0;

    for (int i = 0; i < 30000; i++) {
        for (uint64_t skip = random_below(&random, 4) ? 0 : random_below(&random, 40); skip; skip--)
            assert_int_equal(rp_store_tick(store, ++at), 0);
        count(&s, i);
        sum += i;
        assert_int_equal(rp_store_tick(store, ++at), 0);
    }
    points = rp_store_points(s.view, &n);
    assert_true(n <= RP_STORE_POINTS);
    for (size_t i = 0; i < n; i++) {
        seen += points[i].counter;
        assert_true(i == 0 || points[i].start >= points[i - 1].start + points[i - 1].length);
    }
    assert_true(seen == sum);
    drop_series(&s);
}

static void merged_points_keep_what_can_be_kept(void **state)
{
    enum { SECONDS = RP_STORE_FINE_POINTS + 100 };
    struct series g = make_series(RP_GAUGE, false), trend = make_series(RP_TREND, true);
    const struct rp_point *points;
    double p95[2];
    size_t n;

    for (int i = 0; i < SECONDS; i++) {
        int samples = i % 2 ? 300 : 100;

        gauge(&g, i, i - 1, i + 1);
        assert_int_equal(rp_store_tick(g.store, (i + 1) * RP_S), 0);
        for (int j = 0; j < samples; j++)
            assert_int_equal(rp_hist_record(&trend.delta.hist, (i % 2 ? 2e6 : 4e6) + j * 1000), 0);
        trend.delta.samples = (uint64_t)samples;
        apply(&trend);
        assert_int_equal(rp_store_tick(trend.store, (i + 1) * RP_S), 0);
        if (i < 2)
            p95[i] = rp_store_points(trend.view, &n)[i].trend.p95;
    }
    points = rp_store_points(g.view, &n);
    assert_true(n < SECONDS && n >= RP_STORE_FINE_POINTS);
    check_point(&points[1], 2, 2, 4);
    assert_true(points[1].gauge.last == 3 && points[1].gauge.min == 1 && points[1].gauge.max == 4);
    check_point(&points[n - 1], SECONDS - 1, 1, 2);
    points = rp_store_points(trend.view, &n);
    check_point(&points[1], 2, 2, 400);
    /* (100 * 4.0495 + 300 * 2.1495) / 400 ms: from exact sums */
    assert_true(points[1].trend.avg == 2.6245);
    assert_true(points[1].trend.min == 2 && points[1].trend.max == 4.099);
    assert_true(points[1].trend.p95 == fmax(p95[0], p95[1]) && p95[0] != p95[1]);
    drop_series(&g);
    drop_series(&trend);
}

/* Of any mixture of values, the mean of a merged point is that of all its samples, and its p95 that of its worst second. */
static void merged_trends_tell_no_lies(void **state)
{
    enum { SECONDS = 3000 };
    struct series trend = make_series(RP_TREND, true);
    struct rp_hist *seconds = calloc(SECONDS, sizeof(*seconds));
    struct test_random random = { 3 };
    const struct rp_point *points;
    size_t n, at = 0;

    for (int i = 0; i < SECONDS; i++) {
        uint64_t samples = 1 + random_below(&random, 40);

        for (uint64_t j = 0; j < samples; j++) {
            double value = (double)random_below(&random,
                                                random_below(&random, 20) ? 5000000 : 90000000);

            assert_int_equal(rp_hist_record(&seconds[i], value), 0);
            assert_int_equal(rp_hist_record(&trend.delta.hist, value), 0);
        }
        trend.delta.samples = samples;
        apply(&trend);
        assert_int_equal(rp_store_tick(trend.store, (i + 1) * RP_S), 0);
    }
    points = rp_store_points(trend.view, &n);
    for (size_t i = 0; i < n; i++) {
        struct rp_hist all = { 0 };
        double worst = 0;

        for (; (rp_ns)at * RP_S < points[i].start + points[i].length; at++) {
            assert_int_equal(rp_hist_add(&all, &seconds[at]), 0);
            worst = fmax(worst, rp_hist_percentile(&seconds[at], 95, 1) / 1e6);
        }
        assert_int_equal(points[i].samples, all.count);
        assert_true(points[i].trend.avg == rp_hist_mean(&all) / 1e6);
        assert_true(points[i].trend.min == all.min / 1e6 && points[i].trend.max == all.max / 1e6);
        assert_true(points[i].trend.p95 == worst);
        rp_hist_deinit(&all);
    }
    assert_int_equal(at, SECONDS);
    for (int i = 0; i < SECONDS; i++)
        rp_hist_deinit(&seconds[i]);
    free(seconds);
    drop_series(&trend);
}

static void a_failed_tick_changes_nothing(void **state)
{
    struct series s = make_series(RP_COUNTER, false);
    size_t n;

    for (uint64_t fail = 1; fail <= 2; fail++) {
        count(&s, 1);
        rp_alloc_fail_at(fail);
        assert_int_equal(rp_store_tick(s.store, RP_S), -ENOMEM);
        rp_alloc_fail_at(0);
        rp_store_points(s.view, &n);
        assert_int_equal(n, 0);
    }
    assert_int_equal(rp_store_tick(s.store, 2 * RP_S), 0);
    check_point(rp_store_points(s.view, &n), 0, 2, 2);
    drop_series(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_type_gives_its_numbers),
        cmocka_unit_test(trends_of_numbers_keep_whole_ones),
        cmocka_unit_test(silence_leaves_no_point_and_time_does_not_go_back),
        cmocka_unit_test(what_comes_before_the_start_is_in_the_first_point),
        cmocka_unit_test(older_points_get_coarser),
        cmocka_unit_test(rare_samples_lose_nothing),
        cmocka_unit_test(merged_points_keep_what_can_be_kept),
        cmocka_unit_test(merged_trends_tell_no_lies),
        cmocka_unit_test(a_failed_tick_changes_nothing),
    };

    return cmocka_run_group_tests_name("store_points", tests, NULL, NULL);
}

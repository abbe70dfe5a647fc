/* SPDX-License-Identifier: MIT */
#include "stats_test.h"

#include "stats/value.h"

static struct rp_slice slice(const char *text)
{
    return rp_slice_str(text);
}

static void statistics_are_parsed_and_written_canonically(void **state)
{
    static const struct {
        const char *text, *canonical; /* NULL: refused */
    } table[] = {
        { "count", "count" },
        { "rate", "rate" },
        { "value", "value" },
        { "min", "min" },
        { "max", "max" },
        { "avg", "avg" },
        { "med", "med" },
        { "p(95)", "p(95)" },
        { "p(99.90)", "p(99.9)" },
        { "p(99.99)", "p(99.99)" },
        { "p(0)", "p(0)" },
        { "p(-0)", "p(0)" },
        { "p(100)", "p(100)" },
        { "p(1e1)", "p(10)" },
        { "p(0.1)", "p(0.1)" },
        { "p(50)", "p(50)" },
        { "p(1e-20)", "p(9.9999999999999995e-21)" },
        { "p(33.333333333333336)", "p(33.333333333333336)" },
        { "", NULL },
        { "p()", NULL },
        { "p(", NULL },
        { "p", NULL },
        { "p(95", NULL },
        { "p95", NULL },
        { "p(100.1)", NULL },
        { "p(-1)", NULL },
        { "p(nan)", NULL },
        { "p( 95)", NULL },
        { "p(95) ", NULL },
        { "P(95)", NULL },
        { "mean", NULL },
        { "counts", NULL },
        { "Count", NULL },
    };
    char out[32];

    for (size_t i = 0; i < RP_ARRAY_LEN(table); i++) {
        struct rp_stat stat = { .kind = RP_STAT_P, .p = -1 };

        if (!table[i].canonical) {
            assert_false(rp_stat_parse(slice(table[i].text), &stat));
            assert_true(stat.p == -1);
            continue;
        }
        assert_true(rp_stat_parse(slice(table[i].text), &stat));
        rp_stat_format(stat, out, sizeof(out));
        assert_string_equal(out, table[i].canonical);
    }
}

static void each_type_has_its_statistics_and_no_others(void **state)
{
    static const char *const of_type[RP_METRIC_TYPE_COUNT] = {
        [RP_COUNTER] = " count rate ",
        [RP_GAUGE] = " value min max ",
        [RP_RATE] = " rate ",
        [RP_TREND] = " avg min med max p(99.9) count ",
    };
    static const char *const all[] = { "count", "rate", "value", "min",
                                       "max",   "avg",  "med",   "p(99.9)" };

    for (int type = 0; type < RP_METRIC_TYPE_COUNT; type++) {
        for (size_t i = 0; i < RP_ARRAY_LEN(all); i++) {
            char spaced[16];
            struct rp_stat stat;
            struct rp_value empty;

            snprintf(spaced, sizeof(spaced), " %s ", all[i]);
            assert_true(rp_stat_parse(slice(all[i]), &stat));
            assert_int_equal(rp_stat_fits(stat, type), strstr(of_type[type], spaced) != NULL);
            rp_value_init(&empty, type);
            if (!rp_stat_fits(stat, type))
                assert_true(isnan(rp_value_stat(&empty, false, stat, 1)));
        }
    }
    assert_string_equal(rp_metric_type_name(RP_COUNTER), "counter");
    assert_string_equal(rp_metric_type_name(RP_GAUGE), "gauge");
    assert_string_equal(rp_metric_type_name(RP_RATE), "rate");
    assert_string_equal(rp_metric_type_name(RP_TREND), "trend");
}

static void check_stat_of(const struct rp_value *value, bool is_time, const char *text,
                          double elapsed_s, double expected, double tolerance)
{
    struct rp_stat stat;
    double got;

    assert_true(rp_stat_parse(slice(text), &stat));
    got = rp_value_stat(value, is_time, stat, elapsed_s);
    if (isnan(expected) ? !isnan(got) : !(fabs(got - expected) <= tolerance * fabs(expected)))
        fail_msg("%s is %.17g, not %.17g", text, got, expected);
}

static void check_stat(const struct rp_value *value, const char *text, double elapsed_s,
                       double expected)
{
    check_stat_of(value, true, text, elapsed_s, expected, 1e-12);
}

static void statistics_are_in_the_units_of_the_border(void **state)
{
    struct rp_value counter, gauge, rate, trend;

    rp_value_init(&counter, RP_COUNTER);
    rp_value_init(&gauge, RP_GAUGE);
    rp_value_init(&rate, RP_RATE);
    rp_value_init(&trend, RP_TREND);
    check_stat(&counter, "count", 1, 0);
    check_stat(&counter, "rate", 1, 0);
    check_stat(&gauge, "value", 1, NAN);
    check_stat(&rate, "rate", 1, NAN);
    check_stat(&trend, "count", 1, 0);
    check_stat(&trend, "avg", 1, NAN);
    check_stat(&trend, "min", 1, NAN);
    check_stat(&trend, "p(95)", 1, NAN);
    counter.counter.whole = 30;
    counter.samples = 3;
    gauge.gauge.last = 2;
    gauge.gauge.min = -1;
    gauge.gauge.max = 5;
    gauge.samples = 3;
    rate.rate.hits = 1;
    rate.rate.total = rate.samples = 4;
    for (int i = 1; i <= 5; i++)
        assert_int_equal(rp_hist_record(&trend.hist, i * 1e6), 0);
    trend.samples = 5;
    check_stat(&counter, "count", 4, 30);
    check_stat(&counter, "rate", 4, 7.5);
    check_stat(&counter, "rate", 0, 0);
    check_stat(&gauge, "value", 1, 2);
    check_stat(&gauge, "min", 1, -1);
    check_stat(&gauge, "max", 1, 5);
    check_stat(&rate, "rate", 1, 0.25);
    check_stat(&trend, "count", 1, 5);
    check_stat(&trend, "avg", 1, 3);
    check_stat(&trend, "min", 1, 1);
    check_stat(&trend, "max", 1, 5);
    check_stat(&trend, "p(0)", 1, 1);
    check_stat(&trend, "p(100)", 1, 5);
    check_stat_of(&trend, true, "med", 1, 3, 0.001);
    check_stat_of(&trend, true, "p(87.5)", 1, 4.5, 0.001);
    rp_value_deinit(&trend);
    assert_int_equal(trend.samples, 0);
}

static struct rp_value numbers(const double *shown, size_t count)
{
    struct rp_value value;

    rp_value_init(&value, RP_TREND);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(rp_hist_record(&value.hist, rp_trend_stored(false, shown[i])), 0);
    value.samples = count;
    return value;
}

/* Nothing is lost on the way from the border to the border. */
static void whole_numbers_come_back_exactly(void **state)
{
    static const struct {
        double first;
        int count;
        double min, med, p90, max, avg;
    } table[] = {
        { 1, 7, 1, 4, 6.4, 7, 4 },
        { 0, 5, 0, 2, 3.6, 4, 2 },
        { -3, 7, -3, 0, 2.4, 3, 0 },
        { -9, 7, -9, -6, -3.6, -3, -6 },
        { 1, 2, 1, 1.5, 1.9, 2, 1.5 },
        { 0, 2048, 0, 1023.5, 1842.3, 2047, 1023.5 },
        { 2041, 7, 2041, 2044, 2046.4, 2047, 2044 },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(table); i++) {
        double shown[2048];
        struct rp_value value;

        for (int j = 0; j < table[i].count; j++)
            shown[j] = table[i].first + j;
        value = numbers(shown, (size_t)table[i].count);
        check_stat_of(&value, false, "min", 1, table[i].min, 0);
        check_stat_of(&value, false, "med", 1, table[i].med, 0);
        check_stat_of(&value, false, "p(90)", 1, table[i].p90, 1e-14);
        check_stat_of(&value, false, "max", 1, table[i].max, 0);
        check_stat_of(&value, false, "avg", 1, table[i].avg, 0);
        rp_value_deinit(&value);
    }
}

static void small_fractions_keep_their_average(void **state)
{
    static const double scales[] = { 1e-6, 1e-3, 1, 1e6, 1e12, 1e18 };
    struct test_random random = { 21 };
    double shown[1000];

    for (size_t i = 0; i < RP_ARRAY_LEN(scales); i++) {
        long double sum = 0, least = INFINITY;
        struct rp_value value;

        for (int j = 0; j < 1000; j++) {
            shown[j] = scales[i] * (1 + 3 * random_unit(&random));
            sum += shown[j];
            least = shown[j] < least ? shown[j] : least;
        }
        value = numbers(shown, 1000);
        check_stat_of(&value, false, "avg", 1, (double)(sum / 1000), 1e-15);
        check_stat_of(&value, false, "min", 1, (double)least, 0);
        rp_value_deinit(&value);
        shown[1] = nextafter(shown[0], 0); /* so that the average is not clamped to one value */
        value = numbers(shown, 2);
        check_stat_of(&value, false, "avg", 1, shown[0], 1e-6);
        assert_true(rp_hist_sum(&value.hist) / 0x1p20 == shown[0] + shown[1]);
        rp_value_deinit(&value);
    }
}

static void metric_names_are_checked(void **state)
{
    static const char *const good[] = { "g",   "a.b", "a-b", "a b", "\xc3\xa9",
                                        "1a",  "a/b", "A:b", "a,b", "\xe6\x97\xa5\xe6\x9c\xac",
                                        "=1+2" };
    static const char *const bad[] = { "",     "a\"b",  "a'b",       "a{b",   "a}b",
                                       "a\nb", "\033[", "a\xc2\x85", "a\xff", "a\x7f" };
    char name[257];

    for (size_t i = 0; i < RP_ARRAY_LEN(good); i++)
        assert_true(rp_metric_name_is_valid(rp_slice_str(good[i])));
    for (size_t i = 0; i < RP_ARRAY_LEN(bad); i++)
        assert_false(rp_metric_name_is_valid(rp_slice_str(bad[i])));
    memset(name, 'x', sizeof(name));
    assert_true(rp_metric_name_is_valid(rp_slice(name, 255)));
    assert_false(rp_metric_name_is_valid(rp_slice(name, 256)));
    assert_false(rp_metric_name_is_valid(RP_SLICE("a\0b")));
}

static void two_hundred_wide_characters_are_a_name(void **state)
{
    char name[3 * 256 + 1] = "";

    for (int i = 0; i < 255; i++)
        memcpy(name + 3 * i, "\xe6\x97\xa5", 4);
    assert_true(rp_metric_name_is_valid(rp_slice_str(name)));
    memcpy(name + 3 * 255, "\xe6\x97\xa5", 4);
    assert_false(rp_metric_name_is_valid(rp_slice_str(name)));
}

static void values_merge_and_compare(void **state)
{
    struct rp_value a, b;

    rp_value_init(&a, RP_GAUGE);
    rp_value_init(&b, RP_GAUGE);
    b.gauge.last = b.gauge.min = b.gauge.max = 7;
    b.samples = 1;
    assert_false(rp_value_equal(&a, &b));
    assert_int_equal(rp_value_add(&a, &b), 0);
    assert_true(rp_value_equal(&a, &b));
    b.gauge.last = 3;
    b.gauge.min = 2;
    b.gauge.max = 6;
    assert_int_equal(rp_value_add(&a, &b), 0);
    assert_true(a.gauge.last == 3 && a.gauge.min == 2 && a.gauge.max == 7 && a.samples == 2);
    rp_value_reset(&b);
    assert_int_equal(rp_value_add(&a, &b),
                     0); /* an empty one changes nothing, the last value neither */
    assert_true(a.gauge.last == 3 && a.samples == 2);
    rp_value_init(&b, RP_RATE);
    assert_int_equal(rp_value_add(&a, &b), -EINVAL);
    assert_int_equal(rp_value_reserve(&a, &b), -EINVAL);
    assert_false(rp_value_equal(&a, &b));
    rp_value_init(&a, RP_RATE);
    b.rate.hits = 2;
    b.rate.total = b.samples = 3;
    assert_int_equal(rp_value_add(&a, &b), 0);
    assert_int_equal(rp_value_add(&a, &b), 0);
    assert_true(a.rate.hits == 4 && a.rate.total == 6 && a.samples == 6);
    b = a;
    b.rate.hits--;
    assert_false(rp_value_equal(&a, &b));
    rp_value_init(&a, RP_COUNTER);
    rp_value_init(&b, RP_COUNTER);
    assert_int_equal(rp_sum_add(&b.counter, 0.1), 0);
    b.samples = 1;
    for (int i = 0; i < 3; i++)
        assert_int_equal(rp_value_add(&a, &b), 0);
    assert_true(rp_sum_read(&a.counter) == 0.30000000000000004); /* three times the double 0.1 */
    rp_sum_reset(&b.counter);
    assert_int_equal(rp_sum_add(&b.counter, 0.30000000000000004), 0);
    b.samples = 3;
    assert_false(rp_value_equal(&a, &b)); /* they read alike, but are not */
    rp_value_deinit(&a);
    rp_value_deinit(&b);
}

static void a_trend_that_cannot_grow_is_untouched(void **state)
{
    struct rp_value a, b;

    rp_value_init(&a, RP_TREND);
    rp_value_init(&b, RP_TREND);
    assert_int_equal(rp_hist_record(&b.hist, 5), 0);
    b.samples = 1;
    for (uint64_t n = 1; n <= 2; n++) {
        rp_alloc_fail_at(n);
        assert_int_equal(rp_value_add(&a, &b), -ENOMEM);
        assert_true(a.samples == 0 && a.hist.count == 0);
    }
    rp_alloc_fail_at(0);
    assert_int_equal(rp_value_add(&a, &b), 0);
    assert_true(rp_value_equal(&a, &b));
    rp_value_reset(&a);
    assert_true(a.type == RP_TREND && a.samples == 0 && a.hist.count == 0);
    rp_value_deinit(&a);
    rp_value_deinit(&b);
    rp_value_deinit(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statistics_are_parsed_and_written_canonically),
        cmocka_unit_test(each_type_has_its_statistics_and_no_others),
        cmocka_unit_test(statistics_are_in_the_units_of_the_border),
        cmocka_unit_test(whole_numbers_come_back_exactly),
        cmocka_unit_test(small_fractions_keep_their_average),
        cmocka_unit_test(metric_names_are_checked),
        cmocka_unit_test(two_hundred_wide_characters_are_a_name),
        cmocka_unit_test(values_merge_and_compare),
        cmocka_unit_test(a_trend_that_cannot_grow_is_untouched),
    };

    return cmocka_run_group_tests_name("value", tests, NULL, NULL);
}

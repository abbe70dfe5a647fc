/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/alloc.h"
#include "plan/filter.h"
#include "plan/metrics.h"
#include "plan/threshold.h"

static int parse(const char *metric, const char *expression, struct rp_threshold *ret,
                 struct rp_error *err)
{
    return rp_threshold_parse(rp_slice_str(metric), rp_slice_str(expression), ret, err);
}

static void expressions_are_read(void **state)
{
    static const struct {
        const char *text;
        enum rp_stat_kind kind;
        double p;
        enum rp_compare compare;
        double bound;
    } table[] = {
        { "p(95)<500", RP_STAT_P, 95, RP_LT, 500 },
        { "  p( 99.9 )  <=  1e3 ", RP_STAT_P, 99.9, RP_LE, 1000 },
        { "p(0)>0", RP_STAT_P, 0, RP_GT, 0 },
        { "p(100)>=-1", RP_STAT_P, 100, RP_GE, -1 },
        { "avg==.5", RP_STAT_AVG, 0, RP_EQ, 0.5 },
        { "med===2", RP_STAT_MED, 0, RP_EQ, 2 },
        { "max!=-1.5e-3", RP_STAT_MAX, 0, RP_NE, -0.0015 },
        { "min>+4", RP_STAT_MIN, 0, RP_GT, 4 },
        { "rate<0.01", RP_STAT_RATE, 0, RP_LT, 0.01 },
        { "count>=100", RP_STAT_COUNT, 0, RP_GE, 100 },
        { "value<10", RP_STAT_VALUE, 0, RP_LT, 10 },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(table); i++) {
        struct rp_threshold t;

        assert_int_equal(parse("http_req_duration", table[i].text, &t, NULL), 0);
        assert_int_equal(t.stat.kind, table[i].kind);
        assert_true(t.stat.p == table[i].p);
        assert_int_equal(t.compare, table[i].compare);
        assert_true(t.bound == table[i].bound);
        assert_string_equal(t.display, "http_req_duration");
        assert_int_equal(t.filter.count, 0);
        rp_threshold_deinit(&t);
        assert_null(t.source);
    }
}

static void wrong_expressions_name_column_and_choice(void **state)
{
    static const struct {
        const char *text, *message, *hint;
    } table[] = {
        { "", "column 1: expected aggregation, operator and number, such as 'p(95)<500'", NULL },
        { "p95<500",
          "column 1: expected an aggregation (avg, min, max, med, p(N), count, rate, value), not "
          "'p95'",
          "did you mean 'p(95)'?" },
        { "p(101)<500",
          "column 1: expected an aggregation (avg, min, max, med, p(N), count, rate, value), not "
          "'p(101)'",
          "a percentile is p(N) with N from 0 to 100, such as p(99.9)" },
        { " mid<500",
          "column 2: expected an aggregation (avg, min, max, med, p(N), count, rate, value), not "
          "'mid'",
          "did you mean 'min'?" },
        { "p(95)500", "column 6: expected an operator (< <= > >= == !=) after the aggregation",
          NULL },
        { "p(95)", "column 6: expected an operator (< <= > >= == !=) after the aggregation", NULL },
        { "p(95)=500", "column 6: expected an operator (< <= > >= == !=) after the aggregation",
          NULL },
        { "p(95)<", "column 7: expected a number such as 500, 0.01 or 1e3, not ''", NULL },
        { "p(95)<500ms", "column 7: expected a number such as 500, 0.01 or 1e3, not '500ms'",
          "write the number without a unit: times are in milliseconds, rates from 0 to 1" },
        { "p(95)<<500", "column 7: expected a number such as 500, 0.01 or 1e3, not '<500'", NULL },
        { "rate<1%", "column 6: expected a number such as 500, 0.01 or 1e3, not '1%'",
          "write the number without a unit: times are in milliseconds, rates from 0 to 1" },
        { "rate<inf", "column 6: expected a number such as 500, 0.01 or 1e3, not 'inf'", NULL },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(table); i++) {
        struct rp_error err = { 0 };
        struct rp_threshold t;
        char message[300];

        snprintf(message, sizeof(message), "threshold '%s' on 'http_reqs', %s", table[i].text,
                 table[i].message);
        assert_int_equal(parse("http_reqs", table[i].text, &t, &err), -RP_EUSER);
        assert_string_equal(err.message, message);
        if (table[i].hint)
            assert_string_equal(err.hint, table[i].hint);
        else
            assert_null(err.hint);
        assert_null(t.metric);
        rp_error_deinit(&err);
    }
}

static void filters_are_read_and_shown_in_one_way(void **state)
{
    static const struct {
        const char *text, *display, *first_key, *first_value;
        size_t count;
    } table[] = {
        { "http_reqs{status:200}", "http_reqs{status:200}", "status", "200", 1 },
        { " http_reqs { status : 200 } ", "http_reqs{status:200}", "status", "200", 1 },
        { "http_reqs{b:2,a:1}", "http_reqs{a:1,b:2}", "a", "1", 2 },
        { "http_reqs{url:http://h:80/x y}", "http_reqs{url:http://h:80/x y}", "url",
          "http://h:80/x y", 1 },
        { "http_reqs{group:::main::sub}", "http_reqs{group:::main::sub}", "group", "::main::sub",
          1 },
        { "http_reqs{k:\"v 2\"}", "http_reqs{k:v 2}", "k", "v 2", 1 },
        { "http_reqs{k:\"a,b}\\\"c\\\\\"}", "http_reqs{k:\"a,b}\\\"c\\\\\"}", "k", "a,b}\"c\\", 1 },
        { "http_reqs{k:'a\"b'}", "http_reqs{k:\"a\\\"b\"}", "k", "a\"b", 1 },
        { "http_reqs{k:\"\"}", "http_reqs{k:\"\"}", "k", "", 1 },
        { "http_reqs{k:\" v \"}", "http_reqs{k:\" v \"}", "k", " v ", 1 },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(table); i++) {
        struct rp_threshold t, again;

        assert_int_equal(parse(table[i].text, "count>1", &t, NULL), 0);
        assert_string_equal(t.metric, "http_reqs");
        assert_string_equal(t.display, table[i].display);
        assert_int_equal(t.filter.count, table[i].count);
        assert_string_equal(t.filter.pairs[0].key, table[i].first_key);
        assert_string_equal(t.filter.pairs[0].value, table[i].first_value);
        assert_int_equal(parse(t.display, t.source, &again, NULL), 0);
        assert_string_equal(again.display, t.display);
        rp_threshold_deinit(&t);
        rp_threshold_deinit(&again);
    }
}

static void wrong_filters_name_the_column(void **state)
{
    static const char *const table[][2] = {
        { "", "column 1: expected a metric's name" },
        { "a}b", "column 1: expected a metric's name of " RP_NAME_RULE },
        { "it's", "column 1: expected a metric's name of " RP_NAME_RULE },
        { "http_reqs{", "column 11: expected a tag's name" },
        { "http_reqs{}", "column 11: expected a tag's name" },
        { "http_reqs{status}", "column 17: expected ':' between the tag's name and its value" },
        { "http_reqs{status:", "column 18: expected the tag's value (\"\" for an empty one)" },
        { "http_reqs{status:}", "column 18: expected the tag's value (\"\" for an empty one)" },
        { "http_reqs{status:200", "column 21: expected ',' or '}'" },
        { "http_reqs{status:200,}", "column 22: expected a tag's name" },
        { "http_reqs{status:\"200}", "column 18: expected a closing quote for the one here" },
        { "http_reqs{status:\"200\\", "column 18: expected a closing quote for the one here" },
        { "http_reqs{status:\"200\"x}", "column 23: expected ',' or '}'" },
        { "http_reqs{a:1,a:2}", "column 15: expected each tag once" },
        { "http_reqs{a:1} x", "column 16: expected nothing after '}'" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(table); i++) {
        struct rp_error err = { 0 };
        struct rp_threshold t;
        char message[200];

        snprintf(message, sizeof(message), "threshold on '%s', %s", table[i][0], table[i][1]);
        assert_int_equal(parse(table[i][0], "count>1", &t, &err), -RP_EUSER);
        assert_string_equal(err.message, message);
        assert_non_null(err.hint);
        assert_null(t.filter.pairs);
        rp_error_deinit(&err);
    }
}

static void any_filter_survives_its_display(void **state)
{
    static const char alphabet[] = "ab:,{}\"'\\ \t/?=x";
    uint64_t seed = 7;

    for (int round = 0; round < 20000; round++) {
        struct rp_buf text;
        char values[3][8];
        static const char *const keys[] = { "a", "b", "c" };
        struct rp_filter filter = { 0 }, back;
        char *metric;

        filter.count = 1 + round % 3;
        filter.pairs = rp_calloc(3, sizeof(*filter.pairs));
        for (size_t i = 0; i < filter.count; i++) {
            size_t len;

            seed = seed * 6364136223846793005u + 1442695040888963407u;
            len = (seed >> 60) % 8;
            for (size_t k = 0; k < len; k++) {
                seed = seed * 6364136223846793005u + 1442695040888963407u;
                values[i][k] = alphabet[(seed >> 33) % (sizeof(alphabet) - 1)];
            }
            values[i][len] = '\0';
            filter.pairs[i].key = (char *)keys[i];
            filter.pairs[i].value = values[i];
        }
        rp_buf_init(&text, 4096);
        rp_filter_display("metric", &filter, &text);
        assert_int_equal(rp_filter_parse(rp_buf_slice(&text), &metric, &back, NULL), 0);
        assert_int_equal(back.count, filter.count);
        for (size_t i = 0; i < back.count; i++) {
            assert_string_equal(back.pairs[i].key, filter.pairs[i].key);
            assert_string_equal(back.pairs[i].value, filter.pairs[i].value);
        }
        rp_free(metric);
        rp_filter_deinit(&back);
        rp_free(filter.pairs);
        rp_buf_deinit(&text);
    }
}

static void aggregations_must_fit_the_type(void **state)
{
    static const struct {
        enum rp_metric_type type;
        const char *good, *bad, *choices;
    } table[] = {
        { RP_COUNTER, "rate>1", "p(95)<5", "a counter has: count, rate" },
        { RP_GAUGE, "value>1", "rate<5", "a gauge has: min, max, value" },
        { RP_RATE, "rate>0.9", "count<5", "a rate has: rate" },
        { RP_TREND, "p(95)<1", "rate<5", "a trend has: avg, min, max, med, p(N), count" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(table); i++) {
        struct rp_error err = { 0 };
        struct rp_threshold t;

        assert_int_equal(parse("cart_size", table[i].good, &t, NULL), 0);
        assert_int_equal(rp_threshold_check_type(&t, table[i].type, NULL), 0);
        rp_threshold_deinit(&t);
        assert_int_equal(parse("cart_size{a:b}", table[i].bad, &t, NULL), 0);
        assert_int_equal(rp_threshold_check_type(&t, table[i].type, &err), -RP_EUSER);
        assert_string_equal(err.hint, table[i].choices);
        assert_non_null(strstr(err.message, "'cart_size{a:b}'"));
        rp_threshold_deinit(&t);
        rp_error_deinit(&err);
    }
}

static struct rp_verdict judge(const char *expression, const struct rp_view *view, bool has_type,
                               enum rp_metric_type type)
{
    struct rp_verdict verdict;
    struct rp_threshold t;

    assert_int_equal(parse("cart_size", expression, &t, NULL), 0);
    t.has_type = has_type;
    t.type = type;
    verdict = rp_threshold_judge(&t, view, 2.0);
    rp_threshold_deinit(&t);
    return verdict;
}

static void every_operator_is_judged(void **state)
{
    /* a counter of 10 */
    static const struct {
        const char *expression;
        bool passed;
    } table[] = {
        { "count<10", false },   { "count<10.5", true }, { "count<=10", true },
        { "count<=9", false },   { "count>10", false },  { "count>9", true },
        { "count>=10", true },   { "count>=11", false }, { "count==10", true },
        { "count===11", false }, { "count!=10", false }, { "count!=11", true },
        { "rate==5", true },     { "rate<5", false },
    };
    struct rp_view view = { .name = "cart_size", .display = "cart_size", .type = RP_COUNTER };

    rp_value_init(&view.total, RP_COUNTER);
    view.total.counter.whole = view.counted.whole = 10;
    view.total.samples = 3;
    for (size_t i = 0; i < RP_ARRAY_LEN(table); i++) {
        struct rp_verdict verdict = judge(table[i].expression, &view, true, RP_COUNTER);

        if (verdict.passed != table[i].passed)
            fail_msg("%s: %s", table[i].expression, verdict.passed ? "passed" : "failed");
        assert_false(verdict.no_samples);
    }
    assert_true(judge("count<1", &view, true, RP_COUNTER).actual == 10);
}

static void trends_are_judged_in_milliseconds(void **state)
{
    struct rp_view view = { .name = "http_req_duration", .type = RP_TREND, .is_time = true };

    rp_value_init(&view.total, RP_TREND);
    for (int i = 1; i <= 100; i++)
        assert_int_equal(rp_hist_record(&view.total.hist, rp_trend_stored(true, i)), 0);
    view.total.samples = 100;
    assert_true(judge("max<=100", &view, true, RP_TREND).passed);
    assert_true(judge("min==1", &view, true, RP_TREND).passed);
    assert_true(judge("avg==50.5", &view, true, RP_TREND).passed);
    assert_true(judge("p(95)<95.2", &view, true, RP_TREND).passed);
    assert_false(judge("p(95)<94.9", &view, true, RP_TREND).passed);
    rp_value_deinit(&view.total);
}

static void trends_of_numbers_are_judged_exactly(void **state)
{
    struct rp_view view = { .name = "cart_size", .type = RP_TREND };

    rp_value_init(&view.total, RP_TREND);
    for (int i = 1; i <= 7; i++)
        assert_int_equal(rp_hist_record(&view.total.hist, rp_trend_stored(false, i)), 0);
    view.total.samples = 7;
    assert_true(judge("med<=4", &view, true, RP_TREND).passed);
    assert_true(judge("med==4", &view, true, RP_TREND).passed);
    assert_true(judge("p(50)>=4", &view, true, RP_TREND).passed);
    assert_true(judge("avg==4", &view, true, RP_TREND).passed);
    assert_true(judge("min==1", &view, true, RP_TREND).passed);
    assert_false(judge("max<7", &view, true, RP_TREND).passed);
    rp_value_deinit(&view.total);
}

/* A verdict never rests on nothing. */
static void nothing_fails_unless_it_is_a_count(void **state)
{
    static const struct {
        const char *expression;
        bool has_type;
        enum rp_metric_type type;
        bool passed, no_samples;
    } table[] = {
        { "count==0", true, RP_COUNTER, true, false },
        { "count>0", true, RP_COUNTER, false, false },
        { "rate<1", true, RP_COUNTER, true, false },
        { "rate>=1", true, RP_COUNTER, false, false },
        { "rate<1", true, RP_RATE, false, true },
        { "rate>=0", true, RP_RATE, false, true },
        { "rate<1", false, RP_COUNTER, false, true },
        { "p(95)<500", true, RP_TREND, false, true },
        { "p(95)!=500", true, RP_TREND, false, true },
        { "count<1", true, RP_TREND, true, false },
        { "value<1", true, RP_GAUGE, false, true },
    };
    static const struct rp_filter filter = { .count = 0 };
    struct rp_view undefined = { .name = "cart_size", .filter = &filter }; /* of no type yet */

    for (size_t i = 0; i < RP_ARRAY_LEN(table); i++)
        for (int with_view = 0; with_view < 2; with_view++) {
            struct rp_verdict verdict = judge(table[i].expression, with_view ? &undefined : NULL,
                                              table[i].has_type, table[i].type);

            if (verdict.passed != table[i].passed || verdict.no_samples != table[i].no_samples)
                fail_msg("%s of nothing: passed %d, no samples %d", table[i].expression,
                         verdict.passed, verdict.no_samples);
            assert_true(isnan(verdict.actual) == table[i].no_samples);
        }
}

static void a_statistic_that_the_metric_lacks_never_passes(void **state)
{
    struct rp_view view = { .name = "cart_size", .type = RP_RATE };
    struct rp_verdict verdict;

    rp_value_init(&view.total, RP_RATE);
    view.total.rate.total = view.total.samples = 4;
    verdict = judge("p(95)!=3", &view, false, RP_COUNTER);
    assert_false(verdict.passed);
    assert_false(verdict.no_samples);
    assert_true(isnan(verdict.actual));
    assert_true(judge("rate<0.5", &view, false, RP_COUNTER).passed);
}

static void every_failing_allocation_is_reported(void **state)
{
    int n = 1;

    for (; n < 100; n++) {
        struct rp_threshold t;
        int r;

        rp_alloc_fail_at((uint64_t)n);
        r = parse("http_reqs{b:2,a:\"1\"}", "count>1", &t, NULL);
        rp_alloc_fail_at(0);
        if (r == 0) {
            rp_threshold_deinit(&t);
            break;
        }
        assert_int_equal(r, -ENOMEM);
        assert_null(t.metric);
        assert_null(t.filter.pairs);
    }
    assert_in_range(n, 6, 99);
}

static void builtin_metrics_are_complete_and_found(void **state)
{
    for (size_t i = 0; i < RP_BUILTIN_COUNT; i++) {
        const struct rp_builtin_metric *metric = &rp_builtin_metrics[i];

        assert_non_null(metric->name);
        assert_non_null(metric->section);
        assert_non_null(metric->help);
        assert_true(rp_metric_name_is_valid(rp_slice_str(metric->name)));
        assert_ptr_equal(rp_builtin_metric_find(metric->name), metric);
        assert_true(!metric->is_time || metric->type == RP_TREND);
    }
    assert_null(rp_builtin_metric_find("http_req"));
    assert_true(rp_builtin_metric_find("data_sent")->is_bytes);
    assert_int_equal(rp_builtin_metric_find("vus")->type, RP_GAUGE);
    assert_int_equal(rp_builtin_metric_find("checks")->type, RP_RATE);
    assert_int_equal(rp_builtin_metric_find("loop_lag")->type, RP_TREND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expressions_are_read),
        cmocka_unit_test(wrong_expressions_name_column_and_choice),
        cmocka_unit_test(filters_are_read_and_shown_in_one_way),
        cmocka_unit_test(wrong_filters_name_the_column),
        cmocka_unit_test(any_filter_survives_its_display),
        cmocka_unit_test(aggregations_must_fit_the_type),
        cmocka_unit_test(every_operator_is_judged),
        cmocka_unit_test(trends_are_judged_in_milliseconds),
        cmocka_unit_test(trends_of_numbers_are_judged_exactly),
        cmocka_unit_test(nothing_fails_unless_it_is_a_count),
        cmocka_unit_test(a_statistic_that_the_metric_lacks_never_passes),
        cmocka_unit_test(every_failing_allocation_is_reported),
        cmocka_unit_test(builtin_metrics_are_complete_and_found),
    };

    return cmocka_run_group_tests_name("plan/threshold", tests, NULL, NULL);
}

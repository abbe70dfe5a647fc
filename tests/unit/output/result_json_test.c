/* SPDX-License-Identifier: MIT */
#include "../run/fixture.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "output/result_file.h"

enum { OUT_MAX = 64 << 20 };
static json_t *write_and_parse(const struct rp_result *result)
{
    struct rp_buf out;
    json_error_t err;
    json_t *root;

    rp_buf_init(&out, OUT_MAX);
    assert_int_equal(rp_result_write_json(result, &out), 0);
    assert_true(out.len > 2 && rp_buf_str(&out)[out.len - 1] == '\n');
    root = json_loadb(rp_buf_str(&out), out.len, JSON_REJECT_DUPLICATES, &err);
    if (!root)
        fail_msg("line %d: %s", err.line, err.text);
    rp_buf_deinit(&out);
    return root;
}

/* The value at a path of keys; a number as a key is an index. Fails the test when there is none. */
static const json_t *at(const json_t *value, const char *const *path)
{
    for (; *path; path++) {
        const json_t *next = json_is_array(value) ? json_array_get(value, strtoul(*path, NULL, 10))
                                                  : json_object_get(value, *path);

        if (!next)
            fail_msg("no member '%s'", *path);
        value = next;
    }
    return value;
}
#define AT(root, ...) at(root, (const char *const[]){ __VA_ARGS__, NULL })

static void assert_number(const json_t *value, double expected)
{
    if (isnan(expected)) {
        assert_true(json_is_null(value));
        return;
    }
    assert_true(json_is_number(value));
    if (fabs(json_number_value(value) - expected) > fabs(expected) * 1e-14)
        fail_msg("%.17g is not %.17g", json_number_value(value), expected);
}

static void assert_text(const json_t *value, const char *expected)
{
    if (!expected) {
        assert_true(json_is_null(value));
        return;
    }
    assert_true(json_is_string(value));
    assert_string_equal(json_string_value(value), expected);
}

static const char *const trend_stats[] = { "avg",   "min",   "med",     "max",  "p(90)",
                                           "p(95)", "p(99)", "p(99.9)", "count" };

/* Every statistic of every view against rp_view_stat. */
static void check_metric(const json_t *metric, const struct rp_view *view, double elapsed_s)
{
    static const char *const counter[] = { "count", "rate" };
    static const char *const gauge[] = { "value", "min", "max" };
    static const char *const rate[] = { "rate" };
    static const struct {
        const char *const *names;
        size_t count;
    } stats[] = { [RP_COUNTER] = { counter, 2 },
                  [RP_GAUGE] = { gauge, 3 },
                  [RP_RATE] = { rate, 1 },
                  [RP_TREND] = { trend_stats, RP_ARRAY_LEN(trend_stats) } };

    for (size_t i = 0; i < stats[view->type].count; i++) {
        const char *name = stats[view->type].names[i];
        struct rp_stat stat;

        assert_true(rp_stat_parse(rp_slice_str(name), &stat));
        assert_number(AT(metric, name), rp_view_stat(view, stat, elapsed_s));
    }
    if (view->type == RP_RATE) {
        assert_number(AT(metric, "passes"), (double)view->total.rate.hits);
        assert_number(AT(metric, "fails"),
                      (double)(view->total.rate.total - view->total.rate.hits));
    }
}

static void test_metrics(void **state)
{
    struct fixture fixture;
    const json_t *metrics, *types;
    size_t checked = 0;
    json_t *root;

    fixture_failed(&fixture);
    root = write_and_parse(&fixture.result);
    metrics = AT(root, "summary", "metrics");
    types = AT(root, "summary", "types");
    for (size_t i = 0; i < rp_store_view_count(fixture.result.store); i++) {
        const struct rp_view *view = rp_store_view_at(fixture.result.store, i);

        if (!view->total.samples)
            continue;
        check_metric(AT(metrics, view->display), view, (double)fixture.result.elapsed / 1e9);
        assert_text(AT(types, view->display, "type"), rp_metric_type_name(view->type));
        checked++;
    }
    assert_true(checked > 20);
    assert_text(AT(types, "http_req_duration", "unit"), "ms");
    assert_text(AT(types, "data_sent", "unit"), "bytes");
    assert_text(AT(types, "checks", "unit"), "ratio");
    assert_text(AT(types, "cart_size", "unit"), NULL);
    assert_number(AT(metrics, "cart_size", "avg"), 4); /* known by construction: 1..7 */
    assert_number(AT(metrics, "cart_size", "min"), 1);
    assert_number(AT(metrics, "cart_size", "max"), 7);
    assert_number(AT(metrics, "http_reqs", "count"), 12772);
    /* a sub-metric that nothing matched is there, with nulls */
    assert_number(AT(metrics, "http_req_duration{name:POST /refunds}", "p(95)"), NAN);
    assert_number(AT(metrics, "http_req_duration{name:POST /refunds}", "count"), 0);
    json_decref(root);
    fixture_deinit(&fixture);
}

static void test_members(void **state)
{
    struct fixture fixture;
    json_t *root;

    fixture_failed(&fixture);
    root = write_and_parse(&fixture.result);
    assert_number(AT(root, "schema"), RP_RESULT_SCHEMA);
    assert_text(AT(root, "version"), RP_VERSION);
    assert_text(AT(root, "run", "id"), "5f0c7e52-8f1d-4c3a-9f0a-2d6f2b1c0a11");
    assert_text(AT(root, "run", "started"), "2026-03-01T12:00:00.123Z");
    assert_number(AT(root, "run", "elapsed_s"), 60.25);
    assert_number(AT(root, "run", "paused_s"), 1.75);
    assert_int_equal(json_array_size(AT(root, "run", "pauses")), 2);
    assert_number(json_object_get(json_array_get(AT(root, "run", "pauses"), 0), "start_s"), 20);
    assert_number(json_object_get(json_array_get(AT(root, "run", "pauses"), 1), "length_s"), 0.25);
    assert_number(AT(root, "run", "setup_s"), 0.0123);
    assert_number(AT(root, "run", "teardown_s"), 0.003);
    assert_text(AT(root, "run", "status"), "threshold_failed");
    assert_number(AT(root, "run", "exit_code"), 1);
    assert_text(AT(root, "run", "reason"), NULL);
    assert_text(AT(root, "config", "script"), "tests/load/checkout.py");

    assert_int_equal(json_array_size(AT(root, "checks")), 4);
    assert_text(AT(root, "checks", "0", "name"), "status is 200");
    assert_text(AT(root, "checks", "0", "group"), "");
    assert_number(AT(root, "checks", "0", "passes"), 12400); /* two scenarios */
    assert_number(AT(root, "checks", "0", "fails"), 25);

    assert_int_equal(json_array_size(AT(root, "errors", "requests")), 3);
    assert_text(AT(root, "errors", "requests", "0", "error"), "connection refused");
    assert_text(AT(root, "errors", "requests", "0", "error_code"), "1212");
    assert_number(AT(root, "errors", "requests", "0", "count"), 245);
    assert_text(AT(root, "errors", "requests", "0", "example", "method"), "POST");
    assert_text(AT(root, "errors", "requests", "1", "status"), "503");
    assert_text(AT(root, "errors", "requests", "1", "error"), NULL);
    assert_int_equal(json_array_size(AT(root, "errors", "iterations")), 3);
    assert_true(json_is_true(AT(root, "errors", "iterations", "0", "is_request")));
    assert_text(AT(root, "errors", "iterations", "1", "message"),
                "price is negative: -3\nsecond line");
    assert_text(AT(root, "errors", "iterations", "2", "traceback"), NULL);

    assert_number(AT(root, "accounting", "1", "dropped"), 190);
    assert_true(json_is_true(AT(root, "accounting", "1", "holds")));
    assert_number(AT(root, "warnings", "1", "count"), 3120);
    assert_number(AT(root, "workers", "1", "max_rss_bytes"), 41 << 20);
    assert_text(AT(root, "workers", "0", "runtime"), "CPython 3.11.2");
    assert_true(json_number_value(AT(root, "machine", "cores")) >= 1);
    assert_true(json_number_value(AT(root, "machine", "memory_bytes")) > 1e6);
    assert_text(AT(root, "generator", "verdict"), "limited");
    assert_true(
        json_equal(AT(root, "generator", "reason"), AT(root, "generator", "reasons", "0", "text")));
    assert_text(AT(root, "generator", "reasons", "0", "verdict"), "limited");
    assert_text(AT(root, "generator", "reasons", "0", "cause"), "cpu");
    assert_number(AT(root, "generator", "reasons", "0", "worker"), 2);
    assert_number(AT(root, "generator", "reasons", "0", "workers"), 1);
    assert_text(AT(root, "generator", "reasons", "1", "verdict"), "suspect");
    assert_text(AT(root, "generator", "reasons", "1", "cause"), "late_iterations");
    json_decref(root);
    fixture_deinit(&fixture);
}

static void test_thresholds(void **state)
{
    struct fixture fixture;
    const json_t *array;
    json_t *root;

    fixture_failed(&fixture);
    root = write_and_parse(&fixture.result);
    array = AT(root, "thresholds");
    assert_int_equal(json_array_size(array), fixture.result.plan->threshold_count);
    for (size_t i = 0; i < fixture.result.plan->threshold_count; i++) {
        const struct rp_threshold *threshold = &fixture.result.plan->thresholds[i];
        const struct rp_verdict *verdict = &fixture.result.verdicts[i];
        const json_t *item = json_array_get(array, i);

        assert_text(AT(item, "metric"), threshold->display);
        assert_text(AT(item, "expression"), threshold->source);
        assert_int_equal(json_is_true(AT(item, "passed")), verdict->passed);
        assert_int_equal(json_is_true(AT(item, "no_samples")), verdict->no_samples);
        assert_int_equal(json_is_true(AT(item, "abort_on_fail")), threshold->abort_on_fail);
        assert_number(AT(item, "actual"), verdict->actual);
    }
    json_decref(root);
    fixture_deinit(&fixture);
}

/* `config` is the plan: read again it is the same plan. */
static void test_config(void **state)
{
    struct fixture fixture;
    struct rp_plan *plan;
    struct rp_buf a, b;
    char *text;
    json_t *root;

    fixture_failed(&fixture);
    root = write_and_parse(&fixture.result);
    text = json_dumps(AT(root, "config"), JSON_REAL_PRECISION(15));
    assert_non_null(text);
    assert_int_equal(rp_plan_read_json(text, &plan, NULL), 0);
    rp_buf_init(&a, OUT_MAX);
    rp_buf_init(&b, OUT_MAX);
    assert_int_equal(rp_plan_write_json(plan, &a), 0);
    assert_int_equal(rp_plan_write_json(fixture.result.plan, &b), 0);
    assert_string_equal(rp_buf_str(&a), rp_buf_str(&b));
    rp_buf_deinit(&a);
    rp_buf_deinit(&b);
    rp_plan_free(plan);
    free(text);
    json_decref(root);
    fixture_deinit(&fixture);
}

static void test_series(void **state)
{
    struct fixture fixture;
    const json_t *points;
    json_t *root;

    fixture_passed(&fixture);
    assert_int_equal(rp_store_tick(fixture.result.store, RP_S), 0);
    fixture_counter(&fixture, "http_reqs", 17, "name=second");
    fixture_trend(&fixture, "http_req_duration", true, 5, 0, 4, "name=second");
    assert_int_equal(rp_store_tick(fixture.result.store, 2 * RP_S), 0);
    root = write_and_parse(&fixture.result);
    points = AT(root, "series", "http_reqs", "points");
    assert_int_equal(json_array_size(points), 2);
    assert_text(AT(root, "series", "http_reqs", "columns", "0"), "start_s");
    assert_text(AT(root, "series", "http_reqs", "columns", "3"), "sum");
    assert_number(AT(points, "0", "0"), 0);
    assert_number(AT(points, "0", "3"), 12000);
    assert_number(AT(points, "1", "0"), 1);
    assert_number(AT(points, "1", "1"), 1);
    assert_number(AT(points, "1", "3"), 17);
    points = AT(root, "series", "http_req_duration", "points");
    assert_text(AT(root, "series", "http_req_duration", "columns", "6"), "p(95)");
    assert_number(AT(points, "1", "2"), 4);
    for (int i = 3; i <= 6; i++) /* all four samples are 5 ms */
        assert_true(fabs(json_number_value(json_array_get(json_array_get(points, 1), (size_t)i)) -
                         5) <= 0.005);
    assert_text(AT(root, "series", "vus", "columns", "3"), "last");
    assert_text(AT(root, "series", "checks", "columns", "4"), "total");
    json_decref(root);
    fixture_deinit(&fixture);
}

static size_t decode_base64(const char *text, unsigned char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = 0;
    size_t len = 0;
    int held = 0;

    for (; *text && *text != '='; text++) {
        bits = bits << 6 | (uint32_t)(strchr(digits, *text) - digits);
        held += 6;
        if (held >= 8) {
            held -= 8;
            out[len++] = (unsigned char)(bits >> held);
        }
    }
    return len;
}

static void test_histograms(void **state)
{
    struct fixture fixture;
    size_t checked = 0;
    json_t *root;

    fixture_failed(&fixture);
    root = write_and_parse(&fixture.result);
    for (size_t i = 0; i < rp_store_view_count(fixture.result.store); i++) {
        const struct rp_view *view = rp_store_view_at(fixture.result.store, i);
        const char *text;
        unsigned char *raw;
        struct rp_buf expected;

        if (view->type != RP_TREND || !view->total.samples)
            continue;
        text = json_string_value(AT(root, "histograms", view->display, "data"));
        assert_non_null(text);
        assert_int_equal(strlen(text) % 4, 0);
        raw = malloc(strlen(text) + 1);
        assert_non_null(raw);
        rp_buf_init(&expected, OUT_MAX);
        assert_int_equal(rp_hist_encode_hdr(&view->total.hist, &expected), 0);
        assert_int_equal(decode_base64(text, raw), expected.len);
        assert_memory_equal(raw, rp_buf_str(&expected), expected.len);
        assert_text(AT(root, "histograms", view->display, "encoding"),
                    view->is_time ? "HdrHistogram V2, base64, ns"
                                  : "HdrHistogram V2, base64, 2^-20");
        rp_buf_deinit(&expected);
        free(raw);
        checked++;
    }
    assert_true(checked >= 8);
    json_decref(root);
    fixture_deinit(&fixture);
}

static void test_key_order(void **state)
{
    static const char *const expected[] = { "schema",    "version",    "run",      "config",
                                            "summary",   "thresholds", "checks",   "errors",
                                            "exchanges", "accounting", "warnings", "workers",
                                            "machine",   "generator",  "series",   "histograms",
                                            "intervals" };
    static const char *const metrics[] = { "iterations", "iteration_errors", "iteration_duration" };
    struct fixture fixture;
    json_t *root, *value;
    const char *key;
    size_t i = 0, found = 0;

    fixture_passed(&fixture);
    root = write_and_parse(&fixture.result);
    json_object_foreach(root, key, value)
    {
        assert_true(i < RP_ARRAY_LEN(expected));
        assert_string_equal(key, expected[i++]);
    }
    assert_int_equal(i, RP_ARRAY_LEN(expected));
    /* metrics stand in the order of the built-in table, not of their arrival (http_reqs came first) */
    json_object_foreach((json_t *)(uintptr_t)AT(root, "summary", "metrics"), key, value)
    {
        if (found < RP_ARRAY_LEN(metrics))
            assert_string_equal(key, metrics[found++]);
    }
    assert_int_equal(found, RP_ARRAY_LEN(metrics));
    json_decref(root);
    fixture_deinit(&fixture);
}

/* Nothing known yet, empty, hostile: still a document. */
static void test_unusual_results(void **state)
{
    struct rp_result zeroed = { 0 };
    struct fixture fixture;
    json_t *root = write_and_parse(&zeroed);

    assert_true(json_is_null(AT(root, "config")));
    assert_true(json_is_null(AT(root, "run", "started")) && json_is_null(AT(root, "run", "id")));
    assert_int_equal(json_object_size(AT(root, "summary", "metrics")), 0);
    json_decref(root);

    fixture_empty(&fixture);
    root = write_and_parse(&fixture.result);
    assert_true(json_is_null(AT(root, "thresholds", "0", "actual")));
    assert_true(json_is_true(AT(root, "thresholds", "0", "no_samples")));
    json_decref(root);
    fixture_deinit(&fixture);

    fixture_setup(&fixture); /* thresholds that nobody judged */
    root = write_and_parse(&fixture.result);
    assert_true(json_is_null(AT(root, "thresholds", "0", "passed")));
    assert_text(AT(root, "run", "status"), "setup_failed");
    json_decref(root);
    fixture_deinit(&fixture);

    fixture_hostile(&fixture);
    root = write_and_parse(&fixture.result);
    assert_text(AT(root, "checks", "3", "name"), "\x1b[2J\x1b[31mred\a");
    assert_text(AT(root, "checks", "1", "name"),
                "\xef\xbf\xbd\xef\xbf\xbd is no UTF-8 \xef\xbf\xbd");
    json_decref(root);
    fixture_deinit(&fixture);
}

/* A thousand times the load gives a file of about the same size. */
static void test_size_is_bounded(void **state)
{
    size_t len[2];

    for (int i = 0; i < 2; i++) {
        struct fixture fixture;
        struct rp_buf out;

        fixture_passed(&fixture);
        for (int round = 0; round < (i ? 100 : 1); round++)
            fixture_trend(&fixture, "http_req_duration", true, 0.8, 0.025, 1000, "status=200");
        rp_buf_init(&out, OUT_MAX);
        assert_int_equal(rp_result_write_json(&fixture.result, &out), 0);
        len[i] = out.len;
        rp_buf_deinit(&out);
        fixture_deinit(&fixture);
    }
    assert_true(len[1] < len[0] + len[0] / 2);
}

/* jansson allocates through the same hook, so each of its failures is tried as well. */
static void test_out_of_memory(void **state)
{
    struct fixture fixture;
    struct rp_buf whole, out;
    uint64_t n, step = 1;

    fixture_passed(&fixture);
    assert_int_equal(rp_store_tick(fixture.result.store, RP_S), 0);
    json_set_alloc_funcs(rp_alloc, rp_free);
    rp_buf_init(&whole, OUT_MAX);
    assert_int_equal(rp_result_write_json(&fixture.result, &whole), 0);
    for (n = 1;; n += step) {
        int r;

        rp_buf_init(&out, OUT_MAX);
        rp_alloc_fail_at(n);
        r = rp_result_write_json(&fixture.result, &out);
        rp_alloc_fail_at(0);
        if (r == 0)
            break;
        assert_int_equal(r, -ENOMEM);
        rp_buf_deinit(&out);
        step = n > 2000 ? 43 : n > 500 ? 7 : 1; /* the many numbers are alike */
    }
    json_set_alloc_funcs(malloc, free);
    print_message("%llu allocations\n", (unsigned long long)n);
    assert_string_equal(rp_buf_str(&out), rp_buf_str(&whole));
    rp_buf_deinit(&out);
    rp_buf_deinit(&whole);
    fixture_deinit(&fixture);
}

/* With a path as argument it writes a full result there: the check of the schema reads it. */
static int write_example(const char *path)
{
    struct rp_result_file *file;
    struct rp_error err = { 0 };
    struct fixture fixture;
    struct rp_buf out;
    int r;

    fixture_failed(&fixture);
    for (int i = 1; i <= 3; i++) {
        if (rp_store_tick(fixture.result.store, i * RP_S) < 0)
            return 1;
        fixture_counter(&fixture, "http_reqs", i, "name=later");
    }
    rp_buf_init(&out, OUT_MAX);
    r = rp_result_write_json(&fixture.result, &out);
    if (r == 0)
        r = rp_result_file_open(path, &file, &err);
    if (r == 0) {
        r = rp_result_file_commit(file, rp_buf_slice(&out), &err);
        rp_result_file_free(file);
    }
    rp_error_deinit(&err);
    rp_buf_deinit(&out);
    fixture_deinit(&fixture);
    return r < 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metrics),         cmocka_unit_test(test_members),
        cmocka_unit_test(test_thresholds),      cmocka_unit_test(test_config),
        cmocka_unit_test(test_series),          cmocka_unit_test(test_histograms),
        cmocka_unit_test(test_key_order),       cmocka_unit_test(test_unusual_results),
        cmocka_unit_test(test_size_is_bounded), cmocka_unit_test(test_out_of_memory),
    };

    if (argc == 2)
        return write_example(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

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
#include <unistd.h>

#include "base/alloc.h"
#include "base/random.h"
#include "compare/compare.h"
#include "testing.h"

/* ---- results of ours, made by a recipe ------------------------------------------------------- */

struct recipe {
    double scale; /* of durations */
    int failed;   /* requests, of 100 in each second */
    uint64_t seed;
    const char *extra; /* further metrics: ", \"name\": {..}" */
    const char *thresholds;
    enum { NO_COURSE, IN_INTERVALS, IN_ONE_HISTOGRAM } named; /* the requests of the one name */
};

enum { SECONDS = 20 };
#define NAME "\x1b[2J|<b>@x"
#define NAME_JSON "\\u001b[2J|<b>@x"

static void put_buckets(struct rp_buf *out, uint64_t random[4], double scale)
{
    unsigned counts[16] = { 0 };
    const char *comma = "";

    for (int i = 0; i < 100; i++) {
        unsigned bucket = 0;

        for (int n = 0; n < 15; n++)
            bucket += (unsigned)(rp_random_next(random) >> 63);
        counts[bucket]++;
    }
    for (unsigned i = 0; i < 16; i++) {
        if (!counts[i])
            continue;
        rp_buf_appendf(out, "%s[%.6f, %.6f, %u]", comma, scale * (10 + i), scale * (11 + i),
                       counts[i]);
        comma = ", ";
    }
}

static void put_intervals(struct rp_buf *out, const struct recipe *recipe)
{
    uint64_t random[4];

    rp_random_seed(random, recipe->seed);
    for (int i = 0; i < SECONDS; i++) {
        rp_buf_appendf(out, "%s{\"start_s\": %d, \"length_s\": 1, \"buckets\": [", i ? ", " : "",
                       i);
        put_buckets(out, random, recipe->scale);
        rp_buf_append_str(out, "]}");
    }
}

static void put_request(struct rp_buf *out, const struct recipe *recipe)
{
    uint64_t random[4] = { recipe->seed, 2, 3, 4 };

    rp_buf_appendf(out,
                   "\"requests\": [{\"name\": \"" NAME_JSON "\", \"count\": 2000, "
                   "\"failed\": %d, \"buckets\": [",
                   20 * recipe->failed);
    if (recipe->named == IN_ONE_HISTOGRAM)
        put_buckets(out, random, recipe->scale);
    rp_buf_appendf(out, "], \"duration\": {\"count\": 2000, \"med\": %.6f}}]},",
                   18 * recipe->scale);
}

static void put_result(struct rp_buf *out, const struct recipe *recipe)
{
    double scale = recipe->scale, failed = recipe->failed / 100.0;

    rp_buf_appendf(out, "{\"schema\": 2, \"run\": {\"elapsed_s\": %d, \"paused_s\": 0},", SECONDS);
    rp_buf_appendf(out,
                   "\"summary\": {\"metrics\": {\"http_req_duration\": {\"count\": 2000, "
                   "\"med\": %.6f, \"p(95)\": %.6f, \"p(99)\": %.6f},",
                   18 * scale, 21 * scale, 22 * scale);
    rp_buf_appendf(out, "\"http_req_waiting\": {\"count\": 2000, \"med\": %.6f},", 3 * scale);
    rp_buf_appendf(out, "\"http_req_failed\": {\"rate\": %.6f, \"passes\": %d, \"fails\": %d}%s},",
                   failed, 20 * recipe->failed, 2000 - 20 * recipe->failed,
                   recipe->extra ? recipe->extra : "");
    rp_buf_append_str(out, "\"types\": {\"http_req_duration\": {\"type\": \"trend\", \"unit\": "
                           "\"ms\"}, \"http_req_waiting\": {\"type\": \"trend\", \"unit\": "
                           "\"ms\"}, \"http_req_failed\": {\"type\": \"rate\", \"unit\": "
                           "\"ratio\"}, \"size\": {\"type\": \"counter\", \"unit\": null}},");
    put_request(out, recipe);
    rp_buf_appendf(out, "\"thresholds\": [%s], \"checks\": [],",
                   recipe->thresholds ? recipe->thresholds : "");
    rp_buf_append_str(out, "\"series\": {\"http_req_failed\": {\"columns\": [\"start_s\", "
                           "\"length_s\", \"samples\", \"passes\", \"total\"], \"points\": [");
    for (int i = 0; i < SECONDS; i++)
        rp_buf_appendf(out, "%s[%d, 1, 100, %d, 100]", i ? ", " : "", i, recipe->failed);
    rp_buf_append_str(out, "]}, \"size\": {\"columns\": [\"start_s\", \"length_s\", \"samples\", "
                           "\"sum\"], \"points\": [");
    for (int i = 0; i < SECONDS; i++)
        rp_buf_appendf(out, "%s[%d, 1, 100, %.3f]", i ? ", " : "", i, 50 * scale);
    rp_buf_append_str(out, "]}}, \"intervals\": {\"metric\": \"http_req_duration\", \"all\": [");
    put_intervals(out, recipe);
    if (recipe->named != IN_INTERVALS) {
        rp_buf_append_str(out, "], \"requests\": null}");
    } else {
        rp_buf_append_str(out, "], \"requests\": [{\"name\": \"" NAME_JSON "\", \"intervals\": [");
        put_intervals(out, recipe);
        rp_buf_append_str(out, "]}]}");
    }
    rp_buf_append_str(out, ", \"histograms\": {\"http_req_duration\": {\"buckets\": [");
    put_buckets(out, (uint64_t[4]){ recipe->seed, 2, 3, 4 }, scale);
    rp_buf_append_str(out, "]}}}");
}

static struct rp_run_file make(struct recipe recipe, const char *name)
{
    struct rp_run_file file;
    struct rp_buf text;

    rp_buf_init(&text, 1 << 20);
    put_result(&text, &recipe);
    assert_int_equal(text.error, 0);
    file = read_text(rp_buf_str(&text), name);
    rp_buf_deinit(&text);
    return file;
}

static const struct rp_compare_row *row_of(const struct rp_comparison *comparison, const char *name,
                                           const char *stat)
{
    for (size_t i = 0; i < comparison->row_count; i++)
        if (strcmp(comparison->rows[i].subject->name, name) == 0 &&
            strcmp(comparison->rows[i].stat, stat) == 0)
            return &comparison->rows[i];
    return NULL;
}

static void expect(const struct rp_comparison *comparison, const char *name, const char *stat,
                   const char *verdict)
{
    const struct rp_compare_row *row = row_of(comparison, name, stat);

    if (!row)
        fail_msg("no row of %s %s", name, stat);
    assert_string_equal(rp_compare_verdict_name(row->verdict), verdict);
}

static const struct recipe plain = { .scale = 1, .seed = 1 };

/* ---- verdicts -------------------------------------------------------------------------------- */

static void test_a_change_has_a_direction(void **state)
{
    static const char size[] = ", \"size\": {\"count\": 1000, \"rate\": 50}";
    static const char more[] = ", \"size\": {\"count\": 1100, \"rate\": 55}";
    struct rp_run_file slow = make((struct recipe){ 1.1, 3, 2, more, NULL }, "slow");
    struct rp_run_file fast = make((struct recipe){ 1, 0, 3, size, NULL }, "fast");
    struct rp_comparison comparison;

    assert_int_equal(rp_compare(&fast, 1, &slow, 0.05, &comparison), 0);
    expect(&comparison, "http_req_duration", "med", "worse");
    expect(&comparison, "http_req_duration", "p(95)", "worse");
    expect(&comparison, "http_req_failed", "rate", "worse");
    expect(&comparison, "size", "rate", "changed"); /* more of it is neither good nor bad */
    assert_null(row_of(&comparison, "http_req_waiting", "med"));
    assert_true(fabs(row_of(&comparison, "http_req_duration", "med")->change - 0.1) < 1e-6);
    assert_true(fabs(row_of(&comparison, "http_req_failed", "rate")->change - 0.03) < 1e-6);
    rp_comparison_deinit(&comparison);
    assert_int_equal(rp_compare(&slow, 1, &fast, 0.05, &comparison), 0);
    expect(&comparison, "http_req_duration", "p(95)", "better");
    expect(&comparison, "http_req_failed", "rate", "better");
    assert_int_equal(comparison.counts[RP_COMPARE_WORSE], 0);
    rp_comparison_deinit(&comparison);
    assert_int_equal(rp_compare(&fast, 1, &fast, 0.05, &comparison), 0);
    expect(&comparison, "http_req_duration", "p(95)", "no change");
    expect(&comparison, "http_req_failed", "rate", "no change");
    rp_comparison_deinit(&comparison);
    /* A change that is sure and does not matter is none. */
    assert_int_equal(rp_compare(&fast, 1, &slow, 0.5, &comparison), 0);
    expect(&comparison, "http_req_duration", "p(95)", "no change");
    rp_comparison_deinit(&comparison);
    rp_run_file_deinit(&slow);
    rp_run_file_deinit(&fast);
}

/* With intervals of the name, and where there are so many names that these have none. */
static void test_requests_are_told_apart_by_name(void **state)
{
    for (int named = NO_COURSE; named <= IN_ONE_HISTOGRAM; named++) {
        struct rp_run_file a = make((struct recipe){ 1, 0, 1, NULL, NULL, named }, "a");
        struct rp_run_file b = make((struct recipe){ 1.1, 0, 2, NULL, NULL, named }, "b");
        struct rp_run_file c = make((struct recipe){ 1, 0, 3, NULL, NULL, named }, "c");
        struct rp_comparison comparison;

        assert_int_equal(rp_compare(&a, 1, &b, 0.05, &comparison), 0);
        expect(&comparison, NAME, "med", named == NO_COURSE ? "cannot tell" : "worse");
        rp_comparison_deinit(&comparison);
        assert_int_equal(rp_compare(&a, 1, &c, 0.05, &comparison), 0);
        expect(&comparison, NAME, "med", named == NO_COURSE ? "cannot tell" : "no change");
        rp_comparison_deinit(&comparison);
        rp_run_file_deinit(&a);
        rp_run_file_deinit(&b);
        rp_run_file_deinit(&c);
    }
}

static void test_a_threshold_says_what_is_better(void **state)
{
    static const char wait[] = "{\"metric\": \"http_req_waiting\", \"expression\": \"med<3.1\", "
                               "\"passed\": %s},"
                               "{\"metric\": \"size\", \"expression\": \"rate>1\", \"passed\": "
                               "true}";
    char met[256], missed[256];
    struct rp_run_file a, b;
    struct rp_comparison comparison;

    snprintf(met, sizeof(met), wait, "true");
    snprintf(missed, sizeof(missed), wait, "false");
    a = make((struct recipe){ 1, 0, 4, ", \"size\": {\"count\": 1000, \"rate\": 50}", met }, "a");
    b = make((struct recipe){ 1.1, 0, 5, ", \"size\": {\"count\": 1100, \"rate\": 55}", missed },
             "b");
    assert_int_equal(rp_compare(&a, 1, &b, 0.05, &comparison), 0);
    assert_int_equal(row_of(&comparison, "http_req_waiting", "med")->better, -1);
    expect(&comparison, "size", "rate", "better");
    assert_int_equal(comparison.threshold_count, 2);
    assert_int_equal(comparison.thresholds[0].verdict, RP_COMPARE_WORSE);
    assert_int_equal(comparison.thresholds[1].verdict, RP_COMPARE_SAME);
    rp_comparison_deinit(&comparison);
    rp_run_file_deinit(&a);
    rp_run_file_deinit(&b);
}

/* Bases that differ from each other by as much as the current run does from them. */
static void test_several_bases_show_what_is_chance(void **state)
{
    struct rp_run_file bases[5], current = make((struct recipe){ 1.1, 0, 9, NULL, NULL }, "now");
    static const double scales[] = { 1, 1.1, 0.95, 1.05, 1 };
    struct rp_comparison comparison;

    for (size_t i = 0; i < 5; i++)
        bases[i] = make((struct recipe){ scales[i], 0, i + 1, NULL, NULL }, "base");
    assert_int_equal(rp_compare(bases, 1, &current, 0.05, &comparison), 0);
    expect(&comparison, "http_req_duration", "med", "worse");
    rp_comparison_deinit(&comparison);
    assert_int_equal(rp_compare(bases, 5, &current, 0.05, &comparison), 0);
    expect(&comparison, "http_req_duration", "med", "cannot tell");
    rp_comparison_deinit(&comparison);
    for (size_t i = 0; i < 5; i++) {
        rp_run_file_deinit(&bases[i]);
        bases[i] = make((struct recipe){ 1 + 0.004 * (double)(i % 2), 0, i + 1, NULL, NULL },
                        "base");
    }
    /* A second base that differs by no more than chance takes nothing away. */
    assert_int_equal(rp_compare(bases, 2, &current, 0.05, &comparison), 0);
    expect(&comparison, "http_req_duration", "med", "worse");
    rp_comparison_deinit(&comparison);
    assert_int_equal(rp_compare(bases, 5, &current, 0.05, &comparison), 0);
    expect(&comparison, "http_req_duration", "med", "worse");
    rp_comparison_deinit(&comparison);
    for (size_t i = 0; i < 5; i++)
        rp_run_file_deinit(&bases[i]);
    rp_run_file_deinit(&current);
}

static void test_a_summary_of_k6_can_be_the_base(void **state)
{
    struct rp_run_file base = read_text(HANDLE_SUMMARY, "k6.json");
    struct rp_run_file current = make((struct recipe){ 1.2, 10, 1, NULL, NULL }, "now");
    struct rp_comparison comparison;

    assert_int_equal(rp_compare(&base, 1, &current, 0.05, &comparison), 0);
    expect(&comparison, "http_req_duration", "p(95)", "worse");
    assert_null(row_of(&comparison, "http_req_duration", "p(99)")); /* k6 has none */
    assert_non_null(strstr(rp_buf_str(&comparison.notes), "k6.json is a summary of k6"));
    rp_comparison_deinit(&comparison);
    /* Of two such summaries nobody can tell, unless there are several bases. */
    assert_int_equal(rp_compare(&base, 1, &base, 0.05, &comparison), 0);
    expect(&comparison, "http_req_duration", "p(95)", "cannot tell");
    rp_comparison_deinit(&comparison);
    rp_run_file_deinit(&base);
    rp_run_file_deinit(&current);
}

/* No ratio can be made of them, and they are shown as they are. */
static void test_numbers_that_are_not_above_zero(void **state)
{
    struct rp_run_file below = read_text("{\"metrics\": {\"drift\": {\"med\": -5}}}", "below");
    struct rp_run_file above = read_text("{\"metrics\": {\"drift\": {\"med\": 5}}}", "above");
    struct rp_run_file bases[] = { above, below };
    struct rp_comparison comparison;

    assert_int_equal(rp_compare(&below, 1, &above, 0.05, &comparison), 0);
    expect(&comparison, "drift", "med", "cannot tell");
    assert_true(row_of(&comparison, "drift", "med")->base == -5);
    assert_true(isnan(row_of(&comparison, "drift", "med")->change));
    rp_comparison_deinit(&comparison);
    assert_int_equal(rp_compare(bases, 2, &above, 0.05, &comparison), 0);
    assert_true(row_of(&comparison, "drift", "med")->base == 5); /* which the change is of */
    assert_true(row_of(&comparison, "drift", "med")->change == 0);
    rp_comparison_deinit(&comparison);
    rp_run_file_deinit(&below);
    rp_run_file_deinit(&above);
}

static void test_a_run_beside_itself_is_noted(void **state)
{
    struct rp_run_file a = make(plain, "a"), b = make(plain, "b");
    struct rp_comparison comparison;

    assert_int_equal(rp_compare(&a, 1, &b, 0.05, &comparison), 0);
    assert_null(strstr(rp_buf_str(&comparison.notes), "itself"));
    rp_comparison_deinit(&comparison);
    assert_int_equal(rp_compare(&a, 1, &a, 0.05, &comparison), 0);
    assert_non_null(strstr(rp_buf_str(&comparison.notes), "a is the current run itself"));
    rp_comparison_deinit(&comparison);
    rp_run_file_deinit(&a);
    rp_run_file_deinit(&b);
}

static void test_a_run_that_was_adjusted_is_noted(void **state)
{
    struct rp_run_file a = make(plain, "a"), b = make(plain, "b");
    json_t *made = json_pack("[{ss}]", "scenario", "s");
    struct rp_comparison comparison;

    assert_int_equal(json_object_set_new(json_object_get(b.root, "run"), "adjustments", made), 0);
    assert_int_equal(rp_compare(&a, 1, &b, 0.05, &comparison), 0);
    assert_null(strstr(rp_buf_str(&comparison.notes), "a was adjusted"));
    assert_non_null(strstr(rp_buf_str(&comparison.notes), "b was adjusted while it ran"));
    rp_comparison_deinit(&comparison);
    rp_run_file_deinit(&a);
    rp_run_file_deinit(&b);
}

/* Small changes, all of which matter: of some the interval leaves out 0, and chance may have done it. */
static void test_cannot_tell_beside_a_clear_interval_is_explained(void **state)
{
    size_t explained = 0;

    for (uint64_t seed = 10; seed < 50; seed += 2) {
        struct rp_run_file a = make((struct recipe){ .scale = 1, .seed = seed }, "a");
        struct rp_run_file b = make((struct recipe){ .scale = 1 + (double)seed / 4000, .seed = 99 },
                                    "b");
        struct rp_comparison comparison;
        size_t clear = 0;
        char note[64];

        assert_int_equal(rp_compare(&a, 1, &b, 1e-9, &comparison), 0);
        for (size_t i = 0; i < comparison.row_count; i++)
            clear += comparison.rows[i].verdict == RP_COMPARE_UNCLEAR &&
                     (comparison.rows[i].low > 0 || comparison.rows[i].high < 0);
        assert_int_equal(comparison.held_back, clear);
        snprintf(note, sizeof(note), "%zu of the numbers that cannot be told", clear);
        assert_int_equal(!!strstr(rp_buf_str(&comparison.notes), note), clear > 0);
        explained += clear;
        rp_comparison_deinit(&comparison);
        rp_run_file_deinit(&a);
        rp_run_file_deinit(&b);
    }
    assert_true(explained > 0);
}

/* ---- what is shown --------------------------------------------------------------------------- */

static void test_names_of_others_draw_nothing(void **state)
{
    struct rp_run_file a = make(plain, "a\x1b[2J|<i>.json"), b = make(plain, "b");
    struct rp_comparison comparison;
    struct rp_buf out;
    json_t *document;

    assert_int_equal(rp_compare(&a, 1, &b, 0.05, &comparison), 0);
    rp_buf_init(&out, 1 << 20);
    assert_int_equal(rp_compare_write_text(&comparison, false, &out), 0);
    assert_null(strchr(rp_buf_str(&out), '\x1b'));
    assert_non_null(strstr(rp_buf_str(&out), "[2J|<b>@x"));
    rp_buf_reset(&out);
    assert_int_equal(rp_compare_write_markdown(&comparison, &out), 0);
    assert_null(strchr(rp_buf_str(&out), '\x1b'));
    assert_null(strstr(rp_buf_str(&out), "<b>"));
    assert_null(strstr(rp_buf_str(&out), "@x"));
    assert_null(strstr(rp_buf_str(&out), "J|"));
    rp_buf_reset(&out);
    assert_int_equal(rp_compare_write_json(&comparison, &out), 0);
    document = json_loads(rp_buf_str(&out), 0, NULL);
    assert_int_equal(json_array_size(json_object_get(document, "numbers")), comparison.row_count);
    json_decref(document);
    rp_buf_deinit(&out);
    rp_comparison_deinit(&comparison);
    rp_run_file_deinit(&a);
    rp_run_file_deinit(&b);
}

static void test_without_memory_there_is_no_comparison(void **state)
{
    struct rp_run_file a = make(plain, "a"), b = make(plain, "b");
    struct rp_comparison comparison;
    uint64_t n = 1, made;

    made = rp_alloc_count();
    assert_int_equal(rp_compare(&a, 1, &b, 0.05, &comparison), 0);
    made = rp_alloc_count() - made;
    rp_comparison_deinit(&comparison);
    for (; n <= made; n++) {
        int r;

        rp_alloc_fail_at(n);
        r = rp_compare(&a, 1, &b, 0.05, &comparison);
        rp_alloc_fail_at(0);
        assert_int_equal(r, -ENOMEM);
    }
    rp_run_file_deinit(&a);
    rp_run_file_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_change_has_a_direction),
        cmocka_unit_test(test_requests_are_told_apart_by_name),
        cmocka_unit_test(test_a_threshold_says_what_is_better),
        cmocka_unit_test(test_several_bases_show_what_is_chance),
        cmocka_unit_test(test_a_summary_of_k6_can_be_the_base),
        cmocka_unit_test(test_numbers_that_are_not_above_zero),
        cmocka_unit_test(test_a_run_beside_itself_is_noted),
        cmocka_unit_test(test_a_run_that_was_adjusted_is_noted),
        cmocka_unit_test(test_cannot_tell_beside_a_clear_interval_is_explained),
        cmocka_unit_test(test_names_of_others_draw_nothing),
        cmocka_unit_test(test_without_memory_there_is_no_comparison),
    };
    int failed = cmocka_run_group_tests_name("compare", tests, NULL, NULL);

    file_of("");
    return failed;
}

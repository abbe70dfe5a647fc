/* SPDX-License-Identifier: MIT */
#include "../run/fixture.h"
#include "golden.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "ui/report.h"

/* The version in the golden texts is the word VERSION. */

enum { OUT_MAX = 1 << 20 };

static const struct {
    const char *name;
    void (*make)(struct fixture *fixture);
} results[] = {
    { "passed", fixture_passed }, { "failed", fixture_failed },   { "empty", fixture_empty },
    { "setup", fixture_setup },   { "hostile", fixture_hostile }, { "arrivals", fixture_arrivals },
};
static const unsigned widths[] = { 60, 80, 120 };

static void write_summary(const struct rp_result *result, unsigned width, bool color,
                          struct rp_buf *out)
{
    rp_buf_init(out, OUT_MAX);
    rp_summary_write(result, (struct rp_style){ .color = color, .width = width }, out);
    assert_int_equal(out->error, 0);
}

/* The first line begins with "rampa <version>". */
static void hide_version(const struct rp_buf *text, struct rp_buf *out)
{
    const char *rest = strstr(rp_buf_str(text), RP_VERSION);

    assert_non_null(rest);
    rp_buf_init(out, OUT_MAX);
    rp_buf_append(out, rp_buf_str(text), (size_t)(rest - rp_buf_str(text)));
    rp_buf_append_str(out, "VERSION");
    rp_buf_append_str(out, rest + strlen(RP_VERSION));
}

static void test_golden(void **state)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(results); i++) {
        struct fixture fixture;

        results[i].make(&fixture);
        for (size_t j = 0; j < RP_ARRAY_LEN(widths); j++) {
            struct rp_buf text, shown;

            write_summary(&fixture.result, widths[j], false, &text);
            hide_version(&text, &shown);
            compare_golden(&shown, "%s-%u.txt", results[i].name, widths[j]);
            rp_buf_deinit(&text);
            rp_buf_deinit(&shown);
        }
        fixture_deinit(&fixture);
    }
}

/* Statistics that fit no table, and one statistic alone. */
static void test_golden_stats(void **state)
{
    static const struct rp_stat many[] = {
        { RP_STAT_AVG, 0 },  { RP_STAT_MIN, 0 },   { RP_STAT_MED, 0 },    { RP_STAT_MAX, 0 },
        { RP_STAT_P, 50 },   { RP_STAT_P, 75 },    { RP_STAT_P, 90 },     { RP_STAT_P, 99 },
        { RP_STAT_P, 99.9 }, { RP_STAT_P, 99.99 }, { RP_STAT_P, 99.999 }, { RP_STAT_COUNT, 0 },
    };

    for (size_t count = 1; count <= RP_ARRAY_LEN(many); count += RP_ARRAY_LEN(many) - 1) {
        struct fixture fixture;
        struct rp_buf text, shown;

        fixture_passed(&fixture);
        rp_free(fixture.result.plan->trend_stats);
        fixture.result.plan->trend_stats = rp_calloc(count, sizeof(many[0]));
        assert_non_null(fixture.result.plan->trend_stats);
        memcpy(fixture.result.plan->trend_stats, many, count * sizeof(many[0]));
        fixture.result.plan->trend_stat_count = count;
        write_summary(&fixture.result, 80, false, &text);
        hide_version(&text, &shown);
        compare_golden(&shown, "%s-80.txt", count == 1 ? "one-stat" : "many-stats");
        rp_buf_deinit(&text);
        rp_buf_deinit(&shown);
        fixture_deinit(&fixture);
    }
}

/* Every line fits, at any width that is shown; nothing but printable UTF-8; no blanks at a line's end. */
static void check_lines(struct rp_slice text, size_t width)
{
    while (text.len) {
        const char *end = memchr(text.ptr, '\n', text.len);
        struct rp_slice line, rest;

        assert_non_null(end);
        line = rest = rp_slice(text.ptr, (size_t)(end - text.ptr));
        if (rp_text_cols(line) > width)
            fail_msg("%zu columns of %zu: %.*s", rp_text_cols(line), width, RP_SLICE_FMT(line));
        if (line.len && line.ptr[line.len - 1] == ' ')
            fail_msg("blank at the end: '%.*s'", RP_SLICE_FMT(line));
        while (rest.len) {
            struct rp_rune rune = rp_rune_decode(rest);

            assert_true(rune.is_valid);
            assert_true(rune.code >= 0x20 && (rune.code < 0x7f || rune.code > 0x9f));
            rest = rp_slice(rest.ptr + rune.len, rest.len - rune.len);
        }
        text = rp_slice(end + 1, text.len - line.len - 1);
    }
}

static void test_fits_every_width(void **state)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(results); i++) {
        struct fixture fixture;

        results[i].make(&fixture);
        for (unsigned width = 60; width <= 200; width++) {
            struct rp_buf text;

            write_summary(&fixture.result, width, false, &text);
            check_lines(rp_buf_slice(&text), width);
            rp_buf_deinit(&text);
        }
        fixture_deinit(&fixture);
    }
}

/* Down to one column something readable is written: 40 columns wide where fewer are asked for. */
static void test_narrow(void **state)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(results); i++) {
        struct fixture fixture;

        results[i].make(&fixture);
        for (unsigned width = 1; width < 60; width++) {
            struct rp_buf text;

            write_summary(&fixture.result, width, false, &text);
            check_lines(rp_buf_slice(&text), width < 40 ? 40 : width);
            rp_buf_deinit(&text);
        }
        fixture_deinit(&fixture);
    }
}

static void test_color_is_only_escapes(void **state)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(results); i++) {
        struct rp_buf plain, color, stripped;
        struct fixture fixture;
        size_t escapes = 0;

        results[i].make(&fixture);
        write_summary(&fixture.result, 0, false, &plain);
        write_summary(&fixture.result, 80, true, &color);
        rp_buf_init(&stripped, OUT_MAX);
        for (const char *p = rp_buf_str(&color); *p; p++) {
            if (*p != '\x1b') {
                rp_buf_append(&stripped, p, 1);
                continue;
            }
            assert_true(p[1] == '[');
            p += 2 + strspn(p + 2, "0123456789;");
            assert_int_equal(*p, 'm');
            escapes++;
        }
        assert_true(escapes >= 2 && escapes % 2 == 0);
        assert_string_equal(rp_buf_str(&stripped), rp_buf_str(&plain));
        assert_null(strchr(rp_buf_str(&plain), '\x1b'));
        rp_buf_deinit(&plain);
        rp_buf_deinit(&color);
        rp_buf_deinit(&stripped);
        fixture_deinit(&fixture);
    }
}

/* A failing allocation is a sticky error of the buffer, never a summary that looks whole. */
static void test_out_of_memory(void **state)
{
    struct fixture fixture;
    struct rp_buf whole, out;
    uint64_t n;

    fixture_failed(&fixture);
    write_summary(&fixture.result, 80, false, &whole);
    for (n = 1;; n++) {
        rp_buf_init(&out, OUT_MAX);
        rp_alloc_fail_at(n);
        rp_summary_write(&fixture.result, (struct rp_style){ .width = 80 }, &out);
        rp_alloc_fail_at(0);
        if (!out.error && out.len == whole.len)
            break;
        assert_int_equal(out.error, -ENOMEM);
        rp_buf_deinit(&out);
    }
    assert_true(n > 50);
    assert_string_equal(rp_buf_str(&out), rp_buf_str(&whole));
    rp_buf_deinit(&out);
    rp_buf_deinit(&whole);
    fixture_deinit(&fixture);
}

static bool has(const struct rp_buf *text, const char *part)
{
    return strstr(rp_buf_str(text), part) != NULL;
}

static void test_zeroed_result(void **state)
{
    struct rp_result result = { 0 };
    struct rp_buf text;

    write_summary(&result, 80, false, &text);
    assert_true(has(&text, "NOT JUDGED"));
    assert_true(has(&text, "No samples"));
    assert_false(has(&text, "THRESHOLDS"));
    rp_buf_deinit(&text);
    rp_result_deinit(&result);
}

/* 500.0004 ms against "p(95)<500": the digits must show why it failed. */
static void test_actual_differs_from_bound(void **state)
{
    static const struct {
        double actual;
        const char *expected;
    } cases[] = {
        { 500.0004, "p(95)=500.0004ms" },
        { 500, "p(95)=500.0ms" },
        { 499.96, "p(95)=499.96ms" },
        { 512.34, "p(95)=512.3ms" },
    };
    struct fixture fixture;

    fixture_passed(&fixture);
    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct rp_buf text;

        for (size_t j = 0; j < fixture.result.plan->threshold_count; j++) {
            if (!strcmp(fixture.result.plan->thresholds[j].metric, "http_req_duration"))
                fixture.result.verdicts[j] = (struct rp_verdict){ .actual = cases[i].actual,
                                                                  .passed = cases[i].actual < 500 };
        }
        write_summary(&fixture.result, 80, false, &text);
        if (!has(&text, cases[i].expected))
            fail_msg("no %s in\n%s", cases[i].expected, rp_buf_str(&text));
        rp_buf_deinit(&text);
    }
    fixture_deinit(&fixture);
}

/* Shares that are almost none or almost all never look exact. */
static void test_share_is_not_rounded_away(void **state)
{
    static const struct {
        const char *metric;
        double actual;
        const char *expected;
    } cases[] = {
        { "checks", 1, "rate=100.00%" },
        { "checks", 0.999999, "rate=99.9999%" },
        { "checks", 0, "rate=0.00%" },
        { "checks", 0.000001, "rate=0.0001%" },
        { "checks", 0.9900001, "rate=99.00001%" },
        { "checks", 0.99, "rate=99.00%" },
    };
    struct fixture fixture;

    fixture_passed(&fixture);
    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct rp_buf text;

        for (size_t j = 0; j < fixture.result.plan->threshold_count; j++) {
            if (!strcmp(fixture.result.plan->thresholds[j].metric, cases[i].metric))
                fixture.result.verdicts[j].actual = cases[i].actual;
        }
        write_summary(&fixture.result, 80, false, &text);
        if (!has(&text, cases[i].expected))
            fail_msg("no %s in\n%s", cases[i].expected, rp_buf_str(&text));
        rp_buf_deinit(&text);
    }
    fixture_deinit(&fixture);
}

/* A name whose slow requests are in no buckets has no percentiles, and a status that is not known is
 * none of those that say something about the server. */
static void test_what_is_not_known(void **state)
{
    struct fixture fixture;
    struct rp_buf text;

    fixture_passed(&fixture);
    fixture_counter(&fixture, "http_reqs", 9, "name=a");
    fixture_counter(&fixture, "http_reqs", 3, "name=a|status=0");
    fixture_trend(&fixture, "http_req_duration", true, 1, 0, 8, "name=a");
    fixture_folded_trend(&fixture, "http_req_duration", 40, 4, false, "name=a|status=0");
    write_summary(&fixture.result, 120, false, &text);
    if (!has(&text, "       -       -       -  unknown: 9, none: 3"))
        fail_msg("%s", rp_buf_str(&text));
    rp_buf_deinit(&text);
    fixture_deinit(&fixture);
}

/* Many checks: each failed one has its line, and the cut is said. */
static void test_flood_of_checks(void **state)
{
    struct fixture fixture;
    struct rp_buf text;
    char tags[64];

    fixture_passed(&fixture);
    for (int i = 0; i < 300; i++) {
        snprintf(tags, sizeof(tags), "check=made up %03d", i);
        fixture_rate(&fixture, "checks", i % 10 ? 5 : 4, 5, tags);
    }
    write_summary(&fixture.result, 80, false, &text);
    for (int i = 0; i < 300; i += 10) {
        snprintf(tags, sizeof(tags),
                 "\xe2\x9c\x97"
                 " made up %03d",
                 i);
        assert_true(has(&text, tags));
    }
    assert_true(has(&text, "and 241 more that always passed"));
    rp_buf_deinit(&text);
    fixture_deinit(&fixture);
}

/* Checks that always passed are one line when the summary is compact. */
static void test_checks_that_passed_in_a_compact_summary(void **state)
{
    const struct rp_style style = { .width = 80, .compact = true };
    struct fixture fixture;
    struct rp_buf text;

    fixture_passed(&fixture);
    rp_buf_init(&text, OUT_MAX);
    rp_summary_write(&fixture.result, style, &text);
    assert_true(has(&text, "\nCHECKS  1 of 1 check always passed: 12000 times\n"));
    fixture_rate(&fixture, "checks", 4, 5, "check=it fails");
    rp_buf_deinit(&text);
    rp_buf_init(&text, OUT_MAX);
    rp_summary_write(&fixture.result, style, &text);
    assert_true(has(&text, "it fails"));
    assert_true(has(&text, "more that always passed\n"));
    rp_buf_deinit(&text);
    fixture_deinit(&fixture);
}

static void test_broken_accounting(void **state)
{
    static const struct {
        struct rp_accounting accounting;
        bool holds, is_shown;
    } cases[] = {
        { { .scheduled = 10, .started = 10, .completed = 10 }, true, false },
        { { .scheduled = 10, .started = 10, .completed = 10, .errors = 10 }, true, false },
        { { .scheduled = 10, .started = 8, .dropped = 2, .completed = 8 }, true, true },
        { { .scheduled = 10, .started = 10, .completed = 9, .interrupted = 1 }, true, true },
        { { .scheduled = 10, .started = 10, .completed = 9 }, false, true },
        { { .scheduled = 11, .started = 10, .completed = 10 }, false, true },
        { { .scheduled = 9, .started = 10, .completed = 10 }, false, true },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        const struct rp_accounting *a = &cases[i].accounting;
        struct fixture fixture;
        struct rp_buf text;

        assert_int_equal(rp_accounting_holds(a), cases[i].holds);
        fixture_init(&fixture, NULL);
        fixture.result.started_wall_ns = 1;
        fixture_account(&fixture, "browse", a->scheduled, a->started, a->dropped, a->completed,
                        a->interrupted, a->errors);
        write_summary(&fixture.result, 80, false, &text);
        assert_int_equal(has(&text, "ITERATIONS"), cases[i].is_shown);
        assert_int_equal(has(&text, "do not add up"), !cases[i].holds);
        rp_buf_deinit(&text);
        fixture_deinit(&fixture);
    }
}

static void test_verdict_line(void **state)
{
    static const struct {
        enum rp_exit code;
        const char *name, *line;
    } cases[] = {
        { RP_EXIT_PASSED, "passed", "\nNOT JUDGED: there is no threshold\n" },
        { RP_EXIT_THRESHOLDS, "threshold_failed", "\nFAILED: why (exit code 1: " },
        { RP_EXIT_ITERATION_ERRORS, "execution_failed", "\nFAILED: why (exit code 2: " },
        { RP_EXIT_CONFIG, "invalid_configuration", "\nFAILED: why (exit code 3: " },
        { RP_EXIT_ABORTED, "stopped", "\nSTOPPED: why (exit code 4: " },
        { RP_EXIT_SETUP, "setup_failed", "\nFAILED: why (exit code 5: " },
        { RP_EXIT_OUTPUT, "output_failed", "\nFAILED: why (exit code 6: " },
        { RP_EXIT_TEARDOWN, "teardown_failed", "\nFAILED: why (exit code 7: " },
        { RP_EXIT_GENERATOR, "generator_limited", "\nFAILED: why (exit code 8: " },
        { RP_EXIT_INTERNAL, "internal_error", "\nFAILED: why (exit code 9: " },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct rp_result result = { .exit_code = cases[i].code };
        struct rp_buf text;

        result.reason = rp_strdup("why");
        write_summary(&result, 80, false, &text);
        if (!has(&text, cases[i].line))
            fail_msg("no %s in %s", cases[i].line, rp_buf_str(&text));
        assert_string_equal(rp_exit_status_name(cases[i].code), cases[i].name);
        rp_buf_deinit(&text);
        rp_result_deinit(&result);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_golden_stats),
        cmocka_unit_test(test_fits_every_width),
        cmocka_unit_test(test_narrow),
        cmocka_unit_test(test_color_is_only_escapes),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_zeroed_result),
        cmocka_unit_test(test_actual_differs_from_bound),
        cmocka_unit_test(test_share_is_not_rounded_away),
        cmocka_unit_test(test_what_is_not_known),
        cmocka_unit_test(test_flood_of_checks),
        cmocka_unit_test(test_checks_that_passed_in_a_compact_summary),
        cmocka_unit_test(test_broken_accounting),
        cmocka_unit_test(test_verdict_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include "golden.h"
#include "progress_fixture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"

enum { OUT_MAX = 1 << 20 };

static const struct {
    const char *name;
    struct rp_progress (*make)(void);
} runs[] = {
    { "run", progress_run },
    { "one", progress_one },
    { "kinds", progress_kinds },
    { "many", progress_many },
};

static void format(const struct rp_progress *progress, unsigned width, unsigned height, bool color,
                   struct rp_buf *out)
{
    rp_buf_init(out, OUT_MAX);
    rp_progress_format_block(progress, width, height, color, out);
    assert_int_equal(out->error, 0);
}

static void test_golden(void **state)
{
    static const unsigned sizes[][2] = { { 40, 30 }, { 80, 30 }, { 200, 30 }, { 80, 8 } };

    for (size_t i = 0; i < RP_ARRAY_LEN(runs); i++) {
        struct rp_progress progress = runs[i].make();

        for (size_t j = 0; j < RP_ARRAY_LEN(sizes); j++) {
            struct rp_buf text;

            format(&progress, sizes[j][0], sizes[j][1], false, &text);
            compare_golden(&text, "progress-%s-%ux%u.txt", runs[i].name, sizes[j][0], sizes[j][1]);
            rp_buf_deinit(&text);
        }
    }
}

/* Of a block: not more than @height lines, none wider than @width, nothing but printable UTF-8, no blanks at an end. */
static size_t check_lines(struct rp_slice text, size_t width, size_t height)
{
    size_t lines = 0;

    while (text.len) {
        const char *end = memchr(text.ptr, '\n', text.len);
        struct rp_slice line, rest;

        assert_non_null(end);
        line = rest = rp_slice(text.ptr, (size_t)(end - text.ptr));
        if (rp_text_cols(line) > width)
            fail_msg("%zu columns of %zu: %.*s", rp_text_cols(line), width, RP_SLICE_FMT(line));
        if (!line.len || line.ptr[line.len - 1] == ' ')
            fail_msg("blank at the end: '%.*s'", RP_SLICE_FMT(line));
        while (rest.len) {
            struct rp_rune rune = rp_rune_decode(rest);

            assert_true(rune.is_valid);
            assert_true(rune.code >= 0x20 && (rune.code < 0x7f || rune.code > 0x9f));
            rest = rp_slice(rest.ptr + rune.len, rest.len - rune.len);
        }
        text = rp_slice(end + 1, text.len - line.len - 1);
        lines++;
    }
    assert_true(lines <= height);
    return lines;
}

static void test_fits_every_size(void **state)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(runs); i++) {
        struct rp_progress progress = runs[i].make();

        for (unsigned width = 8; width <= 200; width++) {
            for (unsigned height = 1; height <= 70; height += height < 20 ? 1 : 7) {
                size_t all = progress.scenario_count + 1, lines;
                struct rp_buf text;

                format(&progress, width, height, false, &text);
                lines = check_lines(rp_buf_slice(&text), width, height);
                assert_int_equal(lines, all < height ? all : height);
                rp_buf_deinit(&text);
            }
        }
    }
}

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;

    for (text = strstr(text, part); text; text = strstr(text + 1, part))
        count++;
    return count;
}

/* 30 run, 15 wait, 15 are over: shown in this order, and all are accounted for. */
static void test_what_is_left_out(void **state)
{
    static const struct {
        unsigned height;
        size_t running, waiting, finished;
        const char *rest;
    } cases[] = {
        { 61, 30, 15, 15, NULL },
        { 60, 30, 15, 13, "\xe2\x80\xa6 and 2 more: 2 finished\n" },
        { 47, 30, 15, 0, "\xe2\x80\xa6 and 15 more: 15 finished\n" },
        { 46, 30, 14, 0, "\xe2\x80\xa6 and 16 more: 1 waiting, 15 finished\n" },
        { 32, 30, 0, 0, "\xe2\x80\xa6 and 30 more: 15 waiting, 15 finished\n" },
        { 12, 10, 0, 0, "\xe2\x80\xa6 and 50 more: 20 running, 15 waiting, 15 finished\n" },
        { 3, 1, 0, 0, "\xe2\x80\xa6 and 59 more: 29 running, 15 waiting, 15 finished\n" },
        { 2, 0, 0, 0, "\xe2\x80\xa6 and 60 more: 30 running, 15 waiting, 15 finished\n" },
        { 1, 0, 0, 0, NULL },
    };
    struct rp_progress progress = progress_many();

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct rp_buf text;

        format(&progress, 200, cases[i].height, false, &text);
        assert_int_equal(count_of(rp_buf_str(&text), "1/1 VUs\n"), cases[i].running);
        assert_int_equal(count_of(rp_buf_str(&text), "  waiting 8s\n"), cases[i].waiting);
        assert_int_equal(count_of(rp_buf_str(&text), "s/1m00s  finished\n"), cases[i].finished);
        if (cases[i].rest)
            assert_non_null(strstr(rp_buf_str(&text), cases[i].rest));
        else
            assert_null(strstr(rp_buf_str(&text), "more"));
        rp_buf_deinit(&text);
    }
}

/* What is done grows with the share, and the head stands right behind it. */
static void test_bar(void **state)
{
    static const struct {
        rp_ns elapsed;
        enum rp_scenario_state state;
        const char *bar;
    } cases[] = {
        { 0, RP_SCENARIO_WAITING, "[------------------------------]" },
        { 0, RP_SCENARIO_RUNNING, "[>-----------------------------]" },
        { RP_S - 1, RP_SCENARIO_RUNNING, "[>-----------------------------]" },
        { RP_S, RP_SCENARIO_RUNNING, "[=>----------------------------]" },
        { 15 * RP_S, RP_SCENARIO_RUNNING, "[===============>--------------]" },
        { 30 * RP_S - 1, RP_SCENARIO_RUNNING, "[=============================>]" },
        { 30 * RP_S, RP_SCENARIO_STOPPING, "[==============================]" },
        { 3 * RP_S, RP_SCENARIO_FINISHED, "[===---------------------------]" },
        { 31 * RP_S, RP_SCENARIO_RUNNING, "[==============================]" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct rp_progress progress = progress_one();
        struct rp_scenario_progress at = *progress.scenarios;
        struct rp_buf text;

        at.elapsed = cases[i].elapsed;
        at.state = cases[i].state;
        progress.scenarios = &at;
        format(&progress, 100, 10, false, &text);
        if (!strstr(rp_buf_str(&text), cases[i].bar))
            fail_msg("no %s in\n%s", cases[i].bar, rp_buf_str(&text));
        rp_buf_deinit(&text);
    }
}

static void test_color_is_only_escapes(void **state)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(runs); i++) {
        struct rp_progress progress = runs[i].make();
        struct rp_buf plain, color, stripped;
        size_t escapes = 0;

        format(&progress, 80, 24, false, &plain);
        format(&progress, 80, 24, true, &color);
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
        rp_buf_deinit(&plain);
        rp_buf_deinit(&color);
        rp_buf_deinit(&stripped);
    }
}

static void test_out_of_memory(void **state)
{
    struct rp_progress progress = progress_kinds();
    struct rp_buf out;
    uint64_t n;

    for (n = 1;; n++) {
        rp_buf_init(&out, OUT_MAX);
        rp_alloc_fail_at(n);
        rp_progress_format_block(&progress, 80, 24, true, &out);
        rp_alloc_fail_at(0);
        if (!out.error)
            break;
        assert_int_equal(out.error, -ENOMEM);
        rp_buf_deinit(&out);
    }
    assert_true(n > 2);
    rp_buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_fits_every_size),
        cmocka_unit_test(test_what_is_left_out),
        cmocka_unit_test(test_bar),
        cmocka_unit_test(test_color_is_only_escapes),
        cmocka_unit_test(test_out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

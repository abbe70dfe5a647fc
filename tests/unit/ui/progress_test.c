/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "ui/report.h"
#include "ui/text.h"

static struct rp_progress full_progress(void)
{
    return (struct rp_progress){
        .phase = "running",
        .elapsed = 12 * RP_S + 400 * RP_MS,
        .total = 90 * RP_S,
        .vus = 10,
        .vus_max = 60,
        .iterations = 1234567,
        .iterations_per_s = 10234.5,
        .requests_per_s = 20469,
        .failed_requests = 3,
        .iteration_errors = 1,
        .p95_ms = 12.345,
    };
}

static void check_format(const struct rp_progress *progress, unsigned width, const char *expected)
{
    struct rp_buf out;

    rp_buf_init(&out, 4096);
    rp_progress_format(progress, width, &out);
    assert_string_equal(rp_buf_str(&out), expected);
    rp_buf_deinit(&out);
}

static void test_format(void **state)
{
    struct rp_progress progress = full_progress();
    struct rp_progress setup = { .phase = "setup", .elapsed = RP_S, .p95_ms = NAN };
    struct rp_progress young = {
        .phase = "running", .total = 3600 * RP_S, .p95_ms = NAN, .vus = 1, .vus_max = 1
    };

    check_format(&progress, 200,
                 "running  12s/1m30s  13%  10/60 VUs  1.23M iters  10235 iters/s  20469 reqs/s  "
                 "p95 12.3ms  3 failed  1 error");
    check_format(&setup, 80, "setup  1s");
    check_format(&young, 80, "running  0s/1h00m00s  0%  1/1 VUs");
    progress.elapsed = 100 * RP_S; /* graceful stop: never more than all */
    progress.total = 90 * RP_S;
    check_format(&progress, 26, "running  3 failed  1 error");
    check_format(&progress, 25, "running  1 error");
}

static void test_format_fits(void **state)
{
    struct rp_progress progress = full_progress();
    size_t longest = 0;

    for (unsigned width = 8; width <= 200; width++) {
        struct rp_buf out;
        size_t cols;

        rp_buf_init(&out, 4096);
        rp_progress_format(&progress, width, &out);
        cols = rp_text_cols(rp_buf_slice(&out));
        assert_true(cols <= width);
        assert_true(cols >= longest || cols > width / 3);
        longest = cols;
        assert_memory_equal(rp_buf_str(&out), "running", 7);
        assert_null(strchr(rp_buf_str(&out), '\n'));
        rp_buf_deinit(&out);
    }
}

struct screen {
    char *text;
    size_t len;
    FILE *stream;
    struct rp_progress_line *line;
};

static void open_screen(struct screen *screen, bool is_terminal)
{
    *screen = (struct screen){ 0 };
    screen->stream = open_memstream(&screen->text, &screen->len);
    assert_non_null(screen->stream);
    assert_int_equal(rp_progress_line_new(screen->stream, is_terminal, &screen->line), 0);
}

static void close_screen(struct screen *screen)
{
    rp_progress_line_free(screen->line);
    fclose(screen->stream);
    free(screen->text);
}

/* What a terminal of @text shows: "\r" goes to the line's start, "\x1b[K" clears to its end. */
static void render(const char *text, char *out, size_t size)
{
    size_t start = 0, at = 0, end = 0;

    for (; *text; text++) {
        assert_true(end + 1 < size);
        if (*text == '\r') {
            at = start;
        } else if (!strncmp(text, "\x1b[K", 3)) {
            end = at;
            text += 2;
        } else {
            assert_true(*text == '\n' || (unsigned char)*text >= 0x20);
            out[at++] = *text;
            if (*text == '\n')
                start = end = at;
            end = at > end ? at : end;
        }
    }
    out[end] = '\0';
}

static void test_terminal(void **state)
{
    struct rp_progress progress = full_progress();
    struct screen screen;
    char shown[4096], line[256];
    struct rp_buf expected;

    open_screen(&screen, true);
    rp_progress_line_hide(screen.line); /* nothing drawn: nothing to hide */
    fflush(screen.stream);
    assert_int_equal(screen.len, 0);
    rp_progress_line_update(screen.line, &progress, 0);
    progress.iterations = 1;
    progress.p95_ms = NAN; /* shorter than before: no rest may stay */
    rp_progress_line_update(screen.line, &progress, RP_S);
    rp_buf_init(&expected, 4096);
    rp_progress_format(&progress, 79, &expected);
    render(screen.text, shown, sizeof(shown));
    assert_string_equal(shown, rp_buf_str(&expected));

    rp_progress_line_hide(screen.line);
    fputs("a warning\n", screen.stream);
    fflush(screen.stream);
    render(screen.text, shown, sizeof(shown));
    assert_string_equal(shown, "a warning\n");
    rp_progress_line_update(screen.line, &progress, 2 * RP_S);
    snprintf(line, sizeof(line), "a warning\n%s", rp_buf_str(&expected));
    render(screen.text, shown, sizeof(shown));
    assert_string_equal(shown, line);

    rp_progress_line_free(screen.line); /* leaves an empty line */
    screen.line = NULL;
    render(screen.text, shown, sizeof(shown));
    assert_string_equal(shown, "a warning\n");
    rp_buf_deinit(&expected);
    close_screen(&screen);
}

static size_t count_lines(const struct screen *screen)
{
    size_t lines = 0;

    for (size_t i = 0; i < screen->len; i++)
        lines += screen->text[i] == '\n';
    return lines;
}

/* One line at once, then every 5 s, and at a new phase; never an escape. */
static void test_not_a_terminal(void **state)
{
    static const struct {
        double at_s;
        const char *phase;
        size_t lines;
    } steps[] = {
        { 100, "setup", 1 },      { 101, "running", 2 },    { 102, "running", 2 },
        { 105.9, "running", 2 },  { 106, "running", 3 },    { 110.9, "running", 3 },
        { 111, "running", 4 },    { 111.1, "stopping", 5 }, { 116, "stopping", 5 },
        { 116.1, "stopping", 6 },
    };
    struct rp_progress progress = full_progress();
    struct screen screen;

    open_screen(&screen, false);
    for (size_t i = 0; i < RP_ARRAY_LEN(steps); i++) {
        progress.phase = steps[i].phase;
        rp_progress_line_update(screen.line, &progress, (rp_ns)(steps[i].at_s * 1e9));
        assert_int_equal(count_lines(&screen), steps[i].lines);
        rp_progress_line_hide(screen.line);
    }
    assert_null(strpbrk(screen.text, "\x1b\r"));
    assert_memory_equal(screen.text, "setup  12s/1m30s", 16);
    close_screen(&screen);
}

static void test_out_of_memory(void **state)
{
    struct rp_progress progress = full_progress();
    struct rp_progress_line *line = NULL;
    struct screen screen;

    rp_alloc_fail_at(1);
    assert_int_equal(rp_progress_line_new(stderr, false, &line), -ENOMEM);
    rp_alloc_fail_at(0);
    assert_null(line);
    open_screen(&screen, true);
    rp_alloc_fail_at(1);
    rp_progress_line_update(screen.line, &progress, 0);
    rp_alloc_fail_at(0);
    fflush(screen.stream);
    assert_int_equal(screen.len, 0); /* a line less, not half of one */
    rp_progress_line_update(screen.line, &progress, 0);
    assert_true(screen.len > 20);
    close_screen(&screen);
    rp_progress_line_free(NULL);
    rp_progress_line_hide(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_format),        cmocka_unit_test(test_format_fits),
        cmocka_unit_test(test_terminal),      cmocka_unit_test(test_not_a_terminal),
        cmocka_unit_test(test_out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */

/* The sinks that show a run: its progress and the script's lines, and the summary. */

#include "../run/fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "ui/live.h"
#include "ui/report.h"

/* Standard output and error are files while a test runs. */
struct desk {
    struct rp_sinks sinks;
    struct fixture fixture;
    struct rp_live *live;
    FILE *files[2];
    int old[2];
};

static int setup(void **state)
{
    struct desk *desk = calloc(1, sizeof(*desk));

    fixture_passed(&desk->fixture);
    rp_sinks_init(&desk->sinks);
    fflush(NULL);
    for (int i = 0; i < 2; i++) {
        desk->files[i] = tmpfile();
        assert_non_null(desk->files[i]);
        desk->old[i] = dup(1 + i);
        assert_int_equal(dup2(fileno(desk->files[i]), 1 + i), 1 + i);
    }
    *state = desk;
    return 0;
}

static void restore(struct desk *desk)
{
    fflush(NULL);
    for (int i = 0; i < 2; i++)
        if (desk->old[i] >= 0) {
            dup2(desk->old[i], 1 + i);
            close(desk->old[i]);
            desk->old[i] = -1;
        }
}

static int teardown(void **state)
{
    struct desk *desk = *state;

    restore(desk);
    rp_live_free(desk->live);
    fixture_deinit(&desk->fixture);
    for (int i = 0; i < 2; i++)
        fclose(desk->files[i]);
    free(desk);
    return 0;
}

/* What was written; standard output and error are themselves again, so that a failure is seen. */
static const char *written(struct desk *desk, int fd)
{
    static char text[2][65536];
    char *ret = text[fd - 1];

    restore(desk);
    rewind(desk->files[fd - 1]);
    ret[fread(ret, 1, sizeof(text[0]) - 1, desk->files[fd - 1])] = '\0';
    return ret;
}

static void start(struct desk *desk, struct rp_live_options options)
{
    assert_int_equal(rp_live_new(&desk->sinks, options, &desk->live), 0);
    rp_sinks_start(&desk->sinks, &desk->fixture.result);
}

static void tell_line(struct desk *desk, bool is_stderr, const char *text)
{
    struct rp_event event = { .kind = RP_EVENT_PRINTED,
                              .printed = { .is_stderr = is_stderr, .text = text } };

    rp_sinks_event(&desk->sinks, &event);
}

static void tell_status(struct desk *desk, struct rp_run_status status)
{
    struct rp_event event = { .kind = RP_EVENT_STATUS, .status = status };

    rp_sinks_event(&desk->sinks, &event);
}

static void test_lines(void **state)
{
    struct desk *desk = *state;

    start(desk, (struct rp_live_options){ .shows_progress = false });
    tell_line(desk, false, "out");
    tell_line(desk, true, "err");
    tell_status(desk, (struct rp_run_status){ .phase = RP_RUN_SETUP }); /* is not shown */
    assert_string_equal(written(desk, 1), "out\n");
    assert_string_equal(written(desk, 2), "err\n");
}

static void test_stdout_is_kept_clear(void **state)
{
    struct desk *desk = *state;

    start(desk, (struct rp_live_options){ .keeps_stdout_clear = true });
    tell_line(desk, false, "out");
    tell_line(desk, true, "err");
    assert_string_equal(written(desk, 1), "");
    assert_string_equal(written(desk, 2), "out\nerr\n");
}

/* A line a phase; only a run shows how long it is and what it has made. */
static void test_progress(void **state)
{
    struct desk *desk = *state;
    struct rp_run_status status = { .phase = RP_RUN_SETUP, .longest = 60 * RP_S };
    const char *text;

    start(desk, (struct rp_live_options){ .shows_progress = true, .mode = RP_PROGRESS_PLAIN });
    tell_status(desk, status);
    tell_status(desk, status);
    status.phase = RP_RUN_RUNNING;
    status.elapsed = 12 * RP_S;
    tell_status(desk, status);
    status.is_paused = true;
    tell_status(desk, status);
    rp_sinks_close(&desk->sinks, true, &(struct rp_error){ 0 });
    text = written(desk, 2);
    assert_int_equal(strncmp(text, "setup", 5), 0);
    assert_null(strstr(text + 1, "setup")); /* once */
    assert_non_null(strstr(text, "running"));
    assert_non_null(strstr(text, "12s/1m00s"));
    assert_non_null(strstr(text, "paused"));
    assert_string_equal(written(desk, 1), "");
}

/* Before there is a plan or a store there is little to show. */
static void test_progress_of_nothing(void **state)
{
    struct desk *desk = *state;

    fixture_deinit(&desk->fixture);
    start(desk, (struct rp_live_options){ .shows_progress = true, .mode = RP_PROGRESS_PLAIN });
    tell_status(desk, (struct rp_run_status){ .phase = RP_RUN_LOADING });
    assert_int_equal(strncmp(written(desk, 2), "loading", 7), 0);
}

static void test_without_memory(void **state)
{
    struct desk *desk = *state;
    struct rp_live_options options = { .shows_progress = true };

    for (uint64_t n = 1; !desk->live; n++) {
        int r;

        rp_alloc_fail_at(n);
        r = rp_live_new(&desk->sinks, options, &desk->live);
        rp_alloc_fail_at(0);
        assert_int_equal(r, desk->live ? 0 : -ENOMEM);
        assert_int_equal(rp_list_is_empty(&desk->sinks.list), r < 0);
    }
}

/* ---- the summary ---- */

static void close_summary(struct desk *desk, FILE *stream, bool is_run, struct rp_error *err)
{
    struct rp_summary_sink summary;

    rp_summary_sink_init(&summary, &desk->sinks, stream, (struct rp_style){ .width = 100 });
    rp_sinks_start(&desk->sinks, &desk->fixture.result);
    rp_sinks_close(&desk->sinks, is_run, err);
    rp_sink_remove(&summary.sink);
}

static void test_the_summary(void **state)
{
    struct desk *desk = *state;
    struct rp_error err = { 0 };
    struct rp_buf text;

    rp_buf_init(&text, 1 << 16);
    rp_summary_write(&desk->fixture.result, (struct rp_style){ .width = 100 }, &text);
    close_summary(desk, stdout, false, &err); /* nothing was run: nothing to say */
    close_summary(desk, stdout, true, &err);
    assert_string_equal(written(desk, 1), rp_buf_str(&text));
    assert_null(err.message);
    rp_buf_deinit(&text);
}

static void test_the_summary_cannot_be_printed(void **state)
{
    struct desk *desk = *state;
    FILE *full = fopen("/dev/full", "w");
    struct rp_error err = { 0 };

    close_summary(desk, full, true, &err);
    restore(desk);
    assert_string_equal(err.message, "cannot write the output: No space left on device");
    assert_int_equal(desk->fixture.result.exit_code, RP_EXIT_OUTPUT);
    rp_error_deinit(&err);
    fclose(full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_lines, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stdout_is_kept_clear, setup, teardown),
        cmocka_unit_test_setup_teardown(test_progress, setup, teardown),
        cmocka_unit_test_setup_teardown(test_progress_of_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_without_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_summary, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_summary_cannot_be_printed, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

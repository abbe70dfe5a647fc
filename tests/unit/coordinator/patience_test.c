/* SPDX-License-Identifier: MIT */

/* The coordinator with a worker that does not answer or does not go (fake_worker.c): it is killed in time, and only then. */

#include "coordinate.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "disorder.h"

/* Long enough for a worker that answers, on a busy machine too; short enough to wait for. */
enum { PATIENCE_MS = 1000 };

#define LAST_WORDS "; its last words: dying words\n"

static void hangs_at_once(void)
{
    struct run run = { .patience = PATIENCE_MS * RP_MS };

    coordinate(&run, "hang", "start");
    assert_int_equal(run.r, -RP_EPEER);
    assert_string_equal(run.err.message, "the worker did not say hello in time and was killed");
    assert_string_equal(run.err.hint, "a hint");
    assert_string_equal(run.err.detail, "dying words\n");
    run_deinit(&run);
}

static void test_hangs(void **state)
{
    static const struct {
        const char *phase, *reason;
        enum rp_exit code;
    } cases[] = {
        { "run", "the worker did not stop in time and was killed" LAST_WORDS, RP_EXIT_INTERNAL },
        { "exit", "the worker did not stop in time and was killed" LAST_WORDS, RP_EXIT_INTERNAL },
        { "setup", "setup() blocked past its timeout and was killed" LAST_WORDS, RP_EXIT_SETUP },
        { "teardown", "teardown() blocked past its timeout and was killed" LAST_WORDS,
          RP_EXIT_TEARDOWN },
    };

    hangs_at_once();
    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct run run = { .patience = PATIENCE_MS * RP_MS };

        coordinate(&run, "hang", cases[i].phase);
        assert_int_equal(run.r, 0);
        assert_int_equal(run.result.exit_code, cases[i].code);
        assert_string_equal(run.result.reason, cases[i].reason);
        run_deinit(&run);
    }
}

static void test_closes_the_channel(void **state)
{
    static const char *const phases[] = {
        "start", "hello", "load", "setup", "run", "finish", "exit"
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(phases); i++) {
        struct run run = { .patience = PATIENCE_MS * RP_MS };

        coordinate(&run, "close", phases[i]);
        if (i < 3)
            assert_int_equal(run.r, -RP_EPEER);
        else
            assert_int_equal(run.result.exit_code, RP_EXIT_INTERNAL);
        assert_string_equal(run.r < 0 ? run.err.message : run.result.reason,
                            "the worker closed its channel and was killed");
        run_deinit(&run);
    }
}

static void test_does_not_end_after_bye(void **state)
{
    struct run run = { .patience = PATIENCE_MS * RP_MS };

    coordinate(&run, "hang", "bye");
    assert_int_equal(run.result.exit_code, RP_EXIT_PASSED);
    assert_int_equal(run.result.warning_count, 1);
    assert_string_equal(run.result.warnings[0].text,
                        "the worker did not end by itself and was killed");
    run_deinit(&run);
}

/* The coordinator itself is held up until the answer is there and the time is over. */
static void look_late(struct run *run)
{
    struct pollfd answer = { .fd = disorder.channel, .events = POLLIN };

    assert_int_equal(poll(&answer, 1, -1), 1);
    poll(NULL, 0, PATIENCE_MS * 2);
}

static void test_looks_late(void **state)
{
    struct run run = { .patience = PATIENCE_MS * RP_MS, .line = look_late };

    coordinate(&run, "talks", "setup");
    assert_int_equal(run.r, 0);
    assert_int_equal(run.lines, 1);
    if (run.result.exit_code != RP_EXIT_PASSED)
        fail_msg("%s", run.result.reason);
    run_deinit(&run);
}

/* It says something all the time, in the run or as it leaves, and is done before the last limit. */
static void test_is_slow(void **state)
{
    static const char *const modes[] = { "busy", "leaves-slowly" };

    for (size_t i = 0; i < RP_ARRAY_LEN(modes); i++) {
        struct run run = { .patience = 3 * RP_S };

        coordinate(&run, modes[i], "");
        assert_int_equal(run.r, 0);
        if (run.result.exit_code != RP_EXIT_PASSED)
            fail_msg("%s: %s", modes[i], run.result.reason);
        assert_int_equal(run.result.warning_count, 1);
        assert_int_equal(run.result.warnings[0].count, 40);
        run_deinit(&run);
    }
}

/* Faster than it is read, and without an end: signals and the clock have their turn. */
static void test_floods(void **state)
{
    disorder.is_outpaced = true;
    for (int signals = 0; signals < 2; signals++) {
        struct run run = { .patience = PATIENCE_MS * RP_MS,
                           .signal_in = signals ? "running" : NULL,
                           .signals = signals };

        coordinate(&run, "floods", "");
        assert_int_equal(run.r, 0);
        assert_int_equal(run.result.exit_code, signals ? RP_EXIT_ABORTED : RP_EXIT_INTERNAL);
        if (!signals)
            assert_string_equal(run.result.reason,
                                "the worker did not stop in time and was killed");
        run_deinit(&run);
    }
    disorder.is_outpaced = false;
}

/* For a while, and never says why. */
static void test_is_silent(void **state)
{
    struct run run = { .r = 0 };
    double silence = 0;

    coordinate(&run, "silent", "");
    assert_int_equal(run.r, 0);
    assert_int_equal(run.result.exit_code, RP_EXIT_PASSED);
    assert_int_equal(run.result.warning_count, 1);
    assert_int_equal(
        sscanf(run.result.warnings[0].text, "worker 1 said nothing for %lf s: ", &silence), 1);
    assert_true(silence >= 4.9);
    run_deinit(&run);
}

static void test_is_reminded(void **state)
{
    struct run run = { .r = 0 };

    coordinate(&run, "needs-reminder", "");
    assert_int_equal(run.r, 0);
    assert_int_equal(run.result.exit_code, RP_EXIT_PASSED);
    run_deinit(&run);
}

static void test_signals(void **state)
{
    static const struct {
        const char *mode, *at, *phase;
        int signals;
        bool has_finished;
    } cases[] = {
        { "waits", "", "running", 1, true },      /* stops when it is asked to */
        { "hang", "run", "running", 1, false },   /* does not, and is killed */
        { "hang", "run", "running", 2, false },   /* at once */
        { "setup-waits", "", "setup", 1, false }, /* teardown still runs */
        { "hang", "setup", "setup", 1, false },   { "hang", "load", "loading", 1, false },
        { "good", "", "teardown", 1, true },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct run run = { .patience = PATIENCE_MS * RP_MS,
                           .signal_in = cases[i].phase,
                           .signals = cases[i].signals,
                           .releases = strcmp(cases[i].mode, "setup-waits") == 0 };

        coordinate(&run, cases[i].mode, cases[i].at);
        if (run.r != 0 || run.result.exit_code != RP_EXIT_ABORTED)
            fail_msg("%zu: %d, exit code %d: %s", i, run.r, run.result.exit_code,
                     run.result.reason ? run.result.reason : "");
        assert_non_null(strstr(run.result.reason, "aborted"));
        if (run.releases)
            assert_int_equal(run.result.teardown_time, 5);
        if (run.result.accounting_count != cases[i].has_finished)
            fail_msg("%zu: %zu", i, run.result.accounting_count);
        run_deinit(&run);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hangs),
        cmocka_unit_test(test_closes_the_channel),
        cmocka_unit_test(test_does_not_end_after_bye),
        cmocka_unit_test(test_looks_late),
        cmocka_unit_test(test_is_slow),
        cmocka_unit_test(test_floods),
        cmocka_unit_test(test_is_silent),
        cmocka_unit_test(test_is_reminded),
        cmocka_unit_test(test_signals),
    };

    return run_all(argc, argv, tests, RP_ARRAY_LEN(tests));
}

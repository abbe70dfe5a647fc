/* SPDX-License-Identifier: MIT */

/* The coordinator with a worker that goes wrong in every phase (fake_worker.c): the right exit code, the reason with the
 * worker's last words, and never a hang. */

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <errno.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "cluster/coordinator.h"

enum { PATIENCE_MS = 250 };

static const char *program; /* the path of fake_worker */
static const struct rp_overrides no_overrides;

struct run {
    struct rp_result result;
    struct rp_error err;
    const char *phases[16];
    size_t phase_count;
    const char *signal_in; /* the phase in which SIGTERM is sent, @signals times */
    int signals;
    bool releases; /* a worker that waits in setup */
    int r, lines;
};

static void on_status(void *user, const struct rp_coordinator_status *status)
{
    struct run *run = user;

    if (!run->phase_count || strcmp(run->phases[run->phase_count - 1], status->phase) != 0) {
        assert_true(run->phase_count < RP_ARRAY_LEN(run->phases));
        run->phases[run->phase_count++] = status->phase;
    }
    /* The second status of the phase comes from the signal's having been noticed. */
    if (run->releases && !run->signal_in && strcmp(status->phase, "setup") == 0)
        assert_int_equal(kill(run->result.workers[0].pid, SIGUSR1), 0);
    if (run->signal_in && strcmp(run->signal_in, status->phase) == 0)
        for (run->signal_in = NULL; run->signals > 0; run->signals--) {
            /* Pending ones are one: the second is another. */
            assert_int_equal(kill(getpid(), run->signals > 1 ? SIGINT : SIGTERM), 0);
        }
}

static void on_line(void *user, bool is_stderr, const char *text)
{
    struct run *run = user;

    run->lines++;
    assert_true(is_stderr);
    assert_string_equal(text, "dying words");
}

static void coordinate(struct run *run, const char *mode, const char *phase)
{
    char *argv[] = { strdup(program), strdup(mode), strdup(phase), NULL };
    struct rp_coordinator_config config = { .script = "fake.py",
                                            .worker_argv = argv,
                                            .worker_hint = "a hint",
                                            .overrides = &no_overrides,
                                            .status = on_status,
                                            .line = on_line,
                                            .user = run,
                                            .patience = PATIENCE_MS * RP_MS };

    run->r = rp_coordinate(&config, &run->result, &run->err);
    for (int i = 0; i < 3; i++)
        free(argv[i]);
}

static void run_deinit(struct run *run)
{
    rp_result_deinit(&run->result);
    rp_error_deinit(&run->err);
}

static void assert_reason(const char *reason, const char *part, const char *mode, const char *phase)
{
    if (!reason || !strstr(reason, part))
        fail_msg("%s %s: the reason is '%s', not '%s'", mode, phase, reason ? reason : "(none)",
                 part);
}

/* ---- the good one ---- */

static void test_a_good_worker(void **state)
{
    static const char *const phases[] = { "loading", "setup", "running", "teardown" };
    struct run run = { .r = 0 };

    coordinate(&run, "good", "");
    assert_int_equal(run.r, 0);
    assert_int_equal(run.result.exit_code, RP_EXIT_PASSED);
    assert_null(run.result.reason);
    assert_int_equal(run.phase_count, RP_ARRAY_LEN(phases));
    for (size_t i = 0; i < RP_ARRAY_LEN(phases); i++)
        assert_string_equal(run.phases[i], phases[i]);
    assert_int_equal(strlen(run.result.run_id), 36);
    assert_int_equal(run.result.worker_count, 1);
    assert_true(run.result.workers[0].pid > 1);
    assert_string_equal(run.result.workers[0].runtime, "fake");
    assert_int_equal(run.result.accounting_count, 1);
    assert_int_equal(run.result.accounting[0].completed, 3);
    assert_int_equal(run.result.setup_time, 5);
    assert_int_equal(run.result.elapsed, RP_S);
    assert_true(rp_store_view(run.result.store, "iterations")->total.counter == 3);
    assert_int_equal(run.lines, 0);
    run_deinit(&run);
}

static void test_only_the_plan(void **state)
{
    char *argv[] = { strdup(program), NULL };
    struct rp_coordinator_config config = { .script = "fake.py",
                                            .worker_argv = argv,
                                            .overrides = &no_overrides,
                                            .patience = PATIENCE_MS * RP_MS };
    struct rp_error err = { 0 };
    struct rp_plan *plan = NULL;

    assert_int_equal(rp_coordinate_plan(&config, &plan, &err), 0);
    assert_int_equal(plan->scenario_count, 1);
    assert_int_equal(plan->scenarios[0].iterations, 3);
    rp_plan_free(plan);
    free(argv[0]);
}

/* ---- bad in a phase ---- */

static const char *const phases[] = { "start", "hello",  "load",     "plan", "setup",
                                      "run",   "finish", "teardown", "exit", "bye" };

/* Before the script is declared there is no run: an error, not a result. */
static bool is_early(const char *phase)
{
    return strcmp(phase, "start") == 0 || strcmp(phase, "hello") == 0 || strcmp(phase, "load") == 0;
}

static void check_phase(const char *mode, const char *phase, const char *reason)
{
    struct run run = { .r = 0 };

    coordinate(&run, mode, phase);
    if (is_early(phase)) {
        /* What ends by itself without a word is no worker at all: the user's choice of it is wrong. */
        bool is_no_worker = strcmp(phase, "start") == 0 && strcmp(mode, "die") == 0;

        if (run.r != (is_no_worker ? -RP_EUSER : -RP_EPEER))
            fail_msg("%s %s: %d", mode, phase, run.r);
        assert_reason(run.err.message, reason, mode, phase);
        assert_string_equal(run.err.hint, "a hint");
        assert_string_equal(run.err.detail, "dying words\n");
    } else if (strcmp(phase, "bye") == 0) {
        /* Everything was said: the numbers are complete. */
        assert_int_equal(run.r, 0);
        assert_int_equal(run.result.exit_code, RP_EXIT_PASSED);
    } else {
        assert_int_equal(run.r, 0);
        if (run.result.exit_code != RP_EXIT_INTERNAL)
            fail_msg("%s %s: exit code %d", mode, phase, run.result.exit_code);
        assert_reason(run.result.reason, reason, mode, phase);
        if (strstr(reason, "status") || strstr(reason, "signal"))
            assert_reason(run.result.reason, "; its last words: dying words\n", mode, phase);
    }
    assert_int_equal(run.lines, 1);
    run_deinit(&run);
}

static void test_dies(void **state)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(phases); i++) {
        check_phase("die", phases[i], "exited with status 7");
        check_phase("crash", phases[i], "was killed by signal 9 (Killed)");
    }
}

static void test_speaks_nonsense(void **state)
{
    static const char *const modes[] = { "garbage", "giant", "odd" };

    for (size_t i = 0; i < RP_ARRAY_LEN(phases) - 1; i++)
        for (size_t j = 0; j < RP_ARRAY_LEN(modes); j++)
            check_phase(modes[j], phases[i], "a worker's message could not be used");
}

static void test_hangs(void **state)
{
    static const struct {
        const char *phase, *reason;
        enum rp_exit code;
    } cases[] = {
        { "run", "the worker did not stop in time and was killed", RP_EXIT_INTERNAL },
        { "exit", "the worker did not stop in time and was killed", RP_EXIT_INTERNAL },
        { "setup", "setup() blocked past its timeout and was killed", RP_EXIT_SETUP },
        { "teardown", "teardown() blocked past its timeout and was killed", RP_EXIT_TEARDOWN },
    };

    check_phase("hang", "start", "the worker did not say hello in time and was killed");
    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct run run = { .r = 0 };

        coordinate(&run, "hang", cases[i].phase);
        assert_int_equal(run.r, 0);
        assert_int_equal(run.result.exit_code, cases[i].code);
        assert_string_equal(run.result.reason, cases[i].reason);
        run_deinit(&run);
    }
}

static void test_closes_the_channel(void **state)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(phases) - 1; i++) {
        struct run run = { .r = 0 };

        coordinate(&run, "close", phases[i]);
        if (is_early(phases[i]))
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
    struct run run = { .r = 0 };

    coordinate(&run, "hang", "bye");
    assert_int_equal(run.result.exit_code, RP_EXIT_PASSED);
    assert_int_equal(run.result.warning_count, 1);
    assert_string_equal(run.result.warnings[0].text,
                        "the worker did not end by itself and was killed");
    run_deinit(&run);
}

/* ---- bad in what it says ---- */

static void test_lies(void **state)
{
    static const struct {
        const char *mode;
        int r;
        enum rp_exit code;
        const char *reason; /* NULL: none */
    } cases[] = {
        { "old", -EPROTO, 0, "the worker speaks another version of the protocol" },
        { "no-json", -RP_EUSER, 0, "" },
        { "failed", -RP_EUSER, 0, "boom" },
        { "accounting", 0, RP_EXIT_INTERNAL, "the accounting of scenario 'f' does not add up" },
        { "wrap", 0, RP_EXIT_INTERNAL, "the accounting of scenario 'f' does not add up" },
        { "counter", 0, RP_EXIT_INTERNAL, "the iteration counters differ from the accounting" },
        { "total", 0, RP_EXIT_INTERNAL, "the sums of a worker's reports differ from its totals" },
        { "lost", 0, RP_EXIT_INTERNAL, "the sums of a worker's reports differ from its totals" },
        { "scenarios", 0, RP_EXIT_INTERNAL, "a worker's message could not be used" },
        { "undefined", 0, RP_EXIT_INTERNAL, "a worker's message could not be used" },
        { "kind", 0, RP_EXIT_INTERNAL, "a worker's message could not be used" },
        { "series-number", 0, RP_EXIT_INTERNAL, "a worker's message could not be used" },
        { "nameless-metric", 0, RP_EXIT_INTERNAL, NULL },
        { "no-setup", 0, RP_EXIT_SETUP, "setup() failed: ValueError: no" },
        { "no-teardown", 0, RP_EXIT_TEARDOWN, "teardown() failed: ValueError: no" },
        { "nameless", 0, RP_EXIT_PASSED, NULL },
        { "errors", 0, RP_EXIT_PASSED, NULL },
        { "endless", 0, RP_EXIT_PASSED, NULL },
        { "status", 0, RP_EXIT_PASSED, NULL },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct run run = { .r = 0 };

        coordinate(&run, cases[i].mode, "");
        if (run.r != cases[i].r || (run.r == 0 && run.result.exit_code != cases[i].code))
            fail_msg("%s: %d, exit code %d: %s", cases[i].mode, run.r, run.result.exit_code,
                     run.result.reason ? run.result.reason : "");
        if (cases[i].reason)
            assert_reason(run.r < 0 ? run.err.message : run.result.reason, cases[i].reason,
                          cases[i].mode, "");
        for (size_t j = 0; j < run.result.error_count; j++)
            assert_true(run.result.errors[j].scenario && run.result.errors[j].type &&
                        run.result.errors[j].message && run.result.errors[j].place);
        if (run.result.worker_count)
            assert_true(run.result.workers[0].loop && run.result.workers[0].runtime);
        run_deinit(&run);
    }
}

static void test_no_such_program(void **state)
{
    char name[] = "/no/such/program", *argv[] = { name, NULL };
    struct rp_coordinator_config config = { .script = "fake.py",
                                            .worker_argv = argv,
                                            .worker_hint = "a hint",
                                            .overrides = &no_overrides };
    struct rp_result result = { 0 };
    struct rp_error err = { 0 };

    assert_int_equal(rp_coordinate(&config, &result, &err), -RP_EUSER);
    assert_string_equal(err.message,
                        "cannot start the worker '/no/such/program': No such file or directory");
    assert_string_equal(err.hint, "a hint");
    rp_error_deinit(&err);
    rp_result_deinit(&result);
}

/* ---- signals ---- */

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
        struct run run = { .signal_in = cases[i].phase,
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
        cmocka_unit_test(test_a_good_worker),
        cmocka_unit_test(test_only_the_plan),
        cmocka_unit_test(test_dies),
        cmocka_unit_test(test_speaks_nonsense),
        cmocka_unit_test(test_hangs),
        cmocka_unit_test(test_closes_the_channel),
        cmocka_unit_test(test_does_not_end_after_bye),
        cmocka_unit_test(test_lies),
        cmocka_unit_test(test_no_such_program),
        cmocka_unit_test(test_signals),
    };

    if (argc != 2) {
        fprintf(stderr, "usage: %s FAKE_WORKER\n", argv[0]);
        return 2;
    }
    program = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}

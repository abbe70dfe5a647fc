/* SPDX-License-Identifier: MIT */

/* The coordinator with several workers of which one goes wrong (fake_worker.c), in every phase, each of them, under both
 * policies: the right exit code and reason, what is lost is told, and the others end too. */

#include "coordinate.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "disorder.h"

enum { PATIENCE_MS = 1000 };

static const char *const phases[] = { "start", "hello",  "load",     "plan", "setup", "share",
                                      "run",   "finish", "teardown", "exit", "bye" };

static int end_disorder(void **state)
{
    disorder = (struct disorder){ 0 };
    return 0;
}

/* setup() and teardown() are the first one's, what setup() returned is for the others. */
static bool is_reached(const char *phase, int who)
{
    if (strcmp(phase, "share") == 0)
        return who > 1;
    return who == 1 || (strcmp(phase, "setup") != 0 && strcmp(phase, "teardown") != 0);
}

static bool is_early(const char *phase)
{
    return strcmp(phase, "start") == 0 || strcmp(phase, "hello") == 0 || strcmp(phase, "load") == 0;
}

/* What must be so however it went. */
static void check_result(const struct run *run, const char *what)
{
    const struct rp_result *result = &run->result;

    for (size_t i = 0; i < result->worker_count; i++) {
        if (result->workers[i].pid <= 1)
            fail_msg("%s: worker %zu has no process", what, i + 1);
        if (result->workers[i].id != i + 1)
            fail_msg("%s: worker %zu is number %u", what, i + 1, result->workers[i].id);
    }
    for (size_t i = 0; i < result->accounting_count; i++)
        if (!rp_accounting_holds(&result->accounting[i]))
            fail_msg("%s: the accounting does not hold", what);
    for (size_t i = 0; i < result->warning_count; i++)
        assert_non_null(result->warnings[i].text);
}

static void check_passed(const struct run *run, const char *what, int losses)
{
    const struct rp_result *result = &run->result;
    int lost = 0;

    if (run->r != 0 || result->exit_code != RP_EXIT_PASSED)
        fail_msg("%s: %d, exit code %d: %s", what, run->r, result->exit_code,
                 result->reason ? result->reason : "");
    for (size_t i = 0; i < result->worker_count; i++)
        lost += result->workers[i].lost != NULL;
    if (lost != losses || result->worker_count != (size_t)run->workers)
        fail_msg("%s: %d of %zu lost", what, lost, result->worker_count);
    if (!losses &&
        (result->accounting[0].completed != 3u * (unsigned)run->workers || result->warning_count))
        fail_msg("%s: something is missing", what);
    if (!losses && result->is_cut_short)
        fail_msg("%s: the run is said to be cut short", what);
    if (losses && result->generator == RP_GENERATOR_VALID)
        fail_msg("%s: the generator is said to be valid", what);
}

static void check_failed(const struct run *run, const char *what, int who, const char *reason)
{
    char name[40];

    snprintf(name, sizeof(name), "worker %d (process ", who);
    if (run->r != 0 || run->result.exit_code != RP_EXIT_INTERNAL)
        fail_msg("%s: %d, exit code %d: %s", what, run->r, run->result.exit_code,
                 run->r < 0 ? run->err.message : "");
    assert_reason(run->result.reason, reason, what, "");
    if (strstr(reason, "status") || strstr(reason, "signal")) {
        assert_reason(run->result.reason, name, what, "");
        assert_reason(run->result.reason, "; its last words: dying words\n", what, "");
        assert_null(strstr(run->result.reason, "(process 0)"));
    }
}

struct bad {
    const char *mode, *reason;
    int workers, who;
    bool bears_losses, is_reversed;
};

static void check_phase(const struct bad *bad, const char *phase)
{
    struct run run = { .workers = bad->workers, .bears_losses = bad->bears_losses };
    bool is_bad = is_reached(phase, bad->who) && strcmp(phase, "bye") != 0;
    char what[100];

    snprintf(what, sizeof(what), "%s %s, worker %d of %d%s%s", bad->mode, phase, bad->who,
             bad->workers, bad->bears_losses ? ", borne" : "",
             bad->is_reversed ? ", reversed" : "");
    disorder = (struct disorder){ .who = bad->who, .is_reversed = bad->is_reversed };
    coordinate(&run, bad->mode, phase);
    if (is_bad && is_early(phase) && bad->who == 1) {
        assert_true(run.r < 0);
        assert_reason(run.err.message, bad->reason, what, "");
    } else if (is_bad && strcmp(phase, "finish") == 0 && bad->bears_losses) {
        /* While another one runs or behind that: see below. */
        if (run.result.exit_code == RP_EXIT_PASSED)
            check_passed(&run, what, 1);
        else
            check_failed(&run, what, bad->who, bad->reason);
    } else if (is_bad && !(strcmp(phase, "run") == 0 && bad->bears_losses)) {
        check_failed(&run, what, bad->who, bad->reason);
    } else {
        check_passed(&run, what, is_bad);
    }
    check_result(&run, what);
    if (is_bad && strcmp(phase, "run") == 0 && !run.result.is_cut_short)
        fail_msg("%s: the run is not said to be cut short", what);
    assert_int_equal(run.lines, is_reached(phase, bad->who));
    run_deinit(&run);
}

static void check_phases(struct bad bad)
{
    for (bad.workers = 2; bad.workers <= 3; bad.workers++)
        for (bad.who = 1; bad.who <= bad.workers; bad.who++)
            for (size_t i = 0; i < RP_ARRAY_LEN(phases); i++)
                check_phase(&bad, phases[i]);
}

static void test_all_are_good(void **state)
{
    for (int workers = 1; workers <= 4; workers++) {
        struct run run = { .workers = workers };

        coordinate(&run, "good", "");
        check_passed(&run, "good", 0);
        check_result(&run, "good");
        assert_true(rp_sum_read(&rp_store_view(run.result.store, "iterations")->total.counter) ==
                    3 * workers);
        run_deinit(&run);
    }
}

static void test_one_dies(void **state)
{
    check_phases((struct bad){ .mode = "die", .reason = "exited with status 7" });
    check_phases((struct bad){ "die", "exited with status 7", .is_reversed = true });
}

static void test_one_dies_and_that_is_borne(void **state)
{
    check_phases((struct bad){ "crash", "was killed by signal 9 (Killed)", .bears_losses = true });
}

static void test_one_speaks_nonsense(void **state)
{
    static const char *const modes[] = { "garbage", "giant", "odd" };

    for (size_t i = 0; i < RP_ARRAY_LEN(modes); i++)
        for (int who = 1; who <= 2; who++)
            /* What leaves may still answer something else: "odd" is not noticed then. */
            for (size_t j = 0; j < (i == 2 ? 7 : RP_ARRAY_LEN(phases) - 1); j++)
                check_phase(&(struct bad){ modes[i], "a worker's message could not be used", 2, who,
                                           .is_reversed = j % 2 },
                            phases[j]);
}

/* A process is known to have our clock, whatever it says: this one starts at a moment that is not its own, and says so. */
static void test_processes_have_our_clock(void **state)
{
    struct run run = { .workers = 2 };

    coordinate(&run, "clock-ahead", "");
    assert_int_equal(run.result.exit_code, RP_EXIT_INTERNAL);
    assert_reason(run.result.reason, "exited with status 92", "clock-ahead", "");
    run_deinit(&run);
}

/* The others run until it is known. */
static void release_the_others(struct run *run, const struct rp_run_status *status)
{
    const struct rp_result *result = &run->result;

    for (size_t i = 0; i < result->worker_count; i++)
        if (result->workers[i].lost)
            for (size_t j = 0; j < result->worker_count; j++)
                if (j != i)
                    kill(result->workers[j].pid, SIGUSR1);
}

/* One whose executors have ended, while another one's have not. */
static void test_one_dies_that_has_finished(void **state)
{
    for (int bears = 0; bears < 2; bears++)
        for (int who = 1; who <= 3; who++) {
            struct run run = { .workers = 3, .bears_losses = bears, .status = release_the_others };

            disorder = (struct disorder){ .who = who, .others = "waits-for-loss" };
            coordinate(&run, "crash", "finish");
            if (bears)
                check_passed(&run, "finished", 1);
            else
                check_failed(&run, "finished", who, "was killed by signal 9 (Killed)");
            check_result(&run, "finished");
            /* What it did is known to the last iteration. */
            assert_int_equal(run.result.accounting[0].completed, 9);
            assert_int_equal(run.result.accounting[0].interrupted, 0);
            assert_non_null(run.result.workers[who - 1].lost);
            assert_int_equal(run.result.teardown_time, 5);
            run_deinit(&run);
        }
}

/* What the first one's successor has paused in sum differs a bit: that is no third pause. */
static void pause_and_release(struct run *run, const struct rp_run_status *status)
{
    if (status->phase != RP_RUN_RUNNING)
        return;
    if (run->step++ < 4)
        kill(getpid(), status->is_paused ? SIGUSR2 : SIGUSR1);
    release_the_others(run, status);
}

static void test_the_first_dies_after_pauses(void **state)
{
    struct run run = { .workers = 2, .bears_losses = true, .status = pause_and_release };

    disorder = (struct disorder){ .who = 1, .others = "pauses-late" };
    coordinate(&run, "crash-after-pauses", "finish");
    check_passed(&run, "pauses", 1);
    assert_int_equal(run.result.pause_count, 2);
    assert_int_equal(run.result.pauses[1].length, RP_S);
    assert_int_equal(run.result.paused, 2 * (RP_S + 50000));
    run_deinit(&run);
}

/* That is noticed in every phase, whatever patience there is. */
static void test_one_is_stopped(void **state)
{
    static const struct {
        const char *phase;
        int who;
    } cases[] = { { "load", 2 }, { "plan", 1 }, { "setup", 1 }, { "share", 2 }, { "teardown", 1 } };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct run run = { .workers = 2, .bears_losses = true };
        char name[60];

        disorder = (struct disorder){ .who = cases[i].who };
        coordinate(&run, "stop", cases[i].phase);
        snprintf(name, sizeof(name), "worker %d (process %d) was stopped by a signal", cases[i].who,
                 run.result.workers[cases[i].who - 1].pid);
        assert_int_equal(run.result.exit_code, RP_EXIT_INTERNAL);
        assert_string_equal(run.result.reason, name);
        run_deinit(&run);
    }
}

/* It is not waited for any more, however long teardown() takes. */
static void test_one_cannot_use_what_is_shared(void **state)
{
    struct run run = { .workers = 3, .patience = PATIENCE_MS * RP_MS };

    disorder = (struct disorder){ .who = 3, .others = "slow-teardown" };
    coordinate(&run, "share-fails", "");
    assert_int_equal(run.r, 0);
    assert_int_equal(run.result.exit_code, RP_EXIT_SETUP);
    assert_string_equal(run.result.reason, "setup() failed: boom");
    assert_int_equal(run.result.teardown_time, 5);
    run_deinit(&run);
}

/* The second status of the phase tells that the loss was noticed. */
static void release_once_lost(struct run *run, const struct rp_run_status *status)
{
    if (status->phase != RP_RUN_SETUP || ++run->step != 2)
        return;
    for (size_t i = 1; i < run->result.worker_count; i++)
        assert_int_equal(kill(run->result.workers[i].pid, SIGUSR1), 0);
}

/* The worker that ran setup() dies while the others are told what it returned: what setup() has made is torn down by
 * the first one that is left, once that has taken or refused what it was told. */
static void test_the_first_dies_while_the_others_get_ready(void **state)
{
    static const char *const others[] = { "share-waits", "share-waits-fails" };

    for (int i = 0; i < 8; i++) {
        struct run run = { .workers = 2 + i % 2,
                           .bears_losses = i & 2,
                           .status = release_once_lost };

        disorder = (struct disorder){
            .who = 1, .others = others[i / 4], .deadly = "share", .is_reversed = i & 1
        };
        coordinate(&run, "die", "set-up");
        check_failed(&run, "set-up", 1, "exited with status 7");
        check_result(&run, "set-up");
        assert_int_equal(run.result.setup_time, 5);
        assert_int_equal(run.result.teardown_time, 5);
        assert_int_equal(run.result.accounting_count, 0);
        run_deinit(&run);
    }
}

/* The others answer once the abort is known: before it they could have made the run begin. */
static void release_once_aborted(struct run *run, const struct rp_run_status *status)
{
    if (run->result.exit_code != RP_EXIT_ABORTED || run->step++)
        return;
    for (size_t i = 1; i < run->result.worker_count; i++)
        assert_int_equal(kill(run->result.workers[i].pid, SIGUSR1), 0);
}

/* A task that setup() has left behind ends the run while the others are told what it returned. */
static void test_the_first_aborts_while_the_others_get_ready(void **state)
{
    struct run run = { .workers = 3, .status = release_once_aborted };

    disorder = (struct disorder){ .who = 1, .others = "share-waits" };
    coordinate(&run, "late-abort", "");
    assert_int_equal(run.r, 0);
    assert_int_equal(run.result.exit_code, RP_EXIT_ABORTED);
    assert_string_equal(run.result.reason, "aborted by the script: late");
    assert_int_equal(run.result.teardown_time, 5);
    assert_int_equal(run.result.accounting_count, 0);
    assert_true(run.step); /* they were released */
    run_deinit(&run);
}

static void test_one_hangs(void **state)
{
    static const struct {
        const char *mode, *phase, *reason;
        int who;
        bool bears_losses;
        enum rp_exit code;
    } cases[] = {
        { "hang", "start", "worker 2 did not say hello in time and was killed", 2, true,
          RP_EXIT_INTERNAL },
        { "hang", "share", "worker 2 did not get ready in time and was killed", 2, true,
          RP_EXIT_INTERNAL },
        { "hang", "setup", "setup() blocked past its timeout and was killed", 1, true,
          RP_EXIT_SETUP },
        { "hang", "run", "worker 2 did not stop in time and was killed", 2, false,
          RP_EXIT_INTERNAL },
        { "hang", "run", NULL, 1, true, RP_EXIT_PASSED },
        { "hang", "exit", "worker 2 did not stop in time and was killed", 2, true,
          RP_EXIT_INTERNAL },
        { "close", "load", "worker 2 closed its channel and was killed", 2, true,
          RP_EXIT_INTERNAL },
        { "close", "share", "worker 2 closed its channel and was killed", 2, true,
          RP_EXIT_INTERNAL },
        { "close", "run", "worker 1 closed its channel and was killed", 1, false,
          RP_EXIT_INTERNAL },
        { "close", "run", NULL, 2, true, RP_EXIT_PASSED },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct run run = { .workers = 2,
                           .bears_losses = cases[i].bears_losses,
                           .patience = PATIENCE_MS * RP_MS };
        char what[60];

        snprintf(what, sizeof(what), "%s %s %d", cases[i].mode, cases[i].phase, cases[i].who);
        disorder = (struct disorder){ .who = cases[i].who };
        coordinate(&run, cases[i].mode, cases[i].phase);
        if (cases[i].code == RP_EXIT_PASSED) {
            check_passed(&run, what, 1);
        } else {
            if (run.r != 0 || run.result.exit_code != cases[i].code)
                fail_msg("%s: %d, exit code %d", what, run.r, run.result.exit_code);
            assert_reason(run.result.reason, cases[i].reason, what, "");
        }
        check_result(&run, what);
        run_deinit(&run);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_all_are_good, end_disorder),
        cmocka_unit_test_teardown(test_processes_have_our_clock, end_disorder),
        cmocka_unit_test_teardown(test_one_dies, end_disorder),
        cmocka_unit_test_teardown(test_one_dies_and_that_is_borne, end_disorder),
        cmocka_unit_test_teardown(test_one_speaks_nonsense, end_disorder),
        cmocka_unit_test_teardown(test_one_dies_that_has_finished, end_disorder),
        cmocka_unit_test_teardown(test_one_hangs, end_disorder),
        cmocka_unit_test_teardown(test_the_first_dies_after_pauses, end_disorder),
        cmocka_unit_test_teardown(test_one_is_stopped, end_disorder),
        cmocka_unit_test_teardown(test_one_cannot_use_what_is_shared, end_disorder),
        cmocka_unit_test_teardown(test_the_first_aborts_while_the_others_get_ready, end_disorder),
        cmocka_unit_test_teardown(test_the_first_dies_while_the_others_get_ready, end_disorder),
    };

    return run_all(argc, argv, tests, RP_ARRAY_LEN(tests));
}

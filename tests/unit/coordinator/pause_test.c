/* SPDX-License-Identifier: MIT */

/* Pause and resume by signals, with a worker that answers as it should (fake_worker.c). */

#include "coordinate.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

static void signal_self(int number)
{
    assert_int_equal(kill(getpid(), number), 0);
}

/* What the test does next, by what it sees. */
static int step, seen_paused;

static int begin(void **state)
{
    step = seen_paused = 0;
    return 0;
}

static void check_pause(const struct rp_result *result, size_t i, double start_s, double length_s)
{
    assert_true(i < result->pause_count);
    assert_true(result->pauses[i].start == (rp_ns)(start_s * 1e9));
    assert_true(result->pauses[i].length == (rp_ns)(length_s * 1e9));
}

/* Pause, pause again, resume, resume again, pause, resume. A pause is given up only when it was seen for a while. */
static void pause_twice(struct run *run, const struct rp_run_status *status)
{
    if (status->phase != RP_RUN_RUNNING)
        return;
    seen_paused += status->is_paused;
    assert_true(status->elapsed >= 0);
    switch (step) {
    case 0:
    case 3:
        assert_false(status->is_paused);
        signal_self(SIGUSR1);
        step++;
        break;
    case 1:
        if (status->is_paused) {
            signal_self(SIGUSR1);
            step++;
        }
        break;
    case 2:
        if (seen_paused > 5) { /* longer than the patience with a worker that runs */
            signal_self(SIGUSR2);
            step++;
        }
        break;
    case 4:
        if (status->is_paused) {
            rp_control_resume(run->sinks.control);
            rp_control_resume(run->sinks.control);
            step++;
        }
        break;
    default:
        assert_false(status->is_paused);
    }
}

static void test_pauses(void **state)
{
    struct run run = { .status = pause_twice, .patience = RP_S };

    coordinate(&run, "pauses", "");
    assert_int_equal(run.r, 0);
    if (run.result.exit_code != RP_EXIT_PASSED)
        fail_msg("%s", run.result.reason);
    assert_int_equal(step, 5);
    assert_int_equal(run.result.pause_count, 2);
    check_pause(&run.result, 0, 1, 1);
    check_pause(&run.result, 1, 3, 1);
    assert_true(run.result.elapsed == 2 * RP_S);
    assert_true(run.result.paused == 2 * RP_S);
    run_deinit(&run);
}

/* Before the start: the start is held, and the worker is told so before it is told to start. */
static void pause_in_setup(struct run *run, const struct rp_run_status *status)
{
    if (step == 0 && status->phase == RP_RUN_SETUP) {
        signal_self(SIGUSR1);
        step = 1;
    } else if (step == 1 && status->is_paused) {
        assert_int_equal(kill(run->result.workers[0].pid, SIGUSR1), 0);
        step = 2;
    } else if (step == 2 && status->phase == RP_RUN_RUNNING) {
        step = 3;
        assert_true(status->is_paused);
        rp_control_resume(run->sinks.control);
        rp_control_pause(run->sinks.control);
        rp_control_resume(run->sinks.control);
    }
}

static void test_pauses_in_setup(void **state)
{
    struct run run = { .status = pause_in_setup };

    coordinate(&run, "setup-pauses", "");
    assert_int_equal(step, 3);
    assert_int_equal(run.result.exit_code, RP_EXIT_PASSED);
    assert_int_equal(run.result.pause_count, 2);
    run_deinit(&run);
}

/* Paused and resumed during set-up: as if nothing had been. */
static void resume_in_setup(struct run *run, const struct rp_run_status *status)
{
    if (step == 0 && status->phase == RP_RUN_SETUP) {
        step = 1;
        rp_control_pause(run->sinks.control);
        rp_control_resume(run->sinks.control); /* both are told when all know of the set-up */
    } else if (step == 1) {
        assert_true(status->is_paused);
        step = 2;
    } else {
        assert_false(status->is_paused);
    }
}

static void test_resumes_in_setup(void **state)
{
    struct run run = { .status = resume_in_setup };

    coordinate(&run, "good", "");
    assert_int_equal(step, 2);
    assert_int_equal(run.result.exit_code, RP_EXIT_PASSED);
    assert_int_equal(run.result.pause_count, 0);
    assert_int_equal(run.result.paused, 0);
    run_deinit(&run);
}

static void stop_in_pause(struct run *run, const struct rp_run_status *status)
{
    if (step == 0 && status->phase == RP_RUN_RUNNING) {
        signal_self(SIGUSR1);
        step = 1;
    } else if (step == 1 && status->is_paused) {
        signal_self(SIGTERM);
        step = 2;
    } else if (step == 2 && status->phase == RP_RUN_STOPPING) {
        assert_false(status->is_paused);
        rp_control_pause(run->sinks.control); /* no effect: nobody is told */
        step = 3;
    } else if (step == 3) {
        assert_false(status->is_paused);
    }
}

static void test_stops_in_a_pause(void **state)
{
    struct run run = { .status = stop_in_pause };

    coordinate(&run, "pauses", "");
    assert_int_equal(step, 3);
    assert_int_equal(run.result.exit_code, RP_EXIT_ABORTED);
    assert_int_equal(run.result.pause_count, 1);
    assert_int_equal(run.result.accounting_count, 1);
    assert_int_equal(run.result.teardown_time, 5);
    run_deinit(&run);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_pauses, begin),
        cmocka_unit_test_setup(test_pauses_in_setup, begin),
        cmocka_unit_test_setup(test_resumes_in_setup, begin),
        cmocka_unit_test_setup(test_stops_in_a_pause, begin),
    };

    return run_all(argc, argv, tests, RP_ARRAY_LEN(tests));
}

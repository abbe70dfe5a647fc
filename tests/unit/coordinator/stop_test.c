/* SPDX-License-Identifier: MIT */

/* A run is stopped by its control and by signals, each in turn: signals are counted apart, and a stop that is repeated changes
 * nothing. */

#include "coordinate.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

static int stops;

static void stop_and_signal(struct run *run, const struct rp_run_status *status)
{
    if (stops || status->phase != RP_RUN_RUNNING)
        return;
    stops = 1;
    rp_control_stop(run->sinks.control, "enough", false);
    assert_int_equal(kill(getpid(), SIGTERM), 0);
}

/* "stopping: waiting for the iterations that run ..." */
static void let_it_stop(struct run *run)
{
    assert_int_equal(kill(run->result.workers[0].pid, SIGUSR1), 0);
}

/* It is the first signal that the run gets: it says what is waited for, and teardown runs. */
static void test_a_signal_after_a_stop_is_the_first_one(void **state)
{
    struct run run = { .status = stop_and_signal, .line = let_it_stop };

    coordinate(&run, "stops-late", "");
    assert_int_equal(run.r, 0);
    assert_int_equal(run.lines, 1);
    assert_int_equal(run.result.exit_code, RP_EXIT_ABORTED);
    assert_string_equal(run.result.reason, "enough");
    assert_int_equal(run.result.teardown_time, 5);
    run_deinit(&run);
}

static void stop_twice(struct run *run, const struct rp_run_status *status)
{
    if (stops || status->phase != RP_RUN_RUNNING)
        return;
    stops = 1;
    rp_control_stop(run->sinks.control, "enough", false);
    rp_control_stop(run->sinks.control, "again", false);
}

static void test_a_crash_after_two_stops_is_a_crash(void **state)
{
    struct run run = { .status = stop_twice };

    coordinate(&run, "crash", "teardown");
    assert_int_equal(run.r, 0);
    assert_int_equal(run.result.exit_code, RP_EXIT_INTERNAL);
    assert_reason(run.result.reason, "was killed by signal 9 (Killed)", "crash", "teardown");
    run_deinit(&run);
}

static int begin(void **state)
{
    stops = 0;
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_signal_after_a_stop_is_the_first_one, begin),
        cmocka_unit_test_setup(test_a_crash_after_two_stops_is_a_crash, begin),
    };

    return run_all(argc, argv, tests, RP_ARRAY_LEN(tests));
}

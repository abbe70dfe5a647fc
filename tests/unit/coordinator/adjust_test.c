/* SPDX-License-Identifier: MIT */

/* A run is adjusted by its control: what the workers, the sinks and the result are told, and what is refused. fake_worker.c
 * warns of each adjustment that it hears of. */

#include "coordinate.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct watcher {
    struct rp_sink sink;
    struct rp_event events[8]; /* of adjustments */
    size_t count;
};

static void on_event(struct rp_sink *sink, const struct rp_event *event)
{
    struct watcher *watcher = rp_container_of(sink, struct watcher, sink);

    assert_true(watcher->count < RP_ARRAY_LEN(watcher->events));
    watcher->events[watcher->count++] = *event;
}

static const struct rp_sink_ops watching = { .events = RP_EVENT_BIT(RP_EVENT_ADJUST),
                                             .event = on_event };

static void refused(struct rp_control *control, struct rp_adjustment wanted, const char *part)
{
    struct rp_error err = { 0 };

    assert_int_equal(rp_control_adjust(control, &wanted, &err), -RP_EUSER);
    assert_reason(err.message, part, "adjust", "");
    rp_error_deinit(&err);
}

static void made(struct rp_control *control, struct rp_adjustment wanted)
{
    struct rp_error err = { 0 };

    if (rp_control_adjust(control, &wanted, &err) < 0)
        fail_msg("%s", err.message);
}

static int step;

/* Two at once, one in a pause, and one that cannot be. */
static void adjust_while_it_runs(struct run *run, const struct rp_run_status *status)
{
    struct rp_control *control = run->sinks.control;
    const struct rp_adjustment first = { "f", RP_ADJUST_RATE, 2.5, true };

    if (status->phase == RP_RUN_LOADING || status->phase == RP_RUN_SETUP) {
        refused(control, first, "before the iterations begin");
    } else if (status->phase == RP_RUN_RUNNING && step == 0) {
        step = 1;
        made(control, first);
        made(control, (struct rp_adjustment){ NULL, RP_ADJUST_RATE, 0, false });
        refused(control, (struct rp_adjustment){ "g", RP_ADJUST_RATE, 1 }, "no scenario 'g'");
        refused(control, (struct rp_adjustment){ "f", RP_ADJUST_VUS, 1 }, "no number of VUs");
        refused(control, (struct rp_adjustment){ "f", RP_ADJUST_RATE, -1 }, "not -1");
        refused(control, (struct rp_adjustment){ "f", RP_ADJUST_RATE, NAN }, "not nan");
        refused(control, (struct rp_adjustment){ "f", RP_ADJUST_RATE, INFINITY }, "not inf");
        refused(control, (struct rp_adjustment){ "f", RP_ADJUST_RATE, 1e10 }, "not 1e+10");
    } else if (status->phase == RP_RUN_RUNNING && step == 1) {
        step = 2;
        rp_control_stop(control, "enough", false);
    } else if (status->phase >= RP_RUN_STOPPING) {
        refused(control, first, "begins no iterations");
    }
}

static void check_made(const struct rp_result_adjustment *made, double value, bool hold)
{
    assert_int_equal(made->scenario, 0);
    assert_int_equal(made->what, RP_ADJUST_RATE);
    assert_true(made->value == value);
    assert_int_equal(made->hold, hold);
}

/* All workers hear of the same moment, whose order is that of the calls. */
static void test_adjusts(void **state)
{
    struct watcher watcher = { 0 };
    struct run run = { .status = adjust_while_it_runs,
                       .workers = 2,
                       .further = &watcher.sink,
                       .further_ops = &watching };
    size_t heard = 0;
    char text[80];

    step = 0;
    coordinate(&run, "adjusts", "");
    assert_int_equal(run.r, 0);
    assert_int_equal(step, 2);
    assert_int_equal(run.result.adjustment_count, 2);
    check_made(&run.result.adjustments[0], 2.5, true);
    check_made(&run.result.adjustments[1], 0, false);
    assert_true(run.result.adjustments[0].at <= run.result.adjustments[1].at);
    assert_int_equal(watcher.count, 2);
    for (size_t i = 0; i < 2; i++) {
        const struct rp_result_adjustment *adjustment = &run.result.adjustments[i];

        check_made(&watcher.events[i].adjust.what, adjustment->value, adjustment->hold);
        assert_true(watcher.events[i].adjust.elapsed < adjustment->at);
        snprintf(text, sizeof(text), "f rate %g %lld%s", adjustment->value,
                 (long long)adjustment->at, adjustment->hold ? " hold" : "");
        for (size_t k = 0; k < run.result.warning_count; k++)
            if (strcmp(run.result.warnings[k].text, text) == 0)
                heard += run.result.warnings[k].count;
    }
    assert_int_equal(heard, 4);
    run_deinit(&run);
}

/* A number of iterations is no load that could be adjusted. */
static void adjust_iterations(struct run *run, const struct rp_run_status *status)
{
    if (status->phase == RP_RUN_RUNNING) {
        step = 1;
        refused(run->sinks.control, (struct rp_adjustment){ "f", RP_ADJUST_VUS, 1 },
                "shared-iterations runs a number of iterations");
    }
}

static void test_iterations(void **state)
{
    struct run run = { .status = adjust_iterations };

    step = 0;
    coordinate(&run, "good", "");
    assert_int_equal(step, 1);
    assert_int_equal(run.result.exit_code, RP_EXIT_PASSED);
    assert_int_equal(run.result.adjustment_count, 0);
    run_deinit(&run);
}

static void test_no_run(void **state)
{
    refused(NULL, (struct rp_adjustment){ "f", RP_ADJUST_VUS, 1 }, "no run goes on");
}

/* Pauses before the moment shift it on the axis of time series, later ones do not. */
static void test_moments(void **state)
{
    struct rp_result_pause pauses[] = { { 2 * RP_S, 5 * RP_S }, { 10 * RP_S, RP_S } };
    const struct rp_result result = { .pauses = pauses, .pause_count = 2 };

    assert_int_equal(rp_result_moment(&result, RP_S), RP_S);
    assert_int_equal(rp_result_moment(&result, 2 * RP_S), 2 * RP_S);
    assert_int_equal(rp_result_moment(&result, 2 * RP_S + 1), 7 * RP_S + 1);
    assert_int_equal(rp_result_moment(&result, 5 * RP_S), 10 * RP_S);
    assert_int_equal(rp_result_moment(&result, 6 * RP_S), 12 * RP_S);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_adjusts),
        cmocka_unit_test(test_iterations),
        cmocka_unit_test(test_no_run),
        cmocka_unit_test(test_moments),
    };

    return run_all(argc, argv, tests, RP_ARRAY_LEN(tests));
}

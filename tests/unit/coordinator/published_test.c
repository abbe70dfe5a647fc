/* SPDX-License-Identifier: MIT */

/* What the sinks of a run are told, and what becomes of a run when one of them cannot be opened or closed. */

#include "coordinate.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- a sink that notes everything ---- */

enum { STEPS_MAX = 100 };

struct step {
    const char *name;      /* "open", the kind of an event, a phase, "close", or "nothing" */
    struct rp_event event; /* what it points to does not hold any more */
};

struct record {
    struct rp_sink sink;
    struct step steps[STEPS_MAX];
    size_t count;
    /* Of the last snapshot. */
    struct rp_scenario_progress scenario;
    double iterations;
    char live[400], verdicts[400]; /* what is told of thresholds, the events in order */
    int open_returns, close_returns;
};

static struct step *next_step(struct record *record, const char *name)
{
    assert_true(record->count < STEPS_MAX);
    record->steps[record->count].name = name;
    return &record->steps[record->count++];
}

static int on_open(struct rp_sink *sink, const struct rp_plan *plan, struct rp_error *err)
{
    struct record *record = rp_container_of(sink, struct record, sink);

    assert_int_equal(plan->scenario_count, 1);
    next_step(record, "open");
    return record->open_returns < 0 ? rp_error_set(err, record->open_returns, "cannot open") : 0;
}

static int on_close(struct rp_sink *sink, const struct rp_result *result, struct rp_error *err)
{
    struct record *record = rp_container_of(sink, struct record, sink);

    next_step(record, result ? "close" : "nothing");
    assert_null(sink->sinks->control);
    return record->close_returns < 0 ? rp_error_set(err, record->close_returns, "cannot close") : 0;
}

static void note_verdicts(const struct rp_event *event, char *out)
{
    const struct rp_plan *plan = event->result->plan;

    for (size_t i = 0; i < plan->threshold_count; i++) {
        const struct rp_verdict *verdict = &event->thresholds.verdicts[i];
        const char *word = verdict->no_samples ? "no samples" : verdict->passed ? "holds" : "fails";

        sprintf(out + strlen(out), "%s %s%s; ", plan->thresholds[i].display, word,
                event->thresholds.aborts && event->thresholds.aborting == i ? ", aborts" : "");
        assert_int_equal(verdict->no_samples, isnan(verdict->actual));
    }
}

static void on_event(struct rp_sink *sink, const struct rp_event *event)
{
    static const char *const names[RP_EVENT_KINDS] = {
        [RP_EVENT_SNAPSHOT] = "snapshot",
        [RP_EVENT_THRESHOLD] = "threshold",
        [RP_EVENT_LIVE_THRESHOLD] = "live_threshold",
        [RP_EVENT_PAUSE] = "pause",
        [RP_EVENT_RESUME] = "resume",
        [RP_EVENT_WARNING] = "warning",
        [RP_EVENT_FINISHED] = "finished",
        [RP_EVENT_GENERATOR] = "generator",
    };
    struct record *record = rp_container_of(sink, struct record, sink);
    struct step *step;

    assert_non_null(sink->sinks->control);
    assert_ptr_equal(event->result, sink->sinks->result);
    step = next_step(record, event->kind == RP_EVENT_PHASE ? rp_run_phase_name(event->phase)
                                                           : names[event->kind]);
    step->event = *event;
    if (event->kind == RP_EVENT_LIVE_THRESHOLD)
        note_verdicts(event, record->live);
    if (event->kind == RP_EVENT_THRESHOLD)
        note_verdicts(event, record->verdicts);
    if (event->kind == RP_EVENT_SNAPSHOT) {
        const struct rp_view *view = rp_store_view(event->result->store, "iterations");

        record->iterations = view ? rp_sum_read(&view->total.counter) : 0;
        if (event->snapshot.status.scenarios)
            record->scenario = event->snapshot.status.scenarios[0];
    }
}

static const struct rp_sink_ops recording = {
    .events = RP_EVENT_BIT(RP_EVENT_STATUS) - 1, /* all but the status and what the script prints */
    .open = on_open,
    .event = on_event,
    .close = on_close,
};

static void record_run(struct run *run, const char *mode, const char *phase, struct record *record)
{
    rp_ns at = 0;

    run->further = &record->sink;
    run->further_ops = &recording;
    coordinate(run, mode, phase);
    for (size_t i = 0; i < record->count; i++) {
        const struct rp_event *event = &record->steps[i].event;

        if (!event->result) /* open or close */
            continue;
        assert_true(event->at >= at);
        assert_true(event->wall_ns - event->at ==
                    record->steps[0].event.wall_ns - record->steps[0].event.at);
        at = event->at;
    }
}

/* All in a row. Of the snapshots, which come with time, only the last. */
static const char *course_of(const struct record *record)
{
    static char ret[2048];
    size_t last_snapshot = 0;

    for (size_t i = 0; i < record->count; i++)
        if (strcmp(record->steps[i].name, "snapshot") == 0)
            last_snapshot = i;
    *ret = '\0';
    for (size_t i = 0; i < record->count; i++) {
        const char *name = record->steps[i].name;

        if (strcmp(name, "snapshot") == 0 && i != last_snapshot)
            continue;
        strcat(strcat(ret, *ret ? " " : ""), name);
    }
    return ret;
}

/* The @n-th (from 0) event of @kind. */
static const struct rp_event *find(const struct record *record, enum rp_event_kind kind, size_t n)
{
    for (size_t i = 0; i < record->count; i++)
        if (record->steps[i].event.result && record->steps[i].event.kind == kind && n-- == 0)
            return &record->steps[i].event;
    fail_msg("there is no such event %d", (int)kind);
    return NULL;
}

/* ---- runs ---- */

static void test_a_good_run(void **state)
{
    struct run run = { .r = 0 };
    struct record record = { .count = 0 };
    const struct rp_event *last;

    record_run(&run, "good", "", &record);
    assert_string_equal(course_of(&record),
                        "loading open setup running teardown snapshot complete finished close");
    last = find(&record, RP_EVENT_FINISHED, 0);
    assert_int_equal(last->finished.code, RP_EXIT_PASSED);
    assert_null(last->finished.reason);
    assert_true(run.result.elapsed == RP_S);
    assert_null(run.result.sinks);
    run_deinit(&run);
}

/* All thresholds are told with the first report and every two seconds; one without samples is not
 * judged; one aborts. */
static void test_thresholds(void **state)
{
    struct run run = { .r = 0 };
    struct record record = { .count = 0 };
    const struct rp_event *snapshot;

    record_run(&run, "judged", "", &record);
    assert_int_equal(run.result.exit_code, RP_EXIT_THRESHOLDS);
    assert_string_equal(course_of(&record),
                        "loading open setup running live_threshold warning stopping teardown "
                        "snapshot threshold complete finished close");
    assert_string_equal(record.live,
                        "iterations holds; iterations fails, aborts; "
                        "checks{scenario:f} fails; checks{scenario:none} no samples; ");
    assert_string_equal(record.verdicts, "iterations holds; iterations fails; "
                                         "checks{scenario:f} fails; "
                                         "checks{scenario:none} no samples; ");
    assert_int_equal(find(&record, RP_EVENT_FINISHED, 0)->finished.code, RP_EXIT_THRESHOLDS);
    snapshot = find(&record, RP_EVENT_SNAPSHOT, 0); /* at once */
    assert_true(snapshot->snapshot.elapsed < RP_S);
    snapshot = find(&record, RP_EVENT_SNAPSHOT, 1);
    assert_true(snapshot->snapshot.elapsed == RP_S);
    assert_true(snapshot->snapshot.paused == RP_S);
    assert_int_equal(record.scenario.vus, 2);
    assert_true(record.iterations == 3);
    run_deinit(&run);
}

static void pause_once(struct run *run, const struct rp_run_status *status)
{
    struct rp_control *control = run->sinks.control;

    if (status->phase != RP_RUN_RUNNING || run->releases)
        return;
    run->releases = true;
    rp_control_pause(control);
    assert_true(rp_control_status(control).is_paused);
    rp_control_pause(control);
    rp_control_resume(control);
    rp_control_resume(control);
    assert_false(rp_control_status(control).is_paused);
    assert_int_equal(rp_control_status(control).phase, RP_RUN_RUNNING);
    rp_control_pause(control);
    assert_int_equal(kill(getpid(), SIGTERM), 0);
}

static void test_pauses(void **state)
{
    struct run run = { .status = pause_once };
    struct record record = { .count = 0 };

    record_run(&run, "pauses", "", &record);
    assert_string_equal(course_of(&record), "loading open setup running pause resume pause resume "
                                            "stopping teardown snapshot complete finished close");
    assert_int_equal(find(&record, RP_EVENT_FINISHED, 0)->finished.code, RP_EXIT_ABORTED);
    run_deinit(&run);
}

/* Steered by a sink: twice, and at once, is no more than once; the reason is the sink's. */
static void stop_twice(struct run *run, const struct rp_run_status *status)
{
    if (status->phase != RP_RUN_RUNNING)
        return;
    rp_control_stop(run->sinks.control, "somebody wanted it", false);
    rp_control_stop(run->sinks.control, "and again", true);
}

static void test_stops(void **state)
{
    struct run run = { .status = stop_twice };
    struct record record = { .count = 0 };

    record_run(&run, "pauses", "", &record);
    assert_string_equal(
        course_of(&record),
        "loading open setup running stopping teardown snapshot complete finished close");
    assert_int_equal(run.result.exit_code, RP_EXIT_ABORTED);
    assert_string_equal(run.result.reason, "somebody wanted it");
    assert_int_equal(run.result.teardown_time, 5);
    run_deinit(&run);
    /* No run: nothing. */
    rp_control_stop(NULL, "x", true);
    rp_control_pause(NULL);
    rp_control_resume(NULL);
    assert_false(rp_control_status(NULL).is_paused);
}

static void test_runs_that_cannot_be(void **state)
{
    static const struct {
        const char *mode, *phase, *course;
        enum rp_exit code;
        bool is_result;
    } cases[] = {
        { "failed", "", "loading finished nothing", 3, false },
        { "no-json", "", "loading finished nothing", 3, false },
        { "die", "hello", "loading finished nothing", 9, false },
        { "die", "plan", "loading open finished close", 9, true },
        { "no-setup", "", "loading open setup teardown complete finished close", 5, true },
        { "die", "run",
          "loading open setup running teardown snapshot generator complete finished close", 9,
          true },
        { "no-teardown", "", "loading open setup running teardown snapshot complete finished close",
          7, true },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct run run = { .r = 0 };
        struct record record = { .count = 0 };
        const char *course;

        record_run(&run, cases[i].mode, cases[i].phase, &record);
        course = course_of(&record);
        if (strcmp(course, cases[i].course) != 0)
            fail_msg("%s %s: %s", cases[i].mode, cases[i].phase, course);
        assert_int_equal(run.r == 0, cases[i].is_result);
        assert_int_equal(find(&record, RP_EVENT_FINISHED, 0)->finished.code, cases[i].code);
        assert_non_null(find(&record, RP_EVENT_FINISHED, 0)->finished.reason);
        run_deinit(&run);
    }
}

/* ---- sinks that cannot ---- */

static void test_one_refuses_the_run(void **state)
{
    struct run run = { .r = 0 };
    struct record record = { .open_returns = -RP_EUSER };

    record_run(&run, "good", "", &record);
    assert_int_equal(run.r, -RP_EUSER);
    assert_string_equal(run.err.message, "cannot open");
    assert_string_equal(course_of(&record), "loading open finished"); /* nothing to close */
    assert_int_equal(find(&record, RP_EVENT_FINISHED, 0)->finished.code, RP_EXIT_CONFIG);
    run_deinit(&run);
}

static void test_one_cannot_be_closed(void **state)
{
    static const struct {
        const char *mode;
        enum rp_exit before, after;
    } cases[] = {
        { "good", RP_EXIT_PASSED, RP_EXIT_OUTPUT },
        { "judged", RP_EXIT_THRESHOLDS, RP_EXIT_OUTPUT },
        { "no-setup", RP_EXIT_SETUP, RP_EXIT_SETUP },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct run run = { .r = 0 };
        struct record record = { .close_returns = -5 };

        record_run(&run, cases[i].mode, "", &record);
        assert_int_equal(run.r, 0);
        assert_int_equal(find(&record, RP_EVENT_FINISHED, 0)->finished.code, cases[i].before);
        assert_int_equal(run.result.exit_code, cases[i].after);
        assert_string_equal(run.err.message, "cannot close");
        run_deinit(&run);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_good_run),
        cmocka_unit_test(test_thresholds),
        cmocka_unit_test(test_pauses),
        cmocka_unit_test(test_stops),
        cmocka_unit_test(test_runs_that_cannot_be),
        cmocka_unit_test(test_one_refuses_the_run),
        cmocka_unit_test(test_one_cannot_be_closed),
    };

    return run_all(argc, argv, tests, RP_ARRAY_LEN(tests));
}

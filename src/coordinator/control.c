/* SPDX-License-Identifier: MIT */

/* How a run is steered: by signals, and by whoever has its control (run/control.h). */

#include <stdio.h>

#include "base/alloc.h"
#include "base/units.h"
#include "coordinator/coordinator_internal.h"
#include "coordinator/publish.h"

static struct rp_coordinator *coordinator_of(struct rp_control *control)
{
    return rp_container_of(control, struct rp_coordinator, control);
}

static void act(struct rp_coordinator *c, enum rp_next_kind kind)
{
    rp_coordinator_act(c, (struct rp_next){ .kind = kind });
}

static rp_ns grace_of(const struct rp_plan *plan, rp_ns max)
{
    rp_ns grace = 0;

    for (size_t i = 0; i < plan->scenario_count; i++)
        if (plan->scenarios[i].graceful_stop > grace)
            grace = plan->scenarios[i].graceful_stop;
    return grace < max ? grace : max;
}

/* set-up and teardown go on to their end, their timeout or the second signal. */
static void stop_gracefully(struct rp_coordinator *c, const char *reason, rp_ns grace_max)
{
    rp_result_fail(c->result, RP_EXIT_ABORTED, "%s", reason);
    if (c->phase == RP_PHASE_RUNNING) {
        rp_coordinator_act(c, (struct rp_next){ .kind = RP_NEXT_STOP,
                                                .grace = grace_of(c->result->plan, grace_max) });
        return;
    }
    act(c, RP_NEXT_ABANDON);
    if (c->phase < RP_PHASE_SETUP) {
        c->has_killed_all = true; /* there is nothing to tear down */
        act(c, RP_NEXT_KILL_ALL);
    }
}

static void stop(struct rp_control *control, const char *reason, bool at_once)
{
    struct rp_coordinator *c = coordinator_of(control);

    if (c->phase == RP_PHASE_OVER)
        return;
    if (!c->was_stopped) {
        c->was_stopped = true;
        stop_gracefully(c, reason, at_once ? 0 : RP_STOP_GRACE_MAX_S * RP_S);
    } else if (at_once && c->phase == RP_PHASE_RUNNING) {
        act(c, RP_NEXT_STOP);
    }
}

static void pause_run(struct rp_control *control)
{
    struct rp_coordinator *c = coordinator_of(control);

    if (!c->plan_only && !c->is_stopping && !c->has_finished && c->phase <= RP_PHASE_RUNNING)
        act(c, RP_NEXT_PAUSE);
}

static void resume_run(struct rp_control *control)
{
    struct rp_coordinator *c = coordinator_of(control);

    if (c->phase != RP_PHASE_OVER)
        act(c, RP_NEXT_RESUME);
}

/* When everybody will have heard of it. */
enum { ADJUST_LEAD_MS = 20 };

/* Whether iterations of the scenario still begin at @at. */
static int check_moment(const struct rp_coordinator *c, size_t i, rp_ns at, struct rp_error *err)
{
    const struct rp_scenario *scenario = &c->result->plan->scenarios[i];

    if (at - scenario->start_time >= rp_scenario_regular(scenario)) {
        rp_error_set(err, -RP_EUSER,
                     "scenario '%s' begins no more iterations: its load cannot be adjusted",
                     scenario->name);
        rp_error_hint(err, "its time is over; adjust a scenario that is running");
        return -RP_EUSER;
    }
    if (c->result->adjustment_count >= RP_RESULT_ADJUSTMENTS_MAX)
        return rp_error_set(err, -RP_EUSER, "the load of a run can be adjusted %d times",
                            RP_RESULT_ADJUSTMENTS_MAX);
    return 0;
}

static int adjust(struct rp_control *control, const struct rp_adjustment *wanted,
                  struct rp_error *err)
{
    struct rp_coordinator *c = coordinator_of(control);
    struct rp_result_adjustment made = { .what = wanted->what,
                                         .value = wanted->value,
                                         .hold = wanted->hold,
                                         .at = rp_coordinator_elapsed(c) + ADJUST_LEAD_MS * RP_MS };
    int r;

    if (c->phase < RP_PHASE_RUNNING) {
        rp_error_set(err, -RP_EUSER, "the load cannot be adjusted before the iterations begin");
        rp_error_hint(err, "wait until the run is past its setup");
        return -RP_EUSER;
    }
    if (c->phase > RP_PHASE_RUNNING || c->is_stopping || c->has_finished) {
        rp_error_set(err, -RP_EUSER,
                     "the load cannot be adjusted any more: the run begins no iterations");
        rp_error_hint(err, "start another run with the load that is wanted");
        return -RP_EUSER;
    }
    r = rp_adjustment_check(c->result->plan, wanted, &made.scenario, err);
    if (r == 0)
        r = check_moment(c, made.scenario, made.at, err);
    if (r == 0)
        r = rp_result_adjusted(c->result, &made);
    if (r < 0)
        return r;
    rp_coordinator_act(c, (struct rp_next){ .kind = RP_NEXT_ADJUST, .adjustment = &made });
    return 0;
}

static void tell_status(const struct rp_control *control, struct rp_run_status *ret)
{
    *ret = rp_coordinator_status(rp_container_of(control, const struct rp_coordinator, control));
}

const struct rp_control_ops rp_coordinator_control_ops = {
    .stop = stop,
    .pause = pause_run,
    .resume = resume_run,
    .adjust = adjust,
    .status = tell_status,
};

/* ---- signals --------------------------------------------------------------------------------- */

/* Until when nothing seems to happen: said on standard error, also without a terminal. */
static void say_what_is_waited_for(struct rp_coordinator *c, int number)
{
    const struct rp_plan *plan = c->result->plan;
    const char *second = number == SIGINT ? "a second Ctrl-C" : "a second signal";
    const char *teardown = plan && plan->has_teardown ? ", then for teardown()" : "";
    char time[RP_UNIT_SIZE], text[240];

    if (c->phase == RP_PHASE_SETUP || c->phase == RP_PHASE_TEARDOWN) {
        bool is_setup = c->phase == RP_PHASE_SETUP;

        rp_unit_time((double)(is_setup ? plan->setup_timeout : plan->teardown_timeout) / 1e6, 3,
                     time);
        snprintf(text, sizeof(text), "stopping: waiting for %s(), %s at most%s; %s ends it at once",
                 is_setup ? "setup" : "teardown", time, is_setup ? teardown : "", second);
    } else if (c->phase == RP_PHASE_RUNNING) {
        rp_unit_time((double)grace_of(plan, RP_STOP_GRACE_MAX_S * RP_S) / 1e6, 3, time);
        snprintf(
            text, sizeof(text),
            "stopping: waiting for the iterations that run, %s at most%s; %s ends them at once",
            time, teardown, second);
    } else {
        return;
    }
    rp_publish_line(c, true, text);
}

static void stop_at_once(struct rp_coordinator *c)
{
    c->has_killed_all = true;
    rp_result_fail(c->result, RP_EXIT_ABORTED, "aborted by a second signal");
    /* Also when the first one is the reason so far: what it promises did not happen. */
    if (c->result->exit_code == RP_EXIT_ABORTED) {
        rp_free(c->result->reason);
        c->result->reason = rp_strdup("aborted at once by a second signal, without teardown");
    }
    act(c, RP_NEXT_KILL_ALL);
}

void rp_coordinator_signal(struct rp_signals *signals, int number)
{
    struct rp_coordinator *c = rp_container_of(signals, struct rp_coordinator, signals);

    if (c->phase == RP_PHASE_OVER)
        return;
    if (number == SIGUSR1) {
        rp_control_pause(&c->control);
    } else if (number == SIGUSR2) {
        rp_control_resume(&c->control);
    } else if (c->has_signal) {
        stop_at_once(c);
    } else {
        c->has_signal = true;
        say_what_is_waited_for(c, number);
        rp_control_stop(&c->control, "aborted by a signal", false);
    }
}

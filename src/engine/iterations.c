/* SPDX-License-Identifier: MIT */

/*
 * VUs and iterations.
 *
 * An executor asks for an iteration, and its VU goes to the end of the ready list. A deferred task
 * of the loop begins what is ready: after everything that has arrived was delivered, and before
 * anything is sent. When an iteration ends at once (a function that never waits), its VU comes back
 * to the list and begins again within the same task, up to a cap. So such iterations neither
 * recurse nor starve the loop. A pause leaves the list as it is.
 */

#include <stdio.h>
#include <string.h>

#include "engine/engine_internal.h"

enum { BEGIN_AT_MOST = 256 }; /* iterations begun per turn */

static struct rp_engine_scenario *of_executor(struct rp_executor *executor)
{
    return rp_container_of(executor, struct rp_engine_scenario, executor);
}

/* ---- beginning ------------------------------------------------------------------------------- */

/* Deals with an iteration that may not begin now. False: a pause holds it. True: it never
 * begins. */
static bool refused(struct rp_engine *engine, struct rp_vu *vu, rp_ns now)
{
    struct rp_engine_scenario *scenario = vu->engine_scenario;

    if (engine->is_paused && scenario->executor.is_paused)
        return false;
    rp_list_remove(&vu->ready);
    if (scenario->s_lateness)
        scenario->late_refused += now - vu->due > RP_LATE_ARRIVAL;
    rp_executor_ended(&scenario->executor, vu->slot, false, now);
    return true;
}

static bool begin_first(struct rp_engine *engine)
{
    struct rp_vu *vu = rp_container_of(engine->ready.next, struct rp_vu, ready);
    struct rp_engine_scenario *scenario = vu->engine_scenario;
    rp_ns now = rp_loop_now(engine->config.loop);

    /* Iterations that were ready before this one may have taken the time that was left, or have
     * paused the run. */
    if (RP_UNLIKELY(!rp_executor_may_begin(&scenario->executor, vu->slot, now)))
        return refused(engine, vu, now);
    rp_list_remove(&vu->ready);
    vu->is_running = true;
    vu->began = now;
    scenario->started++;
    scenario->under_way -= (uint64_t)vu->due;
    if (scenario->s_lateness) {
        rp_series_trend(scenario->s_lateness, (double)(now - vu->due));
        scenario->late += now - vu->due > RP_LATE_ARRIVAL;
    }
    engine->beginning = vu;
    engine->config.host->ops->begin(engine->config.host, vu);
    engine->beginning = NULL;
    return true;
}

static void begin_ready(struct rp_task *task)
{
    struct rp_engine *engine = rp_container_of(task, struct rp_engine, begin_ready);

    for (int i = 0; i < BEGIN_AT_MOST && !rp_list_is_empty(&engine->ready); i++)
        if (RP_UNLIKELY(!begin_first(engine)))
            return; /* resume comes back to it */
    rp_engine_begin_ready_soon(engine);
}

void rp_engine_begin_ready_soon(struct rp_engine *engine)
{
    if (!rp_list_is_empty(&engine->ready))
        rp_loop_defer(engine->config.loop, &engine->begin_ready, begin_ready);
}

static void executor_begin(struct rp_executor *executor, int64_t slot, uint64_t iteration,
                           rp_ns due)
{
    struct rp_engine_scenario *scenario = of_executor(executor);
    struct rp_vu *vu = &scenario->vus[slot];

    vu->due = due;
    vu->iteration = iteration;
    vu->iteration_in_vu = executor->slot_iterations[slot] - 1;
    rp_list_append(&scenario->engine->ready, &vu->ready);
    rp_loop_defer(scenario->engine->config.loop, &scenario->engine->begin_ready, begin_ready);
}

/* ---- ending ---------------------------------------------------------------------------------- */

static void iteration_ended(struct rp_vu *vu, enum rp_ending ending)
{
    struct rp_engine_scenario *scenario = vu->engine_scenario;
    rp_ns now = rp_loop_now(scenario->engine->config.loop);

    rp_assert(vu->is_running);
    vu->is_running = false;
    scenario->under_way += (uint64_t)now;
    if (ending == RP_ENDED_INTERRUPTED) {
        scenario->interrupted++;
        scenario->cut_short += now - vu->due;
        rp_series_count(scenario->s_interrupted, 1);
    } else {
        scenario->completed++;
        rp_series_count(scenario->s_iterations, 1);
        rp_series_trend(scenario->s_duration, (double)(now - vu->due));
        if (scenario->s_run) {
            scenario->busy += (double)(now - vu->began);
            rp_series_trend(scenario->s_run, (double)(now - vu->began));
        }
        if (RP_UNLIKELY(ending == RP_ENDED_FAILED)) {
            scenario->errors++;
            rp_series_count(scenario->s_errors, 1);
            if (scenario->engine->beginning == vu)
                rp_engine_raised_at_once(vu, now);
        }
    }
    if (RP_LIKELY(!vu->is_held))
        rp_executor_ended(&scenario->executor, vu->slot, true, now);
}

/* The slot has been busy until now for the executor. The time of the iteration itself was taken at
 * its end. */
static void release_vu(struct rp_vu *vu)
{
    struct rp_engine_scenario *scenario = vu->engine_scenario;

    if (!vu->is_held)
        return;
    vu->is_held = false;
    rp_engine_end_pause(vu);
    rp_executor_ended(&scenario->executor, vu->slot, true,
                      rp_loop_now(scenario->engine->config.loop));
}

static void executor_interrupt(struct rp_executor *executor, int64_t slot)
{
    struct rp_engine_scenario *scenario = of_executor(executor);
    struct rp_vu *vu = &scenario->vus[slot];
    struct rp_script_host *host = scenario->engine->config.host;

    if (vu->is_running) {
        host->ops->interrupt(host, vu);
        return;
    }
    if (vu->is_held) {
        release_vu(vu);
        return;
    }
    rp_list_remove(&vu->ready);
    rp_executor_ended(executor, slot, false, rp_loop_now(scenario->engine->config.loop));
}

static void tell_finished(struct rp_task *task)
{
    struct rp_engine *engine = rp_container_of(task, struct rp_engine, tell_finished);

    engine->config.finished(engine, engine->config.user);
}

static void executor_finished(struct rp_executor *executor)
{
    struct rp_engine *engine = of_executor(executor)->engine;

    if (--engine->unfinished)
        return;
    engine->is_finished = true;
    engine->finished_at = rp_loop_now(engine->config.loop);
    rp_loop_defer(engine->config.loop, &engine->tell_finished, tell_finished);
}

/* ---- VUs beyond those made before the start -------------------------------------------------- */

static void warn_of_vu(struct rp_engine_scenario *scenario, int code, const struct rp_error *err)
{
    char text[512];

    snprintf(text, sizeof(text), "scenario '%s': no more VUs are made beyond %lld: %s",
             scenario->plan->name, (long long)scenario->executor.made,
             err->message ? err->message : strerror(-code));
    rp_engine_warn(scenario, "VUs", text);
}

static void make_vu(struct rp_task *task)
{
    struct rp_engine_scenario *scenario = rp_container_of(task, struct rp_engine_scenario, make_vu);
    struct rp_error err = { 0 };
    int r;

    if (scenario->executor.state != RP_EXECUTOR_RUNNING)
        return; /* too late to be of use */
    r = rp_engine_make_vu(scenario, scenario->making, &err);
    if (r < 0)
        warn_of_vu(scenario, r, &err);
    rp_error_deinit(&err);
    rp_executor_made(&scenario->executor, scenario->making, r == 0);
}

static void executor_make(struct rp_executor *executor, int64_t slot)
{
    struct rp_engine_scenario *scenario = of_executor(executor);

    scenario->making = slot;
    rp_loop_defer(scenario->engine->config.loop, &scenario->make_vu, make_vu);
}

const struct rp_executor_user rp_engine_executor_user = {
    .begin = executor_begin,
    .interrupt = executor_interrupt,
    .make = executor_make,
    .finished = executor_finished,
};

const struct rp_script_engine rp_engine_for_scripts = {
    .ended = iteration_ended,
    .released = release_vu,
};

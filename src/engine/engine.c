/* SPDX-License-Identifier: MIT */

/*
 * VUs and iterations.
 *
 * An executor asks for an iteration; the VU goes to the end of the ready list; a deferred task of the loop begins what
 * is ready, after everything that has arrived was delivered and before anything is sent. Iterations that end at once
 * (a function that never waits) come back to the list and are begun again within the same task up to a cap, so that
 * they neither recurse nor starve the loop.
 */

#include "engine/engine.h"

#include <errno.h>

#include "base/alloc.h"
#include "plan/metrics.h"
#include "sched/executor.h"

enum { BEGIN_AT_MOST = 256 }; /* iterations begun per turn */

struct scenario {
    struct rp_execution executor;
    struct rp_engine *engine;
    const struct rp_scenario *plan;
    const struct rp_tags *tags;
    struct rp_vu *vus;
    uint64_t started, completed, interrupted, errors;
    uint64_t reported_dropped;
    struct rp_series *s_iterations, *s_duration, *s_errors, *s_dropped, *s_interrupted;
};

struct rp_engine {
    struct rp_engine_config config;
    struct scenario *scenarios;
    size_t scenario_count, unfinished;
    struct rp_list ready;
    struct rp_task begin_ready;
    struct rp_task tell_finished;
    rp_ns started_at, finished_at;
    int64_t vu_count;
    bool is_finished;
    struct rp_series *s_vus, *s_vus_max;
};

static struct scenario *of_executor(struct rp_execution *executor)
{
    return rp_container_of(executor, struct scenario, executor);
}

/* ---- iterations ------------------------------------------------------------------------------------------- */

static void begin_one(struct rp_engine *engine, struct rp_vu *vu)
{
    struct scenario *scenario = vu->engine_scenario;
    rp_ns now = rp_loop_now(engine->config.loop);

    /* What was ready before it may have taken the time that was left. */
    if (RP_UNLIKELY(!rp_execution_may_begin(&scenario->executor, now))) {
        rp_execution_ended(&scenario->executor, vu->slot, false, now);
        return;
    }
    vu->is_running = true;
    scenario->started++;
    engine->config.host->ops->begin(engine->config.host, vu);
}

static void begin_ready(struct rp_task *task)
{
    struct rp_engine *engine = rp_container_of(task, struct rp_engine, begin_ready);
    struct rp_list *node;

    for (int i = 0; i < BEGIN_AT_MOST && (node = rp_list_pop(&engine->ready)); i++)
        begin_one(engine, rp_container_of(node, struct rp_vu, ready));
    if (!rp_list_is_empty(&engine->ready))
        rp_loop_defer(engine->config.loop, task, begin_ready);
}

static void executor_begin(struct rp_execution *executor, int64_t slot, uint64_t iteration,
                           rp_ns due)
{
    struct scenario *scenario = of_executor(executor);
    struct rp_vu *vu = &scenario->vus[slot];

    vu->began = due;
    vu->iteration = iteration;
    vu->iteration_in_vu = executor->slot_iterations[slot] - 1;
    rp_list_append(&scenario->engine->ready, &vu->ready);
    rp_loop_defer(scenario->engine->config.loop, &scenario->engine->begin_ready, begin_ready);
}

static void iteration_ended(struct rp_vu *vu, enum rp_ending ending)
{
    struct scenario *scenario = vu->engine_scenario;
    rp_ns now = rp_loop_now(scenario->engine->config.loop);

    rp_assert(vu->is_running);
    vu->is_running = false;
    if (ending == RP_ENDED_INTERRUPTED) {
        scenario->interrupted++;
        rp_series_count(scenario->s_interrupted, 1);
    } else {
        scenario->completed++;
        rp_series_count(scenario->s_iterations, 1);
        rp_series_trend(scenario->s_duration, (double)(now - vu->began));
        if (RP_UNLIKELY(ending == RP_ENDED_FAILED)) {
            scenario->errors++;
            rp_series_count(scenario->s_errors, 1);
        }
    }
    rp_execution_ended(&scenario->executor, vu->slot, true, now);
}

static void executor_interrupt(struct rp_execution *executor, int64_t slot)
{
    struct scenario *scenario = of_executor(executor);
    struct rp_vu *vu = &scenario->vus[slot];
    struct rp_script_host *host = scenario->engine->config.host;

    if (vu->is_running) {
        host->ops->interrupt(host, vu);
        return;
    }
    rp_list_remove(&vu->ready);
    rp_execution_ended(executor, slot, false, rp_loop_now(scenario->engine->config.loop));
}

static void tell_finished(struct rp_task *task)
{
    struct rp_engine *engine = rp_container_of(task, struct rp_engine, tell_finished);

    engine->config.finished(engine, engine->config.user);
}

static void executor_finished(struct rp_execution *executor)
{
    struct rp_engine *engine = of_executor(executor)->engine;

    if (--engine->unfinished)
        return;
    engine->is_finished = true;
    engine->finished_at = rp_loop_now(engine->config.loop);
    rp_loop_defer(engine->config.loop, &engine->tell_finished, tell_finished);
}

static const struct rp_execution_user executor_user = {
    .begin = executor_begin,
    .interrupt = executor_interrupt,
    .finished = executor_finished,
};

static const struct rp_script_engine script_engine = {
    .ended = iteration_ended,
};

/* ---- life ------------------------------------------------------------------------------------------------- */

static const struct rp_tags *tags_of(struct rp_engine *engine, const struct rp_scenario *plan)
{
    struct rp_registry *registry = engine->config.registry;
    const struct rp_pairs *layers[] = { &engine->config.plan->tags, &plan->tags };
    const struct rp_tags *tags = rp_tags_empty(registry);

    tags = rp_tags_with(registry, tags, RP_SLICE("scenario"), rp_slice_str(plan->name));
    for (size_t i = 0; i < RP_ARRAY_LEN(layers); i++)
        for (size_t j = 0; tags && j < layers[i]->count; j++)
            tags = rp_tags_with(registry, tags, rp_slice_str(layers[i]->items[j].key),
                                rp_slice_str(layers[i]->items[j].value));
    return tags;
}

static struct rp_series *series_of(struct rp_engine *engine, enum rp_builtin id,
                                   const struct rp_tags *tags)
{
    const struct rp_builtin_metric *builtin = &rp_builtin_metrics[id];
    const struct rp_metric *metric;

    if (rp_registry_metric(engine->config.registry, builtin->name, builtin->type, builtin->is_time,
                           &metric, NULL) < 0)
        return NULL;
    return rp_registry_series(engine->config.registry, metric, tags);
}

static int make_vu(struct scenario *scenario, int64_t slot, struct rp_error *err)
{
    struct rp_engine *engine = scenario->engine;
    struct rp_vu *vu = &scenario->vus[slot];
    struct rp_script_host *host = engine->config.host;
    int r;

    vu->host = host;
    vu->scenario = scenario->plan;
    vu->tags = scenario->tags;
    vu->number = ++engine->vu_count;
    vu->slot = slot;
    vu->engine_scenario = scenario;
    if (engine->config.http) {
        r = rp_http_session_new(engine->config.http, &vu->http);
        if (r < 0)
            return r;
    }
    return host->ops->vu_init(host, vu, err);
}

static int make_scenario(struct rp_engine *engine, size_t i, struct rp_error *err)
{
    struct scenario *scenario = &engine->scenarios[i];
    int r;

    scenario->engine = engine;
    scenario->plan = &engine->config.plan->scenarios[i];
    r = rp_execution_init(&scenario->executor, scenario->plan, engine->config.loop, &executor_user);
    if (r < 0)
        return r;
    scenario->tags = tags_of(engine, scenario->plan);
    scenario->vus = rp_calloc((size_t)scenario->executor.slot_count, sizeof(*scenario->vus));
    if (!scenario->tags || !scenario->vus)
        return -ENOMEM;
    scenario->s_iterations = series_of(engine, RP_M_ITERATIONS, scenario->tags);
    scenario->s_duration = series_of(engine, RP_M_ITERATION_DURATION, scenario->tags);
    scenario->s_errors = series_of(engine, RP_M_ITERATION_ERRORS, scenario->tags);
    scenario->s_dropped = series_of(engine, RP_M_DROPPED_ITERATIONS, scenario->tags);
    scenario->s_interrupted = series_of(engine, RP_M_INTERRUPTED_ITERATIONS, scenario->tags);
    if (!scenario->s_iterations || !scenario->s_duration || !scenario->s_errors ||
        !scenario->s_dropped || !scenario->s_interrupted)
        return -ENOMEM;
    for (int64_t slot = 0; slot < scenario->executor.slot_count; slot++) {
        r = make_vu(scenario, slot, err);
        if (r < 0)
            return r;
    }
    return 0;
}

int rp_engine_new(const struct rp_engine_config *config, struct rp_engine **ret,
                  struct rp_error *err)
{
    struct rp_engine *engine = rp_calloc(1, sizeof(*engine));
    int r = 0;

    if (!engine)
        return -ENOMEM;
    engine->config = *config;
    rp_list_init(&engine->ready);
    config->host->engine = &script_engine;
    config->host->engine_data = engine;
    engine->scenarios = rp_calloc(config->plan->scenario_count, sizeof(*engine->scenarios));
    if (engine->scenarios) {
        engine->scenario_count = config->plan->scenario_count;
        engine->s_vus = series_of(engine, RP_M_VUS, rp_tags_empty(config->registry));
        engine->s_vus_max = series_of(engine, RP_M_VUS_MAX, rp_tags_empty(config->registry));
    }
    if (!engine->scenarios || !engine->s_vus || !engine->s_vus_max)
        r = -ENOMEM;
    for (size_t i = 0; r == 0 && i < engine->scenario_count; i++)
        r = make_scenario(engine, i, err);
    if (r < 0) {
        rp_engine_free(engine);
        return r;
    }
    engine->unfinished = engine->scenario_count;
    *ret = engine;
    return 0;
}

static void scenario_deinit(struct scenario *scenario)
{
    struct rp_script_host *host;

    if (!scenario->engine)
        return;
    host = scenario->engine->config.host;
    for (int64_t slot = 0; scenario->vus && slot < scenario->executor.slot_count; slot++) {
        struct rp_vu *vu = &scenario->vus[slot];

        if (!vu->host)
            break;
        host->ops->vu_deinit(host, vu);
        rp_http_session_free(vu->http);
    }
    rp_free(scenario->vus);
    rp_execution_deinit(&scenario->executor);
}

void rp_engine_free(struct rp_engine *engine)
{
    if (!engine)
        return;
    rp_task_cancel(&engine->begin_ready);
    rp_task_cancel(&engine->tell_finished);
    for (size_t i = 0; i < engine->scenario_count; i++)
        scenario_deinit(&engine->scenarios[i]);
    rp_free(engine->scenarios);
    rp_free(engine);
}

void rp_engine_start(struct rp_engine *engine, rp_ns at)
{
    engine->started_at = at;
    for (size_t i = 0; i < engine->scenario_count; i++)
        rp_execution_start(&engine->scenarios[i].executor, at);
}

void rp_engine_stop(struct rp_engine *engine, rp_ns deadline)
{
    for (size_t i = 0; i < engine->scenario_count; i++)
        rp_execution_stop(&engine->scenarios[i].executor, deadline);
}

bool rp_engine_is_finished(const struct rp_engine *engine)
{
    return engine->is_finished;
}

rp_ns rp_engine_elapsed(const struct rp_engine *engine)
{
    rp_ns end = engine->is_finished ? engine->finished_at : rp_loop_now(engine->config.loop);

    return engine->started_at && end > engine->started_at ? end - engine->started_at : 0;
}

int64_t rp_engine_active_vus(const struct rp_engine *engine)
{
    int64_t active = 0;

    for (size_t i = 0; i < engine->scenario_count; i++)
        active += engine->scenarios[i].executor.active;
    return active;
}

void rp_engine_sample(struct rp_engine *engine)
{
    /* The end of the run leaves the gauge at what was running before it; a run shorter than a sample had them all. */
    if (!engine->is_finished)
        rp_series_gauge(engine->s_vus, (double)rp_engine_active_vus(engine));
    else if (!engine->s_vus->delta.samples && !engine->s_vus->total.samples)
        rp_series_gauge(engine->s_vus, (double)engine->vu_count);
    rp_series_gauge(engine->s_vus_max, (double)engine->vu_count);
    for (size_t i = 0; i < engine->scenario_count; i++) {
        struct scenario *scenario = &engine->scenarios[i];
        uint64_t dropped = scenario->executor.dropped;

        if (dropped == scenario->reported_dropped)
            continue;
        rp_series_count(scenario->s_dropped, (double)(dropped - scenario->reported_dropped));
        scenario->reported_dropped = dropped;
    }
}

struct rp_engine_counts rp_engine_counts(const struct rp_engine *engine, size_t i)
{
    const struct scenario *scenario = &engine->scenarios[i];

    return (struct rp_engine_counts){ .scheduled = scenario->executor.scheduled,
                                      .started = scenario->started,
                                      .dropped = scenario->executor.dropped,
                                      .completed = scenario->completed,
                                      .interrupted = scenario->interrupted,
                                      .errors = scenario->errors };
}

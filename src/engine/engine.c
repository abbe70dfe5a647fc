/* SPDX-License-Identifier: MIT */

/*
 * The engine's life: it makes VUs, starts, pauses and stops the executors.
 */

#include "engine/engine_internal.h"

#include <errno.h>

#include "base/alloc.h"
#include "plan/metrics.h"
#include "sched/executor.h"

/* ---- life ------------------------------------------------------------------------------------ */

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

int rp_engine_make_vu(struct rp_engine_scenario *scenario, int64_t slot, struct rp_error *err)
{
    struct rp_engine *engine = scenario->engine;
    struct rp_vu *vu = &scenario->vus[slot];
    struct rp_script_host *host = engine->config.host;
    int r;

    vu->host = host;
    vu->scenario = scenario->plan;
    vu->tags = scenario->tags;
    vu->number = scenario->first_number + rp_segment_nth(scenario->executor.vus, slot) + 1;
    vu->slot = slot;
    vu->engine_scenario = scenario;
    r = host->ops->vu_init(host, vu, err);
    if (r == 0)
        engine->vu_count++;
    return r;
}

static int make_series(struct rp_engine_scenario *scenario)
{
    const struct {
        struct rp_series **series;
        enum rp_builtin id;
        bool of_arrivals;
    } all[] = {
        { &scenario->s_iterations, RP_M_ITERATIONS },
        { &scenario->s_duration, RP_M_ITERATION_DURATION },
        { &scenario->s_errors, RP_M_ITERATION_ERRORS },
        { &scenario->s_dropped, RP_M_DROPPED_ITERATIONS },
        { &scenario->s_interrupted, RP_M_INTERRUPTED_ITERATIONS },
        { &scenario->s_lateness, RP_M_ITERATION_LATENESS, true },
        { &scenario->s_run, RP_M_ITERATION_RUN_DURATION, true },
    };
    const struct rp_executor_kind_info *kind = &rp_executor_kinds[scenario->plan->executor];

    for (size_t i = 0; i < RP_ARRAY_LEN(all); i++) {
        if (all[i].of_arrivals && !kind->has_arrivals)
            continue;
        *all[i].series = series_of(scenario->engine, all[i].id, scenario->tags);
        if (!*all[i].series)
            return -ENOMEM;
    }
    return 0;
}

static int make_scenario(struct rp_engine *engine, size_t i, struct rp_error *err)
{
    struct rp_engine_scenario *scenario = &engine->scenarios[i];
    const struct rp_executor_share share = { engine->config.segments, engine->config.segment_index,
                                             engine->config.plan->seed, engine->config.run_segments,
                                             engine->config.run_index };
    int r;

    scenario->engine = engine;
    scenario->plan = &engine->config.plan->scenarios[i];
    for (size_t j = 0; j < i; j++)
        scenario->first_number += rp_executor_slots(engine->scenarios[j].plan);
    r = rp_executor_init(&scenario->executor, scenario->plan, engine->config.loop,
                         &rp_engine_executor_user, &share);
    if (r < 0)
        return r;
    scenario->tags = tags_of(engine, scenario->plan);
    scenario->vus = rp_calloc((size_t)scenario->executor.slot_count + 1, sizeof(*scenario->vus));
    if (!scenario->tags || !scenario->vus)
        return -ENOMEM;
    r = make_series(scenario);
    if (r < 0)
        return r;
    for (int64_t slot = 0; slot < scenario->executor.made; slot++) {
        r = rp_engine_make_vu(scenario, slot, err);
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
    config->host->engine = &rp_engine_for_scripts;
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

static void scenario_deinit(struct rp_engine_scenario *scenario)
{
    const struct rp_clients *clients;
    struct rp_script_host *host;

    if (!scenario->engine)
        return;
    rp_task_cancel(&scenario->make_vu);
    host = scenario->engine->config.host;
    clients = scenario->engine->config.clients;
    for (int64_t slot = 0; scenario->vus && slot < scenario->executor.slot_count; slot++) {
        struct rp_vu *vu = &scenario->vus[slot];

        if (!vu->host)
            break;
        host->ops->vu_deinit(host, vu);
        if (clients)
            rp_clients_free_sessions(clients, vu->sessions);
    }
    rp_engine_free_pauses(scenario);
    rp_free(scenario->vus);
    rp_executor_deinit(&scenario->executor);
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

/* ---- from outside ---------------------------------------------------------------------------- */

static void pause_executors(struct rp_engine *engine)
{
    for (size_t i = 0; i < engine->scenario_count; i++)
        rp_executor_pause(&engine->scenarios[i].executor, engine->paused_at);
}

void rp_engine_start(struct rp_engine *engine, rp_ns at)
{
    engine->started_at = at;
    for (size_t i = 0; i < engine->scenario_count; i++)
        rp_executor_start(&engine->scenarios[i].executor, at);
    /* A pause since before the start counts from here. */
    if (engine->is_paused) {
        engine->paused_at = rp_loop_now(engine->config.loop);
        pause_executors(engine);
    }
}

static void end_pause(struct rp_engine *engine, rp_ns now)
{
    engine->is_paused = false;
    if (engine->started_at)
        engine->paused += now - engine->paused_at;
}

void rp_engine_stop(struct rp_engine *engine, rp_ns deadline)
{
    if (engine->is_paused && !engine->is_finished)
        end_pause(engine, rp_loop_now(engine->config.loop));
    for (size_t i = 0; i < engine->scenario_count; i++)
        rp_executor_stop(&engine->scenarios[i].executor, deadline);
    rp_engine_begin_ready_soon(engine); /* what a pause held will not begin */
}

/* Iterations that wait to begin go on waiting in a pause. But those of executors whose time is over
 * are dropped, for a pause does not hold them. */
static void drop_ready_of_stopped(struct rp_engine *engine, rp_ns now)
{
    struct rp_list all, *node;

    rp_list_init(&all);
    rp_list_splice(&all, &engine->ready);
    while ((node = rp_list_pop(&all))) {
        struct rp_vu *vu = rp_container_of(node, struct rp_vu, ready);
        struct rp_engine_scenario *scenario = vu->engine_scenario;

        if (scenario->executor.is_paused)
            rp_list_append(&engine->ready, node);
        else
            rp_executor_ended(&scenario->executor, vu->slot, false, now);
    }
}

void rp_engine_pause(struct rp_engine *engine)
{
    rp_ns now = rp_loop_now(engine->config.loop);

    if (engine->is_paused || engine->is_finished)
        return;
    engine->is_paused = true;
    engine->paused_at = now;
    if (!engine->started_at)
        return;
    pause_executors(engine);
    drop_ready_of_stopped(engine, now);
}

void rp_engine_resume(struct rp_engine *engine)
{
    rp_ns now = rp_loop_now(engine->config.loop);

    if (!engine->is_paused || engine->is_finished)
        return;
    RP_LIST_EACH (node, &engine->ready) {
        rp_container_of(node, struct rp_vu, ready)->due += now - engine->paused_at;
    }
    end_pause(engine, now);
    for (size_t i = 0; i < engine->scenario_count; i++)
        rp_executor_resume(&engine->scenarios[i].executor, now);
    rp_engine_begin_ready_soon(engine);
}

int rp_engine_adjust(struct rp_engine *engine, size_t i, double value, rp_ns at, bool hold)
{
    struct rp_engine_scenario *scenario = &engine->scenarios[i];
    double rate = value * 1e9 / (double)scenario->plan->time_unit;
    int r = rp_executor_adjust(&scenario->executor, value, at, hold);

    if (r == 0 && scenario->s_lateness && rate > scenario->adjusted_rate)
        scenario->adjusted_rate = rate;
    return r;
}

bool rp_engine_is_paused(const struct rp_engine *engine)
{
    return engine->is_paused && !engine->is_finished;
}

bool rp_engine_is_finished(const struct rp_engine *engine)
{
    return engine->is_finished;
}

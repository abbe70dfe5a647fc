/* SPDX-License-Identifier: MIT */

/*
 * What the engine tells: gauges once a second, counts, progress, and the warning about VUs that are
 * missing.
 */

#include <math.h>
#include <stdio.h>

#include "engine/engine_internal.h"

/* ---- warnings -------------------------------------------------------------------------------- */

void rp_engine_warn(struct rp_engine_scenario *scenario, const char *kind, const char *text)
{
    const struct rp_engine_config *config = &scenario->engine->config;
    char about[200];

    snprintf(about, sizeof(about), "%s of %s", kind, scenario->plan->name);
    if (config->warning)
        config->warning(config->user, about, text);
}

/* As people say it. */
static void write_time(double seconds, char *out, size_t size)
{
    if (seconds < 1e-3)
        snprintf(out, size, "%.3g us", seconds * 1e6);
    else if (seconds < 1)
        snprintf(out, size, "%.3g ms", seconds * 1e3);
    else
        snprintf(out, size, "%.4g s", seconds);
}

/* Writes how many VUs are needed: as many are busy at a time as iterations begin during one
 * iteration. */
static void write_needed(const struct rp_engine_scenario *scenario, char *out, size_t size)
{
    const struct rp_scenario *plan = scenario->plan;
    double mean_s, rate, needed;
    char each[32];

    if (!scenario->completed) {
        snprintf(out, size, "none of its iterations has ended yet");
        return;
    }
    mean_s = scenario->busy / (double)scenario->completed / 1e9;
    rate = fmax(rp_scenario_highest_rate(plan), scenario->adjusted_rate);
    needed = ceil(rate * mean_s);
    write_time(mean_s, each, sizeof(each));
    if (needed > (double)plan->max_vus)
        snprintf(out, size, "%.10g/s of %s each need %.0f VUs", rate, each, needed);
    else
        snprintf(out, size,
                 "%.10g/s of %s each need %.0f VU%s on average, but some took longer, or the "
                 "generator was held up",
                 rate, each, needed > 1 ? needed : 1, needed > 1 ? "s" : "");
}

/* Warns once, when no VU is left and, if possible, when it is known how long an iteration takes. */
static void warn_of_drops(struct rp_engine_scenario *scenario)
{
    const struct rp_executor *executor = &scenario->executor;
    char needed[160], text[400];

    if (scenario->has_warned || !executor->without_vu || executor->made < executor->slot_count ||
        (!scenario->completed && executor->state < RP_EXECUTOR_STOPPING))
        return;
    scenario->has_warned = true;
    write_needed(scenario, needed, sizeof(needed));
    snprintf(
        text, sizeof(text),
        "scenario '%s': iterations were dropped because all VUs were busy: %s; max_vus is %lld",
        scenario->plan->name, needed, (long long)scenario->plan->max_vus);
    rp_engine_warn(scenario, "drops", text);
}

/* ---- once a second --------------------------------------------------------------------------- */

static void sample_scenario(struct rp_engine_scenario *scenario)
{
    uint64_t dropped = scenario->executor.dropped;

    if (dropped == scenario->reported_dropped)
        return;
    rp_series_count(scenario->s_dropped, (int64_t)(dropped - scenario->reported_dropped));
    scenario->reported_dropped = dropped;
}

static bool may_begin_iterations(const struct rp_engine *engine)
{
    for (size_t i = 0; i < engine->scenario_count; i++)
        if (engine->scenarios[i].executor.state <= RP_EXECUTOR_RUNNING)
            return true;
    return false;
}

/* The sample after the regular time would show only the VUs that are not done yet, for a second in
 * which more ran: the gauge stays at those that ran before. While iterations go on to their end,
 * later samples show how few are left. In a run shorter than a sample all VUs ran. */
static void sample_vus(struct rp_engine *engine)
{
    bool is_stopping = !may_begin_iterations(engine);

    if (!engine->s_vus->delta.samples && !engine->s_vus->total.samples && is_stopping)
        rp_series_gauge(engine->s_vus, (double)engine->vu_count);
    else if (!engine->is_finished && (!is_stopping || engine->has_sampled_stop))
        rp_series_gauge(engine->s_vus, (double)rp_engine_active_vus(engine));
    engine->has_sampled_stop = is_stopping;
}

void rp_engine_sample(struct rp_engine *engine)
{
    sample_vus(engine);
    rp_series_gauge(engine->s_vus_max, (double)engine->vu_count);
    for (size_t i = 0; i < engine->scenario_count; i++) {
        sample_scenario(&engine->scenarios[i]);
        warn_of_drops(&engine->scenarios[i]);
    }
}

/* ---- on request ------------------------------------------------------------------------------ */

int64_t rp_engine_active_vus(const struct rp_engine *engine)
{
    int64_t active = 0;

    for (size_t i = 0; i < engine->scenario_count; i++)
        active += engine->scenarios[i].executor.active;
    return active;
}

struct rp_engine_counts rp_engine_counts(const struct rp_engine *engine, size_t i)
{
    const struct rp_engine_scenario *scenario = &engine->scenarios[i];

    return (struct rp_engine_counts){ .scheduled = scenario->executor.scheduled,
                                      .started = scenario->started,
                                      .dropped = scenario->executor.dropped,
                                      .completed = scenario->completed,
                                      .interrupted = scenario->interrupted,
                                      .errors = scenario->errors };
}

struct rp_engine_arrivals rp_engine_arrivals(const struct rp_engine *engine)
{
    struct rp_engine_arrivals sum = { 0 };

    for (size_t i = 0; i < engine->scenario_count; i++) {
        const struct rp_engine_scenario *scenario = &engine->scenarios[i];

        sum.begun += scenario->s_lateness ? scenario->started : 0;
        sum.late += scenario->late;
        sum.late_drops += scenario->executor.late_drops + scenario->late_refused;
    }
    return sum;
}

struct rp_engine_load rp_engine_load(const struct rp_engine *engine)
{
    uint64_t now = (uint64_t)rp_loop_now(engine->config.loop), under_way = 0;
    struct rp_engine_load sum = { 0 };

    for (size_t i = 0; i < engine->scenario_count; i++) {
        const struct rp_engine_scenario *scenario = &engine->scenarios[i];
        uint64_t running = scenario->started - scenario->completed - scenario->interrupted;

        under_way += scenario->under_way + running * now;
        sum.cut_short += scenario->cut_short;
    }
    sum.under_way = (rp_ns)under_way;
    return sum;
}

/* Both name the parts of the same life. */
static enum rp_scenario_state state_of(enum rp_executor_state state)
{
    _Static_assert((int)RP_EXECUTOR_WAITING == (int)RP_SCENARIO_WAITING &&
                       (int)RP_EXECUTOR_RUNNING == (int)RP_SCENARIO_RUNNING &&
                       (int)RP_EXECUTOR_STOPPING == (int)RP_SCENARIO_STOPPING &&
                       (int)RP_EXECUTOR_INTERRUPTING == (int)RP_SCENARIO_INTERRUPTING &&
                       (int)RP_EXECUTOR_FINISHED == (int)RP_SCENARIO_FINISHED,
                   "the states of an executor are those of its scenario");
    return (enum rp_scenario_state)state;
}

struct rp_scenario_progress rp_engine_progress(const struct rp_engine *engine, size_t i)
{
    const struct rp_engine_scenario *scenario = &engine->scenarios[i];
    const struct rp_executor *executor = &scenario->executor;
    rp_ns now = rp_loop_now(engine->config.loop);

    return (struct rp_scenario_progress){ .state = state_of(executor->state),
                                          .vus = executor->active,
                                          .vus_made = executor->made,
                                          .vus_wanted = rp_executor_vus_wanted(executor),
                                          .stage = rp_executor_stage(executor, now),
                                          .scheduled = executor->scheduled,
                                          .started = scenario->started,
                                          .dropped = executor->dropped,
                                          .completed = scenario->completed,
                                          .interrupted = scenario->interrupted,
                                          .errors = scenario->errors,
                                          .total = executor->total,
                                          .elapsed = rp_executor_elapsed(executor, now),
                                          .regular = executor->regular,
                                          .rate = rp_executor_rate(executor, now) };
}

rp_ns rp_engine_elapsed(const struct rp_engine *engine)
{
    rp_ns end = engine->is_finished ? engine->finished_at : rp_loop_now(engine->config.loop);

    return engine->started_at && end > engine->started_at ? end - engine->started_at : 0;
}

rp_ns rp_engine_paused_time(const struct rp_engine *engine)
{
    rp_ns end = engine->is_finished ? engine->finished_at : rp_loop_now(engine->config.loop);

    return engine->paused + (engine->is_paused && engine->started_at ? end - engine->paused_at : 0);
}

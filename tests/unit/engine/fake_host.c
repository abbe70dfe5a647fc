/* SPDX-License-Identifier: MIT */
#include "fake_host.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "sched/schedule.h"

static struct fake *fake_of(struct rp_script_host *host)
{
    return rp_container_of(host, struct fake, host);
}

static struct fake_counts *counts_of(struct fake *fake, const struct rp_vu *vu)
{
    return &fake->counts[vu->scenario - fake->plan.scenarios];
}

rp_ns fake_now(const struct fake *fake)
{
    return rp_loop_now(fake->loop) - fake->start;
}

/* Pauses move it; none makes it earlier. */
static rp_ns regular_end(const struct rp_scenario *scenario)
{
    return scenario->start_time + rp_scenario_regular(scenario);
}

static bool has_arrivals(const struct rp_scenario *scenario)
{
    return rp_executor_kinds[scenario->executor].has_arrivals;
}

static void release(struct rp_timer *timer, rp_ns now)
{
    struct fake_vu *vu = rp_container_of(timer, struct fake_vu, release);

    vu->fake->host.engine->released(vu->vu);
    vu->fake->host.engine->released(vu->vu); /* does nothing */
}

static void end(struct fake_vu *vu, enum rp_ending ending)
{
    struct fake *fake = vu->fake;
    struct fake_counts *counts = counts_of(fake, vu->vu);

    assert_true(vu->vu->is_running);
    rp_timer_disarm(&vu->timer);
    counts->completed += ending != RP_ENDED_INTERRUPTED;
    counts->failed += ending == RP_ENDED_FAILED;
    counts->interrupted += ending == RP_ENDED_INTERRUPTED;
    vu->vu->is_held = vu->iteration.holds != 0;
    if (vu->vu->is_held)
        rp_timer_arm(fake->loop, &vu->release, rp_loop_now(fake->loop) + vu->iteration.holds,
                     release);
    fake->host.engine->ended(vu->vu, ending);
}

static void waited(struct rp_timer *timer, rp_ns now)
{
    struct fake_vu *vu = rp_container_of(timer, struct fake_vu, timer);

    if (vu->was_interrupted && !vu->iteration.completes_clean_up)
        end(vu, RP_ENDED_INTERRUPTED);
    else
        end(vu, vu->iteration.fails ? RP_ENDED_FAILED : RP_ENDED_COMPLETED);
}

static int vu_init(struct rp_script_host *host, struct rp_vu *vu, struct rp_error *err)
{
    struct fake *fake = fake_of(host);
    struct fake_vu *data;

    if (++fake->vus == fake->fail_vu)
        return rp_error_set(err, -RP_EUSER, "no such function");
    data = rp_calloc(1, sizeof(*data));
    if (!data)
        return -ENOMEM;
    data->fake = fake;
    data->vu = vu;
    vu->host_data = data;
    return 0;
}

/* Also after a vu_init() that failed. */
static void vu_deinit(struct rp_script_host *host, struct rp_vu *vu)
{
    assert_false(vu->is_running);
    if (vu->host_data)
        rp_timer_disarm(&((struct fake_vu *)vu->host_data)->release);
    rp_free(vu->host_data);
    vu->host_data = NULL;
}

/* What the engine promises of every iteration. */
static void check_begin(struct fake *fake, const struct rp_vu *vu)
{
    const struct rp_scenario *scenario = vu->scenario;
    const struct fake_vu *data = vu->host_data;
    rp_ns now = fake_now(fake), late = has_arrivals(scenario) ? RP_LATE_BEGIN : 0;

    assert_true(vu->is_running && !rp_engine_is_paused(fake->engine));
    assert_int_equal(vu->began, rp_loop_now(fake->loop));
    assert_true(now >= scenario->start_time);
    assert_true(now < regular_end(scenario) + fake->paused + late);
    assert_true(now <= fake->stopped_at);
    assert_true(vu->due - fake->start <= now && vu->due - fake->start >= scenario->start_time);
    assert_int_equal(vu->iteration_in_vu, data->begun);
}

static void begin(struct rp_script_host *host, struct rp_vu *vu)
{
    struct fake *fake = fake_of(host);
    struct fake_vu *data = vu->host_data;
    struct fake_counts *counts = counts_of(fake, vu);

    check_begin(fake, vu);
    if (!counts->begun++)
        counts->first = fake_now(fake);
    counts->last = fake_now(fake);
    rp_timer_disarm(&data->release);
    assert_false(vu->is_held);
    data->begun++;
    data->was_interrupted = false;
    data->iteration = fake->next(fake, vu);
    fake->max_depth = ++fake->depth > fake->max_depth ? fake->depth : fake->max_depth;
    fake->max_in_turn = ++fake->begun_in_turn > fake->max_in_turn ? fake->begun_in_turn
                                                                  : fake->max_in_turn;
    if (data->iteration.blocks)
        rp_loop_virtual_set(fake->loop, rp_loop_now(fake->loop) + data->iteration.blocks);
    if (fake->began)
        fake->began(fake, vu);
    if (data->iteration.waits == 0)
        end(data, data->iteration.fails ? RP_ENDED_FAILED : RP_ENDED_COMPLETED);
    else if (data->iteration.waits != FAKE_FOREVER)
        rp_timer_arm(fake->loop, &data->timer, rp_loop_now(fake->loop) + data->iteration.waits,
                     waited);
    fake->depth--;
}

static void interrupt(struct rp_script_host *host, struct rp_vu *vu)
{
    struct fake *fake = fake_of(host);
    struct fake_vu *data = vu->host_data;
    rp_ns limit = regular_end(vu->scenario) + vu->scenario->graceful_stop;

    assert_true(vu->is_running && !data->was_interrupted);
    if (vu->scenario->executor == RP_RAMPING_VUS &&
        vu->scenario->start_time + vu->scenario->graceful_ramp_down < limit)
        limit = vu->scenario->start_time + vu->scenario->graceful_ramp_down;
    assert_true(fake_now(fake) >= limit || fake->stopped_at != RP_NS_NEVER);
    data->was_interrupted = true;
    if (data->iteration.clean_up)
        rp_timer_arm(fake->loop, &data->timer, rp_loop_now(fake->loop) + data->iteration.clean_up,
                     waited);
    else
        end(data, RP_ENDED_INTERRUPTED);
}

static const struct rp_script_ops ops = {
    .vu_init = vu_init,
    .vu_deinit = vu_deinit,
    .begin = begin,
    .interrupt = interrupt,
};

static void on_finished(struct rp_engine *engine, void *user)
{
    struct fake *fake = user;

    assert_true(rp_engine_is_finished(engine));
    assert_int_equal(rp_engine_active_vus(engine), 0);
    fake->finished++;
    fake->finished_at = fake_now(fake);
}

static void on_warning(void *user, const char *about, const char *text)
{
    struct fake *fake = user;

    assert_non_null(about);
    fake->warnings++;
    assert_true(strlen(text) < sizeof(fake->warning));
    strcpy(fake->warning, text);
}

int fake_try_init(struct fake *fake, struct rp_scenario *scenarios, size_t count)
{
    struct rp_engine_config config = { .plan = &fake->plan,
                                       .segments = fake->segments,
                                       .segment_index = fake->segment_index,
                                       .host = &fake->host,
                                       .finished = on_finished,
                                       .warning = on_warning,
                                       .user = fake };
    struct rp_error err = { 0 };
    int r;

    fake->host.ops = &ops;
    fake->plan.scenarios = scenarios;
    fake->plan.scenario_count = count;
    fake->stopped_at = RP_NS_NEVER;
    r = rp_loop_new(rp_loop_virtual, &fake->loop);
    if (r == 0)
        r = rp_registry_new((struct rp_registry_limits){ 0 }, &fake->registry);
    config.loop = fake->loop;
    config.registry = fake->registry;
    if (r == 0)
        r = rp_engine_new(&config, &fake->engine, &err);
    rp_error_deinit(&err);
    return r;
}

void fake_init(struct fake *fake, struct rp_scenario *scenarios, size_t count)
{
    assert_int_equal(fake_try_init(fake, scenarios, count), 0);
}

void fake_deinit(struct fake *fake)
{
    rp_engine_free(fake->engine);
    rp_registry_free(fake->registry);
    rp_loop_free(fake->loop);
}

void fake_turn(struct fake *fake, rp_ns until)
{
    fake->begun_in_turn = 0;
    assert_int_equal(rp_loop_turn(fake->loop, until), 0);
}

static void start(struct fake *fake)
{
    if (fake->start)
        return;
    fake->start = rp_loop_now(fake->loop) + RP_S;
    rp_engine_start(fake->engine, fake->start);
}

void fake_run_until(struct fake *fake, rp_ns at)
{
    start(fake);
    while (!fake->finished && fake_now(fake) < at)
        fake_turn(fake, fake->start + at);
}

void fake_stop(struct fake *fake, rp_ns grace)
{
    start(fake);
    rp_engine_stop(fake->engine, rp_loop_now(fake->loop) + grace);
    if (fake->stopped_at == RP_NS_NEVER)
        fake->stopped_at = fake_now(fake);
}

void fake_pause(struct fake *fake)
{
    if (!rp_engine_is_paused(fake->engine))
        fake->paused_at = rp_loop_now(fake->loop);
    rp_engine_pause(fake->engine);
}

void fake_resume(struct fake *fake)
{
    if (rp_engine_is_paused(fake->engine))
        fake->paused += rp_loop_now(fake->loop) - fake->paused_at;
    rp_engine_resume(fake->engine);
}

uint64_t fake_counter(const struct fake *fake, const char *metric, const char *scenario)
{
    double sum = 0;

    for (size_t i = 0; i < rp_registry_series_count(fake->registry); i++) {
        const struct rp_series *series = rp_registry_series_at(fake->registry, i);
        const char *tag = rp_tags_get(series->tags, "scenario");

        if (strcmp(series->metric->name, metric) == 0 && tag && strcmp(tag, scenario) == 0)
            sum += series->metric->type == RP_TREND ? (double)series->delta.samples
                                                    : rp_sum_read(&series->delta.counter);
    }
    return (uint64_t)sum;
}

static void check_accounting(const struct fake *fake, size_t i)
{
    struct rp_engine_counts counts = rp_engine_counts(fake->engine, i);
    const struct fake_counts *own = &fake->counts[i];
    const char *name = fake->plan.scenarios[i].name;

    assert_int_equal(counts.scheduled, counts.started + counts.dropped);
    assert_int_equal(counts.started, counts.completed + counts.interrupted);
    assert_int_equal(counts.started, own->begun);
    assert_int_equal(counts.completed, own->completed);
    assert_int_equal(counts.interrupted, own->interrupted);
    assert_int_equal(counts.errors, own->failed);
    assert_int_equal(counts.completed, fake_counter(fake, "iterations", name));
    assert_int_equal(counts.completed, fake_counter(fake, "iteration_duration", name));
    assert_int_equal(counts.interrupted, fake_counter(fake, "interrupted_iterations", name));
    assert_int_equal(counts.dropped, fake_counter(fake, "dropped_iterations", name));
    assert_int_equal(counts.errors, fake_counter(fake, "iteration_errors", name));
    if (!has_arrivals(&fake->plan.scenarios[i])) {
        assert_int_equal(fake_counter(fake, "iteration_lateness", name), 0);
        return;
    }
    assert_int_equal(counts.started, fake_counter(fake, "iteration_lateness", name));
    assert_int_equal(counts.completed, fake_counter(fake, "iteration_run_duration", name));
}

/* Little's law to the nanosecond: the integral of the iterations under way is the sum of their times. */
static void check_load(const struct fake *fake)
{
    struct rp_engine_load load = rp_engine_load(fake->engine);
    __int128 sum = load.cut_short;

    for (size_t i = 0; i < rp_registry_series_count(fake->registry); i++) {
        const struct rp_series *series = rp_registry_series_at(fake->registry, i);

        if (strcmp(series->metric->name, "iteration_duration") == 0)
            sum += series->delta.hist.whole + series->total.hist.whole;
    }
    assert_true(load.under_way == sum);
}

void fake_run_out(struct fake *fake)
{
    start(fake);
    while (!fake->finished)
        fake_turn(fake, RP_NS_NEVER);
    assert_int_equal(rp_loop_turn(fake->loop, rp_loop_now(fake->loop) + 86400 * RP_S), 0);
    assert_int_equal(fake->finished, 1);
    assert_int_equal(fake->max_depth > 1, 0);
    rp_engine_sample(fake->engine);
    rp_engine_sample(fake->engine); /* nothing twice */
    for (size_t i = 0; i < fake->plan.scenario_count; i++)
        check_accounting(fake, i);
    check_load(fake);
}

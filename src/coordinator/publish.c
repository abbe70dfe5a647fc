/* SPDX-License-Identifier: MIT */

/*
 * The coordinator's events. docs/events.md has them all; each function here is one of them. When nobody listens each is
 * one look at a list.
 */

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "coordinator/coordinator_internal.h"
#include "output/event_log.h"
#include "coordinator/judge_generator.h"

enum { GENERATOR_AFTER_S = 3 };

static struct rp_json_line *begin(struct rp_coordinator *c, enum rp_event_kind type)
{
    return rp_events_begin(c->events, type, rp_loop_now(c->loop));
}

/* ---- life ------------------------------------------------------------------------------------------------- */

static void event_lost(void *user, int error)
{
    struct rp_coordinator *c = user;
    char text[1024];

    snprintf(text, sizeof(text), "an event could not be written to the event log '%s': %s",
             c->config->event_log, strerror(-error));
    rp_result_fail(c->result, RP_EXIT_OUTPUT, "%s", text);
    rp_result_warn(c->result, "%s", text);
}

static void on_event(struct rp_sink *sink, const struct rp_event *event)
{
    rp_publish_warning(rp_container_of(sink, struct rp_coordinator, publisher), event->warning);
}

static const struct rp_sink_ops publisher_ops = { .events = RP_EVENT_BIT(RP_EVENT_WARNING),
                                                  .event = on_event };

int rp_publish_start(struct rp_coordinator *c)
{
    int r = 0;

    if (c->plan_only)
        return 0;
    rp_sinks_init(&c->sinks);
    rp_sinks_add(&c->sinks, &c->publisher, &publisher_ops);
    rp_sinks_start(&c->sinks, c->result);
    c->events = c->config->events;
    if (!c->events && c->config->event_log) {
        r = rp_events_new(&c->own_events);
        c->events = c->own_events;
    }
    if (!c->events)
        return r;
    rp_events_start(c->events, c->result->run_id, rp_wall_clock_ns(), rp_loop_now(c->loop));
    if (c->config->event_log)
        r = rp_event_log_new(c->events, c->config->event_log, event_lost, c, &c->event_log);
    rp_publish_phase(c);
    return r;
}

int rp_publish_open_log(struct rp_coordinator *c)
{
    return c->event_log ? rp_event_log_open(c->event_log, c->err) : 0;
}

void rp_publish_deinit(struct rp_coordinator *c)
{
    c->result->sinks = NULL;
    rp_event_log_free(c->event_log);
    rp_events_free(c->own_events);
    rp_free(c->last_counts);
    rp_free(c->live);
}

/* ---- small ones ------------------------------------------------------------------------------------------- */

void rp_publish_phase(struct rp_coordinator *c)
{
    const char *phase = rp_coordinator_phase_name(c);

    if (!rp_events_are_wanted(c->events) || phase == c->published_phase)
        return;
    c->published_phase = phase;
    rp_line_text(begin(c, RP_EVENT_PHASE), "phase", phase);
    rp_events_end(c->events);
}

void rp_publish_pause(struct rp_coordinator *c)
{
    struct rp_json_line *line;

    if (!rp_events_are_wanted(c->events))
        return;
    line = begin(c, c->is_paused ? RP_EVENT_PAUSE : RP_EVENT_RESUME);
    rp_line_i64(line, "elapsed_ns", rp_coordinator_elapsed(c));
    if (!c->is_paused)
        rp_line_i64(line, "paused_ns", c->paused);
    rp_events_end(c->events);
}

void rp_publish_warning(struct rp_coordinator *c, const char *text)
{
    if (!rp_events_are_wanted(c->events))
        return;
    rp_line_text(begin(c, RP_EVENT_WARNING), "text", text);
    rp_events_end(c->events);
}

/* ---- thresholds ------------------------------------------------------------------------------------------- */

static struct rp_json_line *begin_threshold(struct rp_coordinator *c, enum rp_event_kind type,
                                            const struct rp_threshold *threshold,
                                            const struct rp_verdict *verdict)
{
    struct rp_json_line *line = begin(c, type);

    rp_line_text(line, "metric", threshold->display);
    rp_line_text(line, "expression", threshold->source);
    rp_line_bool(line, "passed", verdict->passed);
    rp_line_number(line, "actual", verdict->actual);
    return line;
}

void rp_publish_live(struct rp_coordinator *c, size_t i, const struct rp_verdict *verdict,
                     bool aborts)
{
    const struct rp_plan *plan = c->result->plan;
    const struct rp_threshold *threshold = &plan->thresholds[i];
    enum { UNKNOWN, HOLDS, FAILS } now = verdict->passed ? HOLDS : FAILS;
    struct rp_json_line *line;

    if (!rp_events_are_wanted(c->events))
        return;
    if (!c->live)
        c->live = rp_calloc(plan->threshold_count, sizeof(*c->live));
    if (c->live && c->live[i] == now && !aborts)
        return;
    if (c->live)
        c->live[i] = now;
    line = begin_threshold(c, RP_EVENT_LIVE_THRESHOLD, threshold, verdict);
    rp_line_bool(line, "aborts", aborts);
    rp_line_i64(line, "elapsed_ns", rp_coordinator_elapsed(c));
    rp_events_end(c->events);
}

static void publish_verdicts(struct rp_coordinator *c)
{
    const struct rp_plan *plan = c->result->plan;

    for (size_t i = 0; c->result->verdicts && i < plan->threshold_count; i++) {
        struct rp_json_line *line = begin_threshold(c, RP_EVENT_THRESHOLD, &plan->thresholds[i],
                                                    &c->result->verdicts[i]);

        rp_line_bool(line, "no_samples", c->result->verdicts[i].no_samples);
        rp_events_end(c->events);
    }
}

/* ---- snapshots -------------------------------------------------------------------------------------------- */

static void put_stat(struct rp_json_line *line, const struct rp_view *view, const char *name,
                     enum rp_stat_kind kind)
{
    rp_line_number(line, name, rp_view_stat(view, (struct rp_stat){ .kind = kind }, 0));
}

/* @rate: of a counter, since the last snapshot. No percentiles: those walk the histogram. */
static void put_metric(struct rp_json_line *line, const struct rp_view *view, double rate)
{
    const struct rp_value *total = &view->total;

    rp_line_open(line, view->display);
    rp_line_text(line, "type", rp_metric_type_name(view->type));
    switch (view->type) {
    case RP_COUNTER:
        rp_line_number(line, "count", total->counter);
        rp_line_number(line, "rate", rate);
        break;
    case RP_GAUGE:
        rp_line_number(line, "value", total->gauge.last);
        rp_line_number(line, "min", total->gauge.min);
        rp_line_number(line, "max", total->gauge.max);
        break;
    case RP_RATE:
        put_stat(line, view, "rate", RP_STAT_RATE);
        rp_line_u64(line, "passes", total->rate.hits);
        rp_line_u64(line, "total", total->rate.total);
        break;
    default:
        rp_line_u64(line, "count", total->samples);
        put_stat(line, view, "avg", RP_STAT_AVG);
        put_stat(line, view, "min", RP_STAT_MIN);
        put_stat(line, view, "max", RP_STAT_MAX);
    }
    rp_line_close(line);
}

/* Counts at the last snapshot by number of view. Without memory for them rates are null. */
static void remember_counts(struct rp_coordinator *c, size_t views)
{
    double *counts;

    if (views <= c->last_count_count)
        return;
    counts = rp_realloc_array(c->last_counts, views, sizeof(*counts));
    if (!counts)
        return;
    c->last_counts = counts;
    while (c->last_count_count < views)
        counts[c->last_count_count++] = 0;
}

static double rate_of(struct rp_coordinator *c, size_t i, const struct rp_view *view,
                      double seconds)
{
    double rate;

    if (view->type != RP_COUNTER || i >= c->last_count_count || seconds <= 0)
        return NAN;
    rate = (view->total.counter - c->last_counts[i]) / seconds;
    c->last_counts[i] = view->total.counter;
    return rate;
}

static void put_metrics(struct rp_coordinator *c, struct rp_json_line *line, double seconds)
{
    size_t count = rp_store_view_count(c->result->store);

    remember_counts(c, count);
    rp_line_open(line, "metrics");
    for (size_t i = 0; i < count; i++) {
        const struct rp_view *view = rp_store_view_at(c->result->store, i);

        if (!view->filter && view->total.samples)
            put_metric(line, view, rate_of(c, i, view, seconds));
    }
    rp_line_close(line);
}

static void put_scenario(struct rp_json_line *line, const char *name,
                         const struct rp_scenario_progress *progress)
{
    rp_line_open(line, NULL);
    rp_line_text(line, "name", name);
    rp_line_text(line, "state", rp_scenario_state_name(progress->state));
    rp_line_i64(line, "vus", progress->vus);
    rp_line_i64(line, "vus_made", progress->vus_made);
    if (progress->stage >= 0)
        rp_line_i64(line, "stage", progress->stage);
    else
        rp_line_null(line, "stage");
    rp_line_u64(line, "scheduled", progress->scheduled);
    rp_line_u64(line, "started", progress->started);
    rp_line_u64(line, "dropped", progress->dropped);
    rp_line_u64(line, "completed", progress->completed);
    rp_line_u64(line, "interrupted", progress->interrupted);
    rp_line_u64(line, "errors", progress->errors);
    if (progress->total)
        rp_line_u64(line, "total", progress->total);
    else
        rp_line_null(line, "total");
    rp_line_i64(line, "elapsed_ns", progress->elapsed);
    rp_line_i64(line, "regular_ns", progress->regular);
    rp_line_number(line, "rate", progress->rate);
    rp_line_close(line);
}

static void publish_snapshot(struct rp_coordinator *c)
{
    const struct rp_scenario_progress *scenarios = c->progress.sums;
    size_t count = scenarios ? c->result->plan->scenario_count : 0;
    rp_ns at = c->result->elapsed + c->result->paused;
    struct rp_json_line *line = begin(c, RP_EVENT_SNAPSHOT);
    int64_t vus = 0, made = 0;

    for (size_t i = 0; i < count; i++) {
        vus += scenarios[i].vus;
        made += scenarios[i].vus_made;
    }
    rp_line_text(line, "phase", rp_coordinator_phase_name(c));
    rp_line_bool(line, "is_paused", c->is_paused);
    rp_line_i64(line, "elapsed_ns", c->result->elapsed);
    rp_line_i64(line, "paused_ns", c->result->paused);
    rp_line_i64(line, "vus", vus);
    rp_line_i64(line, "vus_made", made);
    put_metrics(c, line, (double)(at - c->last_snapshot) / 1e9);
    rp_line_open_list(line, "scenarios");
    for (size_t i = 0; i < count; i++)
        put_scenario(line, c->result->plan->scenarios[i].name, &scenarios[i]);
    rp_line_close_list(line);
    c->last_snapshot = at;
    rp_events_end(c->events);
}

/* A worker tells its state more often than once a second: at the start and around pauses. */
void rp_publish_snapshot(struct rp_coordinator *c)
{
    rp_ns at = c->result->elapsed + c->result->paused;

    if (rp_events_are_wanted(c->events) && at - c->last_snapshot >= RP_S / 2)
        publish_snapshot(c);
}

/* ---- the generator ---------------------------------------------------------------------------------------- */

static void publish_reason(struct rp_coordinator *c, const struct rp_generator_reason *reason)
{
    struct rp_json_line *line = begin(c, RP_EVENT_GENERATOR);

    c->told[reason->cause] = (unsigned char)reason->verdict;
    rp_line_text(line, "verdict", rp_generator_verdict_name(reason->verdict));
    rp_line_text(line, "cause", rp_generator_cause_name(reason->cause));
    rp_line_u64(line, "worker", reason->worker);
    rp_line_u64(line, "workers", reason->workers);
    rp_line_text(line, "text", reason->text);
    rp_line_i64(line, "elapsed_ns", rp_coordinator_elapsed(c));
    rp_events_end(c->events);
}

static void publish_reasons(struct rp_coordinator *c)
{
    const struct rp_result *result = c->result;

    for (size_t i = 0; i < result->generator_reason_count; i++)
        if (result->generator_reasons[i].verdict > c->told[result->generator_reasons[i].cause])
            publish_reason(c, &result->generator_reasons[i]);
}

/* In the first seconds everything is a large share of the time. */
void rp_publish_generator(struct rp_coordinator *c)
{
    uint64_t observed = 0;

    for (size_t i = 0; i < c->peer_count; i++) /* one may be lost, and not have seen much */
        if ((uint64_t)c->health[i].observed > observed)
            observed = (uint64_t)c->health[i].observed;
    if (rp_events_are_wanted(c->events) && observed >= GENERATOR_AFTER_S * RP_S &&
        rp_judge_generator(c->health, c->peer_count, c->result) == 0)
        publish_reasons(c);
}

/* ---- the end ---------------------------------------------------------------------------------------------- */

void rp_publish_end(struct rp_coordinator *c, int r)
{
    const struct rp_result *result = c->result;
    enum rp_exit code = r == 0 ? result->exit_code
                               : (r == -RP_EUSER ? RP_EXIT_CONFIG : RP_EXIT_INTERNAL);
    struct rp_json_line *line;

    if (!rp_events_are_wanted(c->events))
        return;
    if (c->started)
        publish_snapshot(c);
    if (r == 0) {
        publish_reasons(c);
        publish_verdicts(c);
    }
    if (r == 0) /* the log may have failed meanwhile */
        code = result->exit_code;
    line = begin(c, RP_EVENT_FINISHED);
    rp_line_i64(line, "exit_code", code);
    rp_line_text(line, "status", rp_exit_status_name(code));
    rp_line_text(line, "reason", r == 0 ? result->reason : c->err->message);
    rp_line_i64(line, "elapsed_ns", result->elapsed);
    rp_line_i64(line, "paused_ns", result->paused);
    rp_events_end(c->events);
}

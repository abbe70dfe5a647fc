/* SPDX-License-Identifier: MIT */

/* docs/events.md lists what each function here writes. */

#include "output/event_json.h"

#include <math.h>

#include "base/alloc.h"

const char *rp_event_kind_name(unsigned kind)
{
    static const char *const names[RP_EVENT_MISSED + 1] = {
        [RP_EVENT_PHASE] = "phase",         [RP_EVENT_SNAPSHOT] = "snapshot",
        [RP_EVENT_THRESHOLD] = "threshold", [RP_EVENT_LIVE_THRESHOLD] = "live_threshold",
        [RP_EVENT_PAUSE] = "pause",         [RP_EVENT_RESUME] = "resume",
        [RP_EVENT_WARNING] = "warning",     [RP_EVENT_FINISHED] = "finished",
        [RP_EVENT_GENERATOR] = "generator", [RP_EVENT_MISSED] = "missed",
    };

    return names[kind];
}

void rp_event_memory_deinit(struct rp_event_memory *memory)
{
    rp_free(memory->counts);
    *memory = (struct rp_event_memory){ 0 };
}

/* ---- snapshots ------------------------------------------------------------------------------- */

static void put_stat(struct rp_json_line *line, const struct rp_view *view, const char *name,
                     enum rp_stat_kind kind)
{
    rp_line_number(line, name, rp_view_stat(view, (struct rp_stat){ .kind = kind }, 0));
}

static void put_percentile(struct rp_json_line *line, const struct rp_view *view, const char *name,
                           double p)
{
    rp_line_number(line, name, rp_view_stat(view, (struct rp_stat){ RP_STAT_P, p }, 0));
}

/* @rate is that of a counter since the last snapshot. */
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
        put_stat(line, view, "med", RP_STAT_MED);
        put_percentile(line, view, "p(90)", 90);
        put_percentile(line, view, "p(95)", 95);
        put_percentile(line, view, "p(99)", 99);
    }
    rp_line_close(line);
}

/* Makes room for the counts of @views. Without memory for it rates are null. */
static void remember(struct rp_event_memory *memory, size_t views)
{
    double *counts;

    if (views <= memory->count)
        return;
    counts = rp_realloc_array(memory->counts, views, sizeof(*counts));
    if (!counts)
        return;
    memory->counts = counts;
    while (memory->count < views)
        counts[memory->count++] = 0;
}

static double rate_of(struct rp_event_memory *memory, size_t i, const struct rp_view *view,
                      double seconds)
{
    double rate;

    if (view->type != RP_COUNTER || i >= memory->count || seconds <= 0)
        return NAN;
    rate = (view->total.counter - memory->counts[i]) / seconds;
    memory->counts[i] = view->total.counter;
    return rate;
}

static void put_metrics(struct rp_json_line *line, struct rp_store *store,
                        struct rp_event_memory *memory, double seconds)
{
    size_t count = rp_store_view_count(store);

    remember(memory, count);
    rp_line_open(line, "metrics");
    for (size_t i = 0; i < count; i++) {
        const struct rp_view *view = rp_store_view_at(store, i);

        if (!view->filter && view->total.samples)
            put_metric(line, view, rate_of(memory, i, view, seconds));
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

static void put_snapshot(struct rp_json_line *line, const struct rp_event *event,
                         struct rp_event_memory *memory)
{
    const struct rp_result *result = event->result;
    const struct rp_run_status *status = &event->snapshot.status;
    const struct rp_scenario_progress *scenarios = status->scenarios;
    size_t count = scenarios ? result->plan->scenario_count : 0;
    rp_ns at = rp_ns_add(event->snapshot.elapsed, event->snapshot.paused);
    int64_t vus = 0, made = 0;

    for (size_t i = 0; i < count; i++) {
        vus += scenarios[i].vus;
        made += scenarios[i].vus_made;
    }
    rp_line_text(line, "phase", rp_run_phase_name(status->phase));
    rp_line_bool(line, "is_paused", status->is_paused);
    rp_line_i64(line, "elapsed_ns", event->snapshot.elapsed);
    rp_line_i64(line, "paused_ns", event->snapshot.paused);
    rp_line_i64(line, "vus", vus);
    rp_line_i64(line, "vus_made", made);
    put_metrics(line, result->store, memory, (double)(at - memory->at) / 1e9);
    rp_line_open_list(line, "scenarios");
    for (size_t i = 0; i < count; i++)
        put_scenario(line, result->plan->scenarios[i].name, &scenarios[i]);
    rp_line_close_list(line);
    memory->at = at;
}

/* ---- the others ------------------------------------------------------------------------------ */

static void put_threshold(struct rp_json_line *line, const struct rp_event *event)
{
    const struct rp_threshold *threshold = &event->result->plan->thresholds[event->threshold.index];
    const struct rp_verdict *verdict = &event->threshold.verdict;

    rp_line_text(line, "metric", threshold->display);
    rp_line_text(line, "expression", threshold->source);
    rp_line_bool(line, "passed", verdict->passed);
    rp_line_number(line, "actual", verdict->actual);
    if (event->kind == RP_EVENT_THRESHOLD) {
        rp_line_bool(line, "no_samples", verdict->no_samples);
    } else {
        rp_line_bool(line, "aborts", event->threshold.aborts);
        rp_line_i64(line, "elapsed_ns", event->threshold.elapsed);
    }
}

static void put_generator(struct rp_json_line *line, const struct rp_event *event)
{
    const struct rp_generator_reason *reason = event->generator.reason;

    rp_line_text(line, "verdict", rp_generator_verdict_name(reason->verdict));
    rp_line_text(line, "cause", rp_generator_cause_name(reason->cause));
    rp_line_u64(line, "worker", reason->worker);
    rp_line_u64(line, "workers", reason->workers);
    rp_line_text(line, "text", reason->text);
    rp_line_i64(line, "elapsed_ns", event->generator.elapsed);
}

static void put_finished(struct rp_json_line *line, const struct rp_event *event)
{
    rp_line_i64(line, "exit_code", event->finished.code);
    rp_line_text(line, "status", event->finished.status);
    rp_line_text(line, "reason", event->finished.reason);
    rp_line_i64(line, "elapsed_ns", event->result->elapsed);
    rp_line_i64(line, "paused_ns", event->result->paused);
}

void rp_event_write(struct rp_json_line *line, const struct rp_event *event,
                    struct rp_event_memory *memory)
{
    switch (event->kind) {
    case RP_EVENT_PHASE:
        rp_line_text(line, "phase", rp_run_phase_name(event->phase));
        break;
    case RP_EVENT_SNAPSHOT:
        put_snapshot(line, event, memory);
        break;
    case RP_EVENT_THRESHOLD:
    case RP_EVENT_LIVE_THRESHOLD:
        put_threshold(line, event);
        break;
    case RP_EVENT_GENERATOR:
        put_generator(line, event);
        break;
    case RP_EVENT_PAUSE:
    case RP_EVENT_RESUME:
        rp_line_i64(line, "elapsed_ns", event->pause.elapsed);
        if (event->kind == RP_EVENT_RESUME)
            rp_line_i64(line, "paused_ns", event->pause.paused);
        break;
    case RP_EVENT_WARNING:
        rp_line_text(line, "text", event->warning);
        break;
    case RP_EVENT_FINISHED:
        put_finished(line, event);
        break;
    default: /* is no line */
        break;
    }
}

/* SPDX-License-Identifier: MIT */

/* docs/events.md lists what each function here writes. */

#include "output/event_json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "plan/metrics.h"

const char *rp_event_kind_name(unsigned kind)
{
    static const char *const names[RP_EVENT_MISSED + 1] = {
        [RP_EVENT_PHASE] = "phase",         [RP_EVENT_SNAPSHOT] = "snapshot",
        [RP_EVENT_THRESHOLD] = "threshold", [RP_EVENT_LIVE_THRESHOLD] = "live_threshold",
        [RP_EVENT_PAUSE] = "pause",         [RP_EVENT_RESUME] = "resume",
        [RP_EVENT_WARNING] = "warning",     [RP_EVENT_FINISHED] = "finished",
        [RP_EVENT_GENERATOR] = "generator", [RP_EVENT_MISSED] = "missed",
        [RP_EVENT_ADJUST] = "adjust",
    };

    return names[kind];
}

const char *rp_event_class_of(unsigned kind)
{
    static const char *const names[RP_EVENT_MISSED + 1] = {
        [RP_EVENT_PHASE] = "PhaseEvent",         [RP_EVENT_SNAPSHOT] = "SnapshotEvent",
        [RP_EVENT_THRESHOLD] = "ThresholdEvent", [RP_EVENT_LIVE_THRESHOLD] = "LiveThresholdEvent",
        [RP_EVENT_PAUSE] = "PauseEvent",         [RP_EVENT_RESUME] = "ResumeEvent",
        [RP_EVENT_WARNING] = "WarningEvent",     [RP_EVENT_FINISHED] = "FinishedEvent",
        [RP_EVENT_GENERATOR] = "GeneratorEvent", [RP_EVENT_MISSED] = "MissedEvent",
        [RP_EVENT_ADJUST] = "AdjustEvent",
    };

    return names[kind];
}

void rp_event_memory_deinit(struct rp_event_memory *memory)
{
    rp_free(memory->counters);
    *memory = (struct rp_event_memory){ 0 };
}

void rp_event_write_time(struct rp_json_line *line, const char *key, int64_t wall_ns)
{
    time_t s = (time_t)(wall_ns / RP_S);
    char text[80];
    struct tm tm;

    if (!gmtime_r(&s, &tm))
        tm = (struct tm){ .tm_year = 70, .tm_mday = 1 };
    snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900,
             tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
             (int)(wall_ns % RP_S / RP_MS));
    rp_line_text(line, key, text);
}

/* ---- names -----------------------------------------------------------------------------------*/

const char *rp_event_class_name(const struct rp_event *event, struct rp_event_memory *memory)
{
    const char *part;

    if (event->kind != RP_EVENT_PHASE)
        return rp_event_class_of(event->kind);
    part = rp_run_part_name(event->phase);
    if (memory->part && strcmp(memory->part, part) == 0)
        return "DetailEvent";
    memory->part = part;
    return "PhaseEvent";
}

static void put_phase(struct rp_json_line *line, enum rp_run_phase phase)
{
    rp_line_text(line, "phase", rp_run_part_name(phase));
    rp_line_text(line, "detail", rp_run_phase_name(phase));
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
static void put_stats(struct rp_json_line *line, const struct rp_view *view, double rate)
{
    const struct rp_value *total = &view->total;

    switch (view->type) {
    case RP_COUNTER:
        rp_line_number(line, "count", rp_value_sum(total));
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
}

/* Makes room for the counters of @views. Without memory for it they have no rates. */
static void remember(struct rp_event_memory *memory, size_t views)
{
    struct rp_event_counter *counters;

    if (views <= memory->count)
        return;
    counters = rp_realloc_array(memory->counters, views, sizeof(*counters));
    if (!counters)
        return;
    memory->counters = counters;
    while (memory->count < views)
        counters[memory->count++] = (struct rp_event_counter){ 0 };
}

/* In no time nothing has happened. */
static void note_rates(struct rp_event_memory *memory, struct rp_store *store, double seconds)
{
    remember(memory, rp_store_view_count(store));
    for (size_t i = 0; i < memory->count; i++) {
        const struct rp_view *view = rp_store_view_at(store, i);
        struct rp_event_counter *counter = &memory->counters[i];

        if (view->type != RP_COUNTER)
            continue;
        counter->rate = seconds > 0 ? (rp_view_counted(view) - counter->count) / seconds : 0;
        if (seconds > 0)
            counter->count = rp_view_counted(view);
    }
}

void rp_event_note_snapshot(const struct rp_event *event, struct rp_event_memory *memory)
{
    rp_ns at = rp_ns_add(event->snapshot.elapsed, event->snapshot.paused);

    note_rates(memory, event->result->store, (double)(at - memory->at) / 1e9);
    memory->at = at;
}

static double rate_of(const struct rp_event_memory *memory, size_t i)
{
    return i < memory->count ? memory->counters[i].rate : NAN;
}

static bool is_shown(const struct rp_view *view)
{
    return !view->filter && view->total.samples;
}

static void put_metrics(struct rp_json_line *line, struct rp_store *store,
                        const struct rp_event_memory *memory)
{
    rp_line_open(line, "metrics");
    for (size_t i = 0; i < rp_store_view_count(store); i++) {
        const struct rp_view *view = rp_store_view_at(store, i);

        if (!is_shown(view))
            continue;
        rp_line_open(line, view->display);
        rp_line_text(line, "type", rp_metric_type_name(view->type));
        put_stats(line, view, rate_of(memory, i));
        rp_line_close(line);
    }
    rp_line_close(line);
}

static void put_zeros(struct rp_json_line *line, const char *name, enum rp_metric_type type)
{
    static const char *const stats[RP_METRIC_TYPE_COUNT][9] = {
        [RP_COUNTER] = { "count", "rate" },
        [RP_GAUGE] = { "value", "min", "max" },
        [RP_RATE] = { "rate", "passes", "fails" },
        [RP_TREND] = { "count", "avg", "min", "max", "med", "p(90)", "p(95)", "p(99)" },
    };

    rp_line_open(line, name);
    for (const char *const *stat = stats[type]; *stat; stat++)
        rp_line_u64(line, *stat, 0);
    rp_line_close(line);
}

static bool is_wanted(const char *name, const char *only)
{
    return !only || strcmp(name, only) == 0;
}

/* The metrics that have a further name, under that one. Whether there was any. */
static bool put_aliases(struct rp_json_line *line, struct rp_store *store,
                        const struct rp_event_memory *memory, const char *only)
{
    bool is_any = false;

    for (size_t i = 0; store && i < rp_store_view_count(store); i++) {
        const struct rp_view *view = rp_store_view_at(store, i);

        for (const struct rp_metric_alias *it = rp_metric_aliases; it->alias; it++) {
            if (!is_shown(view) || strcmp(view->name, rp_builtin_name(it->metric)) != 0 ||
                !is_wanted(it->alias, only))
                continue;
            is_any = true;
            rp_line_open(line, it->alias);
            put_stats(line, view, rate_of(memory, i));
            rp_line_close(line);
        }
    }
    for (const struct rp_metric_alias *it = rp_metric_aliases; it->alias; it++) {
        const struct rp_view *view = store ? rp_store_view(store, rp_builtin_name(it->metric))
                                           : NULL;

        if ((view && is_shown(view)) || !is_wanted(it->alias, only))
            continue;
        is_any = true;
        put_zeros(line, it->alias, rp_builtin_metrics[it->metric].type);
    }
    return is_any;
}

/* The shape of the reference: every built-in metric, and nothing but numbers. */
bool rp_event_write_values(struct rp_json_line *line, struct rp_store *store,
                           const struct rp_event_memory *memory, const char *only)
{
    bool is_any = false;

    for (size_t i = 0; store && i < rp_store_view_count(store); i++) {
        const struct rp_view *view = rp_store_view_at(store, i);

        if (!is_shown(view) || !is_wanted(view->display, only))
            continue;
        is_any = true;
        rp_line_open(line, view->display);
        put_stats(line, view, rate_of(memory, i));
        if (view->type == RP_RATE)
            rp_line_u64(line, "fails", view->total.rate.total - view->total.rate.hits);
        rp_line_close(line);
    }
    for (size_t i = 0; i < RP_BUILTIN_COUNT; i++) {
        const struct rp_view *view = store ? rp_store_view(store, rp_builtin_name(i)) : NULL;

        if ((view && is_shown(view)) || !is_wanted(rp_builtin_metrics[i].name, only))
            continue;
        is_any = true;
        put_zeros(line, rp_builtin_name(i), rp_builtin_metrics[i].type);
    }
    return put_aliases(line, store, memory, only) || is_any;
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
    int64_t vus = 0, made = 0;

    for (size_t i = 0; i < count; i++) {
        vus += scenarios[i].vus;
        made += scenarios[i].vus_made;
    }
    put_phase(line, status->phase);
    rp_line_bool(line, "is_paused", status->is_paused);
    rp_line_i64(line, "elapsed_ns", event->snapshot.elapsed);
    rp_line_i64(line, "paused_ns", event->snapshot.paused);
    rp_line_i64(line, "vus", vus);
    rp_line_i64(line, "vus_made", made);
    rp_event_note_snapshot(event, memory);
    put_metrics(line, result->store, memory);
    rp_line_open(line, "snapshot");
    rp_line_i64(line, "timestamp", event->at);
    rp_line_number(line, "duration", (double)event->snapshot.elapsed / 1e9);
    rp_line_open(line, "values");
    rp_event_write_values(line, result->store, memory, NULL);
    rp_line_close(line);
    rp_line_close(line);
    rp_line_open_list(line, "scenarios");
    for (size_t i = 0; i < count; i++)
        put_scenario(line, result->plan->scenarios[i].name, &scenarios[i]);
    rp_line_close_list(line);
}

/* ---- the others ------------------------------------------------------------------------------ */

static void put_verdict(struct rp_json_line *line, const struct rp_threshold *threshold,
                        const struct rp_verdict *verdict)
{
    rp_line_open(line, NULL);
    rp_line_text(line, "metric", threshold->display);
    rp_line_text(line, "source", threshold->source);
    rp_line_bool(line, "passed", verdict->passed);
    rp_line_number(line, "lhs", verdict->actual);
    rp_line_number(line, "rhs", threshold->bound);
    rp_line_bool(line, "no_samples", verdict->no_samples);
    rp_line_close(line);
}

static void put_thresholds(struct rp_json_line *line, const struct rp_event *event)
{
    const struct rp_plan *plan = event->result->plan;

    rp_line_open_list(line, "results");
    for (size_t i = 0; i < plan->threshold_count; i++)
        put_verdict(line, &plan->thresholds[i], &event->thresholds.verdicts[i]);
    rp_line_close_list(line);
    if (event->kind == RP_EVENT_THRESHOLD)
        return;
    rp_line_bool(line, "will_abort", event->thresholds.aborts);
    if (event->thresholds.aborts)
        rp_line_u64(line, "aborting", event->thresholds.aborting);
    else
        rp_line_null(line, "aborting");
    rp_line_i64(line, "elapsed_ns", event->thresholds.elapsed);
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

static void put_adjustment(struct rp_json_line *line, const struct rp_event *event)
{
    const struct rp_result_adjustment *what = &event->adjust.what;

    rp_line_text(line, "scenario", event->result->plan->scenarios[what->scenario].name);
    rp_line_text(line, "what", rp_adjusted_name(what->what));
    rp_line_number(line, "value", what->value);
    rp_line_bool(line, "hold", what->hold);
    rp_line_i64(line, "at_ns", what->at);
    rp_line_i64(line, "elapsed_ns", event->adjust.elapsed);
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
        put_phase(line, event->phase);
        break;
    case RP_EVENT_SNAPSHOT:
        put_snapshot(line, event, memory);
        break;
    case RP_EVENT_THRESHOLD:
    case RP_EVENT_LIVE_THRESHOLD:
        put_thresholds(line, event);
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
    case RP_EVENT_ADJUST:
        put_adjustment(line, event);
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

/* SPDX-License-Identifier: MIT */
#include "ui/live.h"

#include <errno.h>
#include <math.h>
#include <unistd.h>

#include "base/alloc.h"
#include "plan/metrics.h"

struct rp_live {
    struct rp_sink sink;
    struct rp_progress_display *display; /* NULL: none is wanted */
    bool keeps_stdout_clear;
    bool has_phase;
    enum rp_run_phase phase;
    rp_ns phase_at;
};

/* ---- progress -------------------------------------------------------------------------------- */

static const struct rp_view *view_of(struct rp_store *store, enum rp_builtin metric)
{
    return store ? rp_store_view(store, rp_builtin_name(metric)) : NULL;
}

static double gauge_of(struct rp_store *store, enum rp_builtin metric)
{
    const struct rp_view *view = view_of(store, metric);

    return view && view->total.samples ? view->total.gauge.last : 0;
}

static uint64_t counter_of(struct rp_store *store, enum rp_builtin metric)
{
    const struct rp_view *view = view_of(store, metric);

    return view ? (uint64_t)rp_value_sum(&view->total) : 0;
}

static const struct rp_point *last_point(const struct rp_view *view)
{
    size_t count;
    const struct rp_point *points = view ? rp_store_points(view, &count) : NULL;

    return points && count ? &points[count - 1] : NULL;
}

/* The rate in the last second that a worker has told of. Since the last status one such second may
 * have come in, or none, or two. */
static double rate_of(struct rp_store *store, enum rp_builtin metric)
{
    const struct rp_point *point = last_point(view_of(store, metric));
    const struct rp_point *newest = last_point(view_of(store, RP_M_VUS_MAX)); /* is told always */

    if (!point || !newest || point->start + point->length != newest->start + newest->length)
        return 0;
    return point->length > 0 ? point->counter * 1e9 / (double)point->length : 0;
}

static void fill_from_store(struct rp_progress *progress, struct rp_store *store)
{
    const struct rp_view *failed = view_of(store, RP_M_HTTP_REQ_FAILED);
    const struct rp_view *duration = view_of(store, RP_M_HTTP_REQ_DURATION);
    struct rp_stat p95 = { .kind = RP_STAT_P, .p = 95 };

    progress->vus = (int64_t)gauge_of(store, RP_M_VUS);
    progress->vus_max = (int64_t)gauge_of(store, RP_M_VUS_MAX);
    progress->iterations = counter_of(store, RP_M_ITERATIONS);
    progress->iteration_errors = counter_of(store, RP_M_ITERATION_ERRORS);
    progress->dropped_iterations = counter_of(store, RP_M_DROPPED_ITERATIONS);
    progress->failed_requests = failed ? failed->total.rate.hits : 0;
    progress->p95_ms = duration && duration->total.samples ? rp_view_stat(duration, p95, 0) : NAN;
}

/* Only a run has speeds and a length that is known. Of other phases the time is shown that they
 * have taken so far. */
static void fill_from_phase(struct rp_progress *progress, struct rp_live *live,
                            const struct rp_run_status *status, struct rp_store *store, rp_ns now)
{
    bool is_run = status->phase == RP_RUN_RUNNING || status->phase == RP_RUN_STOPPING;

    if (!live->has_phase || live->phase != status->phase) {
        live->has_phase = true;
        live->phase = status->phase;
        live->phase_at = now;
    }
    progress->elapsed = is_run ? status->elapsed : now - live->phase_at;
    if (!is_run) {
        progress->vus_max = 0; /* they have nothing to do */
        return;
    }
    progress->total = status->longest;
    if (status->is_paused) /* nothing is told of the time in which nothing is to happen */
        return;
    progress->iterations_per_s = rate_of(store, RP_M_ITERATIONS);
    progress->requests_per_s = rate_of(store, RP_M_HTTP_REQS);
}

static void show_progress(struct rp_live *live, const struct rp_run_status *status,
                          const struct rp_result *result)
{
    const struct rp_plan *plan = result->plan;
    rp_ns now = rp_clock_ns();
    struct rp_progress progress = {
        .phase = rp_run_phase_name(status->phase),
        .is_paused = status->is_paused,
        .run_elapsed = status->elapsed,
        .plan = plan ? plan->scenarios : NULL,
        .scenarios = status->scenarios,
        .scenario_count = plan ? plan->scenario_count : 0,
    };

    if (!live->display)
        return;
    fill_from_store(&progress, result->store);
    fill_from_phase(&progress, live, status, result->store, now);
    rp_progress_display_update(live->display, &progress, now);
}

/* ---- lines of the script --------------------------------------------------------------------- */

static void show_line(struct rp_live *live, bool is_stderr, const char *text)
{
    FILE *stream = is_stderr || live->keeps_stdout_clear ? stderr : stdout;
    bool meets_display = live->display && isatty(fileno(stream));

    if (meets_display)
        rp_progress_display_hide(live->display, rp_clock_ns());
    fprintf(stream, "%s\n", text);
    fflush(stream);
    if (meets_display)
        rp_progress_display_show(live->display, rp_clock_ns());
}

/* ---- the sink -------------------------------------------------------------------------------- */

static void on_event(struct rp_sink *sink, const struct rp_event *event)
{
    struct rp_live *live = rp_container_of(sink, struct rp_live, sink);

    if (event->kind == RP_EVENT_STATUS)
        show_progress(live, &event->status, event->result);
    else
        show_line(live, event->printed.is_stderr, event->printed.text);
}

static int end_display(struct rp_sink *sink, const struct rp_result *result, struct rp_error *err)
{
    struct rp_live *live = rp_container_of(sink, struct rp_live, sink);

    rp_progress_display_free(live->display, rp_clock_ns());
    live->display = NULL;
    return 0;
}

static const struct rp_sink_ops ops = {
    .events = RP_EVENT_BIT(RP_EVENT_STATUS) | RP_EVENT_BIT(RP_EVENT_PRINTED),
    .event = on_event,
    .close = end_display,
};

int rp_live_new(struct rp_sinks *sinks, struct rp_live_options options, struct rp_live **ret)
{
    struct rp_live *live = rp_calloc(1, sizeof(*live));
    int r = 0;

    if (!live)
        return -ENOMEM;
    live->keeps_stdout_clear = options.keeps_stdout_clear;
    if (options.shows_progress)
        r = rp_progress_display_new(stderr, options.mode, &live->display);
    if (r < 0) {
        rp_free(live);
        return r;
    }
    rp_sinks_add(sinks, &live->sink, &ops);
    *ret = live;
    return 0;
}

void rp_live_free(struct rp_live *live)
{
    if (!live)
        return;
    rp_sink_remove(&live->sink);
    rp_progress_display_free(live->display, rp_clock_ns());
    rp_free(live);
}

/* SPDX-License-Identifier: MIT */

/* What is known of a run, as the progress shows it. */

#include <math.h>

#include "plan/metrics.h"
#include "ui/progress_of_run.h"

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
static void fill_from_phase(struct rp_progress *progress, struct rp_phase_clock *clock,
                            const struct rp_run_status *status, struct rp_store *store, rp_ns now)
{
    bool is_run = status->phase == RP_RUN_RUNNING || status->phase == RP_RUN_STOPPING;

    if (!clock->has_phase || clock->phase != status->phase) {
        clock->has_phase = true;
        clock->phase = status->phase;
        clock->phase_at = now;
    }
    progress->elapsed = is_run ? status->elapsed : now - clock->phase_at;
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

void rp_progress_of_run(struct rp_phase_clock *clock, const struct rp_run_status *status,
                        const struct rp_result *result, rp_ns now, struct rp_progress *ret)
{
    const struct rp_plan *plan = result->plan;

    *ret = (struct rp_progress){
        .phase = rp_run_phase_name(status->phase),
        .is_paused = status->is_paused,
        .run_elapsed = status->elapsed,
        .plan = plan ? plan->scenarios : NULL,
        .scenarios = status->scenarios,
        .scenario_count = plan ? plan->scenario_count : 0,
    };
    fill_from_store(ret, result->store);
    fill_from_phase(ret, clock, status, result->store, now);
}

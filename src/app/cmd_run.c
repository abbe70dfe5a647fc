/* SPDX-License-Identifier: MIT */

/* `rampa run`: the coordinator does the work; here is what the user sees of it. */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/late_signals.h"
#include "app/run.h"
#include "app/term.h"
#include "app/worker_start.h"
#include "coordinator/coordinator.h"
#include "ui/progress.h"
#include "output/result_file.h"
#include "ui/report.h"

struct run {
    const struct rp_run_options *options;
    struct rp_progress_display *display; /* NULL = none is wanted */
    struct rp_result_file *file;
    const char *phase;
    rp_ns phase_at;
};

/* ---- while it runs ----------------------------------------------------------------------------------------- */

static const struct rp_view *view_of(struct rp_store *store, const char *name)
{
    return store ? rp_store_view(store, name) : NULL;
}

static double gauge_of(struct rp_store *store, const char *name)
{
    const struct rp_view *view = view_of(store, name);

    return view && view->total.samples ? view->total.gauge.last : 0;
}

static uint64_t counter_of(struct rp_store *store, const char *name)
{
    const struct rp_view *view = view_of(store, name);

    return view ? (uint64_t)view->total.counter : 0;
}

static const struct rp_point *last_point(const struct rp_view *view)
{
    size_t count;
    const struct rp_point *points = view ? rp_store_points(view, &count) : NULL;

    return points && count ? &points[count - 1] : NULL;
}

/* In the last second that a worker has told of: what came in since the last status may have been one second of it, or none, or
 * two. */
static double rate_of(struct rp_store *store, const char *name)
{
    const struct rp_point *point = last_point(view_of(store, name));
    const struct rp_point *newest = last_point(view_of(store, "vus_max")); /* is told always */

    if (!point || !newest || point->start + point->length != newest->start + newest->length)
        return 0;
    return point->length > 0 ? point->a * 1e9 / (double)point->length : 0;
}

static void fill_from_store(struct rp_progress *progress, struct rp_store *store)
{
    const struct rp_view *failed = view_of(store, "http_req_failed");
    const struct rp_view *duration = view_of(store, "http_req_duration");
    struct rp_stat p95 = { .kind = RP_STAT_P, .p = 95 };

    progress->vus = (int64_t)gauge_of(store, "vus");
    progress->vus_max = (int64_t)gauge_of(store, "vus_max");
    progress->iterations = counter_of(store, "iterations");
    progress->iteration_errors = counter_of(store, "iteration_errors");
    progress->dropped_iterations = counter_of(store, "dropped_iterations");
    progress->failed_requests = failed ? failed->total.rate.hits : 0;
    progress->p95_ms = duration && duration->total.samples ? rp_view_stat(duration, p95, 0) : NAN;
}

/* Only a run has a length that is known, and speeds; of other phases one wants to know how long they take already. */
static void fill_from_phase(struct rp_progress *progress, struct run *run,
                            const struct rp_coordinator_status *status, rp_ns now)
{
    bool is_run = !strcmp(status->phase, "running") || !strcmp(status->phase, "stopping");

    if (!run->phase || strcmp(run->phase, status->phase) != 0) {
        run->phase = status->phase;
        run->phase_at = now;
    }
    progress->elapsed = is_run ? status->elapsed : now - run->phase_at;
    if (!is_run) {
        progress->vus_max = 0; /* they have nothing to do */
        return;
    }
    progress->total = status->longest;
    if (status->is_paused) /* nothing is told of the time in which nothing is to happen */
        return;
    progress->iterations_per_s = rate_of(status->store, "iterations");
    progress->requests_per_s = rate_of(status->store, "http_reqs");
}

static void show_progress(void *user, const struct rp_coordinator_status *status)
{
    struct run *run = user;
    rp_ns now = rp_clock_ns();
    struct rp_progress progress = {
        .phase = status->phase,
        .is_paused = status->is_paused,
        .run_elapsed = status->elapsed,
        .plan = status->plan ? status->plan->scenarios : NULL,
        .scenarios = status->scenarios,
        .scenario_count = status->plan ? status->plan->scenario_count : 0,
    };

    if (!run->display)
        return;
    fill_from_store(&progress, status->store);
    fill_from_phase(&progress, run, status, now);
    rp_progress_display_update(run->display, &progress, now);
}

static void show_line(void *user, bool is_stderr, const char *text)
{
    struct run *run = user;
    FILE *stream = is_stderr ? stderr : stdout;
    bool meets_display = run->display && isatty(fileno(stream));

    if (meets_display)
        rp_progress_display_hide(run->display, rp_clock_ns());
    fprintf(stream, "%s\n", text);
    fflush(stream);
    if (meets_display)
        rp_progress_display_show(run->display, rp_clock_ns());
}

/* Before anything runs: a result that cannot be written must not be measured first. */
static int open_outputs(void *user, const struct rp_plan *plan, struct rp_error *err)
{
    struct run *run = user;

    return run->options->out ? rp_result_file_open(run->options->out, &run->file, err) : 0;
}

/* ---- afterwards -------------------------------------------------------------------------------------------- */

static int write_result(struct run *run, struct rp_result *result, struct rp_error *err)
{
    struct rp_buf json;
    int r;

    if (!run->file)
        return 0;
    rp_buf_init(&json, (size_t)1 << 30);
    r = rp_result_write_json(result, &json);
    if (r == 0)
        r = rp_result_file_commit(run->file, rp_buf_slice(&json), err);
    else
        rp_error_set(err, r, "the result cannot be written as JSON");
    rp_buf_deinit(&json);
    return r;
}

static int print_summary(const struct run *run, const struct rp_result *result)
{
    struct rp_style style = { .color = run->options->color, .width = run->options->width };
    struct rp_buf text;
    int code;

    if (run->options->quiet)
        return RP_EXIT_PASSED;
    rp_buf_init(&text, (size_t)64 << 20);
    rp_summary_write(result, style, &text);
    code = rp_term_put(stdout, &text);
    rp_buf_deinit(&text);
    return code;
}

/* Without a summary, what failed still has to be said. */
static void print_reason(const struct run *run, const struct rp_result *result)
{
    struct rp_error err = { .message = result->reason };

    if (run->options->quiet && result->reason)
        rp_error_print(stderr, &err, run->options->error_color);
}

static int report(struct run *run, struct rp_result *result)
{
    struct rp_error err = { 0 };
    int code = result->exit_code, printed;

    if (write_result(run, result, &err) < 0) {
        rp_error_print(stderr, &err, run->options->error_color);
        if (code == RP_EXIT_PASSED || code == RP_EXIT_THRESHOLDS)
            code = RP_EXIT_OUTPUT;
    }
    rp_error_deinit(&err);
    printed = print_summary(run, result);
    print_reason(run, result);
    return code ? code : printed;
}

/* NULL in *ret when no progress is wanted. */
static int open_display(const struct rp_run_options *options, struct rp_progress_display **ret)
{
    enum rp_progress_mode mode = RP_PROGRESS_PLAIN;
    const char *term = getenv("TERM");
    bool is_terminal = isatty(STDERR_FILENO);

    if (!options->progress && (options->quiet || !is_terminal))
        return 0;
    if (is_terminal && term && *term && strcmp(term, "dumb") != 0)
        mode = options->error_color ? RP_PROGRESS_COLOR_BLOCK : RP_PROGRESS_BLOCK;
    return rp_progress_display_new(stderr, mode, ret);
}

int rp_cmd_run(const struct rp_run_options *options)
{
    struct run run = { .options = options };
    struct rp_worker_start start;
    struct rp_coordinator_config config = { .script = options->script,
                                            .overrides = &options->overrides,
                                            .trend_stats = options->trend_stats,
                                            .wire = getenv("RAMPA_WIRE"),
                                            .event_log = options->event_log,
                                            .is_strict = options->strict,
                                            .bears_losses = options->bears_losses,
                                            .planned = open_outputs,
                                            .status = show_progress,
                                            .line = show_line,
                                            .user = &run };
    struct rp_result result = { 0 };
    struct rp_error err = { 0 };
    int r = rp_worker_start_for(options, &start), code;

    if (r == 0)
        r = rp_worker_patience(&config.patience, &err);
    if (r == 0)
        r = open_display(options, &run.display);
    if (r == 0) {
        config.worker_argv = start.argv;
        config.worker_hint = start.hint;
        rp_late_signals_forgive_one();
        r = rp_coordinate(&config, &result, &err);
    }
    rp_progress_display_free(run.display, rp_clock_ns());
    if (r < 0) {
        rp_error_print(stderr, &err, options->error_color);
        code = r == -RP_EUSER ? RP_EXIT_CONFIG : RP_EXIT_INTERNAL;
    } else {
        code = report(&run, &result);
    }
    rp_result_file_free(run.file);
    rp_result_deinit(&result);
    rp_error_deinit(&err);
    rp_worker_start_deinit(&start);
    return code;
}

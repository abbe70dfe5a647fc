/* SPDX-License-Identifier: MIT */

/* `rampa run`: the coordinator does the work; here is what the user sees of it. */

#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "app/late_signals.h"
#include "app/run.h"
#include "app/term.h"
#include "app/worker_start.h"
#include "cluster/coordinator.h"
#include "ui/report.h"

struct run {
    const struct rp_run_options *options;
    struct rp_progress_line *line;
    struct rp_result_file *file;
    uint64_t last_iterations, last_requests;
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

static void show_progress(void *user, const struct rp_coordinator_status *status)
{
    struct run *run = user;
    const struct rp_view *failed = view_of(status->store, "http_req_failed");
    const struct rp_view *duration = view_of(status->store, "http_req_duration");
    struct rp_stat p95 = { .kind = RP_STAT_P, .p = 95 };
    uint64_t requests = counter_of(status->store, "http_reqs");
    struct rp_progress progress = {
        .phase = status->phase,
        .elapsed = status->elapsed,
        .total = status->longest,
        .vus = (int64_t)gauge_of(status->store, "vus"),
        .vus_max = (int64_t)gauge_of(status->store, "vus_max"),
        .iterations = counter_of(status->store, "iterations"),
        .failed_requests = failed ? failed->total.rate.hits : 0,
        .iteration_errors = counter_of(status->store, "iteration_errors"),
        .p95_ms = duration && duration->total.samples ? rp_view_stat(duration, p95, 0) : NAN,
    };

    if (!run->line)
        return;
    if (status->interval_s > 0.01) {
        progress.iterations_per_s = (double)(progress.iterations - run->last_iterations) /
                                    status->interval_s;
        progress.requests_per_s = (double)(requests - run->last_requests) / status->interval_s;
    }
    run->last_iterations = progress.iterations;
    run->last_requests = requests;
    rp_progress_line_update(run->line, &progress, rp_clock_ns());
}

static void show_line(void *user, bool is_stderr, const char *text)
{
    struct run *run = user;
    FILE *stream = is_stderr ? stderr : stdout;

    rp_progress_line_hide(run->line);
    fprintf(stream, "%s\n", text);
    fflush(stream);
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

static bool wants_progress(const struct rp_run_options *options)
{
    return options->progress || (!options->quiet && isatty(STDERR_FILENO));
}

int rp_cmd_run(const struct rp_run_options *options)
{
    struct run run = { .options = options };
    struct rp_worker_start start;
    struct rp_coordinator_config config = { .script = options->script,
                                            .overrides = &options->overrides,
                                            .trend_stats = options->trend_stats,
                                            .event_log = options->event_log,
                                            .planned = open_outputs,
                                            .status = show_progress,
                                            .line = show_line,
                                            .user = &run };
    struct rp_result result = { 0 };
    struct rp_error err = { 0 };
    int r = rp_worker_start_python(options, &start), code;

    if (r == 0 && wants_progress(options))
        r = rp_progress_line_new(stderr, isatty(STDERR_FILENO), &run.line);
    if (r == 0) {
        config.worker_argv = start.argv;
        config.worker_hint = start.hint;
        rp_late_signals_forgive_one();
        r = rp_coordinate(&config, &result, &err);
    }
    rp_progress_line_free(run.line);
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

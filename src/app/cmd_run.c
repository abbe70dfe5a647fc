/* SPDX-License-Identifier: MIT */

/* `rampa run`: the coordinator does the work; here stands who is told of it. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/late_signals.h"
#include "app/outputs.h"
#include "app/run.h"
#include "app/serve_run.h"
#include "app/term.h"
#include "app/worker_start.h"
#include "coordinator/coordinator.h"
#include "output/event_log.h"
#include "output/result_file.h"
#include "output/result_sink.h"
#include "run/run_id.h"
#include "ui/brief.h"
#include "ui/live.h"
#include "ui/report.h"
#include "ui/screen.h"
#include "ui/tui.h"

struct run {
    const struct rp_run_options *options;
    struct rp_sinks sinks;
    struct rp_live *live; /* either this, */
    struct rp_tui *tui;   /* or this */
    struct rp_result_sink *file;
    struct rp_event_bus *bus;
    struct rp_event_log *log;
    struct rp_output *outputs;
    struct rp_serve_run *serve;
    struct rp_summary_sink summary;
    char run_id[RP_RUN_ID_SIZE];
};

enum { PLACES_MAX = 64 };

/* A file that something is written to, and the option that says so. */
struct place {
    const char *option, *path;
};

static size_t list_places(const struct rp_run_options *options, struct place ret[PLACES_MAX])
{
    size_t count = 0;

    if (options->out)
        ret[count++] = (struct place){ "--out", options->out };
    if (options->event_log)
        ret[count++] = (struct place){ "--event-log", options->event_log };
    for (size_t i = 0; i < options->output_count && count < PLACES_MAX; i++) {
        const char *spec = options->outputs[i].value;
        const struct rp_output_kind *kind = rp_output_spec_kind(rp_output_kinds, spec);
        const char *destination = rp_output_spec_destination(spec);

        if (kind && rp_output_has_file(kind) && *destination)
            ret[count++] = (struct place){ options->outputs[i].origin, destination };
    }
    return count;
}

/* Whether standard output is for a program that reads what is written there. */
static bool writes_to_stdout(const struct rp_run_options *options)
{
    struct place places[PLACES_MAX];
    size_t count = list_places(options, places);

    for (size_t i = 0; i < count; i++)
        if (rp_result_file_descriptor(places[i].path) == STDOUT_FILENO)
            return true;
    return false;
}

static bool is_same(const char *a, const char *b)
{
    int fd = rp_result_file_descriptor(a);

    return fd >= 0 ? rp_result_file_descriptor(b) == fd : strcmp(a, b) == 0;
}

static int check_outputs(const struct rp_run_options *options, struct rp_error *err)
{
    struct place places[PLACES_MAX];
    size_t count = list_places(options, places);

    for (size_t i = 0; i < count; i++)
        for (size_t k = i + 1; k < count; k++) {
            if (!is_same(places[i].path, places[k].path))
                continue;
            rp_error_set(err, -RP_EUSER, "%s '%s' and %s '%s' are the same output",
                         places[i].option, places[i].path, places[k].option, places[k].path);
            rp_error_hint(err, "write one of them to a file%s",
                          rp_result_file_descriptor(places[i].path) >= 0 ? "" : " of its own");
            return -RP_EUSER;
        }
    return 0;
}

/* Whether the summary is asked for as an output. */
static bool wants_console(const struct rp_run_options *options)
{
    for (size_t i = 0; i < options->output_count; i++)
        if (rp_output_spec_kind(rp_output_kinds, options->outputs[i].value) == &rp_output_console &&
            !*rp_output_spec_destination(options->outputs[i].value))
            return true;
    return false;
}

static struct rp_live_options live_options(const struct rp_run_options *options)
{
    struct rp_live_options ret = { .mode = RP_PROGRESS_PLAIN };
    const char *term = getenv("TERM");
    bool is_terminal = isatty(STDERR_FILENO);

    ret.keeps_stdout_clear = writes_to_stdout(options);
    ret.shows_progress = options->progress || options->tui || (!options->quiet && is_terminal);
    if (is_terminal && term && *term && strcmp(term, "dumb") != 0)
        ret.mode = options->error_color ? RP_PROGRESS_COLOR_BLOCK : RP_PROGRESS_BLOCK;
    return ret;
}

/* The summary stands on standard output, unless that is for a program. */
static void add_summary(struct run *run)
{
    const struct rp_run_options *options = run->options;
    bool is_clear = writes_to_stdout(options);
    struct rp_style style = { .color = options->color,
                              .width = options->width,
                              .histogram = options->histogram };
    struct rp_style error_style = { .color = options->error_color,
                                    .width = rp_term_width(stderr),
                                    .histogram = options->histogram };

    style.compact = !wants_console(options) && rp_term_wants_less(stdout);
    error_style.compact = !wants_console(options) && rp_term_wants_less(stderr);
    if (options->quiet && !wants_console(options))
        rp_brief_sink_init(&run->summary, &run->sinks, stderr, error_style);
    else
        rp_summary_sink_init(&run->summary, &run->sinks, is_clear ? stderr : stdout,
                             is_clear ? error_style : style);
}

/* What is seen while the run goes on. */
static int add_live(struct run *run)
{
    const struct rp_run_options *options = run->options;
    struct rp_tui_options tui = { .color = options->error_color,
                                  .keeps_stdout_clear = writes_to_stdout(options) };

    if (options->tui && rp_screen_is_possible(stderr, stdin))
        return rp_tui_new(&run->sinks, tui, &run->tui);
    return rp_live_new(&run->sinks, live_options(options), &run->live);
}

/* Sinks are told, and closed, in this order: the progress makes way before anything else is
 * written, and the result is safe before others learn that the run is over, and before the summary
 * is written, which may wait for its reader. */
static int list_sinks(struct run *run, struct rp_error *err)
{
    const struct rp_run_options *options = run->options;
    const char *script = options->requests.len ? NULL : options->script;
    const struct rp_outputs_given given = { .specs = options->outputs,
                                            .spec_count = options->output_count,
                                            .options = options->output_options,
                                            .option_count = options->output_option_count,
                                            .python = options->python,
                                            .script = options->folder ? options->folder : script };
    int r = add_live(run);

    if (r == 0 && options->out)
        r = rp_result_sink_new(&run->sinks, options->out, &run->file);
    if (r == 0)
        r = rp_outputs_new(rp_output_kinds, &run->sinks, &given, &run->outputs, err);
    if (r == 0 && (options->event_log || options->serve))
        r = rp_event_bus_new(&run->sinks, &run->bus);
    if (r == 0 && options->event_log)
        r = rp_event_log_new(&run->sinks, run->bus, options->event_log, &run->log);
    if (r == 0 && options->serve)
        r = rp_serve_run_new(&run->sinks, run->bus, options, run->run_id, &run->serve, err);
    add_summary(run);
    return r;
}

static void free_sinks(struct run *run)
{
    rp_live_free(run->live);
    rp_tui_free(run->tui);
    rp_result_sink_free(run->file);
    rp_outputs_free(run->outputs);
    rp_event_log_free(run->log);
    rp_serve_run_free(run->serve);
    rp_event_bus_free(run->bus);
}

int rp_cmd_run(const struct rp_run_options *options)
{
    struct run run = { .options = options };
    struct rp_worker_start start;
    struct rp_coordinator_config config = { .script = options->script,
                                            .requests = options->requests,
                                            .overrides = &options->overrides,
                                            .wire = getenv("RAMPA_WIRE"),
                                            .is_strict = options->strict,
                                            .bears_losses = options->bears_losses,
                                            .run_id = run.run_id,
                                            .sinks = &run.sinks };
    struct rp_result result = { 0 };
    struct rp_error err = { 0 };
    int r = rp_worker_start_for(options, &start);

    rp_sinks_init(&run.sinks);
    rp_run_id_make(run.run_id);
    if (r == 0)
        r = rp_worker_patience(&config.patience, &err);
    if (r == 0)
        r = check_outputs(options, &err);
    if (r == 0)
        r = rp_serve_run_check(options, &err);
    if (r == 0)
        r = list_sinks(&run, &err);
    if (r == 0) {
        config.worker_argv = start.argv;
        config.worker_hint = start.hint;
        rp_late_signals_forgive_one();
        r = rp_coordinate(&config, &result, &err);
    }
    if (r == 0 && run.file)
        rp_result_sink_correct(run.file, &result);
    free_sinks(&run);
    if (r < 0)
        result.exit_code = r == -RP_EUSER ? RP_EXIT_CONFIG : RP_EXIT_INTERNAL;
    rp_error_print(stderr, &err, options->error_color);
    r = result.exit_code;
    rp_result_deinit(&result);
    rp_error_deinit(&err);
    rp_worker_start_deinit(&start);
    return r;
}

/* SPDX-License-Identifier: MIT */
#include "ui/tui.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/units.h"
#include "loop/loop.h"
#include "plan/metrics.h"
#include "run/control.h"
#include "run/measured.h"
#include "ui/dashboard.h"
#include "ui/progress_of_run.h"
#include "ui/screen.h"

/* A terminal that is readable and has no key so often in turn has hung up. */
enum { EMPTY_READS_MAX = 3, LINE_SIZE = 400 };

struct rp_tui {
    struct rp_sink sink;
    struct rp_tui_options options;
    struct rp_screen *screen; /* NULL before open() and after close() */
    struct rp_watch keys;
    unsigned empty_reads;
    struct rp_cells cells;
    /* what is shown */
    struct rp_phase_clock clock;
    struct rp_run_status status;
    struct rp_scenario_progress *scenarios; /* a copy of the status' own */
    struct rp_verdict *verdicts;            /* a copy; NULL until some are told */
    struct rp_dashboard_history history;
    struct rp_dashboard_log log;
    enum rp_dashboard_mode mode;
    size_t first_request, page; /* of the table of requests */
    size_t adjusted;            /* the scenario that + and - are for */
};

/* ---- the load -------------------------------------------------------------------------------- */

static bool is_adjustable(const struct rp_plan *plan, size_t scenario)
{
    return plan && scenario < plan->scenario_count &&
           !rp_executor_kinds[plan->scenarios[scenario].executor].has_iterations;
}

/* Goes on to the next scenario that can be adjusted, in the direction @step, or stays. */
static void choose(struct rp_tui *tui, int step)
{
    const struct rp_plan *plan = tui->sink.sinks->result->plan;
    size_t count = plan ? plan->scenario_count : 0;

    for (size_t i = 1; i <= count; i++) {
        size_t next = (tui->adjusted + (step > 0 ? i : count - i)) % count;

        if (is_adjustable(plan, next)) {
            tui->adjusted = next;
            return;
        }
    }
}

/* What the plan begins with. */
static double planned_load(const struct rp_scenario *scenario)
{
    const struct rp_executor_kind_info *kind = &rp_executor_kinds[scenario->executor];

    if (kind->has_arrivals)
        return scenario->rate;
    return (double)(kind->has_stages ? scenario->start_vus : scenario->vus);
}

/* What the scenario is to have now: its VUs, or its rate in the time unit of the plan. What an
 * adjustment has asked for counts before the workers have told of it: keys come faster than that. */
static double load_of(const struct rp_tui *tui, const struct rp_scenario *scenario)
{
    const struct rp_scenario_progress *at = &tui->scenarios[tui->adjusted];
    const struct rp_result *result = tui->sink.sinks->result;

    for (size_t i = result->adjustment_count; i > 0; i--) {
        const struct rp_result_adjustment *made = &result->adjustments[i - 1];

        if (made->scenario == tui->adjusted && made->hold)
            return made->value;
        if (made->scenario == tui->adjusted)
            break;
    }
    if (at->state == RP_SCENARIO_WAITING || at->elapsed == 0)
        return planned_load(scenario);
    return rp_executor_kinds[scenario->executor].has_arrivals
               ? at->rate * (double)scenario->time_unit / RP_S
               : (double)at->vus_wanted;
}

/* A tenth of the load more or less, at least one. */
static void adjust(struct rp_tui *tui, int sign, rp_ns at)
{
    struct rp_sinks *sinks = tui->sink.sinks;
    const struct rp_plan *plan = sinks->result->plan;
    struct rp_adjustment wanted = { .hold = true };
    const struct rp_scenario *scenario;
    struct rp_error err = { 0 };
    double now, step;

    if (!is_adjustable(plan, tui->adjusted) || !tui->status.scenarios)
        return;
    scenario = &plan->scenarios[tui->adjusted];
    now = load_of(tui, scenario);
    step = now >= 20 ? floor(now / 10) : 1;
    wanted.scenario = scenario->name;
    wanted.what = rp_executor_kinds[scenario->executor].has_arrivals ? RP_ADJUST_RATE
                                                                     : RP_ADJUST_VUS;
    wanted.value = now + sign * step > 0 ? now + sign * step : 0;
    if (rp_control_adjust(sinks->control, &wanted, &err) < 0)
        rp_dashboard_log_add(&tui->log, at, RP_CELL_RED, false,
                             err.message ? err.message : "no memory for another load");
    rp_error_deinit(&err);
}

/* ---- drawing --------------------------------------------------------------------------------- */

static void draw(struct rp_tui *tui)
{
    const struct rp_result *result = tui->sink.sinks->result;
    struct rp_requests requests = { 0 };
    struct rp_failed_requests failed = { 0 };
    struct rp_dashboard shown = { .result = result,
                                  .verdicts = tui->verdicts,
                                  .requests = &requests,
                                  .failed = &failed,
                                  .history = &tui->history,
                                  .log = &tui->log,
                                  .mode = tui->mode,
                                  .first_request = tui->first_request };
    unsigned cols, rows;

    if (!tui->screen || !result)
        return;
    if (is_adjustable(result->plan, tui->adjusted))
        shown.adjusted = result->plan->scenarios[tui->adjusted].name;
    rp_screen_size(tui->screen, &cols, &rows);
    /* Without the memory for a picture the last one stays. */
    if (rp_requests_collect(result->store, &requests) == 0 &&
        rp_failed_requests_collect(result->store, &failed) == 0 &&
        rp_cells_resize(&tui->cells, cols, rows) == 0) {
        rp_progress_of_run(&tui->clock, &tui->status, result, rp_clock_ns(), &shown.progress);
        tui->page = rp_dashboard_draw(&shown, &tui->cells);
        if (tui->first_request + tui->page > requests.count)
            tui->first_request = requests.count > tui->page ? requests.count - tui->page : 0;
        rp_screen_show(tui->screen, &tui->cells);
    }
    rp_requests_deinit(&requests);
    rp_failed_requests_deinit(&failed);
}

/* ---- keys ------------------------------------------------------------------------------------ */

static void move_requests(struct rp_tui *tui, int key)
{
    size_t first = tui->first_request, page = tui->page ? tui->page : 1;
    bool is_page = key == RP_KEY_PAGE_UP || key == RP_KEY_PAGE_DOWN;
    size_t step = is_page ? page : 1;

    if (key == RP_KEY_UP || key == RP_KEY_PAGE_UP)
        tui->first_request = first > step ? first - step : 0;
    else if (key == RP_KEY_DOWN || key == RP_KEY_PAGE_DOWN)
        tui->first_request = first + step;
    else if (key == RP_KEY_HOME)
        tui->first_request = 0;
}

static void press(struct rp_tui *tui, int key)
{
    struct rp_control *control = tui->sink.sinks->control;
    rp_ns now = rp_clock_ns() - tui->sink.sinks->start;

    if (tui->mode == RP_DASHBOARD_ASK && (key == 'y' || key == 'Y'))
        rp_control_stop(control, "stopped from the dashboard", false);
    if (tui->mode != RP_DASHBOARD_WATCH) {
        tui->mode = RP_DASHBOARD_WATCH;
        return;
    }
    switch (key) {
    case 'p':
        if (rp_control_status(control).is_paused)
            rp_control_resume(control);
        else
            rp_control_pause(control);
        break;
    case 's':
    case 'q':
        tui->mode = RP_DASHBOARD_ASK;
        break;
    case '+':
    case '=': /* the same key without shift */
        adjust(tui, 1, now);
        break;
    case '-':
        adjust(tui, -1, now);
        break;
    case RP_KEY_LEFT:
    case RP_KEY_RIGHT:
        choose(tui, key == RP_KEY_RIGHT ? 1 : -1);
        break;
    case '?':
    case 'h':
        tui->mode = RP_DASHBOARD_HELP;
        break;
    default:
        move_requests(tui, key);
    }
}

static void on_keys(struct rp_watch *watch, unsigned ready)
{
    struct rp_tui *tui = rp_container_of(watch, struct rp_tui, keys);
    int key = rp_screen_key(tui->screen);

    tui->empty_reads = key == RP_KEY_NONE ? tui->empty_reads + 1 : 0;
    if (tui->empty_reads >= EMPTY_READS_MAX)
        rp_watch_stop(watch);
    for (; key != RP_KEY_NONE; key = rp_screen_key(tui->screen))
        press(tui, key);
    draw(tui);
}

/* ---- what is told ---------------------------------------------------------------------------- */

static void note(struct rp_tui *tui, const struct rp_event *event, enum rp_cell_ink ink,
                 const char *text)
{
    rp_dashboard_log_add(&tui->log, event->at, ink, false, text);
}

static void note_adjustment(struct rp_tui *tui, const struct rp_event *event)
{
    const struct rp_result_adjustment *what = &event->adjust.what;
    const struct rp_scenario *scenario = &event->result->plan->scenarios[what->scenario];
    char value[RP_UNIT_SIZE], text[LINE_SIZE];

    snprintf(text, sizeof(text), "%.250s: %s %s", scenario->name, rp_adjusted_name(what->what),
             rp_unit_number(what->value, 4, value));
    note(tui, event, RP_CELL_CYAN, text);
}

static FILE *stream_of(const struct rp_tui *tui, bool is_stderr)
{
    return is_stderr || tui->options.keeps_stdout_clear ? stderr : stdout;
}

static void print(FILE *stream, const char *text)
{
    fprintf(stream, "%s\n", text);
    fflush(stream);
}

/* A line of the script. Only one that would break the screen has to wait for its end. */
static void take_line(struct rp_tui *tui, const struct rp_event *event)
{
    FILE *stream = stream_of(tui, event->printed.is_stderr);
    bool is_held = tui->screen && isatty(fileno(stream));

    if (!is_held)
        print(stream, event->printed.text);
    rp_dashboard_log_add(&tui->log, event->at, RP_CELL_PLAIN, is_held, event->printed.text);
}

static void take_status(struct rp_tui *tui, const struct rp_event *event)
{
    const struct rp_plan *plan = event->result->plan;
    size_t count = plan ? plan->scenario_count : 0;

    tui->status = event->status;
    tui->status.scenarios = NULL;
    if (!event->status.scenarios || !count)
        return;
    if (!tui->scenarios)
        tui->scenarios = rp_calloc(count, sizeof(*tui->scenarios));
    if (!tui->scenarios)
        return;
    memcpy(tui->scenarios, event->status.scenarios, count * sizeof(*tui->scenarios));
    tui->status.scenarios = tui->scenarios;
}

static void take_verdicts(struct rp_tui *tui, const struct rp_event *event)
{
    size_t count = event->result->plan ? event->result->plan->threshold_count : 0;

    if (!event->thresholds.verdicts || !count)
        return;
    if (!tui->verdicts)
        tui->verdicts = rp_calloc(count, sizeof(*tui->verdicts));
    if (tui->verdicts)
        memcpy(tui->verdicts, event->thresholds.verdicts, count * sizeof(*tui->verdicts));
}

static void on_event(struct rp_sink *sink, const struct rp_event *event)
{
    struct rp_tui *tui = rp_container_of(sink, struct rp_tui, sink);

    switch (event->kind) {
    case RP_EVENT_STATUS:
        take_status(tui, event);
        break;
    case RP_EVENT_PRINTED:
        take_line(tui, event);
        break;
    case RP_EVENT_LIVE_THRESHOLD:
    case RP_EVENT_THRESHOLD:
        take_verdicts(tui, event);
        break;
    case RP_EVENT_PHASE:
        note(tui, event, RP_CELL_DIM, rp_run_phase_name(event->phase));
        break;
    case RP_EVENT_PAUSE:
        note(tui, event, RP_CELL_YELLOW, "paused");
        break;
    case RP_EVENT_RESUME:
        note(tui, event, RP_CELL_DIM, "goes on");
        break;
    case RP_EVENT_ADJUST:
        note_adjustment(tui, event);
        break;
    case RP_EVENT_WARNING:
        note(tui, event, RP_CELL_YELLOW, event->warning);
        break;
    case RP_EVENT_FINISHED: /* the loop goes next */
        rp_watch_stop(&tui->keys);
        break;
    default:
        break;
    }
    draw(tui);
}

static uint64_t sum_of(const struct rp_interval *interval, const char *metric)
{
    double sum = 0;

    for (size_t i = 0; i < interval->count; i++)
        if (strcmp(interval->changes[i].series->metric, metric) == 0)
            sum += rp_value_sum(interval->changes[i].delta);
    return (uint64_t)sum;
}

static void on_interval(struct rp_sink *sink, const struct rp_interval *interval)
{
    struct rp_tui *tui = rp_container_of(sink, struct rp_tui, sink);
    const char *duration = rp_builtin_name(RP_M_HTTP_REQ_DURATION);
    struct rp_dashboard_second second;
    struct rp_value all;
    int r = 0;

    if (interval->length <= 0)
        return;
    rp_value_init(&all, RP_TREND);
    for (size_t i = 0; i < interval->count && r == 0; i++)
        if (strcmp(interval->changes[i].series->metric, duration) == 0)
            r = rp_value_add(&all, interval->changes[i].delta);
    second = (struct rp_dashboard_second){
        .requests_per_s = (double)sum_of(interval, rp_builtin_name(RP_M_HTTP_REQS)) * RP_S /
                          (double)interval->length,
        .iterations_per_s = (double)sum_of(interval, rp_builtin_name(RP_M_ITERATIONS)) * RP_S /
                            (double)interval->length,
        .p50_ms = NAN,
        .p95_ms = NAN,
        .p99_ms = NAN,
    };
    if (r == 0 && all.samples) {
        second.p50_ms = rp_value_stat(&all, true, (struct rp_stat){ RP_STAT_P, 50 }, 0);
        second.p95_ms = rp_value_stat(&all, true, (struct rp_stat){ RP_STAT_P, 95 }, 0);
        second.p99_ms = rp_value_stat(&all, true, (struct rp_stat){ RP_STAT_P, 99 }, 0);
    }
    rp_value_deinit(&all);
    rp_dashboard_history_add(&tui->history, second);
}

/* ---- life ------------------------------------------------------------------------------------ */

static int on_open(struct rp_sink *sink, const struct rp_plan *plan, struct rp_error *err)
{
    struct rp_tui *tui = rp_container_of(sink, struct rp_tui, sink);
    FILE *out = tui->options.out ? tui->options.out : stderr;
    int r = rp_screen_open(out, stdin, tui->options.color, &tui->screen);

    if (r == -ENOTTY) {
        rp_error_set(err, -RP_EUSER, "%s does not know the terminal TERM='%s'",
                     tui->options.out ? "the dashboard" : "--tui", getenv("TERM"));
        rp_error_hint(err, "set TERM to what it is, such as xterm-256color, or %s",
                      tui->options.out ? "to dumb for lines of progress" : "use --progress");
        return -RP_EUSER;
    }
    if (r == 0)
        r = rp_watch_start(tui->sink.sinks->loop, &tui->keys, STDIN_FILENO, RP_READABLE, on_keys);
    if (r < 0)
        return r;
    if (!is_adjustable(plan, tui->adjusted))
        choose(tui, 1);
    draw(tui);
    return 0;
}

/* What the terminal has not got yet. */
static void print_held(struct rp_tui *tui)
{
    size_t count = tui->log.count < RP_DASHBOARD_LINES ? tui->log.count : RP_DASHBOARD_LINES;

    if (tui->log.lost)
        fprintf(stderr, "(%zu earlier lines of the script are left out)\n", tui->log.lost);
    for (size_t age = count; age-- > 0;) {
        const struct rp_dashboard_line *line = rp_dashboard_log_at(&tui->log, age);

        if (line->is_held)
            print(stderr, line->text);
    }
    rp_dashboard_log_deinit(&tui->log);
}

static void give_back(struct rp_tui *tui)
{
    rp_watch_stop(&tui->keys);
    rp_screen_close(tui->screen);
    tui->screen = NULL;
    print_held(tui);
}

static int on_close(struct rp_sink *sink, const struct rp_result *result, struct rp_error *err)
{
    give_back(rp_container_of(sink, struct rp_tui, sink));
    return 0;
}

static const struct rp_sink_ops ops = {
    .events = RP_EVENT_BIT(RP_EVENT_STATUS) | RP_EVENT_BIT(RP_EVENT_PRINTED) |
              RP_EVENT_BIT(RP_EVENT_LIVE_THRESHOLD) | RP_EVENT_BIT(RP_EVENT_THRESHOLD) |
              RP_EVENT_BIT(RP_EVENT_PHASE) | RP_EVENT_BIT(RP_EVENT_PAUSE) |
              RP_EVENT_BIT(RP_EVENT_RESUME) | RP_EVENT_BIT(RP_EVENT_ADJUST) |
              RP_EVENT_BIT(RP_EVENT_WARNING) | RP_EVENT_BIT(RP_EVENT_FINISHED),
    .open = on_open,
    .event = on_event,
    .interval = on_interval,
    .close = on_close,
};

int rp_tui_new(struct rp_sinks *sinks, struct rp_tui_options options, struct rp_tui **ret)
{
    struct rp_tui *tui = rp_calloc(1, sizeof(*tui));

    if (!tui)
        return -ENOMEM;
    tui->options = options;
    rp_sinks_add(sinks, &tui->sink, &ops);
    *ret = tui;
    return 0;
}

void rp_tui_free(struct rp_tui *tui)
{
    if (!tui)
        return;
    rp_sink_remove(&tui->sink);
    give_back(tui);
    rp_cells_deinit(&tui->cells);
    rp_free(tui->scenarios);
    rp_free(tui->verdicts);
    rp_free(tui);
}

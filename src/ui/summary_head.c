/* SPDX-License-Identifier: MIT */
#include "ui/summary.h"

#include <inttypes.h>
#include <string.h>

#include "plan/duration.h"
#include "base/units.h"

enum { DURATION_SIZE = 64, MAX_TURNS = 8 };

static void append_duration(struct rp_buf *out, rp_ns duration)
{
    char text[DURATION_SIZE];

    rp_duration_format(duration, text, sizeof(text));
    rp_buf_append_str(out, text);
}

static void append_things(struct rp_buf *out, int64_t count, const char *thing)
{
    rp_buf_appendf(out, "%" PRId64 " %s%s", count, thing, count == 1 ? "" : "s");
}

/* A rate as it was asked for: every digit that says something, "12.5", "700000", "0.0333333333". */
static void append_number(struct rp_buf *out, double value)
{
    char text[RP_UNIT_SIZE];
    size_t len;

    if (value != 0 && (value < 1e-4 || value >= 1e15)) {
        rp_buf_append_str(out, rp_unit_number(value, 4, text));
        return;
    }
    rp_unit_fixed(value, value < 1 ? 10 : 4, text);
    len = strlen(text);
    while (strchr(text, '.') && text[len - 1] == '0')
        text[--len] = '\0';
    if (text[len - 1] == '.')
        text[--len] = '\0';
    rp_buf_append_str(out, text);
}

/* "/s", "/1m" */
static void append_unit(struct rp_buf *out, rp_ns unit)
{
    rp_buf_append_str(out, "/");
    if (unit == RP_S)
        rp_buf_append_str(out, "s");
    else
        append_duration(out, unit);
}

static void append_vus_range(struct rp_buf *out, const struct rp_scenario *scenario)
{
    rp_buf_append_str(out, ", ");
    if (scenario->max_vus > scenario->pre_allocated_vus)
        rp_buf_appendf(out, "%" PRId64 " to ", scenario->pre_allocated_vus);
    append_things(out, scenario->max_vus, "VU");
}

/* "0 -> 100 -> 0": targets that are held are not repeated, and of many stages it is only "up to
 * 100". Returns whether there is one number only. */
static bool append_targets(struct rp_buf *out, const struct rp_scenario *scenario, double start)
{
    double at = start, highest = start;
    size_t turns = 0;

    for (size_t i = 0; i < scenario->stage_count; i++) {
        double target = (double)scenario->stages[i].target;

        turns += target != at;
        highest = target > highest ? target : highest;
        at = target;
    }
    if (turns > MAX_TURNS) {
        rp_buf_append_str(out, "up to ");
        append_number(out, highest);
        return false;
    }
    append_number(out, start);
    at = start;
    for (size_t i = 0; i < scenario->stage_count; i++) {
        double target = (double)scenario->stages[i].target;

        if (target != at) {
            rp_buf_append_str(out, " -> ");
            append_number(out, target);
        }
        at = target;
    }
    return turns == 0;
}

/* " for 30s", " over 5m" */
static void append_time(struct rp_buf *out, const struct rp_scenario *scenario)
{
    rp_buf_append_str(out, rp_executor_kinds[scenario->executor].has_stages ? " over " : " for ");
    append_duration(out, rp_scenario_regular(scenario));
}

static bool is_random(const struct rp_scenario *scenario)
{
    return rp_executor_kinds[scenario->executor].has_arrivals &&
           scenario->arrival == RP_ARRIVAL_POISSON;
}

/* "500/s for 30s, 50 to 200 VUs" */
static void append_arrivals(struct rp_buf *out, const struct rp_scenario *scenario)
{
    if (rp_executor_kinds[scenario->executor].has_stages)
        append_targets(out, scenario, scenario->rate);
    else
        append_number(out, scenario->rate);
    append_unit(out, scenario->time_unit);
    if (is_random(scenario))
        rp_buf_append_str(out, " at random");
    append_time(out, scenario);
    append_vus_range(out, scenario);
}

/* "100 iterations shared by 10 VUs" */
static void append_iterations(struct rp_buf *out, const struct rp_scenario *scenario)
{
    append_things(out, scenario->iterations, "iteration");
    if (rp_executor_kinds[scenario->executor].shares_iterations)
        rp_buf_append_str(out, " shared by ");
    else
        rp_buf_append_str(out, scenario->vus == 1 ? " by " : " by each of ");
    append_things(out, scenario->vus, "VU");
}

/* "10 VUs for 30s", "1 -> 10 VUs over 5m" */
static void append_vus(struct rp_buf *out, const struct rp_scenario *scenario)
{
    bool is_one;

    if (rp_executor_kinds[scenario->executor].has_stages) {
        is_one = append_targets(out, scenario, (double)scenario->start_vus);
        rp_buf_append_str(out, is_one && scenario->start_vus == 1 ? " VU" : " VUs");
    } else {
        append_things(out, scenario->vus, "VU");
    }
    append_time(out, scenario);
}

static void append_load(struct rp_buf *out, const struct rp_scenario *scenario)
{
    const struct rp_executor_kind_info *kind = &rp_executor_kinds[scenario->executor];

    if (kind->has_arrivals)
        append_arrivals(out, scenario);
    else if (kind->has_iterations)
        append_iterations(out, scenario);
    else
        append_vus(out, scenario);
    if (scenario->start_time > 0) {
        rp_buf_append_str(out, ", from ");
        append_duration(out, scenario->start_time);
    }
}

/* The widths of the widest scenario name and of the widest executor. */
static void column_widths(const struct rp_plan *plan, size_t *ret_name, size_t *ret_executor)
{
    *ret_name = *ret_executor = 1;
    for (size_t i = 0; i < plan->scenario_count; i++) {
        size_t name = rp_text_cols(rp_slice_str(plan->scenarios[i].name));
        size_t executor = strlen(rp_executor_kind_name(plan->scenarios[i].executor));

        *ret_name = name > *ret_name ? name : *ret_name;
        *ret_executor = executor > *ret_executor ? executor : *ret_executor;
    }
}

static void scenario_lines(struct rp_summary *summary, const struct rp_plan *plan)
{
    size_t name_cols, executor_cols, most = summary->width / 3;
    struct rp_buf load;

    column_widths(plan, &name_cols, &executor_cols);
    if (name_cols > most)
        name_cols = most;
    rp_buf_init(&load, RP_COMPOSE_MAX);
    for (size_t i = 0; i < plan->scenario_count; i++) {
        const struct rp_scenario *scenario = &plan->scenarios[i];
        size_t used = RP_INDENT + name_cols + 2 + executor_cols + 2;

        rp_summary_reuse(summary, &load);
        append_load(&load, scenario);
        rp_text_fill(summary->out, ' ', RP_INDENT);
        rp_text_pad(summary->out, rp_slice_str(scenario->name), name_cols);
        rp_buf_append_str(summary->out, "  ");
        rp_summary_left(summary, rp_executor_kind_name(scenario->executor), executor_cols);
        rp_buf_append_str(summary->out, "  ");
        rp_text_wrap(summary->out, rp_buf_slice(&load), summary->width, RP_INDENT + name_cols + 2,
                     used);
        rp_buf_append_str(summary->out, "\n");
    }
    rp_summary_done(summary, &load);
}

/* A line of its own, and frees @text. */
static void put_line(struct rp_summary *summary, struct rp_buf *text)
{
    rp_text_fill(summary->out, ' ', RP_INDENT);
    rp_text_wrap(summary->out, rp_buf_slice(text), summary->width, RP_INDENT, RP_INDENT);
    rp_buf_append_str(summary->out, "\n");
    rp_summary_done(summary, text);
}

/* What is measured is the proxy too. */
static void proxy_line(struct rp_summary *summary, const struct rp_plan *plan)
{
    struct rp_buf line;

    if (!plan->proxy)
        return;
    rp_buf_init(&line, RP_COMPOSE_MAX);
    rp_buf_append_str(&line, "through the proxy ");
    rp_text_append(&line, rp_slice_str(plan->proxy), 120);
    if (plan->no_proxy) {
        rp_buf_append_str(&line, ", but for ");
        rp_text_append(&line, rp_slice_str(plan->no_proxy), 120);
    }
    put_line(summary, &line);
}

static void note_lines(struct rp_summary *summary)
{
    for (size_t i = 0; i < summary->result->note_count; i++) {
        struct rp_buf line;

        rp_buf_init(&line, RP_COMPOSE_MAX);
        rp_text_append(&line, rp_slice_str(summary->result->notes[i]), 400);
        put_line(summary, &line);
    }
}

/* The loads below are those of all runs together. */
static void segment_line(struct rp_summary *summary, const struct rp_plan *plan)
{
    struct rp_buf line;

    if (!plan->execution_segment)
        return;
    rp_buf_init(&line, RP_COMPOSE_MAX);
    rp_buf_append_str(&line, "the part ");
    rp_text_append(&line, rp_slice_str(plan->execution_segment), 120);
    if (plan->execution_segment_sequence) {
        rp_buf_append_str(&line, " of ");
        rp_text_append(&line, rp_slice_str(plan->execution_segment_sequence), 200);
    }
    rp_buf_append_str(&line, " of this load:");
    rp_text_fill(summary->out, ' ', RP_INDENT);
    rp_text_wrap(summary->out, rp_buf_slice(&line), summary->width, RP_INDENT, RP_INDENT);
    rp_buf_append_str(summary->out, "\n");
    rp_summary_done(summary, &line);
}

/* Says of several workers how much later than agreed the last one started. */
static void append_start(struct rp_buf *out, const struct rp_result *result)
{
    char text[RP_UNIT_SIZE];
    rp_ns latest = 0;

    for (size_t i = 0; i < result->worker_count; i++)
        if (result->workers[i].started_late > latest)
            latest = result->workers[i].started_late;
    if (result->worker_count > 1 && result->started_wall_ns && latest > 0)
        rp_buf_appendf(out, " (started within %s)", rp_unit_time((double)latest / 1e6, 2, text));
}

/* "ran 30.1s (setup 12ms, teardown 3ms), 2 workers, seed 7" */
static void append_run(struct rp_buf *out, const struct rp_result *result)
{
    char text[RP_UNIT_SIZE];
    const char *separator = " (";

    if (result->started_wall_ns)
        rp_buf_appendf(out, "ran %s", rp_unit_time((double)result->elapsed / 1e6, 3, text));
    else
        rp_buf_append_str(out, "did not run");
    if (result->setup_time > 0) {
        rp_buf_appendf(out, "%ssetup %s", separator,
                       rp_unit_time((double)result->setup_time / 1e6, 3, text));
        separator = ", ";
    }
    if (result->teardown_time > 0) {
        rp_buf_appendf(out, "%steardown %s", separator,
                       rp_unit_time((double)result->teardown_time / 1e6, 3, text));
        separator = ", ";
    }
    if (separator[0] == ',')
        rp_buf_append_str(out, ")");
    if (result->worker_count) {
        rp_buf_append_str(out, ", ");
        append_things(out, (int64_t)result->worker_count, "worker");
        append_start(out, result);
    }
    for (size_t i = 0; result->started_wall_ns && result->plan && i < result->plan->scenario_count;
         i++) {
        if (!is_random(&result->plan->scenarios[i]))
            continue;
        rp_buf_appendf(out, ", seed %" PRIu64, result->plan->seed);
        break;
    }
}

static void pauses_line(struct rp_summary *summary)
{
    const struct rp_result *result = summary->result;
    char length[RP_UNIT_SIZE], start[RP_UNIT_SIZE];
    struct rp_buf text;

    if (!result->pause_count)
        return;
    rp_unit_time((double)result->paused / 1e6, 3, length);
    rp_buf_init(&text, RP_COMPOSE_MAX);
    if (result->pause_count == 1)
        rp_buf_appendf(&text, "paused once, for %s, %s after the start", length,
                       rp_unit_time((double)result->pauses[0].start / 1e6, 3, start));
    else
        rp_buf_appendf(&text, "paused %s%zu times, %s in all",
                       result->pause_count >= RP_RESULT_PAUSES_MAX ? "at least " : "",
                       result->pause_count, length);
    rp_text_fill(summary->out, ' ', RP_INDENT);
    rp_text_wrap(summary->out, rp_buf_slice(&text), summary->width, RP_INDENT, RP_INDENT);
    rp_buf_append_str(summary->out, "\n");
    rp_summary_done(summary, &text);
}

static void adjustments_line(struct rp_summary *summary)
{
    const struct rp_result *result = summary->result;
    size_t count = result->adjustment_count;
    const struct rp_result_adjustment *last;
    char start[RP_UNIT_SIZE];
    struct rp_buf text;

    if (!count)
        return;
    last = &result->adjustments[count - 1];
    rp_unit_time((double)rp_result_moment(result, last->at) / 1e6, 3, start);
    rp_buf_init(&text, RP_COMPOSE_MAX);
    rp_buf_append_str(&text, "load adjusted ");
    if (count == 1)
        rp_buf_append_str(&text, "once: ");
    else
        rp_buf_appendf(&text, "%zu times, the last time: ", count);
    rp_buf_appendf(&text, "%s of %s to %.10g, %s after the start", rp_adjusted_name(last->what),
                   result->plan->scenarios[last->scenario].name, last->value, start);
    rp_text_fill(summary->out, ' ', RP_INDENT);
    rp_text_wrap(summary->out, rp_buf_slice(&text), summary->width, RP_INDENT, RP_INDENT);
    rp_buf_append_str(summary->out, "\n");
    rp_summary_done(summary, &text);
}

void rp_summary_head(struct rp_summary *summary)
{
    const struct rp_plan *plan = summary->result->plan;
    struct rp_buf run;
    size_t used = strlen("rampa " RP_VERSION), run_cols;

    rp_buf_init(&run, RP_COMPOSE_MAX);
    append_run(&run, summary->result);
    run_cols = rp_text_cols(rp_buf_slice(&run));
    rp_summary_inked(summary, RP_INK_BOLD, "rampa " RP_VERSION);
    if (plan && plan->script) {
        rp_buf_append_str(summary->out, "  ");
        used += 2 +
                rp_text_append(summary->out, rp_slice_str(plan->script), summary->width - used - 2);
    }
    if (used + 2 + run_cols > summary->width) {
        rp_buf_append_str(summary->out, "\n");
        used = 0;
    }
    rp_buf_append_str(summary->out, "  ");
    rp_text_wrap(summary->out, rp_buf_slice(&run), summary->width, RP_INDENT, used + 2);
    rp_buf_append_str(summary->out, "\n");
    rp_summary_done(summary, &run);
    pauses_line(summary);
    adjustments_line(summary);
    if (plan)
        proxy_line(summary, plan);
    note_lines(summary);
    if (plan)
        segment_line(summary, plan);
    if (plan)
        scenario_lines(summary, plan);
}

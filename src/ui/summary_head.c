/* SPDX-License-Identifier: MIT */
#include "ui/summary.h"

#include <inttypes.h>
#include <string.h>

#include "plan/duration.h"
#include "ui/units.h"

enum { DURATION_SIZE = 64 };

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

static rp_ns stages_duration(const struct rp_scenario *scenario)
{
    rp_ns sum = 0;

    for (size_t i = 0; i < scenario->stage_count; i++)
        sum = rp_ns_add(sum, scenario->stages[i].duration);
    return sum;
}

static int64_t highest_target(const struct rp_scenario *scenario, int64_t start)
{
    int64_t highest = start;

    for (size_t i = 0; i < scenario->stage_count; i++) {
        if (scenario->stages[i].target > highest)
            highest = scenario->stages[i].target;
    }
    return highest;
}

/* "500/s", "12.5/1m" */
static void append_rate(struct rp_buf *out, double rate, rp_ns unit)
{
    char number[RP_UNIT_SIZE];

    rp_buf_appendf(out, "%s/", rp_unit_number(rate, 4, number));
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

static void append_stages(struct rp_buf *out, const struct rp_scenario *scenario)
{
    rp_buf_append_str(out, " over ");
    append_duration(out, stages_duration(scenario));
    rp_buf_append_str(out, " in ");
    append_things(out, (int64_t)scenario->stage_count, "stage");
}

static void append_load(struct rp_buf *out, const struct rp_scenario *scenario)
{
    switch (scenario->executor) {
    case RP_CONSTANT_VUS:
        append_things(out, scenario->vus, "VU");
        rp_buf_append_str(out, " for ");
        append_duration(out, scenario->duration);
        break;
    case RP_RAMPING_VUS:
        rp_buf_append_str(out, "up to ");
        append_things(out, highest_target(scenario, scenario->start_vus), "VU");
        append_stages(out, scenario);
        break;
    case RP_SHARED_ITERATIONS:
        append_things(out, scenario->iterations, "iteration");
        rp_buf_append_str(out, " shared by ");
        append_things(out, scenario->vus, "VU");
        break;
    case RP_PER_VU_ITERATIONS:
        append_things(out, scenario->iterations, "iteration");
        rp_buf_append_str(out, scenario->vus == 1 ? " by " : " by each of ");
        append_things(out, scenario->vus, "VU");
        break;
    case RP_CONSTANT_ARRIVAL_RATE:
        append_rate(out, scenario->rate, scenario->time_unit);
        rp_buf_append_str(out, " for ");
        append_duration(out, scenario->duration);
        append_vus_range(out, scenario);
        break;
    case RP_RAMPING_ARRIVAL_RATE:
        rp_buf_append_str(out, "up to ");
        append_rate(out, (double)highest_target(scenario, (int64_t)scenario->rate),
                    scenario->time_unit);
        append_stages(out, scenario);
        append_vus_range(out, scenario);
        break;
    case RP_EXECUTOR_COUNT:
        break;
    }
    if (scenario->start_time > 0) {
        rp_buf_append_str(out, ", from ");
        append_duration(out, scenario->start_time);
    }
}

/* Columns of the widest scenario name and executor. */
static void column_widths(const struct rp_plan *plan, size_t *ret_name, size_t *ret_executor)
{
    *ret_name = *ret_executor = 1;
    for (size_t i = 0; i < plan->scenario_count; i++) {
        size_t name = rp_text_cols(rp_slice_str(plan->scenarios[i].name));
        size_t executor = strlen(rp_executor_name(plan->scenarios[i].executor));

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
        rp_summary_left(summary, rp_executor_name(scenario->executor), executor_cols);
        rp_buf_append_str(summary->out, "  ");
        rp_text_wrap(summary->out, rp_buf_slice(&load), summary->width, RP_INDENT + name_cols + 2,
                     used);
        rp_buf_append_str(summary->out, "\n");
    }
    rp_summary_done(summary, &load);
}

/* "ran 30.1s (setup 12ms, teardown 3ms), 2 workers" */
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
    }
}

void rp_summary_head(struct rp_summary *summary)
{
    const struct rp_plan *plan = summary->result->plan;
    struct rp_buf run;
    size_t used = strlen("rampa " RP_VERSION), run_cols;

    rp_buf_init(&run, RP_COMPOSE_MAX);
    append_run(&run, summary->result);
    run_cols = rp_text_cols(rp_buf_slice(&run));
    rp_ink(summary, RP_INK_TITLE, "rampa " RP_VERSION);
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
    if (plan)
        scenario_lines(summary, plan);
}

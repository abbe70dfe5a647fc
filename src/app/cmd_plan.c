/* SPDX-License-Identifier: MIT */

/* `rampa check` and `rampa inspect`: the plan of a script, without running it. */

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/run.h"
#include "app/term.h"
#include "app/worker_start.h"
#include "base/text.h"
#include "coordinator/coordinator.h"
#include "plan/duration.h"
#include "plan/fields.h"
#include "ui/live.h"

static void print_warnings(const struct rp_plan *plan)
{
    struct rp_buf out;

    rp_buf_init(&out, (size_t)16 << 20);
    for (size_t i = 0; i < plan->warning_count; i++) {
        rp_buf_append_str(&out, "warning: ");
        rp_text_append(&out, rp_slice_str(plan->warnings[i]), SIZE_MAX);
        rp_buf_append_str(&out, "\n");
    }
    if (out.len)
        fwrite(out.data, 1, out.len, stderr);
    fflush(stderr);
    rp_buf_deinit(&out);
}

int rp_load_plan(const struct rp_run_options *options, struct rp_plan **ret)
{
    /* What the script prints while it is loaded must not mix with the plan on stdout. */
    struct rp_live_options show = { .keeps_stdout_clear = true };
    struct rp_sinks sinks;
    struct rp_live *live = NULL;
    struct rp_coordinator_config config = { .script = options->script,
                                            .requests = options->requests,
                                            .overrides = &options->overrides,
                                            .wire = getenv("RAMPA_WIRE"),
                                            .sinks = &sinks };
    struct rp_worker_start start;
    struct rp_error err = { 0 };
    int r = rp_worker_start_for(options, &start);

    if (r < 0)
        return r;
    config.worker_argv = start.argv;
    config.worker_hint = start.hint;
    rp_sinks_init(&sinks);
    r = rp_live_new(&sinks, show, &live);
    if (r == 0)
        r = rp_coordinate_plan(&config, ret, &err);
    if (r < 0)
        rp_error_print(stderr, &err, options->error_color);
    else
        print_warnings(*ret);
    rp_live_free(live);
    rp_error_deinit(&err);
    rp_worker_start_deinit(&start);
    return r;
}

static int failure(int r)
{
    return r == -RP_EUSER ? RP_EXIT_CONFIG : RP_EXIT_INTERNAL;
}

static void write_duration(rp_ns duration, struct rp_buf *out)
{
    char text[64];

    rp_duration_format(duration, text, sizeof(text));
    rp_buf_appendf(out, ", %s", text);
}

/* "  - name (executor, 5 VUs, 30s)": what says how much there will be to do. */
static void write_scenario(const struct rp_scenario *scenario, struct rp_buf *out)
{
    enum rp_executor_kind kind = scenario->executor;

    rp_buf_append_str(out, "  - ");
    rp_text_append(out, rp_slice_str(scenario->name), SIZE_MAX);
    rp_buf_appendf(out, " (%s", rp_executor_kinds[kind].name);
    if (rp_executor_kind_has(kind, RP_F_VUS))
        rp_buf_appendf(out, ", %" PRId64 " VU%s", scenario->vus, scenario->vus == 1 ? "" : "s");
    if (rp_executor_kind_has(kind, RP_F_RATE) && !rp_executor_kind_has(kind, RP_F_STAGES))
        rp_buf_appendf(out, ", %.10g/s", scenario->rate * 1e9 / (double)scenario->time_unit);
    if (rp_executor_kind_has(kind, RP_F_DURATION))
        write_duration(scenario->duration, out);
    if (rp_executor_kind_has(kind, RP_F_STAGES))
        rp_buf_appendf(out, ", %zu stage%s", scenario->stage_count,
                       scenario->stage_count == 1 ? "" : "s");
    if (rp_executor_kind_has(kind, RP_F_ITERATIONS))
        rp_buf_appendf(out, ", %" PRId64 " iteration%s", scenario->iterations,
                       scenario->iterations == 1 ? "" : "s");
    rp_buf_append_str(out, ")\n");
}

static void write_check(const struct rp_plan *plan, struct rp_buf *out)
{
    rp_buf_appendf(out, "scenarios: %zu found\n", plan->scenario_count);
    for (size_t i = 0; i < plan->scenario_count; i++)
        write_scenario(&plan->scenarios[i], out);
    rp_buf_appendf(out, "thresholds: %zu configured\nsetup: %s\nteardown: %s\nstatus: valid\n",
                   plan->threshold_count, plan->has_setup ? "yes" : "no",
                   plan->has_teardown ? "yes" : "no");
}

int rp_cmd_check(const struct rp_run_options *options)
{
    struct rp_plan *plan;
    struct rp_buf text;
    int r = rp_load_plan(options, &plan), code;

    if (r < 0)
        return r == -RP_EUSER ? 1 : RP_EXIT_INTERNAL; /* 1: not valid */
    rp_buf_init(&text, (size_t)64 << 20);
    write_check(plan, &text);
    code = rp_term_put(stdout, &text);
    rp_buf_deinit(&text);
    rp_plan_free(plan);
    return code;
}

int rp_cmd_inspect(const struct rp_run_options *options, enum rp_format format)
{
    struct rp_plan *plan;
    struct rp_buf text;
    int r = rp_load_plan(options, &plan), code;

    if (r < 0)
        return failure(r);
    rp_buf_init(&text, (size_t)256 << 20);
    if (format == RP_FORMAT_JSON) {
        r = rp_plan_write_inspection(plan, &text);
        rp_buf_append_str(&text, "\n");
    } else {
        rp_plan_write_text(plan, &text);
    }
    code = r < 0 ? RP_EXIT_INTERNAL : rp_term_put(stdout, &text);
    rp_buf_deinit(&text);
    rp_plan_free(plan);
    return code;
}

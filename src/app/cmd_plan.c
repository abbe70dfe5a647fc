/* SPDX-License-Identifier: MIT */

/* `rampa check` and `rampa inspect`: the plan of a script, without running it. */

#include <stdio.h>
#include <stdlib.h>

#include "app/run.h"
#include "app/term.h"
#include "app/worker_start.h"
#include "coordinator/coordinator.h"
#include "ui/live.h"

/* 0, or a negative code after the error has been printed. */
static int load_plan(const struct rp_run_options *options, struct rp_plan **ret)
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
    rp_live_free(live);
    rp_error_deinit(&err);
    rp_worker_start_deinit(&start);
    return r;
}

static int failure(int r)
{
    return r == -RP_EUSER ? RP_EXIT_CONFIG : RP_EXIT_INTERNAL;
}

int rp_cmd_check(const struct rp_run_options *options)
{
    struct rp_plan *plan;
    int r = load_plan(options, &plan);

    if (r < 0)
        return r == -RP_EUSER ? 1 : RP_EXIT_INTERNAL; /* 1: not valid */
    printf("%s is valid: %zu scenario%s, %zu threshold%s\n", options->script, plan->scenario_count,
           plan->scenario_count == 1 ? "" : "s", plan->threshold_count,
           plan->threshold_count == 1 ? "" : "s");
    rp_plan_free(plan);
    return fflush(stdout) == 0 ? RP_EXIT_PASSED : RP_EXIT_OUTPUT;
}

int rp_cmd_inspect(const struct rp_run_options *options, enum rp_format format)
{
    struct rp_plan *plan;
    struct rp_buf text;
    int r = load_plan(options, &plan), code;

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

/* SPDX-License-Identifier: MIT */

/*
 * What the engine costs: processor time per empty iteration of each executor, with a host whose iterations end at once.
 *
 *   ninja -C BUILD tests/unit/engine/engine_bench && BUILD/tests/unit/engine/engine_bench [SECONDS]
 *
 * "busy": back to back, on the real loop; arrivals at a rate that it cannot keep up with. "virtual": every arrival at its
 * own time and in a turn of its own, without waiting for it. Lateness is that of arrivals at 10,000/s on the real loop.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"

enum { VUS = 100 };

struct bench {
    struct rp_script_host host;
    struct rp_plan plan;
    struct rp_loop *loop;
    struct rp_registry *registry;
    struct rp_engine *engine;
    bool is_over;
};

static int vu_init(struct rp_script_host *host, struct rp_vu *vu, struct rp_error *err)
{
    return 0;
}

static void vu_deinit(struct rp_script_host *host, struct rp_vu *vu)
{
}

static void begin(struct rp_script_host *host, struct rp_vu *vu)
{
    host->engine->ended(vu, RP_ENDED_COMPLETED);
}

static void interrupt(struct rp_script_host *host, struct rp_vu *vu)
{
    abort(); /* none is ever under way */
}

static const struct rp_script_ops ops = {
    .vu_init = vu_init, .vu_deinit = vu_deinit, .begin = begin, .interrupt = interrupt
};

static void finished(struct rp_engine *engine, void *user)
{
    struct bench *bench = user;

    bench->is_over = true;
}

static void must(int r, const char *what)
{
    if (r == 0)
        return;
    fprintf(stderr, "%s: %s\n", what, strerror(-r));
    exit(1);
}

static double cpu_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static void prepare(struct bench *bench, struct rp_scenario *scenario,
                    const struct rp_loop_ops *loop)
{
    struct rp_engine_config config = { .host = &bench->host, .finished = finished, .user = bench };
    struct rp_error err = { 0 };

    *bench = (struct bench){ .host.ops = &ops };
    bench->plan = (struct rp_plan){ .scenarios = scenario, .scenario_count = 1 };
    must(rp_loop_new(loop, &bench->loop), "loop");
    must(rp_registry_new((struct rp_registry_limits){ 0 }, &bench->registry), "registry");
    config.plan = &bench->plan;
    config.loop = bench->loop;
    config.registry = bench->registry;
    must(rp_engine_new(&config, &bench->engine, &err), "engine");
}

/* To the end; the processor time it took. */
static double run(struct bench *bench)
{
    double before = cpu_ns();

    rp_engine_start(bench->engine, rp_loop_now(bench->loop));
    while (!bench->is_over)
        must(rp_loop_turn(bench->loop, RP_NS_NEVER), "turn");
    return cpu_ns() - before;
}

static void clean_up(struct bench *bench)
{
    rp_engine_free(bench->engine);
    rp_registry_free(bench->registry);
    rp_loop_free(bench->loop);
}

static void print_cost(struct bench *bench, const struct rp_scenario *scenario, const char *how,
                       double ns)
{
    struct rp_engine_counts counts = rp_engine_counts(bench->engine, 0);

    printf("%-22s %-8s %12" PRIu64 " %12" PRIu64 " %10.1f\n",
           rp_executor_kind_name(scenario->executor), how, counts.started, counts.dropped,
           ns / (double)counts.started);
}

static struct rp_scenario scenario_of(enum rp_executor_kind executor, rp_ns duration)
{
    static struct rp_stage stages[2];
    struct rp_scenario scenario = { .name = (char *)"bench",
                                    .executor = executor,
                                    .vus = VUS,
                                    .start_vus = VUS,
                                    .duration = duration,
                                    .max_duration = 3600 * RP_S,
                                    .graceful_stop = RP_S,
                                    .rate = 100e6,
                                    .time_unit = RP_S,
                                    .pre_allocated_vus = VUS,
                                    .max_vus = VUS,
                                    .stages = stages,
                                    .stage_count = 2 };

    scenario.iterations = (int64_t)(duration / 100) / (executor == RP_PER_VU_ITERATIONS ? VUS : 1);
    stages[0] = (struct rp_stage){ duration / 2, executor == RP_RAMPING_VUS ? 2 * VUS : 100000000 };
    stages[1] = (struct rp_stage){ duration / 2, VUS };
    return scenario;
}

static void measure(enum rp_executor_kind executor, rp_ns duration)
{
    struct rp_scenario scenario = scenario_of(executor, duration);
    struct bench bench;
    double ns;

    prepare(&bench, &scenario, rp_loop_epoll);
    ns = run(&bench);
    print_cost(&bench, &scenario, "busy", ns);
    clean_up(&bench);
    if (executor != RP_CONSTANT_ARRIVAL_RATE && executor != RP_RAMPING_ARRIVAL_RATE)
        return;
    scenario.rate = 1e6;
    scenario.stages[0].target = 2000000;
    scenario.stages[1].target = 1000000;
    prepare(&bench, &scenario, rp_loop_virtual);
    ns = run(&bench);
    print_cost(&bench, &scenario, "virtual", ns);
    clean_up(&bench);
}

/* At a rate that is easily kept up with: how late, and for how much of a core. */
static void measure_lateness(enum rp_executor_kind executor, rp_ns duration, rp_ns spin)
{
    struct rp_scenario scenario = scenario_of(executor, duration);
    const struct rp_metric *metric;
    const struct rp_hist *hist = NULL;
    struct bench bench;
    double ns;

    scenario.rate = 10000;
    scenario.stages[0].target = scenario.stages[1].target = 10000;
    prepare(&bench, &scenario, rp_loop_epoll);
    rp_loop_set_spin(bench.loop, spin);
    ns = run(&bench);
    metric = rp_registry_find(bench.registry, "iteration_lateness");
    for (size_t i = 0; i < rp_registry_series_count(bench.registry); i++)
        if (rp_registry_series_at(bench.registry, i)->metric == metric)
            hist = &rp_registry_series_at(bench.registry, i)->delta.hist;
    printf("%-22s %-8s %10.1f %10.1f %10.1f %9.0f %%\n", rp_executor_kind_name(executor),
           spin ? "spins" : "sleeps", rp_hist_percentile(hist, 50, 1) / 1e3,
           rp_hist_percentile(hist, 99, 1) / 1e3, hist->max / 1e3, ns / (double)duration * 100);
    clean_up(&bench);
}

int main(int argc, char **argv)
{
    rp_ns duration = (rp_ns)((argc > 1 ? atof(argv[1]) : 1) * 1e9);

    printf("%-22s %-8s %12s %12s %10s\n", "executor", "how", "started", "dropped", "ns each");
    for (int i = 0; i < RP_EXECUTOR_KIND_COUNT; i++)
        measure((enum rp_executor_kind)i, duration);
    printf("\nlateness at 10,000/s   wait        p50 us     p99 us     max us   of a core\n");
    for (int i = RP_CONSTANT_ARRIVAL_RATE; i <= RP_RAMPING_ARRIVAL_RATE; i++) {
        measure_lateness((enum rp_executor_kind)i, duration, RP_LOOP_SPIN);
        measure_lateness((enum rp_executor_kind)i, duration, 0);
    }
    return 0;
}

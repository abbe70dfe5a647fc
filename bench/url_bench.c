/* SPDX-License-Identifier: MIT */

/*
 * The engine, the HTTP client and the loop with a request that is always the same: what `rampa run URL` has in its worker,
 * without the worker. For counting and profiling.
 *
 *   BUILD/tests/unit/app/url_bench URL VUS REQUESTS
 *
 * RAMPA_LOOP chooses the loop; with RAMPA_NO_KERNEL_TIMESTAMPS answers have no receive stamps. Prints the processor time of a request, connecting included.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "engine/engine.h"
#include "plan/metrics.h"
#include "script/fixed.h"

struct bench {
    struct rp_fixed_host host;
    struct rp_plan *plan;
    struct rp_loop *loop;
    struct rp_registry *registry;
    struct rp_clients clients;
    struct rp_engine *engine;
    struct rp_stamp_user stamps;
    struct rp_series *delay;
    bool is_over;
};

static void must(int r, const char *what, const struct rp_error *err)
{
    if (r == 0)
        return;
    fprintf(stderr, "%s: %s\n", what, err && err->message ? err->message : strerror(-r));
    exit(1);
}

static void finished(struct rp_engine *engine, void *user)
{
    struct bench *bench = user;

    bench->is_over = true;
}

static void make_plan(struct bench *bench, char **argv, struct rp_error *err)
{
    struct rp_overrides overrides = { .vus = { argv[2], "VUS" },
                                      .iterations = { argv[3], "REQUESTS" },
                                      .no_kernel_timestamps =
                                          getenv("RAMPA_NO_KERNEL_TIMESTAMPS") != NULL };
    struct rp_script_host *script = &bench->host.script;
    char *declared = script->ops->load(script, argv[1], err);

    must(declared ? 0 : -RP_EUSER, "URL", err);
    must(rp_plan_resolve(declared, &overrides, &bench->plan, err), "plan", err);
    free(declared);
}

static void record_delay(struct rp_stamp_user *user, rp_ns delay, unsigned weight)
{
    rp_series_trend(rp_container_of(user, struct bench, stamps)->delay, (double)delay);
}

/* As a worker does. */
static void want_stamps(struct bench *bench)
{
    const struct rp_builtin_metric *builtin = &rp_builtin_metrics[RP_M_RECEIVE_DELAY];
    const struct rp_metric *metric;

    if (bench->plan->no_kernel_timestamps)
        return;
    must(rp_registry_metric(bench->registry, builtin->name, builtin->type, builtin->is_time,
                            &metric, NULL),
         "metric", NULL);
    bench->delay = rp_registry_series(bench->registry, metric, rp_tags_empty(bench->registry));
    bench->stamps.delay = record_delay;
    rp_loop_add_stamp_user(bench->loop, &bench->stamps);
}

static void prepare(struct bench *bench, char **argv, struct rp_error *err)
{
    struct rp_engine_config config = { .host = &bench->host.script,
                                       .finished = finished,
                                       .user = bench };
    struct rp_script_run run;
    const struct rp_loop_ops *ops;

    rp_fixed_host_init(&bench->host);
    make_plan(bench, argv, err);
    must(rp_loop_pick(getenv("RAMPA_LOOP"), &ops, err), "loop", err);
    must(rp_loop_new(ops, &bench->loop), "loop", err);
    must(rp_registry_new((struct rp_registry_limits){ 0 }, &bench->registry), "registry", err);
    must(rp_clients_open(&bench->clients, rp_client_kinds, bench->loop, bench->registry,
                         bench->plan, err),
         "client", err);
    run = (struct rp_script_run){ bench->plan, bench->loop, bench->registry, &bench->clients };
    must(bench->host.script.ops->prepare(&bench->host.script, &run, err), "host", err);
    config.plan = bench->plan;
    config.loop = bench->loop;
    config.registry = bench->registry;
    config.clients = &bench->clients;
    must(rp_engine_new(&config, &bench->engine, err), "engine", err);
    want_stamps(bench);
}

static void clean_up(struct bench *bench)
{
    rp_engine_free(bench->engine);
    bench->host.script.ops->release(&bench->host.script);
    rp_clients_close(&bench->clients);
    rp_loop_remove_stamp_user(&bench->stamps);
    rp_registry_free(bench->registry);
    rp_loop_free(bench->loop);
    rp_plan_free(bench->plan);
}

static double seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static void print_cost(const struct rusage *before, uint64_t requests)
{
    struct rusage now;
    double user, system;

    getrusage(RUSAGE_SELF, &now);
    user = seconds(now.ru_utime) - seconds(before->ru_utime);
    system = seconds(now.ru_stime) - seconds(before->ru_stime);
    printf("%llu requests, %.2f us each: %.2f user, %.2f system\n", (unsigned long long)requests,
           (user + system) * 1e6 / (double)requests, user * 1e6 / (double)requests,
           system * 1e6 / (double)requests);
}

int main(int argc, char **argv)
{
    struct bench bench = { .is_over = false };
    struct rp_error err = { 0 };
    struct rusage before;

    if (argc != 4) {
        fprintf(stderr, "usage: url_bench URL VUS REQUESTS\n");
        return 2;
    }
    prepare(&bench, argv, &err);
    getrusage(RUSAGE_SELF, &before);
    rp_engine_start(bench.engine, rp_loop_now(bench.loop));
    while (!bench.is_over)
        must(rp_loop_turn(bench.loop, RP_NS_NEVER), "turn", &err);
    print_cost(&before, rp_engine_counts(bench.engine, 0).completed);
    clean_up(&bench);
    return 0;
}

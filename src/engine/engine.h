/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * engine/engine.h - the run inside one worker: VUs, iterations, executors, the accounting.
 *
 * The engine knows no process and no message. Whoever runs it (a worker process, a test, later a
 * caller's own loop) gives it a plan, a loop, a registry and a script host, and turns the loop
 * until finished() was called.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/time.h"
#include "loop/loop.h"
#include "plan/plan.h"
#include "run/progress.h"
#include "sched/executor.h"
#include "plan/segment.h"
#include "script/script.h"
#include "stats/registry.h"

struct rp_engine;

struct rp_engine_config { /* everything is borrowed for the engine's life */
    const struct rp_plan *plan;
    /* The part of the work that is this worker's; NULL = all of it. */
    const struct rp_segment_sequence *segments;
    size_t segment_index;
    /* Of several runs that share the work: the part of this run, which @segments shares out. NULL =
     * all of it. */
    const struct rp_segment_sequence *run_segments;
    size_t run_index;
    struct rp_loop *loop;
    struct rp_registry *registry;
    struct rp_script_host *host;
    const struct rp_clients *clients; /* whose sessions the VUs have; NULL = they have none */
    void (*finished)(struct rp_engine *engine, void *user);
    /* Tells the user of the tool something. @about names a kind of warning that several workers
     * would give with figures of their own. The texts are valid during the call. May be NULL. */
    void (*warning)(void *user, const char *about, const char *text);
    void *user;
};

/* Makes the engine and every VU that exists from the start. -ENOMEM, or the error of the host. */
RP_NODISCARD int rp_engine_new(const struct rp_engine_config *config, struct rp_engine **ret,
                               struct rp_error *err);
/* NULL is allowed. No iteration may run. */
void rp_engine_free(struct rp_engine *engine);

/* The executors start at @at (the loop's clock). */
void rp_engine_start(struct rp_engine *engine, rp_ns at);
/* No iteration begins any more. Those that run are interrupted at @deadline at the latest (0 =
 * now). Ends a pause. */
void rp_engine_stop(struct rp_engine *engine, rp_ns deadline);
/* A pause: no iteration begins and no schedule goes on until the resume. Iterations that run go on,
 * and so does a graceful stop. A pause before the start holds up the start. Pausing twice is as
 * pausing once. Both are no-ops when the engine is finished. */
void rp_engine_pause(struct rp_engine *engine);
void rp_engine_resume(struct rp_engine *engine);
/* Another load for scenario @i of the plan, from @at on: see rp_executor_adjust(), whose errors these
 * are. */
RP_NODISCARD int rp_engine_adjust(struct rp_engine *engine, size_t i, double value, rp_ns at,
                                  bool hold);
bool rp_engine_is_paused(const struct rp_engine *engine);
bool rp_engine_is_finished(const struct rp_engine *engine);
/* The time from the start to now or, when finished, to the end, pauses included; and how long the
 * pauses were. */
rp_ns rp_engine_elapsed(const struct rp_engine *engine);
rp_ns rp_engine_paused_time(const struct rp_engine *engine);

/* Records what is measured once a second (vus, vus_max, dropped_iterations), and warns: call before
 * draining the registry. */
void rp_engine_sample(struct rp_engine *engine);

struct rp_engine_counts {
    uint64_t scheduled, started, dropped, completed, interrupted, errors;
};
/* Of scenario @i of the plan. */
struct rp_engine_counts rp_engine_counts(const struct rp_engine *engine, size_t i);

/* What has become of the arrivals of all scenarios: iterations that began, those of them that began
 * RP_LATE_ARRIVAL after their time, and arrivals that were dropped that late. */
struct rp_engine_arrivals {
    uint64_t begun, late, late_drops;
};
struct rp_engine_arrivals rp_engine_arrivals(const struct rp_engine *engine);

/* How many iterations were under way, from when they were due to their end, integrated over the
 * time until now (ns times iterations; below 2^63, which are 292 years of one VU). It is made of
 * the counts of iterations and the moments at which these change, and of no sample. And how long
 * those that were interrupted were under way: no sample has their time. */
struct rp_engine_load {
    rp_ns under_way, cut_short;
};
struct rp_engine_load rp_engine_load(const struct rp_engine *engine);

/* Cheap. */
struct rp_scenario_progress rp_engine_progress(const struct rp_engine *engine, size_t i);
int64_t rp_engine_active_vus(const struct rp_engine *engine);

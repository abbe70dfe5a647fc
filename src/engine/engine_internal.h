/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * engine/engine_internal.h - what the engine's files share: engine.c its life, iterations.c what
 * runs, report.c what is told about it.
 */

#include "engine/engine.h"

/* A VU whose iterations raise before they wait. */
struct rp_raising {
    struct rp_timer timer; /* it is held until then */
    struct rp_vu *vu;
    uint64_t next;  /* which iteration of the VU would be one more in a row */
    unsigned times; /* in a row */
};

struct rp_engine_scenario {
    struct rp_executor executor;
    struct rp_engine *engine;
    const struct rp_scenario *plan;
    const struct rp_tags *tags;
    struct rp_vu *vus;
    int64_t first_number; /* before its VUs' numbers */
    uint64_t started, completed, interrupted, errors;
    /* Of arrival executors: iterations that started RP_LATE_ARRIVAL behind their time, and those as
     * late that were refused. */
    uint64_t late, late_refused;
    /* The moments at which iterations ended, less those at which they were due, modulo 2^64:
     * while none runs that is how many were under way, integrated over the time. */
    uint64_t under_way;
    rp_ns cut_short;      /* how long interrupted iterations had been under way, added up */
    double busy;          /* ns of completed iterations, of arrival executors, from their begin */
    double adjusted_rate; /* iterations per second: the highest that an adjustment has asked for */
    uint64_t reported_dropped;
    bool has_warned; /* of VUs that are missing */
    struct rp_task make_vu;
    int64_t making;             /* the slot of that */
    struct rp_raising *raising; /* of each slot; NULL until the first iteration that raises so */
    struct rp_series *s_iterations, *s_duration, *s_errors, *s_dropped, *s_interrupted;
    struct rp_series *s_lateness, *s_run; /* of arrival executors; else NULL */
};

struct rp_engine {
    struct rp_engine_config config;
    struct rp_engine_scenario *scenarios;
    size_t scenario_count, unfinished;
    struct rp_list ready;
    const struct rp_vu *beginning; /* whose iteration has not waited for anything yet */
    struct rp_task begin_ready;
    struct rp_task tell_finished;
    rp_ns started_at, finished_at;
    rp_ns paused_at, paused; /* the present pause; those that are over */
    int64_t vu_count;        /* made */
    bool is_finished, is_paused;
    bool has_sampled_stop; /* a sample has been taken since no iteration begins any more */
    struct rp_series *s_vus, *s_vus_max;
};

/* iterations.c */
extern const struct rp_executor_user rp_engine_executor_user;
extern const struct rp_script_engine rp_engine_for_scripts;
void rp_engine_begin_ready_soon(struct rp_engine *engine);

/* raising.c: an iteration of @vu has raised before it waited for anything. The VU may be held
 * (is_held) until a later released(). */
void rp_engine_raised_at_once(struct rp_vu *vu, rp_ns now);
/* The VU is released. */
void rp_engine_end_pause(const struct rp_vu *vu);
void rp_engine_free_pauses(struct rp_engine_scenario *scenario);

/* engine.c: makes the VU of @slot. */
RP_NODISCARD int rp_engine_make_vu(struct rp_engine_scenario *scenario, int64_t slot,
                                   struct rp_error *err);

/* report.c */
void rp_engine_warn(struct rp_engine_scenario *scenario, const char *kind, const char *text);

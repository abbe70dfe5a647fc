/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * run/event.h - what happens in a run, as its sinks are told of it (run/sink.h).
 *
 * Everything in an event is borrowed: it holds while the sink is told, and what a sink needs for
 * longer it copies.
 */

#include "run/result.h"
#include "run/status.h"

enum rp_event_kind {
    RP_EVENT_PHASE,          /* another phase has begun */
    RP_EVENT_SNAPSHOT,       /* about once a second while iterations run, and once at the end */
    RP_EVENT_THRESHOLD,      /* the verdicts on the thresholds, at the end */
    RP_EVENT_LIVE_THRESHOLD, /* which thresholds hold while iterations run */
    RP_EVENT_GENERATOR, /* the load generator is in doubt for one more cause, or in worse doubt */
    RP_EVENT_PAUSE,
    RP_EVENT_RESUME,
    RP_EVENT_ADJUST, /* a scenario gets another load */
    RP_EVENT_WARNING,
    RP_EVENT_FINISHED, /* the verdict is known; always the last event, also of a run that could not be */
    RP_EVENT_STATUS,  /* once a second from the start on, and whenever the status is another one */
    RP_EVENT_PRINTED, /* the script, or its interpreter, has printed a line */
    RP_EVENT_KINDS
};

/* The bit of a kind in a set of kinds. */
#define RP_EVENT_BIT(kind) (1u << (kind))

struct rp_event {
    enum rp_event_kind kind;
    rp_ns at;                       /* since the start of the run, loading included */
    int64_t wall_ns;                /* the same moment; the wall clock is read once, at the start */
    const struct rp_result *result; /* what is known so far: plan and store may be NULL */
    union {
        enum rp_run_phase phase;
        struct rp_run_status status;
        struct {
            struct rp_run_status status;
            rp_ns elapsed, paused; /* by the workers' clocks: what they have told goes as far */
        } snapshot;
        struct {
            const struct rp_verdict *verdicts; /* on each of the plan's thresholds */
            bool aborts;                       /* live: the run is stopped for one of them */
            size_t aborting;                   /* for this one */
            rp_ns elapsed;                     /* live */
        } thresholds;
        struct {
            const struct rp_generator_reason *reason;
            rp_ns elapsed;
        } generator;
        struct {
            rp_ns elapsed;
            rp_ns paused; /* when it ends: the sum of all pauses */
        } pause;          /* and resume */
        struct {
            struct rp_result_adjustment what;
            rp_ns elapsed; /* now; it comes at what.at */
        } adjust;
        const char *warning;
        struct {
            enum rp_exit code;
            const char *status; /* as rp_result_status_name() */
            const char *reason; /* NULL when it has passed */
        } finished;
        struct {
            bool is_stderr;
            const char *text; /* without the line end */
        } printed;
    };
};

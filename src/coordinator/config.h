/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * coordinator/config.h - how a run is to be led: what coordinator.h takes.
 */

#include <stdbool.h>

#include "base/slice.h"
#include "base/time.h"

struct rp_overrides;
struct rp_peer_source;
struct rp_sinks;

/* A signal gives running iterations this long at most, however long graceful_stop is. */
enum { RP_STOP_GRACE_MAX_S = 10 };

struct rp_coordinator_config {
    const char *script;
    /* What is requested in place of a script (script/requests.h); empty: the script says it.
     * Borrowed. */
    struct rp_slice requests;
    char *const *worker_argv; /* how to start a worker process, NULL-terminated */
    const char *worker_hint;  /* what to do when it cannot be started */
    /* Where workers of another kind come from (coordinator/peer_kind.h), or NULL: processes of
     * worker_argv. Borrowed. */
    const struct rp_peer_source *peers;
    const struct rp_overrides *overrides;
    const char *run_id; /* at most RP_RUN_ID_MAX bytes, or NULL: a new UUID */
    /* What RAMPA_WIRE holds, or NULL: the encoding of messages, for debugging. -RP_EUSER when it is
     * none. */
    const char *wire;
    /* Of several workers some may die while iterations run: the others go on. Otherwise the run is
     * aborted. */
    bool bears_losses;
    /* How long a worker may take for what needs no time of the user's: to end, to stop after its
     * grace, thrice as long to say hello or to finish after its longest run. 0 = 10 s. */
    rp_ns patience;
    bool is_strict; /* a generator that was the limit is a failure: RP_EXIT_GENERATOR */
    /* How often there is a snapshot; 0 = 1 s. When it is shorter, the worker must report as often,
     * and the points of the time series are about a second long all the same. */
    rp_ns live_interval;
    /* Who is told of the run, and may steer it while it goes on (run/sink.h); may be NULL.
     * Borrowed. */
    struct rp_sinks *sinks;
};

/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * script/script.h - what the engine and a script host know of each other.
 *
 * A host runs a user's functions: Python coroutines, later C functions. The engine owns the VUs and their schedule; the
 * host is told to begin an iteration on a VU and says, once, how it ended. One host serves one worker, on its loop.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/time.h"
#include "http/http.h"
#include "plan/plan.h"
#include "stats/registry.h"

struct rp_script_host;
struct rp_vu;

enum rp_ending {
    RP_ENDED_COMPLETED,   /* the function returned */
    RP_ENDED_FAILED,      /* it raised: the iteration counts, and in iteration_errors too */
    RP_ENDED_INTERRUPTED, /* it was interrupted by the engine */
};

enum rp_hook { RP_HOOK_SETUP, RP_HOOK_TEARDOWN };

/* What hosts may call. */
struct rp_script_engine {
    /* The iteration on @vu has ended. May be called from inside begin() and interrupt(). When vu->is_held is set, the VU
     * begins nothing further until released(). */
    void (*ended)(struct rp_vu *vu, enum rp_ending ending);
    /* What the iteration left behind is gone. Nothing happens when the VU is not held: the engine itself releases one
     * whose time is over. */
    void (*released)(struct rp_vu *vu);
};

struct rp_script_ops {
    /* Makes what a VU needs; vu->host_data is the host's. -ENOMEM, -RP_EUSER (no such function). */
    int (*vu_init)(struct rp_script_host *host, struct rp_vu *vu, struct rp_error *err);
    void (*vu_deinit)(struct rp_script_host *host, struct rp_vu *vu);
    /* Begin the iteration vu->iteration. Exactly one ended() follows. */
    void (*begin)(struct rp_script_host *host, struct rp_vu *vu);
    /* End what runs on @vu as soon as its clean-up allows: ended(INTERRUPTED) follows within a second or so. */
    void (*interrupt)(struct rp_script_host *host, struct rp_vu *vu);
    /* Runs setup() or teardown() within @timeout; exactly one hook_ended() follows, not from inside. */
    void (*hook)(struct rp_script_host *host, enum rp_hook hook, rp_ns timeout);
};

struct rp_script_host { /* base: embedded first by the implementation */
    const struct rp_script_ops *ops;
    const struct rp_script_engine *engine; /* set by the engine */
    void *engine_data;                     /* the engine's */
    /* Set by whoever calls hook(): it has ended; @err is NULL when it returned, else what it raised (borrowed). */
    void (*hook_ended)(struct rp_script_host *host, enum rp_hook hook, const struct rp_error *err);
    void *hook_data; /* the same one's */
};

struct rp_vu {
    struct rp_script_host *host;
    const struct rp_scenario *scenario;
    struct rp_http_session *http; /* the host makes it when it is first used; the engine frees it */
    const struct rp_tags *tags;   /* of its samples: the run's, the scenario's and `scenario` */
    void *host_data;              /* the host's */
    int64_t number;               /* from 1, unique in the run */
    uint64_t iteration;           /* from 0, unique in the scenario */
    uint64_t iteration_in_vu;     /* from 0 */
    rp_ns due;   /* when the iteration should begin: what its duration is measured from */
    rp_ns began; /* when it did begin */
    bool is_running;
    bool is_held; /* set by the host before ended() */
    /* the engine's */
    struct rp_list ready;
    int64_t slot;
    void *engine_scenario;
};

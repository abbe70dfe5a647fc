/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * script/script.h - what a script host is: the one table of functions that the worker and the
 * engine call, and what a host may call of theirs.
 *
 * A host runs a user's functions: Python coroutines, the requests of `rampa run URL`, later C
 * functions. The worker has it load the script and run setup() and teardown(); the engine owns the
 * VUs and their schedule: it tells the host to begin an iteration on a VU, and is told once how it
 * ended. One host serves one worker, on its loop.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/list.h"
#include "base/slice.h"
#include "base/time.h"
#include "loop/loop.h"
#include "plan/plan.h"
#include "script/clients.h"
#include "stats/registry.h"

struct rp_error_group; /* run/result.h */
struct rp_script_host;
struct rp_vu;

enum rp_ending {
    RP_ENDED_COMPLETED,   /* the function returned */
    RP_ENDED_FAILED,      /* it raised: the iteration counts, and in iteration_errors too */
    RP_ENDED_INTERRUPTED, /* it was interrupted by the engine */
};

enum rp_hook { RP_HOOK_SETUP, RP_HOOK_TEARDOWN };

/* What a host is given for one run. Borrowed until release(). */
struct rp_script_run {
    const struct rp_plan *plan;
    struct rp_loop *loop;
    struct rp_registry *registry;     /* what scripts record goes here */
    const struct rp_clients *clients; /* by number, e.g. clients->client[RP_CLIENT_HTTP] */
};

/* What hosts may call. */
struct rp_script_engine {
    /* The iteration on @vu has ended. May be called from inside begin() and interrupt(). When
     * vu->is_held is set, the VU begins nothing further until released(). */
    void (*ended)(struct rp_vu *vu, enum rp_ending ending);
    /* What the iteration left behind is gone. Nothing happens when the VU is not held: the engine
     * itself releases one whose time is over. */
    void (*released)(struct rp_vu *vu);
};

/*
 * In the order of a run. A worker calls all of them; an engine without a worker (a test, a
 * benchmark) only those from vu_init to interrupt. Members that are called optional may be NULL.
 */
struct rp_script_ops {
    /* What executes the scripts, for people: "CPython 3.11.2". Valid as long as the host. Called at
     * any time. */
    const char *(*runtime)(const struct rp_script_host *host);
    /* What the command line asks for beside the script (script/requests.h), before load(); the bytes
     * are gone afterwards. 0, -ENOMEM, or -RP_EUSER with @err. Optional: such bytes are an error. */
    int (*requests)(struct rp_script_host *host, struct rp_slice bytes, struct rp_error *err);
    /* Loads the script @path; returns what it declares as JSON (plan/plan.h; free with rp_free), or
     * NULL with @err filled. Called before prepare(). Runs the user's module code: may take
     * long. */
    char *(*load)(struct rp_script_host *host, const char *path, struct rp_error *err);
    /* A run is about to be made: @run says what of. 0; -RP_EUSER with @err; -ENOMEM and other codes
     * of the system. Exactly one release() follows, also when it fails. */
    int (*prepare)(struct rp_script_host *host, const struct rp_script_run *run,
                   struct rp_error *err);

    /* Makes what @vu needs; vu->host_data is the host's. 0, -ENOMEM, or -RP_EUSER with @err (no
     * such function). */
    int (*vu_init)(struct rp_script_host *host, struct rp_vu *vu, struct rp_error *err);
    /* Frees it. Also called when vu_init() has failed. No iteration runs on @vu. */
    void (*vu_deinit)(struct rp_script_host *host, struct rp_vu *vu);
    /* Begin the iteration vu->iteration. Exactly one ended() follows. */
    void (*begin)(struct rp_script_host *host, struct rp_vu *vu);
    /* End what runs on @vu as soon as its clean-up allows: ended(INTERRUPTED) follows within a
     * second or so. */
    void (*interrupt)(struct rp_script_host *host, struct rp_vu *vu);

    /* Runs setup() or teardown() within @timeout; exactly one hook_ended() follows, not from
     * inside. Optional: a host without it has no hooks, and the worker takes them for done. */
    void (*hook)(struct rp_script_host *host, enum rp_hook hook, rp_ns timeout);
    /* What setup() returned, as bytes that share() of another worker's host takes: free with
     * rp_free. NULL with @err filled when there are no such bytes. Called after a setup() that
     * succeeded, when there are other workers. Optional: nothing is sent to them. */
    char *(*pack)(struct rp_script_host *host, size_t *ret_len, struct rp_error *err);
    /* Takes what pack() of another worker has made, as if setup() had run here. 0, or -errno, or
     * -RP_EUSER with @err. Optional: what comes is an error. */
    int (*share)(struct rp_script_host *host, struct rp_slice data, struct rp_error *err);

    /* Calls @each for every group of errors that has changed since the last call. Called after
     * load(), once a second while iterations run, and at the end. Optional: no iteration ever
     * fails. */
    void (*each_error)(struct rp_script_host *host,
                       void (*each)(void *user, const struct rp_error_group *group), void *user);
    /* The run is over and its VUs are gone: drop what refers to struct rp_script_run. */
    void (*release)(struct rp_script_host *host);
};

struct rp_script_host { /* base: embedded first by the implementation */
    const struct rp_script_ops *ops;
    const struct rp_script_engine *engine; /* set by the engine */
    /* Set by whoever calls hook(): it has ended; @err is NULL when it returned, else what it raised
     * (borrowed). */
    void (*hook_ended)(struct rp_script_host *host, enum rp_hook hook, const struct rp_error *err);
    void *hook_data; /* the same one's */
};

struct rp_vu {
    struct rp_script_host *host;
    const struct rp_scenario *scenario;
    /* By number of their kind: the host makes one when it is first used, the engine frees it. */
    void *sessions[RP_CLIENT_KINDS_MAX];
    const struct rp_tags *tags; /* of its samples: the run's, the scenario's and `scenario` */
    void *host_data;            /* the host's */
    int64_t number;             /* from 1, unique in the run */
    uint64_t iteration;         /* from 0, unique in the scenario */
    uint64_t iteration_in_vu;   /* from 0 */
    rp_ns due;   /* when the iteration should begin: what its duration is measured from */
    rp_ns began; /* when it did begin */
    bool is_running;
    bool is_held; /* set by the host before ended() */
    /* the engine's */
    struct rp_list ready;
    int64_t slot;
    void *engine_scenario;
};

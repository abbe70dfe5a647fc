/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * worker/worker.h - the worker's side of a run: takes the coordinator's messages, runs the engine, sends deltas.
 *
 * The worker owns the registry, the HTTP client and the engine; the script host is given. It lives on a loop that somebody
 * else turns until ended() was called.
 */

#include "wire/channel.h"
#include "engine/engine.h"
#include "run/result.h"
#include "script/script.h"

struct rp_worker;

struct rp_worker_host { /* what a kind of script adds to struct rp_script_host */
    struct rp_script_host *script;
    /* Loads @path; returns the declaration as JSON (free with rp_free), or NULL with @err filled. Runs the user's
     * module code: may take long. */
    char *(*load)(struct rp_script_host *host, const char *path, struct rp_error *err);
    /* The plan is known; the registry and the client for what scripts record and request. */
    int (*prepare)(struct rp_script_host *host, const struct rp_plan *plan, struct rp_loop *loop,
                   struct rp_registry *registry, struct rp_http_client *http, struct rp_error *err);
    /* What setup() returned, as bytes that share() of another worker's host takes: free with rp_free. NULL with @err filled when
     * there are no such bytes. Called after a setup() that succeeded. A host without hooks has neither of both. */
    char *(*pack)(struct rp_script_host *host, size_t *ret_len, struct rp_error *err);
    /* Takes what pack() of another worker has made, as if setup() had run here. */
    int (*share)(struct rp_script_host *host, struct rp_slice data, struct rp_error *err);
    /* The run is over: drop what refers to the registry and the client. */
    void (*release)(struct rp_script_host *host);
    /* Calls @each for every group of errors that changed since the last call. */
    void (*each_error)(struct rp_script_host *host,
                       void (*each)(void *user, const struct rp_error_group *group), void *user);
    const char *runtime; /* "CPython 3.11.2" */
    bool is_local;       /* the coordinator is on the same loop */
};

/* Serves the channel @fd (taken over). @ended runs once when nothing is left to do: @status 0, or -errno when the
 * coordinator is gone. */
RP_NODISCARD int rp_worker_new(struct rp_loop *loop, int fd, const struct rp_worker_host *host,
                               void (*ended)(struct rp_worker *worker, void *user, int status),
                               void *user, struct rp_worker **ret);
void rp_worker_free(struct rp_worker *worker); /* NULL is allowed */

/* For hosts: NULL before there is a plan. */
struct rp_engine *rp_worker_engine(struct rp_worker *worker);
/* For hosts: its number in the run, from 1. */
uint32_t rp_worker_number(const struct rp_worker *worker);
/* For hosts: a warning for the summary; equal texts are counted. */
void rp_worker_warn(struct rp_worker *worker, const char *text);
void rp_worker_warn_times(struct rp_worker *worker, const char *text, uint64_t times);
/* For hosts: code of the script has kept the loop for so long. */
void rp_worker_note_block(struct rp_worker *worker, rp_ns length);
/* For hosts: the script ends the whole run; @reason may be "". The engine of this worker is the caller's to stop. */
void rp_worker_abort(struct rp_worker *worker, const char *reason);

/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * worker/worker.h - the worker's side of a run: takes the coordinator's messages, runs the engine,
 * sends deltas.
 *
 * The worker owns the registry, the clients and the engine; the script host is given. It lives on a
 * loop that somebody else turns until ended() was called.
 */

#include "wire/channel.h"
#include "engine/engine.h"
#include "run/result.h"
#include "script/script.h"

struct rp_worker;

struct rp_worker_config {
    struct rp_script_host *script;       /* borrowed until rp_worker_free() */
    struct rp_client_kinds client_kinds; /* what the script makes requests with; zeroed = nothing */
    /* The coordinator lives on the same loop, and takes the last messages in a later turn: the
     * worker must not wait for that at its exit. Else the exit waits until the messages have
     * gone. */
    bool shares_loop;
    rp_ns report_interval; /* how often it tells what it has measured; 0 = 1 s */
    /* Runs once when nothing is left to do: @status 0, or -errno when the coordinator is gone. */
    void (*ended)(struct rp_worker *worker, void *user, int status);
    void *user;
};

/* Serves the channel @fd (taken over). */
RP_NODISCARD int rp_worker_new(struct rp_loop *loop, int fd, const struct rp_worker_config *config,
                               struct rp_worker **ret);
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
/* For hosts: the script ends the whole run; @reason may be "". The engine of this worker is the
 * caller's to stop. */
void rp_worker_abort(struct rp_worker *worker, const char *reason);

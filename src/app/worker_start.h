/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * app/worker_start.h - how the worker of a kind of script is started.
 */

#include "app/run.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/time.h"

struct rp_worker_start {
    char *argv[6]; /* owned items, NULL-terminated */
    char *hint;    /* owned; NULL = none */
};

/* For a URL the worker is this program. For a script it is an interpreter, which runs the package's
 * worker on the control descriptor. -ENOMEM. */
RP_NODISCARD int rp_worker_start_for(const struct rp_run_options *options,
                                     struct rp_worker_start *ret);
/* How long the coordinator waits for a worker (the patience of its configuration): the duration in
 * RAMPA_PATIENCE, 0 when that is unset. It is for machines on which 10 s are too few, as under a
 * debugger or valgrind. -RP_EUSER when it holds no duration. */
RP_NODISCARD int rp_worker_patience(rp_ns *ret, struct rp_error *err);
void rp_worker_start_deinit(struct rp_worker_start *start);

/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * app/worker_start.h - how the worker of a kind of script is started.
 */

#include "app/run.h"
#include "base/compiler.h"

struct rp_worker_start {
    char *argv[5]; /* owned items, NULL-terminated */
    char *hint;    /* owned; NULL = none */
};

/* Of a URL: this program. Else an interpreter, which runs the package's worker on the control descriptor. -ENOMEM. */
RP_NODISCARD int rp_worker_start_for(const struct rp_run_options *options,
                                     struct rp_worker_start *ret);
void rp_worker_start_deinit(struct rp_worker_start *start);

/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * coordinator/coordinator.h - runs a test: starts the workers, has the script declared, resolves
 * the plan, drives the phases, merges what the workers measure, and judges.
 *
 * One process, one thread, its own loop. Signals are taken over while it runs: the first SIGINT,
 * SIGTERM or SIGHUP stops gracefully, the second at once; SIGUSR1 pauses, SIGUSR2 resumes.
 */

#include "base/error.h"
#include "coordinator/config.h"
#include "plan/plan.h"
#include "run/result.h"

struct rp_coordinator; /* a run in progress */
struct rp_loop;

/* Runs the test. Returns 0 when it ran (ret->exit_code says how it went, failed set-up and aborts
 * included), or negative with @err when it could not be run: exit 3 for -RP_EUSER, exit 9 for the
 * rest. When it ran and a sink could not be closed, @err says so. */
RP_NODISCARD int rp_coordinate(const struct rp_coordinator_config *config, struct rp_result *ret,
                               struct rp_error *err);
/* Only the plan: for check and inspect. The sinks are not opened: nothing runs. */
RP_NODISCARD int rp_coordinate_plan(const struct rp_coordinator_config *config,
                                    struct rp_plan **ret, struct rp_error *err);

/* ---- a run in this process ------------------------------------------------------------------- */

/* The same with a worker on the same loop (struct rp_worker_config.shares_loop), which speaks on
 * the other end of @fd (taken over on success). Nobody is killed: one thread has both, and a hook
 * that does not end past its time is given up. worker_argv, worker_hint, peers and patience of
 * @config are not used; @config, @ret and @err must live as long. @over: once, in a task of the
 * loop, when all is known; @status as rp_coordinate() returns it. */
RP_NODISCARD int rp_coordinator_new(const struct rp_coordinator_config *config,
                                    struct rp_loop *loop, int fd, struct rp_result *ret,
                                    struct rp_error *err, void (*over)(void *user, int status),
                                    void *user, struct rp_coordinator **coordinator);
/* Also of a run that is not over, which then is never judged. NULL is allowed. */
void rp_coordinator_free(struct rp_coordinator *coordinator);

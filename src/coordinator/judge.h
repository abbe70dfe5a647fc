/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * coordinator/judge.h - the verdict: thresholds, the accounting identity, errors of iterations, and
 * what is said of the generator itself (judge_generator.h).
 */

#include "coordinator/next.h"
#include "run/result.h"

struct rp_coordinator;

/* Sub-metrics of the plan's thresholds, before any series is defined. Makes the store. */
RP_NODISCARD int rp_judge_prepare(struct rp_result *result);
/* While it runs, right behind what the workers have told, which goes as far as @told: a clock of
 * our own would judge what is up to a second old. Stops the run when a threshold with abort_on_fail
 * does not hold. */
struct rp_next rp_judge_live(struct rp_coordinator *c, rp_ns told);
/* When the iterations are over, before teardown: exceptions of theirs came before any that teardown
 * raises. */
void rp_judge_errors(struct rp_result *result);
/* Once all is over. */
RP_NODISCARD int rp_judge(struct rp_coordinator *c);

/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * coordinator/judge_success.h - the verdict on a run in which nothing succeeded. It has measured
 * failures only, and fast failures meet most thresholds: it must not pass.
 */

#include <stdbool.h>

#include "plan/metrics.h"
#include "run/result.h"

/* Whether a threshold of the plan is about @metric, or about a part of it. */
bool rp_judge_has_threshold(const struct rp_plan *plan, enum rp_builtin metric);

/* When the thresholds are judged. The run fails with RP_EXIT_THRESHOLDS when it has made requests
 * and none succeeded, or when every iteration that came to its end had an error. A threshold on
 * http_req_failed decides the first in place of this, one on iteration_errors the second. In a run
 * that has failed already it is a warning, and so is a run without any request. WebSockets are as requests,
 * with ws_errors: without a script (@has_script) none may have had an answer; with one, nothing may have
 * come, and each one that was opened has failed. */
void rp_judge_success(struct rp_result *result, bool has_script);

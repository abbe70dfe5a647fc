/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * coordinator/judge_generator.h - whether the generator itself was a limit, from what its workers
 * know of themselves.
 *
 * "Limited" is what the result must not be trusted for: connects that failed on our side, or half
 * of the time without a processor or with a loop that stood still. "Suspect" is what shows in
 * latencies: a twentieth of it.
 */

#include "run/health.h"
#include "run/result.h"

/* What @cause was to one worker. */
enum rp_generator_verdict rp_judge_health(const struct rp_worker_health *health,
                                          enum rp_generator_cause cause);
/* Judges @count workers, with the ids from 1, and puts a reason for each cause that there is into
 * @result, the limited ones first, with the worst worker of each. Those that were there are
 * replaced. -ENOMEM: then there may be fewer. */
RP_NODISCARD int rp_judge_generator(const struct rp_worker_health *workers, size_t count,
                                    struct rp_result *result);
/* Adds one more reason, in its place; @text is taken over, NULL is -ENOMEM. */
RP_NODISCARD int rp_judge_generator_add(struct rp_result *result,
                                        struct rp_generator_reason reason);

/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * coordinator/judge_littles_law.h - whether the durations of iterations agree with how many were
 * under way.
 *
 * Little's law: the mean number under way is the rate times the mean duration. The left side comes
 * from the engine of each worker, which counts when iterations begin and end. The right side comes
 * from the samples of iteration_duration, which went through histograms, messages and sums. So a
 * sample that was lost, doubled or wrong shows in the difference.
 */

#include "run/result.h"

/* Fills result->littles_law, and adds a reason of the generator's verdict when the two differ by
 * more than 2 % in a worker whose iterations took a second in all, or more. -ENOMEM. */
RP_NODISCARD int rp_judge_littles_law(struct rp_result *result);

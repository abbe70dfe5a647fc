/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * plan/execution_segment.h - the part of the plan that one run does, when several runs on several
 * machines share it.
 *
 * The plan says what all of them do together. Every number in it is one of the whole; a run and its
 * workers find their own by segments (plan/segment.h).
 */

#include "plan/plan.h"
#include "plan/segment.h"

/* The sequence of the plan's execution segment, for the caller to deinitialise, and which segment of
 * it this run is. *ret stays empty (count 0) when the run does everything. -RP_EUSER with the name of
 * the setting, -ENOMEM. */
RP_NODISCARD int rp_plan_segments(const struct rp_plan *plan, struct rp_segment_sequence *ret,
                                  size_t *ret_index, struct rp_error *err);
/* How many of @v VUs, or of other things that are counted, are this run's. All of them when the
 * segment cannot be read. */
int64_t rp_plan_own(const struct rp_plan *plan, int64_t v);

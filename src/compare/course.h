/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * compare/course.h - from the course of a run in its file to the spread of its numbers.
 */

#include "compare/run_file.h"
#include "compare/spread.h"

/* What is known of the difference between @base and @current, which are the same subject of two
 * runs, for each statistic that their type has: of ln(current / base), of shares of the difference.
 * When only one of the runs has a course in time, the other one is taken to vary as much. -ENOMEM. */
RP_NODISCARD int rp_course_spread(const struct rp_run_file *base_file,
                                  const struct rp_subject *base,
                                  const struct rp_run_file *current_file,
                                  const struct rp_subject *current,
                                  struct rp_spread ret[RP_RUN_STATS]);

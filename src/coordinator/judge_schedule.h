/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * coordinator/judge_schedule.h - whether arrivals came when the schedule wanted them.
 *
 * The accounting identity says that none is missing in the whole run. This check looks at each
 * second, and in a long run at each second of the last ten minutes: a run whose totals balance, but
 * which stood still for a second and caught up in the next one, has put another load on the server
 * than the plan says.
 */

#include "run/result.h"

/* Fills result->arrivals from the series of seconds, and adds a reason of the generator's verdict
 * when some seconds are off. Nothing is measured for it. Without arrival executors nothing is done.
 * -ENOMEM. */
RP_NODISCARD int rp_judge_schedule(struct rp_result *result);

/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * loop/precise.h - the timers before which the loop does not sleep to the last. Private to the room
 * and its tests.
 *
 * They are few (one for each schedule of arrivals), so a list sorted by (deadline, time of arming)
 * serves: the next one is its head, and disarming unlinks, as with every timer. They take their
 * numbers from the wheel, so that precise and ordinary timers of equal deadlines fire in the order
 * they were armed.
 */

#include "loop/loop.h"
#include "loop/wheel.h"

/* Arms, or moves if armed (in this list, a wheel, or a list of due timers). */
void rp_precise_arm(struct rp_list *timers, struct rp_wheel *wheel, struct rp_timer *timer,
                    rp_ns deadline);
/* Moves every timer with a deadline <= @now to its place in @due, which is sorted. */
void rp_precise_collect(struct rp_list *timers, rp_ns now, struct rp_list *due);

static inline rp_ns rp_precise_next(const struct rp_list *timers)
{
    return rp_list_is_empty(timers)
               ? RP_NS_NEVER
               : rp_container_of(timers->next, const struct rp_timer, node)->deadline;
}

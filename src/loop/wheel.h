/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * loop/wheel.h - the timer wheel inside a loop. Private to the room and its tests.
 *
 * Guarantees: rp_wheel_arm is O(1) and cannot fail; no timer is due before its deadline; what is
 * due at once comes in the order of (deadline, time of arming), exact to the nanosecond; @now must
 * not go back.
 */

#include "loop/loop.h"

enum {
    RP_WHEEL_TICK_BITS = 14, /* a tick is 16.4 us */
    RP_WHEEL_SLOT_BITS = 6,
    RP_WHEEL_SLOTS = 1 << RP_WHEEL_SLOT_BITS,
    RP_WHEEL_LEVELS = 9, /* 14 + 9 * 6 >= 63 bits: every deadline has a place */
};

struct rp_wheel {
    rp_ns next;     /* no timer is due earlier; RP_NS_NEVER when certainly none is armed */
    int64_t tick;   /* how far the wheel has turned */
    uint64_t order; /* of the next arming */
    /* Bit s of level l may be set for an empty slot (disarming does not look), never clear for a
     * used one. */
    uint64_t used[RP_WHEEL_LEVELS];
    struct rp_list slots[RP_WHEEL_LEVELS][RP_WHEEL_SLOTS];
};

void rp_wheel_init(struct rp_wheel *wheel, rp_ns now);
/* Arms, or moves if armed (in this or any wheel, or in a list of due timers). */
void rp_wheel_arm(struct rp_wheel *wheel, struct rp_timer *timer, rp_ns deadline);
/* The order in which timers fire; @a and @b are the nodes of two. */
bool rp_timer_is_before(const struct rp_list *a, const struct rp_list *b);
/* Appends every timer with a deadline <= @now to @due, in order. They stay linked there until taken
 * or disarmed. */
void rp_wheel_collect(struct rp_wheel *wheel, rp_ns now, struct rp_list *due);
/* Takes a timer out, whichever, due or not; NULL when none is armed. */
struct rp_list *rp_wheel_pop(struct rp_wheel *wheel);

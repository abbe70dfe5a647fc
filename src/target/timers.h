/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * target/timers.h - a binary heap of deadlines. A timer is embedded in its owner and knows its place, so that it can
 * be cancelled. Room is reserved per owner beforehand: arming never allocates and never fails.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/time.h"

struct rp_target_timer {
    rp_ns deadline;
    uint32_t place; /* index in the heap + 1; 0 = not armed, so that zeroed is valid */
};

struct rp_target_timers { /* zeroed is empty */
    struct rp_target_timer **heap;
    uint32_t count, cap;
};

void rp_target_timers_deinit(struct rp_target_timers *timers);
/* Room for @count armed timers. 0 or -ENOMEM. */
RP_NODISCARD int rp_target_timers_reserve(struct rp_target_timers *timers, uint32_t count);
/* Arms or moves. */
void rp_target_timers_arm(struct rp_target_timers *timers, struct rp_target_timer *timer,
                          rp_ns deadline);
/* No-op when not armed. */
void rp_target_timers_cancel(struct rp_target_timers *timers, struct rp_target_timer *timer);
/* The earliest deadline or RP_NS_NEVER. */
static inline rp_ns rp_target_timers_next(const struct rp_target_timers *timers)
{
    return timers->count ? timers->heap[0]->deadline : RP_NS_NEVER;
}
/* Takes out the earliest timer that is due at @now, or NULL. */
struct rp_target_timer *rp_target_timers_pop(struct rp_target_timers *timers, rp_ns now);

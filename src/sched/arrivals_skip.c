/* SPDX-License-Identifier: MIT */

/*
 * sched/arrivals_skip.c - skipping arrivals that nobody can serve any more, without looking at
 * each.
 */
#include "sched/schedule.h"

static uint64_t at_most(uint64_t value)
{
    return value < INT64_MAX ? value : INT64_MAX;
}

uint64_t rp_arrivals_skip(struct rp_arrivals *arrivals, rp_ns time)
{
    const struct rp_segment *segment = arrivals->segment;
    uint64_t owned = (uint64_t)segment->owned, slots = (uint64_t)segment->slots, due, next;

    if (arrivals->is_poisson || !owned)
        return 0;
    due = at_most(rp_arrivals_before(arrivals, rp_ns_add(time, 1)));
    due = (uint64_t)rp_segment_scale(segment, (int64_t)due);
    next = arrivals->round / slots * owned + arrivals->position;
    if (due <= next)
        return 0;
    arrivals->round = due / owned * slots;
    arrivals->position = due % owned;
    arrivals->divisor = 0; /* the next one does not follow the last one */
    return due - next;
}

/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Schedules and segments computed by walking, straight from their definitions, for small numbers; and random cases to
 * compare with.
 */

#include <stdbool.h>
#include <stdint.h>

#include "sched/schedule.h"
#include "plan/segment.h"

enum { NAIVE_STAGES = 6, NAIVE_SLOTS = 60 };

/* A number from @low to @high. */
int64_t naive_pick(uint64_t random[4], int64_t low, int64_t high);

/* Between 1 and 8 segments with a common denominator of at most NAIVE_SLOTS, made from text. */
void naive_sequence(uint64_t random[4], struct rp_segment_sequence *ret);

/* Which of @count segments gets each of @slots slots, where segment i has owned[i] / slots of everything. */
void naive_slots(int64_t slots, const int64_t *owned, size_t count, size_t *ret);

/* Whether the segment has @number, found by walking. */
bool naive_owns(const struct rp_segment *segment, int64_t number);

/* The time of uniform arrival @index of the whole, or RP_NS_NEVER: of a cursor that is set down there. @arrivals is of
 * rp_segment_all, and stays where it is. */
rp_ns naive_jump(const struct rp_arrivals *arrivals, uint64_t index);

/* Random stages in @stages of at most @duration each; ends with the executor's fields set. */
void naive_stages(uint64_t random[4], rp_ns duration, int64_t target, struct rp_scenario *scenario,
                  struct rp_stage stages[NAIVE_STAGES]);

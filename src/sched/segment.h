/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * sched/segment.h - which part of the work is a worker's own, in exact rationals.
 *
 * A segment is a part from..to of 0..1 ("0:1/2", "50%:75%", "1/4" = 0:1/4, "" or "0:1" =
 * everything). A sequence cuts 0..1 into segments; what is not named is filled up. L is the least
 * common multiple of the denominators of the segments' lengths; of every L consecutive numbers a
 * segment owns as many as its length says, the same ones in every round. So the parts of any number
 * sum exactly to it, and no number has two owners.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum {
    RP_SEGMENT_SLOTS_MAX = 1 << 20,     /* the largest L */
    RP_SEGMENT_RESCALED_MAX = 10000000, /* the largest L after rp_segment_rescale */
};

struct rp_segment {
    int64_t slots;     /* L; 1 for everything */
    int64_t owned;     /* how many of them are ours; may be 0 */
    const int64_t *at; /* the owned ones, ascending, from 0; borrowed from the sequence */
};

struct rp_segment_sequence {
    struct rp_segment *segments; /* in the order of 0..1, gaps filled up */
    size_t count;
    int64_t *slots; /* owned by the sequence: what the segments' `at` point into */
};

/* Everything: the segment of a single worker. Its `at` is a constant. */
extern const struct rp_segment rp_segment_all;

/* @sequence "0,1/4,1/2,1" lists the cuts; NULL or "" = only @segment and what it leaves on both
 * sides. @segment must be one of the sequence's (*ret_index says which). Numbers are fractions,
 * decimals or percentages. -RP_EUSER with the place of the mistake; -ENOMEM. On failure *ret is
 * untouched. */
RP_NODISCARD int rp_segment_parse(const char *segment, const char *sequence,
                                  struct rp_segment_sequence *ret, size_t *ret_index,
                                  struct rp_error *err);
/* @n equal parts. -ENOMEM, -EINVAL when n is 0 or above RP_SEGMENT_SLOTS_MAX. */
RP_NODISCARD int rp_segment_equal(size_t n, struct rp_segment_sequence *ret);
/* The sequence for numbers that come in another size than 0..1: each segment's length is what
 * Scale(v) gives it of @v. (Executors whose size is a number of VUs.) A segment may own nothing
 * then. @ret holds one number for each of up to @v slots. -ENOMEM; -EINVAL when v < 1 or when there
 * are more than RP_SEGMENT_RESCALED_MAX slots. */
RP_NODISCARD int rp_segment_rescale(const struct rp_segment_sequence *from, int64_t v,
                                    struct rp_segment_sequence *ret);
void rp_segment_sequence_deinit(struct rp_segment_sequence *sequence);

/* How many of the numbers 0..v-1 are own. */
int64_t rp_segment_scale(const struct rp_segment *segment, int64_t v);
/* The @k-th own number (both from 0): the global number of what is locally number k. The segment
 * owns something. */
int64_t rp_segment_nth(const struct rp_segment *segment, int64_t k);

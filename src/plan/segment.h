/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * plan/segment.h - which part of the work is a worker's, or a run's, own, in exact rationals.
 *
 * A segment is a part from..to of 0..1: "0:1/2", "50%:75%", "1/4" (0:1/4), "" or "0:1"
 * (everything). A sequence cuts 0..1 into segments; gaps are filled up with further segments. L is
 * the least common multiple of the denominators of their lengths. Of every L consecutive numbers a
 * segment owns as many as its length says, in every round the same ones. So no number has two
 * owners, and the parts of any number sum exactly to it.
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

/* @sequence "0,1/4,1/2,1" lists the cuts; NULL or "": the sequence is @segment and what it leaves
 * on both sides. @segment must be one of the sequence; *ret_index says which. Numbers are
 * fractions, decimals or percentages. -RP_EUSER with the place of the mistake; -ENOMEM. On failure
 * *ret is untouched. */
RP_NODISCARD int rp_segment_parse(const char *segment, const char *sequence,
                                  struct rp_segment_sequence *ret, size_t *ret_index,
                                  struct rp_error *err);
/* @n equal parts. -ENOMEM, -EINVAL when n is 0 or above RP_SEGMENT_SLOTS_MAX. */
RP_NODISCARD int rp_segment_equal(size_t n, struct rp_segment_sequence *ret);
/* Makes the sequence for work that consists of @v units, such as VUs: the length of each segment
 * becomes its whole share of @v (rp_segment_scale()), divided by @v. A segment may own nothing
 * then. @ret holds one number for each slot, of which there are at most @v. -ENOMEM; -EINVAL when
 * @v < 1 or when there are more than RP_SEGMENT_RESCALED_MAX slots. */
RP_NODISCARD int rp_segment_rescale(const struct rp_segment_sequence *from, int64_t v,
                                    struct rp_segment_sequence *ret);
/* A part of a part: of the numbers that @whole owns, counted from 0, those that @part owns. @ret is a
 * sequence of this one segment. The parts of a sequence then share what @whole owns, and nothing
 * else. -ENOMEM; -EINVAL when it owns more than RP_SEGMENT_RESCALED_MAX slots of a round. */
RP_NODISCARD int rp_segment_compose(const struct rp_segment *whole, const struct rp_segment *part,
                                    struct rp_segment_sequence *ret);
void rp_segment_sequence_deinit(struct rp_segment_sequence *sequence);

/* How many of the numbers 0..v-1 are own. */
int64_t rp_segment_scale(const struct rp_segment *segment, int64_t v);
/* The @k-th own number, both counted from 0: what is number k to the worker has this number in the
 * whole. The segment owns something. */
int64_t rp_segment_nth(const struct rp_segment *segment, int64_t k);

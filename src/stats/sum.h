/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * stats/sum.h - a sum of doubles without rounding, so that it is the same in whatever order it is
 * added up and over however many workers the parts came: twenty thousand times 0.1 is the double
 * nearest to 20,000 times that double, and a threshold decides the same each time.
 *
 * Whole numbers are added as integers. What is no whole number, or too large for that, goes into
 * the rest: an integer of 2240 bits that counts in units of 2^-1088, which holds every double and
 * 2^64 times the largest one. It is allocated when it is first needed. Not thread safe.
 */

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

/* Word i counts in units of 2^(64 * (i - RP_REST_UNITS)). Two's complement. */
enum { RP_REST_WORDS = 35, RP_REST_UNITS = 17 };
struct rp_rest {
    uint64_t words[RP_REST_WORDS];
};

/* Whether @value is added as an integer. Always the same of the same value, so that equal sums have
 * equal parts. */
static inline bool rp_sum_takes_whole(double value)
{
    return fabs(value) < 0x1p62 && (double)(int64_t)value == value;
}

/* Adds @value, which is finite, @times times. */
void rp_rest_add(struct rp_rest *rest, double value, uint64_t times);
/* dst += src. */
void rp_rest_merge(struct rp_rest *dst, const struct rp_rest *src);
/* The double nearest to @whole + *@rest (NULL is 0), divided by 2^@scale. Infinite beyond the
 * largest double. */
double rp_rest_read(const struct rp_rest *rest, __int128 whole, int scale);
/* NULL is 0. */
bool rp_rest_equal(const struct rp_rest *a, const struct rp_rest *b);
/* Finds the memory of a rest that is needed, and makes it if it is not there: a zeroed one.
 * -ENOMEM. */
RP_NODISCARD int rp_rest_reserve(struct rp_rest **rest);

struct rp_sum { /* zeroed = 0 */
    int64_t whole;
    struct rp_rest *rest; /* NULL = 0 */
};

void rp_sum_deinit(struct rp_sum *sum);
void rp_sum_reset(struct rp_sum *sum); /* 0; the memory stays allocated */
/* -EINVAL: NaN or an infinity, which is ignored. -ENOMEM: the value is lost, nothing changes. */
RP_NODISCARD int rp_sum_add(struct rp_sum *sum, double value);
/* Adds a whole number. -ENOMEM, which only happens when the integer overflows. */
RP_NODISCARD int rp_sum_add_whole(struct rp_sum *sum, int64_t value);
/* Allocates what dst += src will need, so that rp_sum_merge() of an equal @src cannot fail. */
RP_NODISCARD int rp_sum_reserve(struct rp_sum *dst, const struct rp_sum *src);
/* dst += src. -ENOMEM leaves dst untouched. */
RP_NODISCARD int rp_sum_merge(struct rp_sum *dst, const struct rp_sum *src);
/* The double nearest to the sum; infinite when it is beyond the largest. */
static inline double rp_sum_read(const struct rp_sum *sum)
{
    return RP_UNLIKELY(sum->rest) ? rp_rest_read(sum->rest, sum->whole, 0) : (double)sum->whole;
}
bool rp_sum_equal(const struct rp_sum *a, const struct rp_sum *b);

/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * stats/hist.h - a histogram of doubles with at most 0.1 % value error and memory that does not
 * grow with samples.
 *
 * How: a value's bucket is the top 10 bits of its mantissa and its exponent, so every power of two
 * has 1024 buckets and a bucket is at most 1/1024 of its value wide; for integers from 1024 up
 * these are the buckets of an HdrHistogram with three significant digits. Pages of 64 buckets are
 * allocated when first hit; the directory of pages spans whole powers of two from the smallest to
 * the largest page hit. Zero has a counter of its own, which magnitudes below the smallest normal
 * double (2.2e-308) share; negative values have a mirrored table. Exact count, minimum, maximum and
 * sum stand beside it; the sum is a 128-bit fixed-point integer that wraps, so that merging in any
 * order gives bit-identical results. Each value is rounded to 2^-20 in it, and a magnitude from
 * 2^83 up counts as 2^83: no sum below 2^107 can wrap, that is none of fewer than 2^24 samples, and
 * none of times at all.
 *
 * What is stored, nanoseconds or a scaled number, is the business of stats/value.h. Not thread
 * safe.
 */

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

enum {
    RP_HIST_PAGE_BUCKETS = 64,
    RP_HIST_PAGE_USED = 64, /* the last word of a page: a bit for each bucket that is not zero */
    RP_HIST_PAGE_WORDS = 65,
};

/* Fine enough for the averages of millionths of a custom trend's unit, which is 2^20
 * (stats/value.h): within 5e-7. */
#define RP_HIST_SUM_SCALE 0x1p20

struct rp_hist_side {
    uint64_t **pages;    /* page_count entries of RP_HIST_PAGE_WORDS, NULL where never hit */
    uint32_t first_page; /* number of pages[0] */
    uint32_t page_count;
};

struct rp_hist {    /* zeroed = empty */
    uint64_t count; /* finite samples, zeros included */
    uint64_t zeros;
    __int128 sum;    /* of value * RP_HIST_SUM_SCALE, each rounded to nearest */
    double min, max; /* meaningful when count > 0 */
    struct rp_hist_side positive, negative;
    uint32_t fast_pages; /* private: the positive pages below 2^43: a scaled value fits 64 bits */
};

void rp_hist_deinit(struct rp_hist *hist);
/* Empties it; the pages stay allocated. */
void rp_hist_reset(struct rp_hist *hist);

/* Adds @times samples. Out of line: the first sample, the first hit of a page, zero, negative, from
 * 2^43 up. Returns 0, -ENOMEM (the sample is lost, nothing changes), -EINVAL for NaN and infinities
 * (ignored). */
int rp_hist_record_slow(struct rp_hist *hist, double value, uint64_t times);

/* Adds one sample. Never fails for a page that exists. */
static inline int rp_hist_record(struct rp_hist *hist, double value)
{
    uint64_t bits, slot, *page;
    uint32_t index;

    __builtin_memcpy(&bits, &value, sizeof(bits));
    /* 52 - 10 mantissa bits, 6 more within a page. Zero, negative values, NaN and infinities have
     * page numbers that no fast page has. While empty, min and max mean nothing: the slow path sets
     * them. */
    index = (uint32_t)(bits >> 48) - hist->positive.first_page;
    if (index >= hist->fast_pages || RP_UNLIKELY(!hist->count)) {
        if (bits || !hist->count)
            return rp_hist_record_slow(hist, value, 1);
        /* Zero, as common as any: half of a request's phases are, on a kept connection. */
        hist->min = 0 < hist->min ? 0 : hist->min;
        hist->max = 0 > hist->max ? 0 : hist->max;
        hist->zeros++;
        hist->count++;
        return 0;
    }
    page = hist->positive.pages[index];
    if (RP_UNLIKELY(!page))
        return rp_hist_record_slow(hist, value, 1);
    slot = (bits >> 42) & (RP_HIST_PAGE_BUCKETS - 1);
    page[slot]++;
    page[RP_HIST_PAGE_USED] |= (uint64_t)1 << slot;
    hist->sum = (__int128)((unsigned __int128)hist->sum +
                           (uint64_t)(int64_t)(value * RP_HIST_SUM_SCALE + 0.5));
    hist->min = value < hist->min ? value : hist->min;
    hist->max = value > hist->max ? value : hist->max;
    hist->count++;
    return 0;
}

/* Allocates what dst += src will need, so that the next rp_hist_add() of an equal or smaller @src
 * cannot fail. */
RP_NODISCARD int rp_hist_reserve(struct rp_hist *dst, const struct rp_hist *src);
/* dst += src. -ENOMEM leaves dst untouched. */
RP_NODISCARD int rp_hist_add(struct rp_hist *dst, const struct rp_hist *src);

/* Whether count, sum, min, max and every bucket are equal. */
bool rp_hist_equal(const struct rp_hist *a, const struct rp_hist *b);

/* The p-th percentile, 0 <= p <= 100 (clamped): linear interpolation at p/100 * (count-1) between
 * the values of the ranks. The first rank's value is min, the last one's max; of any other it is
 * its bucket's middle clamped to [min, max], where a bucket at most @unit wide that starts at a
 * multiple of @unit has its start for a middle: multiples of it below 2048 units are exact. @unit
 * is a power of two from 1 up. NaN when empty. */
double rp_hist_percentile(const struct rp_hist *hist, double p, double unit);
/* sum / count, clamped to [min, max]; NaN when empty. */
double rp_hist_mean(const struct rp_hist *hist);

/* Walks the non-empty buckets in ascending value order, zeros (bucket index 0) included. */
struct rp_hist_iter {
    const struct rp_hist *hist;
    uint32_t state, page, slot; /* private */
    int32_t bucket;             /* signed bucket index: negative for negative values, 0 for zero */
    uint64_t count;
    double low, high; /* low <= value < high; low < value <= high below zero; both 0 for zero */
};
void rp_hist_iter_init(struct rp_hist_iter *iter, const struct rp_hist *hist);
bool rp_hist_iter_next(struct rp_hist_iter *iter);

/* For decoding: add @count samples to @bucket without touching count, sum, min, max; then set
 * those. -EINVAL for a number that no value has. */
RP_NODISCARD int rp_hist_add_bucket(struct rp_hist *hist, int32_t bucket, uint64_t count);

/* Appends HdrHistogram's V2 encoding (zig-zag LEB128 counts, cookie 0x1c849303 | 0x10,
 * uncompressed) of the histogram with values rounded to integers, 3 significant digits, lowest
 * discernible value 1, negatives clamped to 0 and values from 2^63 up to its last bucket. Buckets
 * from 1024 up are its buckets one to one; smaller ones go by their middle. */
struct rp_buf;
RP_NODISCARD int rp_hist_encode_hdr(const struct rp_hist *hist, struct rp_buf *out);

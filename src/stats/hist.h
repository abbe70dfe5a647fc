/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * stats/hist.h - a histogram of doubles with at most 0.1 % value error and memory that does not
 * grow with samples.
 *
 * Buckets: the bucket of a value is its exponent and the top 10 bits of its mantissa. So every
 * power of two has 1024 buckets, and a bucket is at most 1/1024 of its values wide. For integers
 * from 1024 up these are the buckets of an HdrHistogram with three significant digits.
 *
 * Memory: buckets stand in pages of 64, and a page is allocated when it is first hit. The directory
 * of pages spans whole powers of two, from the smallest to the largest page that was hit. Zero has
 * a counter of its own, which also counts magnitudes below the smallest normal double (2.2e-308).
 * Negative values have a mirrored table.
 *
 * Sums: count, minimum, maximum and sum are exact and stand beside the buckets, so that merging in
 * any order gives bit-identical results. Whole numbers, such as all times are, are added as 128-bit
 * integers. The sum of other values is a struct rp_rest (stats/sum.h), allocated with the first of
 * them.
 *
 * What is stored, nanoseconds or a scaled number, is decided by stats/value.h. Not thread safe.
 */

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "stats/sum.h"

enum {
    RP_HIST_PAGE_BUCKETS = 64,
    RP_HIST_PAGE_USED = 64, /* the last word of a page: a bit for each bucket that is not zero */
    RP_HIST_PAGE_WORDS = 65,
};

struct rp_hist_side {
    uint64_t **pages;    /* page_count entries of RP_HIST_PAGE_WORDS, NULL where never hit */
    uint32_t first_page; /* number of pages[0] */
    uint32_t page_count;
    uint32_t bytes; /* of heap that both take */
};

struct rp_hist {    /* zeroed = empty */
    uint64_t count; /* finite samples, zeros included */
    uint64_t zeros;
    __int128 whole;       /* the sum of the values that rp_sum_takes_whole(); it cannot overflow */
    double min, max;      /* meaningful when count > 0 */
    struct rp_rest *rest; /* the sum of the others; NULL = 0 */
    /* How many more samples are in the buckets than are counted: guests, which another histogram
     * counts. Negative: so many are counted here and are in the buckets of another one. In a sum
     * that has both it is 0. */
    int64_t guests;
    struct rp_hist_side positive, negative;
    uint32_t fast_pages; /* private: the positive pages below 2^43 */
};

void rp_hist_deinit(struct rp_hist *hist);
/* Empties the histogram. The pages stay allocated. */
void rp_hist_reset(struct rp_hist *hist);

/* Adds @times samples. Returns 0; -ENOMEM: the samples are lost and nothing changes; -EINVAL for
 * NaN and infinities, which are ignored. */
int rp_hist_record_times(struct rp_hist *hist, double value, uint64_t times);

/* Adds one sample. */
static inline int rp_hist_record(struct rp_hist *hist, double value)
{
    return rp_hist_record_times(hist, value, 1);
}

/* The two halves of a sample that is counted by one histogram and is in the buckets of another one:
 * so percentiles can be kept for many series together, at the cost of one. -ENOMEM; -EINVAL for NaN
 * and infinities. */
RP_NODISCARD int rp_hist_note(struct rp_hist *hist, double value);
RP_NODISCARD int rp_hist_host(struct rp_hist *hist, double value);

/* Bytes of heap that the histogram takes. */
size_t rp_hist_bytes(const struct rp_hist *hist);
/* Those that it would take more for @value, which is finite: its bucket, and its sum. The first is
 * what rp_hist_host() allocates, the second what rp_hist_note() does. */
size_t rp_hist_need_bucket(const struct rp_hist *hist, double value);
size_t rp_hist_need_sum(const struct rp_hist *hist, double value);

/* Adds a whole number, such as nanoseconds are, if that takes no memory. False, and nothing is
 * done, for the first sample, the first hit of a page, negative values, and values from 2^43 up:
 * these are for rp_hist_record(). */
static inline bool rp_hist_record_quick(struct rp_hist *hist, double value)
{
    uint64_t bits, slot, *page;
    uint32_t index;

    __builtin_memcpy(&bits, &value, sizeof(bits));
    /* Of the 52 bits of the mantissa 10 name the bucket, and 6 of these the place within the page.
     * Zero, negative values, NaN and infinities have page numbers that no fast page has. While the
     * histogram is empty its min and max mean nothing: the slow path sets them. */
    index = (uint32_t)(bits >> 48) - hist->positive.first_page;
    if (index >= hist->fast_pages || RP_UNLIKELY(!hist->count)) {
        if (bits || !hist->count)
            return false;
        /* Zero is as common as any value: on a kept connection half of a request's phases take no
         * time. */
        if (RP_UNLIKELY(hist->min > 0))
            hist->min = 0;
        if (RP_UNLIKELY(hist->max < 0))
            hist->max = 0;
        hist->zeros++;
        hist->count++;
        return true;
    }
    page = hist->positive.pages[index];
    if (RP_UNLIKELY(!page))
        return false;
    slot = (bits >> 42) & (RP_HIST_PAGE_BUCKETS - 1);
    page[slot]++;
    page[RP_HIST_PAGE_USED] |= (uint64_t)1 << slot;
    hist->whole += (int64_t)value;
    hist->min = value < hist->min ? value : hist->min;
    hist->max = value > hist->max ? value : hist->max;
    hist->count++;
    return true;
}

/* Allocates what dst += src will need, so that the next rp_hist_add() of an equal or smaller @src
 * cannot fail. */
RP_NODISCARD int rp_hist_reserve(struct rp_hist *dst, const struct rp_hist *src);
/* dst += src. -ENOMEM leaves dst untouched. */
RP_NODISCARD int rp_hist_add(struct rp_hist *dst, const struct rp_hist *src);

/* Whether count, sum, min, max and every bucket are equal. */
bool rp_hist_equal(const struct rp_hist *a, const struct rp_hist *b);

/* The @p-th percentile, @p from 0 to 100 (clamped), of the samples in the buckets. NaN when these
 * are empty.
 *
 * The rank p/100 * (count - 1) mostly lies between two samples; the result is interpolated linearly
 * between their values. The rank is exact for every @p that is written with at most 15 digits: of
 * 251 samples p(64.4) is the sample of rank 161, and nothing of the next one is in it. The value of
 * the first sample is min, that of the last one max. Any other sample has the middle of its bucket
 * for a value, clamped to [min, max]. There is one exception: a bucket that starts at a multiple of
 * @unit and is at most @unit wide stands for its start. So multiples of @unit below 2048 units are
 * exact. @unit is a power of two from 1 up. */
double rp_hist_percentile(const struct rp_hist *hist, double p, double unit);
/* The double nearest to the sum; infinite when it is beyond the largest. */
static inline double rp_hist_sum(const struct rp_hist *hist)
{
    return rp_rest_read(hist->rest, hist->whole, 0);
}
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

/* For decoding: adds @count samples to @bucket but leaves count, sum, min and max alone, which the
 * caller sets afterwards. -EINVAL for a bucket that no value has. */
RP_NODISCARD int rp_hist_add_bucket(struct rp_hist *hist, int32_t bucket, uint64_t count);

/* Appends the histogram in HdrHistogram's V2 encoding: uncompressed, zig-zag LEB128 counts, cookie
 * 0x1c849303 | 0x10, 3 significant digits, lowest discernible value 1. Values are rounded to
 * integers; negative ones are clamped to 0, and those from 2^63 up count in its last bucket. Our
 * buckets from 1024 up are its buckets, one to one; smaller ones are placed by their middle. */
struct rp_buf;
RP_NODISCARD int rp_hist_encode_hdr(const struct rp_hist *hist, struct rp_buf *out);

/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * stats/hist.h - a histogram of doubles with at most 0.1 % value error and memory that does not grow with samples.
 *
 * How: a value's bucket is the top 10 bits of its mantissa and its exponent, so every power of two has 1024 buckets
 * and a bucket is at most 1/1024 of its value wide; for integers from 1024 up these are the buckets of an
 * HdrHistogram with three significant digits. Pages of 64 buckets are allocated when first hit. Zero has a counter
 * of its own, negative values a mirrored table. Exact count, minimum, maximum and sum stand beside it; the sum is
 * a 128-bit fixed-point integer, so that merging in any order gives bit-identical results.
 *
 * Unit: rampa stores nanoseconds for times and 1e6 x the user's value for custom trends, so that 1 at the border is
 * always 1e6 inside (a millisecond is 1e6 ns). Not thread safe.
 */

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

enum { RP_HIST_PAGE_BUCKETS = 64 };

struct rp_hist_side {
    uint64_t **pages;    /* page_count entries, NULL where never hit */
    uint32_t first_page; /* number of pages[0] */
    uint32_t page_count;
};

struct rp_hist {    /* zeroed = empty */
    uint64_t count; /* finite samples, zeros included */
    uint64_t zeros;
    __int128 sum;    /* value * 1024, rounded to nearest */
    double min, max; /* meaningful when count > 0 */
    struct rp_hist_side positive, negative;
};

void rp_hist_deinit(struct rp_hist *hist);
/* Empties it; the pages stay allocated. */
void rp_hist_reset(struct rp_hist *hist);

/* Out of line: the first hit of a page, zero, negative. Returns 0, -ENOMEM (the sample is lost, nothing changes),
 * -EINVAL for NaN and infinities (ignored). */
int rp_hist_record_slow(struct rp_hist *hist, double value, uint64_t times);

/* Adds one sample. Never fails for a page that exists. */
static inline int rp_hist_record(struct rp_hist *hist, double value)
{
    uint64_t bits;
    uint32_t page;

    __builtin_memcpy(&bits, &value, sizeof(bits));
    page = (uint32_t)(bits >> 48) -
           hist->positive.first_page; /* 52 - 10 mantissa bits, 6 of them within a page */
    if (RP_LIKELY(page < hist->positive.page_count && hist->positive.pages[page])) {
        hist->positive.pages[page][(bits >> 42) & (RP_HIST_PAGE_BUCKETS - 1)]++;
        hist->sum += (__int128)(int64_t)(value * 1024.0 + 0.5);
        hist->min = value < hist->min ? value : hist->min;
        hist->max = value > hist->max ? value : hist->max;
        hist->count++;
        return 0;
    }
    return rp_hist_record_slow(hist, value, 1);
}

/* dst += src. -ENOMEM leaves dst untouched. */
RP_NODISCARD int rp_hist_add(struct rp_hist *dst, const struct rp_hist *src);

/* The p-th percentile, 0 <= p <= 100: linear interpolation at p/100 * (count-1) between the values of the ranks
 * (a bucket's middle, clamped to [min, max]; exact for integers below 2048). NaN when empty. */
double rp_hist_percentile(const struct rp_hist *hist, double p);
double rp_hist_mean(const struct rp_hist *hist); /* exact sum / count; NaN when empty */

/* Walks the non-empty buckets in ascending value order, zeros (bucket index 0) included. */
struct rp_hist_iter {
    const struct rp_hist *hist;
    uint32_t state, page, slot; /* private */
    int32_t bucket;             /* signed bucket index: negative for negative values, 0 for zero */
    uint64_t count;
    double low, high; /* bounds of |values|' bucket with sign: low <= value < high */
};
void rp_hist_iter_init(struct rp_hist_iter *iter, const struct rp_hist *hist);
bool rp_hist_iter_next(struct rp_hist_iter *iter);

/* For decoding: add @count samples to @bucket without touching count, sum, min, max; then set those. */
RP_NODISCARD int rp_hist_add_bucket(struct rp_hist *hist, int32_t bucket, uint64_t count);

/* Appends HdrHistogram's V2 encoding (zig-zag LEB128 counts, cookie 0x1c849303 | 0x10, uncompressed) of the histogram
 * with values rounded to integers, 3 significant digits, lowest discernible value 1, negatives clamped to 0. */
struct rp_buf;
RP_NODISCARD int rp_hist_encode_hdr(const struct rp_hist *hist, struct rp_buf *out);
/* Bytes of heap held. */
size_t rp_hist_memory(const struct rp_hist *hist);

/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * stats/hist_internal.h - the numbering of buckets, shared by the histogram's own files.
 */

#include <stdint.h>

#include "stats/hist.h"

enum {
    RP_HIST_FIRST_BUCKET = 1 << 10,  /* of the smallest normal double */
    RP_HIST_END_BUCKET = 0x7ff << 10 /* of infinity */
};

/* @magnitude >= 0. Below RP_HIST_FIRST_BUCKET for what counts as zero. */
static inline uint32_t rp_hist_bucket_of(double magnitude)
{
    uint64_t bits;

    __builtin_memcpy(&bits, &magnitude, sizeof(bits));
    return (uint32_t)(bits >> 42);
}

/* The smallest magnitude in the bucket; infinity for RP_HIST_END_BUCKET. */
static inline double rp_hist_bucket_low(uint32_t bucket)
{
    uint64_t bits = (uint64_t)bucket << 42;
    double low;

    __builtin_memcpy(&low, &bits, sizeof(low));
    return low;
}

/* The magnitude that stands for the bucket's samples; @unit as for rp_hist_percentile(). */
double rp_hist_bucket_middle(uint32_t bucket, double unit);

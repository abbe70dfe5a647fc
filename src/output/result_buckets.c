/* SPDX-License-Identifier: MIT */
#include "output/result_json.h"

#include <math.h>
#include <string.h>

/*
 * A histogram has 1024 buckets to a power of two. A file that people read with jq, and that has a
 * histogram for every name, gets 32: the bucket of a value is its exponent and the top 5 bits of
 * its mantissa.
 */

enum { KEPT_BITS = 5, DROPPED_BITS = 52 - KEPT_BITS };
_Static_assert(1 << KEPT_BITS == RP_RESULT_BUCKETS_PER_OCTAVE, "the bits name the bucket");
_Static_assert(RP_HISTORY_FINE *RP_RESULT_BUCKETS_PER_OCTAVE == 1024,
               "the history has the same buckets");

/* The smallest magnitude in a bucket. */
static double low_of(int32_t bucket)
{
    uint64_t bits = (uint64_t)bucket << DROPPED_BITS;
    double low;

    memcpy(&low, &bits, sizeof(low));
    return low;
}

/* The values that a bucket has, in the border's unit. */
static void bounds_of(int32_t bucket, bool is_time, double *ret_low, double *ret_high)
{
    double low = 0, high = 0;

    if (bucket > 0) {
        low = low_of(bucket);
        high = low_of(bucket + 1);
    } else if (bucket < 0) {
        low = -low_of(-bucket + 1);
        high = -low_of(-bucket);
    }
    *ret_low = rp_trend_shown(is_time, low);
    *ret_high = rp_trend_shown(is_time, high);
}

static void push(json_t **array, const struct rp_history_count *count, bool is_time)
{
    json_t *item = json_array();
    double low, high;

    bounds_of(count->bucket, is_time, &low, &high);
    rp_json_push(&item, rp_json_number(low));
    rp_json_push(&item, rp_json_number(high));
    rp_json_push(&item, rp_json_count(count->count));
    rp_json_push(array, item);
}

json_t *rp_result_counts_json(const struct rp_history_count *counts, size_t count, bool is_time)
{
    json_t *array = json_array();

    for (size_t i = 0; i < count; i++)
        push(&array, &counts[i], is_time);
    return array;
}

double rp_result_counts_percentile(const struct rp_history_cell *cell, double q, bool is_time)
{
    uint64_t total = 0;
    double left, low = NAN, high = NAN;

    for (size_t i = 0; i < cell->count; i++)
        total += cell->counts[i].count;
    left = q * (double)total;
    for (size_t i = 0; i < cell->count; i++) {
        double count = (double)cell->counts[i].count;

        bounds_of(cell->counts[i].bucket, is_time, &low, &high);
        if (left <= count)
            return low + (high - low) * (left / count);
        left -= count;
    }
    return high;
}

json_t *rp_result_buckets_json(const struct rp_hist *hist, bool is_time)
{
    struct rp_history_count last = { 0 };
    struct rp_hist_iter iter;
    json_t *array = json_array();

    rp_hist_iter_init(&iter, hist);
    while (rp_hist_iter_next(&iter)) {
        int32_t bucket = iter.bucket / RP_HISTORY_FINE;

        if (last.count && bucket != last.bucket) {
            push(&array, &last, is_time);
            last.count = 0;
        }
        last.bucket = bucket;
        last.count += iter.count;
    }
    if (last.count)
        push(&array, &last, is_time);
    return array;
}

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

struct bucket {
    double low, high;
    uint64_t count;
};

/* The wider bucket around a magnitude. */
static struct bucket bucket_around(double magnitude)
{
    struct bucket bucket = { 0 };
    uint64_t bits;

    memcpy(&bits, &magnitude, sizeof(bits));
    bits = bits >> DROPPED_BITS << DROPPED_BITS;
    memcpy(&bucket.low, &bits, sizeof(bits));
    bits += UINT64_C(1) << DROPPED_BITS;
    memcpy(&bucket.high, &bits, sizeof(bits));
    return bucket;
}

static struct bucket bucket_of(const struct rp_hist_iter *iter)
{
    struct bucket bucket = { 0 }, mirrored;

    if (iter->bucket > 0)
        bucket = bucket_around(iter->low);
    if (iter->bucket < 0) {
        mirrored = bucket_around(-iter->high);
        bucket.low = -mirrored.high;
        bucket.high = -mirrored.low;
    }
    return bucket;
}

static void push(json_t **array, const struct bucket *bucket, bool is_time)
{
    json_t *item = json_array();

    if (!bucket->count) {
        json_decref(item);
        return;
    }
    rp_json_push(&item, rp_json_number(rp_trend_shown(is_time, bucket->low)));
    rp_json_push(&item, rp_json_number(rp_trend_shown(is_time, bucket->high)));
    rp_json_push(&item, rp_json_count(bucket->count));
    rp_json_push(array, item);
}

json_t *rp_result_buckets_json(const struct rp_hist *hist, bool is_time)
{
    struct bucket last = { 0 };
    struct rp_hist_iter iter;
    json_t *array = json_array();

    rp_hist_iter_init(&iter, hist);
    while (rp_hist_iter_next(&iter)) {
        struct bucket bucket = bucket_of(&iter);

        if (bucket.low != last.low || bucket.high != last.high) {
            push(&array, &last, is_time);
            last = bucket;
        }
        last.count += iter.count;
    }
    push(&array, &last, is_time);
    return array;
}

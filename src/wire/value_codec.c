/* SPDX-License-Identifier: MIT */

/* A metric's value in a message: a list that starts with the number of samples. A histogram's sum travels as the two
 * halves of its 128-bit integer, so that merging stays exact. */

#include <errno.h>
#include <math.h>

#include "wire/message.h"

static uint32_t bucket_count(const struct rp_hist *hist)
{
    struct rp_hist_iter iter;
    uint32_t count = 0;

    rp_hist_iter_init(&iter, hist);
    while (rp_hist_iter_next(&iter))
        count++;
    return count;
}

static void write_hist(struct rp_buf *out, const struct rp_hist *hist)
{
    struct rp_hist_iter iter;

    rp_write_u64(out, hist->count);
    rp_write_i64(out, (int64_t)(hist->sum >> 64));
    rp_write_u64(out, (uint64_t)hist->sum);
    rp_write_double(out, hist->min);
    rp_write_double(out, hist->max);
    rp_write_list(out, bucket_count(hist) * 2);
    rp_hist_iter_init(&iter, hist);
    while (rp_hist_iter_next(&iter)) {
        rp_write_i64(out, iter.bucket);
        rp_write_u64(out, iter.count);
    }
}

void rp_write_value(struct rp_buf *out, const struct rp_value *value)
{
    static const uint32_t items[RP_METRIC_TYPE_COUNT] = {
        [RP_COUNTER] = 2, [RP_GAUGE] = 4, [RP_RATE] = 3, [RP_TREND] = 7
    };

    rp_write_list(out, items[value->type]);
    rp_write_u64(out, value->samples);
    switch (value->type) {
    case RP_COUNTER:
        rp_write_double(out, value->counter);
        break;
    case RP_GAUGE:
        rp_write_double(out, value->gauge.last);
        rp_write_double(out, value->gauge.min);
        rp_write_double(out, value->gauge.max);
        break;
    case RP_RATE:
        rp_write_u64(out, value->rate.hits);
        rp_write_u64(out, value->rate.total);
        break;
    default:
        write_hist(out, &value->hist);
    }
}

static int read_buckets(struct rp_field buckets, struct rp_hist *hist, uint64_t *ret_seen)
{
    size_t count = rp_field_count(buckets);

    *ret_seen = 0;
    if (count % 2)
        return -EBADMSG;
    for (size_t i = 0; i < count; i += 2) {
        int64_t bucket = rp_field_i64(rp_field_at(buckets, i), INT64_MIN);
        uint64_t times = rp_field_u64(rp_field_at(buckets, i + 1), 0);
        int r;

        if (bucket < INT32_MIN || bucket > INT32_MAX || !times ||
            __builtin_add_overflow(*ret_seen, times, ret_seen))
            return -EBADMSG;
        r = rp_hist_add_bucket(hist, (int32_t)bucket, times);
        if (r < 0)
            return r == -EINVAL ? -EBADMSG : r;
    }
    return 0;
}

static int read_hist(struct rp_field field, struct rp_hist *hist)
{
    uint64_t seen;
    int r = read_buckets(rp_field_at(field, 6), hist, &seen);

    if (r < 0)
        return r;
    hist->count = rp_field_u64(rp_field_at(field, 1), 0);
    hist->sum = (__int128)(((unsigned __int128)rp_field_i64(rp_field_at(field, 2), 0) << 64) |
                           rp_field_u64(rp_field_at(field, 3), 0));
    hist->min = rp_field_double(rp_field_at(field, 4), NAN);
    hist->max = rp_field_double(rp_field_at(field, 5), NAN);
    if (seen != hist->count || !isfinite(hist->min) || !isfinite(hist->max) ||
        hist->min > hist->max)
        return -EBADMSG;
    return 0;
}

int rp_field_value(struct rp_field field, enum rp_metric_type type, struct rp_value *ret)
{
    static const size_t items[RP_METRIC_TYPE_COUNT] = {
        [RP_COUNTER] = 2, [RP_GAUGE] = 4, [RP_RATE] = 3, [RP_TREND] = 7
    };
    int r;

    rp_value_init(ret, type);
    if (rp_field_count(field) != items[type])
        return -EBADMSG;
    ret->samples = rp_field_u64(rp_field_at(field, 0), 0);
    switch (type) {
    case RP_COUNTER:
        ret->counter = rp_field_double(rp_field_at(field, 1), NAN);
        return isnan(ret->counter) ? -EBADMSG : 0; /* a sum may have left the range */
    case RP_GAUGE:
        ret->gauge.last = rp_field_double(rp_field_at(field, 1), NAN);
        ret->gauge.min = rp_field_double(rp_field_at(field, 2), NAN);
        ret->gauge.max = rp_field_double(rp_field_at(field, 3), NAN);
        return isfinite(ret->gauge.last) && isfinite(ret->gauge.min) && isfinite(ret->gauge.max)
                   ? 0
                   : -EBADMSG;
    case RP_RATE:
        ret->rate.hits = rp_field_u64(rp_field_at(field, 1), 0);
        ret->rate.total = rp_field_u64(rp_field_at(field, 2), 0);
        return ret->rate.hits <= ret->rate.total ? 0 : -EBADMSG;
    default:
        r = read_hist(field, &ret->hist);
        return r == 0 && ret->samples != ret->hist.count ? -EBADMSG : r;
    }
}

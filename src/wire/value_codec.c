/* SPDX-License-Identifier: MIT */

/*
 * A metric's value in a message: a map, whose fields the kind of the metric decides. A histogram's
 * sum travels as the two halves of its 128-bit integer, so that merging stays exact.
 */

#include <errno.h>

#include "wire/wire_internal.h"

struct trend {
    uint64_t samples, sum_low;
    int64_t sum_high;
    double min, max;
    struct rp_msg_buckets buckets;
};

#define AS(name, of, member)                                                                       \
    .key = { name, sizeof(name) - 1 }, .offset = offsetof(struct of, member)
#define KEY(of, member) AS(#member, of, member)
#define REQUIRED .is_required = true
#define SAMPLES(of)                                                                                \
    {                                                                                              \
        KEY(of, samples), RP_ROW_U64, REQUIRED, .meaning = "how many it is made of"                \
    }

static const struct rp_row counter_rows[] = {
    SAMPLES(rp_value),
    { AS("sum", rp_value, counter), RP_ROW_DOUBLE, REQUIRED, /* it may have left the range */
      .meaning = "of the samples" },
};

static const struct rp_row gauge_rows[] = {
    SAMPLES(rp_value),
    { AS("last", rp_value, gauge.last), RP_ROW_FINITE, REQUIRED, .meaning = "the last sample" },
    { AS("min", rp_value, gauge.min), RP_ROW_FINITE, REQUIRED, .meaning = "the smallest" },
    { AS("max", rp_value, gauge.max), RP_ROW_FINITE, REQUIRED, .meaning = "the largest" },
};

static const struct rp_row rate_rows[] = {
    SAMPLES(rp_value),
    { AS("hits", rp_value, rate.hits), RP_ROW_U64, REQUIRED, .meaning = "samples that were true" },
    { AS("tries", rp_value, rate.total), RP_ROW_U64, REQUIRED,
      .meaning = "all of them; `hits` is at most as many" },
};

static const struct rp_row trend_rows[] = {
    SAMPLES(trend),
    { KEY(trend, sum_high), RP_ROW_I64, REQUIRED, .meaning = "high half of the sum, signed" },
    { KEY(trend, sum_low), RP_ROW_U64, REQUIRED, .meaning = "low half, not signed" },
    { KEY(trend, min), RP_ROW_FINITE, REQUIRED, .meaning = "the smallest" },
    { KEY(trend, max), RP_ROW_FINITE, REQUIRED, .meaning = "the largest" },
    { KEY(trend, buckets), RP_ROW_BUCKETS, REQUIRED,
      .meaning = "number of a bucket, samples in it, number, samples, ..." },
};

#define TABLE(kind, of, rows)                                                                      \
    {                                                                                              \
        kind, NULL, sizeof(struct of), rows, RP_ARRAY_LEN(rows)                                    \
    }

const struct rp_table rp_value_tables[RP_METRIC_TYPE_COUNT] = {
    [RP_COUNTER] = TABLE("counter", rp_value, counter_rows),
    [RP_GAUGE] = TABLE("gauge", rp_value, gauge_rows),
    [RP_RATE] = TABLE("rate", rp_value, rate_rows),
    [RP_TREND] = TABLE("trend", trend, trend_rows),
};

/* ---- buckets --------------------------------------------------------------------------------- */

static uint32_t bucket_count(const struct rp_hist *hist)
{
    struct rp_hist_iter iter;
    uint32_t count = 0;

    rp_hist_iter_init(&iter, hist);
    while (rp_hist_iter_next(&iter))
        count++;
    return count;
}

void rp_write_buckets(struct rp_buf *out, const struct rp_msg_buckets *buckets)
{
    struct rp_hist_iter iter;

    rp_write_list(out, bucket_count(buckets->from) * 2);
    rp_hist_iter_init(&iter, buckets->from);
    while (rp_hist_iter_next(&iter)) {
        rp_write_i64(out, iter.bucket);
        rp_write_u64(out, iter.count);
    }
}

int rp_field_buckets(struct rp_field field, struct rp_msg_buckets *ret)
{
    size_t count = rp_field_count(field);

    ret->seen = 0;
    if (count % 2)
        return -EBADMSG;
    for (size_t i = 0; i < count; i += 2) {
        int64_t bucket;
        uint64_t times;
        int r;

        if (!rp_field_take_i64(rp_field_at(field, i), &bucket) || bucket < INT32_MIN ||
            bucket > INT32_MAX || !rp_field_take_u64(rp_field_at(field, i + 1), &times) || !times ||
            __builtin_add_overflow(ret->seen, times, &ret->seen))
            return -EBADMSG;
        r = rp_hist_add_bucket(ret->into, (int32_t)bucket, times);
        if (r < 0)
            return r == -EINVAL ? -EBADMSG : r;
    }
    return 0;
}

/* ---- values ---------------------------------------------------------------------------------- */

static void write_trend(struct rp_buf *out, const struct rp_value *value)
{
    const struct rp_hist *hist = &value->hist;
    struct trend trend = { .samples = value->samples,
                           .sum_high = (int64_t)(hist->sum >> 64),
                           .sum_low = (uint64_t)hist->sum,
                           .min = hist->min,
                           .max = hist->max,
                           .buckets = { .from = hist } };

    rp_table_write(out, &rp_value_tables[RP_TREND], &trend);
}

void rp_write_value(struct rp_buf *out, const struct rp_value *value)
{
    if (value->type == RP_TREND)
        write_trend(out, value);
    else
        rp_table_write(out, &rp_value_tables[value->type], value);
}

static int read_trend(struct rp_field field, struct rp_value *ret)
{
    struct trend trend = { .buckets = { .into = &ret->hist } };
    int r = rp_table_read(&rp_value_tables[RP_TREND], field, &trend);

    if (r < 0)
        return r;
    ret->samples = ret->hist.count = trend.samples;
    ret->hist.sum = (__int128)((unsigned __int128)trend.sum_high << 64 | trend.sum_low);
    ret->hist.min = trend.min;
    ret->hist.max = trend.max;
    return trend.buckets.seen == trend.samples && trend.min <= trend.max ? 0 : -EBADMSG;
}

int rp_field_value(struct rp_field field, enum rp_metric_type type, struct rp_value *ret)
{
    int r;

    rp_value_init(ret, type);
    if (type == RP_TREND)
        return read_trend(field, ret);
    r = rp_table_read(&rp_value_tables[type], field, ret);
    return r == 0 && type == RP_RATE && ret->rate.hits > ret->rate.total ? -EBADMSG : r;
}

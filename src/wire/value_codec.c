/* SPDX-License-Identifier: MIT */

/*
 * A metric's value in a message: a map, whose fields the kind of the metric decides. Sums travel in
 * their parts (stats/sum.h), so that merging stays exact: the whole numbers as an integer, that of
 * a trend as the two halves of its 128 bits, and the rest as its words that are not 0.
 */

#include <errno.h>

#include "wire/wire_internal.h"

struct counter {
    uint64_t samples;
    int64_t whole;
    struct rp_msg_rest rest;
};

struct trend {
    uint64_t samples, sum_low;
    int64_t sum_high;
    int64_t guests;
    double min, max;
    struct rp_msg_rest rest;
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

#define REST(of)                                                                                   \
    {                                                                                              \
        KEY(of, rest), RP_ROW_REST,                                                                \
            .meaning =                                                                             \
                "sum of the other samples: number of a word, word, number, word, ...; word i "     \
                "counts in units of 2^(64 * i), i from -17 to 17; two's complement"                \
    }

static const struct rp_row counter_rows[] = {
    SAMPLES(counter),
    { KEY(counter, whole), RP_ROW_I64, REQUIRED,
      .meaning = "sum of the samples that are whole numbers" },
    REST(counter),
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
    { KEY(trend, sum_high), RP_ROW_I64, REQUIRED,
      .meaning = "sum of the samples that are whole numbers, its high half, signed" },
    { KEY(trend, sum_low), RP_ROW_U64, REQUIRED, .meaning = "low half, not signed" },
    REST(trend),
    { KEY(trend, min), RP_ROW_FINITE, REQUIRED, .meaning = "the smallest" },
    { KEY(trend, max), RP_ROW_FINITE, REQUIRED, .meaning = "the largest" },
    { KEY(trend, guests), RP_ROW_I64,
      .meaning = "samples in the buckets that another series counts; negative: so many of its "
                 "samples are in the buckets of another one" },
    { KEY(trend, buckets), RP_ROW_BUCKETS, REQUIRED,
      .meaning = "number of a bucket, samples in it, number, samples, ..." },
};

#define TABLE(kind, of, rows)                                                                      \
    {                                                                                              \
        kind, NULL, sizeof(struct of), rows, RP_ARRAY_LEN(rows)                                    \
    }

const struct rp_table rp_value_tables[RP_METRIC_TYPE_COUNT] = {
    [RP_COUNTER] = TABLE("counter", counter, counter_rows),
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

/* ---- rests ----------------------------------------------------------------------------------- */

void rp_write_rest(struct rp_buf *out, const struct rp_msg_rest *rest)
{
    uint32_t count = 0;

    for (int i = 0; rest->from && i < RP_REST_WORDS; i++)
        count += rest->from->words[i] != 0;
    rp_write_list(out, count * 2);
    for (int i = 0; rest->from && i < RP_REST_WORDS; i++) {
        if (!rest->from->words[i])
            continue;
        rp_write_i64(out, i - RP_REST_UNITS);
        rp_write_u64(out, rest->from->words[i]);
    }
}

int rp_field_rest(struct rp_field field, struct rp_msg_rest *ret)
{
    size_t count = rp_field_count(field);

    if (count % 2)
        return -EBADMSG;
    if (count && rp_rest_reserve(ret->into) < 0)
        return -ENOMEM;
    for (size_t i = 0; i < count; i += 2) {
        int64_t word;
        uint64_t bits;

        if (!rp_field_take_i64(rp_field_at(field, i), &word) || word < -RP_REST_UNITS ||
            word >= RP_REST_WORDS - RP_REST_UNITS ||
            !rp_field_take_u64(rp_field_at(field, i + 1), &bits))
            return -EBADMSG;
        (*ret->into)->words[word + RP_REST_UNITS] = bits;
    }
    return 0;
}

/* ---- values ---------------------------------------------------------------------------------- */

static void write_trend(struct rp_buf *out, const struct rp_value *value)
{
    const struct rp_hist *hist = &value->hist;
    struct trend trend = { .samples = value->samples,
                           .sum_high = (int64_t)(hist->whole >> 64),
                           .sum_low = (uint64_t)hist->whole,
                           .rest = { .from = hist->rest },
                           .guests = hist->guests,
                           .min = hist->min,
                           .max = hist->max,
                           .buckets = { .from = hist } };

    rp_table_write(out, &rp_value_tables[RP_TREND], &trend);
}

static void write_counter(struct rp_buf *out, const struct rp_value *value)
{
    struct counter counter = { .samples = value->samples,
                               .whole = value->counter.whole,
                               .rest = { .from = value->counter.rest } };

    rp_table_write(out, &rp_value_tables[RP_COUNTER], &counter);
}

void rp_write_value(struct rp_buf *out, const struct rp_value *value)
{
    if (value->type == RP_TREND)
        write_trend(out, value);
    else if (value->type == RP_COUNTER)
        write_counter(out, value);
    else
        rp_table_write(out, &rp_value_tables[value->type], value);
}

static int read_trend(struct rp_field field, struct rp_value *ret)
{
    struct trend trend = { .rest = { .into = &ret->hist.rest }, .buckets = { .into = &ret->hist } };
    int r = rp_table_read(&rp_value_tables[RP_TREND], field, &trend);

    if (r < 0)
        return r;
    ret->samples = ret->hist.count = trend.samples;
    ret->hist.whole = (__int128)((unsigned __int128)trend.sum_high << 64 | trend.sum_low);
    ret->hist.min = trend.min;
    ret->hist.max = trend.max;
    ret->hist.guests = trend.guests;
    return trend.buckets.seen == trend.samples + (uint64_t)trend.guests && trend.min <= trend.max
               ? 0
               : -EBADMSG;
}

static int read_counter(struct rp_field field, struct rp_value *ret)
{
    struct counter counter = { .rest = { .into = &ret->counter.rest } };
    int r = rp_table_read(&rp_value_tables[RP_COUNTER], field, &counter);

    if (r < 0)
        return r;
    ret->samples = counter.samples;
    ret->counter.whole = counter.whole;
    return 0;
}

int rp_field_value(struct rp_field field, enum rp_metric_type type, struct rp_value *ret)
{
    int r;

    rp_value_init(ret, type);
    if (type == RP_TREND)
        return read_trend(field, ret);
    if (type == RP_COUNTER)
        return read_counter(field, ret);
    r = rp_table_read(&rp_value_tables[type], field, ret);
    return r == 0 && type == RP_RATE && ret->rate.hits > ret->rate.total ? -EBADMSG : r;
}

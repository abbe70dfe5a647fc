/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * stats/value.h - what a metric holds: a counter, a gauge, a rate or a trend; merging; reading a
 * statistic.
 *
 * "The border" is where numbers meet users: scripts, thresholds, the summary, results. A trend's
 * histogram stores what the border shows, times a constant. A time is milliseconds at the border
 * and nanoseconds inside. Any other number is multiplied by 2^20: nothing is lost, whole numbers
 * fall on the histogram's exact buckets. Whether a trend is a time is a property of its metric.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/slice.h"
#include "stats/hist.h"
#include "stats/sum.h"

enum rp_metric_type { RP_COUNTER, RP_GAUGE, RP_RATE, RP_TREND, RP_METRIC_TYPE_COUNT };

const char *rp_metric_type_name(enum rp_metric_type type); /* "counter", "gauge", "rate", "trend" */

/* [a-zA-Z_][a-zA-Z0-9_]{1,128} */
bool rp_metric_name_is_valid(struct rp_slice name);

/* The number that a trend's histogram stores for @shown at the border, and back. */
static inline double rp_trend_stored(bool is_time, double shown)
{
    return shown * (is_time ? 1e6 : 0x1p20);
}

static inline double rp_trend_shown(bool is_time, double stored)
{
    return stored / (is_time ? 1e6 : 0x1p20);
}

struct rp_value {
    enum rp_metric_type type;
    union {
        struct rp_sum counter;
        struct {
            double last, min, max; /* meaningful when samples > 0 */
        } gauge;
        struct {
            uint64_t hits, total;
        } rate;
        struct rp_hist hist;
    };
    uint64_t samples; /* how many samples it holds; 0 = empty */
};

/* The sum of a counter; 0 for another type, for what a worker has sent decides the type. */
static inline double rp_value_sum(const struct rp_value *value)
{
    return value->type == RP_COUNTER ? rp_sum_read(&value->counter) : 0;
}

void rp_value_init(struct rp_value *value, enum rp_metric_type type);
void rp_value_deinit(struct rp_value *value);
void rp_value_reset(struct rp_value *value); /* empty again, memory kept */
/* dst += src (same type; a gauge takes src's last). -ENOMEM leaves dst untouched. */
RP_NODISCARD int rp_value_add(struct rp_value *dst, const struct rp_value *src);

/* Allocates what dst += src will need. The next rp_value_add() of an equal @src then cannot
 * fail. */
RP_NODISCARD int rp_value_reserve(struct rp_value *dst, const struct rp_value *src);
/* Whether both hold the same, to the last bit. */
bool rp_value_equal(const struct rp_value *a, const struct rp_value *b);

/* A statistic of a metric: "avg", "p(99.9)", "rate", ... parsed once. */
enum rp_stat_kind {
    RP_STAT_COUNT,
    RP_STAT_RATE,
    RP_STAT_VALUE,
    RP_STAT_MIN,
    RP_STAT_MAX,
    RP_STAT_AVG,
    RP_STAT_MED,
    RP_STAT_P
};
struct rp_stat {
    enum rp_stat_kind kind;
    double p; /* RP_STAT_P: 0..100 */
};
/* "count rate value min max avg med p(N)". False for anything else. */
bool rp_stat_parse(struct rp_slice text, struct rp_stat *ret);
/* Whether a metric of @type has the statistic, as in k6. Counter: count, rate; gauge: value, min,
 * max; rate: rate; trend: avg, min, med, max, p(N), count. */
bool rp_stat_fits(struct rp_stat stat, enum rp_metric_type type);
/* The canonical spelling into @out (at least 32 bytes): "p(99.9)". */
void rp_stat_format(struct rp_stat stat, char *out, size_t size);
/* The statistic in the unit of the border. @is_time is the metric's. The rate of a counter is per
 * second of @elapsed_s. Whole numbers below 2048 come back from a trend exactly, and so do times of
 * less than 2048 whole nanoseconds.
 *
 * NaN for a statistic that the type does not have, and for an empty value; but the count and a
 * counter's rate of nothing are 0. */
double rp_value_stat(const struct rp_value *value, bool is_time, struct rp_stat stat,
                     double elapsed_s);

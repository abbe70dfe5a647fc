/* SPDX-License-Identifier: MIT */
#include "stats/value.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "base/str.h"
#include "base/text.h"

static const char *const type_names[RP_METRIC_TYPE_COUNT] = {
    [RP_COUNTER] = "counter",
    [RP_GAUGE] = "gauge",
    [RP_RATE] = "rate",
    [RP_TREND] = "trend",
};

/* The statistics that need no argument. RP_STAT_P is written apart. */
static const struct {
    const char *name;
    enum rp_stat_kind kind;
    unsigned types; /* bits by enum rp_metric_type */
} stats[] = {
    { "count", RP_STAT_COUNT, 1u << RP_COUNTER | 1u << RP_TREND },
    { "rate", RP_STAT_RATE, 1u << RP_COUNTER | 1u << RP_RATE },
    { "value", RP_STAT_VALUE, 1u << RP_GAUGE },
    { "min", RP_STAT_MIN, 1u << RP_GAUGE | 1u << RP_TREND },
    { "max", RP_STAT_MAX, 1u << RP_GAUGE | 1u << RP_TREND },
    { "avg", RP_STAT_AVG, 1u << RP_TREND },
    { "med", RP_STAT_MED, 1u << RP_TREND },
    { NULL, RP_STAT_P, 1u << RP_TREND },
};

const char *rp_metric_type_name(enum rp_metric_type type)
{
    return (unsigned)type < RP_METRIC_TYPE_COUNT ? type_names[type] : "unknown";
}

bool rp_metric_name_is_valid(struct rp_slice name)
{
    return rp_name_is_valid(name);
}

void rp_value_init(struct rp_value *value, enum rp_metric_type type)
{
    *value = (struct rp_value){ .type = type };
    /* The initialiser above need not clear the union's largest member. */
    if (type == RP_TREND)
        value->hist = (struct rp_hist){ 0 };
}

void rp_value_deinit(struct rp_value *value)
{
    if (!value)
        return;
    if (value->type == RP_TREND)
        rp_hist_deinit(&value->hist);
    else if (value->type == RP_COUNTER)
        rp_sum_deinit(&value->counter);
    rp_value_init(value, value->type);
}

void rp_value_reset(struct rp_value *value)
{
    if (value->type == RP_TREND)
        rp_hist_reset(&value->hist);
    else if (value->type == RP_COUNTER)
        rp_sum_reset(&value->counter);
    else
        rp_value_init(value, value->type);
    value->samples = 0;
}

int rp_value_reserve(struct rp_value *dst, const struct rp_value *src)
{
    if (dst->type != src->type)
        return -EINVAL;
    if (dst->type == RP_COUNTER)
        return rp_sum_reserve(&dst->counter, &src->counter);
    return dst->type == RP_TREND ? rp_hist_reserve(&dst->hist, &src->hist) : 0;
}

static void gauge_add(struct rp_value *dst, const struct rp_value *src)
{
    dst->gauge.last = src->gauge.last;
    if (!dst->samples || src->gauge.min < dst->gauge.min)
        dst->gauge.min = src->gauge.min;
    if (!dst->samples || src->gauge.max > dst->gauge.max)
        dst->gauge.max = src->gauge.max;
}

int rp_value_add(struct rp_value *dst, const struct rp_value *src)
{
    int r = 0;

    if (dst->type != src->type)
        return -EINVAL;
    if (!src->samples && !(src->type == RP_TREND && src->hist.guests))
        return 0;
    switch (dst->type) {
    case RP_COUNTER:
        r = rp_sum_merge(&dst->counter, &src->counter);
        break;
    case RP_GAUGE:
        gauge_add(dst, src);
        break;
    case RP_RATE:
        dst->rate.hits += src->rate.hits;
        dst->rate.total += src->rate.total;
        break;
    case RP_TREND:
        r = rp_hist_add(&dst->hist, &src->hist);
        break;
    default:
        return -EINVAL;
    }
    if (r == 0)
        dst->samples += src->samples;
    return r;
}

bool rp_value_equal(const struct rp_value *a, const struct rp_value *b)
{
    if (a->type != b->type || a->samples != b->samples)
        return false;
    switch (a->type) {
    case RP_COUNTER:
        return rp_sum_equal(&a->counter, &b->counter);
    case RP_GAUGE:
        return !a->samples || (a->gauge.last == b->gauge.last && a->gauge.min == b->gauge.min &&
                               a->gauge.max == b->gauge.max);
    case RP_RATE:
        return a->rate.hits == b->rate.hits && a->rate.total == b->rate.total;
    case RP_TREND:
        return rp_hist_equal(&a->hist, &b->hist);
    default:
        return false;
    }
}

bool rp_stat_parse(struct rp_slice text, struct rp_stat *ret)
{
    double p;

    for (size_t i = 0; i < RP_ARRAY_LEN(stats); i++) {
        if (stats[i].name && rp_slice_eq_str(text, stats[i].name)) {
            *ret = (struct rp_stat){ .kind = stats[i].kind };
            return true;
        }
    }
    if (text.len < 4 || memcmp(text.ptr, "p(", 2) != 0 || text.ptr[text.len - 1] != ')')
        return false;
    if (!rp_parse_double(rp_slice(text.ptr + 2, text.len - 3), &p) || !(p >= 0 && p <= 100))
        return false;
    *ret = (struct rp_stat){ .kind = RP_STAT_P, .p = p + 0.0 }; /* no "p(-0)" */
    return true;
}

bool rp_stat_fits(struct rp_stat stat, enum rp_metric_type type)
{
    if ((unsigned)type >= RP_METRIC_TYPE_COUNT)
        return false;
    for (size_t i = 0; i < RP_ARRAY_LEN(stats); i++)
        if (stats[i].kind == stat.kind)
            return stats[i].types & 1u << type;
    return false;
}

/* Whether @digits reads back as @p. Puts a point in the place of the locale's decimal point. */
static bool reads_back(char *digits, double p)
{
    double back;

    for (char *c = digits; *c; c++)
        if (*c == ',')
            *c = '.';
    return rp_parse_double(rp_slice_str(digits), &back) && back == p;
}

void rp_stat_format(struct rp_stat stat, char *out, size_t size)
{
    char digits[32] = "";
    int decimals = 0;

    for (size_t i = 0; i < RP_ARRAY_LEN(stats); i++) {
        if (stats[i].name && stats[i].kind == stat.kind) {
            snprintf(out, size, "%s", stats[i].name);
            return;
        }
    }
    do {
        snprintf(digits, sizeof(digits), "%.*f", decimals, stat.p);
    } while (!reads_back(digits, stat.p) && ++decimals <= 17);
    if (decimals > 17) {
        snprintf(digits, sizeof(digits), "%.17g", stat.p);
        reads_back(digits, stat.p);
    }
    snprintf(out, size, "p(%s)", digits);
}

/* The statistic of a trend in the unit in which it is stored. */
static double trend_stat(const struct rp_hist *hist, bool is_time, struct rp_stat stat)
{
    switch (stat.kind) {
    case RP_STAT_MIN:
        return hist->min;
    case RP_STAT_MAX:
        return hist->max;
    case RP_STAT_AVG:
        return rp_hist_mean(hist);
    default:
        return rp_hist_percentile(hist, stat.kind == RP_STAT_MED ? 50 : stat.p,
                                  is_time ? 1 : rp_trend_stored(false, 1));
    }
}

double rp_value_stat(const struct rp_value *value, bool is_time, struct rp_stat stat,
                     double elapsed_s)
{
    if (!rp_stat_fits(stat, value->type))
        return NAN;
    if (value->type == RP_COUNTER) {
        double sum = rp_sum_read(&value->counter);

        if (stat.kind == RP_STAT_COUNT)
            return sum;
        return elapsed_s > 0 ? sum / elapsed_s : 0;
    }
    if (stat.kind == RP_STAT_COUNT)
        return (double)value->samples;
    if (!value->samples)
        return NAN;
    if (value->type == RP_RATE)
        return value->rate.total ? (double)value->rate.hits / (double)value->rate.total : NAN;
    if (value->type == RP_TREND)
        return rp_trend_shown(is_time, trend_stat(&value->hist, is_time, stat));
    if (stat.kind == RP_STAT_VALUE)
        return value->gauge.last;
    return stat.kind == RP_STAT_MIN ? value->gauge.min : value->gauge.max;
}

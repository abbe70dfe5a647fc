/* SPDX-License-Identifier: MIT */
#include "stats/exponential.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"

/* The bucket of a magnitude. Powers of two are the upper ends of their buckets at every scale, so
 * only what is between two of them is computed by logarithm. */
static int32_t index_of(double magnitude, int scale)
{
    int exponent;
    double mantissa = frexp(magnitude, &exponent) * 2; /* from 1 to below 2 */
    int32_t width, offset;

    exponent--;
    if (scale < 0) { /* a bucket is several powers of two wide */
        exponent -= mantissa == 1;
        return (int32_t)(exponent >> -scale);
    }
    width = 1 << scale;
    if (mantissa == 1)
        return exponent * width - 1;
    offset = (int32_t)ceil(log2(mantissa) * width) - 1;
    offset = offset < 0 ? 0 : offset >= width ? width - 1 : offset;
    return exponent * width + offset;
}

/* Each pair of buckets becomes one. The first bucket of a pair has an even index. */
static void halve(struct rp_exp_side *side)
{
    int32_t first = side->first >> 1;
    uint32_t count;

    if (!side->count)
        return;
    count = (uint32_t)(((side->first + (int32_t)side->count - 1) >> 1) - first) + 1;
    for (uint32_t i = 0; i < side->count; i++) {
        uint64_t moved = side->counts[i];

        side->counts[i] = 0;
        side->counts[((side->first + (int32_t)i) >> 1) - first] += moved;
    }
    side->first = first;
    side->count = count;
}

/* Makes room for the bucket @index. False when that would be too many. */
static bool reach(struct rp_exp_side *side, int32_t index)
{
    int64_t last = side->count ? (int64_t)side->first + side->count - 1 : index;
    int32_t first = side->count && side->first < index ? side->first : index;

    last = last > index ? last : index;
    if (last - first >= RP_EXP_BUCKETS)
        return false;
    if (side->count && first < side->first)
        memmove(side->counts + (side->first - first), side->counts,
                side->count * sizeof(*side->counts));
    if (side->count && first < side->first)
        memset(side->counts, 0, (size_t)(side->first - first) * sizeof(*side->counts));
    side->first = first;
    side->count = (uint32_t)(last - first) + 1;
    return true;
}

static int add_bucket(struct rp_exp *exp, struct rp_exp_side *side, double magnitude,
                      uint64_t count)
{
    int32_t index;

    if (!side->counts)
        side->counts = rp_calloc(RP_EXP_BUCKETS, sizeof(*side->counts));
    if (!side->counts)
        return -ENOMEM;
    while (index = index_of(magnitude, exp->scale), !reach(side, index)) {
        halve(&exp->positive);
        halve(&exp->negative);
        exp->scale--;
    }
    side->counts[index - side->first] += count;
    return 0;
}

int rp_exp_add(struct rp_exp *exp, const struct rp_hist *hist, double factor)
{
    struct rp_hist_iter iter;
    int ret = 0;

    rp_hist_iter_init(&iter, hist);
    while (rp_hist_iter_next(&iter)) {
        double value = (iter.low + iter.high) / 2;
        struct rp_exp_side *side;
        int r;

        if (hist->count && value > hist->max)
            value = hist->max;
        if (hist->count && value < hist->min)
            value = hist->min;
        value *= factor;
        if (fabs(value) < 0x1p-1022) { /* no normal number */
            exp->zeros += iter.count;
            continue;
        }
        side = value > 0 ? &exp->positive : &exp->negative;
        r = add_bucket(exp, side, fabs(value), iter.count);
        ret = ret < 0 ? ret : r;
    }
    return ret;
}

static uint64_t total(const struct rp_exp_side *side)
{
    uint64_t ret = 0;

    for (uint32_t i = 0; i < side->count; i++)
        ret += side->counts[i];
    return ret;
}

uint64_t rp_exp_total(const struct rp_exp *exp)
{
    return exp->zeros + total(&exp->positive) + total(&exp->negative);
}

static void empty(struct rp_exp_side *side)
{
    if (side->counts)
        memset(side->counts, 0, RP_EXP_BUCKETS * sizeof(*side->counts));
    side->count = 0;
}

void rp_exp_reset(struct rp_exp *exp)
{
    empty(&exp->positive);
    empty(&exp->negative);
    exp->zeros = 0;
    exp->scale = RP_EXP_SCALE;
}

void rp_exp_deinit(struct rp_exp *exp)
{
    rp_free(exp->positive.counts);
    rp_free(exp->negative.counts);
    *exp = (struct rp_exp){ .scale = RP_EXP_SCALE };
}

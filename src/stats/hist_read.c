/* SPDX-License-Identifier: MIT */
/*
 * Reading a histogram: the walk over its buckets, percentiles, equality. What is empty is skipped.
 */
#include "stats/hist.h"

#include "stats/stats_internal.h"

enum { AT_NEGATIVE, AT_ZERO, AT_POSITIVE };

double rp_hist_bucket_middle(uint32_t bucket, double unit)
{
    double low = rp_hist_bucket_low(bucket), units = low / unit;
    uint64_t bits = (uint64_t)bucket << 42 | (uint64_t)1 << 41;
    double middle;

    /* A bucket below 2048 units holds at most one whole number of units, which stands at its
     * start. */
    if (units >= 1 && units < 2048 && units == floor(units))
        return low;
    __builtin_memcpy(&middle, &bits, sizeof(middle));
    return middle;
}

/* The samples in the buckets. */
static uint64_t in_buckets(const struct rp_hist *hist)
{
    return hist->count + (uint64_t)hist->guests;
}

/* With guests, or without some of its samples, the buckets have other extremes. */
static double clamp(const struct rp_hist *hist, double value)
{
    if (hist->guests)
        return value;
    if (value < hist->min)
        return hist->min;
    return value > hist->max ? hist->max : value;
}

/* The bucket of @side that holds the sample number *@rank, counted from the smallest magnitude, or
 * with @is_down from the largest. False when the side has fewer samples; their number is then taken
 * from *@rank. */
static bool side_find(const struct rp_hist_side *side, bool is_down, uint64_t *rank,
                      uint32_t *ret_bucket)
{
    for (uint32_t i = 0; i < side->page_count; i++) {
        uint32_t index = is_down ? side->page_count - 1 - i : i;
        const uint64_t *page = side->pages[index];

        if (!page)
            continue;
        for (uint64_t left = page[RP_HIST_PAGE_USED]; left;) {
            uint32_t slot = is_down ? 63 - (uint32_t)__builtin_clzll(left)
                                    : (uint32_t)__builtin_ctzll(left);

            left &= ~((uint64_t)1 << slot);
            if (*rank < page[slot]) {
                *ret_bucket = (side->first_page + index) * RP_HIST_PAGE_BUCKETS + slot;
                return true;
            }
            *rank -= page[slot];
        }
    }
    return false;
}

/* The value of the sample that stands at @rank (from 0) in ascending order. */
static double value_at(const struct rp_hist *hist, uint64_t rank, double unit)
{
    uint32_t bucket;

    if (!hist->guests && rank == 0)
        return hist->min;
    if (!hist->guests && rank >= hist->count - 1)
        return hist->max;
    if (side_find(&hist->negative, true, &rank, &bucket))
        return clamp(hist, -rp_hist_bucket_middle(bucket, unit));
    if (rank < hist->zeros)
        return clamp(hist, 0);
    rank -= hist->zeros;
    if (side_find(&hist->positive, false, &rank, &bucket))
        return clamp(hist, rp_hist_bucket_middle(bucket, unit));
    return hist->max;
}

/* ---- percentiles ---- */

/* The largest power of ten that a double holds exactly. */
enum { PERCENT_DECIMALS = 22 };

/* The place of a sample: @rank, and how far beyond it towards the next one. */
struct place {
    uint64_t rank;
    double fraction;
};

/* Finds the decimal number digits / 10^decimals that people have written for @p, which is the
 * shortest one that reads as @p. Both parts of the division are exact doubles, so that it gives @p
 * exactly when the number reads as @p. False when that takes more than 15 digits. */
static bool as_decimal(double p, uint64_t *ret_digits, unsigned __int128 *ret_power)
{
    double power = 1;
    unsigned __int128 exact = 1;

    for (int decimals = 0; decimals <= PERCENT_DECIMALS; decimals++, power *= 10, exact *= 10) {
        double digits = rint(p * power);

        if (digits >= 1e15)
            return false;
        if (digits / power == p) {
            *ret_digits = (uint64_t)digits;
            *ret_power = exact;
            return true;
        }
    }
    return false;
}

/* p/100 * @last in integers. In doubles 64.4/100 * 250 is a little more than 161, and the result
 * would lie between two samples where it is one of them. */
static struct place place_of(double p, uint64_t last)
{
    unsigned __int128 power, product, whole;
    uint64_t digits;
    double position;

    if (as_decimal(p, &digits, &power)) {
        whole = power * 100;
        product = (unsigned __int128)digits * last;
        return (struct place){ (uint64_t)(product / whole),
                               (double)(product % whole) / (double)whole };
    }
    position = p * (double)last / 100;
    if (position >= (double)last)
        return (struct place){ last, 0 };
    return (struct place){ (uint64_t)position, position - floor(position) };
}

double rp_hist_percentile(const struct rp_hist *hist, double p, double unit)
{
    struct place place;
    double low, high, span;

    if (!in_buckets(hist) || isnan(p))
        return NAN;
    place = place_of(p <= 0 ? 0 : p >= 100 ? 100 : p, in_buckets(hist) - 1);
    low = value_at(hist, place.rank, unit);
    if (place.fraction == 0)
        return low;
    high = value_at(hist, place.rank + 1, unit);
    span = high - low;
    if (isinf(span)) /* from one end of the doubles to the other */
        return low * (1 - place.fraction) + high * place.fraction;
    return fmin(low + span * place.fraction, high);
}

double rp_hist_mean(const struct rp_hist *hist)
{
    double sum;

    if (!hist->count)
        return NAN;
    sum = rp_hist_sum(hist);
    if (isinf(sum)) /* a mean of doubles is a double */
        return clamp(hist,
                     rp_rest_read(hist->rest, hist->whole, 64) / (double)hist->count * 0x1p64);
    sum /= (double)hist->count;
    return sum < hist->min ? hist->min : sum > hist->max ? hist->max : sum;
}

void rp_hist_iter_init(struct rp_hist_iter *iter, const struct rp_hist *hist)
{
    *iter = (struct rp_hist_iter){ .hist = hist, .state = AT_NEGATIVE };
}

/* The bits of @used that the walk has not passed; it has passed @slot bits. */
static uint64_t not_passed(uint64_t used, uint32_t slot, bool is_down)
{
    if (slot == RP_HIST_PAGE_BUCKETS)
        return 0;
    return used & (is_down ? UINT64_MAX >> slot : UINT64_MAX << slot);
}

/* page and slot count the places already passed, in the direction of the walk. */
static bool side_next(struct rp_hist_iter *iter, const struct rp_hist_side *side, bool is_down,
                      uint32_t *ret_bucket)
{
    for (; iter->page < side->page_count; iter->page++, iter->slot = 0) {
        uint32_t index = is_down ? side->page_count - 1 - iter->page : iter->page;
        const uint64_t *page = side->pages[index];
        uint64_t left = page ? not_passed(page[RP_HIST_PAGE_USED], iter->slot, is_down) : 0;
        uint32_t passed, slot;

        if (!left)
            continue;
        passed = (uint32_t)(is_down ? __builtin_clzll(left) : __builtin_ctzll(left));
        slot = is_down ? RP_HIST_PAGE_BUCKETS - 1 - passed : passed;
        iter->slot = passed + 1;
        iter->count = page[slot];
        *ret_bucket = (side->first_page + index) * RP_HIST_PAGE_BUCKETS + slot;
        return true;
    }
    iter->page = iter->slot = 0;
    iter->state++;
    return false;
}

bool rp_hist_iter_next(struct rp_hist_iter *iter)
{
    const struct rp_hist *hist = iter->hist;
    uint32_t bucket;

    if (iter->state == AT_NEGATIVE && side_next(iter, &hist->negative, true, &bucket)) {
        iter->bucket = -(int32_t)bucket;
        iter->low = -rp_hist_bucket_low(bucket + 1);
        iter->high = -rp_hist_bucket_low(bucket);
        return true;
    }
    if (iter->state == AT_ZERO) {
        iter->state = AT_POSITIVE;
        if (hist->zeros) {
            iter->bucket = 0;
            iter->count = hist->zeros;
            iter->low = iter->high = 0;
            return true;
        }
    }
    if (iter->state == AT_POSITIVE && side_next(iter, &hist->positive, false, &bucket)) {
        iter->bucket = (int32_t)bucket;
        iter->low = rp_hist_bucket_low(bucket);
        iter->high = rp_hist_bucket_low(bucket + 1);
        return true;
    }
    return false;
}

bool rp_hist_equal(const struct rp_hist *a, const struct rp_hist *b)
{
    struct rp_hist_iter in_a, in_b;
    bool more_a, more_b;

    if (a->count != b->count || a->guests != b->guests || a->whole != b->whole ||
        !rp_rest_equal(a->rest, b->rest))
        return false;
    if (a->count && (a->min != b->min || a->max != b->max))
        return false;
    rp_hist_iter_init(&in_a, a);
    rp_hist_iter_init(&in_b, b);
    do {
        more_a = rp_hist_iter_next(&in_a);
        more_b = rp_hist_iter_next(&in_b);
        if (more_a != more_b)
            return false;
        if (more_a && (in_a.bucket != in_b.bucket || in_a.count != in_b.count))
            return false;
    } while (more_a);
    return true;
}

/* SPDX-License-Identifier: MIT */
#include "compare/spread.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/random.h"

enum { DRAWS = 400, SEED = 20260 };

/* ---- drawing --------------------------------------------------------------------------------- */

struct draw {
    uint64_t random[4];
    size_t cells, block;
    unsigned times[RP_SPREAD_CELLS_MAX]; /* how often each part was drawn */
};

/* A block has the cube root of twice as many parts as there are: longer ones see longer bad times, and
 * are fewer. */
static void draw_init(struct draw *draw, size_t cells)
{
    *draw = (struct draw){ .cells = cells, .block = 1 };
    while ((draw->block + 1) * (draw->block + 1) * (draw->block + 1) <= 2 * cells)
        draw->block++;
    rp_random_seed(draw->random, SEED);
}

/* The parts stand in a circle, so that all of them are equally likely. */
static void draw_next(struct draw *draw)
{
    memset(draw->times, 0, sizeof(draw->times));
    for (size_t drawn = 0; drawn < draw->cells; drawn += draw->block) {
        size_t first = rp_random_next(draw->random) % draw->cells;

        for (size_t i = 0; i < draw->block && drawn + i < draw->cells; i++)
            draw->times[(first + i) % draw->cells]++;
    }
}

/* The mean and the squares of what was drawn. */
struct moments {
    double mean, squares;
    unsigned count, failed;
};

static void moments_add(struct moments *moments, double value)
{
    double off = value - moments->mean;

    if (!isfinite(value)) {
        moments->failed++;
        return;
    }
    moments->count++;
    moments->mean += off / moments->count;
    moments->squares += off * (value - moments->mean);
}

/* Blocks that overlap say as much as one and a half times as many that do not. */
static struct rp_spread spread_of(const struct moments *moments, const struct draw *draw)
{
    double blocks = (double)draw->cells / (double)draw->block;
    double freedom = (draw->block > 1 ? 1.5 : 1) * blocks - 1;

    if (moments->failed > DRAWS / 10 || moments->count < 2)
        return (struct rp_spread){ NAN, 1 };
    return (struct rp_spread){
        sqrt(moments->squares / (moments->count - 1) * blocks / (blocks - 1)), freedom
    };
}

/* ---- quantiles ------------------------------------------------------------------------------- */

double rp_spread_quantile(const struct rp_spread_bucket *buckets, const double *counts,
                          size_t count, double quantile)
{
    double all = 0, below = 0;

    for (size_t i = 0; i < count; i++)
        all += counts[i];
    for (size_t i = 0; i < count; i++) {
        if (counts[i] > 0 && below + counts[i] >= quantile * all)
            return buckets[i].low +
                   (buckets[i].high - buckets[i].low) * (quantile * all - below) / counts[i];
        below += counts[i];
    }
    return NAN;
}

static void add_up(const struct rp_spread_hist *hist, const struct draw *draw, double *ret)
{
    memset(ret, 0, hist->bucket_count * sizeof(*ret));
    for (size_t i = 0; i < hist->entry_count; i++)
        ret[hist->entries[i].bucket] += hist->entries[i].count * draw->times[hist->entries[i].cell];
}

int rp_spread_quantiles(const struct rp_spread_hist *base, const struct rp_spread_hist *current,
                        size_t cells, const double *quantiles, size_t count, struct rp_spread *ret)
{
    const struct rp_spread_hist *runs[] = { base, current };
    struct moments moments[RP_SPREAD_QUANTILES] = { 0 };
    double *counts[2] = { NULL, NULL };
    struct draw draw;
    int r = 0;

    for (size_t i = 0; i < count; i++)
        ret[i] = (struct rp_spread){ NAN, 1 };
    if (cells < RP_SPREAD_CELLS_MIN || cells > RP_SPREAD_CELLS_MAX)
        return 0;
    for (size_t i = 0; i < 2 && r == 0; i++) {
        counts[i] = rp_calloc(runs[i] ? runs[i]->bucket_count + 1 : 1, sizeof(double));
        r = counts[i] ? 0 : -ENOMEM;
    }
    draw_init(&draw, cells);
    for (unsigned n = 0; r == 0 && n < DRAWS; n++) {
        double logs[2][RP_SPREAD_QUANTILES] = { { 0 } };

        draw_next(&draw);
        for (size_t run = 0; run < 2; run++) {
            if (!runs[run])
                continue;
            add_up(runs[run], &draw, counts[run]);
            for (size_t i = 0; i < count; i++)
                logs[run][i] = log(rp_spread_quantile(runs[run]->buckets, counts[run],
                                                      runs[run]->bucket_count, quantiles[i]));
        }
        for (size_t i = 0; i < count; i++)
            moments_add(&moments[i], logs[1][i] - logs[0][i]);
    }
    for (size_t i = 0; r == 0 && i < count; i++)
        ret[i] = spread_of(&moments[i], &draw);
    rp_free(counts[0]);
    rp_free(counts[1]);
    return r;
}

/* ---- ratios ---------------------------------------------------------------------------------- */

static double ratio_of(const struct rp_spread_part *parts, const struct draw *draw)
{
    double sum = 0, per = 0;

    for (size_t i = 0; i < draw->cells; i++) {
        sum += parts[i].sum * draw->times[i];
        per += parts[i].per * draw->times[i];
    }
    return sum / per;
}

struct rp_spread rp_spread_ratio(const struct rp_spread_part *base,
                                 const struct rp_spread_part *current, size_t cells, bool is_log)
{
    struct moments moments = { 0 };
    struct draw draw;

    if (cells < RP_SPREAD_CELLS_MIN || cells > RP_SPREAD_CELLS_MAX)
        return (struct rp_spread){ NAN, 1 };
    draw_init(&draw, cells);
    for (unsigned n = 0; n < DRAWS; n++) {
        double from, to;

        draw_next(&draw);
        from = ratio_of(base, &draw);
        to = current ? ratio_of(current, &draw) : is_log ? 1 : 0;
        moments_add(&moments, is_log ? log(to) - log(from) : to - from);
    }
    return spread_of(&moments, &draw);
}

/* ---- Student's distribution ------------------------------------------------------------------ */

/* The continued fraction of the incomplete beta function, by Lentz's method. */
static double beta_fraction(double a, double b, double x)
{
    double c = 1, d = 1 - (a + b) * x / (a + 1), value;

    d = 1 / (fabs(d) < 1e-300 ? 1e-300 : d);
    value = d;
    for (int m = 1; m < 400; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));

        for (int i = 0; i < 2; i++) {
            double term = i ? odd : even;

            d = 1 + term * d;
            d = 1 / (fabs(d) < 1e-300 ? 1e-300 : d);
            c = 1 + term / c;
            c = fabs(c) < 1e-300 ? 1e-300 : c;
            value *= d * c;
        }
        if (fabs(d * c - 1) < 1e-14)
            break;
    }
    return value;
}

/* The regularised incomplete beta function. */
static double beta(double a, double b, double x)
{
    int sign;
    double front;

    if (x <= 0 || x >= 1)
        return x <= 0 ? 0 : 1;
    front = exp(lgamma_r(a + b, &sign) - lgamma_r(a, &sign) - lgamma_r(b, &sign) + a * log(x) +
                b * log1p(-x));
    return x < (a + 1) / (a + b + 2) ? front * beta_fraction(a, b, x) / a
                                     : 1 - front * beta_fraction(b, a, 1 - x) / b;
}

double rp_student_p(double t, double freedom)
{
    return isnan(t) ? NAN : beta(freedom / 2, 0.5, freedom / (freedom + t * t));
}

double rp_fisher_p(double ratio, double freedom, double other_freedom)
{
    return beta(other_freedom / 2, freedom / 2, other_freedom / (other_freedom + freedom * ratio));
}

double rp_student_value(double p, double freedom)
{
    double low = 0, high = 1;

    while (rp_student_p(high, freedom) > p && high < 1e9)
        high *= 2;
    for (int i = 0; i < 100; i++) {
        double middle = (low + high) / 2;

        if (rp_student_p(middle, freedom) > p)
            low = middle;
        else
            high = middle;
    }
    return (low + high) / 2;
}

/* ---- many numbers ---------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

int rp_spread_limit(const double *p, size_t count, double rate, double *ret)
{
    double *sorted = rp_calloc(count + 1, sizeof(*sorted));
    size_t known = 0;

    if (!sorted)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        if (!isnan(p[i]))
            sorted[known++] = p[i];
    qsort(sorted, known, sizeof(*sorted), by_size);
    *ret = -1;
    for (size_t i = 0; i < known; i++)
        if (sorted[i] <= rate * (double)(i + 1) / (double)known)
            *ret = sorted[i];
    rp_free(sorted);
    return 0;
}

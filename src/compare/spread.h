/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * compare/spread.h - how far a number of a run may be from what it would be if the run were longer:
 * the statistics of a comparison, apart from files and names.
 *
 * A run is cut into parts of the same length. A server that is slow is so for a while, therefore
 * the parts are drawn in blocks of neighbours (a block bootstrap), at random and with repetition,
 * until as many are drawn as there are; of what was drawn the number is computed. Over many such
 * draws the number varies as it would over many runs, as far as what varies shows within one run.
 * Of two runs the same places are drawn: where the load grows in both of them by the same plan,
 * that is no chance. The random numbers have a fixed seed, so that a comparison can be repeated.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

enum {
    RP_SPREAD_CELLS_MIN = 5,   /* a run with fewer parts says nothing of its spread */
    RP_SPREAD_CELLS_MAX = 120, /* more parts are not needed */
    RP_SPREAD_QUANTILES = 3,
};

/* What one part of a run adds to one bucket of a histogram. */
struct rp_spread_entry {
    uint32_t cell, bucket;
    double count;
};
/* The histograms of all parts of a run. */
struct rp_spread_hist {
    struct rp_spread_entry *entries;
    size_t entry_count;
    struct rp_spread_bucket {
        double low, high;
    } * buckets; /* ascending */
    size_t bucket_count;
};
/* A sum and what it is divided by, of one part of a run. */
struct rp_spread_part {
    double sum, per;
};

/* How much is known: the standard error of a number, and the degrees of freedom that it was
 * estimated with. An error of NaN: nothing is known. */
struct rp_spread {
    double error, freedom;
};

/* The standard errors of ln(current / base) of @count quantiles (at most RP_SPREAD_QUANTILES; from
 * 0 to 1) of two runs with @cells parts each. With a NULL @current those of ln(base). -ENOMEM. */
RP_NODISCARD int rp_spread_quantiles(const struct rp_spread_hist *base,
                                     const struct rp_spread_hist *current, size_t cells,
                                     const double *quantiles, size_t count, struct rp_spread *ret);
/* The same of the ratio of two sums: of ln(current / base) when @is_log, else of their difference.
 * @base and @current have @cells parts each. */
struct rp_spread rp_spread_ratio(const struct rp_spread_part *base,
                                 const struct rp_spread_part *current, size_t cells, bool is_log);

/* The value below which the share @quantile of the samples is. Within a bucket values are taken to
 * be evenly distributed. NaN without samples. */
double rp_spread_quantile(const struct rp_spread_bucket *buckets, const double *counts,
                          size_t count, double quantile);

/* Student's distribution with @freedom (> 0) degrees of freedom: the probability of a value at least
 * as far from 0 as @t; and the value that is passed, on either side, with probability @p. */
double rp_student_p(double t, double freedom);
double rp_student_value(double p, double freedom);
/* Fisher's: the probability that of two estimates of one variance the first is at least @ratio times
 * the second one. */
double rp_fisher_p(double ratio, double freedom, double other_freedom);

/* Which of @count probabilities are too small for chance, when all of them are looked at: so few
 * that of those told apart at most the share @rate is expected to be chance (Benjamini and
 * Hochberg). NaN is never too small. Returns the largest one that is; below 0 when there is none. */
RP_NODISCARD int rp_spread_limit(const double *p, size_t count, double rate, double *ret);

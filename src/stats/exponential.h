/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * stats/exponential.h - a histogram whose buckets grow by a constant factor, as the exponential
 * histograms of OpenTelemetry and the native ones of Prometheus have them.
 *
 * With the scale S the factor is 2^(2^-S), and bucket I holds the values above factor^I, up to and
 * with factor^(I + 1). Negative values have buckets of their own, by their magnitudes. When more
 * than RP_EXP_BUCKETS buckets would be needed on a side, pairs of them become one: the scale is one
 * less. It starts with RP_EXP_SCALE, where buckets are a quarter of a percent wide.
 *
 * What is added comes from a struct rp_hist, whose buckets are narrower: a value may count in the
 * neighbour of its bucket when it is within a two-thousandth of the border.
 */

#include "base/compiler.h"
#include "stats/hist.h"

enum { RP_EXP_BUCKETS = 160, RP_EXP_SCALE = 8 };

struct rp_exp_side {
    int32_t first;    /* index of counts[0] */
    uint32_t count;   /* buckets from the first that has something to the last one */
    uint64_t *counts; /* RP_EXP_BUCKETS of them; NULL = there never was one */
};

struct rp_exp { /* zeroed, and its scale set to RP_EXP_SCALE = empty */
    int scale;
    uint64_t zeros;
    struct rp_exp_side positive, negative;
};

/* Adds what is in the buckets of @hist, each value times @factor, which is positive. -ENOMEM: some
 * of it is lost. */
RP_NODISCARD int rp_exp_add(struct rp_exp *exp, const struct rp_hist *hist, double factor);
/* How many values it holds. */
uint64_t rp_exp_total(const struct rp_exp *exp);
/* Empties it. The memory is kept. */
void rp_exp_reset(struct rp_exp *exp);
void rp_exp_deinit(struct rp_exp *exp);

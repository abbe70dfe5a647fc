/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * plan/shorthand.h - what people write on a command line: stages "30s:100,1m:0", rates "500/s" and
 * "7/3s", numbers of workers "4" and "auto", statistics "avg,p(99)".
 *
 * *ret is untouched on failure.
 */

#include <stddef.h>

#include "base/error.h"
#include "base/slice.h"
#include "plan/plan.h"

struct rp_stages { /* zeroed = empty */
    struct rp_stage *items;
    size_t count;
};

struct rp_rate {
    double count;    /* at most 9 decimals */
    rp_ns time_unit; /* 0 = none was named */
};

/* Messages about stages and rates begin with the text in quotes and carry an example as their
 * hint. */

/* Appends the stages of @text, which are separated by commas; @ret may be NULL to check them only.
 * -RP_EUSER, -ENOMEM, which is not met when only checking. Free items with rp_free(). */
RP_NODISCARD int rp_stages_parse(struct rp_slice text, struct rp_stages *ret, struct rp_error *err);
/* NUMBER, NUMBER/UNIT or NUMBER/DURATION. -RP_EUSER. */
RP_NODISCARD int rp_rate_parse(struct rp_slice text, struct rp_rate *ret, struct rp_error *err);

/* Messages about workers and statistics begin with @origin ("--workers"). */

/* A number from 1 to RP_WORKERS_MAX, or "auto", which gives 0. -RP_EUSER. */
RP_NODISCARD int rp_workers_parse(const char *text, const char *origin, int64_t *ret,
                                  struct rp_error *err);
/* Whether @text is a list of statistics that a trend has: 0 or -RP_EUSER. */
RP_NODISCARD int rp_trend_stats_check(const char *text, const char *origin, struct rp_error *err);

/* Whether @number is a decimal of at most nine digits after the point, as far as a double can
 * say. */
bool rp_rate_is_exact(double number);

/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * plan/threshold.h - "p(95)<500" on "http_req_duration{status:200}": parsed, checked against the
 * metric's type, judged.
 */

#include <stdbool.h>

#include "base/error.h"
#include "base/slice.h"
#include "base/time.h"
#include "stats/store.h"
#include "stats/value.h"

enum rp_compare { RP_LT, RP_LE, RP_GT, RP_GE, RP_EQ, RP_NE };

struct rp_threshold {
    char *metric;            /* name without the filter */
    char *display;           /* canonical "metric{k:v}" */
    char *source;            /* the expression as written */
    struct rp_filter filter; /* count 0 = the metric itself */
    struct rp_stat stat;
    enum rp_compare compare;
    double bound;
    bool abort_on_fail;
    rp_ns delay_abort_eval; /* 0 = at once */
    /* The type of the metric, as far as it is known before the run; the plan sets it. The view of
     * an empty sub-metric has no type yet: without has_type "rate<0.01" could pass as a counter's
     * rate of nothing. */
    bool has_type;
    enum rp_metric_type type;
};

/* Parses @metric, "metric{k:v,k2:\"v 2\"}", and @expression, "aggregation operator number". Units
 * of trends are milliseconds. The filter is sorted by key, so that one filter has one display.
 * -RP_EUSER with the column and what was expected; @ret is empty then. The types of metrics are not
 * known here: see rp_threshold_check_type(). */
RP_NODISCARD int rp_threshold_parse(struct rp_slice metric, struct rp_slice expression,
                                    struct rp_threshold *ret, struct rp_error *err);
void rp_threshold_deinit(struct rp_threshold *threshold);
/* The aggregation must fit @type; the error lists the choices. */
RP_NODISCARD int rp_threshold_check_type(const struct rp_threshold *threshold,
                                         enum rp_metric_type type, struct rp_error *err);

struct rp_verdict {
    bool passed;
    bool no_samples; /* judged on nothing: fails unless the statistic is a count */
    /* NaN when no_samples, or when the metric turned out not to have the statistic. */
    double actual;
};
/* Judges the threshold. @view NULL: the metric never came to be, and is judged like an empty one. A
 * NaN never passes. */
struct rp_verdict rp_threshold_judge(const struct rp_threshold *threshold,
                                     const struct rp_view *view, double elapsed_s);

/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * output/totals.h - what each series of a run has got since the start, or since it was sent last,
 * under the name that a server knows it by. For servers that want cumulative numbers and histograms,
 * and allow fewer characters in names than we do.
 *
 * What comes to a name that is taken gets a number behind it, so that no two series are ever sent
 * under the same name and tags.
 */

#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"
#include "stats/exponential.h"
#include "stats/store.h"

/* Upper bounds of the buckets of a trend; above them is one bucket more. */
enum { RP_TOTALS_BOUNDS = 18 };
/* The bounds, in seconds for times. */
const double *rp_totals_bounds(bool is_time);

/* What of a metric has a name of its own. */
enum rp_totals_part {
    RP_PART_VALUE, /* the sum of a counter, the value of a gauge, the samples of a rate */
    RP_PART_TRUE,  /* samples of a rate that were true */
    RP_PART_BUCKET,
    RP_PART_SUM,
    RP_PART_COUNT,
    RP_PARTS,
};
enum { RP_TOTALS_NAME_BYTES = 4096, RP_TOTALS_SUFFIX_BYTES = 32 };

/* How a server wants to have names. */
struct rp_totals_style {
    void (*put_name)(struct rp_buf *out, const char *metric);
    /* What stands behind it: "_total"; NULL = a metric of this type has no such part. */
    const char *(*suffix)(enum rp_metric_type type, bool is_time, enum rp_totals_part part);
    void (*put_tag)(struct rp_buf *out, const char *tag); /* NULL = tags stay as they are */
};

struct rp_total_tag {
    char *name;        /* owned; NULL = the style leaves it as it is */
    const char *value; /* the store's, which outlives the output's work */
};

/* A series. Times are in seconds. */
struct rp_total {
    const struct rp_store_series *origin; /* NULL = not seen yet */
    const char *name;                     /* of its metric, without a suffix */
    struct rp_total_tag *tags;            /* sorted by name; NULL when the style leaves them */
    double sum, last, min, max;           /* min, max: of trends, when count > 0 */
    uint64_t hits, count;
    uint64_t *buckets; /* of trends: RP_TOTALS_BOUNDS + 1, each without those below */
    struct rp_exp exp; /* of trends, when the table is exponential; then there are no buckets */
    bool is_told;      /* the output's own: it has told the server of this series */
};

struct rp_totals_family; /* all series of a metric */

struct rp_totals {
    const struct rp_totals_style *style;
    bool is_exponential;
    struct rp_totals_family *families;
    struct rp_total *series; /* by the ids of the run */
    size_t count;
};

void rp_totals_init(struct rp_totals *totals, const struct rp_totals_style *style,
                    bool is_exponential);
void rp_totals_deinit(struct rp_totals *totals); /* zeroed is allowed */
/* Finds the series of @change, or makes it, and adds what it has got. NULL for want of memory. The
 * series moves with the next call. */
struct rp_total *rp_totals_add(struct rp_totals *totals, const struct rp_store_change *change);
/* Whether the buckets of a trend have all its samples: not where percentiles are kept for many
 * series together (docs/metrics.md). */
bool rp_total_has_buckets(const struct rp_total *total);
/* What it has got is nothing again. */
void rp_total_reset(struct rp_total *total);

/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * output/prometheus_series.h - the series of a run as Prometheus knows them: what they are called
 * there, and what they have got since the start of the run.
 *
 * Prometheus allows fewer characters in names than we do, and knows series only by their names. So
 * what comes to a name that is taken gets a number behind it; the state of no two series is ever
 * sent under the same name and labels.
 */

#include <stddef.h>

#include "base/error.h"
#include "stats/store.h"

/* Upper bounds of the buckets of a trend; above them is one bucket more. */
enum { RP_PROM_BOUNDS = 18 };

struct rp_prom_label {
    char *name;
    const char *value; /* the store's, which outlives the output's work */
};

struct rp_prom_family; /* all series of a metric */

struct rp_prom_series {
    const struct rp_store_series *origin; /* NULL = not seen yet */
    const char *name;             /* of its metric, without the suffixes of rp_prom_suffix() */
    struct rp_prom_label *labels; /* sorted by name */
    size_t label_count;
    double sum, last;
    uint64_t hits, count;
    uint64_t *buckets; /* of trends: RP_PROM_BOUNDS + 1, each without those below */
};

struct rp_prom_table { /* zeroed = empty */
    struct rp_prom_family *families;
    struct rp_prom_series *series; /* by the ids of the run */
    size_t count;
};

enum rp_prom_part {
    RP_PROM_VALUE,
    RP_PROM_TRUE, /* samples of a rate that were true */
    RP_PROM_BUCKET,
    RP_PROM_SUM,
    RP_PROM_COUNT,
    RP_PROM_PARTS,
};
enum { RP_PROM_NAME_BYTES = 4096, RP_PROM_SUFFIX_BYTES = 32 };

/* What stands behind the name of a metric: "_total", "_seconds_bucket"; NULL = it has no such part. */
const char *rp_prom_suffix(const struct rp_store_series *origin, enum rp_prom_part part);
/* The bounds, in seconds for times. */
const double *rp_prom_bounds(bool is_time);
/* Finds the series, or makes it with nothing in it. NULL for want of memory. It moves with the next call. */
struct rp_prom_series *rp_prom_find(struct rp_prom_table *table,
                                    const struct rp_store_series *origin);
/* Adds what it has got in an interval. */
void rp_prom_add(struct rp_prom_series *series, const struct rp_value *delta);
void rp_prom_table_deinit(struct rp_prom_table *table);

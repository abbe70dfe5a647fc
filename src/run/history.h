/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * run/history.h - how long requests took in the course of a run: a histogram of http_req_duration
 * for each interval, of all requests and by their names.
 *
 * A point of a time series has an average and a p(95), which cannot be put together again.
 * Histograms can: whoever has those of the intervals knows every percentile of every part of the
 * run, can leave out the time in which a server warmed up, and can compare the same part of two
 * runs. The buckets of all intervals add up to the histogram of the run, to the last sample.
 *
 * Memory: buckets that are empty take none, and intervals are of one second until there are too
 * many intervals or too many buckets; then two neighbours become one, everywhere. So all requests
 * together have RP_HISTORY_WHOLE places at most, and the names together RP_HISTORY_NAMED, and a
 * place takes 16 bytes: 0.75 MiB in all, for as long as the run is. A bucket takes a place, and so
 * does an interval. Beside that a name takes its text and 100 bytes, and a series of the run 8
 * bytes. Names that do not fit even when the run is one interval are given up: the histogram of
 * each over the whole run stands elsewhere.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "stats/store.h"

enum {
    RP_HISTORY_INTERVALS = 120, /* at most; half as many when there have been more */
    RP_HISTORY_WHOLE = 16384,
    RP_HISTORY_NAMED = 32768,
    /* So many buckets of a histogram (stats/hist.h) are one here: 32 are left of a power of two. */
    RP_HISTORY_FINE = 32,
};

struct rp_history_count {
    int32_t bucket; /* that of a histogram, divided by RP_HISTORY_FINE; ascending with the values */
    uint64_t count;
};

struct rp_history_cell {
    struct rp_history_count *counts; /* none is 0; in ascending order */
    size_t count;
};

struct rp_history_line {
    char *name;                   /* "" of all requests, and of those that have none */
    struct rp_history_cell aside; /* of setup() and teardown() */
    struct rp_history_cell *cells;
    size_t cell_count; /* later intervals are empty */
    /* How many samples are in these buckets and are counted under another name, as in a histogram
     * (stats/hist.h). Not 0: the buckets are not this name's. */
    int64_t guests;
};

struct rp_history_table {
    struct rp_history_line **lines; /* sorted by name */
    size_t line_count, line_cap;
    rp_ns width;   /* of an interval; 0 = nothing was added yet */
    size_t places; /* that are taken */
    bool is_gone;  /* there was too much, or no memory: it is empty, and stays so */
};

struct rp_history { /* zeroed is valid */
    struct rp_history_table whole, named;
    struct rp_history_line **line_of; /* of a series, by its id; NULL until it is looked for */
    size_t line_of_count;
    rp_ns end; /* the last moment that was told */
};

void rp_history_deinit(struct rp_history *history);

/* What a worker has told of the time from @from to @until, in ns since the executors started: the
 * middle of it decides for the interval. @until before @from is as @from. */
struct rp_history_time {
    rp_ns from, until;
    bool is_aside; /* recorded by setup() or teardown() */
};
/* Adds @delta, which @series has got. A series of another metric is left out. Without memory the
 * history is given up, in whole or by name, and the run goes on: it is never shown in part. */
void rp_history_add(struct rp_history *history, const struct rp_store_series *series,
                    const struct rp_value *delta, struct rp_history_time time);

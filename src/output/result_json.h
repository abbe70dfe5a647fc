/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * output/result_json.h - the parts of the result file, split by size: result_json.c has the small
 * members and their order, result_metrics.c the three that grow with the number of metrics,
 * result_requests.c the requests by name, result_history.c their durations by interval,
 * result_buckets.c the buckets of histograms as numbers, result_exchanges.c failed requests with their
 * answers.
 */

#include "output/json_out.h"
#include "output/result_file.h"
#include "run/history.h"

struct rp_result_writer {
    const struct rp_result *result;
    struct rp_view **views; /* sorted */
    size_t view_count;
    double elapsed_s;
    struct rp_json_document document;
};

enum {
    RP_JSON_PRETTY = JSON_INDENT(2) | JSON_REAL_PRECISION(15),
    RP_JSON_LINE = JSON_REAL_PRECISION(15),
    RP_JSON_DENSE = JSON_COMPACT | JSON_REAL_PRECISION(15),
    RP_JSON_POINTS = JSON_COMPACT | JSON_REAL_PRECISION(9), /* points are for plotting */
};

/* The part of "summary" that is about requests. */
RP_NODISCARD int rp_result_write_requests(struct rp_result_writer *writer);

/* The buckets of a histogram as [low, high, count] in the border's unit, 32 to a power of two: at
 * most that many, and each at most 1/32 of its values wide. NULL for want of memory. */
enum { RP_RESULT_BUCKETS_PER_OCTAVE = 32 };
json_t *rp_result_buckets_json(const struct rp_hist *hist, bool is_time);
/* The same of counts that are in such buckets already. */
json_t *rp_result_counts_json(const struct rp_history_count *counts, size_t count, bool is_time);
/* The value below which the share @q of such counts lies, in the border's unit, as rampa's pages
 * compute it of the buckets in a file: interpolated inside of its bucket. NaN of an empty cell. */
double rp_result_counts_percentile(const struct rp_history_cell *cell, double q, bool is_time);

/* A moment since 1970, as "2026-03-01T12:00:00.123Z"; null when there is none. */
json_t *rp_result_time_json(int64_t wall_ns);

RP_NODISCARD int rp_result_write_exchanges(struct rp_result_writer *writer);  /* "exchanges" */
RP_NODISCARD int rp_result_write_metrics(struct rp_result_writer *writer);    /* "summary" */
RP_NODISCARD int rp_result_write_series(struct rp_result_writer *writer);     /* "series" */
RP_NODISCARD int rp_result_write_histograms(struct rp_result_writer *writer); /* "histograms" */
RP_NODISCARD int rp_result_write_intervals(struct rp_result_writer *writer);  /* "intervals" */

/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * compare/run_file.h - what a comparison knows of a run: the file it came from, and the subjects in
 * it, whatever the program was that wrote it.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "stats/value.h"

enum rp_run_origin {
    RP_ORIGIN_RAMPA,     /* docs/result.md */
    RP_ORIGIN_REFERENCE, /* the Python package rampa 0.0: "summary" and "thresholds" without schema */
    RP_ORIGIN_K6,        /* k6's data of handleSummary(), or --summary-export */
};

enum rp_subject_kind {
    RP_SUBJECT_METRIC,
    RP_SUBJECT_REQUEST, /* requests of one name */
    RP_SUBJECT_CHECK,
};

enum rp_subject_unit { RP_IN_NUMBERS, RP_IN_MS, RP_IN_BYTES };

/* The statistics that are compared. */
enum rp_run_stat { RP_RUN_MED, RP_RUN_P95, RP_RUN_P99, RP_RUN_RATE, RP_RUN_STATS };

/* One stretch of a run. */
struct rp_track_point {
    double at;             /* its middle, as a share of the run: 0 to 1 */
    double sum, per;       /* what it adds to a ratio */
    const json_t *buckets; /* its histogram; NULL when there is none */
};
/* A subject in the course of a run. */
struct rp_track {
    struct rp_track_point *points;
    size_t count;
    size_t cells; /* into how many parts of the same length the run can be cut */
    bool has_buckets;
    bool
        is_per_time; /* the sums of a counter: @per is not used, parts of the run are equally long */
};

struct rp_subject {
    enum rp_subject_kind kind;
    const char *group, *name; /* borrowed from the file */
    enum rp_metric_type type; /* of requests there are two subjects: a trend and a rate */
    enum rp_subject_unit unit;
    double stats[RP_RUN_STATS]; /* NaN where the file has none */
    double count;               /* samples; NaN when not known */
    const json_t *buckets;      /* of the whole run, or NULL */
    struct rp_track track;      /* no points when the file has none */
};

struct rp_run_threshold {
    const char *metric, *expression; /* borrowed */
    int passed;                      /* 1 yes, 0 no, -1 not judged */
    double actual;                   /* NaN when not known */
};

struct rp_run_file {
    const char *name; /* what the file is called in a report; borrowed */
    enum rp_run_origin origin;
    json_t *root;
    struct rp_subject *subjects;
    size_t subject_count, subject_cap;
    struct rp_run_threshold *thresholds;
    size_t threshold_count, threshold_cap;
};

/* Reads the file at @path ("-" is standard input), which is called @name. -RP_EUSER with cause and
 * remedy: it cannot be read, is of no kind that is known, or is not whole. -ENOMEM. Then @ret is
 * empty. */
RP_NODISCARD int rp_run_file_read(const char *path, const char *name, struct rp_run_file *ret,
                                  struct rp_error *err);
void rp_run_file_deinit(struct rp_run_file *file); /* a zeroed one is allowed */

/* Private to the readers of formats: a new subject without statistics, or NULL; a new threshold. */
struct rp_subject *rp_run_file_add(struct rp_run_file *file, enum rp_subject_kind kind,
                                   enum rp_metric_type type, const char *name);
RP_NODISCARD int rp_run_file_add_threshold(struct rp_run_file *file,
                                           struct rp_run_threshold threshold);
/* The subject of a check with the members name, passes and fails, which rampa and k6 write alike. One that
 * was never made is left out. -ENOMEM. */
RP_NODISCARD int rp_run_file_add_check(struct rp_run_file *file, const char *group,
                                       const json_t *check);
/* A member that is a number, else NaN. */
double rp_run_number(const json_t *object, const char *name);
/* The readers: each fills in the subjects and thresholds of file->root. -ENOMEM. */
RP_NODISCARD int rp_run_file_take_rampa(struct rp_run_file *file);
RP_NODISCARD int rp_run_file_take_reference(struct rp_run_file *file);
RP_NODISCARD int rp_run_file_take_k6(struct rp_run_file *file);

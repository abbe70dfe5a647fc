/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * output/sample_file.h - what the outputs that write samples one by one to a file have in common:
 * the file, how fast its reader is, what is lost, and which samples are left out.
 *
 * A sample is a row. Most of a row is the same for every sample of a series, so a format makes that
 * text once for each series: what stands before the first of the two numbers (time and value) that
 * differ, and what stands behind the second.
 *
 * A file is written while the run goes on. A document, which is only valid as a whole, is written
 * to a temporary file and put in its place at the end (output/result_file.h). The coordinator waits
 * for no reader: what a pipe does not take is kept, RP_SAMPLE_FILE_WAITING bytes at most, and rows
 * beyond that are lost. At the end a reader has RP_SAMPLE_FILE_PATIENCE from one byte to the next.
 * After a failed write nothing more is written; what the file holds then are whole rows.
 *
 * The process must ignore SIGPIPE and SIGXFSZ, as rampa and Python do.
 */

#include <sys/types.h>

#include "output/output.h"
#include "output/result_file.h"
#include "run/measured.h"

enum { RP_SAMPLE_FILE_WAITING = 8 << 20 };
#define RP_SAMPLE_FILE_PATIENCE (5 * RP_S)

struct rp_sample_file;

struct rp_sample_format {
    bool is_document;
    /* What stands before the first row. NULL = nothing. Called when the plan is known. */
    int (*begin)(struct rp_sample_file *file, const struct rp_plan *plan, struct rp_buf *out);
    /* The two texts of a series. */
    void (*series)(struct rp_sample_file *file, const struct rp_store_series *series,
                   struct rp_buf *head, struct rp_buf *tail);
    /* Whatever must stand before the first sample of a series; NULL = nothing. */
    void (*define)(struct rp_sample_file *file, const struct rp_store_series *series,
                   struct rp_buf *out);
    /* Appends a row. */
    void (*row)(struct rp_sample_file *file, const struct rp_sample *sample, struct rp_slice head,
                struct rp_slice tail, struct rp_buf *out);
    /* What stands behind the last row; NULL = nothing. */
    int (*end)(struct rp_sample_file *file, const struct rp_result *result, struct rp_buf *out);
    void (*free)(struct rp_sample_file *file); /* NULL = nothing to free */
};

struct rp_sample_series; /* sample_file.c */

struct rp_sample_file {
    struct rp_output output; /* first */
    const struct rp_sample_format *format;
    const char *name, *path; /* the kind's, the user's */
    void *own;               /* the format's */
    struct rp_result_file *document;
    int fd;
    bool is_regular;
    struct rp_buf waiting; /* rows that are not written yet */
    struct rp_buf lengths; /* of each of these rows, private */
    off_t whole;           /* bytes of the file that are whole rows */
    int error;             /* -errno of the first write that failed */
    bool is_behind;        /* the reader has been too slow */
    uint64_t rows, lost;   /* how many there were to write, and how many were not written */
    uint64_t missed;       /* lost on the way here */
    int64_t every;         /* of each series every so many-th sample is a row */
    struct rp_sample_series *series;
    size_t series_count;
    struct {
        int64_t second;
        char text[32];
    } clock; /* of rp_sample_file_time() */
};

/* As rp_output_kind.make. */
RP_NODISCARD int rp_sample_file_new(const struct rp_output_spec *spec,
                                    const struct rp_sample_format *format, struct rp_output **ret,
                                    struct rp_error *err);
/* Appends "2026-03-01T12:00:00.123456789Z". */
void rp_sample_file_time(struct rp_sample_file *file, int64_t wall_ns, struct rp_buf *out);
/* Appends a number that reads back as the same one. */
void rp_sample_file_number(double value, struct rp_buf *out);

extern const struct rp_output_kind rp_output_json, rp_output_ndjson, rp_output_csv;

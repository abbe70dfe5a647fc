/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * ui/report.h - how people read a result: the text summary.
 */

#include <stdbool.h>
#include <stdio.h>

#include "base/buf.h"
#include "run/sink.h"

struct rp_style {
    bool color;     /* ANSI colours and nothing else */
    unsigned width; /* columns to fit into; 0 = 80 */
    bool histogram; /* the summary draws how long requests took */
    bool
        compact; /* the summary leaves out what seldom matters: for a reader to whom each line costs */
};

/* Appends the summary: thresholds (tick or cross, actual value), checks with counts, metrics by
 * section, the histogram of requests when the style asks for it, errors grouped, warnings,
 * accounting when broken, the verdict line and the generator's line. */
void rp_summary_write(const struct rp_result *result, struct rp_style style, struct rp_buf *out);

/* Writes and flushes @text: all of it, or a negative code with @err. */
RP_NODISCARD int rp_report_put(FILE *stream, const struct rp_buf *text, struct rp_error *err);

/* The sink that prints the summary of a run when it is over. */
struct rp_summary_sink {
    struct rp_sink sink;
    FILE *stream;
    struct rp_style style;
};

/* @stream is borrowed. The sink owns nothing: it is removed with rp_sink_remove(&sink->sink). */
void rp_summary_sink_init(struct rp_summary_sink *sink, struct rp_sinks *sinks, FILE *stream,
                          struct rp_style style);

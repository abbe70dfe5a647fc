/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * ui/brief.h - what is said of a run whose summary nobody wants to see (--quiet): why it did not
 * pass, and every warning, one line each. A run that passed without a warning says nothing.
 */

#include "ui/report.h"

/* Appends "error: ..." for the reason of the run, for each failed threshold with its actual value,
 * for the first exception with its place, and, when nothing succeeded, for the most frequent kind
 * of failed request; then "warning: ..." for each warning. The width of @style does not matter. */
void rp_brief_write(const struct rp_result *result, struct rp_style style, struct rp_buf *out);

/* As rp_summary_sink_init(): the sink that prints these lines when a run is over. */
void rp_brief_sink_init(struct rp_summary_sink *sink, struct rp_sinks *sinks, FILE *stream,
                        struct rp_style style);

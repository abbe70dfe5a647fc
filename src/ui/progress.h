/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * ui/progress.h - what is shown while a test runs: on a terminal a block that is drawn over itself,
 * a line for the run and a bar for each scenario; elsewhere a plain line from time to time.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "base/time.h"
#include "run/progress.h"
#include "plan/plan.h"

/* What is known now; about once a second. */
struct rp_progress {
    const char *phase; /* "loading", "setup", "running", "stopping", "teardown" */
    bool is_paused;
    rp_ns elapsed, total; /* of the phase, without pauses; total 0 = unknown */
    rp_ns run_elapsed;    /* since the executors started, without pauses: what start_time counts */
    int64_t vus, vus_max;
    uint64_t iterations;
    double iterations_per_s, requests_per_s;
    uint64_t failed_requests, iteration_errors, dropped_iterations;
    double p95_ms;                                /* NaN = no request yet */
    const struct rp_scenario *plan;               /* the scenarios; NULL = no bars */
    const struct rp_scenario_progress *scenarios; /* as many; NULL = no bars */
    size_t scenario_count;
};

/* Appends the run in one line without a line end, at most @width columns (0 = 80). Where the width
 * is short, the parts that say least are left out. */
void rp_progress_format(const struct rp_progress *progress, unsigned width, bool color,
                        struct rp_buf *out);
/* Appends that line and the bars, each with a line end, at most @height lines. When there are more
 * scenarios than fit, the running ones come first, then the waiting ones, and a last line says how
 * many more there are. */
void rp_progress_format_block(const struct rp_progress *progress, unsigned width, unsigned height,
                              bool color, struct rp_buf *out);

struct rp_progress_display;

enum rp_progress_mode { RP_PROGRESS_PLAIN, RP_PROGRESS_BLOCK, RP_PROGRESS_COLOR_BLOCK };

/* @stream is borrowed. A block needs a terminal that knows the usual escapes. Each update fits the
 * block into the size of the terminal. */
RP_NODISCARD int rp_progress_display_new(FILE *stream, enum rp_progress_mode mode,
                                         struct rp_progress_display **ret);
/* Draws the block. In plain mode prints a line when the phase changes, when a pause begins or ends,
 * and when the last line is old enough: 5 s; from the second minute of a phase on 15 s; from the
 * tenth on a minute. */
void rp_progress_display_update(struct rp_progress_display *display,
                                const struct rp_progress *progress, rp_ns now);
/* Called before and after other output goes to the same terminal. What was hidden is drawn again at
 * once, but at most ten times a second; else at the next update. NULL is allowed. */
void rp_progress_display_hide(struct rp_progress_display *display, rp_ns now);
void rp_progress_display_show(struct rp_progress_display *display, rp_ns now);
/* Leaves nothing of the block. NULL allowed. */
void rp_progress_display_free(struct rp_progress_display *display, rp_ns now);

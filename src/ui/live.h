/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * ui/live.h - the sink that shows a run while it goes on: how far it is, and what the script
 * prints.
 */

#include "run/sink.h"
#include "ui/progress.h"

struct rp_live;

struct rp_live_options {
    bool shows_progress; /* on standard error */
    enum rp_progress_mode mode;
    /* Something else is written to standard output: what the script prints there goes to standard
     * error. */
    bool keeps_stdout_clear;
};

/* Adds itself to @sinks. */
RP_NODISCARD int rp_live_new(struct rp_sinks *sinks, struct rp_live_options options,
                             struct rp_live **ret);
void rp_live_free(struct rp_live *live); /* leaves nothing of the progress; NULL is allowed */

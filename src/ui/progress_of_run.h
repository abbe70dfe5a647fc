/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * ui/progress_of_run.h - how far a run is, taken from what a sink is told (run/sink.h).
 */

#include "run/result.h"
#include "run/status.h"
#include "ui/progress.h"

/* When the phase began that the run is in; zeroed before the first one. */
struct rp_phase_clock {
    bool has_phase;
    enum rp_run_phase phase;
    rp_ns phase_at;
};

/* What *ret points to is borrowed from the plan of @result and from @status. */
void rp_progress_of_run(struct rp_phase_clock *clock, const struct rp_run_status *status,
                        const struct rp_result *result, rp_ns now, struct rp_progress *ret);

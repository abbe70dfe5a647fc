/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * run/status.h - how far a run is, for who shows it or steers it.
 */

#include <stdbool.h>

#include "base/time.h"
#include "run/progress.h"

enum rp_run_phase {
    RP_RUN_LOADING, /* the script is loaded and the plan is made */
    RP_RUN_SETUP,
    RP_RUN_RUNNING,
    RP_RUN_STOPPING, /* no iteration starts any more */
    RP_RUN_TEARDOWN, /* and the end: the workers leave */
    RP_RUN_COMPLETE, /* all is known; only events tell of it */
};
const char *rp_run_phase_name(enum rp_run_phase phase); /* "loading", "setup", ... */
/* Which of the four parts that every run has the phase belongs to: "setup", "execute", "teardown",
 * "complete". */
const char *rp_run_part_name(enum rp_run_phase phase);

struct rp_run_status {
    enum rp_run_phase phase;
    bool is_paused;
    rp_ns elapsed; /* since the executors started, without pauses */
    rp_ns longest; /* how long the executors start iterations at most; 0 while there is no plan */
    /* One for each scenario of the plan; NULL before a worker has told. Borrowed. */
    const struct rp_scenario_progress *scenarios;
};

/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * run/progress.h - how far the scenarios are, in one worker and in all workers together.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/time.h"

/* The order is that of a scenario's life. */
enum rp_scenario_state {
    RP_SCENARIO_WAITING, /* its start_time has not come */
    RP_SCENARIO_RUNNING,
    RP_SCENARIO_STOPPING,     /* iterations that run have their graceful stop */
    RP_SCENARIO_INTERRUPTING, /* it is over too */
    RP_SCENARIO_FINISHED,
    RP_SCENARIO_STATE_COUNT
};
/* "waiting", "running", "stopping", "interrupting", "finished" */
const char *rp_scenario_state_name(enum rp_scenario_state state);

/* How far a scenario is: for progress displays and events. Cheap. Those of several workers are
 * added up. */
struct rp_scenario_progress {
    enum rp_scenario_state state; /* of several workers: the least advanced that is not finished */
    int64_t vus, vus_made;        /* running an iteration now; existing */
    int64_t
        vus_wanted; /* to loop now, as VU executors and adjustments say; 0 for other executors */
    int64_t stage;  /* of ramping executors, from 0; else -1 */
    uint64_t scheduled, started, dropped, completed, interrupted, errors;
    uint64_t total; /* iterations that the schedule has in all; 0 = as many as the time allows */
    rp_ns elapsed, regular; /* of its regular time, without pauses */
    double rate;            /* arrivals per second wanted now; 0 for other executors */
};

/* What the workers have told last; zeroed = nothing. */
struct rp_progress_table {
    size_t scenario_count, worker_count;
    struct rp_scenario_progress *told; /* of each worker the scenarios */
    bool *has_told;                    /* of each worker */
    struct rp_scenario_progress *sums; /* of the scenarios; NULL before a worker has told */
};

/* Worker @worker (from 0) is as far as @told says of each of its @scenario_count scenarios.
 * -ENOMEM: then all is as before. */
RP_NODISCARD int rp_progress_table_set(struct rp_progress_table *table, size_t scenario_count,
                                       size_t worker, const struct rp_scenario_progress *told);
/* What worker @worker has told last of each scenario; NULL when it has not. Borrowed until the next
 * set. */
const struct rp_scenario_progress *rp_progress_table_told(const struct rp_progress_table *table,
                                                          size_t worker);
/* It is gone: no VU of its is left, and it holds up no scenario's end. */
void rp_progress_table_lose(struct rp_progress_table *table, size_t worker);
void rp_progress_table_deinit(struct rp_progress_table *table);

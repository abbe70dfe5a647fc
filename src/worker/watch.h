/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * worker/watch.h - measures the health of the worker itself (run/health.h).
 */

#include <stdbool.h>

#include "run/health.h"

struct rp_health_watch { /* embedded; zeroed = not started */
    struct rp_worker_health health;
    struct rp_health_counts { /* of the thread, since it began */
        rp_ns at, computed, waited, stopped;
        uint64_t stops, faults;
    } last;
    int schedstat_fd;
    bool has_started, has_quota;
};

/* From the thread that turns the loop. @spun: rp_loop_spun(). What the system does not tell stays
 * 0. */
void rp_health_start(struct rp_health_watch *watch, rp_ns now, rp_ns spun);
/* Adds what was since the last sample; nothing when that is too short ago to say something. @counts
 * false: the time does not count, as in a pause. */
void rp_health_sample(struct rp_health_watch *watch, rp_ns now, rp_ns spun, bool counts);
/* A timer armed every @interval fired @late. While it was late none of those after it could have
 * fired either. */
void rp_health_probe(struct rp_health_watch *watch, rp_ns late, rp_ns interval);
void rp_health_end(struct rp_health_watch *watch);

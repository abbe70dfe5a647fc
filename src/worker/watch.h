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

/* Begins to measure. Call it from the thread that turns the loop. @spun: rp_loop_spun(). What the
 * system does not tell stays 0. */
void rp_health_start(struct rp_health_watch *watch, rp_ns now, rp_ns spun);
/* Adds the time since the last sample, unless that is too short to say something. @counts false:
 * the time does not count, as in a pause. */
void rp_health_sample(struct rp_health_watch *watch, rp_ns now, rp_ns spun, bool counts);
/* Notes that a timer that is armed every @interval fired @late. The timers after it could not have
 * fired in that time either. */
void rp_health_probe(struct rp_health_watch *watch, rp_ns late, rp_ns interval);
/* Notes that bytes of a server had lain in the kernel for @delay; they stand for @weight receives. */
void rp_health_receive(struct rp_health_watch *watch, rp_ns delay, unsigned weight);
void rp_health_end(struct rp_health_watch *watch);

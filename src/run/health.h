/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * run/health.h - what a worker knows of itself: sums since its executors started, told once a
 * second and at the end.
 *
 * The worker measures, the coordinator keeps one of these for each worker and judges them together.
 * All times are those of the thread that turns the loop: other threads of the script's own do not
 * slow what is measured, unless they take its processor, and then it shows in @waited.
 */

#include <stdint.h>

#include "base/time.h"

/* Later than this is visible in latencies. */
#define RP_HEALTH_LATE (20 * RP_MS)

struct rp_worker_health {
    /* Wall time that was looked at, in samples of about a second. */
    rp_ns observed;
    /* The part of observed in which the thread had less than a tenth of its time to spare. */
    rp_ns busy;
    /* Processor time of the thread, without spinning before arrivals. */
    rp_ns computed;
    /* Time in which the thread could have run and did not: another program had the processor, or a
     * quota was used up. */
    rp_ns waited;
    /* The part of waited that a CPU quota of a control group took. */
    rp_ns stopped;
    /* How often such a quota stopped the whole group. */
    uint64_t stops;
    /* How often the worker looked whether a timer fires in time, and how often it fired later than
     * RP_HEALTH_LATE. */
    uint64_t probes, late_probes;
    /* How often bytes of servers were taken from the kernel, and how often they had lain there for
     * longer than RP_HEALTH_LATE. Both are estimates when there are more than some thousand a
     * second. */
    uint64_t receives, late_receives;
    /* How often code of the script kept the loop, as far as the host has noticed, and for how long
     * in all. */
    uint64_t blocks;
    rp_ns blocked;
    /* Iterations that began at a time of a schedule's, and those of them that began later than
     * RP_HEALTH_LATE. */
    uint64_t arrivals, late_arrivals;
    /* Arrivals that were dropped that late: a VU may have been free when they were due. */
    uint64_t late_drops;
    /* Connects that failed for want of file descriptors, and of local ports. */
    uint64_t no_descriptors, no_ports;
    /* Pages that had to be read from a disk. */
    uint64_t faults;
};

/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * run/health.h - what a worker knows of itself: sums since its executors started, told once a second and at the end.
 *
 * The worker measures, the coordinator keeps one of these for each worker and judges them together. All times are those of
 * the thread that turns the loop: other threads of the script's own do not slow what is measured, unless they take its
 * processor, and then it shows in @waited.
 */

#include <stdint.h>

#include "base/time.h"

/* Later than this is visible in latencies. */
#define RP_HEALTH_LATE (20 * RP_MS)

struct rp_worker_health {
    rp_ns observed; /* wall time, in samples of about a second */
    rp_ns busy; /* of it, in samples that left the thread less than a tenth of the time to spare */
    rp_ns computed; /* its processor time, without spinning before arrivals */
    rp_ns
        waited; /* that it could have run and did not: another program had the processor, or a quota was used up */
    rp_ns stopped;        /* of that, because of the CPU quota of a control group */
    uint64_t stops;       /* how often that was, to the whole group */
    uint64_t probes;      /* how often it was looked whether a timer fires in time, */
    uint64_t late_probes; /* and it fired later than RP_HEALTH_LATE */
    uint64_t
        blocks;    /* how often code of the script kept the loop, as far as the host has noticed, */
    rp_ns blocked; /* and how long in all */
    uint64_t arrivals;      /* iterations that began at a time of a schedule's */
    uint64_t late_arrivals; /* of them, later than RP_HEALTH_LATE */
    uint64_t
        late_drops; /* arrivals dropped that late: a VU may have been free when they were due */
    uint64_t no_descriptors, no_ports; /* connects that failed for want of them */
    uint64_t faults;                   /* pages that had to be read from a disk */
};

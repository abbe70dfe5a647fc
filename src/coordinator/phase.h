/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * coordinator/phase.h - the phases of a run, and the one place that says which may follow which,
 * and when.
 */

#include <stdbool.h>

#include "coordinator/next.h"
#include "coordinator/peer.h"
#include "run/status.h"

enum rp_phase {
    RP_PHASE_HELLO,    /* the first worker is started */
    RP_PHASE_LOADING,  /* it loads the script, and the plan is made of what that declares */
    RP_PHASE_PLANNING, /* the others load it too; all make their VUs */
    RP_PHASE_SETUP,    /* setup() runs, and the others get what it returned */
    RP_PHASE_RUNNING,
    RP_PHASE_TEARDOWN,
    RP_PHASE_LEAVING, /* the workers tell their totals and end */
    RP_PHASE_OVER
};

bool rp_phase_may_follow(enum rp_phase now, enum rp_phase next);

/* As users see it. */
enum rp_run_phase rp_phase_shown(enum rp_phase phase, bool is_stopping);

struct rp_phase_facts {
    enum rp_phase phase;
    bool has_setup;   /* the plan */
    bool is_stopping; /* the iterations are not to begin, or not to go on */
};
/* What follows from what the workers have come to. */
struct rp_next rp_phase_next(struct rp_phase_facts facts, const struct rp_peers *peers);

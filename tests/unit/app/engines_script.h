/* SPDX-License-Identifier: MIT */
#pragma once

/* A script in C for real workers: eight VUs that record one sample of each kind in an iteration of a millisecond, for
 * 2.3 s; setup() and teardown() record some too. */

#include "script/script.h"

enum { NAMES = 3 }; /* series of each of its four metrics, by the tag "name" */

enum { SCRIPT_VUS_MAX = 16 };

struct script_slot {
    struct rp_timer timer;
    struct rp_vu *vu;
};

struct script {
    struct rp_script_host host;
    struct rp_script_run run;
    struct script_slot slots[SCRIPT_VUS_MAX];
    struct rp_task hook_task;
    enum rp_hook hook;
    uint64_t begun;
    int burst; /* how often an iteration records the same again */
    bool is_over;
};

extern const struct rp_script_ops script_ops;

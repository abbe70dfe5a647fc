/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * coordinator/peer_process.h - workers that are child processes. Each finds its channel as
 * descriptor RP_PROCESS_CONTROL_FD, shares our clock, and is killed by signals.
 */

#include "coordinator/peer_kind.h"

struct rp_peer_processes {
    struct rp_peer_source source;
    char *const *argv; /* how to start one, NULL-terminated; borrowed */
};

/* @hint may be NULL; borrowed. */
void rp_peer_processes_init(struct rp_peer_processes *processes, char *const *argv,
                            const char *hint);

/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * output/machine.h - what the load came from, so that two results can be compared honestly. No host
 * name: result files are passed around.
 */

#include <stdint.h>

struct rp_machine { /* "" or 0 = unknown */
    char os[128];   /* "Debian GNU/Linux 12 (bookworm)" */
    char kernel[160];
    char arch[64];
    char cpu_model[128];
    int cores;        /* online */
    int cores_usable; /* by this process: affinity */
    int64_t memory_bytes;
};

void rp_machine_read(struct rp_machine *ret);

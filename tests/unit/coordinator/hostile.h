/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Workers in memory, on the coordinator's loop, in virtual time, which do what they are told or, as often as the test wants,
 * anything else: they send any message with any content, close, die, fall silent, are stopped, or do not start.
 */

#include <stdbool.h>
#include <stdint.h>

#include "coordinator/peer_kind.h"

struct chance {
    uint64_t state;
};

uint64_t chance_next(struct chance *chance, uint64_t bound); /* below @bound */
bool chance_of(struct chance *chance, unsigned percent);

struct hostiles {
    struct rp_peer_source source;
    struct chance *chance;
    unsigned badness; /* percent of the turns in which a worker goes wrong */
    int living;       /* bodies that were made and not freed */
    unsigned pausing; /* bit 1 << index of each that was told to pause, and not to resume */
};

void hostiles_init(struct hostiles *hostiles, struct chance *chance, unsigned badness);

/* While the test itself allocates, the allocation that is to fail stays the coordinator's. */
void fail_allocation_at(uint64_t n); /* 0: none */
void suspend_failures(void);
void resume_failures(void);

/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * coordinator/pauses.h - the clock of a run, and its pauses. The coordinator keeps a clock of its
 * own for what it shows and how long it waits; what the result says of pauses is what the workers'
 * engines have measured.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/time.h"

struct rp_peer;
struct rp_result;

struct rp_pauses { /* zeroed: no executor has started, nothing pauses */
    rp_ns started; /* by the coordinator's clock, when the executors did; 0: not yet */
    bool is_paused;
    rp_ns paused_at, paused; /* since when, and how long before that */
    uint64_t begun;
    /* The record, by a worker's clock. One of them tells for all. */
    uint32_t noted_by;
    rp_ns noted;               /* the sum of the pauses that have ended */
    bool is_noting, is_listed; /* one that has not ended; which has a place in the list */
    uint64_t count;            /* in the record */
};

/* The executors start at @at; paused since then, when it is paused. */
void rp_pauses_start(struct rp_pauses *pauses, rp_ns at);
/* How long the executors have run, without pauses. */
rp_ns rp_pauses_elapsed(const struct rp_pauses *pauses, rp_ns now);
/* False: it paused, or did not, already. */
bool rp_pauses_begin(struct rp_pauses *pauses, rp_ns now);
bool rp_pauses_end(struct rp_pauses *pauses, rp_ns now);
/* What a worker says of its time. @is_first: it is the first of those that are left, which tells
 * for all. -EBADMSG, -ENOMEM. */
RP_NODISCARD int rp_pauses_note(struct rp_pauses *pauses, struct rp_result *result,
                                struct rp_peer *peer, bool is_first, rp_ns elapsed, rp_ns paused,
                                bool is_paused);

/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * coordinator/loss.h - workers that die, stop or hang. A run that has lost one is aborted, or goes
 * on with what is left when the user wants that: its share of the load is missing from then on, and
 * the result says from when. Where the run cannot be what it was meant to be at all (before its
 * start, without any worker, in a hook), it always ends.
 */

#include "coordinator/next.h"
#include "coordinator/peer.h"

struct rp_coordinator;

/* It has ended without a farewell, and is gone. */
struct rp_next rp_loss_of(struct rp_coordinator *c, struct rp_peer *peer,
                          const struct rp_peer_end *end);
/* It has not done in time what it was told. */
struct rp_next rp_loss_overdue(struct rp_coordinator *c, struct rp_peer *peer);
/* Once a second: one that says nothing is looked at. */
struct rp_next rp_loss_look(struct rp_coordinator *c, struct rp_peer *peer);
/* Of silences that its script does not explain, which the workers tell of. */
void rp_loss_warn_of_silence(struct rp_coordinator *c);

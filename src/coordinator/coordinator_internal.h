/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * coordinator/coordinator_internal.h - what the files that make, lead and steer a run share. The
 * others look at its state (state.h) and decide what follows (next.h).
 *
 *   coordinate.c     makes a run, and unmakes it
 *   coordinator.c    acts: leads the workers from phase to phase
 *   control.c        what users ask for, by signals or as a program
 *   receive.c        what follows from a message
 *   loss.c           what follows from the end of a worker, or its silence
 *   phase.c          what follows from what the workers have come to
 *   judge.c          the verdict, live and final
 *   publish.c        tells who listens
 *   merge.c          adds up what the workers measured
 *   measured.c       hands that to the sinks
 *
 * The others know nothing of a run: pauses.c, signals.c, preflight.c, judge_generator.c, peer.c and
 * the kinds of workers.
 */

#include "coordinator/coordinator.h"
#include "coordinator/judge.h"
#include "coordinator/next.h"
#include "coordinator/publish.h"
#include "coordinator/state.h"

/* ---- coordinator.c --------------------------------------------------------------------------- */

extern const struct rp_peers_events rp_coordinator_peers_events;
/* The first worker, and the clock. */
RP_NODISCARD int rp_coordinator_start(struct rp_coordinator *c);
/* Does it, and what follows. */
void rp_coordinator_act(struct rp_coordinator *c, struct rp_next next);

/* ---- control.c ------------------------------------------------------------------------------- */

extern const struct rp_control_ops rp_coordinator_control_ops;
void rp_coordinator_signal(struct rp_signals *signals, int number);

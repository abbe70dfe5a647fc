/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * coordinator/receive.h - what the workers send: which message is legal in which step, and what
 * follows from it.
 */

#include "coordinator/next.h"
#include "coordinator/peer.h"

struct rp_coordinator;

struct rp_next rp_receive(struct rp_coordinator *c, struct rp_peer *peer,
                          const struct rp_message *message);
/* @peer has sent what cannot be used: fails the run. */
struct rp_next rp_receive_nonsense(struct rp_coordinator *c, struct rp_peer *peer, int status);

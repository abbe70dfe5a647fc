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
/* The outputs that were opening when the plan was made are there, or one of them cannot be: @status is
 * negative then, and @err is taken. */
struct rp_next rp_receive_opened(struct rp_coordinator *c, int status, struct rp_error *err);
/* @peer has sent what cannot be used: fails the run. */
struct rp_next rp_receive_nonsense(struct rp_coordinator *c, struct rp_peer *peer, int status);

/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * coordinator/peer_local.h - the worker that stands on the coordinator's own loop, in a program
 * that is not ours. Nobody can kill it: it is left alone, and what it still says is not heard.
 */

#include "coordinator/peer_kind.h"

struct rp_peer_local {
    struct rp_peer_source source;
    int fd; /* our end of the channel, which the worker takes over when it starts */
};

void rp_peer_local_init(struct rp_peer_local *local, int fd);

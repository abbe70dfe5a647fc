/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * wire/socket_link.h - messages over a connected stream socket on a loop: each is a frame, a 32-bit
 * big-endian length and the message.
 *
 * What cannot be written at once is kept, up to RP_LINK_MAX bytes; beyond that the peer has stopped
 * reading, and messages are refused rather than memory used up.
 */

#include "base/buf.h"
#include "loop/loop.h"
#include "wire/link.h"

enum { RP_LINK_MAX = 256 << 20 };

struct rp_socket_link { /* embedded; zeroed before open */
    struct rp_link link;
    struct rp_loop *loop;
    int fd; /* owned while open; -1 after that */
    struct rp_watch watch;
    struct rp_buf in, out;
    size_t out_sent; /* of out */
};

/* Takes over @fd, a connected stream socket (made non-blocking); on failure it stays the caller's.
 * Nothing arrives before the loop turns. */
RP_NODISCARD int rp_socket_link_open(struct rp_socket_link *socket, struct rp_loop *loop, int fd);

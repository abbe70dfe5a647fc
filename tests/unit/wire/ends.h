/* SPDX-License-Identifier: MIT */
#pragma once

/* Ends of channels that take numbered messages, each with a text of some length. */

#include "../loop/harness.h"
#include "wire/channel.h"

struct end {
    struct rp_channel channel;
    int messages, closed, status, closes_at;
    int64_t next; /* the number that must come next */
    size_t text_len;
};

extern const struct rp_channel_events end_events;

/* Opens @end over a socket. Returns the peer, a blocking socket. */
int open_end(struct world *world, struct end *end);
/* rp_channel_send() of message @n. */
int send_numbered(struct end *end, int64_t n, size_t text_len);
/* What a socket carries when message @n is sent. */
void append_frame(struct rp_buf *frames, int64_t n, size_t text_len);

/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * wire/channel.h - messages between two peers, over a link (wire/link.h). closed() runs once, when
 * the peer is gone or spoke nonsense.
 *
 * Either encoding is read at any time; MessagePack is sent until another one is chosen. The
 * coordinator chooses, after the worker's hello (rp_channel_negotiate()), and the worker answers in
 * what it was spoken to in last (rp_channel_use()).
 */

#include "base/buf.h"
#include "loop/loop.h"
#include "wire/messages.h"
#include "wire/socket_link.h"

struct rp_channel;

struct rp_channel_events {
    /* May close the channel, after which the message's texts are gone. */
    void (*message)(struct rp_channel *channel, const struct rp_message *message);
    /* @status: 0 = the peer closed, -EBADMSG = nonsense, another -errno. The channel is closed
     * already. */
    void (*closed)(struct rp_channel *channel, int status);
};

struct rp_channel { /* embedded; zeroed before open */
    const struct rp_channel_events *events;
    struct rp_link *link;         /* NULL while it is not open */
    struct rp_socket_link socket; /* the link of rp_channel_open() */
    struct rp_buf draft;
    struct rp_buf json; /* the draft in that encoding */
    enum rp_encoding encoding;
};

/* Takes over @fd, a connected stream socket (made non-blocking); on failure it stays the
 * caller's. */
RP_NODISCARD int rp_channel_open(struct rp_channel *channel, struct rp_loop *loop, int fd,
                                 const struct rp_channel_events *events);
/* Over an open link of any kind, which must live as long as the channel is open. */
void rp_channel_open_link(struct rp_channel *channel, struct rp_link *link,
                          const struct rp_channel_events *events);
void rp_channel_close(struct rp_channel *channel); /* no-op when not open */

/* Hands over all that has arrived by now and was not read yet: when something else has told of the
 * peer's end, or asks why it is silent, first. What comes meanwhile is left to the loop. May close
 * the channel. Not from inside message(). No-op when not open. */
void rp_channel_receive(struct rp_channel *channel);

/* What is sent from now on. */
void rp_channel_use(struct rp_channel *channel, enum rp_encoding encoding);
/* Uses the encoding that is called @wanted (what RAMPA_WIRE holds; NULL or "" = the best) and that
 * the worker's @hello offers. -RP_EUSER when there is none. */
RP_NODISCARD int rp_channel_negotiate(struct rp_channel *channel, const struct rp_msg_hello *hello,
                                      const char *wanted, struct rp_error *err);

/* Sends message @type with the fields of @from, the struct of that type; NULL for one without
 * fields. -ENOMEM or -EMSGSIZE when it could not be kept, -errno when the peer is gone (closed()
 * tells that too). */
int rp_channel_send(struct rp_channel *channel, enum rp_message_type type, const void *from);
/* How many bytes of what was sent have not left yet: the peer does not read as fast. 0 when it is
 * not open. */
size_t rp_channel_waiting(const struct rp_channel *channel);
/* Blocks until everything is written, or until nothing has left for @timeout_ms: 0, -ETIMEDOUT, or
 * -errno when the peer is gone. */
int rp_channel_drain(struct rp_channel *channel, int timeout_ms);

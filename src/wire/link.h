/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * wire/link.h - what carries the messages of a channel: whole messages, in their order, without a
 * loss. A link does not know what is in them. wire/socket_link.h is the kind that there is.
 *
 * A kind embeds struct rp_link and fills in @ops; its owner opens it, and the channel that it is
 * given to closes it (rp_channel_open_link()).
 */

#include "base/compiler.h"
#include "base/slice.h"

struct rp_link;

struct rp_link_ops {
    /* Takes @message, which is borrowed, and sends it or keeps it until it can be sent. -ENOMEM or
     * -EMSGSIZE when it could not be kept: then all is as before. Another -errno when the peer is
     * gone, of which closed() tells too, later. */
    int (*send)(struct rp_link *link, struct rp_slice message);
    /* How many bytes of what was sent have not left yet: the peer does not read as fast. */
    size_t (*waiting)(const struct rp_link *link);
    /* Hands over all that has arrived by now and was not read yet, but not what comes meanwhile: it
     * returns also when the peer never stops. May close the link. */
    void (*receive)(struct rp_link *link);
    /* Blocks until all is sent, or until nothing has left for @timeout_ms, whatever signals come
     * meanwhile: 0, -ETIMEDOUT, or -errno when the peer is gone. */
    int (*drain)(struct rp_link *link, int timeout_ms);
    /* Ends it, kept messages with it, without a word to its user. Called once; the memory stays its
     * owner's. */
    void (*close)(struct rp_link *link);
};

/* The channel's side. */
struct rp_link_events {
    /* A whole message, borrowed during the call, which may close the link. When it returns a
     * negative code, the link closes itself and tells closed() that code. */
    int (*received)(struct rp_link *link, struct rp_slice message);
    /* It has closed itself. @status: 0 = the peer has closed; -EBADMSG = what came is no message;
     * another -errno. */
    void (*closed)(struct rp_link *link, int status);
};

struct rp_link {
    const struct rp_link_ops *ops;
    const struct rp_link_events *events; /* set by the channel */
    void *user;                          /* the channel's */
};

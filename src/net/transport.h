/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * net/transport.h - a connection as its user sees it: connect, send, bytes, end. Transports stack.
 *
 * The lowest one is a socket of the loop (struct rp_tcp). A layer (encryption, a tunnel through a proxy) is a transport that
 * holds the one below and speaks the same interface upward, so that a protocol's client never knows what it runs over.
 * To the transport below, the layer is the user. net/stack.h puts them together; net/dial.h opens them.
 *
 * Callback rules are those of loop/loop.h: no callback runs inside rp_transport_connect() or _send(), none after
 * rp_transport_close(). Any callback may close the transport, but its memory must outlive the callback.
 *
 * What a layer does:
 * - connect: makes itself as new and connects the one below. What fails below before `opened` of that one is set, it passes up
 *   unchanged. Its own handshake begins when the one below is connected and may take any number of round trips; after
 *   it the layer calls rp_transport_opened(). A handshake that fails closes what is below and is told by connected(), with
 *   RP_NET_HANDSHAKE_FAILED or a reason of the layer's own and a text of its own. So is an end of the one below that
 *   comes first.
 * - send: keeps the two parts and begins an empty send below. The one below then asks fill() for the bytes, piece by
 *   piece, when the socket takes them: made as late as possible, n bytes may become m, and no more than a piece is in memory.
 * - data: takes what has come, which may be part of a unit or many, and hands up what it means, with the same @at: the time
 *   is the kernel's. It must stop when it was closed meanwhile. Bytes that are for the layer alone are not handed up.
 * - ended: is handed up; a layer whose protocol has an end of its own (close_notify) tells by it whether the end was clean.
 */

#include <stdbool.h>

#include "loop/loop.h"
#include "net/dns.h"
#include "net/failure.h"

struct rp_transport;

struct rp_transport_events {
    /* Ready for sending (NULL), or why not: then the transport is closed, and may be connected again. */
    void (*connected)(struct rp_transport *transport, const struct rp_net_failure *failure);
    /* @len > 0 bytes; valid during the call. @at: when they, or the last of what they were made from, left the kernel. */
    void (*data)(struct rp_transport *transport, const char *data, size_t len, rp_ns at);
    /* The peer ended (NULL) or the connection broke. Last callback; the transport is closed. */
    void (*ended)(struct rp_transport *transport, const struct rp_net_failure *failure, rp_ns at);
    /* Of layers only, else NULL: the next bytes of a send. As in struct rp_stream_events. */
    int (*fill)(struct rp_transport *transport, struct rp_slice *ret);
};

struct rp_transport_ops {
    const char *name;
    bool
        is_handshake; /* the time that opening it takes is a handshake's; else it counts as connecting */
    /* @address without port. 0 or -errno at once (then no callback follows). */
    int (*connect)(struct rp_transport *transport, const struct rp_address *address, uint16_t port);
    /* Borrows both parts (either may be empty) until they are sent, the transport ends or is closed. -EBUSY while a send is
     * in progress, -ENOTCONN when not open. */
    int (*send)(struct rp_transport *transport, struct rp_slice a, struct rp_slice b);
    /* No-op when closed. Closes what is below too. */
    void (*close)(struct rp_transport *transport, bool reset);
    /* Of layers only: frees a closed one, not what is below. */
    void (*free)(struct rp_transport *transport);
};

struct rp_transport {
    const struct rp_transport_ops *ops;
    const struct rp_transport_events
        *events;                /* the user's: a client's, or those of the layer above */
    void *user;                 /* the user's */
    struct rp_transport *below; /* NULL at the bottom */
    /* Read only. Times of the current send and bytes on the wire, those of handshakes included. They are the socket's,
     * for all transports of a stack alike: an encrypted request is sent when its last encrypted byte is. */
    const struct rp_traffic *traffic;
    struct rp_loop *loop; /* read only */
    rp_ns opened; /* read only: when this transport itself became ready for sending; 0 = not yet */
};

/* A socket of the loop as transport. */
struct rp_tcp {
    struct rp_transport transport;
    struct rp_stream stream; /* private */
};

/* Zeroed memory of the caller; must not move while open. @events and user are set by its user before the connect. */
void rp_tcp_init(struct rp_tcp *tcp, struct rp_loop *loop);

/* Makes @layer, zeroed memory, a transport over @below, and the user of that. */
void rp_layer_init(struct rp_transport *layer, const struct rp_transport_ops *ops,
                   struct rp_transport *below, const struct rp_transport_events *events_of_below);
/* For transports: notes the time and tells the user that @transport is ready. Last act of the caller on it. */
void rp_transport_opened(struct rp_transport *transport);

/* @address without port. -errno at once: no callback follows. */
RP_NODISCARD static inline int rp_transport_connect(struct rp_transport *transport,
                                                    const struct rp_address *address, uint16_t port)
{
    return transport->ops->connect(transport, address, port);
}

RP_NODISCARD static inline int rp_transport_send(struct rp_transport *transport, struct rp_slice a,
                                                 struct rp_slice b)
{
    return transport->ops->send(transport, a, b);
}

static inline void rp_transport_close(struct rp_transport *transport, bool reset)
{
    transport->ops->close(transport, reset);
}

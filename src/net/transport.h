/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * net/transport.h - a connection as its user sees it: connect, send, bytes, end. Transports stack.
 *
 * The lowest transport is a socket of the loop (struct rp_tcp). A layer (encryption, a tunnel
 * through a proxy) is a transport that holds the one below and speaks the same interface upward, so
 * that a protocol's client never knows what it runs over. To the transport below, the layer is the
 * user. net/stack.h puts transports together, net/dial.h opens them.
 *
 * Callback rules are those of loop/loop.h: no callback runs inside rp_transport_connect() or
 * rp_transport_send(), none after rp_transport_close(). Any callback may close the transport, but
 * the memory must outlive the callback.
 *
 * What a layer does:
 * - connect: it becomes as new and connects the transport below. Once that is connected, the
 * layer's handshake begins, which may take any number of round trips; at its end the layer calls
 * rp_transport_opened(). When the handshake fails, the layer closes what is below and calls
 * connected() of its user with RP_NET_HANDSHAKE_FAILED, or a reason of its own, and a text of its
 * own; so it does when the peer ends during the handshake. A failure that comes from below goes up
 * as it is.
 * - send: it keeps the two parts and begins an empty send below. The transport below then asks the
 * layer's fill() for the bytes, piece by piece, as the socket takes them. So bytes are made as late
 * as possible, n bytes may become m, and no more than a piece is in memory. When the two parts are
 * used up, the layer asks fill() of its own user, if there is one.
 * - data: it takes what has come, which may be less than a unit or more than one, and hands up what
 * that means, with the same time. It must stop when its user has closed it. Bytes that are for the
 * layer alone are not handed up.
 * - ended: it hands the end up. A layer whose protocol has an end of its own tells by it whether
 * the peer was done.
 */

#include <stdbool.h>

#include "loop/loop.h"
#include "net/dns.h"
#include "net/failure.h"

struct rp_transport;

struct rp_transport_events {
    /* Ready for sending (NULL), or why not: then the transport is closed, and may be connected
     * again. */
    void (*connected)(struct rp_transport *transport, const struct rp_net_failure *failure);
    /* @len > 0 bytes; valid during the call. @at: when they, or the last of what they were made
     * from, left the kernel. */
    void (*data)(struct rp_transport *transport, const char *data, size_t len, rp_ns at);
    /* The peer ended (NULL) or the connection broke. Last callback; the transport is closed. */
    void (*ended)(struct rp_transport *transport, const struct rp_net_failure *failure, rp_ns at);
    /* For bytes that are made only when they are sent, else NULL: gives the next bytes of a send, and
     * keeps what is left of them, as in struct rp_stream_events. Without a buffer that others share
     * there need be no keep(). */
    int (*fill)(struct rp_transport *transport, struct rp_slice *ret);
    int (*keep)(struct rp_transport *transport, struct rp_slice *rest);
    /* Of servers, else NULL. As in struct rp_stream_events. */
    void (*half_closed)(struct rp_transport *transport, rp_ns at);
    void (*sent)(struct rp_transport *transport);
};

struct rp_transport_ops {
    const char *name;
    /* The time that opening this transport takes is a handshake's; else it counts as connecting. */
    bool is_handshake;
    /* @address without port. 0 or -errno at once (then no callback follows). */
    int (*connect)(struct rp_transport *transport, const struct rp_address *address, uint16_t port);
    /* Borrows both parts (either may be empty) until they are sent, the transport ends or is
     * closed. -EBUSY while a send is in progress, -ENOTCONN when not open. */
    int (*send)(struct rp_transport *transport, struct rp_slice a, struct rp_slice b);
    /* For servers, as the functions of struct rp_stream: send_now returns RP_STREAM_LEFT when bytes
     * are left. NULL in a layer that only clients have. */
    int (*send_now)(struct rp_transport *transport, struct rp_slice a, struct rp_slice b);
    void (*pause)(struct rp_transport *transport);
    int (*resume)(struct rp_transport *transport);
    int (*shutdown)(struct rp_transport *transport);
    /* As rp_stream_note_end(). */
    void (*note_end)(struct rp_transport *transport);
    /* Closes the transport and what is below; no-op when closed. @reset: with RST. */
    void (*close)(struct rp_transport *transport, bool reset);
    /* Of layers only: frees a closed layer, not what is below. */
    void (*free)(struct rp_transport *transport);
};

struct rp_transport {
    const struct rp_transport_ops *ops;
    /* Of the user, which is a client or the layer above. */
    const struct rp_transport_events *events;
    void *user;
    /* From here on read only. */
    struct rp_transport *below; /* NULL at the bottom */
    /* Times of the current send, and bytes on the wire, those of handshakes included. All
     * transports of a stack show those of the socket: an encrypted request is sent when its last
     * encrypted byte is. */
    const struct rp_traffic *traffic;
    struct rp_loop *loop;
    rp_ns opened; /* when this transport itself became ready for sending; 0 = it is not */
};

/* A TCP socket of the loop as transport. */
struct rp_tcp {
    struct rp_transport transport;
    struct rp_stream stream; /* private */
    int given;               /* private: -1 = none */
};

/* Zeroed memory of the caller; must not move while open. @events and user are set by its user
 * before the connect. */
void rp_tcp_init(struct rp_tcp *tcp, struct rp_loop *loop);
/* In place of connecting: takes over what a listener has accepted, and is ready for sending at
 * once, without a callback. -errno: @fd is still the caller's. */
RP_NODISCARD int rp_tcp_adopt(struct rp_tcp *tcp, int fd);

/* The next connect takes over @fd, a socket whose connect has begun or is over, in place of opening
 * one. @fd is the transport's from here on: when no connect follows, because a layer above has
 * failed before, closing the transport closes it. */
void rp_tcp_give(struct rp_tcp *tcp, int fd);

/* Changes the events of an open @transport between two sends. */
void rp_transport_set_events(struct rp_transport *transport,
                             const struct rp_transport_events *events);
/* Makes @layer, which is zeroed memory, a transport over @below, and makes it the user of @below.
 */
void rp_layer_init(struct rp_transport *layer, const struct rp_transport_ops *ops,
                   struct rp_transport *below, const struct rp_transport_events *events_of_below);
/* For transports to call: notes the time and tells the user that @transport is ready. It may be
 * closed on return. */
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

RP_NODISCARD static inline int rp_transport_send_now(struct rp_transport *transport,
                                                     struct rp_slice a, struct rp_slice b)
{
    return transport->ops->send_now(transport, a, b);
}

static inline void rp_transport_pause(struct rp_transport *transport)
{
    transport->ops->pause(transport);
}

RP_NODISCARD static inline int rp_transport_resume(struct rp_transport *transport)
{
    return transport->ops->resume(transport);
}

RP_NODISCARD static inline int rp_transport_shutdown(struct rp_transport *transport)
{
    return transport->ops->shutdown(transport);
}

/* For a layer that has learnt of the peer's end from what the peer has said. */
static inline void rp_transport_note_end(struct rp_transport *transport)
{
    transport->ops->note_end(transport);
}

static inline void rp_transport_close(struct rp_transport *transport, bool reset)
{
    transport->ops->close(transport, reset);
}

/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * net/transport.h - a connection as its user sees it: connect, send, bytes, end.
 *
 * Transports stack: the lowest is TCP on a loop's stream; one that encrypts or tunnels holds the one below and speaks
 * the same interface upward, so that the HTTP client never knows what it runs over. Callback rules are those of
 * loop/loop.h: nothing is called from inside rp_transport_connect(), nothing after rp_transport_close().
 */

#include <stdbool.h>

#include "loop/loop.h"
#include "net/dns.h"

struct rp_transport;

struct rp_transport_events {
    /* Ready for sending: 0, or -errno and the transport is closed. */
    void (*connected)(struct rp_transport *transport, int status);
    void (*data)(struct rp_transport *transport, const char *data, size_t len, rp_ns at);
    /* The peer ended (0) or the connection broke (-errno). Last callback. */
    void (*ended)(struct rp_transport *transport, int status, rp_ns at);
};

struct rp_transport_ops {
    const char *name;
    /* @address without port. 0 or -errno at once (then no callback follows). */
    int (*connect)(struct rp_transport *transport, const struct rp_address *address, uint16_t port);
    /* Borrows both parts until they are sent, the transport ends or is closed. -EBUSY while a send is in progress. */
    int (*send)(struct rp_transport *transport, struct rp_slice a, struct rp_slice b);
    void (*close)(struct rp_transport *transport, bool reset);
};

struct rp_transport {
    const struct rp_transport_ops *ops;
    const struct rp_transport_events *events;
    struct rp_loop *loop;
    struct rp_stream
        wire; /* the TCP stream at the bottom; wire.send_began and wire.send_ended are the send's times */
};

/* A TCP transport. Zeroed memory of the caller; must not move while open. */
void rp_transport_init_tcp(struct rp_transport *transport, struct rp_loop *loop,
                           const struct rp_transport_events *events);

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

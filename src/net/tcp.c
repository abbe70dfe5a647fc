/* SPDX-License-Identifier: MIT */
#include "net/transport.h"

static struct rp_transport *of_stream(struct rp_stream *stream)
{
    return rp_container_of(stream, struct rp_transport, wire);
}

static void stream_connected(struct rp_stream *stream, int status)
{
    struct rp_transport *transport = of_stream(stream);

    transport->events->connected(transport, status);
}

static void stream_data(struct rp_stream *stream, const char *data, size_t len, rp_ns at)
{
    struct rp_transport *transport = of_stream(stream);

    transport->events->data(transport, data, len, at);
}

static void stream_ended(struct rp_stream *stream, int status, rp_ns at)
{
    struct rp_transport *transport = of_stream(stream);

    transport->events->ended(transport, status, at);
}

static const struct rp_stream_events stream_events = {
    .connected = stream_connected,
    .data = stream_data,
    .ended = stream_ended,
};

static int tcp_connect(struct rp_transport *transport, const struct rp_address *address,
                       uint16_t port)
{
    struct rp_address with_port = *address;

    if (with_port.any.sa_family == AF_INET6)
        with_port.v6.sin6_port = htons(port);
    else
        with_port.v4.sin_port = htons(port);
    return rp_stream_connect(transport->loop, &transport->wire, &with_port.any, with_port.len, NULL,
                             0);
}

static int tcp_send(struct rp_transport *transport, struct rp_slice a, struct rp_slice b)
{
    return rp_stream_send(&transport->wire, a.ptr, a.len, b.ptr, b.len);
}

static void tcp_close(struct rp_transport *transport, bool reset)
{
    rp_stream_close(&transport->wire, reset);
}

static const struct rp_transport_ops tcp_ops = {
    .name = "tcp",
    .connect = tcp_connect,
    .send = tcp_send,
    .close = tcp_close,
};

void rp_transport_init_tcp(struct rp_transport *transport, struct rp_loop *loop,
                           const struct rp_transport_events *events)
{
    transport->ops = &tcp_ops;
    transport->events = events;
    transport->loop = loop;
    transport->wire.events = &stream_events;
    transport->wire.fd = -1;
}

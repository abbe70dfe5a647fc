/* SPDX-License-Identifier: MIT */
#include "net/transport.h"

#include <unistd.h>

/* ---- what all transports share ---- */

void rp_layer_init(struct rp_transport *layer, const struct rp_transport_ops *ops,
                   struct rp_transport *below, const struct rp_transport_events *events_of_below)
{
    layer->ops = ops;
    layer->below = below;
    layer->traffic = below->traffic;
    layer->loop = below->loop;
    below->events = events_of_below;
    below->user = layer;
}

void rp_transport_opened(struct rp_transport *transport)
{
    transport->opened = rp_loop_now(transport->loop);
    transport->events->connected(transport, NULL);
}

/* ---- the bottom ---- */

static struct rp_transport *of_stream(struct rp_stream *stream)
{
    return &rp_container_of(stream, struct rp_tcp, stream)->transport;
}

static struct rp_tcp *of_transport(struct rp_transport *transport)
{
    return rp_container_of(transport, struct rp_tcp, transport);
}

static void stream_connected(struct rp_stream *stream, int status)
{
    struct rp_transport *transport = of_stream(stream);
    struct rp_net_failure failure;

    if (status == 0) {
        rp_transport_opened(transport);
        return;
    }
    failure = rp_net_connect_failure(status);
    transport->events->connected(transport, &failure);
}

static void stream_data(struct rp_stream *stream, const char *data, size_t len, rp_ns at)
{
    struct rp_transport *transport = of_stream(stream);

    transport->events->data(transport, data, len, at);
}

static void stream_ended(struct rp_stream *stream, int status, rp_ns at)
{
    struct rp_transport *transport = of_stream(stream);
    struct rp_net_failure failure;

    if (status < 0)
        failure = rp_net_break(status);
    transport->events->ended(transport, status < 0 ? &failure : NULL, at);
}

static int stream_fill(struct rp_stream *stream, struct rp_slice *ret)
{
    struct rp_transport *transport = of_stream(stream);

    return transport->events->fill(transport, ret);
}

static int stream_keep(struct rp_stream *stream, struct rp_slice *rest)
{
    struct rp_transport *transport = of_stream(stream);

    return transport->events->keep ? transport->events->keep(transport, rest) : 0;
}

static void stream_half_closed(struct rp_stream *stream, rp_ns at)
{
    struct rp_transport *transport = of_stream(stream);

    transport->events->half_closed(transport, at);
}

static void stream_sent(struct rp_stream *stream)
{
    struct rp_transport *transport = of_stream(stream);

    transport->events->sent(transport);
}

static const struct rp_stream_events plain_events = {
    .connected = stream_connected,
    .data = stream_data,
    .ended = stream_ended,
};

static const struct rp_stream_events layered_events = {
    .connected = stream_connected,
    .data = stream_data,
    .ended = stream_ended,
    .fill = stream_fill,
    .keep = stream_keep,
};

static const struct rp_stream_events server_events = {
    .data = stream_data,
    .ended = stream_ended,
    .half_closed = stream_half_closed,
    .sent = stream_sent,
};

static const struct rp_stream_events layered_server_events = {
    .data = stream_data,
    .ended = stream_ended,
    .fill = stream_fill,
    .keep = stream_keep,
    .half_closed = stream_half_closed,
    .sent = stream_sent,
};

static int tcp_connect(struct rp_transport *transport, const struct rp_address *address,
                       uint16_t port)
{
    struct rp_tcp *tcp = of_transport(transport);
    struct rp_address with_port;
    int r;

    transport->opened = 0;
    tcp->stream.events = transport->events->fill ? &layered_events : &plain_events;
    if (tcp->given >= 0) {
        r = rp_stream_connect_on(transport->loop, &tcp->stream, tcp->given);
        if (r < 0)
            close(tcp->given);
        tcp->given = -1;
        return r;
    }
    with_port = rp_address_with_port(address, port);
    return rp_stream_connect(transport->loop, &tcp->stream, &with_port.any, with_port.len, NULL, 0);
}

static int tcp_send(struct rp_transport *transport, struct rp_slice a, struct rp_slice b)
{
    return rp_stream_send(&of_transport(transport)->stream, a.ptr, a.len, b.ptr, b.len);
}

static int tcp_send_now(struct rp_transport *transport, struct rp_slice a, struct rp_slice b)
{
    return rp_stream_send_now(&of_transport(transport)->stream, a.ptr, a.len, b.ptr, b.len);
}

static void tcp_pause(struct rp_transport *transport)
{
    rp_stream_pause(&of_transport(transport)->stream);
}

static int tcp_resume(struct rp_transport *transport)
{
    return rp_stream_resume(&of_transport(transport)->stream);
}

static int tcp_shutdown(struct rp_transport *transport)
{
    return rp_stream_shutdown(&of_transport(transport)->stream);
}

static void tcp_note_end(struct rp_transport *transport)
{
    rp_stream_note_end(&of_transport(transport)->stream);
}

static void tcp_close(struct rp_transport *transport, bool reset)
{
    struct rp_tcp *tcp = of_transport(transport);

    rp_stream_close(&tcp->stream, reset);
    if (RP_UNLIKELY(tcp->given >= 0))
        close(tcp->given);
    tcp->given = -1;
}

static const struct rp_transport_ops tcp_ops = {
    .name = "tcp",
    .connect = tcp_connect,
    .send = tcp_send,
    .send_now = tcp_send_now,
    .pause = tcp_pause,
    .resume = tcp_resume,
    .shutdown = tcp_shutdown,
    .note_end = tcp_note_end,
    .close = tcp_close,
};

void rp_tcp_init(struct rp_tcp *tcp, struct rp_loop *loop)
{
    tcp->transport.ops = &tcp_ops;
    tcp->transport.loop = loop;
    tcp->transport.traffic = &tcp->stream.traffic;
    tcp->stream.fd = -1;
    tcp->given = -1;
}

void rp_tcp_give(struct rp_tcp *tcp, int fd)
{
    tcp->given = fd;
}

int rp_tcp_adopt(struct rp_tcp *tcp, int fd)
{
    tcp->transport.opened = rp_loop_now(tcp->transport.loop);
    tcp->stream.events = tcp->transport.events->fill ? &layered_server_events : &server_events;
    return rp_stream_adopt(tcp->transport.loop, &tcp->stream, fd);
}

void rp_transport_set_events(struct rp_transport *transport,
                             const struct rp_transport_events *events)
{
    transport->events = events;
    if (transport->ops == &tcp_ops)
        of_transport(transport)->stream.events = events->fill ? &layered_events : &plain_events;
}

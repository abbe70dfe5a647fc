/* SPDX-License-Identifier: MIT */
#include "net/tunnel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "proto/h1.h"
#include "proto/socks5.h"

enum { HEAD_MAX = 16 * 1024, DETAIL_MAX = 160, STATUS_AUTH = 407, BEHIND_VERSION = 9 };
enum tunnel_state { TUNNEL_CLOSED, TUNNEL_CONNECTING, TUNNEL_ASKING, TUNNEL_OPEN };

/* What is needed until the proxy has answered. */
struct asking {
    struct rp_buf out, head; /* of CONNECT */
    struct rp_h1_parser parser;
    struct rp_socks5 socks;
};

struct tunnel {
    struct rp_transport transport;
    const struct rp_tunnel *settings;
    enum tunnel_state state;
    struct asking *asking;          /* NULL unless the proxy is being asked */
    char address[INET6_ADDRSTRLEN]; /* of the server; empty = its name is asked for */
};

static struct tunnel *of_transport(struct rp_transport *transport)
{
    return rp_container_of(transport, struct tunnel, transport);
}

static void stop_asking(struct tunnel *tunnel)
{
    struct asking *asking = tunnel->asking;

    tunnel->asking = NULL;
    if (!asking)
        return;
    rp_buf_deinit(&asking->out);
    rp_buf_deinit(&asking->head);
    rp_free(asking);
}

/* The transport below is closed first: it may still have what was asked to send. */
static void fail(struct tunnel *tunnel, enum rp_net_reason reason, const char *detail)
{
    const struct rp_net_failure failure = { reason, detail };

    tunnel->state = TUNNEL_CLOSED;
    rp_transport_close(tunnel->transport.below, false);
    stop_asking(tunnel);
    tunnel->transport.events->connected(&tunnel->transport, &failure);
}

/* ---- asking the proxy ------------------------------------------------------------------------ */

/* Whether what was asked is not sent yet. Its bytes are borrowed until then. */
static bool is_early(const struct tunnel *tunnel)
{
    return !tunnel->transport.traffic->send_ended;
}

static void ask(struct tunnel *tunnel, struct rp_slice bytes)
{
    if (rp_transport_send(tunnel->transport.below, bytes, rp_slice(NULL, 0)) < 0)
        fail(tunnel, RP_NET_CONNECT_FAILED, "what the proxy is asked cannot be sent");
}

static void write_connect(const struct tunnel *tunnel, struct rp_buf *out)
{
    const struct rp_tunnel *settings = tunnel->settings;
    const char *host = *tunnel->address ? tunnel->address : settings->host;
    char place[320];

    snprintf(place, sizeof(place), strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, settings->port);
    rp_buf_appendf(out, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n", place, place);
    if (settings->authorization.len)
        rp_buf_appendf(out, "Proxy-Authorization: %.*s\r\n", RP_SLICE_FMT(settings->authorization));
    rp_buf_append_str(out, "\r\n");
}

static void begin_asking(struct tunnel *tunnel)
{
    const struct rp_tunnel *settings = tunnel->settings;
    struct asking *asking = tunnel->asking = rp_calloc(1, sizeof(*asking));

    tunnel->state = TUNNEL_ASKING;
    if (!asking) {
        fail(tunnel, RP_NET_CONNECT_FAILED, "out of memory");
        return;
    }
    rp_buf_init(&asking->out, HEAD_MAX);
    rp_buf_init(&asking->head, HEAD_MAX);
    if (settings->kind == RP_TUNNEL_SOCKS5) {
        asking->socks = (struct rp_socks5){ .user = settings->user,
                                            .password = settings->password,
                                            .host = rp_slice_str(*tunnel->address ? tunnel->address
                                                                                  : settings->host),
                                            .port = settings->port };
        rp_socks5_begin(&asking->socks);
        ask(tunnel, rp_slice((const char *)asking->socks.out, asking->socks.out_len));
        return;
    }
    rp_h1_parser_reset(&asking->parser, &asking->head, true);
    write_connect(tunnel, &asking->out);
    if (asking->out.error)
        fail(tunnel, RP_NET_CONNECT_FAILED, "out of memory");
    else
        ask(tunnel, rp_buf_slice(&asking->out));
}

/* What is left of the bytes that the proxy sent comes from the server. */
static void open_up(struct tunnel *tunnel, struct rp_slice rest, rp_ns at)
{
    stop_asking(tunnel);
    tunnel->state = TUNNEL_OPEN;
    rp_transport_opened(&tunnel->transport);
    if (rest.len && tunnel->state == TUNNEL_OPEN)
        tunnel->transport.events->data(&tunnel->transport, rest.ptr, rest.len, at);
}

/* "502 Bad Gateway", as far as it can be shown. */
static void describe(const struct asking *asking, char out[DETAIL_MAX])
{
    struct rp_slice head = rp_buf_slice(&asking->head);
    size_t len = 0;

    while (BEHIND_VERSION + len < head.len && len < DETAIL_MAX - 1 &&
           head.ptr[BEHIND_VERSION + len] >= ' ' && head.ptr[BEHIND_VERSION + len] < 0x7f) {
        out[len] = head.ptr[BEHIND_VERSION + len];
        len++;
    }
    out[len] = '\0';
}

/* Some proxies say 500 where others say 502. */
static enum rp_net_reason reason_of_status(unsigned status)
{
    if (status == STATUS_AUTH)
        return RP_NET_PROXY_AUTH;
    return status == 500 || (status >= 502 && status <= 504) ? RP_NET_PROXY_NO_SERVER
                                                             : RP_NET_PROXY_REFUSED;
}

static void take_http(struct tunnel *tunnel, struct rp_slice input, rp_ns at)
{
    struct asking *asking = tunnel->asking;
    struct rp_slice body;
    char detail[DETAIL_MAX];

    switch (rp_h1_parse(&asking->parser, &input, &body)) {
    case RP_H1_MORE:
        return;
    case RP_H1_HEAD:
        break;
    case RP_H1_BODY:
    case RP_H1_DONE:
    case RP_H1_ERROR:
        fail(tunnel, RP_NET_PROXY_BAD, rp_h1_error_text(asking->parser.error));
        return;
    }
    if (asking->parser.status >= 200 && asking->parser.status < 300) {
        open_up(tunnel, input, at);
        return;
    }
    describe(asking, detail);
    fail(tunnel, reason_of_status(asking->parser.status), detail);
}

static enum rp_net_reason reason_of_reply(uint8_t reply)
{
    return reply == RP_SOCKS5_NOT_ALLOWED || reply >= RP_SOCKS5_NO_COMMAND ? RP_NET_PROXY_REFUSED
                                                                           : RP_NET_PROXY_NO_SERVER;
}

static void take_socks(struct tunnel *tunnel, struct rp_slice input, rp_ns at)
{
    struct rp_socks5 *socks = &tunnel->asking->socks;

    switch (rp_socks5_take(socks, &input)) {
    case RP_SOCKS5_MORE:
        return;
    case RP_SOCKS5_SEND:
        if (input.len)
            fail(tunnel, RP_NET_PROXY_BAD, "it answers before it is asked");
        else
            ask(tunnel, rp_slice((const char *)socks->out, socks->out_len));
        return;
    case RP_SOCKS5_DONE:
        open_up(tunnel, input, at);
        return;
    case RP_SOCKS5_AUTH:
        fail(tunnel, RP_NET_PROXY_AUTH,
             socks->user.len ? "it does not accept them" : "it asks for them");
        return;
    case RP_SOCKS5_REFUSED:
        fail(tunnel, reason_of_reply(socks->reply), rp_socks5_reply_text(socks->reply));
        return;
    case RP_SOCKS5_BAD:
        fail(tunnel, RP_NET_PROXY_BAD, "it does not speak SOCKS5");
        return;
    }
}

/* ---- from below ------------------------------------------------------------------------------ */

static void below_connected(struct rp_transport *below, const struct rp_net_failure *failure)
{
    struct tunnel *tunnel = below->user;

    if (!failure) {
        begin_asking(tunnel);
        return;
    }
    tunnel->state = TUNNEL_CLOSED;
    tunnel->transport.events->connected(&tunnel->transport, failure);
}

static void below_data(struct rp_transport *below, const char *data, size_t len, rp_ns at)
{
    struct tunnel *tunnel = below->user;

    if (RP_LIKELY(tunnel->state == TUNNEL_OPEN))
        tunnel->transport.events->data(&tunnel->transport, data, len, at);
    else if (is_early(tunnel))
        fail(tunnel, RP_NET_PROXY_BAD, "it answers before it is asked");
    else if (tunnel->settings->kind == RP_TUNNEL_SOCKS5)
        take_socks(tunnel, rp_slice(data, len), at);
    else
        take_http(tunnel, rp_slice(data, len), at);
}

static void below_ended(struct rp_transport *below, const struct rp_net_failure *failure, rp_ns at)
{
    struct tunnel *tunnel = below->user;

    if (tunnel->state == TUNNEL_OPEN) {
        tunnel->state = TUNNEL_CLOSED;
        tunnel->transport.events->ended(&tunnel->transport, failure, at);
        return;
    }
    fail(tunnel, RP_NET_PROXY_CLOSED,
         failure ? rp_net_reason_text(failure->reason) : "it ended the connection");
}

static int below_fill(struct rp_transport *below, struct rp_slice *ret)
{
    struct tunnel *tunnel = below->user;
    const struct rp_transport_events *events = tunnel->transport.events;

    *ret = rp_slice(NULL, 0);
    return events->fill && tunnel->state == TUNNEL_OPEN ? events->fill(&tunnel->transport, ret) : 0;
}

static int below_keep(struct rp_transport *below, struct rp_slice *rest)
{
    struct tunnel *tunnel = below->user;
    const struct rp_transport_events *events = tunnel->transport.events;

    return events->keep && tunnel->state == TUNNEL_OPEN ? events->keep(&tunnel->transport, rest)
                                                        : 0;
}

static const struct rp_transport_events events_of_below = {
    .connected = below_connected,
    .data = below_data,
    .ended = below_ended,
    .fill = below_fill,
    .keep = below_keep,
};

/* ---- for the user ---------------------------------------------------------------------------- */

static int tunnel_connect(struct rp_transport *transport, const struct rp_address *address,
                          uint16_t port)
{
    struct tunnel *tunnel = of_transport(transport);
    int r;

    transport->opened = 0;
    r = rp_transport_connect(transport->below, address, port);
    if (r == 0)
        tunnel->state = TUNNEL_CONNECTING;
    return r;
}

static int tunnel_send(struct rp_transport *transport, struct rp_slice a, struct rp_slice b)
{
    return of_transport(transport)->state == TUNNEL_OPEN ? rp_transport_send(transport->below, a, b)
                                                         : -ENOTCONN;
}

/* What TLS inside says last. TLS outside, to an https proxy, cannot send at once: then it is left out. */
static int tunnel_send_now(struct rp_transport *transport, struct rp_slice a, struct rp_slice b)
{
    if (of_transport(transport)->state != TUNNEL_OPEN || !transport->below->ops->send_now)
        return -ENOTCONN;
    return rp_transport_send_now(transport->below, a, b);
}

static void tunnel_pause(struct rp_transport *transport)
{
    rp_transport_pause(transport->below);
}

static int tunnel_resume(struct rp_transport *transport)
{
    return rp_transport_resume(transport->below);
}

static void tunnel_note_end(struct rp_transport *transport)
{
    rp_transport_note_end(transport->below);
}

static void tunnel_close(struct rp_transport *transport, bool reset)
{
    of_transport(transport)->state = TUNNEL_CLOSED;
    rp_transport_close(transport->below, reset);
    stop_asking(of_transport(transport));
}

static void tunnel_free(struct rp_transport *transport)
{
    stop_asking(of_transport(transport));
    rp_free(of_transport(transport));
}

static const struct rp_transport_ops tunnel_ops = {
    .name = "tunnel",
    .connect = tunnel_connect,
    .send = tunnel_send,
    .send_now = tunnel_send_now,
    .pause = tunnel_pause,
    .resume = tunnel_resume,
    .note_end = tunnel_note_end,
    .close = tunnel_close,
    .free = tunnel_free,
};

/* The place of the server is that of the settings: the stack is made for the one that the URL names. */
static int make(const struct rp_layer *layer, struct rp_transport *below, const char *host,
                uint16_t port, struct rp_transport **ret)
{
    struct tunnel *tunnel = rp_calloc(1, sizeof(*tunnel));

    if (!tunnel)
        return -ENOMEM;
    tunnel->settings = rp_container_of(layer, const struct rp_tunnel, layer);
    rp_layer_init(&tunnel->transport, &tunnel_ops, below, &events_of_below);
    *ret = &tunnel->transport;
    return 0;
}

void rp_tunnel_init(struct rp_tunnel *tunnel)
{
    tunnel->layer.make = make;
}

static struct tunnel *find(const struct rp_transport *top)
{
    while (top && top->ops != &tunnel_ops)
        top = top->below;
    return top ? of_transport((struct rp_transport *)top) : NULL;
}

void rp_tunnel_aim(struct rp_transport *top, const struct rp_address *address)
{
    struct tunnel *tunnel = find(top);

    if (address->any.sa_family == AF_INET6)
        inet_ntop(AF_INET6, &address->v6.sin6_addr, tunnel->address, sizeof(tunnel->address));
    else
        inet_ntop(AF_INET, &address->v4.sin_addr, tunnel->address, sizeof(tunnel->address));
}

bool rp_tunnel_is_aimed(const struct rp_transport *top)
{
    const struct tunnel *tunnel = find(top);

    return tunnel && *tunnel->address;
}

/* SPDX-License-Identifier: MIT */
#include "xor_layer.h"

#include "base/alloc.h"

enum { KEY = 0x5a, HEADER = 2, TEXT_MAX = 64 };
enum state { CLOSED, CONNECTING, SHAKING, OPEN };

struct xor_layer {
    struct rp_transport transport;
    const struct xor_kind *kind;
    enum state state;
    unsigned rounds;
    bool is_sending;
    struct rp_slice out[2]; /* what is left of the user's send */
    char piece[HEADER + XOR_UNIT];
    size_t in_len;
    char
        in[HEADER + XOR_UNIT]; /* of a unit, or of an answer to a hello, that is not yet complete */
    char plain[XOR_UNIT];
};

static struct xor_layer *of_transport(struct rp_transport *transport)
{
    return rp_container_of(transport, struct xor_layer, transport);
}

static void encode(const char *from, char *to, size_t len)
{
    for (size_t i = 0; i < len; i++)
        to[i] = from[i] ^ KEY;
}

/* ---- opening ---- */

static void say_hello(struct xor_layer *layer)
{
    assert_int_equal(rp_transport_send(layer->transport.below, RP_SLICE("HELLO"), RP_SLICE("")), 0);
}

static void below_connected(struct rp_transport *below, const struct rp_net_failure *failure)
{
    struct xor_layer *layer = below->user;

    assert_int_equal(layer->state, CONNECTING);
    if (failure) {
        layer->state = CLOSED;
        layer->transport.events->connected(&layer->transport, failure);
        return;
    }
    layer->state = SHAKING;
    layer->rounds = layer->kind->rounds;
    say_hello(layer);
}

static void fail_handshake(struct xor_layer *layer, const char *detail)
{
    struct rp_net_failure failure = { RP_NET_HANDSHAKE_FAILED, detail };

    layer->state = CLOSED;
    rp_transport_close(layer->transport.below, false);
    layer->transport.events->connected(&layer->transport, &failure);
}

/* Returns how many bytes more it needs; 0 = there was an answer. */
static size_t take_answer(struct xor_layer *layer)
{
    char text[TEXT_MAX];
    size_t len;

    if (layer->in[0] == 'N') {
        if (layer->in_len < HEADER)
            return 1;
        len = (unsigned char)layer->in[1];
        assert_true(len < sizeof(text));
        if (layer->in_len < HEADER + len)
            return HEADER + len - layer->in_len;
        memcpy(text, layer->in + HEADER, len);
        text[len] = '\0';
        fail_handshake(layer, text);
    } else if (--layer->rounds) {
        say_hello(layer);
    } else {
        layer->state = OPEN;
        rp_transport_opened(&layer->transport);
    }
    return 0;
}

/* ---- bytes ---- */

static size_t take_unit(struct xor_layer *layer, rp_ns at)
{
    size_t len;

    if (layer->in_len < HEADER)
        return HEADER - layer->in_len;
    len = (size_t)(unsigned char)layer->in[0] << 8 | (unsigned char)layer->in[1];
    assert_true(len > 0 && len <= XOR_UNIT);
    if (layer->in_len < HEADER + len)
        return HEADER + len - layer->in_len;
    encode(layer->in + HEADER, layer->plain, len);
    layer->transport.events->data(&layer->transport, layer->plain, len, at);
    return 0;
}

static void below_data(struct rp_transport *below, const char *data, size_t len, rp_ns at)
{
    struct xor_layer *layer = below->user;
    size_t needed = 1;

    while (len && layer->state >= SHAKING) {
        size_t part = needed < len ? needed : len;

        memcpy(layer->in + layer->in_len, data, part);
        layer->in_len += part;
        data += part;
        len -= part;
        needed = layer->state == SHAKING ? take_answer(layer) : take_unit(layer, at);
        if (needed == 0) {
            layer->in_len = 0;
            needed = 1;
        }
    }
}

static void below_ended(struct rp_transport *below, const struct rp_net_failure *failure, rp_ns at)
{
    struct xor_layer *layer = below->user;
    enum state state = layer->state;

    layer->state = CLOSED;
    if (state == OPEN)
        layer->transport.events->ended(&layer->transport, failure, at);
    else if (failure)
        layer->transport.events->connected(&layer->transport, failure);
    else
        fail_handshake(layer, "the server closed the connection");
}

/* When the user's two parts are used up, it may have more: it may be a layer too. */
static int ask_user(struct xor_layer *layer)
{
    const struct rp_transport_events *events = layer->transport.events;

    if (!events->fill || !layer->is_sending || layer->out[0].len + layer->out[1].len > 0)
        return 0;
    return events->fill(&layer->transport, &layer->out[0]);
}

static int below_fill(struct rp_transport *below, struct rp_slice *ret)
{
    struct xor_layer *layer = below->user;
    size_t len = 0;
    int r = ask_user(layer);

    if (r < 0)
        return r;
    for (int i = 0; i < 2; i++) {
        size_t room = XOR_UNIT - len;
        size_t part = layer->out[i].len < room ? layer->out[i].len : room;

        if (part == 0)
            continue;
        encode(layer->out[i].ptr, layer->piece + HEADER + len, part);
        layer->out[i] = rp_slice(layer->out[i].ptr + part, layer->out[i].len - part);
        len += part;
    }
    layer->is_sending = len > 0;
    layer->piece[0] = (char)(len >> 8);
    layer->piece[1] = (char)len;
    if (len)
        *ret = rp_slice(layer->piece, HEADER + len);
    return 0;
}

static const struct rp_transport_events events_of_below = {
    .connected = below_connected,
    .data = below_data,
    .ended = below_ended,
    .fill = below_fill,
};

/* ---- for the user ---- */

static int layer_connect(struct rp_transport *transport, const struct rp_address *address,
                         uint16_t port)
{
    struct xor_layer *layer = of_transport(transport);
    int r;

    assert_int_equal(layer->state, CLOSED);
    transport->opened = 0;
    layer->in_len = 0;
    layer->is_sending = false;
    layer->out[0].len = layer->out[1].len = 0;
    r = layer->kind->error;
    if (r == 0)
        r = rp_transport_connect(transport->below, address, port);
    if (r == 0)
        layer->state = CONNECTING;
    return r;
}

static int layer_send(struct rp_transport *transport, struct rp_slice a, struct rp_slice b)
{
    struct xor_layer *layer = of_transport(transport);
    int r;

    if (layer->state != OPEN)
        return -ENOTCONN;
    if (layer->is_sending)
        return -EBUSY;
    r = rp_transport_send(transport->below, rp_slice(NULL, 0), rp_slice(NULL, 0));
    if (r < 0)
        return r;
    layer->is_sending = true;
    layer->out[0] = a;
    layer->out[1] = b;
    return 0;
}

static void layer_close(struct rp_transport *transport, bool reset)
{
    of_transport(transport)->state = CLOSED;
    rp_transport_close(transport->below, reset);
}

static void layer_free(struct rp_transport *transport)
{
    rp_free(of_transport(transport));
}

static const struct rp_transport_ops xor_ops = {
    .name = "xor",
    .is_handshake = true,
    .connect = layer_connect,
    .send = layer_send,
    .close = layer_close,
    .free = layer_free,
};

static const struct rp_transport_ops tunnel_ops = {
    .name = "tunnel",
    .connect = layer_connect,
    .send = layer_send,
    .close = layer_close,
    .free = layer_free,
};

int xor_make(const struct rp_layer *layer, struct rp_transport *below, const char *host,
             uint16_t port, struct rp_transport **ret)
{
    const struct xor_kind *kind = rp_container_of(layer, const struct xor_kind, layer);
    struct xor_layer *self = rp_calloc(1, sizeof(*self));

    assert_true(host[0] && port);
    if (!self)
        return -ENOMEM;
    self->kind = kind;
    rp_layer_init(&self->transport, kind->is_tunnel ? &tunnel_ops : &xor_ops, below,
                  &events_of_below);
    *ret = &self->transport;
    return 0;
}

/* ---- the server ---- */

size_t xor_size(size_t len)
{
    return len + HEADER * ((len + XOR_UNIT - 1) / XOR_UNIT);
}

void xor_read(struct xor_server *server, unsigned layer, void *data, size_t len)
{
    size_t *left = &server->left[layer];
    unsigned char header[HEADER];
    char *to = data;

    if (layer == 0) {
        peer_read(server->world, server->fd, data, len);
        server->read += len;
        return;
    }
    while (len) {
        size_t part;

        if (*left == 0) {
            xor_read(server, layer - 1, header, sizeof(header));
            *left = (size_t)header[0] << 8 | header[1];
        }
        part = len < *left ? len : *left;
        xor_read(server, layer - 1, to, part);
        encode(to, to, part);
        to += part;
        len -= part;
        *left -= part;
    }
}

void xor_write(struct xor_server *server, unsigned layer, const void *data, size_t len)
{
    const char *from = data;
    char unit[HEADER + XOR_UNIT];

    if (layer == 0) {
        peer_write(server->fd, data, len);
        server->written += len;
        return;
    }
    for (size_t part; len; from += part, len -= part) {
        part = len < XOR_UNIT ? len : XOR_UNIT;
        unit[0] = (char)(part >> 8);
        unit[1] = (char)part;
        encode(from, unit + HEADER, part);
        xor_write(server, layer - 1, unit, HEADER + part);
    }
}

void xor_take_hello(struct xor_server *server, unsigned layer)
{
    char hello[XOR_HELLO];

    xor_read(server, layer - 1, hello, sizeof(hello));
    assert_memory_equal(hello, "HELLO", XOR_HELLO);
}

void xor_handshake(struct xor_server *server, unsigned rounds)
{
    for (unsigned layer = 1; layer <= server->depth; layer++) {
        for (unsigned i = 0; i < rounds; i++) {
            xor_take_hello(server, layer);
            xor_write(server, layer - 1, "Y", 1);
        }
    }
}

void xor_refuse(struct xor_server *server, unsigned layer, const char *text)
{
    char head[HEADER] = { 'N', (char)strlen(text) };

    xor_write(server, layer - 1, head, sizeof(head));
    xor_write(server, layer - 1, text, strlen(text));
}

/* SPDX-License-Identifier: MIT */
#include "tls_world.h"

struct rp_tls *tls_of(struct world *world)
{
    return rp_container_of(world->client, struct rp_tls, transport);
}

/* ---- the transport below ---- */

static int below_connect(struct rp_transport *below, const struct rp_address *address,
                         uint16_t port)
{
    return 0;
}

/* The socket takes no more for now; meanwhile others send. */
static void be_full(struct world *world, struct rp_slice *rest)
{
    assert_int_equal(world->below.events->keep(&world->below, rest), 0);
    memset(world->shared->scratch, 0x55, sizeof(world->shared->scratch));
    if (world->full)
        world->full(world);
}

void offer(struct world *world)
{
    while (world->is_sending) {
        struct rp_slice bytes = { 0 };

        assert_int_equal(world->below.events->fill(&world->below, &bytes), 0);
        world->is_sending = bytes.len > 0;
        while (bytes.len) {
            size_t part = world->takes && world->takes < bytes.len ? world->takes : bytes.len;

            assert_int_equal(BIO_write(SSL_get_rbio(world->server), bytes.ptr, (int)part),
                             (int)part);
            bytes = rp_slice(bytes.ptr + part, bytes.len - part);
            if (bytes.len)
                be_full(world, &bytes);
        }
    }
}

static int below_send(struct rp_transport *below, struct rp_slice a, struct rp_slice b)
{
    struct world *world = rp_container_of(below, struct world, below);

    assert_int_equal(a.len + b.len, 0);
    assert_false(world->is_sending);
    world->is_sending = true;
    return 0;
}

static int below_send_now(struct rp_transport *below, struct rp_slice a, struct rp_slice b)
{
    int r = below_send(below, a, b);

    offer(rp_container_of(below, struct world, below));
    return r;
}

static void below_note_end(struct rp_transport *below)
{
}

static void below_close(struct rp_transport *below, bool reset)
{
    rp_container_of(below, struct world, below)->is_closed = true;
}

static const struct rp_transport_ops below_ops = {
    .name = "below",
    .connect = below_connect,
    .send = below_send,
    .send_now = below_send_now,
    .note_end = below_note_end,
    .close = below_close,
};

/* ---- the user ---- */

static void on_connected(struct rp_transport *client, const struct rp_net_failure *failure)
{
    struct world *world = client->user;

    assert_null(failure);
    world->connected++;
}

static void on_data(struct rp_transport *client, const char *data, size_t len, rp_ns at)
{
    struct world *world = client->user;

    assert_true(len > 0);
    rp_buf_append(&world->got, data, len);
    if (world->closes)
        rp_transport_close(client, false);
}

static void on_ended(struct rp_transport *client, const struct rp_net_failure *failure, rp_ns at)
{
    struct world *world = client->user;

    world->ended++;
    world->has_failed = failure != NULL;
    if (failure)
        world->failure = *failure;
}

static const struct rp_transport_events events = { .connected = on_connected,
                                                   .data = on_data,
                                                   .ended = on_ended };

/* ---- both ---- */

/* What the server has written reaches the client. */
void deliver(struct world *world)
{
    char bytes[4096];
    int len;

    while (!world->is_closed &&
           (len = BIO_read(SSL_get_wbio(world->server), bytes, sizeof(bytes))) > 0) {
        size_t piece = world->piece ? world->piece : (size_t)len;

        for (size_t i = 0; i < (size_t)len && !world->is_closed; i += piece) {
            size_t part = (size_t)len - i < piece ? (size_t)len - i : piece;
            char *alone = malloc(part); /* so that reading past it shows */

            memcpy(alone, bytes + i, part);
            world->below.events->data(&world->below, alone, part, 1);
            free(alone);
        }
        assert_int_equal(rp_loop_turn(world->loop, 0), 0);
    }
}

static void shake_hands(struct world *world)
{
    assert_int_equal(rp_transport_connect(world->client, &(struct rp_address){ 0 }, 1), 0);
    world->below.events->connected(&world->below, NULL);
    for (int i = 0; i < 100 && (!world->connected || !SSL_is_init_finished(world->server)); i++) {
        offer(world);
        (void)SSL_do_handshake(world->server);
        deliver(world);
        assert_int_equal(rp_loop_turn(world->loop, 0), 0); /* a step may have been put off */
    }
    assert_int_equal(world->connected, 1);
    assert_true(SSL_is_init_finished(world->server));
}

/* @len bytes of the client's, in two parts, arrive as they are. */
void send_up(struct world *world, size_t first, size_t second)
{
    static char from[BODY_MAX], to[BODY_MAX];
    size_t got = 0;
    int len;

    for (size_t i = 0; i < first + second; i++)
        from[i] = (char)(i * 7 + first);
    assert_int_equal(
        rp_transport_send(world->client, rp_slice(from, first), rp_slice(from + first, second)), 0);
    offer(world);
    while ((len = SSL_read(world->server, to + got, (int)(sizeof(to) - got))) > 0)
        got += (size_t)len;
    assert_int_equal(SSL_get_error(world->server, len), SSL_ERROR_WANT_READ);
    assert_int_equal(got, first + second);
    assert_memory_equal(from, to, got);
}

void send_down(struct world *world, size_t len)
{
    static char from[BODY_MAX];

    for (size_t i = 0; i < len; i++)
        from[i] = (char)(i * 5 + len);
    rp_buf_reset(&world->got);
    assert_int_equal(SSL_write(world->server, from, (int)len), (int)len);
    deliver(world);
    assert_int_equal(world->got.len, len);
    assert_memory_equal(world->got.data, from, len);
}

void exchange(struct world *world)
{
    send_up(world, 30, 0);
    send_down(world, 149);
}

void use(struct world *world, int times)
{
    for (int i = 0; i < times; i++)
        exchange(world);
}

static void make_server_context(struct world *world)
{
    world->server_context = SSL_CTX_new(TLS_server_method());
    assert_int_equal(SSL_CTX_use_certificate(world->server_context, world->certificate.certificate),
                     1);
    assert_int_equal(SSL_CTX_use_PrivateKey(world->server_context, world->certificate.key), 1);
    /* Of TLS 1.3 all that OpenSSL has, so that the client chooses. */
    assert_int_equal(
        SSL_CTX_set_ciphersuites(world->server_context,
                                 "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256:"
                                 "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_CCM_SHA256"),
        1);
}

static void open_connection(struct world *world)
{
    world->is_closed = world->is_sending = false;
    world->connected = world->ended = 0;
    world->server = SSL_new(world->server_context);
    SSL_set_bio(world->server, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_accept_state(world->server);
    shake_hands(world);
}

void reopen(struct world *world)
{
    rp_transport_close(world->client, false);
    SSL_free(world->server);
    open_connection(world);
}

void begin(struct world *world, const char *ciphers)
{
    struct rp_tls_settings settings = { .is_unverified = true, .ciphers = ciphers };
    const struct rp_layer *layer;

    *world = (struct world){ 0 };
    rp_buf_init(&world->got, BODY_MAX);
    assert_int_equal(rp_loop_new(rp_loop_epoll, &world->loop), 0);
    assert_int_equal(rp_tls_shared_new(world->loop, &world->shared), 0);
    assert_int_equal(rp_tls_context_new(world->shared, &settings, &world->context, NULL), 0);
    assert_int_equal(rp_tls_make_certificate(NULL, &world->certificate), 0);
    make_server_context(world);
    world->below =
        (struct rp_transport){ .ops = &below_ops, .traffic = &world->traffic, .loop = world->loop };
    layer = rp_tls_context_layer(world->context);
    assert_int_equal(layer->make(layer, &world->below, "localhost", 1, &world->client), 0);
    world->client->events = &events;
    world->client->user = world;
    open_connection(world);
}

void finish(struct world *world)
{
    rp_transport_close(world->client, false);
    world->client->ops->free(world->client);
    rp_tls_context_free(world->context);
    rp_tls_shared_free(world->shared);
    rp_loop_free(world->loop);
    SSL_free(world->server);
    SSL_CTX_free(world->server_context);
    rp_tls_certificate_free(&world->certificate);
    rp_buf_deinit(&world->got);
    ERR_clear_error();
}

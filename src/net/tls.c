/* SPDX-License-Identifier: MIT */

/*
 * One TLS connection: how it opens and ends. tls_receive.c, tls_send.c: how it receives and sends.
 * tls_records.c: its records, without OpenSSL's layer for them. tls_ssl.c: what OpenSSL is given.
 * tls_context.c: settings. tls_error.c: why something failed.
 */

#include <errno.h>
#include <openssl/err.h>
#include <string.h>

#include "base/alloc.h"
#include "net/net_internal.h"

/* More would be a peer's attack: a flight of a handshake has a few KiB, a large chain of
 * certificates some tens. */
enum { PENDING_MAX = 1 << 20 };

static struct rp_tls *of_transport(struct rp_transport *transport)
{
    return rp_container_of(transport, struct rp_tls, transport);
}

/* ---- ends ---- */

static void tls_close(struct rp_transport *transport, bool reset);

static void let_go(struct rp_tls *tls)
{
    tls->state = TLS_CLOSED;
    tls->is_flushing = tls->is_sending = false;
    if (tls->ssl) {
        /* Else OpenSSL takes the session for a bad one, because nobody has said good-bye. */
        SSL_set_shutdown(tls->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
        SSL_free(tls->ssl);
        if (tls->tickets)
            rp_tls_slim_tickets(tls->tickets);
    }
    tls->ssl = NULL;
    rp_tls_forget_keys(tls);
    rp_free(tls->rest);
    tls->rest = NULL;
    rp_buf_deinit(&tls->pending);
    rp_list_remove(&tls->node);
    rp_buf_deinit(&tls->delayed);
    rp_buf_deinit(&tls->partial);
    tls->in = rp_slice(NULL, 0);
}

/* What there is to say at the end: why (an alert), or that the end was meant, for a peer that waits to
 * know. Nobody waits for the peer's answer. */
static void say_last(struct rp_tls *tls)
{
    if (tls->is_flushing || tls->state < TLS_OPEN)
        return;
    if (!tls->pending.len) {
        (void)SSL_shutdown(tls->ssl);
        ERR_clear_error();
    }
    rp_tls_send_last(tls);
}

static void fail_handshake(struct rp_tls *tls, const struct rp_net_failure *failure)
{
    rp_tls_send_last(tls); /* the alert that tells the peer why */
    let_go(tls);
    rp_transport_close(tls->transport.below, false);
    tls->transport.events->connected(&tls->transport, failure);
}

/* What is said last is sent after the user has been told, whose request still has the times of the
 * send before. */
void rp_tls_end(struct rp_tls *tls, const struct rp_net_failure *failure, rp_ns at)
{
    tls->state = TLS_ENDED;
    rp_transport_note_end(tls->transport.below);
    tls->transport.events->ended(&tls->transport, failure, at);
    if (tls->state == TLS_ENDED)
        tls_close(&tls->transport, false);
}

/* ---- opening ---- */

static void opened(struct rp_tls *tls)
{
    tls->state = TLS_OPEN;
    if (!rp_tls_frame(tls))
        SSL_set_read_ahead(tls->ssl, 1); /* several records at once */
    /* What is pending, such as the end of the handshake, goes out with the user's first bytes. */
    if (tls->pending.len && rp_tls_flush(tls) < 0) {
        struct rp_net_failure failure = { .reason = RP_NET_BROKE };

        fail_handshake(tls, &failure);
        return;
    }
    rp_transport_opened(&tls->transport);
}

/* A step of the handshake, with what has come. */
static void shake(struct rp_tls *tls)
{
    struct rp_net_failure failure;
    int r;

    tls->context->shared->verify_error = 0;
    ERR_clear_error(); /* of others in this thread */
    r = SSL_do_handshake(tls->ssl);
    if (r == 1) {
        opened(tls);
        return;
    }
    if (ERR_peek_error() == 0 && !tls->pending.error) { /* it wants to read more */
        if (!tls->pending.len || rp_tls_flush(tls) == 0)
            return;
        failure = (struct rp_net_failure){ .reason = RP_NET_BROKE };
    } else {
        failure = rp_tls_failure(tls);
    }
    fail_handshake(tls, &failure);
}

/* Has a step of the handshake done, which may end in any way. */
static void go_on(struct rp_tls *tls, struct rp_slice bytes, rp_ns at)
{
    static const struct rp_net_failure failure = { RP_NET_HANDSHAKE_FAILED, "out of memory" };

    if (rp_tls_step_in_turn(tls, bytes, at) < 0)
        fail_handshake(tls, &failure);
}

static void below_connected(struct rp_transport *below, const struct rp_net_failure *failure)
{
    struct rp_tls *tls = below->user;

    if (failure) {
        let_go(tls);
        tls->transport.events->connected(&tls->transport, failure);
        return;
    }
    tls->state = TLS_SHAKING;
    go_on(tls, rp_slice(NULL, 0), 0);
}

/* ---- receiving ---- */

/* The client of a server that still has to answer. */
void rp_tls_half_close(struct rp_tls *tls, rp_ns at)
{
    if (tls->is_half_closed)
        return;
    tls->is_half_closed = true;
    tls->transport.events->half_closed(&tls->transport, at);
}

void rp_tls_step(struct rp_tls *tls, struct rp_slice bytes, rp_ns at)
{
    tls->in = bytes;
    shake(tls);
    bytes = tls->in;
    tls->in = rp_slice(NULL, 0);
    if (tls->state == TLS_OPEN)
        rp_tls_take_bytes(tls, bytes, at);
}

static void below_data(struct rp_transport *below, const char *data, size_t len, rp_ns at)
{
    struct rp_tls *tls = below->user;

    if (RP_LIKELY(tls->state == TLS_OPEN)) {
        rp_tls_take_bytes(tls, rp_slice(data, len), at);
    } else if (tls->state == TLS_SHAKING) {
        if (!tls->got_bytes)
            tls->first = (unsigned char)data[0];
        tls->got_bytes = true;
        go_on(tls, rp_slice(data, len), at);
    }
}

/* The peer has ended during the handshake. It may have said why, in bytes that wait for their turn. */
static struct rp_net_failure why_it_closed(struct rp_tls *tls)
{
    int r = 1;

    ERR_clear_error();
    if (tls->delayed.len) {
        tls->in = rp_buf_slice(&tls->delayed);
        r = SSL_do_handshake(tls->ssl);
    }
    if (r <= 0 && ERR_peek_error())
        return rp_tls_failure(tls);
    return (struct rp_net_failure){ RP_NET_HANDSHAKE_FAILED, "the server closed the connection" };
}

static void below_ended(struct rp_transport *below, const struct rp_net_failure *failure, rp_ns at)
{
    static const struct rp_net_failure truncated = {
        RP_NET_TRUNCATED, "the connection ended without the end of TLS (close_notify)"
    };
    struct rp_tls *tls = below->user;
    enum tls_state state = tls->state;
    struct rp_net_failure closed;

    if (state != TLS_OPEN)
        closed = why_it_closed(tls);
    let_go(tls);
    if (state == TLS_OPEN)
        tls->transport.events->ended(&tls->transport, failure ? failure : &truncated, at);
    else
        tls->transport.events->connected(&tls->transport, failure ? failure : &closed);
}

static const struct rp_transport_events events_of_below = {
    .connected = below_connected,
    .data = below_data,
    .ended = below_ended,
    .fill = rp_tls_fill,
    .keep = rp_tls_keep,
};

static void below_half_closed(struct rp_transport *below, rp_ns at)
{
    struct rp_tls *tls = below->user;

    if (tls->state == TLS_OPEN) {
        rp_tls_half_close(tls, at);
    } else if (tls->state == TLS_SHAKING) {
        const struct rp_net_failure failure = why_it_closed(tls);

        fail_handshake(tls, &failure);
    }
}

static void below_sent(struct rp_transport *below)
{
    struct rp_tls *tls = below->user;

    tls->is_flushing = false;
    if (tls->state == TLS_OPEN && tls->owes_sent) {
        tls->owes_sent = false;
        tls->transport.events->sent(&tls->transport);
    }
}

static const struct rp_transport_events events_of_below_server = {
    .data = below_data,
    .ended = below_ended,
    .fill = rp_tls_fill,
    .keep = rp_tls_keep,
    .half_closed = below_half_closed,
    .sent = below_sent,
};

/* ---- for the user ---- */

static int become_new(struct rp_tls *tls)
{
    if (tls->state == TLS_ENDED)
        tls_close(&tls->transport, false);
    rp_assert(tls->state == TLS_CLOSED);
    tls->transport.opened = 0;
    tls->got_bytes = tls->is_half_closed = tls->owes_sent = tls->owes_keys = tls->got_tickets =
        tls->is_held = false;
    tls->empties = 0;
    tls->out[0].len = tls->out[1].len = 0;
    rp_buf_init(&tls->pending, PENDING_MAX);
    rp_buf_init(&tls->delayed, PENDING_MAX);
    rp_buf_init(&tls->partial, TLS_RECORD_WHOLE);
    return rp_tls_prepare(tls);
}

int rp_tls_accept(struct rp_transport *transport)
{
    struct rp_tls *tls = of_transport(transport);
    int r = become_new(tls);

    if (r < 0)
        let_go(tls);
    else
        tls->state = TLS_SHAKING;
    return r;
}

static int tls_connect(struct rp_transport *transport, const struct rp_address *address,
                       uint16_t port)
{
    struct rp_tls *tls = of_transport(transport);
    int r = become_new(tls);

    if (r == 0)
        r = rp_transport_connect(transport->below, address, port);
    if (r < 0)
        let_go(tls);
    else
        tls->state = TLS_CONNECTING;
    return r;
}

static int tls_send(struct rp_transport *transport, struct rp_slice a, struct rp_slice b)
{
    struct rp_tls *tls = of_transport(transport);
    int r;

    if (RP_UNLIKELY(tls->state != TLS_OPEN))
        return -ENOTCONN;
    if (RP_UNLIKELY(tls->is_sending))
        return -EBUSY;
    r = rp_tls_flush(tls);
    if (RP_UNLIKELY(r < 0))
        return r;
    tls->is_sending = true;
    tls->out[0] = a;
    tls->out[1] = b;
    return 0;
}

static int tls_send_now(struct rp_transport *transport, struct rp_slice a, struct rp_slice b)
{
    struct rp_tls *tls = of_transport(transport);
    int r;

    if (RP_UNLIKELY(tls->state != TLS_OPEN))
        return -ENOTCONN;
    if (RP_UNLIKELY(tls->is_sending))
        return -EBUSY;
    tls->is_sending = true;
    tls->out[0] = a;
    tls->out[1] = b;
    r = rp_tls_flush(tls);
    if (r < 0)
        return r;
    tls->owes_sent = tls->is_flushing;
    return tls->is_flushing ? RP_STREAM_LEFT : 0;
}

static int tls_shutdown(struct rp_transport *transport)
{
    struct rp_tls *tls = of_transport(transport);

    if (tls->state != TLS_OPEN)
        return -ENOTCONN;
    if (tls->is_flushing)
        return -EBUSY;
    say_last(tls);
    return rp_transport_shutdown(transport->below);
}

static void tls_pause(struct rp_transport *transport)
{
    rp_transport_pause(transport->below);
}

static int tls_resume(struct rp_transport *transport)
{
    return rp_transport_resume(transport->below);
}

static void tls_note_end(struct rp_transport *transport)
{
    rp_transport_note_end(transport->below);
}

static void tls_close(struct rp_transport *transport, bool reset)
{
    struct rp_tls *tls = of_transport(transport);

    if (!reset)
        say_last(tls);
    let_go(tls);
    rp_transport_close(transport->below, reset);
}

static void tls_free(struct rp_transport *transport)
{
    rp_free(of_transport(transport));
}

static const struct rp_transport_ops tls_ops = {
    .name = "tls",
    .is_handshake = true,
    .connect = tls_connect,
    .send = tls_send,
    .send_now = tls_send_now,
    .shutdown = tls_shutdown,
    .pause = tls_pause,
    .resume = tls_resume,
    .note_end = tls_note_end,
    .close = tls_close,
    .free = tls_free,
};

int rp_tls_make(const struct rp_layer *layer, struct rp_transport *below, const char *host,
                uint16_t port, struct rp_transport **ret)
{
    struct rp_tls *tls = rp_calloc(1, sizeof(*tls));

    if (!tls)
        return -ENOMEM;
    tls->context = rp_container_of(layer, struct rp_tls_context, layer);
    tls->host = host;
    rp_layer_init(&tls->transport, &tls_ops, below,
                  tls->context->is_server ? &events_of_below_server : &events_of_below);
    *ret = &tls->transport;
    return 0;
}

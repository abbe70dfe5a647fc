/* SPDX-License-Identifier: MIT */

/*
 * What a TLS connection sends. The socket asks for bytes; then what the user sends is encrypted into
 * the scratch of the loop, as much as a send takes. A record costs much, its bytes little: head and body
 * of a request go into one.
 */

#include <errno.h>
#include <openssl/err.h>
#include <string.h>

#include "base/alloc.h"
#include "net/net_internal.h"

int rp_tls_flush(struct rp_tls *tls)
{
    int r;

    if (tls->is_flushing)
        return 0;
    if (tls->context->is_server) { /* an answer is ready when the question has come */
        r = rp_transport_send_now(tls->transport.below, rp_slice(NULL, 0), rp_slice(NULL, 0));
        tls->is_flushing = r == RP_STREAM_LEFT;
        return r < 0 ? r : 0;
    }
    r = rp_transport_send(tls->transport.below, rp_slice(NULL, 0), rp_slice(NULL, 0));
    tls->is_flushing = r == 0;
    return r;
}

/* The next bytes of the user's send: as much as goes into a record, head and body together. */
static struct rp_slice next_bytes(struct rp_tls *tls)
{
    char *plain = tls->context->shared->plain;
    size_t used = 0;

    for (int i = 0; i < 2; i++) {
        size_t room = TLS_RECORD - used;
        size_t part = tls->out[i].len < room ? tls->out[i].len : room;

        if (part == 0)
            continue;
        if (used == 0 && (part == room || i == 1 || tls->out[1].len == 0))
            return rp_slice(tls->out[i].ptr, part);
        memcpy(plain + used, tls->out[i].ptr, part);
        used += part;
    }
    return rp_slice(plain, used);
}

static void take_off(struct rp_tls *tls, size_t len)
{
    for (int i = 0; i < 2 && len; i++) {
        size_t part = len < tls->out[i].len ? len : tls->out[i].len;

        tls->out[i] = rp_slice(tls->out[i].ptr + part, tls->out[i].len - part);
        len -= part;
    }
}

/* When the user's two parts are used up, it may have more: it may be a layer too. */
static int ask_user(struct rp_tls *tls)
{
    const struct rp_transport_events *events = tls->transport.events;

    if (!events->fill || tls->out[0].len + tls->out[1].len > 0)
        return 0;
    return events->fill(&tls->transport, &tls->out[0]);
}

/* What is left of the bytes that the user has made is in a buffer of the user's that others share. */
static int keep_of_user(struct rp_tls *tls)
{
    const struct rp_transport_events *events = tls->transport.events;

    return events->keep && tls->out[0].len ? events->keep(&tls->transport, &tls->out[0]) : 0;
}

/* A record with the next of the user's bytes, into the scratch. How many they are; 0 = none are left. */
static int seal(struct rp_tls *tls)
{
    struct rp_tls_shared *shared = tls->context->shared;
    size_t a_len = tls->out[0].len < TLS_RECORD ? tls->out[0].len : TLS_RECORD;
    size_t b_len = tls->out[1].len < TLS_RECORD - a_len ? tls->out[1].len : TLS_RECORD - a_len;
    size_t sealed;

    if (a_len + b_len == 0)
        return 0;
    sealed = rp_tls_seal(tls, rp_slice(tls->out[0].ptr, a_len), rp_slice(tls->out[1].ptr, b_len),
                         shared->scratch + shared->scratch_len);
    shared->scratch_len += sealed;
    return sealed ? (int)(a_len + b_len) : -EPROTO;
}

/* The same by OpenSSL. -EAGAIN: not before it has the rest of a message of the server. */
static int seal_by_ssl(struct rp_tls *tls)
{
    struct rp_slice bytes = next_bytes(tls);
    int len = bytes.len ? SSL_write(tls->ssl, bytes.ptr, (int)bytes.len) : 0;

    if (RP_LIKELY(len > 0 || !bytes.len))
        return len;
    return SSL_want_read(tls->ssl) && !tls->context->is_server ? -EAGAIN : -EPROTO;
}

/* Encrypts what the user sends as long as there is room for a record. */
static int encrypt(struct rp_tls *tls)
{
    struct rp_tls_shared *shared = tls->context->shared;

    while (tls->is_sending && sizeof(shared->scratch) - shared->scratch_len >= TLS_RECORD_ROOM) {
        int r = ask_user(tls);

        if (r == 0)
            r = tls->sent.cipher ? seal(tls) : seal_by_ssl(tls);
        if (RP_UNLIKELY(r < 0)) {
            ERR_clear_error();
            tls->is_held = r == -EAGAIN;
            return tls->is_held ? keep_of_user(tls) : r;
        }
        if (r == 0) {
            tls->is_sending = false;
            break;
        }
        take_off(tls, (size_t)r);
    }
    return 0;
}

/* What is pending goes first, in one send with what follows. A flight that is larger than the
 * scratch goes alone. */
static struct rp_slice take_pending(struct rp_tls *tls)
{
    struct rp_tls_shared *shared = tls->context->shared;
    size_t len = tls->pending.len;

    if (len > sizeof(shared->scratch)) {
        tls->rest = rp_buf_take(&tls->pending);
        return rp_slice(tls->rest, len);
    }
    if (len)
        memcpy(shared->scratch, tls->pending.data, len);
    shared->scratch_len = len;
    rp_buf_deinit(&tls->pending);
    return rp_slice(NULL, 0);
}

int rp_tls_fill(struct rp_transport *below, struct rp_slice *ret)
{
    struct rp_tls *tls = below->user;
    struct rp_tls_shared *shared = tls->context->shared;
    int r = 0;

    rp_free(tls->rest);
    tls->rest = NULL;
    shared->scratch_len = 0;
    *ret = take_pending(tls);
    if (ret->len)
        return 0;
    if (tls->is_sending) {
        if (RP_UNLIKELY(tls->uses < TLS_LONG_USE))
            rp_tls_use(tls);
        shared->filling = tls;
        r = encrypt(tls);
        shared->filling = NULL;
    }
    tls->is_flushing = shared->scratch_len > 0;
    *ret = rp_slice(shared->scratch, shared->scratch_len);
    return r;
}

/* The scratch is needed for the next connection, and so is the user's, if it is TLS too. */
int rp_tls_keep(struct rp_transport *below, struct rp_slice *rest)
{
    struct rp_tls *tls = below->user;
    int r = keep_of_user(tls);

    if (r < 0 || tls->rest)
        return r;
    tls->rest = rp_alloc(rest->len);
    if (!tls->rest)
        return -ENOMEM;
    memcpy(tls->rest, rest->ptr, rest->len);
    rest->ptr = tls->rest;
    return 0;
}

void rp_tls_send_last(struct rp_tls *tls)
{
    int r = 0;

    if (tls->pending.len && !tls->is_flushing)
        r = rp_transport_send_now(tls->transport.below, rp_slice(NULL, 0), rp_slice(NULL, 0));
    (void)r; /* the peer may be gone already */
}

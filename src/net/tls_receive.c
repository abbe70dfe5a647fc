/* SPDX-License-Identifier: MIT */

/*
 * What a TLS connection receives. With TLS 1.3 records are told apart here, so that those for the user
 * need not go through OpenSSL (tls_records.c). With older versions it is given all that comes.
 */

#include <openssl/err.h>

#include "net/net_internal.h"

/* SSL_read() had nothing to give. */
static void read_nothing(struct rp_tls *tls, rp_ns at)
{
    struct rp_net_failure failure;

    /* A fatal alert looks like the end, but leaves the connection as if it were not yet open. */
    if (SSL_get_shutdown(tls->ssl) & SSL_RECEIVED_SHUTDOWN && !SSL_in_init(tls->ssl)) {
        if (tls->transport.events->half_closed)
            rp_tls_half_close(tls, at);
        else
            rp_tls_end(tls, NULL, at);
        return;
    }
    if (!SSL_in_init(tls->ssl) || SSL_want_read(tls->ssl))
        return; /* Its queue of errors does not tell: others in this thread may have left some. */
    failure = rp_tls_failure(tls);
    rp_tls_end(tls, &failure, at);
}

static void end_without_memory(struct rp_tls *tls, rp_ns at)
{
    static const struct rp_net_failure failure = { RP_NET_TLS, "out of memory" };

    rp_tls_end(tls, &failure, at);
}

/* OpenSSL would change them with the next bytes of the user, which it may never see. */
RP_COLD static void change_own_keys(struct rp_tls *tls)
{
    size_t none;

    if (SSL_get_key_update_type(tls->ssl) != SSL_KEY_UPDATE_NONE) {
        (void)SSL_write_ex(tls->ssl, "", 0, &none);
        ERR_clear_error(); /* it has too little memory, as tls->pending says */
    }
    /* It may want the rest of a message first. */
    tls->owes_keys = SSL_get_key_update_type(tls->ssl) != SSL_KEY_UPDATE_NONE;
}

/* OpenSSL has something to say, such as the change of its keys, or can take what the user sends. */
RP_COLD static void answer_by_itself(struct rp_tls *tls, rp_ns at)
{
    tls->is_held = false;
    if (tls->pending.error || rp_tls_flush(tls) < 0)
        end_without_memory(tls, at);
}

/* Once the bytes are used up and OpenSSL has nothing left, it is not asked again: it would only look
 * for more. */
static void read_by_ssl(struct rp_tls *tls, rp_ns at)
{
    char *plain = tls->context->shared->plain;

    while (tls->state == TLS_OPEN && (tls->in.len || SSL_has_pending(tls->ssl))) {
        int len = SSL_read(tls->ssl, plain, TLS_RECORD);

        if (len <= 0) {
            read_nothing(tls, at);
            break;
        }
        tls->transport.events->data(&tls->transport, plain, (size_t)len, at);
    }
}

/* OpenSSL has to end the connection. It must not see what a wrong record has: it still waits for a number
 * of long ago, and would take the record with that one, come a second time, for a right one. */
static bool make_wrong(char *record, size_t len)
{
    memset(record + TLS_HEADER, 0, len - TLS_HEADER);
    return true;
}

RP_COLD static void read_anew_by_ssl(struct rp_tls *tls, struct rp_slice record, bool is_wrong,
                                     rp_ns at)
{
    struct rp_buf copy;

    rp_buf_init(&copy, TLS_RECORD_WHOLE);
    rp_buf_append_slice(&copy, record);
    if (!copy.error && (is_wrong ? make_wrong(copy.data, copy.len)
                                 : rp_tls_renumber_received(tls, copy.data, copy.len))) {
        tls->in = rp_buf_slice(&copy);
        read_by_ssl(tls, at);
        tls->in = rp_slice(NULL, 0);
    } else {
        end_without_memory(tls, at);
    }
    rp_buf_deinit(&copy);
}

/* A server that sends nothing but these is not listened to for ever. OpenSSL, which has not seen them, is
 * shown the last one until it finds them too many. */
RP_COLD static void take_empty(struct rp_tls *tls, struct rp_slice record, rp_ns at)
{
    if (++tls->empties <= TLS_EMPTIES_MAX)
        return;
    for (int i = 0; i <= TLS_EMPTIES_MAX && tls->state == TLS_OPEN; i++)
        read_anew_by_ssl(tls, record, false, at);
    tls->empties = 0;
}

static void take_record(struct rp_tls *tls, struct rp_slice record, rp_ns at)
{
    char *plain = tls->context->shared->plain;
    size_t len;
    enum tls_record found = rp_tls_open(tls, record, plain, &len);

    switch (found) {
    case TLS_FOR_USER:
        if (RP_LIKELY(len)) {
            tls->empties = 0;
            tls->transport.events->data(&tls->transport, plain, len, at);
        } else {
            take_empty(tls, record, at);
        }
        break;
    case TLS_FOR_SSL:
        tls->in = record;
        read_by_ssl(tls, at);
        break;
    default:
        read_anew_by_ssl(tls, record, found == TLS_WRONG, at);
    }
}

/* Goes on with the record whose beginning came before, and takes it when it is whole. Returns what is
 * left of @bytes. */
static struct rp_slice complete_record(struct rp_tls *tls, struct rp_slice bytes, rp_ns at)
{
    struct rp_buf *partial = &tls->partial;

    while (bytes.len) {
        size_t wanted = rp_tls_record_len(rp_buf_slice(partial)) - partial->len;
        size_t len = bytes.len < wanted ? bytes.len : wanted;

        rp_buf_append(partial, bytes.ptr, len);
        bytes = rp_slice(bytes.ptr + len, bytes.len - len);
        if (partial->error) {
            end_without_memory(tls, at);
            break;
        }
        if (partial->len >= TLS_HEADER &&
            partial->len == rp_tls_record_len(rp_buf_slice(partial))) {
            struct rp_buf whole = *partial;

            rp_buf_init(partial, whole.max);
            take_record(tls, rp_buf_slice(&whole), at);
            rp_buf_deinit(&whole);
            break;
        }
    }
    return bytes;
}

static void take_framed(struct rp_tls *tls, struct rp_slice bytes, rp_ns at)
{
    while (tls->state == TLS_OPEN && bytes.len) {
        size_t len = rp_tls_record_len(bytes);

        if (RP_UNLIKELY(tls->partial.len || bytes.len < len)) {
            bytes = complete_record(tls, bytes, at);
            continue;
        }
        take_record(tls, rp_slice(bytes.ptr, len), at);
        bytes = rp_slice(bytes.ptr + len, bytes.len - len);
    }
}

void rp_tls_take_bytes(struct rp_tls *tls, struct rp_slice bytes, rp_ns at)
{
    if (tls->is_framed) {
        take_framed(tls, bytes, at);
    } else {
        tls->in = bytes;
        read_by_ssl(tls, at);
    }
    tls->in = rp_slice(NULL, 0);
    if (RP_UNLIKELY(tls->state == TLS_OPEN && tls->owes_keys))
        change_own_keys(tls);
    if (RP_UNLIKELY(tls->state == TLS_OPEN && (tls->pending.len || tls->is_held)))
        answer_by_itself(tls, at);
    if (RP_UNLIKELY(tls->state == TLS_OPEN && tls->got_tickets)) {
        /* Else an idle connection keeps 17 KB until it sends again. */
        tls->got_tickets = false;
        (void)SSL_free_buffers(tls->ssl);
    }
}

/* SPDX-License-Identifier: MIT */

/*
 * Tickets: what a server gives a client so that its next handshake is short. One of TLS 1.3 serves once
 * (RFC 8446, C.4; OpenSSL too refuses it a second time, without a word), and each connection brings
 * new ones. One of an older version serves again and again.
 *
 * OpenSSL's session has the certificates of the server, parsed, some 5 KB for each, and hands them
 * on to the sessions of all connections that are resumed from it. A short handshake does not look at
 * them: what their verification has found is in the session too. So a session is made anew without
 * them before it is used, and when it outlives its connection.
 */

#include <openssl/asn1.h>
#include <openssl/err.h>

#include "base/alloc.h"
#include "net/net_internal.h"

/* ---- without certificates -------------------------------------------------------------------- */

/* Of the sequence that i2d_SSL_SESSION() writes. */
enum { TAG_CERTIFICATE = 3 };

/* The header of the element at the beginning of @bytes: its tag is told, and how long it is, header
 * included. False: there is none. */
static bool read_element(struct rp_slice bytes, int *ret_tag, int *ret_class, size_t *ret_header,
                         size_t *ret_len)
{
    const unsigned char *begin = (const unsigned char *)bytes.ptr, *at = begin;
    long len;

    if (!bytes.len || ASN1_get_object(&at, &len, ret_tag, ret_class, (long)bytes.len) & 0x80)
        return false;
    *ret_header = (size_t)(at - begin);
    *ret_len = *ret_header + (size_t)len;
    return true;
}

/* Finds the certificate in what i2d_SSL_SESSION() has written, and where the elements begin. */
static bool find_certificate(struct rp_slice session, size_t *ret_begin, struct rp_slice *ret)
{
    size_t header, len, at;
    int tag, class;

    if (!read_element(session, &tag, &class, ret_begin, &len) || len != session.len)
        return false;
    for (at = *ret_begin; at < session.len; at += len) {
        struct rp_slice rest = { session.ptr + at, session.len - at };

        if (!read_element(rest, &tag, &class, &header, &len))
            return false;
        if (class == V_ASN1_CONTEXT_SPECIFIC && tag == TAG_CERTIFICATE) {
            *ret = rp_slice(rest.ptr, len);
            return true;
        }
    }
    return false;
}

/* The session of these bytes without their certificate; NULL: there is none, or no memory. */
static SSL_SESSION *parse_without(struct rp_slice session)
{
    struct rp_slice certificate;
    size_t begin, before, behind;
    unsigned char *shorter, *to;
    const unsigned char *from;
    SSL_SESSION *parsed;

    if (!find_certificate(session, &begin, &certificate))
        return NULL;
    before = (size_t)(certificate.ptr - session.ptr) - begin;
    behind = session.len - begin - before - certificate.len;
    shorter = to = rp_alloc(session.len);
    if (!shorter)
        return NULL;
    ASN1_put_object(&to, 1, (int)(before + behind), V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
    memcpy(to, session.ptr + begin, before);
    memcpy(to + before, certificate.ptr + certificate.len, behind);
    from = shorter;
    parsed = d2i_SSL_SESSION(NULL, &from, to + before + behind - shorter);
    OPENSSL_cleanse(shorter, session.len); /* it has the secret that the next keys follow from */
    rp_free(shorter);
    return parsed;
}

/* @session, which is taken, or one that differs from it only in having no certificates. */
static SSL_SESSION *without_certificates(SSL_SESSION *session)
{
    unsigned char *bytes = NULL;
    SSL_SESSION *other = NULL;
    int len;

    if (!SSL_SESSION_get0_peer(session))
        return session;
    len = i2d_SSL_SESSION(session, &bytes);
    if (len > 0)
        other = parse_without(rp_slice((const char *)bytes, (size_t)len));
    if (!other)
        ERR_clear_error();
    OPENSSL_clear_free(bytes, len > 0 ? (size_t)len : 0);
    if (!other)
        return session;
    SSL_SESSION_free(session);
    return other;
}

/* ---- the box --------------------------------------------------------------------------------- */

int rp_tls_new_session(SSL *ssl, SSL_SESSION *session)
{
    struct rp_tls *tls = SSL_get_app_data(ssl);
    struct rp_tls_tickets *tickets = tls->tickets;

    tls->got_tickets = true;
    if (!tickets || !tls->context->resumes)
        return 0; /* OpenSSL frees it */
    SSL_SESSION_free(tickets->kept[RP_TLS_TICKETS - 1]);
    for (size_t i = RP_TLS_TICKETS - 1; i > 0; i--)
        tickets->kept[i] = tickets->kept[i - 1];
    tickets->kept[0] = session;
    return 1;
}

/* OpenSSL's mark of one that must not be used any more would get lost. */
void rp_tls_slim_tickets(struct rp_tls_tickets *tickets)
{
    for (size_t i = 0; i < RP_TLS_TICKETS; i++)
        if (tickets->kept[i] && SSL_SESSION_is_resumable(tickets->kept[i]))
            tickets->kept[i] = without_certificates(tickets->kept[i]);
}

/* The newest one, which the caller has to free; NULL = there is none. */
static SSL_SESSION *take(struct rp_tls_tickets *tickets)
{
    SSL_SESSION *newest;

    rp_tls_slim_tickets(tickets);
    newest = tickets->kept[0];
    if (newest && SSL_SESSION_get_protocol_version(newest) < TLS1_3_VERSION) {
        SSL_SESSION_up_ref(newest);
        return newest;
    }
    for (size_t i = 0; i + 1 < RP_TLS_TICKETS; i++)
        tickets->kept[i] = tickets->kept[i + 1];
    tickets->kept[RP_TLS_TICKETS - 1] = NULL;
    return newest;
}

void rp_tls_resume(struct rp_tls *tls)
{
    SSL_SESSION *session = tls->tickets && tls->context->resumes ? take(tls->tickets) : NULL;

    if (!session)
        return;
    (void)SSL_set_session(tls->ssl, session); /* without it the handshake is a full one */
    SSL_SESSION_free(session);
}

void rp_tls_tickets_free(struct rp_tls_tickets *tickets)
{
    for (size_t i = 0; i < RP_TLS_TICKETS; i++)
        SSL_SESSION_free(tickets->kept[i]);
    *tickets = (struct rp_tls_tickets){ { NULL } };
}

void rp_tls_use_tickets(struct rp_transport *transport, struct rp_tls_tickets *tickets)
{
    rp_container_of(transport, struct rp_tls, transport)->tickets = tickets;
}

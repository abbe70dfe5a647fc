/* SPDX-License-Identifier: MIT */

/*
 * Tickets: what a server gives a client so that its next handshake is short. One of TLS 1.3 serves once
 * (RFC 8446, C.4; OpenSSL too refuses it a second time, without a word), and each connection brings
 * new ones. One of an older version serves again and again.
 */

#include "net/net_internal.h"

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

/* The newest one, which the caller has to free; NULL = there is none. */
static SSL_SESSION *take(struct rp_tls_tickets *tickets)
{
    SSL_SESSION *newest = tickets->kept[0];

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

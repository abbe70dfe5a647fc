/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * net/tls.h - TLS as a layer of a stack of transports, by OpenSSL 3.
 *
 * Three things, from the longest life to the shortest. rp_tls_shared is what all TLS of one loop has in
 * common: buffers, the system's authorities, counts. rp_tls_context is one set of settings: whom to
 * trust, which certificate to show. Its layer makes transports, each of which is one connection.
 *
 * Certificates are verified unless the settings say otherwise. Bytes are encrypted when the socket
 * asks for them (fill() of net/transport.h), into a buffer that all connections share; so an open
 * connection that does nothing has no buffer. What OpenSSL allocates is its own affair.
 *
 * With TLS 1.3 only the first requests of a connection go through OpenSSL's record layer, which costs
 * twice as much as the encryption itself. Later ones are encrypted and decrypted here, by OpenSSL's
 * ciphers. It makes no difference to peers and users.
 *
 * A step of a handshake takes up to a millisecond. The steps of one turn of the loop take about a
 * millisecond in all; the others wait for the next turn, so that they hold up nobody else for long.
 *
 * Ends: a peer that says that it is done (close_notify) has ended; one whose TCP connection ends
 * without that is RP_NET_TRUNCATED, for somebody may have cut the bytes off. The reasons with which
 * opening fails are those of net/failure.h from RP_NET_UNKNOWN_AUTHORITY to RP_NET_TLS. With TLS 1.3
 * a server refuses the client's certificate only after the connection is open: then ended() says so.
 */

#include "net/stack.h"

enum rp_tls_version { RP_TLS_NONE, RP_TLS_1_0, RP_TLS_1_1, RP_TLS_1_2, RP_TLS_1_3 };
const char *rp_tls_version_text(enum rp_tls_version version); /* "tls1.3"; NULL for none */
/* "1.2", "tls1.2" or "TLSv1.2"; RP_TLS_NONE for what is none of them. */
enum rp_tls_version rp_tls_version_parse(const char *text);

/* Zeroed = the defaults. Texts are read while the context is made. */
struct rp_tls_settings {
    bool is_unverified;  /* whoever answers is trusted */
    bool offers_h2;      /* HTTP/2 is preferred to HTTP/1.1 (ALPN) */
    const char *ca_file; /* PEM: these authorities and not those of the system; NULL = the latter */
    const char *cert_file; /* PEM: the client's certificate, and its chain; NULL = none */
    const char *key_file;  /* PEM: its key, which must not be encrypted; NULL = in cert_file */
    enum rp_tls_version min_version, max_version; /* none = 1.2 at least, and what OpenSSL has */
    /* Names of OpenSSL or of IANA, separated by ':' or ','; NULL = OpenSSL's, with AES-128 first for TLS
     * 1.3. A version of TLS for which none is named is not spoken. */
    const char *ciphers;
    bool wants_status;  /* the server must bring a valid OCSP response (stapling) */
    bool no_resumption; /* each handshake is a full one */
    /* Gets the keys of each connection, so that others can read a capture (SSLKEYLOGFILE); NULL =
     * none. Made with mode 0600; a file that others may read is refused. */
    const char *keylog_file;
};

/* Where the system has its authorities: a file of all of them, a folder with one in each file, or
 * both. NULL = it has none there. */
struct rp_tls_authorities {
    const char *file, *folder;
};
const char *rp_tls_library(void); /* "OpenSSL 3.0.17 1 Jul 2025" */
/* SSL_CERT_FILE and SSL_CERT_DIR name other places. False: there are none at all. */
bool rp_tls_find_authorities(struct rp_tls_authorities *ret);

struct rp_tls_shared;
struct rp_tls_context;
/* A certificate for localhost, 127.0.0.1 and ::1 that has signed itself, valid for a year, and its
 * key (EC P-256). */
struct rp_tls_certificate {
    struct x509_st *certificate;
    struct evp_pkey_st *key;
};
/* @host: a further name or address that it is for; NULL = none. -ENOMEM, or -EIO when OpenSSL cannot. */
RP_NODISCARD int rp_tls_make_certificate(const char *host, struct rp_tls_certificate *ret);
void rp_tls_certificate_free(struct rp_tls_certificate *certificate); /* zeroed is allowed */
/* Writes it without its key, as PEM, to @fd. 0 or -EIO. */
RP_NODISCARD int rp_tls_certificate_write(const struct rp_tls_certificate *certificate, int fd);

RP_NODISCARD int rp_tls_shared_new(struct rp_loop *loop, struct rp_tls_shared **ret);
/* No context may be left. NULL is allowed. */
void rp_tls_shared_free(struct rp_tls_shared *shared);

/* Whether a server could show the certificate in @cert_file, with its chain, by the key in @key_file
 * (NULL = in the same file): both are PEM, fit each other, and the key is not encrypted. -RP_EUSER with
 * @err: what is wrong with which file; *ret_is_key is true when that is the key. */
RP_NODISCARD int rp_tls_check_certificate(const char *cert_file, const char *key_file,
                                          bool *ret_is_key, struct rp_error *err);
/* -RP_EUSER: a setting is wrong, or this system has no authorities to verify by. The first context
 * that verifies looks for them. */
RP_NODISCARD int rp_tls_context_new(struct rp_tls_shared *shared,
                                    const struct rp_tls_settings *settings,
                                    struct rp_tls_context **ret, struct rp_error *err);
/* For servers: shows @certificate, which is its own authority, made by rp_tls_make_certificate().
 * Asks for none of the client. Of what the client offers (ALPN) it chooses HTTP/2 before HTTP/1.1. */
RP_NODISCARD int rp_tls_server_new(struct rp_tls_shared *shared,
                                   const struct rp_tls_certificate *certificate,
                                   struct rp_tls_context **ret);
/* No transport made with it may be left. NULL is allowed. */
void rp_tls_context_free(struct rp_tls_context *context);
/* Makes a transport of a server over @below, the socket that a listener has accepted and rp_tcp_adopt()
 * has taken over afterwards. Its user is told by connected() when the handshake is over. -ENOMEM. */
RP_NODISCARD int rp_tls_accept_over(struct rp_tls_context *context, struct rp_transport *below,
                                    struct rp_transport **ret);
/* Begins the handshake, once the socket is there. -ENOMEM. */
RP_NODISCARD int rp_tls_accept(struct rp_transport *transport);
/* Frees a closed transport that rp_tls_accept_over() has made. */
void rp_tls_free(struct rp_transport *transport);
/* The layer for rp_stack_init(), whose host and port are the server's. Lives as long as @context. */
const struct rp_layer *rp_tls_context_layer(const struct rp_tls_context *context);

/* What one user has of earlier connections to one server, with which the next handshake is shorter:
 * the newest two tickets. Not to be shared between users: each of them is somebody who comes back.
 * Zeroed = none. A ticket takes about a KB; while the connection is open that brought it, it shares the
 * server's certificates with it. A connection that fails takes all tickets along. */
enum { RP_TLS_TICKETS = 2 };
struct rp_tls_tickets {
    struct ssl_session_st *kept[RP_TLS_TICKETS]; /* private; the newest first */
};
void rp_tls_tickets_free(struct rp_tls_tickets *tickets); /* leaves it empty */
/* Has @transport, which such a layer has made and which is closed, use @tickets and put new ones
 * there. They must stay until it is closed again. */
void rp_tls_use_tickets(struct rp_transport *transport, struct rp_tls_tickets *tickets);

/* Of a transport that such a layer has made, while it is open. */
enum rp_tls_version rp_tls_version(const struct rp_transport *transport);
/* Its cipher suite, by the name of IANA, such as "TLS_AES_128_GCM_SHA256"; a constant text, or NULL. */
const char *rp_tls_cipher_suite(const struct rp_transport *transport);
/* Whether its handshake was a short one. */
bool rp_tls_is_resumed(const struct rp_transport *transport);
/* The protocol that both sides have agreed on (ALPN), such as "http/1.1"; empty = none. */
struct rp_slice rp_tls_protocol(const struct rp_transport *transport);

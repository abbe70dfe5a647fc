/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the tests of https share. The server is libssl itself, driven step by step by the test: what it has to say lies
 * in a memory BIO until the test sends it, whole or byte by byte.
 */

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "net/net_internal.h"
#include "testing.h"

/* What all tests of a world share. */
struct place {
    struct env env;
    struct rp_tls_certificate certificate;
    SSL_CTX *context;
    char ca_file[64];
    int ca_fd;
    struct request request;
};

struct server {
    struct env *env;
    int fd;
    SSL *ssl;
    BIO *in, *out;
};

void place_init(struct place *place, struct world *world);
/* The client trusts the server's certificate. */
void place_trust(struct place *place);
void place_request(struct place *place, const char *method, const char *body);
void place_deinit(struct place *place);

void server_accept(struct server *server, struct place *place);
void server_free(struct server *server);
/* Takes what has come, if anything has; turns once. */
void server_take(struct server *server);
/* Sends @len bytes of what the server has to say. */
void server_send(struct server *server, size_t len);
size_t server_pending(struct server *server);
/* Sends all, @step bytes in each turn of the loop; 0 = at once. */
void server_flush(struct server *server, size_t step);
void server_shake(struct server *server, size_t step);
/* Reads a request up to the end of its head, and @body_len bytes. */
void server_read_request(struct server *server, size_t body_len);
void server_write(struct server *server, const char *text);
/* Starts the request; the server has read it on return. */
void open_connection(struct place *place, struct server *server, size_t step);

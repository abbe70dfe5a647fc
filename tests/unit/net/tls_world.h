/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A connection of the TLS layer with an OpenSSL that does not know of it. The socket between both is two buffers of this
 * helper, so that a test sees each record.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>
#include <openssl/err.h>

#include "net/net_internal.h"

enum { BODY_MAX = 100 * 1024 };

struct world {
    struct rp_loop *loop;
    struct rp_tls_shared *shared;
    struct rp_tls_context *context;
    struct rp_tls_certificate certificate;
    SSL_CTX *server_context;
    SSL *server;
    /* The transport below: what it was told. */
    struct rp_transport below;
    struct rp_traffic traffic;
    bool is_sending, is_closed;
    size_t piece;                      /* so many bytes arrive at a time; 0 = all */
    size_t takes;                      /* so many bytes the socket takes at a time; 0 = all */
    void (*full)(struct world *world); /* when there are more; or NULL */
    /* The user of the layer. */
    struct rp_transport *client;
    int makes;   /* so many times it has bytes for a send that makes them */
    bool closes; /* when it has got something */
    int connected, ended;
    bool has_failed;
    struct rp_net_failure failure;
    struct rp_buf got, sent;
};

struct rp_tls *tls_of(struct world *world);
/* An open connection. @ciphers: as in struct rp_tls_settings. */
void begin(struct world *world, const char *ciphers);
void finish(struct world *world);
/* Another connection in place of the present one. */
void reopen(struct world *world);
/* What the client wants to send reaches the server, and what the server has written the client. */
void offer(struct world *world);
void deliver(struct world *world);
/* So many bytes, in two parts, arrive as they are. */
void send_up(struct world *world, size_t first, size_t second);
void send_down(struct world *world, size_t len);
/* A small request with its answer, so many times. */
void exchange(struct world *world);
void use(struct world *world, int times);

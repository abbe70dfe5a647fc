/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A layer for tests. Its handshake is a number of round trips; then every byte is XORed with a key
 * and travels in units of two bytes of length and UNIT bytes at most, so that n bytes become more.
 * Layers may stand upon each other. The server is plain code over a descriptor of the test.
 *
 * A round: the client says "HELLO", the server "Y", or "N", one byte of length and a text.
 */

#include "../loop/harness.h"
#include "net/stack.h"

enum { XOR_UNIT = 1000, XOR_HELLO = 5, XOR_DEPTH_MAX = 2 };

struct xor_kind {
    struct rp_layer layer; /* .make = xor_make */
    unsigned rounds;
    bool is_tunnel; /* its opening counts as connecting */
    int error; /* a connect fails with it before it reaches the transport below; 0 = none does */
};

int xor_make(const struct rp_layer *layer, struct rp_transport *below, const char *host,
             uint16_t port, struct rp_transport **ret);

struct xor_server {
    struct world *world;
    int fd;
    unsigned depth;                 /* layers */
    size_t left[XOR_DEPTH_MAX + 1]; /* bytes of the unit that is being read, by layer */
    uint64_t read, written;         /* bytes on the wire */
};

/* Bytes that @len bytes become, sent at once through one layer. */
size_t xor_size(size_t len);
/* On layer @layer: 1 is the lowest, 0 the wire. Turns the loop meanwhile. */
void xor_read(struct xor_server *server, unsigned layer, void *data, size_t len);
void xor_write(struct xor_server *server, unsigned layer, const void *data, size_t len);
void xor_take_hello(struct xor_server *server, unsigned layer);
/* All rounds of the layers, the lowest first. */
void xor_handshake(struct xor_server *server, unsigned rounds);
void xor_refuse(struct xor_server *server, unsigned layer, const char *text);

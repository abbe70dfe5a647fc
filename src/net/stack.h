/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * net/stack.h - the transports of one connection: a socket at the bottom and any number of layers
 * over it.
 *
 * The stack and its socket are part of their user's memory; each layer is a block of its own.
 */

#include "net/transport.h"

/* Tells how to make a layer of one kind. A kind that has settings (trusted authorities, a proxy's
 * credentials) embeds this in a struct of its own, which must outlive the stacks made with it. */
struct rp_layer {
    /* Makes a new layer over @below (rp_layer_init) for a connection to @host. -ENOMEM. */
    int (*make)(const struct rp_layer *layer, struct rp_transport *below, const char *host,
                uint16_t port, struct rp_transport **ret);
};

struct rp_stack { /* embedded by its user; must not move before deinit */
    struct rp_transport *top;
    struct rp_tcp bottom; /* private */
};

/* @layers: the lowest first, NULL at the end; NULL = none. @host (borrowed) and @port: the server
 * that is meant, even when a layer reaches it through another one. -ENOMEM leaves an empty stack.
 */
RP_NODISCARD int rp_stack_init(struct rp_stack *stack, struct rp_loop *loop,
                               const struct rp_layer *const *layers, const char *host,
                               uint16_t port);
/* Closes the stack and frees the layers. Must not be called inside a callback of the stack. An
 * empty or zeroed stack is allowed. */
void rp_stack_deinit(struct rp_stack *stack);
/* As rp_stream_peer_has_ended(), of the socket. */
bool rp_stack_peer_has_ended(const struct rp_stack *stack);
/* The address, with its port, that the socket is connected to. False when it is not, or not by TCP. */
bool rp_stack_peer(const struct rp_stack *stack, struct rp_address *ret);
/* Writes @address with @port, "127.0.0.1:80" or "[::1]:80". */
void rp_address_write(const struct rp_address *address, uint16_t port, char *out, size_t size);

/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * net/stack.h - the transports of one connection: a socket at the bottom and any number of layers over it.
 *
 * A plain connection is one block of memory, its user's; each layer is a block of its own.
 */

#include "net/transport.h"

/* How to make a layer: one for each kind and setting. A kind that has settings (trusted authorities, a proxy's
 * credentials) embeds this in a struct of its own, which must outlive the stacks made with it. */
struct rp_layer {
    /* A new layer over @below (rp_layer_init), for a connection to the server of that name. -ENOMEM. */
    int (*make)(const struct rp_layer *layer, struct rp_transport *below, const char *host,
                uint16_t port, struct rp_transport **ret);
};

struct rp_stack { /* embedded by its user; must not move before deinit */
    struct rp_transport *top;
    struct rp_tcp bottom; /* private */
};

/* @layers: the lowest first, NULL at the end. NULL = none. @host (borrowed) and @port: the server that is meant, whoever a
 * layer tunnels through. -ENOMEM: *stack is empty. */
RP_NODISCARD int rp_stack_init(struct rp_stack *stack, struct rp_loop *loop,
                               const struct rp_layer *const *layers, const char *host,
                               uint16_t port);
/* Closes and frees the layers. Not from inside a callback of the stack. An empty or zeroed one is allowed. */
void rp_stack_deinit(struct rp_stack *stack);

/* SPDX-License-Identifier: MIT */
#include "net/stack.h"

#include <arpa/inet.h>
#include <stdio.h>

int rp_stack_init(struct rp_stack *stack, struct rp_loop *loop,
                  const struct rp_layer *const *layers, const char *host, uint16_t port)
{
    *stack = (struct rp_stack){ .top = &stack->bottom.transport };
    rp_tcp_init(&stack->bottom, loop);
    for (; layers && *layers; layers++) {
        int r = (*layers)->make(*layers, stack->top, host, port, &stack->top);

        if (r < 0) {
            rp_stack_deinit(stack);
            return r;
        }
    }
    return 0;
}

void rp_stack_deinit(struct rp_stack *stack)
{
    if (!stack->top)
        return;
    rp_transport_close(stack->top, false);
    while (stack->top->below) {
        struct rp_transport *layer = stack->top;

        stack->top = layer->below;
        layer->ops->free(layer);
    }
    stack->top = NULL;
}

bool rp_stack_peer_has_ended(const struct rp_stack *stack)
{
    return rp_stream_peer_has_ended(&stack->bottom.stream);
}

bool rp_stack_peer(const struct rp_stack *stack, struct rp_address *ret)
{
    struct rp_address peer = { .len = sizeof(peer) - offsetof(struct rp_address, any) };
    int fd = stack->top ? stack->bottom.stream.fd : -1;

    if (fd < 0 || !stack->bottom.stream.loop || getpeername(fd, &peer.any, &peer.len) < 0)
        return false;
    if (peer.any.sa_family != AF_INET && peer.any.sa_family != AF_INET6)
        return false;
    *ret = peer;
    return true;
}

void rp_address_write(const struct rp_address *address, uint16_t port, char *out, size_t size)
{
    char host[INET6_ADDRSTRLEN] = "";

    if (address->any.sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &address->v6.sin6_addr, host, sizeof(host));
        snprintf(out, size, "[%s]:%u", host, port);
    } else {
        inet_ntop(AF_INET, &address->v4.sin_addr, host, sizeof(host));
        snprintf(out, size, "%s:%u", host, port);
    }
}

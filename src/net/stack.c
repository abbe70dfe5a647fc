/* SPDX-License-Identifier: MIT */
#include "net/stack.h"

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

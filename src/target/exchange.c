/* SPDX-License-Identifier: MIT */
#include "target/server.h"

#include "base/alloc.h"

void rp_target_exchange_init(struct rp_target_exchange *exchange)
{
    rp_buf_init(&exchange->head, RP_TARGET_HEAD_MAX);
    rp_buf_init(&exchange->stored, RP_TARGET_BODY_MAX);
    rp_h1_request_reset(&exchange->request, &exchange->head);
}

void rp_target_exchange_deinit(struct rp_target_exchange *exchange)
{
    rp_buf_deinit(&exchange->head);
    rp_buf_deinit(&exchange->stored);
}

/* A type that is too long to be true is not repeated. */
struct rp_slice rp_target_type_of(const struct rp_h1_request *request)
{
    struct rp_slice head = rp_buf_slice(request->parser.head), name, value, type = { 0 };
    size_t pos = 0;

    while (rp_h1_next_field(head, &pos, &name, &value)) {
        if (rp_slice_ieq(name, RP_SLICE("content-type")))
            type = value;
    }
    return type.len && type.len <= RP_TARGET_TYPE_MAX ? type : RP_SLICE("application/octet-stream");
}

bool rp_target_exchange_take(struct rp_target_conn *conn)
{
    struct rp_list *node = conn->exchange ? NULL : rp_list_pop(&conn->server->exchanges);
    struct rp_target_exchange *exchange;

    if (node)
        conn->exchange = rp_container_of(node, struct rp_target_exchange, node);
    if (conn->exchange)
        return true;
    exchange = rp_calloc(1, sizeof(*exchange));
    if (!exchange)
        return false;
    rp_target_exchange_init(exchange);
    conn->exchange = exchange;
    return true;
}

/* The one that was used last is taken next: it is in the processor's cache. */
void rp_target_exchange_give(struct rp_target_conn *conn)
{
    struct rp_target_exchange *exchange = conn->exchange;

    if (!exchange)
        return;
    if (exchange->request.parser.offset)
        rp_h1_request_reset(&exchange->request, &exchange->head);
    rp_list_append(conn->server->exchanges.next, &exchange->node);
    conn->exchange = NULL;
}

void rp_target_exchanges_free(struct rp_target_server *server)
{
    struct rp_list *node;

    while ((node = rp_list_pop(&server->exchanges))) {
        struct rp_target_exchange *exchange = rp_container_of(node, struct rp_target_exchange,
                                                              node);

        rp_target_exchange_deinit(exchange);
        rp_free(exchange);
    }
}

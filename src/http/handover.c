/* SPDX-License-Identifier: MIT */

/* How a connection leaves the pool for another protocol. It is closed by session.c if nobody takes it. */

#include "http/handover.h"

void rp_http_note_rest(struct connection *connection, struct rp_slice rest)
{
    struct rp_http_call *call = connection->call;

    if (call->template->is_upgrade && connection->parser.status == 101)
        rp_buf_append_slice(&call->response->body, rest);
    else
        connection->session->client->counters.stray_bytes++;
}

void rp_http_detach(struct connection *connection)
{
    rp_timer_disarm(&connection->timer);
    rp_list_remove(&connection->node);
    connection->origin->pooled -= connection->is_pooled;
    connection->is_pooled = false;
    connection->call = NULL;
    connection->state = CONNECTION_UPGRADED;
    connection->session->client->upgraded = connection;
}

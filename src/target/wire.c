/* SPDX-License-Identifier: MIT */

/* What a connection stands on: a socket, and with TLS a layer over it. */

#include "target/server.h"

int rp_target_wire_open(struct rp_target_conn *conn, const struct rp_transport_events *events,
                        int fd)
{
    struct rp_target_server *server = conn->server;
    int r = 0;

    conn->wire = &conn->tcp.transport;
    rp_tcp_init(&conn->tcp, server->loop);
    if (server->tls)
        r = rp_tls_accept_over(server->tls_context, conn->wire, &conn->wire);
    if (r < 0)
        return r;
    conn->wire->events = events;
    conn->wire->user = conn;
    if (server->tls)
        r = rp_tls_accept(conn->wire);
    return r < 0 ? r : rp_tcp_adopt(&conn->tcp, fd);
}

void rp_target_wire_free(struct rp_target_conn *conn)
{
    rp_transport_close(conn->wire, false);
    if (conn->wire != &conn->tcp.transport)
        rp_tls_free(conn->wire);
}

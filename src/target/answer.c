/* SPDX-License-Identifier: MIT */

/*
 * Writing an answer: its head, then its body by pieces, each as soon as there is room and, when the
 * body is slow, time for it.
 */

#include "target/server.h"

#define TICK (10 * RP_MS) /* between the pieces of a slow body */

uint64_t rp_target_body_len(const struct rp_target_exchange *exchange)
{
    switch (exchange->reply.body) {
    case RP_TARGET_TEXT:
        return exchange->reply.text.len;
    case RP_TARGET_STORED:
        return exchange->stored.len;
    default:
        return exchange->reply.filler_len;
    }
}

const char *rp_target_body_at(const struct rp_target_server *server,
                              const struct rp_target_exchange *exchange)
{
    switch (exchange->reply.body) {
    case RP_TARGET_TEXT:
        return exchange->reply.text.ptr + exchange->sent;
    case RP_TARGET_STORED:
        return rp_buf_str(&exchange->stored) + exchange->sent;
    default:
        return server->filler + exchange->sent % 26;
    }
}

static enum rp_target_step end_reply(struct rp_target_conn *conn)
{
    rp_buf_append_slice(&conn->server->tx, conn->exchange->reply.trailing);
    rp_h1_request_reset(&conn->exchange->request, &conn->exchange->head);
    conn->phase = conn->keep_alive ? RP_TARGET_HEAD : RP_TARGET_CLOSE;
    return RP_TARGET_GO_ON;
}

static void write_piece(struct rp_target_conn *conn, uint64_t len)
{
    const char *data = rp_target_body_at(conn->server, conn->exchange);

    if (conn->exchange->reply.is_chunked) {
        rp_buf_appendf(&conn->server->tx, "%llx\r\n", (unsigned long long)len);
        rp_buf_append(&conn->server->tx, data, len);
        rp_buf_append_slice(&conn->server->tx, RP_SLICE("\r\n"));
    } else {
        rp_buf_append(&conn->server->tx, data, len);
    }
    conn->exchange->sent += len;
}

uint64_t rp_target_rate_allows(const struct rp_target_exchange *exchange, rp_ns now,
                               rp_ns *ret_next)
{
    uint64_t rate = exchange->reply.rate;
    unsigned __int128 due = (unsigned __int128)(uint64_t)(now - exchange->started) * rate / RP_S;

    if (due > exchange->sent)
        return due - exchange->sent > RP_TARGET_PIECE ? RP_TARGET_PIECE
                                                      : (uint64_t)due - exchange->sent;
    *ret_next = exchange->started + (rp_ns)(((unsigned __int128)exchange->sent + 1) * RP_S / rate) +
                1;
    if (*ret_next < now + TICK)
        *ret_next = now + TICK;
    return 0;
}

enum rp_target_step rp_target_stream(struct rp_target_conn *conn)
{
    uint64_t len = rp_target_body_len(conn->exchange) - conn->exchange->sent;
    uint64_t max = conn->exchange->reply.is_chunked ? 4096 : RP_TARGET_PIECE;
    enum rp_target_step step = rp_target_make_room(conn);

    if (step != RP_TARGET_GO_ON)
        return step;
    if (conn->exchange->reply.rate && len) {
        rp_ns next;
        uint64_t allowed = rp_target_rate_allows(conn->exchange, rp_loop_now(conn->server->loop),
                                                 &next);

        if (!allowed) {
            rp_timer_arm(conn->server->loop, &conn->timer, next, rp_target_conn_fire);
            return RP_TARGET_PAUSE;
        }
        max = allowed < max ? allowed : max;
    }
    if (len > max)
        len = max;
    if (len)
        write_piece(conn, len);
    if (conn->exchange->sent < rp_target_body_len(conn->exchange))
        return RP_TARGET_GO_ON;
    if (conn->exchange->reply.is_chunked)
        rp_buf_append_slice(&conn->server->tx, RP_SLICE("0\r\n\r\n"));
    return end_reply(conn);
}

const struct rp_buf *rp_target_constant_answer(const struct rp_target_server *server,
                                               const struct rp_h1_request *request)
{
    int index;

    if (request->parser.minor_version != 1 || !request->parser.keep_alive || request->is_head ||
        rp_h1_request_has_body(request))
        return NULL;
    index = rp_target_constant_index(request->path);
    return index < 0 ? NULL : &server->constants[index];
}

/* A peer that did not say that this is its last request may be sending the next one. */
static void end_keep_alive(struct rp_target_conn *conn)
{
    if (!conn->exchange->reply.close)
        return;
    conn->peer_may_send = conn->peer_may_send || conn->keep_alive;
    conn->keep_alive = false;
}

enum rp_target_step rp_target_answer(struct rp_target_conn *conn)
{
    enum rp_target_connection word = RP_TARGET_KEEP_SILENT;
    struct rp_buf *tx = &conn->server->tx;
    enum rp_target_step step = rp_target_make_room(conn);

    if (step != RP_TARGET_GO_ON)
        return step;
    end_keep_alive(conn);
    if (conn->exchange->reply.action == RP_TARGET_UPGRADE)
        return rp_target_ws_open(conn);
    if (conn->exchange->reply.action == RP_TARGET_RAW) {
        rp_buf_append_slice(tx, conn->exchange->reply.text);
        return end_reply(conn);
    }
    if (!conn->keep_alive)
        word = RP_TARGET_CLOSE_SAID;
    else if (conn->is_http_1_0)
        word = RP_TARGET_KEEP_SAID;
    rp_target_write_head(&conn->exchange->reply, rp_target_body_len(conn->exchange), word, tx);
    if (conn->is_head || !rp_target_has_body(conn->exchange->reply.status))
        return end_reply(conn);
    conn->exchange->sent = 0;
    conn->exchange->started = conn->exchange->reply.rate ? rp_loop_now(conn->server->loop) : 0;
    conn->phase = RP_TARGET_STREAM;
    return rp_target_stream(conn);
}

/* SPDX-License-Identifier: MIT */

/*
 * Writing an answer: its head, then its body by pieces, each as soon as there is room and, when the
 * body is slow, time for it.
 */

#include "target/server.h"

#define TICK (10 * RP_MS) /* between the pieces of a slow body */

static uint64_t body_len(const struct rp_target_conn *conn)
{
    switch (conn->exchange->reply.body) {
    case RP_TARGET_TEXT:
        return conn->exchange->reply.text.len;
    case RP_TARGET_STORED:
        return conn->exchange->stored.len;
    default:
        return conn->exchange->reply.filler_len;
    }
}

static const char *body_at(const struct rp_target_conn *conn)
{
    switch (conn->exchange->reply.body) {
    case RP_TARGET_TEXT:
        return conn->exchange->reply.text.ptr + conn->exchange->sent;
    case RP_TARGET_STORED:
        return rp_buf_str(&conn->exchange->stored) + conn->exchange->sent;
    default:
        return conn->server->filler + conn->exchange->sent % 26;
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
    const char *data = body_at(conn);

    if (conn->exchange->reply.is_chunked) {
        rp_buf_appendf(&conn->server->tx, "%llx\r\n", (unsigned long long)len);
        rp_buf_append(&conn->server->tx, data, len);
        rp_buf_append_slice(&conn->server->tx, RP_SLICE("\r\n"));
    } else {
        rp_buf_append(&conn->server->tx, data, len);
    }
    conn->exchange->sent += len;
}

/* How much of a slow body may be sent by now; when that is nothing, the timer is set for when it is
 * more. */
static uint64_t rate_allows(struct rp_target_conn *conn)
{
    rp_ns now = rp_loop_now(conn->server->loop), next;
    uint64_t rate = conn->exchange->reply.rate;
    unsigned __int128 due = (unsigned __int128)(uint64_t)(now - conn->exchange->started) * rate /
                            RP_S;

    if (due > conn->exchange->sent)
        return due - conn->exchange->sent > RP_TARGET_PIECE ? RP_TARGET_PIECE
                                                            : (uint64_t)due - conn->exchange->sent;
    next = conn->exchange->started +
           (rp_ns)(((unsigned __int128)conn->exchange->sent + 1) * RP_S / rate) + 1;
    if (next < now + TICK)
        next = now + TICK;
    rp_timer_arm(conn->server->loop, &conn->timer, next, rp_target_conn_fire);
    return 0;
}

enum rp_target_step rp_target_stream(struct rp_target_conn *conn)
{
    uint64_t len = body_len(conn) - conn->exchange->sent;
    uint64_t max = conn->exchange->reply.is_chunked ? 4096 : RP_TARGET_PIECE;
    enum rp_target_step step = rp_target_make_room(conn);

    if (step != RP_TARGET_GO_ON)
        return step;
    if (conn->exchange->reply.rate && len) {
        uint64_t allowed = rate_allows(conn);

        if (!allowed)
            return RP_TARGET_PAUSE;
        max = allowed < max ? allowed : max;
    }
    if (len > max)
        len = max;
    if (len)
        write_piece(conn, len);
    if (conn->exchange->sent < body_len(conn))
        return RP_TARGET_GO_ON;
    if (conn->exchange->reply.is_chunked)
        rp_buf_append_slice(&conn->server->tx, RP_SLICE("0\r\n\r\n"));
    return end_reply(conn);
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
    if (conn->exchange->reply.action == RP_TARGET_RAW) {
        rp_buf_append_slice(tx, conn->exchange->reply.text);
        return end_reply(conn);
    }
    if (!conn->keep_alive)
        word = RP_TARGET_CLOSE_SAID;
    else if (conn->is_http_1_0)
        word = RP_TARGET_KEEP_SAID;
    rp_target_write_head(&conn->exchange->reply, body_len(conn), word, tx);
    if (conn->is_head || !rp_target_has_body(conn->exchange->reply.status))
        return end_reply(conn);
    conn->exchange->sent = 0;
    conn->exchange->started = conn->exchange->reply.rate ? rp_loop_now(conn->server->loop) : 0;
    conn->phase = RP_TARGET_STREAM;
    return rp_target_stream(conn);
}

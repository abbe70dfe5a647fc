/* SPDX-License-Identifier: MIT */

/*
 * Connections that have become a WebSocket at /ws: each message goes back as it came, pings are
 * answered, and so is the close frame. A message that is large is written in pieces, as the peer
 * takes them, and nothing is read meanwhile.
 */

#include "base/alloc.h"
#include "target/server.h"

enum { RATIO_MAX = 1000 }; /* of compressed messages */

struct rp_target_ws {
    struct rp_ws ws;
    struct rp_buf large; /* a message that is being written */
    size_t written;      /* bytes of it */
};

static struct rp_target_ws *make(struct rp_target_conn *conn)
{
    const struct rp_target_reply *reply = &conn->exchange->reply;
    struct rp_ws_config config = { .shared = &conn->server->ws_shared,
                                   .is_server = true,
                                   .message_max = RP_TARGET_BODY_MAX,
                                   .frame_max = RP_TARGET_BODY_MAX };
    struct rp_target_ws *ws = rp_calloc(1, sizeof(*ws));

    if (!ws)
        return NULL;
    if (reply->has_deflate) {
        config.deflate = rp_ws_deflate_new(&reply->deflate, true, RATIO_MAX);
        if (!config.deflate) {
            rp_free(ws);
            return NULL;
        }
    }
    rp_ws_init(&ws->ws, &config);
    rp_buf_init(&ws->large, 2 * RP_TARGET_BODY_MAX);
    return ws;
}

enum rp_target_step rp_target_ws_open(struct rp_target_conn *conn)
{
    conn->ws = make(conn);
    if (!conn->ws)
        return RP_TARGET_DEAD;
    rp_buf_append_slice(&conn->server->tx, rp_buf_slice(&conn->exchange->stored));
    rp_target_exchange_give(conn);
    conn->phase = RP_TARGET_WS;
    return RP_TARGET_GO_ON;
}

void rp_target_ws_free(struct rp_target_conn *conn)
{
    if (!conn->ws)
        return;
    rp_ws_deinit(&conn->ws->ws);
    rp_buf_deinit(&conn->ws->large);
    rp_free(conn->ws);
    conn->ws = NULL;
}

void rp_target_ws_leave(struct rp_target_conn *conn)
{
    struct rp_buf *tx = &conn->server->tx;
    struct rp_slice none = rp_slice(NULL, 0);

    if (conn->phase != RP_TARGET_WS || conn->is_sending || conn->ws->large.len)
        return;
    rp_buf_reset(tx);
    if (rp_ws_write_close(&conn->ws->ws, tx, RP_WS_GOING_AWAY, none) == 0 &&
        rp_transport_send_now(conn->wire, rp_buf_slice(tx), none) < 0) {
        /* the connection is gone */
    }
    rp_buf_reset(tx);
}

static enum rp_target_step write_piece(struct rp_target_conn *conn)
{
    struct rp_target_ws *ws = conn->ws;
    size_t left = ws->large.len - ws->written;
    size_t len = left < RP_TARGET_PIECE ? left : RP_TARGET_PIECE;

    rp_buf_append(&conn->server->tx, ws->large.data + ws->written, len);
    ws->written += len;
    if (len == left) {
        rp_buf_deinit(&ws->large);
        ws->written = 0;
    }
    return RP_TARGET_GO_ON;
}

static enum rp_target_step write_message(struct rp_target_conn *conn, enum rp_ws_event kind,
                                         struct rp_slice payload)
{
    struct rp_target_ws *ws = conn->ws;
    struct rp_buf *out = payload.len <= RP_TARGET_PIECE ? &conn->server->tx : &ws->large;

    return rp_ws_write(&ws->ws, out, kind, payload) < 0 ? RP_TARGET_DEAD : RP_TARGET_GO_ON;
}

/* The server has the last word. After an error the peer may be in the middle of sending. */
static enum rp_target_step say_goodbye(struct rp_target_conn *conn)
{
    if (conn->ws->ws.error)
        conn->server->counts.bad++;
    conn->peer_may_send = conn->ws->ws.error != RP_WS_OK;
    conn->phase = RP_TARGET_CLOSE;
    return rp_ws_answer_close(&conn->ws->ws, &conn->server->tx) < 0 ? RP_TARGET_DEAD
                                                                    : RP_TARGET_GO_ON;
}

enum rp_target_step rp_target_ws_step(struct rp_target_conn *conn)
{
    struct rp_slice payload;
    enum rp_ws_event event;

    if (conn->ws->large.len)
        return write_piece(conn);
    event = rp_ws_read(&conn->ws->ws, &conn->input, &payload);
    switch (event) {
    case RP_WS_TEXT:
    case RP_WS_BINARY:
        return write_message(conn, event, payload);
    case RP_WS_PING:
        return write_message(conn, RP_WS_PONG, payload);
    case RP_WS_PONG:
        return RP_TARGET_GO_ON;
    case RP_WS_CLOSE:
    case RP_WS_ERROR:
        return say_goodbye(conn);
    case RP_WS_MORE:
        break;
    }
    return RP_TARGET_PAUSE;
}

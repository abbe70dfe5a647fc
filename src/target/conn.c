/* SPDX-License-Identifier: MIT */

/*
 * A connection is a state machine over the phases of its work: each step does one thing (a request,
 * a piece of a body) and says whether there may be more to do now. Requests are answered one after
 * the other, so pipelining needs no queue: what was received too early stays in the input buffer,
 * and when that is full nothing is received.
 *
 * One send a request: all output of a run is gathered in a buffer of the server and sent at its
 * end, inside the callback that brought the request. A connection whose socket does not take all of
 * it keeps that buffer, and the server gets another. So only connections in the middle of something
 * own memory.
 */

#include "target/server.h"

#include <errno.h>
#include <unistd.h>

#include "base/alloc.h"

enum { STEPS_MAX = 64 }; /* in one run, so that one connection cannot keep the others waiting */

#define LINGER_TIME (30 * RP_S) /* bounds a peer that never closes; one may be stopped for long */

static void run(struct rp_target_conn *conn);

static void go_on(struct rp_task *task)
{
    run(rp_container_of(task, struct rp_target_conn, task));
}

void rp_target_conn_wake(struct rp_target_conn *conn)
{
    rp_loop_defer(conn->server->loop, &conn->task, go_on);
}

/* ---- sending ---- */

/* What is in tx goes to the socket. */
static enum rp_target_step flush(struct rp_target_conn *conn)
{
    struct rp_target_server *server = conn->server;
    struct rp_buf *tx = &server->tx, next = server->spare;
    int r;

    rp_assert(!tx->error && !conn->is_sending);
    r = rp_transport_send_now(conn->wire, rp_buf_slice(tx), rp_slice(NULL, 0));
    if (RP_LIKELY(r == 0)) {
        rp_buf_reset(tx);
        return RP_TARGET_GO_ON;
    }
    if (r < 0 || (!next.data && rp_buf_reserve(&next, RP_TARGET_TX_MAX) < 0))
        return RP_TARGET_DEAD;
    conn->out = *tx;
    conn->is_sending = true;
    *tx = next;
    rp_buf_init(&server->spare, RP_TARGET_TX_MAX);
    return RP_TARGET_GO_ON;
}

static void take_back_out(struct rp_target_conn *conn)
{
    struct rp_buf *spare = &conn->server->spare;

    if (!conn->is_sending)
        return;
    conn->is_sending = false;
    if (spare->data) {
        rp_buf_deinit(&conn->out);
        return;
    }
    *spare = conn->out;
    rp_buf_reset(spare);
    rp_buf_init(&conn->out, RP_TARGET_TX_MAX);
}

enum rp_target_step rp_target_make_room(struct rp_target_conn *conn)
{
    if (conn->server->tx.len + RP_TARGET_PIECE + RP_TARGET_REPLY_HEAD_MAX + 64 > RP_TARGET_TX_MAX &&
        flush(conn) == RP_TARGET_DEAD)
        return RP_TARGET_DEAD;
    return conn->is_sending ? RP_TARGET_PAUSE : RP_TARGET_GO_ON;
}

/* ---- receiving ---- */

/* Keeps what is not consumed for later; the input is empty or in conn->in afterwards. */
static bool save_input(struct rp_target_conn *conn)
{
    if (RP_UNLIKELY(conn->in.len))
        rp_buf_consume(&conn->in, conn->in.len - conn->input.len);
    else if (RP_UNLIKELY(conn->input.len))
        rp_buf_append(&conn->in, conn->input.ptr, conn->input.len);
    if (RP_UNLIKELY(conn->in.len >= RP_TARGET_IN_FULL) && !conn->is_paused) {
        conn->is_paused = true;
        rp_transport_pause(conn->wire);
    }
    return !conn->in.error;
}

/* All input is consumed: more will come, or the peer is done. */
static enum rp_target_step want_input(struct rp_target_conn *conn)
{
    if (RP_UNLIKELY(conn->is_paused)) {
        conn->is_paused = false;
        if (rp_transport_resume(conn->wire) < 0)
            return RP_TARGET_DEAD;
    }
    if (RP_LIKELY(!conn->peer_closed))
        return RP_TARGET_PAUSE;
    conn->phase = RP_TARGET_CLOSE;
    return RP_TARGET_GO_ON;
}

/* ---- answering ---- */

enum rp_target_step rp_target_conn_reset(struct rp_target_conn *conn)
{
    if (conn->server->tx.len && flush(conn) == RP_TARGET_DEAD)
        return RP_TARGET_DEAD;
    rp_transport_close(conn->wire, true);
    return RP_TARGET_DEAD;
}

/* The request is complete. */
static enum rp_target_step start_reply(struct rp_target_conn *conn)
{
    struct rp_loop *loop = conn->server->loop;

    switch (conn->exchange->reply.action) {
    case RP_TARGET_RESET:
        return rp_target_conn_reset(conn);
    case RP_TARGET_HANG:
        conn->phase = RP_TARGET_STUCK;
        return RP_TARGET_GO_ON;
    case RP_TARGET_RAW:
    case RP_TARGET_UPGRADE:
    case RP_TARGET_ANSWER:
        break;
    }
    conn->phase = RP_TARGET_REPLY;
    if (!conn->exchange->reply.delay)
        return rp_target_answer(conn);
    conn->phase = RP_TARGET_WAIT;
    rp_timer_arm(loop, &conn->timer, rp_loop_now(loop) + conn->exchange->reply.delay,
                 rp_target_conn_fire);
    return RP_TARGET_GO_ON;
}

static enum rp_target_step refuse(struct rp_target_conn *conn, int status)
{
    conn->server->counts.bad++;
    conn->is_head = false;
    conn->peer_may_send = true; /* of the request, its rest */
    rp_target_refuse(status, &conn->exchange->reply);
    return start_reply(conn);
}

static enum rp_target_step start_body(struct rp_target_conn *conn)
{
    const struct rp_h1_request *request = &conn->exchange->request;
    bool has_length = request->parser.content_length != UINT64_MAX;

    if (!rp_h1_request_has_body(request) && !conn->exchange->reply.keeps_body)
        return start_reply(conn);
    if (conn->exchange->reply.keeps_body) {
        conn->exchange->reply.content_type = rp_target_type_of(request);
        if (has_length && request->parser.content_length > RP_TARGET_BODY_MAX)
            return refuse(conn, 413);
        if (has_length &&
            rp_buf_reserve(&conn->exchange->stored, request->parser.content_length) < 0)
            return RP_TARGET_DEAD;
    }
    if (!rp_h1_request_has_body(request))
        return start_reply(conn);
    if (request->expects_continue && !conn->input.len)
        rp_buf_append_slice(&conn->server->tx, RP_SLICE("HTTP/1.1 100 Continue\r\n\r\n"));
    conn->phase = RP_TARGET_BODY;
    return RP_TARGET_GO_ON;
}

static enum rp_target_step fail(struct rp_target_conn *conn)
{
    enum rp_h1_error error = conn->exchange->request.parser.error;

    return error == RP_H1_NO_MEMORY ? RP_TARGET_DEAD : refuse(conn, rp_h1_request_status(error));
}

static enum rp_target_step read_body(struct rp_target_conn *conn)
{
    struct rp_slice data;

    switch (rp_h1_request_parse(&conn->exchange->request, &conn->input, &data)) {
    case RP_H1_BODY:
        if (!conn->exchange->reply.keeps_body)
            return RP_TARGET_GO_ON;
        rp_buf_append_slice(&conn->exchange->stored, data);
        if (conn->exchange->stored.error)
            return conn->exchange->stored.error == -EMSGSIZE ? refuse(conn, 413) : RP_TARGET_DEAD;
        return RP_TARGET_GO_ON;
    case RP_H1_DONE:
        return start_reply(conn);
    case RP_H1_ERROR:
        return fail(conn);
    default:
        return want_input(conn);
    }
}

static enum rp_target_step answer(struct rp_target_conn *conn)
{
    struct rp_target_server *server = conn->server;
    const struct rp_h1_request *request = &conn->exchange->request;
    const struct rp_buf *constant = rp_target_constant_answer(server, request);

    server->counts.requests++;
    if (RP_LIKELY(constant)) {
        rp_buf_append(&server->tx, constant->data, constant->len);
        rp_h1_request_reset(&conn->exchange->request, &conn->exchange->head);
        return RP_TARGET_GO_ON;
    }
    conn->is_head = request->is_head;
    conn->keep_alive = request->parser.keep_alive;
    conn->is_http_1_0 = request->parser.minor_version == 0;
    rp_buf_reset(&conn->exchange->stored);
    rp_target_route(request, &server->random, &conn->exchange->stored, &conn->exchange->reply);
    if (conn->exchange->stored.error)
        return RP_TARGET_DEAD;
    return start_body(conn);
}

static enum rp_target_step read_head(struct rp_target_conn *conn)
{
    struct rp_slice none;
    enum rp_target_step step = rp_target_make_room(conn);

    if (step != RP_TARGET_GO_ON)
        return step;
    if (!conn->input.len)
        return want_input(conn);
    switch (rp_h1_request_parse(&conn->exchange->request, &conn->input, &none)) {
    case RP_H1_HEAD:
        return answer(conn);
    case RP_H1_ERROR:
        return fail(conn);
    default:
        return want_input(conn);
    }
}

/* ---- ending ---- */

/* Closing a socket with unread input resets it, and so does what arrives afterwards: the peer may
 * lose the answer. Then the input is read first, to its end. */
static enum rp_target_step close_nicely(struct rp_target_conn *conn)
{
    if (conn->is_sending)
        return RP_TARGET_PAUSE;
    if (conn->server->tx.len && flush(conn) == RP_TARGET_DEAD)
        return RP_TARGET_DEAD;
    if (conn->is_sending)
        return RP_TARGET_PAUSE;
    if (conn->peer_closed || (!conn->peer_may_send && !conn->input.len && !conn->is_paused))
        return RP_TARGET_DEAD;
    conn->input.len = 0;
    if (rp_transport_shutdown(conn->wire) < 0)
        return RP_TARGET_DEAD;
    conn->phase = RP_TARGET_LINGER;
    rp_timer_arm(conn->server->loop, &conn->timer, rp_loop_now(conn->server->loop) + LINGER_TIME,
                 rp_target_conn_fire);
    return want_input(conn);
}

static void bury(struct rp_task *task)
{
    rp_target_conn_free(rp_container_of(task, struct rp_target_conn, task));
}

/* The memory stays until no callback of the connection is under way. */
static void end(struct rp_target_conn *conn)
{
    struct rp_target_server *server = conn->server;
    int r;

    if (conn->phase == RP_TARGET_GONE)
        return;
    conn->phase = RP_TARGET_GONE;
    rp_transport_close(conn->wire, false);
    take_back_out(conn);
    rp_target_exchange_give(conn);
    rp_target_h2_free(conn);
    rp_target_ws_free(conn);
    rp_timer_disarm(&conn->timer);
    rp_task_cancel(&conn->task);
    rp_loop_defer(server->loop, &conn->task, bury);
    server->conn_count--;
    r = rp_listener_resume(&server->listener);
    if (r < 0) {
        server->is_over = true;
        server->error = r;
    }
}

/* ---- running ---- */

static enum rp_target_step speak_websocket(struct rp_target_conn *conn)
{
    enum rp_target_step step = rp_target_make_room(conn);

    if (step != RP_TARGET_GO_ON)
        return step;
    step = rp_target_ws_step(conn);
    return step == RP_TARGET_PAUSE ? want_input(conn) : step;
}

static enum rp_target_step do_step(struct rp_target_conn *conn)
{
    switch (conn->phase) {
    case RP_TARGET_HEAD:
        return read_head(conn);
    case RP_TARGET_BODY:
        return read_body(conn);
    case RP_TARGET_REPLY:
        return rp_target_answer(conn);
    case RP_TARGET_STREAM:
        return rp_target_stream(conn);
    case RP_TARGET_CLOSE:
        return close_nicely(conn);
    case RP_TARGET_H2:
        return rp_target_h2_step(conn);
    case RP_TARGET_WS:
        return speak_websocket(conn);
    default:
        return RP_TARGET_PAUSE;
    }
}

/* With what is in conn->input. */
RP_HOT static void run_on(struct rp_target_conn *conn)
{
    enum rp_target_step step = conn->h2 || conn->ws || rp_target_exchange_take(conn)
                                   ? RP_TARGET_GO_ON
                                   : RP_TARGET_DEAD;
    int steps = 0;

    while (step == RP_TARGET_GO_ON && steps++ < STEPS_MAX)
        step = do_step(conn);
    if (step != RP_TARGET_DEAD && conn->server->tx.len && flush(conn) == RP_TARGET_DEAD)
        step = RP_TARGET_DEAD;
    if (step != RP_TARGET_DEAD && !save_input(conn))
        step = RP_TARGET_DEAD;
    /* Nothing of a request has come. */
    if (conn->phase == RP_TARGET_HEAD && conn->exchange && !conn->exchange->request.parser.offset)
        rp_target_exchange_give(conn);
    if (RP_UNLIKELY(step == RP_TARGET_DEAD)) {
        rp_buf_reset(&conn->server->tx);
        end(conn);
    } else if (RP_UNLIKELY(step == RP_TARGET_GO_ON)) {
        rp_target_conn_wake(conn);
    }
}

static void run(struct rp_target_conn *conn)
{
    conn->input = rp_buf_slice(&conn->in);
    run_on(conn);
}

void rp_target_conn_fire(struct rp_timer *timer, rp_ns now)
{
    struct rp_target_conn *conn = rp_container_of(timer, struct rp_target_conn, timer);

    if (conn->phase == RP_TARGET_LINGER) {
        end(conn);
        return;
    }
    if (conn->phase == RP_TARGET_WAIT)
        conn->phase = RP_TARGET_REPLY;
    run(conn);
}

static struct rp_target_conn *conn_of(struct rp_transport *wire)
{
    return wire->user;
}

/* Whether what has come tells which protocol it is. */
static bool settle(struct rp_target_conn *conn)
{
    enum rp_target_step step = RP_TARGET_PAUSE;

    if (rp_target_h2_settle(conn, &step))
        return true;
    if (step == RP_TARGET_DEAD || !save_input(conn))
        end(conn);
    return false;
}

RP_HOT static void on_data(struct rp_transport *wire, const char *data, size_t len, rp_ns at)
{
    struct rp_target_conn *conn = conn_of(wire);

    if (RP_UNLIKELY(conn->phase == RP_TARGET_LINGER || conn->phase == RP_TARGET_STUCK))
        return;
    conn->input = rp_slice(data, len);
    if (RP_UNLIKELY(conn->in.len)) {
        rp_buf_append(&conn->in, data, len);
        conn->input = rp_buf_slice(&conn->in);
    }
    if (RP_UNLIKELY(!conn->is_settled) && !settle(conn))
        return;
    run_on(conn);
}

/* A peer that is gone while it waits for an answer: nobody would read it, and nothing else would
 * tell. */
static void on_half_closed(struct rp_transport *wire, rp_ns at)
{
    struct rp_target_conn *conn = conn_of(wire);

    conn->peer_closed = true;
    if (conn->phase == RP_TARGET_WAIT || conn->phase == RP_TARGET_STUCK ||
        conn->phase == RP_TARGET_LINGER)
        end(conn);
    else
        run(conn);
}

static void on_sent(struct rp_transport *wire)
{
    struct rp_target_conn *conn = conn_of(wire);

    take_back_out(conn);
    run(conn);
}

static void on_ended(struct rp_transport *wire, const struct rp_net_failure *failure, rp_ns at)
{
    end(conn_of(wire));
}

/* Of TLS only: a socket is connected when it comes. */
static void on_connected(struct rp_transport *wire, const struct rp_net_failure *failure)
{
    struct rp_target_conn *conn = conn_of(wire);
    bool is_h2 = !failure && rp_slice_eq_str(rp_tls_protocol(wire), "h2");

    if (failure || (is_h2 && rp_target_h2_open(conn) < 0))
        end(conn);
    else if (is_h2)
        run(conn);
}

static const struct rp_transport_events wire_events = {
    .connected = on_connected,
    .data = on_data,
    .ended = on_ended,
    .half_closed = on_half_closed,
    .sent = on_sent,
};

/* ---- life ---- */

void rp_target_conn_new(struct rp_target_server *server, int fd)
{
    struct rp_target_conn *conn = rp_calloc(1, sizeof(*conn));
    int r = conn ? 0 : -ENOMEM;

    if (r == 0) {
        conn->server = server;
        r = rp_target_wire_open(conn, &wire_events, fd);
    }
    if (r < 0) {
        if (conn)
            rp_target_wire_free(conn);
        rp_free(conn);
        close(fd);
        return;
    }
    rp_buf_init(&conn->in, RP_TARGET_IN_MAX);
    rp_buf_init(&conn->out, RP_TARGET_TX_MAX);
    rp_list_append(&server->conns, &conn->all);
    server->conn_count++;
    server->counts.connections++;
}

void rp_target_conn_free(struct rp_target_conn *conn)
{
    rp_timer_disarm(&conn->timer);
    rp_task_cancel(&conn->task);
    rp_list_remove(&conn->all);
    rp_target_exchange_give(conn);
    rp_target_h2_free(conn);
    rp_target_ws_free(conn);
    rp_buf_deinit(&conn->in);
    rp_buf_deinit(&conn->out);
    rp_target_wire_free(conn);
    rp_free(conn);
}

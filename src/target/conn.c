/* SPDX-License-Identifier: MIT */

/*
 * A connection is a state machine over five phases of work: each step does one thing (a request, a piece of a body) and
 * says whether there may be more to do now. Requests are answered one after the other, so pipelining needs no queue: what
 * was received too early stays in the input buffer, and nothing is received while an answer is under way.
 *
 * Edge-triggered: one recv and one send a request. All input passes through one buffer of the server, so that only
 * connections in the middle of something own memory; all output of a run is gathered in another and sent at its end.
 */

#include "target/server.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"

enum step { GO_ON, PAUSE, DEAD };

enum { STEPS_MAX = 64 }; /* in one run, so that one connection cannot keep the others waiting */

#define TICK (10 * RP_MS)       /* between the pieces of a slow body */
#define LINGER_TIME (30 * RP_S) /* bounds a peer that never closes; one may be stopped for long */

int rp_target_conn_new(struct rp_target_server *server, int fd)
{
    struct rp_target_conn *conn = rp_calloc(1, sizeof(*conn));
    struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET };
    int code = -ENOMEM;

    if (!conn || rp_target_timers_reserve(&server->timers, server->conn_count + 1) < 0)
        goto failed;
    event.data.ptr = conn;
    if (epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
        code = -errno;
        goto failed;
    }
    conn->fd = fd;
    rp_buf_init(&conn->in, RP_TARGET_RX_SIZE + RP_TARGET_HEAD_MAX);
    rp_buf_init(&conn->out, 2 * RP_TARGET_TX_MAX); /* a rest, and the head of the next answer */
    rp_buf_init(&conn->stored, RP_TARGET_BODY_MAX);
    rp_list_init(&conn->ready);
    rp_list_append(&server->conns, &conn->all);
    server->conn_count++;
    server->counts.connections++;
    return 0;
failed:
    rp_free(conn);
    close(fd);
    return code;
}

void rp_target_conn_free(struct rp_target_server *server, struct rp_target_conn *conn)
{
    rp_target_timers_cancel(&server->timers, &conn->timer);
    rp_list_remove(&conn->ready);
    rp_list_remove(&conn->all);
    server->conn_count--;
    server->closed++;
    close(conn->fd);
    rp_buf_deinit(&conn->in);
    rp_buf_deinit(&conn->out);
    rp_buf_deinit(&conn->stored);
    rp_free(conn);
}

/* Sends from the front of @data; the number of bytes taken, 0 when the socket is full, negative when it is broken. */
static ssize_t send_some(struct rp_target_conn *conn, const char *data, size_t len)
{
    ssize_t sent;

    do
        sent = send(conn->fd, data, len, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent < 0)
        return errno == EAGAIN ? 0 : -errno;
    return sent;
}

/* What is in tx goes to the socket, or behind what already waits for it. */
static enum step flush(struct rp_target_server *server, struct rp_target_conn *conn)
{
    struct rp_buf *tx = &server->tx;
    ssize_t sent = 0;

    rp_assert(!tx->error);
    if (RP_UNLIKELY(conn->out.len)) {
        sent = send_some(conn, conn->out.data, conn->out.len);
        if (sent < 0)
            return DEAD;
        rp_buf_consume(&conn->out, (size_t)sent);
        sent = 0;
    }
    if (tx->len && !conn->out.len) {
        sent = send_some(conn, tx->data, tx->len);
        if (sent < 0)
            return DEAD;
    }
    if (RP_UNLIKELY((size_t)sent < tx->len))
        rp_buf_append(&conn->out, tx->data + sent, tx->len - (size_t)sent);
    rp_buf_reset(tx);
    return conn->out.error ? DEAD : GO_ON;
}

/* Room in tx for a piece of body with a head. PAUSE when the peer does not take what it already has. */
static enum step make_room(struct rp_target_server *server, struct rp_target_conn *conn)
{
    if (server->tx.len + RP_TARGET_PIECE + RP_TARGET_REPLY_HEAD_MAX + 64 > RP_TARGET_TX_MAX &&
        flush(server, conn) == DEAD)
        return DEAD;
    return conn->out.len ? PAUSE : GO_ON;
}

/* Keeps what is not consumed for later; the input is empty or in conn->in afterwards. */
static bool save_input(struct rp_target_conn *conn)
{
    if (conn->in.len)
        rp_buf_consume(&conn->in, conn->in.len - conn->input.len);
    else if (conn->input.len)
        rp_buf_append(&conn->in, conn->input.ptr, conn->input.len);
    return !conn->in.error;
}

/* Receives more. A short read means that the socket is empty: the next arrival is a new edge. */
static enum step receive(struct rp_target_server *server, struct rp_target_conn *conn)
{
    ssize_t got;

    if (!conn->can_read)
        return PAUSE;
    do
        got = recv(conn->fd, server->rx, RP_TARGET_RX_SIZE, 0);
    while (got < 0 && errno == EINTR);
    if (got < 0) {
        conn->can_read = false;
        return errno == EAGAIN ? PAUSE : DEAD;
    }
    if (got == 0) {
        conn->can_read = false;
        conn->peer_closed = true;
        conn->phase = RP_TARGET_CLOSE;
        return GO_ON;
    }
    conn->can_read = got == RP_TARGET_RX_SIZE || conn->peer_closed;
    if (RP_LIKELY(!conn->input.len)) {
        rp_buf_reset(&conn->in);
        conn->input = rp_slice(server->rx, (size_t)got);
        return GO_ON;
    }
    if (!save_input(conn))
        return DEAD;
    rp_buf_append(&conn->in, server->rx, (size_t)got);
    conn->input = rp_buf_slice(&conn->in);
    return conn->in.error ? DEAD : GO_ON;
}

static uint64_t body_len(const struct rp_target_conn *conn)
{
    switch (conn->reply.body) {
    case RP_TARGET_TEXT:
        return conn->reply.text.len;
    case RP_TARGET_STORED:
        return conn->stored.len;
    default:
        return conn->reply.filler_len;
    }
}

static const char *body_at(const struct rp_target_server *server, const struct rp_target_conn *conn)
{
    switch (conn->reply.body) {
    case RP_TARGET_TEXT:
        return conn->reply.text.ptr + conn->sent;
    case RP_TARGET_STORED:
        return rp_buf_str(&conn->stored) + conn->sent;
    default:
        return server->filler + conn->sent % 26;
    }
}

static enum step end_reply(struct rp_target_server *server, struct rp_target_conn *conn)
{
    rp_buf_append_slice(&server->tx, conn->reply.trailing);
    conn->phase = conn->keep_alive ? RP_TARGET_HEAD : RP_TARGET_CLOSE;
    return GO_ON;
}

static void write_piece(struct rp_target_server *server, struct rp_target_conn *conn, uint64_t len)
{
    const char *data = body_at(server, conn);

    if (conn->reply.is_chunked) {
        rp_buf_appendf(&server->tx, "%llx\r\n", (unsigned long long)len);
        rp_buf_append(&server->tx, data, len);
        rp_buf_append_slice(&server->tx, RP_SLICE("\r\n"));
    } else {
        rp_buf_append(&server->tx, data, len);
    }
    conn->sent += len;
}

/* How much of a slow body may be sent by now; when that is nothing, the timer is set for when it is more. */
static uint64_t rate_allows(struct rp_target_server *server, struct rp_target_conn *conn)
{
    rp_ns now = rp_clock_ns(), next;
    uint64_t rate = conn->reply.rate;
    unsigned __int128 due = (unsigned __int128)(uint64_t)(now - conn->started) * rate / RP_S;

    if (due > conn->sent)
        return due - conn->sent > RP_TARGET_PIECE ? RP_TARGET_PIECE : (uint64_t)due - conn->sent;
    next = conn->started + (rp_ns)(((unsigned __int128)conn->sent + 1) * RP_S / rate) + 1;
    if (next < now + TICK)
        next = now + TICK;
    rp_target_timers_arm(&server->timers, &conn->timer, next);
    return 0;
}

static enum step stream(struct rp_target_server *server, struct rp_target_conn *conn)
{
    uint64_t len = body_len(conn) - conn->sent;
    uint64_t max = conn->reply.is_chunked ? 4096 : RP_TARGET_PIECE;
    enum step step = make_room(server, conn);

    if (step != GO_ON)
        return step;
    if (conn->reply.rate && len) {
        uint64_t allowed = rate_allows(server, conn);

        if (!allowed)
            return PAUSE;
        max = allowed < max ? allowed : max;
    }
    if (len > max)
        len = max;
    if (len)
        write_piece(server, conn, len);
    if (conn->sent < body_len(conn))
        return GO_ON;
    if (conn->reply.is_chunked)
        rp_buf_append_slice(&server->tx, RP_SLICE("0\r\n\r\n"));
    return end_reply(server, conn);
}

/* A peer that did not say that this is its last request may be sending the next one. */
static void end_keep_alive(struct rp_target_conn *conn)
{
    if (!conn->reply.close)
        return;
    conn->peer_may_send = conn->peer_may_send || conn->keep_alive;
    conn->keep_alive = false;
}

static enum step write_answer(struct rp_target_server *server, struct rp_target_conn *conn)
{
    enum rp_target_connection word = RP_TARGET_KEEP_SILENT;

    end_keep_alive(conn);
    if (!conn->keep_alive)
        word = RP_TARGET_CLOSE_SAID;
    else if (conn->is_http_1_0)
        word = RP_TARGET_KEEP_SAID;
    rp_target_write_head(&conn->reply, body_len(conn), word, &server->tx);
    if (conn->is_head || !rp_target_has_body(conn->reply.status))
        return end_reply(server, conn);
    conn->sent = 0;
    conn->started = conn->reply.rate ? rp_clock_ns() : 0;
    conn->phase = RP_TARGET_STREAM;
    return stream(server, conn);
}

static enum step reset_connection(struct rp_target_server *server, struct rp_target_conn *conn)
{
    struct linger now = { .l_onoff = 1 };

    if (flush(server, conn) != DEAD)
        setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    return DEAD;
}

/* The request is complete: does what conn->reply says. */
static enum step start_reply(struct rp_target_server *server, struct rp_target_conn *conn)
{
    switch (conn->reply.action) {
    case RP_TARGET_RESET:
        return reset_connection(server, conn);
    case RP_TARGET_HANG:
        conn->phase = RP_TARGET_STUCK;
        return GO_ON;
    case RP_TARGET_RAW:
        rp_buf_append_slice(&server->tx, conn->reply.text);
        end_keep_alive(conn);
        return end_reply(server, conn);
    case RP_TARGET_ANSWER:
        break;
    }
    if (!conn->reply.delay)
        return write_answer(server, conn);
    conn->phase = RP_TARGET_WAIT;
    rp_target_timers_arm(&server->timers, &conn->timer, rp_clock_ns() + conn->reply.delay);
    return GO_ON;
}

static enum step refuse(struct rp_target_server *server, struct rp_target_conn *conn, int status)
{
    server->counts.bad++;
    conn->is_head = false;
    conn->peer_may_send = true; /* of the request, its rest */
    rp_target_refuse(status, &conn->reply);
    return start_reply(server, conn);
}

/* For /echo: the request is gone when the answer is written. A type that is too long to be true is not repeated. */
static void keep_content_type(struct rp_target_conn *conn, struct rp_slice type)
{
    if (!type.len || type.len >= sizeof(conn->content_type))
        type = RP_SLICE("application/octet-stream");
    memcpy(conn->content_type, type.ptr, type.len);
    conn->content_type[type.len] = '\0';
    conn->reply.content_type = conn->content_type;
}

static enum step start_body(struct rp_target_server *server, struct rp_target_conn *conn,
                            const struct rp_target_request *request)
{
    if (conn->reply.keeps_body) {
        keep_content_type(conn, request->content_type);
        if (request->content_length > RP_TARGET_BODY_MAX)
            return refuse(server, conn, 413);
        if (rp_buf_reserve(&conn->stored, request->content_length) < 0)
            return DEAD;
    }
    rp_target_body_init(&conn->body, request);
    if (conn->body.state == RP_TARGET_BODY_DONE)
        return start_reply(server, conn);
    if (request->expects_continue && !conn->input.len)
        rp_buf_append_slice(&server->tx, RP_SLICE("HTTP/1.1 100 Continue\r\n\r\n"));
    conn->phase = RP_TARGET_BODY;
    return GO_ON;
}

static enum step read_body(struct rp_target_server *server, struct rp_target_conn *conn)
{
    struct rp_slice data;

    if (!conn->input.len)
        return receive(server, conn);
    if (!rp_target_body_read(&conn->body, &conn->input, &data))
        return refuse(server, conn, 400);
    if (conn->reply.keeps_body) {
        rp_buf_append_slice(&conn->stored, data);
        if (conn->stored.error)
            return conn->stored.error == -EMSGSIZE ? refuse(server, conn, 413) : DEAD;
    }
    return conn->body.state == RP_TARGET_BODY_DONE ? start_reply(server, conn) : GO_ON;
}

/* The answers that never change, for the usual kind of request. */
static const struct rp_buf *constant_answer(const struct rp_target_server *server,
                                            const struct rp_target_request *request)
{
    int index;

    if (request->minor_version != 1 || !request->keep_alive || request->is_head ||
        request->is_chunked || request->content_length)
        return NULL;
    index = rp_target_constant_index(request->path);
    return index < 0 ? NULL : &server->constants[index];
}

static enum step read_head(struct rp_target_server *server, struct rp_target_conn *conn)
{
    struct rp_target_request request;
    const struct rp_buf *constant;
    size_t len;
    int status = RP_TARGET_MORE;
    enum step step = make_room(server, conn);

    if (step != GO_ON)
        return step;
    if (conn->input.len)
        status = rp_target_parse_head(conn->input, &request, &len);
    if (status == RP_TARGET_MORE)
        return receive(server, conn);
    if (RP_UNLIKELY(status))
        return refuse(server, conn, status);
    server->counts.requests++;
    conn->input = rp_slice(conn->input.ptr + len, conn->input.len - len);
    constant = constant_answer(server, &request);
    if (RP_LIKELY(constant)) {
        rp_buf_append(&server->tx, constant->data, constant->len);
        return GO_ON;
    }
    conn->is_head = request.is_head;
    conn->keep_alive = request.keep_alive;
    conn->is_http_1_0 = request.minor_version == 0;
    rp_buf_reset(&conn->stored);
    rp_target_route(&request, &server->random, &conn->stored, &conn->reply);
    if (conn->stored.error)
        return DEAD;
    return start_body(server, conn, &request);
}

/* Closing a socket with unread input resets it, and so does what arrives afterwards: the peer may lose the answer. Then
 * the input is read first, to its end. */
static enum step close_nicely(struct rp_target_server *server, struct rp_target_conn *conn)
{
    bool is_read = !conn->can_read && (conn->peer_closed || !conn->input.len);

    if (flush(server, conn) == DEAD)
        return DEAD;
    if (conn->out.len)
        return PAUSE;
    if (is_read && (conn->peer_closed || !conn->peer_may_send))
        return DEAD;
    shutdown(conn->fd, SHUT_WR);
    conn->phase = RP_TARGET_LINGER;
    rp_target_timers_arm(&server->timers, &conn->timer, rp_clock_ns() + LINGER_TIME);
    return GO_ON;
}

static enum step linger(struct rp_target_server *server, struct rp_target_conn *conn)
{
    enum step step;

    conn->input.len = 0;
    step = receive(server, conn);
    return conn->phase == RP_TARGET_LINGER ? step : DEAD;
}

static enum step do_step(struct rp_target_server *server, struct rp_target_conn *conn)
{
    switch (conn->phase) {
    case RP_TARGET_HEAD:
        return read_head(server, conn);
    case RP_TARGET_BODY:
        return read_body(server, conn);
    case RP_TARGET_STREAM:
        return stream(server, conn);
    case RP_TARGET_CLOSE:
        return close_nicely(server, conn);
    case RP_TARGET_LINGER:
        return linger(server, conn);
    default:
        return PAUSE;
    }
}

/* A peer that is gone while it waits for an answer: nobody would read it, and nothing else would tell. */
static bool is_abandoned(const struct rp_target_conn *conn)
{
    return conn->peer_closed && (conn->phase == RP_TARGET_WAIT || conn->phase == RP_TARGET_STUCK);
}

void rp_target_conn_run(struct rp_target_server *server, struct rp_target_conn *conn,
                        uint32_t events)
{
    enum step step = events & EPOLLERR ? DEAD : GO_ON;
    int steps = 0;

    if (events & EPOLLIN)
        conn->can_read = true;
    if (events & (EPOLLRDHUP | EPOLLHUP)) /* HUP: both sides have ended; there may be input yet */
        conn->can_read = conn->peer_closed = true;
    rp_list_remove(&conn->ready);
    conn->input = rp_buf_slice(&conn->in);
    if (RP_UNLIKELY(conn->out.len) && step == GO_ON)
        step = flush(server, conn);
    while (step == GO_ON && steps++ < STEPS_MAX)
        step = is_abandoned(conn) ? DEAD : do_step(server, conn);
    if (step != DEAD && server->tx.len && flush(server, conn) == DEAD)
        step = DEAD;
    if (step != DEAD && !save_input(conn))
        step = DEAD;
    if (RP_UNLIKELY(step == DEAD)) {
        rp_buf_reset(&server->tx);
        rp_target_conn_free(server, conn);
    } else if (RP_UNLIKELY(step == GO_ON)) {
        rp_list_append(&server->ready, &conn->ready);
    }
}

void rp_target_conn_fire(struct rp_target_server *server, struct rp_target_timer *timer)
{
    struct rp_target_conn *conn = rp_container_of(timer, struct rp_target_conn, timer);

    if (conn->phase == RP_TARGET_LINGER) {
        rp_target_conn_free(server, conn);
        return;
    }
    if (conn->phase == RP_TARGET_WAIT && write_answer(server, conn) == DEAD) {
        rp_buf_reset(&server->tx);
        rp_target_conn_free(server, conn);
        return;
    }
    rp_target_conn_run(server, conn, 0);
}

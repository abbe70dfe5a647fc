/* SPDX-License-Identifier: MIT */

/*
 * A connection that speaks HTTP/2: its calls are streams, as many at a time as the server allows.
 *
 * A stream has the times of its own frames. nghttp2 makes the bytes when the socket asks for them
 * (fill), those of all streams together. A stream's frames are noted when they are made (given), are
 * then in the socket's hands (offered), and get their times from the socket's send once that is
 * known. Bytes that belong to no stream, such as SETTINGS and what TLS adds, count for the stream that
 * ends next.
 *
 * Bytes are made while others come, too, so that what nghttp2 has to say about them (a stream reset
 * because of a malformed response) is known at once.
 */

#include <errno.h>
#include <stdio.h>

#include "base/alloc.h"
#include "http/body.h"
#include "http/handover.h"
#include "http/keepalive.h"
#include "http/shared.h"

/* As much is made at a time. */
enum { CHUNK = 64 * 1024, KEPT_MAX = 16 * 1024 };
/* How long the last words to a server that does not read them are kept. */
#define LINGER RP_S

static struct stream *first_of(const struct rp_list *streams)
{
    return rp_list_is_empty(streams)
               ? NULL
               : rp_container_of(streams->next, struct stream, connection.node);
}

/* ---- sending --------------------------------------------------------------------------------- */

void rp_http_shared_send(struct shared *shared)
{
    const struct rp_slice nothing = { 0 };

    if (shared->is_sending || shared->is_closed)
        return;
    rp_http_h2_settle(shared, shared->connection->traffic->send_ended);
    shared->fills = 0;
    /* Without success the end of the connection has not been told yet. */
    shared->is_sending = rp_transport_send(shared->connection->stack.top, nothing, nothing) == 0;
}

static void on_task(struct rp_task *task);

void rp_http_shared_defer(struct shared *shared)
{
    rp_loop_defer(shared->connection->session->client->loop, &shared->task, on_task);
}

static void reset_buf(struct rp_buf *buf)
{
    if (buf->cap > KEPT_MAX)
        rp_buf_deinit(buf);
    else
        rp_buf_reset(buf);
}

static int fill(struct rp_transport *transport, struct rp_slice *ret)
{
    struct shared *shared = ((struct connection *)transport->user)->shared;
    struct rp_buf next = shared->pending;
    rp_ns now = 0;
    int r;

    reset_buf(&shared->out);
    shared->pending = shared->out;
    shared->out = next;
    shared->is_making = true;
    r = rp_h2_take(shared->session, &shared->out, CHUNK);
    shared->is_making = false;
    *ret = rp_buf_slice(&shared->out);
    if (!ret->len) {
        shared->is_sending = false;
        if (shared->is_ending && !shared->stream_count)
            rp_http_shared_defer(shared);
        return r;
    }
    /* The earlier bytes of a long send have been taken by now. */
    if (shared->fills++ > 0 && shared->connection->traffic->send_began) {
        now = rp_loop_now(transport->loop);
        rp_http_h2_settle(shared, now);
    }
    rp_http_h2_note_made(shared, now);
    return r;
}

/* ---- ends ------------------------------------------------------------------------------------ */

static void fail_all(struct shared *shared, int code, const char *kind, const char *detail,
                     rp_ns at)
{
    struct stream *stream;

    while ((stream = first_of(&shared->streams)))
        if (rp_http_is_over(&stream->connection)) {
            rp_http_end_held(&stream->connection);
        } else {
            stream->connection.call->response->is_of_connection = true;
            rp_http_fail(stream->connection.call, code, kind, detail, at);
        }
}

/* The connection is of no use any more. */
static void give_up(struct shared *shared, int code, const char *kind, const char *detail, rp_ns at)
{
    shared->is_ending = true;
    fail_all(shared, code, kind, detail, at);
    if (!shared->is_closed)
        rp_http_connection_close(shared->connection, true);
}

void rp_http_shared_silent(struct shared *shared, rp_ns waited, rp_ns now)
{
    char detail[64];

    if (waited) {
        snprintf(detail, sizeof(detail), "the server has not answered a PING for %.3g s",
                 (double)waited / RP_S);
        give_up(shared, RP_HTTP_NO_ANSWER, "keepalive timeout", detail, now);
    } else if (rp_h2_ping(shared->session) < 0) {
        give_up(shared, RP_HTTP_GENERIC, "out of memory", NULL, now);
    } else {
        rp_http_shared_send(shared);
    }
}

static void linger_over(struct rp_timer *timer, rp_ns now)
{
    rp_http_connection_close(rp_container_of(timer, struct connection, timer), true);
}

/* The server has broken the protocol. It is told why; then the connection is closed. */
static void end_by_error(struct shared *shared, rp_ns at)
{
    struct connection *connection = shared->connection;
    struct rp_h2_error error = rp_h2_error(shared->session);
    char detail[200];

    shared->is_ending = true;
    rp_timer_arm(connection->session->client->loop, &connection->timer, rp_ns_add(at, LINGER),
                 linger_over);
    rp_http_shared_send(shared);
    snprintf(detail, sizeof(detail), "%s%s%s", rp_h2_code_text(error.code),
             error.text[0] ? ", " : "", error.text);
    fail_all(shared, RP_HTTP_H2 + (error.code < RP_H2_CODES ? (int)error.code : 0),
             "HTTP/2 protocol error", detail, at);
}

/* Tells of streams that nghttp2 has closed while it made bytes. */
static void tell_late(struct shared *shared)
{
    struct rp_list *node;

    while (!shared->is_closed && (node = rp_list_pop(&shared->late)))
        rp_http_h2_tell_late(rp_container_of(node, struct stream, late_node));
}

static void on_task(struct rp_task *task)
{
    struct shared *shared = rp_container_of(task, struct shared, task);

    if (!rp_list_is_empty(&shared->late))
        shared->at = rp_loop_now(shared->connection->session->client->loop);
    tell_late(shared);
    rp_http_tunnels_begin(shared);
    if (!shared->is_closed && shared->is_ending && !shared->stream_count && !shared->is_sending)
        rp_http_connection_close(shared->connection, false);
}

static int take(struct shared *shared, struct rp_slice input)
{
    int r;

    shared->is_receiving = true;
    r = rp_h2_receive(shared->session, input);
    shared->is_receiving = false;
    if (r == 0 && !shared->is_closed && rp_h2_has_output(shared->session)) {
        shared->is_making = true;
        r = rp_h2_take(shared->session, &shared->pending, CHUNK);
        shared->is_making = false;
    }
    return r;
}

static void transport_data(struct rp_transport *transport, const char *data, size_t len, rp_ns at)
{
    struct connection *connection = transport->user;
    struct shared *shared = connection->shared;
    int r;

    shared->at = at;
    if (!rp_list_is_empty(&shared->offered))
        rp_http_h2_settle(shared, transport->traffic->send_ended);
    r = take(shared, rp_slice(data, len));
    if (shared->is_closed)
        return;
    if (r < 0) {
        give_up(shared, RP_HTTP_GENERIC, "out of memory", NULL, at);
        return;
    }
    if (rp_h2_is_over(shared->session) && !rp_timer_is_armed(&connection->timer)) {
        end_by_error(shared, at);
        return;
    }
    if (shared->pending.len)
        rp_http_shared_send(shared);
    tell_late(shared);
    if (shared->is_closed)
        return;
    if (shared->is_ending && !shared->stream_count)
        rp_http_shared_defer(shared);
    if (shared->has_changed) {
        shared->has_changed = false;
        rp_http_tunnels_begin(shared);
        if (shared->is_closed)
            return;
        rp_http_serve_all(connection->session, connection->origin);
    }
}

static void transport_ended(struct rp_transport *transport, const struct rp_net_failure *failure,
                            rp_ns at)
{
    struct connection *connection = transport->user;
    struct shared *shared = connection->shared;
    struct stream *stream;

    shared->is_ending = true;
    rp_http_h2_settle(shared, transport->traffic->send_ended);
    while ((stream = first_of(&shared->streams)))
        rp_http_h2_lose(stream, failure, at);
    if (!shared->is_closed)
        rp_http_connection_close(connection, false);
}

static const struct rp_transport_events transport_events = {
    .data = transport_data,
    .ended = transport_ended,
    .fill = fill,
};

/* ---- life ------------------------------------------------------------------------------------ */

static int share(struct connection *connection)
{
    struct rp_http_call *call = connection->call;
    struct shared *shared = rp_calloc(1, sizeof(*shared));
    int r;

    if (!shared)
        return -ENOMEM;
    r = rp_h2_session_new(&rp_http_h2_events, shared, &shared->session);
    if (r < 0) {
        rp_free(shared);
        return r;
    }
    shared->connection = connection;
    rp_list_init(&shared->streams);
    rp_list_init(&shared->unused);
    rp_list_init(&shared->given);
    rp_list_init(&shared->offered);
    rp_list_init(&shared->late);
    rp_buf_init(&shared->pending, SIZE_MAX);
    rp_buf_init(&shared->out, SIZE_MAX);
    shared->counted_sent = connection->counted_sent;
    shared->counted_received = connection->counted_received;
    connection->shared = shared;
    connection->state = CONNECTION_SHARED;
    connection->call = NULL;
    call->first_attempt = connection->first_attempt;
    rp_transport_set_events(connection->stack.top, &transport_events);
    if (!rp_http_h2_begin(connection, call)) /* it allows none before it has said anything */
        rp_assert(false);
    return 0;
}

static void close_shared(struct shared *shared)
{
    rp_assert(!shared->stream_count);
    /* The server is still to know of streams that were reset, and why the connection ends. */
    if (shared->is_sending && !shared->is_receiving)
        rp_loop_flush(shared->connection->session->client->loop);
    shared->is_closed = true;
    rp_h2_abandon(shared->session);
    rp_task_cancel(&shared->task);
    rp_http_keepalive_stop(shared->keepalive);
    RP_LIST_EACH (it, &shared->unused)
        rp_timer_disarm(&rp_container_of(it, struct stream, connection.node)->connection.timer);
}

static void free_shared(struct shared *shared)
{
    struct rp_list *node;

    if (!shared)
        return;
    while ((node = rp_list_pop(&shared->unused)))
        rp_free(rp_container_of(node, struct stream, connection.node));
    rp_h2_session_free(shared->session);
    rp_http_keepalive_free(shared->keepalive);
    rp_buf_deinit(&shared->pending);
    rp_buf_deinit(&shared->out);
    rp_free(shared);
}

static bool is_worth_waiting(const struct connection *connection)
{
    return rp_http_takes_streams(connection->shared);
}

static bool is_unused(const struct connection *connection)
{
    return connection->shared && !connection->shared->stream_count;
}

static void retire(struct connection *connection)
{
    connection->shared->is_ending = true;
}

static struct rp_http_call *call_of(const struct connection *connection,
                                    const struct rp_http_session *session)
{
    RP_LIST_EACH (it, &connection->shared->streams) {
        struct rp_http_call *call =
            rp_container_of(it, struct stream, connection.node)->connection.call;

        if (call->session == session)
            return call;
    }
    return NULL;
}

static void settle(struct connection *stream)
{
    struct shared *shared = stream->shared;

    rp_http_h2_settle(shared, shared->connection->traffic->send_ended);
}

static void resume(struct connection *stream)
{
    struct shared *shared = stream->shared;

    if (rp_h2_resume(shared->session, &rp_container_of(stream, struct stream, connection)->h2) <
        0) {
        stream->has_no_memory = true;
        stream->deadline = 0; /* told by the timer */
        rp_timer_arm(stream->session->client->loop, &stream->timer, 0, rp_http_deadline_passed);
    } else if (!shared->is_receiving && rp_h2_has_output(shared->session)) {
        rp_http_shared_send(shared);
    }
}

static void pause_stream(struct connection *stream)
{
    rp_h2_pause(&rp_container_of(stream, struct stream, connection)->h2);
}

static void go_on(struct connection *stream)
{
    struct shared *shared = stream->shared;

    rp_h2_go_on(shared->session, &rp_container_of(stream, struct stream, connection)->h2);
    if (!shared->is_receiving && rp_h2_has_output(shared->session))
        rp_http_shared_send(shared);
}

static void refuse(struct connection *connection)
{
    struct rp_slice protocol = rp_tls_protocol(connection->stack.top);
    char detail[96];

    if (protocol.len)
        snprintf(detail, sizeof(detail), "the server has chosen %.*s (ALPN)",
                 RP_SLICE_FMT(protocol));
    else
        snprintf(detail, sizeof(detail), "the server has chosen no protocol (ALPN)");
    connection->state = CONNECTION_BUSY; /* it is open all the same */
    rp_http_fail(connection->call, RP_HTTP_H2, "no HTTP/2", detail,
                 rp_loop_now(connection->session->client->loop));
}

static const struct shared_ops shared_ops = {
    .open = share,
    .refuse = refuse,
    .close = close_shared,
    .free = free_shared,
    .begin = rp_http_h2_begin,
    .end = rp_http_h2_end,
    .count = rp_http_h2_count,
    .settle = settle,
    .resume = resume,
    .pause = pause_stream,
    .go_on = go_on,
    .is_worth_waiting = is_worth_waiting,
    .is_unused = is_unused,
    .retire = retire,
    .call_of = call_of,
};

void rp_http_client_set_h2(struct rp_http_client *client, enum rp_http_h2_use use)
{
    client->h2_use = use;
    client->h2 = &shared_ops;
}

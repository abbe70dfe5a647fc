/* SPDX-License-Identifier: MIT */

/*
 * Streams of a connection that speaks HTTP/2 (shared.c): each is a call under way.
 *
 * A stream has the times of its own frames. Its frames are noted when they are made (given), are then
 * in the socket's hands (offered), and get their times from the socket's send once that is known. Bytes
 * that belong to no stream, such as SETTINGS and what TLS adds, count for the stream that ends next.
 */

#include <errno.h>
#include <stdio.h>

#include "base/alloc.h"
#include "http/body.h"
#include "http/handover.h"
#include "http/keepalive.h"
#include "http/shared.h"

static struct stream *of_connection(struct connection *connection)
{
    return rp_container_of(connection, struct stream, connection);
}

static struct stream *of_h2(struct rp_h2_stream *h2)
{
    return rp_container_of(h2, struct stream, h2);
}

/* ---- times and bytes of a stream ------------------------------------------------------------- */

static void note_began(struct shared *shared, struct stream *stream)
{
    rp_ns began = shared->connection->traffic->send_began;

    if (!stream->traffic.send_began && began)
        stream->traffic.send_began = stream->filled > began ? stream->filled : began;
}

void rp_http_h2_settle(struct shared *shared, rp_ns ended)
{
    RP_LIST_EACH (it, &shared->offered) {
        struct stream *stream = rp_container_of(it, struct stream, send_node);

        note_began(shared, stream);
        if (!ended || !stream->h2.is_sent)
            continue;
        stream->traffic.send_ended = ended;
        stream->traffic.in_parts = shared->connection->traffic->in_parts ||
                                   stream->connection.call->template->is_streamed;
        rp_list_remove(it);
    }
}

static void h2_given(void *user, struct rp_h2_stream *h2)
{
    struct shared *shared = user;
    struct stream *stream = of_h2(h2);

    if (rp_list_is_linked(&stream->send_node)) {
        note_began(shared, stream);
        rp_list_remove(&stream->send_node);
    }
    rp_list_append(&shared->given, &stream->send_node);
}

/* @own, and the bytes of the connection that nobody has counted. There may be less than none: a part
 * of a TLS record was counted, and is now known to be of frames of streams. */
static uint64_t with_rest(uint64_t own, uint64_t total, uint64_t counted, uint64_t under_way)
{
    int64_t all = (int64_t)(own + total - counted - under_way);

    return all > 0 ? (uint64_t)all : 0;
}

void rp_http_h2_count(struct connection *connection)
{
    struct stream *stream = of_connection(connection);
    struct shared *shared = connection->shared;
    const struct rp_traffic *socket = shared->connection->traffic;
    uint64_t sent, received;

    rp_http_h2_settle(shared, socket->send_ended);
    rp_h2_count(shared->session, &sent, &received);
    /* What was made and is not sent yet is of streams. */
    stream->traffic.sent = stream->h2.sent;
    if (socket->sent > shared->counted_sent + sent - shared->ended_sent)
        stream->traffic.sent = with_rest(stream->h2.sent, socket->sent, shared->counted_sent,
                                         sent - shared->ended_sent);
    stream->traffic.received = with_rest(stream->h2.received, socket->received,
                                         shared->counted_received,
                                         received - shared->ended_received);
    /* Of a stream that goes on for long, bytes are counted meanwhile (tunnel.c). */
    if (stream->traffic.sent < connection->counted_sent)
        stream->traffic.sent = connection->counted_sent;
    if (stream->traffic.received < connection->counted_received)
        stream->traffic.received = connection->counted_received;
    shared->counted_sent += stream->traffic.sent;
    shared->counted_received += stream->traffic.received;
}

void rp_http_h2_note_made(struct shared *shared, rp_ns now)
{
    RP_LIST_EACH (it, &shared->given) {
        struct stream *stream = rp_container_of(it, struct stream, send_node);

        if (!stream->filled)
            stream->filled = now;
    }
    rp_list_splice(&shared->offered, &shared->given);
}

/* ---- life ------------------------------------------------------------------------------------ */

static struct stream *take_unused(struct shared *shared)
{
    struct rp_list *node = rp_list_pop(&shared->unused);
    struct stream *stream;

    if (node)
        return rp_container_of(node, struct stream, connection.node);
    stream = rp_calloc(1, sizeof(*stream));
    if (!stream)
        return NULL;
    stream->connection.session = shared->connection->session;
    stream->connection.origin = shared->connection->origin;
    stream->connection.state = CONNECTION_BUSY;
    stream->connection.shared = shared;
    stream->connection.is_stream = true;
    stream->connection.tls_version = shared->connection->tls_version;
    stream->connection.cipher = shared->connection->cipher;
    stream->connection.traffic = &stream->traffic;
    return stream;
}

/* As rp_http_connection_begin(). */
static void begin_call(struct stream *stream, struct rp_http_call *call)
{
    struct connection *connection = &stream->connection;
    struct rp_http_client *client = connection->session->client;

    stream->traffic = (struct rp_traffic){ 0 };
    stream->filled = 0;
    stream->body_error = 0;
    connection->call = call;
    connection->got_interim = false;
    connection->is_special = connection->is_read = false;
    connection->has_looked = connection->is_paused = connection->has_no_memory = false;
    connection->first_byte = connection->last_bytes = 0;
    connection->counted_sent = connection->counted_received = 0;
    connection->first_attempt = call->first_attempt;
    call->first_attempt = 0;
    connection->deadline = call->deadline;
    call->connection = connection;
    call->response->is_h2 = true;
    if (!rp_timer_is_armed(&connection->timer) || connection->timer.deadline > call->deadline)
        rp_timer_arm(client->loop, &connection->timer, call->deadline, rp_http_deadline_passed);
}

static int submit(struct stream *stream, struct rp_http_call *call)
{
    struct rp_h2_session *session = stream->connection.shared->session;
    struct rp_http_template *template = call->template;
    struct rp_slice head = rp_http_head_of(call);
    bool is_own = head.ptr != template->head.data; /* see own_head.c */
    struct rp_h2_request *request = is_own ? NULL : template->h2;
    int r = 0;

    stream->h2 = (struct rp_h2_stream){ .head = &call->response->head };
    if (template->is_tunnel)
        r = rp_h2_takes_protocols(session);
    if (r == 0 && !request)
        r = rp_h2_request_new(head, rp_slice_str(template->origin->scheme->name),
                              rp_http_protocol(template), &request);
    if (r == 0 && template->is_streamed)
        r = rp_http_begin_upload(&stream->connection);
    if (r == 0)
        r = template->is_streamed ? rp_h2_submit_streamed(session, &stream->h2, request)
                                  : rp_h2_submit(session, &stream->h2, request, template->body);
    if (is_own)
        rp_h2_request_free(request);
    else
        template->h2 = request;
    return r;
}

bool rp_http_takes_streams(const struct shared *shared)
{
    return !shared->is_closed && !shared->is_ending && rp_h2_takes_streams(shared->session);
}

/* As in connection.c, of a request that has just been made a stream. */
static bool may_serve_another(struct shared *shared, const struct rp_http_call *call)
{
    struct connection *connection = shared->connection;
    const struct rp_http_limits *limits = &connection->session->client->limits;

    if (call->template->reuse == NOT_REUSED)
        return false;
    connection->served++;
    if (limits->connection_requests && connection->served >= limits->connection_requests)
        return false;
    return !limits->connection_age ||
           call->began - connection->stack.top->opened < limits->connection_age;
}

bool rp_http_h2_begin(struct connection *connection, struct rp_http_call *call)
{
    struct shared *shared = connection->shared;
    struct stream *stream;
    int r;

    if (!rp_http_takes_streams(shared) ||
        shared->stream_count >= rp_h2_streams_max(shared->session))
        return false;
    stream = take_unused(shared);
    if (!stream) {
        rp_http_fail_later(call);
        return true;
    }
    rp_list_append(&shared->streams, &stream->connection.node);
    shared->stream_count++;
    /* The first call has opened the connection; a second attempt has times of another one. */
    stream->connection.is_reused = shared->was_used && !call->first_attempt;
    stream->is_kept = shared->has_served;
    shared->was_used = true;
    begin_call(stream, call);
    r = submit(stream, call);
    stream->is_held = r == -EAGAIN || r == -EOPNOTSUPP;
    if (r == -EOPNOTSUPP) /* told by the task: not from inside rp_http_start */
        rp_http_shared_defer(shared);
    if (r < 0 && !stream->is_held) {
        /* Told by the timer: not from inside rp_http_start. */
        stream->connection.has_no_memory = r == -ENOMEM;
        stream->connection.deadline = 0;
        rp_timer_arm(connection->session->client->loop, &stream->connection.timer, 0,
                     rp_http_deadline_passed);
        return true;
    }
    if (call->template->reuse != REUSED && !may_serve_another(shared, call))
        shared->is_ending = true;
    if (RP_UNLIKELY(call->template->keepalive))
        rp_http_keep_alive(shared, call->template, rp_http_shared_silent);
    rp_http_shared_send(shared);
    return true;
}

void rp_http_h2_end(struct connection *connection)
{
    struct stream *stream = of_connection(connection);
    struct shared *shared = connection->shared;

    connection->call = NULL;
    if (connection->decoding)
        rp_http_drop_decoding(connection);
    shared->ended_sent += stream->h2.sent;
    shared->ended_received += stream->h2.received;
    rp_list_remove(&connection->node);
    rp_list_remove(&stream->send_node);
    rp_list_remove(&stream->late_node);
    rp_h2_end(shared->session, &stream->h2);
    rp_list_append(&shared->unused, &connection->node);
    shared->stream_count--;
    if (shared->is_closed)
        return;
    shared->connection->last_bytes = shared->at;
    if (shared->is_receiving) /* what follows is done for all that has come */
        return;
    if (rp_h2_has_output(shared->session))
        rp_http_shared_send(shared);
    else if (shared->is_ending && !shared->stream_count)
        rp_http_shared_defer(shared);
}

/* ---- what the session tells ------------------------------------------------------------------ */

static void h2_begins(void *user, struct rp_h2_stream *h2)
{
    struct shared *shared = user;
    struct connection *connection = &of_h2(h2)->connection;

    if (!connection->first_byte)
        connection->first_byte = shared->at;
    connection->last_bytes = shared->at;
}

static void h2_interim(void *user, struct rp_h2_stream *h2)
{
    struct connection *connection = &of_h2(h2)->connection;

    connection->got_interim = true;
    connection->first_byte = 0;
    if (connection->call->template->is_streamed)
        rp_http_note_upload(connection, true);
}

static void h2_head(void *user, struct rp_h2_stream *h2)
{
    struct shared *shared = user;
    struct connection *connection = &of_h2(h2)->connection;
    struct rp_h1_parser *parser = &connection->parser;

    parser->status = h2->status;
    parser->flags = h2->is_coded ? RP_H1_FLAG_CODED : 0;
    parser->seen = h2->sets_cookies ? RP_H1_SEEN_SET_COOKIE : 0;
    if (connection->call->template->is_streamed)
        parser->seen |= RP_H1_SEEN_UPLOAD;
    rp_http_h2_head(connection, shared->at);
}

/* Of the call's body. */
static int h2_more(void *user, struct rp_h2_stream *h2, struct rp_slice *ret)
{
    struct stream *stream = of_h2(h2);
    int r = rp_http_next_piece(stream->connection.call, ret);

    if (r < 0 && r != -EAGAIN)
        stream->body_error = r;
    return r;
}

static void h2_body(void *user, struct rp_h2_stream *h2, struct rp_slice body)
{
    struct shared *shared = user;

    of_h2(h2)->connection.last_bytes = shared->at;
    (void)rp_http_take_body(&of_h2(h2)->connection, body, shared->at);
}

static void h2_trailer(void *user, struct rp_h2_stream *h2, struct rp_slice name,
                       struct rp_slice value)
{
    struct connection *connection = &of_h2(h2)->connection;

    if (connection->is_read && connection->call->reader->trailer)
        connection->call->reader->trailer(connection->call, name, value);
}

static void h2_done(void *user, struct rp_h2_stream *h2)
{
    struct shared *shared = user;

    shared->has_served = true;
    rp_http_h2_done(&of_h2(h2)->connection, shared->at);
}

/* Once more: the server has not processed the request. The bytes of the attempts before count for who
 * ends next. */
static void send_again(struct stream *stream, rp_ns at)
{
    struct rp_http_call *call = stream->connection.call;
    rp_ns began = stream->traffic.send_began, before = stream->connection.first_attempt;

    stream->connection.session->client->counters.retried++;
    rp_http_h2_end(&stream->connection);
    rp_http_send_again(call, before + (began ? at - began : 0));
}

/* Not when the answer has begun, whatever the server says then: it was passed on already. */
static bool can_repeat(const struct stream *stream)
{
    return !stream->connection.first_byte && rp_http_can_repeat(stream->connection.call);
}

static void fail_stream(struct stream *stream, enum rp_h2_reason reason, uint32_t code, rp_ns at)
{
    static const char *const kinds[] = { [RP_H2_BY_CLIENT] = "HTTP/2 protocol error",
                                         [RP_H2_BY_SERVER] = "HTTP/2 stream reset",
                                         [RP_H2_REFUSED] = "HTTP/2 stream refused" };
    struct rp_http_call *call = stream->connection.call;
    char detail[96];

    if (stream->body_error) {
        const struct rp_net_failure failure = rp_net_break(stream->body_error);

        rp_http_fail_by(&stream->connection, &failure, at);
        return;
    }
    if (reason == RP_H2_NO_MEMORY) {
        rp_http_fail(call, RP_HTTP_GENERIC, "out of memory", NULL, at);
        return;
    }
    if (reason == RP_H2_HEAD_TOO_LARGE) {
        snprintf(detail, sizeof(detail),
                 "the head has more than %zu bytes (max_head_bytes= allows more)",
                 call->response->head.max);
        rp_http_fail(call, RP_HTTP_PROTOCOL, "malformed response", detail, at);
        return;
    }
    snprintf(detail, sizeof(detail), "%s%s", rp_h2_code_text(code),
             reason == RP_H2_BY_CLIENT ? ", said by the client of a malformed response" : "");
    rp_http_fail(call, RP_HTTP_H2 + (code < RP_H2_CODES ? (int)code : 0), kinds[reason], detail,
                 at);
}

static void h2_failed(void *user, struct rp_h2_stream *h2, enum rp_h2_reason reason, uint32_t code)
{
    struct shared *shared = user;
    struct stream *stream = of_h2(h2);

    if (shared->is_making) {
        stream->late_reason = reason;
        stream->late_code = code;
        rp_list_append(&shared->late, &stream->late_node);
        rp_http_shared_defer(shared);
    } else if (reason == RP_H2_REFUSED && !stream->connection.first_attempt && can_repeat(stream)) {
        if (!rp_h2_takes_streams(shared->session))
            shared->is_ending = true;
        rp_http_h2_settle(shared, shared->connection->traffic->send_ended);
        send_again(stream, shared->at);
    } else {
        fail_stream(stream, reason, code, shared->at);
    }
}

void rp_http_h2_tell_late(struct stream *stream)
{
    h2_failed(stream->connection.shared, &stream->h2, stream->late_reason, stream->late_code);
}

void rp_http_h2_send_held(struct stream *stream)
{
    struct shared *shared = stream->connection.shared;
    struct rp_http_call *call = stream->connection.call;
    rp_ns now = rp_loop_now(shared->connection->session->client->loop);
    int r = rp_h2_takes_streams(shared->session) ? submit(stream, call) : -ECONNRESET;

    stream->is_held = false;
    if (r == -EOPNOTSUPP)
        rp_http_fail(call, RP_HTTP_H2, "no WebSocket over HTTP/2",
                     "the settings of the server do not allow it (RFC 8441)", now);
    else if (r == -ECONNRESET)
        h2_failed(shared, &stream->h2, RP_H2_REFUSED, RP_H2_REFUSED_STREAM);
    else if (r < 0)
        rp_http_fail(call, RP_HTTP_GENERIC, "out of memory", NULL, now);
}

static void h2_changed(void *user)
{
    struct shared *shared = user;

    shared->has_changed = true;
    shared->connection->origin->has_answered = true;
    if (!rp_h2_takes_streams(shared->session))
        shared->is_ending = true;
}

const struct rp_h2_events rp_http_h2_events = {
    .begins = h2_begins,
    .interim = h2_interim,
    .head = h2_head,
    .body = h2_body,
    .trailer = h2_trailer,
    .done = h2_done,
    .more = h2_more,
    .failed = h2_failed,
    .given = h2_given,
    .changed = h2_changed,
};

/* ---- the end of the connection ---------------------------------------------------------------- */

void rp_http_h2_lose(struct stream *stream, const struct rp_net_failure *failure, rp_ns at)
{
    struct connection *connection = &stream->connection;
    struct rp_h2_error error = rp_h2_error(connection->shared->session);
    const struct rp_traffic *socket = connection->shared->connection->traffic;
    char detail[200];

    stream->traffic.rtt_us = socket->rtt_us;
    stream->traffic.end_waited = socket->end_waited;
    if (rp_http_is_over(connection)) {
        rp_http_end_held(connection);
        return;
    }
    if (error.code) {
        snprintf(detail, sizeof(detail), "%s%s%s", rp_h2_code_text(error.code),
                 error.text[0] ? ", " : "", error.text);
        connection->call->response->is_of_connection = true;
        rp_http_fail(connection->call,
                     RP_HTTP_H2 + (error.code < RP_H2_CODES ? (int)error.code : 0),
                     "HTTP/2 connection ended by the server", detail, at);
    } else if (stream->is_kept && !connection->first_attempt &&
               rp_http_may_retry(connection, failure, at)) {
        send_again(stream, at);
    } else if (can_repeat(stream) && rp_http_may_leave_peer(connection->shared, connection->call)) {
        send_again(stream, at);
    } else if (failure) {
        rp_http_fail_by(connection, failure, at);
    } else {
        rp_http_fail(connection->call, RP_HTTP_CLOSED, "connection closed early",
                     connection->first_byte ? "the response was incomplete"
                                            : rp_http_no_response(connection),
                     at);
    }
}

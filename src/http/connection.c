/* SPDX-License-Identifier: MIT */

/*
 * One connection: opened by a dial, then requests one after the other. Bytes that come while no
 * request is under way poison it: a later request must never be answered by them.
 *
 * What speaks HTTP/1 is rp_http_connection_begin(), transport_data() and transport_ended(); HTTP/2
 * has its own three in shared.c. The rest of the room knows only that a call gets a connection and
 * ends.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "http/body.h"
#include "http/cookies.h"
#include "http/handover.h"

static void fail(struct connection *connection, int code, const char *kind, const char *detail,
                 rp_ns at)
{
    rp_http_fail(connection->call, code, kind, detail, at);
}

/* ---- opening and closing ---- */

static bool speaks_h2(const struct connection *connection)
{
    const struct rp_http_scheme *scheme = connection->origin->scheme;

    if (scheme->is_tls && !scheme->is_http1)
        return rp_slice_eq_str(rp_tls_protocol(connection->stack.top), "h2");
    return scheme->is_h2 ||
           (!scheme->is_http1 && connection->session->client->h2_use >= RP_HTTP_H2_ALWAYS);
}

/* An open connection speaks the version of HTTP that was agreed on. */
static void begin_speaking(struct connection *connection)
{
    struct rp_http_session *session = connection->session;
    struct origin *origin = connection->origin;

    session->client->counters.open_connections++;
    if (connection->call->first_attempt) {
        connection->first_attempt = connection->call->first_attempt;
        connection->call->first_attempt = 0;
    }
    if (!speaks_h2(connection)) {
        bool was_shared = origin->is_shared;

        if (origin->scheme->is_h2 || session->client->h2_use == RP_HTTP_H2_ONLY) {
            session->client->h2->refuse(connection);
            return;
        }
        origin->is_shared = false;
        rp_http_connection_begin(connection, connection->call);
        if (was_shared) /* one connection would have been enough for these too */
            rp_http_serve_all(session, origin);
        return;
    }
    origin->is_shared = true; /* perhaps others of the same name speak HTTP/1 only */
    if (session->client->h2->open(connection) < 0) {
        connection->state = CONNECTION_BUSY; /* it is open all the same */
        fail(connection, RP_HTTP_GENERIC, "out of memory", NULL,
             rp_loop_now(session->client->loop));
        return;
    }
    rp_http_serve_all(session, origin);
}

static void dialled(void *user, const struct rp_net_failure *failure,
                    const struct rp_dial_times *times)
{
    struct connection *connection = user;
    struct rp_http_client *client = connection->session->client;

    connection->dial = NULL;
    rp_http_take_dial_times(connection->call->response, times);
    if (failure && !rp_http_may_redial(connection)) {
        rp_http_fail_by(connection, failure, rp_loop_now(client->loop));
        return;
    }
    if (failure) {
        rp_http_let_go(connection);
        return;
    }
    if (connection->origin->scheme->is_tls) {
        connection->tls_version = (uint8_t)rp_tls_version(connection->stack.top);
        connection->cipher = rp_http_cipher(client, connection->stack.top);
        rp_http_record_handshake(connection->call, rp_tls_is_resumed(connection->stack.top));
    }
    if (rp_http_is_double(connection))
        rp_http_let_go(connection);
    else
        begin_speaking(connection);
}

static const struct rp_transport_events transport_events;

static int dial(struct connection *connection)
{
    struct rp_http_session *session = connection->session;
    struct origin *origin = connection->origin;
    const struct rp_http_timeouts *timeouts = connection->call->timeouts;
    struct rp_dial_spec spec = { .stack = &connection->stack,
                                 .events = &transport_events,
                                 .host = origin->dial_host ? origin->dial_host : origin->host,
                                 .port = origin->dial_port,
                                 .unix_path = origin->unix_path,
                                 .destination = &origin->destination,
                                 .deadline = timeouts ? rp_http_connection_limit(connection->call)
                                                      : connection->call->deadline,
                                 .timeout = timeouts && timeouts->connect
                                                ? timeouts->connect
                                                : session->client->limits.connect,
                                 .handshake_timeout = timeouts ? timeouts->handshake : 0,
                                 .done = dialled,
                                 .user = connection };
    int r = rp_stack_init(&connection->stack, session->client->loop, origin->layers, origin->host,
                          origin->port);

    rp_http_aim(connection, &spec);
    if (origin->via)
        rp_http_dial_via(connection, &spec);
    if (r == 0)
        rp_http_use_tickets(connection);
    if (r == 0)
        connection->traffic = connection->stack.top->traffic;
    if (r == 0)
        r = rp_dial_start(&session->client->dialler, &spec, &connection->dial);
    if (r < 0)
        rp_stack_deinit(&connection->stack);
    return r;
}

void rp_http_connection_open(struct rp_http_call *call, struct rp_http_session *pool)
{
    struct origin *origin = call->template->origin;
    struct connection *connection = rp_http_connection_new(pool, call);
    int r = connection ? dial(connection) : -ENOMEM;

    if (r < 0) {
        rp_free(connection);
        rp_http_fail_later(call);
        return;
    }
    connection->state = CONNECTION_OPENING;
    call->connection = connection;
    rp_list_append(&pool->connections, &connection->node);
    connection->is_pooled = pool->is_pool;
    origin->pooled += connection->is_pooled;
}

void rp_http_connection_close(struct connection *connection, bool reset)
{
    struct rp_http_client *client = connection->session->client;

    if (RP_UNLIKELY(connection->is_stream)) {
        client->h2->end(connection);
        return;
    }
    if (RP_UNLIKELY(connection->shared != NULL))
        client->h2->close(connection->shared);
    rp_timer_disarm(&connection->timer);
    if (connection->decoding)
        rp_http_drop_decoding(connection);
    if (connection->dial)
        rp_dial_cancel(connection->dial);
    connection->dial = NULL;
    rp_transport_close(connection->stack.top, reset);
    if (connection->state >= CONNECTION_BUSY)
        client->counters.open_connections--;
    connection->origin->pooled -= connection->is_pooled;
    rp_list_remove(&connection->node);
    rp_http_bury(client, connection);
}

/* ---- one request ---- */

static const struct rp_transport_events uploading_events;

void rp_http_connection_begin(struct connection *connection, struct rp_http_call *call)
{
    struct rp_http_template *template = call->template;
    struct rp_slice head;
    int r;

    connection->call = call;
    connection->state = CONNECTION_BUSY;
    connection->got_interim = false;
    connection->first_byte = 0;
    connection->deadline = call->deadline;
    call->connection = connection;
    if (!rp_timer_is_armed(&connection->timer) ||
        RP_UNLIKELY(connection->timer.deadline > call->deadline))
        rp_timer_arm(connection->session->client->loop, &connection->timer, call->deadline,
                     rp_http_deadline_passed);
    rp_h1_parser_reset(&connection->parser, &call->response->head, template->is_head);
    head = RP_UNLIKELY(call->more) ? rp_http_head_of(call) : rp_buf_slice(&template->head);
    r = RP_UNLIKELY(call->more) && template->is_streamed
            ? rp_http_upload(connection, &uploading_events)
            : rp_transport_send(connection->stack.top, head, template->body);
    if (RP_UNLIKELY(r < 0)) {
        /* Told by the timer: not from inside rp_http_start. */
        connection->has_no_memory = r == -ENOMEM;
        connection->deadline = 0;
        rp_timer_arm(connection->session->client->loop, &connection->timer, 0,
                     rp_http_deadline_passed);
    }
}

void rp_http_deadline_passed(struct rp_timer *timer, rp_ns now)
{
    struct connection *connection = rp_container_of(timer, struct connection, timer);
    const char *kind = "request timeout";

    if (!connection->call)
        return; /* idle: the next request arms it */
    if (connection->deadline == 0 && connection->has_no_memory) {
        fail(connection, RP_HTTP_GENERIC, "out of memory", NULL, now);
        return;
    }
    if (connection->deadline == 0) {
        fail(connection, RP_HTTP_GENERIC, "send failed",
             rp_http_can_repeat(connection->call) ? NULL : "the body cannot be sent a second time",
             now);
        return;
    }
    if (connection->deadline <= now && connection->call->timeouts)
        connection->deadline = rp_http_next_limit(connection, now, &kind);
    if (connection->deadline > now) {
        rp_timer_arm(connection->session->client->loop, timer, connection->deadline,
                     rp_http_deadline_passed);
        return;
    }
    fail(connection, RP_HTTP_TIMEOUT, kind, NULL, now);
}

static void protocol_error(struct connection *connection, rp_ns at)
{
    const struct rp_h1_parser *parser = &connection->parser;
    char detail[128];

    if (parser->error == RP_H1_NO_MEMORY) {
        fail(connection, RP_HTTP_GENERIC, "out of memory", NULL, at);
        return;
    }
    if (parser->error == RP_H1_HEAD_TOO_LARGE)
        snprintf(detail, sizeof(detail),
                 "the head has more than %zu bytes (max_head_bytes= allows more)",
                 parser->head->max);
    else
        snprintf(detail, sizeof(detail), "%s, at byte %llu", rp_h1_error_text(parser->error),
                 (unsigned long long)parser->offset);
    fail(connection, RP_HTTP_PROTOCOL, "malformed response", detail, at);
}

RP_COLD static bool fail_body(struct connection *connection, const struct body_failure *failure,
                              rp_ns at)
{
    fail(connection, failure->code, failure->kind, *failure->detail ? failure->detail : NULL, at);
    return false;
}

RP_COLD static bool take_special_body(struct connection *connection, struct rp_slice body, rp_ns at)
{
    struct body_failure failure = { 0 };

    if (connection->call->response->body.error)
        return rp_http_body_overflow(connection, &failure) || fail_body(connection, &failure, at);
    return rp_http_take_special(connection, body, at, &failure) ||
           fail_body(connection, &failure, at);
}

/* False after a failure: the call has ended. */
RP_INLINE bool take_body(struct connection *connection, struct rp_slice body, rp_ns at)
{
    struct rp_http_call *call = connection->call;
    struct rp_http_response *response = call->response;

    response->body_bytes += body.len;
    if (call->discard_body) {
        if (RP_UNLIKELY(connection->parser.status >= 400))
            rp_http_keep_start(response, body);
        return true;
    }
    if (RP_LIKELY(!rp_h1_is_coded(&connection->parser))) {
        rp_buf_append_slice(&response->body, body);
        if (RP_LIKELY(!response->body.error))
            return true;
    }
    return take_special_body(connection, body, at);
}

RP_COLD static void begin_reading(struct connection *connection, rp_ns at)
{
    rp_http_take_head(connection->call);
    if (!rp_http_is_hop(connection->call))
        rp_http_begin_reading(connection, at);
}

/* The body has come to its end. False after a failure, or when its reader is to have it first. */
RP_COLD static bool end_body(struct connection *connection, rp_ns at, bool keep)
{
    struct decoding *decoding = connection->decoding;
    struct body_failure failure = { 0 };

    if (!rp_http_is_held(connection))
        return rp_http_end_special(connection, &failure) || fail_body(connection, &failure, at);
    decoding->is_over = true;
    decoding->keep = keep;
    decoding->at = at;
    return false;
}

RP_INLINE void complete(struct connection *connection, rp_ns at, bool keep)
{
    if (RP_UNLIKELY(connection->is_special) && !end_body(connection, at, keep))
        return;
    rp_http_succeed(connection->call, at, keep);
}

void rp_http_complete(struct connection *connection, rp_ns at, bool keep)
{
    complete(connection, at, keep);
}

/* Once more, on a connection of its own. */
static void send_again(struct connection *connection, rp_ns at)
{
    struct rp_http_call *call = connection->call;
    const struct rp_traffic *traffic = connection->traffic;
    struct attempt first = { .took = traffic->send_began ? at - traffic->send_began : 0,
                             .sent = traffic->sent - connection->counted_sent,
                             .received = traffic->received - connection->counted_received };

    connection->call = NULL;
    rp_http_connection_close(connection, false);
    rp_http_restart(call, first);
}

static void stray_bytes(struct connection *connection, rp_ns at)
{
    connection->session->client->counters.stray_bytes++;
    if (connection->call)
        send_again(connection, at);
    else
        rp_http_connection_close(connection, true);
}

/* An interim answer (1xx) is no answer: what follows it in the same bytes is the first of the final
 * one, if there is something. */
static void note_interim(struct connection *connection, bool is_followed, rp_ns at)
{
    connection->parser.seen &= (uint8_t)~RP_H1_SEEN_INTERIM;
    connection->got_interim = true;
    connection->first_byte = is_followed ? at : 0;
}

RP_COLD static void note_head(struct connection *connection, rp_ns at)
{
    bool is_interim = connection->parser.seen & RP_H1_SEEN_INTERIM;

    if (is_interim)
        note_interim(connection, true, at);
    if (connection->parser.seen & RP_H1_SEEN_UPLOAD)
        rp_http_note_upload(connection, false);
    if (connection->parser.seen & RP_H1_SEEN_SET_COOKIE)
        rp_http_note_cookies(connection->call->session, connection->call->template,
                             connection->call->response);
}

/* Whether the connection of a request that has its answer may serve another one, by the limits of the
 * client. */
RP_COLD static bool may_serve_another(struct connection *connection, rp_ns at)
{
    const struct rp_http_limits *limits = &connection->session->client->limits;

    if (connection->call->template->reuse == NOT_REUSED)
        return false;
    connection->served++;
    if (limits->connection_requests && connection->served >= limits->connection_requests)
        return false;
    return !limits->connection_age || at - connection->stack.top->opened < limits->connection_age;
}

static void transport_data(struct rp_transport *transport, const char *data, size_t len, rp_ns at)
{
    struct connection *connection = transport->user;
    struct rp_http_call *call = connection->call;
    struct rp_slice input = rp_slice(data, len), body;

    /* What comes on a kept connection before the request was sent cannot be its answer. */
    if (RP_UNLIKELY(!call || (connection->is_reused && !transport->traffic->send_began &&
                              !rp_http_has_begun(connection)))) {
        stray_bytes(connection, at);
        return;
    }
    if (!connection->first_byte)
        connection->first_byte = at;
    for (;;) {
        switch (rp_h1_parse(&connection->parser, &input, &body)) {
        case RP_H1_HEAD:
            if (RP_UNLIKELY(connection->parser.seen))
                note_head(connection, at);
            if (RP_UNLIKELY(call->reader))
                begin_reading(connection, at);
            break;
        case RP_H1_MORE:
            connection->last_bytes = at;
            if (RP_UNLIKELY(connection->parser.seen & RP_H1_SEEN_INTERIM)) {
                note_interim(connection, call->response->head.len > 0, at);
                if (connection->parser.seen & RP_H1_SEEN_UPLOAD)
                    rp_http_note_upload(connection, true);
            }
            return;
        case RP_H1_BODY:
            if (!take_body(connection, body, at))
                return;
            if (!rp_h1_is_complete(&connection->parser))
                break;
            __attribute__((fallthrough));
        case RP_H1_DONE:
            if (RP_UNLIKELY(input.len > 0))
                rp_http_note_rest(connection, input);
            complete(connection, at,
                     input.len == 0 && connection->parser.keep_alive &&
                         (RP_LIKELY(call->template->reuse == REUSED) ||
                          may_serve_another(connection, at)));
            return;
        case RP_H1_ERROR:
            protocol_error(connection, at);
            return;
        }
    }
}

static void transport_ended(struct rp_transport *transport, const struct rp_net_failure *failure,
                            rp_ns at)
{
    struct connection *connection = transport->user;
    struct rp_http_call *call = connection->call;

    if (!call) {
        rp_http_connection_close(connection, false);
        return;
    }
    if (rp_http_is_over(connection)) { /* its reader is to have it first */
        connection->decoding->keep = false;
        return;
    }
    if (rp_http_may_retry(connection, failure, at)) {
        connection->session->client->counters.retried++;
        send_again(connection, at);
        return;
    }
    if (failure)
        rp_http_fail_by(connection, failure, at);
    else if (rp_h1_parse_end(&connection->parser) == RP_H1_DONE)
        complete(connection, at, false);
    else
        fail(connection, RP_HTTP_CLOSED, "connection closed early",
             connection->first_byte    ? "the response was incomplete"
             : connection->got_interim ? "there was only an interim response"
                                       : rp_http_no_response(connection),
             at);
}

bool rp_http_take_body(struct connection *connection, struct rp_slice body, rp_ns at)
{
    return take_body(connection, body, at);
}

void rp_http_h2_head(struct connection *stream, rp_ns at)
{
    if (stream->parser.seen)
        note_head(stream, at);
    if (stream->call->reader)
        begin_reading(stream, at);
}

void rp_http_h2_done(struct connection *stream, rp_ns at)
{
    if (!stream->is_special || end_body(stream, at, false))
        rp_http_h2_succeed(stream->call, at);
}

static const struct rp_transport_events transport_events = {
    .data = transport_data,
    .ended = transport_ended,
};

/* Of a connection that has carried a body which is made while it is sent. */
static const struct rp_transport_events uploading_events = {
    .data = transport_data,
    .ended = transport_ended,
    .fill = rp_http_fill,
};

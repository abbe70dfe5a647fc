/* SPDX-License-Identifier: MIT */

/*
 * One connection: back-off, look-up, connect (each address in turn), then requests one after the other. Bytes that come
 * while no request is under way poison it: a later request must never be answered by them.
 */

#include <errno.h>
#include <stdio.h>

#include "base/alloc.h"
#include "http/internal.h"

enum { BACKOFF_MAX_MS = 100 };

static struct connection *of_transport(struct rp_transport *transport)
{
    return rp_container_of(transport, struct connection, transport);
}

static rp_ns now_of(const struct connection *connection)
{
    return rp_loop_now(connection->session->client->loop);
}

static void fail(struct connection *connection, int code, const char *kind, const char *detail,
                 rp_ns at)
{
    rp_http_fail(connection->call, code, kind, detail, at);
}

/* ---- connecting ------------------------------------------------------------------------------------------- */

struct connect_failure {
    int code;
    const char *kind;
};

static struct connect_failure classify(int status)
{
    switch (-status) {
    case ECONNREFUSED:
        return (struct connect_failure){ RP_HTTP_REFUSED, "connection refused" };
    case ETIMEDOUT:
        return (struct connect_failure){ RP_HTTP_DIAL_TIMEOUT, "connect timeout" };
    case ECONNRESET:
        return (struct connect_failure){ RP_HTTP_RESET, "connection reset" };
    case EMFILE:
    case ENFILE:
        return (struct connect_failure){ RP_HTTP_NO_DESCRIPTORS, "out of file descriptors" };
    case EADDRNOTAVAIL:
        return (struct connect_failure){ RP_HTTP_NO_PORTS, "out of local ports" };
    case EHOSTUNREACH:
    case ENETUNREACH:
        return (struct connect_failure){ RP_HTTP_DIAL, "host unreachable" };
    default:
        return (struct connect_failure){ RP_HTTP_DIAL, "connect failed" };
    }
}

static void connect_failed(struct connection *connection, int status)
{
    struct rp_http_session *session = connection->session;
    struct connect_failure failure = classify(status);
    rp_ns now = now_of(connection);

    session->failed_connects++;
    session->last_failure = now;
    session->client->counters.no_descriptors += failure.code == RP_HTTP_NO_DESCRIPTORS;
    session->client->counters.no_ports += failure.code == RP_HTTP_NO_PORTS;
    fail(connection, failure.code, failure.kind,
         failure.code == RP_HTTP_DIAL ? strerror(-status) : NULL, now);
}

static void try_next_address(struct connection *connection, int last_status)
{
    struct candidates *candidates = connection->candidates;
    struct rp_transport *transport = &connection->transport;

    while (candidates->next < candidates->count) {
        const struct rp_address *address = &candidates->list[candidates->next++];
        int r = rp_transport_connect(transport, address, connection->origin->port);

        if (r == 0)
            return;
        last_status = r;
    }
    connect_failed(connection, last_status);
}

static void start_connecting(struct connection *connection, const struct rp_address *addresses,
                             size_t count, bool was_known)
{
    rp_ns now = now_of(connection);

    connection->looking_up = was_known ? 0 : now - connection->phase_began;
    connection->phase_began = now;
    connection->state = CONNECTION_CONNECTING;
    memcpy(connection->candidates->list, addresses, count * sizeof(*addresses));
    connection->candidates->count = count;
    connection->candidates->next = 0;
    try_next_address(connection, -EHOSTUNREACH);
}

static void resolved(struct rp_lookup *lookup, enum rp_dns_status status,
                     const struct rp_address *addresses, size_t count, const char *text)
{
    struct connection *connection = rp_container_of(lookup, struct connection, lookup);
    rp_ns now = now_of(connection);

    if (status == RP_DNS_OK && count) {
        start_connecting(connection, addresses, count < RP_ADDRESSES_MAX ? count : RP_ADDRESSES_MAX,
                         false);
        return;
    }
    connection->session->failed_connects++;
    connection->session->last_failure = now;
    if (status == RP_DNS_NOT_FOUND)
        fail(connection, RP_HTTP_DNS_NOT_FOUND, "host not found", connection->origin->host, now);
    else
        fail(connection, RP_HTTP_DNS, "name resolution failed", text, now);
}

/* Runs from a timer, never from inside rp_http_start: everything below may end the call. */
static void look_up(struct connection *connection)
{
    struct rp_http_client *client = connection->session->client;
    const struct rp_address *addresses;
    size_t count;
    int r;

    connection->state = CONNECTION_LOOKUP;
    connection->phase_began = now_of(connection);
    r = rp_resolve(client->resolver, rp_slice_str(connection->origin->host), &connection->lookup,
                   &addresses, &count);
    if (r < 0)
        fail(connection, RP_HTTP_DNS, "name resolution failed", strerror(-r), now_of(connection));
    else if (r > 0) /* an address, or a name that is known: nothing was looked up */
        start_connecting(connection, addresses, count < RP_ADDRESSES_MAX ? count : RP_ADDRESSES_MAX,
                         true);
}

static void deadline_passed(struct rp_timer *timer, rp_ns now);

static void begin_opening(struct rp_timer *timer, rp_ns now)
{
    struct connection *connection = rp_container_of(timer, struct connection, timer);

    if (connection->deadline <= now) { /* the back-off took all its time */
        deadline_passed(timer, now);
        return;
    }
    rp_timer_arm(connection->session->client->loop, timer, connection->deadline, deadline_passed);
    look_up(connection);
}

/* A server that refuses must not make a VU spin: from the second failure in a row on it waits, 10 ms at first. */
static rp_ns backoff_until(const struct rp_http_session *session)
{
    unsigned shift = session->failed_connects - 2;
    rp_ns delay_ms;

    if (session->failed_connects < 2)
        return 0;
    delay_ms = shift > 3 ? BACKOFF_MAX_MS : 10 << shift;
    return session->last_failure + (delay_ms < BACKOFF_MAX_MS ? delay_ms : BACKOFF_MAX_MS) * RP_MS;
}

static void out_of_memory(struct rp_task *task)
{
    struct rp_http_call *call = rp_container_of(task, struct rp_http_call, task);

    rp_http_fail(call, RP_HTTP_GENERIC, "out of memory", NULL,
                 rp_loop_now(call->session->client->loop));
}

static const struct rp_transport_events transport_events;

void rp_http_connection_open(struct rp_http_session *session, struct origin *origin,
                             struct rp_http_call *call)
{
    struct rp_http_client *client = session->client;
    struct connection *connection = rp_calloc(1, sizeof(*connection));
    struct candidates *candidates = rp_alloc(sizeof(*candidates));
    rp_ns start;

    if (!connection || !candidates) {
        rp_free(connection);
        rp_free(candidates);
        rp_list_append(&session->failing, &call->node);
        rp_loop_defer(client->loop, &call->task, out_of_memory);
        return;
    }
    connection->session = session;
    connection->origin = origin;
    connection->candidates = candidates;
    connection->call = call;
    connection->deadline = call->deadline;
    connection->state = CONNECTION_BACKOFF;
    connection->lookup.fn = resolved;
    call->connection = connection;
    rp_transport_init_tcp(&connection->transport, client->loop, &transport_events);
    rp_list_append(&session->connections, &connection->node);
    session->connection_count++;
    start = backoff_until(session);
    rp_timer_arm(client->loop, &connection->timer,
                 start < connection->deadline ? start : connection->deadline, begin_opening);
}

static void transport_connected(struct rp_transport *transport, int status)
{
    struct connection *connection = of_transport(transport);
    rp_ns now = now_of(connection);

    if (status < 0) {
        try_next_address(connection, status);
        return;
    }
    connection->connecting = now - connection->phase_began;
    connection->session->failed_connects = 0;
    connection->session->client->counters.open_connections++;
    rp_free(connection->candidates);
    connection->candidates = NULL;
    rp_http_connection_begin(connection, connection->call);
}

/* ---- one request ------------------------------------------------------------------------------------------ */

void rp_http_connection_begin(struct connection *connection, struct rp_http_call *call)
{
    struct rp_http_template *template = call->template;
    int r;

    connection->call = call;
    connection->state = CONNECTION_BUSY;
    connection->got_head = false;
    connection->first_byte = 0;
    connection->deadline = call->deadline;
    call->connection = connection;
    if (!rp_timer_is_armed(&connection->timer) ||
        RP_UNLIKELY(connection->timer.deadline > call->deadline))
        rp_timer_arm(connection->session->client->loop, &connection->timer, call->deadline,
                     deadline_passed);
    rp_h1_parser_reset(&connection->parser, &call->response->head, template->is_head);
    r = rp_transport_send(&connection->transport, rp_buf_slice(&template->head), template->body);
    if (RP_UNLIKELY(r < 0)) {
        /* Told by the timer: not from inside rp_http_start. */
        connection->deadline = 0;
        rp_timer_arm(connection->session->client->loop, &connection->timer, 0, deadline_passed);
    }
}

static void deadline_passed(struct rp_timer *timer, rp_ns now)
{
    struct connection *connection = rp_container_of(timer, struct connection, timer);

    if (!connection->call)
        return; /* idle: the next request arms it */
    if (connection->deadline > now) {
        rp_timer_arm(connection->session->client->loop, timer, connection->deadline,
                     deadline_passed);
        return;
    }
    if (connection->deadline == 0)
        fail(connection, RP_HTTP_GENERIC, "send failed", NULL, now);
    else if (connection->state == CONNECTION_LOOKUP)
        fail(connection, RP_HTTP_DNS, "name resolution timeout", NULL, now);
    else if (connection->state != CONNECTION_BUSY)
        fail(connection, RP_HTTP_DIAL_TIMEOUT, "connect timeout", NULL, now);
    else
        fail(connection, RP_HTTP_TIMEOUT, "request timeout", NULL, now);
}

static void protocol_error(struct connection *connection, rp_ns at)
{
    const struct rp_h1_parser *parser = &connection->parser;
    char detail[96];

    snprintf(detail, sizeof(detail), "%s, at byte %llu", rp_h1_error_text(parser->error),
             (unsigned long long)parser->offset);
    fail(connection, RP_HTTP_PROTOCOL, "malformed response", detail, at);
}

/* False when the body is over the limit: the call has been failed. */
static bool take_body(struct connection *connection, struct rp_slice body, rp_ns at)
{
    struct rp_http_call *call = connection->call;
    struct rp_http_response *response = call->response;

    response->body_bytes += body.len;
    if (call->discard_body)
        return true;
    rp_buf_append_slice(&response->body, body);
    if (RP_LIKELY(!response->body.error))
        return true;
    if (response->body.error == -ENOMEM)
        fail(connection, RP_HTTP_GENERIC, "out of memory", NULL, at);
    else
        fail(connection, RP_HTTP_TOO_LARGE, "response body too large", NULL, at);
    return false;
}

/* Once more, on a connection of its own. */
static void send_again(struct connection *connection)
{
    struct rp_http_call *call = connection->call;

    connection->call = NULL;
    rp_http_connection_close(connection, false);
    rp_http_restart(call);
}

static void stray_bytes(struct connection *connection)
{
    connection->session->client->counters.stray_bytes++;
    if (connection->call)
        send_again(connection);
    else
        rp_http_connection_close(connection, true);
}

static void transport_data(struct rp_transport *transport, const char *data, size_t len, rp_ns at)
{
    struct connection *connection = of_transport(transport);
    struct rp_http_call *call = connection->call;
    struct rp_slice input = rp_slice(data, len), body;

    /* What comes on a kept connection before the request was sent cannot be its answer. */
    if (RP_UNLIKELY(!call || (!transport->wire.send_began && connection->is_reused))) {
        stray_bytes(connection);
        return;
    }
    if (!connection->first_byte)
        connection->first_byte = at;
    call->response->wire_received += len;
    for (;;) {
        switch (rp_h1_parse(&connection->parser, &input, &body)) {
        case RP_H1_HEAD:
            connection->got_head = true;
            break;
        case RP_H1_BODY:
            if (!take_body(connection, body, at))
                return;
            break;
        case RP_H1_MORE:
            return;
        case RP_H1_DONE:
            connection->session->client->counters.stray_bytes += input.len > 0;
            rp_http_succeed(call, at, input.len == 0 && connection->parser.keep_alive);
            return;
        case RP_H1_ERROR:
            protocol_error(connection, at);
            return;
        }
    }
}

/* A server may close a kept connection at the very moment at which a request is sent on it. That is no failure of the
 * server: browsers, curl and Go send the request once more, and so do we if doing so is harmless, which it always is
 * when no byte of it was sent. The second time goes to a new connection, so that there is no third. */
static bool may_retry(const struct connection *connection)
{
    const struct rp_http_call *call = connection->call;

    return connection->is_reused && !connection->first_byte &&
           (call->template->is_idempotent || !connection->transport.wire.send_began);
}

static void transport_ended(struct rp_transport *transport, int status, rp_ns at)
{
    struct connection *connection = of_transport(transport);
    struct rp_http_call *call = connection->call;

    if (!call) {
        rp_http_connection_close(connection, false);
        return;
    }
    if (may_retry(connection)) {
        connection->session->client->counters.retried++;
        send_again(connection);
        return;
    }
    if (status == 0 && rp_h1_parse_end(&connection->parser) == RP_H1_DONE && connection->got_head)
        rp_http_succeed(call, at, false);
    else if (status == 0)
        fail(connection, RP_HTTP_CLOSED, "connection closed early",
             connection->first_byte ? "the response was incomplete" : "there was no response", at);
    else if (status == -ECONNRESET || status == -EPIPE)
        fail(connection, RP_HTTP_RESET, "connection reset", NULL, at);
    else
        fail(connection, RP_HTTP_NETWORK, "connection broke", strerror(-status), at);
}

static const struct rp_transport_events transport_events = {
    .connected = transport_connected,
    .data = transport_data,
    .ended = transport_ended,
};

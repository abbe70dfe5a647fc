/* SPDX-License-Identifier: MIT */

/* How a call ends: its times are computed, its samples recorded, its connection kept or closed,
 * then done() runs. */

#include <stdio.h>

#include "http/body.h"
#include "http/handover.h"

static void close_of(struct connection *connection, bool reset)
{
    connection->call = NULL;
    rp_http_connection_close(connection, reset);
}

void rp_http_take_dial_times(struct rp_http_response *response, const struct rp_dial_times *times)
{
    response->looking_up = times->looking_up;
    response->connecting = times->connecting;
    response->tls_handshaking = times->handshaking;
}

/* Counts the bytes on the wire that no earlier request has counted. */
static void count_bytes(struct rp_http_response *response, struct connection *connection,
                        const struct rp_traffic *traffic)
{
    response->wire_sent = traffic->sent - connection->counted_sent;
    response->wire_received = traffic->received - connection->counted_received;
    connection->counted_sent = traffic->sent;
    connection->counted_received = traffic->received;
}

/* As measure(), of a request that failed, or whose answer began before it. */
RP_COLD static bool measure_odd(struct rp_http_response *response, struct connection *connection,
                                rp_ns called, rp_ns at)
{
    const struct rp_traffic *traffic = connection->traffic;
    rp_ns began = traffic->send_began, sent = traffic->send_ended, first = connection->first_byte;

    /* Bytes, or an end, that had come before there was a request. */
    if (at < called)
        at = called;
    if (first && first < called)
        first = called;
    if (at < first)
        at = first;
    if (connection->state == CONNECTION_UPLOADING && connection->call->more) {
        const struct rp_http_more *more = connection->call->more;

        began = more->send_began ? more->send_began : began;
        sent = more->upload == UPLOAD_ENDED ? sent : 0;
    }
    /* The send of the request before, when this one failed before it was sent. */
    if (began < called)
        began = sent = 0;
    if (at < began) /* the end had come before that, too */
        at = began;
    if (connection->state < CONNECTION_BUSY || (!began && !first)) {
        response->blocked = at - called;
        return connection->first_attempt > 0;
    }
    if (!began || (first && first < began))
        began = first;
    if (!sent || (first && first < sent))
        sent = first ? first : at;
    response->blocked = began - called;
    response->sending = sent - began;
    if (first) {
        response->waiting = first - sent;
        response->receiving = at - first;
    } else {
        response->waiting = at > sent ? at - sent : 0;
    }
    return true;
}

/* Takes what has a name of its own out of the time before a request was sent for which a connection
 * was opened. */
static void take_out_of_blocked(struct rp_http_response *response,
                                const struct connection *connection)
{
    response->blocked -= response->looking_up + response->connecting + response->tls_handshaking +
                         connection->first_attempt;
    if (response->blocked < 0)
        response->blocked = 0;
    response->waiting += connection->first_attempt;
}

/* Takes the bytes, and the times of the phases that were reached, up to @at. Each moment is in one
 * phase only. A server may answer before it has read the whole request, or any of it: then sending
 * ends with its first byte. An answer that the kernel has received before the one call that sent the
 * request was over came after the sending, which took no time that is known. True when the request
 * was sent, at least in part, or answered. */
static bool measure(struct rp_http_call *call, struct connection *connection, rp_ns at)
{
    struct rp_http_response *response = call->response;
    const struct rp_traffic *traffic = connection->traffic;
    rp_ns sent = traffic->send_ended, first = connection->first_byte;
    bool was_sent = true;

    count_bytes(response, connection, traffic);
    if (RP_LIKELY(connection->state == CONNECTION_BUSY && sent && first >= traffic->send_began)) {
        if (RP_UNLIKELY(first < sent))
            sent = traffic->in_parts ? first : traffic->send_began;
        response->blocked = traffic->send_began - call->began;
        response->sending = sent - traffic->send_began;
        response->waiting = first - sent;
        response->receiving = at - first;
    } else {
        was_sent = measure_odd(response, connection, call->began, at);
    }
    if (!connection->is_reused)
        take_out_of_blocked(response, connection);
    return was_sent;
}

RP_INLINE void finish(struct rp_http_call *call, struct origin *origin)
{
    struct rp_http_session *session = call->session;
    struct rp_http_template *template = call->template;

    call->session = NULL;
    call->connection = NULL;
    if (RP_UNLIKELY(!rp_list_is_empty(&session->pool->waiting)))
        rp_http_serve_waiting(session, origin);
    call->done(call);
    rp_http_template_unref(template);
}

static bool is_expected(const struct rp_http_template *template, unsigned status)
{
    if (!template->expected)
        return status >= 200 && status < 400;
    for (size_t i = 0; i < template->expected_count; i++)
        if (status >= template->expected[i][0] && status <= template->expected[i][1])
            return true;
    return false;
}

/* In a shared pool, where idle connections are looked for. */
RP_COLD static void put_first(struct connection *connection)
{
    struct rp_list *connections = &connection->session->connections;

    rp_list_remove(&connection->node);
    rp_list_append(connections->next, &connection->node);
}

/* Gives the connection of a call back that has its response. */
RP_INLINE void give_back(struct connection *connection, rp_ns at, bool keep)
{
    if (RP_LIKELY(keep && connection->traffic->send_ended)) {
        connection->call = NULL;
        connection->state = CONNECTION_IDLE;
        connection->last_bytes = at;
        connection->is_reused = true;
        if (RP_UNLIKELY(connection->is_pooled))
            put_first(connection);
    } else {
        close_of(connection, false);
    }
}

/* Goes on with @next, whose reference it takes. The connection has been given back. */
static void hop(struct rp_http_call *call, struct rp_http_template *next)
{
    struct rp_http_session *session = call->session;
    struct rp_http_template *last = call->template;
    struct origin *origin = last->origin;
    bool is_redirect = call->response->status != 401; /* else the answer to a challenge */

    if (call->hop && call->hop(call, next) < 0) {
        rp_http_template_unref(next);
        rp_http_refuse(call->response, RP_HTTP_GENERIC, "out of memory", NULL);
        finish(call, origin);
        return;
    }
    call->more->redirects += is_redirect;
    call->template = next;
    rp_http_continue(call);
    if (next->origin != origin)
        rp_http_serve_waiting(session, origin);
    rp_http_template_unref(last);
}

/* The connection of @call speaks another protocol from now on: done() takes it. */
static void hand_over(struct rp_http_call *call)
{
    struct rp_http_client *client = call->session->client;

    rp_http_detach(call->connection);
    finish(call, call->template->origin);
    rp_http_drop_upgraded(client);
}

/* As rp_http_succeed(), of a response that is no plain success of HTTP/1. */
__attribute__((noinline)) static void succeed_otherwise(struct rp_http_call *call, rp_ns at,
                                                        bool keep)
{
    struct connection *connection = call->connection;
    struct rp_http_response *response = call->response;
    struct rp_http_template *next = NULL;
    const char *kind = NULL;

    if (call->max_redirects || call->template->digest_user)
        kind = rp_http_next_hop(call, &next);
    if (response->status >= 400 && !next)
        response->error_code = RP_HTTP_STATUS_BASE + response->status;
    response->is_expected = next || (!kind && is_expected(call->template, response->status));
    rp_http_record(call, kind, measure(call, connection, at));
    rp_http_tell_ended(call);
    if (rp_http_is_upgraded(call)) {
        hand_over(call);
        return;
    }
    give_back(connection, at, keep);
    if (next) {
        hop(call, next);
        return;
    }
    finish(call, call->template->origin);
}

RP_INLINE void take_first_line(struct rp_http_response *response,
                               const struct connection *connection)
{
    connection->origin->has_answered = true;
    response->status = connection->parser.status;
    response->version = connection->parser.minor_version ? RP_HTTP_1_1 : RP_HTTP_1_0;
    if (RP_UNLIKELY(connection->tls_version)) {
        response->tls_version = connection->tls_version;
        response->cipher_suite = connection->session->client->cipher_suites[connection->cipher];
    }
}

void rp_http_take_head(struct rp_http_call *call)
{
    struct rp_http_response *response = call->response;

    take_first_line(response, call->connection);
    if (((struct connection *)call->connection)->is_stream)
        response->version = RP_HTTP_2;
    response->is_expected = is_expected(call->template, response->status);
    response->error_code = response->status >= 400 ? RP_HTTP_STATUS_BASE + response->status : 0;
}

static void receive_again(struct connection *connection)
{
    rp_ns now = rp_loop_now(connection->session->client->loop);

    connection->is_paused = false;
    connection->last_bytes = now;
    rp_http_restart_rate(connection->call, now);
    if (connection->is_stream)
        connection->session->client->h2->go_on(connection);
    else if (rp_transport_resume(connection->stack.top) < 0)
        rp_http_fail(connection->call, RP_HTTP_GENERIC, "out of memory", NULL, now);
}

/* The call may have ended afterwards. */
static void decode_held(struct connection *connection, bool to_the_end)
{
    const struct decoding *decoding = connection->decoding;
    struct body_failure failure = { 0 };
    rp_ns at = decoding->at;

    if (!rp_http_decode_held(connection, to_the_end, &failure)) {
        rp_http_fail(connection->call, failure.code, failure.kind,
                     *failure.detail ? failure.detail : NULL, at);
    } else if (!decoding->is_held && decoding->is_over) {
        connection->is_paused = true; /* as the transport is */
        if (connection->is_stream)
            rp_http_h2_done(connection, at);
        else
            rp_http_complete(connection, at, decoding->keep);
    } else if (!connection->is_paused) {
        receive_again(connection);
    }
}

static void reader_has_room(struct rp_task *task)
{
    decode_held(rp_container_of(task, struct decoding, task)->connection, false);
}

void rp_http_end_held(struct connection *connection)
{
    decode_held(connection, true);
}

void rp_http_go_on(struct rp_http_call *call)
{
    struct connection *connection = call->connection;

    if (!connection || !connection->is_paused)
        return;
    if (rp_http_is_held(connection)) /* later: the reader is looking at its bytes */
        rp_loop_defer(connection->session->client->loop, &connection->decoding->task,
                      reader_has_room);
    else
        receive_again(connection);
}

void rp_http_leave(struct rp_http_call *call, rp_ns at)
{
    struct connection *connection = call->connection;

    if (!call->session)
        return;
    rp_http_take_head(call);
    if (connection->is_stream)
        connection->session->client->h2->count(connection);
    rp_http_record(call, NULL, measure(call, connection, at));
    rp_http_tell_ended(call);
    rp_http_cancel(call, false);
}

void rp_http_succeed(struct rp_http_call *call, rp_ns at, bool keep)
{
    struct connection *connection = call->connection;
    struct rp_http_response *response = call->response;
    bool was_sent;

    take_first_line(response, connection);
    if (RP_UNLIKELY(response->status >= 300 || call->template->expected)) {
        succeed_otherwise(call, at, keep);
        return;
    }
    response->is_expected = response->status >= 200;
    was_sent = measure(call, connection, at);
    rp_http_record(call, NULL, was_sent);
    rp_http_tell_trace(call->session->client, call);
    give_back(connection, at, keep);
    finish(call, call->template->origin);
}

void rp_http_h2_succeed(struct rp_http_call *call, rp_ns at)
{
    struct connection *connection = call->connection;

    take_first_line(call->response, connection);
    call->response->version = RP_HTTP_2;
    connection->session->client->h2->count(connection);
    succeed_otherwise(call, at, false);
}

/* Fills in the response of a call that has none. True when the request was sent, at least in
 * part. */
static bool fill_in_failure(struct rp_http_call *call, int code, const char *kind,
                            const char *detail, rp_ns at)
{
    struct connection *connection = call->connection;
    struct rp_http_response *response = call->response;

    if (detail)
        snprintf(response->error, sizeof(response->error), "%s: %s", kind, detail);
    else
        snprintf(response->error, sizeof(response->error), "%s", kind);
    response->status = 0;
    response->is_expected = false; /* a body that was read may fail after its head */
    response->version = RP_HTTP_NO_VERSION;
    response->tls_version = RP_TLS_NONE;
    response->error_code = code;
    if (connection && connection->dial) {
        struct rp_dial_times times = rp_dial_times(connection->dial, at);

        rp_http_take_dial_times(response, &times);
    }
    if (connection && connection->is_stream)
        connection->session->client->h2->count(connection);
    if (connection)
        return measure(call, connection, at);
    response->blocked = at - call->began;
    return false;
}

void rp_http_record_failure(struct rp_http_call *call, int code, const char *kind,
                            const char *detail, rp_ns at)
{
    bool was_sent = fill_in_failure(call, code, kind, detail, at);

    rp_http_record(call, kind, was_sent);
    rp_http_tell_ended(call);
}

void rp_http_record_interruption(struct rp_http_call *call, rp_ns at)
{
    static const char kind[] = "still under way at the end";
    bool was_sent = fill_in_failure(call, RP_HTTP_UNFINISHED, kind, NULL, at);

    rp_http_record_unfinished(call, kind, was_sent);
    rp_http_tell_ended(call);
}

void rp_http_fail(struct rp_http_call *call, int code, const char *kind, const char *detail,
                  rp_ns at)
{
    struct connection *connection = call->connection;

    rp_list_remove(&call->node);
    rp_timer_disarm(&call->timer);
    call->first_attempt = 0;
    rp_http_record_failure(call, code, kind, detail, at);
    if (connection)
        close_of(connection, true);
    finish(call, call->template->origin);
}

static void out_of_memory(struct rp_task *task)
{
    struct rp_http_call *call = rp_container_of(task, struct rp_http_call, task);

    rp_http_fail(call, RP_HTTP_GENERIC, "out of memory", NULL,
                 rp_loop_now(call->session->client->loop));
}

void rp_http_fail_later(struct rp_http_call *call)
{
    struct rp_http_client *client = call->session->client;

    rp_list_append(&client->failing, &call->node);
    rp_loop_defer(client->loop, &call->task, out_of_memory);
}

void rp_http_fail_by(struct connection *connection, const struct rp_net_failure *failure, rp_ns at)
{
    static const int codes[RP_NET_REASON_COUNT] = {
        [RP_NET_HOST_NOT_FOUND] = RP_HTTP_DNS_NOT_FOUND,
        [RP_NET_LOOKUP_FAILED] = RP_HTTP_DNS,
        [RP_NET_LOOKUP_TIMEOUT] = RP_HTTP_DNS,
        [RP_NET_REFUSED] = RP_HTTP_REFUSED,
        [RP_NET_UNREACHABLE] = RP_HTTP_DIAL,
        [RP_NET_CONNECT_TIMEOUT] = RP_HTTP_DIAL_TIMEOUT,
        [RP_NET_CONNECT_FAILED] = RP_HTTP_DIAL,
        [RP_NET_NO_DESCRIPTORS] = RP_HTTP_NO_DESCRIPTORS,
        [RP_NET_NO_PORTS] = RP_HTTP_NO_PORTS,
        [RP_NET_NOT_ALLOWED] = RP_HTTP_NOT_ALLOWED,
        [RP_NET_NO_SOURCE] = RP_HTTP_DIAL,
        [RP_NET_HANDSHAKE_FAILED] = RP_HTTP_HANDSHAKE,
        [RP_NET_HANDSHAKE_TIMEOUT] = RP_HTTP_DIAL_TIMEOUT,
        [RP_NET_UNKNOWN_AUTHORITY] = RP_HTTP_UNKNOWN_AUTHORITY,
        [RP_NET_WRONG_HOST] = RP_HTTP_WRONG_HOST,
        [RP_NET_EXPIRED] = RP_HTTP_EXPIRED,
        [RP_NET_TRUNCATED] = RP_HTTP_TRUNCATED,
        [RP_NET_TLS] = RP_HTTP_TLS,
        [RP_NET_PROXY_AUTH] = RP_HTTP_PROXY_AUTH,
        [RP_NET_PROXY_REFUSED] = RP_HTTP_PROXY_REFUSED,
        [RP_NET_PROXY_NO_SERVER] = RP_HTTP_PROXY_NO_SERVER,
        [RP_NET_PROXY_BAD] = RP_HTTP_PROXY_BAD,
        [RP_NET_PROXY_CLOSED] = RP_HTTP_PROXY_CLOSED,
        [RP_NET_RESET] = RP_HTTP_RESET,
        [RP_NET_BROKE] = RP_HTTP_NETWORK,
    };
    const char *kind = rp_net_reason_text(failure->reason);
    char detail[200];
    int code = codes[failure->reason];

    if (connection->state == CONNECTION_OPENING && connection->origin->via &&
        rp_http_explain_via(connection, failure, &code, &kind, detail, sizeof(detail)))
        rp_http_fail(connection->call, code, kind, detail, at);
    else
        rp_http_fail(connection->call, code, kind, failure->detail, at);
}

/* ---- requests that are sent once more ---- */

/* The two ways of an end and a request that cross each other take longer than TCP thinks when the
 * machine is busy. */
#define CROSSING_MIN (5 * RP_MS)

/* Whether the end of the connection, seen at @at, was on its way when the request was sent. One
 * that comes later is the server's answer to it: it has died, perhaps of this request. */
static bool has_crossed(const struct rp_traffic *traffic, rp_ns at)
{
    rp_ns round_trips = 2 * RP_US * traffic->rtt_us;
    rp_ns limit = round_trips > CROSSING_MIN ? round_trips : CROSSING_MIN;

    return at - traffic->end_waited - traffic->send_began <= limit;
}

/* A server may close a kept connection at the very moment at which a request is sent on it. That is
 * no failure of the server: browsers, curl and Go send the request once more, and so do we if that is
 * harmless, as when no byte of it was sent. It goes to a new connection, so there is no third time. */
bool rp_http_may_retry(const struct connection *connection, const struct rp_net_failure *failure,
                       rp_ns at)
{
    const struct rp_http_call *call = connection->call;
    const struct rp_traffic *traffic = connection->traffic;

    if (!connection->is_reused || connection->first_byte || connection->got_interim)
        return false;
    if (failure && failure->reason == RP_NET_TLS) /* a server that has something to say about us */
        return false;
    if (connection->state == CONNECTION_UPLOADING && rp_http_has_begun(connection))
        return false;
    if (traffic->send_began && !(call->template->is_idempotent && has_crossed(traffic, at)))
        return false;
    return rp_http_can_repeat(call);
}

/* SPDX-License-Identifier: MIT */

/* How a call ends: its times are computed, its samples recorded, its connection kept or closed, then done() runs. */

#include <stdio.h>

#include "http/internal.h"

static void close_of(struct connection *connection, bool reset)
{
    connection->call = NULL;
    rp_http_connection_close(connection, reset);
}

/* The phases of opening a connection that were reached. */
static void take_opening(struct rp_http_response *response, const struct connection *connection,
                         rp_ns at)
{
    response->looking_up = connection->looking_up;
    response->connecting = connection->connecting;
    if (connection->state == CONNECTION_LOOKUP)
        response->looking_up = at - connection->phase_began;
    else if (connection->state == CONNECTION_CONNECTING)
        response->connecting = at - connection->phase_began;
}

/* Phases that were reached, up to @at. True when the request was sent, at least in part. */
static bool take_times(struct rp_http_call *call, const struct connection *connection, rp_ns at)
{
    struct rp_http_response *response = call->response;
    const struct rp_stream *wire = &connection->transport.wire;
    rp_ns sent;

    if (!connection->is_reused)
        take_opening(response, connection, at);
    if (connection->state != CONNECTION_BUSY || !wire->send_began) {
        response->blocked = at - call->began;
        return false;
    }
    /* A server may answer before it has read the whole request: then sending ends with its first byte. */
    sent = wire->send_ended         ? wire->send_ended
           : connection->first_byte ? connection->first_byte
                                    : at;
    response->blocked = wire->send_began - call->began;
    response->sending = sent - wire->send_began;
    if (!connection->first_byte) {
        response->waiting = at > sent ? at - sent : 0;
        return true;
    }
    response->waiting = connection->first_byte > sent ? connection->first_byte - sent : 0;
    response->receiving = at - connection->first_byte;
    return true;
}

static uint64_t bytes_sent(const struct rp_http_call *call, const struct rp_stream *wire)
{
    return call->template->head.len + call->template->body.len -
           (wire->send_ended ? 0 : wire->out_len[0] + wire->out_len[1]);
}

static void finish(struct rp_http_call *call, struct origin *origin)
{
    struct rp_http_session *session = call->session;
    struct rp_http_template *template = call->template;

    call->session = NULL;
    call->connection = NULL;
    if (RP_UNLIKELY(!rp_list_is_empty(&session->waiting)))
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

void rp_http_succeed(struct rp_http_call *call, rp_ns at, bool keep)
{
    struct connection *connection = call->connection;
    struct rp_http_response *response = call->response;
    bool was_sent;

    response->status = connection->parser.status;
    response->is_expected = is_expected(call->template, response->status);
    response->error_code = response->status >= 400 ? RP_HTTP_STATUS_BASE + response->status : 0;
    was_sent = take_times(call, connection, at);
    response->wire_sent = bytes_sent(call, &connection->transport.wire);
    rp_http_record(call, NULL, was_sent);
    if (RP_LIKELY(keep && connection->transport.wire.send_ended)) {
        connection->call = NULL;
        connection->state = CONNECTION_IDLE;
        connection->is_reused = true;
    } else {
        close_of(connection, false);
    }
    finish(call, call->template->origin);
}

void rp_http_record_failure(struct rp_http_call *call, int code, const char *kind,
                            const char *detail, rp_ns at)
{
    struct connection *connection = call->connection;
    struct rp_http_response *response = call->response;
    bool was_sent = false;

    if (detail)
        snprintf(response->error, sizeof(response->error), "%s: %s", kind, detail);
    else
        snprintf(response->error, sizeof(response->error), "%s", kind);
    response->status = 0;
    response->error_code = code;
    if (connection) {
        was_sent = take_times(call, connection, at);
        if (was_sent)
            response->wire_sent = bytes_sent(call, &connection->transport.wire);
    } else {
        response->blocked = at - call->began;
    }
    rp_http_record(call, kind, was_sent);
}

void rp_http_fail(struct rp_http_call *call, int code, const char *kind, const char *detail,
                  rp_ns at)
{
    struct connection *connection = call->connection;

    rp_list_remove(&call->node);
    rp_timer_disarm(&call->timer);
    rp_http_record_failure(call, code, kind, detail, at);
    if (connection)
        close_of(connection, true);
    finish(call, call->template->origin);
}

void rp_http_response_deinit(struct rp_http_response *response)
{
    rp_buf_deinit(&response->head);
    rp_buf_deinit(&response->body);
}

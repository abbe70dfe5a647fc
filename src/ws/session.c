/* SPDX-License-Identifier: MIT */

/*
 * A session that is open: what passes through it, and its end.
 *
 * Frames are made into @pending; the transport asks for them when it can send (fill()). What has come
 * is read in the callback of the transport, and the owner is told by a deferred task: so code of the
 * owner never runs inside of either.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "ws/ws_internal.h"

enum {
    FULL_AT = 64 * 1024, /* bytes to be sent, from which on the sender is to wait */
};
/* The server is to end the connection after both close frames; so long it is waited for. As long the
 * owner has for messages that came before a fault. */
#define LINGER RP_S

static void wake(struct rp_task *task)
{
    struct rp_ws_session *session = rp_container_of(task, struct rp_ws_session, task);

    if (session->wake)
        session->wake(session);
}

void rp_ws_nudge(struct rp_ws_session *session)
{
    if (!session->is_left)
        rp_loop_defer(session->user->client->loop, &session->task, wake);
}

void rp_ws_session_free(struct rp_ws_session *session)
{
    struct rp_ws_message *message;

    if (session->call.session)
        rp_http_cancel(&session->call, false);
    rp_timer_disarm(&session->timer);
    rp_task_cancel(&session->task);
    rp_list_remove(&session->node);
    if (session->upgraded.connection) {
        if (session->is_sending) /* a close frame */
            rp_loop_flush(session->user->client->loop);
        rp_ws_count_bytes(session);
        session->user->client->open--;
        rp_ws_deinit(&session->ws);
    }
    rp_http_close_upgraded(&session->upgraded, false);
    while ((message = rp_ws_take(session)))
        rp_free(message);
    rp_http_template_unref(session->template);
    rp_buf_deinit(&session->protocols);
    rp_free(session->wanted_protocol);
    rp_free((char *)session->subprotocol.ptr);
    rp_buf_deinit(&session->pending);
    rp_buf_deinit(&session->out);
    rp_free(session->series);
    rp_free(session);
}

/* ---- sending --------------------------------------------------------------------------------- */

static int fill(struct rp_transport *transport, struct rp_slice *ret)
{
    struct rp_ws_session *session = transport->user;

    if (session->out.len) { /* it has gone */
        rp_ws_count_bytes(session);
        rp_ws_give_back_buf(session->user->client, &session->out);
    }
    session->is_sending = session->pending.len > 0;
    if (session->is_sending) {
        session->out = session->pending;
        rp_buf_init(&session->pending, SIZE_MAX);
    }
    *ret = rp_buf_slice(&session->out);
    if (session->is_full) {
        session->is_full = false;
        rp_ws_nudge(session);
    }
    return 0;
}

/* Has the transport ask for what there is to send. */
static void flush(struct rp_ws_session *session)
{
    struct rp_slice nothing = rp_slice(NULL, 0);

    session->is_full = session->pending.len >= FULL_AT;
    if (!session->is_sending && session->pending.len)
        session->is_sending = rp_transport_send(session->upgraded.transport, nothing, nothing) == 0;
}

int rp_ws_send(struct rp_ws_session *session, enum rp_ws_event kind, struct rp_slice payload)
{
    int r;

    if (session->state != RP_WS_OPEN)
        return -EPIPE;
    if (!session->pending.data)
        rp_ws_take_buf(session->user->client, &session->pending);
    r = rp_ws_write(&session->ws, &session->pending, kind, payload);
    if (r < 0)
        return r;
    if (session->series)
        rp_series_count(session->series->sent, 1);
    rp_ws_tell_message(session, "> ", kind, payload);
    flush(session);
    return 0;
}

int rp_ws_ping(struct rp_ws_session *session)
{
    uint64_t number = session->pings + 1;
    char payload[24];
    int r, len = snprintf(payload, sizeof(payload), "%" PRIu64, number);

    if (session->state != RP_WS_OPEN)
        return -EPIPE;
    r = rp_ws_write(&session->ws, &session->pending, RP_WS_PING, rp_slice(payload, (size_t)len));
    if (r < 0)
        return r;
    session->pings = number;
    session->ping_times[number % RP_WS_PINGS_TIMED] = rp_loop_now(session->user->client->loop);
    flush(session);
    return 0;
}

rp_ns rp_ws_ping_took(const struct rp_ws_session *session, uint64_t number)
{
    if (session->pings - number >= RP_WS_PINGS_TIMED)
        return -1;
    return session->ping_times[number % RP_WS_PINGS_TIMED];
}

/* ---- the end --------------------------------------------------------------------------------- */

/* The connection is gone. */
static void end_connection(struct rp_ws_session *session, bool reset)
{
    rp_ws_count_bytes(session);
    rp_timer_disarm(&session->timer);
    session->user->client->open--;
    rp_http_close_upgraded(&session->upgraded, reset);
    rp_ws_deinit(&session->ws);
    session->is_sending = session->is_full = false;
    if (session->is_left)
        rp_ws_session_free(session);
}

static void timer_fired(struct rp_timer *timer, rp_ns now);

static void arm(struct rp_ws_session *session, rp_ns delay)
{
    struct rp_loop *loop = session->user->client->loop;

    rp_timer_arm(loop, &session->timer, rp_ns_add(rp_loop_now(loop), delay), timer_fired);
}

static void set_close(struct rp_ws_session *session, unsigned code, struct rp_slice reason)
{
    size_t len = reason.len < RP_WS_REASON_MAX ? reason.len : RP_WS_REASON_MAX;

    session->close_code = (uint16_t)code;
    if (len)
        memmove(session->close_reason, reason.ptr, len);
    session->close_reason[len] = '\0';
}

/* No message passes any more. The connection goes on until the server ends it, but not for long. */
static void end_session(struct rp_ws_session *session, unsigned code, struct rp_slice reason,
                        rp_ns at)
{
    session->state = RP_WS_CLOSED;
    set_close(session, code, reason);
    rp_ws_count_bytes(session);
    if (session->series)
        rp_series_trend(session->series->session_duration,
                        (double)(at > session->opened ? at - session->opened : 0));
    session->is_full = false;
    session->is_ending = true;
    rp_http_finish_upgraded(&session->upgraded);
    rp_ws_resume(session);
    arm(session, LINGER);
    rp_ws_nudge(session);
}

/* The session ends otherwise than by a close frame. */
static void break_off(struct rp_ws_session *session, int code, const char *kind, const char *text,
                      rp_ns at)
{
    rp_ws_fail(session, code, kind, text);
    if (session->ws.error)
        end_session(session, rp_ws_error_code(session->ws.error),
                    rp_slice_str(rp_ws_error_text(session->ws.error)), at);
    else
        end_session(session, RP_WS_ABNORMAL, rp_slice(NULL, 0), at);
}

int rp_ws_close(struct rp_ws_session *session, unsigned code, struct rp_slice reason)
{
    int r;

    rp_ws_settle(session);
    if (session->state != RP_WS_OPEN)
        return 0;
    r = rp_ws_write_close(&session->ws, &session->pending, code, reason);
    if (r < 0)
        return r;
    session->state = RP_WS_CLOSING;
    rp_ws_tell_close(session, "> ", code, reason);
    set_close(session, code, reason);
    flush(session);
    arm(session, session->close_timeout);
    rp_ws_resume(session);
    return 0;
}

/* The server owes an answer to the last ping of the heartbeat, or something else. */
static void beat(struct rp_ws_session *session, rp_ns now)
{
    bool is_dead = session->heart_ping > session->pongs &&
                   now - session->last_received >= session->heartbeat;

    if (session->is_paused) /* its answer may wait behind what nobody takes */
        is_dead = false;
    if (!is_dead && rp_ws_ping(session) == 0) {
        session->heart_ping = session->pings;
        arm(session, session->heartbeat);
        return;
    }
    break_off(session, RP_HTTP_TIMEOUT, "no answer to the heartbeat", NULL, now);
    end_connection(session, true);
}

static void timer_fired(struct rp_timer *timer, rp_ns now)
{
    struct rp_ws_session *session = rp_container_of(timer, struct rp_ws_session, timer);

    if (session->has_fault) {
        rp_ws_settle(session);
        return;
    }
    if (session->state == RP_WS_OPEN) {
        beat(session, now);
        return;
    }
    if (session->state == RP_WS_CLOSING)
        break_off(session, RP_HTTP_TIMEOUT, "no answer to the close frame", NULL, now);
    end_connection(session, true);
}

/* ---- what comes ------------------------------------------------------------------------------ */

/* A pong may answer several pings: the last one that it names, and those before. */
static void take_pong(struct rp_ws_session *session, struct rp_slice payload, rp_ns at)
{
    uint64_t number = 0;

    for (size_t i = 0; i < payload.len; i++) {
        if (payload.ptr[i] < '0' || payload.ptr[i] > '9' || number > UINT64_MAX / 10 - 1)
            return;
        number = number * 10 + (uint64_t)(payload.ptr[i] - '0');
    }
    if (number <= session->pongs || number > session->pings)
        return;
    for (uint64_t n = session->pongs + 1; n <= number; n++) {
        rp_ns *time = &session->ping_times[n % RP_WS_PINGS_TIMED];

        if (session->pings - n < RP_WS_PINGS_TIMED)
            *time = at > *time ? at - *time : 0;
    }
    session->pongs = number;
    if (session->series && number > session->held_up_ping && rp_ws_ping_took(session, number) >= 0)
        rp_series_trend(session->series->ping, (double)rp_ws_ping_took(session, number));
}

static int take_close(struct rp_ws_session *session, struct rp_slice reason, rp_ns at)
{
    rp_ws_tell_close(session, "< ", session->ws.close_code, reason);
    if (session->state == RP_WS_OPEN) /* the answer has the same code */
        rp_ws_tell_close(session, "> ", session->ws.close_code, RP_SLICE(""));
    if (session->state == RP_WS_OPEN)
        end_session(session, session->ws.close_code, reason, at);
    else /* whoever has begun it has said why */
        end_session(session, session->close_code, rp_slice_str(session->close_reason), at);
    return rp_ws_answer_close(&session->ws, &session->pending);
}

static void take_error(struct rp_ws_session *session, rp_ns at)
{
    enum rp_ws_error error = session->ws.error;
    bool is_too_big = rp_ws_error_code(error) == RP_WS_TOO_BIG;
    char text[160];

    if (error == RP_WS_NO_MEMORY) {
        break_off(session, RP_HTTP_GENERIC, "out of memory", NULL, at);
        return;
    }
    if (error == RP_WS_MESSAGE_TOO_LARGE)
        snprintf(text, sizeof(text),
                 "a message has more than %zu bytes (max_msg_size= allows more)",
                 session->message_max);
    else
        snprintf(text, sizeof(text), "the server breaks the protocol of WebSocket: %s",
                 rp_ws_error_text(error));
    if (rp_ws_answer_close(&session->ws, &session->pending) < 0) {
        /* the server is not told */
    }
    break_off(session, is_too_big ? RP_HTTP_TOO_LARGE : RP_HTTP_PROTOCOL,
              is_too_big ? "message too large" : "WebSocket protocol error", text, at);
}

void rp_ws_settle(struct rp_ws_session *session)
{
    if (!session->has_fault)
        return;
    session->has_fault = false;
    take_error(session, rp_loop_now(session->user->client->loop));
    flush(session);
}

/* Messages that came before the fault are the owner's to be answered first. Returns 1 when the session
 * goes on for that: nothing more is read of it. */
static int take_fault(struct rp_ws_session *session, rp_ns at)
{
    if (session->has_fault)
        return 1;
    if (session->state == RP_WS_OPEN && session->first && session->ws.error != RP_WS_NO_MEMORY) {
        session->has_fault = true;
        arm(session, LINGER);
        return 1;
    }
    take_error(session, at);
    return 0;
}

static int take_event(struct rp_ws_session *session, enum rp_ws_event event,
                      struct rp_slice payload, rp_ns at)
{
    switch (event) {
    case RP_WS_TEXT:
    case RP_WS_BINARY:
        return rp_ws_add_message(session, event, payload, at);
    case RP_WS_PING:
        return session->state == RP_WS_OPEN
                   ? rp_ws_write(&session->ws, &session->pending, RP_WS_PONG, payload)
                   : 0;
    case RP_WS_PONG:
        take_pong(session, payload, at);
        return 0;
    case RP_WS_CLOSE:
        return take_close(session, payload, at);
    case RP_WS_ERROR:
        return take_fault(session, at);
    default:
        return 0;
    }
}

static void take(struct rp_ws_session *session, struct rp_slice input, rp_ns at)
{
    struct rp_slice payload;
    enum rp_ws_event event;
    int r = 0;

    session->last_received = at;
    while (r == 0 && !session->is_ending &&
           (event = rp_ws_read(&session->ws, &input, &payload)) != RP_WS_MORE)
        r = take_event(session, event, payload, at);
    if (r < 0 && !session->is_ending)
        break_off(session, RP_HTTP_GENERIC, "out of memory", NULL, at);
    flush(session);
    if (!session->is_ending)
        rp_ws_pause_if_full(session);
    rp_ws_nudge(session);
}

static void transport_data(struct rp_transport *transport, const char *data, size_t len, rp_ns at)
{
    struct rp_ws_session *session = transport->user;

    rp_ws_count_bytes(session);
    if (!session->is_ending)
        take(session, rp_slice(data, len), at);
}

static void transport_ended(struct rp_transport *transport, const struct rp_net_failure *failure,
                            rp_ns at)
{
    struct rp_ws_session *session = transport->user;
    const struct rp_http_response *end = rp_http_upgraded_end(&session->upgraded);
    char text[320];

    rp_ws_settle(session);
    if (!session->is_ending) {
        snprintf(text, sizeof(text), "the %s has ended without a close frame%s%s",
                 end ? "stream" : "connection", failure ? ": " : "",
                 !failure ? ""
                 : end    ? end->error
                          : rp_net_reason_text(failure->reason));
        break_off(session,
                  !failure                              ? RP_HTTP_CLOSED
                  : end                                 ? end->error_code
                  : failure->reason == RP_NET_RESET     ? RP_HTTP_RESET
                  : failure->reason == RP_NET_TRUNCATED ? RP_HTTP_TRUNCATED
                                                        : RP_HTTP_NETWORK,
                  "connection lost", text, at);
    }
    end_connection(session, false);
}

static const struct rp_transport_events transport_events = {
    .data = transport_data,
    .ended = transport_ended,
    .fill = fill,
};

int rp_ws_begin(struct rp_ws_session *session, struct rp_slice rest, rp_ns at)
{
    struct rp_ws_client *client = session->user->client;
    struct rp_transport *transport = session->upgraded.transport;
    struct rp_ws_config config = { .shared = &client->shared,
                                   .message_max = session->message_max,
                                   .frame_max = UINT64_MAX };

    if (session->is_compressed) {
        config.deflate = rp_ws_deflate_new(&session->deflate, false, 0); /* message_max is enough */
        if (!config.deflate)
            return -ENOMEM;
    }
    rp_ws_init(&session->ws, &config);
    client->open++;
    session->state = RP_WS_OPEN;
    session->opened = at;
    session->counted_sent = transport->traffic->sent;
    session->counted_received = transport->traffic->received;
    transport->user = session;
    rp_transport_set_events(transport, &transport_events);
    rp_ws_record_opened(session, at);
    if (session->heartbeat)
        arm(session, session->heartbeat);
    take(session, rest, at);
    return 0;
}

void rp_ws_give_up(struct rp_ws_session *session, int code, const char *kind)
{
    rp_ws_settle(session);
    if (session->state == RP_WS_OPEN)
        rp_ws_fail(session, code, kind, NULL);
    else if (session->state == RP_WS_CLOSED && !session->error_code)
        rp_ws_fail_closed(session, code, kind);
    rp_ws_leave(session, false);
}

int rp_ws_cut_short(struct rp_ws_session *session)
{
    int r = rp_ws_close(session, RP_WS_NORMAL, rp_slice(NULL, 0));

    if (session->state == RP_WS_OPEN || session->state == RP_WS_CLOSING)
        end_session(session, session->close_code, rp_slice_str(session->close_reason),
                    rp_loop_now(session->user->client->loop));
    return r;
}

void rp_ws_leave(struct rp_ws_session *session, bool record)
{
    int r;

    if (session->state == RP_WS_NEW) { /* the user may be gone */
        rp_ws_session_free(session);
        return;
    }
    session->is_left = true;
    rp_task_cancel(&session->task);
    if (session->state == RP_WS_CONNECTING && record)
        rp_ws_fail(session, RP_HTTP_CANCELLED, "cancelled by the script", NULL);
    r = rp_ws_cut_short(session);
    if (!session->upgraded.connection)
        rp_ws_session_free(session);
    else if (r < 0)
        end_connection(session, true);
}

/* SPDX-License-Identifier: MIT */

/*
 * A stream of HTTP/2 that carries another protocol (RFC 8441): see upgrade.h.
 *
 * To the room of that protocol it is a transport. What is sent is the body of a request, which is made
 * while it is sent, and what comes is the body of its answer, which is read as it comes. The call of the
 * stream goes on as long as the stream; whoever has asked for it has a call that ends with the answer.
 * He is told by a task, so that he may end the stream from there.
 *
 * The frames of the stream are counted as bytes while it goes on. What of the connection's bytes is left
 * for it counts at its end, as of any stream.
 */

#include <errno.h>

#include "base/alloc.h"
#include "http/handover.h"
#include "http/shared.h"

/* An open stream has no time limit of its own. */
#define FOR_EVER (RP_S * 86400 * 365 * 100)

struct rp_http_tunnel {
    struct rp_transport transport;
    struct rp_traffic traffic; /* frames of the stream */
    struct rp_http_body body;  /* what is sent */
    struct rp_http_call call;  /* the stream */
    /* Who has asked for it, with the response that it shows; NULL once it was told. */
    struct rp_http_call *opener;
    struct rp_http_response end; /* the response of @call, once the opener was told of its own */
    struct rp_task task;
    bool is_open; /* the server has agreed */
    bool is_taken;
    bool has_sent; /* at least one byte */
    bool is_finished;
    bool has_ended;
};

static struct rp_http_tunnel *of_call(struct rp_http_call *call)
{
    return rp_container_of(call, struct rp_http_tunnel, call);
}

static struct rp_http_tunnel *of_transport(struct rp_transport *transport)
{
    return rp_container_of(transport, struct rp_http_tunnel, transport);
}

static struct rp_http_tunnel *of_body(struct rp_http_body *body)
{
    return rp_container_of(body, struct rp_http_tunnel, body);
}

/* Bytes that are counted now are not counted at the end. */
static void count_frames(struct rp_http_tunnel *tunnel)
{
    struct connection *connection = tunnel->call.connection;
    const struct rp_h2_stream *h2 = &rp_container_of(connection, struct stream, connection)->h2;

    tunnel->traffic.sent = connection->counted_sent = h2->sent;
    tunnel->traffic.received = connection->counted_received = h2->received;
}

/* ---- what is sent ---------------------------------------------------------------------------- */

static int body_next(struct rp_http_body *body, struct rp_slice *ret)
{
    struct rp_http_tunnel *tunnel = of_body(body);
    int r = 0;

    *ret = rp_slice(NULL, 0);
    if (tunnel->is_taken) {
        count_frames(tunnel);
        r = tunnel->transport.events->fill(&tunnel->transport, ret);
    }
    if (r < 0)
        return r;
    tunnel->has_sent |= ret->len > 0;
    return ret->len || tunnel->is_finished ? 0 : -EAGAIN;
}

/* Before the server has agreed there is nothing to send. */
static int body_rewind(struct rp_http_body *body)
{
    return of_body(body)->has_sent ? -ESPIPE : 0;
}

static const struct rp_http_body_ops body_ops = { .next = body_next, .rewind = body_rewind };

static int transport_send(struct rp_transport *transport, struct rp_slice a, struct rp_slice b)
{
    struct rp_http_tunnel *tunnel = of_transport(transport);

    rp_assert(!a.len && !b.len); /* its user has fill() */
    if (!rp_http_is_running(&tunnel->call))
        return -ENOTCONN;
    rp_http_body_ready(&tunnel->call);
    return 0;
}

void rp_http_tunnel_count(struct rp_http_tunnel *tunnel)
{
    if (tunnel->call.connection)
        count_frames(tunnel);
}

void rp_http_tunnel_finish(struct rp_http_tunnel *tunnel)
{
    tunnel->is_finished = true;
    if (rp_http_is_running(&tunnel->call))
        rp_http_body_ready(&tunnel->call);
}

/* ---- what comes ------------------------------------------------------------------------------ */

static void transport_pause(struct rp_transport *transport)
{
    struct rp_http_tunnel *tunnel = of_transport(transport);

    if (rp_http_is_running(&tunnel->call))
        rp_http_pause(&tunnel->call);
}

static int transport_resume(struct rp_transport *transport)
{
    struct rp_http_tunnel *tunnel = of_transport(transport);

    if (rp_http_is_running(&tunnel->call))
        rp_http_go_on(&tunnel->call);
    return 0;
}

static void transport_close(struct rp_transport *transport, bool reset)
{
    rp_http_cancel(&of_transport(transport)->call, false);
}

static const struct rp_transport_ops transport_ops = {
    .name = "stream of HTTP/2",
    .send = transport_send,
    .pause = transport_pause,
    .resume = transport_resume,
    .close = transport_close,
};

static void tell_end(struct rp_http_tunnel *tunnel)
{
    /* The stream that was reset, or whose connection has broken, is described by rp_http_tunnel_end(). */
    const struct rp_net_failure broken = { RP_NET_BROKE, NULL };
    rp_ns now = rp_loop_now(tunnel->transport.loop);

    tunnel->transport.events->ended(&tunnel->transport, tunnel->end.status ? NULL : &broken, now);
}

static void end_task(struct rp_task *task)
{
    tell_end(rp_container_of(task, struct rp_http_tunnel, task));
}

/* The opener's call is over. */
static void tell_opener(struct rp_http_tunnel *tunnel)
{
    struct rp_http_call *opener = tunnel->opener;

    tunnel->opener = NULL;
    if (tunnel->is_open && tunnel->has_ended) /* behind done(), which may close it */
        rp_loop_defer(tunnel->transport.loop, &tunnel->task, end_task);
    opener->began = tunnel->call.began;
    opener->done(opener);
}

static void open_task(struct rp_task *task)
{
    tell_opener(rp_container_of(task, struct rp_http_tunnel, task));
}

/* The times of the answer, up to its head. */
static void take_times(struct rp_http_call *call, rp_ns sent, rp_ns at)
{
    const struct connection *connection = call->connection;
    struct rp_http_response *response = call->response;

    if (sent < call->began)
        sent = call->began;
    response->blocked = sent - call->began;
    if (!connection->is_reused)
        response->blocked -= response->looking_up + response->connecting +
                             response->tls_handshaking + connection->first_attempt;
    if (response->blocked < 0)
        response->blocked = 0;
    response->waiting = (at > sent ? at - sent : 0) +
                        (connection->is_reused ? 0 : connection->first_attempt);
}

static void take_head(struct rp_http_call *call, rp_ns sent, rp_ns at)
{
    struct rp_http_tunnel *tunnel = of_call(call);
    struct connection *connection = call->connection;

    if (call->response->status >= 300)
        return;
    call->response->is_expected = true;
    take_times(call, sent, at);
    rp_http_tell_ended(call);
    tunnel->is_open = call->is_open_tunnel = true;
    call->deadline = connection->deadline = rp_ns_add(call->began, FOR_EVER);
    tunnel->end.status = call->response->status;
    call->response = &tunnel->end;
    rp_container_of(connection, struct stream, connection)->h2.head = &tunnel->end.head;
    rp_loop_defer(tunnel->transport.loop, &tunnel->task, open_task);
}

static int take_data(struct rp_http_call *call, struct rp_slice bytes, rp_ns at)
{
    struct rp_http_tunnel *tunnel = of_call(call);
    struct rp_buf *body = tunnel->opener ? &tunnel->opener->response->body : NULL;

    if (body) { /* of a refusal, or what comes before the opener has been told */
        rp_buf_append_slice(body, bytes);
        return body->error;
    }
    if (tunnel->is_taken) {
        count_frames(tunnel);
        tunnel->transport.events->data(&tunnel->transport, bytes.ptr, bytes.len, at);
    }
    return 0;
}

static const struct rp_http_reader reader = { .head = take_head, .data = take_data };

static void done(struct rp_http_call *call)
{
    struct rp_http_tunnel *tunnel = of_call(call);

    tunnel->has_ended = true;
    if (tunnel->opener && !tunnel->is_open)
        tell_opener(tunnel);
    else if (tunnel->is_taken)
        tell_end(tunnel);
}

/* ---- requests that wait ----------------------------------------------------------------------- */

static struct stream *first_held(const struct shared *shared)
{
    RP_LIST_EACH (it, &shared->streams) {
        struct stream *stream = rp_container_of(it, struct stream, connection.node);

        if (stream->is_held)
            return stream;
    }
    return NULL;
}

void rp_http_tunnels_begin(struct shared *shared)
{
    struct stream *stream;

    while (!shared->is_closed && (stream = first_held(shared))) {
        if (rp_h2_takes_protocols(shared->session) == -EAGAIN &&
            rp_h2_takes_streams(shared->session))
            return;
        rp_http_h2_send_held(stream);
    }
    if (!shared->is_closed && rp_h2_has_output(shared->session))
        rp_http_shared_send(shared);
}

/* ---- life ------------------------------------------------------------------------------------ */

int rp_http_tunnel_start(struct rp_http_session *session, struct rp_http_call *opener,
                         struct rp_http_tunnel **ret)
{
    struct rp_http_tunnel *tunnel = rp_calloc(1, sizeof(*tunnel));
    int r;

    if (!tunnel)
        return -ENOMEM;
    tunnel->opener = opener;
    tunnel->body.ops = &body_ops;
    tunnel->transport.ops = &transport_ops;
    tunnel->transport.loop = session->client->loop;
    tunnel->transport.traffic = &tunnel->traffic;
    tunnel->call = (struct rp_http_call){ .template = opener->template,
                                          .response = opener->response,
                                          .tags = opener->tags,
                                          .timeout = opener->timeout,
                                          .body_max = opener->body_max,
                                          .reader = &reader,
                                          .done = done };
    r = rp_http_start_with(session, &tunnel->call, &tunnel->body);
    if (r < 0)
        rp_free(tunnel);
    else
        *ret = tunnel;
    return r;
}

struct rp_transport *rp_http_tunnel_take(struct rp_http_tunnel *tunnel)
{
    tunnel->is_taken = tunnel->is_open;
    return tunnel->is_open ? &tunnel->transport : NULL;
}

const struct rp_http_response *rp_http_tunnel_end(const struct rp_http_tunnel *tunnel)
{
    return &tunnel->end;
}

void rp_http_tunnel_close(struct rp_http_tunnel *tunnel)
{
    rp_task_cancel(&tunnel->task);
    if (tunnel->is_open)
        rp_http_leave(&tunnel->call, rp_loop_now(tunnel->transport.loop));
    else
        rp_http_cancel(&tunnel->call, false);
    rp_http_response_deinit(&tunnel->end);
    rp_free(tunnel);
}

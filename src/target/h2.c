/* SPDX-License-Identifier: MIT */

/*
 * Connections that speak HTTP/2: with TLS when both sides have agreed on it, without TLS when the
 * first bytes say so. Each stream is an exchange, with the answers that HTTP/1.1 gets. What an
 * endpoint does to the connection (closing it, resetting it, bytes that are not HTTP), it does to all
 * streams of it.
 */

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "target/server.h"

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

enum {
    FRAME_HEADER = 9,
    /* So much is written at a time: one more frame has room in tx. */
    ENOUGH = RP_TARGET_TX_MAX - RP_TARGET_PIECE - RP_TARGET_REPLY_HEAD_MAX - 63
};

struct rp_target_h2 {
    struct rp_target_conn *conn;
    struct rp_h2_session *session;
    struct rp_list streams;
    struct rp_buf head;  /* of the response at hand */
    struct rp_buf extra; /* frames that belong to no answer, for after those of the answers */
    bool is_failed;      /* no memory */
    /* What a request wants of the connection; the answers before it are sent. */
    bool resets;
    struct rp_slice raw;
};

struct stream {
    struct rp_list node;
    struct rp_target_h2 *h2;
    struct rp_h2_incoming incoming;
    struct rp_target_exchange exchange;
    struct rp_timer timer; /* of a delay, or of a slow body */
    bool is_answered, was_refused;
    bool is_call; /* of gRPC */
    struct rp_target_call call;
};

static struct stream *of_incoming(struct rp_h2_incoming *incoming)
{
    return rp_container_of(incoming, struct stream, incoming);
}

/* ---- answers ---- */

static void check(struct rp_target_h2 *h2, int r)
{
    if (r < 0)
        h2->is_failed = true;
}

static void answer_head(struct stream *stream, const struct rp_h2_request *head)
{
    const struct rp_target_reply *reply = &stream->exchange.reply;
    bool has_body = !stream->exchange.request.is_head && rp_target_has_body(reply->status) &&
                    (rp_target_body_len(&stream->exchange) || reply->trailing.len);

    stream->is_answered = true;
    stream->exchange.sent = 0;
    if (reply->rate)
        stream->exchange.started = rp_loop_now(stream->h2->conn->server->loop);
    check(stream->h2, rp_h2_respond(stream->h2->session, &stream->incoming, head, has_body));
    if (reply->close)
        rp_h2_server_close(stream->h2->session);
}

static void answer(struct stream *stream)
{
    struct rp_target_h2 *h2 = stream->h2;
    struct rp_h2_request *head = NULL;
    int r;

    rp_buf_reset(&h2->head);
    rp_target_write_head(&stream->exchange.reply, rp_target_body_len(&stream->exchange),
                         RP_TARGET_KEEP_SILENT, &h2->head);
    r = h2->head.error;
    if (r == 0)
        r = rp_h2_response_new(rp_buf_slice(&h2->head), &head);
    check(h2, r);
    if (r == 0)
        answer_head(stream, head);
    rp_h2_request_free(head);
}

static void delay_over(struct rp_timer *timer, rp_ns now)
{
    struct stream *stream = rp_container_of(timer, struct stream, timer);

    if (stream->is_answered)
        rp_h2_go_on_responding(stream->h2->session, &stream->incoming);
    else
        answer(stream);
    rp_target_conn_wake(stream->h2->conn);
}

/* The request is complete. */
static void start_reply(struct stream *stream)
{
    struct rp_loop *loop = stream->h2->conn->server->loop;
    const struct rp_target_reply *reply = &stream->exchange.reply;

    switch (reply->action) {
    case RP_TARGET_RESET:
        stream->h2->resets = true;
        return;
    case RP_TARGET_RAW:
        stream->h2->raw = reply->text;
        return;
    case RP_TARGET_HANG:
        return;
    case RP_TARGET_UPGRADE: /* never: HTTP/2 has no field that asks for it */
    case RP_TARGET_ANSWER:
        break;
    }
    if (reply->delay)
        rp_timer_arm(loop, &stream->timer, rp_loop_now(loop) + reply->delay, delay_over);
    else
        answer(stream);
}

static void refuse(struct stream *stream, int status)
{
    struct rp_target_reply *reply = &stream->exchange.reply;

    stream->h2->conn->server->counts.bad++;
    stream->was_refused = true;
    rp_target_refuse(status, reply);
    reply->close = false; /* no other stream is concerned */
    start_reply(stream);
}

/* ---- requests ---- */

static struct rp_h2_incoming *h2_begins(void *user)
{
    struct rp_target_h2 *h2 = user;
    struct rp_list *node = rp_list_pop(&h2->conn->server->streams);
    struct stream *stream = node ? rp_container_of(node, struct stream, node)
                                 : rp_calloc(1, sizeof(*stream));

    check(h2, stream ? 0 : -ENOMEM);
    if (!stream)
        return NULL;
    if (!node)
        rp_target_exchange_init(&stream->exchange);
    stream->h2 = h2;
    stream->is_answered = stream->was_refused = stream->is_call = false;
    stream->exchange.reply = (struct rp_target_reply){ 0 };
    rp_list_append(&h2->streams, &stream->node);
    return &stream->incoming;
}

static bool answer_constant(struct stream *stream)
{
    const struct rp_h1_request *request = &stream->exchange.request;
    struct rp_target_server *server = stream->h2->conn->server;
    int index = rp_target_constant_index(request->path);

    if (index < 0)
        return false;
    rp_target_route(request, &server->random, NULL, &stream->exchange.reply);
    answer_head(stream, server->h2_constants[index]);
    return true;
}

static void begin_call(struct stream *stream, bool is_whole)
{
    struct rp_target_h2 *h2 = stream->h2;

    stream->is_call = true;
    rp_target_call_begin(&stream->call, h2->conn, rp_target_conn_wake, h2->session,
                         &stream->incoming, &stream->exchange.request, is_whole);
    check(h2, stream->call.error);
}

static bool reads_body(struct stream *stream)
{
    const struct rp_h1_request *request = &stream->exchange.request;
    struct rp_target_reply *reply = &stream->exchange.reply;

    if (!reply->keeps_body)
        return true;
    reply->content_type = rp_target_type_of(request);
    return request->parser.content_length == UINT64_MAX ||
           request->parser.content_length <= RP_TARGET_BODY_MAX;
}

static void h2_head(void *user, struct rp_h2_incoming *incoming, struct rp_slice head,
                    bool is_whole)
{
    struct stream *stream = of_incoming(incoming);
    struct rp_target_server *server = stream->h2->conn->server;
    struct rp_target_exchange *exchange = &stream->exchange;
    struct rp_h1_request *request = &exchange->request;
    struct rp_slice none;

    rp_h1_request_reset(request, &exchange->head);
    rp_buf_reset(&exchange->stored);
    if (!head.ptr) {
        refuse(stream, 431);
        return;
    }
    if (rp_h1_request_parse(request, &head, &none) != RP_H1_HEAD) {
        check(stream->h2, request->parser.error == RP_H1_NO_MEMORY ? -ENOMEM : 0);
        refuse(stream, rp_h1_request_status(request->parser.error));
        return;
    }
    server->counts.requests++;
    if (is_whole && answer_constant(stream))
        return;
    if (rp_target_is_call(request)) {
        begin_call(stream, is_whole);
        return;
    }
    rp_target_route(request, &server->random, &exchange->stored, &exchange->reply);
    check(stream->h2, exchange->stored.error);
    if (!reads_body(stream))
        refuse(stream, 413);
    else if (is_whole)
        start_reply(stream);
    else if (request->expects_continue)
        check(stream->h2, rp_h2_say_continue(stream->h2->session, incoming));
}

static void h2_body(void *user, struct rp_h2_incoming *incoming, struct rp_slice body)
{
    struct stream *stream = of_incoming(incoming);
    struct rp_buf *stored = &stream->exchange.stored;

    if (stream->is_call) {
        rp_target_call_body(&stream->call, body);
        check(stream->h2, stream->call.error);
        return;
    }
    if (!stream->exchange.reply.keeps_body || stream->was_refused)
        return;
    rp_buf_append_slice(stored, body);
    check(stream->h2, stored->error == -ENOMEM ? -ENOMEM : 0);
    if (stored->error)
        refuse(stream, 413);
}

static void h2_done(void *user, struct rp_h2_incoming *incoming)
{
    struct stream *stream = of_incoming(incoming);

    if (stream->is_call) {
        rp_target_call_done(&stream->call);
        check(stream->h2, stream->call.error);
    } else if (!stream->was_refused) {
        start_reply(stream);
    }
}

static struct rp_slice h2_more(void *user, struct rp_h2_incoming *incoming, size_t room,
                               bool *ret_is_last)
{
    struct stream *stream = of_incoming(incoming);
    struct rp_target_server *server = stream->h2->conn->server;
    struct rp_target_exchange *exchange = &stream->exchange;
    uint64_t left = rp_target_body_len(exchange) - exchange->sent;
    uint64_t len = exchange->reply.is_chunked ? 4096 : RP_TARGET_PIECE, allowed = len;
    struct rp_slice piece;
    rp_ns next;

    if (stream->is_call) {
        piece = rp_target_call_more(&stream->call, room, ret_is_last);
        check(stream->h2, stream->call.error);
        return piece;
    }
    if (exchange->reply.rate && left) {
        allowed = rp_target_rate_allows(exchange, rp_loop_now(server->loop), &next);
        if (!allowed) {
            rp_timer_arm(server->loop, &stream->timer, next, delay_over);
            return rp_slice(NULL, 0);
        }
    }
    len = len < room ? len : room;
    len = len < left ? len : left;
    len = len < allowed ? len : allowed;
    piece = rp_slice(rp_target_body_at(server, exchange), len);
    exchange->sent += len;
    *ret_is_last = len == left;
    return piece;
}

/* Bytes that belong to no answer: a frame of a stream that is over. */
static void append_trailing(struct stream *stream)
{
    struct rp_buf *extra = &stream->h2->extra;
    struct rp_slice text = stream->exchange.reply.trailing;
    uint32_t id = (uint32_t)stream->incoming.id;
    const uint8_t frame[FRAME_HEADER] = { 0,
                                          0,
                                          (uint8_t)text.len,
                                          [5] = (uint8_t)(id >> 24),
                                          (uint8_t)(id >> 16),
                                          (uint8_t)(id >> 8),
                                          (uint8_t)id };

    rp_buf_append(extra, frame, sizeof(frame));
    rp_buf_append_slice(extra, text);
}

static void give_back(struct stream *stream)
{
    rp_timer_disarm(&stream->timer);
    if (stream->is_call)
        rp_target_call_closed(&stream->call);
    rp_list_remove(&stream->node);
    rp_list_append(stream->h2->conn->server->streams.next, &stream->node);
}

static void h2_closed(void *user, struct rp_h2_incoming *incoming, bool got_head)
{
    struct rp_target_h2 *h2 = user;
    struct stream *stream = of_incoming(incoming);

    if (!got_head)
        h2->conn->server->counts.bad++;
    if (stream->is_answered && stream->exchange.reply.trailing.len)
        append_trailing(stream);
    give_back(stream);
}

static const struct rp_h2_server_events events = {
    .begins = h2_begins,
    .head = h2_head,
    .body = h2_body,
    .done = h2_done,
    .more = h2_more,
    .closed = h2_closed,
};

/* ---- connections ---- */

int rp_target_h2_open(struct rp_target_conn *conn)
{
    struct rp_target_h2 *h2 = rp_calloc(1, sizeof(*h2));
    int r;

    if (!h2)
        return -ENOMEM;
    r = rp_h2_server_new(&events, RP_TARGET_HEAD_MAX, h2, &h2->session);
    if (r < 0) {
        rp_free(h2);
        return r;
    }
    h2->conn = conn;
    rp_list_init(&h2->streams);
    rp_buf_init(&h2->head, RP_TARGET_REPLY_HEAD_MAX);
    rp_buf_init(&h2->extra, RP_TARGET_PIECE);
    conn->h2 = h2;
    conn->phase = RP_TARGET_H2;
    conn->is_settled = true;
    return 0;
}

bool rp_target_h2_settle(struct rp_target_conn *conn, enum rp_target_step *ret_step)
{
    struct rp_slice preface = RP_SLICE(PREFACE);
    size_t len = conn->input.len < preface.len ? conn->input.len : preface.len;

    if (memcmp(conn->input.ptr, preface.ptr, len) != 0) {
        conn->is_settled = true;
        return true;
    }
    if (len < preface.len)
        return false;
    if (rp_target_h2_open(conn) == 0)
        return true;
    *ret_step = RP_TARGET_DEAD;
    return false;
}

/* GO_ON: tx is full, or much has been written. */
static enum rp_target_step write_frames(struct rp_target_h2 *h2)
{
    struct rp_buf *tx = &h2->conn->server->tx;
    enum rp_target_step step = rp_target_make_room(h2->conn);
    int r;

    if (step != RP_TARGET_GO_ON)
        return step;
    r = rp_h2_take(h2->session, tx, ENOUGH);
    if (r < 0 || h2->is_failed || h2->extra.error)
        return RP_TARGET_DEAD;
    if (h2->extra.len && tx->len + h2->extra.len <= RP_TARGET_TX_MAX) {
        rp_buf_append_slice(tx, rp_buf_slice(&h2->extra));
        rp_buf_reset(&h2->extra);
    }
    return tx->len < ENOUGH ? RP_TARGET_PAUSE : RP_TARGET_GO_ON;
}

enum rp_target_step rp_target_h2_step(struct rp_target_conn *conn)
{
    struct rp_target_h2 *h2 = conn->h2;
    struct rp_slice input = conn->input;
    enum rp_target_step step;
    int r = 0;

    conn->input.len = 0;
    if (input.len)
        r = rp_h2_receive(h2->session, input);
    if (r < 0 || h2->is_failed)
        return RP_TARGET_DEAD;
    step = write_frames(h2);
    if (step != RP_TARGET_PAUSE || conn->is_sending)
        return step;
    if (h2->resets)
        return rp_target_conn_reset(conn);
    if (h2->raw.len)
        rp_buf_append_slice(&conn->server->tx, h2->raw);
    if (h2->raw.len || conn->peer_closed || rp_h2_is_finished(h2->session)) {
        if (rp_h2_is_over(h2->session))
            conn->server->counts.bad++;
        conn->peer_may_send = true;
        conn->phase = RP_TARGET_CLOSE;
        return RP_TARGET_GO_ON;
    }
    return RP_TARGET_PAUSE;
}

void rp_target_h2_free(struct rp_target_conn *conn)
{
    struct rp_target_h2 *h2 = conn->h2;

    if (!h2)
        return;
    while (!rp_list_is_empty(&h2->streams))
        give_back(rp_container_of(h2->streams.next, struct stream, node));
    rp_h2_session_free(h2->session);
    rp_buf_deinit(&h2->head);
    rp_buf_deinit(&h2->extra);
    rp_free(h2);
    conn->h2 = NULL;
}

/* ---- what connections share ---- */

int rp_target_h2_init(struct rp_target_server *server)
{
    int r = rp_target_calls_init(&server->calls);

    for (size_t i = 0; r == 0 && i < RP_TARGET_CONSTANTS; i++)
        r = rp_h2_response_new(rp_buf_slice(&server->constants[i]), &server->h2_constants[i]);
    return r;
}

void rp_target_h2_deinit(struct rp_target_server *server)
{
    struct rp_list *node;

    while ((node = rp_list_pop(&server->streams))) {
        struct stream *stream = rp_container_of(node, struct stream, node);

        rp_target_exchange_deinit(&stream->exchange);
        rp_target_call_deinit(&stream->call);
        rp_free(stream);
    }
    for (size_t i = 0; i < RP_TARGET_CONSTANTS; i++)
        rp_h2_request_free(server->h2_constants[i]);
    rp_target_calls_deinit(&server->calls);
}

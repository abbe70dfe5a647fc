/* SPDX-License-Identifier: MIT */

/* Calls: what comes, and their lives. What is sent is in grpc_send.c, what methods do in grpc_test.c. */

#include "target/grpc.h"

#include <errno.h>

#include "proto/coding.h"
#include "target/grpc_known.h"
#include "target/server.h"

enum {
    PAUSE_AT = 64 * 1024, /* bytes of further messages: the client waits */
    KEPT_MAX = 64 * 1024, /* bytes of a buffer that is kept for the next call */
};

static void end_str(struct rp_target_call *call, int status, const char *text)
{
    rp_target_call_end(call, status, rp_slice_str(text));
}

/* ---- what comes ------------------------------------------------------------------------------ */

static bool decompress(struct rp_target_call *call, struct rp_slice bytes)
{
    struct rp_target_calls *calls = &call->conn->server->calls;
    struct rp_codings codings = { 0 };
    enum rp_coding_event event;
    struct rp_slice piece;
    bool is_good;

    rp_codings_add(&codings, RP_SLICE("gzip"));
    if (!calls->decoder)
        calls->decoder = rp_decoder_new();
    if (!calls->decoder) {
        call->error = -ENOMEM;
        return false;
    }
    rp_buf_reset(&call->plain);
    rp_decoder_begin(calls->decoder, &codings, 0);
    while ((event = rp_decoder_run(calls->decoder, &bytes, &piece)) == RP_CODING_BYTES &&
           !call->plain.error)
        rp_buf_append_slice(&call->plain, piece);
    is_good = event == RP_CODING_MORE && rp_decoder_end(calls->decoder);
    rp_decoder_rest(calls->decoder);
    if (call->plain.error == -EMSGSIZE)
        end_str(call, RP_GRPC_RESOURCE_EXHAUSTED, "a message is larger than 4 MiB");
    else if (call->plain.error)
        call->error = -ENOMEM;
    else if (!is_good)
        end_str(call, RP_GRPC_INTERNAL, "a compressed message is broken");
    return is_good && !call->plain.error;
}

static struct rp_slice message_at_hand(const struct rp_target_call *call)
{
    return call->is_compressed ? rp_buf_slice(&call->plain)
                               : rp_slice(call->in.data + call->taken + RP_GRPC_PREFIX,
                                          call->message_bytes - RP_GRPC_PREFIX);
}

/* Bytes that have come and are not done with. */
static struct rp_slice left(const struct rp_target_call *call)
{
    return call->taken < call->in.len
               ? rp_slice(call->in.data + call->taken, call->in.len - call->taken)
               : rp_slice(NULL, 0);
}

static void drop_message(struct rp_target_call *call)
{
    call->taken += call->message_bytes;
    call->message_bytes = 0;
    if (2 * call->taken >= call->in.len) { /* so each byte is moved once at most */
        rp_buf_consume(&call->in, call->taken);
        call->taken = 0;
    }
    if (left(call).len < PAUSE_AT)
        rp_h2_server_go_on(call->session, call->incoming);
}

/* A whole message has come. */
static void take_message(struct rp_target_call *call, const struct rp_grpc_message *message)
{
    if (message->is_compressed && !call->has_zipped) {
        end_str(call, RP_GRPC_INTERNAL, "a message is compressed, and grpc-encoding is not there");
        return;
    }
    call->is_compressed = message->is_compressed;
    call->message_bytes = RP_GRPC_PREFIX + message->bytes.len;
    call->at = 0;
    call->has_waited = false;
    if (call->is_compressed && !decompress(call, message->bytes))
        return;
    call->method->take(call, message_at_hand(call));
}

/* There is no whole message; there may be one later. */
static bool look_at_end(struct rp_target_call *call)
{
    if (!call->is_half_closed)
        return false;
    if (left(call).len)
        end_str(call, RP_GRPC_INTERNAL, "the request ends within a message");
    else if (call->method->end)
        call->method->end(call);
    end_str(call, RP_GRPC_OK, "");
    return true;
}

/* Of a method that takes one message: the client has sent all. */
static bool next_of_one(struct rp_target_call *call, enum rp_grpc_event event, bool is_last)
{
    if (event == RP_GRPC_MORE && (call->got_one || left(call).len))
        return look_at_end(call);
    if (event == RP_GRPC_MORE || call->got_one || !is_last)
        end_str(call, RP_GRPC_UNIMPLEMENTED, "this method takes one message");
    return call->is_ended;
}

/* False: more must come. */
static bool next_message(struct rp_target_call *call)
{
    struct rp_slice rest = left(call);
    struct rp_grpc_message message;
    enum rp_grpc_event event = rp_grpc_next(&rest, RP_TARGET_MESSAGE_MAX, &message);

    if (event == RP_GRPC_BAD_FLAG) {
        end_str(call, RP_GRPC_INTERNAL, "the first byte of a message is neither 0 nor 1");
        return true;
    }
    if (event == RP_GRPC_TOO_LARGE) {
        end_str(call, RP_GRPC_RESOURCE_EXHAUSTED, "a message is larger than 4 MiB");
        return true;
    }
    if (call->method->has_one_request && !call->is_half_closed)
        return false;
    if (call->method->has_one_request && next_of_one(call, event, !rest.len))
        return true;
    if (event == RP_GRPC_MORE)
        return look_at_end(call);
    call->got_one = true;
    take_message(call, &message);
    return true;
}

/* Goes on until there is much to send, or nothing to do. */
static void advance(struct rp_target_call *call)
{
    while (!call->is_ended && !call->is_waiting && !call->error && !call->zeros &&
           call->out.len < RP_TARGET_PIECE) {
        if (!call->message_bytes && !next_message(call))
            break;
        if (call->message_bytes &&
            (!call->method->next || !call->method->next(call, message_at_hand(call))))
            drop_message(call);
    }
    if (call->message_bytes && left(call).len - call->message_bytes > PAUSE_AT)
        rp_h2_server_pause(call->incoming);
}

/* Nobody asks for what there is to send now. */
static void offer(struct rp_target_call *call)
{
    if (call->is_over || call->error)
        return;
    if (!call->has_head && (call->out.len || call->is_ended))
        rp_target_call_send_head(call, !call->out.len);
    else if (call->out.len || call->is_ended)
        rp_h2_go_on_responding(call->session, call->incoming);
}

/* ---- time ------------------------------------------------------------------------------------ */

static void wake(struct rp_target_call *call)
{
    offer(call);
    call->wake(call->conn);
}

static void on_deadline(struct rp_timer *timer, rp_ns now)
{
    struct rp_target_call *call = rp_container_of(timer, struct rp_target_call, deadline);
    bool is_within = call->sent < call->out.len ? call->sent > 0 : call->zeros > 0;

    end_str(call, RP_GRPC_DEADLINE_EXCEEDED, "the deadline has passed");
    if (is_within) {
        call->is_over = true;
        rp_h2_server_reset(call->session, call->incoming);
    }
    rp_buf_reset(&call->out);
    call->sent = 0;
    call->zeros = 0;
    wake(call);
}

static void on_wait(struct rp_timer *timer, rp_ns now)
{
    struct rp_target_call *call = rp_container_of(timer, struct rp_target_call, wait);

    call->is_waiting = false;
    call->has_waited = true;
    advance(call);
    wake(call);
}

/* ---- the life of a call ---------------------------------------------------------------------- */

static struct rp_slice field_of(const struct rp_h1_request *request, struct rp_slice wanted)
{
    struct rp_slice head = rp_buf_slice(request->parser.head), name, value;
    size_t pos = 0;

    while (rp_h1_next_field(head, &pos, &name, &value))
        if (rp_slice_ieq(name, wanted))
            return value;
    return rp_slice(NULL, 0);
}

bool rp_target_is_call(const struct rp_h1_request *request)
{
    return rp_slice_eq_str(request->method, "POST") &&
           rp_grpc_is_content_type(field_of(request, RP_SLICE("content-type")));
}

/* Whether a list with commas has that word. */
static bool lists(struct rp_slice list, struct rp_slice word)
{
    while (list.len) {
        const char *comma = memchr(list.ptr, ',', list.len);
        struct rp_slice entry = rp_slice(list.ptr, comma ? (size_t)(comma - list.ptr) : list.len);

        list = rp_slice(entry.ptr + entry.len + (comma != NULL),
                        list.len - entry.len - (comma != NULL));
        if (rp_slice_ieq(rp_slice_trim(entry), word))
            return true;
    }
    return false;
}

/* A field that begins with the names of those that are sent back. */
static bool asks_for_echo(struct rp_slice name)
{
    return rp_slice_ieq(name, RP_SLICE(RP_TARGET_ECHO_INITIAL)) ||
           rp_slice_ieq(name, RP_SLICE(RP_TARGET_ECHO_TRAILING));
}

static void read_fields(struct rp_target_call *call)
{
    struct rp_slice head = rp_buf_slice(call->request->parser.head), name, value;
    rp_ns timeout;
    size_t pos = 0;

    while (rp_h1_next_field(head, &pos, &name, &value)) {
        if (asks_for_echo(name)) {
            call->has_echo = true;
        } else if (rp_slice_ieq(name, RP_SLICE("grpc-accept-encoding"))) {
            call->accepts_gzip = lists(value, RP_SLICE("gzip"));
        } else if (rp_slice_ieq(name, RP_SLICE("grpc-encoding"))) {
            call->has_zipped = rp_slice_ieq(value, RP_SLICE("gzip"));
            if (!call->has_zipped && !rp_slice_ieq(value, RP_SLICE("identity")))
                end_str(call, RP_GRPC_UNIMPLEMENTED, "the only compression known here is gzip");
        } else if (rp_slice_ieq(name, RP_SLICE("grpc-timeout"))) {
            if (rp_grpc_timeout_parse(value, &timeout))
                rp_timer_arm(call->conn->server->loop, &call->deadline,
                             rp_ns_add(rp_loop_now(call->conn->server->loop), timeout),
                             on_deadline);
            else
                end_str(call, RP_GRPC_INTERNAL, "grpc-timeout is no time");
        }
    }
}

void rp_target_call_begin(struct rp_target_call *call, struct rp_target_conn *conn,
                          void (*wake_conn)(struct rp_target_conn *conn),
                          struct rp_h2_session *session, struct rp_h2_incoming *incoming,
                          const struct rp_h1_request *request, bool is_whole)
{
    *call = (struct rp_target_call){ .conn = conn,
                                     .wake = wake_conn,
                                     .waited = on_wait,
                                     .session = session,
                                     .incoming = incoming,
                                     .request = request,
                                     .method = rp_target_method_find(request->path),
                                     .in = call->in,
                                     .out = call->out,
                                     .text = call->text,
                                     .plain = call->plain };
    if (!call->method)
        call->method = rp_target_known_find(request->path);
    call->in.max = RP_TARGET_CALL_IN_MAX;
    call->out.max = 2 * RP_TARGET_COMPRESSED_MAX;
    call->text.max = RP_TARGET_STATUS_TEXT_MAX;
    call->plain.max = RP_TARGET_MESSAGE_MAX;
    read_fields(call);
    if (!call->method)
        end_str(call, RP_GRPC_UNIMPLEMENTED, "there is no such method here");
    if (is_whole)
        rp_target_call_done(call);
    else
        offer(call);
}

void rp_target_call_body(struct rp_target_call *call, struct rp_slice body)
{
    if (call->is_ended)
        return;
    rp_buf_append_slice(&call->in, body);
    if (call->in.error == -EMSGSIZE)
        end_str(call, RP_GRPC_RESOURCE_EXHAUSTED, "the request has more messages than one");
    else
        rp_target_call_check(call, call->in.error);
    advance(call);
    offer(call);
}

void rp_target_call_done(struct rp_target_call *call)
{
    call->is_half_closed = true;
    advance(call);
    offer(call);
}

struct rp_slice rp_target_call_more(struct rp_target_call *call, size_t room, bool *ret_is_last)
{
    struct rp_slice piece = rp_slice(call->out.data + call->sent, call->out.len - call->sent);

    if (!piece.len && !call->zeros) {
        rp_buf_reset(&call->out);
        call->sent = 0;
        advance(call);
        piece = rp_buf_slice(&call->out);
    }
    if (piece.len) {
        piece.len = piece.len < room ? piece.len : room;
        call->sent += piece.len;
    } else if (call->zeros) {
        piece = rp_target_call_take_zeros(call, room);
    }
    if (call->is_ended && !call->is_over && call->sent == call->out.len && !call->zeros) {
        call->is_over = *ret_is_last = true;
        rp_target_call_send_trailers(call);
    }
    return piece;
}

static void give_back(struct rp_buf *buf)
{
    if (buf->cap > KEPT_MAX)
        rp_buf_deinit(buf);
    rp_buf_reset(buf);
}

void rp_target_call_closed(struct rp_target_call *call)
{
    rp_timer_disarm(&call->deadline);
    rp_timer_disarm(&call->wait);
    give_back(&call->in);
    give_back(&call->out);
    give_back(&call->text);
    give_back(&call->plain);
    call->is_over = true;
}

void rp_target_call_deinit(struct rp_target_call *call)
{
    rp_buf_deinit(&call->in);
    rp_buf_deinit(&call->out);
    rp_buf_deinit(&call->text);
    rp_buf_deinit(&call->plain);
}

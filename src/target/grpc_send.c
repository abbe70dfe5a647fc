/* SPDX-License-Identifier: MIT */

/* What is sent of a call: the head of its response, messages, and what follows them. */

#include "target/grpc.h"

#include <errno.h>

#include "proto/coding.h"
#include "proto/gzip.h"
#include "proto/protobuf.h"
#include "target/server.h"

enum {
    SMALL_PAYLOAD = 1024, /* a payload of at most so many bytes is written out */
    HEAD_MAX = RP_TARGET_HEAD_MAX + 4 * RP_TARGET_STATUS_TEXT_MAX,
};

#define PLAIN_HEAD                                                                                 \
    "HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\n"                                        \
    "Grpc-Accept-Encoding: identity,gzip\r\n"
#define GZIP_HEAD PLAIN_HEAD "Grpc-Encoding: gzip\r\n"
#define OK_TRAILERS "HTTP/1.1 200 OK\r\nGrpc-Status: 0\r\n"

static const char zeros[RP_TARGET_PIECE];

void rp_target_call_check(struct rp_target_call *call, int r)
{
    if (r < 0)
        call->error = -ENOMEM;
}

void rp_target_call_end(struct rp_target_call *call, int status, struct rp_slice text)
{
    if (call->is_ended)
        return;
    call->is_ended = true;
    call->is_waiting = false;
    call->status = status;
    rp_buf_append_slice(&call->text, rp_slice(text.ptr, text.len < RP_TARGET_STATUS_TEXT_MAX
                                                            ? text.len
                                                            : RP_TARGET_STATUS_TEXT_MAX));
    rp_target_call_check(call, call->text.error);
    rp_timer_disarm(&call->deadline);
    rp_timer_disarm(&call->wait);
    /* What still comes is dropped. */
    rp_buf_reset(&call->in);
    call->taken = call->message_bytes = 0;
    rp_h2_server_go_on(call->session, call->incoming);
}

void rp_target_call_wait(struct rp_target_call *call, rp_ns time)
{
    call->is_waiting = true;
    rp_timer_arm(call->conn->server->loop, &call->wait,
                 rp_ns_add(rp_loop_now(call->conn->server->loop), time), call->waited);
}

/* ---- messages -------------------------------------------------------------------------------- */

void rp_target_call_write(struct rp_target_call *call, struct rp_slice message)
{
    rp_grpc_append(&call->out, message, false);
    rp_target_call_check(call, call->out.error);
}

static size_t varint_len(uint64_t value)
{
    size_t len = 1;

    for (; value >= 0x80; value >>= 7)
        len++;
    return len;
}

static void put_zeros(struct rp_buf *out, uint64_t count)
{
    while (count) {
        size_t len = count < sizeof(zeros) ? (size_t)count : sizeof(zeros);

        rp_buf_append(out, zeros, len);
        count -= len;
    }
}

/* The message without the zeros at its end. */
static void put_payload_head(struct rp_buf *out, uint32_t size)
{
    uint64_t payload = size ? 1 + varint_len(size) + size : 0;

    rp_pb_varint(out, 1 << 3 | RP_PB_BYTES);
    rp_pb_varint(out, payload);
    if (!size)
        return;
    rp_pb_varint(out, 2 << 3 | RP_PB_BYTES);
    rp_pb_varint(out, size);
}

static void write_compressed(struct rp_target_call *call, bool has_payload, uint32_t size)
{
    struct rp_buf message, packed;

    rp_buf_init(&message, 2 * RP_TARGET_COMPRESSED_MAX);
    rp_buf_init(&packed, 2 * RP_TARGET_COMPRESSED_MAX);
    if (has_payload) {
        put_payload_head(&message, size);
        put_zeros(&message, size);
    }
    rp_gzip_compress(rp_buf_slice(&message), &packed);
    rp_target_call_check(call, message.error ? message.error : packed.error);
    if (!call->error)
        rp_grpc_append(&call->out, rp_buf_slice(&packed), true);
    rp_buf_deinit(&message);
    rp_buf_deinit(&packed);
}

void rp_target_call_write_zeros(struct rp_target_call *call, bool has_payload, uint32_t size,
                                bool is_compressed)
{
    char text[32];
    struct rp_buf head = { .data = text, .cap = sizeof(text), .max = sizeof(text) - 1 };
    uint8_t prefix[RP_GRPC_PREFIX] = { 0 };
    uint64_t len;

    if (is_compressed && call->accepts_gzip && size <= RP_TARGET_COMPRESSED_MAX) {
        write_compressed(call, has_payload, size);
        rp_target_call_check(call, call->out.error);
        return;
    }
    if (has_payload)
        put_payload_head(&head, size);
    len = head.len + (has_payload ? size : 0);
    for (unsigned i = 0; i < 4; i++)
        prefix[1 + i] = (uint8_t)(len >> (24 - 8 * i));
    rp_buf_append(&call->out, prefix, sizeof(prefix));
    rp_buf_append_slice(&call->out, rp_buf_slice(&head));
    if (has_payload && size <= SMALL_PAYLOAD)
        put_zeros(&call->out, size);
    else if (has_payload)
        call->zeros = size;
    rp_target_call_check(call, call->out.error);
}

struct rp_slice rp_target_call_take_zeros(struct rp_target_call *call, size_t room)
{
    size_t len = room < sizeof(zeros) ? room : sizeof(zeros);

    len = len < call->zeros ? len : (size_t)call->zeros;
    call->zeros -= len;
    return rp_slice(zeros, len);
}

/* ---- heads and ends -------------------------------------------------------------------------- */

static void append_echo(struct rp_target_call *call, struct rp_slice wanted, struct rp_buf *out)
{
    struct rp_slice head = rp_buf_slice(call->request->parser.head), name, value;
    size_t pos = 0;

    while (call->has_echo && rp_h1_next_field(head, &pos, &name, &value)) {
        if (!rp_slice_ieq(name, wanted))
            continue;
        rp_buf_append_slice(out, wanted);
        rp_buf_append_str(out, ": ");
        rp_buf_append_slice(out, value);
        rp_buf_append_str(out, "\r\n");
    }
}

static void append_status(struct rp_target_call *call, struct rp_buf *out)
{
    rp_buf_appendf(out, "Grpc-Status: %d\r\n", call->status);
    if (call->text.len) {
        rp_buf_append_str(out, "Grpc-Message: ");
        rp_grpc_append_message_value(out, rp_buf_slice(&call->text));
        rp_buf_append_str(out, "\r\n");
    }
    append_echo(call, RP_SLICE(RP_TARGET_ECHO_TRAILING), out);
}

void rp_target_call_send_head(struct rp_target_call *call, bool is_all)
{
    struct rp_target_calls *calls = &call->conn->server->calls;
    struct rp_h2_request *head = calls->heads[call->accepts_gzip], *made = NULL;
    struct rp_buf text;

    call->has_head = true;
    call->is_over = is_all;
    rp_buf_init(&text, HEAD_MAX);
    if (is_all || call->has_echo) {
        rp_buf_append_str(&text, call->accepts_gzip && !is_all ? GZIP_HEAD : PLAIN_HEAD);
        append_echo(call, RP_SLICE(RP_TARGET_ECHO_INITIAL), &text);
        if (is_all)
            append_status(call, &text);
        rp_buf_append_str(&text, "\r\n");
        rp_target_call_check(call, text.error ? text.error
                                              : rp_h2_response_new(rp_buf_slice(&text), &made));
        head = made;
    }
    if (!call->error)
        rp_target_call_check(call, rp_h2_respond(call->session, call->incoming, head, !is_all));
    rp_h2_request_free(made);
    rp_buf_deinit(&text);
}

void rp_target_call_send_trailers(struct rp_target_call *call)
{
    struct rp_h2_request *trailers = call->conn->server->calls.ok, *made = NULL;
    struct rp_buf text;

    rp_buf_init(&text, HEAD_MAX);
    if (call->status || call->has_echo) {
        rp_buf_append_str(&text, "HTTP/1.1 200 OK\r\n");
        append_status(call, &text);
        rp_buf_append_str(&text, "\r\n");
        rp_target_call_check(call, text.error ? text.error
                                              : rp_h2_trailers_new(rp_buf_slice(&text), &made));
        trailers = made;
    }
    if (!call->error)
        rp_target_call_check(call, rp_h2_respond_trailers(call->session, call->incoming, trailers));
    rp_h2_request_free(made);
    rp_buf_deinit(&text);
}

/* ---- what calls share ------------------------------------------------------------------------ */

int rp_target_calls_init(struct rp_target_calls *calls)
{
    int r = rp_h2_response_new(RP_SLICE(PLAIN_HEAD "\r\n"), &calls->heads[false]);

    if (r == 0)
        r = rp_h2_response_new(RP_SLICE(GZIP_HEAD "\r\n"), &calls->heads[true]);
    if (r == 0)
        r = rp_h2_trailers_new(RP_SLICE(OK_TRAILERS "\r\n"), &calls->ok);
    return r;
}

void rp_target_calls_deinit(struct rp_target_calls *calls)
{
    rp_h2_request_free(calls->heads[false]);
    rp_h2_request_free(calls->heads[true]);
    rp_h2_request_free(calls->ok);
    rp_decoder_free(calls->decoder);
}

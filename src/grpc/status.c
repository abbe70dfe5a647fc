/* SPDX-License-Identifier: MIT */

/* How a call has ended: the status that the server has said, or the one that stands for what went
 * wrong. */

#include <errno.h>

#include "grpc/grpc_internal.h"
#include "proto/coding.h"
#include "proto/h2.h"

enum { SHOWN_MAX = 80 }; /* bytes of a field that a text names */
#define EARLY_MAX (2 * RP_MS)

/* ---- what the server says -------------------------------------------------------------------- */

static enum coding coding_of(struct rp_slice value)
{
    if (!value.len || rp_slice_ieq(value, RP_SLICE("identity")))
        return CODING_NONE;
    return rp_slice_ieq(value, RP_SLICE("gzip")) ? CODING_GZIP : CODING_OTHER;
}

static struct rp_slice field_of(const struct rp_http_response *response, struct rp_slice wanted)
{
    struct rp_slice name, value;
    size_t pos = 0;

    while (rp_http_response_next_field(response, &pos, &name, &value))
        if (rp_slice_ieq(name, wanted))
            return value;
    return rp_slice(NULL, 0);
}

void rp_grpc_note_head(struct rp_grpc_call *call)
{
    const struct rp_http_response *response = &call->response;
    struct rp_slice name, value, type = { 0 }, encoding = { 0 };
    size_t pos = 0;

    while (rp_http_response_next_field(response, &pos, &name, &value)) {
        if (!type.ptr && rp_slice_ieq(name, RP_SLICE("content-type")))
            type = value;
        else if (!encoding.ptr && rp_slice_ieq(name, RP_SLICE("grpc-encoding")))
            encoding = value;
    }
    call->is_no_grpc = response->status != 200 || !rp_grpc_is_content_type(type);
    call->coding = (uint8_t)coding_of(encoding);
}

static void note_status(struct rp_grpc_call *call, struct rp_slice name, struct rp_slice value)
{
    if (rp_slice_ieq(name, RP_SLICE("grpc-status"))) {
        call->has_status = true;
        call->status = rp_grpc_status_parse(value);
    } else if (rp_slice_ieq(name, RP_SLICE("grpc-message"))) {
        rp_buf_reset(&call->text);
        rp_grpc_append_message_text(&call->text, value);
    }
}

void rp_grpc_note_trailer(struct rp_grpc_call *call, struct rp_slice name, struct rp_slice value)
{
    note_status(call, name, value);
    rp_buf_append_slice(&call->trailers, name);
    rp_buf_append(&call->trailers, ": ", 2);
    rp_buf_append_slice(&call->trailers, value);
    rp_buf_append(&call->trailers, "\r\n", 2);
}

/* An answer that is nothing but a head has the status there. */
static void look_into_head(struct rp_grpc_call *call)
{
    struct rp_slice name, value;
    size_t pos = 0;

    while (rp_http_response_next_field(&call->response, &pos, &name, &value))
        note_status(call, name, value);
}

/* ---- what goes wrong ------------------------------------------------------------------------- */

static void set(struct rp_grpc_call *call, enum rp_grpc_status status, const char *text)
{
    call->status = status;
    rp_buf_reset(&call->text);
    rp_buf_append_str(&call->text, text);
}

static void append_field(struct rp_grpc_call *call, const char *name, struct rp_slice value)
{
    if (value.len > SHOWN_MAX)
        value.len = SHOWN_MAX;
    rp_buf_appendf(&call->text, " (%s: %.*s)", name, RP_SLICE_FMT(value));
}

static void set_problem(struct rp_grpc_call *call)
{
    static const char *const texts[] = {
        [NO_PROBLEM] = "cancelled by the script",
        [PROBLEM_MEMORY] = "out of memory",
        [PROBLEM_FLAG] =
            "the answer is no row of messages: the first byte of one is neither 0 nor 1",
        [PROBLEM_SIZE] = "a message is too large",
        [PROBLEM_UNSAID] = "a message is compressed, and the answer has no grpc-encoding",
        [PROBLEM_CODING] = "a message is compressed in a way that rampa does not know",
        [PROBLEM_COMPRESSED] = "a compressed message is broken",
        [PROBLEM_TRUNCATED] = "the answer ends within a message",
        [PROBLEM_NO_MESSAGE] = "the answer has the status OK and no message",
        [PROBLEM_TWO_MESSAGES] = "the answer has more than one message",
    };
    enum rp_grpc_status status = RP_GRPC_INTERNAL;

    if (call->problem == NO_PROBLEM)
        status = RP_GRPC_CANCELLED;
    else if (call->problem == PROBLEM_SIZE || call->problem == PROBLEM_MEMORY)
        status = RP_GRPC_RESOURCE_EXHAUSTED;
    else if (call->problem == PROBLEM_NO_MESSAGE || call->problem == PROBLEM_TWO_MESSAGES)
        status = RP_GRPC_UNIMPLEMENTED; /* as all clients of gRPC have it */
    set(call, status, texts[call->problem]);
    if (call->problem)
        call->error_code = call->problem == PROBLEM_SIZE     ? RP_HTTP_TOO_LARGE
                           : call->problem == PROBLEM_MEMORY ? RP_HTTP_GENERIC
                                                             : RP_HTTP_PROTOCOL;
    if (call->problem == PROBLEM_CODING)
        append_field(call, "grpc-encoding", field_of(&call->response, RP_SLICE("grpc-encoding")));
    if (call->problem == PROBLEM_SIZE && call->problem_size)
        rp_buf_appendf(&call->text, ": it has %u bytes, and %zu are allowed (max_message_size=)",
                       call->problem_size, call->method->message_max);
    else if (call->problem == PROBLEM_SIZE)
        rp_buf_appendf(&call->text,
                       ": it has more than %zu bytes when decompressed "
                       "(max_message_size=)",
                       call->method->message_max);
}

static bool is_reset(int error_code)
{
    return error_code >= RP_HTTP_H2 && error_code < RP_HTTP_H2 + RP_H2_CODES;
}

/* Or nearly: servers count in milliseconds, and so take a deadline for passed up to one of them early. */
static bool has_outlived_deadline(const struct rp_grpc_call *call)
{
    const struct rp_http_response *response = &call->response;
    rp_ns took = response->blocked + response->looking_up + response->connecting +
                 response->tls_handshaking + response->sending + response->waiting +
                 response->receiving;

    return call->method->deadline && took + EARLY_MAX >= call->method->deadline;
}

/* There was no complete answer. */
static void judge_failure(struct rp_grpc_call *call)
{
    const struct rp_http_response *response = &call->response;

    call->error_code = response->error_code;
    if (call->problem) {
        set_problem(call);
    } else if (response->error_code == RP_HTTP_TIMEOUT) {
        set(call, RP_GRPC_DEADLINE_EXCEEDED, "the deadline has passed");
    } else if (is_reset(response->error_code)) {
        uint32_t code = (uint32_t)(response->error_code - RP_HTTP_H2);
        /* Without a code the connection has ended, or speaks another language. */
        bool is_lost = response->is_of_connection || (!code && !call->has_head);

        set(call, is_lost ? RP_GRPC_UNAVAILABLE : rp_grpc_status_of_reset(code), response->error);
    } else if (response->error_code == RP_HTTP_GENERIC ||
               response->error_code == RP_HTTP_PROTOCOL) {
        set(call, RP_GRPC_INTERNAL, response->error);
    } else {
        set(call, RP_GRPC_UNAVAILABLE, response->error);
    }
    /* The server keeps the same deadline, and may have been the first to see it pass. */
    if (call->status == RP_GRPC_CANCELLED && has_outlived_deadline(call)) {
        set(call, RP_GRPC_DEADLINE_EXCEEDED, "the deadline has passed");
        call->error_code = RP_HTTP_TIMEOUT;
    }
}

static void judge_other_answer(struct rp_grpc_call *call)
{
    const struct rp_http_response *response = &call->response;

    set(call, rp_grpc_status_of_http(response->status), "");
    if (response->status != 200)
        rp_buf_appendf(&call->text, "the answer has the HTTP status %u", response->status);
    else if (call->is_no_grpc)
        rp_buf_append_str(&call->text, "the answer is not one of gRPC");
    else
        rp_buf_append_str(&call->text, "the answer has no grpc-status");
    if (call->is_no_grpc)
        append_field(call, "Content-Type", field_of(response, RP_SLICE("content-type")));
}

/* A call with one response has exactly one, which is whole. */
static void judge_messages(struct rp_grpc_call *call)
{
    if (call->scanned < call->in.len)
        call->problem = PROBLEM_TRUNCATED;
    else if (call->method->has_one_response && !call->came)
        call->problem = PROBLEM_NO_MESSAGE;
    if (call->problem)
        set_problem(call);
}

void rp_grpc_judge(struct rp_grpc_call *call)
{
    if (!call->response.status) {
        judge_failure(call);
    } else {
        if (!call->has_status && !call->in.len && !call->trailers.len)
            look_into_head(call);
        if (!call->has_status)
            judge_other_answer(call);
        else if (call->status == RP_GRPC_OK)
            judge_messages(call);
        else if (call->status == RP_GRPC_DEADLINE_EXCEEDED && has_outlived_deadline(call))
            call->error_code = RP_HTTP_TIMEOUT; /* as if the client had been the first to see it */
    }
    if (call->status != RP_GRPC_OK && call->method->has_one_response)
        call->ready = 0;
}

void rp_grpc_judge_own(struct rp_grpc_call *call)
{
    call->error_code = call->response.error_code;
    set_problem(call);
}

/* ---- compression ----------------------------------------------------------------------------- */

static bool fail(struct rp_grpc_call *call, enum problem problem)
{
    call->problem = (uint8_t)problem;
    call->problem_size = 0;
    return false;
}

bool rp_grpc_decompress(struct rp_grpc_call *call, struct rp_slice bytes, struct rp_buf *out)
{
    struct rp_grpc_client *client = call->method->client;
    struct rp_codings codings = { 0 };
    enum rp_coding_event event;
    struct rp_slice piece;

    rp_codings_add(&codings, RP_SLICE("gzip"));
    if (!client->decoder && !(client->decoder = rp_decoder_new()))
        return fail(call, PROBLEM_MEMORY);
    rp_decoder_begin(client->decoder, &codings, 0);
    while ((event = rp_decoder_run(client->decoder, &bytes, &piece)) == RP_CODING_BYTES) {
        rp_buf_append_slice(out, piece);
        if (out->error)
            return fail(call, out->error == -ENOMEM ? PROBLEM_MEMORY : PROBLEM_SIZE);
    }
    if (event == RP_CODING_MORE && rp_decoder_end(client->decoder)) {
        rp_decoder_rest(client->decoder);
        return true;
    }
    return fail(call, rp_decoder_error(client->decoder) == RP_CODING_NO_MEMORY
                          ? PROBLEM_MEMORY
                          : PROBLEM_COMPRESSED);
}

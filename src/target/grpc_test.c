/* SPDX-License-Identifier: MIT */

/*
 * grpc.testing.TestService, by which implementations of gRPC are tested against each other: calls of all
 * four kinds, with responses of the sizes, at the times and with the statuses that the request asks for.
 * Of its messages the fields about credentials and load balancing have no effect.
 */

#include "proto/protobuf.h"
#include "target/grpc.h"

#define SERVICE "/grpc.testing.TestService/"

/* What is in the messages, by the number of the field. SimpleRequest and StreamingOutputCallRequest have
 * the status at the same one. */
enum { REQUEST_RESPONSE_SIZE = 2, REQUEST_RESPONSE_COMPRESSED = 6, REQUEST_EXPECTS_COMPRESSED = 8 };
enum { REQUEST_PARAMETERS = 2, REQUEST_STATUS = 7 };
enum { STATUS_CODE = 1, STATUS_MESSAGE = 2 };
enum { PARAMETERS_SIZE = 1, PARAMETERS_INTERVAL_US = 2, PARAMETERS_COMPRESSED = 3 };
enum { INPUT_PAYLOAD = 1, INPUT_EXPECTS_COMPRESSED = 2, PAYLOAD_BODY = 2, TOTAL_SIZE = 1 };

static void end(struct rp_target_call *call, enum rp_grpc_status status, const char *text)
{
    rp_target_call_end(call, (int)status, rp_slice_str(text));
}

static void refuse_message(struct rp_target_call *call)
{
    end(call, RP_GRPC_INTERNAL, "the request is no message of this method");
}

static bool is_number(const struct rp_pb_field *field, unsigned number)
{
    return field->number == number && field->kind == RP_PB_VARINT;
}

static bool is_bytes(const struct rp_pb_field *field, unsigned number)
{
    return field->number == number && field->kind == RP_PB_BYTES;
}

/* An int32 that must not be negative. */
static bool take_size(struct rp_target_call *call, const struct rp_pb_field *field, uint32_t *ret)
{
    *ret = (uint32_t)field->value;
    if (*ret <= INT32_MAX)
        return true;
    end(call, RP_GRPC_INVALID_ARGUMENT, "a size or an interval is negative");
    return false;
}

/* google.protobuf.BoolValue; -1 when it is no message. */
static int read_bool(struct rp_slice message)
{
    struct rp_pb_field field;
    int value = 0, r;

    while ((r = rp_pb_next(&message, &field)) == 1)
        if (is_number(&field, 1))
            value = field.value != 0;
    return r < 0 ? -1 : value;
}

static bool take_bool(struct rp_target_call *call, struct rp_slice message, bool *ret)
{
    int value = read_bool(message);

    *ret = value > 0;
    if (value < 0)
        refuse_message(call);
    return value >= 0;
}

/* The call ends with the status, unless it is OK. */
static bool take_status(struct rp_target_call *call, struct rp_slice message)
{
    struct rp_slice text = rp_slice(NULL, 0);
    struct rp_pb_field field;
    uint32_t code = 0;
    int r;

    while ((r = rp_pb_next(&message, &field)) == 1) {
        if (is_number(&field, STATUS_CODE))
            code = (uint32_t)field.value;
        else if (is_bytes(&field, STATUS_MESSAGE))
            text = field.bytes;
    }
    if (r < 0)
        refuse_message(call);
    else if (code > INT32_MAX)
        end(call, RP_GRPC_INVALID_ARGUMENT, "a status is negative");
    else if (code)
        rp_target_call_end(call, (int)code, text);
    else
        return true;
    return false;
}

static bool check_compression(struct rp_target_call *call, struct rp_slice expects)
{
    bool expected;

    if (!take_bool(call, expects, &expected))
        return false;
    if (expected && !call->is_compressed)
        end(call, RP_GRPC_INVALID_ARGUMENT, "the request is not compressed, and says that it is");
    return !expected || call->is_compressed;
}

/* ---- EmptyCall, UnaryCall -------------------------------------------------------------------- */

static void take_empty(struct rp_target_call *call, struct rp_slice message)
{
    struct rp_pb_field field;
    int r;

    while ((r = rp_pb_next(&message, &field)) == 1)
        continue;
    if (r < 0)
        refuse_message(call);
    else
        rp_target_call_write(call, rp_slice(NULL, 0));
}

static void take_simple(struct rp_target_call *call, struct rp_slice message)
{
    bool is_compressed = false;
    struct rp_pb_field field;
    uint32_t size = 0;
    int r;

    while ((r = rp_pb_next(&message, &field)) == 1) {
        bool is_good = true;

        if (is_number(&field, REQUEST_RESPONSE_SIZE))
            is_good = take_size(call, &field, &size);
        else if (is_bytes(&field, REQUEST_RESPONSE_COMPRESSED))
            is_good = take_bool(call, field.bytes, &is_compressed);
        else if (is_bytes(&field, REQUEST_STATUS))
            is_good = take_status(call, field.bytes);
        else if (is_bytes(&field, REQUEST_EXPECTS_COMPRESSED))
            is_good = check_compression(call, field.bytes);
        if (!is_good)
            return;
    }
    if (r < 0)
        refuse_message(call);
    else
        rp_target_call_write_zeros(call, size > 0, size, is_compressed);
}

/* ---- StreamingOutputCall, FullDuplexCall ----------------------------------------------------- */

struct parameters {
    uint32_t size, interval_us;
    bool is_compressed;
};

static bool read_parameters(struct rp_target_call *call, struct rp_slice message,
                            struct parameters *ret)
{
    struct rp_pb_field field;
    bool is_good = true;
    int r;

    *ret = (struct parameters){ 0 };
    while (is_good && (r = rp_pb_next(&message, &field)) != 0) {
        if (r < 0) {
            refuse_message(call);
            return false;
        }
        if (is_number(&field, PARAMETERS_SIZE))
            is_good = take_size(call, &field, &ret->size);
        else if (is_number(&field, PARAMETERS_INTERVAL_US))
            is_good = take_size(call, &field, &ret->interval_us);
        else if (is_bytes(&field, PARAMETERS_COMPRESSED))
            is_good = take_bool(call, field.bytes, &ret->is_compressed);
    }
    return is_good;
}

/* The whole message is judged before anything of it is answered. */
static void take_streamed(struct rp_target_call *call, struct rp_slice message)
{
    struct parameters parameters;
    struct rp_pb_field field;
    bool is_good = true;
    int r;

    while (is_good && (r = rp_pb_next(&message, &field)) != 0) {
        if (r < 0) {
            refuse_message(call);
            return;
        }
        if (is_bytes(&field, REQUEST_PARAMETERS))
            is_good = read_parameters(call, field.bytes, &parameters);
        else if (is_bytes(&field, REQUEST_STATUS))
            is_good = take_status(call, field.bytes);
    }
}

/* Each row of parameters stands for a response. */
static bool next_streamed(struct rp_target_call *call, struct rp_slice message)
{
    struct rp_slice rest = message;
    struct parameters parameters;
    struct rp_pb_field field;

    if (call->at)
        rest = rp_slice(message.ptr + call->at, message.len - call->at);
    while (rp_pb_next(&rest, &field) == 1) {
        if (is_bytes(&field, REQUEST_PARAMETERS) &&
            read_parameters(call, field.bytes, &parameters)) {
            if (parameters.interval_us && !call->has_waited) {
                rp_target_call_wait(call, parameters.interval_us * RP_US);
                return true;
            }
            call->has_waited = false;
            call->at = message.len - rest.len;
            rp_target_call_write_zeros(call, true, parameters.size, parameters.is_compressed);
            return true;
        }
        call->at = message.len - rest.len;
    }
    return false;
}

/* ---- StreamingInputCall ---------------------------------------------------------------------- */

/* Adds the bytes of the body of a Payload. */
static bool add_payload(struct rp_target_call *call, struct rp_slice payload)
{
    struct rp_slice body = rp_slice(NULL, 0);
    struct rp_pb_field field;
    int r;

    while ((r = rp_pb_next(&payload, &field)) == 1)
        if (is_bytes(&field, PAYLOAD_BODY))
            body = field.bytes;
    call->total += body.len;
    if (r < 0)
        refuse_message(call);
    return r == 0;
}

static void take_input(struct rp_target_call *call, struct rp_slice message)
{
    struct rp_pb_field field;
    bool is_good = true;
    int r;

    while (is_good && (r = rp_pb_next(&message, &field)) != 0) {
        if (r < 0) {
            refuse_message(call);
            return;
        }
        if (is_bytes(&field, INPUT_PAYLOAD))
            is_good = add_payload(call, field.bytes);
        else if (is_bytes(&field, INPUT_EXPECTS_COMPRESSED))
            is_good = check_compression(call, field.bytes);
    }
}

static void end_input(struct rp_target_call *call)
{
    char text[16];
    struct rp_buf message = { .data = text, .cap = sizeof(text), .max = sizeof(text) - 1 };

    if (call->total > INT32_MAX) {
        end(call, RP_GRPC_OUT_OF_RANGE, "the payloads have more bytes than the response can say");
        return;
    }
    if (call->total)
        rp_pb_int(&message, TOTAL_SIZE, call->total);
    rp_target_call_write(call, rp_buf_slice(&message));
}

/* ---- all of them ----------------------------------------------------------------------------- */

static void take_unimplemented(struct rp_target_call *call, struct rp_slice message)
{
    end(call, RP_GRPC_UNIMPLEMENTED, "this method is never implemented");
}

static const struct rp_target_method methods[] = {
    { SERVICE "EmptyCall", true, take_empty, NULL, NULL },
    { SERVICE "UnaryCall", true, take_simple, NULL, NULL },
    { SERVICE "StreamingOutputCall", true, take_streamed, next_streamed, NULL },
    { SERVICE "StreamingInputCall", false, take_input, NULL, end_input },
    { SERVICE "FullDuplexCall", false, take_streamed, next_streamed, NULL },
    { SERVICE "UnimplementedCall", true, take_unimplemented, NULL, NULL },
};

const struct rp_target_method *rp_target_method_find(struct rp_slice path)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(methods); i++)
        if (rp_slice_eq_str(path, methods[i].path))
            return &methods[i];
    return NULL;
}

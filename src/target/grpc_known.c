/* SPDX-License-Identifier: MIT */

/*
 * The services that gRPC itself defines: grpc.reflection, v1 and v1alpha, which tells clients what
 * messages look like, and grpc.health.v1.Health, by which they ask whether the server is well.
 */

#include "target/grpc_known.h"

#include <string.h>

#include "proto/protobuf.h"

#define REFLECTION "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
#define REFLECTION_ALPHA "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
#define TEST_SERVICE "grpc.testing.TestService"
#define FILE_NAME "testservice.proto"

/* The fields of ServerReflectionRequest and ServerReflectionResponse, and of what is in it. */
enum { ASK_FILE = 3, ASK_SYMBOL = 4, ASK_SERVICES = 7 };
enum { ANSWER_REQUEST = 2, ANSWER_FILES = 4, ANSWER_SERVICES = 6, ANSWER_ERROR = 7 };
enum { FILES_FILE = 1, SERVICES_SERVICE = 1, SERVICE_NAME = 1, ERROR_CODE = 1, ERROR_TEXT = 2 };
enum { HEALTH_SERVICE = 1, HEALTH_STATUS = 1, SERVING = 1, SERVICE_UNKNOWN = 3 };

enum { ANSWER_MAX = 1 << 16 };

static const char *const services[] = { TEST_SERVICE, "grpc.health.v1.Health",
                                        "grpc.reflection.v1.ServerReflection",
                                        "grpc.reflection.v1alpha.ServerReflection" };

/* ---- reflection ------------------------------------------------------------------------------ */

static bool begins_with(struct rp_slice text, struct rp_slice start)
{
    return text.len >= start.len && memcmp(text.ptr, start.ptr, start.len) == 0;
}

/* Whether a symbol is TestService, one of its methods, or a message of the file. */
static bool is_known(struct rp_slice symbol)
{
    struct rp_slice service = RP_SLICE(TEST_SERVICE), package = RP_SLICE("grpc.testing.");
    struct rp_slice file = rp_target_test_descriptor(), name;
    struct rp_pb_field field;
    const char *dot;

    if (rp_slice_eq(symbol, service))
        return true;
    if (!begins_with(symbol, package))
        return false;
    name = rp_slice(symbol.ptr + package.len, symbol.len - package.len);
    if (begins_with(symbol, service) && symbol.ptr[service.len] == '.') {
        char path[128] = "/" TEST_SERVICE "/";
        size_t len = symbol.len - service.len - 1, at = strlen(path);

        if (!len || len >= sizeof(path) - at)
            return false;
        memcpy(path + at, symbol.ptr + service.len + 1, len);
        return rp_target_method_find(rp_slice(path, at + len)) != NULL;
    }
    dot = memchr(name.ptr, '.', name.len);
    while (!dot && rp_pb_next(&file, &field) == 1) {
        struct rp_pb_field first;
        struct rp_slice message = field.bytes;

        if (field.number == 4 && rp_pb_next(&message, &first) == 1 && first.number == 1 &&
            rp_slice_eq(first.bytes, name))
            return true;
    }
    return false;
}

static void append_services(struct rp_buf *out)
{
    size_t list = rp_pb_begin(out, ANSWER_SERVICES);

    for (size_t i = 0; i < RP_ARRAY_LEN(services); i++) {
        size_t service = rp_pb_begin(out, SERVICES_SERVICE);

        rp_pb_bytes(out, SERVICE_NAME, rp_slice_str(services[i]));
        rp_pb_end(out, service);
    }
    rp_pb_end(out, list);
}

static void append_file(struct rp_buf *out)
{
    size_t files = rp_pb_begin(out, ANSWER_FILES);

    rp_pb_bytes(out, FILES_FILE, rp_target_test_descriptor());
    rp_pb_end(out, files);
}

static void append_error(struct rp_buf *out, enum rp_grpc_status status, const char *text)
{
    size_t error = rp_pb_begin(out, ANSWER_ERROR);

    rp_pb_int(out, ERROR_CODE, status);
    rp_pb_bytes(out, ERROR_TEXT, rp_slice_str(text));
    rp_pb_end(out, error);
}

static void answer_question(const struct rp_pb_field *asked, struct rp_buf *out)
{
    if (asked->number == ASK_SERVICES)
        append_services(out);
    else if ((asked->number == ASK_FILE && rp_slice_eq_str(asked->bytes, FILE_NAME)) ||
             (asked->number == ASK_SYMBOL && is_known(asked->bytes)))
        append_file(out);
    else if (asked->number == ASK_FILE || asked->number == ASK_SYMBOL)
        append_error(out, RP_GRPC_NOT_FOUND, "it is not known here");
    else
        append_error(out, RP_GRPC_UNIMPLEMENTED, "nothing is asked that is answered here");
}

static void take_reflection(struct rp_target_call *call, struct rp_slice message)
{
    struct rp_pb_field asked = { 0 }, field;
    struct rp_slice rest = message;
    struct rp_buf answer;
    int r;

    while ((r = rp_pb_next(&rest, &field)) == 1)
        if (field.kind == RP_PB_BYTES && field.number >= ASK_FILE && field.number <= ASK_SERVICES)
            asked = field;
    if (r < 0) {
        rp_target_call_end(call, RP_GRPC_INTERNAL,
                           RP_SLICE("the request is no message of this method"));
        return;
    }
    rp_buf_init(&answer, ANSWER_MAX);
    if (message.len < ANSWER_MAX / 4)
        rp_pb_bytes(&answer, ANSWER_REQUEST, message);
    answer_question(&asked, &answer);
    if (answer.error)
        call->error = answer.error;
    else
        rp_target_call_write(call, rp_buf_slice(&answer));
    rp_buf_deinit(&answer);
}

/* ---- health ---------------------------------------------------------------------------------- */

/* The status of a service, or of the server when the name is empty; SERVICE_UNKNOWN. -1 = the request is no
 * message. */
static int status_of(struct rp_slice message)
{
    struct rp_slice name = rp_slice(NULL, 0);
    struct rp_pb_field field;
    int r;

    while ((r = rp_pb_next(&message, &field)) == 1)
        if (field.number == HEALTH_SERVICE && field.kind == RP_PB_BYTES)
            name = field.bytes;
    if (r < 0)
        return -1;
    for (size_t i = 0; name.len && i < RP_ARRAY_LEN(services); i++)
        if (rp_slice_eq_str(name, services[i]))
            return SERVING;
    return name.len ? SERVICE_UNKNOWN : SERVING;
}

static void take_check(struct rp_target_call *call, struct rp_slice message)
{
    static const char serving[] = { HEALTH_STATUS << 3 | RP_PB_VARINT, SERVING };
    int status = status_of(message);

    if (status < 0)
        rp_target_call_end(call, RP_GRPC_INTERNAL,
                           RP_SLICE("the request is no message of this method"));
    else if (status == SERVICE_UNKNOWN)
        rp_target_call_end(call, RP_GRPC_NOT_FOUND, RP_SLICE("there is no such service here"));
    else
        rp_target_call_write(call, rp_slice(serving, sizeof(serving)));
}

/* ---- both ------------------------------------------------------------------------------------ */

static const struct rp_target_method methods[] = {
    { REFLECTION, false, take_reflection, NULL, NULL },
    { REFLECTION_ALPHA, false, take_reflection, NULL, NULL },
    { "/grpc.health.v1.Health/Check", true, take_check, NULL, NULL },
};

const struct rp_target_method *rp_target_known_find(struct rp_slice path)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(methods); i++)
        if (rp_slice_eq_str(path, methods[i].path))
            return &methods[i];
    return NULL;
}

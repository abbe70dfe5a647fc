/* SPDX-License-Identifier: MIT */
#include "output/grpc_post.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/base64.h"
#include "proto/protobuf.h"

enum { RESPONSE_MAX = 1 << 20, DETAILS_MAX = 1 << 16 };

struct rp_grpc_post {
    struct rp_grpc_post_config config;
    struct rp_grpc_client *client;
    struct rp_http_session *session;
    struct rp_grpc_call call;
    struct rp_slice response;
    rp_ns wait;
    bool is_sending;
};

int rp_grpc_post_check_headers(const struct rp_header *headers, size_t count, struct rp_error *err)
{
    static const char *const own[] = { "content-type", "content-length",    "te",
                                       "host",         "transfer-encoding", "connection" };

    for (size_t i = 0; i < count; i++) {
        struct rp_slice name = headers[i].name;
        bool is_own = name.len >= 5 && rp_slice_ieq(rp_slice(name.ptr, 5), RP_SLICE("grpc-"));

        for (size_t n = 0; n < RP_ARRAY_LEN(own); n++)
            is_own |= rp_slice_ieq(name, rp_slice_str(own[n]));
        if (is_own)
            return rp_error_set(err, -RP_EUSER, "gRPC has the header %.*s for itself",
                                RP_SLICE_FMT(name));
    }
    return 0;
}

/* ---- what the server asks for ---------------------------------------------------------------- */

/* The last field of @message with this number that is a message or a text; empty = there is none. */
static struct rp_slice find(struct rp_slice message, unsigned number)
{
    struct rp_slice ret = { 0 };
    struct rp_pb_field field;

    while (rp_pb_next(&message, &field) == 1)
        if (field.number == number && field.kind == RP_PB_BYTES)
            ret = field.bytes;
    return ret;
}

/* A google.protobuf.Duration; -1 for what is none. An empty one is no time at all: the next try may
 * follow at once. */
static rp_ns read_duration(struct rp_slice message)
{
    struct rp_pb_field field;
    int64_t seconds = 0, ns = 0;

    while (rp_pb_next(&message, &field) == 1) {
        if (field.number == 1 && field.kind == RP_PB_VARINT)
            seconds = (int64_t)field.value;
        if (field.number == 2 && field.kind == RP_PB_VARINT)
            ns = (int64_t)field.value;
    }
    if (seconds < 0 || ns < 0 || ns >= RP_S)
        return -1;
    return seconds > 3600 ? 3600 * RP_S : seconds * RP_S + ns;
}

/* @status: a google.rpc.Status, whose details are messages of any kind with their names. */
static rp_ns read_details(struct rp_slice status)
{
    enum { DETAILS = 3, TYPE_URL = 1, VALUE = 2, RETRY_DELAY = 1 };
    struct rp_slice name = RP_SLICE("/google.rpc.RetryInfo");
    struct rp_pb_field field;

    while (rp_pb_next(&status, &field) == 1) {
        struct rp_slice type;

        if (field.number != DETAILS || field.kind != RP_PB_BYTES)
            continue;
        type = find(field.bytes, TYPE_URL);
        if (type.len >= name.len &&
            rp_slice_eq(rp_slice(type.ptr + type.len - name.len, name.len), name))
            return read_duration(find(find(field.bytes, VALUE), RETRY_DELAY));
    }
    return -1;
}

/* The padding of base64 may be left out. */
static rp_ns read_wait(struct rp_slice value)
{
    struct rp_buf text, status;
    rp_ns ret = -1;

    rp_buf_init(&text, DETAILS_MAX);
    rp_buf_init(&status, DETAILS_MAX);
    rp_buf_append_slice(&text, value);
    while (text.len % 4 && !text.error)
        rp_buf_append(&text, "=", 1);
    if (!text.error && rp_base64_decode(&status, rp_buf_slice(&text)) && !status.error)
        ret = read_details(rp_buf_slice(&status));
    rp_buf_deinit(&text);
    rp_buf_deinit(&status);
    return ret;
}

/* Takes the first field off @lines, which end with CRLF each. */
static bool next_field(struct rp_slice *lines, struct rp_slice *ret_name,
                       struct rp_slice *ret_value)
{
    const char *end = lines->len ? memmem(lines->ptr, lines->len, "\r\n", 2) : NULL;
    const char *colon = end ? memchr(lines->ptr, ':', (size_t)(end - lines->ptr)) : NULL;

    if (!colon)
        return false;
    *ret_name = rp_slice(lines->ptr, (size_t)(colon - lines->ptr));
    *ret_value = rp_slice_trim(rp_slice(colon + 1, (size_t)(end - colon) - 1));
    *lines = rp_slice(end + 2, lines->len - (size_t)(end + 2 - lines->ptr));
    return true;
}

/* The field stands behind the messages, or in the head of an answer that has none. */
static rp_ns find_wait(const struct rp_grpc_call *call)
{
    struct rp_slice wanted = RP_SLICE("grpc-status-details-bin"), name, value;
    struct rp_slice trailers = rp_buf_slice(&call->trailers);
    size_t pos = 0;
    rp_ns ret = -1;

    while (rp_http_response_next_field(&call->response, &pos, &name, &value))
        if (rp_slice_ieq(name, wanted))
            ret = read_wait(value);
    while (next_field(&trailers, &name, &value))
        if (rp_slice_ieq(name, wanted))
            ret = read_wait(value);
    return ret;
}

/* ---- a call ---------------------------------------------------------------------------------- */

static void woken(struct rp_grpc_call *call)
{
    struct rp_grpc_post *post = rp_container_of(call, struct rp_grpc_post, call);

    rp_assert(call->has_ended);
    post->is_sending = false;
    post->wait = find_wait(call);
    if (call->status != RP_GRPC_OK || !rp_grpc_receive(call, &post->response))
        post->response = (struct rp_slice){ 0 };
    post->config.posted(post->config.user);
}

int rp_grpc_post_send(struct rp_grpc_post *post, struct rp_slice body, rp_ns timeout,
                      struct rp_error *err)
{
    const struct rp_grpc_spec spec = { .target = rp_slice_str(post->config.target),
                                       .path = rp_slice_str(post->config.method),
                                       .metadata = post->config.headers,
                                       .metadata_count = post->config.header_count,
                                       .deadline = timeout,
                                       .compression = post->config.is_gzip ? RP_GRPC_GZIP
                                                                           : RP_GRPC_IDENTITY,
                                       .message_max = RESPONSE_MAX,
                                       .has_one_response = true };
    struct rp_grpc_call *call = &post->call;
    int r;

    rp_grpc_deinit(call);
    *call = (struct rp_grpc_call){ .wake = woken };
    post->response = (struct rp_slice){ 0 };
    post->wait = -1;
    r = rp_grpc_method_new(post->client, &spec, &call->method, err);
    if (r < 0)
        return r;
    r = rp_grpc_send(call, body);
    if (r == 0) {
        rp_grpc_half_close(call);
        r = rp_grpc_start(post->session, call);
    }
    rp_grpc_method_unref(call->method); /* the call has a reference of its own */
    post->is_sending = r == 0;
    return r;
}

bool rp_grpc_post_is_sending(const struct rp_grpc_post *post)
{
    return post->is_sending;
}

const struct rp_grpc_call *rp_grpc_post_call(const struct rp_grpc_post *post)
{
    return &post->call;
}

struct rp_slice rp_grpc_post_response(const struct rp_grpc_post *post)
{
    return post->response;
}

bool rp_grpc_post_is_passing(const struct rp_grpc_post *post)
{
    switch (post->call.status) {
    case RP_GRPC_CANCELLED:
    case RP_GRPC_DEADLINE_EXCEEDED:
    case RP_GRPC_ABORTED:
    case RP_GRPC_OUT_OF_RANGE:
    case RP_GRPC_UNAVAILABLE:
    case RP_GRPC_DATA_LOSS:
        return true;
    case RP_GRPC_RESOURCE_EXHAUSTED: /* for ever, unless the server says when it will be better */
        return post->wait >= 0;
    default:
        return false;
    }
}

rp_ns rp_grpc_post_wait(const struct rp_grpc_post *post)
{
    return post->wait;
}

/* ---- life ------------------------------------------------------------------------------------ */

int rp_grpc_post_new(const struct rp_grpc_post_config *config, struct rp_loop *loop,
                     struct rp_http_client *http, struct rp_grpc_post **ret)
{
    struct rp_grpc_post *post = rp_calloc(1, sizeof(*post));
    int r;

    if (!post) {
        rp_http_client_free(http);
        return -ENOMEM;
    }
    post->config = *config;
    post->wait = -1;
    r = rp_grpc_client_new(http, loop, NULL, &post->client);
    if (r == 0)
        r = rp_http_session_new(http, 1, &post->session);
    if (r < 0) {
        rp_grpc_post_free(post);
        return r;
    }
    *ret = post;
    return 0;
}

void rp_grpc_post_free(struct rp_grpc_post *post)
{
    if (!post)
        return;
    rp_grpc_cancel(&post->call, RP_GRPC_ABANDON);
    rp_http_session_free(post->session);
    rp_grpc_deinit(&post->call);
    rp_grpc_client_free(post->client);
    rp_free(post);
}

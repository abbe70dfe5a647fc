/* SPDX-License-Identifier: MIT */
#include "proto/request.h"

#include <inttypes.h>

#include "proto/proto_internal.h"

/* Which of the fields with a rule of their own the caller gave. */
struct given {
    const struct rp_slice *host;
    bool user_agent, accept, authorization, proxy_authorization, connection;
};

static int check_target(struct rp_slice target, struct rp_error *err)
{
    if (!target.len)
        return rp_error_set(err, -RP_EUSER, "the request target is empty");
    for (size_t i = 0; i < target.len; i++)
        if ((unsigned char)target.ptr[i] <= ' ' || target.ptr[i] == 0x7f)
            return rp_error_set(err, -RP_EUSER,
                                "the request target holds a blank or control character at byte %zu",
                                i);
    return 0;
}

/* Equal to the body's size, in any spelling of the number. */
static bool is_body_size(struct rp_slice value, uint64_t body_bytes)
{
    uint64_t number = 0;

    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];

        if (c < '0' || c > '9' || __builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(c - '0'), &number))
            return false;
    }
    return value.len && number == body_bytes;
}

static int check_content_length(struct rp_slice value, uint64_t body_bytes, struct rp_error *err)
{
    if (is_body_size(value, body_bytes))
        return 0;
    rp_error_set(err, 0, "the header Content-Length '%.*s' is not the size of the body, %" PRIu64,
                 RP_SLICE_FMT(value), body_bytes);
    rp_error_hint(err, "leave it out: it is added by itself");
    return -RP_EUSER;
}

static int check_header(const struct rp_header *header, uint64_t body_bytes, struct given *given,
                        struct rp_error *err)
{
    struct rp_slice name = header->name;

    if (!rp_h1_is_token(name))
        return rp_error_set(err, -RP_EUSER, "'%.*s' is no header name", RP_SLICE_FMT(name));
    if (!rp_h1_is_field_value(header->value))
        return rp_error_set(err, -RP_EUSER, "the value of the header %.*s holds CR, LF or NUL",
                            RP_SLICE_FMT(name));
    if (rp_slice_ieq(name, RP_SLICE("Transfer-Encoding"))) {
        rp_error_set(err, 0, "the header Transfer-Encoding cannot be set");
        rp_error_hint(err, "a body is sent with its Content-Length");
        return -RP_EUSER;
    }
    if (rp_slice_ieq(name, RP_SLICE("Content-Length")))
        return check_content_length(header->value, body_bytes, err);
    if (rp_slice_ieq(name, RP_SLICE("Host"))) {
        if (given->host)
            return rp_error_set(err, -RP_EUSER, "the header Host is given twice");
        given->host = &header->value;
    }
    given->user_agent = given->user_agent || rp_slice_ieq(name, RP_SLICE("User-Agent"));
    given->connection = given->connection || rp_slice_ieq(name, RP_SLICE("Connection"));
    given->accept = given->accept || rp_slice_ieq(name, RP_SLICE("Accept"));
    given->proxy_authorization = given->proxy_authorization ||
                                 rp_slice_ieq(name, RP_SLICE("Proxy-Authorization"));
    given->authorization = given->authorization || rp_slice_ieq(name, RP_SLICE("Authorization"));
    return 0;
}

static int check(const struct rp_request_head *request, struct given *given, struct rp_error *err)
{
    int r;

    if (!rp_h1_is_token(request->method))
        return rp_error_set(err, -RP_EUSER, "'%.*s' is no HTTP method",
                            RP_SLICE_FMT(request->method));
    r = check_target(request->target, err);
    for (size_t i = 0; r == 0 && i < request->header_count; i++)
        r = check_header(&request->headers[i], request->body_bytes, given, err);
    if (r == 0 && !given->host && !rp_h1_is_field_value(request->authority))
        r = rp_error_set(err, -RP_EUSER, "the authority holds CR, LF or NUL");
    return r;
}

static void append_field(struct rp_buf *out, struct rp_slice name, struct rp_slice value)
{
    rp_buf_append_slice(out, name);
    rp_buf_append(out, ": ", 2);
    if (value.len)
        rp_buf_append_slice(out, value);
    rp_buf_append(out, "\r\n", 2);
}

/* A server may wait for a body after these unless told that there is none (RFC 9110, 8.6). */
static bool method_has_body(struct rp_slice method)
{
    return rp_slice_eq_str(method, "POST") || rp_slice_eq_str(method, "PUT") ||
           rp_slice_eq_str(method, "PATCH");
}

static bool is_written_already(struct rp_slice name)
{
    return rp_slice_ieq(name, RP_SLICE("Host")) || rp_slice_ieq(name, RP_SLICE("Content-Length"));
}

static bool gives_content_length(const struct rp_request_head *request)
{
    for (size_t i = 0; i < request->header_count; i++)
        if (rp_slice_ieq(request->headers[i].name, RP_SLICE("Content-Length")))
            return true;
    return false;
}

static void append(const struct rp_request_head *request, const struct given *given,
                   struct rp_buf *out)
{
    rp_buf_append_slice(out, request->method);
    rp_buf_append(out, " ", 1);
    rp_buf_append_slice(out, request->target);
    rp_buf_append_str(out, " HTTP/1.1\r\n");
    append_field(out, RP_SLICE("Host"), given->host ? *given->host : request->authority);
    if (!given->user_agent)
        append_field(out, RP_SLICE("User-Agent"), RP_SLICE("rampa/" RP_PROTO_VERSION));
    if (!given->accept && !request->has_no_accept)
        append_field(out, RP_SLICE("Accept"), RP_SLICE("*/*"));
    if (request->closes && !given->connection)
        append_field(out, RP_SLICE("Connection"), RP_SLICE("close"));
    if (request->proxy_authorization.len && !given->proxy_authorization)
        append_field(out, RP_SLICE("Proxy-Authorization"), request->proxy_authorization);
    if (request->authorization.len && !given->authorization)
        append_field(out, RP_SLICE("Authorization"), request->authorization);
    for (size_t i = 0; i < request->header_count; i++)
        if (!is_written_already(request->headers[i].name))
            append_field(out, request->headers[i].name, request->headers[i].value);
    if (request->is_chunked)
        rp_buf_append_str(out, "Transfer-Encoding: chunked\r\n");
    else if (request->has_body || request->body_bytes || method_has_body(request->method) ||
             gives_content_length(request))
        rp_buf_appendf(out, "Content-Length: %" PRIu64 "\r\n", request->body_bytes);
    rp_buf_append(out, "\r\n", 2);
}

int rp_request_append_head(const struct rp_request_head *request, struct rp_buf *out,
                           struct rp_error *err)
{
    struct given given = { 0 };
    size_t start = out->len;
    int r = out->error ? out->error : check(request, &given, err);

    if (r < 0)
        return r;
    append(request, &given, out);
    if (out->error) {
        out->len = start;
        if (out->data)
            out->data[start] = '\0';
    }
    return out->error;
}

bool rp_request_closes(const struct rp_header *headers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (rp_slice_ieq(headers[i].name, RP_SLICE("Connection")) &&
            rp_h1_connection_flags(headers[i].value) & H1_FLAG_CLOSE)
            return true;
    return false;
}

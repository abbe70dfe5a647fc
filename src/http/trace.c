/* SPDX-License-Identifier: MIT */
#include "http/trace.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "http/http_internal.h"

/* Of a head, the fields that begin within the first 8 KiB are shown. */
enum { TRACE_MAX = 1 << 20, HEAD_MAX = 8192, LINE_COLS = 1000 };

/* Values of these are shown. Any other may be a password: there are too many names for those. */
static bool is_harmless(struct rp_slice name)
{
    static const char *const names[] = {
        ":authority",
        ":protocol",
        "Accept",
        "Accept-Encoding",
        "Accept-Language",
        "Accept-Ranges",
        "Age",
        "Allow",
        "Cache-Control",
        "Connection",
        "Content-Encoding",
        "Content-Length",
        "Content-Type",
        "Date",
        "ETag",
        "Expect",
        "Expires",
        "grpc-accept-encoding",
        "grpc-encoding",
        "grpc-status",
        "grpc-timeout",
        "Host",
        "If-Match",
        "If-None-Match",
        "If-Modified-Since",
        "Keep-Alive",
        "Last-Modified",
        "Range",
        "Content-Range",
        "Retry-After",
        "Sec-WebSocket-Extensions",
        "Sec-WebSocket-Version",
        "Server",
        "TE",
        "traceparent",
        "Transfer-Encoding",
        "Upgrade",
        "User-Agent",
        "Vary",
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(names); i++)
        if (rp_slice_ieq(name, rp_slice_str(names[i])))
            return true;
    return false;
}

/* ---- heads ----------------------------------------------------------------------------------- */

static void append_line(struct rp_buf *out, struct rp_slice line)
{
    if (line.len)
        rp_text_append(out, line, LINE_COLS);
    rp_buf_append_str(out, "\n");
}

static void append_field(struct rp_buf *out, struct rp_slice name, struct rp_slice value)
{
    if (name.len)
        rp_text_append(out, name, LINE_COLS);
    rp_buf_append_str(out, ": ");
    if (rp_slice_ieq(name, RP_SLICE("Sec-WebSocket-Protocol")))
        rp_trace_append_protocols(out, value);
    else if (!is_harmless(name))
        rp_buf_append_str(out, "***");
    else if (value.len)
        rp_text_append(out, value, LINE_COLS);
    rp_buf_append_str(out, "\n");
}

/* Whether there is room for another field, of which so many are not shown. */
static bool has_room(const struct rp_buf *out, unsigned *left_out)
{
    if (out->len < HEAD_MAX)
        return true;
    ++*left_out;
    return false;
}

static void append_left_out(struct rp_buf *out, unsigned left_out)
{
    if (left_out)
        rp_buf_appendf(out, "(and %u more field%s)\n", left_out, left_out == 1 ? "" : "s");
}

/* "GET /path?query HTTP/1.1" */
static void append_request_line(struct rp_buf *out, struct rp_slice line)
{
    const char *first = memchr(line.ptr, ' ', line.len), *last = memrchr(line.ptr, ' ', line.len);
    const char *end = line.ptr + line.len;

    if (!first || first == last) {
        append_line(out, line);
        return;
    }
    rp_text_append(out, rp_slice(line.ptr, (size_t)(first - line.ptr)), LINE_COLS);
    rp_buf_append_str(out, " ");
    rp_trace_append_url(out, rp_slice(first + 1, (size_t)(last - first - 1)));
    append_line(out, rp_slice(last, (size_t)(end - last)));
}

static void append_request(struct rp_buf *out, struct rp_slice head)
{
    unsigned left_out = 0;

    for (bool is_first = true; head.len > 2; is_first = false) {
        const char *end = memmem(head.ptr, head.len, "\r\n", 2);
        struct rp_slice line = rp_slice(head.ptr, end ? (size_t)(end - head.ptr) : head.len);
        /* HTTP/2 has names that begin with a colon. */
        const char *colon = line.len ? memchr(line.ptr + 1, ':', line.len - 1) : NULL;
        struct rp_slice name, value;

        head = rp_slice(head.ptr + line.len + 2, end ? head.len - line.len - 2 : 0);
        if (is_first) {
            append_request_line(out, line);
            continue;
        }
        if (!has_room(out, &left_out))
            continue;
        name = rp_slice(line.ptr, colon ? (size_t)(colon - line.ptr) : line.len);
        value = rp_slice(line.ptr + name.len, line.len - name.len);
        while (value.len && (*value.ptr == ' ' || value.ptr == colon))
            value = rp_slice(value.ptr + 1, value.len - 1);
        append_field(out, name, value);
    }
    append_left_out(out, left_out);
}

static void append_answer(struct rp_buf *out, const struct rp_http_response *response)
{
    struct rp_slice reason = rp_http_response_reason(response), name, value;
    unsigned left_out = 0;
    struct rp_buf line;
    size_t pos = 0;

    rp_buf_init(&line, TRACE_MAX);
    rp_buf_appendf(&line, "%s %u", rp_http_version_text(response->version), response->status);
    if (reason.len) {
        rp_buf_append_str(&line, " ");
        rp_buf_append_slice(&line, reason);
    }
    if (line.error)
        out->error = line.error;
    append_line(out, rp_buf_slice(&line));
    rp_buf_deinit(&line);
    while (rp_http_response_next_field(response, &pos, &name, &value))
        if (has_room(out, &left_out))
            append_field(out, name, value);
    append_left_out(out, left_out);
}

/* ---- the exchange ---------------------------------------------------------------------------- */

static void take_numbers(struct rp_exchange *exchange, const struct rp_http_call *call)
{
    const struct rp_http_response *response = call->response;
    const struct rp_http_session *session = call->session;

    exchange->status = response->status;
    exchange->error_code = (uint32_t)response->error_code;
    exchange->vu = session ? session->user : 0;
    exchange->iteration = session && session->iteration ? *session->iteration : 0;
    /* Of a request under way at the end nobody knows whether it would have failed. */
    exchange->is_failed = !response->is_expected && !call->is_left &&
                          response->error_code != RP_HTTP_UNFINISHED;
    exchange->wall_ns = rp_wall_clock_ns();
    exchange->blocked = response->blocked;
    exchange->looking_up = response->looking_up;
    exchange->connecting = response->connecting;
    exchange->tls_handshaking = response->tls_handshaking;
    exchange->sending = response->sending;
    exchange->waiting = response->waiting;
    exchange->receiving = response->receiving;
}

static void take_body(struct rp_exchange_body *ret, struct rp_buf *out, struct rp_slice body,
                      uint64_t bytes)
{
    ret->bytes = bytes;
    ret->start = rp_trace_append_body(out, body, bytes);
    ret->text = ret->start ? rp_buf_slice(out) : rp_slice(NULL, 0);
}

static struct rp_slice optional(const char *text)
{
    return text ? rp_slice_str(text) : rp_slice(NULL, 0);
}

int rp_trace_take(struct rp_trace *trace, const struct rp_http_call *call,
                  struct rp_slice request_head)
{
    const struct rp_http_template *template = call->template;
    const struct rp_http_response *response = call->response;
    struct rp_exchange *exchange = &trace->exchange;
    struct rp_buf *texts = trace->texts;
    int r = 0;

    *trace = (struct rp_trace){ .remote = "" };
    for (size_t i = 0; i < RP_TRACE_TEXTS; i++)
        rp_buf_init(&texts[i], TRACE_MAX);
    take_numbers(exchange, call);
    rp_http_write_remote(call, trace->remote);
    rp_trace_append_url(&texts[RP_TRACE_NAME], rp_slice_str(template->name));
    rp_trace_append_url(&texts[RP_TRACE_URL], rp_slice_str(template->url));
    append_request(&texts[RP_TRACE_REQUEST], request_head);
    take_body(&exchange->request_body, &texts[RP_TRACE_REQUEST_BODY], template->body,
              template->is_streamed ? template->streamed_bytes : template->body.len);
    if (response->status) {
        append_answer(&texts[RP_TRACE_RESPONSE], response);
        take_body(&exchange->response_body, &texts[RP_TRACE_RESPONSE_BODY],
                  rp_buf_slice(&response->body), response->body_bytes);
    } else if (*response->error) {
        rp_text_append(&texts[RP_TRACE_ERROR], rp_slice_str(response->error), LINE_COLS);
    }
    exchange->name = rp_buf_slice(&texts[RP_TRACE_NAME]);
    exchange->url = rp_buf_slice(&texts[RP_TRACE_URL]);
    exchange->error = rp_buf_slice(&texts[RP_TRACE_ERROR]);
    exchange->request_head = rp_buf_slice(&texts[RP_TRACE_REQUEST]);
    exchange->response_head = rp_buf_slice(&texts[RP_TRACE_RESPONSE]);
    exchange->scenario = optional(call->tags ? rp_tags_get(call->tags, "scenario") : NULL);
    exchange->remote = optional(*trace->remote ? trace->remote : NULL);
    exchange->proto = optional(rp_http_version_text(response->version));
    exchange->tls_version = optional(rp_tls_version_text(response->tls_version));
    for (size_t i = 0; r == 0 && i < RP_TRACE_TEXTS; i++)
        r = texts[i].error;
    return r;
}

void rp_trace_deinit(struct rp_trace *trace)
{
    for (size_t i = 0; i < RP_TRACE_TEXTS; i++)
        rp_buf_deinit(&trace->texts[i]);
}

static void write_all(int fd, struct rp_slice text)
{
    while (text.len) {
        ssize_t n = write(fd, text.ptr, text.len);

        if (n <= 0)
            break; /* nobody reads it */
        text = rp_slice(text.ptr + n, text.len - (size_t)n);
    }
}

void rp_trace_print_text(struct rp_slice text)
{
    write_all(STDOUT_FILENO, text);
}

void rp_trace_print(void *user, const struct rp_http_call *call, struct rp_slice request_head)
{
    const struct rp_http_client *client = user;
    struct rp_trace trace;
    struct rp_buf text;

    rp_buf_init(&text, TRACE_MAX);
    if (rp_trace_take(&trace, call, request_head) == 0) {
        rp_exchange_write(&trace.exchange, true, &text);
        if (client && client->note)
            client->note(call, &text);
    }
    rp_trace_print_text(rp_buf_slice(&text));
    rp_buf_deinit(&text);
    rp_trace_deinit(&trace);
}

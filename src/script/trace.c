/* SPDX-License-Identifier: MIT */
#include "script/trace.h"

#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "base/units.h"
#include "script/script_internal.h"

enum { TRACE_MAX = 1 << 20, LINE_COLS = 1000 };

/* Values of these are shown. Any other may be a password: there are too many names for those. */
static bool is_harmless(struct rp_slice name)
{
    static const char *const names[] = {
        ":authority",
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
        "Host",
        "If-Match",
        "If-None-Match",
        "If-Modified-Since",
        "Keep-Alive",
        "Last-Modified",
        "Range",
        "Content-Range",
        "Retry-After",
        "Server",
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

static void append_line(struct rp_buf *out, const char *mark, struct rp_slice line)
{
    rp_buf_append_str(out, mark);
    if (line.len)
        rp_text_append(out, line, LINE_COLS);
    rp_buf_append_str(out, "\n");
}

static void append_field(struct rp_buf *out, const char *mark, struct rp_slice name,
                         struct rp_slice value)
{
    rp_buf_append_str(out, mark);
    rp_text_append(out, name, LINE_COLS);
    rp_buf_append_str(out, ": ");
    if (!is_harmless(name))
        rp_buf_append_str(out, "***");
    else if (value.len)
        rp_text_append(out, value, LINE_COLS);
    rp_buf_append_str(out, "\n");
}

static void append_request(struct rp_buf *out, struct rp_slice head, struct rp_slice body)
{
    for (bool is_first = true; head.len > 2; is_first = false) {
        const char *end = memmem(head.ptr, head.len, "\r\n", 2);
        struct rp_slice line = rp_slice(head.ptr, end ? (size_t)(end - head.ptr) : head.len);
        /* HTTP/2 has names that begin with a colon. */
        const char *colon = line.len ? memchr(line.ptr + 1, ':', line.len - 1) : NULL;
        struct rp_slice name, value;

        head = rp_slice(head.ptr + line.len + 2, end ? head.len - line.len - 2 : 0);
        if (is_first || !colon) {
            append_line(out, "> ", line);
            continue;
        }
        name = rp_slice(line.ptr, (size_t)(colon - line.ptr));
        value = rp_slice(colon + 1, line.len - name.len - 1);
        while (value.len && *value.ptr == ' ')
            value = rp_slice(value.ptr + 1, value.len - 1);
        append_field(out, "> ", name, value);
    }
    rp_trace_append_body(out, "> ", body, body.len);
}

static void append_answer(struct rp_buf *out, const struct rp_http_response *response)
{
    struct rp_slice reason = rp_http_response_reason(response), name, value;
    struct rp_buf line;
    size_t pos = 0;

    rp_buf_init(&line, TRACE_MAX);
    rp_buf_appendf(&line, "%s %u", rp_http_version_text(response->version), response->status);
    if (reason.len) {
        rp_buf_append_str(&line, " ");
        rp_buf_append_slice(&line, reason);
    }
    append_line(out, "< ", rp_buf_slice(&line));
    rp_buf_deinit(&line);
    while (rp_http_response_next_field(response, &pos, &name, &value))
        append_field(out, "< ", name, value);
    rp_trace_append_body(out, "< ", rp_buf_slice(&response->body), response->body_bytes);
}

void rp_trace_write(const struct rp_http_call *call, struct rp_slice request_head,
                    struct rp_buf *out)
{
    const struct rp_http_response *response = call->response;
    char took[RP_UNIT_SIZE];
    rp_ns took_ns;

    append_request(out, request_head, rp_http_template_body(call->template));
    if (response->status) {
        append_answer(out, response);
    } else {
        rp_buf_append_str(out, "! ");
        rp_text_append(out, rp_slice_str(response->error), LINE_COLS);
        rp_buf_append_str(out, "\n");
    }
    took_ns = response->sending + response->waiting + response->receiving;
    /* Of a request under way at the end nobody knows whether it would have failed. */
    rp_buf_appendf(
        out, "= %s%s\n", rp_unit_time((double)took_ns / RP_MS, 4, took),
        response->is_expected || response->error_code == RP_HTTP_UNFINISHED ? "" : ", failed");
}

void rp_trace_print(const struct rp_http_call *call, struct rp_slice request_head)
{
    struct rp_buf text;
    const char *at;
    size_t left;

    rp_buf_init(&text, TRACE_MAX);
    rp_trace_write(call, request_head, &text);
    at = rp_buf_str(&text);
    left = text.len;
    while (left) {
        ssize_t n = write(STDOUT_FILENO, at, left);

        if (n <= 0)
            break; /* nobody reads it */
        at += n;
        left -= (size_t)n;
    }
    rp_buf_deinit(&text);
}

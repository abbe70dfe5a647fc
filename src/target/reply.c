/* SPDX-License-Identifier: MIT */
#include "target/reply.h"

static const struct reason {
    uint16_t status;
    const char *text;
} reasons[] = {
    { 200, "OK" },
    { 201, "Created" },
    { 202, "Accepted" },
    { 204, "No Content" },
    { 206, "Partial Content" },
    { 301, "Moved Permanently" },
    { 302, "Found" },
    { 303, "See Other" },
    { 304, "Not Modified" },
    { 307, "Temporary Redirect" },
    { 308, "Permanent Redirect" },
    { 400, "Bad Request" },
    { 401, "Unauthorized" },
    { 403, "Forbidden" },
    { 404, "Not Found" },
    { 405, "Method Not Allowed" },
    { 408, "Request Timeout" },
    { 409, "Conflict" },
    { 410, "Gone" },
    { 413, "Content Too Large" },
    { 415, "Unsupported Media Type" },
    { 418, "I'm a Teapot" },
    { 422, "Unprocessable Content" },
    { 426, "Upgrade Required" },
    { 429, "Too Many Requests" },
    { 431, "Request Header Fields Too Large" },
    { 500, "Internal Server Error" },
    { 501, "Not Implemented" },
    { 502, "Bad Gateway" },
    { 503, "Service Unavailable" },
    { 504, "Gateway Timeout" },
    { 505, "HTTP Version Not Supported" },
};

const char *rp_target_reason(uint16_t status)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(reasons); i++) {
        if (reasons[i].status == status)
            return reasons[i].text;
    }
    return "Unassigned";
}

bool rp_target_has_body(uint16_t status)
{
    return status != 204 && status != 304;
}

/* rp_buf_appendf would do, at ten times the cost of a small answer. */
static void append_number(struct rp_buf *out, uint64_t number)
{
    char text[20];
    size_t at = sizeof(text);

    do {
        text[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    rp_buf_append(out, text + at, sizeof(text) - at);
}

void rp_target_write_head(const struct rp_target_reply *reply, uint64_t body_len,
                          enum rp_target_connection connection, struct rp_buf *out)
{
    rp_buf_append_slice(out, RP_SLICE("HTTP/1.1 "));
    append_number(out, reply->status);
    rp_buf_append_slice(out, RP_SLICE(" "));
    rp_buf_append_str(out, rp_target_reason(reply->status));
    if (reply->content_type.len) {
        rp_buf_append_slice(out, RP_SLICE("\r\nContent-Type: "));
        rp_buf_append_slice(out, reply->content_type);
    }
    if (reply->location.len) {
        rp_buf_append_slice(out, RP_SLICE("\r\nLocation: "));
        rp_buf_append_slice(out, reply->location);
    }
    rp_buf_append_slice(out, reply->fields);
    if (reply->is_chunked) {
        rp_buf_append_slice(out, RP_SLICE("\r\nTransfer-Encoding: chunked"));
    } else if (rp_target_has_body(reply->status)) {
        rp_buf_append_slice(out, RP_SLICE("\r\nContent-Length: "));
        append_number(out, body_len);
    }
    if (connection == RP_TARGET_KEEP_SAID)
        rp_buf_append_slice(out, RP_SLICE("\r\nConnection: keep-alive"));
    else if (connection == RP_TARGET_CLOSE_SAID)
        rp_buf_append_slice(out, RP_SLICE("\r\nConnection: close"));
    rp_buf_append_slice(out, RP_SLICE("\r\n\r\n"));
}

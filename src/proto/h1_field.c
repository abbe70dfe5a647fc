/* SPDX-License-Identifier: MIT */
#include "proto/proto_internal.h"

const uint8_t rp_h1_is_tchar[256] = {
    ['!'] = 1, ['#'] = 1, ['$'] = 1, ['%'] = 1,         ['&'] = 1,         ['\''] = 1,
    ['*'] = 1, ['+'] = 1, ['-'] = 1, ['.'] = 1,         ['^'] = 1,         ['_'] = 1,
    ['`'] = 1, ['|'] = 1, ['~'] = 1, ['0' ... '9'] = 1, ['A' ... 'Z'] = 1, ['a' ... 'z'] = 1,
};

int rp_h1_fail(struct rp_h1_parser *parser, enum rp_h1_error error, uint64_t offset)
{
    parser->error = error;
    parser->offset = offset;
    parser->state = H1_FAILED;
    return RP_H1_ERROR;
}

enum rp_h1_line rp_h1_bad_line(struct rp_h1_scan *scan, const char *at, enum rp_h1_error error)
{
    bool is_whole = memchr(at, '\n', (size_t)(scan->end - at));

    return is_whole ? rp_h1_bad_at(scan, at, error) : H1_LINE_INCOMPLETE;
}

uint8_t rp_h1_connection_flags(struct rp_slice value)
{
    const char *p = value.ptr, *end = p + value.len, *comma, *last;
    struct rp_slice option;
    uint8_t flags = 0;

    for (; p < end; p = comma + 1) {
        comma = memchr(p, ',', (size_t)(end - p));
        comma = comma ? comma : end;
        while (p < comma && rp_h1_is_blank(*p))
            p++;
        for (last = comma; last > p && rp_h1_is_blank(last[-1]);)
            last--;
        option = rp_slice(p, (size_t)(last - p));
        if (rp_slice_ieq(option, RP_SLICE("close")))
            flags |= H1_FLAG_CLOSE;
        else if (rp_slice_ieq(option, RP_SLICE("keep-alive")))
            flags |= H1_FLAG_KEEP_ALIVE;
    }
    return flags;
}

_Static_assert(RP_H1_TRAILER_MAX == 16384, "a text below names the limit");

static const char *const error_texts[RP_H1_ERROR_COUNT] = {
    [RP_H1_OK] = "no error",
    [RP_H1_BAD_STATUS_LINE] = "the response does not begin with an HTTP status line",
    [RP_H1_BAD_VERSION] = "the HTTP version of the status line is not 1.x",
    [RP_H1_BAD_HEADER] = "a header line is malformed",
    [RP_H1_HEAD_TOO_LARGE] = "the response head is larger than the limit",
    [RP_H1_BAD_CONTENT_LENGTH] = "Content-Length is not one decimal number",
    [RP_H1_BAD_TRANSFER_ENCODING] =
        "Transfer-Encoding is not 'chunked' or stands beside Content-Length",
    [RP_H1_BAD_CHUNK_SIZE] = "a chunk size line is malformed or too large",
    [RP_H1_BAD_CHUNK_END] = "a chunk does not end where its size says",
    [RP_H1_TRAILER_TOO_LARGE] = "the trailer section has more than 16384 bytes",
    [RP_H1_TRUNCATED] = "the connection was closed before the response was complete",
    [RP_H1_NO_MEMORY] = "no memory is left for the response head",
    [RP_H1_BAD_REQUEST_LINE] = "the request line is malformed",
    [RP_H1_UNKNOWN_VERSION] = "the HTTP version of the request line is neither 1.1 nor 1.0",
    [RP_H1_BAD_HOST] = "Host is missing or stands twice",
    [RP_H1_TOO_MANY_FIELDS] = "the head has too many fields",
    [RP_H1_UNKNOWN_CODING] = "the transfer coding is not 'chunked'",
};

const char *rp_h1_error_text(enum rp_h1_error error)
{
    return (unsigned)error < RP_H1_ERROR_COUNT ? error_texts[error] : "unknown error";
}

static struct rp_slice trim(const char *start, const char *end)
{
    while (start < end && (*start == ' ' || *start == '\t'))
        start++;
    while (end > start && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    return rp_slice(start, (size_t)(end - start));
}

/* The line at *@pos without its end; false when no complete line is left. */
static bool next_line(struct rp_slice head, size_t *pos, struct rp_slice *ret)
{
    const char *start, *lf;

    if (*pos >= head.len)
        return false;
    start = head.ptr + *pos;
    lf = memchr(start, '\n', head.len - *pos);
    if (!lf)
        return false;
    *pos = (size_t)(lf - head.ptr) + 1;
    *ret = rp_slice(start, (size_t)(lf - start));
    if (ret->len && ret->ptr[ret->len - 1] == '\r')
        ret->len--;
    return true;
}

bool rp_h1_next_field(struct rp_slice head, size_t *pos, struct rp_slice *ret_name,
                      struct rp_slice *ret_value)
{
    struct rp_slice line;
    const char *colon;

    if (*pos == 0 && !next_line(head, pos, &line))
        return false;
    if (!next_line(head, pos, &line) || !line.len)
        return false;
    colon = memchr(line.ptr, ':', line.len);
    if (!colon)
        return false;
    *ret_name = rp_slice(line.ptr, (size_t)(colon - line.ptr));
    *ret_value = trim(colon + 1, line.ptr + line.len);
    return true;
}

struct rp_slice rp_h1_reason(struct rp_slice head)
{
    const size_t prefix = sizeof("HTTP/1.1 200") - 1;
    struct rp_slice line;
    size_t pos = 0;

    if (!next_line(head, &pos, &line) || line.len <= prefix)
        return rp_slice("", 0);
    return trim(line.ptr + prefix, line.ptr + line.len);
}

bool rp_h1_is_token(struct rp_slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!rp_h1_is_tchar[(uint8_t)text.ptr[i]])
            return false;
    return text.len > 0;
}

bool rp_h1_is_field_value(struct rp_slice text)
{
    return !text.len || rp_h1_find_special(text.ptr, text.ptr + text.len) == text.ptr + text.len;
}

/* SPDX-License-Identifier: MIT */
#include "proto/h1.h"

#include "proto/h1_internal.h"

/*
 * One function per state; rp_h1_parse calls them until one has an event.
 *
 * The head has two states. In H1_HEAD whole lines are parsed where they lie, in the caller's input, and appended to the
 * head buffer once. When the input ends inside a line the rest goes to the head buffer and H1_HEAD_PENDING waits for its
 * LF, so that no byte is looked at more than twice however small the pieces are.
 */

enum { FLAG_CLOSE = 1, FLAG_KEEP_ALIVE = 2 };

enum { STATUS_PREFIX_BYTES = 12 }; /* "HTTP/1.1 200" */

enum line_result {
    LINE_OK,
    LINE_BLANK,
    LINE_INCOMPLETE,
    LINE_BAD,
};

struct line_scan {
    const char *p; /* the start of the line; after LINE_OK and LINE_BLANK the byte after it */
    const char *end;
    const char *bad; /* with LINE_BAD */
    enum rp_h1_error error;
};

int rp_h1_fail(struct rp_h1_parser *parser, enum rp_h1_error error, uint64_t offset)
{
    parser->error = error;
    parser->offset = offset;
    parser->state = H1_FAILED;
    return RP_H1_ERROR;
}

static enum line_result bad_at(struct line_scan *scan, const char *at, enum rp_h1_error error)
{
    scan->bad = at;
    scan->error = error;
    return LINE_BAD;
}

/* A line is judged only when its end is there: else the verdict would depend on how the input was split. */
RP_COLD static enum line_result bad_line(struct line_scan *scan, const char *at,
                                         enum rp_h1_error error)
{
    return memchr(at, '\n', (size_t)(scan->end - at)) ? bad_at(scan, at, error) : LINE_INCOMPLETE;
}

/* @special is the first CR, LF or NUL of the line. */
static inline enum line_result finish_line(struct line_scan *scan, const char *special,
                                           enum rp_h1_error error)
{
    if (RP_LIKELY(scan->end - special >= 2 && special[0] == '\r' && special[1] == '\n')) {
        scan->p = special + 2;
        return LINE_OK;
    }
    if (special < scan->end && *special == '\n') {
        scan->p = special + 1;
        return LINE_OK;
    }
    return bad_line(scan, special, error);
}

static inline bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool fits_status_prefix(char c, size_t i)
{
    static const char pattern[STATUS_PREFIX_BYTES + 1] = "HTTP/1.# 1##";

    if (pattern[i] == '#')
        return is_digit(c);
    if (pattern[i] == '1' && i > 8)
        return is_digit(c) && c != '0';
    return c == pattern[i];
}

/* Finds what is no HTTP/1 response at its first wrong byte, whether or not the line is complete. */
static enum line_result check_status_prefix(struct line_scan *scan)
{
    size_t len = rp_h1_min((uint64_t)(scan->end - scan->p), STATUS_PREFIX_BYTES);

    if (RP_LIKELY(len == STATUS_PREFIX_BYTES && memcmp(scan->p, "HTTP/1.1 ", 9) == 0 &&
                  scan->p[9] != '0' && is_digit(scan->p[9]) && is_digit(scan->p[10]) &&
                  is_digit(scan->p[11])))
        return LINE_OK;
    for (size_t i = 0; i < len; i++)
        if (!fits_status_prefix(scan->p[i], i))
            return bad_at(scan, scan->p + i,
                          i >= 5 && i < 8 ? RP_H1_BAD_VERSION : RP_H1_BAD_STATUS_LINE);
    return len == STATUS_PREFIX_BYTES ? LINE_OK : LINE_INCOMPLETE;
}

static enum line_result parse_status_line(struct rp_h1_parser *parser, struct line_scan *scan)
{
    const char *line = scan->p, *rest = line + STATUS_PREFIX_BYTES;
    enum line_result result = check_status_prefix(scan);

    if (result != LINE_OK)
        return result;
    if (rest < scan->end && *rest != ' ' && *rest != '\r' && *rest != '\n')
        return bad_line(scan, rest, RP_H1_BAD_STATUS_LINE);
    result = finish_line(scan, rp_h1_find_special(rest, scan->end), RP_H1_BAD_STATUS_LINE);
    if (result != LINE_OK)
        return result;
    parser->minor_version = (uint8_t)(line[7] - '0');
    parser->status = (uint16_t)((line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0'));
    return LINE_OK;
}

/* @name consists of token characters: setting bit 5 cannot turn another one into a letter or '-'. */
static inline bool is_name(const char *name, const char *lower, size_t len)
{
    const uint64_t bits = UINT64_C(0x2020202020202020);
    uint64_t a, b, wrong = 0;

    for (size_t i = 0; i < len; i += 8) {
        size_t at = i + 8 <= len ? i : len - 8;

        memcpy(&a, name + at, 8);
        memcpy(&b, lower + at, 8);
        wrong |= (a | bits) ^ b;
    }
    return wrong == 0;
}

/* One decimal number at *@p; false when there is none or it does not fit. UINT64_MAX means "not given". */
static bool parse_length(const char **p, const char *end, uint64_t *ret)
{
    const char *start = *p;
    uint64_t value = 0;

    for (; *p < end && is_digit(**p); (*p)++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(**p - '0'), &value) || value == UINT64_MAX)
            return false;
    *ret = value;
    return *p > start;
}

/* Equal numbers may be repeated, in one field or in several (RFC 9110, 8.6). */
static enum line_result take_content_length(struct rp_h1_parser *parser, struct line_scan *scan,
                                            const char *name, struct rp_slice value)
{
    const char *p = value.ptr, *end = p + value.len, *number;
    uint64_t length;

    if (parser->is_chunked)
        return bad_at(scan, name, RP_H1_BAD_TRANSFER_ENCODING);
    for (;; p++) {
        while (p < end && is_blank(*p))
            p++;
        number = p;
        if (!parse_length(&p, end, &length))
            return bad_at(scan, p, RP_H1_BAD_CONTENT_LENGTH);
        if (parser->content_length != UINT64_MAX && parser->content_length != length)
            return bad_at(scan, number, RP_H1_BAD_CONTENT_LENGTH);
        parser->content_length = length;
        while (p < end && is_blank(*p))
            p++;
        if (p == end)
            return LINE_OK;
        if (*p != ',')
            return bad_at(scan, p, RP_H1_BAD_CONTENT_LENGTH);
    }
}

static enum line_result take_transfer_encoding(struct rp_h1_parser *parser, struct line_scan *scan,
                                               const char *name, struct rp_slice value)
{
    if (parser->content_length != UINT64_MAX)
        return bad_at(scan, name, RP_H1_BAD_TRANSFER_ENCODING);
    if (parser->is_chunked || !rp_slice_ieq(value, RP_SLICE("chunked")))
        return bad_at(scan, value.ptr, RP_H1_BAD_TRANSFER_ENCODING);
    parser->is_chunked = true;
    return LINE_OK;
}

static enum line_result take_connection(struct rp_h1_parser *parser, struct rp_slice value)
{
    const char *p = value.ptr, *end = p + value.len, *comma, *last;
    struct rp_slice option;

    for (; p < end; p = comma + 1) {
        comma = memchr(p, ',', (size_t)(end - p));
        comma = comma ? comma : end;
        while (p < comma && is_blank(*p))
            p++;
        for (last = comma; last > p && is_blank(last[-1]);)
            last--;
        option = rp_slice(p, (size_t)(last - p));
        if (rp_slice_ieq(option, RP_SLICE("close")))
            parser->flags |= FLAG_CLOSE;
        else if (rp_slice_ieq(option, RP_SLICE("keep-alive")))
            parser->flags |= FLAG_KEEP_ALIVE;
    }
    return LINE_OK;
}

/* The three fields that decide where the message ends and whether the connection goes on. @value has no blanks in
 * front, @end is the end of the line. */
static inline enum line_result interpret(struct rp_h1_parser *parser, struct line_scan *scan,
                                         struct rp_slice name, const char *value, const char *end)
{
    bool is_length = name.len == 14 && is_name(name.ptr, "content-length", 14);
    bool is_coding = name.len == 17 && is_name(name.ptr, "transfer-encoding", 17);

    if (RP_LIKELY(!is_length && !is_coding &&
                  !(name.len == 10 && is_name(name.ptr, "connection", 10))))
        return LINE_OK;
    while (end > value && is_blank(end[-1]))
        end--;
    if (is_length)
        return take_content_length(parser, scan, name.ptr, rp_slice(value, (size_t)(end - value)));
    if (is_coding)
        return take_transfer_encoding(parser, scan, name.ptr,
                                      rp_slice(value, (size_t)(end - value)));
    return take_connection(parser, rp_slice(value, (size_t)(end - value)));
}

static inline enum line_result parse_field_line(struct rp_h1_parser *parser, struct line_scan *scan)
{
    const char *line = scan->p, *p = line, *end = scan->end, *value;
    struct rp_slice name;
    enum line_result result;

    while (p < end && rp_h1_is_tchar[(uint8_t)*p])
        p++;
    if (p == end)
        return LINE_INCOMPLETE;
    if (p == line && (*p == '\r' || *p == '\n')) {
        result = finish_line(scan, p, RP_H1_BAD_HEADER);
        return result == LINE_OK ? LINE_BLANK : result;
    }
    if (p == line || *p != ':')
        return bad_line(scan, p, RP_H1_BAD_HEADER);
    name = rp_slice(line, (size_t)(p - line));
    p++;
    while (p < end && is_blank(*p))
        p++;
    value = p;
    p = rp_h1_find_special(value, end);
    result = finish_line(scan, p, RP_H1_BAD_HEADER);
    return RP_LIKELY(result == LINE_OK) ? interpret(parser, scan, name, value, p) : result;
}

static bool must_have_no_body(const struct rp_h1_parser *parser)
{
    return parser->is_head_request || parser->status == 101 || parser->status == 204 ||
           parser->status == 304;
}

static void start_head(struct rp_h1_parser *parser)
{
    rp_buf_reset(parser->head);
    parser->content_length = UINT64_MAX;
    parser->is_chunked = false;
    parser->flags = 0;
    parser->line_start = 0;
    parser->state = H1_HEAD;
}

static enum rp_h1_state body_state(struct rp_h1_parser *parser)
{
    if (must_have_no_body(parser))
        return H1_COMPLETE;
    if (parser->is_chunked)
        return H1_SIZE;
    parser->ends_with_connection = parser->content_length == UINT64_MAX;
    if (parser->ends_with_connection)
        return H1_UNTIL_CLOSE;
    parser->left = parser->content_length;
    return parser->left ? H1_FIXED : H1_COMPLETE;
}

static int finish_head(struct rp_h1_parser *parser)
{
    if (parser->status < 200 && parser->status != 101) {
        if (parser->informational == RP_H1_INFORMATIONAL_MAX)
            return rp_h1_fail(parser, RP_H1_TOO_MANY_INFORMATIONAL,
                              parser->offset - parser->head->len);
        parser->informational++;
        start_head(parser);
        return RP_H1_GO_ON;
    }
    parser->state = (uint8_t)body_state(parser);
    /* Chunked from an HTTP/1.0 peer is obeyed, but its connection is not trusted further (RFC 9112, 6.1). */
    parser->keep_alive = !(parser->flags & FLAG_CLOSE) && !parser->ends_with_connection &&
                         parser->status != 101 &&
                         (parser->minor_version > 0 ||
                          (parser->flags & FLAG_KEEP_ALIVE && !parser->is_chunked));
    return RP_H1_HEAD;
}

static bool keep_head_bytes(struct rp_h1_parser *parser, struct rp_slice *input, size_t count)
{
    rp_buf_append(parser->head, input->ptr, count);
    if (parser->head->error)
        return false;
    rp_h1_advance(parser, input, count);
    return true;
}

static int on_head(struct rp_h1_parser *parser, struct rp_slice *input, struct rp_slice *ret_body)
{
    struct rp_buf *head = parser->head;
    size_t window = rp_h1_min(input->len, head->max - head->len);
    const char *start = input->ptr;
    struct line_scan scan = { .p = start, .end = start + window };
    enum line_result result = head->len ? LINE_OK : parse_status_line(parser, &scan);

    while (result == LINE_OK)
        result = parse_field_line(parser, &scan);
    if (result == LINE_BAD)
        return rp_h1_fail(parser, scan.error, parser->offset + (uint64_t)(scan.bad - start));
    if (result == LINE_INCOMPLETE && window < input->len)
        return rp_h1_fail(parser, RP_H1_HEAD_TOO_LARGE, parser->offset + window);
    parser->line_start = head->len + (size_t)(scan.p - start);
    if (result == LINE_INCOMPLETE && scan.p < scan.end)
        parser->state = H1_HEAD_PENDING;
    if (!keep_head_bytes(parser, input, result == LINE_BLANK ? (size_t)(scan.p - start) : window))
        return rp_h1_fail(parser, RP_H1_NO_MEMORY, parser->offset);
    return result == LINE_BLANK ? finish_head(parser) : RP_H1_MORE;
}

static enum line_result parse_pending_line(struct rp_h1_parser *parser, struct line_scan *scan,
                                           bool is_complete)
{
    if (parser->line_start == 0)
        return is_complete ? parse_status_line(parser, scan) : check_status_prefix(scan);
    return is_complete ? parse_field_line(parser, scan) : LINE_INCOMPLETE;
}

static int on_head_pending(struct rp_h1_parser *parser, struct rp_slice *input,
                           struct rp_slice *ret_body)
{
    struct rp_buf *head = parser->head;
    size_t window = rp_h1_min(input->len, head->max - head->len);
    const char *lf = window ? memchr(input->ptr, '\n', window) : NULL;
    bool is_too_large = !lf && window < input->len;
    struct line_scan scan;
    enum line_result result;

    if (!keep_head_bytes(parser, input, lf ? (size_t)(lf - input->ptr) + 1 : window))
        return rp_h1_fail(parser, RP_H1_NO_MEMORY, parser->offset);
    scan = (struct line_scan){ .p = head->data + parser->line_start,
                               .end = head->data + head->len };
    result = parse_pending_line(parser, &scan, lf);
    if (result == LINE_BAD)
        return rp_h1_fail(parser, scan.error,
                          parser->offset - (uint64_t)(head->data + head->len - scan.bad));
    if (is_too_large)
        return rp_h1_fail(parser, RP_H1_HEAD_TOO_LARGE, parser->offset);
    if (!lf)
        return RP_H1_MORE;
    parser->state = H1_HEAD;
    return result == LINE_BLANK ? finish_head(parser) : RP_H1_GO_ON;
}

static int on_complete(struct rp_h1_parser *parser, struct rp_slice *input,
                       struct rp_slice *ret_body)
{
    return RP_H1_DONE;
}

static int on_failed(struct rp_h1_parser *parser, struct rp_slice *input, struct rp_slice *ret_body)
{
    return RP_H1_ERROR;
}

static rp_h1_state_fn *const state_functions[H1_STATE_COUNT] = {
    [H1_HEAD] = on_head,
    [H1_HEAD_PENDING] = on_head_pending,
    [H1_FIXED] = rp_h1_on_fixed,
    [H1_UNTIL_CLOSE] = rp_h1_on_until_close,
    [H1_SIZE] = rp_h1_on_size,
    [H1_SIZE_END] = rp_h1_on_size_end,
    [H1_EXTENSION] = rp_h1_on_extension,
    [H1_SIZE_LF] = rp_h1_on_size_lf,
    [H1_CHUNK] = rp_h1_on_chunk,
    [H1_CHUNK_END] = rp_h1_on_chunk_end,
    [H1_CHUNK_LF] = rp_h1_on_chunk_lf,
    [H1_TRAILER] = rp_h1_on_trailer,
    [H1_TRAILER_NAME] = rp_h1_on_trailer_name,
    [H1_TRAILER_VALUE] = rp_h1_on_trailer_value,
    [H1_TRAILER_LF] = rp_h1_on_trailer_lf,
    [H1_TRAILER_END_LF] = rp_h1_on_trailer_end_lf,
    [H1_COMPLETE] = on_complete,
    [H1_FAILED] = on_failed,
};

void rp_h1_parser_reset(struct rp_h1_parser *parser, struct rp_buf *head, bool is_head_request)
{
    *parser = (struct rp_h1_parser){ .head = head, .is_head_request = is_head_request };
    start_head(parser);
}

enum rp_h1_event rp_h1_parse(struct rp_h1_parser *parser, struct rp_slice *input,
                             struct rp_slice *ret_body)
{
    int event;

    do {
        if (!input->len && parser->state < H1_COMPLETE)
            return RP_H1_MORE;
        event = state_functions[parser->state](parser, input, ret_body);
    } while (event == RP_H1_GO_ON);
    return (enum rp_h1_event)event;
}

enum rp_h1_event rp_h1_parse_end(struct rp_h1_parser *parser)
{
    if (parser->state == H1_UNTIL_CLOSE)
        parser->state = H1_COMPLETE;
    if (parser->state == H1_COMPLETE)
        return RP_H1_DONE;
    if (parser->state != H1_FAILED)
        rp_h1_fail(parser, RP_H1_TRUNCATED, parser->offset);
    return RP_H1_ERROR;
}

/* SPDX-License-Identifier: MIT */
#include "proto/h1_request.h"

#include "proto/proto_internal.h"

static struct rp_h1_request *request_of(struct rp_h1_parser *parser)
{
    return rp_container_of(parser, struct rp_h1_request, parser);
}

static enum rp_h1_line take_version(struct rp_h1_parser *parser, struct rp_h1_scan *scan,
                                    const char *version, const char *end)
{
    if (RP_LIKELY(end - version == 8 && memcmp(version, "HTTP/1.1", 8) == 0)) {
        parser->minor_version = 1;
        return H1_LINE_OK;
    }
    if (end - version != 8 || memcmp(version, "HTTP/", 5) != 0 || version[6] != '.')
        return rp_h1_bad_at(scan, version, RP_H1_BAD_REQUEST_LINE);
    if (version[5] != '1' || (version[7] != '1' && version[7] != '0'))
        return rp_h1_bad_at(scan, version, RP_H1_UNKNOWN_VERSION);
    parser->minor_version = (uint8_t)(version[7] - '0');
    return H1_LINE_OK;
}

/* @target may be a whole URL, as to a proxy: its path counts. */
static enum rp_h1_line take_target(struct rp_h1_request *request, struct rp_h1_scan *scan,
                                   const char *line, struct rp_slice target)
{
    const char *path = target.ptr, *end = path + target.len, *mark;

    request->path_len = 0;
    if (target.len > 7 && strncasecmp(path, "http://", 7) == 0) {
        path = memchr(path + 7, '/', target.len - 7);
        if (!path)
            return H1_LINE_OK;
    }
    if (path == end || *path != '/')
        return rp_h1_bad_at(scan, path, RP_H1_BAD_REQUEST_LINE);
    for (mark = path; mark < end && *mark != '?';)
        mark++;
    request->path_at = (uint32_t)(path - line);
    request->path_len = (uint32_t)(mark - path);
    request->query_at = (uint32_t)(mark - line) + (mark < end);
    request->query_len = (uint32_t)(end - line) - request->query_at;
    return H1_LINE_OK;
}

/* "GET /path HTTP/1.1": two blanks, and none in the target. */
static enum rp_h1_line parse_request_line(struct rp_h1_parser *parser, struct rp_h1_scan *scan)
{
    struct rp_h1_request *request = request_of(parser);
    const char *line = scan->p, *p = line, *end = scan->end, *target, *version;
    enum rp_h1_line result;

    while (p < end && rp_h1_is_tchar[(uint8_t)*p])
        p++;
    if (p == end)
        return H1_LINE_INCOMPLETE;
    if (*p != ' ')
        return rp_h1_bad_line(scan, p, RP_H1_BAD_REQUEST_LINE);
    request->method_len = (uint32_t)(p - line);
    for (target = ++p; p < end && (unsigned char)*p > ' ' && (unsigned char)*p < 0x7f;)
        p++;
    if (p == end)
        return H1_LINE_INCOMPLETE;
    if (*p != ' ')
        return rp_h1_bad_line(scan, p, RP_H1_BAD_REQUEST_LINE);
    version = p + 1;
    p = rp_h1_find_special(version, end);
    result = rp_h1_finish_line(scan, p, RP_H1_BAD_REQUEST_LINE);
    if (result == H1_LINE_OK)
        result = take_target(request, scan, line, rp_slice(target, (size_t)(version - 1 - target)));
    return result == H1_LINE_OK ? take_version(parser, scan, version, p) : result;
}

/* The first byte was judged before it was kept. */
static enum rp_h1_line check_first_piece(struct rp_h1_scan *scan)
{
    return H1_LINE_INCOMPLETE;
}

static inline bool ends_value(char c)
{
    return ((unsigned char)c < 0x20 && c != '\t') || c == 0x7f;
}

/* The first control character but TAB, or @end. */
static inline const char *find_control(const char *p, const char *end)
{
    while (end - p >= (ptrdiff_t)sizeof(rp_h1_block)) {
        rp_h1_block block = rp_h1_block_at(p);
        size_t at = rp_h1_first_of(
            (rp_h1_block)(((block < 0x20) & (block != '\t')) | (block == 0x7f)));

        p += at;
        if (at < sizeof(block))
            return p;
    }
    while (p < end && !ends_value(*p))
        p++;
    return p;
}

/* @name consists of token characters, as for rp_h1_is_name. */
static inline bool is_host(const char *name)
{
    uint32_t word, host;

    memcpy(&word, name, 4);
    memcpy(&host, "host", 4);
    return (word | 0x20202020) == host;
}

static enum rp_h1_line take_host(struct rp_h1_request *request, struct rp_h1_scan *scan,
                                 const char *name)
{
    if (request->has_host)
        return rp_h1_bad_at(scan, name, RP_H1_BAD_HOST);
    request->has_host = true;
    return H1_LINE_OK;
}

/* The same number twice is accepted, a list is not. */
static enum rp_h1_line take_length(struct rp_h1_parser *parser, struct rp_h1_scan *scan,
                                   struct rp_slice value)
{
    const char *p = value.ptr, *end = p + value.len;
    uint64_t length;

    if (!rp_h1_parse_length(&p, end, &length) || p != end)
        return rp_h1_bad_at(scan, p, RP_H1_BAD_CONTENT_LENGTH);
    if (parser->content_length != UINT64_MAX && parser->content_length != length)
        return rp_h1_bad_at(scan, value.ptr, RP_H1_BAD_CONTENT_LENGTH);
    parser->content_length = length;
    return H1_LINE_OK;
}

static enum rp_h1_line take_coding(struct rp_h1_parser *parser, struct rp_h1_scan *scan,
                                   struct rp_slice value)
{
    if (!rp_slice_ieq(value, RP_SLICE("chunked")))
        return rp_h1_bad_at(scan, value.ptr, RP_H1_UNKNOWN_CODING);
    if (parser->is_chunked || parser->minor_version == 0)
        return rp_h1_bad_at(scan, value.ptr, RP_H1_BAD_TRANSFER_ENCODING);
    parser->is_chunked = true;
    return H1_LINE_OK;
}

/* The few fields that matter, found by their length first. */
static inline enum rp_h1_line take_field(struct rp_h1_parser *parser, struct rp_h1_scan *scan,
                                         struct rp_slice name, const char *start, const char *end)
{
    struct rp_h1_request *request = request_of(parser);
    struct rp_slice value;

    if (++request->field_count > RP_H1_REQUEST_FIELDS_MAX)
        return rp_h1_bad_at(scan, name.ptr, RP_H1_TOO_MANY_FIELDS);
    while (end > start && rp_h1_is_blank(end[-1]))
        end--;
    value = rp_slice(start, (size_t)(end - start));
    switch (name.len) {
    case 4:
        if (is_host(name.ptr))
            return take_host(request, scan, name.ptr);
        break;
    case 6:
        if (rp_slice_ieq(name, RP_SLICE("expect")))
            request->expects_continue = rp_slice_ieq(value, RP_SLICE("100-continue"));
        break;
    case 10:
        if (rp_h1_is_name(name.ptr, "connection", 10))
            parser->flags |= rp_h1_connection_flags(value);
        break;
    case 14:
        if (rp_h1_is_name(name.ptr, "content-length", 14))
            return take_length(parser, scan, value);
        break;
    case 17:
        if (rp_h1_is_name(name.ptr, "transfer-encoding", 17))
            return take_coding(parser, scan, value);
        break;
    default:
        break;
    }
    return H1_LINE_OK;
}

/* A server may refuse a folded field (RFC 9112, 5.2). */
RP_COLD static enum rp_h1_line refuse_folded_line(struct rp_h1_parser *parser,
                                                  struct rp_h1_scan *scan)
{
    return rp_h1_bad_line(scan, scan->p, RP_H1_BAD_HEADER);
}

static enum rp_h1_line parse_field_lines(struct rp_h1_parser *parser, struct rp_h1_scan *scan)
{
    return rp_h1_field_lines(parser, scan, find_control, take_field, refuse_folded_line);
}

static enum rp_h1_state body_state(struct rp_h1_parser *parser)
{
    if (parser->is_chunked)
        return H1_SIZE;
    parser->left = parser->content_length == UINT64_MAX ? 0 : parser->content_length;
    return parser->left ? H1_FIXED : H1_COMPLETE;
}

static int finish_head(struct rp_h1_parser *parser)
{
    struct rp_h1_request *request = request_of(parser);
    const char *head = parser->head->data;

    if (parser->minor_version == 1 && !request->has_host)
        return rp_h1_fail(parser, RP_H1_BAD_HOST, parser->offset);
    if (parser->is_chunked && parser->content_length != UINT64_MAX)
        return rp_h1_fail(parser, RP_H1_BAD_TRANSFER_ENCODING, parser->offset);
    request->method = rp_slice(head, request->method_len);
    request->is_head = rp_slice_eq(request->method, RP_SLICE("HEAD"));
    request->path = rp_slice(head + request->path_at, request->path_len);
    request->query = rp_slice(head + request->query_at, request->query_len);
    if (!request->path_len) /* a whole URL that ends with its host */
        request->path = RP_SLICE("/");
    parser->keep_alive = !(parser->flags & H1_FLAG_CLOSE) &&
                         (parser->minor_version == 1 || parser->flags & H1_FLAG_KEEP_ALIVE);
    parser->state = (uint8_t)body_state(parser);
    return RP_H1_HEAD;
}

static const struct rp_h1_head_ops request_head = {
    .first_line = parse_request_line,
    .first_piece = check_first_piece,
    .field_lines = parse_field_lines,
    .finish = finish_head,
};

static int on_head(struct rp_h1_parser *parser, struct rp_slice *input, struct rp_slice *ret_body)
{
    return rp_h1_on_head(parser, &request_head, input);
}

RP_COLD static int on_head_pending(struct rp_h1_parser *parser, struct rp_slice *input,
                                   struct rp_slice *ret_body)
{
    return rp_h1_on_head_pending(parser, &request_head, input);
}

/* Before the head: empty lines, left over from sloppy clients, are dropped. False with *ret_event
 * when no request begins in this input. */
static bool find_beginning(struct rp_h1_parser *parser, struct rp_slice *input,
                           enum rp_h1_event *ret_event)
{
    while (input->len) {
        char c = *input->ptr;
        bool is_lf_due = parser->state == H1_BLANK_LF;

        if (rp_h1_is_tchar[(uint8_t)c] && !is_lf_due)
            return true;
        if ((c != '\r' || is_lf_due) && c != '\n') {
            *ret_event = rp_h1_fail(parser, RP_H1_BAD_REQUEST_LINE, parser->offset);
            return false;
        }
        if (parser->offset >= parser->head->max) {
            *ret_event = rp_h1_fail(parser, RP_H1_HEAD_TOO_LARGE, parser->offset);
            return false;
        }
        parser->state = c == '\r' ? H1_BLANK_LF : H1_HEAD;
        rp_h1_advance(parser, input, 1);
    }
    *ret_event = RP_H1_MORE;
    return false;
}

void rp_h1_request_reset(struct rp_h1_request *request, struct rp_buf *head)
{
    *request = (struct rp_h1_request){ .parser = { .head = head, .content_length = UINT64_MAX } };
    rp_buf_reset(head);
}

enum rp_h1_event rp_h1_request_parse(struct rp_h1_request *request, struct rp_slice *input,
                                     struct rp_slice *ret_body)
{
    struct rp_h1_parser *parser = &request->parser;
    enum rp_h1_event event;

    if ((parser->state == H1_HEAD || parser->state == H1_BLANK_LF) && !parser->head->len &&
        !find_beginning(parser, input, &event))
        return event;
    return rp_h1_run(parser, input, ret_body, on_head, on_head_pending);
}

uint16_t rp_h1_request_status(enum rp_h1_error error)
{
    switch (error) {
    case RP_H1_HEAD_TOO_LARGE:
    case RP_H1_TOO_MANY_FIELDS:
        return 431;
    case RP_H1_UNKNOWN_CODING:
        return 501;
    case RP_H1_UNKNOWN_VERSION:
        return 505;
    case RP_H1_NO_MEMORY:
        return 500;
    default:
        return 400;
    }
}

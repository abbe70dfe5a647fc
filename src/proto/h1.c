/* SPDX-License-Identifier: MIT */
#include "proto/h1.h"

#include "proto/proto_internal.h"

enum { STATUS_PREFIX_BYTES = 12 }; /* "HTTP/1.1 200" */

static bool fits_status_prefix(char c, size_t i)
{
    static const char pattern[STATUS_PREFIX_BYTES + 1] = "HTTP/1.# 1##";

    if (pattern[i] == '#')
        return rp_h1_is_digit(c);
    if (pattern[i] == '1' && i > 8)
        return rp_h1_is_digit(c) && c != '0';
    return c == pattern[i];
}

RP_INLINE bool has_usual_prefix(const struct rp_h1_scan *scan)
{
    const char *p = scan->p;

    return scan->end - p >= STATUS_PREFIX_BYTES && memcmp(p, "HTTP/1.1 ", 9) == 0 && p[9] != '0' &&
           rp_h1_is_digit(p[9]) && rp_h1_is_digit(p[10]) && rp_h1_is_digit(p[11]);
}

/* Finds what is no HTTP/1 response at its first wrong byte, whether or not the line is complete. */
static enum rp_h1_line check_status_prefix(struct rp_h1_scan *scan)
{
    size_t len = rp_h1_min((uint64_t)(scan->end - scan->p), STATUS_PREFIX_BYTES);

    for (size_t i = 0; i < len; i++)
        if (!fits_status_prefix(scan->p[i], i))
            return rp_h1_bad_at(scan, scan->p + i,
                                i >= 5 && i < 8 ? RP_H1_BAD_VERSION : RP_H1_BAD_STATUS_LINE);
    return len == STATUS_PREFIX_BYTES ? H1_LINE_OK : H1_LINE_INCOMPLETE;
}

static enum rp_h1_line parse_status_line(struct rp_h1_parser *parser, struct rp_h1_scan *scan)
{
    const char *line = scan->p, *rest = line + STATUS_PREFIX_BYTES;
    enum rp_h1_line result = RP_LIKELY(has_usual_prefix(scan)) ? H1_LINE_OK
                                                               : check_status_prefix(scan);

    if (result != H1_LINE_OK)
        return result;
    if (rest < scan->end && *rest != ' ' && *rest != '\r' && *rest != '\n')
        return rp_h1_bad_line(scan, rest, RP_H1_BAD_STATUS_LINE);
    result = rp_h1_finish_line(scan, rp_h1_find_special(rest, scan->end), RP_H1_BAD_STATUS_LINE);
    if (result != H1_LINE_OK)
        return result;
    parser->minor_version = (uint8_t)(line[7] - '0');
    parser->status = (uint16_t)((line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0'));
    return H1_LINE_OK;
}

/* A field whose list is not at its end may go on in the next line, and what begins that line may
 * not have come yet. So the head is judged anew when it is whole: see unfold(). */
RP_COLD static enum rp_h1_line end_inside_list(struct rp_h1_parser *parser, struct rp_h1_scan *scan,
                                               const char *at, enum rp_h1_error error)
{
    if (parser->flags & H1_FLAG_UNFOLDED)
        return rp_h1_bad_at(scan, at, error);
    parser->flags |= H1_FLAG_FOLDED;
    return H1_LINE_OK;
}

/* Equal numbers may be repeated, in one field or in several (RFC 9110, 8.6). */
static enum rp_h1_line take_content_length(struct rp_h1_parser *parser, struct rp_h1_scan *scan,
                                           const char *name, struct rp_slice value)
{
    const char *p = value.ptr, *end = p + value.len, *number;
    uint64_t length;

    if (parser->is_chunked)
        return rp_h1_bad_at(scan, name, RP_H1_BAD_TRANSFER_ENCODING);
    for (;; p++) {
        while (p < end && rp_h1_is_blank(*p))
            p++;
        number = p;
        if (RP_UNLIKELY(p == end))
            return end_inside_list(parser, scan, p, RP_H1_BAD_CONTENT_LENGTH);
        if (!rp_h1_parse_length(&p, end, &length))
            return rp_h1_bad_at(scan, p, RP_H1_BAD_CONTENT_LENGTH);
        if (parser->content_length != UINT64_MAX && parser->content_length != length)
            return rp_h1_bad_at(scan, number, RP_H1_BAD_CONTENT_LENGTH);
        parser->content_length = length;
        while (p < end && rp_h1_is_blank(*p))
            p++;
        if (p == end)
            return H1_LINE_OK;
        if (*p != ',')
            return rp_h1_bad_at(scan, p, RP_H1_BAD_CONTENT_LENGTH);
    }
}

static enum rp_h1_line take_transfer_encoding(struct rp_h1_parser *parser, struct rp_h1_scan *scan,
                                              const char *name, struct rp_slice value)
{
    if (parser->content_length != UINT64_MAX)
        return rp_h1_bad_at(scan, name, RP_H1_BAD_TRANSFER_ENCODING);
    if (RP_UNLIKELY(!value.len))
        return end_inside_list(parser, scan, value.ptr, RP_H1_BAD_TRANSFER_ENCODING);
    if (parser->is_chunked || !rp_slice_ieq(value, RP_SLICE("chunked")))
        return rp_h1_bad_at(scan, value.ptr, RP_H1_BAD_TRANSFER_ENCODING);
    parser->is_chunked = true;
    return H1_LINE_OK;
}

/* The lengths of the names that interpret() looks for. */
#define KNOWN_LENGTHS (1u << 10 | 1u << 14 | 1u << 16 | 1u << 17)

/* The three fields that decide where the message ends and whether the connection goes on, and the one
 * that says whether its body is coded. @value has no blanks in front, @end is the end of the line. */
static inline enum rp_h1_line interpret(struct rp_h1_parser *parser, struct rp_h1_scan *scan,
                                        struct rp_slice name, const char *value, const char *end)
{
    bool is_length, is_coding;

    if (RP_LIKELY(name.len > 17 || !(KNOWN_LENGTHS >> name.len & 1)))
        return H1_LINE_OK;
    is_length = name.len == 14 && rp_h1_is_name(name.ptr, "content-length", 14);
    is_coding = name.len == 17 && rp_h1_is_name(name.ptr, "transfer-encoding", 17);
    if (name.len == 16 && rp_h1_is_name(name.ptr, "content-encoding", 16))
        parser->flags |= RP_H1_FLAG_CODED;
    if (name.len == 10 && rp_h1_is_name(name.ptr, "set-cookie", 10))
        parser->seen |= RP_H1_SEEN_SET_COOKIE;
    if (!is_length && !is_coding && !(name.len == 10 && rp_h1_is_name(name.ptr, "connection", 10)))
        return H1_LINE_OK;
    while (end > value && rp_h1_is_blank(end[-1]))
        end--;
    if (is_length)
        return take_content_length(parser, scan, name.ptr, rp_slice(value, (size_t)(end - value)));
    if (is_coding)
        return take_transfer_encoding(parser, scan, name.ptr,
                                      rp_slice(value, (size_t)(end - value)));
    parser->flags |= rp_h1_connection_flags(rp_slice(value, (size_t)(end - value)));
    return H1_LINE_OK;
}

/* The line goes on with the field before it. The head is still kept as it came; join_folded_lines()
 * changes it when it is whole. */
RP_COLD static enum rp_h1_line take_folded_line(struct rp_h1_parser *parser,
                                                struct rp_h1_scan *scan)
{
    parser->flags |= H1_FLAG_FOLDED;
    return rp_h1_finish_line(scan, rp_h1_find_special(scan->p, scan->end), RP_H1_BAD_HEADER);
}

static enum rp_h1_line parse_field_lines(struct rp_h1_parser *parser, struct rp_h1_scan *scan)
{
    return rp_h1_field_lines(parser, scan, rp_h1_find_special, interpret, take_folded_line);
}

/* Puts one blank in the place of each line end that a blank follows and of the blanks around it. */
static void join_folded_lines(struct rp_buf *head)
{
    size_t from = 0, to = 0;

    while (from < head->len) {
        size_t next = from + (head->data[from] == '\r') + 1;

        if (!strchr("\r\n", head->data[from]) || next >= head->len ||
            !rp_h1_is_blank(head->data[next])) {
            head->data[to++] = head->data[from++];
            continue;
        }
        while (rp_h1_is_blank(head->data[to - 1]))
            to--;
        while (rp_h1_is_blank(head->data[next]))
            next++;
        head->data[to++] = ' ';
        from = next;
    }
    head->len = to;
    head->data[to] = '\0';
}

/* A user agent joins the lines of a folded field before it reads it (RFC 9112, 5.2). So the fields
 * that decide about the message are read anew. Nothing is there that the status line could go on
 * with. False after a failure. */
RP_COLD static bool unfold(struct rp_h1_parser *parser)
{
    uint64_t start = parser->offset - parser->head->len;
    const char *lf = memchr(parser->head->data, '\n', parser->head->len);
    struct rp_h1_scan scan;

    if (rp_h1_is_blank(lf[1])) {
        rp_h1_fail(parser, RP_H1_BAD_HEADER, start + (uint64_t)(lf + 1 - parser->head->data));
        return false;
    }
    join_folded_lines(parser->head);
    parser->content_length = UINT64_MAX;
    parser->is_chunked = false;
    parser->flags = H1_FLAG_UNFOLDED;
    scan = (struct rp_h1_scan){ .p = memchr(parser->head->data, '\n', parser->head->len),
                                .end = parser->head->data + parser->head->len };
    scan.p++;
    if (parse_field_lines(parser, &scan) != H1_LINE_BAD)
        return true;
    rp_h1_fail(parser, scan.error, start + (uint64_t)(scan.bad - parser->head->data));
    return false;
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

static int finish_head(struct rp_h1_parser *parser);

RP_COLD static int finish_folded_head(struct rp_h1_parser *parser)
{
    return unfold(parser) ? finish_head(parser) : RP_H1_ERROR;
}

static int finish_head(struct rp_h1_parser *parser)
{
    if (RP_UNLIKELY(parser->flags & H1_FLAG_FOLDED))
        return finish_folded_head(parser);
    if (parser->status < 200 && parser->status != 101) {
        parser->informational += parser->informational < UINT8_MAX;
        if (parser->offset > parser->head->max) /* else a server could go on for ever */
            return rp_h1_fail(parser, RP_H1_HEAD_TOO_LARGE, parser->offset);
        parser->seen |= RP_H1_SEEN_INTERIM;
        start_head(parser);
        return RP_H1_GO_ON;
    }
    parser->state = (uint8_t)body_state(parser);
    /* Chunked from an HTTP/1.0 peer is obeyed, but its connection is not trusted further (RFC 9112,
     * 6.1). */
    parser->keep_alive = !(parser->flags & H1_FLAG_CLOSE) && !parser->ends_with_connection &&
                         parser->status != 101 &&
                         (parser->minor_version > 0 ||
                          (parser->flags & H1_FLAG_KEEP_ALIVE && !parser->is_chunked));
    return RP_H1_HEAD;
}

static const struct rp_h1_head_ops response_head = {
    .first_line = parse_status_line,
    .first_piece = check_status_prefix,
    .field_lines = parse_field_lines,
    .finish = finish_head,
};

static int on_head(struct rp_h1_parser *parser, struct rp_slice *input, struct rp_slice *ret_body)
{
    return rp_h1_on_head(parser, &response_head, input);
}

RP_COLD static int on_head_pending(struct rp_h1_parser *parser, struct rp_slice *input,
                                   struct rp_slice *ret_body)
{
    return rp_h1_on_head_pending(parser, &response_head, input);
}

void rp_h1_parser_reset(struct rp_h1_parser *parser, struct rp_buf *head, bool is_head_request)
{
    *parser = (struct rp_h1_parser){ .head = head, .is_head_request = is_head_request };
    start_head(parser);
}

enum rp_h1_event rp_h1_parse(struct rp_h1_parser *parser, struct rp_slice *input,
                             struct rp_slice *ret_body)
{
    return rp_h1_run(parser, input, ret_body, on_head, on_head_pending);
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

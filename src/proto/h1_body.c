/* SPDX-License-Identifier: MIT */
#include "proto/proto_internal.h"

/*
 * Bodies, of both directions: a known length, until the peer closes, chunked. Nothing is buffered
 * here: chunk size lines and trailers are checked byte by byte and dropped, which is why they have
 * states of their own. The framing of chunks needs its CRLFs: with a lone LF for an end, a chunk
 * that is one byte shorter than its size would pass with a CR for its last byte.
 */

static int go_on(struct rp_h1_parser *parser, enum rp_h1_state state)
{
    parser->state = (uint8_t)state;
    return RP_H1_GO_ON;
}

/* Emits at most @max bytes. */
static size_t emit(struct rp_h1_parser *parser, struct rp_slice *input, struct rp_slice *ret_body,
                   uint64_t max)
{
    size_t count = rp_h1_min(input->len, max);

    *ret_body = rp_slice(input->ptr, count);
    rp_h1_advance(parser, input, count);
    return count;
}

_Static_assert((int)H1_COMPLETE == (int)RP_H1_STATE_COMPLETE, "h1.h names the state");

static int on_fixed(struct rp_h1_parser *parser, struct rp_slice *input, struct rp_slice *ret_body)
{
    parser->left -= emit(parser, input, ret_body, parser->left);
    if (!parser->left)
        parser->state = H1_COMPLETE;
    return RP_H1_BODY;
}

static int on_until_close(struct rp_h1_parser *parser, struct rp_slice *input,
                          struct rp_slice *ret_body)
{
    emit(parser, input, ret_body, UINT64_MAX);
    return RP_H1_BODY;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Counts @count more bytes of a line that is dropped; false when it gets too long. */
static bool take_line_bytes(struct rp_h1_parser *parser, struct rp_slice *input, size_t count)
{
    if (count > RP_H1_TRAILER_MAX - parser->line_bytes)
        return false;
    parser->line_bytes += (uint32_t)count;
    rp_h1_advance(parser, input, count);
    return true;
}

/* line_bytes and left are 0 when the first digit is due. */
static int on_size(struct rp_h1_parser *parser, struct rp_slice *input, struct rp_slice *ret_body)
{
    int digit;

    for (; input->len; parser->left = parser->left << 4 | (unsigned)digit) {
        digit = hex_value(*input->ptr);
        if (digit < 0)
            break;
        if (parser->left >> 60 || !take_line_bytes(parser, input, 1))
            return rp_h1_fail(parser, RP_H1_BAD_CHUNK_SIZE, parser->offset);
    }
    if (input->len && !parser->line_bytes)
        return rp_h1_fail(parser, RP_H1_BAD_CHUNK_SIZE, parser->offset);
    return input->len ? go_on(parser, H1_SIZE_END) : RP_H1_MORE;
}

/* The LF that ends a chunk's size line was consumed. */
static int start_chunk(struct rp_h1_parser *parser)
{
    parser->line_bytes = 0;
    return go_on(parser, parser->left ? H1_CHUNK : H1_TRAILER);
}

static int on_size_end(struct rp_h1_parser *parser, struct rp_slice *input,
                       struct rp_slice *ret_body)
{
    char c = *input->ptr;

    if (!strchr(" \t;\r", c) || c == '\0' || !take_line_bytes(parser, input, 1))
        return rp_h1_fail(parser, RP_H1_BAD_CHUNK_SIZE, parser->offset);
    if (c == '\r')
        return go_on(parser, H1_SIZE_LF);
    return go_on(parser, c == ';' ? H1_EXTENSION : H1_SIZE_END);
}

/* Consumes up to the next CR, LF or NUL and that byte; returns it, -1 when the input ended first,
 * -2 when the line is too long. */
static int take_text(struct rp_h1_parser *parser, struct rp_slice *input)
{
    size_t window = rp_h1_min(input->len, RP_H1_TRAILER_MAX - parser->line_bytes);
    const char *start = input->ptr, *special = rp_h1_find_special(start, start + window);
    char c;

    take_line_bytes(parser, input, (size_t)(special - start));
    if (!input->len)
        return -1;
    c = *input->ptr;
    if (!take_line_bytes(parser, input, 1))
        return -2;
    return c;
}

static int on_extension(struct rp_h1_parser *parser, struct rp_slice *input,
                        struct rp_slice *ret_body)
{
    int c = take_text(parser, input);

    if (c == -1)
        return RP_H1_MORE;
    if (c == '\r')
        return go_on(parser, H1_SIZE_LF);
    return rp_h1_fail(parser, RP_H1_BAD_CHUNK_SIZE, parser->offset - (c != -2));
}

/* The CR before was consumed: it is the culprit when no LF follows. */
static bool take_lf(struct rp_h1_parser *parser, struct rp_slice *input, enum rp_h1_error error,
                    enum rp_h1_error error_if_long)
{
    if (*input->ptr != '\n')
        rp_h1_fail(parser, error, parser->offset - 1);
    else if (!take_line_bytes(parser, input, 1))
        rp_h1_fail(parser, error_if_long, parser->offset);
    return parser->error == RP_H1_OK;
}

static int on_size_lf(struct rp_h1_parser *parser, struct rp_slice *input,
                      struct rp_slice *ret_body)
{
    return take_lf(parser, input, RP_H1_BAD_CHUNK_SIZE, RP_H1_BAD_CHUNK_SIZE) ? start_chunk(parser)
                                                                              : RP_H1_ERROR;
}

static int on_chunk(struct rp_h1_parser *parser, struct rp_slice *input, struct rp_slice *ret_body)
{
    parser->left -= emit(parser, input, ret_body, parser->left);
    if (!parser->left)
        parser->state = H1_CHUNK_END;
    return RP_H1_BODY;
}

static int on_chunk_end(struct rp_h1_parser *parser, struct rp_slice *input,
                        struct rp_slice *ret_body)
{
    if (*input->ptr != '\r')
        return rp_h1_fail(parser, RP_H1_BAD_CHUNK_END, parser->offset);
    rp_h1_advance(parser, input, 1);
    return go_on(parser, H1_CHUNK_LF);
}

static int start_size(struct rp_h1_parser *parser)
{
    parser->left = 0;
    parser->line_bytes = 0;
    return go_on(parser, H1_SIZE);
}

static int on_chunk_lf(struct rp_h1_parser *parser, struct rp_slice *input,
                       struct rp_slice *ret_body)
{
    return take_lf(parser, input, RP_H1_BAD_CHUNK_END, RP_H1_BAD_CHUNK_END) ? start_size(parser)
                                                                            : RP_H1_ERROR;
}

/* At the start of a line. */
static int on_trailer(struct rp_h1_parser *parser, struct rp_slice *input,
                      struct rp_slice *ret_body)
{
    char c = *input->ptr;
    /* A response's trailer field may be folded. (A request has no status.) */
    bool goes_on = rp_h1_is_blank(c) && parser->line_bytes && parser->status;

    if (c != '\r' && c != '\n' && !rp_h1_is_tchar[(uint8_t)c] && !goes_on)
        return rp_h1_fail(parser, RP_H1_BAD_HEADER, parser->offset);
    if (!take_line_bytes(parser, input, 1))
        return rp_h1_fail(parser, RP_H1_TRAILER_TOO_LARGE, parser->offset);
    if (c == '\n')
        return go_on(parser, H1_COMPLETE);
    if (c == '\r')
        return go_on(parser, H1_TRAILER_END_LF);
    return go_on(parser, goes_on ? H1_TRAILER_VALUE : H1_TRAILER_NAME);
}

static int on_trailer_name(struct rp_h1_parser *parser, struct rp_slice *input,
                           struct rp_slice *ret_body)
{
    while (input->len) {
        char c = *input->ptr;

        if (c != ':' && !rp_h1_is_tchar[(uint8_t)c])
            return rp_h1_fail(parser, RP_H1_BAD_HEADER, parser->offset);
        if (!take_line_bytes(parser, input, 1))
            return rp_h1_fail(parser, RP_H1_TRAILER_TOO_LARGE, parser->offset);
        if (c == ':')
            return go_on(parser, H1_TRAILER_VALUE);
    }
    return RP_H1_MORE;
}

static int on_trailer_value(struct rp_h1_parser *parser, struct rp_slice *input,
                            struct rp_slice *ret_body)
{
    int c = take_text(parser, input);

    if (c == -1)
        return RP_H1_MORE;
    if (c == -2)
        return rp_h1_fail(parser, RP_H1_TRAILER_TOO_LARGE, parser->offset);
    if (c == '\0')
        return rp_h1_fail(parser, RP_H1_BAD_HEADER, parser->offset - 1);
    return go_on(parser, c == '\r' ? H1_TRAILER_LF : H1_TRAILER);
}

static int on_trailer_lf(struct rp_h1_parser *parser, struct rp_slice *input,
                         struct rp_slice *ret_body)
{
    return take_lf(parser, input, RP_H1_BAD_HEADER, RP_H1_TRAILER_TOO_LARGE)
               ? go_on(parser, H1_TRAILER)
               : RP_H1_ERROR;
}

static int on_trailer_end_lf(struct rp_h1_parser *parser, struct rp_slice *input,
                             struct rp_slice *ret_body)
{
    return take_lf(parser, input, RP_H1_BAD_HEADER, RP_H1_TRAILER_TOO_LARGE)
               ? go_on(parser, H1_COMPLETE)
               : RP_H1_ERROR;
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

rp_h1_state_fn *const rp_h1_body_states[H1_STATE_COUNT] = {
    [H1_FIXED] = on_fixed,
    [H1_UNTIL_CLOSE] = on_until_close,
    [H1_SIZE] = on_size,
    [H1_SIZE_END] = on_size_end,
    [H1_EXTENSION] = on_extension,
    [H1_SIZE_LF] = on_size_lf,
    [H1_CHUNK] = on_chunk,
    [H1_CHUNK_END] = on_chunk_end,
    [H1_CHUNK_LF] = on_chunk_lf,
    [H1_TRAILER] = on_trailer,
    [H1_TRAILER_NAME] = on_trailer_name,
    [H1_TRAILER_VALUE] = on_trailer_value,
    [H1_TRAILER_LF] = on_trailer_lf,
    [H1_TRAILER_END_LF] = on_trailer_end_lf,
    [H1_COMPLETE] = on_complete,
    [H1_FAILED] = on_failed,
};

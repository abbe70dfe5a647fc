/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * proto/proto_internal.h - what only the files of this room see: what the parsers of HTTP/1
 * responses (h1.c) and requests (h1_request.c) share. These are the states of a message, the lines
 * of its head, the scan for special bytes. The framing of bodies is in h1_body.c. Behind them is what
 * other files have in common.
 *
 * A head has two states. In H1_HEAD whole lines are parsed where they lie, in the caller's input,
 * and appended to the head buffer once. When the input ends inside a line the rest goes to the head
 * buffer and H1_HEAD_PENDING waits for its LF, so that no byte is looked at more than twice however
 * small the pieces are. The functions of the head are in this header so that each parser has them
 * in line with its own.
 */

#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/compiler.h"
#include "proto/h1.h"
#include "proto/h2.h"
#include "proto/url.h"
#include "proto/ws.h"

enum rp_h1_state {
    H1_HEAD,         /* at the start of a line of the head */
    H1_HEAD_PENDING, /* inside a line of the head whose beginning is in the head buffer */
    H1_BLANK_LF,     /* requests only: after the CR of an empty line before the head */
    H1_FIXED,
    H1_UNTIL_CLOSE,
    H1_SIZE,
    H1_SIZE_END,
    H1_EXTENSION,
    H1_SIZE_LF,
    H1_CHUNK,
    H1_CHUNK_END,
    H1_CHUNK_LF,
    H1_TRAILER,
    H1_TRAILER_NAME,
    H1_TRAILER_VALUE,
    H1_TRAILER_LF,
    H1_TRAILER_END_LF,
    H1_COMPLETE,
    H1_FAILED,
    H1_STATE_COUNT
};

/* A state function returns an event, or this: the state has changed, and the next function is to be
 * called. */
enum { RP_H1_GO_ON = -1 };

/* Consumes bytes from @input, which is not empty except in H1_COMPLETE and H1_FAILED. */
typedef int rp_h1_state_fn(struct rp_h1_parser *parser, struct rp_slice *input,
                           struct rp_slice *ret_body);

/* The functions of the states; NULL for those before and in the head. */
extern rp_h1_state_fn *const rp_h1_body_states[H1_STATE_COUNT];

extern const uint8_t rp_h1_is_tchar[256];

RP_COLD int rp_h1_fail(struct rp_h1_parser *parser, enum rp_h1_error error, uint64_t offset);

static inline void rp_h1_advance(struct rp_h1_parser *parser, struct rp_slice *input, size_t count)
{
    input->ptr += count;
    input->len -= count;
    parser->offset += count;
}

static inline size_t rp_h1_min(uint64_t a, uint64_t b)
{
    return (size_t)(a < b ? a : b);
}

/* Sixteen bytes that are looked at in one step. What the compiler makes of a comparison has 255 where
 * it holds and 0 elsewhere. */
typedef uint8_t rp_h1_block __attribute__((vector_size(16)));

static inline rp_h1_block rp_h1_block_at(const char *p)
{
    rp_h1_block block;

    memcpy(&block, p, sizeof(block));
    return block;
}

/* The place of the first 255 in @block, all bytes of which are 0 or 255; 16 = none is. */
static inline size_t rp_h1_first_of(rp_h1_block block)
{
#ifdef __SSE2__
    return (size_t)__builtin_ctz((unsigned)_mm_movemask_epi8((__m128i)block) | 1u << sizeof(block));
#else
    size_t at = 0;

    while (at < sizeof(block) && !block[at])
        at++;
    return at;
#endif
}

/* The first CR, LF or NUL in @p..@end, or @end. */
static inline const char *rp_h1_find_special(const char *p, const char *end)
{
    while (end - p >= (ptrdiff_t)sizeof(rp_h1_block)) {
        rp_h1_block block = rp_h1_block_at(p);
        size_t at = rp_h1_first_of(
            (rp_h1_block)((block == '\r') | (block == '\n') | (block == '\0')));

        p += at;
        if (at < sizeof(block))
            return p;
    }
    while (p < end && *p != '\r' && *p != '\n' && *p != '\0')
        p++;
    return p;
}

/* The first byte in @p..@end that no token has, or @end. Most names of fields have letters and '-'
 * only: those are skipped by blocks. */
static inline const char *rp_h1_skip_token(const char *p, const char *end)
{
    while (end - p >= (ptrdiff_t)sizeof(rp_h1_block)) {
        rp_h1_block block = rp_h1_block_at(p), letter = (block | 0x20) - 'a';
        size_t at = rp_h1_first_of((rp_h1_block)((letter > 'z' - 'a') & (block != '-')));

        p += at;
        if (at < sizeof(block))
            break;
    }
    while (p < end && rp_h1_is_tchar[(uint8_t)*p])
        p++;
    return p;
}

/* ---- the lines of a head --------------------------------------------------------------------- */

/* rp_h1_parser.flags, besides RP_H1_FLAG_CODED: what Connection has said; whether a field goes on in
 * a second line, or may do so; whether the lines have been joined. */
enum { H1_FLAG_CLOSE = 1, H1_FLAG_KEEP_ALIVE = 2, H1_FLAG_FOLDED = 4, H1_FLAG_UNFOLDED = 8 };

enum rp_h1_line {
    H1_LINE_OK,
    H1_LINE_BLANK,
    H1_LINE_INCOMPLETE,
    H1_LINE_BAD,
};

struct rp_h1_scan {
    const char *p; /* the start of the line; after H1_LINE_OK and H1_LINE_BLANK the byte after it */
    const char *end;
    const char *bad; /* with H1_LINE_BAD */
    enum rp_h1_error error;
};

/* What requests and responses differ in while their head is read. */
struct rp_h1_head_ops {
    /* Parses the line at scan->p. */
    enum rp_h1_line (*first_line)(struct rp_h1_parser *parser, struct rp_h1_scan *scan);
    /* The first line is not complete: H1_LINE_BAD when it can never be one whatever follows. */
    enum rp_h1_line (*first_piece)(struct rp_h1_scan *scan);
    /* Parses the lines from scan->p on, fields and the blank line, up to one that is not
     * H1_LINE_OK: rp_h1_field_lines. */
    enum rp_h1_line (*field_lines)(struct rp_h1_parser *parser, struct rp_h1_scan *scan);
    /* The head is whole and in parser->head. An event, or RP_H1_GO_ON to read another head. */
    int (*finish)(struct rp_h1_parser *parser);
};

/* H1_FLAG_CLOSE and H1_FLAG_KEEP_ALIVE, as the value of a field Connection has these options. */
uint8_t rp_h1_connection_flags(struct rp_slice value);

static inline bool rp_h1_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool rp_h1_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* One decimal number at *@p; false when there is none or it does not fit. UINT64_MAX means "not
 * given". */
static inline bool rp_h1_parse_length(const char **p, const char *end, uint64_t *ret)
{
    const char *start = *p;
    uint64_t value = 0;

    for (; *p < end && rp_h1_is_digit(**p); (*p)++) {
        const uint64_t digit = (uint64_t)(**p - '0');

        if (RP_UNLIKELY(value >= UINT64_MAX / 10) &&
            (value > UINT64_MAX / 10 || digit >= UINT64_MAX % 10))
            return false;
        value = value * 10 + digit;
    }
    *ret = value;
    return *p > start;
}

static inline enum rp_h1_line rp_h1_bad_at(struct rp_h1_scan *scan, const char *at,
                                           enum rp_h1_error error)
{
    scan->bad = at;
    scan->error = error;
    return H1_LINE_BAD;
}

/* A line is judged only when its end is there: else the verdict would depend on how the input was
 * split. */
RP_COLD enum rp_h1_line rp_h1_bad_line(struct rp_h1_scan *scan, const char *at,
                                       enum rp_h1_error error);

/* @special is the first CR, LF or NUL of the line. */
static inline enum rp_h1_line rp_h1_finish_line(struct rp_h1_scan *scan, const char *special,
                                                enum rp_h1_error error)
{
    if (RP_LIKELY(scan->end - special >= 2 && memcmp(special, "\r\n", 2) == 0)) {
        scan->p = special + 2;
        return H1_LINE_OK;
    }
    if (special < scan->end && *special == '\n') {
        scan->p = special + 1;
        return H1_LINE_OK;
    }
    return rp_h1_bad_line(scan, special, error);
}

/* @name consists of token characters: setting bit 5 cannot turn another one into a letter or '-'.
 * @len >= 8. */
static inline bool rp_h1_is_name(const char *name, const char *lower, size_t len)
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

/* Of a field, whose name is a token. @value has no blanks in front, @end is the end of the line. */
typedef enum rp_h1_line rp_h1_field_fn(struct rp_h1_parser *parser, struct rp_h1_scan *scan,
                                       struct rp_slice name, const char *value, const char *end);
/* Of a line that begins with a blank, at scan->p. */
typedef enum rp_h1_line rp_h1_fold_fn(struct rp_h1_parser *parser, struct rp_h1_scan *scan);
/* The first byte in @p..@end that ends a value, rightly or not, or @end. */
typedef const char *rp_h1_find_fn(const char *p, const char *end);

RP_INLINE enum rp_h1_line rp_h1_field_line(struct rp_h1_parser *parser, struct rp_h1_scan *scan,
                                           rp_h1_find_fn *find, rp_h1_field_fn *take,
                                           rp_h1_fold_fn *fold)
{
    const char *line = scan->p, *end = scan->end, *p = rp_h1_skip_token(line, end), *value;
    struct rp_slice name;
    enum rp_h1_line result;

    if (p == end)
        return H1_LINE_INCOMPLETE;
    if (p == line && (*p == '\r' || *p == '\n')) {
        result = rp_h1_finish_line(scan, p, RP_H1_BAD_HEADER);
        return result == H1_LINE_OK ? H1_LINE_BLANK : result;
    }
    if (RP_UNLIKELY(p == line && rp_h1_is_blank(*p)))
        return fold(parser, scan);
    if (p == line || *p != ':')
        return rp_h1_bad_line(scan, p, RP_H1_BAD_HEADER);
    name = rp_slice(line, (size_t)(p - line));
    p++;
    while (p < end && rp_h1_is_blank(*p))
        p++;
    value = p;
    p = find(value, end);
    result = rp_h1_finish_line(scan, p, RP_H1_BAD_HEADER);
    return RP_LIKELY(result == H1_LINE_OK) ? take(parser, scan, name, value, p) : result;
}

RP_INLINE enum rp_h1_line rp_h1_field_lines(struct rp_h1_parser *parser, struct rp_h1_scan *scan,
                                            rp_h1_find_fn *find, rp_h1_field_fn *take,
                                            rp_h1_fold_fn *fold)
{
    enum rp_h1_line result;

    do
        result = rp_h1_field_line(parser, scan, find, take, fold);
    while (result == H1_LINE_OK);
    return result;
}

RP_INLINE bool rp_h1_keep(struct rp_h1_parser *parser, struct rp_slice *input, size_t count)
{
    rp_buf_append(parser->head, input->ptr, count);
    if (parser->head->error)
        return false;
    rp_h1_advance(parser, input, count);
    return true;
}

RP_INLINE int rp_h1_on_head(struct rp_h1_parser *parser, const struct rp_h1_head_ops *ops,
                            struct rp_slice *input)
{
    struct rp_buf *head = parser->head;
    size_t window = rp_h1_min(input->len, head->max - head->len);
    const char *start = input->ptr;
    struct rp_h1_scan scan = { .p = start, .end = start + window };
    enum rp_h1_line result = head->len ? H1_LINE_OK : ops->first_line(parser, &scan);

    if (RP_LIKELY(result == H1_LINE_OK))
        result = ops->field_lines(parser, &scan);
    if (result == H1_LINE_BAD)
        return rp_h1_fail(parser, scan.error, parser->offset + (uint64_t)(scan.bad - start));
    if (result == H1_LINE_INCOMPLETE && window < input->len)
        return rp_h1_fail(parser, RP_H1_HEAD_TOO_LARGE, parser->offset + window);
    parser->line_start = head->len + (size_t)(scan.p - start);
    if (result == H1_LINE_INCOMPLETE && scan.p < scan.end)
        parser->state = H1_HEAD_PENDING;
    if (!rp_h1_keep(parser, input, result == H1_LINE_BLANK ? (size_t)(scan.p - start) : window))
        return rp_h1_fail(parser, RP_H1_NO_MEMORY, parser->offset);
    return result == H1_LINE_BLANK ? ops->finish(parser) : RP_H1_MORE;
}

RP_INLINE enum rp_h1_line rp_h1_pending_line(struct rp_h1_parser *parser,
                                             const struct rp_h1_head_ops *ops,
                                             struct rp_h1_scan *scan, bool is_complete)
{
    if (parser->line_start == 0)
        return is_complete ? ops->first_line(parser, scan) : ops->first_piece(scan);
    return is_complete ? ops->field_lines(parser, scan) : H1_LINE_INCOMPLETE;
}

RP_INLINE int rp_h1_on_head_pending(struct rp_h1_parser *parser, const struct rp_h1_head_ops *ops,
                                    struct rp_slice *input)
{
    struct rp_buf *head = parser->head;
    size_t window = rp_h1_min(input->len, head->max - head->len);
    const char *lf = window ? memchr(input->ptr, '\n', window) : NULL;
    bool is_too_large = !lf && window < input->len;
    struct rp_h1_scan scan;
    enum rp_h1_line result;

    if (!rp_h1_keep(parser, input, lf ? (size_t)(lf - input->ptr) + 1 : window))
        return rp_h1_fail(parser, RP_H1_NO_MEMORY, parser->offset);
    scan = (struct rp_h1_scan){ .p = head->data + parser->line_start,
                                .end = head->data + head->len };
    result = rp_h1_pending_line(parser, ops, &scan, lf);
    if (result == H1_LINE_BAD)
        return rp_h1_fail(parser, scan.error,
                          parser->offset - (uint64_t)(head->data + head->len - scan.bad));
    if (is_too_large)
        return rp_h1_fail(parser, RP_H1_HEAD_TOO_LARGE, parser->offset);
    if (!lf)
        return RP_H1_MORE;
    parser->state = H1_HEAD;
    return result == H1_LINE_BLANK ? ops->finish(parser) : RP_H1_GO_ON;
}

/* One state after the other, until one has an event. @on_head and @on_head_pending: the states of
 * the head. */
RP_INLINE enum rp_h1_event rp_h1_run(struct rp_h1_parser *parser, struct rp_slice *input,
                                     struct rp_slice *ret_body, rp_h1_state_fn *on_head,
                                     rp_h1_state_fn *on_head_pending)
{
    int event;

    do {
        if (!input->len && parser->state < H1_COMPLETE)
            return RP_H1_MORE;
        if (parser->state == H1_HEAD)
            event = on_head(parser, input, ret_body);
        else if (parser->state == H1_HEAD_PENDING)
            event = on_head_pending(parser, input, ret_body);
        else
            event = rp_h1_body_states[parser->state](parser, input, ret_body);
    } while (event == RP_H1_GO_ON);
    return (enum rp_h1_event)event;
}

/* ---- HTTP/2: nghttp2 is known to the files h2*.c only ---------------------------------------- */

struct nghttp2_session;
struct nghttp2_session_callbacks;

enum { H2_TEXT_MAX = 128 };

struct rp_h2_server {
    const struct rp_h2_server_events *events;
    /* Of the header block that comes: the values of the pseudo-fields, one after the other, and the
     * whole head once the first other field has come, or the end. */
    struct rp_buf values, head;
    struct rp_slice_at {
        size_t at, len;
    } pseudo[3]; /* method, path, authority */
};

struct rp_h2_session {
    struct nghttp2_session *nghttp2;
    const struct rp_h2_events *events; /* of a client */
    struct rp_h2_server *server;       /* NULL = this is a client */
    void *user;
    struct rp_h2_error error;
    char text[H2_TEXT_MAX];
    bool is_over;      /* it has sent GOAWAY */
    bool is_abandoned; /* by its user */
    bool got_goaway, got_settings, said_magic, has_received;
    /* Of the header block that comes, and of frames that brought nothing. */
    unsigned continuations, idle_frames;
    unsigned asked; /* PINGs of rp_h2_ping() that were not answered yet */
    size_t block_bytes;
    uint64_t sent, received; /* by frames of streams */
    uint64_t given, begun;   /* bytes to be taken, and those of all frames that have begun */
};

/* A session of a client, or of @server, which becomes the session's. -ENOMEM. */
RP_NODISCARD int rp_h2_make_session(const struct rp_h2_events *events, struct rp_h2_server *server,
                                    void *user, struct rp_h2_session **ret);
void rp_h2_server_free(struct rp_h2_server *server); /* NULL is allowed */
/* nghttp2's callbacks, for sessions. -ENOMEM. */
RP_NODISCARD int rp_h2_make_callbacks(struct nghttp2_session_callbacks **ret);
RP_NODISCARD int rp_h2_make_server_callbacks(struct nghttp2_session_callbacks **ret);
/* The limits on a frame that comes; @brings: for a stream that is open. 0, or what the callback is to
 * return: the connection ends. */
RP_NODISCARD int rp_h2_check_frame(struct rp_h2_session *session, uint8_t type, size_t len,
                                   bool brings);
/* Notes why the connection ends. The client's own reason is the last word. */
void rp_h2_note_error(struct rp_h2_session *session, uint32_t code, bool by_server,
                      struct rp_slice text);

/* ---- WebSocket -------------------------------------------------------------------------------- */

/* The first two bytes of a frame. */
enum {
    RP_WS_FIN = 0x80,
    RP_WS_RESERVED = 0x70,
    RP_WS_COMPRESSED = 0x40, /* one of the reserved bits */
    RP_WS_OPCODE = 0x0f,
    RP_WS_IS_CONTROL = 0x08,
    RP_WS_MASKED = 0x80,
    RP_WS_LENGTH = 0x7f,
};

/* Takes four random bytes. -errno of getrandom. */
RP_NODISCARD int rp_ws_take_mask(struct rp_ws_shared *shared, uint8_t ret[static 4]);

/* ---- url.c, url_resolve.c ---- */

static inline bool rp_url_is_control(char c)
{
    return (unsigned char)c < ' ' || c == 0x7f;
}

/* The first byte of @text that is in @set, or its end. */
static inline const char *rp_url_find_any(struct rp_slice text, const char *set)
{
    const char *p = text.ptr, *end = text.ptr + text.len;

    while (p < end && (!*p || !strchr(set, *p)))
        p++;
    return p;
}

static inline struct rp_slice rp_url_until(const char *start, const char *end)
{
    return rp_slice(start, (size_t)(end - start));
}

/* "HOST", "[::1]:80" */
void rp_url_append_place(const struct rp_url *url, bool with_port, struct rp_buf *out);

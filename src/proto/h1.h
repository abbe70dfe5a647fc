/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * proto/h1.h - HTTP/1.1 for a client, without I/O: bytes in, events out (RFC 9112).
 *
 * The parser is strict where leniency would make a measurement lie. These are errors, with the byte
 * offset at which they were found: a bad status line, header or chunk size; two different
 * Content-Lengths; Content-Length beside Transfer-Encoding; a transfer coding other than "chunked";
 * a bare CR or a NUL in the head. A lone LF ends a line of the head or of the trailers (RFC 9112,
 * 2.2), but not one in the framing of chunks. A field that goes on in a further line is accepted,
 * and the head then has it in one line, with one blank between its parts (RFC 9112, 5.2).
 *
 * Any split of the input gives the same events, only that body bytes may come in other pieces. A
 * line of the head is judged when its end has arrived; but what cannot become "HTTP/1.x NNN" is an
 * error at its first wrong byte. The parser limits the size of the whole head, the caller that of
 * the body.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

enum rp_h1_event {
    RP_H1_MORE, /* all input is consumed, more is needed */
    RP_H1_HEAD, /* the final response's head is complete: status and head are set */
    /* *ret_body holds body bytes, chunk framing removed; a part of the input: copy to keep. */
    RP_H1_BODY,
    RP_H1_DONE,  /* the message is complete; what is left of the input does not belong to it */
    RP_H1_ERROR, /* error says what, offset says where; the parser accepts no more input */
};

enum rp_h1_error {
    RP_H1_OK,
    RP_H1_BAD_STATUS_LINE,
    RP_H1_BAD_VERSION,
    RP_H1_BAD_HEADER,
    RP_H1_HEAD_TOO_LARGE,
    RP_H1_BAD_CONTENT_LENGTH,
    RP_H1_BAD_TRANSFER_ENCODING,
    RP_H1_BAD_CHUNK_SIZE,
    RP_H1_BAD_CHUNK_END,
    RP_H1_TRAILER_TOO_LARGE,
    RP_H1_TRUNCATED,
    RP_H1_NO_MEMORY,
    RP_H1_BAD_REQUEST_LINE, /* from here of requests only, see proto/h1_request.h */
    RP_H1_UNKNOWN_VERSION,
    RP_H1_BAD_HOST,
    RP_H1_TOO_MANY_FIELDS,
    RP_H1_UNKNOWN_CODING,
    RP_H1_ERROR_COUNT
};

/* One clause: "chunk size is not a hexadecimal number". */
const char *rp_h1_error_text(enum rp_h1_error error);

/* What callers want to know of without a walk through each head: an interim response was skipped; a
 * field Set-Cookie was there. The third one is for a caller to set, who wants to look at the next
 * head in any case. */
enum { RP_H1_SEEN_INTERIM = 1, RP_H1_SEEN_SET_COOKIE = 2, RP_H1_SEEN_UPLOAD = 4 };

enum { RP_H1_HEAD_MAX = 65536, RP_H1_TRAILER_MAX = 16384 };

struct rp_h1_parser {
    /* The caller's; the head (status line, header lines, blank line) is appended to it as it came,
     * but for folded fields. */
    struct rp_buf *head;
    uint16_t status;       /* after RP_H1_HEAD */
    uint8_t minor_version; /* HTTP/1.x */
    bool is_head_request;  /* the request was HEAD (or CONNECT): no body whatever the head says */
    /* After RP_H1_HEAD: the connection may serve another request after RP_H1_DONE. */
    bool keep_alive;
    bool is_chunked;           /* after RP_H1_HEAD */
    bool ends_with_connection; /* after RP_H1_HEAD: the body goes on until the peer closes */
    uint64_t content_length;   /* after RP_H1_HEAD, UINT64_MAX = not given */
    enum rp_h1_error error;
    uint64_t offset;       /* bytes consumed of this message so far; the place of the error */
    uint8_t informational; /* 1xx responses skipped (101 is final); 255 = as many or more */
    uint8_t seen;          /* RP_H1_SEEN_...; the caller may clear them, to learn of the next */
    uint8_t state;         /* private from here */
    uint8_t flags;         /* but for RP_H1_FLAG_CODED */
    uint32_t line_bytes;   /* of the chunk size line or the trailer section, for their limit */
    size_t line_start;     /* in head: where the incomplete line begins */
    uint64_t left;         /* of the body or the chunk */
};

/* After RP_H1_BODY: these were the last bytes, and RP_H1_DONE comes next. False does not say that
 * more will come. */
enum { RP_H1_STATE_COMPLETE = 17 };
static inline bool rp_h1_is_complete(const struct rp_h1_parser *parser)
{
    return parser->state == RP_H1_STATE_COMPLETE;
}

/* After RP_H1_HEAD: the head has a field Content-Encoding. */
enum { RP_H1_FLAG_CODED = 16 };
static inline bool rp_h1_is_coded(const struct rp_h1_parser *parser)
{
    return parser->flags & RP_H1_FLAG_CODED;
}
/* The caller treats the body as one with a coding. */
static inline void rp_h1_treat_as_coded(struct rp_h1_parser *parser)
{
    parser->flags |= RP_H1_FLAG_CODED;
}
/* The caller leaves the coding as it is. */
static inline void rp_h1_forget_coding(struct rp_h1_parser *parser)
{
    parser->flags &= (uint8_t)~RP_H1_FLAG_CODED;
}

/* Ready for the next response. @head is emptied; its max is the limit of the head. */
void rp_h1_parser_reset(struct rp_h1_parser *parser, struct rp_buf *head, bool is_head_request);

/* Consumes bytes from the front of *@input and returns the next event. Call it until RP_H1_MORE,
 * RP_H1_DONE or RP_H1_ERROR. RP_H1_HEAD consumes exactly the head. After RP_H1_ERROR the contents
 * of *@input and of the head buffer are unspecified. After a 101 response the message is over
 * (RP_H1_DONE) and keep_alive is false, because what follows is another protocol. */
enum rp_h1_event rp_h1_parse(struct rp_h1_parser *parser, struct rp_slice *input,
                             struct rp_slice *ret_body);
/* The peer closed: RP_H1_DONE when that ends the body properly, else RP_H1_ERROR with
 * RP_H1_TRUNCATED. */
enum rp_h1_event rp_h1_parse_end(struct rp_h1_parser *parser);

/* Gives the next header field of a raw head that the parser has accepted; false at the end. *pos
 * starts at 0. Values have no blanks around them. A repeated field is given as often as it stands
 * there. */
bool rp_h1_next_field(struct rp_slice head, size_t *pos, struct rp_slice *ret_name,
                      struct rp_slice *ret_value);
struct rp_slice rp_h1_reason(struct rp_slice head); /* the reason phrase, may be empty */

/* Whether text may stand as a header name (token) or value (no CR, LF, NUL), or a method
 * (token). */
bool rp_h1_is_token(struct rp_slice text);
bool rp_h1_is_field_value(struct rp_slice text);

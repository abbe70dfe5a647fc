/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * proto/h1_request.h - HTTP/1.x requests for a server, without I/O: bytes in, events out (RFC
 * 9112).
 *
 * The events, the framing of bodies and the promises about splits and limits are those of
 * proto/h1.h. The parser is strict where two readers could disagree about where a request ends. It
 * refuses length beside chunking, two lengths, folded lines, blanks before a colon and control
 * characters in a field, and also a missing or second Host. Empty lines before a request are
 * skipped. Input that begins with a byte with which no method begins (a TLS hello) is refused at
 * that byte.
 */

#include "proto/h1.h"

enum { RP_H1_REQUEST_FIELDS_MAX = 100 };

struct rp_h1_request {
    /* After RP_H1_HEAD: minor_version, keep_alive, is_chunked, content_length (UINT64_MAX = not
     * given), and in parser.head the raw head, for rp_h1_next_field(). After RP_H1_ERROR: error and
     * offset. The other members mean nothing for a request. */
    struct rp_h1_parser parser;
    /* After RP_H1_HEAD: parts of the head buffer, valid as long as it is not changed. */
    struct rp_slice method;
    struct rp_slice path;  /* begins with '/', without the query; of a whole URL its path only */
    struct rp_slice query; /* after '?', may be empty */
    bool is_head;          /* the method is HEAD */
    bool expects_continue; /* the client waits for "100 Continue" before it sends the body */
    bool has_host;         /* private from here */
    uint8_t field_count;
    uint32_t method_len, path_at, path_len, query_at, query_len; /* places in the head */
};

/* Ready for the next request. @head is emptied; its max is the limit of the head. */
void rp_h1_request_reset(struct rp_h1_request *request, struct rp_buf *head);

/* As rp_h1_parse. After RP_H1_DONE what is left of the input belongs to the next request. */
RP_HOT enum rp_h1_event rp_h1_request_parse(struct rp_h1_request *request, struct rp_slice *input,
                                            struct rp_slice *ret_body);
/* After RP_H1_HEAD: whether a body follows, be it an empty one in chunks. */
static inline bool rp_h1_request_has_body(const struct rp_h1_request *request)
{
    const struct rp_h1_parser *parser = &request->parser;

    return parser->is_chunked || (parser->content_length && parser->content_length != UINT64_MAX);
}
/* The status to refuse a request with: 400, 431, 501 or 505; 500 when memory is lacking. */
uint16_t rp_h1_request_status(enum rp_h1_error error);

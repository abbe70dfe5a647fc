/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * proto/request.h - writes the head of an HTTP/1.1 request.
 *
 * The bytes depend on nothing but the arguments: a caller builds a head once, keeps the buffer, and
 * sends the same bytes as often as it likes, on any connection, each time followed by the body.
 * Nothing of the arguments is kept.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

struct rp_header {
    struct rp_slice name, value;
};

struct rp_request_head {
    struct rp_slice method; /* a token, sent as it is: "GET" */
    /* From rp_url_append_target(), or "*". No blanks, no control characters. */
    struct rp_slice target;
    /* From rp_url_append_authority(). Not used when the headers give Host. */
    struct rp_slice authority;
    /* The value of Authorization, unless the headers give that field. Empty = it is not sent. */
    struct rp_slice authorization;
    /* The same of Proxy-Authorization. */
    struct rp_slice proxy_authorization;
    const struct rp_header *headers; /* sent in this order after the default ones */
    size_t header_count;
    bool has_no_accept;  /* Accept is sent only if the headers give it */
    bool closes;         /* Connection: close, unless the headers give Connection */
    bool has_body;       /* a body follows, perhaps an empty one */
    bool is_chunked;     /* it comes in chunks, and the caller frames them */
    uint64_t body_bytes; /* 0 without a body */
};

/* Appends request line, header fields and the blank line. These fields are added unless they are
 * given: Host; User-Agent (rampa/<version>); Accept (any), unless @request says otherwise; Authorization,
 * if it has one; Connection, if it says so; Content-Length, when there is a body or the method is POST, PUT
 * or PATCH. Connection and Expect are sent as given: the caller acts on
 * them.
 *
 * -RP_EUSER with a message for a bad method, target, name or value, for two Host fields, for
 * Transfer-Encoding, and for a Content-Length that is not the size of the body. (An equal one is
 * written once.) Any other failure is @out's error. On failure @out keeps its old length. */
RP_NODISCARD int rp_request_append_head(const struct rp_request_head *request, struct rp_buf *out,
                                        struct rp_error *err);

/* Whether the headers ask for the connection to be closed after this request: then it must serve no
 * further one (RFC 9112, 9.6). */
bool rp_request_closes(const struct rp_header *headers, size_t count);

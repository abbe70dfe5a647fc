/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * proto/sse.h - server-sent events (WHATWG HTML, 9.2.6), without I/O: bytes in, events out.
 *
 * Any split of the input gives the same events. A byte order mark at the beginning is dropped. What
 * the stream ends with, and no blank line follows, is no event. The bytes of an event are not checked
 * for being UTF-8.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

enum rp_sse_result {
    RP_SSE_MORE,      /* all input is consumed, more is needed */
    RP_SSE_EVENT,     /* *ret_event, whose slices are valid until the next call */
    RP_SSE_TOO_LARGE, /* a line, or the data of an event, has more bytes than the limit */
    RP_SSE_NO_MEMORY,
};

struct rp_sse_event {
    struct rp_slice event; /* its type; "message" when the server has named none */
    struct rp_slice data;  /* the lines, with LF between them */
    struct rp_slice id; /* the last one that the server has given, with an earlier event perhaps */
    int64_t retry_ms;   /* the last one that the server has given; -1 = none so far */
};

struct rp_sse {
    struct rp_buf line, data, type, id;
    int64_t retry_ms;
    bool has_begun; /* a byte order mark can follow no more */
    bool skips_lf;  /* the last line has ended with a CR */
    bool was_event; /* the last call has returned one */
};

/* @max: bytes of a line, and of the data of an event. */
void rp_sse_init(struct rp_sse *sse, size_t max);
void rp_sse_deinit(struct rp_sse *sse);
/* Consumes bytes from the front of *@input. Call it until RP_SSE_MORE. After an error it is not to
 * be called again. */
enum rp_sse_result rp_sse_parse(struct rp_sse *sse, struct rp_slice *input,
                                struct rp_sse_event *ret_event);

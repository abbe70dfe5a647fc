/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * http/trace.h - a request that has ended and its answer, made harmless for people: what `--once` and
 * `--http-debug` print and what is kept of failed requests.
 *
 * Values of header fields that are not known to be harmless are "***"; so are values of names that
 * sound like secrets, in bodies and in the query of a URL. Control characters are U+FFFD. Of a head
 * that is long the first fields are shown, and of a body the first 2,048 bytes, when they are text.
 */

#include "base/buf.h"
#include "http/http.h"
#include "stats/exchange.h"

enum rp_trace_text {
    RP_TRACE_NAME,
    RP_TRACE_URL,
    RP_TRACE_ERROR,
    RP_TRACE_REQUEST,
    RP_TRACE_REQUEST_BODY,
    RP_TRACE_RESPONSE,
    RP_TRACE_RESPONSE_BODY,
    RP_TRACE_TEXTS
};

enum { RP_REMOTE_SIZE = 128 };

struct rp_trace {
    struct rp_exchange exchange; /* its texts are parts of the trace or of the call */
    struct rp_buf texts[RP_TRACE_TEXTS];
    char remote[RP_REMOTE_SIZE];
};

/* Makes an exchange of @call, which ends just now: for a rp_http_trace_fn. -ENOMEM: it lacks texts.
 * To be deinitialised in either case. */
RP_NODISCARD int rp_trace_take(struct rp_trace *trace, const struct rp_http_call *call,
                               struct rp_slice request_head);
void rp_trace_deinit(struct rp_trace *trace);

/* Writes to where the connection of @call went, as far as that is known: "127.0.0.1:80", "[::1]:80",
 * "unix:/path" or "" (exchanges.c). */
void rp_http_write_remote(const struct rp_http_call *call, char out[RP_REMOTE_SIZE]);

/* Writes the exchange to standard output, at once: a rp_http_trace_fn. @user: the client, or NULL. */
void rp_trace_print(void *user, const struct rp_http_call *call, struct rp_slice request_head);

/* Writes text to standard output, at once. */
void rp_trace_print_text(struct rp_slice text);
/* Appends the lines of a body of @bytes bytes, of which @body is what there is of them, and says of how
 * many bytes of it they are: 0 = nothing was appended, for it is no text. */
size_t rp_trace_append_body(struct rp_buf *out, struct rp_slice body, uint64_t bytes);
/* Appends a URL, or what stands in a request line for one: without user name and password, with the
 * secrets of the query masked. */
void rp_trace_append_url(struct rp_buf *out, struct rp_slice url);
/* Appends the value of a field Sec-WebSocket-Protocol. Names are shown as far as they look like names: some
 * clients put a token among them, for browsers let them send one in no other field. */
void rp_trace_append_protocols(struct rp_buf *out, struct rp_slice value);

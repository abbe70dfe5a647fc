/* SPDX-License-Identifier: MIT */

/*
 * Requests whose head is not that of their template alone: it has the cookies of the session, or names
 * a trace (W3C Trace Context). A client that has neither pays for one look at that in each request.
 */

#include <inttypes.h>
#include <stdio.h>

#include "base/random.h"
#include "http/cookies.h"

enum { COOKIES_MAX = 512 * 1024 };

/* Appends a field with new ids, of which that of the trace is the response's. Ids of zeros are not
 * valid (W3C Trace Context, 3.2.2). */
static void append_traceparent(struct rp_http_call *call, struct rp_buf *out)
{
    uint64_t *random = call->session->client->trace_random, parent;
    struct rp_http_response *response = call->response;
    char line[80];
    int len;

    do {
        response->trace_id[0] = rp_random_next(random);
        response->trace_id[1] = rp_random_next(random);
        parent = rp_random_next(random);
    } while (!parent || !(response->trace_id[0] | response->trace_id[1]));
    len = snprintf(line, sizeof(line),
                   "traceparent: 00-%016" PRIx64 "%016" PRIx64 "-%016" PRIx64 "-01\r\n",
                   response->trace_id[0], response->trace_id[1], parent);
    rp_buf_append(out, line, (size_t)len);
}

bool rp_http_response_trace_id(const struct rp_http_response *response,
                               const struct rp_http_template *template, char out[static 33])
{
    if (!template->has_trace)
        return false;
    snprintf(out, 33, "%016" PRIx64 "%016" PRIx64, response->trace_id[0], response->trace_id[1]);
    return true;
}

/* The head of @template up to the blank line, without the field Cookie @given unless that is empty. */
static void append_head(const struct rp_http_template *template, struct rp_slice given,
                        struct rp_buf *out)
{
    const char *head = template->head.data, *end = head + template->head.len - 2; /* CRLF */

    if (given.len) { /* what is between two line ends is the field */
        const char *line = given.ptr, *next = given.ptr + given.len + 2;

        while (line[-1] != '\n')
            line--;
        rp_buf_append(out, head, (size_t)(line - head));
        head = next;
    }
    rp_buf_append(out, head, (size_t)(end - head));
}

static void append_cookies(struct rp_slice given, const struct rp_buf *cookies, struct rp_buf *out)
{
    rp_buf_append_str(out, "Cookie: ");
    rp_buf_append_slice(out, given);
    if (given.len)
        rp_buf_append(out, "; ", 2);
    rp_buf_append_slice(out, rp_buf_slice(cookies));
    rp_buf_append(out, "\r\n", 2);
}

/* False when there is no memory. */
static bool write_head(struct rp_http_call *call, struct rp_slice given,
                       const struct rp_buf *cookies)
{
    struct rp_http_more *more = rp_http_more(call);

    if (!more)
        return false;
    append_head(call->template, cookies->len ? given : rp_slice(NULL, 0), &more->head);
    if (cookies->len)
        append_cookies(given, cookies, &more->head);
    if (call->template->has_trace)
        append_traceparent(call, &more->head);
    rp_buf_append(&more->head, "\r\n", 2);
    return !more->head.error;
}

bool rp_http_make_head(struct rp_http_call *call)
{
    struct rp_slice given = rp_slice(NULL, 0);
    struct rp_buf cookies;
    bool is_made = true;

    if (call->more)
        rp_buf_reset(&call->more->head);
    rp_buf_init(&cookies, COOKIES_MAX);
    if (call->session->jar)
        is_made = rp_http_cookies_of(call, &given, &cookies);
    if (is_made && (cookies.len || call->template->has_trace))
        is_made = write_head(call, given, &cookies);
    rp_buf_deinit(&cookies);
    return is_made;
}

struct rp_slice rp_http_head_of(const struct rp_http_call *call)
{
    if (call->more && call->more->head.len)
        return rp_buf_slice(&call->more->head);
    return rp_buf_slice(&call->template->head);
}

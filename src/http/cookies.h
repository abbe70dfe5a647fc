/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * http/cookies.h - the cookies of a session: taken from answers, sent with requests.
 */

#include "http/http_internal.h"

struct rp_http_jar {
    struct rp_cookie_jar jar;
    uint64_t iteration; /* in which it was filled */
};

/* Takes the cookies of an answer to @template into the session's jar. */
RP_COLD void rp_http_note_cookies(struct rp_http_session *session,
                                  const struct rp_http_template *template,
                                  const struct rp_http_response *response);
/* Appends to @out the cookies that belong to the request of @call, but for those that its template
 * has: *@ret_given. False when there is no memory. */
bool rp_http_cookies_of(struct rp_http_call *call, struct rp_slice *ret_given, struct rp_buf *out);
void rp_http_drop_jar(struct rp_http_session *session);

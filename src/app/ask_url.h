/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * app/ask_url.h - a request to a run on another machine, or through a tunnel: `rampa status URL`.
 */

#include "base/buf.h"
#include "base/error.h"
#include "base/time.h"

struct rp_question {
    const char *url;        /* "https://HOST:PORT", of the run; also with "/v1/status" behind it */
    const char *path;       /* "/v1/status" */
    const char *token_file; /* what is in it goes with the request */
    const char *ca_file;    /* authorities in place of the system's (PEM); NULL = the system's */
    struct rp_slice body;   /* of a POST; ptr NULL = GET */
    rp_ns timeout;
};

/* Waits for the answer: its status, and its body appended to @ret_body. Redirects and proxies are not
 * followed, so that nobody else gets the token. -RP_EUSER with @err: the URL or a file cannot be used,
 * there is no TLS where the token would leave this machine, or nobody answers. */
RP_NODISCARD int rp_ask_url(const struct rp_question *question, unsigned *ret_status,
                            struct rp_buf *ret_body, struct rp_error *err);

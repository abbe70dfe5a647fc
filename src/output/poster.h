/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * output/poster.h - sends bodies to one server by POST, one at a time, and says what came of each.
 * When something is sent, and whether it is sent again, is up to output/delivery.h.
 *
 * A poster has a loop of its own, which its owner turns. Its requests go through the proxy that the
 * environment names, as those of most programs do: an output is no part of the load. A redirect is
 * not followed, for the headers may hold a secret.
 *
 * What people are shown of the server is scheme, host and port only, because user names, tokens and
 * passwords can be in every other part of a URL. Where the server repeats them (output/conceal.h),
 * they are left out too.
 */

#include "base/error.h"
#include "base/time.h"
#include "http/http.h"

struct rp_poster;

struct rp_poster_config {
    const char *url;                 /* copied */
    const struct rp_header *headers; /* copied, with what they point to */
    size_t header_count;
    const char *ca_file; /* authorities in place of the system's, or NULL; borrowed */
    const char *cert_file,
        *key_file;    /* what the server is shown, as in struct rp_tls_settings; borrowed */
    bool is_insecure; /* the certificate of the server is not verified */
};

/* The answer is there, or there will be none: rp_poster_response(). A next body may be sent. */
typedef void rp_posted_fn(void *user);

/* Opens nothing yet. -RP_EUSER: the URL, a header or the proxy cannot be used. */
RP_NODISCARD int rp_poster_new(const struct rp_poster_config *config, rp_posted_fn *posted,
                               void *user, struct rp_poster **ret, struct rp_error *err);
/* Makes the loop and the client. */
RP_NODISCARD int rp_poster_open(struct rp_poster *poster, struct rp_error *err);
/* NULL until it is open. */
struct rp_loop *rp_poster_loop(const struct rp_poster *poster);
/* @body is borrowed until posted() is called. -ENOMEM or -RP_EUSER: it will not be called. */
RP_NODISCARD int rp_poster_send(struct rp_poster *poster, struct rp_slice body, rp_ns timeout,
                                struct rp_error *err);
bool rp_poster_is_sending(const struct rp_poster *poster);
/* Of the last body; its status is 0 when there was none, or when it could not be sent. */
const struct rp_http_response *rp_poster_response(const struct rp_poster *poster);
/* What the answer says, as a clause: "connection refused", "it answered 503: overloaded". */
void rp_poster_explain(const struct rp_poster *poster, char *out, size_t size);
/* Appends the beginning of @said, a text of the server's, as it may be shown. */
void rp_poster_put_said(const struct rp_poster *poster, struct rp_slice said, struct rp_buf *out);
/* How long the answer asks to wait (Retry-After), in seconds; -1 = it does not. */
int64_t rp_poster_retry_after(const struct rp_poster *poster);
/* "https://HOST:PORT", and the proxy if there is one. */
const char *rp_poster_shown(const struct rp_poster *poster);
/* HOST:PORT of the proxy; empty = there is none. */
struct rp_slice rp_poster_proxy(const struct rp_poster *poster);
void rp_poster_free(struct rp_poster *poster); /* NULL is allowed */

/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * output/poster.h - sends bodies to one server, one at a time, and says what came of each: by POST, or
 * as messages of gRPC. When something is sent, and whether it is sent again, is up to
 * output/delivery.h.
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
    const char *url; /* copied; for gRPC "http://HOST:PORT", or https for TLS */
    /* "/package.Service/Method", which gets the bodies by gRPC; NULL = they go by POST. Borrowed. */
    const char *grpc_method;
    bool compresses; /* each body, with gzip. Only for gRPC: a body of POST is sent as it is */
    /* Of the request; for gRPC metadata. Copied, with what they point to. */
    const struct rp_header *headers;
    size_t header_count;
    const char *ca_file; /* authorities in place of the system's, or NULL; borrowed */
    const char *cert_file,
        *key_file;    /* what the server is shown, as in struct rp_tls_settings; borrowed */
    bool is_insecure; /* the certificate of the server is not verified */
    /* Whether an answer to POST with @status, which is not 2xx, means that the same body may be taken
     * later; NULL = 429 and 5xx. For gRPC it is as the specification of OTLP says. */
    bool (*is_passing)(unsigned status);
};

/* What came of a body. */
struct rp_answer {
    bool is_taken;        /* 2xx, or the status OK */
    bool is_passing;      /* it was not taken, and may be taken later */
    bool is_lasting;      /* nothing will be taken later either, as far as can be told */
    const char *remedy;   /* against that, for people; NULL = none is known */
    bool is_untrusted;    /* the certificate of the server was refused, */
    bool is_of_stranger;  /* because nobody knows its authority */
    struct rp_slice body; /* of the answer, if it was taken; valid until the next body is sent */
    rp_ns wait;           /* how long the server asks to wait; -1 = it does not ask */
};

/* The answer is there, or there will be none: rp_poster_answer(). A next body may be sent. */
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
/* Of the last body. */
struct rp_answer rp_poster_answer(const struct rp_poster *poster);
/* Asks whether the server has ended the connection of the last body without an answer because it speaks TLS, and the
 * URL says none; does nothing when that cannot be the reason. It takes a connection of its own and @timeout at most,
 * while the loop is turned. It may be called from posted(). */
void rp_poster_ask_tls(struct rp_poster *poster, rp_ns timeout);
bool rp_poster_is_asking(const struct rp_poster *poster);
/* The answer, and the end of the question. False also when nothing was asked. Not from a callback of the loop. */
bool rp_poster_take_tls(struct rp_poster *poster);
/* What the answer says, as a clause: "connection refused", "it answered 503: overloaded". */
void rp_poster_explain(const struct rp_poster *poster, char *out, size_t size);
/* Appends the beginning of @said, a text of the server's, as it may be shown. */
void rp_poster_put_said(const struct rp_poster *poster, struct rp_slice said, struct rp_buf *out);
/* "https://HOST:PORT" or "grpc://HOST:PORT", and the proxy if there is one. */
const char *rp_poster_shown(const struct rp_poster *poster);
/* HOST:PORT of the proxy; empty = there is none. */
struct rp_slice rp_poster_proxy(const struct rp_poster *poster);
void rp_poster_free(struct rp_poster *poster); /* NULL is allowed */

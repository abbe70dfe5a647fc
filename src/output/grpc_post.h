/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * output/grpc_post.h - how a poster (output/poster.h) speaks gRPC: a body is the message of a call of
 * one method that has one request and one response.
 */

#include "grpc/grpc.h"

struct rp_grpc_post; /* one call at a time */

/* The call has ended: see rp_grpc_post_call(). */
typedef void rp_grpc_posted_fn(void *user);

struct rp_grpc_post_config {
    const char *target; /* "http://HOST:PORT" */
    const char *method; /* "/package.Service/Method" */
    const struct rp_header *headers;
    size_t header_count;
    bool is_gzip; /* what is sent is compressed */
    rp_grpc_posted_fn *posted;
    void *user;
};

/* -RP_EUSER: one of @headers has a name that gRPC has for itself. */
RP_NODISCARD int rp_grpc_post_check_headers(const struct rp_header *headers, size_t count,
                                            struct rp_error *err);
/* Takes @http, which speaks HTTP/2 only, in any case; it belongs to @loop. What @config points to is
 * borrowed as long as the post lives. -ENOMEM. */
RP_NODISCARD int rp_grpc_post_new(const struct rp_grpc_post_config *config, struct rp_loop *loop,
                                  struct rp_http_client *http, struct rp_grpc_post **ret);
/* @body is copied. posted() is called later, unless the code is negative: -ENOMEM, or -RP_EUSER for a
 * header that cannot be sent. @timeout: the deadline of the call. */
RP_NODISCARD int rp_grpc_post_send(struct rp_grpc_post *post, struct rp_slice body, rp_ns timeout,
                                   struct rp_error *err);
bool rp_grpc_post_is_sending(const struct rp_grpc_post *post);
/* The last call. It has ended unless it is under way. */
const struct rp_grpc_call *rp_grpc_post_call(const struct rp_grpc_post *post);
/* The response of a call with the status OK. */
struct rp_slice rp_grpc_post_response(const struct rp_grpc_post *post);
/* Whether the specification of OTLP says that what the call has sent may be taken later. */
bool rp_grpc_post_is_passing(const struct rp_grpc_post *post);
/* How long the server asks to wait before the next try: RetryInfo in grpc-status-details-bin; -1 = it
 * does not ask. */
rp_ns rp_grpc_post_wait(const struct rp_grpc_post *post);
/* Ends a call that is under way, without posted(). NULL is allowed. */
void rp_grpc_post_free(struct rp_grpc_post *post);

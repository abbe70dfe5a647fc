/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * script/requests.h - what `rampa run URL` requests, on its way from the command line to workers.
 *
 * The command line makes one text of bytes of all requests, and each worker reads it. Header values
 * and bodies may hold secrets: so they stand neither in the words nor in the environment of a
 * process, and not in the plan, which is shown.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "base/time.h"
#include "http/http.h"

/* The most that all requests of a run may have, in bytes. */
enum {
    RP_REQUESTS_MAX_BYTES = 32 << 20,
    RP_REQUEST_WEIGHT_MAX = 10000,
    RP_REQUEST_TURNS_MAX = 1000000, /* of all requests together, until their order repeats */
};

/* What holds for all requests. */
struct rp_requests_common {
    rp_ns timeout;         /* of a request; 0 = the client's default */
    uint8_t max_redirects; /* that a request follows */
    struct rp_slice digest_user,
        digest_password;           /* for challenges; an empty user = there is none */
    const uint16_t (*expected)[2]; /* ranges of statuses that are not failures; NULL = 200..399 */
    size_t expected_count;
    struct rp_slice subprotocol; /* that WebSockets ask for, and need; empty = none */
};

enum rp_request_kind {
    RP_REQUEST_HTTP,
    RP_REQUEST_UNARY,  /* a call of gRPC: one message, one response */
    RP_REQUEST_STREAM, /* the same with any number of responses */
    /* Of a method that takes several messages: the one is all of them; one response. */
    RP_REQUEST_CLIENT_STREAM,
    RP_REQUEST_KINDS
};

/* Of a call of gRPC, @url is "http://HOST:PORT" (https for TLS), @method the path of the method, @headers
 * the metadata and @body the message. */
struct rp_one_request {
    enum rp_request_kind kind;
    struct rp_slice method, url;
    struct rp_slice name; /* the tag `name`; empty = the URL */
    struct rp_slice body;
    bool has_body;
    const struct rp_header *headers;
    size_t header_count;
    uint32_t weight; /* how often it is made, beside the others: 1 to RP_REQUEST_WEIGHT_MAX */
};

/* Whether its URL is that of a WebSocket. Then the body is a message, and the method says nothing. */
bool rp_request_is_socket(const struct rp_one_request *request);

/* Appends the beginning, and then one request after the other. Errors are @out's. */
void rp_requests_begin(struct rp_buf *out, const struct rp_requests_common *common);
void rp_requests_append(struct rp_buf *out, const struct rp_one_request *request);

/* Reads them back. The slices of what is read are parts of the bytes; lists are the reader's, and
 * hold until the next request is read. */
struct rp_requests_reader {
    struct rp_slice rest;
    uint16_t (*expected)[2];
    struct rp_header *headers;
    size_t header_room;
};
/* 0, -EBADMSG, -ENOMEM. The reader is to be freed in every case. */
RP_NODISCARD int rp_requests_open(struct rp_requests_reader *reader, struct rp_slice bytes,
                                  struct rp_requests_common *ret);
/* 1 and a request, 0 at the end, or -EBADMSG, -ENOMEM. */
RP_NODISCARD int rp_requests_next(struct rp_requests_reader *reader, struct rp_one_request *ret);
void rp_requests_close(struct rp_requests_reader *reader);

/* After how many turns the order of requests with these weights repeats. @ret_divisor: the greatest
 * that they have in common; a request has its weight divided by it of these turns. */
size_t rp_requests_turns(const uint32_t *weights, size_t count, uint32_t *ret_divisor);
/* The order in which requests of these @weights are made: a list of indexes that repeats, as even
 * as the weights allow. With equal weights each has its turn once. *@ret is to be freed with
 * rp_free(). -ENOMEM; -E2BIG when it would be longer than RP_REQUEST_TURNS_MAX. */
RP_NODISCARD int rp_requests_order(const uint32_t *weights, size_t count, uint32_t **ret,
                                   size_t *ret_count);

/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * target/reply.h - what is answered to a request, decided by an endpoint without I/O, and how its
 * head is written.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/time.h"
#include "proto/h1_request.h"
#include "proto/ws_deflate.h"

enum rp_target_action {
    RP_TARGET_ANSWER,
    RP_TARGET_RAW,     /* sends body.text as it is, no head */
    RP_TARGET_RESET,   /* RST instead of an answer */
    RP_TARGET_HANG,    /* never answers */
    RP_TARGET_UPGRADE, /* sends @stored, a head; the connection is a WebSocket then */
};

enum rp_target_body_kind {
    RP_TARGET_TEXT,   /* text, static */
    RP_TARGET_STORED, /* the connection's body buffer */
    RP_TARGET_FILLER, /* filler_len bytes of the alphabet, over and over */
};

struct rp_target_reply {
    enum rp_target_action action;
    enum rp_target_body_kind body;
    uint16_t status;
    bool is_chunked;
    bool close;                   /* the connection ends after it */
    bool keeps_body;              /* the request's body goes into the connection's body buffer */
    struct rp_slice content_type; /* empty = none; valid as long as the request */
    struct rp_slice location;     /* empty = none; a part of @stored */
    struct rp_slice fields;       /* further ones, static, each after a CRLF; empty = none */
    struct rp_slice text;
    struct rp_slice trailing; /* static bytes after a complete answer */
    uint64_t filler_len;
    rp_ns delay;      /* before the first byte */
    uint64_t rate;    /* body bytes per second, 0 = as fast as the client reads */
    bool has_deflate; /* of a WebSocket: the messages are compressed */
    struct rp_ws_deflate_terms deflate;
};

struct rp_target_random {
    uint64_t state; /* not 0 */
};
uint64_t rp_target_random_next(struct rp_target_random *random);

/* Chooses the answer. @stored is the connection's empty body buffer, for endpoints that compose
 * their body; its failure (-ENOMEM) is in its error. Never fails otherwise: a bad argument is a
 * reply with status 400 that says what it expects, an unknown path one with status 404. */
void rp_target_route(const struct rp_h1_request *request, struct rp_target_random *random,
                     struct rp_buf *stored, struct rp_target_reply *ret);
/* The answer to what is not a request we accept: status 400, 413, 431, 501 or 505, and the end of
 * the connection. */
void rp_target_refuse(int status, struct rp_target_reply *ret);

/* The same for a request at /ws, which asks for a WebSocket or is refused. */
void rp_target_ws_answer(const struct rp_h1_request *request, struct rp_buf *stored,
                         struct rp_target_reply *ret);

/* The index of the constant answer for @path (the whole path of a request), or -1. */
int rp_target_constant_index(struct rp_slice path);
enum { RP_TARGET_CONSTANTS = 2 };

enum rp_target_connection {                        /* the Connection header */
                            RP_TARGET_KEEP_SILENT, /* HTTP/1.1 goes on without a word */
                            RP_TARGET_KEEP_SAID,   /* HTTP/1.0 must be told */
                            RP_TARGET_CLOSE_SAID,
};

/* Appends status line and headers, with the blank line; at most RP_TARGET_REPLY_HEAD_MAX bytes. */
enum { RP_TARGET_REPLY_HEAD_MAX = 512, RP_TARGET_TYPE_MAX = 127 };
void rp_target_write_head(const struct rp_target_reply *reply, uint64_t body_len,
                          enum rp_target_connection connection, struct rp_buf *out);
const char *rp_target_reason(uint16_t status); /* "Not Found" */
/* Whether an answer with this status has a body (204 and 304 have none). */
bool rp_target_has_body(uint16_t status);

/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * http/body.h - bodies that are not just kept: those with a content coding, and those that are read as they come.
 */

#include "http/http_internal.h"

/* A coded body that comes. When its reader is full, the connection is paused, but what the socket had
 * given before may be many times as much when it is decoded: it waits as it came, and the response is
 * complete when its last bytes are decoded. */
struct decoding {
    struct rp_decoder *decoder;
    struct connection *connection;
    bool is_held;          /* bytes wait, here or in the decoder */
    bool is_over;          /* and the response has come to its end */
    bool keep;             /* the connection may serve another call then */
    rp_ns at;              /* when the last of them came */
    struct rp_buf waiting; /* as they came */
    struct rp_task task;   /* decodes them when the reader has room */
};

struct body_failure { /* zeroed by the caller, which fails the call with it */
    int code;
    const char *kind;
    char detail[128];
};

/* The head of the last answer has come, and the call's reader is to have the body. */
RP_COLD void rp_http_begin_reading(struct connection *connection, rp_ns at);
/* Takes bytes of a body whose head names a content coding, or that is read. False after a
 * failure. */
RP_COLD bool rp_http_take_special(struct connection *connection, struct rp_slice body, rp_ns at,
                                  struct body_failure *failure);
/* Such a body has come to its end. False after a failure. */
RP_COLD bool rp_http_end_special(struct connection *connection, struct body_failure *failure);
/* Whether bytes of the body wait until its reader has room. */
static inline bool rp_http_is_held(const struct connection *connection)
{
    return connection->decoding && connection->decoding->is_held;
}
/* Whether the response has come to its end, and is complete when its reader has had it. */
static inline bool rp_http_is_over(const struct connection *connection)
{
    return rp_http_is_held(connection) && connection->decoding->is_over;
}
/* Decodes what waits, until the reader is full and there is more, or @to_the_end. False after a
 * failure. */
bool rp_http_decode_held(struct connection *connection, bool to_the_end,
                         struct body_failure *failure);
/* The body did not fit into its buffer. False. */
bool rp_http_body_overflow(const struct connection *connection, struct body_failure *failure);
/* Gives connection->decoding back, which there is. */
void rp_http_drop_decoding(struct connection *connection);
void rp_http_free_decoders(struct rp_http_client *client);

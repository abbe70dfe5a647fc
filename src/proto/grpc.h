/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * proto/grpc.h - what gRPC adds to HTTP/2, without I/O: messages in a body, deadlines and statuses.
 *
 * A body is a row of messages, each behind a prefix of RP_GRPC_PREFIX bytes: a flag that says whether
 * it is compressed, and its length. A call ends with a status, which the field grpc-status of the
 * trailers has. When there is none, the status follows from what HTTP says.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "base/time.h"

/* ---- messages -------------------------------------------------------------------------------- */

enum { RP_GRPC_PREFIX = 5 };
#define RP_GRPC_MESSAGE_MAX UINT32_MAX /* bytes of one message; more cannot be said */

/* Appends a message of at most RP_GRPC_MESSAGE_MAX bytes with its prefix. Errors are the buffer's. */
void rp_grpc_append(struct rp_buf *out, struct rp_slice message, bool is_compressed);

enum rp_grpc_event {
    RP_GRPC_MORE,      /* the message has not come to its end */
    RP_GRPC_MESSAGE,   /* a whole one */
    RP_GRPC_BAD_FLAG,  /* its first byte is neither 0 nor 1: these are no messages of gRPC */
    RP_GRPC_TOO_LARGE, /* it has more bytes than are allowed, by its prefix */
};
struct rp_grpc_message {
    struct rp_slice bytes; /* part of the input */
    bool is_compressed;
    uint32_t size; /* what its prefix says; also when it is too large */
};
/* Looks at the start of @input. A message is consumed from it; otherwise it stays as it is, and when
 * more has come, all of it is to be given again. @max: bytes of a message. */
enum rp_grpc_event rp_grpc_next(struct rp_slice *input, size_t max, struct rp_grpc_message *ret);

/* ---- statuses -------------------------------------------------------------------------------- */

enum rp_grpc_status {
    RP_GRPC_OK,
    RP_GRPC_CANCELLED,
    RP_GRPC_UNKNOWN,
    RP_GRPC_INVALID_ARGUMENT,
    RP_GRPC_DEADLINE_EXCEEDED,
    RP_GRPC_NOT_FOUND,
    RP_GRPC_ALREADY_EXISTS,
    RP_GRPC_PERMISSION_DENIED,
    RP_GRPC_RESOURCE_EXHAUSTED,
    RP_GRPC_FAILED_PRECONDITION,
    RP_GRPC_ABORTED,
    RP_GRPC_OUT_OF_RANGE,
    RP_GRPC_UNIMPLEMENTED,
    RP_GRPC_INTERNAL,
    RP_GRPC_UNAVAILABLE,
    RP_GRPC_DATA_LOSS,
    RP_GRPC_UNAUTHENTICATED,
    RP_GRPC_STATUSES
};

/* "NOT_FOUND" */
const char *rp_grpc_status_text(enum rp_grpc_status status);
/* The status that the value of a field grpc-status is; UNKNOWN for what is none. */
enum rp_grpc_status rp_grpc_status_parse(struct rp_slice value);
/* That of a call whose answer has no grpc-status, by the status of HTTP. */
enum rp_grpc_status rp_grpc_status_of_http(unsigned status);
/* That of a call whose stream was reset with a code of RFC 9113. */
enum rp_grpc_status rp_grpc_status_of_reset(uint32_t code);

/* Appends the text that the value of a field grpc-message stands for: %XX is a byte. What is no such
 * escape stays as it is. Errors are the buffer's. */
void rp_grpc_append_message_text(struct rp_buf *out, struct rp_slice value);
/* Appends @text as the value of a field grpc-message: printable ASCII, with escapes for what is none.
 * Errors are the buffer's. */
void rp_grpc_append_message_value(struct rp_buf *out, struct rp_slice text);

/* ---- deadlines ------------------------------------------------------------------------------- */

enum { RP_GRPC_TIMEOUT_TEXT = 16 };
/* The value of a field grpc-timeout for a positive time: as exactly as its eight digits can say, and
 * never less. */
void rp_grpc_timeout_text(rp_ns timeout, char out[static RP_GRPC_TIMEOUT_TEXT]);
/* The time that such a value stands for; RP_NS_NEVER at most. False for what is none. */
RP_NODISCARD bool rp_grpc_timeout_parse(struct rp_slice value, rp_ns *ret);

/* Whether the value of a Content-Type says that a body is one of gRPC. */
bool rp_grpc_is_content_type(struct rp_slice value);

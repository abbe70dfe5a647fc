/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * One example of every message, as docs/internals/messages.md shows them, and one with every kind of field. Their bytes in
 * both encodings are the files of tests/vectors/messages.
 */

#include "base/buf.h"
#include "wire/message.h"

/* Appends the example of @type to @out. */
void vector_write(enum rp_message_type type, struct rp_buf *out);

enum {
    VECTOR_KINDS = RP_MSG_COUNT,
    VECTOR_COUNT
}; /* vector 0 is none; the others are the messages' types */
const char *vector_name(int vector);
void vector_write_any(int vector, struct rp_buf *out);

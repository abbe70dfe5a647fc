/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * One example of every message, as docs/internals/messages.md shows them.
 */

#include "cluster/message.h"

/* Appends the example of @type to @out. */
void vector_write(enum rp_message_type type, struct rp_buf *out);

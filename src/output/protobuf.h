/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * output/protobuf.h - writes the fields of messages of Protocol Buffers, by their numbers. A message
 * within another one is written to a buffer of its own first. Errors are the buffer's, sticky.
 */

#include <stdint.h>

#include "base/buf.h"

void rp_pb_int(struct rp_buf *out, unsigned field, uint64_t value);
void rp_pb_double(struct rp_buf *out, unsigned field, double value);
/* A string, bytes or a message. */
void rp_pb_bytes(struct rp_buf *out, unsigned field, struct rp_slice bytes);

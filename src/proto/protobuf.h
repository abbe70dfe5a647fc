/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * proto/protobuf.h - the encoding of Protocol Buffers: fields by their numbers, written and read.
 * What they mean is the caller's. Errors of writing are the buffer's, sticky.
 */

#include <stdint.h>

#include "base/buf.h"
#include "base/compiler.h"

/* ---- writing ---- */

/* int32, int64, uint32, uint64, bool, enum */
void rp_pb_int(struct rp_buf *out, unsigned field, uint64_t value);
void rp_pb_sint(struct rp_buf *out, unsigned field, int64_t value); /* sint32, sint64 */
void rp_pb_fixed64(struct rp_buf *out, unsigned field, uint64_t value);
void rp_pb_double(struct rp_buf *out, unsigned field, double value);
/* A string, bytes or a message. */
void rp_pb_bytes(struct rp_buf *out, unsigned field, struct rp_slice bytes);
/* A message, or numbers one after the other (packed), that are appended to @out between the two
 * calls: the second one gets what the first has returned. They may be nested. */
size_t rp_pb_begin(struct rp_buf *out, unsigned field);
void rp_pb_end(struct rp_buf *out, size_t begin);
/* Numbers without fields, for packed ones. */
void rp_pb_varint(struct rp_buf *out, uint64_t value);
void rp_pb_raw64(struct rp_buf *out, uint64_t value);
uint64_t rp_pb_zigzag(int64_t value); /* as rp_pb_varint() writes an sint64 */
uint64_t rp_pb_bits(double value);    /* as rp_pb_raw64() writes a double */

/* ---- reading ---- */

enum rp_pb_kind { RP_PB_VARINT = 0, RP_PB_FIXED_64 = 1, RP_PB_BYTES = 2, RP_PB_FIXED_32 = 5 };

struct rp_pb_field {
    unsigned number;
    enum rp_pb_kind kind;
    uint64_t value;        /* of a number: its bits */
    struct rp_slice bytes; /* of RP_PB_BYTES; a part of the message */
};

/* Takes the first field off @message. 1; 0 at the end; -EBADMSG for what is no message. */
RP_NODISCARD int rp_pb_next(struct rp_slice *message, struct rp_pb_field *ret);

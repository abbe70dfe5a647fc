/* SPDX-License-Identifier: MIT */
#include "output/protobuf.h"

#include <string.h>

enum { VARINT = 0, FIXED_64 = 1, BYTES = 2 };

static void put_varint(struct rp_buf *out, uint64_t value)
{
    unsigned char byte;

    for (; value >= 0x80; value >>= 7) {
        byte = (unsigned char)((value & 0x7f) | 0x80);
        rp_buf_append(out, &byte, 1);
    }
    byte = (unsigned char)value;
    rp_buf_append(out, &byte, 1);
}

void rp_pb_int(struct rp_buf *out, unsigned field, uint64_t value)
{
    put_varint(out, field << 3 | VARINT);
    put_varint(out, value);
}

void rp_pb_double(struct rp_buf *out, unsigned field, double value)
{
    unsigned char bytes[8];
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(bits >> 8 * i);
    put_varint(out, field << 3 | FIXED_64);
    rp_buf_append(out, bytes, sizeof(bytes));
}

void rp_pb_bytes(struct rp_buf *out, unsigned field, struct rp_slice bytes)
{
    put_varint(out, field << 3 | BYTES);
    put_varint(out, bytes.len);
    rp_buf_append_slice(out, bytes);
}

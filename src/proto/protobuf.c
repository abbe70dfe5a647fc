/* SPDX-License-Identifier: MIT */
#include "proto/protobuf.h"

#include <errno.h>
#include <string.h>

enum { FIELD_MAX = (1 << 29) - 1, VARINT_MAX = 10 };

/* ---- writing --------------------------------------------------------------------------------- */

static size_t make_varint(uint64_t value, unsigned char out[VARINT_MAX])
{
    size_t len = 0;

    for (; value >= 0x80; value >>= 7)
        out[len++] = (unsigned char)((value & 0x7f) | 0x80);
    out[len++] = (unsigned char)value;
    return len;
}

void rp_pb_varint(struct rp_buf *out, uint64_t value)
{
    unsigned char bytes[VARINT_MAX];

    rp_buf_append(out, bytes, make_varint(value, bytes));
}

static void put_key(struct rp_buf *out, unsigned field, enum rp_pb_kind kind)
{
    rp_pb_varint(out, (uint64_t)field << 3 | kind);
}

void rp_pb_int(struct rp_buf *out, unsigned field, uint64_t value)
{
    put_key(out, field, RP_PB_VARINT);
    rp_pb_varint(out, value);
}

/* Small numbers of either sign are short. */
uint64_t rp_pb_zigzag(int64_t value)
{
    return (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0);
}

void rp_pb_sint(struct rp_buf *out, unsigned field, int64_t value)
{
    rp_pb_int(out, field, rp_pb_zigzag(value));
}

void rp_pb_raw64(struct rp_buf *out, uint64_t value)
{
    unsigned char bytes[8];

    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(value >> 8 * i);
    rp_buf_append(out, bytes, sizeof(bytes));
}

uint64_t rp_pb_bits(double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

void rp_pb_fixed64(struct rp_buf *out, unsigned field, uint64_t value)
{
    put_key(out, field, RP_PB_FIXED_64);
    rp_pb_raw64(out, value);
}

void rp_pb_double(struct rp_buf *out, unsigned field, double value)
{
    rp_pb_fixed64(out, field, rp_pb_bits(value));
}

void rp_pb_bytes(struct rp_buf *out, unsigned field, struct rp_slice bytes)
{
    put_key(out, field, RP_PB_BYTES);
    rp_pb_varint(out, bytes.len);
    rp_buf_append_slice(out, bytes);
}

size_t rp_pb_begin(struct rp_buf *out, unsigned field)
{
    put_key(out, field, RP_PB_BYTES);
    return out->len;
}

/* The length stands before what it counts. */
void rp_pb_end(struct rp_buf *out, size_t begin)
{
    unsigned char bytes[VARINT_MAX];
    size_t len = out->len - begin, added = make_varint(len, bytes);

    rp_buf_append(out, bytes, added);
    if (out->error)
        return;
    memmove(out->data + begin + added, out->data + begin, len);
    memcpy(out->data + begin, bytes, added);
}

/* ---- reading --------------------------------------------------------------------------------- */

static bool take_varint(struct rp_slice *text, uint64_t *ret)
{
    *ret = 0;
    for (size_t i = 0; i < text->len && i < VARINT_MAX; i++) {
        unsigned char byte = (unsigned char)text->ptr[i];

        if (i == VARINT_MAX - 1 && byte > 1) /* more than 64 bits */
            return false;
        *ret |= (uint64_t)(byte & 0x7f) << 7 * i;
        if (byte < 0x80) {
            *text = rp_slice(text->ptr + i + 1, text->len - i - 1);
            return true;
        }
    }
    return false;
}

static bool take_fixed(struct rp_slice *text, size_t size, uint64_t *ret)
{
    *ret = 0;
    if (text->len < size)
        return false;
    for (size_t i = 0; i < size; i++)
        *ret |= (uint64_t)(unsigned char)text->ptr[i] << 8 * i;
    *text = rp_slice(text->ptr + size, text->len - size);
    return true;
}

static bool take_bytes(struct rp_slice *text, struct rp_slice *ret)
{
    uint64_t len;

    if (!take_varint(text, &len) || len > text->len)
        return false;
    *ret = rp_slice(text->ptr, (size_t)len);
    *text = rp_slice(text->ptr + len, text->len - (size_t)len);
    return true;
}

int rp_pb_next(struct rp_slice *message, struct rp_pb_field *ret)
{
    bool is_good = false;
    uint64_t key;

    if (!message->len)
        return 0;
    *ret = (struct rp_pb_field){ 0 };
    if (!take_varint(message, &key) || key >> 3 == 0 || key >> 3 > FIELD_MAX)
        return -EBADMSG;
    ret->number = (unsigned)(key >> 3);
    ret->kind = (enum rp_pb_kind)(key & 7);
    if (ret->kind == RP_PB_VARINT)
        is_good = take_varint(message, &ret->value);
    else if (ret->kind == RP_PB_FIXED_64)
        is_good = take_fixed(message, 8, &ret->value);
    else if (ret->kind == RP_PB_FIXED_32)
        is_good = take_fixed(message, 4, &ret->value);
    else if (ret->kind == RP_PB_BYTES)
        is_good = take_bytes(message, &ret->bytes);
    return is_good ? 1 : -EBADMSG;
}

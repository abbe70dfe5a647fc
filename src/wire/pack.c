/* SPDX-License-Identifier: MIT */

/* MessagePack, each part in its shortest form. */

#include <string.h>

#include "wire/wire_internal.h"

/* A head byte and @size bytes of a number, the most significant one first. */
static void put_number(struct rp_buf *out, unsigned char head, uint64_t number, unsigned size)
{
    unsigned char bytes[9] = { head };

    for (unsigned i = size; i > 0; i--, number >>= 8)
        bytes[i] = (unsigned char)number;
    rp_buf_append(out, bytes, size + 1);
}

/* @head: the byte for a number of one byte; those for two, four and eight follow. */
static void put_shortest(struct rp_buf *out, unsigned char head, uint64_t number)
{
    unsigned size = number <= UINT8_MAX    ? 0
                    : number <= UINT16_MAX ? 1
                    : number <= UINT32_MAX ? 2
                                           : 3;

    put_number(out, (unsigned char)(head + size), number, 1u << size);
}

void rp_write_u64(struct rp_buf *out, uint64_t value)
{
    if (value < 0x80)
        put_number(out, (unsigned char)value, 0, 0);
    else
        put_shortest(out, 0xcc, value);
}

void rp_write_i64(struct rp_buf *out, int64_t value)
{
    if (value >= 0)
        rp_write_u64(out, (uint64_t)value);
    else if (value >= -32)
        put_number(out, (unsigned char)value, 0, 0);
    else if (value >= INT8_MIN)
        put_number(out, 0xd0, (uint64_t)value, 1);
    else if (value >= INT16_MIN)
        put_number(out, 0xd1, (uint64_t)value, 2);
    else if (value >= INT32_MIN)
        put_number(out, 0xd2, (uint64_t)value, 4);
    else
        put_number(out, 0xd3, (uint64_t)value, 8);
}

void rp_write_double(struct rp_buf *out, double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    put_number(out, 0xcb, bits, 8);
}

void rp_write_bool(struct rp_buf *out, bool value)
{
    put_number(out, value ? 0xc3 : 0xc2, 0, 0);
}

void rp_write_nil(struct rp_buf *out)
{
    put_number(out, 0xc0, 0, 0);
}

/* Lists and maps have heads for up to 15 items, for 16 bits and for 32. */
static void put_container(struct rp_buf *out, unsigned char few, unsigned char head, uint32_t items)
{
    if (items < 16)
        put_number(out, (unsigned char)(few | items), 0, 0);
    else if (items <= UINT16_MAX)
        put_number(out, head, items, 2);
    else
        put_number(out, (unsigned char)(head + 1), items, 4);
}

void rp_write_map(struct rp_buf *out, uint32_t fields)
{
    put_container(out, 0x80, 0xde, fields);
}

void rp_write_list(struct rp_buf *out, uint32_t items)
{
    put_container(out, 0x90, 0xdc, items);
}

void rp_write_slice(struct rp_buf *out, struct rp_slice text)
{
    if (text.len < 32)
        put_number(out, (unsigned char)(0xa0 | text.len), 0, 0);
    else
        put_shortest(out, 0xd9, text.len);
    rp_buf_append_slice(out, text);
}

void rp_write_bytes(struct rp_buf *out, struct rp_slice bytes)
{
    put_shortest(out, 0xc4, bytes.len);
    rp_buf_append_slice(out, bytes);
}

void rp_write_text(struct rp_buf *out, const char *text)
{
    if (text)
        rp_write_slice(out, rp_slice_str(text));
    else
        rp_write_nil(out);
}

void rp_write_key(struct rp_buf *out, const char *key)
{
    rp_write_slice(out, rp_slice_str(key));
}

void rp_write_message(struct rp_buf *out, enum rp_message_type type, uint32_t fields)
{
    rp_write_map(out, fields + 1);
    rp_write_key(out, "type");
    rp_write_text(out, rp_message_tables[type].name);
}

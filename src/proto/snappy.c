/* SPDX-License-Identifier: MIT */
#include "proto/snappy.h"

#include <stdint.h>
#include <string.h>

/*
 * The text is its length as a varint, then elements. The two lowest bits of an element's first byte
 * tell what it is: a literal (its bytes follow), or a copy of what stands some bytes before, here
 * always with an offset of two bytes.
 */
enum { BLOCK = 1 << 16, HASH_BITS = 13, MATCH_MIN = 4, COPY_MAX = 64 };
enum { LITERAL = 0, COPY_2 = 2, LITERAL_SHORT = 60 };

static uint32_t load_4(const char *at)
{
    uint32_t ret;

    memcpy(&ret, at, sizeof(ret));
    return ret;
}

static uint32_t hash(uint32_t bytes)
{
    return (bytes * 0x1e35a7bdu) >> (32 - HASH_BITS);
}

static void put_byte(struct rp_buf *out, size_t byte)
{
    unsigned char value = (unsigned char)byte;

    rp_buf_append(out, &value, 1);
}

/* A block has at most 2^16 bytes, so two bytes are enough for any length. */
static void put_literal(struct rp_buf *out, const char *bytes, size_t len)
{
    if (!len)
        return;
    if (len <= LITERAL_SHORT) {
        put_byte(out, (len - 1) << 2 | LITERAL);
    } else if (len <= 256) {
        put_byte(out, LITERAL_SHORT << 2 | LITERAL);
        put_byte(out, len - 1);
    } else {
        put_byte(out, (LITERAL_SHORT + 1) << 2 | LITERAL);
        put_byte(out, (len - 1) & 0xff);
        put_byte(out, (len - 1) >> 8);
    }
    rp_buf_append(out, bytes, len);
}

static void put_copy(struct rp_buf *out, size_t offset, size_t len)
{
    while (len) {
        size_t part = len < COPY_MAX ? len : COPY_MAX;

        put_byte(out, (part - 1) << 2 | COPY_2);
        put_byte(out, offset & 0xff);
        put_byte(out, offset >> 8);
        len -= part;
    }
}

static void compress_block(const char *text, size_t len, struct rp_buf *out)
{
    uint16_t table[1 << HASH_BITS] = { 0 }; /* where such bytes were seen last */
    size_t at = 0, literal = 0;

    while (at + MATCH_MIN <= len) {
        uint32_t bytes = load_4(text + at), slot = hash(bytes);
        size_t before = table[slot], match = MATCH_MIN;

        table[slot] = (uint16_t)at;
        if (before >= at || load_4(text + before) != bytes) {
            at++;
            continue;
        }
        while (at + match < len && text[before + match] == text[at + match])
            match++;
        put_literal(out, text + literal, at - literal);
        put_copy(out, at - before, match);
        at += match;
        literal = at;
    }
    put_literal(out, text + literal, len - literal);
}

void rp_snappy_compress(struct rp_slice text, struct rp_buf *out)
{
    size_t len = text.len;

    for (; len >= 0x80; len >>= 7)
        put_byte(out, (len & 0x7f) | 0x80);
    put_byte(out, len);
    while (text.len) {
        len = text.len < BLOCK ? text.len : BLOCK;
        compress_block(text.ptr, len, out);
        text = rp_slice(text.ptr + len, text.len - len);
    }
}

/* SPDX-License-Identifier: MIT */
#include "proto/utf8.h"

#include <string.h>

#define HIGH_BITS UINT64_C(0x8080808080808080)

/* What the first byte of a character of several bytes says of the bytes that follow. The bounds of
 * the second byte leave out overlong forms, surrogates and what is beyond U+10FFFF. */
static bool begin(struct rp_utf8 *utf8, uint8_t first)
{
    utf8->low = 0x80;
    utf8->high = 0xbf;
    if (first < 0xc2 || first > 0xf4)
        return false;
    utf8->left = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    if (first == 0xe0)
        utf8->low = 0xa0;
    else if (first == 0xed)
        utf8->high = 0x9f;
    else if (first == 0xf0)
        utf8->low = 0x90;
    else if (first == 0xf4)
        utf8->high = 0x8f;
    return true;
}

typedef uint64_t block_t __attribute__((vector_size(16)));

static block_t block_at(const uint8_t *p)
{
    block_t block;

    memcpy(&block, p, sizeof(block));
    return block;
}

/* The first byte in @p..@end that is not of ASCII, or @end. */
static const uint8_t *skip_ascii(const uint8_t *p, const uint8_t *end)
{
    while (end - p >= 128) {
        block_t any = block_at(p) | block_at(p + 16) | block_at(p + 32) | block_at(p + 48) |
                      block_at(p + 64) | block_at(p + 80) | block_at(p + 96) | block_at(p + 112);

        if ((any[0] | any[1]) & HIGH_BITS)
            break;
        p += 128;
    }
    while (end - p >= 8) {
        uint64_t word;

        memcpy(&word, p, sizeof(word));
        if (word & HIGH_BITS)
            break;
        p += 8;
    }
    while (p < end && *p < 0x80)
        p++;
    return p;
}

static bool follows(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

/* Skips characters of two and three bytes that lie in @p..@end whole and are valid. What stands there
 * then is something else, or wrong: that is found byte by byte. */
static const uint8_t *skip_whole(const uint8_t *p, const uint8_t *end)
{
    while (end - p >= 3) {
        if (p[0] >= 0xe1 && p[0] <= 0xef && p[0] != 0xed && follows(p[1]) && follows(p[2]))
            p += 3;
        else if (p[0] >= 0xc2 && p[0] <= 0xdf && follows(p[1]))
            p += 2;
        else
            break;
    }
    return p;
}

bool rp_utf8_take(struct rp_utf8 *utf8, struct rp_slice bytes)
{
    const uint8_t *p = (const uint8_t *)bytes.ptr, *end;

    if (!bytes.len) /* there may be no pointer to add it to */
        return true;
    end = p + bytes.len;
    while (p < end) {
        if (!utf8->left) {
            const uint8_t *whole;

            p = skip_ascii(p, end);
            if (p == end)
                return true;
            utf8->is_not_ascii = true;
            whole = skip_whole(p, end);
            if (whole > p) {
                p = whole;
                continue;
            }
            if (!begin(utf8, *p++))
                return false;
        } else {
            if (*p < utf8->low || *p > utf8->high)
                return false;
            p++;
            utf8->left--;
            utf8->low = 0x80;
            utf8->high = 0xbf;
        }
    }
    return true;
}

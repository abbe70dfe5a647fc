/* SPDX-License-Identifier: MIT */
#include "base/base64.h"

#include <stdint.h>

static const char digits[64] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void rp_base64_append(struct rp_buf *out, struct rp_slice data)
{
    const unsigned char *p = (const unsigned char *)data.ptr;

    for (size_t i = 0; i < data.len; i += 3) {
        size_t left = data.len - i;
        uint32_t bits = (uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
                        (left > 2 ? p[i + 2] : 0);
        char text[4] = { digits[bits >> 18], digits[bits >> 12 & 63], digits[bits >> 6 & 63],
                         digits[bits & 63] };

        if (left < 3)
            text[3] = '=';
        if (left < 2)
            text[2] = '=';
        rp_buf_append(out, text, 4);
    }
}

static int value_of(char digit)
{
    if (digit >= 'A' && digit <= 'Z')
        return digit - 'A';
    if (digit >= 'a' && digit <= 'z')
        return digit - 'a' + 26;
    if (digit >= '0' && digit <= '9')
        return digit - '0' + 52;
    return digit == '+' ? 62 : digit == '/' ? 63 : -1;
}

bool rp_base64_decode(struct rp_buf *out, struct rp_slice text)
{
    if (text.len % 4)
        return false;
    for (size_t i = 0; i < text.len; i += 4) {
        const char *group = text.ptr + i;
        size_t count = 4; /* digits before the padding, which only the last group has */
        uint32_t bits = 0;
        unsigned char bytes[3];

        if (i + 4 == text.len && group[3] == '=')
            count = group[2] == '=' ? 2 : 3;
        for (size_t j = 0; j < 4; j++) {
            int value = j < count ? value_of(group[j]) : 0;

            if (value < 0)
                return false;
            bits = bits << 6 | (uint32_t)value;
        }
        if ((count == 2 && bits & 0xffff) || (count == 3 && bits & 0xff))
            return false;
        for (int j = 0; j < 3; j++)
            bytes[j] = (unsigned char)(bits >> (16 - 8 * j));
        rp_buf_append(out, bytes, count - 1);
    }
    return true;
}

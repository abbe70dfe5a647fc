/* SPDX-License-Identifier: MIT */

/* What is compressed reads back as it was, by a decoder that knows the whole format. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz_targets.h"
#include "proto/snappy.h"

static size_t number(const uint8_t **at, const uint8_t *end, unsigned bytes)
{
    size_t ret = 0;

    rp_assert((size_t)(end - *at) >= bytes);
    for (unsigned i = 0; i < bytes; i++)
        ret |= (size_t) * (*at)++ << 8 * i;
    return ret;
}

static size_t decode(const uint8_t *at, const uint8_t *end, uint8_t *out, size_t room)
{
    size_t wanted = 0, len = 0;

    for (unsigned shift = 0;; shift += 7) {
        rp_assert(at < end && shift < 35);
        wanted |= (size_t)(*at & 0x7f) << shift;
        if (!(*at++ & 0x80))
            break;
    }
    rp_assert(wanted == room);
    while (at < end) {
        unsigned tag = *at++, kind = tag & 3;
        size_t size, offset;

        if (kind == 0) {
            size = (tag >> 2) < 60 ? tag >> 2 : number(&at, end, (tag >> 2) - 59);
            size++;
            rp_assert((size_t)(end - at) >= size && room - len >= size);
            memcpy(out + len, at, size);
            at += size;
            len += size;
            continue;
        }
        size = kind == 1 ? 4 + (tag >> 2 & 7) : 1 + (tag >> 2);
        offset = kind == 1 ? (tag >> 5) << 8 | number(&at, end, 1)
                           : number(&at, end, kind == 2 ? 2 : 4);
        rp_assert(offset && offset <= len && room - len >= size);
        for (; size; size--, len++)
            out[len] = out[len - offset];
    }
    return len;
}

/* The first byte says how often the rest is repeated, so that there are long texts too. */
int rp_fuzz_snappy(const uint8_t *data, size_t size)
{
    size_t times = size ? 1 + data[0] : 1, len = size ? size - 1 : 0, total = len * times;
    struct rp_buf out;
    uint8_t *text, *back;

    if (total > 1 << 20)
        return 0;
    text = malloc(total + 1);
    back = malloc(total + 1);
    rp_assert(text && back);
    for (size_t i = 0; i < times && len; i++)
        memcpy(text + i * len, data + 1, len);
    rp_buf_init(&out, 4 << 20);
    rp_snappy_compress(rp_slice((const char *)text, total), &out);
    rp_assert(out.error == 0);
    rp_assert(out.len <= 32 + total + total / 6);
    rp_assert(decode((const uint8_t *)out.data, (const uint8_t *)out.data + out.len, back, total) ==
              total);
    rp_assert(memcmp(text, back, total) == 0);
    rp_buf_deinit(&out);
    free(text);
    free(back);
    return 0;
}

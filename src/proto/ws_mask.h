/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * proto/ws_mask.h - masks of WebSocket frames (RFC 6455, 5.3): bytes are copied and masked in one
 * pass, sixteen at a time.
 */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Copies @len bytes masked, or unmasked, which is the same. @at: the place of the first one in the
 * payload. @to may be @from, or stand before it. */
static inline void rp_ws_mask_copy(char *to, const char *from, size_t len, const uint8_t mask[4],
                                   uint64_t at)
{
    typedef uint32_t block_t __attribute__((vector_size(16)));
    uint8_t turned[4];
    uint32_t word;
    block_t blocks;
    size_t i = 0;

    for (size_t k = 0; k < 4; k++)
        turned[k] = mask[(at + k) % 4];
    memcpy(&word, turned, sizeof(word));
    blocks = (block_t){ word, word, word, word };
    for (; len - i >= sizeof(block_t); i += sizeof(block_t)) {
        block_t block;

        memcpy(&block, from + i, sizeof(block));
        block ^= blocks;
        memcpy(to + i, &block, sizeof(block));
    }
    for (; i < len; i++)
        to[i] = (char)((uint8_t)from[i] ^ turned[i % 4]);
}

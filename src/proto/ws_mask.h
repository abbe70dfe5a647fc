/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * proto/ws_mask.h - masks of WebSocket frames (RFC 6455, 5.3): bytes are copied and masked in one
 * pass, 64 at a time.
 */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint32_t rp_ws_block __attribute__((vector_size(16)));

static inline void rp_ws_mask_block(char *to, const char *from, rp_ws_block mask)
{
    rp_ws_block block;

    memcpy(&block, from, sizeof(block));
    block ^= mask;
    memcpy(to, &block, sizeof(block));
}

/* Copies @len bytes masked, or unmasked, which is the same. @at: the place of the first one in the
 * payload. @to may be @from, or stand before it. */
static inline void rp_ws_mask_copy(char *to, const char *from, size_t len, const uint8_t mask[4],
                                   uint64_t at)
{
    enum { BLOCK = sizeof(rp_ws_block) };
    uint8_t turned[4];
    uint32_t word;
    rp_ws_block blocks;
    size_t i = 0;

    for (size_t k = 0; k < 4; k++)
        turned[k] = mask[(at + k) % 4];
    memcpy(&word, turned, sizeof(word));
    blocks = (rp_ws_block){ word, word, word, word };
    for (; len - i >= 4 * BLOCK; i += 4 * BLOCK) {
        rp_ws_mask_block(to + i, from + i, blocks);
        rp_ws_mask_block(to + i + BLOCK, from + i + BLOCK, blocks);
        rp_ws_mask_block(to + i + 2 * BLOCK, from + i + 2 * BLOCK, blocks);
        rp_ws_mask_block(to + i + 3 * BLOCK, from + i + 3 * BLOCK, blocks);
    }
    for (; len - i >= BLOCK; i += BLOCK)
        rp_ws_mask_block(to + i, from + i, blocks);
    for (; i < len; i++)
        to[i] = (char)((uint8_t)from[i] ^ turned[i % 4]);
}

/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * proto/h1_internal.h - what the files of the HTTP/1 parser share: its states and the scan for special bytes.
 */

#include <stdint.h>
#include <string.h>

#include "base/compiler.h"
#include "proto/h1.h"

enum rp_h1_state {
    H1_HEAD,         /* at the start of a line of the head */
    H1_HEAD_PENDING, /* inside a line of the head whose beginning is in the head buffer */
    H1_FIXED,
    H1_UNTIL_CLOSE,
    H1_SIZE,
    H1_SIZE_END,
    H1_EXTENSION,
    H1_SIZE_LF,
    H1_CHUNK,
    H1_CHUNK_END,
    H1_CHUNK_LF,
    H1_TRAILER,
    H1_TRAILER_NAME,
    H1_TRAILER_VALUE,
    H1_TRAILER_LF,
    H1_TRAILER_END_LF,
    H1_COMPLETE,
    H1_FAILED,
    H1_STATE_COUNT
};

/* What a state function returns besides events: the state changed, call the next one. */
enum { RP_H1_GO_ON = -1 };

/* Consumes from @input; is called with input except in H1_COMPLETE and H1_FAILED. */
typedef int rp_h1_state_fn(struct rp_h1_parser *parser, struct rp_slice *input,
                           struct rp_slice *ret_body);

rp_h1_state_fn rp_h1_on_fixed, rp_h1_on_until_close;
rp_h1_state_fn rp_h1_on_size, rp_h1_on_size_end, rp_h1_on_extension, rp_h1_on_size_lf;
rp_h1_state_fn rp_h1_on_chunk, rp_h1_on_chunk_end, rp_h1_on_chunk_lf;
rp_h1_state_fn rp_h1_on_trailer, rp_h1_on_trailer_name, rp_h1_on_trailer_value, rp_h1_on_trailer_lf,
    rp_h1_on_trailer_end_lf;

extern const uint8_t rp_h1_is_tchar[256];

RP_COLD int rp_h1_fail(struct rp_h1_parser *parser, enum rp_h1_error error, uint64_t offset);

static inline void rp_h1_advance(struct rp_h1_parser *parser, struct rp_slice *input, size_t count)
{
    input->ptr += count;
    input->len -= count;
    parser->offset += count;
}

static inline size_t rp_h1_min(uint64_t a, uint64_t b)
{
    return (size_t)(a < b ? a : b);
}

/* The first CR, LF or NUL in @p..@end, or @end. Eight bytes at a step: bytes below 14 are looked at one by one, of which
 * TAB is the only usual one that goes on. */
static inline const char *rp_h1_find_special(const char *p, const char *end)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t word, low;

    while (end - p >= 8) {
        memcpy(&word, p, 8);
        if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
            word = __builtin_bswap64(word);
        low = (word - ones * 14) & ~word & (ones << 7);
        if (!low) {
            p += 8;
            continue;
        }
        /* A borrow can only falsify the bytes above the lowest hit, so the lowest one is exact. */
        p += __builtin_ctzll(low) / 8;
        if (*p == '\r' || *p == '\n' || *p == '\0')
            return p;
        p++;
    }
    while (p < end && *p != '\r' && *p != '\n' && *p != '\0')
        p++;
    return p;
}

/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * proto/utf8.h - whether bytes are UTF-8 (RFC 3629), for text that comes in pieces.
 *
 * A wrong byte is found when it comes, and not when the character or the text is complete.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

/* Zeroed = at the beginning of a text. */
struct rp_utf8 {
    uint8_t left;      /* bytes that the character under way still has to have */
    uint8_t low, high; /* what its next byte may be */
    bool is_not_ascii; /* the text has other characters than those of ASCII */
};

/* Takes the next bytes of the text. False: they cannot be part of any UTF-8 text. */
bool rp_utf8_take(struct rp_utf8 *utf8, struct rp_slice bytes);

/* The text may end here: no character is incomplete. */
static inline bool rp_utf8_is_whole(const struct rp_utf8 *utf8)
{
    return utf8->left == 0;
}

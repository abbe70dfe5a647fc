/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * base/str.h - numbers and text in both directions, strictly, and the "did you mean" search.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

/* The whole text must be a decimal integer in range. False leaves *ret untouched. */
bool rp_parse_i64(struct rp_slice text, int64_t *ret);
/* The whole text must be a finite decimal number ("1", "-1.5", "1e3"). Independent of the
 * locale. */
bool rp_parse_double(struct rp_slice text, double *ret);
enum { RP_DOUBLE_TEXT = 32 };
/* A short decimal text (15 to 17 digits) of a finite number that reads back as the same one: "0.1",
 * "2", "-0". Independent of the locale. Returns its length. */
size_t rp_format_double(double value, char out[RP_DOUBLE_TEXT]);

/* The length in bytes of the character that @text begins with. 0 when @text is empty or does not
 * begin with valid UTF-8: a form that is too long, a surrogate, a number beyond U+10FFFF, a
 * character that is cut off. */
size_t rp_utf8_size(struct rp_slice text);
bool rp_utf8_is_valid(struct rp_slice text);
/* The longest beginning of @text of at most @max bytes that does not cut a character. */
struct rp_slice rp_utf8_cut(struct rp_slice text, size_t max);

/* The closest of @count @choices to @text if it is close enough to be a typing mistake, else NULL.
 * Borrowed. */
const char *rp_suggest(struct rp_slice text, const char *const *choices, size_t count);
/* Edits (insert, delete, replace, swap of neighbours) from @a to @b, ignoring ASCII case and '-'
 * against '_'. */
size_t rp_edit_distance(struct rp_slice a, struct rp_slice b);
/* FNV-1a, for hash tables. */
static inline uint64_t rp_hash_bytes(const void *data, size_t len, uint64_t seed)
{
    const unsigned char *p = data;
    uint64_t hash = seed ^ 0xcbf29ce484222325u;

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ p[i]) * 0x100000001b3u;
    return hash ^ (hash >> 29);
}

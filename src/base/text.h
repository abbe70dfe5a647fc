/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * base/text.h - text of others (names, URLs, messages) on a terminal: counted in columns, never in
 * bytes, and harmless.
 *
 * A name may come from a script or a server. Control characters, terminal escapes and the
 * characters that turn the writing direction are shown as U+FFFD, line ends and tabs as a blank, so
 * that no name can draw on the terminal or break a line. Independent of the locale.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

/* What names of metrics and scenarios are made of, for messages. */
#define RP_NAME_RULE "1 to 255 characters without control characters, quotes and braces"
#define RP_TEXT_ELLIPSIS "\xe2\x80\xa6" /* one column */

struct rp_rune {
    uint32_t code; /* U+FFFD for a byte that is no UTF-8 */
    uint8_t len;   /* bytes consumed, at least 1 */
    uint8_t cols;  /* 0, 1 or 2 */
    bool is_valid;
};

/* The first character of @text, which is not empty. */
struct rp_rune rp_rune_decode(struct rp_slice text);

/* Whether @name is one by RP_NAME_RULE, in UTF-8. Outputs make it valid for where they write to. */
bool rp_name_is_valid(struct rp_slice name);
/* Columns that rp_text_append would use without a limit. */
size_t rp_text_cols(struct rp_slice text);
/* Appends @text on one line, at most @max_cols columns (>= 1), shortened in the middle; returns the
 * columns used. */
size_t rp_text_append(struct rp_buf *out, struct rp_slice text, size_t max_cols);
/* The same filled with blanks up to @cols. */
void rp_text_pad(struct rp_buf *out, struct rp_slice text, size_t cols);
/* Appends @text broken at blanks: no line longer than @width unless one word is, further lines
 * indented by @indent, none beginning with "::". @used columns stand on the first line already. */
void rp_text_wrap(struct rp_buf *out, struct rp_slice text, size_t width, size_t indent,
                  size_t used);
/* Appends @text as valid UTF-8, nothing else changed: for JSON, which escapes control characters
 * itself. */
void rp_text_utf8(struct rp_buf *out, struct rp_slice text);
/* @count times @byte. */
void rp_text_fill(struct rp_buf *out, char byte, size_t count);

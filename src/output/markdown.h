/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * output/markdown.h - text of others in a page of Markdown.
 */

#include "base/buf.h"

/* Appends @text on one line, at most @max_cols columns, without any markup: every punctuation mark
 * is escaped, so that no name is a link, a tag, a mention or the end of a cell. */
void rp_markdown_text(struct rp_buf *out, const char *text, size_t max_cols);

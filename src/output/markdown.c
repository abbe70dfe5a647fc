/* SPDX-License-Identifier: MIT */
#include "output/markdown.h"

#include "base/text.h"

enum { LINE_MAX_BYTES = 1 << 20 };

void rp_markdown_text(struct rp_buf *out, const char *text, size_t max_cols)
{
    struct rp_buf line;

    rp_buf_init(&line, LINE_MAX_BYTES);
    rp_text_append(&line, rp_slice_str(text), max_cols);
    for (const char *at = rp_buf_str(&line); *at; at++) {
        unsigned char byte = (unsigned char)*at;
        bool is_mark = byte > ' ' && byte < 0x7f && !(byte >= '0' && byte <= '9') &&
                       !((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z');

        if (byte == '<' || byte == '&')
            rp_buf_append_str(out, byte == '<' ? "&lt;" : "&amp;");
        else if (byte == '@')
            rp_buf_append_str(out, "&#64;");
        else
            rp_buf_appendf(out, is_mark ? "\\%c" : "%c", byte);
    }
    if (line.error)
        out->error = line.error;
    rp_buf_deinit(&line);
}

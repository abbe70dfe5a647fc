/* SPDX-License-Identifier: MIT */
#include "app/run.h"

#include <stdint.h>
#include <string.h>

#include "app/term.h"
#include "base/text.h"
#include "ui/ink.h"

enum { ERROR_TEXT_MAX = 1 << 20 };

/* Every line of @text behind @indent; foreign text is made harmless line by line. */
static void append_lines(struct rp_buf *out, const char *indent, const char *text)
{
    while (*text) {
        size_t len = strcspn(text, "\n");

        if (len) {
            rp_buf_append_str(out, indent);
            rp_text_append(out, rp_slice(text, len), SIZE_MAX);
        }
        rp_buf_append_str(out, "\n");
        text += len + (text[len] == '\n');
    }
}

static void append_head(struct rp_buf *out, const struct rp_error *err, bool color)
{
    rp_buf_appendf(out, "%serror:%s ", rp_ink(color, RP_INK_BOLD RP_INK_RED),
                   rp_ink(color, RP_INK_OFF));
    if (err->file) {
        rp_buf_append_str(out, rp_ink(color, RP_INK_BOLD));
        rp_text_append(out, rp_slice_str(err->file), SIZE_MAX);
        if (err->line > 0)
            rp_buf_appendf(out, ":%d", err->line);
        rp_buf_appendf(out, ":%s ", rp_ink(color, RP_INK_OFF));
    }
    rp_text_append(out, rp_slice_str(err->message), SIZE_MAX);
    rp_buf_append_str(out, "\n");
}

static void append_error(struct rp_buf *out, const struct rp_error *err, bool color)
{
    append_head(out, err, color);
    if (err->hint) {
        rp_buf_append_str(out, rp_ink(color, RP_INK_CYAN));
        append_lines(out, "  ", err->hint);
        rp_buf_append_str(out, rp_ink(color, RP_INK_OFF));
    }
    if (err->detail)
        append_lines(out, "", err->detail);
}

void rp_error_print(FILE *stream, const struct rp_error *err, bool color)
{
    struct rp_buf out;

    if (!err || !err->message)
        return;
    rp_buf_init(&out, ERROR_TEXT_MAX);
    for (const struct rp_error *one = err; one; one = one->next)
        append_error(&out, one, color);
    /* too long or no memory: what there is of it, and at least the message */
    if (out.len)
        fwrite(out.data, 1, out.len, stream);
    else
        fprintf(stream, "error: %s\n", err->message);
    if (out.error)
        fputc('\n', stream);
    fflush(stream);
    rp_buf_deinit(&out);
}

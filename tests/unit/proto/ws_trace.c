/* SPDX-License-Identifier: MIT */
#include "ws_trace.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/compiler.h"

static void append_event(const struct rp_ws *ws, enum rp_ws_event event, struct rp_slice payload,
                         struct rp_buf *out)
{
    static const char *const names[] = {
        [RP_WS_TEXT] = "text",   [RP_WS_BINARY] = "binary", [RP_WS_ERROR] = "error",
        [RP_WS_CLOSE] = "close", [RP_WS_PING] = "ping",     [RP_WS_PONG] = "pong"
    };

    rp_buf_append_str(out, names[event]);
    rp_buf_append(out, "(", 1);
    if (event == RP_WS_ERROR)
        rp_buf_appendf(out, "%u %s", rp_ws_error_code(ws->error), rp_ws_error_text(ws->error));
    if (event == RP_WS_CLOSE)
        rp_buf_appendf(out, "%u%s", ws->close_code, payload.len ? " " : "");
    if (event != RP_WS_ERROR)
        rp_buf_append_slice(out, payload);
    rp_buf_append(out, ");", 2);
}

enum rp_ws_event rp_ws_trace(struct rp_ws *ws, struct rp_slice in, size_t piece, struct rp_buf *out)
{
    enum rp_ws_event event = RP_WS_MORE;

    while (in.len && event != RP_WS_ERROR) {
        size_t len = piece < in.len ? piece : in.len;
        char *copy = malloc(len);
        struct rp_slice part = rp_slice(copy, len), payload = { 0 };

        rp_assert(copy);
        memcpy(copy, in.ptr, len);
        in = rp_slice(in.ptr + len, in.len - len);
        while ((event = rp_ws_read(ws, &part, &payload)) != RP_WS_MORE) {
            append_event(ws, event, payload, out);
            if (event == RP_WS_ERROR)
                break;
        }
        rp_assert(event == RP_WS_ERROR || part.len == 0);
        free(copy);
    }
    return event;
}

void rp_ws_append_bytes(struct rp_buf *out, const char *text)
{
    size_t start = 0;

    while (*text) {
        if (*text == '\'') {
            const char *end = strchr(text + 1, '\'');

            start = out->len;
            rp_buf_append(out, text + 1, (size_t)(end - text - 1));
            text = end + 1;
        } else if (*text == '*') {
            char *end, *piece = rp_strndup(out->data + start, out->len - start);
            long count = strtol(text + 1, &end, 10);

            for (size_t len = out->len - start; count > 1; count--)
                rp_buf_append(out, piece, len);
            rp_free(piece);
            text = end;
        } else if (*text == ' ') {
            text++;
        } else {
            char digits[3] = { text[0], text[1] }, *end, byte = (char)strtoul(digits, &end, 16);

            rp_assert(*end == '\0');
            start = out->len;
            rp_buf_append(out, &byte, 1);
            text += 2;
        }
    }
}

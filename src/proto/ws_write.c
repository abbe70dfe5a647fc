/* SPDX-License-Identifier: MIT */

/* What a connection says: frames, and the close frame. */

#include <errno.h>
#include <sys/random.h>

#include "base/compiler.h"
#include "proto/proto_internal.h"
#include "proto/ws.h"
#include "proto/ws_mask.h"

/* ---- writing ---------------------------------------------------------------------------------- */

int rp_ws_take_mask(struct rp_ws_shared *shared, uint8_t ret[static 4])
{
    if (!shared->masks_left) {
        size_t filled = 0;

        while (filled < sizeof(shared->masks)) {
            ssize_t n = getrandom((char *)shared->masks + filled, sizeof(shared->masks) - filled,
                                  0);

            if (n < 0 && errno != EINTR)
                return -errno;
            filled += n > 0 ? (size_t)n : 0;
        }
        shared->masks_left = RP_WS_MASKS;
    }
    memcpy(ret, &shared->masks[--shared->masks_left], 4);
    return 0;
}

/* Writes the header of a frame but for the mask. Returns its length. */
static size_t put_header(uint8_t *header, unsigned first, bool is_masked, uint64_t length)
{
    unsigned masked = is_masked ? RP_WS_MASKED : 0;
    size_t bytes = length <= 125 ? 0 : length <= UINT16_MAX ? 2 : 8;

    header[0] = (uint8_t)first;
    header[1] = (uint8_t)(masked | (bytes == 8 ? 127 : bytes == 2 ? 126 : length));
    for (size_t i = 0; i < bytes; i++)
        header[2 + i] = (uint8_t)(length >> 8 * (bytes - 1 - i));
    return 2 + bytes;
}

static int write_frame(struct rp_ws *ws, struct rp_buf *out, unsigned first,
                       struct rp_slice payload)
{
    uint8_t header[RP_WS_HEADER_MAX], *mask;
    size_t len = put_header(header, first, !ws->is_server, payload.len);
    int r;

    mask = header + len;
    if (!ws->is_server) {
        r = rp_ws_take_mask(ws->shared, mask);
        if (r < 0)
            return r;
        len += 4;
    }
    r = rp_buf_reserve(out, len + payload.len);
    if (r < 0)
        return r;
    rp_buf_append(out, header, len);
    if (ws->is_server) {
        rp_buf_append_slice(out, payload);
    } else if (payload.len) {
        rp_ws_mask_copy(out->data + out->len, payload.ptr, payload.len, mask, 0);
        out->len += payload.len;
        out->data[out->len] = '\0';
    }
    return 0;
}

/* The compressed bytes are written behind the place of the longest header, and then moved to where
 * they belong as they are masked. */
static int write_compressed(struct rp_ws *ws, struct rp_buf *out, unsigned first,
                            struct rp_slice payload)
{
    size_t before = out->len, from = before + RP_WS_HEADER_MAX, length, len;
    uint8_t header[RP_WS_HEADER_MAX], mask[4];
    int r = rp_buf_reserve(out, RP_WS_HEADER_MAX);

    if (r == 0 && !ws->is_server)
        r = rp_ws_take_mask(ws->shared, mask);
    if (r < 0)
        return r;
    out->len = from;
    r = rp_ws_compress(ws->deflate, &ws->shared->compressor, payload, out);
    length = out->len - from;
    out->len = before;
    out->data[before] = '\0';
    if (r < 0)
        return r;
    len = put_header(header, first | RP_WS_COMPRESSED, !ws->is_server, length);
    if (ws->is_server) {
        memmove(out->data + before + len, out->data + from, length);
    } else {
        memcpy(header + len, mask, sizeof(mask));
        len += sizeof(mask);
        rp_ws_mask_copy(out->data + before + len, out->data + from, length, mask, 0);
    }
    memcpy(out->data + before, header, len);
    out->len = before + len + length;
    out->data[out->len] = '\0';
    return 0;
}

int rp_ws_write(struct rp_ws *ws, struct rp_buf *out, enum rp_ws_event kind,
                struct rp_slice payload)
{
    rp_assert(kind == RP_WS_TEXT || kind == RP_WS_BINARY ||
              ((kind == RP_WS_PING || kind == RP_WS_PONG) && payload.len <= RP_WS_CONTROL_MAX));
    if (ws->close_sent)
        return -EPIPE;
    if (ws->deflate && (kind == RP_WS_TEXT || kind == RP_WS_BINARY))
        return write_compressed(ws, out, RP_WS_FIN | (unsigned)kind, payload);
    return write_frame(ws, out, RP_WS_FIN | (unsigned)kind, payload);
}

/* ---- closing ---------------------------------------------------------------------------------- */

bool rp_ws_is_close_code(unsigned code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

int rp_ws_write_close(struct rp_ws *ws, struct rp_buf *out, unsigned code, struct rp_slice reason)
{
    char payload[RP_WS_CONTROL_MAX] = { (char)(code >> 8), (char)code };
    bool has_code = code != RP_WS_NO_CODE;
    struct rp_utf8 utf8 = { 0 };
    int r;

    if (ws->close_sent)
        return -EPIPE;
    if ((has_code ? !rp_ws_is_close_code(code) : reason.len > 0) || reason.len > RP_WS_REASON_MAX ||
        !rp_utf8_take(&utf8, reason) || !rp_utf8_is_whole(&utf8))
        return -EINVAL;
    if (reason.len)
        memcpy(payload + 2, reason.ptr, reason.len);
    r = write_frame(ws, out, RP_WS_FIN | RP_WS_CLOSE,
                    rp_slice(payload, has_code ? 2 + reason.len : 0));
    if (r == 0)
        ws->close_sent = true;
    return r;
}

int rp_ws_answer_close(struct rp_ws *ws, struct rp_buf *out)
{
    if (ws->close_sent || (!ws->error && !ws->close_received))
        return 0;
    if (ws->error)
        return rp_ws_write_close(ws, out, rp_ws_error_code(ws->error),
                                 rp_slice_str(rp_ws_error_text(ws->error)));
    return rp_ws_write_close(ws, out, ws->close_code, RP_SLICE(""));
}

/* SPDX-License-Identifier: MIT */
#include "fuzz_targets.h"

#include "base/error.h"
#include "proto/sse.h"

/* What comes in pieces must be the same events as what comes at once. */

enum { OUT_MAX = 1 << 22 };

static enum rp_sse_result run(const uint8_t *data, size_t size, size_t piece, size_t max,
                              struct rp_buf *out)
{
    enum rp_sse_result result = RP_SSE_MORE;
    struct rp_sse_event event;
    struct rp_sse sse;

    rp_sse_init(&sse, max);
    for (size_t at = 0; at < size && result == RP_SSE_MORE;) {
        size_t len = piece < size - at ? piece : size - at;
        struct rp_slice input = rp_slice((const char *)data + at, len);

        at += len;
        while ((result = rp_sse_parse(&sse, &input, &event)) == RP_SSE_EVENT) {
            rp_assert(event.event.len && event.event.ptr && event.data.ptr && event.id.ptr);
            rp_assert(!event.id.len || !memchr(event.id.ptr, '\0', event.id.len));
            rp_assert(!event.data.len || !memchr(event.data.ptr, '\r', event.data.len));
            rp_buf_append_slice(out, event.event);
            rp_buf_append(out, "|", 1);
            rp_buf_append_slice(out, event.data);
            rp_buf_append(out, "|", 1);
            rp_buf_append_slice(out, event.id);
            rp_buf_append(out, &event.retry_ms, sizeof(event.retry_ms));
        }
        rp_assert(result != RP_SSE_MORE || input.len == 0);
    }
    rp_sse_deinit(&sse);
    return result;
}

int rp_fuzz_sse(const uint8_t *data, size_t size)
{
    static const size_t maxima[] = { 1 << 20, 100, 10, 1 };
    struct rp_buf whole, parts;
    enum rp_sse_result a, b;

    if (size < 2)
        return 0;
    rp_buf_init(&whole, OUT_MAX);
    rp_buf_init(&parts, OUT_MAX);
    a = run(data + 2, size - 2, size, maxima[data[0] & 3], &whole);
    b = run(data + 2, size - 2, (size_t)1 + data[1] % 16, maxima[data[0] & 3], &parts);
    rp_assert(a == b && whole.error == parts.error);
    rp_assert(rp_slice_eq(rp_buf_slice(&whole), rp_buf_slice(&parts)));
    rp_buf_deinit(&whole);
    rp_buf_deinit(&parts);
    return 0;
}

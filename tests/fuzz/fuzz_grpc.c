/* SPDX-License-Identifier: MIT */
#include "fuzz_targets.h"

#include "proto/grpc.h"

/* What comes in pieces must be the same messages as what comes at once. The input is also every other
 * text of gRPC. */

enum { OUT_MAX = 1 << 22 };

static enum rp_grpc_event run(struct rp_slice in, size_t piece, size_t max, struct rp_buf *out)
{
    enum rp_grpc_event event = RP_GRPC_MORE;
    struct rp_grpc_message message;
    size_t taken = 0;

    for (size_t end = 0; end < in.len && event == RP_GRPC_MORE;) {
        end = piece < in.len - end ? end + piece : in.len;
        for (;;) {
            struct rp_slice rest = rp_slice(in.ptr + taken, end - taken);

            event = rp_grpc_next(&rest, max, &message);
            if (event != RP_GRPC_MESSAGE) {
                rp_assert(rest.len == end - taken);
                break;
            }
            rp_assert(message.bytes.len == message.size && message.size <= max);
            rp_assert(end - rest.len - taken == RP_GRPC_PREFIX + message.bytes.len);
            taken = end - rest.len;
            rp_grpc_append(out, message.bytes, message.is_compressed);
        }
    }
    /* What was read is what was there. */
    rp_assert(out->error || (out->len == taken && memcmp(rp_buf_str(out), in.ptr, taken) == 0));
    return event;
}

static void read_texts(struct rp_slice in)
{
    char timeout[RP_GRPC_TIMEOUT_TEXT];
    rp_ns time = 0, again;
    struct rp_buf out, back;

    rp_buf_init(&out, OUT_MAX);
    rp_grpc_append_message_text(&out, in);
    rp_assert(out.error || out.len <= in.len);
    rp_buf_reset(&out);
    rp_buf_init(&back, OUT_MAX);
    rp_grpc_append_message_value(&out, in);
    rp_grpc_append_message_text(&back, rp_buf_slice(&out));
    rp_assert(out.error || rp_slice_eq(rp_buf_slice(&back), in));
    rp_buf_deinit(&back);
    rp_buf_deinit(&out);
    rp_assert(!rp_grpc_timeout_parse(in, &again) || again >= 0);
    rp_assert(rp_grpc_status_parse(in) < RP_GRPC_STATUSES);
    (void)rp_grpc_is_content_type(in);
    for (size_t i = 0; i < in.len && i < 8; i++)
        time = (rp_ns)((uint64_t)time << 8 | (uint8_t)in.ptr[i]) & INT64_MAX;
    rp_assert(rp_grpc_status_of_reset((uint32_t)time) < RP_GRPC_STATUSES);
    rp_grpc_timeout_text(time, timeout);
    rp_assert(strlen(timeout) >= 2 && strlen(timeout) <= 9);
    rp_assert(rp_grpc_timeout_parse(rp_slice_str(timeout), &again) && again >= time);
}

int rp_fuzz_grpc(const uint8_t *data, size_t size)
{
    static const size_t maxima[] = { 1 << 20, 100, 10, 0 };
    struct rp_buf whole, parts;
    struct rp_slice in;
    enum rp_grpc_event a, b;

    if (size < 3)
        return 0;
    in = rp_slice((const char *)data + 2, size - 2);
    rp_buf_init(&whole, OUT_MAX);
    rp_buf_init(&parts, OUT_MAX);
    a = run(in, in.len, maxima[data[0] & 3], &whole);
    b = run(in, (size_t)1 + data[1] % 16, maxima[data[0] & 3], &parts);
    rp_assert(a == b && rp_slice_eq(rp_buf_slice(&whole), rp_buf_slice(&parts)));
    rp_buf_deinit(&whole);
    rp_buf_deinit(&parts);
    read_texts(in);
    return 0;
}

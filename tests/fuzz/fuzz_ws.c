/* SPDX-License-Identifier: MIT */
#include "fuzz_targets.h"

#include "../unit/proto/ws_trace.h"
#include "base/compiler.h"

/* What comes in pieces must be the same events as what comes at once, within the limits; and each
 * message that is read can be written and read again by the other side. */

enum { OUT_MAX = 1 << 22, MESSAGE_MAX = 20000, FRAME_MAX = 10000 };

static void open_ws(struct rp_ws *ws, struct rp_ws_shared *shared, uint8_t choice, bool is_server,
                    size_t message_max)
{
    struct rp_ws_deflate_terms terms = { .server_no_context = choice & 4,
                                         .client_no_context = choice & 8,
                                         .server_bits = (uint8_t)(8 + (choice >> 4 & 7)),
                                         .client_bits = (uint8_t)(15 - (choice >> 4 & 7)) };
    struct rp_ws_config config = {
        .shared = shared, .is_server = is_server, .message_max = message_max, .frame_max = FRAME_MAX
    };

    if (choice & 2) {
        config.deflate = rp_ws_deflate_new(&terms, is_server, 0);
        rp_assert(config.deflate);
    }
    rp_ws_init(ws, &config);
}

static void run(const uint8_t *data, size_t size, size_t piece, uint8_t choice,
                struct rp_ws_shared *shared, struct rp_buf *out)
{
    struct rp_slice rest = RP_SLICE("\x81\x01x"), payload;
    size_t left = rest.len;
    struct rp_ws ws;

    open_ws(&ws, shared, choice, choice & 1, MESSAGE_MAX);
    if (rp_ws_trace(&ws, rp_slice((const char *)data, size), piece, out) == RP_WS_ERROR) {
        rp_assert(rp_ws_error_code(ws.error) >= 1000);
        rp_assert(rp_ws_read(&ws, &rest, &payload) == RP_WS_ERROR && rest.len == left);
    }
    rp_buf_appendf(out, "%d %d", ws.error, rp_ws_is_inside(&ws));
    rp_assert(ws.message.len <= MESSAGE_MAX);
    rp_ws_deinit(&ws);
}

/* Reads all at once, and sends each message on to a third one. */
static void send_on(const uint8_t *data, size_t size, uint8_t choice, struct rp_ws_shared *shared)
{
    struct rp_slice input = rp_slice((const char *)data, size), payload = { 0 }, again = { 0 };
    struct rp_ws ws, from, to;
    enum rp_ws_event event;

    open_ws(&ws, shared, choice, choice & 1, MESSAGE_MAX);
    open_ws(&from, shared, choice, choice & 1, MESSAGE_MAX);
    open_ws(&to, shared, choice, !(choice & 1), MESSAGE_MAX);
    while ((event = rp_ws_read(&ws, &input, &payload)) != RP_WS_MORE && event != RP_WS_ERROR) {
        struct rp_buf wire;
        struct rp_slice sent;

        if (event == RP_WS_CLOSE || payload.len > FRAME_MAX / 2)
            continue;
        rp_buf_init(&wire, OUT_MAX);
        rp_assert(rp_ws_write(&from, &wire, event, payload) == 0);
        sent = rp_buf_slice(&wire);
        rp_assert(rp_ws_read(&to, &sent, &again) == event);
        rp_assert(sent.len == 0 && rp_slice_eq(payload, again));
        rp_buf_deinit(&wire);
    }
    rp_ws_deinit(&ws);
    rp_ws_deinit(&from);
    rp_ws_deinit(&to);
}

int rp_fuzz_ws(const uint8_t *data, size_t size)
{
    struct rp_ws_shared shared = { 0 };
    struct rp_buf whole, parts;

    if (size < 2)
        return 0;
    rp_buf_init(&whole, OUT_MAX);
    rp_buf_init(&parts, OUT_MAX);
    run(data + 2, size - 2, size, data[0], &shared, &whole);
    run(data + 2, size - 2, (size_t)1 + data[1] % 32, data[0], &shared, &parts);
    rp_assert(whole.error == parts.error);
    rp_assert(rp_slice_eq(rp_buf_slice(&whole), rp_buf_slice(&parts)));
    send_on(data + 2, size - 2, data[0], &shared);
    rp_ws_shared_deinit(&shared);
    rp_buf_deinit(&whole);
    rp_buf_deinit(&parts);
    return 0;
}

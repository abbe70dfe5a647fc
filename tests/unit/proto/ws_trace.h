/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * ws_trace.h - what a WebSocket connection says of some input, as text; for tests and fuzzers.
 */

#include "proto/ws.h"

/* Appends what the bytes of @in are, which come in pieces of @piece bytes: "text(hello);",
 * "ping();", "close(1000 bye);", "error(1002 a control frame is fragmented);". Returns the last
 * event. Each piece lies in memory of its own size, so that a reader that goes too far is found. */
enum rp_ws_event rp_ws_trace(struct rp_ws *ws, struct rp_slice in, size_t piece,
                             struct rp_buf *out);

/* Appends bytes from a text like "81 05 'hello' 'x'*3": two digits are a byte, 'text' stands for itself,
 * and *N repeats what stands before it. */
void rp_ws_append_bytes(struct rp_buf *out, const char *text);

/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * script/trace.h - shows requests and their answers to people: what `--once` is for.
 */

#include "base/buf.h"
#include "http/http.h"

/* Appends the lines of a request that has ended, and of its answer or its error. Values of header
 * fields that are not known to be harmless are "***"; of bodies the first 2,048 bytes are shown when they are text, and the values of names that sound
 * like secrets are "***" there too. */
void rp_trace_write(const struct rp_http_call *call, struct rp_slice request_head,
                    struct rp_buf *out);
/* The same to standard output, at once: a rp_http_trace_fn. */
void rp_trace_print(const struct rp_http_call *call, struct rp_slice request_head);

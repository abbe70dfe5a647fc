/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * script/trace.h - shows requests and their answers to people: what `--once` is for.
 */

#include "base/buf.h"
#include "http/http.h"

/* Appends the lines of a request that has ended, and of its answer or its error. Values of header
 * fields that are not known to be harmless are "***"; of bodies only the size is shown. */
void rp_trace_write(const struct rp_http_call *call, struct rp_slice request_head,
                    struct rp_buf *out);
/* The same to standard output, at once: a rp_http_trace_fn. */
void rp_trace_print(const struct rp_http_call *call, struct rp_slice request_head);

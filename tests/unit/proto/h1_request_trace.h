/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * h1_request_trace.h - runs the parser of requests over an input cut into pieces and keeps all that it said, for
 * comparison. What h1_trace.h is for responses, whose splits it uses.
 */

#include "h1_trace.h"
#include "proto/h1_request.h"

struct h1_request_trace {
    enum rp_h1_event end; /* MORE, DONE or ERROR */
    bool has_head;
    struct rp_h1_request request; /* as it was at the end */
    struct rp_buf head, body;
};

/* Parses one request. Each piece is parsed in a block of exactly its size, so that a sanitizer sees reads past it. Stops
 * the program when an event breaks the header's promises. */
void h1_request_trace_run(struct h1_request_trace *trace, struct rp_slice input, size_t head_max,
                          struct h1_split split);
void h1_request_trace_deinit(struct h1_request_trace *trace);
/* What differs, or NULL. */
const char *h1_request_trace_difference(const struct h1_request_trace *a,
                                        const struct h1_request_trace *b);

/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * h1_trace.h - runs the HTTP/1 parser over an input cut into pieces and keeps all that it said, for comparison.
 */

#include "base/buf.h"
#include "proto/h1.h"

struct h1_trace {
    enum rp_h1_event end; /* MORE, DONE or ERROR */
    bool has_head;
    struct rp_h1_parser parser; /* as it was at the end */
    struct rp_buf head, body;
};

/* The length of the next piece of @left bytes, 1..left. */
typedef size_t h1_split_fn(void *context, size_t left);

struct h1_split {
    h1_split_fn *next; /* NULL: one piece */
    void *context;
};

/* Each piece is parsed in a block of exactly its size, so that a sanitizer sees reads past it. @closes: the peer closes
 * after the input. Stops the program when an event breaks the header's promises. */
void h1_trace_run(struct h1_trace *trace, struct rp_slice input, size_t head_max,
                  bool is_head_request, bool closes, struct h1_split split);
void h1_trace_deinit(struct h1_trace *trace);
/* What differs, or NULL. */
const char *h1_trace_difference(const struct h1_trace *a, const struct h1_trace *b);

/* Pieces of @context's (size_t) bytes; the first piece only has that length. */
size_t h1_split_every(void *context, size_t left);
size_t h1_split_once(void *context, size_t left);
/* 1 to 8 bytes, sometimes more, from the seed at @context (uint64_t). */
size_t h1_split_random(void *context, size_t left);
uint64_t h1_random(uint64_t *seed);

/* SPDX-License-Identifier: MIT */
#include "h1_trace.h"

#include <stdlib.h>

static void check_event(const struct h1_trace *trace, enum rp_h1_event event, struct rp_slice input,
                        struct rp_slice body)
{
    rp_assert(event != RP_H1_MORE || input.len == 0);
    rp_assert(event != RP_H1_HEAD || !trace->has_head);
    rp_assert(event != RP_H1_BODY || (trace->has_head && body.len));
    rp_assert(event != RP_H1_DONE || trace->has_head);
    rp_assert((event == RP_H1_ERROR) == (trace->parser.error != RP_H1_OK));
}

static void parse_piece(struct h1_trace *trace, const char *data, size_t len)
{
    char *block = malloc(len ? len : 1);
    struct rp_slice input = rp_slice(block, len), body = { 0 };
    uint64_t before = trace->parser.offset;

    rp_assert(block);
    if (len)
        memcpy(block, data, len);
    do {
        trace->end = rp_h1_parse(&trace->parser, &input, &body);
        check_event(trace, trace->end, input, body);
        if (trace->end == RP_H1_HEAD)
            trace->has_head = true;
        if (trace->end == RP_H1_BODY)
            rp_buf_append_slice(&trace->body, body);
    } while (trace->end == RP_H1_HEAD || trace->end == RP_H1_BODY);
    rp_assert(trace->end == RP_H1_ERROR || trace->parser.offset - before == len - input.len);
    free(block);
}

void h1_trace_run(struct h1_trace *trace, struct rp_slice input, size_t head_max,
                  bool is_head_request, bool closes, struct h1_split split)
{
    size_t at = 0, len;

    *trace = (struct h1_trace){ .end = RP_H1_MORE };
    rp_buf_init(&trace->head, head_max);
    rp_buf_init(&trace->body, SIZE_MAX / 2);
    rp_h1_parser_reset(&trace->parser, &trace->head, is_head_request);
    for (; at < input.len && trace->end == RP_H1_MORE; at += len) {
        len = split.next ? split.next(split.context, input.len - at) : input.len;
        parse_piece(trace, input.ptr + at, len);
    }
    if (closes && trace->end != RP_H1_ERROR) {
        /* The head's event may be followed by the end without another byte. */
        parse_piece(trace, NULL, 0);
        trace->end = rp_h1_parse_end(&trace->parser);
    }
    rp_assert(trace->body.error == 0);
}

void h1_trace_deinit(struct h1_trace *trace)
{
    rp_buf_deinit(&trace->head);
    rp_buf_deinit(&trace->body);
}

const char *h1_trace_difference(const struct h1_trace *a, const struct h1_trace *b)
{
    const struct rp_h1_parser *p = &a->parser, *q = &b->parser;

    if (a->end != b->end)
        return "the last event";
    if (p->error != q->error)
        return "the error";
    if (p->offset != q->offset)
        return "the offset";
    if (a->has_head != b->has_head)
        return "whether there is a head";
    if (p->informational != q->informational)
        return "the number of 1xx responses";
    if (!rp_slice_eq(rp_buf_slice(&a->body), rp_buf_slice(&b->body)))
        return "the body";
    if (!a->has_head)
        return NULL;
    if (!rp_slice_eq(rp_buf_slice(&a->head), rp_buf_slice(&b->head)))
        return "the head";
    if (p->status != q->status || p->minor_version != q->minor_version)
        return "the status line";
    if (p->keep_alive != q->keep_alive || p->is_chunked != q->is_chunked ||
        p->ends_with_connection != q->ends_with_connection ||
        p->content_length != q->content_length)
        return "the framing";
    return NULL;
}

size_t h1_split_every(void *context, size_t left)
{
    size_t len = *(size_t *)context;

    return len < left ? len : left;
}

size_t h1_split_once(void *context, size_t left)
{
    size_t len = *(size_t *)context;

    *(size_t *)context = SIZE_MAX;
    return len < left ? len : left;
}

uint64_t h1_random(uint64_t *seed)
{
    uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

size_t h1_split_random(void *context, size_t left)
{
    uint64_t random = h1_random(context);
    size_t len = 1 + (random & 7) + ((random >> 8 & 15) ? 0 : random >> 16 & 1023);

    return len < left ? len : left;
}

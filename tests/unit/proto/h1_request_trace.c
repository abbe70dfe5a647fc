/* SPDX-License-Identifier: MIT */
#include "h1_request_trace.h"

#include <stdlib.h>

static void check_event(const struct h1_request_trace *trace, struct rp_slice input,
                        struct rp_slice body)
{
    enum rp_h1_event event = trace->end;

    rp_assert(event != RP_H1_MORE || input.len == 0);
    rp_assert(event != RP_H1_HEAD || !trace->has_head);
    rp_assert(event != RP_H1_BODY || (trace->has_head && body.len));
    rp_assert(event != RP_H1_DONE || trace->has_head);
    rp_assert((event == RP_H1_ERROR) == (trace->request.parser.error != RP_H1_OK));
}

static void parse_piece(struct h1_request_trace *trace, const char *data, size_t len)
{
    char *block = malloc(len ? len : 1);
    struct rp_slice input = rp_slice(block, len), body = { 0 };
    uint64_t before = trace->request.parser.offset;

    rp_assert(block);
    if (len)
        memcpy(block, data, len);
    do {
        trace->end = rp_h1_request_parse(&trace->request, &input, &body);
        check_event(trace, input, body);
        if (trace->end == RP_H1_HEAD)
            trace->has_head = true;
        if (trace->end == RP_H1_BODY)
            rp_buf_append_slice(&trace->body, body);
    } while (trace->end == RP_H1_HEAD || trace->end == RP_H1_BODY);
    rp_assert(trace->end == RP_H1_ERROR ||
              trace->request.parser.offset - before == len - input.len);
    free(block);
}

void h1_request_trace_run(struct h1_request_trace *trace, struct rp_slice input, size_t head_max,
                          struct h1_split split)
{
    size_t at = 0, len;

    *trace = (struct h1_request_trace){ .end = RP_H1_MORE };
    rp_buf_init(&trace->head, head_max);
    rp_buf_init(&trace->body, SIZE_MAX / 2);
    rp_h1_request_reset(&trace->request, &trace->head);
    for (; at < input.len && trace->end == RP_H1_MORE; at += len) {
        len = split.next ? split.next(split.context, input.len - at) : input.len - at;
        parse_piece(trace, input.ptr + at, len);
    }
    rp_assert(trace->body.error == 0);
}

void h1_request_trace_deinit(struct h1_request_trace *trace)
{
    rp_buf_deinit(&trace->head);
    rp_buf_deinit(&trace->body);
}

const char *h1_request_trace_difference(const struct h1_request_trace *a,
                                        const struct h1_request_trace *b)
{
    const struct rp_h1_request *p = &a->request, *q = &b->request;

    if (a->end != b->end)
        return "the last event";
    if (p->parser.error != q->parser.error)
        return "the error";
    if (p->parser.offset != q->parser.offset)
        return "the offset";
    if (a->has_head != b->has_head)
        return "whether there is a head";
    if (!rp_slice_eq(rp_buf_slice(&a->body), rp_buf_slice(&b->body)))
        return "the body";
    if (!a->has_head)
        return NULL;
    if (!rp_slice_eq(rp_buf_slice(&a->head), rp_buf_slice(&b->head)))
        return "the head";
    if (!rp_slice_eq(p->method, q->method) || !rp_slice_eq(p->path, q->path) ||
        !rp_slice_eq(p->query, q->query) || p->is_head != q->is_head ||
        p->parser.minor_version != q->parser.minor_version)
        return "the request line";
    if (p->parser.keep_alive != q->parser.keep_alive ||
        p->parser.is_chunked != q->parser.is_chunked ||
        p->parser.content_length != q->parser.content_length ||
        p->expects_continue != q->expects_continue)
        return "the framing";
    return NULL;
}

/* SPDX-License-Identifier: MIT */
#include "fuzz_targets.h"

#include "../unit/proto/h1_trace.h"

/*
 * The parse in pieces must tell the same as the parse in one, and what the parser accepted must be walkable: every
 * field of the head has a name and a value that the same parser would let out again.
 */

struct cuts {
    const uint8_t *data;
    size_t size, at;
};

/* The lengths of the pieces are the input's own bytes, read from its end: 1 to 16, sometimes more. */
static size_t next_cut(void *context, size_t left)
{
    struct cuts *cuts = context;
    uint8_t byte = cuts->size ? cuts->data[cuts->size - 1 - cuts->at++ % cuts->size] : 0;
    size_t len = byte < 240 ? (size_t)1 + (byte & 15) : (size_t)(byte - 239) * 64;

    return len < left ? len : left;
}

static void check_fields(struct rp_slice head)
{
    struct rp_slice name, value;
    size_t pos = 0, lines = 0, fields = 0;

    for (size_t i = 0; i < head.len; i++)
        lines += head.ptr[i] == '\n';
    while (rp_h1_next_field(head, &pos, &name, &value)) {
        rp_assert(rp_h1_is_token(name));
        rp_assert(rp_h1_is_field_value(value));
        fields++;
    }
    rp_assert(fields + 2 == lines);
    rp_assert(rp_h1_is_field_value(rp_h1_reason(head)));
}

static void check_body(const struct h1_trace *t)
{
    const struct rp_h1_parser *p = &t->parser;

    rp_assert(p->status >= 100 && p->status <= 999);
    rp_assert(!p->ends_with_connection || !p->keep_alive);
    rp_assert(!p->is_chunked || p->content_length == UINT64_MAX);
    if (p->content_length != UINT64_MAX)
        rp_assert(t->body.len <= p->content_length);
    if (t->end == RP_H1_DONE && t->body.len && !p->is_chunked && !p->ends_with_connection)
        rp_assert(t->body.len == p->content_length);
}

int rp_fuzz_h1(const uint8_t *data, size_t size)
{
    static const size_t maxima[] = { RP_H1_HEAD_MAX, 4096, 100, 30 };
    struct h1_trace whole, parts;
    struct cuts cuts = { 0 };
    struct rp_slice input;
    bool is_head, closes;
    size_t head_max;

    if (size < 2)
        return 0;
    is_head = data[0] & 1;
    closes = data[0] & 2;
    head_max = maxima[data[0] >> 2 & 3];
    cuts = (struct cuts){ data + 1, size - 1, data[1] };
    input = rp_slice((const char *)data + 2, size - 2);
    h1_trace_run(&whole, input, head_max, is_head, closes, (struct h1_split){ 0 });
    h1_trace_run(&parts, input, head_max, is_head, closes, (struct h1_split){ next_cut, &cuts });
    rp_assert(h1_trace_difference(&whole, &parts) == NULL);
    if (whole.has_head) {
        check_fields(rp_buf_slice(&whole.head));
        check_body(&whole);
    }
    h1_trace_deinit(&whole);
    h1_trace_deinit(&parts);
    return 0;
}

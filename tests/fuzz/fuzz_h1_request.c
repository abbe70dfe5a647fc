/* SPDX-License-Identifier: MIT */
#include "fuzz_targets.h"

#include "../unit/proto/h1_request_trace.h"

/*
 * The parse in pieces must tell the same as the parse in one, and what was accepted must be what a strict reader would
 * take for one request: a path, one way of framing, fields that may stand in a head.
 */

static void check_request(const struct h1_request_trace *t)
{
    const struct rp_h1_request *request = &t->request;
    const struct rp_h1_parser *p = &request->parser;
    struct rp_slice name, value;
    size_t pos = 0, hosts = 0, lengths = 0, fields = 0;

    rp_assert(rp_h1_is_token(request->method));
    rp_assert(request->path.len && request->path.ptr[0] == '/');
    rp_assert(!memchr(request->path.ptr, '?', request->path.len));
    while (rp_h1_next_field(rp_buf_slice(&t->head), &pos, &name, &value)) {
        rp_assert(rp_h1_is_token(name));
        rp_assert(rp_h1_is_field_value(value));
        hosts += rp_slice_ieq(name, RP_SLICE("host"));
        lengths += rp_slice_ieq(name, RP_SLICE("content-length"));
        fields++;
    }
    rp_assert(fields <= RP_H1_REQUEST_FIELDS_MAX);
    rp_assert(hosts == 1 || (hosts == 0 && p->minor_version == 0));
    rp_assert((lengths > 0) == (p->content_length != UINT64_MAX));
    rp_assert(!p->is_chunked || (!lengths && p->minor_version == 1));
    if (t->end == RP_H1_DONE && !p->is_chunked)
        rp_assert(t->body.len == (lengths ? p->content_length : 0));
}

int rp_fuzz_h1_request(const uint8_t *data, size_t size)
{
    static const size_t maxima[] = { 8192, 1000, 100, 30 };
    struct h1_request_trace whole, parts;
    struct rp_slice input;
    uint64_t seed;
    size_t head_max;

    if (size < 2)
        return 0;
    head_max = maxima[data[0] & 3];
    seed = data[1];
    input = rp_slice((const char *)data + 2, size - 2);
    h1_request_trace_run(&whole, input, head_max, (struct h1_split){ 0 });
    h1_request_trace_run(&parts, input, head_max, (struct h1_split){ h1_split_random, &seed });
    rp_assert(h1_request_trace_difference(&whole, &parts) == NULL);
    if (whole.has_head)
        check_request(&whole);
    h1_request_trace_deinit(&whole);
    h1_request_trace_deinit(&parts);
    return 0;
}

/* SPDX-License-Identifier: MIT */

/* Requests as a server reads them: by tables, in any split, within their limits. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "h1_request_trace.h"

#define HOST "Host: h\r\n"
enum { HEAD_MAX = 8192, MORE = 1 };

static const struct head_case {
    const char *input;
    int status; /* 0 = accepted; MORE */
    const char *path, *query;
    uint64_t length;
    bool keep_alive, is_head, is_chunked;
} head_cases[] = {
    { "GET / HTTP/1.1\r\n" HOST "\r\n", 0, "/", "", 0, true },
    { "GET /a?b=c?d HTTP/1.1\r\n" HOST "\r\nGET", 0, "/a", "b=c?d", 0, true },
    { "GET /a? HTTP/1.1\r\n" HOST "\r\n", 0, "/a", "", 0, true },
    { "GET / HTTP/1.1\n" HOST "\n", 0, "/", "", 0, true },
    { "\r\n\nGET / HTTP/1.1\r\n" HOST "\r\n", 0, "/", "", 0, true },
    { "GET / HTTP/1.0\r\n\r\n", 0, "/", "", 0, false },
    { "GET / HTTP/1.0\r\nConnection: x , Keep-Alive\r\n\r\n", 0, "/", "", 0, true },
    { "GET / HTTP/1.1\r\n" HOST "connection:close\r\n\r\n", 0, "/", "", 0, false },
    { "HEAD /x HTTP/1.1\r\n" HOST "\r\n", 0, "/x", "", 0, true, true },
    { "GET http://h:1/p?q HTTP/1.1\r\n" HOST "\r\n", 0, "/p", "q", 0, true },
    { "GET HTTP://h HTTP/1.1\r\n" HOST "\r\n", 0, "/", "", 0, true },
    { "POST /e HTTP/1.1\r\n" HOST "content-length: 12 \r\n\r\n", 0, "/e", "", 12, true },
    { "POST /e HTTP/1.1\r\n" HOST "Content-Length: 3\r\nContent-Length: 3\r\n\r\n", 0, "/e", "", 3,
      true },
    { "POST /e HTTP/1.1\r\n" HOST "Transfer-Encoding: Chunked\r\n\r\n", 0, "/e", "", 0, true, false,
      true },
    { "GET / HTTP/1.1\r\n" HOST "X:\r\n\r\n", 0, "/", "", 0, true },
    { "GET / HTTP/1.1\r\n" HOST "X: \xff\t y\r\n\r\n", 0, "/", "", 0, true },
    { "", MORE },
    { "\r\n", MORE },
    { "\r", MORE },
    { "GET / HTTP/1.1\r\n" HOST, MORE },
    { "GET / HTTP/1.1\r\n" HOST "\r", MORE },
    { "\x16\x03\x01", 400 },
    { "\rGET / HTTP/1.1\r\n", 400 },
    { "\r\r\nGET / HTTP/1.1\r\n", 400 },
    { " GET / HTTP/1.1\r\n", 400 },
    { "GET\r\n", 400 },
    { "GET /\r\n", 400 },
    { "GET  HTTP/1.1\r\n", 400 },
    { "G\"T / HTTP/1.1\r\n", 400 },
    { "GET x HTTP/1.1\r\n", 400 },
    { "GET * HTTP/1.1\r\n", 400 },
    { "GET /a b HTTP/1.1\r\n", 400 },
    { "GET /\xc3\xa9 HTTP/1.1\r\n", 400 },
    { "GET / HTTP/1.1 \r\n", 400 },
    { "GET / http/1.1\r\n", 400 },
    { "GET / HTTP/11\r\n", 400 },
    { "GET / HTTP/1.1\rX\r\n", 400 },
    { "GET / HTTP/2.0\r\n", 505 },
    { "GET / HTTP/1.2\r\n", 505 },
    { "GET / HTTP/1.1\r\n\r\n", 400 }, /* no Host */
    { "GET / HTTP/1.1\r\n" HOST HOST "\r\n", 400 },
    { "GET / HTTP/1.1\r\nX : y\r\n", 400 },
    { "GET / HTTP/1.1\r\n: y\r\n", 400 },
    { "GET / HTTP/1.1\r\nX\r\n", 400 },
    { "GET / HTTP/1.1\r\nX: a\r\n b\r\n", 400 }, /* folded */
    { "GET / HTTP/1.1\r\nX: a\rb\r\n", 400 },
    { "GET / HTTP/1.1\r\nX: a\x01\r\n", 400 },
    { "GET / HTTP/1.1\r\nX: a\x7f\r\n", 400 },
    { "POST / HTTP/1.1\r\nContent-Length: -1\r\n", 400 },
    { "POST / HTTP/1.1\r\nContent-Length: +1\r\n", 400 },
    { "POST / HTTP/1.1\r\nContent-Length: 1,1\r\n", 400 },
    { "POST / HTTP/1.1\r\nContent-Length:\r\n", 400 },
    { "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n", 400 },
    { "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n", 400 },
    { "POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400 },
    { "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400 },
    { "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n", 400 },
    { "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n", 501 },
};

static void check_slice(struct rp_slice got, const char *expected)
{
    assert_int_equal(got.len, strlen(expected));
    assert_memory_equal(got.ptr ? got.ptr : "", expected, got.len);
}

static int status_of(const struct h1_request_trace *trace)
{
    if (trace->end == RP_H1_ERROR)
        return rp_h1_request_status(trace->request.parser.error);
    return trace->has_head ? 0 : MORE;
}

static void heads_are_parsed(void **state)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(head_cases); i++) {
        const struct head_case *c = &head_cases[i];
        struct h1_request_trace trace;
        const struct rp_h1_request *request = &trace.request;
        bool is_followed;
        size_t whole = strlen(c->input);

        h1_request_trace_run(&trace, rp_slice_str(c->input), HEAD_MAX, (struct h1_split){ 0 });
        if (status_of(&trace) != c->status)
            print_error("case %zu: %s\n", i, c->input);
        assert_int_equal(status_of(&trace), c->status);
        if (c->status == 0) {
            check_slice(request->path, c->path);
            check_slice(request->query, c->query);
            assert_int_equal(
                request->parser.content_length == UINT64_MAX ? 0 : request->parser.content_length,
                c->length);
            assert_int_equal(rp_h1_request_has_body(request), c->length || c->is_chunked);
            assert_int_equal(request->parser.keep_alive, c->keep_alive);
            assert_int_equal(request->is_head, c->is_head);
            assert_int_equal(request->parser.is_chunked, c->is_chunked);
            is_followed = strcmp(c->input + whole - 3, "GET") == 0;
            assert_int_equal(request->parser.offset, is_followed ? whole - 3 : whole);
        }
        h1_request_trace_deinit(&trace);
    }
}

static void try_splits(const char *input, size_t len, uint64_t *seed)
{
    static const size_t sizes[] = { 1, 2, 3, 5, 17 };
    struct h1_request_trace whole, parts;

    h1_request_trace_run(&whole, rp_slice(input, len), HEAD_MAX, (struct h1_split){ 0 });
    for (size_t i = 0; i < RP_ARRAY_LEN(sizes) + len + 10; i++) {
        size_t size = i < RP_ARRAY_LEN(sizes) ? sizes[i] : i - RP_ARRAY_LEN(sizes) + 1;
        struct h1_split split = { h1_split_every, &size };
        const char *difference;

        if (i >= RP_ARRAY_LEN(sizes))
            split.next = h1_split_once;
        if (i >= RP_ARRAY_LEN(sizes) + len)
            split = (struct h1_split){ h1_split_random, seed };
        h1_request_trace_run(&parts, rp_slice(input, len), HEAD_MAX, split);
        difference = h1_request_trace_difference(&whole, &parts);
        if (difference)
            fail_msg("'%s' in pieces: %s differs", input, difference);
        h1_request_trace_deinit(&parts);
    }
    h1_request_trace_deinit(&whole);
}

/* A head that is cut anywhere asks for more or is refused as the whole one is, and never gives a result of its own. */
static void heads_may_be_split_and_cut_anywhere(void **state)
{
    uint64_t seed = 1;

    for (size_t i = 0; i < RP_ARRAY_LEN(head_cases); i++) {
        const struct head_case *c = &head_cases[i];
        size_t whole = strlen(c->input);

        try_splits(c->input, whole, &seed);
        for (size_t len = 0; len < whole; len++) {
            struct h1_request_trace trace;

            h1_request_trace_run(&trace, rp_slice(c->input, len), HEAD_MAX, (struct h1_split){ 0 });
            if (status_of(&trace) != MORE && !(c->status == 0 && len == whole - 3))
                assert_int_equal(status_of(&trace), c->status);
            h1_request_trace_deinit(&trace);
        }
    }
}

static int parse_status(const char *input, size_t len, size_t *ret_offset)
{
    struct h1_request_trace trace;
    int status;

    h1_request_trace_run(&trace, rp_slice(input, len), HEAD_MAX, (struct h1_split){ 0 });
    status = status_of(&trace);
    *ret_offset = (size_t)trace.request.parser.offset;
    h1_request_trace_deinit(&trace);
    return status;
}

static void big_heads_are_refused(void **state)
{
    char input[3 * HEAD_MAX];
    size_t len, offset;
    const char *start = "GET / HTTP/1.1\r\n" HOST "X: ";

    memset(input, 'a', sizeof(input));
    memcpy(input, start, strlen(start));
    assert_int_equal(parse_status(input, HEAD_MAX, &offset), MORE);
    assert_int_equal(parse_status(input, HEAD_MAX + 1, &offset), 431);
    assert_int_equal(parse_status(input, sizeof(input), &offset), 431);
    memcpy(input + HEAD_MAX - 4, "\r\n\r\n", 4);
    assert_int_equal(parse_status(input, HEAD_MAX, &offset), 0);
    assert_int_equal(offset, HEAD_MAX);

    memset(input, '\n', sizeof(input));
    assert_int_equal(parse_status(input, HEAD_MAX, &offset), MORE);
    assert_int_equal(parse_status(input, sizeof(input), &offset), 431);

    len = (size_t)sprintf(input, "GET / HTTP/1.1\r\n" HOST);
    for (int i = 1; i < RP_H1_REQUEST_FIELDS_MAX; i++)
        len += (size_t)sprintf(input + len, "X: y\r\n");
    sprintf(input + len, "\r\n");
    assert_int_equal(parse_status(input, strlen(input), &offset), 0);
    sprintf(input + len, "X: y\r\n\r\n");
    assert_int_equal(parse_status(input, strlen(input), &offset), 431);
}

/* Eight bytes are looked at in one step: each byte at each place of one, among neighbours that could hide it. */
static void control_characters_are_found_wherever_they_stand(void **state)
{
    static const char neighbours[] = { 'a', '\t', '\x7e', '\x80', '\xff', ' ' };

    for (size_t n = 0; n < sizeof(neighbours); n++) {
        for (int c = 0; c < 256; c++) {
            for (size_t at = 0; at < 18; at++) {
                char input[100] = "GET / HTTP/1.1\r\n" HOST "X:-";
                size_t len = strlen(input), offset;
                bool is_good = (c >= 0x20 && c != 0x7f) || c == '\t';

                if (c == '\n') /* a line end is another matter */
                    continue;
                memset(input + len, neighbours[n], 18);
                input[len + at] = (char)c;
                memcpy(input + len + 18, "-\r\n\r\n", 5);
                assert_int_equal(parse_status(input, len + 23, &offset), is_good ? 0 : 400);
                assert_int_equal(offset, is_good ? len + 23 : len + at);
            }
        }
    }
}

#define CHUNKED "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"

static const struct body_case {
    const char *input; /* up to the end of the body, then "|rest" */
    const char *body;  /* NULL = wrong */
} body_cases[] = {
    { CHUNKED "0\r\n\r\n|GET", "" },
    { CHUNKED "5\r\nhello\r\n0\r\n\r\n|", "hello" },
    { CHUNKED "5;name=\"v\"\r\nhello\r\n01\r\n!\r\n0000\r\nTrailer: x\r\nY: z\r\n\r\n|rest",
      "hello!" },
    { CHUNKED "a\r\n0123456789\r\nB \r\nabcdefghijk\r\n0\r\n\r\n|", "0123456789abcdefghijk" },
    { "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello|GET", "hello" },
    { "POST / HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n|GET", "" },
    { "POST / HTTP/1.1\r\n" HOST "\r\n|GET", "" },
    { CHUNKED "\r\n", NULL },
    { CHUNKED "x\r\n", NULL },
    { CHUNKED ";a\r\n", NULL },
    { CHUNKED "5\nhello\r\n0\r\n\r\n", NULL },
    { CHUNKED "5\rhello", NULL },
    { CHUNKED "1\r\nab", NULL },
    { CHUNKED "1\r\na\rb", NULL },
    { CHUNKED "fffffffffffffffff\r\n", NULL },
};

static void bodies_are_read_in_any_split(void **state)
{
    uint64_t seed = 2;

    for (size_t i = 0; i < RP_ARRAY_LEN(body_cases); i++) {
        const struct body_case *c = &body_cases[i];
        const char *bar = strchr(c->input, '|');
        struct h1_request_trace trace;

        h1_request_trace_run(&trace, rp_slice_str(c->input), HEAD_MAX, (struct h1_split){ 0 });
        assert_int_equal(trace.end, c->body ? RP_H1_DONE : RP_H1_ERROR);
        if (c->body) {
            assert_string_equal(rp_buf_str(&trace.body), c->body);
            assert_int_equal(trace.request.parser.offset, bar - c->input);
        } else {
            assert_int_equal(rp_h1_request_status(trace.request.parser.error), 400);
        }
        h1_request_trace_deinit(&trace);
        try_splits(c->input, strlen(c->input), &seed);
    }
}

static void endless_framing_is_refused(void **state)
{
    static const char *const starts[] = { CHUNKED "5;", CHUNKED "0\r\nX: ", CHUNKED "0\r\n" };
    static const char *const fillers[] = { "aaaa", "aaaa", "a:b\n" };

    for (size_t i = 0; i < RP_ARRAY_LEN(starts); i++) {
        struct rp_h1_request request;
        struct rp_slice input = rp_slice_str(starts[i]), body;
        enum rp_h1_event event;
        struct rp_buf head;
        size_t total = 0;

        rp_buf_init(&head, HEAD_MAX);
        rp_h1_request_reset(&request, &head);
        assert_int_equal(rp_h1_request_parse(&request, &input, &body), RP_H1_HEAD);
        do {
            event = rp_h1_request_parse(&request, &input, &body);
            input = rp_slice_str(fillers[i]);
            total += input.len;
        } while (event == RP_H1_MORE && total < 100000);
        assert_int_equal(event, RP_H1_ERROR);
        rp_buf_deinit(&head);
    }
}

static void memory_may_be_lacking(void **state)
{
    struct rp_slice input = RP_SLICE("GET / HTTP/1.1\r\n" HOST "\r\n"), body;
    struct rp_h1_request request;
    struct rp_buf head;

    rp_buf_init(&head, HEAD_MAX);
    rp_h1_request_reset(&request, &head);
    rp_alloc_fail_at(1);
    assert_int_equal(rp_h1_request_parse(&request, &input, &body), RP_H1_ERROR);
    rp_alloc_fail_at(0);
    assert_int_equal(rp_h1_request_status(request.parser.error), 500);
    rp_buf_deinit(&head);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads_are_parsed),
        cmocka_unit_test(heads_may_be_split_and_cut_anywhere),
        cmocka_unit_test(big_heads_are_refused),
        cmocka_unit_test(control_characters_are_found_wherever_they_stand),
        cmocka_unit_test(bodies_are_read_in_any_split),
        cmocka_unit_test(endless_framing_is_refused),
        cmocka_unit_test(memory_may_be_lacking),
    };

    return cmocka_run_group_tests_name("proto: requests", tests, NULL, NULL);
}

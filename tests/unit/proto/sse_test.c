/* SPDX-License-Identifier: MIT */

/* Server-sent events, by the examples and rules of WHATWG HTML, 9.2. */

#include "proto/sse.h"

#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/alloc.h"

enum { MAX = 1 << 16 };

static void append_event(struct rp_buf *out, const struct rp_sse_event *event)
{
    rp_buf_append_slice(out, event->event);
    rp_buf_append(out, "|", 1);
    rp_buf_append_slice(out, event->data);
    rp_buf_append(out, "|", 1);
    rp_buf_append_slice(out, event->id);
    rp_buf_appendf(out, "|%d;", (int)event->retry_ms);
}

/* All events of @in as text, which comes in pieces of @piece bytes. */
static enum rp_sse_result run(struct rp_slice in, size_t piece, size_t max, struct rp_buf *out)
{
    enum rp_sse_result result = RP_SSE_MORE;
    struct rp_sse_event event;
    struct rp_sse sse;

    rp_sse_init(&sse, max);
    while (in.len && result == RP_SSE_MORE) {
        struct rp_slice part = rp_slice(in.ptr, piece < in.len ? piece : in.len);

        in = rp_slice(in.ptr + part.len, in.len - part.len);
        while ((result = rp_sse_parse(&sse, &part, &event)) == RP_SSE_EVENT)
            append_event(out, &event);
        assert_true(result != RP_SSE_MORE || part.len == 0);
    }
    rp_sse_deinit(&sse);
    return result;
}

static const struct {
    const char *in, *events;
} cases[] = {
    { "data: This is the first message.\n\ndata: This is the second message, it\n"
      "data: has two lines.\n\ndata: This is the third message.\n\n",
      "message|This is the first message.||-1;"
      "message|This is the second message, it\nhas two lines.||-1;"
      "message|This is the third message.||-1;" },
    { "event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\ndata: x\n\n",
      "add|73857293||-1;remove|2153||-1;message|x||-1;" },
    { "data: YHOO\ndata: +2\ndata: 10\n\n", "message|YHOO\n+2\n10||-1;" },
    { ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third "
      "event\n\n",
      "message|first event|1|-1;message|second event||-1;message| third event||-1;" },
    { "data\n\ndata\ndata\n\ndata:", "message|||-1;message|\n||-1;" },
    { "data:test\n\ndata: test\n\n", "message|test||-1;message|test||-1;" },
    { "data: a\r\rdata: b\r\n\r\ndata: c\r\ndata: d\n\r\n", "message|a||-1;message|b||-1;"
                                                            "message|c\nd||-1;" },
    { "data: no blank line follows\n", "" },
    { "event: no data\n\ndata: x\n\n", "message|x||-1;" },
    { "id: 7\n\ndata: x\n\n", "message|x|7|-1;" },
    { "retry: 3000\n\ndata: x\n\nretry: 1x\ndata: y\n\nretry:\ndata: z\n\n",
      "message|x||3000;message|y||3000;message|z||3000;" },
    { "\xef\xbb\xbf"
      "data: mark\n\n\xef\xbb\xbf"
      "data: none\n\n",
      "message|mark||-1;" },
    { "unknown: x\nDATA: x\n data: x\ndata : x\ndata: y\n\n", "message|y||-1;" },
    { "data: a:b: c\n\n\n\n\n", "message|a:b: c||-1;" },
    { "", "" },
};

static void test_events(void **state)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++)
        for (size_t piece = 1; piece <= strlen(cases[i].in) + 1; piece++) {
            struct rp_buf out;

            rp_buf_init(&out, MAX);
            assert_int_equal(run(rp_slice_str(cases[i].in), piece, MAX, &out), RP_SSE_MORE);
            assert_string_equal(rp_buf_str(&out), cases[i].events);
            rp_buf_deinit(&out);
        }
}

static void test_an_id_with_a_nul_is_ignored(void **state)
{
    static const char in[] = "id: 1\ndata: x\n\nid: 2\0003\ndata: y\n\n";
    struct rp_buf out;

    rp_buf_init(&out, MAX);
    assert_int_equal(run(rp_slice(in, sizeof(in) - 1), 100, MAX, &out), RP_SSE_MORE);
    assert_string_equal(rp_buf_str(&out), "message|x|1|-1;message|y|1|-1;");
    rp_buf_deinit(&out);
}

static void test_what_is_too_large(void **state)
{
    struct rp_buf out;

    rp_buf_init(&out, MAX);
    assert_int_equal(run(RP_SLICE("data: 4567890\n\n"), 1, 12, &out), RP_SSE_TOO_LARGE);
    assert_int_equal(run(RP_SLICE("data: 45678\ndata: 4567\n\n"), 4, 12, &out), RP_SSE_MORE);
    assert_int_equal(run(RP_SLICE("data: 45678\ndata: 45678\ndata: 1\n\n"), 4, 12, &out),
                     RP_SSE_TOO_LARGE);
    assert_string_equal(rp_buf_str(&out), "message|45678\n4567||-1;");
    rp_buf_deinit(&out);
}

static void test_without_memory(void **state)
{
    struct rp_slice in = RP_SLICE("event: a\nid: b\ndata: c\n\n");
    enum rp_sse_result result = RP_SSE_NO_MEMORY;
    struct rp_buf out;

    rp_buf_init(&out, MAX);
    assert_int_equal(rp_buf_reserve(&out, 1000), 0);
    for (uint64_t n = 1; result == RP_SSE_NO_MEMORY; n++) {
        assert_true(n < 20);
        rp_buf_reset(&out);
        rp_alloc_fail_at(n);
        result = run(in, 100, MAX, &out);
        rp_alloc_fail_at(0);
    }
    assert_int_equal(result, RP_SSE_MORE);
    assert_string_equal(rp_buf_str(&out), "a|c|b|-1;");
    rp_buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_an_id_with_a_nul_is_ignored),
        cmocka_unit_test(test_what_is_too_large),
        cmocka_unit_test(test_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

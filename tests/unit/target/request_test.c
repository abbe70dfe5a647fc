/* SPDX-License-Identifier: MIT */

/* The parts of the target that do no I/O: request parsing, body framing, routing, timers. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "target/reply.h"
#include "target/request.h"
#include "target/target.h"
#include "target/timers.h"

#define HOST "Host: h\r\n"

static const struct head_case {
    const char *input;
    int status; /* RP_TARGET_MORE too */
    const char *path, *query;
    uint64_t length;
    bool keep_alive, is_head, is_chunked;
} head_cases[] = {
    { "GET / HTTP/1.1\r\n" HOST "\r\n", 0, "/", "", 0, true },
    { "GET /a?b=c?d HTTP/1.1\r\n" HOST "\r\nGET", 0, "/a", "b=c?d", 0, true },
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
    { "", RP_TARGET_MORE },
    { "\r\n", RP_TARGET_MORE },
    { "GET / HTTP/1.1\r\n" HOST, RP_TARGET_MORE },
    { "GET / HTTP/1.1\r\n" HOST "\r", RP_TARGET_MORE },
    { "\x16\x03\x01", 400 },
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

static void heads_are_parsed(void **state)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(head_cases); i++) {
        const struct head_case *c = &head_cases[i];
        struct rp_target_request request;
        size_t len = 0, whole;
        int status = rp_target_parse_head(rp_slice_str(c->input), &request, &len);
        bool is_followed;

        if (status != c->status)
            print_error("case %zu: %s\n", i, c->input);
        assert_int_equal(status, c->status);
        if (status)
            continue;
        check_slice(request.path, c->path);
        check_slice(request.query, c->query);
        assert_int_equal(request.content_length, c->length);
        assert_int_equal(request.keep_alive, c->keep_alive);
        assert_int_equal(request.is_head, c->is_head);
        assert_int_equal(request.is_chunked, c->is_chunked);
        whole = strlen(c->input);
        is_followed = strcmp(c->input + whole - 3, "GET") == 0;
        assert_int_equal(len, is_followed ? whole - 3 : whole);
    }
}

/* A head that is cut anywhere asks for more or is refused as the whole one is, and never gives a result of its own. Each
 * piece stands at the end of an allocation of its own, for the sanitizer. */
static void a_cut_head_asks_for_more(void **state)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(head_cases); i++) {
        const struct head_case *c = &head_cases[i];
        size_t whole = strlen(c->input);

        for (size_t len = 0; len < whole; len++) {
            char *copy = malloc(len ? len : 1);
            struct rp_target_request request;
            size_t head_len;
            int status;

            memcpy(copy, c->input, len);
            status = rp_target_parse_head(rp_slice(copy, len), &request, &head_len);
            if (status != RP_TARGET_MORE)
                assert_int_equal(status, c->status);
            free(copy);
        }
    }
}

static void big_heads_are_refused(void **state)
{
    char input[3 * RP_TARGET_HEAD_MAX];
    struct rp_target_request request;
    size_t len = 0, head_len;
    const char *start = "GET / HTTP/1.1\r\n" HOST "X: ";

    memset(input, 'a', sizeof(input));
    memcpy(input, start, strlen(start));
    assert_int_equal(rp_target_parse_head(rp_slice(input, RP_TARGET_HEAD_MAX - 1), &request, &len),
                     RP_TARGET_MORE);
    assert_int_equal(rp_target_parse_head(rp_slice(input, RP_TARGET_HEAD_MAX), &request, &len),
                     431);
    assert_int_equal(rp_target_parse_head(rp_slice(input, sizeof(input)), &request, &len), 431);
    memcpy(input + RP_TARGET_HEAD_MAX - 4, "\r\n\r\n", 4);
    assert_int_equal(rp_target_parse_head(rp_slice(input, sizeof(input)), &request, &head_len), 0);
    assert_int_equal(head_len, RP_TARGET_HEAD_MAX);

    len = (size_t)sprintf(input, "GET / HTTP/1.1\r\n" HOST);
    for (int i = 1; i < RP_TARGET_FIELDS_MAX; i++)
        len += (size_t)sprintf(input + len, "X: y\r\n");
    sprintf(input + len, "\r\n");
    assert_int_equal(rp_target_parse_head(rp_slice_str(input), &request, &head_len), 0);
    sprintf(input + len, "X: y\r\n\r\n");
    assert_int_equal(rp_target_parse_head(rp_slice_str(input), &request, &head_len), 431);
}

static const struct body_case {
    const char *input; /* up to the end of the body, then "|rest" */
    const char *body;  /* NULL = wrong */
} body_cases[] = {
    { "0\r\n\r\n|GET", "" },
    { "5\r\nhello\r\n0\r\n\r\n|", "hello" },
    { "5;name=\"v\"\r\nhello\r\n01\r\n!\r\n0000\r\nTrailer: x\r\nY: z\r\n\r\n|rest", "hello!" },
    { "a\n0123456789\nB\r\nabcdefghijk\r\n0\n\n|", "0123456789abcdefghijk" },
    { "\r\n", NULL },
    { "x\r\n", NULL },
    { "5 \r\n", NULL },
    { ";a\r\n", NULL },
    { "5\rhello", NULL },
    { "1\r\nab", NULL },
    { "1\r\na\rb", NULL },
    { "fffffffffffffffff\r\n", NULL },
    { "1;\x01\r\n", NULL },
};

/* Feeds @input in pieces of @size. True with the body when it is complete. */
static bool feed(const char *input, size_t len, size_t size, struct rp_buf *body, size_t *ret_used)
{
    struct rp_target_request request = { .is_chunked = true };
    struct rp_target_body framing;
    size_t at = 0;

    rp_target_body_init(&framing, &request);
    while (at < len && framing.state != RP_TARGET_BODY_DONE) {
        struct rp_slice piece = rp_slice(input + at, size < len - at ? size : len - at);
        const char *end = piece.ptr + piece.len;

        while (piece.len && framing.state != RP_TARGET_BODY_DONE) {
            struct rp_slice data;

            if (!rp_target_body_read(&framing, &piece, &data))
                return false;
            rp_buf_append_slice(body, data);
        }
        at = (size_t)(end - input) - piece.len;
    }
    *ret_used = at;
    return framing.state == RP_TARGET_BODY_DONE;
}

static void chunked_bodies_are_read_in_any_split(void **state)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(body_cases); i++) {
        const struct body_case *c = &body_cases[i];
        const char *bar = strchr(c->input, '|');
        size_t len = strlen(c->input);

        for (size_t size = 1; size <= len; size++) {
            struct rp_buf body;
            size_t used = 0;
            bool is_good;

            rp_buf_init(&body, 1000);
            is_good = feed(c->input, len, size, &body, &used);
            assert_int_equal(is_good, c->body != NULL);
            if (is_good) {
                assert_string_equal(rp_buf_str(&body), c->body);
                assert_int_equal(used, bar - c->input);
            }
            rp_buf_deinit(&body);
        }
    }
}

static void endless_framing_is_refused(void **state)
{
    static const char *const starts[] = { "5;", "0\r\nX: ", "0\r\n" };
    static const char *const fillers[] = { "aaaa", "aaaa", "a:b\n" };

    for (size_t i = 0; i < RP_ARRAY_LEN(starts); i++) {
        struct rp_target_request request = { .is_chunked = true };
        struct rp_slice input = rp_slice_str(starts[i]), data;
        struct rp_target_body framing;
        bool is_good;
        size_t total = 0;

        rp_target_body_init(&framing, &request);
        is_good = rp_target_body_read(&framing, &input, &data);
        assert_true(is_good);
        while (is_good && total < 100000) {
            input = rp_slice_str(fillers[i]);
            total += input.len;
            is_good = rp_target_body_read(&framing, &input, &data);
        }
        assert_false(is_good);
    }
}

static const struct route_case {
    const char *path, *query;
    int status; /* 0 = not an answer */
    enum rp_target_action action;
    rp_ns delay_min, delay_max;
    uint64_t filler;
} route_cases[] = {
    { "/", "", 200 },
    { "/json", "", 200 },
    { "/nothing", "", 404 },
    { "/jso", "", 404 },
    { "/json/", "", 404 },
    { "/delay/0", "", 200 },
    { "/delay/20", "", 200, 0, 20 * RP_MS, 20 * RP_MS },
    { "/delay/0.5", "", 200, 0, RP_MS / 2, RP_MS / 2 },
    { "/delay/20", "jitter=10", 200, 0, 20 * RP_MS, 30 * RP_MS },
    { "/delay/20", "a=b&jitter=10", 200, 0, 20 * RP_MS, 30 * RP_MS },
    { "/delay/20", "jitter=x", 400 },
    { "/delay/", "", 400 },
    { "/delay/-1", "", 400 },
    { "/delay/1s", "", 400 },
    { "/delay/86400001", "", 400 },
    { "/status/200", "", 200 },
    { "/status/599", "", 599 },
    { "/status/199", "", 400 },
    { "/status/600", "", 400 },
    { "/status/abc", "", 400 },
    { "/bytes/0", "", 200 },
    { "/bytes/123456789012", "", 200, 0, 0, 0, 123456789012 },
    { "/bytes/-1", "", 400 },
    { "/bytes/", "", 400 },
    { "/chunked/7", "", 200, 0, 0, 0, 7 },
    { "/chunked/x", "", 400 },
    { "/slow/1", "", 200, 0, 0, 0, 1000 },
    { "/slow/1", "bytes=5", 200, 0, 0, 0, 5 },
    { "/slow/0", "", 400 },
    { "/slow/1", "bytes=", 400 },
    { "/echo", "", 200 },
    { "/headers", "", 200 },
    { "/close", "", 200 },
    { "/extra", "", 200 },
    { "/reset", "", 0, RP_TARGET_RESET },
    { "/hang", "", 0, RP_TARGET_HANG },
    { "/garbage", "", 0, RP_TARGET_RAW },
};

static void paths_are_routed(void **state)
{
    struct rp_target_random random = { 1 };

    for (size_t i = 0; i < RP_ARRAY_LEN(route_cases); i++) {
        const struct route_case *c = &route_cases[i];
        struct rp_target_request request = { .path = rp_slice_str(c->path),
                                             .query = rp_slice_str(c->query),
                                             .minor_version = 1 };
        struct rp_target_reply reply;
        struct rp_buf stored;

        rp_buf_init(&stored, RP_TARGET_BODY_MAX);
        rp_target_route(&request, &random, &stored, &reply);
        if (reply.status != c->status || reply.action != c->action)
            print_error("%s: %d\n", c->path, reply.status);
        assert_int_equal(reply.status, c->status);
        assert_int_equal(reply.action, c->action);
        assert_true(reply.delay >= c->delay_min && reply.delay <= c->delay_max);
        assert_int_equal(reply.filler_len, c->filler);
        rp_buf_deinit(&stored);
    }
}

static void jitter_fills_its_range(void **state)
{
    struct rp_target_request request = { .path = RP_SLICE("/delay/1"),
                                         .query = RP_SLICE("jitter=4") };
    struct rp_target_random random = { 12345 };
    int quarters[4] = { 0 };

    for (int i = 0; i < 4000; i++) {
        struct rp_target_reply reply;

        rp_target_route(&request, &random, NULL, &reply);
        assert_true(reply.delay >= RP_MS && reply.delay <= 5 * RP_MS);
        quarters[(reply.delay - RP_MS) * 4 / (4 * RP_MS + 1)]++;
    }
    for (int i = 0; i < 4; i++)
        assert_in_range(quarters[i], 850, 1150);
}

/* Every endpoint of the table answers by itself, with an argument where it shows one. */
static void every_endpoint_is_routed(void **state)
{
    const struct rp_target_endpoint *endpoint;
    struct rp_target_random random = { 1 };
    size_t count = 0;

    for (; (endpoint = rp_target_endpoint(count)); count++) {
        const char *angle = strchr(endpoint->path, '<');
        struct rp_target_request request = { .minor_version = 1 };
        struct rp_target_reply reply;
        struct rp_buf stored;
        char path[64];

        snprintf(path, sizeof(path), "%.*s%s",
                 (int)(angle ? angle - endpoint->path : (long)strlen(endpoint->path)),
                 endpoint->path, angle ? "200" : "");
        request.path = rp_slice_str(path);
        rp_buf_init(&stored, RP_TARGET_BODY_MAX);
        rp_target_route(&request, &random, &stored, &reply);
        assert_int_not_equal(reply.status, 404);
        assert_int_not_equal(reply.status, 400);
        assert_true(strlen(endpoint->summary) > 0);
        assert_int_equal(rp_target_constant_index(request.path),
                         count < RP_TARGET_CONSTANTS ? (int)count : -1);
        if (count < RP_TARGET_CONSTANTS) /* what is written once must not depend on the request */
            assert_true(reply.body == RP_TARGET_TEXT && !reply.delay && !reply.close);
        rp_buf_deinit(&stored);
    }
    assert_int_equal(count, 14);
}

/* docs/target.md holds the same table, in the same order, and nothing else with such a path. */
static void the_documentation_lists_the_endpoints(void **state)
{
    FILE *file = fopen(TARGET_DOCS, "r");
    char line[512], expected[512];
    size_t count = 0;

    assert_non_null(file);
    while (fgets(line, sizeof(line), file)) {
        const struct rp_target_endpoint *endpoint = rp_target_endpoint(count);

        if (strncmp(line, "| `/", 4) != 0)
            continue;
        assert_non_null(endpoint);
        snprintf(expected, sizeof(expected), "| `%s` | %s |\n", endpoint->path, endpoint->summary);
        assert_string_equal(line, expected);
        count++;
    }
    fclose(file);
    assert_null(rp_target_endpoint(count));
}

enum { TIMERS = 300, STEPS = 20000 };

/* Against the plain way: an array that is searched. */
static void timers_fire_in_order(void **state)
{
    struct rp_target_timer timers[TIMERS] = { 0 };
    rp_ns expected[TIMERS];
    struct rp_target_timers heap = { 0 };
    struct rp_target_random random = { 42 };

    for (int i = 0; i < TIMERS; i++)
        expected[i] = RP_NS_NEVER;
    assert_int_equal(rp_target_timers_reserve(&heap, TIMERS), 0);
    for (int step = 0; step < STEPS; step++) {
        size_t which = rp_target_random_next(&random) % TIMERS;
        rp_ns time = (rp_ns)(rp_target_random_next(&random) % 1000);
        struct rp_target_timer *fired;
        rp_ns first = RP_NS_NEVER;

        switch (rp_target_random_next(&random) % 4) {
        case 0:
            rp_target_timers_cancel(&heap, &timers[which]);
            expected[which] = RP_NS_NEVER;
            break;
        case 1:
            for (int i = 0; i < TIMERS; i++)
                first = expected[i] < first ? expected[i] : first;
            assert_true(rp_target_timers_next(&heap) == first);
            fired = rp_target_timers_pop(&heap, time);
            assert_int_equal(fired != NULL, first <= time);
            if (fired) {
                assert_true(fired->deadline == first && expected[fired - timers] == first);
                assert_int_equal(fired->place, 0);
                expected[fired - timers] = RP_NS_NEVER;
            }
            break;
        default:
            rp_target_timers_arm(&heap, &timers[which], time);
            expected[which] = time;
        }
    }
    rp_target_timers_deinit(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads_are_parsed),
        cmocka_unit_test(a_cut_head_asks_for_more),
        cmocka_unit_test(big_heads_are_refused),
        cmocka_unit_test(chunked_bodies_are_read_in_any_split),
        cmocka_unit_test(endless_framing_is_refused),
        cmocka_unit_test(paths_are_routed),
        cmocka_unit_test(jitter_fills_its_range),
        cmocka_unit_test(every_endpoint_is_routed),
        cmocka_unit_test(the_documentation_lists_the_endpoints),
        cmocka_unit_test(timers_fire_in_order),
    };

    return cmocka_run_group_tests_name("target: requests", tests, NULL, NULL);
}

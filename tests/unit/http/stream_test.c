/* SPDX-License-Identifier: MIT */

/* Bodies that are read as they come: what is told when, how much waits, and how such a request counts. */

#include "http/stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/alloc.h"
#include "reading.h"

#define CHUNKED_HEAD "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

static void until_woken(struct reading *r, int times)
{
    turn_until(r->env.world, &r->woken, times);
    assert_true(r->woken >= times);
}

static void assert_piece(struct reading *r, const char *text)
{
    struct rp_slice bytes = rp_http_stream_take(&r->stream);

    assert_int_equal(bytes.len, strlen(text));
    assert_memory_equal(bytes.ptr, text, bytes.len);
}

static void test_the_head_then_pieces_then_the_end(struct world *world)
{
    struct reading r;

    reading_init(&r, world);
    write_text(&r, CHUNKED_HEAD);
    until_woken(&r, 1);
    assert_true(r.stream.has_head);
    assert_int_equal(r.response.status, 200);
    assert_false(rp_http_stream_has_bytes(&r.stream));
    assert_int_equal((int)sum_of(&r.env, "http_reqs", NULL, NULL), 0); /* nothing before the end */
    write_text(&r, "3\r\nabc\r\n");
    until_woken(&r, 2);
    assert_piece(&r, "abc");
    assert_false(r.stream.has_ended);
    write_text(&r, "2\r\nde\r\n0\r\n\r\n");
    until_woken(&r, 3);
    assert_true(r.stream.has_ended);
    assert_piece(&r, "de");
    assert_int_equal(r.response.body.len, 0);
    assert_int_equal(r.response.body_bytes, 5);
    assert_int_equal((int)sum_of(&r.env, "http_reqs", "status", "200"), 1);
    assert_int_equal(rp_http_client_counters(r.env.client)->open_connections, 1);
    exchange(&r.request, r.fd, OK_RESPONSE); /* the connection serves another request */
    reading_deinit(&r);
}

/* A piece has the time at which it came, however late somebody looks. */
static void test_pieces_have_their_times(struct world *world)
{
    struct reading r;
    rp_ns first = 0, second = 0;
    struct rp_slice piece;

    reading_init(&r, world);
    write_text(&r, CHUNKED_HEAD "1\r\na\r\n");
    until_woken(&r, 1);
    clock_ahead += RP_S;
    write_text(&r, "2\r\nbc\r\n");
    until_woken(&r, 2);
    piece = rp_http_stream_peek(&r.stream, &first);
    assert_int_equal(piece.len, 1);
    rp_http_stream_drop(&r.stream, 1);
    piece = rp_http_stream_peek(&r.stream, &second);
    assert_int_equal(piece.len, 2);
    rp_http_stream_drop(&r.stream, 1); /* a part of it */
    piece = rp_http_stream_peek(&r.stream, &second);
    assert_int_equal(piece.len, 1);
    assert_true(second - first >= RP_S && second - first < 2 * RP_S);
    rp_http_stream_leave(&r.stream);
    reading_deinit(&r);
}

/* What nobody reads stays with the kernel and the server. How much more comes in the turn in which the stream
 * is paused, and in the next one, is for the kernel to say: an io_uring takes all that there is as long as it has
 * buffers, which are 2 MiB at first, and grow by 1 MiB when they have run out. The whole body never waits. */
static void test_a_slow_reader_holds_the_server_up(struct world *world)
{
    enum { BODY = 24 << 20, WAITING_MAX = 8 << 20 };
    struct reading r;
    char *body = malloc(BODY);
    size_t written = 0, read = 0, last;

    for (size_t i = 0; i < BODY; i++)
        body[i] = (char)(i * 7 + i / 251);
    reading_init(&r, world);
    write_text(&r, "HTTP/1.1 200 OK\r\nContent-Length: 25165824\r\n\r\n");
    do {
        last = written;
        for (int i = 0; i < 50; i++) {
            fill_socket(&r, body, BODY, &written);
            assert_int_equal(rp_loop_turn(world->loop, rp_clock_ns() + RP_MS), 0);
        }
        assert_true(r.stream.bytes.len < WAITING_MAX);
    } while (written > last);
    assert_true(written < BODY);
    assert_true(r.stream.is_paused);
    while (!r.stream.has_ended || rp_http_stream_has_bytes(&r.stream)) {
        struct rp_slice bytes = rp_http_stream_take(&r.stream);

        assert_memory_equal(bytes.ptr ? bytes.ptr : "", body + read, bytes.len);
        read += bytes.len;
        fill_socket(&r, body, BODY, &written);
        assert_int_equal(rp_loop_turn(world->loop, rp_clock_ns() + RP_MS), 0);
        assert_true(r.stream.bytes.cap < BODY); /* what was read is forgotten */
    }
    assert_int_equal(read, BODY);
    assert_int_equal(r.response.status, 200);
    exchange(&r.request, r.fd, OK_RESPONSE);
    free(body);
    reading_deinit(&r);
}

/* It may have been paused when its last bytes came. */
static void test_the_next_request_is_not_paused(struct world *world)
{
    enum { BODY = 300 * 1024 };
    struct reading r;
    char *body = calloc(1, BODY);
    size_t written = 0;

    reading_init(&r, world);
    write_text(&r, "HTTP/1.1 200 OK\r\nContent-Length: 307200\r\n\r\n");
    while (!r.stream.has_ended) {
        fill_socket(&r, body, BODY, &written);
        assert_int_equal(rp_loop_turn(world->loop, rp_clock_ns() + RP_MS), 0);
        if (r.stream.is_paused && !r.stream.has_ended)
            (void)rp_http_stream_take(&r.stream);
    }
    exchange(&r.request, r.fd, OK_RESPONSE);
    free(body);
    reading_deinit(&r);
}

static void test_leaving_counts_as_what_came(struct world *world)
{
    struct reading r;
    char byte;

    reading_init(&r, world);
    write_text(&r, CHUNKED_HEAD "1\r\na\r\n");
    until_woken(&r, 1);
    clock_ahead += 5 * RP_S; /* the reader's own time is none of the request's */
    rp_http_stream_leave(&r.stream);
    assert_true(r.stream.has_ended);
    assert_false(rp_http_stream_has_bytes(&r.stream));
    assert_int_equal((int)sum_of(&r.env, "http_reqs", "status", "200"), 1);
    assert_int_equal((int)sum_of(&r.env, "http_req_failed", NULL, NULL), 0);
    assert_true(r.response.waiting + r.response.receiving < 5 * RP_S);
    assert_int_equal(rp_http_client_counters(r.env.client)->open_connections, 0);
    while (recv(r.fd, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN)
        assert_int_equal(rp_loop_turn(world->loop, rp_clock_ns() + RP_MS), 0);
    assert_int_not_equal(errno, EAGAIN); /* the connection is reset */
    reading_deinit(&r);
}

static void test_leaving_before_the_head_is_giving_up(struct world *world)
{
    struct reading r;

    reading_init(&r, world);
    rp_http_stream_leave(&r.stream);
    assert_int_equal((int)sum_of(&r.env, "http_reqs", "error_code", "1903"), 1);
    reading_deinit(&r);

    reading_init(&r, world);
    write_text(&r, CHUNKED_HEAD);
    until_woken(&r, 1);
    rp_http_stream_cancel(&r.stream, true);
    assert_int_equal((int)sum_of(&r.env, "http_reqs", "error_code", "1903"), 1);
    reading_deinit(&r);

    reading_init(&r, world);
    write_text(&r, CHUNKED_HEAD);
    until_woken(&r, 1);
    rp_http_stream_interrupt(&r.stream);
    assert_int_equal((int)sum_of(&r.env, "http_reqs", "error_code", "1904"), 1);
    reading_deinit(&r);
}

static void test_a_body_that_is_cut_off(struct world *world)
{
    struct reading r;

    reading_init(&r, world);
    write_text(&r, CHUNKED_HEAD "3\r\nabc\r\n");
    until_woken(&r, 1);
    close(r.fd);
    r.fd = -1;
    while (!r.stream.has_ended)
        assert_int_equal(rp_loop_turn(world->loop, rp_clock_ns() + RP_MS), 0);
    assert_piece(&r, "abc"); /* what came is there */
    assert_int_equal(r.response.status, 0);
    assert_int_equal(r.response.error_code, RP_HTTP_CLOSED);
    assert_int_equal((int)sum_of(&r.env, "http_reqs", "error_code", "1901"), 1);
    reading_deinit(&r);
}

static void test_a_limit_and_a_coding(struct world *world)
{
    struct reading r;
    char coded[200], plain[1000];
    uLongf len = sizeof(coded);

    memset(plain, 'x', sizeof(plain));
    assert_int_equal(compress((Bytef *)coded, &len, (const Bytef *)plain, sizeof(plain)), Z_OK);
    for (int limit = 999; limit <= 1000; limit++) {
        char head[200];

        reading_init(&r, world);
        r.stream.call.body_max = (size_t)limit;
        snprintf(head, sizeof(head),
                 "HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\nContent-Length: %lu\r\n\r\n",
                 len);
        write_text(&r, head);
        peer_write(r.fd, coded, len);
        while (!r.stream.has_ended)
            assert_int_equal(rp_loop_turn(world->loop, rp_clock_ns() + RP_MS), 0);
        assert_int_equal(r.response.error_code, limit == 1000 ? 0 : RP_HTTP_TOO_LARGE);
        if (limit == 1000)
            assert_int_equal(rp_http_stream_take(&r.stream).len, 1000);
        reading_deinit(&r);
    }
}

/* What leads to another request is not handed on, and its body is dropped. */
static void test_redirects(struct world *world)
{
    struct reading r;

    reading_init(&r, world);
    r.stream.call.max_redirects = 3;
    write_text(&r, "HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 2\r\n\r\nno");
    {
        char text[1024];

        peer_take_request(&r.env, r.fd, text, sizeof(text));
        assert_memory_equal(text, "GET /next", 9);
    }
    assert_false(r.stream.has_head);
    write_text(&r, OK_RESPONSE);
    while (!r.stream.has_ended)
        assert_int_equal(rp_loop_turn(world->loop, rp_clock_ns() + RP_MS), 0);
    assert_int_equal(r.response.status, 200);
    assert_piece(&r, "ok");
    assert_int_equal((int)sum_of(&r.env, "http_reqs", "status", "302"), 1);
    reading_deinit(&r);
}

static void test_events_are_measured_where_they_come(struct world *world)
{
    struct rp_http_events events;
    struct reading r;
    rp_ns at;

    reading_init(&r, world);
    write_text(&r, CHUNKED_HEAD "1\r\na\r\n");
    until_woken(&r, 1);
    rp_http_begin_events(&events, r.request.call.template, &r.stream);
    (void)rp_http_stream_peek(&r.stream, &at);
    rp_http_record_event(&events, at);
    rp_http_record_event(&events, at + 20 * RP_MS);
    rp_http_record_event(&events, at + 50 * RP_MS);
    assert_int_equal((int)sum_of(&r.env, "sse_events", "name", "/stream"), 3);
    assert_int_equal((int)samples_of(&r.env, "sse_first_event", "status", "200"), 1);
    assert_int_equal((int)sum_of(&r.env, "sse_first_event", NULL, NULL), (int)(at - r.stream.sent));
    assert_int_equal((int)samples_of(&r.env, "sse_event_gap", NULL, NULL), 2);
    assert_int_equal((int)sum_of(&r.env, "sse_event_gap", NULL, NULL), (int)(50 * RP_MS));
    rp_http_stream_leave(&r.stream);
    reading_deinit(&r);
}

/* Every allocation fails once: the request fails, and nothing leaks. */
static void test_without_memory(struct world *world)
{
    bool has_failed = true;

    for (uint64_t n = 1; has_failed; n++) {
        struct reading r;

        assert_true(n < 60);
        reading_init(&r, world);
        rp_alloc_fail_at(n);
        write_text(&r, CHUNKED_HEAD "3\r\nabc\r\n0\r\n\r\n");
        while (!r.stream.has_ended)
            assert_int_equal(rp_loop_turn(world->loop, rp_clock_ns() + RP_MS), 0);
        rp_alloc_fail_at(0);
        has_failed = r.response.status == 0;
        assert_true(!has_failed || r.response.error_code == RP_HTTP_GENERIC);
        reading_deinit(&r);
        if (n < 2)
            assert_true(has_failed);
    }
}

int main(void)
{
    static const struct world_case cases[] = {
        CASE(test_the_head_then_pieces_then_the_end),
        CASE(test_pieces_have_their_times),
        CASE(test_a_slow_reader_holds_the_server_up),
        CASE(test_the_next_request_is_not_paused),
        CASE(test_leaving_counts_as_what_came),
        CASE(test_leaving_before_the_head_is_giving_up),
        CASE(test_a_body_that_is_cut_off),
        CASE(test_a_limit_and_a_coding),
        CASE(test_redirects),
        CASE(test_events_are_measured_where_they_come),
        CASE(test_without_memory),
    };

    return run_worlds(cases, RP_ARRAY_LEN(cases));
}

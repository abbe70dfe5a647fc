/* SPDX-License-Identifier: MIT */

/* Coded bodies that are read as they come, and whose few bytes stand for very many: how much waits in memory. */

#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/alloc.h"
#include "reading.h"

enum { BOMB = 72 << 20, WAITS_AT_MOST = 640 * 1024 };

/* Zlib data of @plain zeros, to be freed. */
static char *make_bomb(size_t plain, size_t *ret_len)
{
    enum { PIECE = 1 << 20 };
    static char zeros[PIECE];
    z_stream zlib = { .zalloc = NULL };
    size_t size = plain / 900 + 4096;
    char *coded = malloc(size);

    assert_int_equal(deflateInit(&zlib, 6), Z_OK);
    zlib.next_out = (Bytef *)coded;
    zlib.avail_out = (uInt)size;
    for (size_t done = 0; done < plain; done += PIECE) {
        zlib.next_in = (Bytef *)zeros;
        zlib.avail_in = PIECE;
        assert_int_equal(deflate(&zlib, Z_NO_FLUSH), Z_OK);
    }
    assert_int_equal(deflate(&zlib, Z_FINISH), Z_STREAM_END);
    *ret_len = size - zlib.avail_out;
    deflateEnd(&zlib);
    return coded;
}

static void bomb_init(struct reading *r, struct world *world, bool has_length, size_t len)
{
    char head[200];

    reading_init(r, world);
    r->stream.call.body_max = (size_t)1 << 40;
    snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\n");
    if (has_length)
        snprintf(head + strlen(head), sizeof(head) - strlen(head), "Content-Length: %zu\r\n", len);
    strcat(head, "\r\n");
    write_text(r, head);
}

static void until_full(struct reading *r, const char *coded, size_t len, size_t *written)
{
    while (*written < len || !r->stream.is_paused) {
        fill_socket(r, coded, len, written);
        assert_int_equal(rp_loop_turn(r->env.world->loop, rp_clock_ns() + RP_MS / 10), 0);
    }
    for (int i = 0; i < 20; i++)
        assert_int_equal(rp_loop_turn(r->env.world->loop, rp_clock_ns() + RP_MS / 10), 0);
    assert_true(r->stream.bytes.len - r->stream.taken < WAITS_AT_MOST);
}

/* The decoded bytes wait for the reader as those do that came as they are, also when all of the body
 * has come, and when the server has gone meanwhile. */
static void test_a_slow_reader_of_a_bomb(struct world *world)
{
    size_t len;
    char *coded = make_bomb(BOMB, &len);

    for (int way = 0; way < 3; way++) {
        struct reading r;
        size_t written = 0, read = 0;

        bomb_init(&r, world, way != 2, len);
        until_full(&r, coded, len, &written);
        assert_false(r.stream.has_ended);
        if (way > 0) {
            close(r.fd);
            r.fd = -1;
        }
        while (!r.stream.has_ended || rp_http_stream_has_bytes(&r.stream)) {
            read += rp_http_stream_take(&r.stream).len;
            assert_int_equal(rp_loop_turn(world->loop, rp_clock_ns() + RP_MS / 10), 0);
            assert_true(r.stream.bytes.len - r.stream.taken < WAITS_AT_MOST);
        }
        assert_int_equal(r.response.error_code, 0);
        assert_int_equal(r.response.status, 200);
        assert_int_equal(read, BOMB);
        assert_int_equal(r.response.body_bytes, len);
        assert_int_equal((int)sum_of(&r.env, "http_reqs", "status", "200"), 1);
        if (way == 0)
            exchange(&r.request, r.fd, OK_RESPONSE);
        reading_deinit(&r);
    }
    free(coded);
}

static void test_ends_of_a_bomb_that_nobody_reads(struct world *world)
{
    size_t len;
    char *coded = make_bomb(4 << 20, &len);

    for (int way = 0; way < 5; way++) {
        struct reading r;
        size_t written = 0;

        bomb_init(&r, world, true, way == 4 ? len + 1 : len);
        until_full(&r, coded, len, &written);
        switch (way) {
        case 0:
            rp_http_stream_leave(&r.stream);
            assert_int_equal((int)sum_of(&r.env, "http_reqs", "status", "200"), 1);
            break;
        case 1:
            rp_http_stream_cancel(&r.stream, true);
            assert_int_equal((int)sum_of(&r.env, "http_reqs", "error_code", "1903"), 1);
            break;
        case 2: /* the rest is about to be decoded */
            (void)rp_http_stream_take(&r.stream);
            rp_http_stream_interrupt(&r.stream);
            assert_int_equal((int)sum_of(&r.env, "http_reqs", "error_code", "1904"), 1);
            break;
        case 3:
            clock_ahead += 3600 * RP_S;
            while (!r.stream.has_ended)
                assert_int_equal(rp_loop_turn(world->loop, rp_clock_ns() + RP_MS / 10), 0);
            assert_int_equal(r.response.error_code, RP_HTTP_TIMEOUT);
            break;
        default: /* a byte too many */
            peer_write(r.fd, "x", 1);
            while (!r.stream.has_ended) {
                (void)rp_http_stream_take(&r.stream);
                assert_int_equal(rp_loop_turn(world->loop, rp_clock_ns() + RP_MS / 10), 0);
            }
            assert_int_equal(r.response.error_code, RP_HTTP_CODING);
        }
        reading_deinit(&r);
    }
    free(coded);
}

static void test_a_bomb_without_memory(struct world *world)
{
    size_t len;
    char *coded = make_bomb(4 << 20, &len);
    bool has_failed = true;

    for (uint64_t n = 1; has_failed; n++) {
        struct reading r;
        size_t written = 0;

        assert_true(n < 60);
        bomb_init(&r, world, true, len);
        rp_alloc_fail_at(n);
        while (!r.stream.has_ended) {
            fill_socket(&r, coded, len, &written);
            assert_int_equal(rp_loop_turn(world->loop, rp_clock_ns() + RP_MS / 10), 0);
            (void)rp_http_stream_take(&r.stream);
        }
        rp_alloc_fail_at(0);
        has_failed = r.response.status == 0;
        assert_true(!has_failed || r.response.error_code == RP_HTTP_GENERIC);
        reading_deinit(&r);
    }
    free(coded);
}

int main(void)
{
    static const struct world_case cases[] = {
        CASE(test_a_slow_reader_of_a_bomb),
        CASE(test_ends_of_a_bomb_that_nobody_reads),
        CASE(test_a_bomb_without_memory),
    };

    return run_worlds(cases, RP_ARRAY_LEN(cases));
}

/* SPDX-License-Identifier: MIT */

/* The frames of RFC 6455, read as a client and as a server does, and written. */

#include "proto/ws.h"
#include "proto/ws_mask.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/compiler.h"
#include "ws_trace.h"

enum { MAX = 1 << 20, MESSAGE_MAX = 70000 };

static void open_ws(struct rp_ws *ws, struct rp_ws_shared *shared, bool is_server)
{
    struct rp_ws_config config = {
        .shared = shared, .is_server = is_server, .message_max = MESSAGE_MAX, .frame_max = 66000
    };

    rp_ws_init(ws, &config);
}

struct reading {
    const char *in, *events;
};

static const struct reading client_cases[] = {
    { "", "" },
    /* RFC 6455, 5.7 */
    { "81 05 'Hello'", "text(Hello);" },
    { "01 03 'Hel' 80 02 'lo'", "text(Hello);" },
    { "89 05 'Hello' 8a 05 'Hello'", "ping(Hello);pong(Hello);" },
    { "82 00 81 00 89 00 8a 00", "binary();text();ping();pong();" },
    { "82 03 'abc' 81 01 'd' 82 01 'e'", "binary(abc);text(d);binary(e);" },
    /* fragments */
    { "01 00 00 00 80 00", "text();" },
    { "01 00 00 01 'a' 80 00", "text(a);" },
    { "02 02 'ab' 00 00 00 02 'cd' 80 01 'e' 81 01 'x'", "binary(abcde);text(x);" },
    { "01 01 'a' 89 01 'p' 00 01 'b' 8a 01 'q' 80 01 'c'", "ping(p);pong(q);text(abc);" },
    { "01 01 'a' 88 02 03 e8", "close(1000);" },
    { "80 01 'a'", "error(1002 a frame continues a message although none has begun);" },
    { "81 01 'a' 00 00",
      "text(a);error(1002 a frame continues a message although none has begun);" },
    { "01 01 'a' 81 01 'b'", "error(1002 a message begins before the one before it has ended);" },
    { "02 01 'a' 01 01 'b'", "error(1002 a message begins before the one before it has ended);" },
    /* headers */
    { "c1 00", "error(1002 a frame has a reserved bit that was not negotiated);" },
    { "a1 00", "error(1002 a frame has a reserved bit that was not negotiated);" },
    { "91 00", "error(1002 a frame has a reserved bit that was not negotiated);" },
    { "c9 00", "error(1002 a frame has a reserved bit that was not negotiated);" },
    { "83 00", "error(1002 a frame has an unknown opcode);" },
    { "87 00", "error(1002 a frame has an unknown opcode);" },
    { "8b 00", "error(1002 a frame has an unknown opcode);" },
    { "0f 00", "error(1002 a frame has an unknown opcode);" },
    { "81 85 00 00 00 00 'Hello'", "error(1002 the server has masked a frame);" },
    { "89 80 00 00 00 00", "error(1002 the server has masked a frame);" },
    { "81 7e 00 7d 'x'*125",
      "error(1002 the length of a frame is not written in the shortest form);" },
    { "81 7f 00 00 00 00 00 00 ff ff",
      "error(1002 the length of a frame is not written in the shortest form);" },
    { "82 7f 80 00 00 00 00 01 00 00",
      "error(1002 the length of a frame is not written in the shortest form);" },
    /* control frames */
    { "09 00", "error(1002 a control frame is fragmented);" },
    { "08 00", "error(1002 a control frame is fragmented);" },
    { "89 7e 00 7e", "error(1002 a control frame has more than 125 bytes);" },
    { "8a 7f", "error(1002 a control frame has more than 125 bytes);" },
    { "88 7e", "error(1002 a control frame has more than 125 bytes);" },
    /* close frames */
    { "88 00", "close(1005);" },
    { "88 02 03 e8 81 01 'x' ff ff ff", "close(1000);" },
    { "88 05 03 e9 'bye'", "close(1001 bye);" },
    { "88 02 03 eb", "close(1003);" },
    { "88 02 03 ef 88 00", "close(1007);" },
    { "88 02 03 f6", "close(1014);" },
    { "88 02 0b b8", "close(3000);" },
    { "88 02 13 87", "close(4999);" },
    { "88 01 03", "error(1002 a close frame has one byte only);" },
    { "88 02 00 00", "error(1002 a close frame has an invalid code);" },
    { "88 02 03 e7", "error(1002 a close frame has an invalid code);" },
    { "88 02 03 ec", "error(1002 a close frame has an invalid code);" },
    { "88 02 03 ed", "error(1002 a close frame has an invalid code);" },
    { "88 02 03 ee", "error(1002 a close frame has an invalid code);" },
    { "88 02 03 f7", "error(1002 a close frame has an invalid code);" },
    { "88 02 0b b7", "error(1002 a close frame has an invalid code);" },
    { "88 02 13 88", "error(1002 a close frame has an invalid code);" },
    { "88 02 ff ff", "error(1002 a close frame has an invalid code);" },
    { "88 03 03 e8 ff", "error(1007 the reason of a close frame is not UTF-8);" },
    { "88 04 03 e8 e2 82", "error(1007 the reason of a close frame is not UTF-8);" },
    /* text */
    { "81 03 e2 82 ac", "text(\xe2\x82\xac);" },
    { "01 01 e2 00 01 82 80 01 ac", "text(\xe2\x82\xac);" },
    { "01 01 e2 89 00 80 02 82 ac", "ping();text(\xe2\x82\xac);" },
    { "81 02 e2 82", "error(1007 a text message is not UTF-8);" },
    { "01 02 e2 82 80 00", "error(1007 a text message is not UTF-8);" },
    { "81 7e 01 00 'good' ff", "error(1007 a text message is not UTF-8);" },
    { "01 04 'good' 00 05 ed a0", "error(1007 a text message is not UTF-8);" },
    { "82 03 ff e2 80", "binary(\xff\xe2\x80);" },
    /* limits: 66000 for a frame, 70000 for a message */
    { "82 7f 00 00 00 00 00 01 01 d1", "error(1009 a frame has more bytes than the limit);" },
    { "02 7e ff ff 'a'*65535 00 7e 11 72", "error(1009 a message has more bytes than the limit);" },
};

/* With the mask 01 02 03 04. */
static const struct reading server_cases[] = {
    /* RFC 6455, 5.7 */
    { "81 85 37 fa 21 3d 7f 9f 4d 51 58", "text(Hello);" },
    { "8a 85 37 fa 21 3d 7f 9f 4d 51 58", "pong(Hello);" },
    { "81 80 01 02 03 04 89 80 01 02 03 04", "text();ping();" },
    { "02 82 01 02 03 04 60 60 00 83 01 02 03 04 62 66 66 80 82 11 22 33 44 77 45",
      "binary(abcdefg);" },
    { "88 82 01 02 03 04 02 ea", "close(1000);" },
    { "81 05 'Hello'", "error(1002 the client has not masked a frame);" },
    { "89 00", "error(1002 the client has not masked a frame);" },
    { "81 84 01 02 03 04 fe", "error(1007 a text message is not UTF-8);" },
    { "81 fe 00 7d 00 00 00 00",
      "error(1002 the length of a frame is not written in the shortest form);" },
};

static void check_reading(const struct reading *one, bool is_server)
{
    struct rp_ws_shared shared = { 0 };
    struct rp_buf in, events;

    rp_buf_init(&in, MAX);
    rp_buf_init(&events, MAX);
    rp_ws_append_bytes(&in, one->in);
    for (size_t piece = 1; piece <= in.len + 1; piece += piece < 40 ? 1 : 9973) {
        struct rp_ws ws;

        open_ws(&ws, &shared, is_server);
        rp_ws_trace(&ws, rp_buf_slice(&in), piece, &events);
        assert_string_equal(rp_buf_str(&events), one->events);
        rp_buf_reset(&events);
        rp_ws_deinit(&ws);
    }
    rp_buf_deinit(&in);
    rp_buf_deinit(&events);
}

static void test_reading_as_a_client(void **state)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(client_cases); i++)
        check_reading(&client_cases[i], false);
}

static void test_reading_as_a_server(void **state)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(server_cases); i++)
        check_reading(&server_cases[i], true);
}

static void test_what_a_message_is_given_in(void **state)
{
    struct rp_slice in = RP_SLICE("\x82\x03"
                                  "abc\x81\x02\xc3\xa4"),
                    payload;
    struct rp_ws_shared shared = { 0 };
    struct rp_ws ws;

    open_ws(&ws, &shared, false);
    assert_int_equal(rp_ws_read(&ws, &in, &payload), RP_WS_BINARY);
    assert_ptr_equal(payload.ptr + payload.len, in.ptr);
    assert_false(rp_ws_is_inside(&ws));
    assert_int_equal(rp_ws_read(&ws, &in, &payload), RP_WS_TEXT);
    assert_true(ws.utf8.is_not_ascii);
    assert_ptr_equal(payload.ptr + payload.len, in.ptr);
    in = RP_SLICE("\x01\x03"
                  "a");
    assert_int_equal(rp_ws_read(&ws, &in, &payload), RP_WS_MORE);
    assert_true(rp_ws_is_inside(&ws));
    in = RP_SLICE("bc\x80\x00");
    assert_int_equal(rp_ws_read(&ws, &in, &payload), RP_WS_TEXT);
    assert_false(ws.utf8.is_not_ascii);
    assert_false(rp_ws_is_inside(&ws));
    in = RP_SLICE("\x81");
    assert_int_equal(rp_ws_read(&ws, &in, &payload), RP_WS_MORE);
    assert_true(rp_ws_is_inside(&ws));
    rp_ws_deinit(&ws);
}

static void test_the_memory_of_a_large_message_is_given_back(void **state)
{
    struct rp_ws_shared shared = { 0 };
    struct rp_buf in, events;
    struct rp_ws ws;

    rp_buf_init(&in, MAX);
    rp_buf_init(&events, MAX);
    rp_ws_append_bytes(&in, "82 7e 20 00 'x'*8192");
    open_ws(&ws, &shared, false);
    rp_ws_trace(&ws, rp_buf_slice(&in), 4000, &events);
    assert_int_equal(events.len, 8192 + strlen("binary();"));
    assert_int_equal(ws.message.cap, 0);
    rp_ws_deinit(&ws);
    rp_buf_deinit(&in);
    rp_buf_deinit(&events);
}

/* A large length must not take memory before the bytes are there. */
static void test_a_length_takes_little_memory(void **state)
{
    struct rp_slice in = RP_SLICE("\x82\x7f\x00\x00\x00\x00\x40\x00\x00\x00x"), payload;
    struct rp_ws_shared shared = { 0 };
    struct rp_ws_config config = { .shared = &shared,
                                   .message_max = SIZE_MAX / 2,
                                   .frame_max = UINT64_MAX };
    struct rp_ws ws;

    rp_ws_init(&ws, &config);
    assert_int_equal(rp_ws_read(&ws, &in, &payload), RP_WS_MORE);
    assert_true(ws.message.cap <= 128 * 1024);
    rp_ws_deinit(&ws);
}

/* ---- writing ---------------------------------------------------------------------------------- */

/* What one side writes is what the other one reads, for each length and each side. */
static void test_what_is_written_is_read(void **state)
{
    static const size_t lengths[] = { 0,    1,    2,    3,     4,     5,    15,   16,
                                      17,   125,  126,  127,   255,   256,  1024, 4095,
                                      4096, 4097, 8191, 65535, 65536, 65537 };
    struct rp_ws_shared shared = { 0 };
    struct rp_buf text, wire, events;

    rp_buf_init(&text, MAX);
    rp_buf_init(&wire, MAX);
    rp_buf_init(&events, MAX);
    for (size_t i = 0; i < 2 * RP_ARRAY_LEN(lengths); i++) {
        size_t len = lengths[i / 2];
        struct rp_ws from, to;

        rp_buf_reset(&text);
        rp_buf_reset(&wire);
        rp_buf_reset(&events);
        for (size_t k = 0; k < len; k++)
            rp_buf_appendf(&text, "%c", (char)('a' + k % 23));
        open_ws(&from, &shared, i % 2);
        open_ws(&to, &shared, !(i % 2));
        assert_int_equal(
            rp_ws_write(&from, &wire, i % 3 ? RP_WS_TEXT : RP_WS_BINARY, rp_buf_slice(&text)), 0);
        assert_int_equal(rp_ws_write(&from, &wire, RP_WS_PING, RP_SLICE("p")), 0);
        rp_ws_trace(&to, rp_buf_slice(&wire), 1 + i * 311, &events);
        assert_int_equal(events.len, len + strlen(i % 3 ? "text();ping(p);" : "binary();ping(p);"));
        assert_memory_equal(events.data + (i % 3 ? 5 : 7), rp_buf_str(&text), len);
        rp_ws_deinit(&from);
        rp_ws_deinit(&to);
    }
    rp_buf_deinit(&text);
    rp_buf_deinit(&wire);
    rp_buf_deinit(&events);
}

/* Also over itself, and to a place before it, as compressed messages are. */
static void test_a_mask_for_each_length(void **state)
{
    const uint8_t mask[] = { 1, 0x80, 0xff, 7 };
    char plain[300], masked[300], copy[300];

    for (size_t i = 0; i < sizeof(plain); i++)
        plain[i] = (char)(i * 37);
    for (size_t len = 0; len < 280; len++)
        for (size_t at = 0; at < 8; at++) {
            for (size_t i = 0; i < len; i++)
                masked[i] = (char)((uint8_t)plain[i] ^ mask[(at + i) % 4]);
            copy[len] = 'E';
            rp_ws_mask_copy(copy, plain, len, mask, at);
            assert_memory_equal(copy, masked, len);
            assert_int_equal(copy[len], 'E');
            rp_ws_mask_copy(copy, copy, len, mask, at);
            assert_memory_equal(copy, plain, len);
            memcpy(copy + at, plain, len);
            rp_ws_mask_copy(copy, copy + at, len, mask, at);
            assert_memory_equal(copy, masked, len);
        }
}

static void test_masks_differ(void **state)
{
    struct rp_ws_shared shared = { 0 };
    uint8_t first[4];
    unsigned same = 0;
    struct rp_buf out;
    struct rp_ws ws;

    rp_buf_init(&out, MAX);
    open_ws(&ws, &shared, false);
    assert_int_equal(rp_ws_write(&ws, &out, RP_WS_TEXT, RP_SLICE("")), 0);
    assert_int_equal(out.len, 6);
    assert_memory_equal(out.data, "\x81\x80", 2);
    memcpy(first, out.data + 2, 4);
    for (int i = 0; i < 3 * RP_WS_MASKS; i++) { /* so that masks are taken anew */
        rp_buf_reset(&out);
        assert_int_equal(rp_ws_write(&ws, &out, RP_WS_TEXT, RP_SLICE("")), 0);
        same += memcmp(first, out.data + 2, 4) == 0;
    }
    assert_true(same < 3);
    rp_ws_deinit(&ws);
    rp_ws_shared_deinit(&shared);
    rp_buf_deinit(&out);
}

static void test_closing(void **state)
{
    struct rp_ws_shared shared = { 0 };
    struct rp_buf out, events;
    struct rp_ws client, server;

    rp_buf_init(&out, MAX);
    rp_buf_init(&events, MAX);
    open_ws(&client, &shared, false);
    open_ws(&server, &shared, true);
    assert_int_equal(rp_ws_answer_close(&client, &out), 0);
    assert_int_equal(out.len, 0);
    assert_int_equal(rp_ws_write_close(&client, &out, 999, RP_SLICE("")), -EINVAL);
    assert_int_equal(rp_ws_write_close(&client, &out, RP_WS_NO_CODE, RP_SLICE("x")), -EINVAL);
    assert_int_equal(rp_ws_write_close(&client, &out, 1000, RP_SLICE("\xff")), -EINVAL);
    assert_int_equal(rp_ws_write_close(&client, &out, 1000, RP_SLICE("\xe2\x82")), -EINVAL);
    assert_int_equal(rp_ws_write_close(&client, &out, 4321, RP_SLICE("why")), 0);
    assert_int_equal(rp_ws_write_close(&client, &out, 4321, RP_SLICE("why")), -EPIPE);
    assert_int_equal(rp_ws_write(&client, &out, RP_WS_TEXT, RP_SLICE("x")), -EPIPE);
    rp_ws_trace(&server, rp_buf_slice(&out), 3, &events);
    assert_string_equal(rp_buf_str(&events), "close(4321 why);");
    assert_false(rp_ws_is_over(&client) || rp_ws_is_over(&server));
    rp_buf_reset(&out);
    rp_buf_reset(&events);
    /* What the server has sent before its answer is still given. */
    assert_int_equal(rp_ws_write(&server, &out, RP_WS_TEXT, RP_SLICE("late")), 0);
    assert_int_equal(rp_ws_answer_close(&server, &out), 0);
    assert_true(rp_ws_is_over(&server));
    assert_int_equal(rp_ws_answer_close(&server, &out), 0);
    rp_ws_trace(&client, rp_buf_slice(&out), 3, &events);
    assert_string_equal(rp_buf_str(&events), "text(late);close(4321);");
    assert_true(rp_ws_is_over(&client));
    rp_ws_deinit(&client);
    rp_ws_deinit(&server);
    rp_buf_deinit(&out);
    rp_buf_deinit(&events);
}

static void test_a_close_frame_of_the_greatest_length(void **state)
{
    char reason[RP_WS_REASON_MAX + 1];
    struct rp_ws_shared shared = { 0 };
    struct rp_buf out, events;
    struct rp_ws client, server;

    memset(reason, 'r', sizeof(reason));
    rp_buf_init(&out, MAX);
    rp_buf_init(&events, MAX);
    open_ws(&client, &shared, false);
    open_ws(&server, &shared, true);
    assert_int_equal(rp_ws_write_close(&server, &out, 1000, rp_slice(reason, sizeof(reason))),
                     -EINVAL);
    assert_int_equal(rp_ws_write_close(&server, &out, 1000, rp_slice(reason, sizeof(reason) - 1)),
                     0);
    assert_int_equal(out.len, 2 + 125);
    rp_ws_trace(&client, rp_buf_slice(&out), 2, &events);
    assert_int_equal(events.len, strlen("close(1000 );") + sizeof(reason) - 1);
    rp_ws_deinit(&client);
    rp_ws_deinit(&server);
    rp_buf_deinit(&out);
    rp_buf_deinit(&events);
}

static void test_an_error_is_answered(void **state)
{
    struct rp_ws_shared shared = { 0 };
    struct rp_buf out, events;
    struct rp_ws client, server;

    rp_buf_init(&out, MAX);
    rp_buf_init(&events, MAX);
    open_ws(&client, &shared, false);
    open_ws(&server, &shared, true);
    assert_int_equal(rp_ws_trace(&client, RP_SLICE("\x83"), 1, &events), RP_WS_ERROR);
    assert_int_equal(client.error, RP_WS_BAD_OPCODE);
    assert_int_equal(rp_ws_answer_close(&client, &out), 0);
    rp_buf_reset(&events);
    rp_ws_trace(&server, rp_buf_slice(&out), 100, &events);
    assert_string_equal(rp_buf_str(&events), "close(1002 a frame has an unknown opcode);");
    rp_ws_deinit(&client);
    rp_ws_deinit(&server);
    rp_buf_deinit(&out);
    rp_buf_deinit(&events);
}

static void test_each_error_has_a_code_and_a_text(void **state)
{
    for (int i = 1; i < RP_WS_ERROR_COUNT; i++) {
        unsigned code = rp_ws_error_code((enum rp_ws_error)i);

        assert_true(code == RP_WS_PROTOCOL_ERROR || code == RP_WS_BAD_DATA ||
                    code == RP_WS_TOO_BIG || code == RP_WS_INTERNAL);
        assert_true(strlen(rp_ws_error_text((enum rp_ws_error)i)) <= RP_WS_REASON_MAX);
    }
}

static void test_without_memory(void **state)
{
    struct rp_ws_shared shared = { 0 };
    struct rp_buf events, out;
    struct rp_ws ws;

    rp_buf_init(&events, MAX);
    rp_buf_init(&out, MAX);
    rp_buf_append_str(&events, "made before: ");
    assert_int_equal(rp_buf_reserve(&events, 1000), 0);
    open_ws(&ws, &shared, false);
    rp_alloc_fail_at(1);
    assert_int_equal(rp_ws_trace(&ws, RP_SLICE("\x81\x02xy"), 3, &events), RP_WS_ERROR);
    assert_int_equal(ws.error, RP_WS_NO_MEMORY);
    rp_ws_deinit(&ws);
    open_ws(&ws, &shared, false);
    rp_alloc_fail_at(1);
    assert_int_equal(rp_ws_write(&ws, &out, RP_WS_TEXT, RP_SLICE("x")), -ENOMEM);
    assert_int_equal(out.len, 0);
    rp_alloc_fail_at(0);
    rp_ws_deinit(&ws);
    rp_buf_deinit(&events);
    rp_buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reading_as_a_client),
        cmocka_unit_test(test_reading_as_a_server),
        cmocka_unit_test(test_what_a_message_is_given_in),
        cmocka_unit_test(test_the_memory_of_a_large_message_is_given_back),
        cmocka_unit_test(test_a_length_takes_little_memory),
        cmocka_unit_test(test_what_is_written_is_read),
        cmocka_unit_test(test_a_mask_for_each_length),
        cmocka_unit_test(test_masks_differ),
        cmocka_unit_test(test_closing),
        cmocka_unit_test(test_a_close_frame_of_the_greatest_length),
        cmocka_unit_test(test_an_error_is_answered),
        cmocka_unit_test(test_each_error_has_a_code_and_a_text),
        cmocka_unit_test(test_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

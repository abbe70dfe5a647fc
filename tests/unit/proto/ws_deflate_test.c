/* SPDX-License-Identifier: MIT */

/* permessage-deflate: what RFC 7692 has as examples, both sides with each other under all terms, data
 * that is broken, and its limits. */

#include "proto/ws_deflate.h"

#include <errno.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/compiler.h"
#include "base/random.h"
#include "ws_trace.h"

enum { MAX = 1 << 23, MESSAGE_MAX = 300000 };

static void open_with(struct rp_ws *ws, struct rp_ws_shared *shared, bool is_server,
                      const struct rp_ws_deflate_terms *terms, size_t message_max)
{
    struct rp_ws_config config = { .shared = shared,
                                   .is_server = is_server,
                                   .message_max = message_max,
                                   .frame_max = UINT64_MAX };

    config.deflate = rp_ws_deflate_new(terms, is_server, 1000);
    assert_non_null(config.deflate);
    rp_ws_init(ws, &config);
}

static const struct {
    const char *in, *events;
} cases[] = {
    /* RFC 7692, 7.2.3.1: one block, in one frame and in two */
    { "c1 07 f2 48 cd c9 c9 07 00", "text(Hello);" },
    { "41 03 f2 48 cd 80 04 c9 c9 07 00", "text(Hello);" },
    /* 7.2.3.2: the window is kept */
    { "c1 07 f2 48 cd c9 c9 07 00 c1 05 f2 00 11 00 00", "text(Hello);text(Hello);" },
    /* 7.2.3.3: a block that is not compressed */
    { "c1 0b 00 05 00 fa ff 'Hello' 00", "text(Hello);" },
    /* 7.2.3.4: a block that is marked as the last one, alone and before others */
    { "c1 08 f3 48 cd c9 c9 07 00 00", "text(Hello);" },
    { "c1 08 f3 48 cd c9 c9 07 00 00 c1 05 f2 00 11 00 00", "text(Hello);text(Hello);" },
    { "c1 0c f3 48 cd c9 c9 07 00 f2 00 11 00 00", "text(HelloHello);" },
    /* 7.2.3.5: two blocks in one message */
    { "c1 0d f2 48 05 00 00 00 ff ff ca c9 c9 07 00", "text(Hello);" },
    /* 7.2.3.6: an empty message */
    { "c1 01 00", "text();" },
    { "41 00 80 01 00", "text();" },
    { "c2 00 c1 07 f2 48 cd c9 c9 07 00", "binary();text(Hello);" },
    /* Messages that are not compressed are allowed between the others, and do not come into the
     * window. */
    { "c1 07 f2 48 cd c9 c9 07 00 81 01 'x' c1 05 f2 00 11 00 00",
      "text(Hello);text(x);text(Hello);" },
    { "41 03 f2 48 cd 89 01 'p' 80 04 c9 c9 07 00", "ping(p);text(Hello);" },
    /* The bit stands in the first frame of a message only, and in no control frame. */
    { "41 03 f2 48 cd c0 04 c9 c9 07 00",
      "error(1002 a frame has a reserved bit that was not negotiated);" },
    { "01 00 c0 00", "error(1002 a frame has a reserved bit that was not negotiated);" },
    { "c9 00", "error(1002 a frame has a reserved bit that was not negotiated);" },
    { "a1 00", "error(1002 a frame has a reserved bit that was not negotiated);" },
    { "e1 00", "error(1002 a frame has a reserved bit that was not negotiated);" },
    /* broken data: no such block, cut off, a distance before the beginning */
    { "c1 02 ff ff", "error(1007 the compressed data of a message is invalid);" },
    { "c1 03 f2 48 cd", "error(1007 the compressed data of a message is invalid);" },
    { "c1 05 f2 00 11 00 00", "error(1007 the compressed data of a message is invalid);" },
    /* a text that is not UTF-8: a stored block with ff, which is found before the frame ends */
    { "c1 7e 10 00 00 01 00 fe ff ff", "error(1007 a text message is not UTF-8);" },
    { "c1 07 00 01 00 fe ff e2 00", "error(1007 a text message is not UTF-8);" },
};

static void test_reading(void **state)
{
    struct rp_ws_shared shared = { 0 };
    struct rp_buf in, events;

    rp_buf_init(&in, MAX);
    rp_buf_init(&events, MAX);
    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        rp_buf_reset(&in);
        rp_ws_append_bytes(&in, cases[i].in);
        for (size_t piece = 1; piece <= in.len + 1; piece++) {
            struct rp_ws ws;

            open_with(&ws, &shared, false, &RP_WS_DEFLATE_DEFAULT, MESSAGE_MAX);
            rp_buf_reset(&events);
            rp_ws_trace(&ws, rp_buf_slice(&in), piece, &events);
            assert_string_equal(rp_buf_str(&events), cases[i].events);
            rp_ws_deinit(&ws);
        }
    }
    rp_buf_deinit(&in);
    rp_buf_deinit(&events);
}

/* Fills @text with words, some of which come again from far away. */
static void compose(struct rp_buf *text, uint64_t *random, size_t len)
{
    rp_buf_reset(text);
    while (text->len < len) {
        uint64_t next = rp_random_next(random);

        if (next % 3 && text->len > 600) {
            size_t back = 1 + (size_t)(next >> 8) % (text->len - 1);
            size_t count = (size_t)(next >> 40) % 300;

            assert_int_equal(rp_buf_reserve(text, count), 0);
            rp_buf_append(text, text->data + text->len - back, count < back ? count : back);
        } else {
            rp_buf_appendf(text, "%x ", (unsigned)next);
        }
    }
    text->len = len;
}

/* Several messages from one side to the other under @terms; what is read is what was written. */
static void exchange(const struct rp_ws_deflate_terms *terms, bool is_server, uint64_t *random)
{
    static const size_t lengths[] = { 0, 1, 100, 0, 5000, 3, 70000, 100, 250000 };
    struct rp_ws_shared shared = { 0 };
    struct rp_buf text, wire, events;
    struct rp_ws from, to;

    rp_buf_init(&text, MAX);
    rp_buf_init(&wire, MAX);
    rp_buf_init(&events, MAX);
    open_with(&from, &shared, is_server, terms, MESSAGE_MAX);
    open_with(&to, &shared, !is_server, terms, MESSAGE_MAX);
    for (size_t i = 0; i < RP_ARRAY_LEN(lengths); i++) {
        rp_buf_reset(&wire);
        rp_buf_reset(&events);
        compose(&text, random, lengths[i]);
        assert_int_equal(rp_ws_write(&from, &wire, RP_WS_TEXT, rp_buf_slice(&text)), 0);
        assert_true((uint8_t)wire.data[0] == 0xc1);
        assert_true(wire.len < 1000 || wire.len < text.len);
        rp_ws_trace(&to, rp_buf_slice(&wire), i % 2 ? wire.len : 1000, &events);
        assert_int_equal(events.len, text.len + strlen("text();"));
        assert_memory_equal(events.data + 5, rp_buf_str(&text), text.len);
    }
    rp_ws_deinit(&from);
    rp_ws_deinit(&to);
    rp_ws_shared_deinit(&shared);
    rp_buf_deinit(&text);
    rp_buf_deinit(&wire);
    rp_buf_deinit(&events);
}

static void test_both_sides_under_all_terms(void **state)
{
    uint64_t random[4];

    rp_random_seed(random, 7692);
    for (uint8_t bits = RP_WS_BITS_MIN; bits <= RP_WS_BITS_MAX; bits++)
        for (unsigned k = 0; k < 4; k++) {
            struct rp_ws_deflate_terms terms = { .server_no_context = k & 1,
                                                 .client_no_context = !(k & 1),
                                                 .server_bits = bits,
                                                 .client_bits = (uint8_t)(23 - bits) };

            exchange(&terms, k & 2, random);
        }
}

static void test_a_window_that_is_kept_helps_the_next_message(void **state)
{
    struct rp_slice text = RP_SLICE("a message that is the same as the one before it, or is not");
    struct rp_ws_deflate_terms terms = RP_WS_DEFLATE_DEFAULT;
    size_t lengths[2][2];

    for (int no_context = 0; no_context < 2; no_context++) {
        struct rp_ws_shared shared = { 0 };
        struct rp_ws ws;

        terms.client_no_context = no_context;
        open_with(&ws, &shared, false, &terms, MESSAGE_MAX);
        for (int i = 0; i < 2; i++) {
            struct rp_buf wire;

            rp_buf_init(&wire, MAX);
            assert_int_equal(rp_ws_write(&ws, &wire, RP_WS_TEXT, text), 0);
            lengths[no_context][i] = wire.len;
            rp_buf_deinit(&wire);
        }
        rp_ws_deinit(&ws);
        rp_ws_shared_deinit(&shared);
    }
    assert_true(lengths[0][1] < lengths[0][0] / 2);
    assert_int_equal(lengths[1][0], lengths[1][1]);
}

/* Connections with windows of several sizes share what compresses. */
static void test_what_is_shared(void **state)
{
    struct rp_ws_shared shared = { 0 };

    for (unsigned i = 0; i < 12; i++) {
        struct rp_ws_deflate_terms terms = { .client_no_context = true,
                                             .server_bits = 15,
                                             .client_bits = (uint8_t)(8 + i * 5 % 8) };
        struct rp_buf wire, events;
        struct rp_ws client, server;

        rp_buf_init(&wire, MAX);
        rp_buf_init(&events, MAX);
        open_with(&client, &shared, false, &terms, MESSAGE_MAX);
        open_with(&server, &shared, true, &terms, MESSAGE_MAX);
        for (unsigned k = 0; k < 3; k++)
            assert_int_equal(rp_ws_write(&client, &wire, RP_WS_TEXT, RP_SLICE("shared shared")), 0);
        rp_ws_trace(&server, rp_buf_slice(&wire), 5, &events);
        assert_string_equal(rp_buf_str(&events),
                            "text(shared shared);text(shared shared);text(shared shared);");
        rp_ws_deinit(&client);
        rp_ws_deinit(&server);
        rp_buf_deinit(&wire);
        rp_buf_deinit(&events);
    }
    rp_ws_shared_deinit(&shared);
}

/* ---- limits ----------------------------------------------------------------------------------- */

static enum rp_ws_error read_zeros(size_t zeros, size_t message_max, unsigned ratio_max)
{
    struct rp_ws_shared shared = { 0 };
    struct rp_ws_config config = { .shared = &shared,
                                   .message_max = message_max,
                                   .frame_max = UINT64_MAX };
    struct rp_slice in, payload;
    enum rp_ws_event event;
    enum rp_ws_error error;
    struct rp_buf text, wire;
    struct rp_ws from, to;

    rp_buf_init(&text, zeros);
    rp_buf_init(&wire, MAX);
    assert_int_equal(rp_buf_reserve(&text, zeros), 0);
    memset(text.data, 0, zeros);
    text.len = zeros;
    open_with(&from, &shared, true, &RP_WS_DEFLATE_DEFAULT, 0);
    config.deflate = rp_ws_deflate_new(&RP_WS_DEFLATE_DEFAULT, false, ratio_max);
    assert_non_null(config.deflate);
    rp_ws_init(&to, &config);
    assert_int_equal(rp_ws_write(&from, &wire, RP_WS_BINARY, rp_buf_slice(&text)), 0);
    in = rp_buf_slice(&wire);
    event = rp_ws_read(&to, &in, &payload);
    assert_true(event == RP_WS_ERROR || (event == RP_WS_BINARY && payload.len == zeros));
    error = to.error;
    rp_ws_deinit(&from);
    rp_ws_deinit(&to);
    rp_buf_deinit(&text);
    rp_buf_deinit(&wire);
    return error;
}

static void test_limits(void **state)
{
    assert_int_equal(read_zeros(50000, 50000, 0), RP_WS_OK);
    assert_int_equal(read_zeros(50001, 50000, 0), RP_WS_MESSAGE_TOO_LARGE);
    assert_int_equal(read_zeros(1, 0, 0), RP_WS_MESSAGE_TOO_LARGE);
    assert_int_equal(read_zeros(0, 0, 0), RP_WS_OK);
    /* Fewer than RP_CODING_FREE bytes may be very uniform. */
    assert_int_equal(read_zeros(4 << 20, SIZE_MAX / 2, 100), RP_WS_OK);
    assert_int_equal(read_zeros(5 << 20, SIZE_MAX / 2, 100), RP_WS_TOO_COMPRESSED);
    assert_int_equal(read_zeros(5 << 20, SIZE_MAX / 2, 0), RP_WS_OK);
}

/* ---- memory ----------------------------------------------------------------------------------- */

/* Each allocation of a message in each direction fails once: an error, and no leak. What was not
 * written does not spoil what is written afterwards. */
static void test_without_memory(void **state)
{
    struct rp_slice text = RP_SLICE("Hello, hello, hello");

    for (uint64_t n = 1;; n++) {
        struct rp_ws_shared shared = { 0 };
        struct rp_buf wire, events;
        struct rp_ws client, server;
        uint64_t made;
        int r;

        rp_buf_init(&wire, MAX);
        rp_buf_init(&events, MAX);
        assert_int_equal(rp_buf_reserve(&events, 1000), 0);
        open_with(&client, &shared, false, &RP_WS_DEFLATE_DEFAULT, MESSAGE_MAX);
        open_with(&server, &shared, true, &RP_WS_DEFLATE_DEFAULT, MESSAGE_MAX);
        made = rp_alloc_count();
        rp_alloc_fail_at(n);
        r = rp_ws_write(&client, &wire, RP_WS_TEXT, text);
        made = rp_alloc_count() - made;
        rp_alloc_fail_at(0);
        assert_int_equal(r, made >= n ? -ENOMEM : 0);
        if (r < 0) {
            assert_int_equal(wire.len, 0);
            rp_buf_reset(&wire);
            assert_int_equal(rp_ws_write(&client, &wire, RP_WS_TEXT, text), 0);
        }
        assert_int_equal(rp_ws_write(&client, &wire, RP_WS_TEXT, text), 0);
        rp_ws_trace(&server, rp_buf_slice(&wire), 1000, &events);
        assert_string_equal(rp_buf_str(&events),
                            "text(Hello, hello, hello);text(Hello, hello, hello);");
        rp_ws_deinit(&client);
        rp_ws_deinit(&server);
        rp_buf_deinit(&wire);
        rp_buf_deinit(&events);
        if (r == 0)
            break;
        assert_true(n < 100);
    }
}

static void test_reading_without_memory(void **state)
{
    struct rp_slice in = RP_SLICE("\xc1\x08\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), rest, payload;
    struct rp_ws_shared shared = { 0 };
    enum rp_ws_event event = RP_WS_ERROR;

    for (uint64_t n = 1; event == RP_WS_ERROR; n++) {
        struct rp_ws ws;

        open_with(&ws, &shared, false, &RP_WS_DEFLATE_DEFAULT, MESSAGE_MAX);
        rp_alloc_fail_at(n);
        rest = in;
        event = rp_ws_read(&ws, &rest, &payload);
        rp_alloc_fail_at(0);
        if (event == RP_WS_ERROR)
            assert_int_equal(ws.error, RP_WS_NO_MEMORY);
        rp_ws_deinit(&ws);
        assert_true(n < 100);
    }
    assert_int_equal(event, RP_WS_TEXT);
    rp_alloc_fail_at(1);
    assert_null(rp_ws_deflate_new(&RP_WS_DEFLATE_DEFAULT, true, 0));
    rp_alloc_fail_at(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reading),
        cmocka_unit_test(test_both_sides_under_all_terms),
        cmocka_unit_test(test_a_window_that_is_kept_helps_the_next_message),
        cmocka_unit_test(test_what_is_shared),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_without_memory),
        cmocka_unit_test(test_reading_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

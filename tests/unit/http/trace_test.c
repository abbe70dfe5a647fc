/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "http/trace.h"

static void assert_shown(struct rp_slice body, uint64_t bytes, const char *expected)
{
    struct rp_buf out;
    size_t shown;

    rp_buf_init(&out, 1 << 16);
    shown = rp_trace_append_body(&out, body, bytes);
    assert_int_equal(shown, *expected ? body.len : 0);
    assert_string_equal(rp_buf_str(&out), expected);
    rp_buf_deinit(&out);
}

#define SHOWN(text, expected) assert_shown(RP_SLICE(text), sizeof(text) - 1, expected)

static void text_is_shown_by_lines(void **state)
{
    SHOWN("hello", "hello\n");
    SHOWN("a\r\n\nb\n", "a\n\nb\n");
    assert_shown(RP_SLICE(""), 0, "");
}

static void other_bodies_are_not_shown(void **state)
{
    SHOWN("\x1b[2J", "");
    SHOWN("\xff\xfe", "");
    SHOWN("a\0b", "");
    assert_shown(RP_SLICE(""), 70000, ""); /* it was discarded */
}

static void a_long_text_is_cut(void **state)
{
    char text[3000];
    struct rp_buf out;

    memset(text, 'a', sizeof(text));
    memcpy(text + 2046, "\xe2\x82\xac", 3); /* the cut is within a character */
    rp_buf_init(&out, 1 << 16);
    assert_int_equal(rp_trace_append_body(&out, rp_slice(text, sizeof(text)), sizeof(text)), 2048);
    assert_true(out.len > 900 && out.len < 2200);
    rp_buf_deinit(&out);
}

static void secrets_are_masked(void **state)
{
    static const char *const bodies[][2] = {
        { "{\"access_token\": \"abc\", \"name\":\"x\"}",
          "{\"access_token\": ***, \"name\":\"x\"}" },
        { "{\"Password\":\"a\\\"b,c\",\"n\":1}", "{\"Password\":***,\"n\":1}" },
        { "{\"api_key\":12,\"n\":1}", "{\"api_key\":***,\"n\":1}" },
        { "{\"keys\":[{\"kid\":1}]}", "{\"keys\":[{\"kid\":1}]}" },
        { "user=u&password=abc&x=1", "user=u&password=***&x=1" },
        { "password=abc", "password=***" },
        { "password=", "password=***" },
        { "{'token': 'abc'}", "{'token': ***}" },
        { "\"{\\\"token\\\":\\\"abc\\\"}\"", "\"{\\\"token\\\":***}\"" },
        { "the token is lost", "the token is lost" },
        { "{\"secret\":\"never ends", "{\"secret\":***" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(bodies); i++) {
        char expected[200];

        snprintf(expected, sizeof(expected), "%s\n", bodies[i][1]);
        assert_shown(rp_slice_str(bodies[i][0]), strlen(bodies[i][0]), expected);
    }
}

static void urls_have_no_secrets(void **state)
{
    static const char *const urls[][2] = {
        { "http://h/p?a=1", "http://h/p?a=1" },
        { "http://u:pw@h/p", "http://h/p" },
        { "/p?token=abc&x=1&api_key=k", "/p?token=***&x=1&api_key=***" },
        { "/p?x&token", "/p?x&token" },
        { "/p?sig=a,b;c&design=1", "/p?sig=***&design=1" },
        { "/p?\x1b[2J", "/p?\xef\xbf\xbd[2J" },
        { "", "" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(urls); i++) {
        struct rp_buf out;

        rp_buf_init(&out, 4096);
        rp_trace_append_url(&out, rp_slice_str(urls[i][0]));
        assert_string_equal(rp_buf_str(&out), urls[i][1]);
        rp_buf_deinit(&out);
    }
}

static void subprotocols_are_shown_as_far_as_they_look_like_names(void **state)
{
    static const char *const values[][2] = {
        { "chat", "chat" },
        { "v12.stomp, v11.stomp", "v12.stomp, v11.stomp" },
        { "graphql-transport-ws,graphql-ws", "graphql-transport-ws, graphql-ws" },
        { "ocpp2.0.1, ocpp1.6", "ocpp2.0.1, ocpp1.6" },
        { "wamp.2.msgpack.batched", "wamp.2.msgpack.batched" },
        { "v4.channel.k8s.io", "v4.channel.k8s.io" },
        { "actioncable-unsupported", "actioncable-unsupported" },
        { "json.webpubsub.azure.v1", "json.webpubsub.azure.v1" },
        { "AMQPWSB10, MQTTv5, SignalR", "AMQPWSB10, MQTTv5, SignalR" },
        { "chat, xxxxxxxxxxxxxxxxxxxxxxxxx", "chat, ***" },
        { "8f14e45fceea167a5a36d", "***" },          /* hexadecimal */
        { "3q2-7wAAAAB1nS_pXk0zTQ, v2", "***, v2" }, /* 16 bytes in base64url */
        { "ghZ8kQ1vTnR4sXw2", "***" },
        { "hjqkzwvtrpnmxbdcf", "***" }, /* longer than a word */
        { "123456", "***" },
        { "1-2a-3B-4c-5D", "***" },
        { "bearer, swordfish, chat", "***, ***, chat" },
        { "chat, token.swordfish", "chat, ***" },
        { "", "" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(values); i++) {
        struct rp_buf out;

        rp_buf_init(&out, 4096);
        rp_trace_append_protocols(&out, rp_slice_str(values[i][0]));
        assert_string_equal(rp_buf_str(&out), values[i][1]);
        rp_buf_deinit(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_shown_by_lines),
        cmocka_unit_test(other_bodies_are_not_shown),
        cmocka_unit_test(a_long_text_is_cut),
        cmocka_unit_test(secrets_are_masked),
        cmocka_unit_test(urls_have_no_secrets),
        cmocka_unit_test(subprotocols_are_shown_as_far_as_they_look_like_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

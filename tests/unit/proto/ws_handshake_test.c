/* SPDX-License-Identifier: MIT */

/* The fields of a WebSocket's request and answer: what is accepted, what is refused and why. */

#include "proto/ws_handshake.h"

#include <stdio.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/base64.h"
#include "base/compiler.h"

enum { MAX = 4096 };

/* The example of RFC 6455, 1.3. */
#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

static void test_keys(void **state)
{
    char accept[RP_WS_ACCEPT_LEN + 1], first[RP_WS_KEY_LEN + 1], second[RP_WS_KEY_LEN + 1];
    struct rp_ws_shared shared = { 0 };
    struct rp_buf bytes;

    assert_int_equal(rp_ws_make_accept(RP_SLICE(KEY), accept), 0);
    assert_string_equal(accept, ACCEPT);
    assert_int_equal(rp_ws_make_key(&shared, first), 0);
    assert_int_equal(rp_ws_make_key(&shared, second), 0);
    assert_string_not_equal(first, second);
    rp_buf_init(&bytes, MAX);
    assert_true(rp_base64_decode(&bytes, rp_slice_str(first)));
    assert_int_equal(bytes.len, 16);
    rp_buf_deinit(&bytes);
}

/* Terms as text: "s15 c15", with an n where there is no context. */
static const char *show(const struct rp_ws_deflate_terms *terms, char text[static 20])
{
    snprintf(text, 20, "s%s%u c%s%u", terms->server_no_context ? "n" : "", terms->server_bits,
             terms->client_no_context ? "n" : "", terms->client_bits);
    return text;
}

/* ---- the client ------------------------------------------------------------------------------- */

#define OK "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
#define GOOD OK "Sec-WebSocket-Accept: " ACCEPT "\r\n"

static const struct {
    const char *protocols, *head;
    unsigned status;
    enum rp_ws_refusal refusal;
    const char *protocol;
} answers[] = {
    { "", GOOD "\r\n", 101, RP_WS_ACCEPTED, "" },
    { "",
      "HTTP/1.1 101 \r\nupgrade: h2c, WebSocket\r\nCONNECTION: keep-alive, upgrade\r\n"
      "Sec-Websocket-Accept: " ACCEPT "\r\n\r\n",
      101, RP_WS_ACCEPTED, "" },
    { "", "HTTP/1.1 200 OK\r\n\r\n", 200, RP_WS_WRONG_STATUS, NULL },
    { "", GOOD "\r\n", 100, RP_WS_WRONG_STATUS, NULL },
    { "", "HTTP/1.1 101 \r\nConnection: Upgrade\r\n\r\n", 101, RP_WS_NO_UPGRADE, NULL },
    { "", "HTTP/1.1 101 \r\nUpgrade: websockets\r\nConnection: Upgrade\r\n\r\n", 101,
      RP_WS_NO_UPGRADE, NULL },
    { "", "HTTP/1.1 101 \r\nUpgrade: websocket\r\n\r\n", 101, RP_WS_NO_CONNECTION, NULL },
    { "", "HTTP/1.1 101 \r\nUpgrade: websocket\r\nConnection: close\r\n\r\n", 101,
      RP_WS_NO_CONNECTION, NULL },
    { "", OK "\r\n", 101, RP_WS_NO_ACCEPT, NULL },
    { "", GOOD "Sec-WebSocket-Accept: " ACCEPT "\r\n\r\n", 101, RP_WS_NO_ACCEPT, NULL },
    { "", OK "Sec-WebSocket-Accept: S3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n", 101, RP_WS_WRONG_ACCEPT,
      NULL },
    { "", OK "Sec-WebSocket-Accept: \r\n\r\n", 101, RP_WS_WRONG_ACCEPT, NULL },
    { "chat, echo", GOOD "\r\n", 101, RP_WS_ACCEPTED, "" },
    { "chat, echo", GOOD "Sec-WebSocket-Protocol: echo\r\n\r\n", 101, RP_WS_ACCEPTED, "echo" },
    { "chat, echo", GOOD "Sec-WebSocket-Protocol: Echo\r\n\r\n", 101, RP_WS_UNASKED_PROTOCOL,
      NULL },
    { "chat, echo", GOOD "Sec-WebSocket-Protocol: chat, echo\r\n\r\n", 101, RP_WS_TWO_PROTOCOLS,
      NULL },
    { "chat, echo", GOOD "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: echo\r\n\r\n",
      101, RP_WS_TWO_PROTOCOLS, NULL },
    { "", GOOD "Sec-WebSocket-Protocol: chat\r\n\r\n", 101, RP_WS_UNASKED_PROTOCOL, NULL },
    { "chat", GOOD "Sec-WebSocket-Protocol: \r\n\r\n", 101, RP_WS_UNASKED_PROTOCOL, NULL },
    { "", GOOD "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n", 101, RP_WS_UNASKED_EXTENSION,
      NULL },
    { "", GOOD "Sec-WebSocket-Extensions: x-own\r\n\r\n", 101, RP_WS_UNASKED_EXTENSION, NULL },
};

static void test_answers(void **state)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(answers); i++) {
        struct rp_ws_request request = { .key = RP_SLICE(KEY),
                                         .protocols = rp_slice_str(answers[i].protocols) };
        struct rp_ws_agreement agreement;

        assert_int_equal(rp_ws_check_answer(&request, answers[i].status,
                                            rp_slice_str(answers[i].head), &agreement),
                         answers[i].refusal);
        assert_false(agreement.has_deflate);
        if (answers[i].protocol)
            assert_true(rp_slice_eq_str(agreement.protocol, answers[i].protocol));
    }
}

static void test_answers_over_http_2(void **state)
{
    struct rp_ws_request request = { .protocols = RP_SLICE("a") };
    struct rp_ws_agreement agreement;

    assert_int_equal(rp_ws_check_answer(&request, 200,
                                        RP_SLICE("HTTP/2.0 200 \r\nsec-websocket-protocol: a"
                                                 "\r\n\r\n"),
                                        &agreement),
                     RP_WS_ACCEPTED);
    assert_true(rp_slice_eq_str(agreement.protocol, "a"));
    assert_int_equal(
        rp_ws_check_answer(&request, 101, RP_SLICE("HTTP/2.0 101 \r\n\r\n"), &agreement),
        RP_WS_WRONG_STATUS);
    assert_int_equal(
        rp_ws_check_answer(&request, 403, RP_SLICE("HTTP/2.0 403 \r\n\r\n"), &agreement),
        RP_WS_WRONG_STATUS);
}

static const struct {
    struct rp_ws_deflate_terms offer;
    const char *offered, *answer, *terms; /* terms NULL = it is refused */
} extensions[] = {
    { { false, false, 15, 15 },
      "permessage-deflate; client_max_window_bits",
      "permessage-deflate",
      "s15 c15" },
    { { false, false, 15, 15 },
      "permessage-deflate; client_max_window_bits",
      "permessage-deflate; server_no_context_takeover;client_no_context_takeover",
      "sn15 cn15" },
    { { false, false, 15, 15 },
      "permessage-deflate; client_max_window_bits",
      "Permessage-Deflate ; server_max_window_bits = 10 ; client_max_window_bits=\"8\"",
      "s10 c8" },
    { { false, true, 15, 12 },
      "permessage-deflate; client_max_window_bits=12; client_no_context_takeover",
      "permessage-deflate",
      "s15 cn12" },
    { { false, true, 15, 12 },
      "permessage-deflate; client_max_window_bits=12; client_no_context_takeover",
      "permessage-deflate; client_max_window_bits=14",
      "s15 cn12" },
    { { true, false, 9, 15 },
      "permessage-deflate; client_max_window_bits; server_no_context_takeover; "
      "server_max_window_bits=9",
      "permessage-deflate; server_no_context_takeover; server_max_window_bits=8",
      "sn8 c15" },
    { { true, false, 15, 15 }, NULL, "permessage-deflate", NULL },
    { { false, false, 9, 15 }, NULL, "permessage-deflate", NULL },
    { { false, false, 9, 15 }, NULL, "permessage-deflate; server_max_window_bits=10", NULL },
    { { false, false, 15, 15 }, NULL, "permessage-deflate; client_max_window_bits", NULL },
    { { false, false, 15, 15 }, NULL, "permessage-deflate; server_max_window_bits", NULL },
    { { false, false, 15, 15 }, NULL, "permessage-deflate; server_max_window_bits=7", NULL },
    { { false, false, 15, 15 }, NULL, "permessage-deflate; server_max_window_bits=16", NULL },
    { { false, false, 15, 15 }, NULL, "permessage-deflate; server_max_window_bits=010", NULL },
    { { false, false, 15, 15 }, NULL, "permessage-deflate; server_max_window_bits=1x", NULL },
    { { false, false, 15, 15 }, NULL, "permessage-deflate; server_max_window_bits=", NULL },
    { { false, false, 15, 15 }, NULL, "permessage-deflate; server_no_context_takeover=1", NULL },
    { { false, false, 15, 15 },
      NULL,
      "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
      NULL },
    { { false, false, 15, 15 }, NULL, "permessage-deflate; x", NULL },
    { { false, false, 15, 15 }, NULL, "permessage-deflate;", NULL },
    { { false, false, 15, 15 }, NULL, "permessage-deflate, permessage-deflate", NULL },
    { { false, false, 15, 15 }, NULL, "permessage-deflate, x", NULL },
    { { false, false, 15, 15 }, NULL, "x-own; a=\"permessage-deflate\"", NULL },
};

static void test_terms_of_answers(void **state)
{
    struct rp_buf text;

    rp_buf_init(&text, MAX);
    for (size_t i = 0; i < RP_ARRAY_LEN(extensions); i++) {
        struct rp_ws_request request = { .key = RP_SLICE(KEY), .offer = &extensions[i].offer };
        struct rp_ws_agreement agreement;
        enum rp_ws_refusal refusal;
        char terms[20];

        rp_buf_reset(&text);
        rp_ws_append_offer(request.offer, &text);
        if (extensions[i].offered)
            assert_string_equal(rp_buf_str(&text), extensions[i].offered);
        rp_buf_reset(&text);
        rp_buf_appendf(&text, GOOD "Sec-WebSocket-Extensions: %s\r\n\r\n", extensions[i].answer);
        refusal = rp_ws_check_answer(&request, 101, rp_buf_slice(&text), &agreement);
        if (extensions[i].terms) {
            assert_int_equal(refusal, RP_WS_ACCEPTED);
            assert_true(agreement.has_deflate);
            assert_string_equal(show(&agreement.deflate, terms), extensions[i].terms);
        } else {
            assert_true(refusal == RP_WS_BAD_EXTENSION || refusal == RP_WS_UNASKED_EXTENSION);
        }
    }
    rp_buf_deinit(&text);
}

/* ---- the server ------------------------------------------------------------------------------- */

#define ASK                                                                                        \
    "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"                 \
    "Sec-WebSocket-Version: 13\r\n"
#define ASKED ASK "Sec-WebSocket-Key: " KEY "\r\n"

static const struct {
    const char *method, *head;
    enum rp_ws_refusal refusal;
    const char *protocols, *terms, *answer; /* terms NULL = no compression */
} requests[] = {
    { "GET", ASKED "\r\n", RP_WS_ACCEPTED, "", NULL, NULL },
    { "POST", ASKED "\r\n", RP_WS_WRONG_METHOD, NULL, NULL, NULL },
    { "GET", "GET / HTTP/1.1\r\nUpgrade: h2c\r\n\r\n", RP_WS_NO_UPGRADE, NULL, NULL, NULL },
    { "GET", "GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n", RP_WS_NO_CONNECTION, NULL, NULL,
      NULL },
    { "GET",
      "GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: " KEY "\r\n\r\n",
      RP_WS_WRONG_VERSION, NULL, NULL, NULL },
    { "GET", ASK "\r\n", RP_WS_BAD_KEY, NULL, NULL, NULL },
    { "GET", ASK "Sec-WebSocket-Key: c2hvcnQ=\r\n\r\n", RP_WS_BAD_KEY, NULL, NULL, NULL },
    { "GET", ASK "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ!!\r\n\r\n", RP_WS_BAD_KEY, NULL, NULL,
      NULL },
    { "GET", ASKED "Sec-WebSocket-Protocol: a, b\r\n\r\n", RP_WS_ACCEPTED, "a, b", NULL, NULL },
    { "GET", ASKED "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n",
      RP_WS_ACCEPTED, "", "s15 c15", "permessage-deflate" },
    { "GET",
      ASKED "Sec-WebSocket-Extensions: x-own, permessage-deflate; server_max_window_bits=20, "
            "permessage-deflate; server_max_window_bits=10; client_max_window_bits=11\r\n\r\n",
      RP_WS_ACCEPTED, "", "s10 c11",
      "permessage-deflate; server_max_window_bits=10; client_max_window_bits=11" },
    { "GET",
      ASKED "Sec-WebSocket-Extensions: x-own\r\nSec-WebSocket-Extensions: permessage-deflate; "
            "server_no_context_takeover; client_no_context_takeover\r\n\r\n",
      RP_WS_ACCEPTED, "", "sn15 cn15",
      "permessage-deflate; server_no_context_takeover; client_no_context_takeover" },
    { "GET",
      ASKED "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=15\r\n\r\n",
      RP_WS_ACCEPTED, "", "s15 c15", "permessage-deflate; server_max_window_bits=15" },
    { "GET", ASKED "Sec-WebSocket-Extensions: permessage-deflate; x\r\n\r\n", RP_WS_ACCEPTED, "",
      NULL, NULL },
};

static void test_requests(void **state)
{
    struct rp_buf text;

    rp_buf_init(&text, MAX);
    for (size_t i = 0; i < RP_ARRAY_LEN(requests); i++) {
        char accept[RP_WS_ACCEPT_LEN + 1], terms[20];
        struct rp_slice protocols, head = rp_slice_str(requests[i].head);
        struct rp_ws_agreement agreement;

        assert_int_equal(rp_ws_check_request(rp_slice_str(requests[i].method), head, &agreement,
                                             &protocols, accept),
                         requests[i].refusal);
        assert_int_equal(rp_ws_is_asked_for(head), requests[i].refusal != RP_WS_NO_UPGRADE);
        if (requests[i].refusal != RP_WS_ACCEPTED)
            continue;
        assert_string_equal(accept, ACCEPT);
        assert_true(rp_slice_eq_str(protocols, requests[i].protocols));
        assert_int_equal(agreement.has_deflate, requests[i].terms != NULL);
        if (!requests[i].terms)
            continue;
        assert_string_equal(show(&agreement.deflate, terms), requests[i].terms);
        rp_buf_reset(&text);
        rp_ws_append_terms(&agreement.deflate, &text);
        assert_string_equal(rp_buf_str(&text), requests[i].answer);
    }
    rp_buf_deinit(&text);
}

static void test_protocols(void **state)
{
    assert_true(rp_ws_has_protocol(RP_SLICE("a, b"), RP_SLICE("b")));
    assert_true(rp_ws_has_protocol(RP_SLICE("a,b"), RP_SLICE("a")));
    assert_false(rp_ws_has_protocol(RP_SLICE("a, b"), RP_SLICE("B")));
    assert_false(rp_ws_has_protocol(RP_SLICE("ab"), RP_SLICE("a")));
    assert_false(rp_ws_has_protocol(RP_SLICE("a, "), RP_SLICE("")));
    assert_false(rp_ws_has_protocol(RP_SLICE(""), RP_SLICE("a")));
}

static void test_each_refusal_has_a_text(void **state)
{
    for (int i = 0; i < RP_WS_REFUSAL_COUNT; i++)
        assert_true(strlen(rp_ws_refusal_text((enum rp_ws_refusal)i)) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_answers_over_http_2),
        cmocka_unit_test(test_terms_of_answers),
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_protocols),
        cmocka_unit_test(test_each_refusal_has_a_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */

/* How connections over TLS end: as the peer means it, cut off, in the handshake, with bytes that are no TLS. */

#include "tls_place.h"

static const struct ending {
    const char *answer;
    int code; /* without close_notify; 0 = the response is complete */
    int clean_code;
} endings[] = {
    { "", RP_HTTP_TRUNCATED, RP_HTTP_CLOSED },
    { "HTTP/1.1 200 OK\r\nContent-", RP_HTTP_TRUNCATED, RP_HTTP_CLOSED },
    { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok", RP_HTTP_TRUNCATED, RP_HTTP_CLOSED },
    { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 0, 0 },
    { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", RP_HTTP_TRUNCATED,
      RP_HTTP_CLOSED },
    { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 0, 0 },
    { "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok", RP_HTTP_TRUNCATED, 0 },
};

static void check_ending(struct world *world, const struct ending *ending, bool is_clean)
{
    int code = is_clean ? ending->clean_code : ending->code;
    struct place place;
    struct server server;

    place_init(&place, world);
    place_trust(&place);
    place_request(&place, "GET", NULL);
    open_connection(&place, &server, 0);
    if (*ending->answer)
        server_write(&server, ending->answer);
    if (is_clean)
        SSL_shutdown(server.ssl);
    server_flush(&server, 0);
    assert_int_equal(shutdown(server.fd, SHUT_WR), 0);
    request_wait(&place.request, 1);
    assert_int_equal(place.request.response.error_code, code);
    assert_int_equal(place.request.response.status, code ? 0 : 200);
    if (!code)
        assert_string_equal(rp_buf_str(&place.request.response.body), "ok");
    assert_times(&place.request);
    server_free(&server);
    place_deinit(&place);
}

static void test_ends(struct world *world)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(endings); i++) {
        check_ending(world, &endings[i], true);
        check_ending(world, &endings[i], false);
    }
}

/* A server that says that it is done, and waits for TCP to end: that is an end too. */
static void test_an_end_without_the_end_of_tcp(struct world *world)
{
    struct place place;
    struct server server;

    place_init(&place, world);
    place_trust(&place);
    place_request(&place, "GET", NULL);
    open_connection(&place, &server, 0);
    server_write(&server, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok");
    SSL_shutdown(server.ssl);
    server_flush(&server, 0);
    request_wait(&place.request, 1);
    assert_int_equal(place.request.response.status, 200);
    assert_true(place.request.response.sending > 0 || place.request.response.waiting > 0);
    look(world);
    server_take(&server);
    assert_int_equal(SSL_read(server.ssl, (char[1]){ 0 }, 1), 0);
    assert_true(SSL_get_shutdown(server.ssl) & SSL_RECEIVED_SHUTDOWN); /* ours came */
    server_free(&server);
    place_deinit(&place);
}

static void test_an_end_in_the_handshake(struct world *world)
{
    struct place place;
    struct server server;

    for (int says_why = 0; says_why < 2; says_why++) {
        place_init(&place, world);
        place_trust(&place);
        place_request(&place, "GET", NULL);
        request_start(&place.request);
        server_accept(&server, &place);
        while (!BIO_ctrl_pending(server.in))
            server_take(&server);
        if (says_why)
            peer_write(server.fd, "\x15\x03\x03\x00\x02\x02\x50", 7); /* internal error */
        assert_int_equal(shutdown(server.fd, SHUT_WR), 0);
        request_wait(&place.request, 1);
        assert_error(&place.request, RP_HTTP_HANDSHAKE,
                     says_why ? "handshake failed: the server sent alert 80 (internal error)"
                              : "handshake failed: the server closed the connection");
        assert_int_equal((int)sum_of(&place.env, "tls_full_handshakes", NULL, NULL), 0);
        server_free(&server);
        place_deinit(&place);
    }
}

static void test_bytes_that_are_no_tls(struct world *world)
{
    struct place place;
    struct server server;

    place_init(&place, world);
    place_trust(&place);
    place_request(&place, "GET", NULL);
    request_start(&place.request);
    server_accept(&server, &place);
    peer_write(server.fd, "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
    request_wait(&place.request, 1);
    assert_error(&place.request, RP_HTTP_HANDSHAKE,
                 "handshake failed: the server does not speak TLS");
    server_free(&server);
    open_connection(&place, &server, 0);
    peer_write(server.fd, "\x17\x03\x03\x00\x14this is not encrypted", 25);
    request_wait(&place.request, 2);
    assert_int_equal(place.request.response.error_code, RP_HTTP_TLS);
    assert_non_null(strstr(place.request.response.error, "TLS error: "));
    server_free(&server);
    place_deinit(&place);
}

int main(void)
{
    static const struct world_case cases[] = {
        CASE(test_ends),
        CASE(test_an_end_without_the_end_of_tcp),
        CASE(test_an_end_in_the_handshake),
        CASE(test_bytes_that_are_no_tls),
    };

    return run_worlds(cases, RP_ARRAY_LEN(cases));
}

/* SPDX-License-Identifier: MIT */

/* What a response may look like, well-formed or not, and what becomes of its connection. */

#include <stdio.h>

#include "testing.h"

static void test_a_connection_serves_many_calls(struct world *world)
{
    struct env env;
    struct request request;
    int fd = -1;

    env_init(&env, world, (struct rp_http_limits){ 0 });
    request_init(&env, &request, "GET", "/a?b=c", NULL);
    for (int i = 0; i < 50; i++) {
        fd = exchange(&request, fd, OK_RESPONSE);
        assert_int_equal(request.response.status, 200);
        assert_true(request.response.is_expected);
        assert_int_equal(request.response.error_code, 0);
        assert_string_equal(rp_buf_str(&request.response.body), "ok");
        assert_int_equal(request.response.wire_received, strlen(OK_RESPONSE));
        assert_times(&request);
        if (i)
            assert_int_equal(request.response.connecting, 0);
        else
            assert_true(request.response.connecting > 0);
    }
    assert_false(peer_is_waiting(&env));
    assert_int_equal(rp_http_client_counters(env.client)->open_connections, 1);
    request_deinit(&request);
    env_deinit(&env);
    close(fd);
}

static void test_what_is_sent(struct world *world)
{
    struct env env;
    struct request request;
    char text[1024], expected[1024];
    int fd;

    env_init(&env, world, (struct rp_http_limits){ 0 });
    request_init(&env, &request, "POST", "/path?q#fragment", "a body");
    request_start(&request);
    fd = peer_accept(&env);
    peer_take_request(&env, fd, text, sizeof(text));
    snprintf(expected, sizeof(expected), "POST /path?q HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n",
             ntohs(world->addr.sin_port));
    assert_memory_equal(text, expected, strlen(expected));
    assert_string_equal(strstr(text, "\r\n\r\n"), "\r\n\r\na body");
    peer_write(fd, OK_RESPONSE, strlen(OK_RESPONSE));
    request_wait(&request, 1);
    assert_int_equal(request.response.wire_sent, strlen(text));
    assert_int_equal((int)sum_of(&env, "data_sent", "scenario", "s"), (int)strlen(text));
    request_deinit(&request);
    env_deinit(&env);
    close(fd);
}

/* ---- framings ---- */

static const struct framing {
    const char *method, *response, *body;
    int status;
    bool closes, is_kept; /* the server closes at the end; the connection serves another call */
} framings[] = {
    { "GET", OK_RESPONSE, "ok", 200, false, true },
    { "GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "", 200, false, true },
    { "GET",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n",
      "abcde", 200, false, true },
    { "GET",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nTrailer: t\r\n\r\n", "a",
      200, false, true },
    { "GET", "HTTP/1.1 200 OK\r\n\r\nuntil the end", "until the end", 200, true, false },
    { "GET", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", "ok", 200,
      false, false },
    { "GET", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok", 200, false, false },
    { "GET", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", "ok", 200,
      false, true },
    { "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", "", 200, false, true },
    { "HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "", 200, false, true },
    { "GET", "HTTP/1.1 204 No Content\r\n\r\n", "", 204, false, true },
    { "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "", 304, false, true },
    { "GET", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" OK_RESPONSE,
      "ok", 200, false, true },
    { "GET", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "", 101, false, false },
    { "POST", "HTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\nx", "x", 201, false, true },
    { "GET", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "", 404, false, true },
    { "GET", "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "", 503, false, true },
};

static void check_framing(struct env *env, const struct framing *framing, bool byte_by_byte)
{
    struct request request;
    char text[1024];
    int fd;

    request_init(env, &request, framing->method, "/", NULL);
    request_start(&request);
    fd = peer_accept(env);
    peer_take_request(env, fd, text, sizeof(text));
    for (size_t i = 0; byte_by_byte && i < strlen(framing->response); i++) {
        assert_int_equal(request.done, 0);
        peer_write(fd, framing->response + i, 1);
        if (i + 1 < strlen(framing->response))
            look(env->world);
    }
    if (!byte_by_byte)
        peer_write(fd, framing->response, strlen(framing->response));
    if (framing->closes)
        assert_int_equal(shutdown(fd, SHUT_WR), 0);
    request_wait(&request, 1);
    assert_int_equal(request.response.status, framing->status);
    assert_string_equal(rp_buf_str(&request.response.body), framing->body);
    assert_int_equal(request.response.body_bytes, strlen(framing->body));
    assert_int_equal(request.response.error_code,
                     framing->status >= 400 ? 1000 + framing->status : 0);
    assert_int_equal(request.response.is_expected, framing->status >= 200 && framing->status < 400);
    assert_string_equal(request.response.error, "");
    assert_times(&request);
    assert_int_equal(rp_http_client_counters(env->client)->open_connections, framing->is_kept);
    if (framing->is_kept)
        exchange(&request, fd, framing->response);
    else
        assert_int_equal(peer_read_end(env->world, fd), 0);
    request_deinit(&request);
    env_new_session(env);
    close(fd);
}

static void test_framings(struct world *world)
{
    struct env env;

    env_init(&env, world, (struct rp_http_limits){ 0 });
    for (size_t i = 0; i < RP_ARRAY_LEN(framings); i++) {
        check_framing(&env, &framings[i], false);
        check_framing(&env, &framings[i], true);
    }
    assert_int_equal(rp_http_client_counters(env.client)->stray_bytes, 0);
    env_deinit(&env);
}

/* ---- responses that fail ---- */

enum end { STAYS, CLOSES, RESETS };
static const struct bad {
    const char *response;
    enum end end;
    int code;
    const char *error;
} bads[] = {
    /* The first one: afterwards the server has answered. */
    { "", CLOSES, RP_HTTP_CLOSED,
      "connection closed early: there was no response; does the server speak TLS?" },
    { "garbage", STAYS, RP_HTTP_PROTOCOL, "malformed response: " },
    { "\x15\x03\x01\x00\x02\x02\x16", STAYS, RP_HTTP_PROTOCOL, "malformed response: " },
    { "HTTP/1.1 2xx OK\r\n", STAYS, RP_HTTP_PROTOCOL, "malformed response: " },
    { "HTTP/1.1 200 OK\r\nbad header\r\n\r\n", STAYS, RP_HTTP_PROTOCOL, "malformed response: " },
    { "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", STAYS, RP_HTTP_PROTOCOL,
      "malformed response: " },
    { "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", STAYS, RP_HTTP_PROTOCOL,
      "malformed response: " },
    { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n", STAYS,
      RP_HTTP_PROTOCOL, "malformed response: " },
    { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", STAYS, RP_HTTP_PROTOCOL,
      "malformed response: " },
    { "HTT", CLOSES, RP_HTTP_CLOSED, "connection closed early: the response was incomplete" },
    { "HTTP/1.1 200 OK\r\nContent-Le", CLOSES, RP_HTTP_CLOSED,
      "connection closed early: the response was incomplete" },
    { "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", CLOSES, RP_HTTP_CLOSED,
      "connection closed early: the response was incomplete" },
    { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", CLOSES, RP_HTTP_CLOSED,
      "connection closed early: the response was incomplete" },
    { "HTTP/1.1 100 Continue\r\n\r\n", CLOSES, RP_HTTP_CLOSED,
      "connection closed early: there was only an interim response" },
    { "", RESETS, RP_HTTP_RESET, "connection reset" },
    { "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", RESETS, RP_HTTP_RESET, "connection reset" },
    { "HTTP/1.1 200 OK\r\n\r\nno end", RESETS, RP_HTTP_RESET, "connection reset" },
};

/* A reset discards what has not been read: let it be read first. */
static void say(struct env *env, struct request *request, int fd, const char *text)
{
    const struct connection *connection = request->call.connection;
    const struct rp_traffic *traffic = connection->stack.top->traffic;

    peer_write(fd, text, strlen(text));
    while (!request->done && traffic->received < strlen(text))
        turn(env->world);
}

static void check_bad(struct env *env, const struct bad *bad)
{
    struct request request;
    char text[1024];
    int fd;

    request_init(env, &request, "GET", "/", NULL);
    request_start(&request);
    fd = peer_accept(env);
    peer_take_request(env, fd, text, sizeof(text));
    say(env, &request, fd, bad->response);
    if (bad->end == CLOSES)
        assert_int_equal(shutdown(fd, SHUT_WR), 0);
    if (bad->end == RESETS)
        peer_reset(fd);
    request_wait(&request, 1);
    assert_int_equal(request.response.status, 0);
    assert_int_equal(request.response.error_code, bad->code);
    assert_false(request.response.is_expected);
    assert_memory_equal(request.response.error, bad->error, strlen(bad->error));
    assert_times(&request);
    assert_int_equal(rp_http_client_counters(env->client)->open_connections, 0);
    if (bad->end != RESETS)
        close(fd);
    fd = exchange(&request, -1, OK_RESPONSE); /* on a connection of its own */
    assert_int_equal(request.response.status, 200);
    request_deinit(&request);
    env_new_session(env);
    close(fd);
}

static void test_bad_responses(struct world *world)
{
    struct env env;

    env_init(&env, world, (struct rp_http_limits){ 0 });
    for (size_t i = 0; i < RP_ARRAY_LEN(bads); i++)
        check_bad(&env, &bads[i]);
    assert_int_equal(samples_of(&env, "http_reqs", NULL, NULL), 2 * RP_ARRAY_LEN(bads));
    assert_int_equal(samples_of(&env, "http_reqs", "status", "0"), RP_ARRAY_LEN(bads));
    assert_int_equal(rp_http_client_counters(env.client)->retried, 0);
    env_deinit(&env);
}

static void test_an_endless_head(struct world *world)
{
    struct env env;
    struct request request;
    char text[1024], line[1000];
    int fd;

    env_init(&env, world, (struct rp_http_limits){ .head_bytes = 8192 });
    request_init(&env, &request, "GET", "/", NULL);
    request_start(&request);
    fd = peer_accept(&env);
    peer_take_request(&env, fd, text, sizeof(text));
    say(&env, &request, fd, "HTTP/1.1 200 OK\r\n");
    memset(line, 'a', sizeof(line));
    memcpy(line, "X: ", 3);
    memcpy(line + sizeof(line) - 2, "\r\n", 2);
    for (int i = 0; !request.done; i++) {
        assert_true(i < 20);
        peer_write(fd, line, sizeof(line));
        turn(world);
    }
    assert_int_equal(request.response.error_code, RP_HTTP_PROTOCOL);
    assert_true(request.response.head.len <= 8192);
    request_deinit(&request);
    env_deinit(&env);
    close(fd);
}

static void test_a_huge_body(struct world *world)
{
    static const char *const heads[] = { "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n",
                                         "HTTP/1.1 200 OK\r\n\r\n" };
    struct env env;
    struct request request;
    char body[5000] = { 0 }, text[1024];
    int fd;

    env_init(&env, world, (struct rp_http_limits){ .body_bytes = 4096 });
    request_init(&env, &request, "GET", "/", NULL);
    for (size_t i = 0; i < RP_ARRAY_LEN(heads); i++) {
        request_start(&request);
        fd = peer_accept(&env);
        peer_take_request(&env, fd, text, sizeof(text));
        peer_write(fd, heads[i], strlen(heads[i]));
        peer_write(fd, body, sizeof(body));
        request_wait(&request, (int)i + 1);
        assert_error(&request, RP_HTTP_TOO_LARGE,
                     "response body too large: more than 4096 bytes (max_body_bytes= or "
                     "discard_body=True allow more)");
        assert_true(request.response.body.len <= 4096);
        close(fd);
    }
    /* What is not kept has no limit. */
    request.call.discard_body = true;
    request_start(&request);
    fd = peer_accept(&env);
    peer_take_request(&env, fd, text, sizeof(text));
    peer_write(fd, heads[0], strlen(heads[0]));
    peer_write(fd, body, sizeof(body));
    request_wait(&request, 3);
    assert_int_equal(request.response.status, 200);
    assert_int_equal(request.response.body_bytes, sizeof(body));
    assert_int_equal(request.response.body.len, 0);
    request_deinit(&request);
    env_deinit(&env);
    close(fd);
}

/* ---- bytes that nobody asked for ---- */

static void test_bytes_after_a_response(struct world *world)
{
    struct env env;
    struct request request;
    int fd;

    env_init(&env, world, (struct rp_http_limits){ 0 });
    request_init(&env, &request, "GET", "/", NULL);
    fd = exchange(&request, -1, OK_RESPONSE OK_RESPONSE);
    assert_int_equal(request.response.status, 200);
    assert_string_equal(rp_buf_str(&request.response.body), "ok");
    assert_int_equal(rp_http_client_counters(env.client)->stray_bytes, 1);
    assert_int_equal(rp_http_client_counters(env.client)->open_connections, 0);
    close(fd);

    fd = exchange(&request, -1, OK_RESPONSE);
    peer_write(fd, "x", 1); /* while it is idle */
    while (rp_http_client_counters(env.client)->open_connections)
        turn(world);
    assert_int_equal(rp_http_client_counters(env.client)->stray_bytes, 2);
    close(fd);
    fd = exchange(&request, -1, OK_RESPONSE);
    assert_int_equal(request.response.status, 200);
    close(fd);
    request_deinit(&request);
    env_deinit(&env);
}

/* They arrive after the call was given the connection and before its request was sent: they cannot be its answer. */
static void test_bytes_before_the_request(struct world *world)
{
    static const char *const methods[] = { "GET", "POST" };
    struct env env;
    struct request request;
    char text[1024];
    int fd, again;

    env_init(&env, world, (struct rp_http_limits){ 0 });
    for (size_t i = 0; i < RP_ARRAY_LEN(methods); i++) {
        request_init(&env, &request, methods[i], "/", NULL);
        fd = start_before_an_event(&request);
        peer_write(fd, "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", 38);
        turn(world);
        assert_true(rp_http_is_running(&request.call));
        again = peer_accept(&env);
        peer_take_request(&env, again, text, sizeof(text));
        assert_int_equal(request.done, 0);
        peer_write(again, OK_RESPONSE, strlen(OK_RESPONSE));
        request_wait(&request, 1);
        assert_int_equal(request.response.status, 200);
        assert_int_equal(request.response.wire_received, 38 + strlen(OK_RESPONSE));
        assert_int_equal(rp_http_client_counters(env.client)->stray_bytes, i + 1);
        assert_times(&request);
        request_deinit(&request);
        env_new_session(&env);
        close(fd);
        close(again);
    }
    assert_int_equal(samples_of(&env, "http_reqs", "status", "500"), 0);
    env_deinit(&env);
}

/* A server of another protocol, which speaks first. */
static void test_a_banner(struct world *world)
{
    struct env env;
    struct request request;
    int fd;

    env_init(&env, world, (struct rp_http_limits){ 0 });
    request_init(&env, &request, "GET", "/", NULL);
    request_start(&request);
    look(world);
    fd = peer_accept(&env);
    peer_write(fd, "220 mail ESMTP\r\n", 16);
    request_wait(&request, 1);
    assert_int_equal(request.response.error_code, RP_HTTP_PROTOCOL);
    assert_times(&request);
    assert_false(peer_is_waiting(&env));
    request_deinit(&request);
    env_deinit(&env);
    close(fd);
}

/* An answer before the whole request was taken: its connection is in the middle of a request. */
static void test_an_early_answer(struct world *world)
{
    enum { BODY = 32 << 20 };
    char *body = malloc(BODY + 1);
    struct env env;
    struct request request;
    int fd, small = 4096;

    memset(body, 'b', BODY);
    body[BODY] = '\0';
    env_init(&env, world, (struct rp_http_limits){ 0 });
    assert_int_equal(setsockopt(world->listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
    request_init(&env, &request, "POST", "/", body);
    request_start(&request);
    fd = peer_accept(&env);
    peer_write(fd, OK_RESPONSE, strlen(OK_RESPONSE));
    request_wait(&request, 1);
    assert_int_equal(request.response.status, 200);
    assert_true(request.response.wire_sent < BODY);
    assert_times(&request);
    assert_int_equal(rp_http_client_counters(env.client)->open_connections, 0);
    request_deinit(&request);
    env_deinit(&env);
    close(fd);
    free(body);
}

int main(void)
{
    static const struct world_case cases[] = {
        CASE(test_a_connection_serves_many_calls),
        CASE(test_what_is_sent),
        CASE(test_framings),
        CASE(test_bad_responses),
        CASE(test_an_endless_head),
        CASE(test_a_huge_body),
        CASE(test_bytes_after_a_response),
        CASE(test_bytes_before_the_request),
        CASE(test_a_banner),
        CASE(test_an_early_answer),
    };

    return run_worlds(cases, RP_ARRAY_LEN(cases));
}

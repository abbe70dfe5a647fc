/* SPDX-License-Identifier: MIT */

/* A client without a registry, as what reports of a run has one: its session is no VU's, and
 * nothing is recorded. */

#include <stdio.h>

#include "testing.h"

static void test_a_post(struct world *world)
{
    static const char response[] =
        "HTTP/1.1 201 Created\r\nContent-Length: 4\r\nX-A: 1\r\n\r\ndone";
    char text[1024];
    struct env env;
    struct request request;
    int fd = -1;

    env_init_unrecorded(&env, world);
    request_init(&env, &request, "POST", "/write", "value 1\nvalue 2\n");
    for (int i = 1; i <= 3; i++) {
        struct rp_slice name, value;
        size_t pos = 0;

        request_start(&request);
        if (fd < 0)
            fd = peer_accept(&env);
        peer_take_request(&env, fd, text, sizeof(text));
        assert_memory_equal(text, "POST /write HTTP/1.1\r\n", 22);
        assert_string_equal(text + strlen(text) - 16, "value 1\nvalue 2\n");
        peer_write(fd, response, strlen(response));
        request_wait(&request, i);
        assert_int_equal(request.response.status, 201);
        assert_memory_equal(rp_buf_str(&request.response.body), "done", 4);
        assert_int_equal(request.response.error_code, 0);
        assert_int_equal(request.response.wire_sent, strlen(text));
        assert_true(request.response.waiting > 0);
        assert_times(&request);
        assert_true(rp_http_response_next_field(&request.response, &pos, &name, &value));
        assert_true(rp_slice_eq_str(name, "Content-Length") && rp_slice_eq_str(value, "4"));
    }
    assert_int_equal(rp_http_client_counters(env.client)->open_connections, 1);
    request_deinit(&request);
    env_deinit(&env);
    close(fd);
}

static void test_failures(struct world *world)
{
    static const struct {
        const char *response;
        int code;
        const char *error;
    } cases[] = {
        { "", RP_HTTP_CLOSED,
          "connection closed early: there was no response; does the server speak TLS?" },
        { "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", RP_HTTP_CLOSED,
          "connection closed early: the response was incomplete" },
        { "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", RP_HTTP_PROTOCOL, NULL },
        { "HTTP/1.1 503 Later\r\nContent-Length: 0\r\n\r\n", 1503, "" },
    };
    struct env env;
    struct request request;
    char text[1024];

    env_init_unrecorded(&env, world);
    request_init(&env, &request, "POST", "/write", "value");
    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        int fd;

        request_start(&request);
        fd = peer_accept(&env);
        peer_take_request(&env, fd, text, sizeof(text));
        peer_write(fd, cases[i].response, strlen(cases[i].response));
        close(fd);
        request_wait(&request, (int)i + 1);
        assert_int_equal(request.response.error_code, cases[i].code);
        if (cases[i].error)
            assert_string_equal(request.response.error, cases[i].error);
    }
    while (rp_http_client_counters(env.client)->open_connections)
        turn(world);
    close(world->listener);
    world->listener = make_listener(&(struct sockaddr_in){ 0 }); /* another port */
    request_start(&request);
    request_wait(&request, (int)RP_ARRAY_LEN(cases) + 1);
    assert_error(&request, RP_HTTP_REFUSED, "connection refused");
    request_deinit(&request);
    env_deinit(&env);
}

static void test_a_timeout_and_a_cancel(struct world *world)
{
    struct env env;
    struct request request;
    int fds[2];

    env_init_unrecorded(&env, world);
    request_init(&env, &request, "POST", "/write", "value");
    request.call.timeout = 20 * RP_MS;
    request_start(&request);
    fds[0] = peer_accept(&env);
    request_wait(&request, 1);
    assert_true(request.response.error_code == RP_HTTP_TIMEOUT ||
                request.response.error_code == RP_HTTP_DIAL_TIMEOUT);
    request.call.timeout = 0;
    request_start(&request);
    fds[1] = peer_accept(&env);
    rp_http_cancel(&request.call, true);
    assert_int_equal(request.response.error_code, RP_HTTP_CANCELLED);
    assert_int_equal(request.done, 1);
    request_deinit(&request);
    env_deinit(&env);
    close(fds[0]);
    close(fds[1]);
}

int main(void)
{
    static const struct world_case cases[] = {
        CASE(test_a_post),
        CASE(test_failures),
        CASE(test_a_timeout_and_a_cancel),
    };

    return run_worlds(cases, RP_ARRAY_LEN(cases));
}

/* SPDX-License-Identifier: MIT */

/* What RFC 9110 and 9112 ask of a user agent beyond the framing of messages. */

#include <stdio.h>

#include "testing.h"

#define HOST "127.0.0.1:"

/* As request_init(), with one header. @authority: what stands before "127.0.0.1" in the URL. */
static void init_with(struct env *env, struct request *request, const char *authority,
                      const char *name, const char *value)
{
    char url[256];
    struct rp_header header = { rp_slice_str(name), rp_slice_str(value) };
    struct rp_http_spec spec = { .method = RP_SLICE("GET"),
                                 .headers = &header,
                                 .header_count = name ? 1 : 0 };

    request_init(env, request, "GET", "/", NULL);
    rp_http_template_unref(request->call.template);
    snprintf(url, sizeof(url), "http://%s" HOST "%d/x", authority,
             ntohs(env->world->addr.sin_port));
    spec.url = rp_slice_str(url);
    assert_int_equal(rp_http_template_new(env->client, &spec, &request->call.template, NULL), 0);
}

/* The request as the server sees it, on a connection of its own. */
static void send_and_answer(struct env *env, struct request *request, char *text, size_t size)
{
    int fd, done = request->done;

    request_start(request);
    fd = peer_accept(env);
    peer_take_request(env, fd, text, size);
    peer_write(fd, OK_RESPONSE, strlen(OK_RESPONSE));
    request_wait(request, done + 1);
    assert_int_equal(request->response.status, 200);
    close(fd);
}

static void test_a_close_that_the_script_asks_for(struct world *world)
{
    static const char *const closing[] = { "close", "Close", "x, close ,y", " close" };
    struct env env;
    struct request request;
    char text[1024];

    env_init(&env, world, (struct rp_http_limits){ 0 });
    for (size_t i = 0; i < RP_ARRAY_LEN(closing); i++) {
        init_with(&env, &request, "", "connection", closing[i]);
        for (int n = 0; n < 3; n++) { /* the server would have kept each of them */
            send_and_answer(&env, &request, text, sizeof(text));
            assert_int_equal(rp_http_client_counters(env.client)->open_connections, 0);
        }
        request_deinit(&request);
    }
    init_with(&env, &request, "", "Connection", "closed, keep-alive");
    send_and_answer(&env, &request, text, sizeof(text));
    assert_int_equal(rp_http_client_counters(env.client)->open_connections, 1);
    request_deinit(&request);
    env_deinit(&env);
}

static void test_user_name_and_password(struct world *world)
{
    static const struct {
        const char *userinfo, *header, *value, *sent;
    } cases[] = {
        { "joe:s3cret@", NULL, NULL, "\r\nAuthorization: Basic am9lOnMzY3JldA==\r\n" },
        { "joe@", NULL, NULL, "\r\nAuthorization: Basic am9lOg==\r\n" },
        { "j%6fe:s3%63ret@", NULL, NULL, "\r\nAuthorization: Basic am9lOnMzY3JldA==\r\n" },
        { "joe:s3cret@", "authorization", "Bearer x", "\r\nauthorization: Bearer x\r\n" },
    };
    struct env env;
    struct request request;
    char text[1024];

    env_init(&env, world, (struct rp_http_limits){ 0 });
    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        const char *at;

        init_with(&env, &request, cases[i].userinfo, cases[i].header, cases[i].value);
        send_and_answer(&env, &request, text, sizeof(text));
        at = strcasestr(text, "\r\nAuthorization:");
        assert_non_null(at);
        assert_memory_equal(at, cases[i].sent, strlen(cases[i].sent));
        assert_null(strcasestr(at + 2, "\r\nAuthorization:"));
        assert_null(strchr(text, '@'));
        assert_null(strchr(request.call.template->url, '@'));
        assert_null(strchr(request.call.template->name, '@'));
        request_deinit(&request);
    }
    assert_int_equal(samples_of(&env, "http_reqs", NULL, NULL), RP_ARRAY_LEN(cases));
    init_with(&env, &request, "", NULL, NULL);
    send_and_answer(&env, &request, text, sizeof(text));
    assert_null(strcasestr(text, "Authorization"));
    request_deinit(&request);
    env_deinit(&env);
}

static void test_a_folded_field(struct world *world)
{
    struct env env;
    struct request request;
    struct rp_slice name, value;
    size_t pos = 0;
    int fd;

    env_init(&env, world, (struct rp_http_limits){ 0 });
    request_init(&env, &request, "GET", "/", NULL);
    fd = exchange(&request, -1,
                  "HTTP/1.1 200 OK\r\nPolicy: default-src 'self';\r\n\t img-src *\r\n"
                  "Content-Length: 2\r\n\r\nok");
    assert_int_equal(request.response.status, 200);
    assert_true(rp_http_response_next_field(&request.response, &pos, &name, &value));
    assert_true(rp_slice_eq_str(name, "Policy"));
    assert_true(rp_slice_eq_str(value, "default-src 'self'; img-src *"));
    assert_string_equal(rp_buf_str(&request.response.body), "ok");
    close(fd);
    request_deinit(&request);
    env_deinit(&env);
}

static void test_limits_are_named(struct world *world)
{
    char head[600] = "HTTP/1.1 200 OK\r\nContent-Length: 40\r\nX: ";
    struct env env;
    struct request request;
    int fd;

    env_init(&env, world, (struct rp_http_limits){ .head_bytes = 500, .body_bytes = 30 });
    request_init(&env, &request, "GET", "/", NULL);
    memset(head + strlen(head), 'a', 500);
    strcpy(head + 540, "\r\n\r\n");
    fd = exchange(&request, -1, head);
    assert_error(&request, RP_HTTP_PROTOCOL,
                 "malformed response: the head has more than 500 bytes (max_head_bytes= allows "
                 "more)");
    close(fd);
    strcpy(head + 300, "\r\n\r\n1234567890123456789012345678901234567890");
    fd = exchange(&request, -1, head);
    assert_error(&request, RP_HTTP_TOO_LARGE,
                 "response body too large: more than 30 bytes (max_body_bytes= or "
                 "discard_body=True allow more)");
    close(fd);
    request.call.body_max = 40;
    fd = exchange(&request, -1, head);
    assert_int_equal(request.response.status, 200);
    close(fd);
    request.call.head_max = 600;
    env_new_session(&env);
    memset(head + 300, 'a', 240);
    strcpy(head + 540, "\r\n\r\n1234567890123456789012345678901234567890");
    fd = exchange(&request, -1, head);
    assert_int_equal(request.response.status, 200);
    close(fd);
    request_deinit(&request);
    env_deinit(&env);
}

/* The longest text of the parser keeps its place. */
static void test_the_place_of_an_error_is_never_cut(struct world *world)
{
    struct env env;
    struct request request;
    int fd;

    env_init(&env, world, (struct rp_http_limits){ 0 });
    request_init(&env, &request, "GET", "/", NULL);
    fd = exchange(&request, -1, "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n");
    assert_error(&request, RP_HTTP_PROTOCOL,
                 "malformed response: Transfer-Encoding is not 'chunked' or stands beside "
                 "Content-Length, at byte 36");
    for (int error = 0; error < RP_H1_ERROR_COUNT; error++)
        assert_true(strlen("malformed response: , at byte 18446744073709551615") +
                        strlen(rp_h1_error_text((enum rp_h1_error)error)) <
                    sizeof(request.response.error));
    close(fd);
    request_deinit(&request);
    env_deinit(&env);
}

int main(void)
{
    static const struct world_case cases[] = {
        CASE(test_a_close_that_the_script_asks_for),
        CASE(test_user_name_and_password),
        CASE(test_a_folded_field),
        CASE(test_limits_are_named),
        CASE(test_the_place_of_an_error_is_never_cut),
    };

    return run_worlds(cases, RP_ARRAY_LEN(cases));
}

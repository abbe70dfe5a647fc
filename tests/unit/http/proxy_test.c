/* SPDX-License-Identifier: MIT */

/* Connections through a proxy: what it is told byte by byte, in which phase that is, and no memory. The world's
 * listener is the proxy. */

#include <poll.h>
#include <stdio.h>

#include "base/alloc.h"
#include "plan/plan.h"
#include "testing.h"

#define CONNECTED "HTTP/1.1 200 Connected\r\n\r\n"

static struct rp_pair elsewhere = { (char *)"far.example", (char *)"other.example:81" };
static const struct rp_pairs rules = { .items = &elsewhere, .count = 1 };

/* @scheme: of the proxy, with user and password. */
static int set_proxy(struct env *env, const char *scheme)
{
    char text[128];

    snprintf(text, sizeof(text), "%s127.0.0.1:%d", scheme, ntohs(env->world->addr.sin_port));
    return rp_http_client_set_proxy(env->client, text, NULL, "near.example", NULL);
}

static void init(struct env *env, struct world *world, const char *scheme)
{
    env_init(env, world, (struct rp_http_limits){ 0 });
    assert_int_equal(rp_http_client_set_hosts(env->client, &rules, NULL, NULL), 0);
    assert_int_equal(set_proxy(env, scheme), 0);
}

static void take(struct env *env, int fd, const char *wanted, size_t len)
{
    char text[600];

    assert_true(len <= sizeof(text));
    peer_read(env->world, fd, text, len);
    assert_memory_equal(text, wanted, len);
}

static void finish(struct request *request, int fd)
{
    request_wait(request, 1);
    assert_int_equal(request->response.status, 200);
    assert_times(request);
    request_deinit(request);
    env_deinit(request->env);
    close(fd);
}

static void test_the_proxy_makes_the_request(struct world *world)
{
    struct request request;
    struct env env;
    char head[1024];
    int fd;

    init(&env, world, "http://joe:a%3Ab@");
    request_init(&env, &request, "GET", "http://[::1]:81/x?y", NULL);
    request_start(&request);
    fd = peer_accept(&env);
    peer_take_request(&env, fd, head, sizeof(head));
    assert_non_null(strstr(head, "GET http://[::1]:81/x?y HTTP/1.1\r\nHost: [::1]:81\r\n"));
    assert_non_null(strstr(head, "\r\nProxy-Authorization: Basic am9lOmE6Yg==\r\n"));
    peer_write(fd, OK_RESPONSE, strlen(OK_RESPONSE));
    request_wait(&request, 1);
    exchange(&request, fd, OK_RESPONSE); /* the connection is kept */
    assert_int_equal(request.done, 2);
    request_deinit(&request);
    env_deinit(&env);
    close(fd);
}

static void test_a_tunnel(struct world *world)
{
    static const char asked[] = "CONNECT other.example:81 HTTP/1.1\r\nHost: other.example:81\r\n"
                                "Proxy-Authorization: Basic am9lOg==\r\n\r\n";
    struct request request;
    struct env env;
    char head[1024];
    int fd;

    init(&env, world, "joe@");
    request_init(&env, &request, "GET", "http://far.example/x", NULL);
    clock_stop();
    request_start(&request);
    fd = peer_accept(&env);
    take(&env, fd, asked, strlen(asked));
    clock_ahead += 30 * RP_MS;
    for (const char *it = CONNECTED; *it; it++) {
        peer_write(fd, it, 1);
        look(world);
    }
    peer_take_request(&env, fd, head, sizeof(head));
    clock_ahead += 5 * RP_MS;
    assert_non_null(strstr(head, "GET /x HTTP/1.1\r\nHost: far.example\r\n"));
    assert_null(strstr(head, "Proxy-"));
    peer_write(fd, OK_RESPONSE, strlen(OK_RESPONSE));
    request_wait(&request, 1);
    clock_go_on();
    /* What the proxy takes its time for is no time of the server's. */
    assert_int_equal(request.response.connecting, 30 * RP_MS);
    assert_int_equal(request.response.waiting, 5 * RP_MS);
    assert_int_equal(request.response.tls_handshaking, 0);
    assert_true(request.response.wire_sent > strlen(asked));
    finish(&request, fd);
}

static void test_socks(struct world *world)
{
    static const char name[] = "\5\1\0\3\15other.example\0\121";
    struct request request;
    struct env env;
    char head[1024];
    int fd;

    init(&env, world, "socks5h://joe:pw@");
    request_init(&env, &request, "GET", "http://far.example/x", NULL);
    request_start(&request);
    fd = peer_accept(&env);
    take(&env, fd, "\5\2\0\2", 4);
    peer_write(fd, "\5\2", 2);
    take(&env, fd, "\1\3joe\2pw", 8);
    peer_write(fd, "\1\0", 2);
    take(&env, fd, name, sizeof(name) - 1);
    peer_write(fd, "\5\0\0\3\2hi\0\1", 9);
    peer_take_request(&env, fd, head, sizeof(head));
    assert_non_null(strstr(head, "GET /x HTTP/1.1\r\nHost: far.example\r\n"));
    peer_write(fd, OK_RESPONSE, strlen(OK_RESPONSE));
    finish(&request, fd);
}

/* The address of the server is looked up here. */
static void test_socks_with_an_address(struct world *world)
{
    struct request request;
    struct env env;
    char text[32];
    int fd;

    init(&env, world, "socks5://");
    request_init(&env, &request, "GET", "http://localhost:81/x", NULL);
    request_start(&request);
    fd = peer_accept(&env);
    take(&env, fd, "\5\1\0", 3);
    peer_write(fd, "\5\0", 2);
    peer_read(world, fd, text, 4);
    assert_true(text[3] == 1 || text[3] == 4);
    peer_read(world, fd, text + 4, text[3] == 1 ? 6 : 18);
    peer_write(fd, "\5\0\0\1\0\0\0\0\0\0" OK_RESPONSE, 10);
    peer_answer(&env, fd, OK_RESPONSE);
    finish(&request, fd);
}

/* Bytes that come before the question is sent are no answer. What is asked is still the socket's then. */
static void test_an_answer_before_the_question(struct world *world)
{
    static const char *const schemes[] = { "http://", "socks5h://" };

    for (size_t i = 0; i < RP_ARRAY_LEN(schemes); i++) {
        struct request request;
        struct env env;
        int fd;

        init(&env, world, schemes[i]);
        request_init(&env, &request, "GET", "http://far.example/x", NULL);
        request_start(&request);
        while (!peer_is_waiting(&env)) /* its end of the connection is not looked at meanwhile */
            look(world);
        fd = accept4(world->listener, NULL, NULL, SOCK_CLOEXEC);
        peer_write(fd, i ? "\5\0\5\0\0\1\0\0\0\0\0\0" : CONNECTED CONNECTED, 12);
        shutdown(fd, SHUT_WR);
        request_wait(&request, 1);
        assert_int_equal(request.response.status, 0);
        assert_true(request.response.error_code >= RP_HTTP_PROXY_BAD &&
                    request.response.error_code <= RP_HTTP_PROXY_CLOSED);
        request_deinit(&request);
        env_deinit(&env);
        close(fd);
    }
}

/* Inside a tunnel it would be told to the server. */
static void test_credentials_of_the_script(struct world *world)
{
    const struct rp_header own = { RP_SLICE("proxy-authorization"), RP_SLICE("Basic b3du") };
    struct rp_http_spec spec = { .method = RP_SLICE("GET"),
                                 .url = RP_SLICE("http://plain.example/"),
                                 .headers = &own,
                                 .header_count = 1 };
    struct rp_http_template *template;
    struct rp_error err = { 0 };
    struct env env;
    char told[160];

    init(&env, world, "http://joe:x@");
    assert_int_equal(rp_http_template_new(env.client, &spec, &template, &err), 0);
    assert_non_null(strstr(rp_buf_str(&template->head), "proxy-authorization: Basic b3du\r\n"));
    assert_null(strstr(rp_buf_str(&template->head), "Proxy-Authorization"));
    rp_http_template_unref(template);
    spec.url = RP_SLICE("http://near.example/"); /* without a proxy */
    assert_int_equal(rp_http_template_new(env.client, &spec, &template, &err), 0);
    rp_http_template_unref(template);
    spec.url = RP_SLICE("http://far.example/"); /* by CONNECT, for it is elsewhere */
    assert_int_equal(rp_http_template_new(env.client, &spec, &template, &err), -RP_EUSER);
    snprintf(told, sizeof(told),
             "the header Proxy-Authorization would go to http://far.example: the proxy "
             "127.0.0.1:%d only carries the bytes",
             ntohs(world->addr.sin_port));
    assert_string_equal(err.message, told);
    assert_non_null(strstr(err.hint, "USER:PASSWORD@"));
    rp_error_deinit(&err);
    env_deinit(&env);
}

static void take_remote(void *user, const struct rp_exchange *exchange)
{
    assert_true(rp_slice_eq_str(exchange->remote, "127.0.0.1:1"));
    (*(int *)user)++;
}

/* The address that could not be connected to is that of the proxy. */
static void test_where_a_refused_request_went(struct world *world)
{
    struct request request;
    struct env env;
    int taken = 0;

    env_init(&env, world, (struct rp_http_limits){ 0 });
    assert_int_equal(rp_http_client_set_proxy(env.client, "http://127.0.0.1:1", NULL, NULL, NULL),
                     0);
    rp_http_client_keep_failed(env.client, 1);
    request_init(&env, &request, "GET", "http://far.example:81/", NULL);
    request_start(&request);
    request_wait(&request, 1);
    assert_int_equal(request.response.error_code, RP_HTTP_PROXY_UNREACHABLE);
    rp_http_client_take_exchanges(env.client, take_remote, &taken);
    assert_int_equal(taken, 1);
    request_deinit(&request);
    env_deinit(&env);
}

static void test_which_proxy(struct world *world)
{
    struct rp_http_spec spec = { .method = RP_SLICE("GET"), .url = RP_SLICE("http://far.example") };
    static const char *const texts[] = { "http://a:1", "http://u@a:1", "http://v@a:1",
                                         "a:1",        "socks5://a:1", "" };
    struct rp_http_template *templates[RP_ARRAY_LEN(texts) + 2], *again;
    struct env env;

    init(&env, world, "http://");
    for (size_t i = 0; i < RP_ARRAY_LEN(texts); i++) {
        spec.proxy = rp_slice_str(texts[i]);
        assert_int_equal(rp_http_template_new(env.client, &spec, &templates[i], NULL), 0);
        assert_int_equal(rp_http_template_new(env.client, &spec, &again, NULL), 0);
        assert_ptr_equal(again->origin, templates[i]->origin);
        rp_http_template_unref(again);
    }
    spec.proxy = rp_slice(NULL, 0);
    assert_int_equal(rp_http_template_new(env.client, &spec, &templates[6], NULL), 0);
    spec.url = RP_SLICE("http://near.example");
    assert_int_equal(rp_http_template_new(env.client, &spec, &templates[7], NULL), 0);
    assert_non_null(templates[6]->origin->via);
    assert_null(templates[5]->origin->via);
    assert_null(templates[7]->origin->via);
    for (size_t i = 0; i < RP_ARRAY_LEN(templates); i++)
        for (size_t k = 0; k < i; k++) /* connections are never those of others */
            assert_ptr_not_equal(templates[i]->origin, templates[k]->origin);
    for (size_t i = 0; i < RP_ARRAY_LEN(templates); i++)
        rp_http_template_unref(templates[i]);
    spec.proxy = RP_SLICE("ftp://a:1");
    assert_int_equal(rp_http_template_new(env.client, &spec, &again, NULL), -RP_EUSER);
    env_deinit(&env);
}

/* ---- no memory ---- */

/* A proxy without a line of the code under test: answers each of these when it has come. */
struct step {
    size_t len; /* 0 = a head */
    const char *answer;
    size_t answer_len;
};

static void serve(int fd, const struct step *steps, size_t *at, char *text, size_t *len)
{
    const struct step *step = &steps[*at];
    ssize_t n = recv(fd, text + *len, 1024 - *len, MSG_DONTWAIT);

    *len += n > 0 ? (size_t)n : 0;
    if (!step->answer ||
        (step->len ? *len < step->len : *len < 4 || memcmp(text + *len - 4, "\r\n\r\n", 4) != 0))
        return;
    (void)send(fd, step->answer, step->answer_len, MSG_NOSIGNAL);
    *len = 0;
    ++*at;
}

/* Whether the request was answered. */
static bool run(struct world *world, const char *scheme, const struct step *steps, uint64_t fail_at)
{
    struct rp_http_spec spec = { .method = RP_SLICE("GET"), .url = RP_SLICE("http://far.example") };
    struct request request;
    struct env env;
    size_t at = 0, len = 0;
    char text[1024];
    int fd = -1, r;
    bool is_good = false;

    env_init(&env, world, (struct rp_http_limits){ 0 });
    assert_int_equal(rp_http_client_set_hosts(env.client, &rules, NULL, NULL), 0);
    request_init(&env, &request, "GET", "http://unused.example", NULL);
    touch_histograms(&env);
    rp_alloc_fail_at(fail_at);
    r = set_proxy(&env, scheme);
    if (r == 0) {
        struct rp_http_template *template;

        r = rp_http_template_new(env.client, &spec, &template, NULL);
        if (r == 0) {
            rp_http_template_unref(request.call.template);
            request.call.template = template;
        }
    }
    assert_true(r == 0 || r == -ENOMEM);
    if (r == 0) {
        request_start(&request);
        while (!request.done) {
            assert_int_equal(rp_loop_turn(world->loop, rp_clock_ns() + RP_MS / 10), 0);
            if (fd < 0 && peer_is_waiting(&env))
                fd = accept4(world->listener, NULL, NULL, SOCK_CLOEXEC);
            if (fd >= 0)
                serve(fd, steps, &at, text, &len);
        }
        is_good = request.response.status == 200;
        assert_true(is_good || request.response.error_code >= 1000);
    }
    rp_alloc_fail_at(0);
    request_deinit(&request);
    env_deinit(&env);
    if (fd >= 0)
        close(fd);
    while (peer_is_waiting(&env))
        close(accept4(world->listener, NULL, NULL, SOCK_CLOEXEC));
    return is_good;
}

static void test_no_memory(struct world *world)
{
    static const struct step connect[] = { { 0, CONNECTED, sizeof(CONNECTED) - 1 },
                                           { 0, OK_RESPONSE, sizeof(OK_RESPONSE) - 1 },
                                           { 0 } };
    static const struct step socks[] = { { 4, "\5\2", 2 },
                                         { 8, "\1\0", 2 },
                                         { 20, "\5\0\0\1\0\0\0\0\0\0", 10 },
                                         { 0, OK_RESPONSE, sizeof(OK_RESPONSE) - 1 },
                                         { 0 } };
    static const struct {
        const char *scheme;
        const struct step *steps;
    } cases[] = { { "http://joe:pw@", connect }, { "socks5h://joe:pw@", socks } };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        uint64_t fail_at = 1;
        int good = 0;

        for (; good < 5 && fail_at < 200; fail_at++)
            good = run(world, cases[i].scheme, cases[i].steps, fail_at) ? good + 1 : 0;
        assert_true(fail_at > 15 && good == 5);
    }
}

int main(void)
{
    static const struct world_case cases[] = {
        CASE(test_the_proxy_makes_the_request),
        CASE(test_a_tunnel),
        CASE(test_socks),
        CASE(test_socks_with_an_address),
        CASE(test_an_answer_before_the_question),
        CASE(test_credentials_of_the_script),
        CASE(test_where_a_refused_request_went),
        CASE(test_which_proxy),
        CASE(test_no_memory),
    };

    return run_worlds(cases, RP_ARRAY_LEN(cases));
}

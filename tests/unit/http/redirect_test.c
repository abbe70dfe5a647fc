/* SPDX-License-Identifier: MIT */

/* Redirects: methods, fields and bodies of the further requests, limits, failures, memory. */

#include <stdio.h>

#include "base/alloc.h"
#include "testing.h"

enum { HOPS_MAX = 64 };

/* A request that follows redirects and keeps what it was told of them. */
struct chain {
    struct request request;
    int hops;
    uint16_t statuses[HOPS_MAX];
};

static int on_hop(struct rp_http_call *call, struct rp_http_template *next)
{
    struct chain *chain = rp_container_of(call, struct chain, request.call);

    assert_non_null(next);
    chain->statuses[chain->hops++] = call->response->status;
    return 0;
}

static void chain_init(struct env *env, struct chain *chain, const struct rp_http_spec *spec)
{
    struct rp_http_spec whole = *spec;
    char url[128];

    *chain = (struct chain){ .hops = 0 };
    request_init(env, &chain->request, "GET", "/", NULL);
    rp_http_template_unref(chain->request.call.template);
    snprintf(url, sizeof(url), "http://%s127.0.0.1:%d/first", spec->url.len ? "joe:pw@" : "",
             ntohs(env->world->addr.sin_port));
    whole.url = rp_slice_str(url);
    assert_int_equal(rp_http_template_new(env->client, &whole, &chain->request.call.template, NULL),
                     0);
    chain->request.call.max_redirects = 10;
    chain->request.call.hop = on_hop;
}

static int redirect(struct env *env, int fd, int status, const char *location, char *text,
                    size_t size)
{
    char answer[512];

    if (fd < 0)
        fd = peer_accept(env);
    peer_take_request(env, fd, text, size);
    snprintf(answer, sizeof(answer), "HTTP/1.1 %d X\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n",
             status, location);
    peer_write(fd, answer, strlen(answer));
    return fd;
}

static void test_methods_and_bodies(struct world *world)
{
    static const struct {
        const char *method, *body;
        int status;
        const char *sent;
    } cases[] = {
        { "GET", NULL, 301, "GET" },       { "GET", NULL, 302, "GET" },
        { "GET", NULL, 303, "GET" },       { "GET", NULL, 307, "GET" },
        { "GET", NULL, 308, "GET" },       { "HEAD", NULL, 303, "HEAD" },
        { "HEAD", NULL, 302, "HEAD" },     { "POST", "body", 301, "GET" },
        { "POST", "body", 302, "GET" },    { "POST", "body", 303, "GET" },
        { "POST", "body", 307, "POST" },   { "POST", "body", 308, "POST" },
        { "PUT", "body", 301, "PUT" },     { "PUT", "body", 302, "PUT" },
        { "PUT", "body", 303, "GET" },     { "PUT", "body", 307, "PUT" },
        { "DELETE", NULL, 301, "DELETE" }, { "DELETE", NULL, 303, "GET" },
        { "PATCH", "body", 302, "PATCH" }, { "PATCH", "body", 308, "PATCH" },
    };
    static const struct rp_header headers[] = {
        { RP_SLICE("Content-Type"), RP_SLICE("text/x") },
        { RP_SLICE("X-Own"), RP_SLICE("1") },
        { RP_SLICE("Authorization"), RP_SLICE("Bearer t") },
    };
    struct env env;

    env_init(&env, world, (struct rp_http_limits){ 0 });
    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        bool keeps = cases[i].body && strcmp(cases[i].method, cases[i].sent) == 0;
        struct rp_http_spec spec = { .method = rp_slice_str(cases[i].method),
                                     .headers = headers,
                                     .header_count = RP_ARRAY_LEN(headers),
                                     .body = rp_slice_str(cases[i].body),
                                     .has_body = cases[i].body != NULL };
        struct chain chain;
        char text[1024], line[64];
        int fd;

        chain_init(&env, &chain, &spec);
        request_start(&chain.request);
        fd = redirect(&env, -1, cases[i].status, "second?q=1#part", text, sizeof(text));
        peer_take_request(&env, fd, text, sizeof(text));
        snprintf(line, sizeof(line), "%s /second?q=1 HTTP/1.1\r\n", cases[i].sent);
        assert_int_equal(strncmp(text, line, strlen(line)), 0);
        assert_non_null(strstr(text, "\r\nX-Own: 1\r\n"));
        assert_non_null(strstr(text, "\r\nAuthorization: Bearer t\r\n"));
        assert_int_equal(strstr(text, "\r\n\r\nbody") != NULL, keeps);
        assert_int_equal(strstr(text, "Content-Type") != NULL,
                         strcmp(cases[i].sent, "GET") != 0 || strcmp(cases[i].method, "GET") == 0);
        if (strcmp(cases[i].sent, "HEAD") == 0)
            peer_write(fd, EMPTY_RESPONSE, strlen(EMPTY_RESPONSE));
        else
            peer_write(fd, OK_RESPONSE, strlen(OK_RESPONSE));
        request_wait(&chain.request, 1);
        assert_int_equal(chain.request.response.status, 200);
        assert_int_equal(chain.hops, 1);
        assert_int_equal(chain.statuses[0], cases[i].status);
        assert_null(chain.request.call.more);
        request_deinit(&chain.request);
        close(fd);
        env_new_session(&env);
    }
    env_deinit(&env);
}

static void test_each_hop_is_a_sample(struct world *world)
{
    static const uint16_t only_ok[][2] = { { 200, 200 } };
    static const struct rp_http_spec spec = { .method = RP_SLICE("GET"),
                                              .expected = only_ok,
                                              .expected_count = 1 };
    struct env env;
    struct chain chain;
    char text[1024];
    int fd = -1;

    env_init(&env, world, (struct rp_http_limits){ 0 });
    chain_init(&env, &chain, &spec);
    for (int n = 1; n <= 3; n++) { /* a template can be led on again and again */
        request_start(&chain.request);
        fd = redirect(&env, fd, 302, "/second", text, sizeof(text));
        redirect(&env, fd, 301, "/third", text, sizeof(text));
        peer_answer(&env, fd, OK_RESPONSE);
        request_wait(&chain.request, n);
        assert_times(&chain.request);
        assert_int_equal((int)sum_of(&env, "http_reqs", "status", "302"), n);
        assert_int_equal((int)sum_of(&env, "http_reqs", "status", "301"), n);
        assert_int_equal((int)sum_of(&env, "http_reqs", "status", "200"), n);
        assert_int_equal((int)sum_of(&env, "http_req_failed", NULL, NULL), 0);
        assert_int_equal((int)samples_of(&env, "http_req_duration", NULL, NULL), 3 * n);
    }
    assert_int_equal(rp_http_client_counters(env.client)->open_connections, 1);
    close(fd);
    request_deinit(&chain.request);
    env_deinit(&env);
}

static void test_secrets_stay_with_their_origin(struct world *world)
{
    static const struct rp_header headers[] = {
        { RP_SLICE("Cookie"), RP_SLICE("a=s3cret") },
        { RP_SLICE("authorization"), RP_SLICE("Bearer s3cret") },
        { RP_SLICE("Proxy-Authorization"), RP_SLICE("Basic s3cret") },
        { RP_SLICE("X-Own"), RP_SLICE("1") },
    };
    struct rp_http_spec spec = { .method = RP_SLICE("GET"),
                                 .headers = headers,
                                 .header_count = RP_ARRAY_LEN(headers) };
    struct env env;
    struct chain chain;
    char text[1024], location[64];
    int fd, other;

    env_init(&env, world, (struct rp_http_limits){ 0 });
    for (int with_userinfo = 0; with_userinfo < 2; with_userinfo++) {
        if (with_userinfo)
            spec.header_count = 0;
        spec.url = rp_slice_str(with_userinfo ? "x" : "");
        chain_init(&env, &chain, &spec);
        request_start(&chain.request);
        fd = redirect(&env, -1, 302, "/here", text, sizeof(text));
        assert_non_null(strstr(text, with_userinfo ? "Authorization: Basic am9lOnB3" : "s3cret"));
        /* the same machine, under another name: another origin */
        snprintf(location, sizeof(location), "http://localhost:%d/there",
                 ntohs(world->addr.sin_port));
        redirect(&env, fd, 302, location, text, sizeof(text));
        assert_non_null(strstr(text, with_userinfo ? "Authorization: Basic am9lOnB3" : "s3cret"));
        other = peer_accept(&env);
        peer_take_request(&env, other, text, sizeof(text));
        assert_int_equal(strncmp(text, "GET /there ", 11), 0);
        snprintf(location, sizeof(location), "\r\nHost: localhost:%d\r\n",
                 ntohs(world->addr.sin_port));
        assert_non_null(strstr(text, location));
        assert_null(strstr(text, "s3cret"));
        assert_null(strcasestr(text, "authorization"));
        assert_int_equal(strstr(text, "\r\nX-Own: 1\r\n") != NULL, !with_userinfo);
        peer_write(other, OK_RESPONSE, strlen(OK_RESPONSE));
        request_wait(&chain.request, 1);
        assert_int_equal(chain.request.response.status, 200);
        close(fd);
        close(other);
        request_deinit(&chain.request);
        env_new_session(&env);
    }
    env_deinit(&env);
}

static void test_the_limit(struct world *world)
{
    static const struct rp_http_spec spec = { .method = RP_SLICE("GET") };
    struct env env;
    struct chain chain;
    char text[1024];
    int fd = -1;

    env_init(&env, world, (struct rp_http_limits){ 0 });
    chain_init(&env, &chain, &spec);
    chain.request.call.max_redirects = 2;
    request_start(&chain.request);
    for (int i = 0; i < 3; i++)
        fd = redirect(&env, fd, 302, "/again", text, sizeof(text));
    request_wait(&chain.request, 1);
    assert_error(&chain.request, RP_HTTP_TOO_MANY_REDIRECTS,
                 "too many redirects: more than 2, the last one with status 302");
    assert_int_equal(chain.hops, 2);
    assert_int_equal((int)sum_of(&env, "http_reqs", NULL, NULL), 3);
    assert_int_equal((int)sum_of(&env, "http_reqs", "error_code", "1905"), 1);
    assert_int_equal((int)sum_of(&env, "http_req_failed", NULL, NULL), 1);
    chain.request.call.max_redirects = 0; /* handed back */
    request_start(&chain.request);
    redirect(&env, fd, 302, "/again", text, sizeof(text));
    request_wait(&chain.request, 2);
    assert_int_equal(chain.request.response.status, 302);
    assert_true(chain.request.response.is_expected);
    close(fd);
    request_deinit(&chain.request);
    env_deinit(&env);
}

static void test_answers_that_lead_nowhere(struct world *world)
{
    static const struct {
        const char *answer;
        int status, code;
        const char *error;
    } cases[] = {
        { "302 X\r\n", 302, 0, NULL },
        { "302 X\r\nLocation:\r\n", 302, 0, NULL },
        { "300 X\r\nLocation: /x\r\n", 300, 0, NULL },
        { "304 X\r\nLocation: /x\r\n", 304, 0, NULL },
        { "305 X\r\nLocation: /x\r\n", 305, 0, NULL },
        { "200 X\r\nLocation: /x\r\n", 200, 0, NULL },
        { "404 X\r\nLocation: /x\r\n", 404, 1404, NULL },
        { "302 X\r\nLocation: ftp://a/\r\n", 0, 1906, "bad redirect: " },
        { "302 X\r\nLocation: http://a:0/\r\n", 0, 1906, "bad redirect: " },
        { "302 X\r\nLocation: http://\r\n", 0, 1906, "bad redirect: " },
        { "302 X\r\nLocation: mailto:a@b\r\n", 0, 1906, "bad redirect: " },
    };
    static const struct rp_http_spec spec = { .method = RP_SLICE("GET") };
    struct env env;
    struct chain chain;
    char answer[512];
    int fd = -1;

    env_init(&env, world, (struct rp_http_limits){ 0 });
    chain_init(&env, &chain, &spec);
    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        snprintf(answer, sizeof(answer), "HTTP/1.1 %sContent-Length: 0\r\n\r\n", cases[i].answer);
        fd = exchange(&chain.request, fd, answer);
        assert_int_equal(chain.request.response.status, cases[i].status);
        assert_int_equal(chain.request.response.error_code, cases[i].code);
        if (cases[i].error)
            assert_int_equal(
                strncmp(chain.request.response.error, cases[i].error, strlen(cases[i].error)), 0);
        assert_int_equal(chain.hops, 0);
        assert_null(chain.request.call.more);
    }
    assert_int_equal((int)sum_of(&env, "http_req_failed", NULL, NULL), 5);
    close(fd);
    request_deinit(&chain.request);
    env_deinit(&env);
}

static void test_ends_in_the_middle(struct world *world)
{
    static const struct rp_http_spec spec = { .method = RP_SLICE("GET") };
    struct env env;
    struct chain chain;
    char text[1024];
    int fd;

    env_init(&env, world, (struct rp_http_limits){ 0 });
    chain_init(&env, &chain, &spec);
    request_start(&chain.request);
    fd = redirect(&env, -1, 302, "/second", text, sizeof(text));
    peer_take_request(&env, fd, text, sizeof(text));
    rp_http_cancel(&chain.request.call, true);
    assert_null(chain.request.call.more);
    assert_false(rp_http_is_running(&chain.request.call));
    assert_int_equal((int)sum_of(&env, "http_req_failed", NULL, NULL), 1);
    close(fd);
    chain.request.call.timeout = 300 * RP_MS; /* of the whole chain */
    request_start(&chain.request);
    fd = redirect(&env, -1, 302, "/second", text, sizeof(text));
    request_wait(&chain.request, 1);
    assert_error(&chain.request, RP_HTTP_TIMEOUT, "request timeout");
    assert_null(chain.request.call.more);
    close(fd);
    chain.request.call.timeout = 0;
    request_start(&chain.request); /* the session ends with a chain under way */
    fd = redirect(&env, -1, 302, "/second", text, sizeof(text));
    peer_take_request(&env, fd, text, sizeof(text));
    rp_http_session_free(env.session);
    assert_null(chain.request.call.more);
    assert_int_equal(rp_http_session_new(env.client, 1, &env.session), 0);
    close(fd);
    request_deinit(&chain.request);
    env_deinit(&env);
}

/* A further connection is opened for another origin while one of the first is free again. */
static void test_calls_that_wait_get_the_connection(struct world *world)
{
    static const struct rp_http_spec spec = { .method = RP_SLICE("GET") };
    struct env env;
    struct chain chain;
    struct request waiting;
    char text[1024], location[64];
    int fd, other;

    env_init(&env, world, (struct rp_http_limits){ .connections_per_host = 1 });
    chain_init(&env, &chain, &spec);
    request_init(&env, &waiting, "GET", "/waiting", NULL);
    request_start(&chain.request);
    request_start(&waiting);
    snprintf(location, sizeof(location), "http://localhost:%d/there", ntohs(world->addr.sin_port));
    fd = redirect(&env, -1, 302, location, text, sizeof(text));
    peer_answer(&env, fd, OK_RESPONSE);
    request_wait(&waiting, 1);
    other = peer_accept(&env);
    peer_answer(&env, other, OK_RESPONSE);
    request_wait(&chain.request, 1);
    assert_int_equal(chain.request.response.status, 200);
    close(fd);
    close(other);
    request_deinit(&waiting);
    request_deinit(&chain.request);
    env_deinit(&env);
}

/* The trace id that a request has named, which must be as W3C Trace Context says. */
static void take_trace(const char *text, char id[33])
{
    const char *field = strstr(text, "\r\ntraceparent: 00-");

    assert_non_null(field);
    field += strlen("\r\ntraceparent: 00-");
    assert_int_equal(strspn(field, "0123456789abcdef"), 32);
    assert_int_equal(strspn(field + 33, "0123456789abcdef"), 16);
    assert_memory_equal(field + 49, "-01\r\n\r\n", 7);
    assert_null(strstr(field, "traceparent"));
    snprintf(id, 33, "%.32s", field);
}

static void test_each_hop_names_a_trace(struct world *world)
{
    static const struct rp_http_spec spec = { .method = RP_SLICE("GET") };
    static const struct rp_header own = { RP_SLICE("TraceParent"), RP_SLICE("mine") };
    struct env env;
    struct chain chain;
    char text[1024], first[33], second[33], told[33];
    int fd;

    env_init(&env, world, (struct rp_http_limits){ 0 });
    rp_http_client_set_traceparent(env.client, true);
    chain_init(&env, &chain, &spec);
    request_start(&chain.request);
    fd = redirect(&env, -1, 302, "/second", text, sizeof(text));
    take_trace(text, first);
    peer_take_request(&env, fd, text, sizeof(text));
    take_trace(text, second);
    assert_string_not_equal(first, second);
    peer_write(fd, OK_RESPONSE, strlen(OK_RESPONSE));
    request_wait(&chain.request, 1);
    assert_true(
        rp_http_response_trace_id(&chain.request.response, chain.request.call.template, told));
    assert_string_equal(told, second);
    request_deinit(&chain.request);

    chain_init(&env, &chain,
               &(struct rp_http_spec){ .method = RP_SLICE("GET"),
                                       .headers = &own,
                                       .header_count = 1,
                                       .trace = RP_HTTP_TRACE });
    request_start(&chain.request);
    peer_take_request(&env, fd, text, sizeof(text));
    assert_non_null(strstr(text, "TraceParent: mine\r\n"));
    assert_null(strstr(text, "traceparent"));
    peer_write(fd, OK_RESPONSE, strlen(OK_RESPONSE));
    request_wait(&chain.request, 1);
    assert_false(
        rp_http_response_trace_id(&chain.request.response, chain.request.call.template, told));
    close(fd);
    request_deinit(&chain.request);
    env_deinit(&env);
}

/* Every allocation of a redirected request fails once: the call ends all the same, and nothing is
 * lost. */
static void test_without_memory(struct world *world)
{
    static const char answer[] = "HTTP/1.1 307 X\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n";
    static const struct rp_http_spec spec = { .method = RP_SLICE("POST"),
                                              .body = RP_SLICE("body"),
                                              .has_body = true,
                                              .trace = RP_HTTP_TRACE };
    bool reached_the_end = false;

    for (uint64_t n = 1; !reached_the_end; n++) {
        struct env env;
        struct chain chain;
        char text[1024];
        uint64_t allocated;
        int fd, before;

        assert_true(n < 200);
        env_init(&env, world, (struct rp_http_limits){ 0 });
        chain_init(&env, &chain, &spec);
        fd = exchange(&chain.request, -1, OK_RESPONSE); /* what does not belong to redirects */
        request_start(&chain.request);
        peer_take_request(&env, fd, text, sizeof(text));
        before = chain.request.done;
        allocated = rp_alloc_count();
        rp_alloc_fail_at(n);
        peer_write(fd, answer, strlen(answer));
        for (int i = 0; i < 200 && chain.request.done == before && chain.hops == 0; i++)
            assert_int_equal(rp_loop_turn(world->loop, rp_clock_ns() + RP_MS), 0);
        reached_the_end = rp_alloc_count() - allocated < n;
        rp_alloc_fail_at(0);
        if (chain.request.done == before) {
            peer_answer(&env, fd, OK_RESPONSE);
            request_wait(&chain.request, before + 1);
        } else {
            assert_int_equal(chain.request.response.status, 0);
            assert_int_equal(chain.request.response.error_code, RP_HTTP_GENERIC);
        }
        assert_null(chain.request.call.more);
        close(fd);
        request_deinit(&chain.request);
        env_deinit(&env);
    }
}

int main(void)
{
    static const struct world_case cases[] = {
        CASE(test_methods_and_bodies),
        CASE(test_each_hop_is_a_sample),
        CASE(test_secrets_stay_with_their_origin),
        CASE(test_the_limit),
        CASE(test_answers_that_lead_nowhere),
        CASE(test_ends_in_the_middle),
        CASE(test_calls_that_wait_get_the_connection),
        CASE(test_each_hop_names_a_trace),
        CASE(test_without_memory),
    };

    return run_worlds(cases, RP_ARRAY_LEN(cases));
}

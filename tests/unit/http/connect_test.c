/* SPDX-License-Identifier: MIT */

/* Which connection a call gets: kept ones, stale ones, refused ones, none. */

#include <stdio.h>

#include "testing.h"

/* ---- kept connections that the server closes ---- */

static void wait_for_close(struct env *env)
{
    while (rp_http_client_counters(env->client)->open_connections)
        turn(env->world);
}

static void test_an_idle_connection_is_closed(struct world *world)
{
    struct env env;
    struct request request;
    int fd;

    env_init(&env, world, (struct rp_http_limits){ 0 });
    request_init(&env, &request, "POST", "/", "x");
    for (int i = 0; i < 3; i++) {
        fd = exchange(&request, -1, OK_RESPONSE);
        assert_int_equal(request.response.status, 200);
        assert_true(request.response.connecting > 0);
        if (i == 1)
            peer_reset(fd);
        else
            close(fd);
        wait_for_close(&env);
    }
    assert_int_equal(rp_http_client_counters(env.client)->retried, 0);
    assert_int_equal(rp_http_client_counters(env.client)->stray_bytes, 0);
    request_deinit(&request);
    env_deinit(&env);
}

/* The server has read the request on a kept connection and closes without an answer, so much @late. */
static void check_stale(struct env *env, const char *method, bool reset, rp_ns late,
                        bool is_retried)
{
    uint64_t before = rp_http_client_counters(env->client)->retried;
    struct request request;
    char text[1024];
    uint64_t once;
    int fd;

    request_init(env, &request, method, "/", NULL);
    fd = exchange(&request, -1, EMPTY_RESPONSE);
    once = request.response.wire_sent;
    clock_stop(); /* the end crosses the request */
    request_start(&request);
    peer_take_request(env, fd, text, sizeof(text));
    clock_ahead += late;
    if (reset)
        peer_reset(fd);
    else
        close(fd);
    if (is_retried) {
        fd = peer_accept(env);
        assert_int_equal(request.done, 1);
        peer_answer(env, fd, EMPTY_RESPONSE);
        request_wait(&request, 2);
        assert_int_equal(request.response.status, 200);
        assert_int_equal(request.response.wire_sent, 2 * once);
        close(fd);
    } else {
        request_wait(&request, 2);
        assert_int_equal(request.response.wire_sent, once);
        assert_int_equal(request.response.error_code, reset ? RP_HTTP_RESET : RP_HTTP_CLOSED);
        assert_false(peer_is_waiting(env));
    }
    assert_int_equal(request.response.waiting, late);
    assert_times(&request);
    clock_go_on();
    assert_int_equal(rp_http_client_counters(env->client)->retried, before + is_retried);
    request_deinit(&request);
    env_new_session(env);
}

static void test_a_stale_connection(struct world *world)
{
    static const struct {
        const char *method;
        bool is_retried;
    } cases[] = { { "GET", true },    { "HEAD", true },  { "OPTIONS", true }, { "PUT", true },
                  { "DELETE", true }, { "POST", false }, { "PATCH", false },  { "CUSTOM", false } };
    struct env env;

    env_init(&env, world, (struct rp_http_limits){ 0 });
    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        check_stale(&env, cases[i].method, false, 0, cases[i].is_retried);
        check_stale(&env, cases[i].method, true, 4 * RP_MS, cases[i].is_retried);
    }
    /* One sample a call: the first try of a retried one is none. But its bytes are the request's, and its time. */
    assert_int_equal(samples_of(&env, "http_reqs", NULL, NULL), 4 * RP_ARRAY_LEN(cases));
    env_deinit(&env);
}

/* It had the request for half a minute, or has said that it works on it: that is no crossing. */
static void test_a_server_that_dies(struct world *world)
{
    struct env env;
    struct request request;
    char text[1024];
    int fd;

    env_init(&env, world, (struct rp_http_limits){ 0 });
    check_stale(&env, "GET", false, 30 * RP_S, false);
    check_stale(&env, "DELETE", true, 30 * RP_S, false);

    request_init(&env, &request, "GET", "/", NULL);
    fd = exchange(&request, -1, EMPTY_RESPONSE);
    request_start(&request);
    peer_take_request(&env, fd, text, sizeof(text));
    peer_write(fd, "HTTP/1.1 102 Processing\r\n\r\n", 27);
    close(fd);
    request_wait(&request, 2);
    assert_int_equal(request.response.error_code, RP_HTTP_CLOSED);
    assert_int_equal(rp_http_client_counters(env.client)->retried, 0);
    request_deinit(&request);
    env_deinit(&env);
}

static void test_a_request_is_retried_once(struct world *world)
{
    struct env env;
    struct request request;
    char text[1024];
    int fd;

    env_init(&env, world, (struct rp_http_limits){ 0 });
    request_init(&env, &request, "GET", "/", NULL);
    fd = exchange(&request, -1, OK_RESPONSE);
    clock_stop();
    request_start(&request);
    for (int i = 0; i < 2; i++) {
        peer_take_request(&env, fd, text, sizeof(text));
        close(fd);
        if (i == 0)
            fd = peer_accept(&env);
    }
    request_wait(&request, 2);
    clock_go_on();
    assert_error(&request, RP_HTTP_CLOSED, "connection closed early: there was no response");
    assert_false(peer_is_waiting(&env));
    request_deinit(&request);
    env_deinit(&env);
}

/* A new connection that ends, and one whose answer has begun, are the server's failures. */
static void test_what_is_not_retried(struct world *world)
{
    struct env env;
    struct request request;
    char text[1024];
    int fd;

    env_init(&env, world, (struct rp_http_limits){ 0 });
    request_init(&env, &request, "GET", "/", NULL);
    request_start(&request);
    fd = peer_accept(&env);
    peer_take_request(&env, fd, text, sizeof(text));
    close(fd);
    request_wait(&request, 1);
    assert_int_equal(request.response.error_code, RP_HTTP_CLOSED);

    fd = exchange(&request, -1, OK_RESPONSE);
    request_start(&request);
    peer_take_request(&env, fd, text, sizeof(text));
    peer_write(fd, "H", 1);
    turn(world);
    close(fd);
    request_wait(&request, 3);
    assert_int_equal(request.response.error_code, RP_HTTP_CLOSED);
    assert_int_equal(rp_http_client_counters(env.client)->retried, 0);
    request_deinit(&request);
    env_deinit(&env);
}

/* All kept connections have been closed by a restart of the server: the retry must not take another one of them. */
static void test_many_stale_connections(struct world *world)
{
    enum { KEPT = 4 };
    struct env env;
    struct request requests[KEPT];
    int fds[KEPT], fd;

    env_init(&env, world, (struct rp_http_limits){ 0 });
    for (int i = 0; i < KEPT; i++) {
        request_init(&env, &requests[i], "GET", "/", NULL);
        request_start(&requests[i]);
    }
    for (int i = 0; i < KEPT; i++)
        fds[i] = peer_accept(&env);
    for (int i = 0; i < KEPT; i++)
        peer_answer(&env, fds[i], OK_RESPONSE);
    for (int i = 0; i < KEPT; i++)
        request_wait(&requests[i], 1);
    assert_int_equal(rp_http_client_counters(env.client)->open_connections, KEPT);
    for (int i = 0; i < KEPT; i++)
        peer_reset(fds[i]);
    clock_stop(); /* the end crosses the request */
    request_start(&requests[0]);
    fd = peer_accept(&env);
    peer_answer(&env, fd, OK_RESPONSE);
    request_wait(&requests[0], 2);
    clock_go_on();
    assert_int_equal(requests[0].response.status, 200);
    assert_int_equal(rp_http_client_counters(env.client)->retried, 1);
    for (int i = 0; i < KEPT; i++)
        request_deinit(&requests[i]);
    env_deinit(&env);
    close(fd);
}

static void test_an_end_before_the_request(struct world *world)
{
    static const char *const methods[] = { "GET", "POST" };
    struct env env;
    struct request request;
    int fd;

    env_init(&env, world, (struct rp_http_limits){ 0 });
    for (size_t i = 0; i < RP_ARRAY_LEN(methods); i++) {
        request_init(&env, &request, methods[i], "/", NULL);
        close(start_before_an_event(&request));
        fd = peer_accept(&env);
        peer_answer(&env, fd, OK_RESPONSE);
        request_wait(&request, 1);
        assert_int_equal(request.response.status, 200);
        request_deinit(&request);
        env_new_session(&env);
        close(fd);
    }
    env_deinit(&env);
}

/* The server has ended the connection while the script kept the loop from looking. */
static void test_nothing_is_posted_on_a_connection_that_is_over(struct world *world)
{
    struct env env;
    struct request request;
    int old, fd;

    env_init(&env, world, (struct rp_http_limits){ 0 });
    request_init(&env, &request, "POST", "/", "x");
    old = exchange(&request, -1, OK_RESPONSE);
    assert_int_equal(shutdown(old, SHUT_WR), 0);
    clock_ahead += 2 * RP_MS;
    fd = exchange(&request, -1, OK_RESPONSE);
    assert_int_equal(request.response.status, 200);
    assert_int_equal(peer_read_end(world, old), 0); /* without a byte before it */
    assert_int_equal(rp_http_client_counters(env.client)->retried, 0);
    assert_int_equal(rp_http_client_counters(env.client)->open_connections, 1);
    clock_ahead += 2 * RP_MS;
    assert_int_equal(exchange(&request, fd, OK_RESPONSE), fd); /* one that goes on is kept */
    request_deinit(&request);
    env_deinit(&env);
    close(old);
    close(fd);
}

/* ---- no connection ---- */

static void close_listener(struct world *world)
{
    close(world->listener);
    world->listener = make_listener(&(struct sockaddr_in){ 0 }); /* another port */
}

/* The clock stands still: @request waits for @wait, not less and not more. */
static void wait_exactly(struct request *request, rp_ns wait)
{
    int done = request->done;

    request_start(request);
    if (wait) {
        clock_ahead += wait - 1;
        for (int i = 0; i < 3; i++)
            look(request->env->world);
        assert_int_equal(request->done, done);
        clock_ahead++;
    }
    request_wait(request, done + 1);
    assert_int_equal(request->response.blocked, wait);
}

static void test_refused(struct world *world)
{
    /* A VU in a loop connects ten times a second. */
    static const int waits_ms[] = { 0, 0, 10, 20, 40, 80, 100, 100, 100 };
    enum { TRIES = 1 + RP_ARRAY_LEN(waits_ms) };
    struct env env;
    struct request request;

    env_init(&env, world, (struct rp_http_limits){ 0 });
    request_init(&env, &request, "GET", "/", NULL);
    close_listener(world);
    request_start(&request);
    request_wait(&request, 1);
    assert_true(request.response.connecting > 0);
    request.call.template->origin->destination.failures = 0;
    clock_stop();
    for (size_t i = 0; i < RP_ARRAY_LEN(waits_ms); i++) {
        wait_exactly(&request, waits_ms[i] * RP_MS);
        assert_error(&request, RP_HTTP_REFUSED, "connection refused");
        assert_times(&request);
        assert_int_equal(request.response.wire_sent, 0);
    }
    clock_go_on();
    assert_int_equal((int)sum_of(&env, "http_reqs", "error_code", "1212"), TRIES);
    assert_int_equal((int)sum_of(&env, "http_req_failed", "error", "connection refused"), TRIES);
    assert_int_equal(samples_of(&env, "http_req_duration", NULL, NULL), 0);
    request_deinit(&request);
    env_deinit(&env);
}

static void test_a_success_ends_the_back_off(struct world *world)
{
    struct env env;
    struct request good, bad;
    char url[64];
    struct sockaddr_in addr;
    int fd = make_listener(&addr);

    close(fd); /* nobody listens there now */
    env_init(&env, world, (struct rp_http_limits){ 0 });
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/", ntohs(addr.sin_port));
    request_init(&env, &bad, "GET", url, NULL);
    request_init(&env, &good, "GET", "/", NULL);
    clock_stop();
    for (int i = 0; i < 3; i++) {
        wait_exactly(&bad, i < 2 ? 0 : 10 * RP_MS);
        assert_int_equal(bad.response.error_code, RP_HTTP_REFUSED);
    }
    assert_int_equal(bad.call.template->origin->destination.failures, 3);
    assert_true(rp_destination_ready(&bad.call.template->origin->destination) > 0);
    /* Nobody else waits for that, and everybody who wants the same host does. */
    assert_int_equal(rp_destination_ready(&good.call.template->origin->destination), 0);
    fd = exchange(&good, -1, OK_RESPONSE);
    assert_int_equal(bad.call.template->origin->destination.failures, 3);
    env_new_session(&env);
    wait_exactly(&bad, 20 * RP_MS);
    clock_go_on();
    assert_int_equal(bad.call.template->origin->destination.failures, 4);
    request_deinit(&good);
    request_deinit(&bad);
    env_deinit(&env);
    close(fd);
}

/* ---- more calls than connections ---- */

enum { CALLS = 9, LIMIT = 2, GIVES_UP = 4 };

struct queue {
    struct request requests[CALLS];
    int order[CALLS], ended;
};

static void note_order(struct request *request)
{
    struct queue *queue = request->user;

    queue->order[queue->ended++] = (int)(request - queue->requests);
}

static void test_calls_wait_for_connections(struct world *world)
{
    struct env env;
    struct queue queue = { .ended = 0 };
    int fds[LIMIT];

    env_init(&env, world, (struct rp_http_limits){ .connections_per_host = LIMIT });
    for (int i = 0; i < CALLS; i++) {
        request_init(&env, &queue.requests[i], "GET", "/", NULL);
        queue.requests[i].user = &queue;
        queue.requests[i].then = note_order;
        request_start(&queue.requests[i]);
    }
    for (int i = 0; i < LIMIT; i++)
        fds[i] = peer_accept(&env);
    /* One that waits gives up: the others keep their order. */
    rp_http_cancel(&queue.requests[GIVES_UP].call, false);
    for (int i = 0; i < CALLS - 1; i++) {
        peer_answer(&env, fds[i % LIMIT], OK_RESPONSE);
        turn_until(world, &queue.ended, i + 1);
    }
    assert_false(peer_is_waiting(&env));
    for (int i = 0; i < CALLS - 1; i++)
        assert_int_equal(queue.order[i], i < GIVES_UP ? i : i + 1);
    for (int i = 0; i < CALLS; i++) {
        if (i >= LIMIT && i != GIVES_UP) {
            assert_true(queue.requests[i].response.blocked > 0);
            assert_int_equal(queue.requests[i].response.connecting, 0);
            assert_times(&queue.requests[i]);
        }
        request_deinit(&queue.requests[i]);
    }
    env_deinit(&env);
    close(fds[0]);
    close(fds[1]);
}

static void test_a_call_times_out_in_the_queue(struct world *world)
{
    struct env env;
    struct request busy, waits, last;
    int fd;

    env_init(&env, world, (struct rp_http_limits){ .connections_per_host = 1 });
    request_init(&env, &busy, "GET", "/", NULL);
    request_init(&env, &waits, "GET", "/", NULL);
    request_init(&env, &last, "GET", "/", NULL);
    waits.call.timeout = 20 * RP_MS;
    clock_stop();
    request_start(&busy);
    request_start(&waits);
    request_start(&last);
    fd = peer_accept(&env);
    clock_ahead += 20 * RP_MS;
    request_wait(&waits, 1);
    assert_error(&waits, RP_HTTP_TIMEOUT, "timeout: no connection became free");
    assert_int_equal(waits.response.blocked, 20 * RP_MS);
    assert_times(&waits);
    assert_true(sum_of(&env, "http_req_blocked", "error", "timeout") >= 20e6);
    assert_int_equal(samples_of(&env, "http_req_duration", NULL, NULL), 0);
    peer_answer(&env, fd, OK_RESPONSE);
    peer_answer(&env, fd, OK_RESPONSE);
    request_wait(&last, 1);
    assert_int_equal(last.response.status, 200);
    assert_int_equal(last.response.blocked, 20 * RP_MS);
    clock_go_on();
    request_deinit(&busy);
    request_deinit(&waits);
    request_deinit(&last);
    env_deinit(&env);
    close(fd);
}

/* Each origin has a limit of its own, and so has each session. */
static void test_limits_are_per_origin_and_session(struct world *world)
{
    struct env env;
    struct rp_http_session *other;
    struct request a, b, c;
    char url[64];
    int fds[3];

    env_init(&env, world, (struct rp_http_limits){ .connections_per_host = 1 });
    snprintf(url, sizeof(url), "http://localhost:%d/", ntohs(world->addr.sin_port));
    assert_int_equal(rp_http_session_new(env.client, 1, &other), 0);
    request_init(&env, &a, "GET", "/", NULL);
    request_init(&env, &b, "GET", url, NULL);
    request_init(&env, &c, "GET", "/", NULL);
    request_start(&a);
    request_start(&b);
    rp_http_start(other, &c.call);
    for (int i = 0; i < 3; i++)
        fds[i] = peer_accept(&env);
    for (int i = 0; i < 3; i++)
        peer_answer(&env, fds[i], OK_RESPONSE);
    request_wait(&a, 1);
    request_wait(&b, 1);
    request_wait(&c, 1);
    assert_int_equal(b.response.status, 200);
    request_deinit(&a);
    request_deinit(&b);
    request_deinit(&c);
    rp_http_session_free(other);
    env_deinit(&env);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
}

int main(void)
{
    static const struct world_case cases[] = {
        CASE(test_an_idle_connection_is_closed),
        CASE(test_a_stale_connection),
        CASE(test_a_server_that_dies),
        CASE(test_a_request_is_retried_once),
        CASE(test_what_is_not_retried),
        CASE(test_many_stale_connections),
        CASE(test_an_end_before_the_request),
        CASE(test_nothing_is_posted_on_a_connection_that_is_over),
        CASE(test_refused),
        CASE(test_a_success_ends_the_back_off),
        CASE(test_calls_wait_for_connections),
        CASE(test_a_call_times_out_in_the_queue),
        CASE(test_limits_are_per_origin_and_session),
    };

    return run_worlds(cases, RP_ARRAY_LEN(cases));
}

/* SPDX-License-Identifier: MIT */

/*
 * Requests through layers that the client knows nothing of: the scheme https of these tests is a
 * layer (../net/xor_layer.h). Times, bytes and failures are right all the same.
 */

#include <stdio.h>

#include "../net/xor_layer.h"
#include "base/alloc.h"
#include "testing.h"

#define TIMEOUT (3600 * RP_S)
enum { ROUNDS = 2, BODY = 3 << 20, DELAY_MS = 20 };

static const struct xor_kind tunnel = { { xor_make }, ROUNDS, true }, xor = {
    { xor_make }, ROUNDS
};
static const struct rp_layer *const one_layer[] = { &xor.layer, NULL };
static const struct rp_layer *const two_layers[] = { &tunnel.layer, &xor.layer, NULL };
static const struct rp_http_scheme schemes[2][2] = {
    { { "http", NULL }, { "https", one_layer } },
    { { "http", NULL }, { "https", two_layers } },
};

struct place {
    struct env env;
    struct xor_server server;
    struct request request;
    unsigned depth;
};

static void place_init(struct place *place, struct world *world, unsigned depth, const char *method,
                       const char *body)
{
    char url[64];

    *place = (struct place){ .depth = depth };
    env_init(&place->env, world, (struct rp_http_limits){ 0 });
    rp_http_client_set_schemes(place->env.client, schemes[depth - 1], 2);
    snprintf(url, sizeof(url), "https://127.0.0.1:%d/", ntohs(world->addr.sin_port));
    request_init(&place->env, &place->request, method, url, body);
}

static void place_deinit(struct place *place)
{
    request_deinit(&place->request);
    env_deinit(&place->env);
    close(place->server.fd);
}

static void accept_one(struct place *place)
{
    place->server = (struct xor_server){ .world = place->env.world, .depth = place->depth };
    place->server.fd = peer_accept(&place->env);
}

static void take_request(struct place *place)
{
    size_t len = place->request.call.template->head.len + place->request.call.template->body.len;
    char *text = malloc(len);

    xor_read(&place->server, place->depth, text, len);
    assert_memory_equal(text, rp_buf_str(&place->request.call.template->head),
                        place->request.call.template->head.len);
    for (size_t i = place->request.call.template->head.len; i < len; i++)
        assert_int_equal(text[i], 'b');
    free(text);
}

static void answer(struct place *place, const char *text)
{
    xor_write(&place->server, place->depth, text, strlen(text));
}

/* What is there is taken, and then time goes by. */
static void pass(struct place *place, rp_ns time)
{
    for (int i = 0; i < 6; i++)
        look(place->env.world);
    clock_ahead += time;
}

static void open_connection(struct place *place)
{
    request_start(&place->request);
    accept_one(place);
    xor_handshake(&place->server, ROUNDS);
}

static void assert_bytes(struct place *place, const struct xor_server *before)
{
    assert_int_equal(place->request.response.wire_sent, place->server.read - before->read);
    assert_int_equal(place->request.response.wire_received,
                     place->server.written - before->written);
}

/* ---- what goes well ---- */

static void check_requests(struct world *world, unsigned depth, const char *method,
                           const char *body)
{
    const struct xor_server none = { 0 };
    struct place place;

    place_init(&place, world, depth, method, body);
    open_connection(&place);
    take_request(&place);
    answer(&place, OK_RESPONSE);
    request_wait(&place.request, 1);
    assert_bytes(&place, &none);
    assert_true(place.request.response.tls_handshaking > 0);
    for (int i = 2; i < 5; i++) {
        struct xor_server before = place.server;

        request_start(&place.request);
        take_request(&place);
        pass(&place, DELAY_MS * RP_MS);
        answer(&place, OK_RESPONSE);
        request_wait(&place.request, i);
        assert_int_equal(place.request.response.status, 200);
        assert_memory_equal(rp_buf_str(&place.request.response.body), "ok", 2);
        assert_int_equal(place.request.response.tls_handshaking, 0);
        assert_int_equal(place.request.response.connecting, 0);
        assert_true(place.request.response.waiting >= DELAY_MS * RP_MS);
        assert_true(place.request.response.sending > 0);
        assert_bytes(&place, &before);
        if (depth == 1)
            assert_int_equal(place.request.response.wire_sent,
                             xor_size(place.request.call.template->head.len +
                                      place.request.call.template->body.len));
    }
    assert_int_equal((int)sum_of(&place.env, "data_sent", NULL, NULL), place.server.read);
    assert_int_equal((int)sum_of(&place.env, "data_received", NULL, NULL), place.server.written);
    assert_int_equal((int)sum_of(&place.env, "http_reqs", "status", "200"), 4);
    place_deinit(&place);
}

static void test_requests(struct world *world)
{
    char *body = malloc(BODY + 1);

    memset(body, 'b', BODY);
    body[BODY] = '\0';
    for (unsigned depth = 1; depth <= 2; depth++) {
        check_requests(world, depth, "GET", NULL);
        check_requests(world, depth, "POST", "bbb");
        check_requests(world, depth, "PUT", body);
    }
    free(body);
}

/* Each phase has its own time, and no other one has it. */
static void test_times(struct world *world)
{
    const struct rp_http_response *response;
    struct place place;
    rp_ns started, greeted, shaken;

    place_init(&place, world, 1, "GET", NULL);
    response = &place.request.response;
    started = rp_clock_ns();
    request_start(&place.request);
    accept_one(&place);
    xor_take_hello(&place.server, 1);
    greeted = rp_clock_ns();
    pass(&place, DELAY_MS * RP_MS);
    xor_write(&place.server, 0, "Y", 1);
    xor_take_hello(&place.server, 1);
    pass(&place, DELAY_MS * RP_MS);
    shaken = rp_clock_ns();
    xor_write(&place.server, 0, "Y", 1);
    take_request(&place);
    answer(&place, OK_RESPONSE);
    request_wait(&place.request, 1);
    assert_true(response->connecting > 0 && response->connecting <= greeted - started);
    assert_true(response->tls_handshaking >= 2 * DELAY_MS * RP_MS);
    assert_true(response->tls_handshaking >= shaken - greeted);
    assert_times(&place.request);
    assert_true(response->sending + response->waiting + response->receiving <=
                rp_clock_ns() - shaken);
    assert_int_equal(samples_of(&place.env, "http_req_tls_handshaking", NULL, NULL), 1);
    assert_true(sum_of(&place.env, "http_req_tls_handshaking", NULL, NULL) >=
                2e6 * DELAY_MS * 0.99);
    place_deinit(&place);
}

/* Without layers nothing of them shows, in the same client and at the same address. */
static void test_another_scheme_is_another_origin(struct world *world)
{
    struct place place;
    struct request plain;
    int fd;

    place_init(&place, world, 1, "GET", NULL);
    open_connection(&place);
    take_request(&place);
    answer(&place, OK_RESPONSE);
    request_wait(&place.request, 1);
    request_init(&place.env, &plain, "GET", "/", NULL);
    fd = exchange(&plain, -1, OK_RESPONSE);
    assert_int_equal(plain.response.status, 200);
    assert_int_equal(plain.response.tls_handshaking, 0);
    assert_int_equal(plain.response.wire_received, strlen(OK_RESPONSE));
    assert_int_equal(rp_http_client_counters(place.env.client)->open_connections, 2);
    request_deinit(&plain);
    place_deinit(&place);
    close(fd);
}

static void test_no_allocation_per_request(struct world *world)
{
    struct place place;
    uint64_t before = 0;

    place_init(&place, world, 2, "POST", "bbb");
    open_connection(&place);
    for (int i = 1; i <= 200; i++) {
        if (i > 1)
            request_start(&place.request);
        take_request(&place);
        answer(&place, OK_RESPONSE);
        request_wait(&place.request, i);
        if (i == 100) {
            touch_histograms(&place.env);
            before = rp_alloc_count();
        }
    }
    assert_int_equal(rp_alloc_count(), before);
    place_deinit(&place);
}

static void test_the_connection_ends(struct world *world)
{
    struct place place;

    place_init(&place, world, 2, "GET", NULL);
    open_connection(&place);
    take_request(&place);
    answer(&place, "HTTP/1.1 200 OK\r\n\r\nuntil the end");
    close(place.server.fd);
    request_wait(&place.request, 1);
    assert_int_equal(place.request.response.status, 200);
    assert_memory_equal(rp_buf_str(&place.request.response.body), "until the end", 13);

    open_connection(&place);
    take_request(&place);
    peer_reset(place.server.fd);
    request_wait(&place.request, 2);
    assert_error(&place.request, RP_HTTP_RESET, "connection reset");

    /* A kept one that the server closes is replaced, whatever it runs over. */
    open_connection(&place);
    take_request(&place);
    answer(&place, OK_RESPONSE);
    request_wait(&place.request, 3);
    clock_stop(); /* the end crosses the request */
    request_start(&place.request);
    take_request(&place);
    close(place.server.fd);
    while (!rp_http_client_counters(place.env.client)->retried && place.request.done == 3)
        turn(world);
    clock_go_on();
    accept_one(&place);
    xor_handshake(&place.server, ROUNDS);
    take_request(&place);
    answer(&place, OK_RESPONSE);
    request_wait(&place.request, 4);
    assert_int_equal(place.request.response.status, 200);
    assert_true(place.request.response.tls_handshaking > 0);
    assert_int_equal(rp_http_client_counters(place.env.client)->retried, 1);
    place_deinit(&place);
}

/* ---- what goes wrong ---- */

static void check_failure(struct place *place, int code, const char *text, bool is_shaking)
{
    const struct rp_http_response *response = &place->request.response;

    request_wait(&place->request, place->request.done + 1);
    assert_error(&place->request, code, text);
    assert_true(response->connecting > 0);
    assert_int_equal(response->tls_handshaking > 0, is_shaking);
    assert_times(&place->request);
    assert_true(response->sending + response->waiting + response->receiving == 0);
    assert_int_equal(response->wire_sent, is_shaking ? XOR_HELLO : 0);
    assert_int_equal(response->wire_received, place->server.written);
}

static void test_failures(struct world *world)
{
    struct place place;

    place_init(&place, world, 1, "GET", NULL);
    request_start(&place.request);
    accept_one(&place);
    xor_take_hello(&place.server, 1);
    xor_refuse(&place.server, 1, "unknown authority");
    check_failure(&place, RP_HTTP_HANDSHAKE, "handshake failed: unknown authority", true);
    close(place.server.fd);

    request_start(&place.request);
    accept_one(&place);
    xor_take_hello(&place.server, 1);
    xor_write(&place.server, 0, "N", 1);
    close(place.server.fd);
    check_failure(&place, RP_HTTP_HANDSHAKE, "handshake failed: the server closed the connection",
                  true);

    request_start(&place.request);
    accept_one(&place);
    xor_take_hello(&place.server, 1);
    peer_reset(place.server.fd);
    check_failure(&place, RP_HTTP_RESET, "connection reset", true);

    place.request.call.timeout = TIMEOUT;
    request_start(&place.request);
    accept_one(&place);
    xor_take_hello(&place.server, 1);
    clock_ahead += TIMEOUT;
    check_failure(&place, RP_HTTP_DIAL_TIMEOUT, "handshake timeout", true);
    assert_true(place.request.response.tls_handshaking >= TIMEOUT / 2);

    assert_int_equal((int)sum_of(&place.env, "http_reqs", "error", "handshake failed"), 2);
    assert_int_equal((int)sum_of(&place.env, "http_reqs", "error_code", "1313"), 2);
    assert_int_equal(samples_of(&place.env, "http_req_duration", NULL, NULL), 0);
    assert_int_equal((int)sum_of(&place.env, "data_sent", NULL, NULL), 4 * XOR_HELLO);

    close(place.server.fd);
    place.server.written = 0;
    close(world->listener);
    world->listener = make_listener(&(struct sockaddr_in){ 0 }); /* another port */
    place.server.fd = dup(world->listener);
    request_start(&place.request);
    check_failure(&place, RP_HTTP_REFUSED, "connection refused", false);
    place_deinit(&place);
}

/* In the handshake, by the script, by the end of the session. */
static void test_cancel(struct world *world)
{
    struct place place;

    for (int i = 0; i < 3; i++) {
        place_init(&place, world, 2, "GET", NULL);
        request_start(&place.request);
        accept_one(&place);
        xor_take_hello(&place.server, 1);
        if (i < 2)
            rp_http_cancel(&place.request.call, i == 1);
        else
            env_new_session(&place.env);
        assert_int_equal(samples_of(&place.env, "http_reqs", NULL, NULL), i == 1);
        if (i == 1)
            assert_true(place.request.response.tls_handshaking == 0 &&
                        place.request.response.connecting > 0); /* the lower one is a tunnel */
        assert_int_equal(peer_read_end(world, place.server.fd), -ECONNRESET);
        assert_int_equal(place.request.done, 0);
        place_deinit(&place);
    }
}

static void test_a_scheme_that_is_missing_is_an_error(struct world *world)
{
    static const struct rp_http_scheme only[] = { { "http", NULL } };
    struct rp_http_spec spec = { .method = RP_SLICE("GET"), .url = RP_SLICE("https://localhost/") };
    struct rp_http_template *template;
    struct rp_error err = { 0 };
    struct env env;

    env_init(&env, world, (struct rp_http_limits){ 0 });
    rp_http_client_set_schemes(env.client, only, 1);
    assert_int_equal(rp_http_template_new(env.client, &spec, &template, &err), -RP_EUSER);
    assert_non_null(strstr(err.message, "speaks http only, not https"));
    rp_error_deinit(&err);
    env_deinit(&env);
}

/* Returns whether the request was answered. */
static bool run_with_failing_allocation(struct world *world, uint64_t fail_at)
{
    struct place place;
    bool is_good;

    place_init(&place, world, 2, "GET", NULL);
    rp_alloc_fail_at(fail_at);
    request_start(&place.request);
    while (!place.request.done && !peer_is_waiting(&place.env))
        assert_int_equal(rp_loop_turn(world->loop, rp_clock_ns() + RP_MS), 0);
    if (place.request.done) {
        place.server.fd = dup(world->listener);
    } else {
        accept_one(&place);
        xor_handshake(&place.server, ROUNDS);
        take_request(&place);
        answer(&place, OK_RESPONSE);
        request_wait(&place.request, 1);
    }
    rp_alloc_fail_at(0);
    is_good = place.request.response.status == 200;
    if (!is_good)
        assert_error(&place.request, RP_HTTP_GENERIC, "out of memory");
    place_deinit(&place);
    return is_good;
}

static void test_every_failing_allocation(struct world *world)
{
    int bad = 0;

    assert_true(run_with_failing_allocation(world, 0));
    for (uint64_t n = 1; n <= 40; n++)
        bad += !run_with_failing_allocation(world, n);
    assert_true(bad >= 4); /* the connection, two layers, the dial */
    print_message("# %s: %d failing allocations were noticed\n", rp_loop_ops_name(world->ops), bad);
}

int main(void)
{
    static const struct world_case cases[] = {
        CASE(test_requests),
        CASE(test_times),
        CASE(test_another_scheme_is_another_origin),
        CASE(test_no_allocation_per_request),
        CASE(test_the_connection_ends),
        CASE(test_failures),
        CASE(test_cancel),
        CASE(test_a_scheme_that_is_missing_is_an_error),
        CASE(test_every_failing_allocation),
    };

    return run_worlds(cases, RP_ARRAY_LEN(cases));
}

/* SPDX-License-Identifier: MIT */

/* Failed requests that the client keeps: which, what of them, and that requests which succeed are none. */

#include <stdio.h>

#include "base/alloc.h"
#include "testing.h"

#define BUSY                                                                                       \
    "HTTP/1.1 503 Busy\r\nSet-Cookie: s3cret\r\nServer: \x1b[2J\r\nContent-Length: 9\r\n\r\ntry "  \
    "later"

struct place {
    struct env env;
    struct request request;
    uint64_t iteration;
    int fd;
};

static void place_init(struct place *place, struct world *world, const char *path)
{
    *place = (struct place){ .iteration = 7, .fd = -1 };
    env_init(&place->env, world, (struct rp_http_limits){ 0 });
    rp_http_client_keep_failed(place->env.client, 2);
    rp_http_session_set_iteration(place->env.session, &place->iteration);
    request_init(&place->env, &place->request, "GET", path, NULL);
}

static void place_deinit(struct place *place)
{
    if (place->fd >= 0)
        close(place->fd);
    request_deinit(&place->request);
    env_deinit(&place->env);
}

struct taken {
    int count;
    void (*check)(const struct rp_exchange *exchange);
};

static void take(void *user, const struct rp_exchange *exchange)
{
    struct taken *taken = user;

    taken->count++;
    if (taken->check)
        taken->check(exchange);
}

static int take_all(struct place *place, void (*check)(const struct rp_exchange *exchange))
{
    struct taken taken = { .check = check };

    rp_http_client_take_exchanges(place->env.client, take, &taken);
    return taken.count;
}

#define assert_slice(slice, text) assert_true(rp_slice_eq_str((slice), (text)))

static void check_busy(const struct rp_exchange *exchange)
{
    assert_int_equal(exchange->status, 503);
    assert_int_equal(exchange->error_code, 1503);
    assert_int_equal(exchange->vu, 1);
    assert_int_equal(exchange->iteration, 7);
    assert_true(exchange->is_failed && exchange->wall_ns > 0);
    assert_memory_equal(exchange->remote.ptr, "127.0.0.1:", 10);
    assert_memory_equal(exchange->request_head.ptr, "GET /a?token=***&x=1 HTTP/1.1\n", 30);
    assert_slice(exchange->proto, "HTTP/1.1");
    assert_slice(exchange->scenario, "s");
    assert_slice(
        exchange->response_head,
        "HTTP/1.1 503 Busy\nSet-Cookie: ***\nServer: \xef\xbf\xbd[2J\nContent-Length: 9\n");
    assert_slice(exchange->response_body.text, "try later\n");
    assert_int_equal(exchange->response_body.bytes, 9);
    assert_null(memmem(exchange->name.ptr, exchange->name.len, "abc", 3));
    assert_null(memmem(exchange->url.ptr, exchange->url.len, "abc", 3));
    assert_int_equal(exchange->error.len, 0);
}

static void test_an_answer_that_is_a_failure(struct world *world)
{
    struct place place;

    place_init(&place, world, "/a?token=abc&x=1");
    for (int i = 0; i < 4; i++)
        place.fd = exchange(&place.request, place.fd, BUSY);
    assert_int_equal(take_all(&place, check_busy), 2);
    place.fd = exchange(&place.request, place.fd, BUSY);
    assert_int_equal(take_all(&place, NULL), 0);
    place_deinit(&place);
}

/* The start of a body that nobody wants is there for the exchange, and for nobody else. */
static void test_a_body_that_is_discarded(struct world *world)
{
    struct place place;

    place_init(&place, world, "/a?token=abc&x=1");
    place.request.call.discard_body = true;
    place.fd = exchange(&place.request, place.fd, BUSY);
    assert_int_equal(place.request.response.body.len, 0);
    assert_int_equal(place.request.response.body_bytes, 9);
    place.fd = exchange(&place.request, place.fd, OK_RESPONSE);
    assert_int_equal(place.request.response.body.len, 0);
    assert_int_equal(take_all(&place, check_busy), 1);
    place_deinit(&place);
}

static void test_answers_that_are_expected(struct world *world)
{
    static const uint16_t expected[][2] = { { 503, 503 } };
    struct place place;

    place_init(&place, world, "/");
    place.fd = exchange(&place.request, place.fd, OK_RESPONSE);
    place.fd = exchange(&place.request, place.fd,
                        "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(take_all(&place, NULL), 0);
    place.request.call.template->expected = rp_alloc(sizeof(expected));
    memcpy(place.request.call.template->expected, expected, sizeof(expected));
    place.request.call.template->expected_count = 1;
    place.fd = exchange(&place.request, place.fd, BUSY);
    assert_true(place.request.response.is_expected);
    assert_int_equal(take_all(&place, NULL), 0);
    place.fd = exchange(&place.request, place.fd, OK_RESPONSE); /* it is not expected */
    assert_false(place.request.response.is_expected);
    assert_int_equal(take_all(&place, NULL), 1);
    place_deinit(&place);
}

static void check_refused(const struct rp_exchange *exchange)
{
    assert_int_equal(exchange->status, 0);
    assert_int_equal(exchange->error_code, RP_HTTP_REFUSED);
    assert_slice(exchange->error, "connection refused");
    assert_slice(exchange->remote, "127.0.0.1:1");
    assert_int_equal(exchange->response_head.len, 0);
    assert_memory_equal(exchange->request_head.ptr, "GET / HTTP/1.1\n", 15);
}

static void test_a_connection_that_is_refused(struct world *world)
{
    struct place place;

    place_init(&place, world, "http://127.0.0.1:1/");
    request_start(&place.request);
    request_wait(&place.request, 1);
    assert_int_equal(take_all(&place, check_refused), 1);
    place_deinit(&place);
}

static void check_interrupted(const struct rp_exchange *exchange)
{
    assert_int_equal(exchange->error_code, RP_HTTP_UNFINISHED);
    assert_false(exchange->is_failed); /* the coordinator judges */
    assert_true(exchange->waiting >= 2 * RP_S);
}

static void interrupt_after(struct place *place, rp_ns time)
{
    char text[1024];

    request_start(&place->request);
    place->fd = peer_accept(&place->env);
    peer_take_request(&place->env, place->fd, text, sizeof(text));
    clock_ahead += time;
    look(place->env.world);
    rp_http_interrupt(&place->request.call);
    close(place->fd);
    place->fd = -1;
}

static void test_requests_that_are_interrupted(struct world *world)
{
    struct place place;

    place_init(&place, world, "/");
    clock_stop();
    interrupt_after(&place, RP_MS);
    assert_int_equal(take_all(&place, NULL), 0); /* so soon it has not failed */
    interrupt_after(&place, 2 * RP_S);
    assert_int_equal(take_all(&place, check_interrupted), 1);
    clock_go_on();
    place_deinit(&place);
}

static void test_a_head_without_end(struct world *world)
{
    static char text[60000];
    struct place place;
    size_t len = (size_t)snprintf(text, sizeof(text), "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n");
    struct taken taken = { 0 };

    for (int i = 0; i < 1000; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len,
                                "X-%d: aaaaaaaaaaaaaaaaaaaaaaaaaa\r\n", i);
    snprintf(text + len, sizeof(text) - len, "\r\n");
    place_init(&place, world, "/");
    place.fd = exchange(&place.request, place.fd, text);
    assert_true(place.env.client->failed.count == 1 && place.env.client->failed.bytes < 16384);
    assert_non_null(memmem(rp_exchanges_get(&place.env.client->failed, 0)->response_head.ptr,
                           rp_exchanges_get(&place.env.client->failed, 0)->response_head.len,
                           " more fields)\n", 14));
    rp_http_client_take_exchanges(place.env.client, take, &taken);
    place_deinit(&place);
}

/* Each allocation that is made for it fails once: the request ends as ever. */
static void test_without_memory(struct world *world)
{
    uint64_t made = 0;

    for (uint64_t n = 0; n <= made; n++) {
        struct place place;
        struct rp_http_call *call;
        uint64_t before;

        place_init(&place, world, "/a?token=abc&x=1");
        touch_histograms(&place.env);
        rp_http_client_keep_failed(place.env.client, 0);
        place.fd = exchange(&place.request, place.fd, BUSY);
        rp_http_client_keep_failed(place.env.client, 2);
        call = &place.request.call;
        call->session = place.env.session; /* as at the end of a call */
        before = rp_alloc_count();
        rp_alloc_fail_at(n);
        rp_http_tell_ended(call);
        rp_alloc_fail_at(0);
        if (n == 0)
            made = rp_alloc_count() - before;
        call->session = NULL;
        assert_int_equal(take_all(&place, NULL), n == 0);
        place_deinit(&place);
    }
    assert_true(made > 5);
}

struct shown {
    int count, ends;
    char first[512];
};

static void take_shown(void *user, struct rp_slice text)
{
    struct shown *shown = user;

    if (!shown->count)
        snprintf(shown->first, sizeof(shown->first), "%.*s", RP_SLICE_FMT(text));
    if (text.len)
        shown->count++;
    else
        shown->ends++;
}

static void test_those_that_are_shown(struct world *world)
{
    struct shown shown = { .count = 0 };
    struct place place;

    place_init(&place, world, "/a?token=abc&x=1");
    rp_http_client_show(place.env.client, false);
    for (int i = 0; i < RP_SHOWN_MAX + 10; i++) {
        place.fd = exchange(&place.request, place.fd, i ? OK_RESPONSE : BUSY);
        if (i == 20)
            rp_http_client_take_shown(place.env.client, take_shown, &shown);
    }
    assert_int_equal(shown.count, 21);
    assert_memory_equal(shown.first, "* s, VU 1, iteration 7: http://127.0.0.1:", 41);
    assert_non_null(strstr(shown.first, "\n> GET /a?token=***&x=1 HTTP/1.1\n"));
    assert_non_null(strstr(shown.first, "\n< HTTP/1.1 503 Busy\n"));
    assert_null(strstr(shown.first, "try later"));
    rp_http_client_take_shown(place.env.client, take_shown, &shown);
    rp_http_client_take_shown(place.env.client, take_shown, &shown);
    assert_int_equal(shown.count, RP_SHOWN_MAX);
    assert_int_equal(shown.ends, 1);
    assert_null(place.env.client->trace);
    place_deinit(&place);
}

/* With an allocation that fails one is lost, and the rest is whole. */
static void test_shown_without_memory(struct world *world)
{
    for (uint64_t n = 1; n < 20; n++) {
        struct shown shown = { .count = 0 };
        struct place place;

        place_init(&place, world, "/");
        rp_http_client_keep_failed(place.env.client, 0);
        place.fd = exchange(&place.request, place.fd, OK_RESPONSE);
        rp_http_client_show(place.env.client, true);
        place.request.call.session = place.env.session; /* as at the end of a call */
        rp_alloc_fail_at(n);
        rp_http_tell_ended(&place.request.call);
        rp_alloc_fail_at(0);
        rp_http_tell_ended(&place.request.call);
        place.request.call.session = NULL;
        rp_http_client_take_shown(place.env.client, take_shown, &shown);
        assert_true(shown.count == 1 || shown.count == 2);
        assert_true(n > 2 || shown.count == 1);
        assert_memory_equal(shown.first, "* s, VU 1, iteration 7: http", 28);
        place_deinit(&place);
    }
}

int main(void)
{
    static const struct world_case cases[] = {
        CASE(test_an_answer_that_is_a_failure),
        CASE(test_a_body_that_is_discarded),
        CASE(test_answers_that_are_expected),
        CASE(test_a_connection_that_is_refused),
        CASE(test_requests_that_are_interrupted),
        CASE(test_a_head_without_end),
        CASE(test_without_memory),
        CASE(test_those_that_are_shown),
        CASE(test_shown_without_memory),
    };

    return run_worlds(cases, RP_ARRAY_LEN(cases));
}

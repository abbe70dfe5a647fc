/* SPDX-License-Identifier: MIT */

/* The least rate of a body, by a server that drips. */

#include <stdio.h>

#include "testing.h"

#define HEAD "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
#define SPAN (10 * RP_S)

static const struct rp_http_timeouts timeouts = { .min_rate = 10, .min_rate_time = SPAN };

struct place {
    struct env env;
    struct request request;
    int fd;
};

static void place_init(struct place *place, struct world *world)
{
    char text[1024];

    env_init(&place->env, world, (struct rp_http_limits){ 0 });
    request_init(&place->env, &place->request, "GET", "/", NULL);
    place->request.call.timeout = 3600 * RP_S;
    place->request.call.timeouts = &timeouts;
    clock_stop();
    request_start(&place->request);
    place->fd = peer_accept(&place->env);
    peer_take_request(&place->env, place->fd, text, sizeof(text));
}

static void place_deinit(struct place *place)
{
    clock_go_on();
    request_deinit(&place->request);
    env_deinit(&place->env);
    close(place->fd);
}

/* @len bytes of the body arrive, and then time goes by. */
static void drip(struct place *place, size_t len, rp_ns time)
{
    static const char zeros[1000];
    uint64_t wanted = place->request.response.body_bytes + len;

    peer_write(place->fd, zeros, len);
    while (place->request.response.body_bytes < wanted)
        turn(place->env.world);
    clock_ahead += time;
    look(place->env.world);
}

/* Each span counts for itself, whatever came in the one before. */
static void test_a_body_that_becomes_slow(struct world *world)
{
    struct place place;

    place_init(&place, world);
    clock_ahead += 100 * RP_S; /* of waiting, which is no body */
    look(world);
    assert_int_equal(place.request.done, 0);
    peer_write(place.fd, HEAD, strlen(HEAD));
    drip(&place, 600, SPAN);
    assert_int_equal(place.request.done, 0);
    for (int i = 0; i < 10; i++)
        drip(&place, 10, SPAN / 10);
    assert_int_equal(place.request.done, 0); /* exactly the rate */
    for (int i = 0; i < 9; i++)
        drip(&place, 10, SPAN / 10);
    assert_int_equal(place.request.done, 0);
    drip(&place, 9, SPAN / 10);
    request_wait(&place.request, 1);
    assert_error(&place.request, RP_HTTP_TIMEOUT, "below the minimum rate");
    assert_int_equal(place.request.response.receiving, 3 * SPAN);
    assert_int_equal(place.request.response.waiting, 100 * RP_S);
    place_deinit(&place);
}

static void test_a_body_that_comes_to_its_end(struct world *world)
{
    struct place place;

    place_init(&place, world);
    peer_write(place.fd, HEAD, strlen(HEAD));
    for (int i = 0; i < 9; i++)
        drip(&place, 100, SPAN - 1);
    drip(&place, 99, SPAN / 2);
    peer_write(place.fd, "x", 1);
    request_wait(&place.request, 1);
    assert_int_equal(place.request.response.status, 200);
    place_deinit(&place);
}

int main(void)
{
    static const struct world_case cases[] = {
        CASE(test_a_body_that_becomes_slow),
        CASE(test_a_body_that_comes_to_its_end),
    };

    return run_worlds(cases, RP_ARRAY_LEN(cases));
}

/* SPDX-License-Identifier: MIT */

/* Receive stamps in the phases of a request, by the real clock: an answer is over when it has come, whenever the loop looks
 * at it. Without them it is over when the loop has looked. */

#include <poll.h>
#include <stdlib.h>
#include <time.h>

#include "testing.h"

#define AWAY (5 * RP_MS)
#define HEAD "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n"

/* Of the process under test: bytes have come when they can be read. */
static void wait_until_arrived(const struct request *request)
{
    struct connection *connection = request->call.connection;
    struct pollfd readable = { .fd = connection->stack.bottom.stream.fd, .events = POLLIN };

    assert_int_equal(poll(&readable, 1, 60000), 1);
}

static void stay_away(void)
{
    const struct timespec time = { .tv_nsec = AWAY };

    assert_int_equal(nanosleep(&time, NULL), 0);
}

static rp_ns duration_of(const struct request *request)
{
    const struct rp_http_response *response = &request->response;

    return response->sending + response->waiting + response->receiving;
}

static void test_an_answer_that_nobody_looks_at(struct world *world)
{
    struct request request;
    struct env env;
    char text[512];
    rp_ns came;
    int fd = -1;

    env_init(&env, world, (struct rp_http_limits){ 0 });
    request_init(&env, &request, "GET", "/", NULL);
    for (int i = 1; i <= 5; i++) {
        request_start(&request);
        if (fd < 0)
            fd = peer_accept(&env);
        peer_take_request(&env, fd, text, sizeof(text));
        peer_write(fd, HEAD "answer", sizeof(HEAD "answer") - 1);
        wait_until_arrived(&request);
        came = rp_clock_ns();
        stay_away();
        request_wait(&request, i);
        assert_int_equal(request.response.status, 200);
        if (world->is_stamped)
            assert_true(duration_of(&request) <= came - request.call.began);
        else
            assert_true(duration_of(&request) >= AWAY);
        assert_int_equal(request.response.receiving, 0);
        assert_times(&request);
    }
    request_deinit(&request);
    env_deinit(&env);
    close(fd);
}

/* The first part is looked at, the second one lies there. */
static void test_a_body_that_nobody_looks_at(struct world *world)
{
    struct request request;
    struct env env;
    char text[512];
    rp_ns came;
    int fd;

    env_init(&env, world, (struct rp_http_limits){ 0 });
    request_init(&env, &request, "GET", "/", NULL);
    request_start(&request);
    fd = peer_accept(&env);
    peer_take_request(&env, fd, text, sizeof(text));
    peer_write(fd, HEAD, sizeof(HEAD) - 1);
    while (!((struct connection *)request.call.connection)->first_byte)
        turn(world);
    stay_away();
    peer_write(fd, "answer", 6);
    wait_until_arrived(&request);
    came = rp_clock_ns();
    stay_away();
    request_wait(&request, 1);
    assert_true(request.response.receiving >= AWAY);
    if (world->is_stamped)
        assert_true(duration_of(&request) <= came - request.call.began);
    else
        assert_true(request.response.receiving >= 2 * AWAY);
    assert_times(&request);
    request_deinit(&request);
    env_deinit(&env);
    close(fd);
}

/* The kernel may have the answer before the call that sent the request is over, as the clock is read later. What the kernel
 * took at once was then sent in no time; what it took in parts was sent until the answer came. */
static void test_an_answer_before_the_end_of_sending(struct world *world)
{
    struct request request;
    struct env env;
    char text[512];
    int fd = -1;

    env_init(&env, world, (struct rp_http_limits){ 0 });
    request_init(&env, &request, "GET", "/", NULL);
    for (int i = 0; i < 4; i++) {
        bool in_parts = i % 2;
        struct connection *connection;
        struct rp_traffic *traffic;

        request_start(&request);
        if (fd < 0)
            fd = peer_accept(&env);
        peer_take_request(&env, fd, text, sizeof(text));
        connection = request.call.connection;
        traffic = &connection->stack.bottom.stream.traffic;
        traffic->send_ended += 3600 * RP_S;
        traffic->in_parts = in_parts;
        peer_write(fd, HEAD "answer", sizeof(HEAD "answer") - 1);
        request_wait(&request, i + 1);
        assert_int_equal(request.response.status, 200);
        assert_true(in_parts ? request.response.sending > 0 : request.response.sending == 0);
        assert_true(in_parts ? request.response.waiting == 0 : request.response.waiting > 0);
        assert_times(&request);
    }
    request_deinit(&request);
    env_deinit(&env);
    close(fd);
}

/* What has come on a kept connection before the request began, and is seen only after it was sent. */
static void test_an_answer_before_the_request(struct world *world)
{
    struct request request;
    struct env env;
    int fd;

    env_init(&env, world, (struct rp_http_limits){ 0 });
    request_init(&env, &request, "GET", "/", NULL);
    fd = exchange(&request, -1, HEAD "answer");
    peer_write(fd, HEAD "ANSWER", sizeof(HEAD "ANSWER") - 1);
    stay_away();
    request_start(&request);
    rp_loop_flush(world->loop);
    request_wait(&request, 2);
    assert_int_equal(request.response.status, 200);
    assert_times(&request);
    request_deinit(&request);
    env_deinit(&env);
    close(fd);
}

/* Pieces and looks by chance: each moment is in one phase all the same. */
static void test_phases_never_exceed_the_time(struct world *world)
{
    static const char answer[] = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" HEAD "answer";
    struct request request;
    struct env env;
    char text[512];
    int fd = -1;

    env_init(&env, world, (struct rp_http_limits){ 0 });
    request_init(&env, &request, "GET", "/", NULL);
    for (int i = 1; i <= 200; i++) {
        size_t sent = 0;

        request_start(&request);
        if (fd < 0)
            fd = peer_accept(&env);
        peer_take_request(&env, fd, text, sizeof(text));
        while (sent < sizeof(answer) - 1) {
            size_t part = 1 + (size_t)rand() % (sizeof(answer) - 1 - sent);

            peer_write(fd, answer + sent, part);
            sent += part;
            if (rand() % 2)
                look(world);
        }
        request_wait(&request, i);
        assert_int_equal(request.response.status, 200);
        assert_times(&request);
    }
    request_deinit(&request);
    env_deinit(&env);
    close(fd);
}

int main(void)
{
    static const struct world_case cases[] = {
        CASE(test_an_answer_that_nobody_looks_at),      CASE(test_a_body_that_nobody_looks_at),
        CASE(test_an_answer_before_the_end_of_sending), CASE(test_an_answer_before_the_request),
        CASE(test_phases_never_exceed_the_time),
    };

    return run_stamped_worlds(cases, RP_ARRAY_LEN(cases));
}

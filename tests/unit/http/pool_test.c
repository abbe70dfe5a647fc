/* SPDX-License-Identifier: MIT */

/* Connections that all sessions of a client share. */

#include <errno.h>
#include <stdio.h>

#include "testing.h"
#include "base/alloc.h"

enum { USERS = 6, LIMIT = 2, GONE = 3 };

struct user {
    struct rp_http_session *session;
    struct request request;
};

struct place {
    struct env env;
    struct user users[USERS];
    int order[USERS], ended;
};

static void note_order(struct request *request)
{
    struct place *place = request->user;
    struct user *user = rp_container_of(request, struct user, request);

    place->order[place->ended++] = (int)(user - place->users);
}

static void place_init(struct place *place, struct world *world, struct rp_http_limits limits)
{
    *place = (struct place){ .ended = 0 };
    limits.shared_connections = LIMIT;
    env_init(&place->env, world, limits);
    for (int i = 0; i < USERS; i++) {
        struct user *user = &place->users[i];

        assert_int_equal(rp_http_session_new(place->env.client, i + 1, &user->session), 0);
        request_init(&place->env, &user->request, "GET", "/", NULL);
        user->request.user = place;
        user->request.then = note_order;
    }
}

static void free_user(struct user *user)
{
    rp_http_session_free(user->session);
    user->session = NULL;
    request_deinit(&user->request);
}

/* The pool and its connections go with the last user. */
static void place_deinit(struct place *place)
{
    for (int i = 0; i < USERS; i++)
        if (place->users[i].session)
            free_user(&place->users[i]);
    env_deinit(&place->env);
}

static void start(struct user *user)
{
    rp_http_start(user->session, &user->request.call);
}

static uint64_t open_connections(struct place *place)
{
    return rp_http_client_counters(place->env.client)->open_connections;
}

/* More users than connections: they wait in the order in which they have asked, and that is blocked. */
static void test_users_wait_in_order(struct world *world)
{
    struct place place;
    int fds[LIMIT];

    place_init(&place, world, (struct rp_http_limits){ .connections_per_host = 1 });
    clock_stop();
    for (int i = 0; i < USERS; i++)
        start(&place.users[i]);
    for (int i = 0; i < LIMIT; i++)
        fds[i] = peer_accept(&place.env);
    rp_http_cancel(&place.users[GONE].request.call, false);
    clock_ahead += RP_S;
    for (int i = 0; i < USERS - 1; i++) {
        peer_answer(&place.env, fds[i % LIMIT], OK_RESPONSE);
        turn_until(world, &place.ended, i + 1);
    }
    clock_go_on();
    assert_false(peer_is_waiting(&place.env));
    assert_int_equal(open_connections(&place), LIMIT);
    for (int i = 0; i < USERS - 1; i++) {
        struct request *request;

        assert_int_equal(place.order[i], i < GONE ? i : i + 1);
        request = &place.users[place.order[i]].request;
        assert_int_equal(request->response.status, 200);
        if (i < LIMIT)
            continue;
        assert_int_equal(request->response.blocked, RP_S);
        assert_int_equal(request->response.connecting, 0);
        assert_int_equal(request->response.waiting + request->response.sending, 0);
    }
    place_deinit(&place);
    close(fds[0]);
    close(fds[1]);
}

/* The next user takes the connection that was used last. */
static void test_an_idle_connection_serves_anyone(struct world *world)
{
    struct place place;
    int fds[LIMIT];

    place_init(&place, world, (struct rp_http_limits){ 0 });
    for (int i = 0; i < LIMIT; i++)
        start(&place.users[i]);
    for (int i = 0; i < LIMIT; i++)
        fds[i] = peer_accept(&place.env);
    peer_answer(&place.env, fds[1], OK_RESPONSE);
    turn_until(world, &place.ended, 1);
    peer_answer(&place.env, fds[0], OK_RESPONSE);
    turn_until(world, &place.ended, 2);
    free_user(&place.users[0]); /* its connection stays */
    assert_int_equal(open_connections(&place), LIMIT);
    start(&place.users[4]);
    peer_answer(&place.env, fds[0], OK_RESPONSE);
    turn_until(world, &place.ended, 3);
    start(&place.users[5]);
    start(&place.users[4]);
    peer_answer(&place.env, fds[0], OK_RESPONSE);
    peer_answer(&place.env, fds[1], OK_RESPONSE);
    turn_until(world, &place.ended, 5);
    assert_false(peer_is_waiting(&place.env));
    place_deinit(&place);
    close(fds[0]);
    close(fds[1]);
}

/* Each host has the limit for itself. */
static void test_hosts_have_limits_of_their_own(struct world *world)
{
    struct request others[LIMIT + 1];
    struct place place;
    char url[64];
    int fds[2 * LIMIT];

    snprintf(url, sizeof(url), "http://localhost:%d/", ntohs(world->addr.sin_port));
    place_init(&place, world, (struct rp_http_limits){ 0 });
    for (int i = 0; i < LIMIT + 1; i++) {
        request_init(&place.env, &others[i], "GET", url, NULL);
        start(&place.users[i]);
        request_start(&others[i]);
    }
    for (int i = 0; i < 2 * LIMIT; i++)
        fds[i] = peer_accept(&place.env);
    for (int i = 0; i < 5; i++)
        look(world);
    assert_false(peer_is_waiting(&place.env));
    for (int i = 0; i < 2 * LIMIT; i++)
        peer_answer(&place.env, fds[i],
                    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    for (int i = 0; i < 2; i++) { /* a closed connection makes room for who waits */
        int fd = peer_accept(&place.env);

        peer_answer(&place.env, fd, OK_RESPONSE);
        close(fd);
    }
    turn_until(world, &place.ended, LIMIT + 1);
    for (int i = 0; i < LIMIT + 1; i++) {
        request_wait(&others[i], 1);
        request_deinit(&others[i]);
    }
    for (int i = 0; i < 2 * LIMIT; i++)
        close(fds[i]);
    place_deinit(&place);
}

/* Users that go: one that waits, one whose request is under way, one whose connection is being opened. Those of
 * the others stay, and get what has become free. */
static void test_users_that_go(struct world *world)
{
    struct place place;
    int fds[3];

    place_init(&place, world, (struct rp_http_limits){ 0 });
    start(&place.users[0]);
    fds[0] = peer_accept(&place.env);
    start(&place.users[1]);
    start(&place.users[2]);
    start(&place.users[3]);
    free_user(&place.users[2]); /* it waits */
    free_user(
        &place
             .users[1]); /* its connection is being opened: the next one that waits opens another */
    fds[1] = peer_accept(&place.env);
    start(&place.users[4]);
    free_user(&place.users[0]); /* under way: its connection is closed */
    peer_answer(&place.env, fds[1], OK_RESPONSE);
    turn_until(world, &place.ended, 1);
    fds[2] = peer_accept(&place.env);
    peer_answer(&place.env, fds[2], OK_RESPONSE);
    turn_until(world, &place.ended, 2);
    assert_int_equal(place.order[0], 3);
    assert_int_equal(place.order[1], 4);
    place_deinit(&place);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
}

/* Of two connections one is busy, and the server has ended the other one while nobody looked. */
static void test_nothing_is_posted_on_a_connection_that_is_over(struct world *world)
{
    struct request post;
    struct place place;
    int busy, over, fd;

    place_init(&place, world, (struct rp_http_limits){ 0 });
    request_init(&place.env, &post, "POST", "/", "x");
    start(&place.users[0]);
    busy = peer_accept(&place.env);
    start(&place.users[1]);
    over = peer_accept(&place.env);
    peer_answer(&place.env, over, OK_RESPONSE);
    turn_until(world, &place.ended, 1);
    assert_int_equal(shutdown(over, SHUT_WR), 0);
    clock_ahead += 2 * RP_MS;
    rp_http_start(place.users[2].session, &post.call);
    fd = peer_accept(&place.env);
    peer_answer(&place.env, fd, OK_RESPONSE);
    request_wait(&post, 1);
    assert_int_equal(post.response.status, 200);
    assert_int_equal(peer_read_end(world, over), 0); /* without a byte before it */
    assert_int_equal(rp_http_client_counters(place.env.client)->retried, 0);
    peer_answer(&place.env, busy, OK_RESPONSE);
    turn_until(world, &place.ended, 2);
    request_deinit(&post);
    place_deinit(&place);
    close(busy);
    close(over);
    close(fd);
}

static void test_cookies_stay_with_their_user(struct world *world)
{
    struct place place;
    char text[1024];
    int fd;

    place_init(&place, world, (struct rp_http_limits){ 0 });
    for (int i = 0; i < 2; i++)
        rp_http_session_take_cookies(place.users[i].session, NULL);
    start(&place.users[0]);
    fd = peer_accept(&place.env);
    peer_answer(&place.env, fd,
                "HTTP/1.1 200 OK\r\nSet-Cookie: session=first\r\nContent-Length: 0\r\n\r\n");
    turn_until(world, &place.ended, 1);
    for (int i = 1; i < 3; i++) { /* one with a jar, one without */
        start(&place.users[i]);
        peer_take_request(&place.env, fd, text, sizeof(text));
        assert_null(strstr(text, "Cookie"));
        assert_int_equal(write(fd, OK_RESPONSE, strlen(OK_RESPONSE)), (ssize_t)strlen(OK_RESPONSE));
        turn_until(world, &place.ended, i + 1);
    }
    start(&place.users[0]);
    peer_take_request(&place.env, fd, text, sizeof(text));
    assert_non_null(strstr(text, "Cookie: session=first\r\n"));
    assert_int_equal(write(fd, OK_RESPONSE, strlen(OK_RESPONSE)), (ssize_t)strlen(OK_RESPONSE));
    turn_until(world, &place.ended, 4);
    place_deinit(&place);
    close(fd);
}

/* A user may go before its failure is told. */
static void test_no_memory(struct world *world)
{
    struct place place;

    place_init(&place, world, (struct rp_http_limits){ 0 });
    for (int i = 0; i < 3; i++) {
        rp_alloc_fail_at(1); /* the connection's */
        start(&place.users[i]);
        rp_alloc_fail_at(0);
    }
    free_user(&place.users[1]);
    turn_until(world, &place.ended, 2);
    assert_error(&place.users[0].request, RP_HTTP_GENERIC, "out of memory");
    assert_error(&place.users[2].request, RP_HTTP_GENERIC, "out of memory");
    place_deinit(&place);
    for (uint64_t n = 1; n <= 2; n++) { /* of the session, of the pool */
        struct rp_http_limits limits = { .shared_connections = 1 };
        struct rp_http_client *client;
        struct rp_http_session *session;

        assert_int_equal(rp_http_client_new(world->loop, NULL, limits, &client), 0);
        rp_alloc_fail_at(n);
        assert_int_equal(rp_http_session_new(client, 1, &session), -ENOMEM);
        rp_alloc_fail_at(0);
        rp_http_client_free(client);
    }
}

int main(void)
{
    static const struct world_case cases[] = {
        CASE(test_users_wait_in_order),
        CASE(test_an_idle_connection_serves_anyone),
        CASE(test_hosts_have_limits_of_their_own),
        CASE(test_users_that_go),
        CASE(test_nothing_is_posted_on_a_connection_that_is_over),
        CASE(test_cookies_stay_with_their_user),
        CASE(test_no_memory),
    };

    return run_worlds(cases, RP_ARRAY_LEN(cases));
}

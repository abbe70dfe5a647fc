/* SPDX-License-Identifier: MIT */

/* Requests of one user that go to all addresses of a host in turn. */

#include <arpa/inet.h>
#include <stdio.h>

#include "../net/dns_server.h"
#include "http/http_internal.h"
#include "net/net_internal.h"
#include "testing.h"

enum { PEERS = 32, ROOM = 4096 };
enum { HEADERS = 1, SETTINGS = 4, END_STREAM = 1, ACK = 1, END_HEADERS = 4 };

/* One connection of a server that gives every request an empty answer. */
struct peer {
    int fd;
    int listener; /* 0 or 1 */
    bool has_begun;
    size_t len;
    uint8_t in[ROOM];
};

struct place {
    struct env env;
    struct dns_server dns;
    int listeners[2]; /* of 127.0.0.1 and 127.0.0.2, with the same port; -1 = it is stopped */
    uint16_t port;    /* theirs, in the order of the network */
    struct peer peers[PEERS];
    int peer_count;
    int requests[2]; /* that have come to them */
    rp_ns retry_after;
    bool is_mute; /* the first one closes what it has accepted, and says nothing */
};

static void say(int fd, uint8_t kind, uint8_t flags, const uint8_t *stream, const char *payload,
                size_t len)
{
    char frame[16] = { 0, 0, (char)len, (char)kind, (char)flags };

    if (stream)
        memcpy(frame + 5, stream, 4);
    if (len)
        memcpy(frame + 9, payload, len);
    (void)!send(fd, frame, 9 + len, MSG_NOSIGNAL);
}

static void take_frames(struct place *place, struct peer *peer)
{
    size_t at = 0;

    if (!peer->has_begun && peer->len >= 24) {
        say(peer->fd, SETTINGS, 0, NULL, NULL, 0);
        peer->has_begun = true;
        at = 24;
    }
    while (peer->has_begun && peer->len - at >= 9) {
        const uint8_t *frame = peer->in + at;
        size_t len = 9 + ((size_t)frame[1] << 8 | frame[2]);

        if (peer->len - at < len)
            break;
        if (frame[3] == SETTINGS && !(frame[4] & ACK))
            say(peer->fd, SETTINGS, ACK, NULL, NULL, 0);
        if (frame[3] == HEADERS) {
            place->requests[peer->listener]++;
            say(peer->fd, HEADERS, END_HEADERS | END_STREAM, frame + 5, "\x88", 1);
        }
        at += len;
    }
    peer->len -= at;
    memmove(peer->in, peer->in + at, peer->len);
}

static void serve(struct place *place)
{
    for (int i = 0; i < 2; i++) {
        int fd = accept4(place->listeners[i], NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd < 0)
            continue;
        if (i == 0 && place->is_mute) {
            close(fd);
            continue;
        }
        assert_true(place->peer_count < PEERS);
        place->peers[place->peer_count++] = (struct peer){ .fd = fd, .listener = i };
    }
    for (int i = 0; i < place->peer_count; i++) {
        struct peer *peer = &place->peers[i];
        ssize_t n = peer->fd < 0
                        ? 0
                        : recv(peer->fd, peer->in + peer->len, ROOM - peer->len, MSG_DONTWAIT);

        if (n <= 0)
            continue;
        peer->len += (size_t)n;
        take_frames(place, peer);
    }
}

static int listen_at(const char *address, uint16_t *port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = *port };
    socklen_t len = sizeof(addr);

    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)), 0);
    assert_int_equal(inet_pton(AF_INET, address, &addr.sin_addr), 1);
    if (bind(fd, (struct sockaddr *)&addr, len) < 0 || listen(fd, 16) < 0) {
        close(fd);
        return -1;
    }
    assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
    *port = addr.sin_port;
    return fd;
}

static void place_init(struct place *place, struct world *world)
{
    struct rp_resolver_options options = { .timeout_ms = 60000, .tries = 1 };

    *place = (struct place){ .listeners = { -1, -1 } };
    for (int tries = 0; place->listeners[1] < 0; tries++) { /* somebody may have the port there */
        uint16_t port = 0;

        assert_true(tries < 20);
        if (tries)
            close(place->listeners[0]);
        place->listeners[0] = listen_at("127.0.0.1", &port);
        place->listeners[1] = listen_at("127.0.0.2", &port);
        place->port = port;
        place->env.world = world;
    }
    env_init(&place->env, world, (struct rp_http_limits){ 0 });
    rp_http_client_set_h2(place->env.client, RP_HTTP_H2_ALWAYS);
    dns_server_start(&place->dns, world->loop);
    options.servers = place->dns.csv;
    rp_resolver_free(place->env.client->dialler.resolver);
    assert_int_equal(
        rp_resolver_new_with(world->loop, &options, &place->env.client->dialler.resolver), 0);
}

static void place_deinit(struct place *place)
{
    env_deinit(&place->env);
    dns_server_stop(&place->dns);
    for (int i = 0; i < place->peer_count; i++)
        if (place->peers[i].fd >= 0)
            close(place->peers[i].fd);
    for (int i = 0; i < 2; i++)
        if (place->listeners[i] >= 0)
            close(place->listeners[i]);
}

static void stop(struct place *place, int listener)
{
    for (int i = 0; i < place->peer_count; i++) {
        struct peer *peer = &place->peers[i];

        if (peer->listener != listener || peer->fd < 0)
            continue;
        close(peer->fd);
        peer->fd = -1;
    }
    close(place->listeners[listener]);
    place->listeners[listener] = -1;
    for (int i = 0; i < 3; i++) /* the ends of the connections are seen */
        assert_int_equal(rp_loop_turn(place->env.world->loop, rp_clock_ns() + RP_MS), 0);
}

static void start_again(struct place *place, int listener)
{
    uint16_t port = place->port;

    place->listeners[listener] = listen_at(listener ? "127.0.0.2" : "127.0.0.1", &port);
    assert_true(place->listeners[listener] >= 0);
}

/* One after the other, each to its end. @code: how they end, or 0. */
static void make_requests_that(struct place *place, bool is_balanced, int count, int code)
{
    rp_ns limit = rp_clock_ns() + 60 * RP_S;
    struct request request;
    char url[64];

    snprintf(url, sizeof(url), "http://two.test:%d/", ntohs(place->port));
    request_init(&place->env, &request, "GET", url, NULL);
    request.call.template->is_balanced = is_balanced;
    if (place->retry_after)
        request.call.template->origin->destination.avoid_for = place->retry_after;
    for (int i = 1; i <= count; i++) {
        request_start(&request);
        while (request.done < i) {
            assert_true(rp_clock_ns() < limit);
            assert_int_equal(rp_loop_turn(place->env.world->loop, rp_clock_ns() + RP_MS / 10), 0);
            serve(place);
        }
        assert_int_equal(request.response.error_code, code);
        assert_int_equal(request.response.status, code ? 0 : 200);
    }
    request_deinit(&request);
}

static void make_requests(struct place *place, bool is_balanced, int count)
{
    make_requests_that(place, is_balanced, count, 0);
}

static int open_peers(struct place *place)
{
    char byte;
    int open = 0;

    serve(place);
    for (int i = 0; i < place->peer_count; i++)
        if (place->peers[i].fd >= 0 &&
            recv(place->peers[i].fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) != 0)
            open++;
    return open;
}

static void test_requests_take_the_addresses_in_turn(struct world *world)
{
    static struct place place;

    place_init(&place, world);
    make_requests(&place, true, 6);
    assert_int_equal(place.requests[0], 3);
    assert_int_equal(place.requests[1], 3);
    assert_int_equal(place.peer_count, 2);
    place_deinit(&place);
}

static void test_other_requests_stay_with_one_connection(struct world *world)
{
    static struct place place;

    place_init(&place, world);
    make_requests(&place, false, 6);
    assert_int_equal(place.requests[0] + place.requests[1], 6);
    assert_int_equal(place.requests[0] * place.requests[1], 0);
    assert_int_equal(place.peer_count, 1);
    place_deinit(&place);
}

/* @select: which address a dial tries first, where nothing else says so. */
static void check_select(struct world *world, enum rp_dial_select select)
{
    static struct place place;

    place_init(&place, world);
    place.env.client->dialler.select = select;
    make_requests(&place, true, 6);
    assert_int_equal(place.requests[0], 3);
    assert_int_equal(place.requests[1], 3);
    assert_int_equal(open_peers(&place), 2);
    place_deinit(&place);
}

static void test_all_addresses_whatever_dials_select(struct world *world)
{
    check_select(world, RP_DIAL_FIRST);
    check_select(world, RP_DIAL_IN_TURN);
    check_select(world, RP_DIAL_AT_RANDOM);
}

static void test_a_server_that_is_started_again(struct world *world)
{
    rp_ns limit = rp_clock_ns() + 60 * RP_S;
    static struct place place;
    int before;

    for (int down = 0; down < 2; down++) {
        place_init(&place, world);
        place.retry_after = RP_MS;
        make_requests(&place, true, 4);
        stop(&place, down);
        before = place.requests[!down];
        make_requests(&place, true, 40); /* none fails */
        assert_int_equal(place.requests[!down], before + 40);
        start_again(&place, down);
        for (before = place.requests[down]; place.requests[down] == before;) {
            assert_true(rp_clock_ns() < limit);
            make_requests(&place, true, 1);
        }
        place.requests[0] = place.requests[1] = 0;
        make_requests(&place, true, 6);
        assert_int_equal(place.requests[0], 3);
        assert_int_equal(place.requests[1], 3);
        assert_int_equal(open_peers(&place), 2);
        place_deinit(&place);
    }
}

static void test_a_server_that_is_down_from_the_beginning(struct world *world)
{
    rp_ns limit = rp_clock_ns() + 60 * RP_S;
    static struct place place;

    place_init(&place, world);
    place.retry_after = RP_MS;
    stop(&place, 0);
    make_requests(&place, true, 5);
    assert_int_equal(place.requests[1], 5);
    assert_int_equal(open_peers(&place), 1);
    start_again(&place, 0);
    while (!place.requests[0]) {
        assert_true(rp_clock_ns() < limit);
        make_requests(&place, true, 1);
    }
    place_deinit(&place);
}

/* It is left alone meanwhile. */
static void test_how_often_it_is_tried(struct world *world)
{
    static struct place place;

    place_init(&place, world);
    place.retry_after = 3600 * RP_S;
    stop(&place, 0);
    make_requests(&place, true, 5);
    start_again(&place, 0);
    make_requests(&place, true, 20);
    assert_int_equal(place.requests[0], 0);
    assert_int_equal(place.requests[1], 25);
    assert_int_equal(place.peer_count, 1);
    place_deinit(&place);
}

static void test_requests_fail_when_no_server_is_up(struct world *world)
{
    rp_ns limit = rp_clock_ns() + 60 * RP_S;
    static struct place place;

    place_init(&place, world);
    place.retry_after = RP_MS;
    make_requests(&place, true, 4);
    stop(&place, 0);
    stop(&place, 1);
    make_requests_that(&place, true, 3, RP_HTTP_REFUSED);
    start_again(&place, 0);
    place.requests[0] = place.requests[1] = 0;
    make_requests(&place, true, 4);
    assert_int_equal(place.requests[0], 4);
    start_again(&place, 1);
    while (!place.requests[1]) {
        assert_true(rp_clock_ns() < limit);
        make_requests(&place, true, 1);
    }
    place_deinit(&place);
}

static void test_a_server_that_does_not_speak(struct world *world)
{
    static struct place place;

    place_init(&place, world);
    place.is_mute = true;
    place.retry_after = RP_MS;
    make_requests(&place, true, 40);
    assert_int_equal(place.requests[0], 0);
    assert_int_equal(place.requests[1], 40);
    assert_int_equal(open_peers(&place), 1);
    place_deinit(&place);
}

int main(void)
{
    static const struct world_case cases[] = {
        CASE(test_requests_take_the_addresses_in_turn),
        CASE(test_other_requests_stay_with_one_connection),
        CASE(test_all_addresses_whatever_dials_select),
        CASE(test_a_server_that_is_started_again),
        CASE(test_a_server_that_is_down_from_the_beginning),
        CASE(test_how_often_it_is_tried),
        CASE(test_requests_fail_when_no_server_is_up),
        CASE(test_a_server_that_does_not_speak),
    };

    return run_worlds(cases, RP_ARRAY_LEN(cases));
}

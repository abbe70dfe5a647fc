/* SPDX-License-Identifier: MIT */

/* Opening connections: through which phases, for how long, and what each way of failing is called.
 */

#include <poll.h>

#include "dial_place.h"

/* ---- it opens ---- */

static void test_it_opens(struct world *world)
{
    static const char *const hosts[] = { "127.0.0.1", "one.test", "localhost" };
    struct place place;

    place_init(&place, world);
    for (size_t i = 0; i < RP_ARRAY_LEN(hosts); i++) {
        int fd;

        start_here(&place, hosts[i], NULL);
        fd = accept_one(&place, world->listener);
        turn_until(world, &place.done, 1);
        assert_false(place.has_failed);
        assert_int_equal(place.times.looking_up > 0, i == 1);
        assert_true(place.times.connecting > 0);
        assert_int_equal(place.times.handshaking, 0);
        assert_true(place.times.looking_up + place.times.connecting <= rp_clock_ns() - place.began);
        peer_write(fd, "hello", 5);
        turn_until_bytes(world, &place.received, 5);
        assert_memory_equal(place.bytes, "hello", 5);
        close(fd);
        turn_until(world, &place.ended, (int)i + 1);
        assert_int_equal(place.done, 1);
    }
    place_deinit(&place);
}

/* What time a layer takes is the layer's, by its kind; the socket's is before it. */
static void test_times_of_layers(struct world *world)
{
    struct xor_server server;
    struct place place;
    rp_ns connected;

    place_init(&place, world);
    start_here(&place, "one.test", two_layers);
    server_init(&server, &place, 2);
    xor_take_hello(&server, 1);
    connected = rp_clock_ns();
    pass(&place, 100 * RP_S);
    xor_write(&server, 0, "Y", 1);
    xor_take_hello(&server, 1);
    xor_write(&server, 0, "Y", 1);
    xor_take_hello(&server, 2);
    pass(&place, 1000 * RP_S);
    xor_write(&server, 1, "Y", 1);
    xor_take_hello(&server, 2);
    pass(&place, 1000 * RP_S);
    xor_write(&server, 1, "Y", 1);
    turn_until(world, &place.done, 1);
    assert_false(place.has_failed);
    assert_true(place.times.looking_up > 0 && place.times.looking_up < 100 * RP_S);
    assert_true(place.times.connecting > 100 * RP_S && place.times.connecting < 200 * RP_S);
    assert_true(place.times.handshaking > 2000 * RP_S && place.times.handshaking < 2100 * RP_S);
    assert_true(place.stack.bottom.transport.opened <= connected);
    assert_true(place.stack.top->below->opened > connected + 100 * RP_S);
    assert_true(place.stack.top->opened > connected + 2100 * RP_S);
    assert_int_equal(place.stack.top->traffic->sent, server.read);
    assert_int_equal(server.read, ROUNDS * XOR_HELLO + ROUNDS * xor_size(XOR_HELLO));
    assert_int_equal(place.stack.top->traffic->received, server.written);
    xor_write(&server, 2, "hello", 5);
    turn_until_bytes(world, &place.received, 5);
    assert_memory_equal(place.bytes, "hello", 5);
    place_deinit(&place);
    close(server.fd);
}

/* ---- it fails ---- */

static void test_failures(struct world *world)
{
    uint16_t port = closed_port();
    struct place place;

    place_init(&place, world);
    assert_int_equal(start(&place, "127.0.0.1", port, one_layer), 0);
    expect_failure(&place, RP_NET_REFUSED, "");
    assert_true(place.times.connecting > 0 && place.times.handshaking == 0);
    assert_int_equal(start(&place, "missing.test", port, NULL), 0);
    expect_failure(&place, RP_NET_HOST_NOT_FOUND, "missing.test");
    assert_true(place.times.looking_up > 0 && place.times.connecting == 0);
    place.destination.failures = 0;
    assert_int_equal(start(&place, "fail.test", port, NULL), 0);
    turn_until(world, &place.done, 1);
    assert_true(place.has_failed && place.reason == RP_NET_LOOKUP_FAILED);
    assert_memory_equal(place.detail, "the name server ", 16); /* failed, or cannot be reached */
    place_deinit(&place);
}

static void test_a_handshake_fails(struct world *world)
{
    struct xor_server server;
    struct place place;

    place_init(&place, world);
    for (unsigned depth = 1; depth <= 2; depth++) {
        start_here(&place, "127.0.0.1", depth == 1 ? one_layer : two_layers);
        server_init(&server, &place, depth);
        for (unsigned i = 0; depth == 2 && i < ROUNDS; i++) {
            xor_take_hello(&server, 1);
            xor_write(&server, 0, "Y", 1);
        }
        xor_take_hello(&server, depth);
        pass(&place, 1000 * RP_S);
        xor_refuse(&server, depth, "you are not known here");
        expect_failure(&place, RP_NET_HANDSHAKE_FAILED, "you are not known here");
        assert_true(place.times.handshaking >= 1000 * RP_S && place.times.connecting < 1000 * RP_S);
        close(server.fd);
    }
    start_here(&place, "127.0.0.1", one_layer);
    server_init(&server, &place, 1);
    xor_take_hello(&server, 1);
    xor_write(&server, 0, "N\050cut", 5);
    close(server.fd);
    expect_failure(&place, RP_NET_HANDSHAKE_FAILED, "the server closed the connection");
    place.destination.failures = 0;
    start_here(&place, "127.0.0.1", one_layer);
    server_init(&server, &place, 1);
    xor_take_hello(&server, 1);
    peer_reset(server.fd);
    expect_failure(&place, RP_NET_RESET, "");
    assert_true(place.times.handshaking > 0);
    assert_int_equal(place.destination.failures, 1);
    place_deinit(&place);
}

/* ---- several addresses ---- */

static int listen_at(uint32_t address, uint16_t port)
{
    struct sockaddr_in addr = { .sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(address),
                                .sin_port = htons(port) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
    assert_int_equal(listen(fd, 4), 0);
    return fd;
}

/* Whichever of the two addresses of the name is the first one. */
static void test_the_next_address(struct world *world)
{
    uint16_t port = closed_port();
    struct place place;

    for (uint32_t last = 1; last <= 2; last++) {
        int listener = listen_at(0x7f000000 + last, port), fd;

        place_init(&place, world);
        assert_int_equal(start(&place, "two.test", port, NULL), 0);
        fd = accept_one(&place, listener);
        turn_until(world, &place.done, 1);
        assert_false(place.has_failed);
        assert_int_equal(place.destination.failures, 0);
        place_deinit(&place);
        close(fd);
        close(listener);
    }
    place_init(&place, world);
    assert_int_equal(start(&place, "two.test", port, NULL), 0);
    expect_failure(&place, RP_NET_REFUSED, "");
    assert_int_equal(place.destination.failures, 1);
    place_deinit(&place);
}

/* A server that could be reached and said no would say it at its other addresses too. */
static void test_a_failed_handshake_is_final(struct world *world)
{
    uint16_t port = closed_port();
    int listeners[] = { listen_at(0x7f000001, port), listen_at(0x7f000002, port) };
    struct pollfd waits[2];
    struct xor_server server = { .world = world, .depth = 1 };
    struct place place;
    int first;

    for (int i = 0; i < 2; i++)
        waits[i] = (struct pollfd){ .fd = listeners[i], .events = POLLIN };
    place_init(&place, world);
    assert_int_equal(start(&place, "two.test", port, one_layer), 0);
    while (poll(waits, 2, 0) == 0)
        assert_int_equal(rp_loop_turn(world->loop, rp_clock_ns() + RP_MS), 0);
    first = waits[0].revents ? 0 : 1;
    server.fd = accept_one(&place, listeners[first]);
    xor_take_hello(&server, 1);
    xor_refuse(&server, 1, "no");
    expect_failure(&place, RP_NET_HANDSHAKE_FAILED, "no");
    for (int i = 0; i < 5; i++)
        look(world);
    assert_int_equal(poll(waits, 2, 0), 0);
    place_deinit(&place);
    close(server.fd);
    close(listeners[0]);
    close(listeners[1]);
}

/* ---- back-off and meanings ---- */

static void test_back_off(struct world *world)
{
    static const int waits_ms[] = { 0, 0, 10, 20, 40, 80, 100, 100 };
    uint16_t port = closed_port();
    struct place place;
    int fd;

    place_init(&place, world);
    for (size_t i = 0; i < RP_ARRAY_LEN(waits_ms); i++) {
        rp_ns wait = waits_ms[i] * RP_MS, last = place.destination.last;

        assert_int_equal(place.destination.failures, i);
        assert_int_equal(start(&place, "127.0.0.1", port, NULL), 0);
        turn_until(world, &place.done, 1);
        assert_true(place.destination.last - last >= wait);
        assert_int_equal(place.times.looking_up, 0);
        /* Waiting is no connecting. */
        assert_true(place.times.connecting <= place.destination.last - last - wait);
    }
    start_here(&place, "127.0.0.1", NULL);
    fd = accept_one(&place, world->listener);
    turn_until(world, &place.done, 1);
    assert_false(place.has_failed);
    assert_int_equal(place.destination.failures, 0);
    place_deinit(&place);
    close(fd);
}

static void test_what_errors_mean(struct world *world)
{
    static const struct {
        int status;
        enum rp_net_reason connect, end;
        bool has_detail, end_has_detail;
    } cases[] = {
        { -ECONNREFUSED, RP_NET_REFUSED, RP_NET_BROKE, false, true },
        { -ETIMEDOUT, RP_NET_CONNECT_TIMEOUT, RP_NET_BROKE, false, true },
        { -ECONNRESET, RP_NET_RESET, RP_NET_RESET, false, false },
        { -EPIPE, RP_NET_CONNECT_FAILED, RP_NET_RESET, true, false },
        { -EMFILE, RP_NET_NO_DESCRIPTORS, RP_NET_BROKE, false, true },
        { -ENFILE, RP_NET_NO_DESCRIPTORS, RP_NET_BROKE, false, true },
        { -EADDRNOTAVAIL, RP_NET_NO_PORTS, RP_NET_BROKE, false, true },
        { -EHOSTUNREACH, RP_NET_UNREACHABLE, RP_NET_BROKE, true, true },
        { -ENETUNREACH, RP_NET_UNREACHABLE, RP_NET_BROKE, true, true },
        { -EACCES, RP_NET_CONNECT_FAILED, RP_NET_BROKE, true, true },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct rp_net_failure connect = rp_net_connect_failure(cases[i].status);
        struct rp_net_failure end = rp_net_break(cases[i].status);

        assert_int_equal(connect.reason, cases[i].connect);
        assert_int_equal(end.reason, cases[i].end);
        assert_int_equal(connect.detail != NULL, cases[i].has_detail);
        assert_int_equal(end.detail != NULL, cases[i].end_has_detail);
        if (connect.detail)
            assert_string_equal(connect.detail, strerror(-cases[i].status));
    }
    for (int reason = 0; reason < RP_NET_REASON_COUNT; reason++)
        assert_true(strlen(rp_net_reason_text(reason)) > 4);
}

int main(void)
{
    static const struct world_case cases[] = {
        CASE(test_it_opens),         CASE(test_times_of_layers),
        CASE(test_failures),         CASE(test_a_handshake_fails),
        CASE(test_the_next_address), CASE(test_a_failed_handshake_is_final),
        CASE(test_back_off),         CASE(test_what_errors_mean),
    };

    return run_worlds(cases, RP_ARRAY_LEN(cases));
}

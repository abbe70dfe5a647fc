/* SPDX-License-Identifier: MIT */

/* Dials to a host with several addresses: RFC 8305. two.test is 127.0.0.1 and 127.0.0.2. */

#include <poll.h>
#include <sys/resource.h>

#include "dial_place.h"

struct hole { /* an address that swallows what is sent to it: its queue is full */
    int listener, filler;
};

static int listen_at(uint32_t last, uint16_t port, int backlog)
{
    struct sockaddr_in addr = { .sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(0x7f000000 + last),
                                .sin_port = htons(port) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
    assert_int_equal(listen(fd, backlog), 0);
    return fd;
}

static struct hole make_hole(uint32_t last, uint16_t port)
{
    struct hole hole = { listen_at(last, port, 0), socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) };
    struct sockaddr_in addr;
    socklen_t len = sizeof(addr);

    assert_int_equal(getsockname(hole.listener, (struct sockaddr *)&addr, &len), 0);
    assert_int_equal(connect(hole.filler, (struct sockaddr *)&addr, sizeof(addr)), 0);
    return hole;
}

static void close_hole(struct hole *hole)
{
    close(hole->listener);
    close(hole->filler);
}

/* Waits for the real clock: the delay between two attempts is a timer of the loop. */
static void open_one(struct place *place, uint16_t port, int listener)
{
    int fd;

    assert_int_equal(start(place, "two.test", port, NULL), 0);
    fd = accept_one(place, listener);
    turn_until(place->world, &place->done, 1);
    assert_false(place->has_failed);
    assert_int_equal(place->destination.failures, 0);
    peer_write(fd, "hello", 5);
    turn_until_bytes(place->world, &place->received, 5);
    close(fd);
}

static void test_an_address_that_swallows_everything(struct world *world)
{
    uint16_t port = closed_port();
    struct hole hole = make_hole(2, port);
    int listener = listen_at(1, port, 4);
    unsigned slow = 0;

    for (unsigned spread = 0; spread < 2; spread++) {
        struct place place;

        place_init(&place, world);
        place.spread = spread; /* with one of the two the dial begins with the hole */
        open_one(&place, port, listener);
        assert_int_equal(place.destination.family, AF_INET);
        slow += place.times.connecting >= RP_ATTEMPT_DELAY;
        if (place.destination.avoided_count) {
            assert_true(place.times.connecting >= RP_ATTEMPT_DELAY);
            open_one(&place, port, listener);
            assert_int_equal(place.destination.avoided_count, 1); /* nobody has tried it again */
        }
        place_deinit(&place);
    }
    assert_true(slow >= 1);
    close(listener);
    close_hole(&hole);
}

static void test_load_goes_to_all_addresses(struct world *world)
{
    uint16_t port = closed_port();
    int listeners[] = { listen_at(1, port, 16), listen_at(2, port, 16) };
    struct place place;

    place_init(&place, world);
    for (unsigned user = 0; user < 10; user++) {
        place.spread = user;
        assert_int_equal(start(&place, "two.test", port, NULL), 0);
        turn_until(world, &place.done, 1);
        assert_false(place.has_failed);
    }
    for (int i = 0; i < 2; i++) {
        for (int n = 0; n < 5; n++)
            close(accept_one(&place, listeners[i]));
        assert_int_equal(poll(&(struct pollfd){ .fd = listeners[i], .events = POLLIN }, 1, 0), 0);
        close(listeners[i]);
    }
    place_deinit(&place);
}

static struct rp_address address_of(uint32_t last)
{
    struct rp_address address = { .len = sizeof(address.v4) };

    address.v4.sin_family = AF_INET;
    address.v4.sin_addr.s_addr = htonl(0x7f000000 + last);
    return address;
}

/* Whatever the dialler selects; and who asks is told where the connection leads. */
static void test_the_address_that_is_aimed_at(struct world *world)
{
    uint16_t port = closed_port();
    int listeners[] = { listen_at(1, port, 16), listen_at(2, port, 16) };
    const struct rp_address aims[] = { address_of(1), address_of(2) };
    struct place place;

    place_init(&place, world);
    place.dialler.select = RP_DIAL_FIRST;
    for (int user = 0; user < 10; user++) {
        place.aim = &aims[user % 2];
        assert_int_equal(start(&place, "two.test", port, NULL), 0);
        turn_until(world, &place.done, 1);
        assert_false(place.has_failed);
        assert_true(rp_address_is(&place.peer, place.aim));
        close(accept_one(&place, listeners[user % 2]));
    }
    assert_int_equal(place.destination.known_count, 2);
    close(listeners[1]);
    for (int tries = 0; tries < 2; tries++) { /* another one in its place */
        assert_int_equal(start(&place, "two.test", port, NULL), 0);
        turn_until(world, &place.done, 1);
        assert_false(place.has_failed);
        assert_true(rp_address_is(&place.peer, &aims[0]));
        close(accept_one(&place, listeners[0]));
    }
    close(listeners[0]);
    assert_int_equal(start(&place, "two.test", port, NULL), 0);
    turn_until(world, &place.done, 1);
    assert_true(place.has_failed);
    assert_int_equal(place.peer.len, 0);
    place_deinit(&place);
}

/* Whichever of both families is the first, nobody listens at it. */
static void test_the_other_family(struct world *world)
{
    uint16_t port = closed_port();
    int listener = listen_at(3, port, 4);
    struct place place;

    place_init(&place, world);
    assert_int_equal(start(&place, "both.test", port, one_layer), 0);
    close(accept_one(&place, listener));
    turn_until(world, &place.done, 1);
    assert_true(place.has_failed && place.reason == RP_NET_HANDSHAKE_FAILED);
    assert_int_equal(place.peer.len, sizeof(place.peer.v4)); /* it was reached */
    assert_int_equal(place.destination.family, AF_INET);
    assert_int_equal(place.destination.failures, 1);
    place_deinit(&place);
    close(listener);
}

static void test_an_end_while_all_are_tried(struct world *world)
{
    uint16_t port = closed_port();
    struct hole holes[] = { make_hole(1, port), make_hole(2, port) };
    int before = dup(world->listener), after;
    struct place place;

    close(before);
    for (int cancel = 0; cancel < 2; cancel++) {
        place_init(&place, world);
        assert_int_equal(start(&place, "two.test", port, NULL), 0);
        while (place.dial->phase != RP_DIAL_OPENING || place.dial->race.under_way < 2)
            turn(world);
        assert_int_equal(place.done, 0);
        if (cancel) {
            rp_dial_cancel(place.dial);
            place.dial = NULL;
        } else {
            clock_ahead += LIMIT;
            expect_failure(&place, RP_NET_CONNECT_TIMEOUT, "");
            assert_true(place.times.connecting >= LIMIT);
        }
        clock_ahead += 2 * LIMIT;
        look(world);
        place_deinit(&place);
    }
    after = dup(world->listener); /* the sockets are closed */
    close(after);
    assert_int_equal(after, before);
    close_hole(&holes[0]);
    close_hole(&holes[1]);
}

static int lowest_free_descriptor(const struct world *world)
{
    int fd = dup(world->listener);

    close(fd);
    return fd;
}

/* What this machine lacks is no fault of the addresses. */
static void test_no_descriptors(struct world *world)
{
    uint16_t port = closed_port();
    int listener = listen_at(1, port, 4), other = listen_at(2, port, 4);
    struct rlimit before, none;
    struct place place;

    place_init(&place, world);
    assert_int_equal(start(&place, "two.test", port, NULL), 0);
    turn_until(world, &place.done, 1); /* the name is known from here on */
    assert_false(place.has_failed);
    assert_int_equal(start(&place, "two.test", port, NULL), 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){ (rlim_t)lowest_free_descriptor(world), before.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    expect_failure(&place, RP_NET_NO_DESCRIPTORS, "");
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(place.destination.avoided_count, 0);
    place_deinit(&place);
    close(listener);
    close(other);
}

static void test_a_layer_fails_before_it_takes_the_socket(struct world *world)
{
    static const struct xor_kind broken = { { xor_make }, ROUNDS, false, -ENOMEM };
    static const struct rp_layer *const layers[] = { &broken.layer, NULL };
    uint16_t port = closed_port();
    int listener = listen_at(1, port, 4), other = listen_at(2, port, 4), before;
    struct place place;

    place_init(&place, world);
    assert_int_equal(start(&place, "two.test", port, NULL), 0);
    turn_until(world, &place.done, 1); /* the name is known from here on */
    assert_false(place.has_failed);
    rp_stack_deinit(&place.stack);
    before = lowest_free_descriptor(world);
    assert_int_equal(start(&place, "two.test", port, layers), 0);
    expect_failure(&place, RP_NET_CONNECT_FAILED, "Cannot allocate memory");
    assert_int_equal(lowest_free_descriptor(world), before);
    place_deinit(&place);
    close(listener);
    close(other);
}

int main(void)
{
    static const struct world_case cases[] = {
        CASE(test_an_address_that_swallows_everything),
        CASE(test_load_goes_to_all_addresses),
        CASE(test_the_address_that_is_aimed_at),
        CASE(test_the_other_family),
        CASE(test_an_end_while_all_are_tried),
        CASE(test_no_descriptors),
        CASE(test_a_layer_fails_before_it_takes_the_socket),
    };

    return run_worlds(cases, RP_ARRAY_LEN(cases));
}

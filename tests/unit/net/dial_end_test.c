/* SPDX-License-Identifier: MIT */

/* A dial that is ended from outside in each of its phases, and one that lacks descriptors or
 * memory. */

#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/un.h>

#include "base/alloc.h"
#include "dial_place.h"

enum where { WAITING, LOOKING_UP, CONNECTING, SHAKING, PLACES };

struct stuck { /* a dial that goes no further */
    struct place place;
    struct xor_server server;
    int full, filler;
};

static void stick(struct stuck *stuck, struct world *world, enum where where)
{
    struct place *place = &stuck->place;
    struct sockaddr_in addr;

    stuck->full = make_listener(&addr);
    stuck->filler = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    stuck->server.fd = -1;
    place_init(place, world);
    if (where == WAITING) {
        place->destination = (struct rp_destination){ .failures = 9,
                                                      .last = rp_clock_ns() + 2 * LIMIT };
        start_here(place, "127.0.0.1", one_layer);
    } else if (where == LOOKING_UP) {
        start_here(place, "silent.test", one_layer);
    } else if (where == CONNECTING) { /* a listener whose queue is full */
        assert_int_equal(listen(stuck->full, 0), 0);
        assert_int_equal(connect(stuck->filler, (struct sockaddr *)&addr, sizeof(addr)), 0);
        assert_int_equal(start(place, "127.0.0.1", ntohs(addr.sin_port), one_layer), 0);
    } else {
        start_here(place, "127.0.0.1", one_layer);
        server_init(&stuck->server, place, 1);
        xor_take_hello(&stuck->server, 1);
    }
    while (place->dial->phase < (where < SHAKING ? (enum rp_dial_phase)where : RP_DIAL_OPENING))
        turn(world);
    look(world);
    assert_int_equal(place->done, 0);
}

static void unstick(struct stuck *stuck)
{
    place_deinit(&stuck->place);
    close(stuck->full);
    close(stuck->filler);
    if (stuck->server.fd >= 0)
        close(stuck->server.fd);
}

static void test_time_limits(struct world *world)
{
    static const enum rp_net_reason reasons[PLACES] = {
        [WAITING] = RP_NET_CONNECT_TIMEOUT,
        [LOOKING_UP] = RP_NET_LOOKUP_TIMEOUT,
        [CONNECTING] = RP_NET_CONNECT_TIMEOUT,
        [SHAKING] = RP_NET_HANDSHAKE_TIMEOUT,
    };
    struct stuck stuck;

    for (int where = 0; where < PLACES; where++) {
        struct place *place = &stuck.place;
        unsigned failures;

        stick(&stuck, world, where);
        failures = place->destination.failures;
        clock_ahead += LIMIT;
        expect_failure(place, reasons[where], "");
        assert_int_equal(place->destination.failures, failures);
        assert_int_equal(place->times.looking_up >= LIMIT / 2, where == LOOKING_UP);
        assert_int_equal(place->times.connecting >= LIMIT / 2, where == CONNECTING);
        assert_int_equal(place->times.handshaking >= LIMIT / 2, where == SHAKING);
        unstick(&stuck);
    }
}

static void test_cancel(struct world *world)
{
    struct stuck stuck;

    for (int where = 0; where < PLACES; where++) {
        struct rp_dial_times times;

        stick(&stuck, world, where);
        times = rp_dial_times(stuck.place.dial, rp_clock_ns() + LIMIT);
        assert_int_equal(times.looking_up >= LIMIT, where == LOOKING_UP);
        assert_int_equal(times.connecting >= LIMIT, where == CONNECTING);
        assert_int_equal(times.handshaking >= LIMIT, where == SHAKING);
        rp_dial_cancel(stuck.place.dial);
        stuck.place.dial = NULL;
        if (where == SHAKING)
            assert_int_equal(peer_read_end(world, stuck.server.fd), -ECONNRESET);
        clock_ahead += 3 * LIMIT;
        for (int i = 0; i < 5; i++)
            look(world);
        assert_int_equal(stuck.place.done, 0);
        unstick(&stuck);
    }
}

/* ---- want ---- */

static void test_no_descriptors(struct world *world)
{
    struct rlimit before, none;
    struct place place;
    int next;

    place_init(&place, world);
    start_here(&place, "127.0.0.1", NULL);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    next = dup(world->listener);
    close(next);
    none = (struct rlimit){ (rlim_t)next, before.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    expect_failure(&place, RP_NET_NO_DESCRIPTORS, "");
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(place.dialler.no_descriptors, 1);
    assert_int_equal(place.dialler.no_ports, 0);
    place_deinit(&place);
}

/* Returns whether it opened. */
static bool open_with_failing_allocation(struct world *world, uint64_t fail_at)
{
    struct place place;
    struct xor_server server;
    bool is_open = false;
    int r;

    place_init(&place, world);
    rp_alloc_fail_at(fail_at);
    r = start(&place, "one.test", ntohs(world->addr.sin_port), two_layers);
    assert_true(r == 0 || r == -ENOMEM);
    assert_int_equal(place.dial != NULL, r == 0);
    while (r == 0 && !place.done && !rp_stream_is_open(&place.stack.bottom.stream))
        turn(world);
    if (r == 0 && !place.done) {
        server_init(&server, &place, 2);
        xor_handshake(&server, ROUNDS);
        turn_until(world, &place.done, 1);
        close(server.fd);
    }
    rp_alloc_fail_at(0);
    if (r == 0 && place.has_failed)
        assert_true(place.reason == RP_NET_LOOKUP_FAILED || place.reason == RP_NET_CONNECT_FAILED ||
                    place.reason == RP_NET_HOST_NOT_FOUND);
    else
        is_open = r == 0;
    place_deinit(&place);
    return is_open;
}

static void test_every_failing_allocation(struct world *world)
{
    int bad = 0;

    assert_true(open_with_failing_allocation(world, 0));
    for (uint64_t n = 1; n <= 40; n++)
        bad += !open_with_failing_allocation(world, n);
    assert_true(bad >= 4); /* two layers, the dial, the name */
    assert_true(open_with_failing_allocation(world, 1000));
    print_message("# %s: %d failing allocations were noticed\n", rp_loop_ops_name(world->ops), bad);
}

/* A socket of this machine, and addresses to come from: neither leaves anything behind. */
static void test_every_failing_allocation_of_other_ways(struct world *world)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), opened = 0;

    snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/rampa-dial-%d", (int)getpid());
    unlink(address.sun_path);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(listener, 64), 0);
    for (int way = 0; way < 2; way++)
        for (uint64_t n = 1; n <= 12; n++) {
            struct place place;
            int r;

            place_init(&place, world);
            place.unix_path = way == 0 ? address.sun_path : NULL;
            rp_alloc_fail_at(n);
            r = way == 0 ? 0
                         : rp_local_ips_parse(&place.dialler.sources, "127.0.0.1-127.0.0.40", NULL);
            if (r == 0)
                r = start(&place, "127.0.0.1", ntohs(world->addr.sin_port), NULL);
            assert_true(r == 0 || r == -ENOMEM);
            if (r == 0)
                turn_until(world, &place.done, 1);
            rp_alloc_fail_at(0);
            opened += r == 0 && !place.has_failed;
            place_deinit(&place);
        }
    assert_true(opened >= 8 && opened < 24);
    close(listener);
    unlink(address.sun_path);
}

static void test_local_ips_without_the_family_of_the_server(struct world *world)
{
    struct place place;

    place_init(&place, world);
    assert_int_equal(rp_local_ips_parse(&place.dialler.sources, "::1", NULL), 0);
    start_here(&place, "127.0.0.1", NULL);
    expect_failure(&place, RP_NET_NO_SOURCE, "IPv4");
    /* Of several addresses the others are tried. */
    start_here(&place, "127.0.0.1,[::1]", NULL);
    expect_failure(&place, RP_NET_REFUSED, "");
    place_deinit(&place);
}

static void test_networks_that_are_not_allowed(struct world *world)
{
    struct place place;

    place_init(&place, world);
    assert_int_equal(rp_networks_parse(&place.dialler.networks, "127.0.0.2,::1", NULL), 0);
    start_here(&place, "127.0.0.1", NULL);
    expect_failure(&place, RP_NET_NOT_ALLOWED, "");
    /* Of several addresses those that are allowed are tried. */
    start_here(&place, "127.0.0.1,[::1]", NULL);
    expect_failure(&place, RP_NET_REFUSED, "");
    place_deinit(&place);
}

int main(void)
{
    static const struct world_case cases[] = {
        CASE(test_time_limits),
        CASE(test_cancel),
        CASE(test_no_descriptors),
        CASE(test_every_failing_allocation),
        CASE(test_every_failing_allocation_of_other_ways),
        CASE(test_local_ips_without_the_family_of_the_server),
        CASE(test_networks_that_are_not_allowed),
    };

    return run_worlds(cases, RP_ARRAY_LEN(cases));
}

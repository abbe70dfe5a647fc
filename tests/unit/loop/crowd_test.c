/* SPDX-License-Identifier: MIT */

/*
 * Many streams, much data, and streams that change while others' events are being delivered.
 */

#include "harness.h"

#include <fcntl.h>
#include <sys/resource.h>

/* ---- big transfers both ways ---- */

enum { BIG = 24 << 20 };

struct transfer {
    struct probe probe;
    int done;
    bool mismatch;
    uint32_t expected; /* state of the generator of the received bytes */
};

static char next_byte(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (char)(*state >> 24);
}

static void compare(struct probe *probe, const char *data, size_t len)
{
    struct transfer *t = rp_container_of(probe, struct transfer, probe);

    for (size_t i = 0; i < len; i++)
        t->mismatch |= data[i] != next_byte(&t->expected);
    if (probe->received == BIG)
        t->done++;
}

static void transfers_much_both_ways_at_once(struct world *world)
{
    struct transfer ends[2];
    char *bytes = malloc(BIG);
    uint32_t state = 7;
    bool was_partial = false;
    int peer;

    assert_non_null(bytes);
    for (size_t i = 0; i < BIG; i++)
        bytes[i] = next_byte(&state);
    for (int i = 0; i < 2; i++) {
        ends[i] = (struct transfer){ .expected = 7 };
        probe_init(world, &ends[i].probe);
        ends[i].probe.react = compare;
    }
    peer = probe_connect_pair(world, &ends[0].probe);
    assert_int_equal(fcntl(peer, F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(rp_stream_adopt(world->loop, &ends[1].probe.stream, peer), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(
            rp_stream_send(&ends[i].probe.stream, bytes, BIG / 3, bytes + BIG / 3, BIG - BIG / 3),
            0);
    while (!ends[0].done || !ends[1].done) {
        turn(world);
        for (int i = 0; i < 2; i++)
            was_partial |= ends[i].probe.stream.traffic.send_began &&
                           !ends[i].probe.stream.traffic.send_ended;
    }
    assert_true(was_partial);
    for (int i = 0; i < 2; i++) {
        assert_false(ends[i].mismatch);
        assert_int_equal(ends[i].probe.received, BIG);
        assert_true(ends[i].probe.stream.traffic.send_ended >
                    ends[i].probe.stream.traffic.send_began);
        rp_stream_close(&ends[i].probe.stream, false);
    }
    free(bytes);
}

static void a_flood_does_not_starve_the_others(struct world *world)
{
    struct probe flood, other;
    char block[65536] = { 0 };
    size_t put = 0;
    ssize_t n;
    int size = 1 << 20, flooder, peer;

    probe_init(world, &flood);
    probe_init(world, &other);
    flooder = probe_adopt_pair(world, &flood);
    peer = probe_adopt_pair(world, &other);
    assert_int_equal(setsockopt(flooder, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
    while ((n = send(flooder, block, sizeof(block), 0)) > 0)
        put += (size_t)n;
    assert_true(put > 2 * sizeof(block));
    peer_write(peer, "x", 1);
    look(world);
    look(world);
    assert_int_equal(other.received, 1);
    turn_until_bytes(world, &flood.received, put);
    assert_int_equal(flood.received, put);
    look(world);
    assert_int_equal(flood.received, put);
    rp_stream_close(&flood.stream, false);
    rp_stream_close(&other.stream, false);
    close(flooder);
    close(peer);
}

/* More bytes at once than the shared buffers of io_uring hold at first. */
static void receives_from_many_at_once(struct world *world)
{
    enum { MANY = 300, EACH = 100000 };
    struct probe *probes = calloc(MANY, sizeof(*probes));
    char *bytes = malloc(EACH);
    int peers[MANY];

    assert_non_null(probes);
    assert_non_null(bytes);
    memset(bytes, 'y', EACH);
    for (int i = 0; i < MANY; i++) {
        probe_init(world, &probes[i]);
        peers[i] = probe_adopt_pair(world, &probes[i]);
        peer_write(peers[i], bytes, EACH);
    }
    for (int i = 0; i < MANY; i++) {
        turn_until_bytes(world, &probes[i].received, EACH);
        assert_int_equal(probes[i].received, EACH);
        assert_memory_equal(probes[i].bytes, bytes, sizeof(probes[i].bytes));
    }
    for (int i = 0; i < MANY; i++) { /* and again, after the shortage */
        peer_write(peers[i], "z", 1);
        close(peers[i]);
    }
    for (int i = 0; i < MANY; i++) {
        turn_until(world, &probes[i].ended, 1);
        assert_int_equal(probes[i].received, EACH + 1);
        assert_int_equal(probes[i].end_status, 0);
    }
    free(bytes);
    free(probes);
}

/* ---- an echo server on the same loop, a thousand connections ---- */

enum { CLIENTS = 1000, ROUNDS = 3 };

struct echo {
    struct probe probe;
    char bytes[16];
};

struct server {
    struct rp_watch watch;
    struct world *world;
    struct echo *echoes;
    int count, most, pongs;
};

static void echo_back(struct probe *probe, const char *data, size_t len)
{
    struct echo *echo = rp_container_of(probe, struct echo, probe);

    assert_true(len <= sizeof(echo->bytes));
    memcpy(echo->bytes, data, len);
    assert_int_equal(rp_stream_send(&probe->stream, echo->bytes, len, NULL, 0), 0);
}

static void on_acceptable(struct rp_watch *watch, unsigned ready)
{
    struct server *server = rp_container_of(watch, struct server, watch);
    int fd;

    assert_int_equal(ready, RP_READABLE);
    while (server->count < server->most &&
           (fd = accept4(watch->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct echo *echo = &server->echoes[server->count++];

        probe_init(server->world, &echo->probe);
        echo->probe.react = echo_back;
        assert_int_equal(rp_stream_adopt(server->world->loop, &echo->probe.stream, fd), 0);
    }
}

static void ping(struct probe *probe)
{
    assert_int_equal(rp_stream_send(&probe->stream, "pi", 2, "ng", 2), 0);
}

static void on_pong(struct probe *probe, const char *data, size_t len)
{
    struct server *server = probe->user;

    if (probe->received % 4 != 0)
        return;
    server->pongs++;
    if (probe->received < 4 * ROUNDS)
        ping(probe);
    else
        rp_stream_close(&probe->stream, server->pongs % 2);
}

static void serves_a_thousand_connections(struct world *world)
{
    struct server server = { .world = world, .most = CLIENTS };
    struct probe *clients = calloc(CLIENTS, sizeof(*clients));

    server.echoes = calloc(CLIENTS, sizeof(*server.echoes));
    assert_non_null(clients);
    assert_non_null(server.echoes);
    assert_int_equal(fcntl(world->listener, F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(
        rp_watch_start(world->loop, &server.watch, world->listener, RP_READABLE, on_acceptable), 0);
    for (int i = 0; i < CLIENTS; i++) {
        probe_init(world, &clients[i]);
        clients[i].user = &server;
        clients[i].on_connected = ping;
        clients[i].react = on_pong;
        probe_connect(world, &clients[i]);
    }
    turn_until(world, &server.pongs, CLIENTS * ROUNDS);
    for (int i = 0; i < CLIENTS; i++) {
        assert_int_equal(clients[i].connect_status, 0);
        assert_memory_equal(clients[i].bytes, "pingpingping", 12);
        turn_until(world, &server.echoes[i].probe.ended, 1);
    }
    rp_watch_stop(&server.watch);
    free(server.echoes);
    free(clients);
}

static void reports_that_descriptors_have_run_out(struct world *world)
{
    enum { MOST = 64 };
    struct rlimit old, low;
    struct probe probes[MOST], late;
    int n = 0, r = 0, lowest = dup(0);

    close(lowest);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    low = old;
    low.rlim_cur = (rlim_t)lowest + 20;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    while (n < MOST && r == 0) {
        probe_init(world, &probes[n]);
        r = rp_stream_connect(world->loop, &probes[n].stream, (struct sockaddr *)&world->addr,
                              sizeof(world->addr), NULL, 0);
        n += r == 0;
    }
    for (int i = 0; i < n; i++)
        rp_stream_close(&probes[i].stream, true);
    probe_init(world, &late);
    probe_connect(world, &late); /* there is room again at once */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    turn_until(world, &late.connected, 1);
    rp_stream_close(&late.stream, true);
    assert_int_equal(r, -EMFILE);
    assert_in_range(n, 10, 20);
    assert_false(rp_stream_is_open(&probes[n].stream));
    assert_int_equal(probes[n].connected, 0);
}

/* ---- changes from inside a callback ---- */

enum { MEMBERS = 24 };

struct group {
    struct world *world;
    struct probe *members[MEMBERS];
    struct probe *heirs[MEMBERS]; /* streams that take over the descriptors' numbers and tokens */
    int peers[MEMBERS], heir_peers[MEMBERS];
    int calls;
};

/* The first to be called closes and frees all others, whose events are already there, and puts new ones in place. */
static void purge(struct probe *probe, const char *data, size_t len)
{
    struct group *group = probe->user;

    group->calls++;
    for (int i = 0; i < MEMBERS; i++) {
        if (group->members[i] == probe)
            continue;
        rp_stream_close(&group->members[i]->stream, i % 2);
        memset(group->members[i], 0x5a, sizeof(*probe));
        free(group->members[i]);
        group->members[i] = NULL;
    }
    for (int i = 0; i < MEMBERS; i++) {
        group->heirs[i] = malloc(sizeof(struct probe));
        assert_non_null(group->heirs[i]);
        probe_init(group->world, group->heirs[i]);
        group->heir_peers[i] = probe_adopt_pair(group->world, group->heirs[i]);
    }
}

static void events_of_a_freed_stream_go_nowhere(struct world *world)
{
    struct group group = { .world = world };

    for (int i = 0; i < MEMBERS; i++) {
        group.members[i] = malloc(sizeof(struct probe));
        assert_non_null(group.members[i]);
        probe_init(world, group.members[i]);
        group.members[i]->react = purge;
        group.members[i]->user = &group;
        group.peers[i] = probe_connect_pair(world, group.members[i]);
    }
    for (int i = 0; i < MEMBERS; i++)
        peer_write(group.peers[i], "x", 1);
    turn_until(world, &group.calls, 1);
    for (int i = 0; i < 3; i++)
        look(world);
    assert_int_equal(group.calls, 1);
    for (int i = 0; i < MEMBERS; i++) {
        assert_int_equal(group.heirs[i]->data_calls + group.heirs[i]->ended, 0);
        peer_write(group.heir_peers[i], "own", 3);
    }
    for (int i = 0; i < MEMBERS; i++) {
        turn_until(world, &group.heirs[i]->data_calls, 1);
        assert_int_equal(group.heirs[i]->received, 3);
        rp_stream_close(&group.heirs[i]->stream, false);
        free(group.heirs[i]);
        if (group.members[i])
            rp_stream_close(&group.members[i]->stream, false);
        free(group.members[i]);
        close(group.heir_peers[i]);
        close(group.peers[i]);
    }
}

/* A stream that is closed before the kernel has heard of it must not take the bytes of the next one with its number. */
static void a_new_stream_gets_the_bytes_of_its_own_descriptor(struct world *world)
{
    struct probe first, second;
    int fds[2], peer, number;

    probe_init(world, &first);
    probe_init(world, &second);
    peer = probe_adopt_pair(world, &first);
    number = first.stream.fd;
    rp_stream_close(&first.stream, false);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(fds[0], number);
    peer_write(fds[1], "mine", 4);
    assert_int_equal(rp_stream_adopt(world->loop, &second.stream, fds[0]), 0);
    turn_until_bytes(world, &second.received, 4);
    assert_memory_equal(second.bytes, "mine", 4);
    rp_stream_close(&second.stream, false);
    close(fds[1]);
    close(peer);
}

static void close_self(struct probe *probe, const char *data, size_t len)
{
    int *freed = probe->user;

    rp_stream_close(&probe->stream, false);
    memset(probe, 0x5a, sizeof(*probe));
    free(probe);
    (*freed)++;
}

static void a_stream_may_be_freed_in_its_own_callback(struct world *world)
{
    struct probe *probe = malloc(sizeof(*probe));
    int freed = 0, peer;

    assert_non_null(probe);
    probe_init(world, probe);
    probe->react = close_self;
    probe->user = &freed;
    peer = probe_connect_pair(world, probe);
    for (int i = 0; i < 20; i++)
        peer_write(peer, "0123456789", 10);
    shutdown(peer, SHUT_WR);
    turn_until(world, &freed, 1);
    look(world);
    close(peer);
}

static void reconnect(struct probe *probe)
{
    int *rounds = probe->user;

    probe->connected = probe->ended = 0;
    if (++*rounds < 50)
        probe_connect(probe->world, probe);
}

static void drop(struct rp_watch *watch, unsigned ready)
{
    int fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC);

    if (fd >= 0)
        close(fd);
}

/* One stream object for fifty connections, each made in the end of the one before. */
static void a_stream_may_be_connected_again_when_it_ends(struct world *world)
{
    struct rp_watch watch = { 0 };
    struct probe probe;
    int rounds = 0;

    assert_int_equal(fcntl(world->listener, F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(rp_watch_start(world->loop, &watch, world->listener, RP_READABLE, drop), 0);
    probe_init(world, &probe);
    probe.on_ended = reconnect;
    probe.user = &rounds;
    probe_connect(world, &probe);
    turn_until(world, &rounds, 50);
    rp_watch_stop(&watch);
}

int main(void)
{
    static const struct world_case cases[] = {
        CASE(transfers_much_both_ways_at_once),
        CASE(a_flood_does_not_starve_the_others),
        CASE(receives_from_many_at_once),
        CASE(serves_a_thousand_connections),
        CASE(reports_that_descriptors_have_run_out),
        CASE(events_of_a_freed_stream_go_nowhere),
        CASE(a_new_stream_gets_the_bytes_of_its_own_descriptor),
        CASE(a_stream_may_be_freed_in_its_own_callback),
        CASE(a_stream_may_be_connected_again_when_it_ends),
    };

    return run_stamped_worlds(cases, RP_ARRAY_LEN(cases));
}

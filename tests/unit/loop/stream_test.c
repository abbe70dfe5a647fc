/* SPDX-License-Identifier: MIT */

/*
 * Streams over real sockets, the same for every back-end: connecting, receiving, sending, ending.
 */

#include "harness.h"

#include <arpa/inet.h>
#include <sys/ioctl.h>
#include <netinet/tcp.h>

#include "base/alloc.h"

/* ---- connecting ---- */

static void connects_with_no_delay_and_closes_with_fin(struct world *world)
{
    struct probe probe;
    int peer, on = 0;
    socklen_t len = sizeof(on);

    probe_init(world, &probe);
    assert_false(rp_stream_is_open(&probe.stream));
    peer = probe_connect_pair(world, &probe);
    assert_int_equal(getsockopt(probe.stream.fd, IPPROTO_TCP, TCP_NODELAY, &on, &len), 0);
    assert_int_equal(on, 1);
    rp_stream_close(&probe.stream, false);
    assert_false(rp_stream_is_open(&probe.stream));
    rp_stream_close(&probe.stream, false); /* no-op */
    assert_int_equal(peer_read_end(world, peer), 0);
    close(peer);
    look(world);
    assert_int_equal(probe.ended, 0);
}

static void aborts_with_rst(struct world *world)
{
    struct probe probe;
    int peer;

    probe_init(world, &probe);
    peer = probe_connect_pair(world, &probe);
    rp_stream_close(&probe.stream, true);
    assert_int_equal(peer_read_end(world, peer), -ECONNRESET);
    close(peer);
}

static void reports_a_refused_connect(struct world *world)
{
    struct probe probe;

    close(world->listener);
    probe_init(world, &probe);
    probe_connect(world, &probe);
    turn_until(world, &probe.connected, 1);
    assert_int_equal(probe.connect_status, -ECONNREFUSED);
    world->listener = make_listener(&world->addr);
    probe.connected = 0; /* the same object can be used again */
    close(probe_connect_pair(world, &probe));
    turn_until(world, &probe.ended, 1);
}

static void returns_what_the_kernel_refuses_at_once(struct world *world)
{
    struct sockaddr_in elsewhere = { .sin_family = AF_INET,
                                     .sin_addr.s_addr = inet_addr("192.0.2.1") };
    struct sockaddr nonsense = { .sa_family = 999 };
    struct probe probe;

    probe_init(world, &probe);
    assert_int_equal(rp_stream_connect(world->loop, &probe.stream, (struct sockaddr *)&world->addr,
                                       sizeof(world->addr), (struct sockaddr *)&elsewhere,
                                       sizeof(elsewhere)),
                     -EADDRNOTAVAIL);
    assert_int_equal(
        rp_stream_connect(world->loop, &probe.stream, &nonsense, sizeof(nonsense), NULL, 0),
        -EAFNOSUPPORT);
    look(world);
    assert_int_equal(probe.connected, 0);
}

static void binds_the_source_address(struct world *world)
{
    struct sockaddr_in source = { .sin_family = AF_INET,
                                  .sin_addr.s_addr = inet_addr("127.0.0.5") };
    struct sockaddr_in from;
    socklen_t len = sizeof(from);
    struct probe probe;
    int peer;

    probe_init(world, &probe);
    assert_int_equal(rp_stream_connect(world->loop, &probe.stream, (struct sockaddr *)&world->addr,
                                       sizeof(world->addr), (struct sockaddr *)&source,
                                       sizeof(source)),
                     0);
    peer = accept(world->listener, (struct sockaddr *)&from, &len);
    assert_true(peer >= 0);
    assert_int_equal(from.sin_addr.s_addr, source.sin_addr.s_addr);
    turn_until(world, &probe.connected, 1);
    rp_stream_close(&probe.stream, false);
    close(peer);
}

static void close_when_connected(struct probe *probe)
{
    rp_stream_close(&probe->stream, false);
}

static void may_be_closed_while_connecting_and_in_connected(struct world *world)
{
    struct probe early, late;

    probe_init(world, &early);
    probe_init(world, &late);
    late.on_connected = close_when_connected;
    probe_connect(world, &early);
    probe_connect(world, &late);
    rp_stream_close(&early.stream, false);
    turn_until(world, &late.connected, 1);
    look(world);
    assert_int_equal(early.connected + early.ended + late.ended, 0);
    assert_int_equal(rp_stream_send(&late.stream, "x", 1, NULL, 0), -ENOTCONN);
}

/* ---- receiving ---- */

static void delivers_bytes_that_came_with_the_connection(struct world *world)
{
    struct probe probe;
    int peer;

    probe_init(world, &probe);
    probe_connect(world, &probe);
    peer = accept(world->listener, NULL, NULL); /* before the loop has looked */
    peer_write(peer, "banner", 6);
    close(peer);
    turn_until(world, &probe.ended, 1);
    assert_int_equal(probe.connected, 1);
    assert_int_equal(probe.end_status, 0);
    assert_int_equal(probe.received, 6);
    assert_memory_equal(probe.bytes, "banner", 6);
}

static void delivers_what_came_before_the_end(struct world *world)
{
    struct probe probe;
    int peer;

    probe_init(world, &probe);
    peer = probe_connect_pair(world, &probe);
    peer_write(peer, "last words", 10);
    shutdown(peer, SHUT_WR);
    turn_until(world, &probe.ended, 1);
    assert_int_equal(probe.end_status, 0);
    assert_int_equal(probe.received, 10);
    assert_int_equal(peer_read_end(world, peer), 0);
    close(peer);
}

static void sees_an_end_that_comes_alone(struct world *world)
{
    struct probe probe;
    int peer;

    probe_init(world, &probe);
    peer = probe_connect_pair(world, &probe);
    peer_write(peer, "1", 1);
    turn_until(world, &probe.data_calls, 1);
    peer_write(peer, "2", 1);
    turn_until(world, &probe.data_calls, 2);
    close(peer);
    turn_until(world, &probe.ended, 1);
    assert_int_equal(probe.end_status, 0);
}

static void reports_a_reset_after_the_bytes_before_it(struct world *world)
{
    struct probe probe;
    int peer;

    probe_init(world, &probe);
    peer = probe_connect_pair(world, &probe);
    peer_write(peer, "abc", 3);
    turn_until(world, &probe.data_calls, 1);
    peer_reset(peer);
    turn_until(world, &probe.ended, 1);
    assert_int_equal(probe.end_status, -ECONNRESET);
    look(world);
    assert_int_equal(probe.received, 3);
}

/* The mark of urgent data cuts a receive short though more has arrived. */
static void is_not_stopped_by_urgent_data(struct world *world)
{
    struct probe probe;
    int peer;

    probe_init(world, &probe);
    peer = probe_connect_pair(world, &probe);
    peer_write(peer, "ab", 2);
    assert_int_equal(send(peer, "!", 1, MSG_OOB), 1);
    peer_write(peer, "cd", 2);
    turn_until_bytes(world, &probe.received, 4);
    assert_memory_equal(probe.bytes, "abcd", 4);
    rp_stream_close(&probe.stream, false);
    close(peer);
}

/* The peer sends as much again for each piece that is taken. */
static void send_again(struct probe *probe, const char *data, size_t len)
{
    const int *peer = probe->user;

    if (probe->data_calls < 1000)
        peer_write(*peer, "more", 4);
}

/* With urgent data a receive goes on until there is no more: not for ever. */
static void a_flood_behind_urgent_data_does_not_keep_the_loop(struct world *world)
{
    struct probe probe;
    int peer, before;

    probe_init(world, &probe);
    peer = probe_connect_pair(world, &probe);
    probe.user = &peer;
    probe.react = send_again;
    peer_write(peer, "ab", 2);
    assert_int_equal(send(peer, "!", 1, MSG_OOB), 1);
    peer_write(peer, "cd", 2);
    do {
        before = probe.data_calls;
        look(world);
        assert_in_range(probe.data_calls - before, 0, 50);
    } while (probe.data_calls < 200);
    turn_until(world, &probe.data_calls, 1000); /* nothing is lost */
    rp_stream_close(&probe.stream, false);
    close(peer);
}

/* ---- sending ---- */

static void sends_both_parts_in_order_at_the_end_of_the_turn(struct world *world)
{
    static const struct {
        const char *a, *b;
    } cases[] = { { "GET /", " HTTP/1.1" }, { "only a", "" }, { "", "only b" } };
    struct probe probe;
    char bytes[64];
    int peer, pending;

    probe_init(world, &probe);
    peer = probe_connect_pair(world, &probe);
    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        size_t a = strlen(cases[i].a), b = strlen(cases[i].b);
        rp_ns before = rp_clock_ns();

        assert_int_equal(rp_stream_send(&probe.stream, cases[i].a, a, cases[i].b, b), 0);
        assert_int_equal(rp_stream_send(&probe.stream, "x", 1, NULL, 0), -EBUSY);
        assert_int_equal(probe.stream.traffic.send_ended, 0);
        assert_int_equal(ioctl(peer, FIONREAD, &pending), 0);
        assert_int_equal(pending, 0);
        look(world);
        assert_true(probe.stream.traffic.send_began >= before);
        assert_true(probe.stream.traffic.send_ended >= probe.stream.traffic.send_began);
        assert_true(probe.stream.traffic.send_ended <= rp_clock_ns());
        peer_read(world, peer, bytes, a + b);
        assert_memory_equal(bytes, cases[i].a, a);
        assert_memory_equal(bytes + a, cases[i].b, b);
    }
    assert_int_equal(rp_stream_send(&probe.stream, NULL, 0, NULL, 0), 0);
    rp_loop_flush(world->loop); /* also without a turn */
    assert_true(probe.stream.traffic.send_ended > 0);
    rp_stream_close(&probe.stream, false);
    close(peer);
}

/* What is queued outside of a turn must go out before the turn blocks. */
static void sends_before_it_blocks(struct world *world)
{
    struct probe probe;
    int peer;

    probe_init(world, &probe);
    peer = probe_connect_pair(world, &probe);
    assert_int_equal(rp_stream_send(&probe.stream, "ping", 4, NULL, 0), 0);
    assert_int_equal(rp_loop_turn(world->loop, rp_clock_ns() + RP_MS), 0);
    assert_true(probe.stream.traffic.send_ended > 0);
    rp_stream_close(&probe.stream, false);
    close(peer);
}

static void times_of_one_flush_join(struct world *world)
{
    struct probe probes[3];
    int peers[3];

    for (int i = 0; i < 3; i++) {
        probe_init(world, &probes[i]);
        peers[i] = probe_connect_pair(world, &probes[i]);
    }
    for (int i = 0; i < 3; i++)
        assert_int_equal(rp_stream_send(&probes[i].stream, "x", 1, NULL, 0), 0);
    rp_loop_flush(world->loop);
    for (int i = 0; i < 3; i++) {
        if (i > 0)
            assert_int_equal(probes[i].stream.traffic.send_began,
                             probes[i - 1].stream.traffic.send_ended);
        rp_stream_close(&probes[i].stream, false);
        close(peers[i]);
    }
}

static void a_closed_stream_sends_nothing(struct world *world)
{
    struct probe probe;
    int peer;

    probe_init(world, &probe);
    peer = probe_connect_pair(world, &probe);
    assert_int_equal(rp_stream_send(&probe.stream, "secret", 6, NULL, 0), 0);
    rp_stream_close(&probe.stream, false);
    assert_int_equal(peer_read_end(world, peer), 0);
    close(peer);
}

static void a_reset_ends_a_long_send_once(struct world *world)
{
    const size_t len = 32 << 20;
    char *bytes = calloc(1, len);
    struct probe probe;
    int peer;

    assert_non_null(bytes);
    probe_init(world, &probe);
    peer = probe_connect_pair(world, &probe);
    assert_int_equal(rp_stream_send(&probe.stream, bytes, len / 2, bytes, len / 2), 0);
    look(world);
    look(world);
    assert_true(probe.stream.traffic.send_began > 0);
    assert_int_equal(probe.stream.traffic.send_ended, 0);
    assert_int_equal(rp_stream_send(&probe.stream, "x", 1, NULL, 0), -EBUSY);
    peer_reset(peer);
    turn_until(world, &probe.ended, 1);
    assert_true(probe.end_status == -ECONNRESET || probe.end_status == -EPIPE);
    assert_int_equal(probe.stream.traffic.send_ended, 0);
    look(world);
    free(bytes);
}

/* A server that answers early and closes: the answer counts, then the error of the send. */
static void a_failed_send_does_not_hide_what_has_arrived(struct world *world)
{
    struct probe probe;
    char byte;
    int peer;

    probe_init(world, &probe);
    peer = probe_connect_pair(world, &probe);
    assert_int_equal(rp_stream_send(&probe.stream, "x", 1, NULL, 0), 0);
    peer_read(world, peer, &byte, 1);
    peer_write(peer, "413", 3);
    peer_reset(peer);
    assert_int_equal(rp_stream_send(&probe.stream, "more", 4, NULL, 0), 0);
    turn_until(world, &probe.ended, 1);
    assert_int_equal(probe.received, 3);
    assert_memory_equal(probe.bytes, "413", 3);
    assert_true(probe.end_status == -ECONNRESET || probe.end_status == -EPIPE);
    assert_int_equal(probe.stream.traffic.send_ended, 0);
}

static void a_peer_gone_from_a_socket_pair_ends_the_stream(struct world *world)
{
    struct probe probe;
    int peer;

    probe_init(world, &probe);
    peer = probe_adopt_pair(world, &probe);
    peer_write(peer, "bye", 3);
    close(peer);
    assert_int_equal(rp_stream_send(&probe.stream, "x", 1, NULL, 0), 0);
    turn_until(world, &probe.ended, 1);
    assert_int_equal(probe.end_status, -EPIPE);
    assert_int_equal(probe.received, 3);
}

/* ---- memory ---- */

static void survives_every_failing_allocation(struct world *world)
{
    enum { MANY = 65 }; /* one more than the first table of tokens holds */
    struct rp_loop *loop;
    struct probe *probes = calloc(MANY, sizeof(*probes));
    int failed = 0, r;

    assert_non_null(probes);
    for (uint64_t n = 1;; n++) {
        rp_alloc_fail_at(n);
        r = rp_loop_new(world->ops, &loop);
        if (r == 0)
            break;
        assert_int_equal(r, -ENOMEM);
        failed++;
    }
    rp_alloc_fail_at(0);
    assert_true(failed > 0);
    for (int i = 0; i < MANY; i++) {
        probe_init(world, &probes[i]);
        rp_alloc_fail_at(1);
        r = rp_stream_connect(loop, &probes[i].stream, (struct sockaddr *)&world->addr,
                              sizeof(world->addr), NULL, 0);
        rp_alloc_fail_at(0);
        assert_int_equal(r, i % 64 == 0 ? -ENOMEM : 0);
        if (r < 0)
            assert_int_equal(rp_stream_connect(loop, &probes[i].stream,
                                               (struct sockaddr *)&world->addr, sizeof(world->addr),
                                               NULL, 0),
                             0);
    }
    for (int i = 0; i < MANY; i++)
        rp_stream_close(&probes[i].stream, true);
    rp_loop_free(loop);
    free(probes);
}

static void allocates_nothing_in_steady_state(struct world *world)
{
    struct probe probe;
    uint64_t before;
    char bytes[4];
    int peer;

    probe_init(world, &probe);
    peer = probe_connect_pair(world, &probe);
    before = rp_alloc_count();
    for (int i = 1; i <= 300; i++) {
        assert_int_equal(rp_stream_send(&probe.stream, "pi", 2, "ng", 2), 0);
        peer_read(world, peer, bytes, 4);
        peer_write(peer, "pong", 4);
        turn_until(world, &probe.data_calls, i);
    }
    assert_int_equal(rp_alloc_count(), before);
    rp_stream_close(&probe.stream, false);
    close(peer);
}

int main(void)
{
    static const struct world_case cases[] = {
        CASE(connects_with_no_delay_and_closes_with_fin),
        CASE(aborts_with_rst),
        CASE(reports_a_refused_connect),
        CASE(returns_what_the_kernel_refuses_at_once),
        CASE(binds_the_source_address),
        CASE(may_be_closed_while_connecting_and_in_connected),
        CASE(delivers_bytes_that_came_with_the_connection),
        CASE(delivers_what_came_before_the_end),
        CASE(sees_an_end_that_comes_alone),
        CASE(reports_a_reset_after_the_bytes_before_it),
        CASE(is_not_stopped_by_urgent_data),
        CASE(a_flood_behind_urgent_data_does_not_keep_the_loop),
        CASE(sends_both_parts_in_order_at_the_end_of_the_turn),
        CASE(sends_before_it_blocks),
        CASE(times_of_one_flush_join),
        CASE(a_closed_stream_sends_nothing),
        CASE(a_reset_ends_a_long_send_once),
        CASE(a_failed_send_does_not_hide_what_has_arrived),
        CASE(a_peer_gone_from_a_socket_pair_ends_the_stream),
        CASE(survives_every_failing_allocation),
        CASE(allocates_nothing_in_steady_state),
    };

    return run_stamped_worlds(cases, RP_ARRAY_LEN(cases));
}

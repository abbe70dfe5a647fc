/* SPDX-License-Identifier: MIT */

/*
 * Receive stamps: when bytes came, as the kernel tells it. Each test also says what holds without them: the time is that of
 * the look. Bytes count as arrived when poll() shows them, so that no test depends on how fast the machine is.
 */

#include "harness.h"

#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/un.h>
#include <time.h>

#include "loop/backend.h"

/* Longer than what the two clocks can seem to differ by. */
#define APART (5 * RP_MS)

static void wait_until_arrived(const struct probe *probe, short event)
{
    struct pollfd readable = { .fd = probe->stream.fd, .events = event };

    assert_int_equal(poll(&readable, 1, 60000), 1);
}

static void let_time_pass(void)
{
    const struct timespec some = { .tv_nsec = APART };

    assert_int_equal(nanosleep(&some, NULL), 0);
}

struct arrival {
    rp_ns began, came; /* between these times the last bytes came */
    rp_ns looked;      /* much later: before the loop looked */
};

static void peer_sends(int peer, const struct probe *probe, struct arrival *ret)
{
    ret->began = rp_clock_ns();
    peer_write(peer, "answer", 6);
    wait_until_arrived(probe, POLLIN);
    ret->came = rp_clock_ns();
}

/* Bytes come while the loop does not look. */
static struct arrival arrive(struct world *world, struct probe *probe, int peer)
{
    int calls = probe->data_calls;
    struct arrival arrival;

    peer_sends(peer, probe, &arrival);
    let_time_pass();
    arrival.looked = rp_clock_ns();
    turn_until(world, &probe->data_calls, calls + 1);
    return arrival;
}

static void assert_stamped(const struct probe *probe, const struct arrival *arrival)
{
    assert_true(probe->data_at >= arrival->began);
    assert_true(probe->data_at <= arrival->came);
}

static void assert_looked_at(const struct probe *probe, const struct arrival *arrival)
{
    assert_true(probe->data_at >= arrival->looked);
}

/* ---- the time of bytes ---- */

static void a_late_look_does_not_make_bytes_late(struct world *world)
{
    struct arrival arrival;
    struct probe probe;
    int peer;

    probe_init(world, &probe);
    peer = probe_connect_pair(world, &probe);
    for (int i = 0; i < 3; i++) {
        arrival = arrive(world, &probe, peer);
        if (world->is_stamped)
            assert_stamped(&probe, &arrival);
        else
            assert_looked_at(&probe, &arrival);
    }
    assert_int_equal(world->delays, world->is_stamped ? 3 : 0);
    assert_true(!world->is_stamped || world->delay >= APART);
    rp_stream_close(&probe.stream, false);
    close(peer);
}

/* Who connects several sockets and takes one over has stamps as well. */
static void so_it_is_on_a_socket_that_was_connected_before(struct world *world)
{
    int fd = rp_connect_begin((const struct sockaddr *)&world->addr, sizeof(world->addr), NULL, 0);
    int peer = accept4(world->listener, NULL, NULL, SOCK_CLOEXEC);
    struct arrival arrival;
    struct probe probe;

    assert_true(fd >= 0 && peer >= 0);
    probe_init(world, &probe);
    assert_int_equal(rp_stream_connect_on(world->loop, &probe.stream, fd), 0);
    turn_until(world, &probe.connected, 1);
    arrival = arrive(world, &probe, peer);
    if (world->is_stamped)
        assert_stamped(&probe, &arrival);
    else
        assert_looked_at(&probe, &arrival);
    rp_stream_close(&probe.stream, false);
    close(peer);
}

/* The stamp is that of the last segment. */
static void bytes_that_came_in_parts_came_with_the_last_part(struct world *world)
{
    struct arrival arrival;
    struct probe probe;
    int peer;

    probe_init(world, &probe);
    peer = probe_connect_pair(world, &probe);
    peer_sends(peer, &probe, &arrival);
    let_time_pass();
    arrival.began = rp_clock_ns();
    peer_write(peer, "more", 4);
    let_time_pass();
    arrival.came = arrival.looked = rp_clock_ns();
    turn_until_bytes(world, &probe.received, 10);
    if (world->is_stamped && probe.data_calls == 1)
        assert_stamped(&probe, &arrival);
    else if (!world->is_stamped)
        assert_looked_at(&probe, &arrival);
    rp_stream_close(&probe.stream, false);
    close(peer);
}

static void a_reset_comes_after_the_bytes_before_it(struct world *world)
{
    struct arrival arrival;
    struct probe probe;
    int peer;

    probe_init(world, &probe);
    peer = probe_connect_pair(world, &probe);
    arrival = arrive(world, &probe, peer);
    peer_reset(peer);
    turn_until(world, &probe.ended, 1);
    assert_int_equal(probe.end_status, -ECONNRESET);
    assert_true(probe.ended_at >= arrival.looked);
    assert_int_equal(probe.received, 6);
}

/* The end of the peer has no stamp, and so the time of the look. The kernel may have joined it to the bytes before it:
 * then these have its stamp. */
static void the_end_is_seen_when_it_is_looked_at(struct world *world)
{
    struct arrival arrival;
    struct probe probe;
    int peer;

    probe_init(world, &probe);
    peer = probe_connect_pair(world, &probe);
    peer_sends(peer, &probe, &arrival);
    close(peer);
    wait_until_arrived(&probe, POLLRDHUP);
    arrival.came = rp_clock_ns();
    let_time_pass();
    arrival.looked = rp_clock_ns();
    turn_until(world, &probe.ended, 1);
    assert_int_equal(probe.end_status, 0);
    assert_int_equal(probe.received, 6);
    assert_true(probe.ended_at >= arrival.looked);
    if (world->is_stamped)
        assert_stamped(&probe, &arrival);
}

/* More than a buffer holds, so that the bytes are given in pieces: each byte once, in order. */
static void the_bytes_of_large_answers_are_all_there(struct world *world)
{
    enum { SIZE = 300000 };
    char *sent = malloc(SIZE);
    struct probe probe;
    int peer;
    ssize_t n = 0;

    for (int i = 0; i < SIZE; i++)
        sent[i] = (char)(i * 7 % 251);
    probe_init(world, &probe);
    peer = probe_connect_pair(world, &probe);
    for (size_t done = 0; done < SIZE; done += (size_t)(n > 0 ? n : 0)) {
        n = send(peer, sent + done, SIZE - done, MSG_DONTWAIT | MSG_NOSIGNAL);
        assert_true(n > 0 || errno == EAGAIN);
        look(world);
    }
    turn_until_bytes(world, &probe.received, SIZE);
    assert_int_equal(probe.received, SIZE);
    assert_memory_equal(probe.bytes, sent, sizeof(probe.bytes));
    rp_stream_close(&probe.stream, false);
    close(peer);
    free(sent);
}

/* ---- streams without stamps ---- */

static void an_adopted_socket_has_none(struct world *world)
{
    int fd = rp_connect_begin((const struct sockaddr *)&world->addr, sizeof(world->addr), NULL, 0);
    int peer = accept4(world->listener, NULL, NULL, SOCK_CLOEXEC);
    struct arrival arrival;
    struct probe probe;

    assert_true(fd >= 0 && peer >= 0);
    probe_init(world, &probe);
    assert_int_equal(rp_stream_adopt(world->loop, &probe.stream, fd), 0);
    arrival = arrive(world, &probe, peer);
    assert_looked_at(&probe, &arrival);
    assert_int_equal(world->delays, 0);
    rp_stream_close(&probe.stream, false);
    close(peer);
}

/* Nor is control data taken from it: what a server of a UNIX socket sends with its bytes may be open files. */
static void a_unix_socket_has_none(struct world *world)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    socklen_t len = offsetof(struct sockaddr_un, sun_path) + 24;
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), peer;
    struct arrival arrival;
    struct probe probe;

    snprintf(addr.sun_path + 1, 24, "rampa-%08d-%08d", (int)getpid(), listener);
    assert_int_equal(bind(listener, (const struct sockaddr *)&addr, len), 0);
    assert_int_equal(listen(listener, 1), 0);
    probe_init(world, &probe);
    assert_int_equal(
        rp_stream_connect(world->loop, &probe.stream, (const struct sockaddr *)&addr, len, NULL, 0),
        0);
    peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(peer >= 0);
    turn_until(world, &probe.connected, 1);
    assert_int_equal(probe.stream.state & RP_STREAM_STAMPED, 0);
    arrival = arrive(world, &probe, peer);
    assert_looked_at(&probe, &arrival);
    rp_stream_close(&probe.stream, false);
    close(peer);
    close(listener);
}

/* ---- a user ---- */

static int count_descriptors(void)
{
    int count = 0;

    for (int fd = 0; fd < 256; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void ignore_delay(struct rp_stamp_user *user, rp_ns delay, unsigned weight)
{
}

static void the_last_user_takes_the_stamps_along(struct world *world)
{
    struct rp_stamp_user others[2] = { { .delay = ignore_delay }, { .delay = ignore_delay } };
    int before = count_descriptors();
    struct arrival arrival;
    struct probe probe;
    int peer;

    for (int i = 0; i < 2; i++)
        rp_loop_add_stamp_user(world->loop, &others[i]);
    assert_int_equal(count_descriptors(), before + !world->is_stamped);
    rp_loop_remove_stamp_user(&others[1]);
    rp_loop_remove_stamp_user(&others[1]);
    assert_int_equal(count_descriptors(), before + !world->is_stamped);
    rp_loop_remove_stamp_user(&others[0]);
    assert_int_equal(count_descriptors(), before);
    rp_loop_remove_stamp_user(&world->stamps);
    probe_init(world, &probe);
    peer = probe_connect_pair(world, &probe);
    arrival = arrive(world, &probe, peer);
    assert_looked_at(&probe, &arrival);
    rp_stream_close(&probe.stream, false);
    close(peer);
}

/* ---- stamps that are not believed ---- */

/* The wall clock has stepped by @step since its difference to ours was measured: a stamp lies as far off. */
static void answer_after_step(struct world *world, rp_ns step)
{
    struct rp_stamps *stamps = &world->loop->stamps;
    struct arrival arrival;
    struct probe probe;
    char request[3];
    rp_ns offset;
    int peer;

    probe_init(world, &probe);
    peer = probe_connect_pair(world, &probe);
    arrival = arrive(world, &probe, peer);
    offset = stamps->offset;
    stamps->offset -= step;
    assert_int_equal(rp_stream_send(&probe.stream, "ask", 3, NULL, 0), 0);
    look(world);
    peer_read(world, peer, request, 3);
    arrival = arrive(world, &probe, peer);
    assert_looked_at(&probe, &arrival);
    assert_true(llabs(stamps->offset - offset) < RP_MS);
    arrival = arrive(world, &probe, peer);
    assert_stamped(&probe, &arrival);
    rp_stream_close(&probe.stream, false);
    close(peer);
}

static void a_clock_that_steps_makes_no_time_wrong(struct world *world)
{
    if (!world->is_stamped)
        return;
    answer_after_step(world, 3600 * RP_S);
    answer_after_step(world, -3600 * RP_S);
    answer_after_step(world, 60 * RP_S);
    answer_after_step(world, -60 * RP_S);
}

/* Of several requests that are under way on one connection, the answer to the first may come before the last is sent. */
static void bytes_may_be_older_than_the_current_send(struct world *world)
{
    struct arrival arrival;
    struct probe probe;
    int peer;

    probe_init(world, &probe);
    peer = probe_connect_pair(world, &probe);
    peer_sends(peer, &probe, &arrival);
    let_time_pass();
    assert_int_equal(rp_stream_send(&probe.stream, "ask", 3, NULL, 0), 0);
    arrival.looked = rp_clock_ns();
    turn_until(world, &probe.data_calls, 1);
    assert_true(probe.stream.traffic.send_began >= arrival.looked);
    if (world->is_stamped)
        assert_stamped(&probe, &arrival);
    else
        assert_looked_at(&probe, &arrival);
    rp_stream_close(&probe.stream, false);
    close(peer);
}

/* A step that no stamp has shown is found by the next measurement. */
static void the_clocks_are_compared_again_and_again(struct world *world)
{
    struct rp_stamps *stamps = &world->loop->stamps;
    struct arrival arrival;
    struct probe probe;
    int peer;

    if (!world->is_stamped)
        return;
    probe_init(world, &probe);
    peer = probe_connect_pair(world, &probe);
    arrival = arrive(world, &probe, peer);
    stamps->measured -= RP_STAMP_OFFSET_AGE;
    stamps->offset += 10 * RP_US;
    arrival = arrive(world, &probe, peer);
    assert_stamped(&probe, &arrival);
    rp_stream_close(&probe.stream, false);
    close(peer);
}

/* As after a look at @time that has found nothing. */
static void pretend_look(struct world *world, rp_ns time)
{
    world->loop->woken = time;
    world->loop->stamps.looked_all = true;
}

/* Bytes behind a gap have a stamp from before it was closed. The loop has looked since then, and has not seen them: it
 * asks TCP, which counts the segments that come out of order. */
static void bytes_behind_a_gap_came_when_it_was_closed(struct world *world)
{
    struct arrival arrival;
    struct probe probe;
    int peer;

    if (!world->is_stamped)
        return;
    probe_init(world, &probe);
    peer = probe_connect_pair(world, &probe);
    arrival = arrive(world, &probe, peer);
    probe.stream.out_of_order = 1; /* TCP says 0: it has changed */
    peer_sends(peer, &probe, &arrival);
    let_time_pass();
    arrival.looked = rp_clock_ns();
    pretend_look(world, arrival.looked);
    turn_until(world, &probe.data_calls, 2);
    assert_looked_at(&probe, &arrival);
    peer_sends(peer, &probe, &arrival);
    let_time_pass();
    pretend_look(world, rp_clock_ns()); /* the same again, but no segment came out of order */
    turn_until(world, &probe.data_calls, 3);
    assert_stamped(&probe, &arrival);
    rp_stream_close(&probe.stream, false);
    close(peer);
}

int main(void)
{
    static const struct world_case cases[] = {
        CASE(a_late_look_does_not_make_bytes_late),
        CASE(so_it_is_on_a_socket_that_was_connected_before),
        CASE(bytes_that_came_in_parts_came_with_the_last_part),
        CASE(a_reset_comes_after_the_bytes_before_it),
        CASE(the_end_is_seen_when_it_is_looked_at),
        CASE(the_bytes_of_large_answers_are_all_there),
        CASE(an_adopted_socket_has_none),
        CASE(a_unix_socket_has_none),
        CASE(the_last_user_takes_the_stamps_along),
        CASE(a_clock_that_steps_makes_no_time_wrong),
        CASE(bytes_may_be_older_than_the_current_send),
        CASE(the_clocks_are_compared_again_and_again),
        CASE(bytes_behind_a_gap_came_when_it_was_closed),
    };

    return run_stamped_worlds(cases, RP_ARRAY_LEN(cases));
}

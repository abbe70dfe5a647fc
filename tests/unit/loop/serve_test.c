/* SPDX-License-Identifier: MIT */

/*
 * What a server needs of the loop, the same for every back-end: a listener, answers sent at once, ends of one side
 * only, receiving that stops and goes on.
 */

#include "harness.h"

#include <sys/ioctl.h>
#include <sys/resource.h>

#include "base/alloc.h"
#include "loop/listener.h"

enum { BIG = 16 << 20 };

/* A probe that takes the peer's end and the end of long sends. */
struct side {
    struct probe probe;
    int half_closed, sent;
    void (*on_half_closed)(struct side *side);
};

static struct side *side_of(struct rp_stream *stream)
{
    return rp_container_of(rp_container_of(stream, struct probe, stream), struct side, probe);
}

static void on_half_closed(struct rp_stream *stream, rp_ns at)
{
    struct side *side = side_of(stream);

    assert_int_equal(side->half_closed, 0);
    assert_true(rp_stream_is_open(stream));
    assert_true(at >= side->probe.data_at && at <= rp_clock_ns());
    side->half_closed++;
    if (side->on_half_closed)
        side->on_half_closed(side);
}

static void on_sent(struct rp_stream *stream)
{
    assert_true(stream->traffic.send_ended > 0);
    side_of(stream)->sent++;
}

/* Returns the peer's end, a blocking socket. */
static int open_side(struct world *world, struct side *side, struct rp_stream_events *events)
{
    *events = probe_events;
    events->half_closed = on_half_closed;
    events->sent = on_sent;
    *side = (struct side){ 0 };
    probe_init(world, &side->probe);
    side->probe.stream.events = events;
    return probe_connect_pair(world, &side->probe);
}

/* ---- sending at once ---- */

static void sends_at_once(struct world *world)
{
    struct rp_stream_events events;
    struct side side;
    struct rp_stream *stream = &side.probe.stream;
    int peer = open_side(world, &side, &events), pending = 0;
    char bytes[6];

    assert_int_equal(rp_stream_send_now(stream, "abc", 3, "def", 3), 0);
    assert_true(stream->traffic.send_ended > 0);
    assert_int_equal(stream->traffic.sent, 6);
    assert_int_equal(ioctl(peer, FIONREAD, &pending), 0); /* without a turn */
    assert_int_equal(pending, 6);
    peer_read(world, peer, bytes, 6);
    assert_memory_equal(bytes, "abcdef", 6);
    assert_int_equal(rp_stream_send_now(stream, NULL, 0, NULL, 0), 0);
    assert_int_equal(rp_stream_send(stream, "x", 1, NULL, 0), 0);
    assert_int_equal(rp_stream_send_now(stream, "y", 1, NULL, 0), -EBUSY);
    look(world);
    assert_int_equal(side.sent, 0);
    rp_stream_close(stream, false);
    assert_int_equal(rp_stream_send_now(stream, "y", 1, NULL, 0), -ENOTCONN);
    close(peer);
}

static void answer_at_once(struct probe *probe, const char *data, size_t len)
{
    assert_int_equal(rp_stream_send_now(&probe->stream, data, len, NULL, 0), 0);
    rp_stream_close(&probe->stream, false); /* what was sent is sent */
}

static void an_answer_goes_out_inside_the_callback(struct world *world)
{
    struct rp_stream_events events;
    struct side side;
    int peer = open_side(world, &side, &events);
    char bytes[4];

    side.probe.react = answer_at_once;
    peer_write(peer, "ping", 4);
    turn_until(world, &side.probe.data_calls, 1);
    peer_read(world, peer, bytes, 4);
    assert_memory_equal(bytes, "ping", 4);
    assert_int_equal(peer_read_end(world, peer), 0);
    close(peer);
}

static void tells_when_the_rest_is_sent(struct world *world)
{
    struct rp_stream_events events;
    struct side side;
    int peer = open_side(world, &side, &events);
    char *bytes = calloc(1, BIG), *got = calloc(1, BIG);

    assert_true(bytes && got);
    bytes[BIG - 1] = 'z';
    assert_int_equal(
        rp_stream_send_now(&side.probe.stream, bytes, BIG / 2, bytes + BIG / 2, BIG / 2),
        RP_STREAM_LEFT);
    assert_int_equal(rp_stream_send_now(&side.probe.stream, "x", 1, NULL, 0), -EBUSY);
    assert_int_equal(rp_stream_shutdown(&side.probe.stream), -EBUSY);
    look(world);
    assert_int_equal(side.sent, 0);
    peer_read(world, peer, got, BIG);
    assert_memory_equal(got, bytes, BIG);
    turn_until(world, &side.sent, 1);
    assert_int_equal(rp_stream_send_now(&side.probe.stream, "x", 1, NULL, 0), 0);
    look(world);
    assert_int_equal(side.sent, 1);
    rp_stream_close(&side.probe.stream, false);
    free(bytes);
    free(got);
    close(peer);
}

/* Also when nothing would be received any more that could tell of it. */
static void a_broken_send_ends_the_stream(struct world *world)
{
    char *bytes = calloc(1, BIG);

    assert_non_null(bytes);
    for (int i = 0; i < 3; i++) {
        struct rp_stream_events events;
        struct side side;
        int peer = open_side(world, &side, &events);

        if (i == 1) {
            assert_int_equal(shutdown(peer, SHUT_WR), 0);
            turn_until(world, &side.half_closed, 1);
        } else if (i == 2) {
            rp_stream_pause(&side.probe.stream);
        }
        look(world);
        assert_int_equal(rp_stream_send_now(&side.probe.stream, bytes, BIG, NULL, 0),
                         RP_STREAM_LEFT);
        look(world);
        peer_reset(peer);
        turn_until(world, &side.probe.ended, 1);
        assert_true(side.probe.end_status == -ECONNRESET || side.probe.end_status == -EPIPE);
        assert_int_equal(side.sent, 0);
        look(world);
    }
    free(bytes);
}

/* ---- ends of one side ---- */

static void goes_on_after_the_peers_end(struct world *world)
{
    struct rp_stream_events events;
    struct side side;
    int peer = open_side(world, &side, &events);
    char bytes[6];

    peer_write(peer, "question", 8);
    assert_int_equal(shutdown(peer, SHUT_WR), 0);
    turn_until(world, &side.half_closed, 1);
    assert_int_equal(side.probe.received, 8);
    assert_int_equal(rp_stream_send_now(&side.probe.stream, "ans", 3, NULL, 0), 0);
    peer_read(world, peer, bytes, 3);
    assert_int_equal(rp_stream_send(&side.probe.stream, "wer", 3, NULL, 0), 0);
    peer_read(world, peer, bytes + 3, 3);
    assert_memory_equal(bytes, "answer", 6);
    assert_int_equal(side.half_closed, 1);
    assert_int_equal(side.probe.ended, 0);
    rp_stream_close(&side.probe.stream, false);
    assert_int_equal(peer_read_end(world, peer), 0);
    close(peer);
}

static void close_side(struct side *side)
{
    rp_stream_close(&side->probe.stream, false);
}

static void may_be_closed_when_the_peer_ends(struct world *world)
{
    struct rp_stream_events events;
    struct side side;
    int peer = open_side(world, &side, &events);

    side.on_half_closed = close_side;
    close(peer);
    turn_until(world, &side.half_closed, 1);
    look(world);
    assert_int_equal(side.probe.ended, 0);
}

static void a_reset_is_no_half_close(struct world *world)
{
    struct rp_stream_events events;
    struct side side;
    int peer = open_side(world, &side, &events);

    peer_reset(peer);
    turn_until(world, &side.probe.ended, 1);
    assert_int_equal(side.probe.end_status, -ECONNRESET);
    assert_int_equal(side.half_closed, 0);
}

static void ends_its_own_side_and_receives(struct world *world)
{
    struct rp_stream_events events;
    struct side side;
    int peer = open_side(world, &side, &events);

    assert_int_equal(rp_stream_shutdown(&side.probe.stream), 0);
    assert_int_equal(peer_read_end(world, peer), 0);
    peer_write(peer, "late", 4);
    turn_until(world, &side.probe.data_calls, 1);
    assert_int_equal(side.half_closed, 0);
    close(peer);
    turn_until(world, &side.half_closed, 1);
    rp_stream_close(&side.probe.stream, false);
    assert_int_equal(rp_stream_shutdown(&side.probe.stream), -ENOTCONN);
}

/* ---- pausing ---- */

static void pause_at_once(struct probe *probe, const char *data, size_t len)
{
    rp_stream_pause(&probe->stream);
}

/* The peer writes until the kernel takes no more, and a little later still cannot: nobody receives. */
static size_t write_until_full(struct world *world, int fd)
{
    static char bytes[65536];
    size_t total = 0;
    int refused = 0;

    while (refused < 20) {
        ssize_t n = send(fd, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_NOSIGNAL);

        refused = n < 0 ? refused + 1 : 0;
        total += n > 0 ? (size_t)n : 0;
        assert_int_equal(rp_loop_turn(world->loop, rp_clock_ns() + RP_MS), 0);
    }
    return total;
}

static void what_comes_in_a_pause_waits(struct world *world)
{
    struct rp_stream_events events;
    struct side side;
    int peer = open_side(world, &side, &events), calls;
    size_t total, before;

    side.probe.react = pause_at_once;
    peer_write(peer, "x", 1);
    turn_until(world, &side.probe.data_calls, 1);
    look(world);
    rp_stream_pause(&side.probe.stream); /* no-op */
    total = 1 + write_until_full(world, peer);
    assert_true(side.probe.received < total);
    before = side.probe.received;
    calls = side.probe.data_calls;
    assert_int_equal(shutdown(peer, SHUT_WR), 0);
    assert_int_equal(rp_loop_turn(world->loop, rp_clock_ns() + 5 * RP_MS), 0);
    assert_int_equal(side.probe.data_calls, calls);
    assert_int_equal(side.half_closed, 0);

    assert_int_equal(rp_stream_resume(&side.probe.stream),
                     0); /* pauses again with the first bytes */
    turn_until(world, &side.probe.data_calls, calls + 1);
    assert_true(side.probe.received > before && side.probe.received < total);
    side.probe.react = NULL;
    assert_int_equal(rp_stream_resume(&side.probe.stream), 0);
    assert_int_equal(rp_stream_resume(&side.probe.stream), 0); /* no-op */
    turn_until(world, &side.half_closed, 1);
    assert_int_equal(side.probe.received, total);
    rp_stream_close(&side.probe.stream, false);
    close(peer);
}

static void may_go_on_at_once(struct world *world)
{
    struct rp_stream_events events;
    struct side side;
    int peer = open_side(world, &side, &events);

    for (int i = 1; i <= 20; i++) {
        for (int times = 0; times < i % 4; times++) {
            rp_stream_pause(&side.probe.stream);
            assert_int_equal(rp_stream_resume(&side.probe.stream), 0);
        }
        peer_write(peer, "x", 1);
        turn_until_bytes(world, &side.probe.received, (size_t)i);
    }
    rp_stream_pause(&side.probe.stream);
    rp_stream_close(&side.probe.stream, false);
    rp_stream_pause(&side.probe.stream); /* no-ops */
    assert_int_equal(rp_stream_resume(&side.probe.stream), 0);
    look(world);
    close(peer);
}

/* ---- listening ---- */

enum { GUESTS = 40 };

struct host {
    struct rp_listener listener;
    int fds[GUESTS], accepted, failed, error;
    bool closes;
};

static void on_accepted(struct rp_listener *listener, int fd)
{
    struct host *host = rp_container_of(listener, struct host, listener);

    assert_true(host->accepted < GUESTS);
    host->fds[host->accepted++] = fd;
    if (host->closes)
        rp_listener_close(listener);
}

static void on_failed(struct rp_listener *listener, int error)
{
    struct host *host = rp_container_of(listener, struct host, listener);

    host->failed++;
    host->error = error;
}

static const struct rp_listener_events host_events = { on_accepted, on_failed };

static void open_host(struct world *world, struct host *host, struct sockaddr_in *ret)
{
    socklen_t len = sizeof(*ret);

    *host = (struct host){ .listener.events = &host_events };
    *ret = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    assert_int_equal(
        rp_listener_open(world->loop, &host->listener, (struct sockaddr *)ret, sizeof(*ret)), 0);
    assert_int_equal(getsockname(host->listener.fd, (struct sockaddr *)ret, &len), 0);
}

static int visit(const struct sockaddr_in *addr)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)addr, sizeof(*addr)), 0);
    return fd;
}

static void accepts_all_who_come(struct world *world)
{
    struct sockaddr_in addr;
    struct host host;
    struct side side = { 0 };
    int guests[3];

    open_host(world, &host, &addr);
    assert_int_equal(rp_listener_open(world->loop, &(struct rp_listener){ 0 },
                                      (struct sockaddr *)&addr, sizeof(addr)),
                     -EADDRINUSE);
    guests[0] = visit(&addr);
    guests[1] = visit(&addr);
    turn_until(world, &host.accepted, 2);
    guests[2] = visit(&addr);
    turn_until(world, &host.accepted, 3);
    probe_init(world, &side.probe);
    assert_int_equal(rp_stream_adopt(world->loop, &side.probe.stream, host.fds[2]), 0);
    peer_write(guests[2], "hi", 2);
    turn_until_bytes(world, &side.probe.received, 2);
    rp_stream_close(&side.probe.stream, false);
    rp_listener_close(&host.listener);
    rp_listener_close(&host.listener); /* no-op */
    assert_int_equal(rp_listener_resume(&host.listener), 0);
    for (int i = 0; i < 3; i++)
        close(guests[i]);
    close(host.fds[0]);
    close(host.fds[1]);
}

static void may_be_closed_when_it_accepts(struct world *world)
{
    struct sockaddr_in addr;
    struct host host;
    int guests[2];

    open_host(world, &host, &addr);
    host.closes = true;
    guests[0] = visit(&addr);
    guests[1] = visit(&addr);
    turn_until(world, &host.accepted, 1);
    look(world);
    assert_int_equal(host.accepted, 1);
    close(host.fds[0]);
    close(guests[0]);
    close(guests[1]);
}

static void without_descriptors_it_waits_to_be_told(struct world *world)
{
    struct rlimit before, few;
    struct sockaddr_in addr;
    struct host host;
    int guests[2], spare;

    open_host(world, &host, &addr);
    guests[0] = visit(&addr);
    guests[1] = visit(&addr);
    spare = dup(
        guests[0]); /* the highest descriptor: the limit leaves room for none but its number */
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = (struct rlimit){ .rlim_cur = (rlim_t)spare + 1, .rlim_max = before.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    turn_until(world, &host.failed, 1);
    assert_int_equal(host.error, -EMFILE);
    assert_int_equal(rp_loop_turn(world->loop, rp_clock_ns() + 5 * RP_MS), 0); /* does not spin */
    assert_int_equal(host.failed, 1);
    close(spare);
    assert_int_equal(rp_listener_resume(&host.listener), 0);
    assert_int_equal(rp_listener_resume(&host.listener), 0); /* no-op */
    turn_until(world, &host.failed, 2);
    assert_int_equal(host.accepted, 1);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(rp_listener_resume(&host.listener), 0);
    turn_until(world, &host.accepted, 2);
    rp_listener_close(&host.listener);
    for (int i = 0; i < 2; i++) {
        close(guests[i]);
        close(host.fds[i]);
    }
}

int main(void)
{
    static const struct world_case cases[] = {
        CASE(sends_at_once),
        CASE(an_answer_goes_out_inside_the_callback),
        CASE(tells_when_the_rest_is_sent),
        CASE(a_broken_send_ends_the_stream),
        CASE(goes_on_after_the_peers_end),
        CASE(may_be_closed_when_the_peer_ends),
        CASE(a_reset_is_no_half_close),
        CASE(ends_its_own_side_and_receives),
        CASE(what_comes_in_a_pause_waits),
        CASE(may_go_on_at_once),
        CASE(accepts_all_who_come),
        CASE(may_be_closed_when_it_accepts),
        CASE(without_descriptors_it_waits_to_be_told),
    };

    return run_stamped_worlds(cases, RP_ARRAY_LEN(cases));
}

/* SPDX-License-Identifier: MIT */

/*
 * Foreign descriptors, and the loop's own descriptor in another loop.
 */

#include "harness.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>

/* ---- watches ---- */

struct pipe_watch {
    struct rp_watch watch;
    struct world *world;
    int fds[2];
    int calls;
    unsigned ready; /* of the last call */
    void (*react)(struct pipe_watch *w);
    struct pipe_watch *other;
};

static void on_ready(struct rp_watch *watch, unsigned ready)
{
    struct pipe_watch *w = rp_container_of(watch, struct pipe_watch, watch);

    w->calls++;
    w->ready = ready;
    if (w->react)
        w->react(w);
}

static void open_pair(struct world *world, struct pipe_watch *w)
{
    *w = (struct pipe_watch){ .world = world };
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, w->fds), 0);
}

static void start(struct pipe_watch *w, unsigned wanted)
{
    assert_int_equal(rp_watch_start(w->world->loop, &w->watch, w->fds[0], wanted, on_ready), 0);
    assert_int_equal(w->watch.wanted, wanted);
}

static void stop_pair(struct pipe_watch *w)
{
    rp_watch_stop(&w->watch);
    assert_null(w->watch.loop);
    rp_watch_stop(&w->watch); /* no-op */
    close(w->fds[0]);
    close(w->fds[1]);
}

static void read_all(struct pipe_watch *w)
{
    char bytes[64];

    while (read(w->fds[0], bytes, sizeof(bytes)) > 0)
        continue;
}

static void watches_level(struct world *world)
{
    struct pipe_watch w;

    open_pair(world, &w);
    start(&w, RP_READABLE);
    look(world);
    assert_int_equal(w.calls, 0);
    peer_write(w.fds[1], "x", 1);
    for (int i = 1; i <= 5; i++) { /* nobody reads: still readable */
        turn(world);
        assert_int_equal(w.calls, i);
        assert_int_equal(w.ready, RP_READABLE);
    }
    w.react = read_all;
    turn(world);
    assert_int_equal(w.calls, 6);
    look(world);
    look(world);
    assert_int_equal(w.calls, 6);
    peer_write(w.fds[1], "x", 1);
    turn(world);
    assert_int_equal(w.calls, 7);
    stop_pair(&w);
    look(world);
}

static void changes_what_is_wanted(struct world *world)
{
    struct pipe_watch w;

    open_pair(world, &w);
    peer_write(w.fds[1], "x", 1);
    start(&w, RP_WRITABLE);
    turn(world);
    assert_int_equal(w.ready, RP_WRITABLE);
    start(&w, RP_READABLE | RP_WRITABLE);
    turn(world);
    assert_int_equal(w.ready, RP_READABLE | RP_WRITABLE);
    start(&w, RP_READABLE);
    turn(world);
    assert_int_equal(w.ready, RP_READABLE);
    assert_int_equal(rp_watch_start(world->loop, &w.watch, w.fds[1], RP_READABLE, on_ready),
                     -EINVAL);
    assert_int_equal(rp_watch_start(world->loop, &w.watch, w.fds[0], 0, on_ready), -EINVAL);
    turn(world);
    assert_int_equal(w.calls, 4);
    stop_pair(&w);
}

static void want_to_write(struct pipe_watch *w)
{
    start(w, RP_WRITABLE);
    w->react = NULL;
}

static void stop_other(struct pipe_watch *w)
{
    rp_watch_stop(&w->other->watch);
    rp_watch_stop(&w->watch);
}

static void restart(struct pipe_watch *w)
{
    rp_watch_stop(&w->watch);
    start(w, RP_READABLE);
    read_all(w);
}

static void may_be_changed_in_callbacks(struct world *world)
{
    struct pipe_watch a, b;

    open_pair(world, &a);
    open_pair(world, &b);
    a.other = &b;
    b.other = &a;
    a.react = want_to_write;
    peer_write(a.fds[1], "x", 1);
    start(&a, RP_READABLE);
    turn(world);
    assert_int_equal(a.ready, RP_READABLE);
    turn(world);
    assert_int_equal(a.ready, RP_WRITABLE);
    assert_int_equal(a.calls, 2);
    a.react = restart;
    turn(world);
    look(world);
    assert_int_equal(a.calls, 3);
    peer_write(a.fds[1], "x", 1);
    turn(world);
    assert_int_equal(a.calls, 4);
    assert_int_equal(a.ready, RP_READABLE);

    a.react = b.react = stop_other; /* both are ready; whichever comes first stops both */
    a.calls = b.calls = 0;
    peer_write(a.fds[1], "x", 1);
    peer_write(b.fds[1], "x", 1);
    start(&b, RP_READABLE);
    turn(world);
    look(world);
    look(world);
    assert_int_equal(a.calls + b.calls, 1);
    stop_pair(&a);
    stop_pair(&b);
}

/* The number of a watched descriptor is reused right after the watch has stopped. */
static void a_stopped_watch_leaves_nothing_behind(struct world *world)
{
    struct pipe_watch w, heir;

    open_pair(world, &w);
    peer_write(w.fds[1], "x", 1);
    start(&w, RP_READABLE);
    stop_pair(&w);
    open_pair(world, &heir);
    assert_int_equal(heir.fds[0], w.fds[0]);
    start(&heir, RP_READABLE);
    for (int i = 0; i < 3; i++)
        look(world);
    assert_int_equal(w.calls + heir.calls, 0);
    peer_write(heir.fds[1], "x", 1);
    turn(world);
    assert_int_equal(heir.calls, 1);
    stop_pair(&heir);
}

static void shows_hang_ups_as_what_was_wanted(struct world *world)
{
    struct pipe_watch w = { .world = world };

    assert_int_equal(pipe2(w.fds, O_NONBLOCK | O_CLOEXEC), 0);
    start(&w, RP_READABLE);
    close(w.fds[1]);
    turn(world);
    assert_int_equal(w.calls, 1);
    assert_int_equal(w.ready, RP_READABLE);
    rp_watch_stop(&w.watch);
    close(w.fds[0]);
    assert_int_equal(rp_watch_start(world->loop, &w.watch, w.fds[0], RP_READABLE, on_ready),
                     -EBADF);
    assert_null(w.watch.loop);
}

/* ---- nesting ---- */

static bool is_readable(int fd)
{
    struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

    return poll(&poll_fd, 1, 0) == 1;
}

static void wait_readable(int fd)
{
    struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

    assert_int_equal(poll(&poll_fd, 1, 60000), 1);
}

/* As in another loop: turns only when the descriptor says so. */
static void turns_when_told(struct world *world, const int *counter, int wanted)
{
    while (*counter < wanted) {
        wait_readable(rp_loop_fd(world->loop));
        look(world);
    }
}

static void can_be_nested_by_its_descriptor(struct world *world)
{
    struct probe early, probe;
    struct pipe_watch w;
    int fd, peer, early_peer;

    probe_init(world, &early);
    early_peer = probe_connect_pair(world, &early); /* before anyone asked for the descriptor */
    peer_write(early_peer, "x", 1);
    fd = rp_loop_fd(world->loop);
    assert_true(fd >= 0);
    assert_int_equal(rp_loop_fd(world->loop), fd);
    turns_when_told(world, &early.data_calls, 1);

    probe_init(world, &probe);
    probe_connect(world, &probe);
    turns_when_told(world, &probe.connected, 1);
    peer = accept(world->listener, NULL, NULL); /* of early */
    look(world);
    assert_false(is_readable(fd));
    assert_true(peer >= 0);
    peer_write(peer, "hello", 5);
    turns_when_told(world, &probe.data_calls, 1);
    look(world);
    assert_false(is_readable(fd));

    open_pair(world, &w);
    w.react = read_all;
    start(&w, RP_READABLE);
    for (int i = 1; i <= 3; i++) {
        look(world);
        assert_false(is_readable(fd));
        peer_write(w.fds[1], "x", 1);
        turns_when_told(world, &w.calls, i);
    }
    stop_pair(&w);
    close(peer);
    turns_when_told(world, &probe.ended, 1);
    rp_stream_close(&early.stream, false);
    close(early_peer);
}

/* More than one receive's worth: the descriptor must stay readable while anything is left. */
static void stays_readable_while_bytes_are_left(struct world *world)
{
    struct probe probe;
    char *bytes = calloc(1, 150000);
    int peer, size = 1 << 20, whole = 0;

    assert_non_null(bytes);
    assert_true(rp_loop_fd(world->loop) >= 0);
    probe_init(world, &probe);
    peer = probe_adopt_pair(world, &probe);
    assert_int_equal(setsockopt(peer, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
    peer_write(peer, bytes, 150000);
    while (probe.received < 150000)
        turns_when_told(world, &probe.data_calls, ++whole);
    rp_stream_close(&probe.stream, false);
    close(peer);
    free(bytes);
}

int main(void)
{
    static const struct world_case cases[] = {
        CASE(watches_level),
        CASE(changes_what_is_wanted),
        CASE(may_be_changed_in_callbacks),
        CASE(a_stopped_watch_leaves_nothing_behind),
        CASE(shows_hang_ups_as_what_was_wanted),
        CASE(can_be_nested_by_its_descriptor),
        CASE(stays_readable_while_bytes_are_left),
    };

    return run_stamped_worlds(cases, RP_ARRAY_LEN(cases));
}

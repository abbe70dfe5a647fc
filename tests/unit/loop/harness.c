/* SPDX-License-Identifier: MIT */
#include "harness.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>

enum { PATIENCE_S = 60 }; /* ends a test that hangs; however slow the machine */

/* ---- probes ---- */

static struct probe *probe_of(struct rp_stream *stream)
{
    return rp_container_of(stream, struct probe, stream);
}

static void on_connected(struct rp_stream *stream, int status)
{
    struct probe *probe = probe_of(stream);

    assert_int_equal(probe->connected, 0);
    assert_int_equal(rp_stream_is_open(stream), status == 0);
    probe->connect_status = status;
    probe->connected++;
    if (probe->on_connected)
        probe->on_connected(probe);
}

static void on_data(struct rp_stream *stream, const char *data, size_t len, rp_ns at)
{
    struct probe *probe = probe_of(stream);

    assert_true(len > 0);
    assert_int_equal(probe->ended, 0);
    assert_true(rp_stream_is_open(stream));
    assert_true(at >= probe->data_at && at <= rp_clock_ns());
    probe->data_at = at;
    if (probe->received < sizeof(probe->bytes)) {
        size_t room = sizeof(probe->bytes) - probe->received;

        memcpy(probe->bytes + probe->received, data, len < room ? len : room);
    }
    probe->received += len;
    probe->data_calls++;
    if (probe->react)
        probe->react(probe, data, len);
}

static void on_ended(struct rp_stream *stream, int status, rp_ns at)
{
    struct probe *probe = probe_of(stream);

    assert_int_equal(probe->ended, 0);
    assert_false(rp_stream_is_open(stream));
    assert_true(at >= probe->data_at && at <= rp_clock_ns());
    probe->end_status = status;
    probe->ended_at = at;
    probe->ended++;
    if (probe->on_ended)
        probe->on_ended(probe);
}

const struct rp_stream_events probe_events = { on_connected, on_data, on_ended };

void probe_init(struct world *world, struct probe *probe)
{
    memset(probe, 0, sizeof(*probe));
    probe->stream.events = &probe_events;
    probe->world = world;
}

void probe_connect(struct world *world, struct probe *probe)
{
    assert_int_equal(rp_stream_connect(world->loop, &probe->stream,
                                       (const struct sockaddr *)&world->addr, sizeof(world->addr),
                                       NULL, 0),
                     0);
    assert_int_equal(probe->connected, 0); /* never from inside */
}

int probe_connect_pair(struct world *world, struct probe *probe)
{
    int peer;

    probe_connect(world, probe);
    turn_until(world, &probe->connected, 1);
    assert_int_equal(probe->connect_status, 0);
    peer = accept4(world->listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(peer >= 0);
    return peer;
}

int probe_adopt_pair(struct world *world, struct probe *probe)
{
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(rp_stream_adopt(world->loop, &probe->stream, fds[0]), 0);
    return fds[1];
}

/* ---- turning ---- */

void turn(struct world *world)
{
    assert_int_equal(rp_loop_turn(world->loop, rp_clock_ns() + PATIENCE_S * RP_S), 0);
}

void look(struct world *world)
{
    assert_int_equal(rp_loop_turn(world->loop, 0), 0);
}

void turn_until(struct world *world, const int *counter, int wanted)
{
    rp_ns limit = rp_clock_ns() + PATIENCE_S * RP_S;

    while (*counter < wanted) {
        assert_int_equal(rp_loop_turn(world->loop, limit), 0);
        assert_true(rp_clock_ns() < limit);
    }
}

void turn_until_bytes(struct world *world, const size_t *counter, size_t wanted)
{
    rp_ns limit = rp_clock_ns() + PATIENCE_S * RP_S;

    while (*counter < wanted) {
        assert_int_equal(rp_loop_turn(world->loop, limit), 0);
        assert_true(rp_clock_ns() < limit);
    }
}

/* ---- peers ---- */

int make_listener(struct sockaddr_in *ret_addr)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t len = sizeof(*ret_addr);

    *ret_addr = (struct sockaddr_in){ .sin_family = AF_INET,
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)ret_addr, len), 0);
    assert_int_equal(listen(fd, 4096), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)ret_addr, &len), 0);
    return fd;
}

void peer_write(int fd, const void *data, size_t len)
{
    assert_int_equal(send(fd, data, len, MSG_NOSIGNAL), len);
}

void peer_read(struct world *world, int fd, void *data, size_t len)
{
    rp_ns limit = rp_clock_ns() + PATIENCE_S * RP_S;
    size_t got = 0;

    while (got < len) {
        ssize_t n = recv(fd, (char *)data + got, len - got, MSG_DONTWAIT);

        assert_true(n > 0 || (n < 0 && errno == EAGAIN));
        got += n > 0 ? (size_t)n : 0;
        look(world);
        assert_true(rp_clock_ns() < limit);
    }
}

int peer_read_end(struct world *world, int fd)
{
    rp_ns limit = rp_clock_ns() + PATIENCE_S * RP_S;
    char bytes[4096];

    for (;;) {
        ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

        if (n == 0)
            return 0;
        if (n < 0 && errno != EAGAIN)
            return -errno;
        look(world);
        assert_true(rp_clock_ns() < limit);
    }
}

void peer_reset(int fd)
{
    struct linger abort = { .l_onoff = 1 };

    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort, sizeof(abort)), 0);
    assert_int_equal(close(fd), 0);
}

/* ---- running ---- */

struct instance {
    const struct rp_loop_ops *ops;
    bool is_stamped;
    world_test *run;
};

static void note_delay(struct rp_stamp_user *user, rp_ns delay, unsigned weight)
{
    struct world *world = rp_container_of(user, struct world, stamps);

    assert_true(delay >= 0 && weight > 0);
    world->delay = delay;
    world->delays++;
}

static void run_instance(void **state)
{
    const struct instance *instance = *state;
    struct world world = { .ops = instance->ops,
                           .is_stamped = instance->is_stamped,
                           .stamps.delay = note_delay };

    assert_int_equal(rp_loop_new(world.ops, &world.loop), 0);
    if (world.is_stamped)
        rp_loop_add_stamp_user(world.loop, &world.stamps);
    world.listener = make_listener(&world.addr);
    instance->run(&world);
    rp_loop_remove_stamp_user(&world.stamps);
    rp_loop_free(world.loop);
    assert_int_equal(close(world.listener), 0);
}

/* @kinds: 2 = with receive stamps as well. */
static int run_kinds(const struct world_case *cases, size_t count, size_t kinds)
{
    const struct rp_loop_ops *all[] = { rp_loop_epoll, rp_loop_uring };
    struct instance instances[256];
    struct CMUnitTest tests[256];
    char names[256][160];
    size_t n = 0;

    for (size_t i = 0; i < RP_ARRAY_LEN(all); i++) {
        const char *reason = rp_loop_unusable(all[i]);

        if (reason)
            printf("# %s is left out: %s\n", rp_loop_ops_name(all[i]), reason);
        for (size_t j = 0; !reason && j < kinds * count; j++, n++) {
            bool is_stamped = j % kinds;

            if (n == RP_ARRAY_LEN(tests))
                abort();
            instances[n] = (struct instance){ all[i], is_stamped, cases[j / kinds].run };
            snprintf(names[n], sizeof(names[n]), "%s%s: %s", rp_loop_ops_name(all[i]),
                     is_stamped ? ", stamped" : "", cases[j / kinds].name);
            tests[n] = (struct CMUnitTest){ .name = names[n],
                                            .test_func = run_instance,
                                            .initial_state = &instances[n] };
        }
    }
    return _cmocka_run_group_tests("loop", tests, n, NULL, NULL);
}

int run_worlds(const struct world_case *cases, size_t count)
{
    return run_kinds(cases, count, 1);
}

/* The kernel begins to stamp some time after it was asked: waits until it does. It goes on as long as what is returned,
 * a socket, is open. Data that is there without a stamp stays so: each try has bytes of its own. */
static int start_stamping(void)
{
    struct sockaddr_in addr;
    int listener = make_listener(&addr), peer, on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char control[64];
    struct msghdr message;
    struct iovec part;
    char byte;

    assert_int_equal(connect(fd, (const struct sockaddr *)&addr, sizeof(addr)), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)), 0);
    peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    do {
        peer_write(peer, "x", 1);
        part = (struct iovec){ &byte, 1 };
        message = (struct msghdr){ .msg_iov = &part,
                                   .msg_iovlen = 1,
                                   .msg_control = control,
                                   .msg_controllen = sizeof(control) };
        assert_int_equal(recvmsg(fd, &message, 0), 1);
    } while (message.msg_controllen == 0);
    close(peer);
    close(listener);
    return fd;
}

int run_stamped_worlds(const struct world_case *cases, size_t count)
{
    int fd = start_stamping();
    int r = run_kinds(cases, count, 2);

    close(fd);
    return r;
}

/* SPDX-License-Identifier: MIT */

/* Channels whose messages cannot be kept, and a kind of link that is no socket. */

#include "ends.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "wire/socket_link.h"

static void test_json_without_memory(struct world *world)
{
    int failed = 0, r = -ENOMEM;

    for (uint64_t n = 1; r == -ENOMEM; n++) {
        struct end end;
        int fd = open_end(world, &end);

        rp_channel_use(&end.channel, RP_JSON);
        rp_alloc_fail_at(n);
        r = send_numbered(&end, 0, 5);
        rp_alloc_fail_at(0);
        failed += r == -ENOMEM;
        assert_int_equal(end.closed, 0);
        rp_channel_close(&end.channel);
        look(world);
        close(fd);
    }
    assert_int_equal(r, 0);
    assert_int_equal(failed, 3); /* the draft, its JSON, what goes out */
}

/* What could not be kept for want of memory is lost, and told; what comes after it goes out as if nothing had been. */
static void test_memory_comes_back(struct world *world)
{
    for (int json = 0; json < 2; json++) {
        int failed = 0, r = -ENOMEM;

        for (uint64_t n = 1; r == -ENOMEM; n++) {
            struct end out, in = { .closed = 0 };
            int fd = open_end(world, &out);

            assert_int_equal(rp_channel_open(&in.channel, world->loop, fd, &end_events), 0);
            rp_channel_use(&out.channel, json ? RP_JSON : RP_MSGPACK);
            rp_alloc_fail_at(n);
            r = send_numbered(&out, 0, 1000);
            rp_alloc_fail_at(0);
            failed += r == -ENOMEM;
            for (int i = r == 0; i < 3; i++)
                assert_int_equal(send_numbered(&out, i, 1000), 0);
            turn_until(world, &in.messages, 3);
            assert_int_equal(in.text_len, 1000);
            assert_int_equal(out.closed + in.closed, 0);
            rp_channel_close(&out.channel);
            rp_channel_close(&in.channel);
            look(world);
        }
        assert_int_equal(r, 0);
        assert_true(failed >= 2 + json);
    }
}

/* Refused until somebody reads, then taken again. */
static void test_a_reader_that_does_not_read(struct world *world)
{
    struct end out;
    int fd = open_end(world, &out), r = 0, sent = 0;

    for (; sent < 1000 && r == 0; sent++)
        r = send_numbered(&out, sent, 1 << 20);
    assert_int_equal(r, -EMSGSIZE);
    assert_true(rp_channel_waiting(&out.channel) > RP_LINK_MAX / 2);
    assert_int_equal(rp_channel_drain(&out.channel, 1), -ETIMEDOUT);
    while (rp_channel_drain(&out.channel, 0) == -ETIMEDOUT) {
        static char bytes[1 << 20];

        assert_true(recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0);
    }
    assert_int_equal(rp_channel_waiting(&out.channel), 0);
    assert_int_equal(send_numbered(&out, sent, 1 << 20), 0);
    rp_channel_close(&out.channel);
    close(fd);
}

static void test_no_memory(struct world *world)
{
    struct rp_buf frames;

    rp_buf_init(&frames, 4096);
    append_frame(&frames, 0, 100);
    for (uint64_t n = 1; n <= 6; n++) {
        struct end end;
        int fd = open_end(world, &end), r;

        rp_alloc_fail_at(n);
        r = send_numbered(&end, 0, 1000);
        peer_write(fd, frames.data, frames.len);
        look(world);
        rp_alloc_fail_at(0);
        assert_true(r == 0 || r == -ENOMEM);
        assert_true(end.closed ? end.status == -ENOMEM : end.messages == 1);
        rp_channel_close(&end.channel);
        close(fd);
    }
    rp_buf_deinit(&frames);
}

/* ---- a peer that never stops ---- */

struct flood {
    struct rp_socket_link socket;
    struct rp_buf frames;
    int peer, messages, left;
};

/* The peer sends as much again for each message that is taken. */
static int flooded(struct rp_link *link, struct rp_slice message)
{
    struct flood *flood = rp_container_of(link, struct flood, socket.link);

    flood->messages++;
    if (flood->left-- > 0)
        peer_write(flood->peer, flood->frames.data, flood->frames.len);
    return 0;
}

static void flood_ended(struct rp_link *link, int status)
{
    rp_container_of(link, struct flood, socket.link)->left = -1;
}

static void test_a_peer_that_never_stops(struct world *world)
{
    static const struct rp_link_events events = { .received = flooded, .closed = flood_ended };
    struct flood flood = { .left = 1000 };
    int fds[2], before;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    flood.peer = fds[1];
    rp_buf_init(&flood.frames, 65536);
    append_frame(&flood.frames, 0, 20000);
    assert_int_equal(rp_socket_link_open(&flood.socket, world->loop, fds[0]), 0);
    flood.socket.link.events = &events;
    peer_write(flood.peer, flood.frames.data, flood.frames.len);
    while (!flood.messages)
        look(world);
    assert_in_range(flood.messages, 1, 50);
    before = flood.messages;
    flood.socket.link.ops->receive(&flood.socket.link); /* only what is there */
    assert_in_range(flood.messages, before, before + 50);
    turn_until(world, &flood.messages, 1001); /* nothing is lost */
    close(flood.peer);
    while (flood.left != -1 || flood.socket.fd >= 0)
        look(world);
    rp_buf_deinit(&flood.frames);
}

/* ---- what a peer said last ---- */

/* More than a turn takes, and the end behind it. */
static void test_all_that_a_peer_said_before_it_ended(struct world *world)
{
    struct end in;
    int fd = open_end(world, &in), size = 1 << 20, sent = 0;
    socklen_t len = sizeof(size);
    struct rp_buf frames;

    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, len), 0);
    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, &len), 0);
    rp_buf_init(&frames, 65536);
    for (int taken = 0; taken < size * 4 / 5; taken += (int)frames.len) {
        rp_buf_reset(&frames);
        append_frame(&frames, sent++, 16000);
        peer_write(fd, frames.data, frames.len);
    }
    close(fd);
    rp_channel_receive(&in.channel);
    assert_int_equal(in.messages, sent);
    assert_int_equal(in.closed, 1);
    assert_int_equal(in.status, 0);
    rp_buf_deinit(&frames);
}

/* ---- signals while a link waits ---- */

static int unread; /* what the peer has not read yet comes to this descriptor */
static int signals, reads_at;

static void on_alarm(int number)
{
    static char bytes[65536];
    int error = errno;

    if (++signals >= reads_at)
        while (recv(unread, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
            ;
    errno = error;
}

static void set_alarms(int every_us)
{
    const struct itimerval timer = { { 0, every_us }, { 0, every_us } };

    assert_int_equal(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

/* The peer does not read before the link has been interrupted five times, and then all. */
static void test_signals_do_not_end_the_waiting(struct world *world)
{
    struct sigaction action = { .sa_handler = on_alarm }, before;
    struct end out;
    int sent = 0;

    unread = open_end(world, &out);
    signals = 0;
    reads_at = 5;
    assert_int_equal(sigaction(SIGALRM, &action, &before), 0);
    while (rp_channel_waiting(&out.channel) < 1 << 20)
        assert_int_equal(send_numbered(&out, sent++, 100000), 0);
    set_alarms(2000);
    assert_int_equal(rp_channel_drain(&out.channel, 60000), 0);
    set_alarms(0);
    assert_true(signals >= reads_at);
    /* Nor do they make it endless. */
    while (rp_channel_waiting(&out.channel) < 1 << 20)
        assert_int_equal(send_numbered(&out, sent++, 100000), 0);
    signals = 0;
    reads_at = INT32_MAX;
    set_alarms(2000);
    assert_int_equal(rp_channel_drain(&out.channel, 50), -ETIMEDOUT);
    set_alarms(0);
    assert_true(signals > 0);
    assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
    rp_channel_close(&out.channel);
    close(unread);
}

/* ---- a link of another kind: a message at a time, in memory ---- */

struct memory_link {
    struct rp_link link;
    struct memory_link *other; /* NULL when that is closed */
    struct rp_buf kept;        /* at most one message for the other one */
    int closes;
};

static struct memory_link *memory_of(struct rp_link *link)
{
    return rp_container_of(link, struct memory_link, link);
}

static int memory_send(struct rp_link *link, struct rp_slice message)
{
    struct memory_link *memory = memory_of(link);

    if (!memory->other)
        return -EPIPE;
    if (memory->kept.len)
        return -EMSGSIZE;
    rp_buf_append_slice(&memory->kept, message);
    return memory->kept.error;
}

static void memory_close(struct rp_link *link)
{
    struct memory_link *memory = memory_of(link);

    memory->closes++;
    if (memory->other)
        memory->other->other = NULL;
    memory->other = NULL;
    rp_buf_deinit(&memory->kept);
}

static void memory_receive(struct rp_link *link)
{
    struct memory_link *memory = memory_of(link);
    struct rp_buf taken;
    int r;

    if (!memory->other || !memory->other->kept.len)
        return;
    taken = memory->other->kept;
    rp_buf_init(&memory->other->kept, RP_MESSAGE_MAX_BYTES);
    r = link->events->received(link, rp_buf_slice(&taken));
    rp_buf_deinit(&taken);
    if (r == 0)
        return;
    memory_close(link);
    link->events->closed(link, r);
}

static size_t memory_waiting(const struct rp_link *link)
{
    return rp_container_of(link, const struct memory_link, link)->kept.len;
}

static int memory_drain(struct rp_link *link, int timeout_ms)
{
    return memory_of(link)->kept.len ? -ETIMEDOUT : 0;
}

static const struct rp_link_ops memory_ops = {
    .send = memory_send,
    .waiting = memory_waiting,
    .receive = memory_receive,
    .drain = memory_drain,
    .close = memory_close,
};

static void open_memory(struct memory_link links[2], struct end ends[2])
{
    for (int i = 0; i < 2; i++) {
        links[i] = (struct memory_link){ .link = { .ops = &memory_ops }, .other = &links[!i] };
        rp_buf_init(&links[i].kept, RP_MESSAGE_MAX_BYTES);
        ends[i] = (struct end){ .closed = 0 };
        rp_channel_open_link(&ends[i].channel, &links[i].link, &end_events);
    }
}

static void test_another_kind_of_link(struct world *world)
{
    struct memory_link links[2];
    struct end ends[2];

    open_memory(links, ends);
    for (int i = 0; i < 2; i++) {
        rp_channel_use(&ends[0].channel, i ? RP_JSON : RP_MSGPACK);
        assert_int_equal(send_numbered(&ends[0], i, 10), 0);
        assert_int_equal(send_numbered(&ends[0], i, 10), -EMSGSIZE);
        assert_int_equal(rp_channel_drain(&ends[0].channel, 0), -ETIMEDOUT);
        assert_true(rp_channel_waiting(&ends[0].channel) > 10);
        rp_channel_receive(&ends[1].channel);
        assert_int_equal(ends[1].messages, i + 1);
        assert_int_equal(rp_channel_drain(&ends[0].channel, 0), 0);
        assert_int_equal(rp_channel_waiting(&ends[0].channel), 0);
    }
    /* What is no message closes the link, once, and is told. */
    assert_int_equal(memory_send(&links[1].link, RP_SLICE("\x93\x01\x02\x03")), 0);
    rp_channel_receive(&ends[0].channel);
    assert_int_equal(ends[0].closed, 1);
    assert_int_equal(ends[0].status, -EBADMSG);
    assert_int_equal(send_numbered(&ends[0], 5, 10), -EPIPE);
    rp_channel_close(&ends[0].channel); /* no-op */
    assert_int_equal(rp_channel_waiting(&ends[0].channel), 0);
    rp_channel_receive(&ends[0].channel);
    assert_int_equal(links[0].closes, 1);
    assert_int_equal(send_numbered(&ends[1], 5, 10), -EPIPE);
    rp_channel_close(&ends[1].channel);
    assert_int_equal(links[1].closes, 1);
    assert_int_equal(ends[1].closed, 0);
    /* Closed from inside a message. */
    open_memory(links, ends);
    ends[1].closes_at = 1;
    assert_int_equal(send_numbered(&ends[0], 0, 10), 0);
    rp_channel_receive(&ends[1].channel);
    assert_int_equal(ends[1].messages, 1);
    assert_int_equal(links[1].closes, 1);
    assert_int_equal(ends[1].closed, 0);
    rp_channel_close(&ends[0].channel);
}

int main(void)
{
    static const struct world_case cases[] = {
        CASE(test_json_without_memory),
        CASE(test_memory_comes_back),
        CASE(test_a_reader_that_does_not_read),
        CASE(test_no_memory),
        CASE(test_a_peer_that_never_stops),
        CASE(test_all_that_a_peer_said_before_it_ended),
        CASE(test_signals_do_not_end_the_waiting),
        CASE(test_another_kind_of_link),
    };

    return run_worlds(cases, RP_ARRAY_LEN(cases));
}

/* SPDX-License-Identifier: MIT */

/* Frames over a socket pair: cut anywhere, too large, too many for a slow reader, and the ends of the peer. Over every
 * back-end with descriptors. */

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>

#include "ends.h"

#include "base/alloc.h"
#include "wire/wire_internal.h"

static void test_frames_cut_anywhere(struct world *world)
{
    struct rp_buf frames;
    struct end end;

    rp_buf_init(&frames, 1 << 20);
    for (int i = 0; i < 3; i++)
        append_frame(&frames, i, (size_t)i * 20);
    for (size_t cut = 1; cut < frames.len; cut++) {
        int fd = open_end(world, &end);

        peer_write(fd, frames.data, cut);
        look(world);
        peer_write(fd, frames.data + cut, frames.len - cut);
        turn_until(world, &end.messages, 3);
        assert_int_equal(end.closed, 0);
        rp_channel_close(&end.channel);
        close(fd);
    }
    int fd = open_end(world, &end);

    for (size_t i = 0; i < frames.len; i++) {
        peer_write(fd, frames.data + i, 1);
        look(world);
    }
    turn_until(world, &end.messages, 3);
    rp_channel_close(&end.channel);
    rp_channel_close(&end.channel); /* no-op */
    assert_int_equal(end.closed, 0);
    close(fd);
    rp_buf_deinit(&frames);
}

static void test_frames_that_are_refused(struct world *world)
{
    static const struct rp_slice cases[] = {
        RP_SLICE("\xff\xff\xff\xff"),             /* a giant */
        RP_SLICE("\x04\x00\x00\x01"),             /* one byte too many */
        RP_SLICE("\x00\x00\x00\x00"),             /* nothing */
        RP_SLICE("\x00\x00\x00\x03\x93\x01\x02"), /* no map */
        RP_SLICE("GET / HTTP/1.1\r\n\r\n"),
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct end end;
        int fd = open_end(world, &end);

        peer_write(fd, cases[i].ptr, cases[i].len);
        turn_until(world, &end.closed, 1);
        assert_int_equal(end.status, -EBADMSG);
        assert_int_equal(end.messages, 0);
        assert_int_equal(peer_read_end(world, fd) <= 0, 1);
        close(fd);
    }
}

/* What came before the nonsense counts. */
static void test_a_message_and_nonsense(struct world *world)
{
    struct rp_buf frames;
    struct end end;
    int fd = open_end(world, &end);

    rp_buf_init(&frames, 4096);
    append_frame(&frames, 0, 5);
    rp_buf_append(&frames, "\xff\xff\xff\xff", 4);
    peer_write(fd, frames.data, frames.len);
    turn_until(world, &end.closed, 1);
    assert_int_equal(end.messages, 1);
    assert_int_equal(end.status, -EBADMSG);
    rp_buf_deinit(&frames);
    close(fd);
}

static void test_closing_from_inside(struct world *world)
{
    struct rp_buf frames;
    struct end end;
    int fd = open_end(world, &end);

    end.closes_at = 2;
    rp_buf_init(&frames, 4096);
    for (int i = 0; i < 5; i++)
        append_frame(&frames, i, 5);
    peer_write(fd, frames.data, frames.len);
    turn_until(world, &end.messages, 2);
    for (int i = 0; i < 3; i++)
        look(world);
    assert_int_equal(end.messages, 2);
    assert_int_equal(end.closed, 0);
    rp_buf_deinit(&frames);
    close(fd);
}

/* The sender never blocks; what the reader takes late arrives whole and in order. */
static void test_a_slow_reader(struct world *world)
{
    enum { MESSAGES = 40 };
    struct end out = { .closed = 0 }, in;
    struct world other = *world;
    int fd = open_end(world, &out), sent = 0;

    for (; sent < MESSAGES; sent++)
        assert_int_equal(send_numbered(&out, sent, 1 << 19), 0);
    look(world);
    assert_true(out.channel.socket.out.len > 0);
    /* Now somebody reads. */
    assert_int_equal(rp_loop_new(world->ops, &other.loop), 0);
    in = (struct end){ .closed = 0 };
    assert_int_equal(rp_channel_open(&in.channel, other.loop, fd, &end_events), 0);
    while (in.messages < MESSAGES) {
        look(world);
        look(&other);
    }
    assert_int_equal(in.text_len, 1 << 19);
    for (int i = 0; i < 3; i++)
        look(world);
    assert_int_equal(out.channel.socket.out.len - out.channel.socket.out_sent, 0);
    assert_int_equal(out.channel.socket.watch.wanted, RP_READABLE);
    assert_int_equal(send_numbered(&out, sent, 3), 0); /* and on it goes */
    turn_until(&other, &in.messages, MESSAGES + 1);
    rp_channel_close(&out.channel);
    look(world); /* where requests to the kernel still hold the descriptor */
    turn_until(&other, &in.closed, 1);
    assert_int_equal(in.status, 0);
    rp_loop_free(other.loop);
}

/* Both encodings on one connection, in both directions, each as it was chosen. */
static void test_both_encodings(struct world *world)
{
    struct end out = { .closed = 0 }, in = { .closed = 0 };
    struct rp_buf frames;
    int fd = open_end(world, &out);
    char head[6];

    assert_int_equal(send_numbered(&out, 0, 100), 0);
    rp_channel_use(&out.channel, RP_JSON);
    assert_int_equal(send_numbered(&out, 1, 1 << 18), 0);
    assert_int_equal(recv(fd, head, sizeof(head), MSG_PEEK), sizeof(head));
    assert_int_equal((unsigned char)head[4], 0x83); /* a map of three */
    assert_int_equal(rp_channel_open(&in.channel, world->loop, fd, &end_events), 0);
    turn_until(world, &in.messages, 2);
    assert_int_equal(in.text_len, 1 << 18);
    assert_int_equal(in.channel.encoding, RP_MSGPACK); /* nobody chose for it */
    assert_int_equal(send_numbered(&out, 2, 5), 0);
    rp_channel_use(&out.channel, RP_MSGPACK);
    assert_int_equal(send_numbered(&out, 3, 7), 0);
    turn_until(world, &in.messages, 4);
    assert_int_equal(in.text_len, 7);
    rp_channel_close(&in.channel);
    look(world);
    rp_channel_close(&out.channel);
    fd = open_end(world, &out);
    rp_channel_use(&out.channel, RP_JSON);
    assert_int_equal(send_numbered(&out, 2, 5), 0);
    rp_buf_init(&frames, 4096);
    assert_int_equal(rp_buf_reserve(&frames, 1000), 0);
    frames.len = (size_t)recv(fd, frames.data, 1000, 0);
    assert_true(rp_slice_eq(rp_buf_slice(&frames),
                            RP_SLICE("\0\0\0\x24{\"type\":\"load\",\"n\":2,\"text\":\"xxxxx\"}")));
    rp_buf_deinit(&frames);
    rp_channel_close(&out.channel);
    close(fd);
}

/* A text may be six times as long as JSON. */
static void test_too_large_as_json(struct world *world)
{
    static char text[11 << 20];
    struct end end;
    int fd = open_end(world, &end);

    memset(text, '\x01', sizeof(text));
    rp_channel_use(&end.channel, RP_JSON);
    for (int json = 1; json >= 0; json--) {
        struct rp_buf *out = rp_channel_begin(&end.channel);

        if (!json)
            rp_channel_use(&end.channel, RP_MSGPACK);
        rp_write_message(out, RP_MSG_LOAD, 1);
        rp_write_key(out, "text");
        rp_write_slice(out, rp_slice(text, sizeof(text)));
        assert_int_equal(rp_channel_end(&end.channel), json ? -EMSGSIZE : 0);
    }
    rp_channel_use(&end.channel, RP_JSON);
    assert_int_equal(send_numbered(&end, 0, 5), 0);
    assert_int_equal(end.closed, 0);
    rp_channel_close(&end.channel);
    look(world);
    close(fd);
}

/* The largest message there may be, and one byte more. */
static void test_the_largest_message(struct world *world)
{
    struct end out, in = { .closed = 0 };
    int fd = open_end(world, &out);
    struct rp_buf *draft;
    char *text = malloc(RP_MESSAGE_MAX_BYTES);
    size_t head;

    assert_int_equal(rp_channel_open(&in.channel, world->loop, fd, &end_events), 0);
    memset(text, 'x', RP_MESSAGE_MAX_BYTES);
    for (int more = 0; more < 2; more++) {
        draft = rp_channel_begin(&out.channel);
        rp_write_message(draft, RP_MSG_LOAD, 2);
        rp_write_key(draft, "n");
        rp_write_i64(draft, 0);
        rp_write_key(draft, "text");
        head = draft->len + 5;
        rp_write_slice(draft, rp_slice(text, RP_MESSAGE_MAX_BYTES - head + (size_t)more));
        assert_int_equal(rp_channel_end(&out.channel), more ? -EMSGSIZE : 0);
    }
    turn_until(world, &in.messages, 1);
    assert_int_equal(in.text_len, RP_MESSAGE_MAX_BYTES - head);
    rp_channel_close(&out.channel);
    rp_channel_close(&in.channel);
    free(text);
}

/* Its end is told once, and writing to it is an error, not a signal. */
static void test_the_peer_goes(struct world *world)
{
    struct end end;
    struct rp_buf half;
    int fd;

    (void)signal(SIGPIPE, SIG_DFL);
    fd = open_end(world, &end);
    close(fd);
    assert_int_equal(send_numbered(&end, 0, 10), -EPIPE);
    turn_until(world, &end.closed, 1);
    assert_int_equal(send_numbered(&end, 0, 10), -EPIPE);
    assert_int_equal(rp_channel_drain(&end.channel, 1), 0);

    /* In the middle of a frame. */
    rp_buf_init(&half, 4096);
    append_frame(&half, 0, 100);
    fd = open_end(world, &end);
    peer_write(fd, half.data, half.len - 1);
    close(fd);
    turn_until(world, &end.closed, 1);
    assert_int_equal(end.messages, 0);
    assert_int_equal(end.status, 0);
    rp_buf_deinit(&half);

    /* What it had said before it went. */
    rp_buf_init(&half, 4096);
    append_frame(&half, 0, 100);
    fd = open_end(world, &end);
    peer_write(fd, half.data, half.len);
    close(fd);
    turn_until(world, &end.closed, 1);
    assert_int_equal(end.messages, 1);
    rp_buf_deinit(&half);
}

static void test_drain(struct world *world)
{
    struct end end;
    int fd = open_end(world, &end);

    assert_int_equal(send_numbered(&end, 0, 1 << 20), 0);
    assert_int_equal(rp_channel_drain(&end.channel, 0), -ETIMEDOUT);
    while (rp_channel_drain(&end.channel, 0) == -ETIMEDOUT) {
        char bytes[65536];

        assert_true(recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0);
    }
    assert_int_equal(end.channel.socket.out.len - end.channel.socket.out_sent, 0);
    close(fd);
    assert_int_equal(rp_channel_drain(&end.channel, 0), 0); /* nothing is left to write */
    rp_channel_close(&end.channel);
}

static void test_open_fails(struct world *world)
{
    struct end end = { .closed = 0 };
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(rp_channel_open(&end.channel, world->loop, -1, &end_events), -EBADF);
    rp_channel_close(&end.channel);
    end = (struct end){ .closed = 0 };
    rp_alloc_fail_at(1);
    if (rp_channel_open(&end.channel, world->loop, fds[0], &end_events) == -ENOMEM)
        assert_true(fcntl(fds[0], F_GETFD) >= 0); /* still the caller's */
    rp_alloc_fail_at(0);
    rp_channel_close(&end.channel);
    close(fds[0]);
    close(fds[1]);
}

int main(void)
{
    static const struct world_case cases[] = {
        CASE(test_frames_cut_anywhere),
        CASE(test_frames_that_are_refused),
        CASE(test_a_message_and_nonsense),
        CASE(test_closing_from_inside),
        CASE(test_a_slow_reader),
        CASE(test_both_encodings),
        CASE(test_too_large_as_json),
        CASE(test_the_largest_message),
        CASE(test_the_peer_goes),
        CASE(test_drain),
        CASE(test_open_fails),
    };

    return run_worlds(cases, RP_ARRAY_LEN(cases));
}

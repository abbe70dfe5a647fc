/* SPDX-License-Identifier: MIT */

/* Sends whose bytes are made when the kernel takes them, and the counts of bytes. Over every
 * back-end with descriptors. */

#include "harness.h"

enum { PIECE = 5000, PIECES = 800 }; /* more than sockets hold */

struct source {
    struct probe probe;
    int asked, pieces; /* how often fill() was called, and how many pieces it has */
    int error;         /* what it returns instead of the last one */
    rp_ns made;        /* when the first one was made */
    char piece[PIECE];
};

static void on_connected(struct rp_stream *stream, int status)
{
    probe_events.connected(stream, status);
}

static void on_data(struct rp_stream *stream, const char *data, size_t len, rp_ns at)
{
    probe_events.data(stream, data, len, at);
}

static void on_ended(struct rp_stream *stream, int status, rp_ns at)
{
    probe_events.ended(stream, status, at);
}

static int on_fill(struct rp_stream *stream, struct rp_slice *ret)
{
    struct source *source = rp_container_of(stream, struct source, probe.stream);

    assert_true(rp_stream_is_open(stream));
    assert_int_equal(stream->traffic.send_ended, 0);
    if (source->asked++ == 0)
        source->made = rp_clock_ns();
    if (source->asked > source->pieces)
        return 0;
    if (source->error && source->asked == source->pieces)
        return source->error;
    /* The one before has been taken whole: its memory may be used again. */
    memset(source->piece, source->asked & 0x7f, sizeof(source->piece));
    *ret = rp_slice(source->piece, sizeof(source->piece));
    return 0;
}

static const struct rp_stream_events source_events = { on_connected, on_data, on_ended, on_fill };

static struct source *source_new(struct world *world, int pieces, int *ret_fd)
{
    struct source *source = calloc(1, sizeof(*source));

    probe_init(world, &source->probe);
    source->probe.stream.events = &source_events;
    source->pieces = pieces;
    *ret_fd = probe_adopt_pair(world, &source->probe);
    return source;
}

static void source_free(struct source *source, int fd)
{
    rp_stream_close(&source->probe.stream, false);
    close(fd);
    free(source);
}

static void send_parts(struct source *source, const char *a, const char *b)
{
    assert_int_equal(rp_stream_send(&source->probe.stream, a, strlen(a), b, strlen(b)), 0);
    assert_int_equal(source->asked, 0); /* never from inside */
}

static void test_pieces_follow_the_parts(struct world *world)
{
    char expected[PIECE], got[PIECE], text[8] = "";
    struct source *source;
    const struct rp_traffic *traffic;
    int fd;

    source = source_new(world, PIECES, &fd);
    traffic = &source->probe.stream.traffic;
    send_parts(source, "ab", "cd");
    look(world);
    assert_true(traffic->send_began > 0);
    assert_int_equal(traffic->send_ended, 0); /* the socket is full */
    assert_true(source->asked > 1 && source->asked < PIECES);
    assert_int_equal(rp_stream_send(&source->probe.stream, "x", 1, NULL, 0), -EBUSY);
    peer_read(world, fd, text, 4);
    assert_string_equal(text, "abcd");
    for (int i = 1; i <= PIECES; i++) {
        peer_read(world, fd, got, sizeof(got));
        memset(expected, i & 0x7f, sizeof(expected));
        assert_memory_equal(got, expected, sizeof(got));
    }
    look(world);
    assert_int_equal(source->asked, PIECES + 1);
    assert_true(traffic->send_ended > traffic->send_began);
    assert_int_equal(traffic->sent, 4 + (uint64_t)PIECES * PIECE);
    source_free(source, fd);
}

/* An empty send only asks; the making of the first piece is no part of the sending. */
static void test_an_empty_send(struct world *world)
{
    struct source *source;
    const struct rp_traffic *traffic;
    char got[PIECE];
    int fd;

    source = source_new(world, 1, &fd);
    traffic = &source->probe.stream.traffic;
    send_parts(source, "", "");
    look(world);
    assert_int_equal(source->asked, 2);
    assert_true(traffic->send_began >= source->made);
    assert_true(traffic->send_ended >= traffic->send_began);
    peer_read(world, fd, got, sizeof(got));
    assert_int_equal(traffic->sent, PIECE);

    source->pieces = source->asked = 0; /* nothing at all */
    send_parts(source, "", "");
    look(world);
    assert_int_equal(source->asked, 1);
    assert_true(traffic->send_began > 0);
    assert_true(traffic->send_ended >= traffic->send_began);
    assert_int_equal(traffic->sent, PIECE);
    source_free(source, fd);
}

/* As a send that the kernel refuses: what has arrived is delivered, then the end with the error. */
static void test_a_failure(struct world *world)
{
    struct source *source;
    int fd;

    source = source_new(world, 2, &fd);
    source->error = -EILSEQ;
    peer_write(fd, "answer", 6);
    send_parts(source, "", "");
    turn_until(world, &source->probe.ended, 1);
    assert_int_equal(source->asked, 2);
    assert_int_equal(source->probe.end_status, -EILSEQ);
    assert_memory_equal(source->probe.bytes, "answer", 6);
    source_free(source, fd);
}

static void test_a_close_between_pieces(struct world *world)
{
    struct source *source;
    int fd, asked;

    source = source_new(world, PIECES, &fd);
    send_parts(source, "", "");
    look(world);
    asked = source->asked;
    rp_stream_close(&source->probe.stream, false);
    assert_int_equal(peer_read_end(world, fd), 0);
    assert_int_equal(source->asked, asked);
    assert_int_equal(source->probe.ended, 0);
    source_free(source, fd);
}

/* Of each opening its own, read and sent, whatever way the bytes came in pieces. */
static void test_counts(struct world *world)
{
    struct probe probe;
    char text[8];
    int fd;

    for (size_t i = 1; i <= 2; i++) {
        probe_init(world, &probe);
        fd = probe_connect_pair(world, &probe);
        assert_int_equal(rp_stream_send(&probe.stream, "ab", 2, "c", i - 1), 0);
        peer_read(world, fd, text, 1 + i);
        peer_write(fd, "answer", 6);
        turn_until_bytes(world, &probe.received, 6);
        peer_write(fd, "more", 4);
        turn_until_bytes(world, &probe.received, 10);
        assert_int_equal(probe.stream.traffic.sent, 1 + i);
        assert_int_equal(probe.stream.traffic.received, 10);
        rp_stream_close(&probe.stream, false);
        close(fd);
    }
}

int main(void)
{
    static const struct world_case cases[] = {
        CASE(test_pieces_follow_the_parts), CASE(test_an_empty_send), CASE(test_a_failure),
        CASE(test_a_close_between_pieces),  CASE(test_counts),
    };

    return run_stamped_worlds(cases, RP_ARRAY_LEN(cases));
}

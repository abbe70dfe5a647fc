/* SPDX-License-Identifier: MIT */

/* Sessions that streams of HTTP/2 carry, against a peer that is written byte for byte: what is counted, the end of
 * the stream, and what is left when memory runs out or the session is left. */

#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "talk.h"

enum { DATA, HEADERS, RESET = 3, SETTINGS = 4, WINDOW_UPDATE = 8 };
enum { END_STREAM = 1, ACK = 1, END_HEADERS = 4 };

/* How far the peer goes. */
enum moment { CONNECTED, ALLOWED, ACCEPTED, MESSAGED, CLOSED };

struct peer {
    struct talk talk;
    enum moment until;
    bool has_begun, has_answered, was_reset, has_ended;
    size_t taken, given; /* bytes of the connection */
    size_t data;         /* bytes of the stream's DATA frames */
    size_t stream;       /* of the stream's frames; none of its windows */
    size_t len;
    uint8_t in[8192];
};

static void say(struct peer *peer, uint8_t kind, uint8_t flags, uint32_t stream,
                const char *payload, size_t len)
{
    char frame[64] = { 0, 0, (char)len, (char)kind, (char)flags, 0, 0, 0, (char)stream };

    assert_true(len < 50);
    if (len)
        memcpy(frame + 9, payload, len);
    if (send(peer->talk.fd, frame, 9 + len, MSG_NOSIGNAL) > 0)
        peer->given += 9 + len;
}

static void take_h2_frame(struct peer *peer, const uint8_t *frame, size_t len)
{
    const char hello[] = "\x81\x05hello", close_frame[] = "\x88\x02\x03\xe8";

    if (frame[3] == SETTINGS && !(frame[4] & ACK))
        say(peer, SETTINGS, ACK, 0, NULL, 0);
    if (frame[3] == RESET)
        peer->was_reset = true;
    if (frame[3] == HEADERS && peer->until >= ACCEPTED) {
        say(peer, HEADERS, END_HEADERS, 1, "\x88", 1);
        if (peer->until >= MESSAGED)
            say(peer, DATA, 0, 1, hello, sizeof(hello) - 1);
    }
    if (frame[3] == DATA || frame[3] == HEADERS)
        peer->stream += len;
    if (frame[3] != DATA)
        return;
    peer->data += len - 9;
    if (len > 9 && !peer->has_answered && peer->until == CLOSED) {
        peer->has_answered = true;
        say(peer, DATA, 0, 1, close_frame, sizeof(close_frame) - 1);
    }
    if (frame[4] & END_STREAM) {
        peer->has_ended = true;
        say(peer, DATA, END_STREAM, 1, NULL, 0);
    }
}

static void take_h2_frames(struct peer *peer)
{
    size_t at = 0;

    if (!peer->has_begun && peer->len >= 24) {
        peer->has_begun = true;
        at = 24;
        if (peer->until >= ALLOWED)
            say(peer, SETTINGS, 0, 0, "\0\x08\0\0\0\1", 6);
    }
    while (peer->has_begun && peer->len - at >= 9) {
        const uint8_t *frame = peer->in + at;
        size_t len = 9 + ((size_t)frame[1] << 8 | frame[2]);

        if (peer->len - at < len)
            break;
        take_h2_frame(peer, frame, len);
        at += len;
    }
    peer->len -= at;
    memmove(peer->in, peer->in + at, peer->len);
}

/* What there is to do for the peer, and then a turn of the loop. */
static void step(struct peer *peer)
{
    struct talk *talk = &peer->talk;
    ssize_t n;

    if (peer_is_waiting(&talk->env)) { /* the client has given the last one up */
        if (talk->fd >= 0)
            close(talk->fd);
        talk->fd = peer_accept(&talk->env);
        peer->has_begun = false;
        peer->len = 0;
    }
    if (talk->fd >= 0) {
        n = recv(talk->fd, peer->in + peer->len, sizeof(peer->in) - peer->len, MSG_DONTWAIT);
        if (n > 0) {
            peer->len += (size_t)n;
            peer->taken += (size_t)n;
            take_h2_frames(peer);
        }
    }
    (void)!rp_loop_turn(talk->env.world->loop, rp_clock_ns() + RP_MS / 10);
}

static void init(struct peer *peer, struct world *world, enum moment until)
{
    memset(peer, 0, sizeof(*peer));
    peer->until = until;
    talk_init(&peer->talk, world);
    rp_http_client_set_h2(peer->talk.env.client, RP_HTTP_H2_IF_AGREED);
}

static int begin_session(struct peer *peer)
{
    struct rp_ws_spec spec = { .is_h2 = true };
    int r = new_session(&peer->talk, &spec, NULL);

    if (r < 0)
        peer->talk.session = NULL;
    else
        rp_ws_open(peer->talk.session, &peer->talk.response, peer->talk.env.tags);
    return r;
}

/* Until the session has come to where the peer goes. */
static bool is_there(const struct peer *peer)
{
    const struct rp_ws_session *session = peer->talk.session;

    if (session->state == RP_WS_CLOSED)
        return true;
    switch (peer->until) {
    case CONNECTED:
    case ALLOWED:
        return peer->has_begun;
    case ACCEPTED:
        return session->state == RP_WS_OPEN;
    default:
        return session->first != NULL;
    }
}

static void go(struct peer *peer)
{
    for (int i = 0; i < 5000 && !is_there(peer); i++)
        step(peer);
    assert_true(is_there(peer));
}

static void test_from_beginning_to_end(struct world *world)
{
    struct peer peer;
    struct rp_ws_session *session;

    init(&peer, world, CLOSED);
    assert_int_equal(begin_session(&peer), 0);
    session = peer.talk.session;
    go(&peer);
    assert_int_equal(session->state, RP_WS_OPEN);
    assert_int_equal(session->status, 200);
    assert_message(&peer.talk, true, "hello");
    assert_int_equal(rp_ws_close(session, 1000, RP_SLICE("")), 0);
    for (int i = 0; i < 5000 && open_connections(&peer.talk) && session->upgraded.connection; i++)
        step(&peer);
    assert_int_equal(session->state, RP_WS_CLOSED);
    assert_int_equal(session->close_code, 1000);
    assert_int_equal(session->error_code, 0);
    assert_null(session->upgraded.connection);
    /* Both sides have ended the stream, and the connection is there for another one. */
    assert_true(peer.has_ended);
    assert_false(peer.was_reset);
    assert_int_equal(open_connections(&peer.talk), 1);
    assert_int_equal(peer.data, 2 + 4 + 2); /* one close frame */
    assert_int_equal(sum_of(&peer.talk.env, "data_sent", NULL, NULL), peer.taken);
    assert_int_equal(sum_of(&peer.talk.env, "data_received", NULL, NULL), peer.given);
    assert_int_equal(count_of(&peer.talk, "ws_sessions"), 1);
    assert_int_equal(count_of(&peer.talk, "ws_connecting"), 1);
    assert_int_equal(count_of(&peer.talk, "http_reqs"), 0);
    talk_deinit(&peer.talk);
}

/* Whenever it is left, nothing is left of it. */
static void test_that_are_left(struct world *world)
{
    for (enum moment until = CONNECTED; until <= MESSAGED; until++) {
        struct peer peer;

        init(&peer, world, until);
        assert_int_equal(begin_session(&peer), 0);
        go(&peer);
        rp_ws_leave(peer.talk.session, true);
        peer.talk.session = NULL;
        for (int i = 0; i < 5000 && until >= ACCEPTED && !peer.has_ended; i++)
            step(&peer);
        assert_int_equal(peer.has_ended, until >= ACCEPTED); /* after the close frame */
        assert_int_equal(sum_of(&peer.talk.env, "ws_errors", NULL, NULL), until < ACCEPTED);
        talk_deinit(&peer.talk);
    }
}

/* The close frame has gone, and counts, before the loop turns again. (What the connection itself has sent
 * counts with the end of its streams.) */
static void test_the_end_of_the_run(struct world *world)
{
    struct peer peer;
    double sent;

    init(&peer, world, ACCEPTED);
    assert_int_equal(begin_session(&peer), 0);
    go(&peer);
    rp_ws_client_finish(peer.talk.client);
    assert_int_equal(count_of(&peer.talk, "ws_session_duration"), 1);
    sent = sum_of(&peer.talk.env, "data_sent", NULL, NULL);
    for (int i = 0; i < 5000 && !peer.has_ended; i++)
        step(&peer);
    assert_true(peer.has_ended);
    assert_int_equal(peer.data, 2 + 4 + 2);
    assert_int_equal(sent, peer.stream);
    talk_deinit(&peer.talk);
}

static void test_no_memory(struct world *world)
{
    bool was_opened = false;
    int failed = 0;

    for (uint64_t n = 1; n < 400 && !was_opened; n++) {
        struct peer peer;
        uint64_t before;

        init(&peer, world, MESSAGED);
        before = rp_alloc_count();
        rp_alloc_fail_at(n);
        if (begin_session(&peer) == 0) {
            go(&peer);
            was_opened = peer.talk.session->first &&
                         rp_ws_send(peer.talk.session, RP_WS_TEXT, RP_SLICE("x")) == 0 &&
                         rp_alloc_count() < before + n;
        }
        failed += !was_opened;
        rp_alloc_fail_at(0);
        talk_deinit(&peer.talk);
        while (poll(&(struct pollfd){ .fd = world->listener, .events = POLLIN }, 1, 0) == 1)
            close(accept4(world->listener, NULL, NULL, SOCK_CLOEXEC));
    }
    assert_true(was_opened);
    assert_true(failed > 20);
}

int main(void)
{
    static const struct world_case cases[] = {
        CASE(test_from_beginning_to_end),
        CASE(test_that_are_left),
        CASE(test_the_end_of_the_run),
        CASE(test_no_memory),
    };

    return run_worlds(cases, RP_ARRAY_LEN(cases));
}

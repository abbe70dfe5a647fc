/* SPDX-License-Identifier: MIT */

/* What the client of WebSockets keeps: memory of messages, and of buffers that were sent from. */

#include <sys/socket.h>

#include "base/alloc.h"
#include "talk.h"

static struct rp_ws_message *next_message(struct talk *talk)
{
    while (!talk->session->first)
        turn(talk->env.world);
    return rp_ws_take(talk->session);
}

static void test_messages_that_are_given_back(struct world *world)
{
    struct rp_ws_message *message;
    struct talk talk;
    uint64_t before;

    talk_init(&talk, world);
    open_session(&talk, (struct rp_ws_spec){ 0 });
    rp_ws_give_back(talk.session, NULL);
    write_bytes(&talk, "\x82\x05hello", 7);
    message = next_message(&talk);
    before = rp_alloc_count();
    rp_ws_give_back(talk.session, message);
    write_bytes(&talk,
                "\x81\x04"
                "next",
                6);
    message = next_message(&talk);
    assert_int_equal(rp_alloc_count(), before);
    assert_true(message->is_text);
    assert_int_equal(message->len, 4);
    assert_memory_equal(message->bytes, "next", 4);
    /* It has room for five bytes, which is too little for six, and too much for two. */
    rp_ws_give_back(talk.session, message);
    write_bytes(&talk, "\x81\x06longer", 8);
    message = next_message(&talk);
    assert_int_equal(rp_alloc_count(), before + 1);
    assert_memory_equal(message->bytes, "longer", 6);
    rp_ws_give_back(talk.session, message);
    write_bytes(&talk,
                "\x81\x02"
                "ab",
                4);
    message = next_message(&talk);
    assert_int_equal(rp_alloc_count(), before + 2);
    assert_memory_equal(message->bytes, "ab", 2);
    rp_ws_give_back(NULL, message);
    talk_deinit(&talk);
}

/* However many messages are given back, the client keeps little memory. */
static void test_many_messages_that_are_given_back(struct world *world)
{
    enum { HALF = 4000, COUNT = 2 * HALF, KEPT = 256 * 1024 };
    struct rp_ws_message *all = NULL, *message;
    struct talk talk;
    uint64_t before;

    talk_init(&talk, world);
    open_session(&talk, (struct rp_ws_spec){ 0 });
    write_empty_messages(&talk, HALF);
    write_empty_messages(&talk, HALF);
    for (int i = 0; i < COUNT; i++) {
        message = next_message(&talk);
        message->next = all;
        all = message;
    }
    while ((message = all)) {
        all = message->next;
        rp_ws_give_back(talk.session, message);
    }
    before = rp_alloc_count();
    write_empty_messages(&talk, HALF);
    write_empty_messages(&talk, HALF);
    for (int i = 0; i < COUNT; i++)
        rp_free(next_message(&talk));
    assert_true(rp_alloc_count() - before >= COUNT - KEPT / sizeof(struct rp_ws_message));
    assert_true(rp_alloc_count() - before < COUNT);
    talk_deinit(&talk);
}

/* Sends @len bytes, which the peer reads, until the session has nothing more to send. */
static void send_all(struct talk *talk, size_t len)
{
    static const char bytes[20 * 1024];
    static char read_bytes[sizeof(bytes)];
    size_t left = 2 + (len > 125 ? 2 : 0) + 4 + len; /* the frame */

    assert_true(len <= sizeof(bytes));
    assert_int_equal(rp_ws_send(talk->session, RP_WS_BINARY, rp_slice(bytes, len)), 0);
    while (left || talk->session->is_sending) {
        ssize_t got = recv(talk->fd, read_bytes, sizeof(read_bytes), MSG_DONTWAIT);

        left -= got > 0 ? (size_t)got : 0;
        look(talk->env.world);
    }
}

static void test_buffers_that_were_sent_from(struct world *world)
{
    struct talk talk;
    uint64_t before;

    talk_init(&talk, world);
    open_session(&talk, (struct rp_ws_spec){ 0 });
    send_all(&talk, 1024);
    /* A session that has nothing to send holds none. */
    assert_null(talk.session->out.data);
    assert_null(talk.session->pending.data);
    before = rp_alloc_count();
    send_all(&talk, 1000);
    assert_int_equal(rp_alloc_count(), before);
    /* One that has become large is not kept. */
    send_all(&talk, 20000);
    assert_null(talk.session->out.data);
    before = rp_alloc_count();
    send_all(&talk, 1024);
    assert_int_equal(rp_alloc_count(), before + 1);
    talk_deinit(&talk);
}

int main(void)
{
    static const struct world_case cases[] = {
        CASE(test_messages_that_are_given_back),
        CASE(test_many_messages_that_are_given_back),
        CASE(test_buffers_that_were_sent_from),
    };

    return run_worlds(cases, RP_ARRAY_LEN(cases));
}

/* SPDX-License-Identifier: MIT */

/* WebSockets whose messages nobody takes: the server is held up, and nothing waits without a limit. */

#include <sys/socket.h>

#include "base/alloc.h"
#include "talk.h"

/* Nothing is received while many messages wait. */
static void test_messages_that_nobody_takes_hold_the_server_up(struct world *world)
{
    enum { FRAME = 126 };
    static char block[FRAME * 512];
    size_t sent = 0, left = 0;
    struct talk talk;

    talk_init(&talk, world);
    open_session(&talk, (struct rp_ws_spec){ 0 });
    for (size_t i = 0; i < sizeof(block); i += FRAME) {
        block[i] = (char)0x82;
        block[i + 1] = FRAME - 2;
    }
    for (int idle = 0; idle < 20;) { /* until the socket takes no more */
        ssize_t n = send(talk.fd, block + left, sizeof(block) - left, MSG_DONTWAIT | MSG_NOSIGNAL);

        idle = n < 0 ? idle + 1 : 0;
        if (n > 0) {
            sent += (size_t)n;
            left = (left + (size_t)n) % sizeof(block);
        }
        look(world);
    }
    assert_true(talk.session->is_paused);
    assert_in_range(talk.session->waiting_count, 1024, 1024 + 4096);
    while (talk.session->received < sent / FRAME) {
        struct rp_ws_message *message = rp_ws_take(talk.session);

        if (message)
            assert_int_equal(message->len, FRAME - 2);
        else
            turn(world);
        rp_free(message);
    }
    talk_deinit(&talk);
}

/* What a pong has waited for in the kernel says nothing about the server. */
static void test_pings_whose_pongs_wait_are_not_measured(struct world *world)
{
    struct talk talk;
    char payload[125];
    size_t len;

    talk_init(&talk, world);
    open_session(&talk, (struct rp_ws_spec){ 0 });
    assert_int_equal(rp_ws_ping(talk.session), 0);
    write_empty_messages(&talk, 1024);
    while (!talk.session->is_paused)
        turn(world);
    assert_int_equal(rp_ws_ping(talk.session), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(take_frame(&talk, payload, &len), 0x89);
    write_bytes(&talk,
                "\x8a\x01"
                "1"
                "\x8a\x01"
                "2",
                6);
    look(world);
    assert_int_equal(talk.session->pongs, 0);
    while (talk.session->pongs < 2) {
        rp_free(rp_ws_take(talk.session));
        look(world);
    }
    assert_int_equal(count_of(&talk, "ws_ping"), 0);
    assert_int_equal(rp_ws_ping(talk.session), 0);
    write_bytes(&talk,
                "\x8a\x01"
                "3",
                3);
    while (talk.session->pongs < 3)
        turn(world);
    assert_int_equal(count_of(&talk, "ws_ping"), 1);
    talk_deinit(&talk);
}

/* A server that was held up has had no chance to answer the heartbeat. */
static void test_the_heartbeat_of_a_session_that_was_paused(struct world *world)
{
    struct talk talk;
    char payload[125];
    size_t len;

    talk_init(&talk, world);
    open_session(&talk, (struct rp_ws_spec){ .heartbeat = 10 * RP_S });
    write_empty_messages(&talk, 1024);
    while (!talk.session->is_paused)
        turn(world);
    clock_ahead += 60 * RP_S;
    assert_int_equal(take_frame(&talk, payload, &len), 0x89);
    clock_ahead += 8 * RP_S;
    while (talk.session->is_paused)
        rp_free(rp_ws_take(talk.session));
    clock_ahead += 3 * RP_S;
    assert_int_equal(take_frame(&talk, payload, &len), 0x89);
    assert_int_equal(talk.session->state, RP_WS_OPEN);
    talk_deinit(&talk);
}

/* Then nothing can be held up, for the server's close frame is waited for. */
static void test_messages_that_come_while_it_closes(struct world *world)
{
    enum { COUNT = 5000 };
    struct talk talk;

    talk_init(&talk, world);
    open_session(&talk, (struct rp_ws_spec){ 0 });
    assert_int_equal(rp_ws_close(talk.session, RP_WS_NORMAL, RP_SLICE("")), 0);
    write_empty_messages(&talk, COUNT);
    write_bytes(&talk, "\x88\x02\x03\xe8", 4);
    until_state(&talk, RP_WS_CLOSED);
    assert_int_equal(talk.session->received, COUNT);
    assert_in_range(talk.session->waiting_count, 1, 1024);
    talk_deinit(&talk);
}

int main(void)
{
    static const struct world_case cases[] = {
        CASE(test_messages_that_nobody_takes_hold_the_server_up),
        CASE(test_pings_whose_pongs_wait_are_not_measured),
        CASE(test_the_heartbeat_of_a_session_that_was_paused),
        CASE(test_messages_that_come_while_it_closes),
    };

    return run_worlds(cases, RP_ARRAY_LEN(cases));
}

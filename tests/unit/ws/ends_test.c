/* SPDX-License-Identifier: MIT */

/* Ends that come late: a fault behind messages that are still to be answered, and the end of the run. */

#include <sys/socket.h>

#include "base/alloc.h"
#include "talk.h"

#define FAULT "\x83\x00"          /* an unknown opcode */
#define PROTOCOL_ERROR "\x03\xea" /* its code */

/* The server sends a message and breaks the protocol behind it; the message has come. */
static void open_with_fault(struct talk *talk, struct world *world)
{
    talk_init(talk, world);
    open_session(talk, (struct rp_ws_spec){ .heartbeat = 60 * RP_S });
    write_bytes(talk, "\x81\x01x" FAULT "\x81\x01y", 8);
    while (!talk->session->first)
        turn(world);
    assert_true(talk->session->has_fault);
    assert_int_equal(talk->session->state, RP_WS_OPEN);
    assert_int_equal(count_of(talk, "ws_errors"), 0);
}

/* The next frame of the client is a close frame with the code of the fault. */
static void assert_told_of_fault(struct talk *talk)
{
    char payload[125];
    size_t len;

    assert_int_equal(take_frame(talk, payload, &len), 0x88);
    assert_true(len > 2);
    assert_memory_equal(payload, PROTOCOL_ERROR, 2);
}

static void assert_failed_once(struct talk *talk)
{
    assert_int_equal(count_of(talk, "ws_errors"), 1);
    assert_int_equal((int)sum_of(&talk->env, "ws_errors", "error", "WebSocket protocol error"), 1);
    assert_int_equal(count_of(talk, "ws_session_duration"), 1);
}

static void assert_settled(struct talk *talk)
{
    assert_int_equal(talk->session->state, RP_WS_CLOSED);
    assert_false(talk->session->has_fault);
    assert_int_equal(talk->session->error_code, RP_HTTP_PROTOCOL);
    assert_int_equal(talk->session->close_code, RP_WS_PROTOCOL_ERROR);
    assert_failed_once(talk);
}

static void test_a_message_before_a_fault_is_answered(struct world *world)
{
    struct talk talk;

    open_with_fault(&talk, world);
    write_bytes(&talk, "\x81\x01z\x89\x00", 5); /* is not read any more */
    look(world);
    assert_message(&talk, true, "x");
    assert_int_equal(rp_ws_send(talk.session, RP_WS_TEXT, RP_SLICE("answer")), 0);
    rp_ws_settle(talk.session);
    assert_settled(&talk);
    rp_ws_settle(talk.session);
    assert_failed_once(&talk);
    assert_int_equal(rp_ws_send(talk.session, RP_WS_TEXT, RP_SLICE("late")), -EPIPE);
    assert_null(rp_ws_take(talk.session));
    assert_frame(&talk, 0x81, "answer", 6);
    assert_told_of_fault(&talk);
    assert_int_equal((int)sum_of(&talk.env, "ws_msgs_received", NULL, NULL), 1);
    talk_deinit(&talk);
}

/* Who never looks for more keeps no session open. */
static void test_a_fault_is_not_held_for_long(struct world *world)
{
    struct talk talk;

    open_with_fault(&talk, world);
    clock_ahead += RP_S;
    until_state(&talk, RP_WS_CLOSED);
    assert_settled(&talk);
    assert_message(&talk, true, "x");
    assert_told_of_fault(&talk);
    clock_ahead += RP_S;
    while (open_connections(&talk))
        turn(world);
    talk_deinit(&talk);
}

static void test_other_ends_of_a_session_with_a_fault(struct world *world)
{
    struct talk talk;

    open_with_fault(&talk, world);
    assert_int_equal(rp_ws_close(talk.session, 4000, RP_SLICE("done")), 0);
    assert_settled(&talk);
    assert_told_of_fault(&talk);
    talk_deinit(&talk);

    open_with_fault(&talk, world);
    rp_ws_leave(talk.session, true);
    talk.session = NULL;
    assert_told_of_fault(&talk);
    assert_failed_once(&talk);
    talk_deinit(&talk);

    open_with_fault(&talk, world);
    rp_ws_give_up(talk.session, RP_HTTP_TIMEOUT, "no answer to a message");
    talk.session = NULL;
    assert_told_of_fault(&talk);
    assert_failed_once(&talk);
    talk_deinit(&talk);

    open_with_fault(&talk, world);
    close(talk.fd); /* the fault was first */
    talk.fd = -1;
    until_state(&talk, RP_WS_CLOSED);
    assert_settled(&talk);
    talk_deinit(&talk);
}

/* One sample a session, whatever the state that the end of the run finds it in; and the close frame
 * counts. */
static void test_the_end_of_the_run(struct world *world)
{
    struct talk talk;
    double before;

    talk_init(&talk, world);
    rp_ws_client_finish(talk.client);
    open_session(&talk, (struct rp_ws_spec){ 0 });
    before = sum_of(&talk.env, "data_sent", NULL, NULL);
    rp_ws_client_finish(talk.client);
    assert_int_equal(talk.session->state, RP_WS_CLOSED);
    assert_int_equal(talk.session->close_code, RP_WS_NORMAL);
    assert_int_equal(count_of(&talk, "ws_session_duration"), 1);
    assert_int_equal((int)(sum_of(&talk.env, "data_sent", NULL, NULL) - before), 2 + 4 + 2);
    assert_frame(&talk, 0x88, "\x03\xe8", 2);
    rp_ws_leave(talk.session, false);
    talk.session = NULL;
    rp_ws_client_finish(talk.client);
    assert_int_equal(count_of(&talk, "ws_session_duration"), 1);
    assert_int_equal(count_of(&talk, "ws_errors"), 0);
    talk_deinit(&talk);

    talk_init(&talk, world);
    open_session(&talk, (struct rp_ws_spec){ 0 });
    before = sum_of(&talk.env, "data_sent", NULL, NULL);
    rp_ws_leave(talk.session, false); /* its close frame is still to be sent */
    talk.session = NULL;
    rp_ws_client_finish(talk.client);
    assert_int_equal((int)(sum_of(&talk.env, "data_sent", NULL, NULL) - before), 2 + 4 + 2);
    talk_deinit(&talk);

    talk_init(&talk, world);
    open_session(&talk, (struct rp_ws_spec){ 0 });
    assert_int_equal(rp_ws_close(talk.session, 4000, RP_SLICE("done")), 0);
    rp_ws_client_finish(talk.client);
    assert_int_equal(talk.session->close_code, 4000);
    assert_int_equal(count_of(&talk, "ws_session_duration"), 1);
    assert_int_equal(count_of(&talk, "ws_errors"), 0);
    talk_deinit(&talk);

    open_with_fault(&talk, world);
    rp_ws_client_finish(talk.client);
    assert_settled(&talk);
    talk_deinit(&talk);
}

/* A session that is being opened has no end to record. */
static void test_the_end_of_the_run_while_it_opens(struct world *world)
{
    char request[2048];
    struct talk talk;

    talk_init(&talk, world);
    begin(&talk, (struct rp_ws_spec){ 0 }, request, sizeof(request));
    rp_ws_client_finish(talk.client);
    assert_int_equal(talk.session->state, RP_WS_CONNECTING);
    accept_with(&talk, request, "", "", 0);
    until_state(&talk, RP_WS_OPEN);
    assert_int_equal(count_of(&talk, "ws_session_duration"), 0);
    talk_deinit(&talk);
}

int main(void)
{
    static const struct world_case cases[] = {
        CASE(test_a_message_before_a_fault_is_answered), CASE(test_a_fault_is_not_held_for_long),
        CASE(test_other_ends_of_a_session_with_a_fault), CASE(test_the_end_of_the_run),
        CASE(test_the_end_of_the_run_while_it_opens),
    };

    return run_worlds(cases, RP_ARRAY_LEN(cases));
}

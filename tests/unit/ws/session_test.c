/* SPDX-License-Identifier: MIT */

/* WebSockets of a user, against a peer that is a plain socket, read and written byte for byte. */

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "talk.h"

/* ---- what goes well -------------------------------------------------------------------------- */

static void test_a_session_from_beginning_to_end(struct world *world)
{
    const struct rp_slice protocols[] = { RP_SLICE("a"), RP_SLICE("b") };
    struct rp_ws_spec spec = { .protocols = protocols, .protocol_count = 2 };
    char request[2048];
    struct talk talk;

    talk_init(&talk, world);
    begin(&talk, spec, request, sizeof(request));
    assert_non_null(strstr(request, "GET /talk HTTP/1.1\r\n"));
    assert_non_null(strstr(request, "Upgrade: websocket\r\n"));
    assert_non_null(strstr(request, "Sec-WebSocket-Protocol: a, b\r\n"));
    assert_null(strstr(request, "Extensions"));
    /* A message comes with the answer, its second frame later. */
    accept_with(&talk, request, "Sec-WebSocket-Protocol: b\r\n", "\x01\x02he", 4);
    until_state(&talk, RP_WS_OPEN);
    assert_true(rp_slice_eq_str(talk.session->subprotocol, "b"));
    assert_int_equal(talk.session->status, 101);
    write_bytes(&talk, "\x80\x03llo\x82\x01!", 8);
    assert_message(&talk, true, "hello");
    assert_message(&talk, false, "!");
    assert_true(talk.woken >= 1);

    assert_int_equal(rp_ws_send(talk.session, RP_WS_TEXT, RP_SLICE("hi")), 0);
    assert_int_equal(rp_ws_send(talk.session, RP_WS_BINARY, RP_SLICE("")), 0);
    assert_frame(&talk, 0x81, "hi", 2);
    assert_frame(&talk, 0x82, "", 0);
    write_bytes(&talk, "\x89\x02?!", 4); /* a ping, which is answered by itself */
    assert_frame(&talk, 0x8a, "?!", 2);

    assert_int_equal(rp_ws_close(talk.session, 4000, RP_SLICE("done")), 0);
    assert_int_equal(rp_ws_send(talk.session, RP_WS_TEXT, RP_SLICE("late")), -EPIPE);
    assert_frame(&talk, 0x88,
                 "\x0f\xa0"
                 "done",
                 6);
    write_bytes(&talk, "\x81\x01x\x88\x02\x03\xe8", 7); /* what was under way, and the answer */
    until_state(&talk, RP_WS_CLOSED);
    assert_int_equal(talk.session->close_code, 4000);
    assert_string_equal(talk.session->close_reason, "done");
    assert_int_equal(talk.session->error_code, 0);
    assert_message(&talk, true, "x");
    assert_int_equal(open_connections(&talk), 1);
    close(talk.fd); /* the server ends the connection */
    talk.fd = -1;
    while (open_connections(&talk))
        turn(world);
    assert_int_equal(count_of(&talk, "ws_sessions"), 1);
    assert_int_equal(count_of(&talk, "ws_connecting"), 1);
    assert_int_equal(count_of(&talk, "ws_session_duration"), 1);
    assert_int_equal(count_of(&talk, "ws_errors"), 0);
    assert_int_equal((int)sum_of(&talk.env, "ws_msgs_sent", "subprotocol", "b"), 2);
    assert_int_equal((int)sum_of(&talk.env, "ws_msgs_received", "status", "101"), 3);
    assert_int_equal(count_of(&talk, "http_reqs"), 0);
    assert_true(sum_of(&talk.env, "data_sent", NULL, NULL) >=
                (double)strlen(request) + 8 + 6 + 8 + 12);
    talk_deinit(&talk);
}

static void test_pings_are_measured(struct world *world)
{
    struct talk talk;
    char payload[125];
    size_t len;

    talk_init(&talk, world);
    open_session(&talk, (struct rp_ws_spec){ 0 });
    assert_int_equal(rp_ws_ping(talk.session), 0);
    assert_int_equal(rp_ws_ping(talk.session), 0);
    assert_int_equal(take_frame(&talk, payload, &len), 0x89);
    assert_int_equal(take_frame(&talk, payload, &len), 0x89); /* answers both */
    write_bytes(&talk, "\x8a\x01x", 3);                       /* answers none */
    clock_ahead += 40 * RP_MS;
    payload[len] = '\0';
    dprintf(talk.fd, "\x8a%c%s", (char)len, payload);
    while (talk.session->pongs < 2)
        turn(world);
    assert_true(rp_ws_ping_took(talk.session, 1) >= 40 * RP_MS);
    assert_true(rp_ws_ping_took(talk.session, 2) >= 40 * RP_MS);
    assert_int_equal(count_of(&talk, "ws_ping"), 1);

    assert_int_equal(rp_ws_ping(talk.session), 0);
    clock_ahead += 30 * RP_MS;
    assert_int_equal(rp_ws_ping(talk.session), 0);
    assert_int_equal(take_frame(&talk, payload, &len), 0x89);
    assert_int_equal(take_frame(&talk, payload, &len), 0x89);
    write_bytes(&talk,
                "\x8a\x01"
                "3"
                "\x8a\x01"
                "4",
                6);
    while (talk.session->pongs < 4)
        turn(world);
    assert_true(rp_ws_ping_took(talk.session, 3) - rp_ws_ping_took(talk.session, 4) >= 30 * RP_MS);
    assert_int_equal(count_of(&talk, "ws_ping"), 3);
    for (int i = 0; i < RP_WS_PINGS_TIMED; i++)
        assert_int_equal(rp_ws_ping(talk.session), 0);
    assert_int_equal(rp_ws_ping_took(talk.session, 4), -1);
    talk_deinit(&talk);
}

/* What is sent counts when it has gone, though nothing comes. */
static void test_bytes_that_nobody_answers(struct world *world)
{
    struct talk talk;
    double before;

    talk_init(&talk, world);
    open_session(&talk, (struct rp_ws_spec){ 0 });
    before = sum_of(&talk.env, "data_sent", NULL, NULL);
    assert_int_equal(rp_ws_send(talk.session, RP_WS_TEXT, RP_SLICE("hello")), 0);
    assert_frame(&talk, 0x81, "hello", 5);
    assert_int_equal((int)(sum_of(&talk.env, "data_sent", NULL, NULL) - before), 2 + 4 + 5);
    assert_int_equal(rp_ws_send(talk.session, RP_WS_TEXT, RP_SLICE("hi")), 0);
    rp_ws_leave(talk.session, false); /* the user goes before the loop has sent it */
    talk.session = NULL;
    rp_ws_user_free(talk.user);
    assert_int_equal((int)(sum_of(&talk.env, "data_sent", NULL, NULL) - before), 11 + 8 + 8);
    assert_int_equal(rp_ws_user_new(talk.client, talk.env.client, talk.env.session, &talk.user), 0);
    talk_deinit(&talk);
}

/* ---- ends ------------------------------------------------------------------------------------ */

static void test_a_session_that_is_left(struct world *world)
{
    struct talk talk;

    talk_init(&talk, world);
    open_session(&talk, (struct rp_ws_spec){ 0 });
    rp_ws_leave(talk.session, false);
    talk.session = NULL;
    assert_frame(&talk, 0x88, "\x03\xe8", 2);
    assert_int_equal(open_connections(&talk), 1); /* until the server ends it */
    write_bytes(&talk, "\x81\x01x\x88\x02\x03\xe8", 7);
    close(talk.fd);
    talk.fd = -1;
    while (open_connections(&talk))
        turn(world);
    assert_int_equal(count_of(&talk, "ws_session_duration"), 1);
    assert_int_equal(count_of(&talk, "ws_errors"), 0);

    open_session(&talk, (struct rp_ws_spec){ 0 });
    rp_ws_leave(talk.session, false); /* the server is told even when the user goes at once */
    talk.session = NULL;
    rp_ws_user_free(talk.user);
    assert_int_equal(open_connections(&talk), 0);
    assert_frame(&talk, 0x88, "\x03\xe8", 2);
    assert_int_equal(rp_ws_user_new(talk.client, talk.env.client, talk.env.session, &talk.user), 0);
    talk_deinit(&talk);
}

/* A script may keep what it has never opened for longer than its user lives. */
static void test_a_session_that_was_never_opened(struct world *world)
{
    struct rp_ws_spec spec = { 0 };
    struct talk talk;

    talk_init(&talk, world);
    assert_int_equal(new_session(&talk, &spec, NULL), 0);
    rp_ws_user_free(talk.user);
    rp_ws_leave(talk.session, false);
    talk.session = NULL;
    assert_int_equal(rp_ws_user_new(talk.client, talk.env.client, talk.env.session, &talk.user), 0);
    talk_deinit(&talk);
}

static void test_a_session_that_is_given_up_while_it_opens(struct world *world)
{
    char request[2048];
    struct talk talk;

    talk_init(&talk, world);
    begin(&talk, (struct rp_ws_spec){ 0 }, request, sizeof(request));
    rp_ws_leave(talk.session, true);
    talk.session = NULL;
    assert_int_equal(open_connections(&talk), 0);
    assert_int_equal((int)sum_of(&talk.env, "ws_errors", "error_code", "1903"), 1);
    talk_deinit(&talk);
}

static void assert_broken(struct talk *talk, int error_code, unsigned close_code)
{
    until_state(talk, RP_WS_CLOSED);
    assert_int_equal(talk->session->error_code, error_code);
    assert_int_equal(talk->session->close_code, close_code);
    assert_int_equal(count_of(talk, "ws_errors"), 1);
    assert_int_equal(count_of(talk, "ws_session_duration"), 1);
}

static void test_a_server_that_does_not_answer(struct world *world)
{
    struct talk talk;
    char payload[125];
    size_t len;

    talk_init(&talk, world);
    open_session(&talk, (struct rp_ws_spec){ .close_timeout = RP_S });
    assert_int_equal(rp_ws_close(talk.session, RP_WS_NO_CODE, RP_SLICE("")), 0);
    assert_frame(&talk, 0x88, "", 0);
    clock_ahead += RP_S;
    assert_broken(&talk, RP_HTTP_TIMEOUT, RP_WS_ABNORMAL);
    assert_string_equal(talk.session->error, "no answer to the close frame");
    talk_deinit(&talk);

    talk_init(&talk, world);
    open_session(&talk, (struct rp_ws_spec){ .heartbeat = 10 * RP_S });
    clock_ahead += 10 * RP_S;
    assert_int_equal(take_frame(&talk, payload, &len), 0x89);
    write_bytes(&talk, "\x81\x01x", 3); /* it lives, though it does not answer */
    assert_message(&talk, true, "x");
    clock_ahead += 9 * RP_S;
    look(world);
    assert_int_equal(talk.session->state, RP_WS_OPEN);
    clock_ahead += 20 * RP_S;
    assert_broken(&talk, RP_HTTP_TIMEOUT, RP_WS_ABNORMAL);
    assert_string_equal(talk.session->error, "no answer to the heartbeat");
    talk_deinit(&talk);
}

static void test_a_server_that_breaks_the_protocol(struct world *world)
{
    struct talk talk;
    char payload[125];
    size_t len;

    talk_init(&talk, world);
    open_session(&talk, (struct rp_ws_spec){ 0 });
    write_bytes(&talk, "\x83\x00\x81\x01y", 5);
    assert_broken(&talk, RP_HTTP_PROTOCOL, RP_WS_PROTOCOL_ERROR);
    assert_null(rp_ws_take(talk.session));
    assert_int_equal(take_frame(&talk, payload, &len), 0x88);
    assert_memory_equal(payload, "\x03\xea", 2);
    clock_ahead += 2 * RP_S; /* it does not end the connection either */
    while (open_connections(&talk))
        turn(world);
    talk_deinit(&talk);

    talk_init(&talk, world);
    open_session(&talk, (struct rp_ws_spec){ .message_max = 3 });
    write_bytes(&talk, "\x81\x04xxxx", 6);
    assert_broken(&talk, RP_HTTP_TOO_LARGE, RP_WS_TOO_BIG);
    assert_string_equal(talk.session->error,
                        "a message has more than 3 bytes (max_msg_size= allows more)");
    talk_deinit(&talk);

    talk_init(&talk, world);
    open_session(&talk, (struct rp_ws_spec){ 0 });
    write_bytes(&talk, "\x81\x05x", 3);
    close(talk.fd);
    talk.fd = -1;
    assert_broken(&talk, RP_HTTP_CLOSED, RP_WS_ABNORMAL);
    assert_int_equal(open_connections(&talk), 0);
    talk_deinit(&talk);
}

static void test_answers_that_are_none_of_a_websocket(struct world *world)
{
    static const char *const answers[] = {
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    };
    char request[2048];
    struct talk talk;

    for (size_t i = 0; i < RP_ARRAY_LEN(answers); i++) {
        talk_init(&talk, world);
        begin(&talk, (struct rp_ws_spec){ 0 }, request, sizeof(request));
        write_bytes(&talk, answers[i], strlen(answers[i]));
        until_state(&talk, RP_WS_CLOSED);
        assert_int_equal(talk.session->error_code, RP_HTTP_PROTOCOL);
        assert_int_equal(talk.session->opened, 0);
        assert_int_equal((int)sum_of(&talk.env, "ws_errors", "error", "not a WebSocket"), 1);
        assert_int_equal(count_of(&talk, "ws_sessions"), 0);
        talk_deinit(&talk);
    }
}

static void test_what_cannot_be_asked_for(struct world *world)
{
    const struct rp_header upgrade = { RP_SLICE("upgrade"), RP_SLICE("x") };
    const struct rp_slice blank = RP_SLICE("a b"), twice[] = { RP_SLICE("a"), RP_SLICE("a") };
    struct rp_ws_spec specs[] = {
        { .http = { .headers = &upgrade, .header_count = 1 } },
        { .protocols = &blank, .protocol_count = 1 },
        { .protocols = twice, .protocol_count = 2 },
    };
    struct talk talk;

    talk_init(&talk, world);
    for (size_t i = 0; i < RP_ARRAY_LEN(specs); i++) {
        struct rp_error err = { 0 };

        assert_int_equal(new_session(&talk, &specs[i], &err), -RP_EUSER);
        assert_non_null(err.message);
        rp_error_deinit(&err);
    }
    talk.session = NULL;
    talk_deinit(&talk);
}

/* The request, unless the client ends the connection before. */
static void try_take_request(struct talk *talk, char *text, size_t size)
{
    size_t len = 0;

    while (!strstr(text, "\r\n\r\n") && talk->session->state == RP_WS_CONNECTING) {
        ssize_t got = recv(talk->fd, text + len, size - 1 - len, MSG_DONTWAIT);

        if (got == 0 || (got < 0 && errno != EAGAIN))
            return;
        len += got > 0 ? (size_t)got : 0;
        text[len] = '\0';
        look(talk->env.world);
    }
}

/* However memory runs out, the session is opened, or it has failed, or it was never made. */
static void test_no_memory(struct world *world)
{
    bool was_opened = false;

    for (uint64_t n = 1; n < 200 && !was_opened; n++) {
        struct talk talk;
        struct rp_ws_spec spec = { .heartbeat = RP_S, .deflate = &RP_WS_DEFLATE_DEFAULT };
        char request[2048] = "";
        uint64_t before;
        int r;

        talk_init(&talk, world);
        before = rp_alloc_count();
        rp_alloc_fail_at(n);
        r = new_session(&talk, &spec, NULL);
        if (r < 0) {
            assert_int_equal(r, -ENOMEM);
            talk.session = NULL;
        } else {
            rp_ws_open(talk.session, &talk.response, talk.env.tags);
            for (int i = 0; i < 20 && !peer_is_waiting(&talk.env); i++)
                look(world);
        }
        if (talk.session && peer_is_waiting(&talk.env)) {
            talk.fd = peer_accept(&talk.env);
            try_take_request(&talk, request, sizeof(request));
        }
        if (talk.session && strstr(request, "\r\n\r\n")) {
            accept_with(&talk, request, "Sec-WebSocket-Extensions: permessage-deflate\r\n",
                        "\x81\x02hi", 4);
            for (int i = 0; i < 1000 && talk.session->state == RP_WS_CONNECTING; i++)
                turn(world);
            was_opened = talk.session->state == RP_WS_OPEN && talk.session->first &&
                         rp_ws_send(talk.session, RP_WS_TEXT, RP_SLICE("x")) == 0 &&
                         rp_alloc_count() < before + n;
        }
        rp_alloc_fail_at(0);
        talk_deinit(&talk);
    }
    assert_true(was_opened);
}

int main(void)
{
    static const struct world_case cases[] = {
        CASE(test_a_session_from_beginning_to_end),
        CASE(test_pings_are_measured),
        CASE(test_bytes_that_nobody_answers),
        CASE(test_a_session_that_is_left),
        CASE(test_a_session_that_was_never_opened),
        CASE(test_a_session_that_is_given_up_while_it_opens),
        CASE(test_a_server_that_does_not_answer),
        CASE(test_a_server_that_breaks_the_protocol),
        CASE(test_answers_that_are_none_of_a_websocket),
        CASE(test_what_cannot_be_asked_for),
        CASE(test_no_memory),
    };

    return run_worlds(cases, RP_ARRAY_LEN(cases));
}

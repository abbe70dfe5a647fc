/* SPDX-License-Identifier: MIT */

/* What a client of HTTP/2 bears from a server that sends no response. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "proto/h2.h"

enum { PING = 6, ACK = 1, PING_LEN = 17 };

static void ignore(void *user)
{
}

static const struct rp_h2_events events = { .changed = ignore };

static void setup(struct rp_h2_session **session)
{
    assert_int_equal(rp_h2_session_new(&events, NULL, session), 0);
    assert_int_equal(rp_h2_receive(*session, rp_slice("\0\0\0\4\0\0\0\0\0", 9)), 0);
}

static void come(struct rp_h2_session *session, uint8_t flags)
{
    char frame[PING_LEN] = { 0, 0, 8, PING, (char)flags };
    struct rp_buf out;

    rp_buf_init(&out, SIZE_MAX);
    assert_int_equal(rp_h2_receive(session, rp_slice(frame, sizeof(frame))), 0);
    assert_int_equal(rp_h2_take(session, &out, SIZE_MAX), 0);
    rp_buf_deinit(&out);
}

/* A connection that is watched and silent for long is as well as one that works. */
static void test_answers_to_pings_are_no_flood(void **state)
{
    struct rp_h2_session *session;

    setup(&session);
    for (int i = 0; i < RP_H2_IDLE_FRAMES_MAX + 100; i++) {
        assert_int_equal(rp_h2_ping(session), 0);
        come(session, ACK);
        assert_false(rp_h2_is_over(session));
    }
    rp_h2_session_free(session);
}

/* The peer watches the connection, too. */
static void test_pings_of_the_peer_between_answers_are_no_flood(void **state)
{
    struct rp_h2_session *session;

    setup(&session);
    for (int i = 0; i < RP_H2_IDLE_FRAMES_MAX + 100; i++) {
        if (i % 100 == 0) {
            assert_int_equal(rp_h2_ping(session), 0);
            come(session, ACK);
        }
        come(session, 0);
        assert_false(rp_h2_is_over(session));
    }
    rp_h2_session_free(session);
}

/* One PING has one answer: the others are frames that bring nothing. */
static void test_answers_that_nobody_has_asked_for_are_a_flood(void **state)
{
    struct rp_h2_session *session;
    int answers = 0;

    setup(&session);
    assert_int_equal(rp_h2_ping(session), 0);
    while (!rp_h2_is_over(session) && answers <= 2 * RP_H2_IDLE_FRAMES_MAX) {
        come(session, ACK);
        answers++;
    }
    assert_in_range(answers, RP_H2_IDLE_FRAMES_MAX, RP_H2_IDLE_FRAMES_MAX + 2);
    assert_string_equal(rp_h2_error(session).text, "too many frames that bring nothing");
    rp_h2_session_free(session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers_to_pings_are_no_flood),
        cmocka_unit_test(test_pings_of_the_peer_between_answers_are_no_flood),
        cmocka_unit_test(test_answers_that_nobody_has_asked_for_are_a_flood),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

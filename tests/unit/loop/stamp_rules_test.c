/* SPDX-License-Identifier: MIT */

/* Which receive stamps are believed, and of which delays is told: stamps and times that are made up, without sockets. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "loop/backend.h"

static union rp_stamp_control control_of(rp_ns time)
{
    struct timespec stamp = { time / RP_S, time % RP_S };
    union rp_stamp_control control = { .bytes = { 0 } };

    control.head = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(stamp)),
                                     .cmsg_level = SOL_SOCKET,
                                     .cmsg_type = SCM_TIMESTAMPNS };
    memcpy(CMSG_DATA(&control.head), &stamp, sizeof(stamp));
    return control;
}

/* Both clocks are one here, and nothing is doubted for its age. */
static void without_whole_control_data_the_time_is_that_of_taking(void **state)
{
    const rp_ns stamp = 500 * RP_S, at = 501 * RP_S;
    union rp_stamp_control control = control_of(stamp);
    struct rp_stamps stamps;
    struct rp_stream stream = { .fd = -1 };

    rp_stamps_init(&stamps);
    for (size_t len = 0; len < sizeof(control); len++)
        assert_int_equal(rp_stamps_read(&stamps, &stream, &control, len, at), at);
    stream.last_data = 0;
    assert_int_equal(rp_stamps_read(&stamps, &stream, &control, sizeof(control), at), stamp);
    control.head.cmsg_type = SCM_RIGHTS;
    assert_int_equal(rp_stamps_read(&stamps, &stream, &control, sizeof(control), at), at);
    rp_stamps_deinit(&stamps);
}

static void the_times_of_a_stream_never_go_backward(void **state)
{
    const rp_ns at = 501 * RP_S;
    union rp_stamp_control control = control_of(500 * RP_S);
    struct rp_stamps stamps;
    struct rp_stream stream = { .fd = -1 };

    rp_stamps_init(&stamps);
    assert_int_equal(rp_stamps_read(&stamps, &stream, &control, 0, at), at);
    stamps.measured = at; /* the clocks of this machine stay out of it */
    assert_int_equal(rp_stamps_read(&stamps, &stream, &control, sizeof(control), at), at);
    rp_stamps_deinit(&stamps);
}

struct told {
    struct rp_stamp_user user;
    uint64_t calls, weights;
};

static void count_told(struct rp_stamp_user *user, rp_ns delay, unsigned weight)
{
    struct told *told = rp_container_of(user, struct told, user);

    told->calls++;
    told->weights += weight;
}

/* Receives every @interval; returns how many of a second are told. */
static uint64_t told_in_a_second(rp_ns interval)
{
    union rp_stamp_control control = control_of(0);
    struct told told = { .user.delay = count_told };
    struct rp_stream stream = { .fd = -1 };
    struct rp_stamps stamps;
    uint64_t count = 0;

    rp_stamps_init(&stamps);
    rp_stamps_add(&stamps, &told.user);
    for (rp_ns at = RP_S; at < 2 * RP_S; at += interval, count++)
        (void)rp_stamps_read(&stamps, &stream, &control, sizeof(control), at);
    rp_stamps_remove(&stamps, &told.user);
    rp_stamps_deinit(&stamps);
    assert_true(told.weights <= count + 63 && count <= told.weights + 63);
    return told.calls;
}

static void few_delays_are_told_and_of_many_some(void **state)
{
    assert_int_equal(told_in_a_second(RP_S), 1);
    assert_int_equal(told_in_a_second(10 * RP_MS), 100);
    assert_int_equal(told_in_a_second(RP_MS + 1), 1000);
    for (rp_ns interval = 500 * RP_US; interval >= 20 * RP_US; interval /= 2)
        assert_in_range(told_in_a_second(interval), 400, 1600);
    assert_in_range(told_in_a_second(RP_US), 10000, 20000);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_whole_control_data_the_time_is_that_of_taking),
        cmocka_unit_test(the_times_of_a_stream_never_go_backward),
        cmocka_unit_test(few_delays_are_told_and_of_many_some),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

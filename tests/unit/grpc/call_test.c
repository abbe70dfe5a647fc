/* SPDX-License-Identifier: MIT */

/* Calls of gRPC against a server that is read and written frame by frame: what happens when there is no memory, and a
 * server that sends more than the script takes, or nothing. */

#include "base/alloc.h"
#include "place.h"

/* One call to its end. Returns whether it is OK, with one message. */
static bool run_call(struct place *place, bool is_stream, rp_ns limit)
{
    static char request[5000];
    struct rp_slice message;
    struct rp_grpc_call call;
    int messages = 0;
    int r;

    call_init(place, &call, is_stream);
    r = rp_grpc_send(&call, rp_slice(request, sizeof(request)));
    rp_grpc_half_close(&call);
    if (r == 0)
        r = rp_grpc_start(place->session, &call);
    while (r == 0 && !call.has_ended) {
        turn_and_serve(place, limit);
        while (rp_grpc_receive(&call, &message))
            messages++;
    }
    while (r == 0 && rp_grpc_receive(&call, &message))
        messages++;
    if (r == 0 && call.status != RP_GRPC_OK) {
        assert_true(call.error_code >= 1000);
        r = -EIO;
    }
    rp_grpc_deinit(&call);
    return r == 0 && messages == 1;
}

static bool run(struct world *world, uint64_t fail_at)
{
    static struct place place;
    rp_ns limit = rp_clock_ns() + 50 * RP_S; /* none waits for its deadline */
    bool all_good = false;

    rp_alloc_fail_at(0);
    all_good = place_init(&place, world) == 0;
    rp_alloc_fail_at(fail_at);
    all_good &= run_call(&place, false, limit);
    all_good &= run_call(&place, true, limit);
    rp_alloc_fail_at(0);
    place_deinit(&place);
    look(world);
    return all_good;
}

static void test_every_failing_allocation(struct world *world)
{
    uint64_t before = rp_alloc_count(), most;
    int bad = 0;

    assert_true(run(world, 0));
    most = rp_alloc_count() - before;
    for (uint64_t n = 1; n <= most; n++)
        bad += !run(world, n);
    assert_true(bad >= 10);
}

/* The client takes no more than its windows and what it keeps for the script, until the script receives. */
static void test_a_slow_script_holds_the_server_up(struct world *world)
{
    enum { MESSAGES = 500 };
    static struct place place;
    rp_ns limit = rp_clock_ns() + 50 * RP_S;
    struct rp_grpc_call call;
    struct rp_slice message;
    size_t sent = 0;
    int taken = 0;

    assert_int_equal(place_init(&place, world), 0);
    place.server.messages = MESSAGES;
    call_init(&place, &call, true);
    assert_int_equal(rp_grpc_send(&call, RP_SLICE("x")), 0);
    rp_grpc_half_close(&call);
    assert_int_equal(rp_grpc_start(place.session, &call), 0);
    while (!call.ready || place.server.window >= LARGE)
        turn_and_serve(&place, limit);
    for (int i = 0; i < 100; i++) /* nothing changes any more */
        turn_and_serve(&place, limit);
    sent = place.server.sent;
    assert_in_range(sent, (1 << 20) - LARGE, 2 << 20);
    while (!call.has_ended || call.ready) {
        while (rp_grpc_receive(&call, &message)) {
            assert_int_equal(message.len, LARGE - RP_GRPC_PREFIX);
            taken++;
        }
        if (!call.has_ended)
            turn_and_serve(&place, limit);
    }
    assert_int_equal(taken, MESSAGES);
    assert_int_equal(call.status, RP_GRPC_OK);
    assert_int_equal((int)sum_of(&place.env, "grpc_streams_msgs_received", NULL, NULL), MESSAGES);
    assert_int_equal((int)sum_of(&place.env, "grpc_streams_msgs_sent", NULL, NULL), 1);
    rp_grpc_deinit(&call);
    place_deinit(&place);
    look(world);
}

/* How a call is ended by the script: the server is told, and what is recorded. */
static void test_calls_that_are_ended(struct world *world)
{
    static const struct {
        enum rp_grpc_end how;
        int reqs, judged, failed;
    } cases[] = { { RP_GRPC_LEAVE, 1, 1, 0 },
                  { RP_GRPC_GIVE_UP, 1, 1, 1 },
                  { RP_GRPC_INTERRUPT, 1, 0, 0 },
                  { RP_GRPC_ABANDON, 0, 0, 0 } };
    rp_ns limit = rp_clock_ns() + 50 * RP_S;

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        static struct place place;
        struct rp_grpc_call call;

        assert_int_equal(place_init(&place, world), 0);
        place.server.messages = 1000;
        call_init(&place, &call, true);
        assert_int_equal(rp_grpc_send(&call, RP_SLICE("x")), 0);
        rp_grpc_half_close(&call);
        assert_int_equal(rp_grpc_start(place.session, &call), 0);
        while (!call.ready)
            turn_and_serve(&place, limit);
        rp_grpc_cancel(&call, cases[i].how);
        assert_true(call.has_ended && !rp_grpc_is_running(&call));
        assert_int_equal(call.status, RP_GRPC_CANCELLED);
        while (!place.server.resets)
            turn_and_serve(&place, limit);
        assert_int_equal((int)sum_of(&place.env, "grpc_reqs", NULL, NULL), cases[i].reqs);
        assert_int_equal((int)samples_of(&place.env, "grpc_req_failed", NULL, NULL),
                         cases[i].judged);
        assert_int_equal((int)sum_of(&place.env, "grpc_req_failed", NULL, NULL), cases[i].failed);
        rp_grpc_cancel(&call, RP_GRPC_GIVE_UP); /* nothing more */
        rp_grpc_deinit(&call);
        place_deinit(&place);
    }
    look(world);
}

static void start_unary(struct place *place, struct rp_grpc_call *call)
{
    call_init(place, call, false);
    assert_int_equal(rp_grpc_send(call, RP_SLICE("x")), 0);
    rp_grpc_half_close(call);
    assert_int_equal(rp_grpc_start(place->session, call), 0);
}

static void test_the_only_response_may_be_taken_before_the_end(struct world *world)
{
    static struct place place;
    rp_ns limit = rp_clock_ns() + 50 * RP_S;
    struct rp_grpc_call call;
    struct rp_slice message;

    assert_int_equal(place_init(&place, world), 0);
    place.server.keeps_open = true;
    start_unary(&place, &call);
    while (!call.ready)
        turn_and_serve(&place, limit);
    assert_true(rp_grpc_receive(&call, &message));
    assert_int_equal(message.len, LARGE - RP_GRPC_PREFIX);
    assert_false(call.has_ended);
    place.server.keeps_open = false;
    server_go_on(&place.server);
    while (!call.has_ended)
        turn_and_serve(&place, limit);
    assert_int_equal(call.status, RP_GRPC_OK);
    assert_int_equal((int)sum_of(&place.env, "grpc_req_failed", NULL, NULL), 0);
    rp_grpc_deinit(&call);
    place_deinit(&place);
    look(world);
}

/* It is refused as soon as it has come: the server might never end the answer. */
static void test_a_second_response_where_one_is_allowed(struct world *world)
{
    static struct place place;
    rp_ns limit = rp_clock_ns() + 50 * RP_S;
    struct rp_grpc_call call;

    assert_int_equal(place_init(&place, world), 0);
    place.server.keeps_open = true;
    place.server.messages = 100;
    start_unary(&place, &call);
    while (!call.has_ended)
        turn_and_serve(&place, limit);
    assert_int_equal(call.status, RP_GRPC_UNIMPLEMENTED);
    assert_string_equal(rp_buf_str(&call.text), "the answer has more than one message");
    assert_int_equal(call.ready, 0);
    while (!place.server.resets)
        turn_and_serve(&place, limit);
    rp_grpc_deinit(&call);
    place_deinit(&place);
    look(world);
}

/* A stream that the server leaves open without a word, with @pongs answers to PINGs. */
static void begin_silent(struct place *place, struct world *world, struct rp_grpc_call *call,
                         int pongs, rp_ns timeout)
{
    assert_int_equal(place_init(place, world), 0);
    place->server.keeps_open = true;
    place->server.pongs = pongs;
    place->keepalive = 20 * RP_MS;
    place->keepalive_timeout = timeout;
    rp_grpc_method_unref(place->stream);
    assert_int_equal(make_method(place, true, &place->stream), 0);
    call_init(place, call, true);
    assert_int_equal(rp_grpc_send(call, RP_SLICE("x")), 0);
    rp_grpc_half_close(call);
    assert_int_equal(rp_grpc_start(place->session, call), 0);
}

/* It is asked for a sign of life while it says nothing, and is given up when it gives none. */
static void test_a_server_that_is_gone_without_a_word(struct world *world)
{
    static struct place place;
    rp_ns limit = rp_clock_ns() + 50 * RP_S;
    struct rp_grpc_call call;

    begin_silent(&place, world, &call, 3, 60 * RP_MS);
    while (!call.has_ended)
        turn_and_serve(&place, limit);
    assert_int_equal(place.server.pings, 4);
    assert_int_equal(call.status, RP_GRPC_UNAVAILABLE);
    assert_int_equal(call.error_code, RP_HTTP_NO_ANSWER);
    assert_string_equal(rp_buf_str(&call.text),
                        "keepalive timeout: the server has not answered a PING for 0.06 s");
    assert_int_equal((int)sum_of(&place.env, "grpc_req_failed", NULL, NULL), 1);
    rp_grpc_deinit(&call);
    place_deinit(&place);
    look(world);
}

/* The time-out is of no concern while the server answers: it is asked again as if it had spoken by itself. */
static void test_a_long_time_out_makes_no_ping_late(struct world *world)
{
    static struct place place;
    rp_ns limit = rp_clock_ns() + 50 * RP_S;
    struct rp_grpc_call call;

    begin_silent(&place, world, &call, 4, 100 * RP_S);
    while (place.server.pings < 4)
        turn_and_serve(&place, limit);
    assert_false(call.has_ended);
    rp_grpc_cancel(&call, RP_GRPC_LEAVE);
    rp_grpc_deinit(&call);
    place_deinit(&place);
    look(world);
}

/* However short it is, it ends. */
static void test_no_time_out_ends_the_wait_at_once(struct world *world)
{
    static struct place place;
    rp_ns limit = rp_clock_ns() + 50 * RP_S;
    struct rp_grpc_call call;

    begin_silent(&place, world, &call, 0, 0);
    while (!call.has_ended)
        turn_and_serve(&place, limit);
    assert_int_equal(call.error_code, RP_HTTP_NO_ANSWER);
    rp_grpc_deinit(&call);
    place_deinit(&place);
    look(world);
}

/* The bytes are on the wire, whoever has asked for them. */
static void test_of_an_unmeasured_call_the_bytes_count(struct world *world)
{
    static struct place place;
    rp_ns limit = rp_clock_ns() + 50 * RP_S;
    struct rp_grpc_call call;

    assert_int_equal(place_init(&place, world), 0);
    place.is_unmeasured = true;
    rp_grpc_method_unref(place.unary);
    assert_int_equal(make_method(&place, false, &place.unary), 0);
    call_init(&place, &call, false);
    assert_int_equal(rp_grpc_send(&call, RP_SLICE("x")), 0);
    rp_grpc_half_close(&call);
    assert_int_equal(rp_grpc_start(place.session, &call), 0);
    while (!call.has_ended)
        turn_and_serve(&place, limit);
    assert_int_equal(call.status, RP_GRPC_OK);
    assert_int_equal((int)sum_of(&place.env, "grpc_reqs", NULL, NULL), 0);
    assert_true(sum_of(&place.env, "data_sent", NULL, NULL) > 0);
    assert_true(sum_of(&place.env, "data_received", NULL, NULL) > LARGE);
    rp_grpc_deinit(&call);
    place_deinit(&place);
    look(world);
}

int main(void)
{
    static const struct world_case cases[] = {
        CASE(test_every_failing_allocation),
        CASE(test_a_slow_script_holds_the_server_up),
        CASE(test_calls_that_are_ended),
        CASE(test_the_only_response_may_be_taken_before_the_end),
        CASE(test_a_second_response_where_one_is_allowed),
        CASE(test_a_server_that_is_gone_without_a_word),
        CASE(test_a_long_time_out_makes_no_ping_late),
        CASE(test_no_time_out_ends_the_wait_at_once),
        CASE(test_of_an_unmeasured_call_the_bytes_count),
    };

    return run_worlds(cases, RP_ARRAY_LEN(cases));
}

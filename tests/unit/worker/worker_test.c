/* SPDX-License-Identifier: MIT */

/* The worker's side (worker_side.c): every message in and out of its order, and ends of all kinds. */

#include "worker_side.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>

#include "base/alloc.h"

/* Before the start, while it runs, twice, and with a stop in it; the answers say when. */
static void test_pauses(struct world *world)
{
    struct side side;
    rp_ns paused;

    side_init(&side, world);
    side.never_ends = true;
    go_to(&side, RP_MSG_SETUP);
    tell(&side, RP_MSG_PAUSE);
    tell_and_wait(&side, RP_MSG_START, RP_MSG_STATE);
    assert_int_equal(side.seen[RP_MSG_STATE], 1); /* before the start there was nothing to say */
    assert_true(side.is_paused);
    tell_and_wait(&side, RP_MSG_RESUME, RP_MSG_STATE);
    assert_false(side.is_paused);
    paused = side.paused;
    assert_true(paused > 0 && paused <= side.elapsed);
    for (int i = 0; i < 2; i++) {
        tell_and_wait(&side, RP_MSG_PAUSE, RP_MSG_STATE);
        assert_true(side.is_paused);
        assert_true(side.paused >= paused && side.paused < side.elapsed);
    }
    tell_and_wait(&side, RP_MSG_STOP, RP_MSG_FINISHED);
    assert_false(side.is_paused);
    assert_true(side.paused > paused && side.paused < side.elapsed);
    tell_and_wait(&side, RP_MSG_EXIT, RP_MSG_BYE);
    assert_int_equal(side.seen[RP_MSG_WARNING], 0);
    side_deinit(&side);
}

/* ---- tests ---- */

static void test_a_whole_run(struct world *world)
{
    struct side side;

    side_init(&side, world);
    go_to(&side, RP_MSG_TEARDOWN);
    assert_int_equal(side.ended, 0);
    tell_and_wait(&side, RP_MSG_EXIT, RP_MSG_BYE);
    turn_until(world, &side.ended, 1);
    assert_int_equal(side.status, 0);
    assert_int_equal(side.last, RP_MSG_BYE);
    assert_int_equal(side.hooks, 2);
    assert_int_equal(side.begun, ITERATIONS);
    assert_int_equal(side.seen[RP_MSG_WARNING], 0);
    assert_int_equal(side.seen[RP_MSG_TOTAL], side.seen[RP_MSG_DEFINE]);
    assert_true(side.seen[RP_MSG_ERROR] > 0);
    assert_false(side.totals_differ);
    assert_true(rp_sum_read(&rp_store_view(side.store, "iterations")->total.counter) == ITERATIONS);
    assert_int_equal(rp_store_view(side.store, "mine")->total.samples, ITERATIONS);
    /* What comes after that finds nobody. */
    tell(&side, RP_MSG_EXIT);
    for (int i = 0; i < 3; i++)
        look(world);
    assert_int_equal(side.ended, 1);
    side_deinit(&side);
    assert_int_equal(side.released, 1);
}

static void test_failures_are_told(struct world *world)
{
    struct side side;

    side_init(&side, world);
    side.fails_to_load = true;
    tell_and_wait(&side, RP_MSG_LOAD, RP_MSG_FAILED);
    assert_int_equal(side.stage, RP_MSG_LOAD);
    assert_int_equal(
        rp_channel_send(&side.channel, RP_MSG_PLAN,
                        &(struct rp_msg_plan){ .json = RP_SLICE("no plan"), .workers = 1 }),
        0);
    turn_until(world, &side.seen[RP_MSG_FAILED], 2);
    assert_int_equal(side.stage, RP_MSG_PLAN);
    tell_and_wait(&side, RP_MSG_EXIT, RP_MSG_BYE);
    turn_until(world, &side.ended, 1);
    assert_int_equal(side.status, 0);
    side_deinit(&side);
}

/* A host of which only what must be there is there: it has no hooks, so they have ended, and no iteration of its fails. */
static void test_a_bare_host(struct world *world)
{
    struct rp_script_ops bare = side_ops;
    struct side side;

    bare.hook = NULL;
    bare.pack = NULL;
    bare.share = NULL;
    bare.each_error = NULL;
    side_init(&side, world);
    side.script.ops = &bare;
    go_to(&side, RP_MSG_SETUP);
    tell_and_wait(&side, RP_MSG_SHARE, RP_MSG_FAILED);
    assert_int_equal(side.stage, RP_MSG_SHARE);
    tell_and_wait(&side, RP_MSG_START, RP_MSG_FINISHED);
    tell_and_wait(&side, RP_MSG_TEARDOWN, RP_MSG_HOOK_ENDED);
    tell_and_wait(&side, RP_MSG_EXIT, RP_MSG_BYE);
    assert_int_equal(side.seen[RP_MSG_HOOK_ENDED], 2);
    assert_int_equal(side.seen[RP_MSG_ERROR] + side.seen[RP_MSG_WARNING] + side.hooks, 0);
    assert_true(rp_sum_read(&rp_store_view(side.store, "iterations")->total.counter) == ITERATIONS);
    side_deinit(&side);
}

/* One release() for one prepare(), however either went. */
static void test_what_is_prepared_is_released(struct world *world)
{
    for (int fails = 0; fails < 2; fails++) {
        struct side side;

        side_init(&side, world);
        side.fails_to_prepare = fails;
        tell_and_wait(&side, RP_MSG_PLAN, fails ? RP_MSG_FAILED : RP_MSG_READY);
        assert_int_equal(side.released, 0);
        side_deinit(&side);
        assert_int_equal(side.prepared, 1);
        assert_int_equal(side.released, 1);
    }
    for (int loads = 0; loads < 2; loads++) { /* there never was a plan */
        struct side side;

        side_init(&side, world);
        turn_until(world, &side.seen[RP_MSG_HELLO], 1);
        if (loads)
            tell_and_wait(&side, RP_MSG_LOAD, RP_MSG_DECLARED);
        side_deinit(&side);
        assert_int_equal(side.released, 0);
    }
}

/* The worker answers in what it was spoken to in. */
static void test_encodings(struct world *world)
{
    struct side side;

    side_init(&side, world);
    turn_until(world, &side.seen[RP_MSG_HELLO], 1);
    assert_int_equal(side.encoding, RP_MSGPACK);
    rp_channel_use(&side.channel, RP_JSON);
    go_to(&side, RP_MSG_SETUP);
    assert_int_equal(side.encoding, RP_JSON);
    tell_and_wait(&side, RP_MSG_START, RP_MSG_FINISHED);
    assert_int_equal(side.encoding, RP_JSON);
    rp_channel_use(&side.channel, RP_MSGPACK);
    tell_and_wait(&side, RP_MSG_TEARDOWN, RP_MSG_HOOK_ENDED);
    assert_int_equal(side.encoding, RP_MSGPACK);
    rp_channel_use(&side.channel, RP_JSON);
    tell_and_wait(&side, RP_MSG_EXIT, RP_MSG_BYE);
    assert_int_equal(side.encoding, RP_JSON);
    assert_false(side.totals_differ);
    assert_true(rp_sum_read(&rp_store_view(side.store, "iterations")->total.counter) == ITERATIONS);
    side_deinit(&side);
}

static void test_a_stop(struct world *world)
{
    struct side side;

    side_init(&side, world);
    side.never_ends = true;
    go_to(&side, RP_MSG_SETUP);
    tell(&side, RP_MSG_START);
    turn_until(world, &side.begun, 4);
    tell_and_wait(&side, RP_MSG_STOP, RP_MSG_FINISHED);
    tell_and_wait(&side, RP_MSG_EXIT, RP_MSG_BYE);
    assert_true(rp_sum_read(&rp_store_view(side.store, "interrupted_iterations")->total.counter) ==
                4);
    assert_true(rp_sum_read(&rp_store_view(side.store, "dropped_iterations")->total.counter) ==
                ITERATIONS - 4);
    assert_false(side.totals_differ);
    side_deinit(&side);
}

/* The coordinator goes: the worker ends at once, wherever it was, iterations under way or not. */
static void test_the_coordinator_goes(struct world *world)
{
    for (int at = RP_MSG_LOAD; at <= RP_MSG_TEARDOWN; at++) {
        struct side side;

        side_init(&side, world);
        go_to(&side, (enum rp_message_type)(at < RP_MSG_START ? at : RP_MSG_SETUP));
        if (at >= RP_MSG_START) {
            side.never_ends = true;
            tell(&side, RP_MSG_START);
            turn_until(world, &side.begun, 4);
        }
        rp_channel_close(&side.channel);
        turn_until(world, &side.ended, 1);
        assert_int_equal(side.status, -EPIPE);
        for (int i = 0; i < 3; i++)
            look(world);
        assert_int_equal(side.ended, 1);
        if (at >= RP_MSG_START) /* the host's part: nothing may run when the engine goes */
            for (int i = 0; i < 4; i++)
                if (side.slots[i].vu->is_running)
                    side.script.engine->ended(side.slots[i].vu, RP_ENDED_INTERRUPTED);
        side_deinit(&side);
    }
}

static void send_nonsense(struct side *side, const char *message)
{
    uint32_t size = htonl((uint32_t)strlen(message));

    assert_int_equal(send(side->channel.socket.fd, &size, 4, MSG_NOSIGNAL), 4);
    assert_int_equal(send(side->channel.socket.fd, message, strlen(message), MSG_NOSIGNAL),
                     strlen(message));
}

/* Of a known type, with a field that cannot be, or not for a worker. */
static void test_what_no_worker_is_told_ends_it(struct world *world)
{
    static const char *const cases[] = {
        "{\"type\":\"plan\",\"workers\":0}",
        "{\"type\":\"plan\",\"workers\":100000}",
        "{\"type\":\"hello\"}",
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct side side;

        side_init(&side, world);
        turn_until(world, &side.seen[RP_MSG_HELLO], 1);
        send_nonsense(&side, cases[i]);
        turn_until(world, &side.ended, 1);
        assert_int_equal(side.status, -EBADMSG);
        side_deinit(&side);
    }
}

static void send_adjust(struct side *side, const char *scenario, double value, rp_ns at)
{
    const struct rp_msg_adjust told = {
        .scenario = rp_slice_str(scenario), .what = RP_ADJUST_VUS, .value = value, .at = at
    };

    assert_int_equal(rp_channel_send(&side->channel, RP_MSG_ADJUST, &told), 0);
}

/* One that comes in time says nothing, one that is late is carried out and warned of. */
static void test_adjusts(struct world *world)
{
    struct side side;

    side_init(&side, world);
    side.never_ends = side.has_endless_plan = true;
    go_to(&side, RP_MSG_SETUP);
    tell_and_wait(&side, RP_MSG_ADJUST, RP_MSG_WARNING); /* it has not started */
    tell_and_wait(&side, RP_MSG_START, RP_MSG_STATE);
    send_adjust(&side, "s", 2, 1800 * RP_S);
    tell_and_wait(&side, RP_MSG_PAUSE, RP_MSG_STATE);
    tell_and_wait(&side, RP_MSG_RESUME, RP_MSG_STATE);
    assert_int_equal(side.seen[RP_MSG_WARNING], 1);
    assert_int_equal(side.begun, 4);
    send_adjust(&side, "s", 3, 1);
    turn_until(world, &side.seen[RP_MSG_WARNING], 2);
    tell_and_wait(&side, RP_MSG_STOP, RP_MSG_FINISHED);
    send_adjust(&side, "s", 2, 0); /* too late for anything */
    tell_and_wait(&side, RP_MSG_EXIT, RP_MSG_BYE);
    assert_int_equal(side.seen[RP_MSG_WARNING], 2);
    side_deinit(&side);
}

/* Of a scenario that there is not, and more VUs than there are: no coordinator of ours says that. */
static void test_what_cannot_be_adjusted_ends_it(struct world *world)
{
    for (int i = 0; i < 2; i++) {
        struct side side;

        side_init(&side, world);
        side.has_endless_plan = side.never_ends = true;
        go_to(&side, RP_MSG_SETUP);
        tell_and_wait(&side, RP_MSG_START, RP_MSG_STATE);
        send_adjust(&side, i ? "s" : "another", i ? 5 : 1, RP_S);
        turn_until(world, &side.ended, 1);
        assert_int_equal(side.status, -EBADMSG);
        for (int slot = 0; slot < 4;
             slot++) /* the host's part: nothing may run when the engine goes */
            if (side.slots[slot].vu && side.slots[slot].vu->is_running)
                side.script.engine->ended(side.slots[slot].vu, RP_ENDED_INTERRUPTED);
        side_deinit(&side);
    }
}

/* The worker's hello tells its clock, by which it is told when to start. */
static void test_hello_has_the_clock(struct world *world)
{
    rp_ns before = rp_loop_now(world->loop);
    struct side side;

    side_init(&side, world);
    turn_until(world, &side.seen[RP_MSG_HELLO], 1);
    assert_true(side.clock >= before && side.clock <= rp_loop_now(world->loop));
    side_deinit(&side);
}

static void test_nonsense_ends_it(struct world *world)
{
    struct side side;

    side_init(&side, world);
    turn_until(world, &side.seen[RP_MSG_HELLO], 1);
    assert_int_equal(send(side.channel.socket.fd, "\xff\xff\xff\xff", 4, MSG_NOSIGNAL), 4);
    turn_until(world, &side.ended, 1);
    assert_int_equal(side.status, -EBADMSG);
    side_deinit(&side);
}

/* Nothing of what is too much is sent, and the hook has failed. */
static void test_too_much_to_share(struct world *world)
{
    struct side side;

    side_init(&side, world);
    go_to(&side, RP_MSG_PLAN);
    for (int i = 0; i < 2; i++) {
        side.packs = ((size_t)32 << 20) + (i == 1);
        assert_int_equal(
            rp_channel_send(&side.channel, RP_MSG_SETUP, &(struct rp_msg_setup){ .share = true }),
            0);
        turn_until(world, &side.seen[RP_MSG_HOOK_ENDED], i + 1);
        assert_true(side.hook_was_ok == (i == 0));
    }
    side_deinit(&side);
}

/* The coordinator is told how a hook has ended, or that there is no worker any more. */
static void test_no_memory_as_a_hook_ends(struct world *world)
{
    int given_up = 0;

    for (uint64_t n = 1; n <= 40; n++) {
        struct side side;

        side_init(&side, world);
        go_to(&side, RP_MSG_PLAN);
        side.fails_at = n;
        side.packs = 1 << 20; /* more than any buffer has room for yet */
        assert_int_equal(
            rp_channel_send(&side.channel, RP_MSG_SETUP, &(struct rp_msg_setup){ .share = true }),
            0);
        while (!side.seen[RP_MSG_HOOK_ENDED] && !side.closed)
            turn(world);
        assert_int_equal(side.ended, side.closed);
        assert_int_equal(side.status, side.closed ? -ENOMEM : 0);
        given_up += side.closed;
        side_deinit(&side);
    }
    assert_true(given_up > 0 && given_up < 40);
}

/* A plan that is none, for the third of three workers, and then one for the only one. */
static void test_another_plan(struct world *world)
{
    static const struct rp_msg_plan none = { .json = RP_SLICE("no plan"),
                                             .worker = 2,
                                             .workers = 3 };
    struct side side;

    side_init(&side, world);
    for (int i = 1; i <= 2; i++) {
        assert_int_equal(rp_channel_send(&side.channel, RP_MSG_PLAN, &none), 0);
        turn_until(world, &side.seen[RP_MSG_FAILED], i);
    }
    tell_and_wait(&side, RP_MSG_PLAN, RP_MSG_READY);
    tell_and_wait(&side, RP_MSG_START, RP_MSG_FINISHED);
    assert_int_equal(side.begun, ITERATIONS);
    side_deinit(&side);
}

/* Any messages in any order: no crash, and what is out of place is a warning. */
static void test_any_order(struct world *world)
{
    uint64_t dice = 88172645463325252u;

    for (int i = 0; i < 60; i++) {
        struct side side;

        side_init(&side, world);
        for (int j = 0; j < 12; j++) {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            tell(&side, (enum rp_message_type)(RP_MSG_LOAD + dice % (RP_MSG_EXIT - RP_MSG_LOAD)));
            look(world);
            if (dice >> 40 & 1)
                look(world);
        }
        tell(&side, RP_MSG_EXIT);
        turn_until(world, &side.ended, 1);
        for (int j = 0; j < 3; j++)
            look(world);
        for (int j = 0; j < VUS_MAX; j++)
            if (side.slots[j].vu && side.slots[j].vu->is_running)
                side_interrupt(&side.script, side.slots[j].vu);
        side_deinit(&side);
    }
}

static void test_out_of_order_is_told(struct world *world)
{
    static const enum rp_message_type early[] = { RP_MSG_SETUP, RP_MSG_START,  RP_MSG_STOP,
                                                  RP_MSG_PAUSE, RP_MSG_RESUME, RP_MSG_TEARDOWN,
                                                  RP_MSG_ADJUST };
    struct side side;

    side_init(&side, world);
    for (size_t i = 0; i < RP_ARRAY_LEN(early); i++)
        tell_and_wait(&side, early[i], RP_MSG_WARNING);
    go_to(&side, RP_MSG_PLAN);
    tell_and_wait(&side, RP_MSG_PLAN, RP_MSG_WARNING);
    tell_and_wait(&side, RP_MSG_LOAD, RP_MSG_WARNING);
    assert_int_equal(side.seen[RP_MSG_DECLARED], 1);
    assert_int_equal(side.hooks, 0);
    side_deinit(&side);
}

int main(void)
{
    static const struct world_case cases[] = {
        CASE(test_a_whole_run),
        CASE(test_failures_are_told),
        CASE(test_encodings),
        CASE(test_a_stop),
        CASE(test_the_coordinator_goes),
        CASE(test_nonsense_ends_it),
        CASE(test_what_no_worker_is_told_ends_it),
        CASE(test_hello_has_the_clock),
        CASE(test_too_much_to_share),
        CASE(test_no_memory_as_a_hook_ends),
        CASE(test_another_plan),
        CASE(test_any_order),
        CASE(test_out_of_order_is_told),
        CASE(test_pauses),
        CASE(test_adjusts),
        CASE(test_what_cannot_be_adjusted_ends_it),
        CASE(test_a_bare_host),
        CASE(test_what_is_prepared_is_released),
    };

    return run_worlds(cases, RP_ARRAY_LEN(cases));
}

/* SPDX-License-Identifier: MIT */

/*
 * A loop as another's guest: what is queued between its turns is told, once, and what its timers' owners cannot disarm can
 * be taken away.
 */

#include "harness.h"

struct told {
    struct world *world;
    struct rp_task task;
    struct rp_timer timer;
    int calls, runs;
};

static void tell(void *user)
{
    struct told *told = user;

    told->calls++;
}

static void on_task(struct rp_task *task)
{
    rp_container_of(task, struct told, task)->runs++;
}

static void on_timer(struct rp_timer *timer, rp_ns now)
{
    struct told *told = rp_container_of(timer, struct told, timer);

    told->runs++;
    rp_loop_defer(told->world->loop, &told->task, on_task);
}

static void begin(struct world *world, struct told *told)
{
    *told = (struct told){ .world = world };
    rp_loop_set_outside(world->loop, tell, told);
}

static void tells_of_tasks_once_a_turn(struct world *world)
{
    struct told told;

    begin(world, &told);
    assert_int_equal(told.calls, 0);
    rp_loop_defer(world->loop, &told.task, on_task);
    rp_loop_defer(world->loop, &told.task, on_task);
    rp_timer_arm(world->loop, &told.timer, RP_NS_NEVER - 1, on_timer);
    assert_int_equal(told.calls, 1);
    look(world);
    assert_int_equal(told.runs, 1);
    assert_int_equal(told.calls, 1);
    rp_loop_defer(world->loop, &told.task, on_task);
    assert_int_equal(told.calls, 2);
    look(world);
    rp_timer_disarm(&told.timer);
}

static void tells_of_timers(struct world *world)
{
    struct told told;

    begin(world, &told);
    rp_timer_arm(world->loop, &told.timer, RP_NS_NEVER - 1, on_timer);
    assert_int_equal(told.calls, 1);
    look(world);
    rp_timer_arm_precise(world->loop, &told.timer, RP_NS_NEVER - 1, on_timer);
    assert_int_equal(told.calls, 2);
    rp_timer_disarm(&told.timer);
}

static void tells_of_sends(struct world *world)
{
    struct probe probe;
    struct told told;
    int peer;

    probe_init(world, &probe);
    peer = probe_adopt_pair(world, &probe);
    begin(world, &told);
    assert_int_equal(rp_stream_send(&probe.stream, "x", 1, NULL, 0), 0);
    assert_int_equal(told.calls, 1);
    look(world);
    rp_loop_set_outside(world->loop, NULL, NULL);
    rp_stream_close(&probe.stream, false);
    close(peer);
}

/* Those who turn it see by themselves what is left. */
static void says_nothing_within_a_turn(struct world *world)
{
    struct told told;

    begin(world, &told);
    rp_timer_arm(world->loop, &told.timer, 1, on_timer);
    assert_int_equal(told.calls, 1);
    while (told.runs < 2)
        look(world);
    assert_int_equal(told.calls, 1);
}

static void says_nothing_unless_asked(struct world *world)
{
    struct told told;

    begin(world, &told);
    rp_loop_set_outside(world->loop, NULL, NULL);
    rp_loop_defer(world->loop, &told.task, on_task);
    look(world);
    rp_loop_defer(world->loop, &told.task, on_task);
    look(world);
    assert_int_equal(told.calls, 0);
    assert_int_equal(told.runs, 2);
}

static void gives_up_timers_of_every_kind(struct world *world)
{
    rp_ns now = rp_loop_now(world->loop);
    struct rp_timer timers[4] = { { .fn = NULL } };
    int taken = 0;

    rp_timer_arm(world->loop, &timers[0], 1, on_timer);
    rp_timer_arm(world->loop, &timers[1], now + RP_S, on_timer);
    rp_timer_arm(world->loop, &timers[2], RP_NS_NEVER - 1, on_timer);
    rp_timer_arm_precise(world->loop, &timers[3], now + RP_S, on_timer);
    while (rp_loop_take_timer(world->loop))
        taken++;
    assert_int_equal(taken, 4);
    for (int i = 0; i < 4; i++)
        assert_false(rp_timer_is_armed(&timers[i]));
    look(world);
}

int main(void)
{
    static const struct world_case cases[] = {
        CASE(tells_of_tasks_once_a_turn),
        CASE(tells_of_timers),
        CASE(tells_of_sends),
        CASE(says_nothing_within_a_turn),
        CASE(says_nothing_unless_asked),
        CASE(gives_up_timers_of_every_kind),
    };

    return run_stamped_worlds(cases, RP_ARRAY_LEN(cases));
}

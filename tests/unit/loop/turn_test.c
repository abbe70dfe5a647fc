/* SPDX-License-Identifier: MIT */

/*
 * The turn: tasks and timers among input and output, waiting, and the choice of a back-end.
 */

#include "harness.h"

/* ---- tasks ---- */

struct recorder {
    struct world *world;
    char text[64];
    struct recorded {
        struct rp_task task;
        struct rp_timer timer;
        struct recorder *recorder;
        char name;
        struct recorded *defers, *cancels;
        rp_ns at;
    } items[8];
};

static void record(struct recorded *item)
{
    struct recorder *recorder = item->recorder;

    strncat(recorder->text, &item->name, 1);
}

static void on_task(struct rp_task *task)
{
    struct recorded *item = rp_container_of(task, struct recorded, task);

    record(item);
    if (item->defers)
        rp_loop_defer(item->recorder->world->loop, &item->defers->task, on_task);
    if (item->cancels)
        rp_task_cancel(&item->cancels->task);
}

static void recorder_init(struct world *world, struct recorder *recorder)
{
    *recorder = (struct recorder){ .world = world };
    for (int i = 0; i < 8; i++) {
        recorder->items[i].name = (char)('a' + i);
        recorder->items[i].recorder = recorder;
    }
}

static void defer(struct recorder *recorder, int i)
{
    rp_loop_defer(recorder->world->loop, &recorder->items[i].task, on_task);
}

static void runs_tasks_in_order(struct world *world)
{
    struct recorder r;

    recorder_init(world, &r);
    r.items[0].defers = &r.items[0]; /* itself, and so for the next turn */
    r.items[1].cancels = &r.items[2];
    r.items[3].defers = &r.items[4]; /* already deferred: keeps its place */
    for (int i = 0; i < 6; i++)
        defer(&r, i);
    defer(&r, 0);
    rp_task_cancel(&r.items[5].task);
    rp_task_cancel(&r.items[5].task);
    assert_true(rp_loop_has_tasks(world->loop));
    assert_int_equal(rp_loop_turn(world->loop, RP_NS_NEVER), 0); /* does not block */
    assert_string_equal(r.text, "abde");
    assert_true(rp_loop_has_tasks(world->loop));
    r.items[0].defers = NULL;
    assert_int_equal(rp_loop_turn(world->loop, RP_NS_NEVER), 0);
    assert_string_equal(r.text, "abdea");
    assert_false(rp_loop_has_tasks(world->loop));
}

static void defer_in_data(struct probe *probe, const char *data, size_t len)
{
    struct recorder *recorder = probe->user;

    defer(recorder, 1);
    strncat(recorder->text, "!", 2);
}

static void on_timer(struct rp_timer *timer, rp_ns now)
{
    struct recorded *item = rp_container_of(timer, struct recorded, timer);

    assert_true(now >= timer->deadline);
    assert_true(now <= rp_clock_ns());
    item->at = now;
    record(item);
    defer(item->recorder, 2);
}

/* Deliveries, then timers, then tasks: all within one turn. */
static void keeps_the_order_of_a_turn(struct world *world)
{
    struct recorder r;
    struct probe probe;
    int peer;

    recorder_init(world, &r);
    probe_init(world, &probe);
    probe.react = defer_in_data;
    probe.user = &r;
    peer = probe_connect_pair(world, &probe);
    peer_write(peer, "x", 1);
    rp_timer_arm(world->loop, &r.items[3].timer, rp_clock_ns() - 1, on_timer);
    defer(&r, 0);
    look(world);
    assert_string_equal(r.text, "!dabc");
    rp_stream_close(&probe.stream, false);
    close(peer);
}

/* ---- timers among input and output ---- */

static void wakes_for_timers_never_early(struct world *world)
{
    struct recorder r;
    rp_ns began = rp_clock_ns();

    recorder_init(world, &r);
    for (int i = 3; i < 8; i++)
        rp_timer_arm(world->loop, &r.items[i].timer, began + (10 - i) * 300 * RP_US, on_timer);
    rp_timer_disarm(&r.items[5].timer);
    assert_true(rp_loop_next_deadline(world->loop) <= r.items[7].timer.deadline);
    while (rp_timer_is_armed(&r.items[3].timer))
        assert_int_equal(rp_loop_turn(world->loop, RP_NS_NEVER), 0);
    for (int i = 3; i < 8; i++)
        assert_true(i == 5 || r.items[i].at >= began + (10 - i) * 300 * RP_US);
    while (rp_loop_has_tasks(world->loop))
        look(world);
    assert_int_equal(rp_loop_next_deadline(world->loop), RP_NS_NEVER);
}

static void returns_at_the_limit(struct world *world)
{
    rp_ns limit = rp_clock_ns() + 2 * RP_MS;

    while (rp_clock_ns() < limit)
        assert_int_equal(rp_loop_turn(world->loop, limit), 0);
}

struct hooks {
    int before, after;
};

static void before_wait(void *user)
{
    struct hooks *hooks = user;

    assert_int_equal(hooks->before++, hooks->after);
}

static void after_wait(void *user)
{
    struct hooks *hooks = user;

    assert_int_equal(hooks->before, ++hooks->after);
}

static void calls_the_hooks_around_waits_that_may_block(struct world *world)
{
    struct hooks hooks = { 0 };
    struct probe probe;
    int peer;

    probe_init(world, &probe);
    peer = probe_adopt_pair(world, &probe);
    rp_loop_set_wait_hooks(world->loop, before_wait, after_wait, &hooks);
    look(world);
    assert_int_equal(hooks.before, 0);
    peer_write(peer, "x", 1); /* may block, and does not: a limit might have passed by then */
    turn(world);
    assert_int_equal(hooks.before, 1);
    assert_int_equal(hooks.after, 1);
    rp_loop_set_wait_hooks(world->loop, NULL, NULL, NULL);
    peer_write(peer, "x", 1);
    turn(world);
    assert_int_equal(hooks.before, 1);
    rp_stream_close(&probe.stream, false);
    close(peer);
}

/* ---- under load ---- */

struct load {
    struct probe probes[2];
    int peers[2];
    struct hooks hooks;
};

static void load_init(struct world *world, struct load *load)
{
    *load = (struct load){ .peers = { -1, -1 } };
    for (int i = 0; i < 2; i++) {
        probe_init(world, &load->probes[i]);
        load->peers[i] = probe_adopt_pair(world, &load->probes[i]);
    }
    rp_loop_set_wait_hooks(world->loop, before_wait, after_wait, &load->hooks);
    look(world);
    look(world); /* epoll has told of both streams that they can be written to */
}

static void load_deinit(struct world *world, struct load *load)
{
    rp_loop_set_wait_hooks(world->loop, NULL, NULL, NULL);
    for (int i = 0; i < 2; i++) {
        rp_stream_close(&load->probes[i].stream, false);
        close(load->peers[i]);
    }
}

/* A turn that finds bytes of both streams; how often it has called the hooks. */
static int turn_with_load(struct world *world, struct load *load)
{
    int before = load->hooks.before;

    for (int i = 0; i < 2; i++)
        peer_write(load->peers[i], "x", 1);
    turn(world);
    return load->hooks.before - before;
}

static void leaves_the_hooks_out_under_load_only(struct world *world)
{
    struct load load;

    load_init(world, &load);
    assert_int_equal(turn_with_load(world, &load), 1);
    assert_int_equal(turn_with_load(world, &load), 0); /* the turn before had two */
    assert_int_equal(turn_with_load(world, &load), 0);
    rp_loop_insist_on_hooks(world->loop, true);
    assert_int_equal(turn_with_load(world, &load), 1);
    rp_loop_insist_on_hooks(world->loop, false);
    assert_int_equal(turn_with_load(world, &load), 0);
    /* Nothing is there: it waits, and gives away what the hooks give. */
    assert_int_equal(rp_loop_turn(world->loop, rp_clock_ns() + RP_MS), 0);
    assert_int_equal(load.hooks.before, 3);
    assert_int_equal(load.hooks.after, 3);
    assert_int_equal(turn_with_load(world, &load), 1);
    load_deinit(world, &load);
}

static void fires_timers_under_load(struct world *world)
{
    struct recorder r;
    struct load load;

    load_init(world, &load);
    recorder_init(world, &r);
    (void)turn_with_load(world, &load);
    rp_timer_arm(world->loop, &r.items[0].timer, rp_clock_ns() + RP_MS, on_timer);
    while (rp_timer_is_armed(&r.items[0].timer))
        (void)turn_with_load(world, &load);
    assert_string_equal(r.text, "ac"); /* and what it defers */
    load_deinit(world, &load);
}

/* ---- choosing ---- */

static void picks_by_name(struct world *world)
{
    const char *name = rp_loop_ops_name(world->ops);
    const struct rp_loop_ops *ops = NULL;
    struct rp_error err = { 0 };

    assert_ptr_equal(rp_loop_ops_of(world->loop), world->ops);
    assert_int_equal(rp_loop_pick(name, &ops, &err), 0);
    assert_ptr_equal(ops, world->ops);
    assert_int_equal(rp_loop_pick(NULL, &ops, &err), 0);
    assert_ptr_equal(ops, rp_loop_unusable(rp_loop_uring) ? rp_loop_epoll : rp_loop_uring);
    assert_int_equal(rp_loop_pick("", &ops, &err), 0);
    assert_int_equal(rp_loop_pick("epol", &ops, &err), -RP_EUSER);
    assert_string_equal(err.message,
                        "'epol' is not an event loop; RAMPA_LOOP may be io_uring or epoll");
    assert_string_equal(err.hint, "did you mean 'epoll'?");
    rp_error_deinit(&err);
    assert_int_equal(rp_loop_pick("io-uring", &ops, &err), -RP_EUSER);
    assert_string_equal(err.hint, "did you mean 'io_uring'?");
    rp_error_deinit(&err);
    assert_int_equal(rp_loop_pick("virtual", &ops, &err), -RP_EUSER);
    rp_error_deinit(&err);
}

int main(void)
{
    static const struct world_case cases[] = {
        CASE(runs_tasks_in_order),
        CASE(keeps_the_order_of_a_turn),
        CASE(wakes_for_timers_never_early),
        CASE(returns_at_the_limit),
        CASE(calls_the_hooks_around_waits_that_may_block),
        CASE(leaves_the_hooks_out_under_load_only),
        CASE(fires_timers_under_load),
        CASE(picks_by_name),
    };

    return run_stamped_worlds(cases, RP_ARRAY_LEN(cases));
}

/* SPDX-License-Identifier: MIT */

/*
 * Timers of both kinds on virtual time against a reference that scans and sorts an array: order, exactness, and every change that a
 * callback can make.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "loop/loop.h"
#include "loop/wheel.h"

enum { TIMERS = 300, ROUNDS = 400, OPERATIONS = 6000 };

struct entry {
    struct rp_timer timer;
    struct model *model;
    rp_ns deadline;
    uint64_t order;
    bool is_armed, is_due; /* due: must fire in this very turn unless a callback changes it */
};

struct model {
    struct rp_loop *loop;
    uint64_t random, order, fired, changes;
    bool in_turn;
    rp_ns last_deadline;
    struct entry entries[TIMERS];
};

static uint64_t draw(struct model *m)
{
    m->random ^= m->random << 13;
    m->random ^= m->random >> 7;
    m->random ^= m->random << 17;
    return m->random;
}

static void on_timer(struct rp_timer *timer, rp_ns now);

static rp_ns draw_deadline(struct model *m)
{
    rp_ns now = rp_loop_now(m->loop);

    switch (draw(m) % 12) {
    case 0:
        return now - (rp_ns)(draw(m) % 1000000); /* past */
    case 1:
        return now;
    case 2:
    case 3:
        return m->last_deadline; /* equal to another */
    case 4:
        return rp_ns_add(now, (rp_ns)(draw(m) >> (2 + draw(m) % 62))); /* any distance */
    case 5:
        return RP_NS_NEVER;
    case 6:
    case 7:
        return rp_ns_add(now, (rp_ns)(draw(m) % (2 << RP_WHEEL_TICK_BITS)));
    case 8: /* the edges of slots */
        return rp_ns_add(((now >> 20) + 1) << 20, (rp_ns)(draw(m) % 70) << 20) -
               (rp_ns)(draw(m) % 3);
    default:
        return rp_ns_add(now, (rp_ns)(draw(m) % 30000000));
    }
}

static void change(struct model *m)
{
    struct entry *e = &m->entries[draw(m) % TIMERS];

    m->changes++;
    if (draw(m) % 4 == 0) {
        rp_timer_disarm(&e->timer);
        e->is_armed = e->is_due = false;
        assert_false(rp_timer_is_armed(&e->timer));
        return;
    }
    e->deadline = draw_deadline(m);
    e->order = m->order++;
    e->is_armed = true;
    e->is_due = false;
    m->last_deadline = e->deadline;
    if (draw(m) % 4 == 0)
        rp_timer_arm_precise(m->loop, &e->timer, e->deadline, on_timer);
    else
        rp_timer_arm(m->loop, &e->timer, e->deadline, on_timer);
    assert_true(rp_timer_is_armed(&e->timer));
    assert_int_equal(e->timer.deadline, e->deadline);
    assert_true(rp_loop_next_deadline(m->loop) <= e->deadline);
}

/* The one that must fire next, or NULL. */
static struct entry *expected(struct model *m)
{
    struct entry *best = NULL;

    for (int i = 0; i < TIMERS; i++) {
        struct entry *e = &m->entries[i];

        if (e->is_due && (!best || e->deadline < best->deadline ||
                          (e->deadline == best->deadline && e->order < best->order)))
            best = e;
    }
    return best;
}

static void on_timer(struct rp_timer *timer, rp_ns now)
{
    struct entry *e = rp_container_of(timer, struct entry, timer);
    struct model *m = e->model;

    assert_true(m->in_turn);
    assert_ptr_equal(e, expected(m));
    assert_false(rp_timer_is_armed(timer));
    assert_int_equal(now, rp_loop_now(m->loop));
    assert_true(now >= e->deadline);
    e->is_armed = e->is_due = false;
    m->fired++;
    for (uint64_t n = draw(m) % 3; n > 0; n--)
        change(m);
}

static rp_ns earliest(const struct model *m)
{
    rp_ns min = RP_NS_NEVER;

    for (int i = 0; i < TIMERS; i++) {
        if (m->entries[i].is_armed && m->entries[i].deadline < min)
            min = m->entries[i].deadline;
    }
    return min;
}

/* One turn that ends at the next deadline or @until, as virtual time promises. */
static void turn(struct model *m, rp_ns until)
{
    rp_ns now = rp_loop_now(m->loop), next = earliest(m), end = next < until ? next : until;

    assert_true(rp_loop_next_deadline(m->loop) <= next);
    if (end < now || end == RP_NS_NEVER)
        end = now;
    for (int i = 0; i < TIMERS; i++)
        m->entries[i].is_due = m->entries[i].is_armed && m->entries[i].deadline <= end;
    m->in_turn = true;
    assert_int_equal(rp_loop_turn(m->loop, until), 0);
    m->in_turn = false;
    assert_int_equal(rp_loop_now(m->loop), end);
    assert_null(expected(m)); /* none was left out */
}

static void run_round(struct model *m)
{
    assert_int_equal(rp_loop_new(rp_loop_virtual, &m->loop), 0);
    m->last_deadline = rp_loop_now(m->loop);
    for (int i = 0; i < TIMERS; i++) {
        m->entries[i] = (struct entry){ .model = m };
    }
    for (int i = 0; i < OPERATIONS; i++) {
        rp_ns now = rp_loop_now(m->loop);
        uint64_t kind = draw(m) % 64;

        if (kind < 50) {
            change(m);
        } else if (kind < 54) {
            turn(m, 0);
        } else if (kind < 60) {
            turn(m, rp_ns_add(now, (rp_ns)(draw(m) % 400000)));
        } else if (kind < 63) {
            rp_loop_virtual_set(m->loop, now + (rp_ns)(draw(m) % 100000)); /* lateness */
        } else if (now < RP_NS_NEVER / 2) {
            turn(m, rp_ns_add(now, (rp_ns)(draw(m) >> (8 + draw(m) % 50))));
        }
    }
    for (int i = 0; i < TIMERS; i++)
        rp_timer_disarm(&m->entries[i].timer);
    rp_loop_free(m->loop);
}

static void test_against_reference(void **state)
{
    struct model *m = calloc(1, sizeof(*m));

    assert_non_null(m);
    m->random = 0x9e3779b97f4a7c15u;
    for (int round = 0; round < ROUNDS; round++)
        run_round(m);
    assert_true(m->changes > 2000000);
    assert_true(m->fired > 300000);
    free(m);
}

struct log {
    struct rp_timer timer;
    struct rp_loop *loop;
    rp_ns fired_at;
    int count;
};

static void on_log(struct rp_timer *timer, rp_ns now)
{
    struct log *log = rp_container_of(timer, struct log, timer);

    log->fired_at = now;
    log->count++;
}

static void test_exact_deadlines_one_by_one(void **state)
{
    static const rp_ns distances[] = { 0,
                                       1,
                                       (1 << RP_WHEEL_TICK_BITS) - 1,
                                       1 << RP_WHEEL_TICK_BITS,
                                       RP_MS,
                                       RP_S,
                                       600 * RP_S,
                                       86400 * RP_S,
                                       RP_NS_NEVER / 4,
                                       RP_NS_NEVER / 4 };
    struct rp_loop *loop;
    struct log log = { .count = 0 };

    assert_int_equal(rp_loop_new(rp_loop_virtual, &loop), 0);
    for (size_t i = 0; i < RP_ARRAY_LEN(distances); i++) {
        rp_ns deadline = rp_loop_now(loop) + distances[i];

        rp_timer_arm(loop, &log.timer, deadline, on_log);
        assert_int_equal(rp_loop_turn(loop, RP_NS_NEVER), 0);
        assert_int_equal(log.count, (int)i + 1);
        assert_int_equal(log.fired_at, deadline);
        assert_int_equal(rp_loop_now(loop), deadline);
    }
    assert_int_equal(rp_loop_next_deadline(loop), RP_NS_NEVER);
    rp_loop_free(loop);
}

static void on_rearm(struct rp_timer *timer, rp_ns now)
{
    struct log *log = rp_container_of(timer, struct log, timer);

    log->count++;
    rp_timer_arm(log->loop, timer, now - RP_S, on_rearm);
}

static void test_a_past_deadline_armed_in_a_callback_waits_for_the_next_turn(void **state)
{
    struct log log = { .count = 0 };

    assert_int_equal(rp_loop_new(rp_loop_virtual, &log.loop), 0);
    rp_timer_arm(log.loop, &log.timer, 0, on_rearm);
    for (int i = 1; i <= 5; i++) {
        assert_int_equal(rp_loop_turn(log.loop, RP_NS_NEVER), 0);
        assert_int_equal(log.count, i);
    }
    assert_int_equal(rp_loop_now(log.loop), RP_S); /* no time has passed */
    rp_timer_disarm(&log.timer);
    rp_timer_disarm(&log.timer);
    rp_loop_free(log.loop);
}

static void test_no_timer_and_no_limit_is_an_empty_turn(void **state)
{
    struct rp_loop *loop;
    rp_ns now;

    assert_int_equal(rp_loop_new(rp_loop_virtual, &loop), 0);
    now = rp_loop_now(loop);
    assert_int_equal(rp_loop_turn(loop, RP_NS_NEVER), 0);
    assert_int_equal(rp_loop_now(loop), now);
    assert_int_equal(rp_loop_turn(loop, now + 7), 0);
    assert_int_equal(rp_loop_now(loop), now + 7);
    assert_int_equal(rp_loop_fd(loop), -1);
    rp_loop_free(loop);
}

struct seen {
    struct rp_task task;
    struct rp_timer timer;
    struct rp_loop *loop;
    rp_ns at;
};

static void on_task(struct rp_task *task)
{
    struct seen *seen = rp_container_of(task, struct seen, task);

    seen->at = rp_loop_now(seen->loop);
}

static void on_timer_defer(struct rp_timer *timer, rp_ns now)
{
    struct seen *seen = rp_container_of(timer, struct seen, timer);

    rp_loop_defer(seen->loop, &seen->task, on_task);
}

static void test_time_stands_while_tasks_are_pending(void **state)
{
    struct seen seen = { .at = 0 };
    rp_ns now;

    assert_int_equal(rp_loop_new(rp_loop_virtual, &seen.loop), 0);
    now = rp_loop_now(seen.loop);
    rp_timer_arm(seen.loop, &seen.timer, now + 1000, on_timer_defer);
    rp_loop_defer(seen.loop, &seen.task, on_task);
    assert_int_equal(rp_loop_turn(seen.loop, RP_NS_NEVER), 0);
    assert_int_equal(seen.at, now);
    assert_int_equal(rp_loop_turn(seen.loop, RP_NS_NEVER), 0);
    assert_int_equal(seen.at, now + 1000); /* deferred by the timer, run in its turn */
    rp_loop_free(seen.loop);
}

static void test_virtual_time_has_no_descriptors(void **state)
{
    struct rp_loop *loop;
    struct rp_watch watch = { 0 };
    struct rp_stream stream = { 0 };
    struct sockaddr addr = { .sa_family = AF_INET };

    assert_int_equal(rp_loop_new(rp_loop_virtual, &loop), 0);
    assert_int_equal(rp_watch_start(loop, &watch, 0, RP_READABLE, NULL), -EOPNOTSUPP);
    assert_int_equal(rp_stream_adopt(loop, &stream, 0), -EOPNOTSUPP);
    assert_int_equal(rp_stream_connect(loop, &stream, &addr, sizeof(addr), NULL, 0), -EOPNOTSUPP);
    rp_loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_reference),
        cmocka_unit_test(test_exact_deadlines_one_by_one),
        cmocka_unit_test(test_a_past_deadline_armed_in_a_callback_waits_for_the_next_turn),
        cmocka_unit_test(test_no_timer_and_no_limit_is_an_empty_turn),
        cmocka_unit_test(test_time_stands_while_tasks_are_pending),
        cmocka_unit_test(test_virtual_time_has_no_descriptors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include "executing.h"

#include <stdlib.h>
#include <string.h>

static struct ex *ex_of(struct rp_executor *executor)
{
    return rp_container_of(executor, struct ex, executor);
}

rp_ns ex_now(const struct ex *ex)
{
    return rp_loop_now(ex->loop) - ex->start;
}

static void note(struct ex *ex, char what, int64_t slot, uint64_t iteration, rp_ns due)
{
    if (ex->count == ex->room) {
        ex->room = ex->room ? 2 * ex->room : 1024;
        ex->events = realloc(ex->events, ex->room * sizeof(*ex->events));
        assert_non_null(ex->events);
    }
    ex->events[ex->count++] = (struct ex_event){ ex_now(ex), what, slot, iteration, due };
}

static void slot_ended(struct rp_timer *timer, rp_ns now)
{
    struct ex_slot *slot = rp_container_of(timer, struct ex_slot, timer);
    struct ex *ex = slot->ex;

    assert_true(slot->is_active);
    slot->is_active = false;
    note(ex, 'e', slot - ex->slots, slot->iteration, 0);
    rp_executor_ended(&ex->executor, slot - ex->slots, true, rp_loop_now(ex->loop));
}

static void begin(struct rp_executor *executor, int64_t i, uint64_t iteration, rp_ns due)
{
    struct ex *ex = ex_of(executor);
    struct ex_slot *slot = &ex->slots[i];
    rp_ns length;

    assert_true(i >= 0 && i < executor->made && !slot->is_active);
    assert_false(executor->is_paused);
    assert_int_equal(executor->state, RP_EXECUTOR_RUNNING);
    assert_true(rp_executor_may_begin(executor, i, rp_loop_now(ex->loop)));
    assert_true(due <= rp_loop_now(ex->loop) && due >= executor->origin);
    note(ex, 'b', i, iteration, due - ex->start);
    slot->is_active = true;
    slot->was_interrupted = false;
    slot->iteration = iteration;
    length = ex->length ? ex->length(ex, i, iteration) : ex->constant_length;
    assert_true(length > 0);
    if (length != EX_FOREVER)
        rp_timer_arm(ex->loop, &slot->timer, rp_loop_now(ex->loop) + length, slot_ended);
}

static void interrupt(struct rp_executor *executor, int64_t i)
{
    struct ex *ex = ex_of(executor);
    struct ex_slot *slot = &ex->slots[i];

    assert_true(slot->is_active && !slot->was_interrupted);
    slot->was_interrupted = true;
    note(ex, 'i', i, slot->iteration, 0);
    if (ex->clean_up) {
        rp_timer_arm(ex->loop, &slot->timer, rp_loop_now(ex->loop) + ex->clean_up, slot_ended);
        return;
    }
    rp_timer_disarm(&slot->timer);
    slot_ended(&slot->timer, rp_loop_now(ex->loop));
}

static void made(struct rp_timer *timer, rp_ns now)
{
    struct ex *ex = rp_container_of(timer, struct ex, maker);

    rp_executor_made(&ex->executor, ex->executor.made, !ex->make_fails);
}

static void make(struct rp_executor *executor, int64_t slot)
{
    struct ex *ex = ex_of(executor);

    assert_int_equal(slot, executor->made);
    assert_true(slot < executor->slot_count);
    assert_false(rp_timer_is_armed(&ex->maker)); /* one at a time */
    note(ex, 'm', slot, 0, 0);
    rp_timer_arm(ex->loop, &ex->maker, rp_loop_now(ex->loop) + ex->make_time, made);
}

static void finished(struct rp_executor *executor)
{
    struct ex *ex = ex_of(executor);

    note(ex, 'f', 0, 0, 0);
    ex->finished++;
}

static const struct rp_executor_user user = { begin, interrupt, make, finished };

void ex_start(struct ex *ex, const struct rp_scenario *scenario,
              const struct rp_executor_share *share)
{
    assert_int_equal(rp_loop_new(rp_loop_virtual, &ex->loop), 0);
    assert_int_equal(rp_executor_init(&ex->executor, scenario, ex->loop, &user, share), 0);
    ex->slots = calloc((size_t)ex->executor.slot_count + 1, sizeof(*ex->slots));
    assert_non_null(ex->slots);
    for (int64_t i = 0; i < ex->executor.slot_count; i++)
        ex->slots[i].ex = ex;
    ex->start = rp_loop_now(ex->loop) + 3 * RP_S;
    rp_executor_start(&ex->executor, ex->start);
}

static void turn(struct ex *ex, rp_ns until)
{
    ex->turns++;
    assert_int_equal(rp_loop_turn(ex->loop, until), 0);
}

void ex_until(struct ex *ex, rp_ns at)
{
    while (!ex->finished && ex_now(ex) < at)
        turn(ex, ex->start + at);
}

void ex_stall(struct ex *ex, rp_ns until)
{
    rp_loop_virtual_set(ex->loop, ex->start + until);
}

void ex_out(struct ex *ex)
{
    struct rp_executor *executor = &ex->executor;

    while (!ex->finished)
        turn(ex, RP_NS_NEVER);
    rp_timer_disarm(&ex->maker);
    assert_int_equal(executor->state, RP_EXECUTOR_FINISHED);
    assert_int_equal(executor->active, 0);
    assert_int_equal(ex_count(ex, 'b'), ex_count(ex, 'e'));
    assert_int_equal(executor->scheduled, ex_count(ex, 'b') + executor->dropped);
    turn(ex, rp_loop_now(ex->loop) + 3600 * RP_S); /* and nothing follows */
    assert_int_equal(ex->finished, 1);
    assert_int_equal(ex_event(ex, 'f', 0) - ex->events, ex->count - 1);
}

void ex_free(struct ex *ex)
{
    rp_executor_deinit(&ex->executor);
    rp_loop_free(ex->loop);
    free(ex->slots);
    free(ex->events);
}

void ex_run(struct ex *ex, const struct rp_scenario *scenario, rp_ns length)
{
    *ex = (struct ex){ .constant_length = length };
    ex_start(ex, scenario, NULL);
    ex_out(ex);
}

static void check(const struct ex_event *event, const struct ex_event *expected, size_t n)
{
    if (event->at != expected->at || event->what != expected->what ||
        (expected->slot >= 0 && event->slot != expected->slot) ||
        (expected->iteration != UINT64_MAX && event->iteration != expected->iteration) ||
        (expected->due >= 0 && event->due != expected->due))
        fail_msg("event %zu is %c at %lld slot %lld iteration %lld due %lld, not %c at %lld slot "
                 "%lld iteration %lld due %lld",
                 n, event->what, (long long)event->at, (long long)event->slot,
                 (long long)event->iteration, (long long)event->due, expected->what,
                 (long long)expected->at, (long long)expected->slot, (long long)expected->iteration,
                 (long long)expected->due);
}

void ex_expect(const struct ex *ex, const char *what, const struct ex_event *expected, size_t count)
{
    size_t n = 0;

    for (size_t i = 0; i < ex->count; i++) {
        if (!strchr(what, ex->events[i].what))
            continue;
        if (n == count)
            fail_msg("one more event: %c at %lld slot %lld", ex->events[i].what,
                     (long long)ex->events[i].at, (long long)ex->events[i].slot);
        check(&ex->events[i], &expected[n], n);
        n++;
    }
    assert_int_equal(n, count);
}

size_t ex_count(const struct ex *ex, char what)
{
    size_t count = 0;

    for (size_t i = 0; i < ex->count; i++)
        count += ex->events[i].what == what;
    return count;
}

const struct ex_event *ex_event(const struct ex *ex, char what, size_t n)
{
    for (size_t i = 0; i < ex->count; i++)
        if (ex->events[i].what == what && n-- == 0)
            return &ex->events[i];
    fail_msg("no such event: %c", what);
    return NULL;
}

/* SPDX-License-Identifier: MIT */

/* The executors in virtual time, with a user that runs iterations of programmed length. Times are seconds after the
 * run's start. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "sched/executor.h"

enum { SLOTS = 16, BEGINS = 4096 };

struct slot {
    struct rp_timer timer;
    struct run *run;
    bool is_active, refuses; /* refuses: never begins what it is asked to */
    rp_ns length;            /* of its iterations; RP_NS_NEVER: until interrupted */
};

struct run {
    struct rp_loop *loop;
    struct rp_executor executor;
    struct slot slots[SLOTS];
    rp_ns start, clean_up; /* how long the end after an interrupt takes */
    rp_ns begins[BEGINS], dues[BEGINS];
    size_t begun, ended, interrupts, finished;
    rp_ns finished_at, interrupted_at;
    uint64_t seen[BEGINS / 64]; /* iteration numbers */
};

static struct run *run_of(struct rp_executor *executor)
{
    return rp_container_of(executor, struct run, executor);
}

static rp_ns now_of(const struct run *run)
{
    return rp_loop_now(run->loop) - run->start;
}

static void slot_ended(struct rp_timer *timer, rp_ns now)
{
    struct slot *slot = rp_container_of(timer, struct slot, timer);
    struct run *run = slot->run;

    assert_true(slot->is_active);
    slot->is_active = false;
    run->ended++;
    rp_executor_ended(&run->executor, slot - run->slots, !slot->refuses, rp_loop_now(run->loop));
}

static void begin(struct rp_executor *executor, int64_t i, uint64_t iteration, rp_ns due)
{
    struct run *run = run_of(executor);
    struct slot *slot = &run->slots[i];

    assert_true(i >= 0 && i < executor->slot_count && !slot->is_active);
    assert_true(run->begun < BEGINS && iteration < BEGINS);
    assert_false(run->seen[iteration / 64] & 1ull << iteration % 64);
    run->seen[iteration / 64] |= 1ull << iteration % 64;
    run->begins[run->begun] = now_of(run);
    run->dues[run->begun++] = due - run->start;
    slot->is_active = true;
    if (slot->length != RP_NS_NEVER)
        rp_timer_arm(run->loop, &slot->timer, rp_loop_now(run->loop) + slot->length, slot_ended);
}

static void interrupt(struct rp_executor *executor, int64_t i)
{
    struct run *run = run_of(executor);
    struct slot *slot = &run->slots[i];

    assert_true(slot->is_active);
    run->interrupts++;
    run->interrupted_at = now_of(run);
    if (run->clean_up) {
        rp_timer_arm(run->loop, &slot->timer, rp_loop_now(run->loop) + run->clean_up, slot_ended);
    } else {
        rp_timer_disarm(&slot->timer);
        slot_ended(&slot->timer, rp_loop_now(run->loop));
    }
}

static void finished(struct rp_executor *executor)
{
    struct run *run = run_of(executor);

    run->finished++;
    run->finished_at = now_of(run);
}

static const struct rp_executor_user user = { .begin = begin,
                                              .interrupt = interrupt,
                                              .finished = finished };

static void run_start(struct run *run, const struct rp_scenario *scenario, rp_ns length)
{
    memset(run, 0, sizeof(*run));
    assert_int_equal(rp_loop_new(rp_loop_virtual, &run->loop), 0);
    assert_int_equal(rp_executor_init(&run->executor, scenario, run->loop, &user, NULL), 0);
    assert_int_equal(run->executor.slot_count, rp_executor_slots(scenario));
    for (int i = 0; i < SLOTS; i++) {
        run->slots[i].run = run;
        run->slots[i].length = length;
    }
    run->start = rp_loop_now(run->loop) + 7 * RP_S; /* any time later on */
    rp_executor_start(&run->executor, run->start);
}

static void run_until(struct run *run, rp_ns at)
{
    while (!run->finished && now_of(run) < at)
        assert_int_equal(rp_loop_turn(run->loop, run->start + at), 0);
}

/* Runs to the end; checks what always holds. */
static void run_out(struct run *run)
{
    struct rp_executor *executor = &run->executor;

    while (!run->finished)
        assert_int_equal(rp_loop_turn(run->loop, RP_NS_NEVER), 0);
    assert_int_equal(executor->state, RP_EXECUTOR_FINISHED);
    assert_int_equal(executor->active, 0);
    assert_int_equal(run->begun, run->ended);
    assert_int_equal(rp_loop_turn(run->loop, rp_loop_now(run->loop) + 3600 * RP_S), 0);
    assert_int_equal(run->finished, 1);
    assert_int_equal(run->begun, run->ended);
    rp_executor_deinit(executor);
    rp_loop_free(run->loop);
}

static void assert_counts(const struct run *run, uint64_t begun, uint64_t scheduled,
                          uint64_t dropped)
{
    assert_int_equal(run->begun, begun);
    assert_int_equal(run->executor.scheduled, scheduled);
    assert_int_equal(run->executor.dropped, dropped);
}

/* ---- the regular course ------------------------------------------------------------------------------------- */

static const struct rp_scenario vus = { .executor = RP_CONSTANT_VUS,
                                        .vus = 2,
                                        .duration = 10 * RP_S,
                                        .start_time = 3 * RP_S,
                                        .graceful_stop = 4 * RP_S };
static const struct rp_scenario shared = { .executor = RP_SHARED_ITERATIONS,
                                           .vus = 3,
                                           .iterations = 10,
                                           .max_duration = 10 * RP_S,
                                           .graceful_stop = 4 * RP_S };
static const struct rp_scenario per_vu = { .executor = RP_PER_VU_ITERATIONS,
                                           .vus = 3,
                                           .iterations = 4,
                                           .max_duration = 10 * RP_S,
                                           .graceful_stop = 4 * RP_S };

static void test_constant_vus(void **state)
{
    struct run run;

    run_start(&run, &vus, 4 * RP_S);
    run_out(&run);
    /* Begin at 3, 7, 11; what began at 11 ends at 15, within graceful_stop (13 + 4). */
    assert_counts(&run, 6, 6, 0);
    for (size_t i = 0; i < run.begun; i++) {
        assert_int_equal(run.begins[i], (3 + (rp_ns)(i / 2) * 4) * RP_S);
        assert_int_equal(run.dues[i], run.begins[i]);
    }
    assert_int_equal(run.finished_at, 15 * RP_S);
    assert_int_equal(run.interrupts, 0);
    assert_int_equal(run.executor.origin - run.start, 3 * RP_S);
}

/* An iteration that ends exactly at the regular end is not followed by another one. */
static void test_an_end_on_the_dot(void **state)
{
    struct run run;

    run_start(&run, &vus, 5 * RP_S);
    run_out(&run);
    assert_counts(&run, 4, 4, 0);
    assert_int_equal(run.finished_at, 13 * RP_S);
}

static void test_interruption(void **state)
{
    static const rp_ns clean_ups[] = { 0, RP_S / 4 };
    struct run run;

    for (size_t i = 0; i < RP_ARRAY_LEN(clean_ups); i++) {
        run_start(&run, &vus, RP_NS_NEVER);
        run.clean_up = clean_ups[i];
        run_out(&run);
        assert_counts(&run, 2, 2, 0);
        assert_int_equal(run.interrupts, 2);
        assert_int_equal(run.interrupted_at, 17 * RP_S);
        assert_int_equal(run.finished_at, 17 * RP_S + clean_ups[i]);
    }
}

static void test_shared_iterations(void **state)
{
    struct run run;

    run_start(&run, &shared, RP_S);
    run.slots[0].length = 5 * RP_S; /* the others do more */
    run_out(&run);
    assert_counts(&run, 10, 10, 0);
    assert_int_equal(run.finished_at, 5 * RP_S);
}

static void test_per_vu_iterations(void **state)
{
    struct run run;
    uint64_t iterations[3];

    run_start(&run, &per_vu, RP_S);
    run.slots[0].length = 2 * RP_S;
    run_until(&run, 7 * RP_S);
    memcpy(iterations, run.executor.slot_iterations, sizeof(iterations));
    run_out(&run);
    for (int i = 0; i < 3; i++)
        assert_int_equal(iterations[i], 4);
    assert_counts(&run, 12, 12, 0);
    assert_int_equal(run.finished_at, 8 * RP_S);
}

static void test_max_duration_drops_the_rest(void **state)
{
    static const struct {
        const struct rp_scenario *scenario;
        uint64_t begun, dropped;
    } cases[] = { { &shared, 9, 1 }, { &per_vu, 9, 3 } };
    struct run run;

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        run_start(&run, cases[i].scenario, 4 * RP_S); /* at 0, 4, 8 */
        run_out(&run);
        assert_counts(&run, cases[i].begun, cases[i].begun + cases[i].dropped, cases[i].dropped);
        assert_int_equal(run.finished_at, 12 * RP_S);
    }
}

/* ---- stopping ------------------------------------------------------------------------------------------------ */

static void check_stop(const struct rp_scenario *scenario, uint64_t total, rp_ns length, rp_ns at,
                       rp_ns grace)
{
    rp_ns limit = scenario->start_time + 14 * RP_S;
    struct run run;

    run_start(&run, scenario, length);
    run_until(&run, at);
    rp_executor_stop(&run.executor, run.start + at + grace);
    rp_executor_stop(&run.executor, run.start + at + grace + RP_S); /* does not take it back */
    run_out(&run);
    for (size_t i = 0; i < run.begun; i++)
        assert_true(run.begins[i] <= at);
    if (at + grace < limit)
        limit = at + grace;
    assert_true(run.finished_at <= (limit > at ? limit : at));
    if (length == RP_NS_NEVER && run.begun)
        assert_int_equal(run.finished_at, limit);
    assert_int_equal(run.begun + run.executor.dropped, run.executor.scheduled);
    if (total)
        assert_int_equal(run.executor.scheduled, total);
    else
        assert_int_equal(run.executor.dropped, 0);
}

static void test_stop_at_any_moment(void **state)
{
    static const struct rp_scenario *const scenarios[] = { &vus, &shared, &per_vu };
    static const uint64_t totals[] = { 0, 10, 12 };

    for (size_t i = 0; i < RP_ARRAY_LEN(scenarios); i++)
        for (rp_ns at = 0; at < 20 * RP_S; at += RP_S / 2)
            for (rp_ns grace = 0; grace <= 8 * RP_S; grace += 2 * RP_S) {
                check_stop(scenarios[i], totals[i], 3 * RP_S, at, grace);
                check_stop(scenarios[i], totals[i], RP_NS_NEVER, at, grace);
            }
}

/* The executor's own limit holds even when a stop would allow more. */
static void test_a_stop_does_not_prolong(void **state)
{
    struct run run;

    run_start(&run, &vus, RP_NS_NEVER);
    run_until(&run, 12 * RP_S);
    rp_executor_stop(&run.executor, run.start + 100 * RP_S);
    run_out(&run);
    assert_int_equal(run.interrupted_at, 17 * RP_S);

    run_start(&run, &vus, RP_NS_NEVER);
    run_until(&run, 14 * RP_S);
    rp_executor_stop(&run.executor, run.start + 100 * RP_S);
    rp_executor_stop(&run.executor, run.start + 15 * RP_S);
    run_out(&run);
    assert_int_equal(run.interrupted_at, 15 * RP_S);
}

static void test_a_deadline_in_the_past(void **state)
{
    struct run run;

    run_start(&run, &vus, RP_NS_NEVER);
    run_until(&run, 5 * RP_S);
    rp_executor_stop(&run.executor, 0);
    run_out(&run);
    assert_int_equal(run.interrupted_at, 5 * RP_S);
    assert_int_equal(run.interrupts, 2);
}

/* ---- late turns ---------------------------------------------------------------------------------------------- */

static void test_the_end_in_a_late_turn(void **state)
{
    struct run run;

    /* At 11 both run until 12; the loop comes back at 14 only: the regular end, 13, has passed. */
    run_start(&run, &vus, RP_S);
    run_until(&run, 11 * RP_S + RP_S / 2);
    rp_loop_virtual_set(run.loop, run.start + 14 * RP_S);
    run_out(&run);
    for (size_t i = 0; i < run.begun; i++)
        assert_true(run.begins[i] < 13 * RP_S);
    assert_counts(&run, 18, 18, 0);
    assert_int_equal(run.finished_at, 14 * RP_S);
}

static void test_drops_in_a_late_turn(void **state)
{
    static const struct rp_scenario *const scenarios[] = { &shared, &per_vu };
    static const uint64_t totals[] = { 10, 12 };
    struct run run;

    for (size_t i = 0; i < RP_ARRAY_LEN(scenarios); i++) {
        /* The timers of the iterations, armed for 8, fire before that of the end, at 10. */
        run_start(&run, scenarios[i], 4 * RP_S);
        run_until(&run, 5 * RP_S);
        rp_loop_virtual_set(run.loop, run.start + 11 * RP_S);
        run_out(&run);
        assert_counts(&run, 6, totals[i], totals[i] - 6);
        assert_int_equal(run.finished_at, 11 * RP_S);
    }
}

/* The loop was blocked from before the start until after the end. */
static void test_a_start_after_the_end(void **state)
{
    static const struct rp_scenario *const scenarios[] = { &vus, &shared, &per_vu };
    static const uint64_t totals[] = { 0, 10, 12 };
    struct run run;

    for (size_t i = 0; i < RP_ARRAY_LEN(scenarios); i++) {
        run_start(&run, scenarios[i], RP_S);
        rp_loop_virtual_set(run.loop, run.start + 60 * RP_S);
        run_out(&run);
        assert_counts(&run, 0, totals[i], totals[i]);
        assert_int_equal(run.finished_at, 60 * RP_S);
    }
}

/* A late start is the generator's delay, not the schedule's: what is due stays, and so does the end. */
static void test_a_late_start(void **state)
{
    struct run run;

    run_start(&run, &vus, RP_S);
    rp_loop_virtual_set(run.loop, run.start + 10 * RP_S);
    run_out(&run);
    assert_int_equal(run.begins[0], 10 * RP_S);
    assert_int_equal(run.dues[0], 3 * RP_S);
    assert_counts(&run, 6, 6, 0);
    assert_int_equal(run.finished_at, 13 * RP_S);
}

/* ---- iterations that never begin ----------------------------------------------------------------------------- */

static void test_not_begun(void **state)
{
    struct run run;

    run_start(&run, &shared, RP_S);
    run.slots[1].refuses = true;
    run_out(&run);
    assert_int_equal(run.executor.scheduled, 10);
    assert_true(run.executor.dropped > 0 && run.executor.dropped < 10);
    run_start(&run, &per_vu, RP_S);
    run.slots[1].refuses = true;
    run_out(&run);
    assert_counts(&run, 12, 12, 4);

    /* An open schedule asks for no number of iterations: one less is not a dropped one. */
    run_start(&run, &vus, RP_S);
    run.slots[1].refuses = true;
    run_out(&run);
    assert_int_equal(run.begun, 20);
    assert_int_equal(run.executor.scheduled, 10);
    assert_int_equal(run.executor.dropped, 0);
}

/* ---- life ---------------------------------------------------------------------------------------------------- */

static void test_init_fails(void **state)
{
    struct rp_executor executor;
    struct rp_loop *loop;

    assert_int_equal(rp_loop_new(rp_loop_virtual, &loop), 0);
    for (int n = 1; n <= 2; n++) {
        rp_alloc_fail_at((uint64_t)n);
        assert_int_equal(rp_executor_init(&executor, &vus, loop, &user, NULL), -ENOMEM);
        rp_executor_deinit(&executor);
    }
    rp_alloc_fail_at(0);
    memset(&executor, 0, sizeof(executor));
    rp_executor_deinit(&executor);
    rp_loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_constant_vus),
        cmocka_unit_test(test_an_end_on_the_dot),
        cmocka_unit_test(test_interruption),
        cmocka_unit_test(test_shared_iterations),
        cmocka_unit_test(test_per_vu_iterations),
        cmocka_unit_test(test_max_duration_drops_the_rest),
        cmocka_unit_test(test_stop_at_any_moment),
        cmocka_unit_test(test_a_stop_does_not_prolong),
        cmocka_unit_test(test_a_deadline_in_the_past),
        cmocka_unit_test(test_the_end_in_a_late_turn),
        cmocka_unit_test(test_drops_in_a_late_turn),
        cmocka_unit_test(test_a_start_after_the_end),
        cmocka_unit_test(test_a_late_start),
        cmocka_unit_test(test_not_begun),
        cmocka_unit_test(test_init_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */

/* Pauses in virtual time: what the schedule does is what it would have done, later by as much as was paused. */

#include <stdlib.h>
#include <string.h>

#include "executing.h"

#define ANY UINT64_MAX
#define AT(seconds) ((rp_ns)((seconds)*1000) * RP_MS)
#define EXPECT(ex, what, list) ex_expect(ex, what, list, RP_ARRAY_LEN(list))
#define STAGES(list) .stages = (list), .stage_count = RP_ARRAY_LEN(list)

static struct rp_stage stages[] = { { AT(4), 4 }, { AT(2), 1 }, { 0, 3 }, { AT(4), 0 } };

static const struct rp_scenario scenarios[] = {
    { .executor = RP_CONSTANT_VUS, .vus = 2, .duration = AT(10) },
    { .executor = RP_SHARED_ITERATIONS, .vus = 2, .iterations = 12, .max_duration = AT(10) },
    { .executor = RP_PER_VU_ITERATIONS, .vus = 2, .iterations = 6, .max_duration = AT(10) },
    { .executor = RP_RAMPING_VUS, STAGES(stages) },
    { .executor = RP_CONSTANT_ARRIVAL_RATE,
      .name = (char *)"s",
      .rate = 3,
      .time_unit = RP_S,
      .duration = AT(10),
      .pre_allocated_vus = 40,
      .max_vus = 40 },
    { .executor = RP_RAMPING_ARRIVAL_RATE,
      .name = (char *)"s",
      .time_unit = RP_S,
      STAGES(stages),
      .pre_allocated_vus = 40,
      .max_vus = 40 },
};

static struct rp_scenario scenario_of(enum rp_executor_kind executor)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(scenarios); i++)
        if (scenarios[i].executor == executor) {
            struct rp_scenario scenario = scenarios[i];

            scenario.start_time = AT(2);
            scenario.graceful_ramp_down = AT(1);
            scenario.graceful_stop = AT(3);
            return scenario;
        }
    fail();
    return scenarios[0];
}

static void pause_for(struct ex *ex, rp_ns at, rp_ns length)
{
    size_t begun;

    ex_until(ex, at);
    assert_false(ex->finished);
    begun = ex_count(ex, 'b');
    rp_executor_pause(&ex->executor, rp_loop_now(ex->loop));
    rp_executor_pause(&ex->executor, rp_loop_now(ex->loop)); /* twice is as once */
    ex_until(ex, at + length);
    assert_int_equal(ex_count(ex, 'b'), begun);
    rp_executor_resume(&ex->executor, rp_loop_now(ex->loop));
    rp_executor_resume(&ex->executor, rp_loop_now(ex->loop));
}

/* ---- one at a time --------------------------------------------------------------------------------------------- */

/* Iterations of 1.5 s: those that run end, and idle VUs begin together when it goes on. */
static void test_constant_vus(void **state)
{
    static const struct ex_event expected[] = {
        { AT(2), 'b', 0, 0, AT(2) },  { AT(2), 'b', 1, 1, AT(2) },
        { AT(3.5), 'e', 0, ANY, -1 }, { AT(3.5), 'e', 1, ANY, -1 },
        { AT(6), 'b', 0, 2, AT(6) },  { AT(6), 'b', 1, 3, AT(6) },
        { AT(7.5), 'e', 0, ANY, -1 }, { AT(7.5), 'b', 0, 4, AT(7.5) },
        { AT(7.5), 'e', 1, ANY, -1 }, { AT(7.5), 'b', 1, 5, AT(7.5) },
    };
    struct rp_scenario scenario = scenario_of(RP_CONSTANT_VUS);
    struct ex ex = { .constant_length = AT(1.5) };

    ex_start(&ex, &scenario, NULL);
    pause_for(&ex, AT(3), AT(3));
    assert_int_equal(rp_executor_elapsed(&ex.executor, rp_loop_now(ex.loop)), AT(1));
    ex_until(&ex, AT(8));
    EXPECT(&ex, "be", expected);
    ex_out(&ex);
    /* Nine seconds from 6 on: six rounds, the last one from 13.5 to 15. */
    assert_int_equal(ex_count(&ex, 'b'), 14);
    assert_int_equal(ex_event(&ex, 'f', 0)->at, AT(15));
    ex_free(&ex);
}

/* Everything is done before the pause is over: so is the executor. */
static void test_done_while_paused(void **state)
{
    struct rp_scenario scenario = scenario_of(RP_SHARED_ITERATIONS);
    struct ex ex = { .constant_length = AT(1.5) };

    scenario.iterations = 2;
    ex_start(&ex, &scenario, NULL);
    ex_until(&ex, AT(3));
    rp_executor_pause(&ex.executor, rp_loop_now(ex.loop));
    ex_out(&ex);
    assert_int_equal(ex_event(&ex, 'f', 0)->at, AT(3.5));
    assert_int_equal(rp_executor_elapsed(&ex.executor, rp_loop_now(ex.loop)), AT(1));
    ex_free(&ex);
}

/* A graceful stop is no part of the schedule. */
static void test_while_stopping(void **state)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(scenarios); i++) {
        struct rp_scenario scenario = scenario_of((enum rp_executor_kind)i);
        struct ex ex = { .constant_length = EX_FOREVER };

        ex_start(&ex, &scenario, NULL);
        ex_until(&ex, AT(13));
        rp_executor_pause(&ex.executor, rp_loop_now(ex.loop));
        assert_false(ex.executor.is_paused);
        ex_out(&ex);
        assert_int_equal(ex_event(&ex, 'f', 0)->at,
                         scenario.executor == RP_RAMPING_VUS ? AT(13) : AT(15));
        ex_free(&ex);
    }
}

/* A VU that was asked to finish has as much time left after the pause as before. */
static void test_a_graceful_ramp_down(void **state)
{
    static struct rp_stage down[] = { { AT(1), 1 }, { 0, 0 }, { AT(5), 0 } };
    struct rp_scenario scenario = { .executor = RP_RAMPING_VUS,
                                    .start_vus = 1,
                                    .graceful_ramp_down = AT(2),
                                    .graceful_stop = AT(2),
                                    STAGES(down) };
    struct ex ex = { .constant_length = EX_FOREVER };

    ex_start(&ex, &scenario, NULL);
    pause_for(&ex, AT(1.5), AT(10));
    ex_out(&ex);
    assert_int_equal(ex_event(&ex, 'i', 0)->at, AT(13));
    ex_free(&ex);
}

static void test_stop_while_paused(void **state)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(scenarios); i++)
        for (rp_ns at = 0; at < AT(12); at += AT(0.5)) {
            struct rp_scenario scenario = scenario_of((enum rp_executor_kind)i);
            struct ex ex = { .constant_length = EX_FOREVER };
            size_t begun;

            ex_start(&ex, &scenario, NULL);
            ex_until(&ex, at);
            rp_executor_pause(&ex.executor, rp_loop_now(ex.loop));
            begun = ex_count(&ex, 'b');
            ex_until(&ex, at + AT(100));
            rp_executor_stop(&ex.executor, ex.start + at + AT(101));
            assert_false(ex.executor.is_paused);
            rp_executor_resume(&ex.executor, rp_loop_now(ex.loop));
            ex_out(&ex);
            assert_int_equal(ex_count(&ex, 'b'), begun);
            assert_true(ex_event(&ex, 'f', 0)->at <= at + AT(101));
            if (scenario.executor == RP_CONSTANT_ARRIVAL_RATE)
                assert_int_equal(ex.executor.dropped, 0);
            ex_free(&ex);
        }
}

/* ---- whatever pauses there are --------------------------------------------------------------------------------- */

enum { RUNS = 400, PAUSES = 4 };

struct pauses {
    rp_ns at[PAUSES], length[PAUSES]; /* at: of the clock without pauses, ascending */
    size_t count;
};

/* When something happens that happens at @at without pauses; what is due at the moment of a pause has happened before. */
static rp_ns later(const struct pauses *pauses, rp_ns at)
{
    rp_ns sum = 0;

    for (size_t i = 0; i < pauses->count; i++)
        if (at > pauses->at[i])
            sum += pauses->length[i];
    return at + sum;
}

static void choose_pauses(struct pauses *pauses)
{
    rp_ns at = 0;

    pauses->count = 1 + (size_t)random() % PAUSES;
    for (size_t i = 0; i < pauses->count; i++) {
        at += AT(0.25) * (random() % 16) + (random() % 2 ? random() % 1000 : 0);
        if (at >= AT(12))
            break;
        pauses->at[i] = at;
        pauses->length[i] = 1 + AT(0.5) * (random() % 20);
        if (i == 0 && random() % 4 == 0)
            pauses->at[0] = at = 0; /* before the start */
    }
    while (pauses->count > 1 && !pauses->length[pauses->count - 1])
        pauses->count--;
}

static void run_with(struct ex *ex, const struct rp_scenario *scenario, const struct pauses *pauses)
{
    rp_ns sum = 0;

    *ex = (struct ex){ .constant_length = EX_FOREVER };
    ex_start(ex, scenario, NULL);
    for (size_t i = 0; pauses && i < pauses->count; i++) {
        pause_for(ex, pauses->at[i] + sum, pauses->length[i]);
        sum += pauses->length[i];
    }
    ex_out(ex);
}

static size_t without_ends(struct ex_event *events, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++)
        if (events[i].what != 'e')
            events[kept++] = events[i];
    return kept;
}

/* Endless iterations: all that happens is the schedule's, from the first begin to the last interruption. */
static void test_random_pauses(void **state)
{
    for (unsigned seed = 1; seed <= RUNS; seed++) {
        struct rp_scenario scenario = scenario_of(
            (enum rp_executor_kind)(seed % RP_ARRAY_LEN(scenarios)));
        struct pauses pauses = { 0 };
        struct ex plain, paused;
        rp_ns sum = 0;

        srandom(seed);
        choose_pauses(&pauses);
        for (size_t i = 0; i < pauses.count; i++)
            sum += pauses.length[i];
        run_with(&plain, &scenario, NULL);
        run_with(&paused, &scenario, &pauses);
        for (size_t i = 0; i < plain.count; i++) {
            struct ex_event *event = &plain.events[i];

            event->at = later(&pauses, event->at);
            if (event->what == 'b') /* on the dot of a pause it is the same moment */
                event->due = later(&pauses, event->due);
        }
        plain.count = without_ends(plain.events, plain.count);
        ex_expect(&paused, "bif", plain.events, plain.count);
        assert_int_equal(plain.executor.scheduled, paused.executor.scheduled);
        assert_int_equal(plain.executor.dropped, paused.executor.dropped);
        assert_true(ex_event(&paused, 'f', 0)->at <= AT(15) + sum);
        ex_free(&plain);
        ex_free(&paused);
    }
}

/* A pause in a late turn: what was late before is as late afterwards, and no more of it. */
static void test_a_pause_in_a_late_turn(void **state)
{
    struct rp_scenario scenario = scenario_of(RP_CONSTANT_ARRIVAL_RATE);
    struct ex ex = { .constant_length = AT(0.1) };

    ex_start(&ex, &scenario, NULL);
    ex_until(&ex, AT(2));
    ex_stall(&ex, AT(3.1)); /* 1/3, 2/3 and 1 s after the beginning are due */
    rp_executor_pause(&ex.executor, rp_loop_now(ex.loop));
    ex_until(&ex, AT(50));
    assert_int_equal(ex_count(&ex, 'b'), 1);
    rp_executor_resume(&ex.executor, rp_loop_now(ex.loop));
    assert_int_equal(ex_count(&ex, 'b'), 4);
    assert_int_equal(ex_event(&ex, 'b', 3)->at, AT(50));
    assert_int_equal(ex_event(&ex, 'b', 3)->due, AT(50) - AT(0.1));
    ex_out(&ex);
    assert_int_equal(ex_count(&ex, 'b'), 30);
    ex_free(&ex);
}

/* The regular time was over before the pause, which only the clock knew. */
static void test_a_pause_after_the_end_in_a_late_turn(void **state)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(scenarios); i++) {
        struct rp_scenario scenario = scenario_of((enum rp_executor_kind)i);
        struct ex ex = { .constant_length = AT(1) };

        ex_start(&ex, &scenario, NULL);
        ex_until(&ex, AT(5));
        ex_stall(&ex, AT(12.2));
        rp_executor_pause(&ex.executor, rp_loop_now(ex.loop));
        ex_out(&ex);
        assert_true(ex_event(&ex, 'f', 0)->at <= AT(12.2));
        ex_free(&ex);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_constant_vus),
        cmocka_unit_test(test_done_while_paused),
        cmocka_unit_test(test_while_stopping),
        cmocka_unit_test(test_a_graceful_ramp_down),
        cmocka_unit_test(test_stop_while_paused),
        cmocka_unit_test(test_random_pauses),
        cmocka_unit_test(test_a_pause_in_a_late_turn),
        cmocka_unit_test(test_a_pause_after_the_end_in_a_late_turn),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

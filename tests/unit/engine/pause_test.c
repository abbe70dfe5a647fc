/* SPDX-License-Identifier: MIT */

/* Pauses of the engine in virtual time: what waits to begin, what runs, what is over. The schedules' part of it is
 * tested with the executors. */

#include "fake_host.h"

#include <string.h>

static struct fake_iteration takes_a_second(struct fake *fake, const struct rp_vu *vu)
{
    return (struct fake_iteration){ .waits = RP_S };
}

static struct fake_iteration takes_no_time(struct fake *fake, const struct rp_vu *vu)
{
    return (struct fake_iteration){ .waits = 0 };
}

static struct fake_iteration takes_for_ever(struct fake *fake, const struct rp_vu *vu)
{
    return (struct fake_iteration){ .waits = FAKE_FOREVER };
}

static struct rp_scenario constant(const char *name, int64_t vus, rp_ns duration)
{
    return (struct rp_scenario){ .name = (char *)name,
                                 .executor = RP_CONSTANT_VUS,
                                 .vus = vus,
                                 .duration = duration,
                                 .graceful_stop = 30 * RP_S };
}

static struct rp_scenario arrivals(const char *name, double rate, rp_ns duration, int64_t vus)
{
    return (struct rp_scenario){ .name = (char *)name,
                                 .executor = RP_CONSTANT_ARRIVAL_RATE,
                                 .rate = rate,
                                 .time_unit = RP_S,
                                 .duration = duration,
                                 .graceful_stop = 30 * RP_S,
                                 .pre_allocated_vus = vus,
                                 .max_vus = vus };
}

static const struct rp_series *series_of(struct fake *fake, const char *metric, const char *name)
{
    for (size_t i = 0; i < rp_registry_series_count(fake->registry); i++) {
        struct rp_series *series = rp_registry_series_at(fake->registry, i);

        if (strcmp(series->metric->name, metric) == 0 &&
            strcmp(rp_tags_get(series->tags, "scenario"), name) == 0)
            return series;
    }
    fail();
    return NULL;
}

/* ---- what waits ------------------------------------------------------------------------------------------------ */

struct pauser {
    uint64_t at; /* the pause comes from inside the begin of this many iterations */
    uint64_t begun;
};

static void pause_inside(struct fake *fake, struct rp_vu *vu)
{
    struct pauser *pauser = fake->user;

    if (++pauser->begun == pauser->at)
        fake_pause(fake);
}

/* 300 VUs are ready at once; the tenth one's function pauses. The others begin afterwards, and none of them was late. */
static void test_the_ready_ones_wait(void **state)
{
    struct rp_scenario scenarios[] = { constant("vus", 300, 10 * RP_S),
                                       arrivals("rate", 300, RP_S, 300) };
    static const rp_ns stalls[] = { 0, RP_S - 1 };

    for (size_t i = 0; i < RP_ARRAY_LEN(scenarios); i++) {
        struct pauser pauser = { .at = 10 };
        struct fake fake = { .next = takes_for_ever, .began = pause_inside, .user = &pauser };
        const struct rp_series *lateness;

        fake_init(&fake, &scenarios[i], 1);
        rp_engine_start(fake.engine, fake.start = rp_loop_now(fake.loop) + RP_S);
        rp_loop_virtual_set(fake.loop, fake.start + stalls[i]);
        fake_run_until(&fake, stalls[i] + RP_S);
        assert_true(rp_engine_is_paused(fake.engine));
        assert_int_equal(fake.counts[0].begun, 10);
        assert_int_equal(rp_engine_active_vus(fake.engine), 300);
        fake_run_until(&fake, 100 * RP_S);
        fake_resume(&fake);
        fake_run_out(&fake);
        assert_int_equal(fake.counts[0].begun, 300);
        assert_int_equal(fake.counts[0].last, 100 * RP_S);
        assert_int_equal(rp_engine_paused_time(fake.engine), 100 * RP_S - stalls[i]);
        if (i == 1) { /* by what the loop was late, not by the pause */
            lateness = series_of(&fake, "iteration_lateness", "rate");
            assert_true(lateness->delta.hist.max == (double)stalls[i]);
        }
        fake_deinit(&fake);
    }
}

/* 400 arrivals are ready when their regular time is over; a pause does not hold what is over: those that have not begun
 * are dropped, and only the other scenario waits. */
static void test_what_is_over_is_not_held(void **state)
{
    struct rp_scenario scenarios[] = { arrivals("rate", 400, RP_S, 400),
                                       constant("vus", 1, 10 * RP_S) };
    struct pauser pauser = { .at = 2 };
    struct fake fake = { .next = takes_a_second, .began = pause_inside, .user = &pauser };

    scenarios[1].start_time = 5 * RP_S;
    fake_init(&fake, scenarios, 2);
    rp_engine_start(fake.engine, fake.start = rp_loop_now(fake.loop) + RP_S);
    rp_loop_virtual_set(fake.loop, fake.start + RP_S + 10 * RP_MS);
    fake_run_until(&fake, 50 * RP_S);
    assert_int_equal(fake.counts[0].begun, 2);
    assert_int_equal(rp_engine_counts(fake.engine, 0).dropped, 398);
    assert_int_equal(rp_engine_progress(fake.engine, 0).state, RP_SCENARIO_FINISHED);
    assert_int_equal(rp_engine_progress(fake.engine, 1).state, RP_SCENARIO_WAITING);
    fake_resume(&fake);
    fake_run_out(&fake);
    assert_int_equal(fake.counts[1].first, 50 * RP_S + 4 * RP_S - 10 * RP_MS);
    assert_int_equal(fake.counts[1].completed, 10);
    fake_deinit(&fake);
}

/* The same with others that wait, and go on waiting, before them. */
static void test_what_is_over_is_not_held_behind_others(void **state)
{
    static struct rp_stage at_the_end[] = { { 990 * RP_MS, 0 }, { 0, 0 }, { 10 * RP_MS, 80000 } };
    struct rp_scenario scenarios[] = { constant("vus", 300, 10 * RP_S),
                                       arrivals("rate", 0, RP_S, 400) };
    struct pauser pauser = { .at = 256 };
    struct fake fake = { .next = takes_a_second, .began = pause_inside, .user = &pauser };

    scenarios[0].start_time = 980 * RP_MS;
    scenarios[1].executor = RP_RAMPING_ARRIVAL_RATE;
    scenarios[1].stages = at_the_end;
    scenarios[1].stage_count = RP_ARRAY_LEN(at_the_end);
    fake_init(&fake, scenarios, 2);
    fake_run_until(&fake, RP_S / 2);
    rp_loop_virtual_set(fake.loop, fake.start + RP_S + 10 * RP_MS);
    fake_run_until(&fake, 5 * RP_S); /* long before its graceful stop is over */
    assert_int_equal(fake.counts[0].begun, 256);
    assert_int_equal(rp_engine_counts(fake.engine, 1).dropped, 400);
    assert_int_equal(rp_engine_progress(fake.engine, 1).state, RP_SCENARIO_FINISHED);
    fake_resume(&fake);
    fake_run_out(&fake);
    assert_int_equal(fake.counts[0].begun, 256 + 300 * 10); /* 9.97 s of its time are left */
    fake_deinit(&fake);
}

/* A function that never waits and pauses: the run holds, however often it does. */
static void pause_each_time(struct fake *fake, struct rp_vu *vu)
{
    fake_pause(fake);
}

static void test_paused_by_every_iteration(void **state)
{
    struct rp_scenario scenarios[] = { constant("vus", 3, 10 * RP_S) };
    struct fake fake = { .next = takes_no_time, .began = pause_each_time };

    fake_init(&fake, scenarios, 1);
    for (uint64_t n = 1; n < 100; n++) {
        fake_run_until(&fake, (rp_ns)n * RP_S);
        assert_true(rp_engine_is_paused(fake.engine));
        assert_int_equal(fake.counts[0].completed, n);
        fake_resume(&fake);
    }
    fake_stop(&fake, 0);
    fake_run_out(&fake);
    fake_deinit(&fake);
}

/* ---- when ------------------------------------------------------------------------------------------------------ */

static void test_before_the_start(void **state)
{
    struct rp_scenario scenarios[] = { constant("a", 2, 10 * RP_S), arrivals("b", 2, 3 * RP_S, 9) };
    struct fake fake = { .next = takes_a_second };

    scenarios[1].start_time = 4 * RP_S;
    fake_init(&fake, scenarios, 2);
    fake_pause(&fake);
    assert_int_equal(rp_loop_turn(fake.loop, rp_loop_now(fake.loop) + 60 * RP_S), 0);
    assert_int_equal(rp_engine_paused_time(fake.engine), 0); /* of a run that has not begun */
    fake_run_until(&fake, 7 * RP_S); /* started one second before its start */
    assert_int_equal(fake.counts[0].begun + fake.counts[1].begun, 0);
    assert_int_equal(rp_engine_progress(fake.engine, 0).state, RP_SCENARIO_WAITING);
    fake_resume(&fake);
    assert_false(rp_engine_is_paused(fake.engine));
    fake_run_out(&fake);
    assert_int_equal(fake.counts[0].first, 8 * RP_S);
    assert_int_equal(fake.counts[1].first, 12 * RP_S);
    assert_int_equal(fake.counts[0].completed, 20);
    assert_int_equal(fake.counts[1].completed, 6);
    assert_int_equal(fake.finished_at, 18 * RP_S);
    assert_int_equal(rp_engine_paused_time(fake.engine), 8 * RP_S);
    fake_deinit(&fake);
}

static void test_twice_and_during_a_start_time(void **state)
{
    struct rp_scenario scenarios[] = { constant("a", 1, 4 * RP_S), constant("b", 1, 4 * RP_S) };
    struct fake fake = { .next = takes_a_second };
    struct rp_scenario_progress progress;

    scenarios[1].start_time = 3 * RP_S;
    fake_init(&fake, scenarios, 2);
    fake_run_until(&fake, RP_S / 2);
    fake_pause(&fake);
    rp_engine_pause(fake.engine);
    fake_run_until(&fake, 10 * RP_S);
    progress = rp_engine_progress(fake.engine, 0);
    assert_int_equal(progress.elapsed, RP_S / 2);
    assert_int_equal(progress.vus, 0);
    assert_int_equal(rp_engine_elapsed(fake.engine), 10 * RP_S);
    assert_int_equal(rp_engine_paused_time(fake.engine), 9 * RP_S + RP_S / 2);
    fake_resume(&fake);
    rp_engine_resume(fake.engine);
    fake_run_until(&fake, 11 * RP_S);
    fake_pause(&fake);
    fake_run_until(&fake, 20 * RP_S);
    fake_resume(&fake);
    fake_run_out(&fake);
    /* a: 0, then from 10; 9.5 + 9 s later than without pauses, and what began late in it lies over its end. */
    assert_int_equal(fake.counts[1].first, 3 * RP_S + 18 * RP_S + RP_S / 2);
    assert_int_equal(fake.counts[1].completed, 4);
    assert_int_equal(fake.finished_at, 25 * RP_S + RP_S / 2);
    fake_deinit(&fake);
}

static void test_a_stop_ends_it(void **state)
{
    struct pauser pauser = { .at = 3 };
    struct rp_scenario scenarios[] = { constant("a", 9, 4 * RP_S), arrivals("b", 2, RP_S, 3) };
    struct fake fake = { .next = takes_for_ever, .began = pause_inside, .user = &pauser };

    fake_init(&fake, scenarios, 2);
    fake_run_until(&fake, 100 * RP_S);
    assert_int_equal(fake.counts[0].begun, 3);
    fake_stop(&fake, 2 * RP_S);
    assert_false(rp_engine_is_paused(fake.engine));
    rp_engine_resume(fake.engine);
    fake_run_out(&fake);
    assert_int_equal(fake.counts[0].begun, 3);
    assert_int_equal(fake.counts[0].interrupted, 3);
    assert_int_equal(fake.finished_at, 102 * RP_S);
    rp_engine_pause(fake.engine);
    assert_false(rp_engine_is_paused(fake.engine));
    fake_deinit(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_ready_ones_wait),
        cmocka_unit_test(test_what_is_over_is_not_held),
        cmocka_unit_test(test_what_is_over_is_not_held_behind_others),
        cmocka_unit_test(test_paused_by_every_iteration),
        cmocka_unit_test(test_before_the_start),
        cmocka_unit_test(test_twice_and_during_a_start_time),
        cmocka_unit_test(test_a_stop_ends_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */

/* Random plans in virtual time: whatever scenarios, iterations, delays, pauses, stops and shares there are, the accounting
 * of every scenario adds up, equals what the host saw and what was recorded, and nothing runs past its limits. */

#include "fake_host.h"

#include "sched/schedule.h"

#include <stdlib.h>
#include <string.h>

enum { PLANS = 6000, SCENARIOS_MAX = 4, STAGES_MAX = 5 };

struct dice {
    uint64_t state;
};

static uint64_t roll(struct dice *dice, uint64_t sides)
{
    dice->state ^= dice->state << 13;
    dice->state ^= dice->state >> 7;
    dice->state ^= dice->state << 17;
    return (dice->state * 0x2545f4914f6cdd1dull >> 16) % sides;
}

/* Round numbers collide on purpose: ends, starts and stops at equal times. */
static rp_ns some_time(struct dice *dice, rp_ns most)
{
    rp_ns unit = roll(dice, 2) ? RP_S / 2 : 1;

    return (rp_ns)roll(dice, (uint64_t)(most / unit) + 1) * unit;
}

struct test {
    struct fake fake;
    struct dice dice;
    struct rp_scenario scenarios[SCENARIOS_MAX];
    struct rp_stage stages[SCENARIOS_MAX][STAGES_MAX];
    rp_ns longest_clean_up;
    bool blocks, is_late;
    int pauses, stops; /* still to come */
    rp_ns pause_at, resume_at, stop_at, grace;
    rp_ns latest_end; /* of the grace of any stop so far */
};

static struct fake_iteration next(struct fake *fake, const struct rp_vu *vu)
{
    struct test *test = fake->user;
    struct dice *dice = &test->dice;
    struct fake_iteration iteration = { .fails = roll(dice, 7) == 0 };

    switch (roll(dice, 8)) {
    case 0:
        iteration.waits = FAKE_FOREVER;
        break;
    case 1:
        if (test->blocks)
            iteration.blocks = 1 + some_time(dice, 2 * RP_S);
        else
            iteration.waits = 1;
        break;
    default:
        iteration.waits = 1 + some_time(dice, 3 * RP_S);
    }
    if (roll(dice, 2))
        iteration.clean_up = 1 + some_time(dice, RP_S);
    iteration.completes_clean_up = roll(dice, 4) == 0;
    if (roll(dice, 4) == 0)
        iteration.holds = 1 + some_time(dice, RP_S);
    if (iteration.clean_up + iteration.holds > test->longest_clean_up)
        test->longest_clean_up = iteration.clean_up + iteration.holds;
    return iteration;
}

static const char *const names[SCENARIOS_MAX] = { "a", "b", "c", "d" };

static void make_stages(struct test *test, size_t i)
{
    struct dice *dice = &test->dice;
    struct rp_scenario *scenario = &test->scenarios[i];

    scenario->stages = test->stages[i];
    scenario->stage_count = 1 + roll(dice, STAGES_MAX);
    for (size_t j = 0; j < scenario->stage_count; j++)
        scenario->stages[j] = (struct rp_stage){ roll(dice, 3) ? some_time(dice, 4 * RP_S) : 0,
                                                 (int64_t)roll(dice, 8) };
    scenario->stages[0].duration++;
    scenario->stages[0].target++;
}

static void make_scenario(struct test *test, size_t i)
{
    struct dice *dice = &test->dice;
    struct rp_scenario *scenario = &test->scenarios[i];

    *scenario =
        (struct rp_scenario){ .name = (char *)names[i],
                              .executor = (enum rp_executor_kind)roll(dice, RP_EXECUTOR_KIND_COUNT),
                              .vus = 1 + (int64_t)roll(dice, 8),
                              .start_vus = (int64_t)roll(dice, 4),
                              .duration = 1 + some_time(dice, 10 * RP_S),
                              .max_duration = 1 + some_time(dice, 10 * RP_S),
                              .start_time = some_time(dice, 5 * RP_S),
                              .graceful_ramp_down = some_time(dice, 2 * RP_S),
                              .graceful_stop = some_time(dice, 4 * RP_S),
                              .rate = (double)(1 + roll(dice, 40)) / 4,
                              .time_unit = 1 + some_time(dice, 2 * RP_S),
                              .arrival = (enum rp_arrival)(roll(dice, 4) == 0),
                              .pre_allocated_vus = (int64_t)roll(dice, 6) };
    if (scenario->time_unit <
        RP_MS) /* of hundreds of millions of arrivals one learns nothing more */
        scenario->time_unit += RP_S / 2;
    scenario->iterations = 1 + (int64_t)roll(dice, 12);
    if (scenario->executor == RP_SHARED_ITERATIONS)
        scenario->iterations += scenario->vus;
    scenario->max_vus = scenario->pre_allocated_vus + (int64_t)roll(dice, 5);
    if (!scenario->max_vus)
        scenario->max_vus = 1;
    make_stages(test, i);
}

static rp_ns limit_of(const struct test *test, size_t count)
{
    rp_ns limit = 0;

    for (size_t i = 0; i < count; i++) {
        const struct rp_scenario *scenario = &test->scenarios[i];
        rp_ns end = scenario->start_time + rp_scenario_regular(scenario) + scenario->graceful_stop;

        limit = end > limit ? end : limit;
    }
    return limit;
}

/* ---- running ------------------------------------------------------------------------------------------------- */

static void stop(struct test *test)
{
    struct dice *dice = &test->dice;

    if (rp_engine_is_paused(test->fake.engine)) /* a stop ends a pause */
        test->fake.paused += rp_loop_now(test->fake.loop) - test->fake.paused_at;
    fake_stop(&test->fake, test->grace);
    if (test->latest_end == RP_NS_NEVER || test->stop_at + test->grace < test->latest_end)
        test->latest_end = test->stop_at + test->grace;
    test->stops--;
    test->stop_at += some_time(dice, 2 * RP_S);
    test->grace = some_time(dice, 3 * RP_S);
}

/* Does what is to be done by now; when something is to be done next. */
static rp_ns act(struct test *test)
{
    struct fake *fake = &test->fake;
    struct dice *dice = &test->dice;
    rp_ns next = RP_NS_NEVER;

    while (test->stops > 0 && fake_now(fake) >= test->stop_at)
        stop(test);
    if (rp_engine_is_paused(fake->engine) && fake_now(fake) >= test->resume_at) {
        fake_resume(fake);
        test->pause_at = fake_now(fake) + some_time(dice, 4 * RP_S);
    } else if (!rp_engine_is_paused(fake->engine) && test->pauses > 0 &&
               fake_now(fake) >= test->pause_at) {
        fake_pause(fake);
        test->pauses--;
        test->resume_at = fake_now(fake) + some_time(dice, 4 * RP_S);
    }
    if (test->stops > 0)
        next = test->stop_at;
    if (rp_engine_is_paused(fake->engine))
        next = test->resume_at < next ? test->resume_at : next;
    else if (test->pauses > 0)
        next = test->pause_at < next ? test->pause_at : next;
    return next == RP_NS_NEVER ? next : fake->start + next;
}

static void run(struct test *test)
{
    struct fake *fake = &test->fake;

    if (roll(&test->dice, 8) == 0)
        fake_pause(fake); /* before the start; the resume comes at once or later */
    fake_run_until(fake, 0);
    while (!fake->finished) {
        if (test->is_late && roll(&test->dice, 4) == 0)
            rp_loop_virtual_set(fake->loop,
                                rp_loop_now(fake->loop) + some_time(&test->dice, 3 * RP_S));
        fake_turn(fake, act(test));
    }
    fake_run_out(fake);
}

static void check_scenario(const struct test *test, size_t i)
{
    const struct rp_scenario *scenario = &test->scenarios[i];
    struct rp_engine_counts counts = rp_engine_counts(test->fake.engine, i);
    struct rp_scenario_progress progress = rp_engine_progress(test->fake.engine, i);

    switch (scenario->executor) {
    case RP_CONSTANT_VUS:
    case RP_RAMPING_VUS:
        assert_int_equal(counts.dropped, 0);
        break;
    case RP_SHARED_ITERATIONS:
    case RP_PER_VU_ITERATIONS:
        assert_int_equal(counts.scheduled, progress.total);
        break;
    default:
        assert_true(scenario->arrival == RP_ARRIVAL_POISSON || counts.scheduled <= progress.total);
        if (test->fake.stopped_at == RP_NS_NEVER && scenario->arrival == RP_ARRIVAL_UNIFORM)
            assert_int_equal(counts.scheduled, progress.total);
    }
    assert_int_equal(progress.state, RP_SCENARIO_FINISHED);
    assert_int_equal(progress.vus, 0);
    assert_true(progress.elapsed >= 0 && progress.elapsed <= progress.regular);
    assert_true(progress.rate == 0);
}

static void choose(struct test *test, size_t *ret_count)
{
    struct dice *dice = &test->dice;

    *ret_count = 1 + roll(dice, SCENARIOS_MAX);
    for (size_t i = 0; i < *ret_count; i++)
        make_scenario(test, i);
    test->blocks = roll(dice, 3) == 0;
    test->is_late = roll(dice, 3) == 0;
    test->pauses = (int)roll(dice, 4);
    test->pause_at = some_time(dice, 8 * RP_S);
    test->stops = (int)roll(dice, 4);
    test->stop_at = some_time(dice, 15 * RP_S);
    test->grace = some_time(dice, 4 * RP_S);
    test->latest_end = RP_NS_NEVER;
}

static void check_plan(uint64_t seed)
{
    struct test *test = calloc(1, sizeof(*test));
    struct rp_segment_sequence segments = { 0 };
    struct fake *fake = &test->fake;
    rp_ns limit;
    size_t count;

    test->dice.state = seed * 0x9e3779b97f4a7c15ull + 1;
    choose(test, &count);
    fake->next = next;
    fake->user = test;
    fake->plan.seed = seed;
    if (roll(&test->dice, 2)) {
        assert_int_equal(rp_segment_equal(1 + roll(&test->dice, 5), &segments), 0);
        fake->segments = &segments;
        fake->segment_index = roll(&test->dice, segments.count);
    }
    fake_init(fake, test->scenarios, count);
    run(test);
    for (size_t i = 0; i < count; i++)
        check_scenario(test, i);
    limit = limit_of(test, count) + rp_engine_paused_time(fake->engine);
    limit = test->latest_end < limit ? test->latest_end : limit;
    if (!test->blocks && !test->is_late)
        assert_true(fake->finished_at <= limit + test->longest_clean_up);
    fake_deinit(fake);
    rp_segment_sequence_deinit(&segments);
    free(test);
}

/* RAMPA_TEST_SEED=N runs one plan again. */
static void test_random_plans(void **state)
{
    const char *one = getenv("RAMPA_TEST_SEED");
    uint64_t *seed = *state;

    if (one)
        check_plan(*seed = strtoull(one, NULL, 10));
    for (*seed = 1; !one && *seed <= PLANS; ++*seed)
        check_plan(*seed);
    *seed = 0;
}

static int tell_the_culprit(void **state)
{
    const uint64_t *seed = *state;

    if (*seed)
        print_message("# RAMPA_TEST_SEED=%llu\n", (unsigned long long)*seed);
    return 0;
}

int main(void)
{
    uint64_t seed = 0;
    const struct CMUnitTest tests[] = {
        { "test_random_plans", test_random_plans, NULL, tell_the_culprit, &seed },
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

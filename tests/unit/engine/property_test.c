/* SPDX-License-Identifier: MIT */

/* Random plans in virtual time: whatever scenarios, iterations, delays and stops there are, the accounting of every
 * scenario adds up, equals what the host saw and what was recorded, and nothing runs past its limits. */

#include "fake_host.h"

#include <stdlib.h>
#include <string.h>

enum { PLANS = 4000, SCENARIOS_MAX = 4 };

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
    rp_ns longest_clean_up;
    bool blocks, is_late;
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
    if (iteration.clean_up > test->longest_clean_up)
        test->longest_clean_up = iteration.clean_up;
    return iteration;
}

static const char *const names[SCENARIOS_MAX] = { "a", "b", "c", "d" };

static void make_scenario(struct test *test, size_t i)
{
    static const enum rp_executor executors[] = { RP_CONSTANT_VUS, RP_SHARED_ITERATIONS,
                                                  RP_PER_VU_ITERATIONS };
    struct dice *dice = &test->dice;
    struct rp_scenario *scenario = &test->scenarios[i];

    *scenario = (struct rp_scenario){ .name = (char *)names[i],
                                      .executor = executors[roll(dice, 3)],
                                      .vus = 1 + (int64_t)roll(dice, 8),
                                      .duration = 1 + some_time(dice, 10 * RP_S),
                                      .max_duration = 1 + some_time(dice, 10 * RP_S),
                                      .start_time = some_time(dice, 5 * RP_S),
                                      .graceful_stop = some_time(dice, 4 * RP_S) };
    scenario->iterations = 1 + (int64_t)roll(dice, 12);
    if (scenario->executor == RP_SHARED_ITERATIONS)
        scenario->iterations += scenario->vus;
}

static rp_ns limit_of(const struct test *test, size_t count)
{
    rp_ns limit = 0;

    for (size_t i = 0; i < count; i++) {
        const struct rp_scenario *scenario = &test->scenarios[i];
        rp_ns regular = scenario->executor == RP_CONSTANT_VUS ? scenario->duration
                                                              : scenario->max_duration;
        rp_ns end = scenario->start_time + regular + scenario->graceful_stop;

        limit = end > limit ? end : limit;
    }
    return limit;
}

static void run(struct test *test, rp_ns stop_at, rp_ns grace, int stops)
{
    struct fake *fake = &test->fake;

    fake_run_until(fake, 0);
    while (!fake->finished) {
        rp_ns until = RP_NS_NEVER;

        if (test->is_late && roll(&test->dice, 4) == 0)
            rp_loop_virtual_set(fake->loop,
                                rp_loop_now(fake->loop) + some_time(&test->dice, 3 * RP_S));
        if (stops > 0) {
            until = fake->start + stop_at;
            if (fake_now(fake) >= stop_at) {
                fake_stop(fake, grace);
                stops--;
                stop_at += some_time(&test->dice, 2 * RP_S);
                grace = some_time(&test->dice, 3 * RP_S);
                continue;
            }
        }
        fake_turn(fake, until);
    }
    fake_run_out(fake);
}

static void check_scenario(const struct test *test, size_t i)
{
    const struct rp_scenario *scenario = &test->scenarios[i];
    struct rp_engine_counts counts = rp_engine_counts(test->fake.engine, i);

    if (scenario->executor == RP_CONSTANT_VUS)
        assert_int_equal(counts.dropped, 0);
    else if (scenario->executor == RP_SHARED_ITERATIONS)
        assert_int_equal(counts.scheduled, scenario->iterations);
    else
        assert_int_equal(counts.scheduled, scenario->iterations * scenario->vus);
}

static void check_plan(uint64_t seed)
{
    struct test *test = calloc(1, sizeof(*test));
    size_t count;
    rp_ns stop_at, grace;
    int stops;

    test->dice.state = seed * 0x9e3779b97f4a7c15ull + 1;
    count = 1 + roll(&test->dice, SCENARIOS_MAX);
    for (size_t i = 0; i < count; i++)
        make_scenario(test, i);
    test->blocks = roll(&test->dice, 3) == 0;
    test->is_late = roll(&test->dice, 3) == 0;
    stops = (int)roll(&test->dice, 4);
    stop_at = some_time(&test->dice, 15 * RP_S);
    grace = some_time(&test->dice, 4 * RP_S);
    test->fake.next = next;
    test->fake.user = test;
    fake_init(&test->fake, test->scenarios, count);
    run(test, stop_at, grace, stops);
    for (size_t i = 0; i < count; i++)
        check_scenario(test, i);
    if (!test->blocks && !test->is_late) {
        assert_true(test->fake.finished_at <= limit_of(test, count) + test->longest_clean_up);
        if (stops)
            assert_true(test->fake.finished_at <= stop_at + grace + test->longest_clean_up);
    }
    fake_deinit(&test->fake);
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

/* SPDX-License-Identifier: MIT */

/* The engine in virtual time: VUs, iterations, their order and their limits. */

#include "fake_host.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"

static struct fake_iteration takes_a_second(struct fake *fake, const struct rp_vu *vu)
{
    return (struct fake_iteration){ .waits = RP_S };
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

static struct rp_scenario with_iterations(const char *name, enum rp_executor_kind executor,
                                          int64_t vus, int64_t iterations, rp_ns max_duration)
{
    return (struct rp_scenario){ .name = (char *)name,
                                 .executor = executor,
                                 .vus = vus,
                                 .iterations = iterations,
                                 .max_duration = max_duration,
                                 .graceful_stop = 30 * RP_S };
}

/* ---- long runs ------------------------------------------------------------------------------------------------ */

static void test_ten_minutes_and_a_day(void **state)
{
    static const struct {
        rp_ns seconds;
        int64_t vus;
    } cases[] = { { 600, 10 }, { 86400, 2 } };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct rp_scenario scenario = constant("s", cases[i].vus, cases[i].seconds * RP_S);
        struct fake fake = { .next = takes_a_second };
        rp_ns before = rp_clock_ns();

        fake_init(&fake, &scenario, 1);
        fake_run_out(&fake);
        assert_int_equal(fake.counts[0].completed, cases[i].seconds * cases[i].vus);
        assert_int_equal(fake.finished_at, cases[i].seconds * RP_S);
        assert_int_equal(rp_engine_elapsed(fake.engine), cases[i].seconds * RP_S);
        print_message("# %lld s with %lld VUs took %.1f ms\n", (long long)cases[i].seconds,
                      (long long)cases[i].vus, (double)(rp_clock_ns() - before) / 1e6);
        fake_deinit(&fake);
    }
}

/* ---- several scenarios ---------------------------------------------------------------------------------------- */

static void test_scenarios_run_side_by_side(void **state)
{
    struct rp_scenario scenarios[] = {
        constant("a", 3, 10 * RP_S),
        with_iterations("b", RP_SHARED_ITERATIONS, 2, 7, 60 * RP_S),
        with_iterations("c", RP_PER_VU_ITERATIONS, 4, 5, 60 * RP_S),
        constant("d", 1, 2 * RP_S),
    };
    struct fake fake = { .next = takes_a_second };

    scenarios[1].start_time = 5 * RP_S;
    scenarios[3].start_time = 20 * RP_S;
    fake_init(&fake, scenarios, RP_ARRAY_LEN(scenarios));
    assert_int_equal(fake.vus, 10);
    fake_run_until(&fake, 3 * RP_S + 1);
    assert_int_equal(rp_engine_active_vus(fake.engine), 7);
    fake_run_until(&fake, 15 * RP_S);
    assert_int_equal(rp_engine_active_vus(fake.engine), 0);
    assert_int_equal(fake.finished, 0);
    fake_run_out(&fake);
    assert_int_equal(fake.counts[0].completed, 30);
    assert_int_equal(fake.counts[1].completed, 7);
    assert_int_equal(fake.counts[2].completed, 20);
    assert_int_equal(fake.counts[3].completed, 2);
    assert_int_equal(fake.counts[1].first, 5 * RP_S);
    assert_int_equal(fake.counts[1].last, 8 * RP_S);
    assert_int_equal(fake.counts[2].last, 4 * RP_S);
    assert_int_equal(fake.counts[3].first, 20 * RP_S);
    assert_int_equal(fake.finished_at, 22 * RP_S);
    fake_deinit(&fake);
}

static void note_number(struct fake *fake, struct rp_vu *vu)
{
    uint64_t *seen = fake->user;

    assert_true(vu->number >= 1 && vu->number <= 5);
    *seen |= 1u << vu->number;
    assert_ptr_equal(vu->host, &fake->host);
    assert_string_equal(rp_tags_get(vu->tags, "scenario"), vu->scenario->name);
    assert_string_equal(rp_tags_get(vu->tags, "run"), "r");
    assert_string_equal(rp_tags_get(vu->tags, "who"), vu->number <= 2 ? "mine" : "plan");
}

static void test_vus_have_numbers_and_tags(void **state)
{
    static char run[] = "run", who[] = "who", value[] = "r", plan[] = "plan", mine[] = "mine";
    struct rp_pair of_plan[] = { { run, value }, { who, plan } }, of_scenario[] = { { who, mine } };
    struct rp_scenario scenarios[] = { constant("a", 2, RP_S), constant("b", 3, RP_S) };
    uint64_t seen = 0;
    struct fake fake = { .next = takes_a_second, .began = note_number, .user = &seen };

    fake.plan.tags = (struct rp_pairs){ of_plan, 2 };
    scenarios[0].tags = (struct rp_pairs){ of_scenario, 1 };
    fake_init(&fake, scenarios, 2);
    fake_run_out(&fake);
    assert_int_equal(seen, 0x3e);
    fake_deinit(&fake);
}

/* ---- iterations that never wait ------------------------------------------------------------------------------- */

static struct fake_iteration blocks_a_little(struct fake *fake, const struct rp_vu *vu)
{
    return (struct fake_iteration){ .blocks = RP_MS };
}

static struct fake_iteration blocks_or_waits(struct fake *fake, const struct rp_vu *vu)
{
    if (strcmp(vu->scenario->name, "waits") == 0)
        return (struct fake_iteration){ .waits = 10 * RP_MS };
    return (struct fake_iteration){ .blocks = RP_US };
}

static struct fake_iteration takes_no_time(struct fake *fake, const struct rp_vu *vu)
{
    return (struct fake_iteration){ .waits = 0 };
}

static void test_iterations_that_end_at_once(void **state)
{
    struct rp_scenario scenarios[] = { with_iterations("s", RP_SHARED_ITERATIONS, 3, 1000,
                                                       60 * RP_S) };
    struct fake fake = { .next = takes_no_time };

    fake_init(&fake, scenarios, 1);
    fake_run_out(&fake);
    assert_int_equal(fake.counts[0].completed, 1000);
    assert_int_equal(fake.max_depth, 1); /* no recursion */
    assert_int_equal(fake.max_in_turn, 256);
    assert_int_equal(fake.finished_at, 0);
    fake_deinit(&fake);
}

/* A VU that never waits leaves room for those that do, and for timers. */
static void test_nobody_starves(void **state)
{
    struct rp_scenario scenarios[] = { constant("blocks", 1, RP_S), constant("waits", 1, RP_S) };
    struct fake fake = { .next = blocks_or_waits };

    fake_init(&fake, scenarios, 2);
    fake_run_out(&fake);
    assert_true(fake.counts[0].completed > 900000);
    /* Every 10 ms, late by at most one turn of 256 iterations of 1 us. */
    assert_true(fake.counts[1].completed >= 96 && fake.counts[1].completed <= 100);
    assert_true(fake.max_in_turn <= 256);
    fake_deinit(&fake);
}

/* More VUs than a turn begins: all of them come first, in order, before any comes twice. */
static void note_round(struct fake *fake, struct rp_vu *vu)
{
    uint64_t *rounds = fake->user;

    assert_true(vu->iteration_in_vu >= *rounds);
    *rounds = vu->iteration_in_vu;
}

static void test_turns_are_fair(void **state)
{
    struct rp_scenario scenarios[] = { with_iterations("s", RP_PER_VU_ITERATIONS, 700, 5,
                                                       60 * RP_S) };
    uint64_t rounds = 0;
    struct fake fake = { .next = takes_no_time, .began = note_round, .user = &rounds };

    fake_init(&fake, scenarios, 1);
    fake_run_out(&fake);
    assert_int_equal(fake.counts[0].completed, 3500);
    fake_deinit(&fake);
}

/* ---- the regular end ------------------------------------------------------------------------------------------ */

/* Blocking iterations pass the end within a turn: what is ready then does not begin (check_begin), and is no drop. */
static void test_ready_at_the_end(void **state)
{
    struct rp_scenario scenarios[] = { constant("s", 50, RP_S) };
    struct fake fake = { .next = blocks_a_little };

    fake_init(&fake, scenarios, 1);
    fake_run_out(&fake);
    assert_int_equal(fake.counts[0].completed, 1000);
    assert_int_equal(rp_engine_counts(fake.engine, 0).dropped, 0);
    assert_int_equal(fake.finished_at, RP_S);
    fake_deinit(&fake);
}

static struct fake_iteration blocks_long(struct fake *fake, const struct rp_vu *vu)
{
    return (struct fake_iteration){ .blocks = 4 * RP_S };
}

static void test_ready_at_the_end_of_a_number(void **state)
{
    struct rp_scenario scenarios[] = { with_iterations("s", RP_SHARED_ITERATIONS, 5, 20, 10 * RP_S),
                                       with_iterations("v", RP_PER_VU_ITERATIONS, 5, 4,
                                                       10 * RP_S) };

    for (size_t i = 0; i < RP_ARRAY_LEN(scenarios); i++) {
        struct fake fake = { .next = blocks_long };

        fake_init(&fake, &scenarios[i], 1);
        fake_run_out(&fake);
        assert_int_equal(fake.counts[0].begun, 3); /* at 0, 4, 8 */
        assert_int_equal(rp_engine_counts(fake.engine, 0).scheduled, 20);
        assert_int_equal(rp_engine_counts(fake.engine, 0).dropped, 17);
        fake_deinit(&fake);
    }
}

/* ---- stopping ------------------------------------------------------------------------------------------------- */

static void stop_now(struct fake *fake, struct rp_vu *vu)
{
    if (fake->stopped_at == RP_NS_NEVER)
        fake_stop(fake, 0);
}

/* From inside the first begin(): 9 others are ready and will not begin. */
static void test_stop_with_others_ready(void **state)
{
    static const rp_ns clean_ups[] = { 0, RP_S };
    struct rp_scenario scenarios[] = { with_iterations("s", RP_SHARED_ITERATIONS, 10, 20,
                                                       60 * RP_S) };

    for (size_t i = 0; i < RP_ARRAY_LEN(clean_ups); i++) {
        struct fake fake = { .next = takes_for_ever, .began = stop_now };

        fake_init(&fake, scenarios, 1);
        fake_run_out(&fake);
        assert_int_equal(fake.counts[0].begun, 1);
        assert_int_equal(fake.counts[0].interrupted, 1);
        assert_int_equal(rp_engine_counts(fake.engine, 0).dropped, 19);
        fake_deinit(&fake);
    }
}

static void test_stop_before_the_start(void **state)
{
    struct rp_scenario scenarios[] = { constant("a", 2, RP_S),
                                       with_iterations("b", RP_PER_VU_ITERATIONS, 2, 3, RP_S) };
    struct fake fake = { .next = takes_a_second };

    scenarios[0].start_time = scenarios[1].start_time = 10 * RP_S;
    fake_init(&fake, scenarios, 2);
    fake_run_until(&fake, 5 * RP_S);
    fake_stop(&fake, 10 * RP_S);
    fake_run_out(&fake);
    assert_int_equal(fake.counts[0].begun + fake.counts[1].begun, 0);
    assert_int_equal(rp_engine_counts(fake.engine, 1).dropped, 6);
    assert_int_equal(fake.finished_at, 5 * RP_S);
    fake_deinit(&fake);
}

static struct fake_iteration cleans_up(struct fake *fake, const struct rp_vu *vu)
{
    return (struct fake_iteration){ .waits = FAKE_FOREVER,
                                    .clean_up = RP_S / 2,
                                    .completes_clean_up = vu->number == 1 };
}

static void test_clean_up_after_the_interrupt(void **state)
{
    struct rp_scenario scenarios[] = { constant("a", 3, 10 * RP_S) };
    struct fake fake = { .next = cleans_up };

    scenarios[0].graceful_stop = RP_S;
    fake_init(&fake, scenarios, 1);
    fake_run_out(&fake);
    assert_int_equal(fake.counts[0].interrupted, 2);
    assert_int_equal(fake.counts[0].completed, 1);
    assert_int_equal(fake.finished_at, 11 * RP_S + RP_S / 2);
    fake_deinit(&fake);
}

/* ---- numbers and life ----------------------------------------------------------------------------------------- */

/* ---- VUs that are held after their iteration ------------------------------------------------------------------ */

static struct fake_iteration takes_a_second_and_holds_two(struct fake *fake, const struct rp_vu *vu)
{
    return (struct fake_iteration){ .waits = RP_S, .holds = 2 * RP_S };
}

static double longest(const struct fake *fake, const char *metric)
{
    double max = 0;

    for (size_t i = 0; i < rp_registry_series_count(fake->registry); i++) {
        const struct rp_series *series = rp_registry_series_at(fake->registry, i);

        if (strcmp(series->metric->name, metric) == 0 && series->delta.samples &&
            series->delta.hist.max > max)
            max = series->delta.hist.max;
    }
    return max;
}

static void test_a_held_vu_begins_later(void **state)
{
    struct rp_scenario scenario = with_iterations("a", RP_PER_VU_ITERATIONS, 2, 3, 60 * RP_S);
    struct fake fake = { .next = takes_a_second_and_holds_two };

    fake_init(&fake, &scenario, 1);
    fake_run_until(&fake, 2 * RP_S);
    assert_int_equal(fake_counter(&fake, "iterations", "a"), 2);
    assert_int_equal(fake.counts[0].begun, 2);
    assert_int_equal(rp_engine_active_vus(fake.engine), 2);
    fake_run_out(&fake);
    assert_int_equal(fake.counts[0].last, 6 * RP_S);
    assert_int_equal(fake.finished_at, 9 * RP_S);
    assert_true(longest(&fake, "iteration_duration") == (double)RP_S);
    fake_deinit(&fake);
}

static void test_the_end_of_grace_releases(void **state)
{
    struct rp_scenario scenario = constant("a", 2, RP_S + RP_S / 2);
    struct fake fake = { .next = takes_a_second_and_holds_two };

    scenario.graceful_stop = RP_S;
    fake_init(&fake, &scenario, 1);
    fake_run_out(&fake);
    assert_int_equal(fake.counts[0].completed, 2);
    assert_int_equal(fake.counts[0].interrupted, 0);
    assert_int_equal(fake.finished_at, 2 * RP_S + RP_S / 2);
    fake_deinit(&fake);
}

static struct fake_iteration takes_its_number(struct fake *fake, const struct rp_vu *vu)
{
    return (struct fake_iteration){ .waits = (rp_ns)vu->number * 4 * RP_S / 10 };
}

/* The second in which the regular time ends is not one of the few VUs that are late. */
static void test_the_gauge_of_vus_at_the_end(void **state)
{
    struct rp_scenario scenario = constant("a", 3, RP_S);
    struct fake fake = { .next = takes_its_number };
    struct rp_series *vus;

    fake_init(&fake, &scenario, 1);
    vus = rp_registry_series(fake.registry, rp_registry_find(fake.registry, "vus"),
                             rp_tags_empty(fake.registry));
    fake_run_until(&fake, 14 * RP_S / 10);
    assert_int_equal(rp_engine_active_vus(fake.engine), 1);
    rp_engine_sample(fake.engine);
    assert_true(vus->delta.gauge.last == 3 && vus->delta.gauge.min == 3);
    fake_run_until(&fake, 15 * RP_S / 10);
    rp_engine_sample(fake.engine);
    assert_true(vus->delta.gauge.last == 1 && vus->delta.gauge.max == 3);
    fake_run_out(&fake);
    fake_deinit(&fake);
}

static void test_gauges(void **state)
{
    struct rp_scenario scenarios[] = { constant("a", 3, 10 * RP_S) };
    struct fake fake = { .next = takes_a_second };
    struct rp_series *vus, *most;

    fake_init(&fake, scenarios, 1);
    fake_run_until(&fake, RP_S / 2);
    rp_engine_sample(fake.engine);
    vus = rp_registry_series(fake.registry, rp_registry_find(fake.registry, "vus"),
                             rp_tags_empty(fake.registry));
    most = rp_registry_series(fake.registry, rp_registry_find(fake.registry, "vus_max"),
                              rp_tags_empty(fake.registry));
    assert_true(vus->delta.gauge.last == 3 && most->delta.gauge.last == 3);
    assert_int_equal(rp_engine_elapsed(fake.engine), RP_S / 2);
    fake_run_out(&fake);
    assert_true(vus->delta.gauge.last == 3); /* what ran before the end */
    fake_deinit(&fake);

    fake = (struct fake){ .next = takes_a_second };
    fake_init(&fake, scenarios, 1);
    fake_run_out(&fake); /* without a sample while it ran */
    vus = rp_registry_series(fake.registry, rp_registry_find(fake.registry, "vus"),
                             rp_tags_empty(fake.registry));
    assert_true(vus->delta.gauge.last == 3);
    fake_deinit(&fake);
}

static void test_new_fails(void **state)
{
    struct rp_scenario scenarios[] = { constant("a", 3, RP_S),
                                       with_iterations("b", RP_SHARED_ITERATIONS, 2, 3, RP_S) };
    uint64_t before = rp_alloc_count(), most;
    struct fake fake = { .next = takes_a_second };

    fake_init(&fake, scenarios, 2);
    fake_deinit(&fake);
    most = rp_alloc_count() - before;
    for (uint64_t n = 1; n <= most; n++) {
        fake = (struct fake){ .next = takes_a_second };
        rp_alloc_fail_at(n);
        assert_int_equal(fake_try_init(&fake, scenarios, 2), -ENOMEM);
        rp_alloc_fail_at(0);
        fake_deinit(&fake);
    }
    for (int vu = 1; vu <= 5; vu++) {
        fake = (struct fake){ .next = takes_a_second, .fail_vu = vu };
        assert_int_equal(fake_try_init(&fake, scenarios, 2), -RP_EUSER);
        fake_deinit(&fake);
    }
}

/* There is one for each VU, and as many as a machine can hold. */
static void test_a_vu_is_small(void **state)
{
    assert_true(sizeof(struct rp_vu) <= 136);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_vu_is_small),
        cmocka_unit_test(test_ten_minutes_and_a_day),
        cmocka_unit_test(test_scenarios_run_side_by_side),
        cmocka_unit_test(test_vus_have_numbers_and_tags),
        cmocka_unit_test(test_iterations_that_end_at_once),
        cmocka_unit_test(test_nobody_starves),
        cmocka_unit_test(test_turns_are_fair),
        cmocka_unit_test(test_ready_at_the_end),
        cmocka_unit_test(test_ready_at_the_end_of_a_number),
        cmocka_unit_test(test_stop_with_others_ready),
        cmocka_unit_test(test_stop_before_the_start),
        cmocka_unit_test(test_clean_up_after_the_interrupt),
        cmocka_unit_test(test_a_held_vu_begins_later),
        cmocka_unit_test(test_the_end_of_grace_releases),
        cmocka_unit_test(test_the_gauge_of_vus_at_the_end),
        cmocka_unit_test(test_gauges),
        cmocka_unit_test(test_new_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */

/* The engine with arrival and ramping executors in virtual time: lateness, times, VUs made in between, warnings, shares
 * and progress. */

#include "fake_host.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

static struct rp_stage stages[] = { { 10 * RP_S, 10 }, { 5 * RP_S, 10 }, { 5 * RP_S, 0 } };

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

static struct rp_scenario ramping(const char *name, enum rp_executor_kind executor)
{
    return (struct rp_scenario){ .name = (char *)name,
                                 .executor = executor,
                                 .time_unit = RP_S,
                                 .stages = stages,
                                 .stage_count = RP_ARRAY_LEN(stages),
                                 .pre_allocated_vus = 50,
                                 .max_vus = executor == RP_RAMPING_ARRIVAL_RATE ? 50 : 0 };
}

static const struct rp_series *series_of(struct fake *fake, const char *metric)
{
    for (size_t i = 0; i < rp_registry_series_count(fake->registry); i++) {
        const struct rp_series *series = rp_registry_series_at(fake->registry, i);

        if (strcmp(series->metric->name, metric) == 0)
            return series;
    }
    fail_msg("no %s", metric);
    return NULL;
}

static void assert_trend(struct fake *fake, const char *metric, uint64_t count, rp_ns min,
                         rp_ns max, rp_ns sum)
{
    const struct rp_hist *hist = &series_of(fake, metric)->delta.hist;

    assert_int_equal(hist->count, count);
    assert_true(hist->min == (double)min && hist->max == (double)max);
    assert_true(hist->whole == sum && !hist->rest);
}

/* ---- lateness ---------------------------------------------------------------------------------------------------- */

static struct fake_iteration blocks_once(struct fake *fake, const struct rp_vu *vu)
{
    if (vu->iteration == 2)
        return (struct fake_iteration){ .blocks = 250 * RP_MS, .waits = 30 * RP_MS };
    return (struct fake_iteration){ .waits = 30 * RP_MS };
}

/* The third one, at 0.2 s, blocks the loop until 0.45: those due at 0.3 and 0.4 are 150 and 50 ms late. Their durations
 * are counted from when they were due. */
static void test_lateness(void **state)
{
    struct rp_scenario scenario = arrivals("s", 10, RP_S, 5);
    struct fake fake = { .next = blocks_once };

    fake_init(&fake, &scenario, 1);
    fake_run_out(&fake);
    assert_int_equal(fake.counts[0].completed, 10);
    assert_trend(&fake, "iteration_lateness", 10, 0, 150 * RP_MS, 200 * RP_MS);
    assert_trend(&fake, "iteration_run_duration", 10, 30 * RP_MS, 280 * RP_MS, 550 * RP_MS);
    assert_trend(&fake, "iteration_duration", 10, 30 * RP_MS, 280 * RP_MS, 750 * RP_MS);
    assert_int_equal(fake.warnings, 0);
    fake_deinit(&fake);
}

static struct fake_iteration takes_a_tenth(struct fake *fake, const struct rp_vu *vu)
{
    return (struct fake_iteration){ .waits = RP_S / 10 };
}

/* What is due together begins in one turn, up to the cap of a turn. */
static void test_together(void **state)
{
    struct rp_scenario scenario = arrivals("s", 1e9, 200, 200);
    struct fake fake = { .next = takes_a_tenth };

    scenario.time_unit = 1000 * RP_S; /* one per microsecond, 200 of them */
    scenario.duration = 200 * RP_US;
    fake_init(&fake, &scenario, 1);
    fake_run_until(&fake, 0);
    rp_loop_virtual_set(fake.loop, fake.start + 199 * RP_US);
    fake_turn(&fake, RP_NS_NEVER);
    assert_int_equal(fake.begun_in_turn, 199); /* and the one of the beginning before */
    fake_run_out(&fake);
    fake_deinit(&fake);
}

/* ---- VUs that are made in between --------------------------------------------------------------------------------- */

static struct fake_iteration takes_four_seconds(struct fake *fake, const struct rp_vu *vu)
{
    return (struct fake_iteration){ .waits = 4 * RP_S };
}

static void test_vus_are_made(void **state)
{
    struct rp_scenario scenario = arrivals("s", 2, 20 * RP_S, 3);
    struct fake fake = { .next = takes_four_seconds };

    scenario.max_vus = 20;
    fake_init(&fake, &scenario, 1);
    assert_int_equal(fake.vus, 3);
    assert_int_equal(rp_engine_progress(fake.engine, 0).vus_made, 3);
    rp_engine_sample(fake.engine);
    assert_true(series_of(&fake, "vus_max")->delta.gauge.last == 3);
    fake_run_out(&fake);
    /* Every arrival without a VU leaves one more; with 8 none is without. */
    assert_int_equal(fake.vus, 8);
    assert_int_equal(rp_engine_counts(fake.engine, 0).dropped, 5);
    assert_true(series_of(&fake, "vus_max")->delta.gauge.last == 8);
    assert_int_equal(fake.warnings, 0); /* nothing that the user should have asked for */
    fake_deinit(&fake);
}

static void test_a_vu_that_cannot_be_made(void **state)
{
    for (int way = 0; way < 2; way++) {
        struct rp_scenario scenario = arrivals("s", 2, 20 * RP_S, 3);
        struct fake fake = { .next = takes_four_seconds, .fail_vu = way == 0 ? 5 : 0 };

        scenario.max_vus = 20;
        fake_init(&fake, &scenario, 1);
        fake_run_until(&fake, 1600 * RP_MS); /* one was dropped, and a fourth made */
        if (way == 1)
            rp_alloc_fail_at(1);
        while (!fake.warnings)
            fake_turn(&fake, RP_NS_NEVER);
        rp_alloc_fail_at(0);
        assert_string_equal(fake.warning, way == 0 ? "scenario 's': no more VUs are made beyond 4: "
                                                     "no such function"
                                                   : "scenario 's': no more VUs are made beyond 4: "
                                                     "Cannot allocate memory");
        fake_run_out(&fake);
        assert_int_equal(rp_engine_progress(fake.engine, 0).vus_made, 4);
        assert_int_equal(rp_engine_counts(fake.engine, 0).started, 20);
        assert_int_equal(rp_engine_counts(fake.engine, 0).dropped, 20);
        assert_int_equal(fake.warnings, 1);
        fake_deinit(&fake);
    }
}

/* ---- the warning ---------------------------------------------------------------------------------------------------- */

static struct fake_iteration takes_longer_at_times(struct fake *fake, const struct rp_vu *vu)
{
    return (struct fake_iteration){ .waits = vu->iteration % 10 ? RP_S / 10 : 3 * RP_S };
}

static struct fake_iteration takes_for_ever(struct fake *fake, const struct rp_vu *vu)
{
    return (struct fake_iteration){ .waits = FAKE_FOREVER };
}

static void test_the_warning(void **state)
{
    static const struct {
        struct fake_iteration (*next)(struct fake *fake, const struct rp_vu *vu);
        enum rp_executor_kind executor;
        rp_ns sampled_at;
        const char *text;
    } cases[] = {
        { takes_four_seconds, RP_CONSTANT_ARRIVAL_RATE, 9900 * RP_MS,
          "scenario 's': iterations were dropped because all VUs were busy: 3/s of 4 s each "
          "need 12 VUs; max_vus is 7" },
        { takes_four_seconds, RP_RAMPING_ARRIVAL_RATE, 9900 * RP_MS,
          "scenario 's': iterations were dropped because all VUs were busy: 10/s of 4 s each "
          "need 40 VUs; max_vus is 7" },
        { takes_longer_at_times, RP_CONSTANT_ARRIVAL_RATE, 19900 * RP_MS, NULL },
        { takes_for_ever, RP_CONSTANT_ARRIVAL_RATE, 0,
          "scenario 's': iterations were dropped because all VUs were busy: none of its "
          "iterations has ended yet; max_vus is 7" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct rp_scenario scenario = cases[i].executor == RP_CONSTANT_ARRIVAL_RATE
                                          ? arrivals("s", 3, 20 * RP_S, 7)
                                          : ramping("s", cases[i].executor);
        struct fake fake = { .next = cases[i].next };

        scenario.pre_allocated_vus = scenario.max_vus = 7;
        fake_init(&fake, &scenario, 1);
        for (rp_ns at = RP_S; at <= 3 * RP_S; at += RP_S) {
            fake_run_until(&fake, at);
            rp_engine_sample(fake.engine);
        }
        assert_int_equal(fake.warnings, 0); /* nothing dropped yet, or nothing known yet */
        fake_run_until(&fake, cases[i].sampled_at);
        if (cases[i].sampled_at)
            rp_engine_sample(fake.engine);
        fake_run_out(&fake);
        if (cases[i].text) {
            assert_string_equal(fake.warning, cases[i].text);
            assert_int_equal(fake.warnings, 1); /* once */
        } else {
            assert_int_equal(fake.warnings, 0);
        }
        fake_deinit(&fake);
    }
}

/* Enough VUs on average, and yet none was free at times. */
static struct fake_iteration stalls(struct fake *fake, const struct rp_vu *vu)
{
    return (struct fake_iteration){ .blocks = vu->iteration == 20 ? 5 * RP_S : 0,
                                    .waits = RP_S / 100 };
}

static void test_the_warning_of_a_stall(void **state)
{
    struct rp_scenario scenario = arrivals("s", 10, 20 * RP_S, 4);
    struct fake fake = { .next = stalls };

    fake_init(&fake, &scenario, 1);
    fake_run_out(&fake);
    assert_int_equal(fake.warnings, 1);
    assert_non_null(strstr(fake.warning, "need 1 VU on average, but some took longer, or the "
                                         "generator was held up; max_vus is 4"));
    fake_deinit(&fake);
}

/* ---- shares ----------------------------------------------------------------------------------------------------------- */

struct begin {
    rp_ns at;
    int64_t vu;
    size_t scenario;
    uint64_t iteration;
};

struct begins {
    struct begin *items;
    size_t count, room;
};

static void note_begin(struct fake *fake, struct rp_vu *vu)
{
    struct begins *begins = fake->user;
    size_t scenario = (size_t)(vu->scenario - fake->plan.scenarios);
    bool is_open = vu->scenario->executor == RP_CONSTANT_ARRIVAL_RATE;

    if (begins->count == begins->room) {
        begins->room = begins->room ? 2 * begins->room : 1024;
        begins->items = realloc(begins->items, begins->room * sizeof(*begins->items));
        assert_non_null(begins->items);
    }
    /* The schedule gives an arrival its number, and who is idle its VU; with VUs it is the other way round. */
    begins->items[begins->count++] = (struct begin){
        fake_now(fake), is_open ? 0 : vu->number, scenario,
        is_open || vu->scenario->executor == RP_PER_VU_ITERATIONS ? vu->iteration : 0
    };
    if (is_open) /* numbers of VUs lie in the scenario's range all the same */
        assert_true(vu->number > 8 && vu->number <= 8 + 40);
}

static int compare_begins(const void *a_ptr, const void *b_ptr)
{
    const struct begin *a = a_ptr, *b = b_ptr;

    if (a->at != b->at)
        return a->at < b->at ? -1 : 1;
    if (a->scenario != b->scenario)
        return a->scenario < b->scenario ? -1 : 1;
    if (a->vu != b->vu)
        return a->vu < b->vu ? -1 : 1;
    return a->iteration < b->iteration ? -1 : a->iteration > b->iteration;
}

static struct fake_iteration by_number(struct fake *fake, const struct rp_vu *vu)
{
    return (struct fake_iteration){ .waits = RP_S / 10 * (vu->number % 7 + 1) };
}

static int64_t run_share(struct begins *begins, const struct rp_segment_sequence *segments,
                         size_t i)
{
    struct rp_scenario scenarios[] = {
        { .name = (char *)"v",
          .executor = RP_CONSTANT_VUS,
          .vus = 8,
          .duration = 5 * RP_S,
          .graceful_stop = RP_S },
        arrivals("a", 7, 10 * RP_S, 40),
        ramping("r", RP_RAMPING_VUS),
        { .name = (char *)"p",
          .executor = RP_PER_VU_ITERATIONS,
          .vus = 5,
          .iterations = 7,
          .max_duration = 60 * RP_S,
          .graceful_stop = RP_S,
          .start_time = 3 * RP_S },
    };
    struct fake fake = { .next = by_number,
                         .began = note_begin,
                         .user = begins,
                         .segments = segments,
                         .segment_index = i };
    int64_t vus = 0;

    fake_init(&fake, scenarios, RP_ARRAY_LEN(scenarios));
    vus = fake.vus;
    fake_run_out(&fake);
    fake_deinit(&fake);
    return vus;
}

/* Three workers do exactly what one does. */
static void test_three_workers(void **state)
{
    struct begins whole = { 0 }, parts = { 0 };
    struct rp_segment_sequence segments;
    int64_t vus = run_share(&whole, NULL, 0);

    assert_int_equal(vus, 8 + 40 + 10 + 5);
    assert_int_equal(rp_segment_equal(3, &segments), 0);
    for (size_t i = 0; i < 3; i++)
        vus -= run_share(&parts, &segments, i);
    assert_int_equal(vus, 0);
    assert_int_equal(whole.count, parts.count);
    qsort(whole.items, whole.count, sizeof(*whole.items), compare_begins);
    qsort(parts.items, parts.count, sizeof(*parts.items), compare_begins);
    for (size_t i = 0; i < whole.count; i++)
        assert_int_equal(compare_begins(&whole.items[i], &parts.items[i]), 0);
    rp_segment_sequence_deinit(&segments);
    free(whole.items);
    free(parts.items);
}

/* ---- progress ----------------------------------------------------------------------------------------------------------- */

static void test_progress(void **state)
{
    static const struct {
        rp_ns at;
        int64_t stage, vus;
        double rate;
        rp_ns elapsed;
    } points[] = {
        { RP_S, 0, 0, 0, 0 },
        { 7 * RP_S, 0, 5, 5, 5 * RP_S },
        { 12 * RP_S, 1, 10, 10, 10 * RP_S },
        { 17 * RP_S, 2, 10, 10, 15 * RP_S },
        { 19 * RP_S + RP_S / 2, 2, 5, 5, 17 * RP_S + RP_S / 2 },
        { 60 * RP_S, 2, 0, 0, 20 * RP_S },
    };
    struct rp_scenario scenarios[] = { ramping("vus", RP_RAMPING_VUS),
                                       ramping("rate", RP_RAMPING_ARRIVAL_RATE) };
    struct fake fake = { .next = takes_a_tenth };

    scenarios[0].start_time = scenarios[1].start_time = 2 * RP_S;
    scenarios[1].graceful_stop = RP_S; /* the last arrival is at the very end */
    fake_init(&fake, scenarios, 2);
    for (size_t i = 0; i < RP_ARRAY_LEN(points); i++) {
        struct rp_scenario_progress vus, rate;

        fake_run_until(&fake, points[i].at);
        vus = rp_engine_progress(fake.engine, 0);
        rate = rp_engine_progress(fake.engine, 1);
        assert_int_equal(vus.stage, points[i].stage);
        assert_int_equal(rate.stage, points[i].stage);
        assert_int_equal(vus.vus, points[i].vus);
        assert_int_equal(vus.elapsed, points[i].elapsed);
        assert_int_equal(rate.elapsed, points[i].elapsed);
        assert_int_equal(vus.regular, 20 * RP_S);
        assert_true(vus.rate == 0 && rate.rate == points[i].rate);
        assert_int_equal(vus.total, 0);
        assert_int_equal(rate.total, 125);
        assert_int_equal(vus.vus_made, 10);
        assert_int_equal(rate.vus_made, 50);
    }
    fake_run_out(&fake);
    assert_int_equal(rp_engine_progress(fake.engine, 1).completed, 125);
    fake_deinit(&fake);
}

/* ---- sizes and life ------------------------------------------------------------------------------------------------------ */

static void test_a_hundred_thousand_vus(void **state)
{
    static struct rp_stage jump[] = { { 0, 100000 }, { RP_S, 100000 } };
    struct rp_scenario scenario = ramping("s", RP_RAMPING_VUS);
    struct fake fake = { .next = takes_for_ever };

    scenario.stages = jump;
    scenario.stage_count = RP_ARRAY_LEN(jump);
    fake_init(&fake, &scenario, 1);
    fake_run_until(&fake, RP_S / 2);
    assert_int_equal(rp_engine_active_vus(fake.engine), 100000);
    assert_int_equal(fake.counts[0].begun, 100000);
    fake_run_out(&fake);
    assert_int_equal(fake.counts[0].interrupted, 100000);
    assert_int_equal(fake.finished_at, RP_S);
    fake_deinit(&fake);
}

static void test_new_fails(void **state)
{
    struct rp_scenario scenarios[] = { arrivals("a", 2, RP_S, 3), ramping("b", RP_RAMPING_VUS),
                                       ramping("c", RP_RAMPING_ARRIVAL_RATE) };
    struct rp_segment_sequence segments;
    uint64_t before, most;
    struct fake fake = { .next = takes_a_tenth, .segments = &segments, .segment_index = 1 };

    assert_int_equal(rp_segment_equal(2, &segments), 0);
    before = rp_alloc_count();
    fake_init(&fake, scenarios, 3);
    fake_deinit(&fake);
    most = rp_alloc_count() - before;
    for (uint64_t n = 1; n <= most; n++) {
        fake = (struct fake){ .next = takes_a_tenth, .segments = &segments, .segment_index = 1 };
        rp_alloc_fail_at(n);
        assert_int_equal(fake_try_init(&fake, scenarios, 3), -ENOMEM);
        rp_alloc_fail_at(0);
        fake_deinit(&fake);
    }
    rp_segment_sequence_deinit(&segments);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lateness),
        cmocka_unit_test(test_together),
        cmocka_unit_test(test_vus_are_made),
        cmocka_unit_test(test_a_vu_that_cannot_be_made),
        cmocka_unit_test(test_the_warning),
        cmocka_unit_test(test_the_warning_of_a_stall),
        cmocka_unit_test(test_three_workers),
        cmocka_unit_test(test_progress),
        cmocka_unit_test(test_a_hundred_thousand_vus),
        cmocka_unit_test(test_new_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

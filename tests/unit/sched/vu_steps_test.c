/* SPDX-License-Identifier: MIT */

/* Steps of ramping VUs against the definition, VU by VU, and the parts of random splits against the whole. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "naive.h"
#include "base/random.h"
#include "sched/schedule.h"

enum { MOST_STEPS = 4096 };

struct naive {
    rp_ns end;
    struct rp_vu_step steps[MOST_STEPS]; /* of the whole, also those at the end */
    size_t count;
};

static void naive_step(struct naive *naive, rp_ns time, int64_t g, bool up)
{
    assert_true(naive->count < MOST_STEPS);
    naive->steps[naive->count++] = (struct rp_vu_step){ .time = time, .vu = g - 1, .up = up };
}

/* VU g, counted from 1, of a stage that ends at T: T - trunc(dur * (to - g) / (to - from)) on the way up, and
 * T - trunc(dur * (to - g + 1) / (to - from)) on the way down. */
static void naive_steps(const struct rp_scenario *scenario, struct naive *naive)
{
    int64_t from = scenario->start_vus;

    *naive = (struct naive){ 0 };
    for (int64_t g = 1; g <= from; g++)
        naive_step(naive, 0, g, true);
    for (size_t i = 0; i < scenario->stage_count; i++) {
        __int128 dur = scenario->stages[i].duration;
        int64_t to = scenario->stages[i].target;

        naive->end += (rp_ns)dur;
        for (int64_t g = from + 1; g <= to; g++)
            naive_step(naive, naive->end - (rp_ns)(dur * (to - g) / (to - from)), g, true);
        for (int64_t g = from; g > to; g--)
            naive_step(naive, naive->end - (rp_ns)(dur * (to - g + 1) / (to - from)), g, false);
        from = to;
    }
}

static void random_scenario(uint64_t random[4], struct rp_scenario *scenario,
                            struct rp_stage stages[NAIVE_STAGES])
{
    static const rp_ns scales[] = { 5, 40, 1000, 100 * RP_S };
    rp_ns scale = scales[naive_pick(random, 0, 3)];

    *scenario = (struct rp_scenario){
        .executor = RP_RAMPING_VUS,
        .start_vus = naive_pick(random, 0, 9),
    };
    naive_stages(random, scale, naive_pick(random, 1, 30), scenario, stages);
}

/* ---- the example ------------------------------------------------------------------------------------------------ */

static struct rp_stage example_stages[] = {
    { 2 * RP_S, 6 }, { 5 * RP_S, 1 }, { 4 * RP_S, 5 }, { 4 * RP_S, 1 },
    { 3 * RP_S, 4 }, { 2 * RP_S, 4 }, { 0, 1 },        { 3 * RP_S, 1 },
};

static const struct rp_scenario example = {
    .executor = RP_RAMPING_VUS,
    .start_vus = 4,
    .stages = example_stages,
    .stage_count = RP_ARRAY_LEN(example_stages),
};

/* The level to which the steps have led at @time. */
static int64_t wanted_at(const struct rp_scenario *scenario, rp_ns time)
{
    int64_t level = 0;
    struct rp_vu_steps steps;
    struct rp_vu_step step;

    if (time >= rp_scenario_regular(scenario))
        return 0;
    rp_vu_steps_init(&steps, scenario, &rp_segment_all, NULL);
    while (rp_vu_steps_next(&steps, &step) && step.time <= time)
        level += step.up ? 1 : -1;
    return level;
}

static void test_example(void **state)
{
    static const int64_t wanted[] = { 4, 5, 6, 5, 4, 3, 2, 1, 2, 3, 4, 5, 4,
                                      3, 2, 1, 2, 3, 4, 4, 1, 1, 1, 0, 0 };
    char text[512] = "";
    struct rp_vu_steps steps;
    struct rp_vu_step step;

    for (size_t i = 0; i < RP_ARRAY_LEN(wanted); i++) {
        assert_int_equal(wanted_at(&example, (rp_ns)i * RP_S), wanted[i]);
        if (i && wanted[i] != wanted[i - 1])
            assert_int_equal(wanted_at(&example, (rp_ns)i * RP_S - 1), wanted[i - 1]);
    }
    assert_int_equal(wanted_at(&example, -1), 0);
    assert_int_equal(rp_vus_most(&example), 6);
    rp_vu_steps_init(&steps, &example, &rp_segment_all, NULL);
    while (rp_vu_steps_next(&steps, &step))
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%c%lld@%lld ",
                 step.up ? '+' : '-', (long long)step.vu + 1, (long long)(step.time / RP_S));
    assert_string_equal(text,
                        "+1@0 +2@0 +3@0 +4@0 +5@1 +6@2 -6@3 -5@4 -4@5 -3@6 -2@7 +2@8 +3@9 +4@10 "
                        "+5@11 -5@12 -4@13 -3@14 -2@15 +2@16 +3@17 +4@18 -4@20 -3@20 -2@20 ");
    assert_false(rp_vu_steps_next(&steps, &step));
}

static void test_down_up_down(void **state)
{
    struct rp_stage stages[] = { { 10 * RP_S, 0 }, { 10 * RP_S, 10 }, { 10 * RP_S, 0 } };
    struct rp_scenario scenario = {
        .executor = RP_RAMPING_VUS, .start_vus = 10, .stages = stages, .stage_count = 3
    };
    static const struct {
        rp_ns time;
        int64_t wanted;
    } cases[] = {
        { 0, 10 },        { 1 * RP_S, 9 },      { 4 * RP_S - 1, 7 }, { 4 * RP_S, 6 },
        { 5 * RP_S, 5 },  { 10 * RP_S, 0 },     { 11 * RP_S, 1 },    { 12 * RP_S, 2 },
        { 13 * RP_S, 3 }, { 20 * RP_S, 10 },    { 24 * RP_S, 6 },    { 25 * RP_S, 5 },
        { 30 * RP_S, 0 }, { 30 * RP_S - 1, 1 },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++)
        assert_int_equal(wanted_at(&scenario, cases[i].time), cases[i].wanted);
}

/* Who is wanted for no time at all is started and stopped. */
static void test_jumps(void **state)
{
    struct rp_stage stages[] = { { 0, 3 }, { 0, 1 }, { 5, 1 }, { 0, 2 },
                                 { 0, 0 }, { 5, 0 }, { 0, 9 } };
    struct rp_scenario scenario = {
        .executor = RP_RAMPING_VUS,
        .start_vus = 2,
        .stages = stages,
        .stage_count = 7,
    };
    struct rp_vu_steps steps;
    struct rp_vu_step step;
    char text[128] = "";

    rp_vu_steps_init(&steps, &scenario, &rp_segment_all, NULL);
    while (rp_vu_steps_next(&steps, &step))
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%c%lld@%lld ",
                 step.up ? '+' : '-', (long long)step.vu, (long long)step.time);
    assert_string_equal(text, "+0@0 +1@0 +2@0 -2@0 -1@0 +1@5 -1@5 -0@5 ");
    assert_int_equal(wanted_at(&scenario, 0), 1);
    assert_int_equal(rp_vus_most(&scenario), 9);
}

/* 10,000,000 VUs over ten years, and a part of a millionth of them. */
static void test_large(void **state)
{
    struct rp_stage stages[] = { { 1825 * 86400 * RP_S, 10000000 }, { 1825 * 86400 * RP_S, 0 } };
    struct rp_scenario scenario = { .executor = RP_RAMPING_VUS,
                                    .stages = stages,
                                    .stage_count = 2 };
    struct rp_segment_sequence sequence;
    struct rp_vu_steps steps;
    struct rp_vu_step step = { 0 };
    size_t count = 0;

    assert_int_equal(rp_segment_equal(1000000, &sequence), 0);
    rp_vu_steps_init(&steps, &scenario, &sequence.segments[7], NULL);
    while (rp_vu_steps_next(&steps, &step)) {
        int64_t g = 1000000 * step.vu + 8, away = step.up ? 10000000 - g : g - 1;
        rp_ns end = step.up ? stages[0].duration : 2 * stages[0].duration;

        assert_int_equal(step.time, end - (rp_ns)((__int128)stages[0].duration * away / 10000000));
        count++;
    }
    assert_int_equal(count, 20);
    rp_segment_sequence_deinit(&sequence);
}

/* ---- random scenarios ------------------------------------------------------------------------------------------- */

static void check_whole(const struct rp_scenario *scenario, const struct naive *naive)
{
    struct rp_vu_steps steps;
    struct rp_vu_step step;
    size_t count = 0;

    rp_vu_steps_init(&steps, scenario, &rp_segment_all, NULL);
    while (rp_vu_steps_next(&steps, &step)) {
        const struct rp_vu_step *expected = &naive->steps[count++];

        assert_true(count <= naive->count);
        assert_int_equal(step.time, expected->time);
        assert_int_equal(step.vu, expected->vu);
        assert_int_equal(step.up, expected->up);
    }
    for (size_t i = count; i < naive->count; i++) /* only those at the end are left out */
        assert_true(naive->steps[i].time >= naive->end);
    assert_true(!count || naive->steps[count - 1].time < naive->end);
}

/* Each step of the whole is the next one of the VU's owner, and of nobody else. */
static void check_parts(const struct rp_scenario *scenario, const struct naive *naive,
                        const struct rp_segment_sequence *sequence)
{
    struct rp_vu_steps *parts = calloc(sequence->count, sizeof(*parts));
    struct rp_vu_step step;

    assert_non_null(parts);
    for (size_t i = 0; i < sequence->count; i++)
        rp_vu_steps_init(&parts[i], scenario, &sequence->segments[i], NULL);
    for (size_t k = 0; k < naive->count && naive->steps[k].time < naive->end; k++) {
        const struct rp_vu_step *expected = &naive->steps[k];
        size_t owner = 0;

        while (!naive_owns(&sequence->segments[owner], expected->vu))
            assert_true(++owner < sequence->count);
        assert_true(rp_vu_steps_next(&parts[owner], &step));
        assert_int_equal(step.time, expected->time);
        assert_int_equal(step.up, expected->up);
        assert_int_equal(rp_segment_nth(&sequence->segments[owner], step.vu), expected->vu);
    }
    for (size_t i = 0; i < sequence->count; i++)
        assert_false(rp_vu_steps_next(&parts[i], &step));
    free(parts);
}

static void test_random(void **state)
{
    static struct naive naive; /* large */
    uint64_t random[4];

    rp_random_seed(random, 30);
    for (int i = 0; i < 3000; i++) {
        struct rp_stage stages[NAIVE_STAGES];
        struct rp_segment_sequence sequence, rescaled;
        struct rp_scenario scenario;

        random_scenario(random, &scenario, stages);
        naive_steps(&scenario, &naive);
        check_whole(&scenario, &naive);
        naive_sequence(random, &sequence);
        check_parts(&scenario, &naive, &sequence);
        assert_int_equal(rp_segment_rescale(&sequence, naive_pick(random, 1, 20), &rescaled), 0);
        check_parts(&scenario, &naive, &rescaled); /* some own nothing */
        rp_segment_sequence_deinit(&sequence);
        rp_segment_sequence_deinit(&rescaled);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_example), cmocka_unit_test(test_down_up_down),
        cmocka_unit_test(test_jumps),   cmocka_unit_test(test_large),
        cmocka_unit_test(test_random),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

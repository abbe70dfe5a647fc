/* SPDX-License-Identifier: MIT */

/* Arrivals of random scenarios against a walk over every nanosecond, and the parts of random splits against the whole. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "naive.h"
#include "base/random.h"
#include "sched/schedule.h"

enum { DEN = 1000 }; /* rates have up to three decimals here */

struct scene {
    struct rp_scenario scenario;
    struct rp_stage stages[NAIVE_STAGES];
    int64_t rate; /* in 1/DEN */
};

/* Of up to @duration ns a stage and up to @target arrivals in a time unit of up to @time_unit ns. */
static void random_scene(uint64_t random[4], rp_ns duration, int64_t target, rp_ns time_unit,
                         struct scene *scene)
{
    bool is_constant = naive_pick(random, 0, 3) == 0;

    scene->rate = naive_pick(random, is_constant, target * DEN);
    if (naive_pick(random, 0, 1) == 0)
        scene->rate = (scene->rate + DEN - 1) / DEN * DEN;
    scene->scenario = (struct rp_scenario){
        .executor = is_constant ? RP_CONSTANT_ARRIVAL_RATE : RP_RAMPING_ARRIVAL_RATE,
        .rate = (double)scene->rate / DEN,
        .time_unit = naive_pick(random, 1, time_unit),
        .duration = naive_pick(random, 1, duration),
    };
    if (!is_constant)
        naive_stages(random, duration, target, &scene->scenario, scene->stages);
}

/* The area after @t of a stage, times 2 * DEN * duration, in arrivals a nanosecond times the time unit. */
static __int128 area(int64_t from, int64_t to, rp_ns duration, rp_ns t)
{
    return (__int128)2 * from * t * duration + (__int128)(to - from) * t * t;
}

/* The time of arrival @index of a ramping rate, found from its stage's end backwards, or by halves when @is_long. */
static rp_ns naive_ramping(const struct scene *scene, uint64_t index, bool is_long)
{
    __int128 wanted = (__int128)(index + 1) * 2 * scene->scenario.time_unit * DEN;
    int64_t from = scene->rate;
    rp_ns began = 0;

    for (size_t i = 0; i < scene->scenario.stage_count; i++) {
        rp_ns duration = scene->stages[i].duration, low = 0, high = duration;
        int64_t to = scene->stages[i].target * DEN;

        if (duration && area(from, to, duration, duration) >= wanted * duration) {
            while (low < high) {
                rp_ns t = is_long ? low + (high - low + 1) / 2 : high;

                if (area(from, to, duration, t) <= wanted * duration)
                    low = t;
                else
                    high = t - 1;
            }
            return began + low;
        }
        wanted -= (__int128)(from + to) * duration;
        began += duration;
        from = to;
    }
    return RP_NS_NEVER;
}

static rp_ns naive_time(const struct scene *scene, uint64_t index, bool is_long)
{
    __int128 units = (__int128)index * scene->scenario.time_unit * DEN;

    if (scene->scenario.executor == RP_RAMPING_ARRIVAL_RATE)
        return naive_ramping(scene, index, is_long);
    return units >= (__int128)scene->scenario.duration * scene->rate ? RP_NS_NEVER
                                                                     : (rp_ns)(units / scene->rate);
}

static void init(struct rp_arrivals *arrivals, const struct scene *scene,
                 const struct rp_segment *segment)
{
    assert_int_equal(rp_arrivals_init(arrivals, &scene->scenario, segment, 77), 0);
}

/* Every arrival, every nanosecond. */
static void check_small(const struct scene *scene)
{
    rp_ns end = rp_scenario_regular(&scene->scenario), time;
    struct rp_arrivals arrivals;
    uint64_t count = 0, before = 0, index;

    init(&arrivals, scene, &rp_segment_all);
    for (rp_ns expected; (expected = naive_time(scene, count, false)) != RP_NS_NEVER; count++) {
        assert_true(rp_arrivals_next(&arrivals, &index, &time));
        assert_int_equal(index, count);
        assert_int_equal(time, expected);
        assert_int_equal(naive_jump(&arrivals, count), expected);
    }
    assert_false(rp_arrivals_next(&arrivals, &index, &time));
    assert_int_equal(rp_arrivals_total(&arrivals), count);
    assert_int_equal(naive_jump(&arrivals, count), RP_NS_NEVER);
    for (rp_ns t = 0; t <= end + 1; t++) {
        while (before < count && naive_time(scene, before, false) < t)
            before++;
        assert_int_equal(rp_arrivals_before(&arrivals, t), before);
    }
    rp_arrivals_deinit(&arrivals);
}

static void test_small(void **state)
{
    uint64_t random[4];
    struct scene scene;

    rp_random_seed(random, 1);
    for (int i = 0; i < 3000; i++) {
        random_scene(random, 40, naive_pick(random, 1, 6), 30, &scene);
        check_small(&scene);
    }
}

/* Hours, and samples of the arrivals. */
static void test_large(void **state)
{
    uint64_t random[4];

    rp_random_seed(random, 2);
    for (int i = 0; i < 3000; i++) {
        struct rp_arrivals arrivals;
        struct scene scene;
        uint64_t total, index, expected = 0;
        rp_ns time;

        random_scene(random, 10000 * RP_S, 1000000, 10 * RP_S, &scene);
        init(&arrivals, &scene, &rp_segment_all);
        total = rp_arrivals_total(&arrivals);
        assert_int_equal(naive_time(&scene, total, true), RP_NS_NEVER);
        for (int k = 0; total && k < 20; k++) {
            index = k ? (uint64_t)naive_pick(random, 0, (int64_t)total - 1) : total - 1;
            assert_int_equal(naive_jump(&arrivals, index), naive_time(&scene, index, true));
        }
        while (expected < 100 && rp_arrivals_next(&arrivals, &index, &time)) {
            assert_int_equal(index, expected++);
            assert_int_equal(time, naive_time(&scene, index, true));
        }
        assert_int_equal(expected, total < 100 ? total : 100);
        rp_arrivals_deinit(&arrivals);
    }
}

struct part {
    struct rp_arrivals arrivals;
    uint64_t index;
    rp_ns time;
    bool is_more;
};

/* Takes @arrival from the one part that has it next. */
static void take_from_parts(struct part *parts, size_t count, uint64_t index, rp_ns time)
{
    size_t owners = 0;

    for (size_t i = 0; i < count; i++) {
        struct part *part = &parts[i];

        if (!part->is_more || part->index != index)
            continue;
        owners++;
        assert_int_equal(part->time, time);
        part->is_more = rp_arrivals_next(&part->arrivals, &part->index, &part->time);
    }
    assert_int_equal(owners, 1);
}

static void check_parts(const struct scene *scene, const struct rp_segment_sequence *sequence,
                        uint64_t most)
{
    struct part *parts = calloc(sequence->count, sizeof(*parts));
    struct rp_arrivals whole;
    uint64_t index, taken = 0;
    rp_ns time;

    assert_non_null(parts);
    init(&whole, scene, &rp_segment_all);
    for (size_t i = 0; i < sequence->count; i++) {
        init(&parts[i].arrivals, scene, &sequence->segments[i]);
        parts[i].is_more = rp_arrivals_next(&parts[i].arrivals, &parts[i].index, &parts[i].time);
    }
    while (taken < most && rp_arrivals_next(&whole, &index, &time)) {
        assert_int_equal(index, taken++);
        take_from_parts(parts, sequence->count, index, time);
    }
    for (size_t i = 0; i < sequence->count; i++) {
        if (taken < most) /* the whole has ended, and so has each part */
            assert_false(parts[i].is_more);
        rp_arrivals_deinit(&parts[i].arrivals);
    }
    rp_arrivals_deinit(&whole);
    free(parts);
}

static void test_parts(void **state)
{
    uint64_t random[4];

    rp_random_seed(random, 3);
    for (int i = 0; i < 3000; i++) {
        struct rp_segment_sequence sequence, rescaled;
        struct scene scene;

        if (i % 2)
            random_scene(random, 200, naive_pick(random, 1, 9), 30, &scene);
        else
            random_scene(random, 100 * RP_S, 1000, 10 * RP_S, &scene);
        if (i % 3 == 0)
            scene.scenario.arrival = RP_ARRIVAL_POISSON;
        naive_sequence(random, &sequence);
        check_parts(&scene, &sequence, 500);
        assert_int_equal(rp_segment_rescale(&sequence, naive_pick(random, 1, 20), &rescaled), 0);
        check_parts(&scene, &rescaled, 500); /* some own nothing */
        rp_segment_sequence_deinit(&sequence);
        rp_segment_sequence_deinit(&rescaled);
    }
}

/* Skipping is throwing away what is due by then, at any place of the cursor. */
static void check_skip(uint64_t random[4], const struct scene *scene,
                       const struct rp_segment *segment)
{
    rp_ns end = rp_scenario_regular(&scene->scenario), time = 0, until = 0, plain_time = 0;
    struct rp_arrivals skipping, plain;
    uint64_t index = 0, plain_index = 0, left_out;
    bool is_more;

    init(&skipping, scene, segment);
    init(&plain, scene, segment);
    is_more = rp_arrivals_next(&plain, &plain_index, &plain_time);
    do {
        until += naive_pick(random, 0, end / 5 + 1);
        left_out = 0;
        while (is_more && plain_time <= until) {
            left_out++;
            is_more = rp_arrivals_next(&plain, &plain_index, &plain_time);
        }
        assert_int_equal(rp_arrivals_skip(&skipping, until), left_out);
        assert_int_equal(rp_arrivals_skip(&skipping, until), 0);
        assert_int_equal(rp_arrivals_next(&skipping, &index, &time), is_more);
        if (is_more) {
            assert_int_equal(index, plain_index);
            assert_int_equal(time, plain_time);
            is_more = rp_arrivals_next(&plain, &plain_index, &plain_time);
        }
    } while (until <= end);
    rp_arrivals_deinit(&skipping);
    rp_arrivals_deinit(&plain);
}

static void test_skip(void **state)
{
    uint64_t random[4];

    rp_random_seed(random, 4);
    for (int i = 0; i < 3000; i++) {
        struct rp_segment_sequence sequence;
        struct scene scene;

        if (i % 2)
            random_scene(random, 200, naive_pick(random, 1, 9), 30, &scene);
        else
            random_scene(random, 10 * RP_S, 100, 10 * RP_S, &scene);
        naive_sequence(random, &sequence);
        check_skip(random, &scene, &rp_segment_all);
        check_skip(random, &scene, &sequence.segments[0]);
        rp_segment_sequence_deinit(&sequence);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_skip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

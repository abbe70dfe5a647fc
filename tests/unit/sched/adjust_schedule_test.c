/* SPDX-License-Identifier: MIT */

/* Schedules that are adjusted: arrivals against times that adjust_vectors.py computed from the definition, numbers of VUs
 * against the definition at every moment, and both however late the adjustments are made and whoever shares the work. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <errno.h>

#include <cmocka.h>

#include "naive.h"
#include "base/alloc.h"
#include "base/random.h"
#include "sched/schedule.h"

enum { ROOM = 4, MOST = 16 };

struct adjustment {
    double value;
    rp_ns at;
    bool hold;
};

struct vector {
    double rate;
    rp_ns time_unit, duration;
    struct rp_stage stages[ROOM];
    size_t stage_count;
    struct adjustment adjustments[ROOM];
    size_t adjustment_count;
    uint64_t total;
    size_t count;
    struct {
        uint64_t index;
        rp_ns time;
    } arrivals[MOST];
};

#include "adjust_vectors.h"

static struct rp_scenario scenario_of(const struct vector *v)
{
    return (struct rp_scenario){
        .executor = v->stage_count ? RP_RAMPING_ARRIVAL_RATE : RP_CONSTANT_ARRIVAL_RATE,
        .rate = v->rate,
        .time_unit = v->time_unit,
        .duration = v->duration,
        .stages = (struct rp_stage *)v->stages,
        .stage_count = v->stage_count,
    };
}

static void adjust(struct rp_arrivals *arrivals, const struct rp_scenario *scenario,
                   const struct adjustment *a)
{
    assert_int_equal(rp_arrivals_adjust(arrivals, scenario, a->value, a->at, a->hold), 0);
}

/* A cursor with all adjustments, before the first arrival. */
static void init_adjusted(struct rp_arrivals *arrivals, const struct vector *v,
                          const struct rp_scenario *scenario, const struct rp_segment *segment)
{
    assert_int_equal(rp_arrivals_init(arrivals, scenario, segment, 5), 0);
    for (size_t i = 0; i < v->adjustment_count; i++)
        adjust(arrivals, scenario, &v->adjustments[i]);
}

static void test_vectors(void **state)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(vectors); i++) {
        const struct vector *v = &vectors[i];
        struct rp_scenario scenario = scenario_of(v);
        struct rp_arrivals arrivals;

        init_adjusted(&arrivals, v, &scenario, &rp_segment_all);
        assert_int_equal(rp_arrivals_total(&arrivals), v->total);
        assert_int_equal(rp_arrivals_before(&arrivals, RP_NS_NEVER), v->total);
        for (size_t k = 0; k < v->count; k++) {
            uint64_t index = v->arrivals[k].index;
            rp_ns time = v->arrivals[k].time;

            assert_int_equal(naive_jump(&arrivals, index), time);
            assert_true(rp_arrivals_before(&arrivals, time) <= index);
            assert_true(rp_arrivals_before(&arrivals, time + 1) > index);
        }
        assert_int_equal(naive_jump(&arrivals, v->total), RP_NS_NEVER);
        rp_arrivals_deinit(&arrivals);
    }
}

/* Whoever follows a schedule and is told of an adjustment, in time or @late, when it has begun some arrivals. */
struct follower {
    struct rp_arrivals arrivals;
    bool has_next;
    uint64_t index, taken, ahead;
    rp_ns time, ahead_until;
};

static void fetch(struct follower *f)
{
    f->has_next = rp_arrivals_next(&f->arrivals, &f->index, &f->time);
}

/* @index has its time in @expected, except for one that was begun before its follower knew better. */
static void take_until(struct follower *f, const struct rp_arrivals *expected, rp_ns until)
{
    while (f->has_next && f->time <= until) {
        rp_ns right = naive_jump(expected, f->index);

        if (right != f->time)
            f->ahead++;
        f->taken++;
        fetch(f);
    }
}

static void check_follower(uint64_t random[4], const struct vector *v,
                           const struct rp_segment *segment, rp_ns late)
{
    struct rp_scenario scenario = scenario_of(v);
    struct rp_arrivals whole;
    struct follower f = { 0 };
    uint64_t own;

    init_adjusted(&whole, v, &scenario, &rp_segment_all);
    assert_int_equal(rp_arrivals_init(&f.arrivals, &scenario, segment, 5), 0);
    own = (uint64_t)rp_segment_scale(segment, (int64_t)rp_arrivals_total(&whole));
    fetch(&f);
    for (size_t i = 0; i < v->adjustment_count; i++) {
        take_until(&f, &whole, v->adjustments[i].at - 1 + naive_pick(random, 0, late));
        if (f.has_next)
            rp_arrivals_take_back(&f.arrivals);
        adjust(&f.arrivals, &scenario, &v->adjustments[i]);
        fetch(&f);
    }
    if (!late)
        assert_int_equal(f.ahead, 0);
    f.ahead = 0;
    take_until(&f, &whole, RP_NS_NEVER);
    assert_int_equal(f.ahead, 0); /* now that all adjustments are known */
    if (late)
        assert_true(f.taken >= own);
    else
        assert_int_equal(f.taken, own);
    rp_arrivals_deinit(&f.arrivals);
    rp_arrivals_deinit(&whole);
}

/* The same schedule results, in every part of it, however late the adjustments come. */
static void test_followers(void **state)
{
    uint64_t random[4];

    rp_random_seed(random, 21);
    for (size_t i = 0; i < RP_ARRAY_LEN(vectors); i++) {
        struct rp_segment_sequence sequence;

        if (vectors[i].total > 2000)
            continue;
        naive_sequence(random, &sequence);
        check_follower(random, &vectors[i], &rp_segment_all, 0);
        check_follower(random, &vectors[i], &rp_segment_all, vectors[i].time_unit);
        for (size_t k = 0; k < sequence.count; k++) {
            check_follower(random, &vectors[i], &sequence.segments[k], 0);
            check_follower(random, &vectors[i], &sequence.segments[k], vectors[i].time_unit);
        }
        rp_segment_sequence_deinit(&sequence);
    }
}

/* Random arrivals are the same ones, at the times where the area of the adjusted rate reaches theirs. */
static void test_poisson(void **state)
{
    struct rp_scenario scenario = { .executor = RP_CONSTANT_ARRIVAL_RATE,
                                    .arrival = RP_ARRIVAL_POISSON,
                                    .rate = 100,
                                    .time_unit = RP_S,
                                    .duration = 100 * RP_S };
    struct rp_arrivals plain, adjusted;
    uint64_t index, other;
    rp_ns time, expected;
    size_t count = 0;

    assert_int_equal(rp_arrivals_init(&plain, &scenario, &rp_segment_all, 9), 0);
    assert_int_equal(rp_arrivals_init(&adjusted, &scenario, &rp_segment_all, 9), 0);
    while (rp_arrivals_next(&adjusted, &index, &time) && time < 10 * RP_S)
        count++;
    rp_arrivals_take_back(&adjusted);
    assert_int_equal(rp_arrivals_adjust(&adjusted, &scenario, 50, 10 * RP_S, true), 0);
    for (size_t i = 0; i < count; i++)
        assert_true(rp_arrivals_next(&plain, &index, &time));
    for (size_t i = count; rp_arrivals_next(&adjusted, &index, &time); i++, count++) {
        assert_int_equal(index, i);
        assert_true(rp_arrivals_next(&plain, &other, &expected));
        assert_int_equal(other, i);
        assert_in_range(time - (10 * RP_S + 2 * (expected - 10 * RP_S)), 0, 1);
    }
    assert_in_range(count, 5000, 6000); /* 1,000 and 4,500 */
    /* When it has ended, more of it brings more. */
    assert_false(rp_arrivals_next(&adjusted, &index, &time));
    assert_int_equal(rp_arrivals_adjust(&adjusted, &scenario, 100, 99 * RP_S, true), 0);
    assert_true(rp_arrivals_next(&adjusted, &index, &time));
    assert_int_equal(index, count);
    assert_true(time > 99 * RP_S);
    rp_arrivals_deinit(&plain);
    rp_arrivals_deinit(&adjusted);
}

/* ---- VUs -------------------------------------------------------------------------------------------------------- */

/* By the definition: the last adjustment that has begun, while it lasts, and else the plan. */
static int64_t wanted_at(const struct rp_scenario *scenario, const struct adjustment *adjustments,
                         size_t count, rp_ns time)
{
    struct rp_vu_steps steps;
    struct rp_vu_step step;
    int64_t level = 0;

    for (size_t i = count; i-- > 0;) {
        if (adjustments[i].at > time)
            continue;
        if (time < rp_adjusted_until(scenario, adjustments[i].at, adjustments[i].hold))
            return (int64_t)adjustments[i].value;
        break;
    }
    rp_vu_steps_init(&steps, scenario, &rp_segment_all, NULL);
    while (rp_vu_steps_next(&steps, &step) && step.time <= time)
        level += step.up ? 1 : -1;
    return level;
}

static size_t random_adjustments(uint64_t random[4], rp_ns end, struct adjustment *ret)
{
    size_t count = (size_t)naive_pick(random, 1, ROOM);
    rp_ns at = 0;

    for (size_t i = 0; i < count; i++) {
        at = naive_pick(random, at, end - 1);
        ret[i] = (struct adjustment){ (double)naive_pick(random, 0, 9), at,
                                      naive_pick(random, 0, 2) == 0 };
    }
    return count;
}

static void check_levels(const struct rp_scenario *scenario, const struct adjustment *adjustments,
                         size_t count, const struct rp_segment *segment)
{
    struct rp_vu_adjustments all = { 0 };
    struct rp_vu_steps steps;
    struct rp_vu_step step;
    bool has_step;
    int64_t own = 0;

    for (size_t i = 0; i < count; i++)
        assert_int_equal(rp_vu_adjustments_add(&all, scenario, (int64_t)adjustments[i].value,
                                               adjustments[i].at, adjustments[i].hold),
                         0);
    rp_vu_steps_init(&steps, scenario, segment, &all);
    has_step = rp_vu_steps_next(&steps, &step);
    for (rp_ns time = 0; time < rp_scenario_regular(scenario); time++) {
        while (has_step && step.time <= time) {
            assert_int_equal(step.time, time); /* in the order of time */
            assert_int_equal(step.vu, step.up ? own : own - 1);
            own += step.up ? 1 : -1;
            has_step = rp_vu_steps_next(&steps, &step);
        }
        assert_int_equal(own,
                         rp_segment_scale(segment, wanted_at(scenario, adjustments, count, time)));
    }
    assert_false(has_step);
    rp_vu_adjustments_deinit(&all);
}

static void test_vus(void **state)
{
    uint64_t random[4];

    rp_random_seed(random, 22);
    for (int i = 0; i < 1500; i++) {
        struct rp_scenario scenario = { .executor = RP_CONSTANT_VUS,
                                        .vus = naive_pick(random, 1, 9),
                                        .duration = naive_pick(random, 1, 40) };
        struct adjustment adjustments[ROOM];
        struct rp_stage stages[NAIVE_STAGES];
        struct rp_segment_sequence sequence;
        size_t count;

        if (i % 4) {
            scenario.executor = RP_RAMPING_VUS;
            scenario.start_vus = naive_pick(random, 0, 9);
            naive_stages(random, 15, 9, &scenario, stages);
        }
        if (!rp_scenario_regular(&scenario))
            continue;
        count = random_adjustments(random, rp_scenario_regular(&scenario), adjustments);
        naive_sequence(random, &sequence);
        check_levels(&scenario, adjustments, count, &rp_segment_all);
        check_levels(&scenario, adjustments, count, &sequence.segments[0]);
        rp_segment_sequence_deinit(&sequence);
    }
}

static void test_failing_allocations(void **state)
{
    struct rp_stage stages[] = { { 10 * RP_S, 5 }, { 10 * RP_S, 0 } };
    struct rp_scenario scenario = {
        .executor = RP_RAMPING_ARRIVAL_RATE, .time_unit = RP_S, .stages = stages, .stage_count = 2
    };
    struct rp_vu_adjustments adjustments = { 0 };
    struct rp_arrivals arrivals;

    assert_int_equal(rp_arrivals_init(&arrivals, &scenario, &rp_segment_all, 1), 0);
    rp_alloc_fail_at(1);
    assert_int_equal(rp_arrivals_adjust(&arrivals, &scenario, 100, 5 * RP_S, true), -ENOMEM);
    assert_int_equal(rp_arrivals_total(&arrivals), 50);
    assert_int_equal(rp_arrivals_adjust(&arrivals, &scenario, 100, 5 * RP_S, false), 0);
    assert_int_equal(rp_arrivals_total(&arrivals), 531); /* 6.25 + 500 + 25 */
    rp_arrivals_deinit(&arrivals);
    rp_alloc_fail_at(1);
    assert_int_equal(rp_vu_adjustments_add(&adjustments, &scenario, 1, 1, true), -ENOMEM);
    assert_int_equal(adjustments.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_followers),
        cmocka_unit_test(test_poisson),
        cmocka_unit_test(test_vus),
        cmocka_unit_test(test_failing_allocations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

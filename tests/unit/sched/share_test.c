/* SPDX-License-Identifier: MIT */

/* Workers that share a scenario, and runs that share it and have workers of their own, do together what one does alone: the same starts at the same times with the same numbers
 * of iterations and, where the schedule gives them, of VUs. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "executing.h"

#define AT(seconds) ((rp_ns)((seconds)*1000) * RP_MS)
#define STAGES(list) .stages = (list), .stage_count = RP_ARRAY_LEN(list)

enum { RUNS = 300, LENGTHS = 5 };

static struct rp_stage stages[6];

struct set {
    struct ex_event *events;
    size_t count;
};

/* Begins, with the number of the VU in the whole instead of the slot. */
static void collect(struct set *set, const struct ex *ex, bool has_vus, bool has_iterations)
{
    set->events = realloc(set->events, (set->count + ex->count + 1) * sizeof(*set->events));
    assert_non_null(set->events);
    for (size_t i = 0; i < ex->count; i++) {
        struct ex_event event = ex->events[i];

        if (event.what != 'b' && event.what != 'i')
            continue;
        event.slot = has_vus ? rp_segment_nth(ex->executor.vus, event.slot) : 0;
        event.iteration = has_iterations ? event.iteration : 0;
        set->events[set->count++] = event;
    }
}

static int compare(const void *a_ptr, const void *b_ptr)
{
    const struct ex_event *a = a_ptr, *b = b_ptr;

    if (a->at != b->at)
        return a->at < b->at ? -1 : 1;
    if (a->what != b->what)
        return a->what < b->what ? -1 : 1;
    if (a->slot != b->slot)
        return a->slot < b->slot ? -1 : 1;
    return a->iteration < b->iteration ? -1 : a->iteration > b->iteration;
}

static void assert_equal_sets(struct set *whole, struct set *parts)
{
    assert_int_equal(whole->count, parts->count);
    qsort(whole->events, whole->count, sizeof(*whole->events), compare);
    qsort(parts->events, parts->count, sizeof(*parts->events), compare);
    for (size_t i = 0; i < whole->count; i++) {
        assert_int_equal(compare(&whole->events[i], &parts->events[i]), 0);
        assert_int_equal(whole->events[i].due, parts->events[i].due);
    }
    free(whole->events);
    free(parts->events);
}

static void random_sequence(struct rp_segment_sequence *sequence)
{
    static const char *const cuts[] = { "0,1/2,1", "0,1/4,1/2,1", "0,1/3,0.5,9/10,1", "0,2/7,1",
                                        "0,1/100,1" };
    struct rp_error err = { 0 };
    size_t index;

    if (random() % 2) {
        assert_int_equal(rp_segment_equal(1 + (size_t)random() % 9, sequence), 0);
    } else {
        static const char *const first[] = { "0:1/2", "0:1/4", "0:1/3", "0:2/7", "0:1/100" };
        size_t i = (size_t)random() % RP_ARRAY_LEN(cuts);

        assert_int_equal(rp_segment_parse(first[i], cuts[i], sequence, &index, &err), 0);
    }
}

/* The shares of workers, one after the other: those of one run, or those of several runs, of which each has a number of
 * workers of its own. */
struct sharing {
    struct rp_segment_sequence sequence, workers;
    struct rp_executor_share share;
    bool is_twice;
};

static void next_run(struct sharing *sharing)
{
    size_t count = 1 + (size_t)random() % 4;

    rp_segment_sequence_deinit(&sharing->workers);
    if (count > 1)
        assert_int_equal(rp_segment_equal(count, &sharing->workers), 0);
    sharing->share.sequence = count > 1 ? &sharing->workers : NULL;
    sharing->share.index = 0;
}

static void sharing_begin(struct sharing *sharing, uint64_t seed)
{
    *sharing = (struct sharing){ .share.seed = seed, .is_twice = random() % 2 };
    random_sequence(&sharing->sequence);
    if (sharing->is_twice) {
        sharing->share.run = &sharing->sequence;
        next_run(sharing);
    } else {
        sharing->share.sequence = &sharing->sequence;
    }
}

/* False, and nothing is left, after the last one. */
static bool sharing_next(struct sharing *sharing)
{
    struct rp_executor_share *share = &sharing->share;

    if (share->sequence && ++share->index < share->sequence->count)
        return true;
    if (sharing->is_twice && ++share->run_index < sharing->sequence.count) {
        next_run(sharing);
        return true;
    }
    rp_segment_sequence_deinit(&sharing->sequence);
    rp_segment_sequence_deinit(&sharing->workers);
    return false;
}

static struct rp_scenario random_scenario(enum rp_executor_kind executor)
{
    struct rp_scenario scenario = { .executor = executor,
                                    .name = (char *)"s",
                                    .vus = 1 + random() % 12,
                                    .iterations = 1 + random() % 9,
                                    .start_vus = random() % 12,
                                    .duration = AT(3) + random() % 1000,
                                    .max_duration = AT(60),
                                    .graceful_ramp_down = AT(1),
                                    .graceful_stop = AT(2),
                                    .rate = (double)(1 + random() % 70) / 2,
                                    .time_unit = RP_S,
                                    .arrival = random() % 2 ? RP_ARRIVAL_UNIFORM
                                                            : RP_ARRIVAL_POISSON,
                                    .pre_allocated_vus = 1000,
                                    .max_vus = 1000,
                                    .start_time = AT(random() % 2),
                                    STAGES(stages) };

    if (executor == RP_SHARED_ITERATIONS)
        scenario.iterations += scenario.vus + random() % 40;
    scenario.stage_count = 1 + (size_t)random() % RP_ARRAY_LEN(stages);
    for (size_t i = 0; i < scenario.stage_count; i++)
        stages[i] = (struct rp_stage){ i && random() % 3 == 0 ? 0 : 1 + random() % AT(2),
                                       random() % 12 };
    return scenario;
}

static rp_ns by_vu(const struct ex *ex, int64_t slot, uint64_t iteration)
{
    return AT(0.1) * (1 + rp_segment_nth(ex->executor.vus, slot) % LENGTHS);
}

static void run_share(struct ex *ex, const struct rp_scenario *scenario,
                      const struct rp_executor_share *share, rp_ns length)
{
    *ex = (struct ex){ .constant_length = length, .length = length ? NULL : by_vu };
    ex_start(ex, scenario, share);
    ex_out(ex);
}

static void check(const struct rp_scenario *scenario, rp_ns length, bool has_vus,
                  bool has_iterations)
{
    const struct rp_executor_share alone = { .seed = 7 };
    struct sharing sharing;
    struct set whole = { 0 }, parts = { 0 };
    uint64_t scheduled, total;
    struct ex ex;

    run_share(&ex, scenario, &alone, length);
    collect(&whole, &ex, has_vus, has_iterations);
    scheduled = ex.executor.scheduled;
    total = ex.executor.total;
    ex_free(&ex);
    sharing_begin(&sharing, alone.seed);
    do {
        run_share(&ex, scenario, &sharing.share, length);
        collect(&parts, &ex, has_vus, has_iterations);
        scheduled -= ex.executor.scheduled;
        total -= ex.executor.total;
        if (!ex.executor.slot_count) { /* nothing of it is ours */
            assert_int_equal(ex.count, 1);
            assert_int_equal(ex_event(&ex, 'f', 0)->at, scenario->start_time);
            assert_int_equal(ex.executor.scheduled, 0);
        }
        ex_free(&ex);
    } while (sharing_next(&sharing));
    assert_int_equal(scheduled, 0);
    assert_int_equal(total, 0);
    assert_equal_sets(&whole, &parts);
}

static void test_constant_vus(void **state)
{
    for (int i = 0; i < RUNS; i++) { /* numbers of iterations depend on who ends first */
        struct rp_scenario scenario = random_scenario(RP_CONSTANT_VUS);

        check(&scenario, 0, true, false);
    }
}

static void test_ramping_vus(void **state)
{
    for (int i = 0; i < RUNS; i++) {
        struct rp_scenario scenario = random_scenario(RP_RAMPING_VUS);

        scenario.stages[0].target++; /* somebody must run */
        check(&scenario, i % 2 ? 0 : EX_FOREVER, true, false);
    }
}

/* The same numbers on the same VUs at the same times. */
static void test_per_vu_iterations(void **state)
{
    for (int i = 0; i < RUNS; i++) {
        struct rp_scenario scenario = random_scenario(RP_PER_VU_ITERATIONS);

        check(&scenario, 0, true, true);
    }
}

static void test_arrivals(void **state)
{
    for (int i = 0; i < RUNS; i++) {
        struct rp_scenario scenario = random_scenario(i % 2 ? RP_CONSTANT_ARRIVAL_RATE
                                                            : RP_RAMPING_ARRIVAL_RATE);

        check(&scenario, AT(0.3), false, true);
    }
}

/* Every number once, whoever takes it; and the share of VUs does the share of iterations, two less at most each time that
 * the work is shared out. */
static void test_shared_iterations(void **state)
{
    for (int i = 0; i < RUNS; i++) {
        struct rp_scenario scenario = random_scenario(RP_SHARED_ITERATIONS);
        struct sharing sharing;
        bool seen[100] = { false };
        int64_t vus = 0, count = 0;
        struct ex ex;

        sharing_begin(&sharing, 0);
        do {
            run_share(&ex, &scenario, &sharing.share, AT(0.1));
            for (size_t n = 0; n < ex_count(&ex, 'b'); n++) {
                uint64_t iteration = ex_event(&ex, 'b', n)->iteration;

                assert_true(iteration < (uint64_t)scenario.iterations && !seen[iteration]);
                seen[iteration] = true;
                count++;
            }
            vus += ex.executor.slot_count;
            assert_true(ex.executor.slot_count * scenario.iterations <=
                        ((int64_t)ex_count(&ex, 'b') + 2 + 2 * sharing.is_twice) * scenario.vus);
            ex_free(&ex);
        } while (sharing_next(&sharing));
        assert_int_equal(count, scenario.iterations);
        assert_int_equal(vus, scenario.vus);
    }
}

/* What is not all of it: VUs and pre-allocated ones scale like everything. */
static void test_unplanned_vus(void **state)
{
    struct rp_scenario scenario = { .executor = RP_CONSTANT_ARRIVAL_RATE,
                                    .name = (char *)"s",
                                    .rate = 30,
                                    .time_unit = RP_S,
                                    .duration = AT(10),
                                    .pre_allocated_vus = 4,
                                    .max_vus = 10 };
    struct rp_segment_sequence sequence;
    struct rp_executor_share share = { .sequence = &sequence };
    static const int64_t made[] = { 2, 1, 1 }, most[] = { 4, 3, 3 };

    assert_int_equal(rp_segment_equal(3, &sequence), 0);
    for (share.index = 0; share.index < 3; share.index++) {
        struct ex ex = { .constant_length = EX_FOREVER, .make_time = 1 };

        ex_start(&ex, &scenario, &share);
        assert_int_equal(ex.executor.made, made[share.index]);
        assert_int_equal(ex.executor.slot_count, most[share.index]);
        /* Four VUs of ten take four arrivals of ten. */
        assert_int_equal(ex.executor.total, 30 * most[share.index]);
        ex_out(&ex);
        assert_int_equal(ex.executor.made, most[share.index]);
        ex_free(&ex);
    }
    rp_segment_sequence_deinit(&sequence);
}

static void test_init_fails(void **state)
{
    struct rp_segment_sequence sequence;
    struct rp_executor_share share = { .sequence = &sequence };
    struct rp_executor executor;
    struct rp_loop *loop;

    assert_int_equal(rp_segment_equal(2, &sequence), 0);
    assert_int_equal(rp_loop_new(rp_loop_virtual, &loop), 0);
    for (int kind = 0; kind < RP_EXECUTOR_KIND_COUNT; kind++) {
        struct rp_scenario scenario = random_scenario((enum rp_executor_kind)kind);
        uint64_t before = rp_alloc_count(), most;

        stages[0].target = scenario.vus = 4;
        assert_int_equal(rp_executor_init(&executor, &scenario, loop, NULL, &share), 0);
        rp_executor_deinit(&executor);
        most = rp_alloc_count() - before;
        assert_true(most >= 2);
        for (uint64_t n = 1; n <= most; n++) {
            rp_alloc_fail_at(n);
            assert_int_equal(rp_executor_init(&executor, &scenario, loop, NULL, &share), -ENOMEM);
            rp_alloc_fail_at(0);
            rp_executor_deinit(&executor); /* is allowed */
        }
    }
    rp_loop_free(loop);
    rp_segment_sequence_deinit(&sequence);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_constant_vus),      cmocka_unit_test(test_ramping_vus),
        cmocka_unit_test(test_per_vu_iterations), cmocka_unit_test(test_arrivals),
        cmocka_unit_test(test_shared_iterations), cmocka_unit_test(test_unplanned_vus),
        cmocka_unit_test(test_init_fails),
    };

    srandom(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

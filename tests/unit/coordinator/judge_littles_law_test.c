/* SPDX-License-Identifier: MIT */

/* Iterations that are made up: what two workers count, and the samples that arrive of them. */

#include "coordinator/judge_littles_law.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "plan/metrics.h"

enum { WORKERS = 2, ITERATIONS = 100, SECONDS = 10 };

static struct rp_result_worker workers[WORKERS];

static void record(struct rp_result *result, uint32_t worker, uint32_t series, int samples)
{
    struct rp_value delta;

    rp_value_init(&delta, RP_TREND);
    assert_int_equal(rp_hist_record_times(&delta.hist, 0.2 * RP_S, (uint64_t)samples), 0);
    delta.samples = (uint64_t)samples;
    assert_int_equal(rp_store_apply(result->store, worker, series, &delta), 0);
    rp_value_deinit(&delta);
}

/* Each worker runs a hundred iterations of 0.2 s in ten seconds. Half of the samples stand in one series,
 * the others in a second one. Of the last worker @missing samples do not arrive. */
static void fill(struct rp_result *result, int missing)
{
    const struct rp_slice tags[][2] = { { RP_SLICE("scenario"), RP_SLICE("b") } };
    const char *name = rp_builtin_name(RP_M_ITERATION_DURATION);

    *result = (struct rp_result){ .elapsed = (SECONDS - 2) * RP_S, .paused = 2 * RP_S };
    assert_int_equal(rp_store_new(&result->store), 0);
    for (uint32_t i = 0; i < WORKERS; i++) {
        workers[i] = (struct rp_result_worker){ .id = i + 1,
                                                .has_finished = true,
                                                .under_way = ITERATIONS * RP_S / 5 };
        assert_int_equal(rp_store_define(result->store, i, 0, name, RP_TREND, true, NULL, 0, NULL),
                         0);
        assert_int_equal(rp_store_define(result->store, i, 1, name, RP_TREND, true, tags, 1, NULL),
                         0);
        record(result, i, 0, ITERATIONS / 2);
        record(result, i, 1, ITERATIONS / 2 - (i == WORKERS - 1 ? missing : 0));
    }
    result->workers = workers;
    result->worker_count = WORKERS;
}

static void forget(struct rp_result *result)
{
    result->workers = NULL;
    result->worker_count = 0;
    rp_result_deinit(result);
}

static void books_that_agree_are_valid(void **state)
{
    struct rp_result result;

    fill(&result, 0);
    assert_int_equal(rp_judge_littles_law(&result), 0);
    assert_int_equal(result.generator, RP_GENERATOR_VALID);
    assert_true(result.littles_law.was_looked_at);
    assert_true(result.littles_law.counted == 4 && result.littles_law.measured == 4);
    forget(&result);
}

/* 2 % is not too much, 3 % are. */
static void a_lost_sample_is_seen(void **state)
{
    struct rp_result result;

    fill(&result, 2);
    assert_int_equal(rp_judge_littles_law(&result), 0);
    assert_int_equal(result.generator, RP_GENERATOR_VALID);
    forget(&result);
    fill(&result, 3);
    assert_int_equal(rp_judge_littles_law(&result), 0);
    assert_int_equal(result.generator, RP_GENERATOR_SUSPECT);
    assert_int_equal(result.generator_reason_count, 1);
    assert_int_equal(result.generator_reasons[0].cause, RP_CAUSE_BOOKS);
    assert_int_equal(result.generator_reasons[0].worker, 2);
    assert_int_equal(result.generator_reasons[0].workers, 1);
    assert_non_null(
        strstr(result.generator_reasons[0].text,
               "worker 2 had 2 iterations under way on average, but their rate times their "
               "mean duration is 1.94:"));
    forget(&result);
}

/* So is one that came twice; the worker that is further off is named. */
static void a_sample_too_many_is_seen(void **state)
{
    struct rp_result result;

    fill(&result, 3);
    record(&result, 0, 0, 10);
    assert_int_equal(rp_judge_littles_law(&result), 0);
    assert_int_equal(result.generator_reasons[0].worker, 1);
    assert_int_equal(result.generator_reasons[0].workers, 2);
    forget(&result);
}

/* An iteration whose end was never counted makes the integral negative by the clock's time. */
static void an_end_that_was_not_counted_is_seen(void **state)
{
    struct rp_result result;

    fill(&result, 0);
    workers[0].under_way -= 5000000 * RP_S;
    assert_int_equal(rp_judge_littles_law(&result), 0);
    assert_int_equal(result.generator_reasons[0].cause, RP_CAUSE_BOOKS);
    forget(&result);
}

/* Interrupted iterations have no sample, but their time is known. */
static void what_was_cut_short_counts(void **state)
{
    struct rp_result result;

    fill(&result, 20);
    workers[1].cut_short = 20 * RP_S / 5;
    assert_int_equal(rp_judge_littles_law(&result), 0);
    assert_int_equal(result.generator, RP_GENERATOR_VALID);
    assert_true(result.littles_law.measured == 4);
    forget(&result);
}

/* The last report of a worker that was lost may have come in part. */
static void a_lost_worker_is_left_out(void **state)
{
    struct rp_result result;

    fill(&result, 20);
    workers[1].has_finished = false;
    assert_int_equal(rp_judge_littles_law(&result), 0);
    assert_int_equal(result.generator, RP_GENERATOR_VALID);
    assert_true(result.littles_law.counted == 2 && result.littles_law.measured == 2);
    forget(&result);
}

static void too_little_is_not_judged(void **state)
{
    struct rp_result result;

    fill(&result, 0);
    workers[0].has_finished = workers[1].has_finished = false;
    assert_int_equal(rp_judge_littles_law(&result), 0);
    assert_false(result.littles_law.was_looked_at);
    assert_int_equal(result.generator, RP_GENERATOR_VALID);
    forget(&result);
}

static void without_memory_it_fails(void **state)
{
    int r = -1;

    for (uint64_t n = 1; r < 0; n++) {
        struct rp_result result;

        fill(&result, 50);
        rp_alloc_fail_at(n);
        r = rp_judge_littles_law(&result);
        rp_alloc_fail_at(0);
        assert_true(r == 0 || r == -ENOMEM);
        forget(&result);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(books_that_agree_are_valid),
        cmocka_unit_test(a_lost_sample_is_seen),
        cmocka_unit_test(a_sample_too_many_is_seen),
        cmocka_unit_test(an_end_that_was_not_counted_is_seen),
        cmocka_unit_test(what_was_cut_short_counts),
        cmocka_unit_test(a_lost_worker_is_left_out),
        cmocka_unit_test(too_little_is_not_judged),
        cmocka_unit_test(without_memory_it_fails),
    };

    return cmocka_run_group_tests_name("judge_littles_law", tests, NULL, NULL);
}

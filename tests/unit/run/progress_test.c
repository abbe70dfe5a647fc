/* SPDX-License-Identifier: MIT */

/* What workers tell of their scenarios, added up. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "run/progress.h"

static int tell(struct rp_progress_table *table, size_t worker,
                const struct rp_scenario_progress *scenarios)
{
    return rp_progress_table_set(table, 2, worker, scenarios);
}

static const struct rp_scenario_progress first[] = {
    { RP_SCENARIO_RUNNING, 1, 2, 3, 1, 10, 9, 1, 7, 1, 2, 100, 5, 10, 2.5 },
    { RP_SCENARIO_FINISHED, 0, 4, 0, -1, 4, 4, 0, 4, 0, 0, 0, 8, 8, 0 },
};
static const struct rp_scenario_progress second[] = {
    { RP_SCENARIO_WAITING, 10, 20, 30, 0, 100, 90, 10, 70, 10, 20, 1000, 4, 12, 0.5 },
    { RP_SCENARIO_INTERRUPTING, 2, 4, 5, -1, 40, 40, 0, 30, 8, 1, 0, 8, 8, 0 },
};
static const struct rp_scenario_progress both[] = {
    { RP_SCENARIO_WAITING, 11, 22, 33, 0, 110, 99, 11, 77, 11, 22, 1100, 4, 12, 3 },
    { RP_SCENARIO_INTERRUPTING, 2, 8, 5, -1, 44, 44, 0, 34, 8, 1, 0, 8, 8, 0 },
};

static void assert_same(const struct rp_scenario_progress *a, const struct rp_scenario_progress *b)
{
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(a[i].state, b[i].state);
        assert_int_equal(a[i].vus, b[i].vus);
        assert_int_equal(a[i].vus_made, b[i].vus_made);
        assert_int_equal(a[i].vus_wanted, b[i].vus_wanted);
        assert_int_equal(a[i].stage, b[i].stage);
        assert_int_equal(a[i].scheduled, b[i].scheduled);
        assert_int_equal(a[i].started, b[i].started);
        assert_int_equal(a[i].dropped, b[i].dropped);
        assert_int_equal(a[i].completed, b[i].completed);
        assert_int_equal(a[i].interrupted, b[i].interrupted);
        assert_int_equal(a[i].errors, b[i].errors);
        assert_int_equal(a[i].total, b[i].total);
        assert_int_equal(a[i].elapsed, b[i].elapsed);
        assert_int_equal(a[i].regular, b[i].regular);
        assert_true(a[i].rate == b[i].rate);
    }
}

static void test_one_worker_is_all(void **state)
{
    struct rp_progress_table table = { 0 };

    assert_int_equal(tell(&table, 0, second), 0);
    assert_int_equal(tell(&table, 0, first), 0);
    assert_same(table.sums, first);
    rp_progress_table_deinit(&table);
}

static void test_several_are_added(void **state)
{
    struct rp_progress_table table = { 0 };

    /* A worker that has said nothing counts for nothing. */
    assert_int_equal(tell(&table, 4, second), 0);
    assert_same(table.sums, second);
    assert_int_equal(tell(&table, 2, first), 0);
    assert_same(table.sums, both);
    /* What a worker tells replaces what it told before. */
    assert_int_equal(tell(&table, 4, second), 0);
    assert_same(table.sums, both);
    rp_progress_table_deinit(&table);
}

static void test_a_lost_one_holds_nothing_up(void **state)
{
    struct rp_progress_table table = { 0 };

    rp_progress_table_lose(&table, 0);
    assert_null(rp_progress_table_told(&table, 0));
    assert_int_equal(tell(&table, 2, first), 0);
    assert_int_equal(tell(&table, 4, second), 0);
    assert_null(rp_progress_table_told(&table, 3));
    assert_same(rp_progress_table_told(&table, 4), second);
    rp_progress_table_lose(&table, 3);
    assert_same(table.sums, both);
    rp_progress_table_lose(&table, 4);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(table.sums[i].state, first[i].state);
        assert_int_equal(table.sums[i].vus, first[i].vus);
        assert_int_equal(table.sums[i].vus_made, first[i].vus_made);
        assert_true(table.sums[i].rate == first[i].rate);
        assert_int_equal(table.sums[i].completed, both[i].completed); /* has been done */
    }
    rp_progress_table_deinit(&table);
}

static void test_without_memory(void **state)
{
    for (long n = 1;; n++) {
        struct rp_progress_table table = { 0 };
        int r;

        assert_int_equal(tell(&table, 0, first), 0);
        rp_alloc_fail_at(n);
        r = tell(&table, 1, second);
        rp_alloc_fail_at(0);
        assert_same(table.sums, r == 0 ? both : first);
        rp_progress_table_deinit(&table);
        if (r == 0)
            break;
    }
}

static void test_names(void **state)
{
    for (int i = 0; i < RP_SCENARIO_STATE_COUNT; i++)
        for (int j = 0; j < i; j++)
            assert_string_not_equal(rp_scenario_state_name((enum rp_scenario_state)i),
                                    rp_scenario_state_name((enum rp_scenario_state)j));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_worker_is_all),
        cmocka_unit_test(test_several_are_added),
        cmocka_unit_test(test_a_lost_one_holds_nothing_up),
        cmocka_unit_test(test_without_memory),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

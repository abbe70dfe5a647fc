/* SPDX-License-Identifier: MIT */

/* What a worker counts of itself. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "worker/watch.h"

#define MS RP_MS

static void test_probes(void **state)
{
    static const struct {
        rp_ns late;
        uint64_t probes, late_probes;
    } cases[] = {
        { 0, 1, 0 },        { 20 * MS, 1, 0 },     { 21 * MS, 1, 1 },
        { 100 * MS, 2, 1 }, { 121 * MS, 2, 2 },    { 2000 * MS, 21, 20 },
        { -5, 1, 0 },       { 2021 * MS, 21, 21 }, /* the last of those that it stands in the way of is 21 ms late */
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct rp_health_watch watch = { .has_started = false };

        rp_health_probe(&watch, cases[i].late, 100 * MS);
        assert_int_equal(watch.health.probes, cases[i].probes);
        assert_int_equal(watch.health.late_probes, cases[i].late_probes);
    }
}

static void test_receives(void **state)
{
    struct rp_health_watch watch = { .has_started = false };

    rp_health_receive(&watch, 20 * MS, 1);
    rp_health_receive(&watch, 21 * MS, 15);
    rp_health_receive(&watch, 0, 31);
    assert_int_equal(watch.health.receives, 47);
    assert_int_equal(watch.health.late_receives, 15);
}

/* As much as the clock says, with the thread's own processor time in it; what is too short waits for the next. */
static void test_samples(void **state)
{
    struct rp_health_watch watch = { .has_started = false };
    rp_ns now = rp_clock_ns(), cpu = 0;
    volatile uint64_t work = 0;

    rp_health_sample(&watch, now, 0, true); /* not started */
    assert_int_equal(watch.health.observed, 0);
    rp_health_start(&watch, now, 0);
    while (rp_clock_ns() - now < 150 * MS)
        work++;
    rp_health_sample(&watch, now + 99 * MS, 0, true);
    assert_int_equal(watch.health.observed, 0);
    rp_health_sample(&watch, now + 200 * MS, 0, true);
    assert_int_equal(watch.health.observed, 200 * MS);
    cpu = watch.health.computed;
    /* Of 150 ms it has computed, or waited for a processor. */
    assert_true(cpu > 0 && cpu + watch.health.waited > 100 * MS && cpu <= 200 * MS);
    rp_health_sample(&watch, now + 400 * MS, 0, false); /* a pause */
    assert_int_equal(watch.health.observed, 200 * MS);
    assert_int_equal(watch.health.computed, cpu);
    rp_health_sample(&watch, now + 600 * MS, 0, true);
    assert_int_equal(watch.health.observed, 400 * MS);
    assert_int_equal(watch.health.busy, 0);
    rp_health_end(&watch);
    rp_health_end(&watch);
}

/* Time spent on spinning is time to spare. */
static void test_spinning_is_no_work(void **state)
{
    struct rp_health_watch watch = { .has_started = false };
    rp_ns now = rp_clock_ns();

    rp_health_start(&watch, now, 0);
    rp_health_sample(&watch, now + 200 * MS, RP_S, true); /* more than it can have had */
    assert_int_equal(watch.health.computed, 0);
    rp_health_end(&watch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_probes),
        cmocka_unit_test(test_receives),
        cmocka_unit_test(test_samples),
        cmocka_unit_test(test_spinning_is_no_work),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */

/* Iterations that raise before they wait: which VUs pause, and for how long. */

#include "fake_host.h"

#include <string.h>

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

static struct fake_iteration raises(struct fake *fake, const struct rp_vu *vu)
{
    return (struct fake_iteration){ .fails = true };
}

static struct fake_iteration raises_after_waiting(struct fake *fake, const struct rp_vu *vu)
{
    return (struct fake_iteration){ .waits = RP_MS, .fails = true };
}

static struct fake_iteration raises_nine_times_of_ten(struct fake *fake, const struct rp_vu *vu)
{
    return (struct fake_iteration){ .blocks = RP_MS, .fails = vu->iteration_in_vu % 10 != 9 };
}

/* Ten at 0 s, then at 10, 30, 70, 150, 310, 630 and 1270 ms, and then once a second. */
static void test_iterations_that_raise_at_once(void **state)
{
    struct rp_scenario open_ended[] = { constant("a", 1, 10 * RP_S), constant("b", 2, 10 * RP_S) };
    struct rp_scenario counted[] = { with_iterations("p", RP_PER_VU_ITERATIONS, 2, 500, 60 * RP_S),
                                     with_iterations("s", RP_SHARED_ITERATIONS, 2, 500,
                                                     60 * RP_S) };
    struct fake fake = { .next = raises };

    fake_init(&fake, open_ended, 2);
    fake_run_out(&fake);
    assert_int_equal(fake.counts[0].failed, 25);
    assert_int_equal(fake.counts[1].failed, 50);
    assert_int_equal(fake.counts[0].last, 9270 * RP_MS);
    assert_int_equal(fake.finished_at, 10 * RP_S);
    assert_int_equal(fake.warnings, 3); /* one of each VU: what they are about is the same */
    assert_non_null(strstr(fake.warning, "scenario 'b': iterations raise an exception before"));
    fake_deinit(&fake);

    fake = (struct fake){ .next = raises };
    fake_init(&fake, counted, 2);
    fake_run_out(&fake);
    assert_int_equal(fake.counts[0].failed, 1000);
    assert_int_equal(fake.counts[1].failed, 500);
    assert_int_equal(fake.finished_at, 0);
    assert_int_equal(fake.warnings, 0);
    fake_deinit(&fake);
}

static void test_iterations_that_raise_otherwise(void **state)
{
    struct rp_scenario scenarios[] = { constant("a", 1, RP_S) };
    struct fake fake = { .next = raises_after_waiting };

    fake_init(&fake, scenarios, 1);
    fake_run_out(&fake);
    assert_int_equal(fake.counts[0].failed, 1000);
    fake_deinit(&fake);

    fake = (struct fake){ .next = raises_nine_times_of_ten };
    fake_init(&fake, scenarios, 1);
    fake_run_out(&fake);
    assert_int_equal(fake.counts[0].begun, 1000);
    fake_deinit(&fake);
}

/* Whoever stops it does not wait for the pause longer than for an iteration. */
static void test_a_stop_while_iterations_raise(void **state)
{
    struct rp_scenario scenarios[] = { constant("a", 1, 60 * RP_S) };
    struct fake fake = { .next = raises };

    fake_init(&fake, scenarios, 1);
    fake_run_until(&fake, 5 * RP_S);
    fake_stop(&fake, 100 * RP_MS);
    fake_run_out(&fake);
    assert_int_equal(fake.finished_at, 5 * RP_S + 100 * RP_MS);
    fake_deinit(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_iterations_that_raise_at_once),
        cmocka_unit_test(test_iterations_that_raise_otherwise),
        cmocka_unit_test(test_a_stop_while_iterations_raise),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

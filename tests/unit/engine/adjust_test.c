/* SPDX-License-Identifier: MIT */

/* The engine when its scenarios are adjusted, in virtual time. The schedules' part of it is tested with the executors. */

#include "fake_host.h"

#include <errno.h>
#include <string.h>

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

static struct fake_iteration takes_a_second(struct fake *fake, const struct rp_vu *vu)
{
    return (struct fake_iteration){ .waits = RP_S };
}

/* Both kinds of load at the same instant; the books of fake_run_out() balance, and progress knows of it. */
static void test_adjusts(void **state)
{
    struct rp_scenario scenarios[] = {
        arrivals("rate", 10, 10 * RP_S, 100),
        { .name = (char *)"vus",
          .executor = RP_CONSTANT_VUS,
          .vus = 5,
          .duration = 10 * RP_S,
          .graceful_stop = RP_S },
        { .name = (char *)"pool",
          .executor = RP_SHARED_ITERATIONS,
          .vus = 1,
          .iterations = 3,
          .max_duration = 10 * RP_S },
    };
    struct fake fake = { .next = takes_a_second };

    fake_init(&fake, scenarios, 3);
    fake_run_until(&fake, 4 * RP_S);
    assert_int_equal(rp_engine_adjust(fake.engine, 0, 50, 5 * RP_S, false), 0);
    assert_int_equal(rp_engine_adjust(fake.engine, 1, 2, 5 * RP_S, false), 0);
    assert_int_equal(rp_engine_adjust(fake.engine, 2, 2, 5 * RP_S, false), -ENOTSUP);
    assert_true(rp_engine_progress(fake.engine, 0).rate == 10);
    assert_int_equal(rp_engine_progress(fake.engine, 0).total, 50 + 250);
    fake_run_until(&fake, 6 * RP_S + RP_MS);
    assert_true(rp_engine_progress(fake.engine, 0).rate == 50);
    assert_int_equal(rp_engine_progress(fake.engine, 1).vus, 2);
    fake_run_out(&fake);
    assert_int_equal(fake.counts[0].begun, 50 + 250);
    assert_int_equal(fake.counts[1].begun, 5 * 5 + 2 * 5);
    assert_int_equal(fake.counts[2].begun, 3);
    fake_deinit(&fake);
}

/* The warning about VUs names how many the highest rate needs that was asked for. */
static void test_adjusted_beyond_its_vus(void **state)
{
    struct rp_scenario scenario = arrivals("rate", 10, 10 * RP_S, 20);
    struct fake fake = { .next = takes_a_second };

    fake_init(&fake, &scenario, 1);
    fake_run_until(&fake, 2 * RP_S);
    assert_int_equal(rp_engine_adjust(fake.engine, 0, 40, 3 * RP_S, false), 0);
    fake_run_out(&fake);
    rp_engine_sample(fake.engine);
    assert_non_null(strstr(fake.warning, "40/s of 1 s each need 40 VUs"));
    assert_int_equal(rp_engine_counts(fake.engine, 0).scheduled, 30 + 280);
    assert_true(rp_engine_counts(fake.engine, 0).dropped > 100);
    fake_deinit(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_adjusts),
        cmocka_unit_test(test_adjusted_beyond_its_vus),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

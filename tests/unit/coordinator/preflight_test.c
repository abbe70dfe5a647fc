/* SPDX-License-Identifier: MIT */

/* What is said of the machine's limits before a run: by how many VUs a plan may have, all together and in a worker. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "coordinator/preflight.h"

enum { FILES = 1000 };

static struct rp_preflight look(int64_t vus, int64_t workers)
{
    struct rp_scenario scenario = { .executor = RP_CONSTANT_VUS, .vus = vus };
    struct rp_plan plan = { .scenarios = &scenario, .scenario_count = 1, .workers = workers };
    struct rp_preflight limits;

    rp_preflight(&plan, &limits);
    return limits;
}

static void test_files(void **state)
{
    struct rlimit before, few;
    struct rp_preflight limits;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = (struct rlimit){ .rlim_cur = FILES, .rlim_max = before.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    assert_int_equal(look(FILES / 2, 1).count, 0);
    limits = look(FILES, 1);
    assert_int_equal(limits.count, 1);
    assert_non_null(
        strstr(limits.warnings[0], "up to 1000 VUs, but a worker may have 1000 files open"));
    limits = look(2 * FILES - 1, 2);
    assert_int_equal(limits.count, 1);
    assert_non_null(strstr(limits.warnings[0], "up to 1000 VUs in a worker, but"));
    assert_int_equal(look(FILES, 2).count, 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

/* No machine has more ports than that. */
static void test_ports(void **state)
{
    struct rp_preflight limits = look(1000000, 1000);
    const char *last = limits.count ? limits.warnings[limits.count - 1] : "";

    assert_non_null(strstr(last, "up to 1000000 VUs, but there are "));
    assert_non_null(strstr(last, "net.ipv4.ip_local_port_range"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_ports),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "python/bridge/stood.h"

/* The kernel says of this time already that the loop's thread waited. */
static void time_without_a_processor_is_taken_off_once(void **state)
{
    (void)state;
    assert_int_equal(rp_py_stood(3 * RP_S, 3 * RP_S), 0);
    assert_int_equal(rp_py_stood(3 * RP_S, 4 * RP_S), 0);
    assert_int_equal(rp_py_stood(3 * RP_S, RP_S), 2 * RP_S);
}

static void a_process_that_was_stopped_stood_still(void **state)
{
    (void)state;
    assert_int_equal(rp_py_stood(3 * RP_S, 0), 3 * RP_S);
}

static void a_look_that_is_a_little_late_says_nothing(void **state)
{
    (void)state;
    assert_int_equal(rp_py_stood(RP_PY_STOOD_MS * RP_MS, 0), 0);
    assert_int_equal(rp_py_stood(-RP_MS, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_without_a_processor_is_taken_off_once),
        cmocka_unit_test(a_process_that_was_stopped_stood_still),
        cmocka_unit_test(a_look_that_is_a_little_late_says_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

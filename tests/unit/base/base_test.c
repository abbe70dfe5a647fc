/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/list.h"
#include "base/str.h"
#include "base/time.h"

static void buf_keeps_its_maximum_and_its_first_error(void **state)
{
    struct rp_buf buf;

    rp_buf_init(&buf, 10);
    rp_buf_append_str(&buf, "hello");
    rp_buf_appendf(&buf, "%d", 12345);
    assert_int_equal(buf.error, 0);
    assert_string_equal(rp_buf_str(&buf), "hello12345");
    rp_buf_append_str(&buf, "x");
    assert_int_equal(buf.error, -EMSGSIZE);
    rp_buf_append_str(&buf, "");
    assert_int_equal(buf.len, 10);
    rp_buf_reset(&buf);
    rp_buf_append_str(&buf, "again");
    rp_buf_consume(&buf, 2);
    assert_string_equal(rp_buf_str(&buf), "ain");
    rp_buf_deinit(&buf);
}

static void buf_reports_a_failed_allocation_and_stays_usable(void **state)
{
    struct rp_buf buf;

    rp_buf_init(&buf, 1 << 20);
    rp_alloc_fail_at(1);
    rp_buf_append_str(&buf, "text");
    assert_int_equal(buf.error, -ENOMEM);
    rp_alloc_fail_at(0);
    rp_buf_reset(&buf);
    rp_buf_append_str(&buf, "text");
    assert_string_equal(rp_buf_str(&buf), "text");
    char *taken = rp_buf_take(&buf);
    assert_string_equal(taken, "text");
    assert_null(buf.data);
    rp_free(taken);
}

static void numbers_are_parsed_strictly(void **state)
{
    static const char *const bad_ints[] = {
        "", "-", "1x", " 1", "+1", "9223372036854775808", "1.0"
    };
    static const char *const bad_doubles[] = { "",   "0x10", "inf",   "nan", "1.5x",
                                               " 1", "1 ",   "1e999", "--1" };
    int64_t integer = 0;
    double number = 0;

    assert_true(rp_parse_i64(RP_SLICE("-9223372036854775808"), &integer));
    assert_true(integer == INT64_MIN);
    assert_true(rp_parse_i64(RP_SLICE("9223372036854775807"), &integer));
    assert_true(integer == INT64_MAX);
    for (size_t i = 0; i < RP_ARRAY_LEN(bad_ints); i++)
        assert_false(rp_parse_i64(rp_slice_str(bad_ints[i]), &integer));
    assert_true(rp_parse_double(RP_SLICE("-1.5e3"), &number));
    assert_true(number == -1500.0);
    for (size_t i = 0; i < RP_ARRAY_LEN(bad_doubles); i++)
        assert_false(rp_parse_double(rp_slice_str(bad_doubles[i]), &number));
}

static void suggestions_are_near_or_none(void **state)
{
    static const char *const names[] = { "constant-vus", "ramping-vus", "shared-iterations" };

    assert_string_equal(rp_suggest(RP_SLICE("constant-vu"), names, 3), "constant-vus");
    assert_string_equal(rp_suggest(RP_SLICE("constnat_vus"), names, 3), "constant-vus");
    assert_null(rp_suggest(RP_SLICE("zzz"), names, 3));
    assert_int_equal(rp_edit_distance(RP_SLICE("abcd"), RP_SLICE("abdc")), 1);
    assert_int_equal(rp_edit_distance(RP_SLICE(""), RP_SLICE("abc")), 3);
}

static void an_error_carries_place_cause_and_remedy(void **state)
{
    struct rp_error err = { 0 };

    assert_int_equal(rp_error_set(&err, -RP_EUSER, "vus must be at least 1, not %d", 0), -RP_EUSER);
    rp_error_place(&err, "load.py", 12);
    rp_error_suggest(&err, "vus");
    assert_string_equal(err.message, "vus must be at least 1, not 0");
    assert_string_equal(err.file, "load.py");
    assert_string_equal(err.hint, "did you mean 'vus'?");
    rp_error_deinit(&err);
    assert_null(err.message);
    assert_int_equal(rp_error_set(NULL, -5, "ignored"), -5);
}

static void lists_move_whole(void **state)
{
    struct rp_list a, b, n[3] = { 0 };

    rp_list_init(&a);
    rp_list_init(&b);
    for (int i = 0; i < 3; i++)
        rp_list_append(i ? &b : &a, &n[i]);
    rp_list_splice(&a, &b);
    assert_true(rp_list_is_empty(&b));
    for (int i = 0; i < 3; i++)
        assert_ptr_equal(rp_list_pop(&a), &n[i]);
    assert_null(rp_list_pop(&a));
    assert_false(rp_list_is_linked(&n[0]));
    rp_list_remove(&n[0]);
}

static void adding_times_saturates(void **state)
{
    assert_true(rp_ns_add(5, 6) == 11);
    assert_true(rp_ns_add(RP_NS_NEVER, RP_S) == RP_NS_NEVER);
    assert_true(rp_ns_add(RP_NS_NEVER - 1, RP_S) == RP_NS_NEVER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buf_keeps_its_maximum_and_its_first_error),
        cmocka_unit_test(buf_reports_a_failed_allocation_and_stays_usable),
        cmocka_unit_test(numbers_are_parsed_strictly),
        cmocka_unit_test(suggestions_are_near_or_none),
        cmocka_unit_test(an_error_carries_place_cause_and_remedy),
        cmocka_unit_test(lists_move_whole),
        cmocka_unit_test(adding_times_saturates),
    };

    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/base64.h"
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

static void numbers_are_written_shortly_and_read_back(void **state)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = { { 0, "0" },
                  { -0.0, "-0" },
                  { 1, "1" },
                  { 0.1, "0.1" },
                  { -1.5, "-1.5" },
                  { 1e21, "1e+21" },
                  { 5e-324, "4.94065645841247e-324" } };
    static const char *const locales[] = { "C", "de_DE.UTF-8", "ps_AF.UTF-8" };
    uint64_t bits = 88172645463325252u;
    char text[RP_DOUBLE_TEXT];
    double got;

    for (size_t l = 0; l < RP_ARRAY_LEN(locales); l++) {
        if (!setlocale(LC_ALL, locales[l]))
            continue; /* not on this machine */
        for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
            assert_int_equal(rp_format_double(cases[i].value, text), strlen(cases[i].text));
            assert_string_equal(text, cases[i].text);
        }
        for (int i = 0; i < 10000; i++) {
            double value;

            bits ^= bits << 13;
            bits ^= bits >> 7;
            bits ^= bits << 17;
            memcpy(&value, &bits, sizeof(value));
            if (!isfinite(value))
                continue;
            assert_true(rp_format_double(value, text) < sizeof(text));
            assert_true(rp_parse_double(rp_slice_str(text), &got));
            assert_memory_equal(&got, &value, sizeof(got));
        }
        assert_true(rp_format_double(-DBL_MAX, text) < sizeof(text));
        assert_true(rp_parse_double(rp_slice_str(text), &got) && got == -DBL_MAX);
    }
    setlocale(LC_ALL, "C");
}

static void utf8_is_told_from_other_bytes(void **state)
{
    static const struct rp_slice good[] = { RP_SLICE(""), RP_SLICE("a\0b"),
                                            RP_SLICE("\x7f\xc2\x80\xdf\xbf"),
                                            RP_SLICE("\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80"),
                                            RP_SLICE("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf") };
    static const struct rp_slice bad[] = { RP_SLICE("\x80"),
                                           RP_SLICE("\xff"),
                                           RP_SLICE("\xc1\xbf"),
                                           RP_SLICE("\xc2"),
                                           RP_SLICE("\xc2 "),
                                           RP_SLICE("\xe0\x9f\xbf"),
                                           RP_SLICE("\xe2\x82"),
                                           RP_SLICE("\xed\xa0\x80"),
                                           RP_SLICE("\xf0\x8f\xbf\xbf"),
                                           RP_SLICE("\xf4\x90\x80\x80"),
                                           RP_SLICE("\xf8\x88\x80\x80\x80") };

    for (size_t i = 0; i < RP_ARRAY_LEN(good); i++)
        assert_true(rp_utf8_is_valid(good[i]));
    for (size_t i = 0; i < RP_ARRAY_LEN(bad); i++)
        assert_false(rp_utf8_is_valid(bad[i]));
    assert_int_equal(rp_utf8_size(RP_SLICE("")), 0);
    assert_int_equal(rp_utf8_size(RP_SLICE("\xe2\x82\xac.")), 3);
    assert_int_equal(rp_utf8_cut(RP_SLICE("a\xe2\x82\xac."), 5).len, 5);
    assert_int_equal(rp_utf8_cut(RP_SLICE("a\xe2\x82\xac."), 4).len, 4);
    assert_int_equal(rp_utf8_cut(RP_SLICE("a\xe2\x82\xac."), 3).len, 1);
    assert_int_equal(rp_utf8_cut(RP_SLICE("\xe2\x82\xac."), 2).len, 0);
}

static void base64_is_that_of_the_rfc_and_strict(void **state)
{
    static const char *const vectors[][2] = { { "", "" },
                                              { "f", "Zg==" },
                                              { "fo", "Zm8=" },
                                              { "foo", "Zm9v" },
                                              { "foob", "Zm9vYg==" },
                                              { "fooba", "Zm9vYmE=" },
                                              { "foobar", "Zm9vYmFy" },
                                              { "\xff\xef\xbe", "/+++" } };
    static const char *const bad[] = { "Z",    "Zg",   "Zg=",    "Zg==Zg==",   "Zh==",
                                       "Zm9=", "====", "Z===",   "=g==",       "Zg=g",
                                       "Zm 9", "Zm9-", "Zg==\n", "Zm9vZm\xff=" };
    struct rp_buf out;

    rp_buf_init(&out, 100);
    for (size_t i = 0; i < RP_ARRAY_LEN(vectors); i++) {
        rp_buf_reset(&out);
        rp_base64_append(&out, rp_slice_str(vectors[i][0]));
        assert_string_equal(rp_buf_str(&out), vectors[i][1]);
        rp_buf_reset(&out);
        assert_true(rp_base64_decode(&out, rp_slice_str(vectors[i][1])));
        assert_true(rp_slice_eq_str(rp_buf_slice(&out), vectors[i][0]));
    }
    for (size_t i = 0; i < RP_ARRAY_LEN(bad); i++)
        assert_false(rp_base64_decode(&out, rp_slice_str(bad[i])));
    rp_buf_deinit(&out);
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
    assert_int_equal(rp_error_prefix(&err, -RP_EUSER, "--vus"), -RP_EUSER);
    assert_string_equal(err.message, "--vus: vus must be at least 1, not 0");
    assert_string_equal(err.hint, "did you mean 'vus'?");
    rp_error_deinit(&err);
    assert_null(err.message);
    assert_int_equal(rp_error_set(NULL, -5, "ignored"), -5);
    assert_int_equal(rp_error_prefix(NULL, -5, "ignored"), -5);
}

static void several_mistakes_of_one_input_are_kept_in_their_order(void **state)
{
    struct rp_error err = { 0 };

    assert_int_equal(rp_error_kept(&err, 0), 0);
    for (int i = 0; i < 3; i++) {
        rp_error_set(&err, -RP_EUSER, "mistake %d", i);
        rp_error_place(&err, "load.py", i);
        assert_int_equal(rp_error_count_kept(&err), i);
        assert_int_equal(rp_error_keep(&err, -RP_EUSER), 0);
        assert_null(err.message);
    }
    assert_int_equal(rp_error_keep(&err, 0), 0);
    assert_int_equal(rp_error_keep(&err, -EIO), -EIO);
    assert_int_equal(rp_error_kept(&err, 0), -RP_EUSER);
    assert_string_equal(err.message, "mistake 0");
    assert_string_equal(err.next->message, "mistake 1");
    assert_int_equal(err.next->next->line, 2);
    assert_null(err.next->next->next);
    rp_error_deinit(&err);
    assert_null(err.next);
}

static void another_failure_drops_the_mistakes_before_it(void **state)
{
    struct rp_error err = { 0 };

    rp_error_set(&err, -RP_EUSER, "a mistake");
    assert_int_equal(rp_error_keep(&err, -RP_EUSER), 0);
    assert_int_equal(rp_error_kept(&err, -ENOMEM), -ENOMEM);
    assert_null(err.message);
    assert_null(err.next);
    assert_int_equal(rp_error_keep(&err, -RP_EUSER), -ENOMEM); /* one whose text was lost */
    assert_int_equal(rp_error_keep(NULL, -RP_EUSER), -RP_EUSER);
    assert_int_equal(rp_error_kept(NULL, -RP_EUSER), -RP_EUSER);
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
        cmocka_unit_test(numbers_are_written_shortly_and_read_back),
        cmocka_unit_test(utf8_is_told_from_other_bytes),
        cmocka_unit_test(base64_is_that_of_the_rfc_and_strict),
        cmocka_unit_test(suggestions_are_near_or_none),
        cmocka_unit_test(an_error_carries_place_cause_and_remedy),
        cmocka_unit_test(several_mistakes_of_one_input_are_kept_in_their_order),
        cmocka_unit_test(another_failure_drops_the_mistakes_before_it),
        cmocka_unit_test(lists_move_whole),
        cmocka_unit_test(adding_times_saturates),
    };

    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}

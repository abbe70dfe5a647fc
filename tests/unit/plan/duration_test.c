/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/compiler.h"
#include "plan/duration.h"
#include "testing.h"

static void durations_are_read_exactly(void **state)
{
    static const struct {
        const char *text;
        rp_ns ns;
    } table[] = {
        { "0", 0 },
        { "0s", 0 },
        { "30s", 30 * RP_S },
        { "1m30s", 90 * RP_S },
        { "1.5h", 5400 * RP_S },
        { "250ms", 250 * RP_MS },
        { "1d2h3m4s5ms6us7ns", 93784005006007 },
        { ".5s", 500 * RP_MS },
        { "0.1s", 100 * RP_MS },
        { "0.3s", 300 * RP_MS }, /* 0.3 * 1e9 in doubles is 299999999.99999994 */
        { "1.000000001s", 1000000001 },
        { "0.9999999999s", 999999999 }, /* cut, not rounded */
        { "0.9ns", 0 },
        { "0.33333333333333333333333333333333333333h", 1199999999999 },
        { "0.0000000000000115740740740740740740740740741d", 1 },
        { "0.0000000000000115740740740740740740740740740d", 0 },
        { "9223372036854775807ns", INT64_MAX },
        { "106751d", 86400 * RP_S * 106751 },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(table); i++) {
        rp_ns ns = -1;

        assert_int_equal(rp_duration_parse(rp_slice_str(table[i].text), &ns, NULL), 0);
        if (ns != table[i].ns)
            fail_msg("%s: %" PRId64 " ns, not %" PRId64, table[i].text, ns, table[i].ns);
    }
}

static void wrong_durations_say_why(void **state)
{
    static const char *const table[][2] = {
        { "", "it is empty" },
        { "30", "it has no unit" },
        { "1m30", "it has no unit" },
        { "-1s", "it is negative" },
        { "30 s", "it has an unknown unit" },
        { " 30s", "a number is missing" },
        { "30s ", "a number is missing" },
        { "s", "a number is missing" },
        { "30sec", "it has an unknown unit" },
        { "30S", "it has an unknown unit" },
        { "1.s", "digits are missing after the point" },
        { "1..5s", "digits are missing after the point" },
        { "1e3s", "it has an unknown unit" },
        { "30s1m", "units must go from large to small, each once" },
        { "1s1s", "units must go from large to small, each once" },
        { "9223372036854775808ns", "it is too long" },
        { "106752d", "it is too long" },
        { "106751d23h47m16s854ms775us808ns", "it is too long" },
        { "99999999999999999999s", "it is too long" },
        { "00", "it has no unit" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(table); i++) {
        struct rp_error err = { 0 };
        char message[160];
        rp_ns ns = 7;

        assert_int_equal(rp_duration_parse(rp_slice_str(table[i][0]), &ns, &err), -RP_EUSER);
        snprintf(message, sizeof(message), "'%s' is not a duration: %s", table[i][0], table[i][1]);
        assert_string_equal(err.message, message);
        assert_non_null(err.hint);
        assert_int_equal(ns, 7);
        rp_error_deinit(&err);
    }
}

static void the_text_need_not_end_in_nul(void **state)
{
    rp_ns ns = 0;

    assert_int_equal(rp_duration_parse(rp_slice("10s5", 3), &ns, NULL), 0);
    assert_true(ns == 10 * RP_S);
}

static void durations_are_written_well(void **state)
{
    static const struct {
        rp_ns ns;
        const char *text;
    } table[] = {
        { 0, "0s" },
        { -5, "0s" },
        { 30 * RP_S, "30s" },
        { 90 * RP_S, "1m30s" },
        { 60 * RP_S, "1m" },
        { 3600 * RP_S, "1h" },
        { 86400 * RP_S, "1d" },
        { 1500 * RP_MS, "1.5s" },
        { 250 * RP_MS, "250ms" },
        { 1500 * RP_US, "1.5ms" },
        { 1500, "1.5us" },
        { 7, "7ns" },
        { 3600 * RP_S + 1, "1h1ns" },
        { 60 * RP_S + 1, "1m1ns" },
        { RP_S + 1, "1.000000001s" },
        { INT64_MAX, "106751d23h47m16.854775807s" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(table); i++) {
        char text[64];

        rp_duration_format(table[i].ns, text, sizeof(text));
        assert_string_equal(text, table[i].text);
    }
}

static void what_is_written_is_read_back(void **state)
{
    uint64_t seed = 1;

    for (int i = 0; i < 200000; i++) {
        rp_ns ns = (rp_ns)(next_random(&seed) >> (1 + next_random(&seed) % 63)), back = -1;
        char text[64];

        if (i % 3 == 0)
            ns -= ns % 1000;
        rp_duration_format(ns, text, sizeof(text));
        assert_int_equal(rp_duration_parse(rp_slice_str(text), &back, NULL), 0);
        if (back != ns)
            fail_msg("%" PRId64 " ns became %s and then %" PRId64 " ns", ns, text, back);
    }
}

/* Against whole fractions in 128 bits, which the parser does not use. */
static void decimals_equal_exact_arithmetic(void **state)
{
    static const struct {
        const char *name;
        int64_t ns;
    } units[] = {
        { "d", 86400000000000 }, { "h", 3600000000000 }, { "m", 60000000000 }, { "s", 1000000000 },
        { "ms", 1000000 },       { "us", 1000 },         { "ns", 1 }
    };
    uint64_t seed = 2;

    for (int i = 0; i < 200000; i++) {
        size_t unit = next_random(&seed) % RP_ARRAY_LEN(units);
        int digits = 1 + (int)(next_random(&seed) % 18);
        int64_t whole = (int64_t)(next_random(&seed) % 100000), scale = 1, fraction;
        rp_ns ns = -1;
        __int128 expected;
        char text[64];

        for (int k = 0; k < digits; k++)
            scale *= 10;
        fraction = (int64_t)(next_random(&seed) % (uint64_t)scale);
        expected = ((__int128)whole * scale + fraction) * units[unit].ns / scale;
        snprintf(text, sizeof(text), "%" PRId64 ".%0*" PRId64 "%s", whole, digits, fraction,
                 units[unit].name);
        assert_int_equal(rp_duration_parse(rp_slice_str(text), &ns, NULL), 0);
        if (ns != expected)
            fail_msg("%s: %" PRId64 " ns, not %" PRId64, text, ns, (int64_t)expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_are_read_exactly),
        cmocka_unit_test(wrong_durations_say_why),
        cmocka_unit_test(the_text_need_not_end_in_nul),
        cmocka_unit_test(durations_are_written_well),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(decimals_equal_exact_arithmetic),
    };

    return cmocka_run_group_tests_name("plan/duration", tests, NULL, NULL);
}

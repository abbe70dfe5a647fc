/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/units.h"

#define FFFD "\xef\xbf\xbd"
#define DOTS RP_TEXT_ELLIPSIS

static void check_short(const char *text, size_t max, const char *expected, size_t cols)
{
    struct rp_buf out;

    rp_buf_init(&out, 4096);
    assert_int_equal(rp_text_append(&out, rp_slice_str(text), max), cols);
    assert_string_equal(rp_buf_str(&out), expected);
    assert_int_equal(rp_text_cols(rp_buf_slice(&out)), cols);
    rp_buf_deinit(&out);
}

static void test_shorten(void **state)
{
    static const struct {
        const char *text;
        size_t max;
        const char *expected;
        size_t cols;
    } cases[] = {
        { "", 5, "", 0 },
        { "abc", 5, "abc", 3 },
        { "abcdef", 6, "abcdef", 6 },
        { "abcdef", 5, "ab" DOTS "ef", 5 },
        { "abcdef", 4, "ab" DOTS "f", 4 },
        { "abcdef", 2, "a" DOTS, 2 },
        { "abcdef", 1, DOTS, 1 },
        { "a\x1b[31mb", 9, "a" FFFD "[31mb", 7 },
        { "a\nb\tc\rd", 9, "a b c d", 7 },
        { "\xc3\xa9t\xc3\xa9", 3, "\xc3\xa9t\xc3\xa9", 3 },
        { "\xff\xc3", 9, FFFD FFFD, 2 },
        { "\xc0\x80\xed\xa0\x80", 9, FFFD FFFD FFFD FFFD FFFD, 5 }, /* overlong, surrogate */
        { "\xe6\x97\xa5\xe6\x9c\xac", 4, "\xe6\x97\xa5\xe6\x9c\xac", 4 },
        { "\xe6\x97\xa5\xe6\x9c\xac", 3, DOTS, 1 }, /* half a wide character is never drawn */
        { "e\xcc\x81x", 2, "e\xcc\x81x", 2 },
        { "abcde\xcc\x81"
          "f",
          3, "a" DOTS "f", 3 }, /* the mark of a character left out is left out */
        { "abe\xcc\x81", 2, "a" DOTS, 2 },
        { "\xe2\x80\xae"
          "abc",
          9, FFFD "abc", 4 },
        { "\x7f\xc2\x9b", 9, FFFD FFFD, 2 },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++)
        check_short(cases[i].text, cases[i].max, cases[i].expected, cases[i].cols);
}

/* Random bytes at every width: what comes out is UTF-8, without control characters, and fits. */
static void test_shorten_is_safe(void **state)
{
    static const unsigned char alphabet[] = { 'a',  'b',  ' ',  0x1b, 0x00, 0x9b, 0xc3,
                                              0xa9, 0xe6, 0x97, 0xa5, 0xcc, 0x81, 0xf0,
                                              0x9f, 0x98, 0x80, 0xff, 0xe2, 0x80, 0xae };
    uint32_t seed = 12345;
    struct rp_buf out;

    rp_buf_init(&out, 4096);
    for (int round = 0; round < 20000; round++) {
        char text[24];
        size_t len = (seed >> 8) % sizeof(text), max = 1 + (seed >> 16) % 20, cols;

        for (size_t i = 0; i < len; i++) {
            seed = seed * 1664525 + 1013904223;
            text[i] = (char)alphabet[(seed >> 10) % sizeof(alphabet)];
        }
        seed = seed * 1664525 + 1013904223;
        rp_buf_reset(&out);
        cols = rp_text_append(&out, rp_slice(text, len), max);
        assert_true(cols <= max);
        assert_int_equal(rp_text_cols(rp_buf_slice(&out)), cols);
        for (struct rp_slice rest = rp_buf_slice(&out); rest.len;) {
            struct rp_rune rune = rp_rune_decode(rest);

            assert_true(rune.is_valid);
            assert_true(rune.code >= 0x20 && rune.code != 0x7f && rune.code != 0x202e);
            assert_true(rune.code < 0x80 || rune.code > 0x9f);
            rest = rp_slice(rest.ptr + rune.len, rest.len - rune.len);
        }
    }
    rp_buf_deinit(&out);
}

static void test_wrap(void **state)
{
    static const struct {
        const char *text;
        size_t width, indent, used;
        const char *expected;
    } cases[] = {
        { "one two three", 20, 2, 0, "one two three" },
        { "one two three", 7, 2, 0, "one two\n  three" },
        { "one two three", 7, 2, 4, "one\n  two\n  three" },
        { "  a   b ", 20, 2, 0, "a b" },
        { "averyverylongword b", 5, 1, 0, "averyverylongword\n b" },
        { "a\nb", 9, 0, 0, "a b" },
        { "one ::error::two three", 7, 2, 0, "one ::error::two\n  three" },
        { "", 9, 0, 0, "" },
    };
    struct rp_buf out;

    rp_buf_init(&out, 4096);
    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        rp_buf_reset(&out);
        rp_text_wrap(&out, rp_slice_str(cases[i].text), cases[i].width, cases[i].indent,
                     cases[i].used);
        assert_string_equal(rp_buf_str(&out), cases[i].expected);
    }
    rp_buf_deinit(&out);
}

static void check_units(void)
{
    static const struct {
        double ms;
        int digits;
        const char *expected;
    } times[] = {
        { 0, 3, "0s" },          { 0.0004, 3, "0.40us" }, { 0.0123, 3, "12.3us" },
        { 0.9994, 3, "999us" },  { 0.9996, 3, "1.00ms" }, { 0.9996, 4, "999.6us" },
        { 1.234, 3, "1.23ms" },  { 9.996, 3, "10.0ms" },  { 123.456, 4, "123.5ms" },
        { 999.7, 3, "1.00s" },   { 1234, 3, "1.23s" },    { 59940, 3, "59.9s" },
        { 59996, 3, "1m00s" },   { 59996, 4, "1m00s" },   { 61499, 3, "1m01s" },
        { 3599600, 3, "1h00m" }, { 7500000, 3, "2h05m" }, { -1.5, 3, "-1.50ms" },
        { NAN, 3, "-" },         { INFINITY, 3, "-" },
    };
    static const struct {
        double value;
        const char *number, *count, *bytes, *per_second;
    } numbers[] = {
        { 0, "0", "0", "0 B", "0.000/s" },
        { 4, "4", "4", "4 B", "4.000/s" },
        { 0.01234, "0.0123", "0.01234", "0 B", "0.012/s" },
        { 12.345, "12.3", "12.345", "12 B", "12.35/s" },
        { 1234, "1234", "1234", "1.23 kB", "1234/s" },
        { 12345.6, "12346", "12345.6", "12.3 kB", "12346/s" },
        { 999999, "1.00M", "999999", "1.00 MB", "999999/s" },
        { 123456, "123k", "123456", "123 kB", "123456/s" },
        { 3.2e9, "3.20G", "3200000000", "3.20 GB", "3200000000/s" },
        { -12.5, "-12.5", "-12.5", "-13 B", "-12.50/s" },
        { 1.5e-5, "1.5e-5", "1.5e-5", "0 B", "1.5e-5/s" },
        { 5e-324, "4.9e-324", "4.9e-324", "0 B", "4.9e-324/s" },
        { -5e-324, "-4.9e-324", "-4.9e-324", "0 B", "-4.9e-324/s" },
        { 1.797e308, "1.8e308", "1.8e308", "2e+290 EB", "1.8e308/s" },
        { 9.96e20, "1.0e21", "1.0e21", "996 EB", "1.0e21/s" },
        { 1999.9999999, "2000", "2000", "2.00 kB", "2000/s" },
        { 2000.000001, "2000", "2000.000001", "2.00 kB", "2000/s" },
        { NAN, "-", "-", "-", "-" },
    };
    static const struct {
        uint64_t hits, total;
        const char *expected;
    } percents[] = {
        { 0, 0, "-" },
        { 0, 3, "0.00%" },
        { 1, 3, "33.33%" },
        { 3, 3, "100.00%" },
        { 1, 1000000, "0.01%" },
        { 999999, 1000000, "99.99%" },
        { 9999, 10000, "99.99%" },
    };
    char out[RP_UNIT_SIZE];

    for (size_t i = 0; i < RP_ARRAY_LEN(times); i++)
        assert_string_equal(rp_unit_time(times[i].ms, times[i].digits, out), times[i].expected);
    for (size_t i = 0; i < RP_ARRAY_LEN(numbers); i++) {
        assert_string_equal(rp_unit_number(numbers[i].value, 3, out), numbers[i].number);
        assert_string_equal(rp_unit_count(numbers[i].value, out), numbers[i].count);
        assert_string_equal(rp_unit_bytes(numbers[i].value, out), numbers[i].bytes);
        assert_string_equal(rp_unit_per_second(numbers[i].value, out), numbers[i].per_second);
    }
    for (size_t i = 0; i < RP_ARRAY_LEN(percents); i++)
        assert_string_equal(rp_unit_percent(percents[i].hits, percents[i].total, out),
                            percents[i].expected);
    assert_string_equal(rp_unit_fixed(0.125, 2, out), "0.13");
    assert_string_equal(rp_unit_fixed(-0.001, 2, out), "0.00");
    assert_string_equal(rp_unit_fixed(123456789.125, 12, out), "123456789.1250000");
}

static void test_units(void **state)
{
    check_units();
}

/* The same texts under a locale with a decimal comma, where there is one. */
static void test_units_locale(void **state)
{
    char probe[8];

    if (!setlocale(LC_ALL, "de_DE.UTF-8") && !setlocale(LC_ALL, "fr_FR.UTF-8"))
        skip();
    snprintf(probe, sizeof(probe), "%.1f", 0.5);
    assert_string_equal(probe, "0,5");
    check_units();
    setlocale(LC_ALL, "C");
}

/* Any value takes few columns: the summary's columns depend on it. */
static void test_units_are_short(void **state)
{
    char out[RP_UNIT_SIZE];

    for (double value = 1e-9; value < 1e9; value *= 1.0173) {
        assert_true(strlen(rp_unit_time(value, 3, out)) <= 7);
        assert_true(strlen(rp_unit_number(value, 3, out)) <= 6);
        assert_true(strlen(rp_unit_bytes(value, out)) <= 7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shorten),      cmocka_unit_test(test_shorten_is_safe),
        cmocka_unit_test(test_wrap),         cmocka_unit_test(test_units),
        cmocka_unit_test(test_units_locale), cmocka_unit_test(test_units_are_short),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

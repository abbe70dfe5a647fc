/* SPDX-License-Identifier: MIT */

/* UTF-8 that comes in pieces, by the table of RFC 3629. */

#include "proto/utf8.h"

#include <stdint.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* 2 = @bytes are one character, 1 = they are the beginning of one, 0 = neither. */
static int is_utf8(uint32_t bytes, int len)
{
    unsigned b[4] = { bytes & 0xff, bytes >> 8 & 0xff, bytes >> 16 & 0xff, bytes >> 24 };
    int need = b[0] < 0x80                    ? 1
               : b[0] >= 0xc2 && b[0] <= 0xdf ? 2
               : b[0] >= 0xe0 && b[0] <= 0xef ? 3
               : b[0] >= 0xf0 && b[0] <= 0xf4 ? 4
                                              : 0;

    if (!need || len > need)
        return 0;
    for (int i = 1; i < len; i++)
        if ((b[i] & 0xc0) != 0x80)
            return 0;
    if (len > 1 && ((b[0] == 0xe0 && b[1] < 0xa0) || (b[0] == 0xed && b[1] > 0x9f) ||
                    (b[0] == 0xf0 && b[1] < 0x90) || (b[0] == 0xf4 && b[1] > 0x8f)))
        return 0;
    return len == need ? 2 : 1;
}

static void test_all_pairs_and_many_triples(void **state)
{
    for (uint32_t bytes = 0; bytes < 0x1000000; bytes += bytes < 0x10000 ? 1 : 0x0107) {
        char text[3] = { (char)bytes, (char)(bytes >> 8), (char)(bytes >> 16) };
        int len = bytes < 0x10000 ? 2 : 3, expected = is_utf8(bytes, len);
        struct rp_utf8 utf8 = { 0 };
        bool is_good = rp_utf8_take(&utf8, rp_slice(text, (size_t)len));

        if (is_utf8(bytes, 1) == 2) /* a character of one byte, and others behind it */
            continue;
        if (len == 3 && is_utf8(bytes, 2) == 2)
            continue;
        assert_int_equal(is_good, expected > 0);
        if (expected)
            assert_int_equal(rp_utf8_is_whole(&utf8), expected == 2);
    }
}

static void test_a_wrong_byte_at_each_place(void **state)
{
    for (size_t at = 0; at < 280; at++)
        for (size_t split = 0; split <= 280; split += 7) {
            char text[280];
            struct rp_utf8 utf8 = { 0 };

            memset(text, 'a', sizeof(text));
            text[at] = '\xff';
            assert_int_equal(rp_utf8_take(&utf8, rp_slice(text, split)), split <= at);
            if (split <= at) {
                assert_false(utf8.is_not_ascii);
                assert_false(rp_utf8_take(&utf8, rp_slice(text + split, sizeof(text) - split)));
            }
        }
}

/* Each first byte of a character with bytes that may follow one and bytes that may not. */
static void test_pieces_make_no_difference(void **state)
{
    static const char edges[] = "a\x7f\x80\x8f\x90\x9f\xa0\xbf\xc0\xff";

    for (unsigned first = 0xc0; first < 0x100; first++)
        for (unsigned k = 0; k < 1000; k++) {
            char text[] = {
                (char)first, edges[k % 10], edges[k / 10 % 10], edges[k / 100], 'a', '\xc3', '\xa4',
                'b'
            };
            struct rp_utf8 whole = { 0 }, parts = { 0 };
            bool is_good = true;

            for (size_t i = 0; i < sizeof(text) && is_good; i++)
                is_good = rp_utf8_take(&parts, rp_slice(text + i, 1));
            assert_int_equal(rp_utf8_take(&whole, rp_slice(text, sizeof(text))), is_good);
            assert_int_equal(rp_utf8_is_whole(&whole), rp_utf8_is_whole(&parts));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_pairs_and_many_triples),
        cmocka_unit_test(test_pieces_make_no_difference),
        cmocka_unit_test(test_a_wrong_byte_at_each_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

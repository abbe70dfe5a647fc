/* SPDX-License-Identifier: MIT */

/* Messages as JSON: what is read, what is refused, and what happens without memory. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <errno.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "wire/message_json.h"
#include "wire/wire_internal.h"
#include "vectors.h"

/* {"type":"load","x":VALUE} */
static struct rp_buf around(const char *value)
{
    struct rp_buf json;

    rp_buf_init(&json, RP_MESSAGE_MAX_BYTES);
    rp_buf_appendf(&json, "{\"type\":\"load\",\"x\":%s}", value);
    return json;
}

static int decode(struct rp_slice json)
{
    struct rp_message *message;
    char *block = malloc(json.len); /* of its own size: a sanitizer sees a read past its end */
    int r;

    memcpy(block, json.ptr, json.len);
    r = rp_message_decode(rp_slice(block, json.len), &message);
    if (r == 0)
        rp_message_free(message);
    free(block);
    return r;
}

static void test_what_is_read(void **state)
{
    /* and how it is written */
    static const char *const cases[][2] = {
        { " \t\r\n1 ", "1" },
        { "-0", "0" },
        { "-0.0", "-0.0" },
        { "1e2", "100.0" },
        { "1E+2", "100.0" },
        { "1.50", "1.5" },
        { "1e-400", "0.0" },
        { "18446744073709551615", "18446744073709551615" },
        { "-9223372036854775808", "-9223372036854775808" },
        { "[ ]", "[]" },
        { "{ }", "{}" },
        { "[ 1 , [ 2 ] , { \"a\" : null } ]", "[1,[2],{\"a\":null}]" },
        { "[true,false]", "[true,false]" },
        { "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\"",
          "\"\\\"\\\\/\\u0008\\u000c\\u000a\\u000d\\u0009A\"" },
        { "\"\\u00e4\\u20AC\\ud83D\\uDe00\"", "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"" },
        { "\"\\u0000\"", "\"\\u0000\"" },
        { "\"$bytes\"", "\"$bytes\"" },
        { "{ \"$bytes\" : \"AAE=\" }", "{\"$bytes\":\"AAE=\"}" },
        { "{\"$bytes\":\"A\\u0041E=\"}", "{\"$bytes\":\"AAE=\"}" },
        { "{\"$text\":\"/w==\"}", "{\"$text\":\"/w==\"}" },
        { "{\"$text\":\"QQ==\"}", "\"A\"" },
        { "{\"$float\":\"7FF0000000000000\"}", "{\"$float\":\"7ff0000000000000\"}" },
        { "{\"$float\":\"3ff0000000000000\"}", "1.0" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct rp_buf json = around(cases[i][0]), expected = around(cases[i][1]), packed, got;

        rp_buf_init(&packed, 4096);
        rp_buf_init(&got, 4096);
        rp_buf_append_str(&json, " \n");
        if (rp_message_from_json(rp_buf_slice(&json), &packed) < 0)
            fail_msg("%s is refused", cases[i][0]);
        assert_int_equal(rp_message_to_json(rp_buf_slice(&packed), &got), 0);
        assert_string_equal(rp_buf_str(&got), rp_buf_str(&expected));
        assert_int_equal(decode(rp_buf_slice(&json)), 0);
        rp_buf_deinit(&json);
        rp_buf_deinit(&expected);
        rp_buf_deinit(&packed);
        rp_buf_deinit(&got);
    }
}

static const char *const bad_values[] = {
    "",
    ",",
    "nul",
    "nulll",
    "True",
    "nan",
    "NaN",
    "Infinity",
    "'x'",
    "/**/1",
    /* numbers */
    "01",
    "-",
    "+1",
    "1.",
    ".5",
    "1e",
    "1e+",
    "0x10",
    "- 1",
    "1e999",
    "-1e999",
    "18446744073709551616",
    "-9223372036854775809",
    "99999999999999999999999",
    "--1",
    "1 2",
    "1.5.5",
    "0.00000000000000000000000000000000000000000000000000000000000000001",
    /* texts */
    "\"",
    "\"\\\"",
    "\"\\x\"",
    "\"\\u12\"",
    "\"\\u12g4\"",
    "\"\t\"",
    "\"\n\"",
    "\"\\ud800\"",
    "\"\\udc00\"",
    "\"\\ud800x\"",
    "\"\\ud800\\n\"",
    "\"\\ud800\\ud800\"",
    "\"\xff\"",
    "\"\xc3\"",
    "\"\xed\xa0\x80\"",
    /* lists and maps */
    "[",
    "]",
    "[1",
    "[1,",
    "[1,]",
    "[,1]",
    "[1 2]",
    "{",
    "{\"a\"",
    "{\"a\":",
    "{\"a\":1",
    "{\"a\":1,}",
    "{1:1}",
    "{\"a\" 1}",
    "{a:1}",
    "{\"a\":1,\"a\":1}",
    "{\"a\":1,\"\\u0061\":2}",
    "[1}",
    "{\"a\":1]",
    /* what only JSON has */
    "{\"$bytes\":1}",
    "{\"$bytes\":\"A\"}",
    "{\"$bytes\":\"AAE\"}",
    "{\"$bytes\":\"AAF=\"}",
    "{\"$bytes\":null}",
    "{\"$bytes\":\"AAE=\",\"a\":1}",
    "{\"a\":1,\"$bytes\":\"AAE=\"}",
    "{\"$text\":\"-\"}",
    "{\"$other\":\"\"}",
    "{\"$\":\"\"}",
    "{\"\\u0024bytes\":\"AAE=\"}",
    "{\"$float\":\"inf\"}",
    "{\"$float\":\"7ff00000000000000\"}",
    "{\"$float\":\"7ff000000000000g\"}",
    "{\"$bytes\":\"AAE=\"",
    "{\"$bytes\"",
};

static const struct rp_slice bad_messages[] = {
    RP_SLICE("{}"),
    RP_SLICE("{\"type\":1}"),
    RP_SLICE("{\"type\":\"none\"}"),
    RP_SLICE("{\"type\":\"load\"}x"),
    RP_SLICE("{\"type\":\"load\"}{}"),
    RP_SLICE("{\"type\":\"load\"}\0"),
    RP_SLICE("{\"type\":\"load\",\"x\":\0001}"),
    RP_SLICE("{\"type\":\"load\",\"type\":\"plan\"}"),
    RP_SLICE("{\"type\":\"load\",\"$x\":1}"),
    RP_SLICE("{\"$bytes\":\"\"}"),
    RP_SLICE(" {\"type\":\"load\"}"), /* the first byte says what it is */
    RP_SLICE("[\"type\",\"load\"]"),
    RP_SLICE("\xef\xbb\xbf{\"type\":\"load\"}"),
};

static void test_what_is_refused(void **state)
{
    assert_int_equal(decode(RP_SLICE("{\"type\":\"load\"}")), 0);
    for (size_t i = 0; i < RP_ARRAY_LEN(bad_values); i++) {
        struct rp_buf json = around(bad_values[i]);

        if (decode(rp_buf_slice(&json)) != -EBADMSG)
            fail_msg("%s is not refused", bad_values[i]);
        rp_buf_deinit(&json);
    }
    for (size_t i = 0; i < RP_ARRAY_LEN(bad_messages); i++)
        if (decode(bad_messages[i]) != -EBADMSG)
            fail_msg("%s is not refused", bad_messages[i].ptr);
}

/* The same as MessagePack's, which nonsense_test tries. */
static void test_the_depth_is_bounded(void **state)
{
    static const char *const inner[] = { "1", "[]", "{}", "{\"$bytes\":\"\"}" };

    for (int depth = 1; depth < 64; depth++)
        for (size_t i = 0; i < RP_ARRAY_LEN(inner); i++) {
            struct rp_buf json, packed;

            rp_buf_init(&json, 4096);
            rp_buf_init(&packed, 4096);
            for (int j = 0; j < depth; j++)
                rp_buf_append_str(&json, j == 0  ? "{\"type\":\"load\",\"x\":"
                                         : j % 2 ? "["
                                                 : "{\"x\":");
            rp_buf_append_str(&json, inner[i]);
            for (int j = depth - 1; j >= 0; j--)
                rp_buf_append_str(&json, j % 2 ? "]" : "}");
            assert_int_equal(decode(rp_buf_slice(&json)),
                             depth <= RP_MESSAGE_DEPTH_MAX ? 0 : -EBADMSG);
            assert_int_equal(rp_message_from_json(rp_buf_slice(&json), &packed),
                             depth <= RP_MESSAGE_DEPTH_MAX ? 0 : -EBADMSG);
            rp_buf_deinit(&json);
            rp_buf_deinit(&packed);
        }
    /* No stack is deep enough for all that may be asked for. */
    struct rp_buf deep;

    rp_buf_init(&deep, RP_MESSAGE_MAX_BYTES);
    for (int i = 0; i < 1000000; i++)
        rp_buf_append_str(&deep, "{\"x\":");
    assert_int_equal(decode(rp_buf_slice(&deep)), -EBADMSG);
    rp_buf_deinit(&deep);
}

static void test_a_map_has_so_many_fields(void **state)
{
    for (int fields = RP_MESSAGE_FIELDS_MAX - 1; fields <= RP_MESSAGE_FIELDS_MAX + 1; fields++) {
        int expected = fields <= RP_MESSAGE_FIELDS_MAX ? 0 : -EBADMSG;
        struct rp_buf packed, json;
        char key[16];

        rp_buf_init(&packed, 1 << 16);
        rp_buf_init(&json, 1 << 16);
        rp_write_message(&packed, RP_MSG_LOAD, 1);
        rp_write_key(&packed, "x");
        rp_write_map(&packed, (uint32_t)fields);
        for (int i = 0; i < fields; i++) {
            snprintf(key, sizeof(key), "%d", i);
            rp_write_key(&packed, key);
            rp_write_i64(&packed, i);
        }
        assert_int_equal(decode(rp_buf_slice(&packed)), expected);
        assert_int_equal(rp_message_to_json(rp_buf_slice(&packed), &json), 0);
        assert_int_equal(decode(rp_buf_slice(&json)), expected);
        rp_buf_deinit(&packed);
        rp_buf_deinit(&json);
    }
}

/* ---- without memory, without room ---- */

static void test_every_allocation_may_fail(void **state)
{
    struct rp_message *message;
    struct rp_buf packed, json;
    uint64_t n;
    int r = -ENOMEM;

    rp_buf_init(&packed, 1 << 16);
    rp_buf_init(&json, 1 << 16);
    vector_write_any(VECTOR_KINDS, &packed);
    for (n = 1; r == -ENOMEM; n++) {
        rp_buf_deinit(&json);
        rp_buf_init(&json, 1 << 16);
        rp_alloc_fail_at(n);
        r = rp_message_to_json(rp_buf_slice(&packed), &json);
        rp_alloc_fail_at(0);
        assert_true(r == 0 || r == -ENOMEM);
    }
    assert_true(n > 2);
    for (n = 1, r = -ENOMEM; r == -ENOMEM; n++) {
        rp_alloc_fail_at(n);
        r = rp_message_decode(rp_buf_slice(&json), &message);
        rp_alloc_fail_at(0);
        assert_true(r == 0 || r == -ENOMEM);
    }
    assert_true(n > 5); /* the message, its bytes, a text without escapes, what base64 holds */
    rp_message_free(message);
    rp_buf_deinit(&packed);
    rp_buf_deinit(&json);
}

static void test_the_buffer_has_a_maximum(void **state)
{
    struct rp_buf packed, json;

    rp_buf_init(&packed, 1 << 16);
    vector_write_any(VECTOR_KINDS, &packed);
    for (size_t max = 0; max < packed.len; max += 7) {
        rp_buf_init(&json, max);
        assert_int_equal(rp_message_to_json(rp_buf_slice(&packed), &json), -EMSGSIZE);
        rp_buf_deinit(&json);
    }
    rp_buf_init(&json, 1 << 16);
    assert_int_equal(rp_message_to_json(rp_buf_slice(&packed), &json), 0);
    for (size_t max = 0; max < packed.len; max += 7) {
        struct rp_buf again;

        rp_buf_init(&again, max);
        assert_int_equal(rp_message_from_json(rp_buf_slice(&json), &again), -EMSGSIZE);
        rp_buf_deinit(&again);
    }
    rp_buf_deinit(&packed);
    rp_buf_deinit(&json);
}

/* The most that MessagePack makes of JSON. */
static void test_what_grows_is_read(void **state)
{
    static const char *const items[] = { "1e1", "[]", "{}", "\"\"", "{\"a\":1e1}", "0" };

    for (size_t i = 0; i < RP_ARRAY_LEN(items); i++) {
        struct rp_buf json;

        rp_buf_init(&json, RP_MESSAGE_MAX_BYTES);
        rp_buf_append_str(&json, "{\"type\":\"load\",\"x\":[");
        for (int j = 0; j < 200000; j++)
            rp_buf_appendf(&json, "%s%s", j ? "," : "", items[i]);
        rp_buf_append_str(&json, "]}");
        assert_int_equal(decode(rp_buf_slice(&json)), 0);
        rp_buf_deinit(&json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_read),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_the_depth_is_bounded),
        cmocka_unit_test(test_a_map_has_so_many_fields),
        cmocka_unit_test(test_every_allocation_may_fail),
        cmocka_unit_test(test_the_buffer_has_a_maximum),
        cmocka_unit_test(test_what_grows_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

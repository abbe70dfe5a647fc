/* SPDX-License-Identifier: MIT */

/* From MessagePack to JSON and back: nothing is lost, and what JSON cannot hold is refused. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <errno.h>

#include <cmocka.h>

#include "wire/message_json.h"
#include "wire/wire_internal.h"

static uint64_t dice = 88172645463325252u;

static uint64_t roll(uint64_t sides)
{
    dice ^= dice << 13;
    dice ^= dice >> 7;
    dice ^= dice << 17;
    return sides ? dice % sides : dice;
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

/* MessagePack that JSON cannot hold is refused when it is written; what no map may be also when it is read. */
static void test_what_json_cannot_hold(void **state)
{
    static const struct {
        struct rp_slice value;
        int decodes;
    } cases[] = {
        { RP_SLICE("\xd4t\x01"), 0 },               /* an extension */
        { RP_SLICE("\x81\x01\x02"), -EBADMSG },     /* a key that is no text */
        { RP_SLICE("\x81\xa1\xff\x02"), -EBADMSG }, /* nor UTF-8 */
        { RP_SLICE("\x81\xa2$x\x02"), -EBADMSG },
        { RP_SLICE("\x91\x81\xa2$x\x02"), -EBADMSG },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct rp_buf packed, json;

        rp_buf_init(&packed, 4096);
        rp_buf_init(&json, 4096);
        rp_write_message(&packed, RP_MSG_LOAD, 1);
        rp_write_key(&packed, "x");
        rp_buf_append_slice(&packed, cases[i].value);
        assert_int_equal(rp_message_to_json(rp_buf_slice(&packed), &json), -EBADMSG);
        assert_int_equal(decode(rp_buf_slice(&packed)), cases[i].decodes);
        rp_buf_deinit(&packed);
        rp_buf_deinit(&json);
    }
    assert_int_equal(decode(RP_SLICE("\x82\xa4type\xa4load\xa4type\xa4load")), -EBADMSG);
}

static void write_any(struct rp_buf *out, int depth);

static void write_some_text(struct rp_buf *out)
{
    static const char *const parts[] = { "a",    "\"", "\\", "\n", "\xc3\xa4", "\xf0\x9f\x98\x80",
                                         "\xff", "$" };
    struct rp_buf text;

    rp_buf_init(&text, 4096);
    for (uint64_t i = roll(60); i > 0; i--)
        rp_buf_append_str(&text, parts[roll(roll(2) ? 6 : RP_ARRAY_LEN(parts))]);
    if (roll(2))
        rp_write_slice(out, rp_buf_slice(&text));
    else
        rp_write_bytes(out, rp_buf_slice(&text));
    rp_buf_deinit(&text);
}

static void write_some_container(struct rp_buf *out, int depth)
{
    uint32_t items = (uint32_t)(roll(50) ? roll(5) : depth > 6 ? roll(70000) : roll(40));
    bool is_map = roll(2);
    char key[16];

    if (is_map)
        rp_write_map(out, items);
    else
        rp_write_list(out, items);
    for (uint32_t i = 0; i < items; i++) {
        snprintf(key, sizeof(key), "%x", i);
        if (is_map)
            rp_write_key(out, key);
        if (items > 1000)
            rp_write_i64(out, (int64_t)roll(0) >> roll(64));
        else
            write_any(out, depth + 1);
    }
}

static void write_any(struct rp_buf *out, int depth)
{
    double number;
    uint64_t bits = roll(0);

    switch (roll(depth > 7 ? 6 : 8)) {
    case 0:
        rp_write_i64(out, (int64_t)roll(0) >> roll(64));
        break;
    case 1:
        rp_write_u64(out, roll(0) >> roll(64));
        break;
    case 2:
        memcpy(&number, &bits, sizeof(number));
        rp_write_double(out, number);
        break;
    case 3:
        rp_write_double(out, (double)((int64_t)bits >> roll(64)) / 8);
        break;
    case 4:
        write_some_text(out);
        break;
    case 5:
        if (roll(2))
            rp_write_bool(out, roll(2));
        else
            rp_write_nil(out);
        break;
    default:
        write_some_container(out, depth);
    }
}

static void test_nothing_is_lost(void **state)
{
    struct rp_buf packed, json, again;

    rp_buf_init(&packed, RP_MESSAGE_MAX_BYTES);
    rp_buf_init(&json, RP_MESSAGE_MAX_BYTES);
    rp_buf_init(&again, RP_MESSAGE_MAX_BYTES);
    for (int i = 0; i < 3000; i++) {
        rp_buf_reset(&packed);
        rp_buf_reset(&json);
        rp_buf_reset(&again);
        rp_write_message(&packed, RP_MSG_LOAD, 3);
        for (int j = 0; j < 3; j++) {
            rp_write_key(&packed, (const char *[]){ "a", "b", "c" }[j]);
            write_any(&packed, 1);
        }
        assert_int_equal(rp_message_to_json(rp_buf_slice(&packed), &json), 0);
        assert_int_equal(rp_message_from_json(rp_buf_slice(&json), &again), 0);
        assert_int_equal(again.len, packed.len);
        assert_memory_equal(again.data, packed.data, packed.len);
    }
    rp_buf_deinit(&packed);
    rp_buf_deinit(&json);
    rp_buf_deinit(&again);
}

/* Heads of MessagePack's lists and maps have three lengths. */
static void test_long_lists(void **state)
{
    static const uint32_t sizes[] = { 0, 1, 15, 16, 17, 65535, 65536, 100000 };

    for (size_t i = 0; i < RP_ARRAY_LEN(sizes); i++) {
        struct rp_buf packed, json, again;

        rp_buf_init(&packed, RP_MESSAGE_MAX_BYTES);
        rp_buf_init(&json, RP_MESSAGE_MAX_BYTES);
        rp_buf_init(&again, RP_MESSAGE_MAX_BYTES);
        rp_write_message(&packed, RP_MSG_LOAD, 1);
        rp_write_key(&packed, "x");
        rp_write_list(&packed, sizes[i]);
        for (uint32_t j = 0; j < sizes[i]; j++)
            rp_write_u64(&packed, j);
        assert_int_equal(rp_message_to_json(rp_buf_slice(&packed), &json), 0);
        assert_int_equal(rp_message_from_json(rp_buf_slice(&json), &again), 0);
        assert_true(rp_slice_eq(rp_buf_slice(&packed), rp_buf_slice(&again)));
        rp_buf_deinit(&packed);
        rp_buf_deinit(&json);
        rp_buf_deinit(&again);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_json_cannot_hold),
        cmocka_unit_test(test_nothing_is_lost),
        cmocka_unit_test(test_long_lists),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

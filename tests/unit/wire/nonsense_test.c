/* SPDX-License-Identifier: MIT */

/* Bytes that are no message, or one with another shape than it should have, in both encodings. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <errno.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "wire/message_json.h"
#include "wire/wire_internal.h"
#include "fuzz_message.h"
#include "vectors.h"

static uint64_t dice = 88172645463325252u;

static uint64_t roll(uint64_t sides)
{
    dice ^= dice << 13;
    dice ^= dice >> 7;
    dice ^= dice << 17;
    return dice % sides;
}

static int try_decode(const char *bytes, size_t len)
{
    struct rp_message *message = NULL;
    int r = rp_message_decode(rp_slice(bytes, len), &message);

    if (r == 0)
        rp_message_free(message);
    return r;
}

static void test_what_is_no_message(void **state)
{
    static const struct rp_slice cases[] = {
        RP_SLICE(""),
        RP_SLICE("\xc0"),                     /* nil */
        RP_SLICE("\x05"),                     /* a number */
        RP_SLICE("\x80"),                     /* an empty map */
        RP_SLICE("\x90"),                     /* a list */
        RP_SLICE("\x81\xa4type\x01"),         /* a type that is no text */
        RP_SLICE("\x81\xa4type\xa4nono"),     /* an unknown one */
        RP_SLICE("\x81\xa4type\xa4none"),     /* not one to be sent */
        RP_SLICE("\x81\xa4type\xa4load\xc0"), /* and something behind it */
        RP_SLICE("\x82\xa4type\xa4load"),     /* half of a map */
        RP_SLICE("\xc1"),
        /* What would ask for more memory than there is, were it believed. */
        RP_SLICE("\xdd\xff\xff\xff\xff"),
        RP_SLICE("\xdf\x7f\xff\xff\xff"),
        RP_SLICE("\xdf\xff\xff\xff\xff\xa4type\xa4load"),
        RP_SLICE("\xdb\xff\xff\xff\xff"),
        RP_SLICE("\xc6\xff\xff\xff\xff"),
        RP_SLICE("\xc9\xff\xff\xff\xff\x01"),
        RP_SLICE("\x82\xa4type\xa4load\xa1x\xdd\x10\x00\x00\x00"),
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++)
        assert_int_equal(try_decode(cases[i].ptr, cases[i].len), -EBADMSG);
    assert_int_equal(try_decode("\x81\xa4type\xa4load", 11), 0);
}

static void test_the_depth_is_bounded(void **state)
{
    for (int depth = 1; depth < 64; depth++) {
        struct rp_buf out;

        rp_buf_init(&out, 4096);
        rp_write_message(&out, RP_MSG_LOAD, 1);
        rp_write_key(&out, "x");
        for (int i = 1; i < depth; i++)
            rp_write_list(&out, 1);
        rp_write_bool(&out, true);
        assert_int_equal(try_decode(out.data, out.len),
                         depth <= RP_MESSAGE_DEPTH_MAX ? 0 : -EBADMSG);
        rp_buf_deinit(&out);
    }
}

/* All kinds of objects that a message may hold, those included that we never write. */
static void test_every_kind_of_object(void **state)
{
    static const struct rp_slice cases[] = {
        RP_SLICE("\xc0"),
        RP_SLICE("\xc2"),
        RP_SLICE("\xc3"),
        RP_SLICE("\x7f"),
        RP_SLICE("\xe0"),
        RP_SLICE("\xcc\xff"),
        RP_SLICE("\xcd\xff\xff"),
        RP_SLICE("\xce\xff\xff\xff\xff"),
        RP_SLICE("\xcf\xff\xff\xff\xff\xff\xff\xff\xff"),
        RP_SLICE("\xd0\x80"),
        RP_SLICE("\xd1\x80\x00"),
        RP_SLICE("\xd2\x80\x00\x00\x00"),
        RP_SLICE("\xd3\x80\x00\x00\x00\x00\x00\x00\x00"),
        RP_SLICE("\xca\x00\x00\x00\x00"),
        RP_SLICE("\xcb\x00\x00\x00\x00\x00\x00\x00\x00"),
        RP_SLICE("\xa0"),
        RP_SLICE("\xa1x"),
        RP_SLICE("\xd9\x01x"),
        RP_SLICE("\xda\x00\x01x"),
        RP_SLICE("\xdb\x00\x00\x00\x01x"),
        RP_SLICE("\xc4\x01x"),
        RP_SLICE("\xc5\x00\x01x"),
        RP_SLICE("\xc6\x00\x00\x00\x01x"),
        RP_SLICE("\xc7\x01tx"),
        RP_SLICE("\xc8\x00\x01tx"),
        RP_SLICE("\xc9\x00\x00\x00\x01tx"),
        RP_SLICE("\xd4tx"),
        RP_SLICE("\xd5txx"),
        RP_SLICE("\xd6txxxx"),
        RP_SLICE("\xd7txxxxxxxx"),
        RP_SLICE("\xd8txxxxxxxxxxxxxxxx"),
        RP_SLICE("\x91\xc0"),
        RP_SLICE("\xdc\x00\x01\xc0"),
        RP_SLICE("\xdd\x00\x00\x00\x01\xc0"),
        RP_SLICE("\x81\xa1x\xc0"),
        RP_SLICE("\xde\x00\x01\xa1x\xc0"),
        RP_SLICE("\xdf\x00\x00\x00\x01\xa1x\xc0"),
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct rp_buf out;

        rp_buf_init(&out, 4096);
        rp_write_message(&out, RP_MSG_LOAD, 1);
        rp_write_key(&out, "x");
        rp_buf_append_slice(&out, cases[i]);
        assert_int_equal(try_decode(out.data, out.len), 0);
        for (size_t len = 0; len < out.len; len++)
            assert_int_equal(try_decode(out.data, len), -EBADMSG);
        rp_fuzz_message((const uint8_t *)out.data, out.len);
        rp_buf_deinit(&out);
    }
}

/* ---- random and mutated bytes ---- */

/* In a block of its own size, so that a sanitizer sees a read past its end. */
static void feed(const char *bytes, size_t len)
{
    uint8_t *block = malloc(len ? len : 1);

    memcpy(block, bytes, len);
    rp_fuzz_message(block, len);
    free(block);
}

static void test_random_bytes(void **state)
{
    char bytes[256];

    for (int i = 0; i < 200000; i++) {
        size_t len = roll(sizeof(bytes));

        for (size_t j = 0; j < len; j++)
            bytes[j] = (char)roll(256);
        if (i % 2 && len > 11) /* gets past the first look */
            memcpy(bytes,
                   "\x82\xa4type\xa5"
                   "delta",
                   12);
        feed(bytes, len);
    }
}

static void mutate(char *bytes, size_t *len, size_t room)
{
    size_t at = roll(*len);

    switch (roll(5)) {
    case 0:
        bytes[at] ^= (char)(1 << roll(8));
        break;
    case 1:
        bytes[at] = (char)roll(256);
        break;
    case 2:
        *len = at + 1;
        break;
    case 3:
        memmove(bytes + at, bytes + at + 1, *len - at - 1);
        *len -= *len > 1;
        break;
    default:
        if (*len < room) {
            memmove(bytes + at + 1, bytes + at, *len - at);
            ++*len;
        }
    }
}

static void feed_mutations(const struct rp_buf *message)
{
    char *bytes = malloc(2 * message->len);

    feed(message->data, message->len);
    for (int i = 0; i < 5000; i++) {
        size_t len = message->len;

        memcpy(bytes, message->data, len);
        for (uint64_t j = 0; j <= roll(4); j++)
            mutate(bytes, &len, 2 * message->len);
        feed(bytes, len);
    }
    free(bytes);
}

static void test_mutated_messages(void **state)
{
    for (int vector = RP_MSG_NONE + 1; vector < VECTOR_COUNT; vector++) {
        struct rp_buf packed, json;

        rp_buf_init(&packed, 8192);
        rp_buf_init(&json, 8192);
        vector_write_any(vector, &packed);
        assert_int_equal(packed.error, 0);
        assert_int_equal(rp_message_to_json(rp_buf_slice(&packed), &json), 0);
        feed_mutations(&packed);
        feed_mutations(&json);
        rp_buf_deinit(&packed);
        rp_buf_deinit(&json);
    }
}

/* Of the bytes that JSON is made of. */
static void test_random_json(void **state)
{
    static const char *const words[] = { "{",
                                         "}",
                                         "[",
                                         "]",
                                         ",",
                                         ":",
                                         "\"",
                                         "\\",
                                         "1",
                                         "-",
                                         ".",
                                         "e",
                                         "0",
                                         "null",
                                         "true",
                                         "\"a\"",
                                         "\"$bytes\":\"",
                                         "\"$float\":",
                                         "\\u",
                                         "d83d",
                                         "\xc3",
                                         " " };
    struct rp_buf json;

    rp_buf_init(&json, 4096);
    for (int i = 0; i < 100000; i++) {
        rp_buf_reset(&json);
        rp_buf_append_str(&json, "{\"type\":\"delta\",\"items\":");
        for (uint64_t j = roll(20); j > 0; j--)
            rp_buf_append_str(&json, words[roll(RP_ARRAY_LEN(words))]);
        if (roll(2))
            rp_buf_append_str(&json, "}");
        feed(json.data, json.len);
    }
    rp_buf_deinit(&json);
}

static void test_decoding_without_memory(void **state)
{
    struct rp_message *message;

    rp_alloc_fail_at(1);
    assert_int_equal(rp_message_decode(RP_SLICE("\x81\xa4type\xa4load"), &message), -ENOMEM);
    rp_alloc_fail_at(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_no_message),      cmocka_unit_test(test_the_depth_is_bounded),
        cmocka_unit_test(test_every_kind_of_object),    cmocka_unit_test(test_random_bytes),
        cmocka_unit_test(test_mutated_messages),        cmocka_unit_test(test_random_json),
        cmocka_unit_test(test_decoding_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

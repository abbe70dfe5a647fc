/* SPDX-License-Identifier: MIT */

/* Messages: what is written is read back, and what is no message is refused without harm. */

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <errno.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "wire/message.h"

static uint64_t dice = 88172645463325252u;

static uint64_t roll(uint64_t sides)
{
    dice ^= dice << 13;
    dice ^= dice >> 7;
    dice ^= dice << 17;
    return sides ? dice % sides : dice;
}

static struct rp_buf begin(uint32_t fields)
{
    struct rp_buf out;

    rp_buf_init(&out, RP_MESSAGE_MAX_BYTES);
    rp_write_message(&out, RP_MSG_DELTA, fields);
    return out;
}

static struct rp_message *decode(const struct rp_buf *out)
{
    struct rp_message *message;

    assert_int_equal(out->error, 0);
    assert_int_equal(rp_message_decode(rp_buf_slice(out), &message), 0);
    return message;
}

/* ---- plain fields ---- */

static void test_integers(void **state)
{
    static const int64_t numbers[] = { 0,         1,         -1,        127,
                                       128,       -32,       -33,       -128,
                                       -129,      255,       256,       65535,
                                       65536,     -32768,    -32769,    INT32_MAX,
                                       INT32_MIN, INT64_MAX, INT64_MIN, (int64_t)UINT32_MAX + 1 };

    for (size_t i = 0; i < RP_ARRAY_LEN(numbers) + 1000; i++) {
        int64_t number = i < RP_ARRAY_LEN(numbers) ? numbers[i] : (int64_t)roll(0) >> roll(64);
        struct rp_buf out = begin(2);
        struct rp_message *message;

        rp_write_key(&out, "i");
        rp_write_i64(&out, number);
        rp_write_key(&out, "u");
        rp_write_u64(&out, (uint64_t)number);
        message = decode(&out);
        assert_int_equal(rp_field_i64(rp_message_get(message, "i"), 42), number);
        assert_int_equal(rp_field_u64(rp_message_get(message, "u"), 42), (uint64_t)number);
        /* An unsigned one beyond the signed range is none, and the other way round. */
        assert_int_equal(rp_field_i64(rp_message_get(message, "u"), 42), number < 0 ? 42 : number);
        assert_int_equal(rp_field_u64(rp_message_get(message, "i"), 42), number < 0 ? 42 : number);
        assert_true(rp_field_double(rp_message_get(message, "i"), 0.5) == (double)number);
        rp_message_free(message);
        rp_buf_deinit(&out);
    }
}

static void test_doubles(void **state)
{
    static const double numbers[] = {
        0.0, -0.0, 1.5, -1e308, 5e-324, 2.2e-308, INFINITY, -INFINITY
    };

    for (size_t i = 0; i <= RP_ARRAY_LEN(numbers); i++) {
        double number = i < RP_ARRAY_LEN(numbers) ? numbers[i] : NAN, got;
        struct rp_buf out = begin(1);
        struct rp_message *message;

        rp_write_key(&out, "d");
        rp_write_double(&out, number);
        message = decode(&out);
        got = rp_field_double(rp_message_get(message, "d"), 42);
        assert_memory_equal(&got, &number, sizeof(got));
        rp_message_free(message);
        rp_buf_deinit(&out);
    }
}

static void test_texts(void **state)
{
    static char big[100000];
    const struct rp_slice texts[] = { RP_SLICE(""),
                                      RP_SLICE("a"),
                                      RP_SLICE("nul\0inside"),
                                      RP_SLICE("\xff\xfe no UTF-8"),
                                      RP_SLICE("\xc3\xa4"),
                                      rp_slice(big, 31),
                                      rp_slice(big, 32),
                                      rp_slice(big, 255),
                                      rp_slice(big, 256),
                                      rp_slice(big, sizeof(big)) };

    memset(big, 'x', sizeof(big));
    for (size_t i = 0; i < RP_ARRAY_LEN(texts); i++) {
        struct rp_buf out = begin(2);
        struct rp_message *message;
        char *copy;

        rp_write_key(&out, "t");
        rp_write_slice(&out, texts[i]);
        rp_write_key(&out, "n");
        rp_write_text(&out, NULL);
        message = decode(&out);
        assert_true(rp_slice_eq(rp_field_text(rp_message_get(message, "t")), texts[i]));
        assert_non_null(rp_field_text(rp_message_get(message, "t")).ptr);
        copy = rp_field_strdup(rp_message_get(message, "t"));
        assert_memory_equal(copy, texts[i].ptr, texts[i].len);
        rp_free(copy);
        assert_null(rp_field_text(rp_message_get(message, "n")).ptr);
        assert_null(rp_field_strdup(rp_message_get(message, "n")));
        rp_message_free(message);
        rp_buf_deinit(&out);
    }
}

/* Bytes are no text and texts are no bytes. */
static void test_bytes(void **state)
{
    static char big[70000];
    static const size_t sizes[] = { 0, 1, 255, 256, 65535, 65536, sizeof(big) };

    for (size_t i = 0; i < sizeof(big); i++)
        big[i] = (char)roll(256);
    for (size_t i = 0; i < RP_ARRAY_LEN(sizes); i++) {
        struct rp_slice bytes = rp_slice(big, sizes[i]);
        struct rp_buf out = begin(2);
        struct rp_message *message;
        struct rp_field field;

        rp_write_key(&out, "b");
        rp_write_bytes(&out, bytes);
        rp_write_key(&out, "t");
        rp_write_slice(&out, bytes);
        message = decode(&out);
        field = rp_message_get(message, "b");
        assert_true(rp_slice_eq(rp_field_bytes(field), bytes));
        assert_non_null(rp_field_bytes(field).ptr);
        assert_null(rp_field_text(field).ptr);
        assert_null(rp_field_strdup(field));
        assert_null(rp_field_bytes(rp_message_get(message, "t")).ptr);
        rp_message_free(message);
        rp_buf_deinit(&out);
    }
}

/* A field that is absent or of another type reads as its default. */
static void test_defaults(void **state)
{
    static const char *const keys[] = { "number", "text", "list", "map", "bool", "nil", "absent" };
    struct rp_buf out = begin(6);
    struct rp_message *message;

    rp_write_key(&out, "number");
    rp_write_i64(&out, -5);
    rp_write_key(&out, "text");
    rp_write_text(&out, "t");
    rp_write_key(&out, "list");
    rp_write_list(&out, 1);
    rp_write_bool(&out, true);
    rp_write_key(&out, "map");
    rp_write_map(&out, 1);
    rp_write_key(&out, "inner");
    rp_write_i64(&out, 1);
    rp_write_key(&out, "bool");
    rp_write_bool(&out, true);
    rp_write_key(&out, "nil");
    rp_write_text(&out, NULL);
    message = decode(&out);
    for (size_t i = 0; i < RP_ARRAY_LEN(keys); i++) {
        struct rp_field field = rp_message_get(message, keys[i]);

        assert_int_equal(rp_field_i64(field, 42), i == 0 ? -5 : 42);
        assert_int_equal(rp_field_u64(field, 42), 42);
        assert_true(rp_field_double(field, 4.5) == (i == 0 ? -5 : 4.5));
        assert_int_equal(rp_field_text(field).ptr != NULL, i == 1);
        assert_null(rp_field_bytes(field).ptr);
        assert_int_equal(rp_field_count(field), i == 2);
        assert_true(rp_field_bool(rp_field_at(field, 0), false) == (i == 2));
        assert_int_equal(rp_field_i64(rp_field_get(field, "inner"), 42), i == 3 ? 1 : 42);
        assert_true(rp_field_bool(field, false) == (i == 4));
        assert_true(rp_field_bool(field, true));
        assert_null(rp_field_at(field, 1).object);
    }
    rp_message_free(message);
    rp_buf_deinit(&out);
}

static void test_errors_travel(void **state)
{
    static const struct {
        const char *message, *file, *hint, *detail;
        int line;
    } cases[] = { { "bad", "a.py", "do this", "Traceback:\n  x\n", 7 },
                  { "bad", NULL, NULL, NULL, 0 },
                  { "100% %s", NULL, "50 %d", NULL, 0 } };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct rp_error err = { 0 }, got = { 0 };
        struct rp_buf out = begin(RP_ERROR_FIELDS);
        struct rp_message *message;

        (void)rp_error_set(&err, -1, "%s", cases[i].message);
        if (cases[i].file)
            rp_error_place(&err, cases[i].file, cases[i].line);
        if (cases[i].hint)
            rp_error_hint(&err, "%s", cases[i].hint);
        if (cases[i].detail)
            rp_error_detail(&err, cases[i].detail);
        rp_write_error(&out, &err);
        message = decode(&out);
        rp_message_get_error(message, &got);
        assert_string_equal(got.message, cases[i].message);
        assert_string_equal(got.file ? got.file : "", cases[i].file ? cases[i].file : "");
        assert_string_equal(got.hint ? got.hint : "", cases[i].hint ? cases[i].hint : "");
        assert_string_equal(got.detail ? got.detail : "", cases[i].detail ? cases[i].detail : "");
        assert_int_equal(got.line, cases[i].line);
        rp_error_deinit(&err);
        rp_error_deinit(&got);
        rp_message_free(message);
        rp_buf_deinit(&out);
    }
}

/* ---- values ---- */

static double some_number(void)
{
    double number;
    uint64_t bits = roll(0);

    switch (roll(5)) {
    case 0:
        return 0;
    case 1:
        return (double)roll(1000000000);
    case 2:
        return -(double)roll(1000000);
    case 3:
        return ldexp((double)(roll(1 << 20) + 1), (int)roll(120) - 60);
    default:
        memcpy(&number, &bits, sizeof(number));
        return isfinite(number) ? number : 1;
    }
}

static void fill(struct rp_value *value, enum rp_metric_type type)
{
    rp_value_init(value, type);
    value->samples = roll(3) ? roll(1000) : 0;
    if (type == RP_TREND) {
        for (uint64_t i = 0; i < value->samples; i++)
            assert_int_equal(rp_hist_record(&value->hist, some_number()), 0);
    } else if (type == RP_RATE) {
        value->rate.total = value->samples;
        value->rate.hits = roll(value->samples + 1);
    } else if (type == RP_GAUGE) {
        value->gauge.last = some_number();
        value->gauge.min = some_number();
        value->gauge.max = some_number();
    } else {
        value->counter = some_number();
    }
}

static void test_values_are_bit_identical(void **state)
{
    for (int i = 0; i < 2000; i++) {
        enum rp_metric_type type = (enum rp_metric_type)(i % RP_METRIC_TYPE_COUNT);
        struct rp_value value, got;
        struct rp_buf out = begin(1);
        struct rp_message *message;

        fill(&value, type);
        rp_write_key(&out, "value");
        rp_write_value(&out, &value);
        message = decode(&out);
        assert_int_equal(rp_field_value(rp_message_get(message, "value"), type, &got), 0);
        assert_true(rp_value_equal(&value, &got));
        if (type == RP_TREND && value.samples)
            assert_true(got.hist.sum == value.hist.sum);
        /* Of another type it is none. */
        rp_value_deinit(&got);
        assert_int_equal(rp_field_value(rp_message_get(message, "value"),
                                        (enum rp_metric_type)((type + 1) % RP_METRIC_TYPE_COUNT),
                                        &got),
                         -EBADMSG);
        rp_value_deinit(&got);
        rp_value_deinit(&value);
        rp_message_free(message);
        rp_buf_deinit(&out);
    }
}

static const struct bad_value {
    const char *why;
    enum rp_metric_type type;
    const char *items; /* i: int, d: double, n: nan, t: text, l: empty list, p: list of (1, 2) */
    double numbers[8];
} bad_values[] = {
    { "too few", RP_COUNTER, "i", { 1 } },
    { "too many", RP_COUNTER, "idd", { 1, 2, 3 } },
    { "text for a number", RP_COUNTER, "it", { 1 } },
    { "not a number", RP_COUNTER, "in", { 1 } },
    { "a gauge that is no number", RP_GAUGE, "iddn", { 1, 2, 3 } },
    { "more hits than tries", RP_RATE, "iii", { 3, 4, 3 } },
    { "samples differ from the count", RP_TREND, "iiiiddp", { 1, 2, 0, 0, 1, 1 } },
    { "count differs from the buckets", RP_TREND, "iiiiddp", { 3, 3, 0, 0, 1, 1 } },
    { "the smallest is the largest", RP_TREND, "iiiiddp", { 2, 2, 0, 0, 2, 1 } },
    { "no smallest", RP_TREND, "iiiindp", { 2, 2, 0, 0, 1, 1 } },
    { "no buckets", RP_TREND, "iiiiddl", { 2, 2, 0, 0, 1, 1 } },
};

static void write_items(struct rp_buf *out, const struct bad_value *bad)
{
    rp_write_list(out, (uint32_t)strlen(bad->items));
    for (size_t i = 0; bad->items[i]; i++) {
        switch (bad->items[i]) {
        case 'i':
            rp_write_i64(out, (int64_t)bad->numbers[i]);
            break;
        case 'd':
            rp_write_double(out, bad->numbers[i]);
            break;
        case 'n':
            rp_write_double(out, NAN);
            break;
        case 't':
            rp_write_text(out, "5");
            break;
        case 'p':
            rp_write_list(out, 2);
            rp_write_i64(out, 1);
            rp_write_i64(out, 2);
            break;
        default:
            rp_write_list(out, 0);
        }
    }
}

static void test_values_that_cannot_be(void **state)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(bad_values); i++) {
        struct rp_buf out = begin(1);
        struct rp_message *message;
        struct rp_value got;

        rp_write_key(&out, "value");
        write_items(&out, &bad_values[i]);
        message = decode(&out);
        if (rp_field_value(rp_message_get(message, "value"), bad_values[i].type, &got) != -EBADMSG)
            fail_msg("%s", bad_values[i].why);
        rp_value_deinit(&got);
        rp_message_free(message);
        rp_buf_deinit(&out);
    }
}

/* Buckets that no value has, counts whose sum leaves 64 bits. */
static void test_buckets_that_cannot_be(void **state)
{
    static const struct {
        int64_t bucket[2];
        uint64_t times[2], count;
    } cases[] = { { { 1, INT64_MAX }, { 1, 1 }, 2 },
                  { { 1, INT32_MAX }, { 1, 1 }, 2 },
                  { { 1, INT32_MIN }, { 1, 1 }, 2 },
                  { { 1, 2 }, { 1, 0 }, 1 },
                  { { 1, 2 }, { UINT64_MAX, 2 }, 1 } };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct rp_buf out = begin(1);
        struct rp_message *message;
        struct rp_value got;

        rp_write_key(&out, "value");
        rp_write_list(&out, 7);
        rp_write_u64(&out, cases[i].count);
        rp_write_u64(&out, cases[i].count);
        rp_write_i64(&out, 0);
        rp_write_u64(&out, 0);
        rp_write_double(&out, 0);
        rp_write_double(&out, 0);
        rp_write_list(&out, 4);
        for (int j = 0; j < 2; j++) {
            rp_write_i64(&out, cases[i].bucket[j]);
            rp_write_u64(&out, cases[i].times[j]);
        }
        message = decode(&out);
        assert_int_equal(rp_field_value(rp_message_get(message, "value"), RP_TREND, &got),
                         -EBADMSG);
        rp_value_deinit(&got);
        rp_message_free(message);
        rp_buf_deinit(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_doubles),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_errors_travel),
        cmocka_unit_test(test_values_are_bit_identical),
        cmocka_unit_test(test_values_that_cannot_be),
        cmocka_unit_test(test_buckets_that_cannot_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

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
#include "wire/wire_internal.h"

static uint64_t dice = 88172645463325252u;

static uint64_t roll(uint64_t sides)
{
    dice ^= dice << 13;
    dice ^= dice >> 7;
    dice ^= dice << 17;
    return sides ? dice % sides : dice;
}

static int64_t i64(struct rp_field field, int64_t fallback)
{
    rp_field_take_i64(field, &fallback);
    return fallback;
}

static uint64_t u64(struct rp_field field, uint64_t fallback)
{
    rp_field_take_u64(field, &fallback);
    return fallback;
}

static double real(struct rp_field field, double fallback)
{
    rp_field_take_double(field, &fallback);
    return fallback;
}

static bool boolean(struct rp_field field, bool fallback)
{
    rp_field_take_bool(field, &fallback);
    return fallback;
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
        assert_int_equal(i64(rp_message_get(message, "i"), 42), number);
        assert_int_equal(u64(rp_message_get(message, "u"), 42), (uint64_t)number);
        /* An unsigned one beyond the signed range is none, and the other way round. */
        assert_int_equal(i64(rp_message_get(message, "u"), 42), number < 0 ? 42 : number);
        assert_int_equal(u64(rp_message_get(message, "i"), 42), number < 0 ? 42 : number);
        assert_true(real(rp_message_get(message, "i"), 0.5) == (double)number);
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
        got = real(rp_message_get(message, "d"), 42);
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
        copy = rp_msg_strdup(rp_field_text(rp_message_get(message, "t")));
        assert_memory_equal(copy, texts[i].ptr, texts[i].len);
        rp_free(copy);
        assert_null(rp_field_text(rp_message_get(message, "n")).ptr);
        assert_null(rp_msg_strdup(rp_field_text(rp_message_get(message, "n"))));
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
        assert_null(rp_msg_strdup(rp_field_text(field)));
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

        assert_int_equal(i64(field, 42), i == 0 ? -5 : 42);
        assert_int_equal(u64(field, 42), 42);
        assert_true(real(field, 4.5) == (i == 0 ? -5 : 4.5));
        assert_int_equal(rp_field_text(field).ptr != NULL, i == 1);
        assert_null(rp_field_bytes(field).ptr);
        assert_int_equal(rp_field_count(field), i == 2);
        assert_true(boolean(rp_field_at(field, 0), false) == (i == 2));
        assert_int_equal(i64(rp_field_get(field, "inner"), 42), i == 3 ? 1 : 42);
        assert_true(boolean(field, false) == (i == 4));
        assert_true(boolean(field, true));
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
        struct rp_msg_failed failed = { .stage = RP_MSG_PLAN };
        struct rp_message *message;
        struct rp_buf out;

        (void)rp_error_set(&err, -1, "%s", cases[i].message);
        if (cases[i].file)
            rp_error_place(&err, cases[i].file, cases[i].line);
        if (cases[i].hint)
            rp_error_hint(&err, "%s", cases[i].hint);
        if (cases[i].detail)
            rp_error_detail(&err, cases[i].detail);
        failed.error = rp_msg_fault_of(&err);
        rp_buf_init(&out, RP_MESSAGE_MAX_BYTES);
        rp_message_write(&out, RP_MSG_FAILED, &failed);
        message = decode(&out);
        assert_int_equal(rp_message_read(message, &failed), 0);
        assert_int_equal(failed.stage, RP_MSG_PLAN);
        rp_msg_fault_take(&failed.error, &got);
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
        assert_int_equal(rp_sum_add(&value->counter, some_number()), 0);
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
            assert_true(rp_value_equal(&got, &value));
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

/* Each becomes the value of a `total`. */
static const struct bad_value {
    const char *why;
    enum rp_metric_type type;
    const char *json;
} bad_values[] = {
    { "no map", RP_COUNTER, "[1,2.0]" },
    { "no samples", RP_COUNTER, "{\"whole\":2}" },
    { "no sum", RP_COUNTER, "{\"samples\":1}" },
    { "text for a number", RP_COUNTER, "{\"samples\":1,\"whole\":\"5\"}" },
    { "fewer than no samples", RP_COUNTER, "{\"samples\":-1,\"whole\":5}" },
    { "a fraction of what is whole", RP_COUNTER, "{\"samples\":1,\"whole\":2.5}" },
    { "half a word", RP_COUNTER, "{\"samples\":1,\"whole\":2,\"rest\":[1]}" },
    { "a word below the lowest", RP_COUNTER, "{\"samples\":1,\"whole\":2,\"rest\":[-18,1]}" },
    { "a word above the highest", RP_COUNTER, "{\"samples\":1,\"whole\":2,\"rest\":[18,1]}" },
    { "a word that is negative", RP_COUNTER, "{\"samples\":1,\"whole\":2,\"rest\":[0,-1]}" },
    { "a word that is no number", RP_COUNTER, "{\"samples\":1,\"whole\":2,\"rest\":[\"0\",1]}" },
    { "a gauge that is no number", RP_GAUGE,
      "{\"samples\":1,\"last\":2,\"min\":3,\"max\":{\"$float\":\"7ff8000000000000\"}}" },
    { "an infinite gauge", RP_GAUGE,
      "{\"samples\":1,\"last\":{\"$float\":\"7ff0000000000000\"},\"min\":3,\"max\":4}" },
    { "a gauge without its largest", RP_GAUGE, "{\"samples\":1,\"last\":2,\"min\":2}" },
    { "more hits than tries", RP_RATE, "{\"samples\":3,\"hits\":4,\"tries\":3}" },
    { "no tries", RP_RATE, "{\"samples\":3,\"hits\":3}" },
#define TREND(samples, min, max, buckets)                                                          \
    "{\"samples\":" samples ",\"sum_high\":0,\"sum_low\":0,\"min\":" min ",\"max\":" max           \
    ",\"buckets\":" buckets "}"
    { "more samples than in the buckets", RP_TREND, TREND("3", "1", "1", "[1049088,2]") },
    { "fewer samples than in the buckets", RP_TREND, TREND("1", "1", "1", "[1049088,2]") },
    { "the smallest is the largest", RP_TREND, TREND("2", "2", "1", "[1049088,2]") },
    { "no smallest", RP_TREND,
      TREND("2", "{\"$float\":\"7ff8000000000000\"}", "1", "[1049088,2]") },
    { "no buckets", RP_TREND, TREND("2", "1", "1", "[]") },
    { "buckets that are no list", RP_TREND, TREND("2", "1", "1", "2") },
    { "half a bucket", RP_TREND, TREND("2", "1", "1", "[1049088,2,3]") },
    { "a bucket that is no number", RP_TREND, TREND("2", "1", "1", "[\"1049088\",2]") },
    { "a bucket with a text in it", RP_TREND, TREND("2", "1", "1", "[1049088,\"2\"]") },
    { "a bucket that no value has", RP_TREND,
      TREND("2", "1", "1", "[1049088,1,9223372036854775807,1]") },
    { "one of 32 bits", RP_TREND, TREND("2", "1", "1", "[1049088,1,2147483647,1]") },
    { "a negative one", RP_TREND, TREND("2", "1", "1", "[1049088,1,-2147483648,1]") },
    { "an empty bucket", RP_TREND, TREND("1", "1", "1", "[1049088,1,1049089,0]") },
    { "counts beyond 64 bits", RP_TREND,
      TREND("1", "1", "1", "[1049088,18446744073709551615,1049089,2]") },
    { "no half of the sum", RP_TREND,
      "{\"samples\":2,\"sum_low\":0,\"min\":1,\"max\":1,\"buckets\":[1049088,2]}" },
};

static int read_value(const char *json, enum rp_metric_type type)
{
    struct rp_message *message;
    struct rp_msg_series total;
    struct rp_value got;
    struct rp_buf whole;
    int r;

    rp_buf_init(&whole, 4096);
    rp_buf_appendf(&whole, "{\"type\":\"total\",\"series\":0,\"value\":%s}", json);
    assert_int_equal(rp_message_decode(rp_buf_slice(&whole), &message), 0);
    r = rp_message_read(message, &total);
    if (r == 0) {
        r = rp_msg_value_get(&total.value, type, &got);
        rp_value_deinit(&got);
    }
    rp_message_free(message);
    rp_buf_deinit(&whole);
    return r;
}

static void test_values_that_cannot_be(void **state)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(bad_values); i++)
        if (read_value(bad_values[i].json, bad_values[i].type) != -EBADMSG)
            fail_msg("%s", bad_values[i].why);
    /* They are refused for what is wrong with them. */
    assert_int_equal(read_value(TREND("2", "1", "1", "[1049088,2]"), RP_TREND), 0);
    assert_int_equal(read_value("{\"samples\":1,\"last\":2,\"min\":3,\"max\":4}", RP_GAUGE), 0);
    assert_int_equal(read_value("{\"samples\":3,\"hits\":3,\"tries\":3}", RP_RATE), 0);
    assert_int_equal(
        read_value("{\"samples\":1,\"whole\":2,\"rest\":[-17,1,17,18446744073709551615]}",
                   RP_COUNTER),
        0);
    assert_int_equal(read_value("{\"samples\":1,\"whole\":2}", RP_COUNTER), 0);
}

static void test_a_value_without_memory(void **state)
{
    int r = -ENOMEM;

    for (uint64_t n = 1; r == -ENOMEM; n++) {
        struct rp_value value, got;
        struct rp_message *message;
        struct rp_msg_series total = { .value = { &value } };
        struct rp_buf out;

        rp_value_init(&value, RP_TREND);
        for (value.samples = 0; value.samples < 5; value.samples++)
            assert_int_equal(rp_hist_record(&value.hist, 1e6 * (double)value.samples), 0);
        rp_buf_init(&out, 4096);
        rp_message_write(&out, RP_MSG_TOTAL, &total);
        message = decode(&out);
        assert_int_equal(rp_message_read(message, &total), 0);
        rp_alloc_fail_at(n);
        r = rp_msg_value_get(&total.value, RP_TREND, &got);
        rp_alloc_fail_at(0);
        assert_true(r == -ENOMEM || (r == 0 && n > 1 && rp_value_equal(&value, &got)));
        rp_value_deinit(&got);
        rp_value_deinit(&value);
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
        cmocka_unit_test(test_a_value_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

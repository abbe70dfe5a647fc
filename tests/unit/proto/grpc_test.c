/* SPDX-License-Identifier: MIT */

/* What gRPC adds to HTTP/2: messages, statuses, deadlines. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "proto/grpc.h"

enum { MAX = 1 << 20 };

/* The messages of @in, as text, and how it ended, when it comes in pieces. */
static enum rp_grpc_event run(struct rp_slice in, size_t piece, size_t max, struct rp_buf *out)
{
    enum rp_grpc_event event = RP_GRPC_MORE;
    struct rp_grpc_message message;
    size_t taken = 0;

    for (size_t end = 0; end < in.len && event == RP_GRPC_MORE;) {
        end = piece < in.len - end ? end + piece : in.len;
        for (;;) {
            struct rp_slice rest = rp_slice(in.ptr + taken, end - taken);

            event = rp_grpc_next(&rest, max, &message);
            if (event != RP_GRPC_MESSAGE)
                break;
            taken = end - rest.len;
            rp_buf_appendf(out, "%s%.*s;", message.is_compressed ? "z:" : "",
                           RP_SLICE_FMT(message.bytes));
        }
    }
    return event;
}

static void test_messages_in_any_split(void **state)
{
    struct rp_buf in, out;

    rp_buf_init(&in, MAX);
    rp_grpc_append(&in, RP_SLICE("first"), false);
    rp_grpc_append(&in, rp_slice(NULL, 0), false);
    rp_grpc_append(&in, RP_SLICE("packed"), true);
    assert_int_equal(in.len, 3 * RP_GRPC_PREFIX + 11);
    for (size_t piece = 1; piece <= in.len; piece++) {
        rp_buf_init(&out, MAX);
        assert_int_equal(run(rp_buf_slice(&in), piece, 100, &out), RP_GRPC_MORE);
        assert_string_equal(rp_buf_str(&out), "first;;z:packed;");
        rp_buf_deinit(&out);
    }
    rp_buf_deinit(&in);
}

static void test_what_is_no_message(void **state)
{
    static const char large[] = "\0\0\0\0\4last\0\0\0\1\1", flag[] = "\0\0\0\0\1a<html>";
    struct rp_slice input = rp_slice(large + 9, 5);
    struct rp_grpc_message message;
    struct rp_buf out;

    rp_buf_init(&out, MAX);
    for (size_t piece = 1; piece < sizeof(large); piece++) {
        rp_buf_reset(&out);
        assert_int_equal(run(rp_slice(large, sizeof(large) - 1), piece, 256, &out),
                         RP_GRPC_TOO_LARGE);
        assert_string_equal(rp_buf_str(&out), "last;");
    }
    assert_int_equal(rp_grpc_next(&input, 256, &message), RP_GRPC_TOO_LARGE);
    assert_int_equal(message.size, 257);
    assert_int_equal(input.len, 5);
    assert_int_equal(rp_grpc_next(&input, 257, &message), RP_GRPC_MORE);
    rp_buf_reset(&out);
    assert_int_equal(run(rp_slice(flag, sizeof(flag) - 1), 1, 256, &out), RP_GRPC_BAD_FLAG);
    assert_string_equal(rp_buf_str(&out), "a;");
    rp_buf_deinit(&out);
}

static void test_statuses(void **state)
{
    static const struct {
        const char *value;
        enum rp_grpc_status status;
    } cases[] = { { "0", RP_GRPC_OK },         { "16", RP_GRPC_UNAUTHENTICATED },
                  { "05", RP_GRPC_NOT_FOUND }, { "17", RP_GRPC_UNKNOWN },
                  { "", RP_GRPC_UNKNOWN },     { "-1", RP_GRPC_UNKNOWN },
                  { "1x", RP_GRPC_UNKNOWN },   { "000", RP_GRPC_UNKNOWN } };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++)
        assert_int_equal(rp_grpc_status_parse(rp_slice_str(cases[i].value)), cases[i].status);
    for (int i = 0; i < RP_GRPC_STATUSES; i++)
        assert_non_null(rp_grpc_status_text((enum rp_grpc_status)i));
    assert_string_equal(rp_grpc_status_text(RP_GRPC_UNAUTHENTICATED), "UNAUTHENTICATED");
    assert_int_equal(rp_grpc_status_of_http(400), RP_GRPC_INTERNAL);
    assert_int_equal(rp_grpc_status_of_http(401), RP_GRPC_UNAUTHENTICATED);
    assert_int_equal(rp_grpc_status_of_http(403), RP_GRPC_PERMISSION_DENIED);
    assert_int_equal(rp_grpc_status_of_http(404), RP_GRPC_UNIMPLEMENTED);
    assert_int_equal(rp_grpc_status_of_http(429), RP_GRPC_UNAVAILABLE);
    assert_int_equal(rp_grpc_status_of_http(503), RP_GRPC_UNAVAILABLE);
    assert_int_equal(rp_grpc_status_of_http(200), RP_GRPC_UNKNOWN);
    assert_int_equal(rp_grpc_status_of_http(500), RP_GRPC_UNKNOWN);
    assert_int_equal(rp_grpc_status_of_reset(7), RP_GRPC_UNAVAILABLE);
    assert_int_equal(rp_grpc_status_of_reset(8), RP_GRPC_CANCELLED);
    assert_int_equal(rp_grpc_status_of_reset(11), RP_GRPC_RESOURCE_EXHAUSTED);
    assert_int_equal(rp_grpc_status_of_reset(12), RP_GRPC_PERMISSION_DENIED);
    assert_int_equal(rp_grpc_status_of_reset(2), RP_GRPC_INTERNAL);
    assert_int_equal(rp_grpc_status_of_reset(13), RP_GRPC_UNKNOWN);
    assert_int_equal(rp_grpc_status_of_reset(UINT32_MAX), RP_GRPC_UNKNOWN);
}

static void test_message_texts(void **state)
{
    static const struct {
        const char *value, *text;
    } cases[] = { { "plain", "plain" },
                  { "a%20b%25", "a b%" },
                  { "%e2%82%AC", "\xe2\x82\xac" },
                  { "100%", "100%" },
                  { "%4", "%4" },
                  { "%zz%4", "%zz%4" },
                  { "%0A%1b", "\n\x1b" },
                  { "", "" } };
    struct rp_buf out;

    rp_buf_init(&out, MAX);
    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        rp_buf_reset(&out);
        rp_grpc_append_message_text(&out, rp_slice_str(cases[i].value));
        assert_string_equal(rp_buf_str(&out), cases[i].text);
    }
    rp_buf_deinit(&out);
}

static void test_deadlines(void **state)
{
    static const struct {
        rp_ns timeout;
        const char *text;
    } cases[] = { { 1, "1n" },
                  { 99999999, "99999999n" },
                  { 100000000, "100000u" },
                  { 100000001, "100001u" },
                  { RP_S * 3 / 2, "1500000u" },
                  { 99999999 * RP_US + 1, "100000m" },
                  { 60 * RP_S, "60000000u" },
                  { 3600 * RP_S, "3600000m" },
                  { 200000 * RP_S, "200000S" },
                  { 100000000 * RP_S, "1666667M" },
                  { INT64_MAX, "153722868M" } };
    char text[RP_GRPC_TIMEOUT_TEXT];

    for (size_t i = 0; i + 1 < RP_ARRAY_LEN(cases); i++) {
        rp_grpc_timeout_text(cases[i].timeout, text);
        assert_string_equal(text, cases[i].text);
    }
    rp_grpc_timeout_text(INT64_MAX, text);
    assert_string_equal(text, "2562048H");
}

static void test_times_are_read(void **state)
{
    static const char *const bad[] = {
        "", "1", "S", "1s", "123456789S", "-1S", "+1S", "1 S", "1.5S"
    };
    static const struct {
        const char *text;
        rp_ns timeout;
    } cases[] = { { "0n", 0 },
                  { "1n", 1 },
                  { "20u", 20 * RP_US },
                  { "300m", 300 * RP_MS },
                  { "4S", 4 * RP_S },
                  { "5M", 300 * RP_S },
                  { "6H", 21600 * RP_S },
                  { "00000001S", RP_S },
                  { "99999999H", RP_NS_NEVER } };
    rp_ns timeout;

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        assert_true(rp_grpc_timeout_parse(rp_slice_str(cases[i].text), &timeout));
        assert_int_equal(timeout, cases[i].timeout);
    }
    for (size_t i = 0; i < RP_ARRAY_LEN(bad); i++)
        assert_false(rp_grpc_timeout_parse(rp_slice_str(bad[i]), &timeout));
}

static void test_message_values(void **state)
{
    struct rp_buf value, text;
    char all[256];

    rp_buf_init(&value, MAX);
    rp_buf_init(&text, MAX);
    rp_grpc_append_message_value(&value, RP_SLICE("50% of \xe2\x98\xba\n~"));
    assert_string_equal(rp_buf_str(&value), "50%25 of %E2%98%BA%0A~");
    rp_buf_reset(&value);
    for (size_t i = 0; i < sizeof(all); i++)
        all[i] = (char)i;
    rp_grpc_append_message_value(&value, rp_slice(all, sizeof(all)));
    rp_grpc_append_message_text(&text, rp_buf_slice(&value));
    assert_int_equal(text.len, sizeof(all));
    assert_memory_equal(text.data, all, sizeof(all));
    rp_buf_deinit(&value);
    rp_buf_deinit(&text);
}

static void test_content_types(void **state)
{
    assert_true(rp_grpc_is_content_type(RP_SLICE("application/grpc")));
    assert_true(rp_grpc_is_content_type(RP_SLICE("application/grpc+proto")));
    assert_true(rp_grpc_is_content_type(RP_SLICE("Application/GRPC; charset=utf-8")));
    assert_false(rp_grpc_is_content_type(RP_SLICE("application/grpc-web")));
    assert_false(rp_grpc_is_content_type(RP_SLICE("text/html")));
    assert_false(rp_grpc_is_content_type(RP_SLICE("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages_in_any_split),
        cmocka_unit_test(test_what_is_no_message),
        cmocka_unit_test(test_statuses),
        cmocka_unit_test(test_message_texts),
        cmocka_unit_test(test_deadlines),
        cmocka_unit_test(test_times_are_read),
        cmocka_unit_test(test_message_values),
        cmocka_unit_test(test_content_types),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

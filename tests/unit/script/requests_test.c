/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/compiler.h"
#include "script/requests.h"

static void write_two(struct rp_buf *out)
{
    static const uint16_t expected[][2] = { { 200, 204 }, { 404, 404 } };
    static const struct rp_header headers[] = { { RP_SLICE("A"), RP_SLICE("\xff b") },
                                                { RP_SLICE("C"), { NULL, 0 } } };
    const struct rp_requests_common common = { .timeout = 5 * RP_S,
                                               .max_redirects = 3,
                                               .digest_user = RP_SLICE("joe"),
                                               .digest_password = RP_SLICE("pw"),
                                               .subprotocol = RP_SLICE("chat"),
                                               .expected = expected,
                                               .expected_count = 2 };
    const struct rp_one_request first = { .method = RP_SLICE("GET"),
                                          .url = RP_SLICE("http://a/"),
                                          .weight = 1 };
    const struct rp_one_request second = { .kind = RP_REQUEST_STREAM,
                                           .method = RP_SLICE("POST"),
                                           .url = RP_SLICE("http://b/"),
                                           .name = RP_SLICE("b"),
                                           .body = rp_slice("x\0y", 3),
                                           .has_body = true,
                                           .headers = headers,
                                           .header_count = 2,
                                           .weight = 7 };

    rp_buf_init(out, 4096);
    rp_requests_begin(out, &common);
    rp_requests_append(out, &first);
    rp_requests_append(out, &second);
    assert_int_equal(out->error, 0);
}

/* Reads @bytes to the end; the number of requests, or what went wrong. */
static int read_all(struct rp_slice bytes)
{
    struct rp_requests_common common;
    struct rp_requests_reader reader;
    struct rp_one_request request;
    int r = rp_requests_open(&reader, bytes, &common), count = 0;

    while (r == 0 && (r = rp_requests_next(&reader, &request)) > 0) {
        count++;
        r = 0;
    }
    rp_requests_close(&reader);
    return r < 0 ? r : count;
}

static void what_is_written_is_read(void **state)
{
    struct rp_requests_common common;
    struct rp_requests_reader reader;
    struct rp_one_request request;
    struct rp_buf bytes;

    write_two(&bytes);
    assert_int_equal(rp_requests_open(&reader, rp_buf_slice(&bytes), &common), 0);
    assert_int_equal(common.timeout, 5 * RP_S);
    assert_int_equal(common.max_redirects, 3);
    assert_true(rp_slice_eq_str(common.digest_user, "joe"));
    assert_true(rp_slice_eq_str(common.digest_password, "pw"));
    assert_true(rp_slice_eq_str(common.subprotocol, "chat"));
    assert_int_equal(common.expected_count, 2);
    assert_int_equal(common.expected[0][1], 204);
    assert_int_equal(common.expected[1][0], 404);
    assert_int_equal(rp_requests_next(&reader, &request), 1);
    assert_true(rp_slice_eq_str(request.method, "GET") &&
                rp_slice_eq_str(request.url, "http://a/"));
    assert_true(!request.name.len && !request.has_body && !request.header_count);
    assert_int_equal(request.weight, 1);
    assert_int_equal(request.kind, RP_REQUEST_HTTP);
    assert_int_equal(rp_requests_next(&reader, &request), 1);
    assert_true(request.has_body && rp_slice_eq(request.body, rp_slice("x\0y", 3)));
    assert_true(rp_slice_eq_str(request.name, "b"));
    assert_int_equal(request.weight, 7);
    assert_int_equal(request.kind, RP_REQUEST_STREAM);
    assert_int_equal(request.header_count, 2);
    assert_true(rp_slice_eq_str(request.headers[0].value, "\xff b"));
    assert_true(rp_slice_eq_str(request.headers[1].name, "C") && !request.headers[1].value.len);
    assert_int_equal(rp_requests_next(&reader, &request), 0);
    rp_requests_close(&reader);
    rp_buf_deinit(&bytes);
}

/* Bytes that are cut off, or that say another number, are refused or read as something else; they
 * are never read beyond. */
static void broken_bytes_are_refused(void **state)
{
    struct rp_buf bytes;
    size_t first;

    write_two(&bytes);
    first = 10 * 8 + 9 + 8 * 8 +
            strlen("GEThttp://a/"); /* the beginning, and the request without body */
    assert_int_equal(read_all(rp_buf_slice(&bytes)), 2);
    for (size_t len = 0; len < bytes.len; len++) {
        int is = read_all(rp_slice(bytes.data, len));

        assert_int_equal(is, len == 10 * 8 + 9 ? 0 : len == first ? 1 : -EBADMSG);
    }
    for (size_t at = 0; at < bytes.len; at++) {
        char was = bytes.data[at];

        bytes.data[at] = (char)0xff;
        (void)read_all(rp_buf_slice(&bytes));
        bytes.data[at] = was;
    }
    rp_buf_deinit(&bytes);
}

static void want_of_memory_is_told(void **state)
{
    static const uint32_t weights[] = { 1, 2 };
    uint32_t *order;
    size_t count;
    struct rp_buf bytes;

    write_two(&bytes);
    for (uint64_t n = 1; n <= 2; n++) {
        rp_alloc_fail_at(n);
        assert_int_equal(read_all(rp_buf_slice(&bytes)), -ENOMEM);
        rp_alloc_fail_at(n);
        assert_int_equal(rp_requests_order(weights, 2, &order, &count), -ENOMEM);
    }
    rp_alloc_fail_at(0);
    rp_buf_deinit(&bytes);
}

static void turns_are_as_even_as_the_weights_allow(void **state)
{
    static const struct {
        uint32_t weights[4];
        size_t count;
        const char *expected;
    } cases[] = {
        { { 1 }, 1, "0" },      { { 5, 5, 5 }, 3, "012" },  { { 3, 1 }, 2, "0010" },
        { { 2, 4 }, 2, "101" }, { { 1, 1, 2 }, 3, "2012" }, { { 4, 2, 1 }, 3, "0102010" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        char text[16] = "";
        uint32_t *order;
        size_t count;

        assert_int_equal(rp_requests_order(cases[i].weights, cases[i].count, &order, &count), 0);
        for (size_t k = 0; k < count; k++)
            text[k] = (char)('0' + order[k]);
        assert_string_equal(text, cases[i].expected);
        rp_free(order);
    }
}

static void an_endless_order_is_refused(void **state)
{
    uint32_t weights[200], *order;
    size_t count;

    for (size_t i = 0; i < RP_ARRAY_LEN(weights); i++)
        weights[i] = RP_REQUEST_WEIGHT_MAX - (uint32_t)i;
    assert_int_equal(rp_requests_order(weights, RP_ARRAY_LEN(weights), &order, &count), -E2BIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(broken_bytes_are_refused),
        cmocka_unit_test(want_of_memory_is_told),
        cmocka_unit_test(turns_are_as_even_as_the_weights_allow),
        cmocka_unit_test(an_endless_order_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

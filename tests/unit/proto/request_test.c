/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include "base/alloc.h"
#include "proto/request.h"

#define HEADERS(...)                                                                               \
    (const struct rp_header[])                                                                     \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }
#define HEADER(name, value)                                                                        \
    {                                                                                              \
        RP_SLICE(name), RP_SLICE(value)                                                            \
    }
#define AGENT "User-Agent: rampa/" RP_PROTO_VERSION "\r\n"
#define DEFAULTS "Host: h:81\r\n" AGENT "Accept: */*\r\n"

/* Method and headers of a request for "/x?y" at h:81. */
static struct rp_request_head request(const char *method, const struct rp_header *headers,
                                      size_t count)
{
    return (struct rp_request_head){ .method = rp_slice_str(method),
                                     .target = RP_SLICE("/x?y"),
                                     .authority = RP_SLICE("h:81"),
                                     .headers = headers,
                                     .header_count = count };
}

static void expect_head(const struct rp_request_head *head, const char *expected)
{
    struct rp_error err = { 0 };
    struct rp_buf out;

    rp_buf_init(&out, 1000);
    assert_int_equal(rp_request_append_head(head, &out, &err), 0);
    assert_string_equal(rp_buf_str(&out), expected);
    rp_buf_deinit(&out);
}

static void defaults_are_added(void **state)
{
    struct rp_request_head head = request("GET", NULL, 0);

    expect_head(&head, "GET /x?y HTTP/1.1\r\n" DEFAULTS "\r\n");
    head.method = RP_SLICE("OPTIONS");
    head.target = RP_SLICE("*");
    expect_head(&head, "OPTIONS * HTTP/1.1\r\n" DEFAULTS "\r\n");
}

static void given_headers_replace_defaults(void **state)
{
    struct rp_request_head head = request(
        "GET",
        HEADERS(HEADER("X-A", "1"), HEADER("accept", "text/html"), HEADER("USER-AGENT", "me"),
                HEADER("host", "other"), HEADER("X-A", "2"), { RP_SLICE("Empty"), { 0 } }),
        6);

    expect_head(&head, "GET /x?y HTTP/1.1\r\nHost: other\r\nX-A: 1\r\naccept: text/html\r\n"
                       "USER-AGENT: me\r\nX-A: 2\r\nEmpty: \r\n\r\n");
}

static void the_body_size_is_told(void **state)
{
    static const char *const with_body[] = { "POST", "PUT", "PATCH" };
    struct rp_request_head head;

    for (size_t i = 0; i < RP_ARRAY_LEN(with_body); i++) {
        char expected[200];

        head = request(with_body[i], NULL, 0);
        snprintf(expected, sizeof(expected),
                 "%s /x?y HTTP/1.1\r\n" DEFAULTS "Content-Length: 0\r\n\r\n", with_body[i]);
        expect_head(&head, expected);
    }
    head = request("DELETE", NULL, 0);
    head.has_body = true;
    head.body_bytes = 12345678901234;
    expect_head(&head,
                "DELETE /x?y HTTP/1.1\r\n" DEFAULTS "Content-Length: 12345678901234\r\n\r\n");
    head.body_bytes = 0;
    expect_head(&head, "DELETE /x?y HTTP/1.1\r\n" DEFAULTS "Content-Length: 0\r\n\r\n");
}

static void an_equal_content_length_is_written_once(void **state)
{
    struct rp_request_head head = request(
        "POST", HEADERS(HEADER("content-length", "007"), HEADER("Content-Length", "7")), 2);

    head.body_bytes = 7;
    expect_head(&head, "POST /x?y HTTP/1.1\r\n" DEFAULTS "Content-Length: 7\r\n\r\n");
    head = request("GET", HEADERS(HEADER("Content-Length", "0")), 1);
    expect_head(&head, "GET /x?y HTTP/1.1\r\n" DEFAULTS "Content-Length: 0\r\n\r\n");
}

struct bad_case {
    const char *says;
    struct rp_slice method, target, name, value;
};

static const struct bad_case bad_cases[] = {
    { "'' is no HTTP method", RP_SLICE(""), RP_SLICE("/"), RP_SLICE("A"), RP_SLICE("b") },
    { "'GE T' is no HTTP method", RP_SLICE("GE T"), RP_SLICE("/"), RP_SLICE("A"), RP_SLICE("b") },
    { "is no HTTP method", RP_SLICE("GET\r\n"), RP_SLICE("/"), RP_SLICE("A"), RP_SLICE("b") },
    { "target is empty", RP_SLICE("GET"), RP_SLICE(""), RP_SLICE("A"), RP_SLICE("b") },
    { "at byte 2", RP_SLICE("GET"), RP_SLICE("/a b"), RP_SLICE("A"), RP_SLICE("b") },
    { "at byte 1", RP_SLICE("GET"), RP_SLICE("/\nX: y"), RP_SLICE("A"), RP_SLICE("b") },
    { "'' is no header name", RP_SLICE("GET"), RP_SLICE("/"), RP_SLICE(""), RP_SLICE("b") },
    { "'A:' is no header name", RP_SLICE("GET"), RP_SLICE("/"), RP_SLICE("A:"), RP_SLICE("b") },
    { "is no header name", RP_SLICE("GET"), RP_SLICE("/"), RP_SLICE("A\r\nB"), RP_SLICE("b") },
    { "header A holds CR", RP_SLICE("GET"), RP_SLICE("/"), RP_SLICE("A"), RP_SLICE("b\r\nC: d") },
    { "header A holds CR", RP_SLICE("GET"), RP_SLICE("/"), RP_SLICE("A"), RP_SLICE("b\nc") },
    { "header A holds CR", RP_SLICE("GET"), RP_SLICE("/"), RP_SLICE("A"), RP_SLICE("\0") },
    { "Transfer-Encoding cannot", RP_SLICE("GET"), RP_SLICE("/"), RP_SLICE("transfer-encoding"),
      RP_SLICE("chunked") },
    { "'6' is not the size of the body, 5", RP_SLICE("GET"), RP_SLICE("/"),
      RP_SLICE("content-length"), RP_SLICE("6") },
    { "not the size of the body", RP_SLICE("GET"), RP_SLICE("/"), RP_SLICE("Content-Length"),
      RP_SLICE("5x") },
    { "not the size of the body", RP_SLICE("GET"), RP_SLICE("/"), RP_SLICE("Content-Length"),
      RP_SLICE("") },
    { "not the size of the body", RP_SLICE("GET"), RP_SLICE("/"), RP_SLICE("Content-Length"),
      RP_SLICE("18446744073709551621") },
};

static void bad_requests_are_refused_with_a_reason(void **state)
{
    for (size_t i = 0; i < RP_ARRAY_LEN(bad_cases); i++) {
        const struct bad_case *c = &bad_cases[i];
        struct rp_header header = { c->name, c->value };
        struct rp_request_head head = { .method = c->method,
                                        .target = c->target,
                                        .authority = RP_SLICE("h"),
                                        .headers = &header,
                                        .header_count = 1,
                                        .body_bytes = 5 };
        struct rp_error err = { 0 };
        struct rp_buf out;

        rp_buf_init(&out, 1000);
        rp_buf_append_str(&out, "kept");
        assert_int_equal(rp_request_append_head(&head, &out, &err), -RP_EUSER);
        if (!strstr(err.message, c->says))
            fail_msg("'%s' does not say '%s'", err.message, c->says);
        assert_string_equal(rp_buf_str(&out), "kept");
        assert_int_equal(rp_request_append_head(&head, &out, NULL), -RP_EUSER);
        rp_error_deinit(&err);
        rp_buf_deinit(&out);
    }
}

static void two_hosts_and_a_bad_authority_are_refused(void **state)
{
    struct rp_request_head head = request("GET", HEADERS(HEADER("Host", "a"), HEADER("host", "a")),
                                          2);
    struct rp_error err = { 0 };
    struct rp_buf out;

    rp_buf_init(&out, 1000);
    assert_int_equal(rp_request_append_head(&head, &out, &err), -RP_EUSER);
    assert_non_null(strstr(err.message, "Host is given twice"));
    head = request("GET", NULL, 0);
    head.authority = RP_SLICE("h\r\nX: y");
    assert_int_equal(rp_request_append_head(&head, &out, &err), -RP_EUSER);
    assert_non_null(strstr(err.message, "authority"));
    assert_int_equal(out.len, 0);
    rp_error_deinit(&err);
    rp_buf_deinit(&out);
}

static void a_full_buffer_and_a_failed_allocation_leave_the_output_alone(void **state)
{
    struct rp_request_head head = request("POST", NULL, 0);
    size_t whole = strlen("POST /x?y HTTP/1.1\r\n" DEFAULTS "Content-Length: 0\r\n\r\n");
    struct rp_buf out;

    for (size_t max = 4; max < 4 + whole; max++) {
        rp_buf_init(&out, max);
        rp_buf_append_str(&out, "kept");
        assert_int_equal(rp_request_append_head(&head, &out, NULL), -EMSGSIZE);
        assert_int_equal(out.len, 4);
        assert_string_equal(rp_buf_str(&out), "kept");
        rp_buf_deinit(&out);
    }
    for (uint64_t n = 1;; n++) {
        int r;

        rp_buf_init(&out, 1000);
        rp_alloc_fail_at(n);
        r = rp_request_append_head(&head, &out, NULL);
        rp_alloc_fail_at(0);
        assert_true(r == -ENOMEM || r == 0);
        assert_int_equal(out.len, r ? 0 : whole);
        rp_buf_deinit(&out);
        if (r == 0) {
            assert_true(n > 1);
            break;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_added),
        cmocka_unit_test(given_headers_replace_defaults),
        cmocka_unit_test(the_body_size_is_told),
        cmocka_unit_test(an_equal_content_length_is_written_once),
        cmocka_unit_test(bad_requests_are_refused_with_a_reason),
        cmocka_unit_test(two_hosts_and_a_bad_authority_are_refused),
        cmocka_unit_test(a_full_buffer_and_a_failed_allocation_leave_the_output_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

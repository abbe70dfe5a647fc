/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "app/address.h"
#include "app/targets.h"
#include "base/alloc.h"
#include "base/compiler.h"

static int describe(void *user, const struct rp_target_request *target, int line,
                    struct rp_error *err)
{
    struct rp_buf *out = user;

    rp_buf_appendf(out, "%d:%.*s %.*s w%u [%.*s]", line, RP_SLICE_FMT(target->method),
                   RP_SLICE_FMT(target->url), target->weight, RP_SLICE_FMT(target->name));
    for (size_t i = 0; i < target->header_count; i++)
        rp_buf_appendf(out, " %.*s=%.*s", RP_SLICE_FMT(target->headers[i].name),
                       RP_SLICE_FMT(target->headers[i].value));
    if (target->has_body)
        rp_buf_appendf(out, " <%.*s>", RP_SLICE_FMT(target->body));
    rp_buf_append_str(out, "\n");
    return out->error;
}

static void lists_are_read(void **state)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        { "GET http://a/", "1:GET http://a/ w1 []\n" },
        { "http://a/\n/b\r\n", "1: http://a/ w1 []\n2: /b w1 []\n" },
        { "# c\n\n  GET http://a/ weight=3 name=the first one \n",
          "3:GET http://a/ w3 [the first one]\n" },
        { "POST http://a/\nA: b\n C:d:e\n| x\n|  y \n|\n\nDELETE /z\n",
          "1:POST http://a/ w1 [] A=b C=d:e <x\n y \n>\n8:DELETE /z w1 []\n" },
        { "PUT http://a/\nX:\n|\n", "1:PUT http://a/ w1 [] X= <>\n" },
        { "PUT http://a/\n@/dev/null\n", "1:PUT http://a/ w1 [] <>\n" },
        { "", "" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct rp_buf out;

        rp_buf_init(&out, 4096);
        assert_int_equal(rp_targets_read(rp_slice_str(cases[i].text), "t", describe, &out, NULL),
                         0);
        assert_string_equal(rp_buf_str(&out), cases[i].expected);
        rp_buf_deinit(&out);
    }
}

static void a_bad_line_is_named(void **state)
{
    static const struct {
        const char *text;
        int line;
        const char *message;
    } cases[] = {
        { "\nA: secret", 2,
          "no request stands above this line; it begins with METHOD URL, as in "
          "GET http://127.0.0.1:8080/" },
        { "GET", 1,
          "a request begins with METHOD URL, as in GET http://127.0.0.1:8080/, and a "
          "header field is NAME: VALUE" },
        { "GET http://a/\nAuthorization secret", 2,
          "a request begins with METHOD URL, as in GET http://127.0.0.1:8080/, and a header field "
          "is NAME: VALUE" },
        { "GET http://a/\n: secret", 2, "the name of the header field is missing" },
        { "GET http://a/ secret", 1, "behind the URL only weight=NUMBER and name=TEXT may stand" },
        { "GET http://a/ weight=0", 1, "weight must be a whole number from 1 to 10000" },
        { "GET http://a/ weight=1.5", 1, "weight must be a whole number from 1 to 10000" },
        { "GET http://a/ name=", 1, "the name behind name= is missing" },
        { "GET http://a/\n@/nowhere/x", 2, "/nowhere/x cannot be read: No such file or directory" },
        { "GET http://a/\n@http://u:s3cret@h/x", 2,
          "http://***@h/x cannot be read: No such file or directory" },
        { "GET http://a/\n| a\n@/dev/null", 3, "the request has a body already" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct rp_error err = { 0 };
        struct rp_buf out;

        rp_buf_init(&out, 4096);
        assert_int_equal(rp_targets_read(rp_slice_str(cases[i].text), "t", describe, &out, &err),
                         -RP_EUSER);
        assert_string_equal(err.file, "t");
        assert_int_equal(err.line, cases[i].line);
        assert_string_equal(err.message, cases[i].message);
        assert_null(strstr(err.message, "secret"));
        rp_error_deinit(&err);
        rp_buf_deinit(&out);
    }
}

static int count(void *user, const struct rp_target_request *target, int line, struct rp_error *err)
{
    ++*(int *)user;
    return 0;
}

static void want_of_memory_is_told(void **state)
{
    static const char text[] = "POST http://a/\nA: b\n| x\nPOST http://b/\n@/dev/null\n";

    for (uint64_t n = 1;; n++) {
        int requests = 0, r;

        rp_alloc_fail_at(n);
        r = rp_targets_read(RP_SLICE(text), "t", count, &requests, NULL);
        rp_alloc_fail_at(0);
        if (r == 0) {
            assert_int_equal(requests, 2);
            assert_true(n > 2);
            return;
        }
        assert_int_equal(r, -ENOMEM);
    }
}

static void addresses_are_recognised(void **state)
{
    static const struct {
        const char *word, *expected;
    } cases[] = {
        { "localhost:8080/", "http://localhost:8080/" },
        { "localhost", "http://localhost" },
        { "127.0.0.1", "http://127.0.0.1" },
        { "127.0.0.1:80/a?b", "http://127.0.0.1:80/a?b" },
        { "[::1]:8080/", "http://[::1]:8080/" },
        { ":8080/x", "http://localhost:8080/x" },
        { "my-host:80", "http://my-host:80" },
        { "www.example.com/a", "http://www.example.com/a" },
        { "http:/host/", "http://host/" },
        { "HTTP:host", "HTTP://host" },
        { "https:///host", "https://host" },
        { "ws:/host/a", "ws://host/a" },
        { "grpcs:host", "grpcs://host" },
        { "u:secret@host:80", "http://***@host:80" },
        { "u:/se@cret@host/a.py", "http://***@host/a.py" },
        { "http:/u:secret@host", "http://***@host" },
        { "http:u@host:80", "http://u@host:80" },
        { "load.py", NULL },
        { "tests@2/load.py:1", NULL },
        { "load", NULL },
        { "tests/load.py", NULL },
        { "1.py", NULL },
        { "..", NULL },
        { ".5", NULL },
        { "a:b", NULL },
        { "http:", NULL },
        { ":", NULL },
        { "load.py:12", NULL },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        char url[64] = "";

        assert_int_equal(rp_address_guess(cases[i].word, url, sizeof(url)),
                         cases[i].expected != NULL);
        assert_string_equal(url, cases[i].expected ? cases[i].expected : "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_are_read),
        cmocka_unit_test(a_bad_line_is_named),
        cmocka_unit_test(want_of_memory_is_told),
        cmocka_unit_test(addresses_are_recognised),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

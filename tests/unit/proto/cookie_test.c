/* SPDX-License-Identifier: MIT */

/* Cookies: the fields of servers taken apart, dates, and which of them go where. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "proto/cookie.h"

enum { NOW = 1700000000 }; /* 14 November 2023, 22:13:20 UTC */

static void a_field_is_taken_apart(void **state)
{
    static const struct {
        const char *field, *name, *value, *domain, *path;
        bool secure, http_only, expires;
        int64_t expiry;
    } cases[] = {
        { "a=b", "a", "b", "", "", false, false, false, 0 },
        { "  a \t=\t b  ;", "a", "b", "", "", false, false, false, 0 },
        { "a=b=c", "a", "b=c", "", "", false, false, false, 0 },
        { "a=\"b c\"", "a", "\"b c\"", "", "", false, false, false, 0 },
        { "a=", "a", "", "", "", false, false, false, 0 },
        { "=b", "", "b", "", "", false, false, false, 0 },
        { "only", "", "only", "", "", false, false, false, 0 },
        { "a=b; Domain=x.test; Path=/p; Secure; HttpOnly", "a", "b", "x.test", "/p", true, true,
          false, 0 },
        { "a=b; domain=.x.test", "a", "b", "x.test", "", false, false, false, 0 },
        { "a=b; DOMAIN=x; domain=y", "a", "b", "y", "", false, false, false, 0 },
        { "a=b; path=/p; path=q", "a", "b", "", "", false, false, false, 0 },
        { "a=b; Max-Age=60", "a", "b", "", "", false, false, true, NOW + 60 },
        { "a=b; Max-Age=0", "a", "b", "", "", false, false, true, INT64_MIN },
        { "a=b; Max-Age=-5", "a", "b", "", "", false, false, true, INT64_MIN },
        { "a=b; Max-Age=-", "a", "b", "", "", false, false, false, 0 },
        { "a=b; Max-Age=5x", "a", "b", "", "", false, false, false, 0 },
        { "a=b; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "a", "b", "", "", false, false,
          true, NOW + 60 },
        { "a=b; Expires=Thu, 01 Jan 1970 00:00:01 GMT", "a", "b", "", "", false, false, true, 1 },
        { "a=b; Expires=never", "a", "b", "", "", false, false, false, 0 },
        { "a=b; SameSite=Lax; Partitioned; x=y;;", "a", "b", "", "", false, false, false, 0 },
        { "a=b; secure=no", "a", "b", "", "", true, false, false, 0 },
        { "\xc3\xbc=\xff", "\xc3\xbc", "\xff", "", "", false, false, false, 0 },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct rp_cookie cookie;

        assert_true(rp_cookie_parse(rp_slice_str(cases[i].field), NOW, &cookie));
        assert_true(rp_slice_eq_str(cookie.name, cases[i].name));
        assert_true(rp_slice_eq_str(cookie.value, cases[i].value));
        assert_true(rp_slice_eq_str(cookie.domain, cases[i].domain));
        assert_true(rp_slice_eq_str(cookie.path, cases[i].path));
        assert_int_equal(cookie.secure, cases[i].secure);
        assert_int_equal(cookie.http_only, cases[i].http_only);
        assert_int_equal(cookie.expires, cases[i].expires);
        assert_int_equal(cookie.expiry, cases[i].expiry);
    }
}

static void what_is_no_cookie_is_refused(void **state)
{
    static const char *const fields[] = { "",        "=",       " ; Path=/",
                                          "a=b\x01", "a\x7f=b", "a=b; Path=/\x1b" };
    char large[RP_COOKIE_BYTES_MAX + 16];
    struct rp_cookie cookie;

    for (size_t i = 0; i < RP_ARRAY_LEN(fields); i++)
        assert_false(rp_cookie_parse(rp_slice_str(fields[i]), NOW, &cookie));
    memset(large, 'x', sizeof(large));
    memcpy(large, "a=", 2);
    assert_true(rp_cookie_parse(rp_slice(large, RP_COOKIE_BYTES_MAX + 1), NOW, &cookie));
    assert_false(rp_cookie_parse(rp_slice(large, RP_COOKIE_BYTES_MAX + 2), NOW, &cookie));
}

static void dates_of_all_shapes(void **state)
{
    static const struct {
        const char *text;
        int64_t time; /* -1 = none */
    } cases[] = {
        { "Tue, 14 Nov 2023 22:13:20 GMT", NOW },
        { "Tuesday, 14-Nov-23 22:13:20 GMT", NOW },
        { "Tue Nov 14 22:13:20 2023", NOW },
        { "14 nov 2023 22:13:20", NOW },
        { "22:13:20 2023 november 14", NOW }, /* the year has too many digits for a day */
        { "14 2023 22:13:20 Nov", NOW },
        { "Thu, 01 Jan 1970 00:00:00 GMT", 0 },
        { "Thu, 01-Jan-70 00:00:00 GMT", 0 },
        { "Thu, 01-Jan-69 00:00:00 GMT", 3124224000 },
        { "29 Feb 2024 0:0:0", 1709164800 },
        { "29 Feb 2023 00:00:00", -1 },
        { "31 Apr 2023 00:00:00", -1 },
        { "1 Jan 1600 00:00:00", -1 },
        { "1 Jan 1601 00:00:00", -11644473600 },
        { "1 Jan 2023 24:00:00", -1 },
        { "1 Jan 2023 00:60:00", -1 },
        { "1 Jan 2023 00:00:60", -1 },
        { "1 Jan 2023 00:00", -1 },
        { "1 Jan 20233 00:00:00", -1 },
        { "001 Jan 2023 00:00:00", -1 },
        { "0 Jan 2023 00:00:00", -1 },
        { "Jan 2023 00:00:00", -1 },
        { "", -1 },
        { "1 Jan 2023 00:00:00x", 1672531200 },
        { "1 Jan 9999 00:00:00", 253370764800 },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        int64_t time = -1;
        bool is_date = rp_cookie_date(rp_slice_str(cases[i].text), &time);

        if (is_date != (cases[i].time != -1) || time != cases[i].time)
            print_error("%s: %lld\n", cases[i].text, (long long)time);
        assert_int_equal(time, cases[i].time);
        assert_int_equal(is_date, cases[i].time != -1);
    }
}

/* ---- a jar ------------------------------------------------------------------------------------ */

static struct rp_url url_of(const char *text)
{
    struct rp_url url;

    assert_int_equal(rp_url_parse(rp_slice_str(text), &url, NULL), 0);
    return url;
}

static int store(struct rp_cookie_jar *jar, const char *url, const char *field)
{
    struct rp_url parsed = url_of(url);
    struct rp_cookie cookie;

    return rp_cookie_parse(rp_slice_str(field), NOW, &cookie)
               ? rp_cookie_jar_store(jar, &parsed, &cookie, NOW)
               : -EINVAL;
}

static void assert_sent(struct rp_cookie_jar *jar, const char *url, const char *wanted)
{
    struct rp_url parsed = url_of(url);
    struct rp_buf out;

    rp_buf_init(&out, 1 << 16);
    rp_cookie_jar_append(jar, &parsed, NOW, rp_slice(NULL, 0), &out);
    assert_string_equal(rp_buf_str(&out), wanted);
    rp_buf_deinit(&out);
}

static void cookies_go_where_they_belong(void **state)
{
    static const struct {
        const char *from, *field, *to, *sent; /* sent: NULL = refused */
    } cases[] = {
        { "http://a.test/", "x=1", "http://a.test/p", "x=1" },
        { "http://a.test/", "x=1", "http://A.TEST:81/p", "x=1" }, /* ports do not count */
        { "http://a.test/", "x=1", "http://b.a.test/", "" },      /* host only */
        { "http://a.test/", "x=1; Domain=a.test", "http://b.a.test/", "x=1" },
        { "http://a.test/", "x=1; Domain=.A.Test", "http://a.test/", "x=1" },
        { "http://b.a.test/", "x=1; Domain=a.test", "http://a.test/", "x=1" },
        { "http://a.test/", "x=1; Domain=b.a.test", "http://a.test/", NULL },
        { "http://a.test/", "x=1; Domain=other.test", "http://a.test/", NULL },
        { "http://ba.test/", "x=1; Domain=a.test", "http://ba.test/", NULL },
        { "http://a.test/", "x=1; Domain=test", "http://a.test/", NULL }, /* a public suffix */
        { "http://shop.co.uk/", "x=1; Domain=co.uk", "http://shop.co.uk/", NULL },
        { "http://shop.co.uk/", "x=1; Domain=shop.co.uk", "http://a.shop.co.uk/", "x=1" },
        { "http://x.github.io/", "x=1; Domain=github.io", "http://x.github.io/", NULL },
        { "http://localhost/", "x=1; Domain=localhost", "http://localhost/", "x=1" },
        { "http://127.0.0.1/", "x=1", "http://127.0.0.1:8080/", "x=1" },
        { "http://127.0.0.1/", "x=1; Domain=127.0.0.1", "http://127.0.0.1/", "x=1" },
        { "http://127.0.0.1/", "x=1; Domain=0.0.1", "http://127.0.0.1/", NULL },
        { "http://[::1]/", "x=1", "http://[::1]:8080/", "x=1" },
        { "http://a.test/p/q", "x=1", "http://a.test/p/other", "x=1" },
        { "http://a.test/p/q", "x=1", "http://a.test/pq", "" },
        { "http://a.test/p/q", "x=1", "http://a.test/", "" },
        { "http://a.test/p/q", "x=1; Path=/", "http://a.test/", "x=1" },
        { "http://a.test/p", "x=1", "http://a.test/other", "x=1" },
        { "http://a.test", "x=1", "http://a.test", "x=1" },
        { "http://a.test/", "x=1; Path=/p", "http://a.test/p", "x=1" },
        { "http://a.test/", "x=1; Path=/p", "http://a.test/p/", "x=1" },
        { "http://a.test/", "x=1; Path=/p/", "http://a.test/p", "" },
        { "http://a.test/", "x=1; Path=/p", "http://a.test/pp", "" },
        { "http://a.test/", "x=1; Path=/P", "http://a.test/p", "" },
        { "https://a.test/", "x=1; Secure", "https://a.test/", "x=1" },
        { "https://a.test/", "x=1; Secure", "http://a.test/", "" },
        { "http://a.test/", "x=1; Secure", "https://a.test/", NULL },
        { "http://localhost/", "x=1; Secure", "http://localhost/", "x=1" },
        { "http://127.0.0.1/", "x=1; Secure", "http://127.0.0.1/", "x=1" },
        { "https://a.test/", "__Secure-x=1", "https://a.test/", NULL },
        { "https://a.test/", "__secure-x=1; Secure", "https://a.test/", "__secure-x=1" },
        { "https://a.test/", "__Host-x=1; Secure; Path=/", "https://a.test/", "__Host-x=1" },
        { "https://a.test/", "__Host-x=1; Secure", "https://a.test/", NULL },
        { "https://a.test/", "__Host-x=1; Secure; Path=/; Domain=a.test", "https://a.test/", NULL },
        { "https://a.test/", "__Host-only", "https://a.test/", NULL },
        { "http://a.test/", "only", "http://a.test/", "only" },
        { "http://a.test/", "x=1; Max-Age=1", "http://a.test/", "x=1" },
        { "http://a.test/", "x=1; Max-Age=0", "http://a.test/", "" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct rp_cookie_jar jar;
        int r;

        rp_cookie_jar_init(&jar);
        r = store(&jar, cases[i].from, cases[i].field);
        if (r != (cases[i].sent != NULL))
            print_error("%s from %s\n", cases[i].field, cases[i].from);
        assert_int_equal(r, cases[i].sent != NULL);
        assert_sent(&jar, cases[i].to, cases[i].sent ? cases[i].sent : "");
        rp_cookie_jar_clear(&jar);
    }
}

static void order_and_replacement(void **state)
{
    struct rp_cookie_jar jar;
    struct rp_url url = url_of("http://a.test/p/q");
    struct rp_buf out;

    rp_cookie_jar_init(&jar);
    assert_int_equal(store(&jar, "http://a.test/", "a=1"), 1);
    assert_int_equal(store(&jar, "http://a.test/", "b=1; Path=/p"), 1);
    assert_int_equal(store(&jar, "http://a.test/", "c=1"), 1);
    assert_int_equal(store(&jar, "http://a.test/", "a=2"), 1); /* it keeps its place */
    assert_int_equal(store(&jar, "http://a.test/", "a=3; Path=/p"), 1);
    assert_int_equal(store(&jar, "http://a.test/", "a=4; Domain=a.test"), 1);
    assert_int_equal(jar.count, 5);
    assert_sent(&jar, "http://a.test/p/q", "b=1; a=3; a=2; c=1; a=4");
    rp_buf_init(&out, 4096);
    rp_cookie_jar_append(&jar, &url, NOW, RP_SLICE("z=1; a=own ;c"), &out);
    assert_string_equal(rp_buf_str(&out), "b=1; c=1"); /* the script has its own a */
    rp_buf_deinit(&out);
    assert_int_equal(store(&jar, "http://a.test/", "a=; Max-Age=0"), 1);
    assert_int_equal(store(&jar, "http://a.test/", "none=; Max-Age=0"), 1);
    assert_sent(&jar, "http://a.test/p/q", "b=1; a=3; c=1; a=4");
    rp_cookie_jar_clear(&jar);
    assert_int_equal(jar.count, 0);
    assert_sent(&jar, "http://a.test/p/q", "");
}

static void a_full_jar_forgets_the_oldest(void **state)
{
    struct rp_cookie_jar jar;

    rp_cookie_jar_init(&jar);
    for (int i = 0; i < RP_COOKIES_MAX + 10; i++) {
        char field[64];

        snprintf(field, sizeof(field), "n%d=1; Path=/%d", i, i);
        assert_int_equal(store(&jar, "http://a.test/", field), 1);
    }
    assert_int_equal(jar.count, RP_COOKIES_MAX);
    assert_sent(&jar, "http://a.test/9", "");
    assert_sent(&jar, "http://a.test/10", "n10=1");
    rp_alloc_fail_at(1);
    assert_int_equal(store(&jar, "http://a.test/", "late=1"), -ENOMEM);
    rp_alloc_fail_at(0);
    assert_int_equal(jar.count, RP_COOKIES_MAX);
    rp_cookie_jar_clear(&jar);
}

static void names_and_values_of_programs(void **state)
{
    assert_true(rp_cookie_is_name(RP_SLICE("a-b.c d")));
    assert_false(rp_cookie_is_name(RP_SLICE("")));
    assert_false(rp_cookie_is_name(RP_SLICE("a=b")));
    assert_false(rp_cookie_is_name(RP_SLICE("a;b")));
    assert_false(rp_cookie_is_name(RP_SLICE(" a")));
    assert_false(rp_cookie_is_name(RP_SLICE("a\r\n")));
    assert_true(rp_cookie_is_value(RP_SLICE("")));
    assert_true(rp_cookie_is_value(RP_SLICE("a=b, c")));
    assert_false(rp_cookie_is_value(RP_SLICE("a;b")));
    assert_false(rp_cookie_is_value(RP_SLICE("a\nb")));
    assert_false(rp_cookie_is_value(RP_SLICE("a ")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_field_is_taken_apart),
        cmocka_unit_test(what_is_no_cookie_is_refused),
        cmocka_unit_test(dates_of_all_shapes),
        cmocka_unit_test(cookies_go_where_they_belong),
        cmocka_unit_test(order_and_replacement),
        cmocka_unit_test(a_full_jar_forgets_the_oldest),
        cmocka_unit_test(names_and_values_of_programs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

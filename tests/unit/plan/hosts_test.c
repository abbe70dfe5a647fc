/* SPDX-License-Identifier: MIT */

/* Where connections go, and how names become addresses: what the texts mean, what is none, and what a lack of memory does. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "plan/dns.h"
#include "plan/fields.h"
#include "plan/hosts.h"

#define FOUR_ADDRESSES "1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,"

static void assert_slice(struct rp_slice slice, const char *text)
{
    assert_int_equal(slice.len, strlen(text));
    assert_memory_equal(slice.ptr, text, slice.len);
}

/* ---- hosts ---- */

static void places_to_connect_to(void **state)
{
    static const struct {
        const char *value, *to;
        uint16_t port;
        bool is_unix;
    } cases[] = {
        { "127.0.0.1", "127.0.0.1", 0, false },
        { "127.0.0.1:8080", "127.0.0.1", 8080, false },
        { "[::1]:65535", "::1", 65535, false },
        { "[::1]", "::1", 0, false },
        { "::1", "::1", 0, false },
        { "b.example", "b.example", 0, false },
        { ":1", "", 1, false },
        { "unix:/run/s", "/run/s", 0, true },
        { "127.0.0.1,127.0.0.2", "127.0.0.1,127.0.0.2", 0, false },
        { "127.0.0.1,127.0.0.2:80", "127.0.0.1,127.0.0.2", 80, false },
        { "::1,127.0.0.2", "::1,127.0.0.2", 0, false },
        { "127.0.0.2,[::1]", "127.0.0.2,[::1]", 0, false },
        { "[::1],[::2]:443", "[::1],[::2]", 443, false },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct rp_host_rule rule;

        assert_int_equal(rp_host_rule_parse("a", cases[i].value, &rule, NULL), 0);
        assert_slice(rule.to, cases[i].to);
        assert_int_equal(rule.to_port, cases[i].port);
        assert_int_equal(rule.is_unix, cases[i].is_unix);
    }
}

static void what_is_no_place(void **state)
{
    static const char *const keys[] = { "",    ":80", "a:b",  "a:0", "a:70000", "*.",
                                        "a,b", "a/b", "[::1", "a b", "a*" };
    static const char *const values[] = {
        "",
        ":",
        "a:",
        ":0",
        "a:65536",
        "unix:",
        "[]:80",
        "a,b",
        "1.2.3.4,",
        ",1.2.3.4",
        "1.2.3.4:80,1.2.3.5",
        "1.2.3.4,,1.2.3.5",
        "1.2.3.4,a:80",
        "a@b",
        "[::1]x",
        FOUR_ADDRESSES FOUR_ADDRESSES FOUR_ADDRESSES FOUR_ADDRESSES "1.1.1.1", /* one too many */
    };
    struct rp_host_rule rule;

    for (size_t i = 0; i < RP_ARRAY_LEN(keys); i++) {
        struct rp_error err = { 0 };

        assert_int_equal(rp_host_rule_parse(keys[i], "b", &rule, &err), -RP_EUSER);
        assert_non_null(strstr(err.message, "is neither a host nor a host with its port"));
        rp_error_deinit(&err);
    }
    for (size_t i = 0; i < RP_ARRAY_LEN(values); i++) {
        struct rp_error err = { 0 };

        assert_int_equal(rp_host_rule_parse("a", values[i], &rule, &err), -RP_EUSER);
        assert_non_null(strstr(err.message, "is no place to connect to"));
        rp_error_deinit(&err);
    }
}

static void the_closest_rule_counts(void **state)
{
    static const char *const rules[][2] = {
        { "*", "any" },
        { "*:81", "any-81" },
        { "*.example", "below" },
        { "*.b.example", "below-b" },
        { "a.b.example", "whole" },
        { "a.b.example:81", "whole-81" },
    };
    static const struct {
        const char *host;
        uint16_t port;
        const char *to;
    } cases[] = {
        { "x", 80, "any" },
        { "x", 81, "any-81" },
        { "x.example", 80, "below" },
        { "example", 80, "any" },
        { "X.B.Example", 81, "below-b" },
        { "A.b.example", 80, "whole" },
        { "a.b.example", 81, "whole-81" },
    };
    struct rp_pairs hosts = { 0 };
    struct rp_host_rule rule;

    assert_false(rp_host_rule_find(&hosts, RP_SLICE("a"), 80, &rule));
    for (size_t i = 0; i < RP_ARRAY_LEN(rules); i++)
        assert_int_equal(rp_pairs_set(&hosts, rules[i][0], rules[i][1]), 0);
    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        assert_true(rp_host_rule_find(&hosts, rp_slice_str(cases[i].host), cases[i].port, &rule));
        assert_slice(rule.to, cases[i].to);
    }
    rp_pairs_deinit(&hosts);
}

/* ---- options, and memory that is not there ---- */

static int add_option(int which, struct rp_pairs *pairs)
{
    switch (which) {
    case 0:
        return rp_host_option_add(RP_HOST_RESOLVE, "a.example:80:127.0.0.1,[::1]", pairs, NULL);
    case 1:
        return rp_host_option_add(RP_HOST_CONNECT_TO, "::[::1]:8080", pairs, NULL);
    case 2:
        return rp_host_option_add(RP_HOST_UNIX, "/run/server.sock", pairs, NULL);
    default:
        return rp_dns_option_add("ttl=5m,select=first,policy=onlyIPv4", pairs, NULL);
    }
}

static void every_failing_allocation_is_told(void **state)
{
    static const char *const expected[][2] = { { "a.example:80", "127.0.0.1,[::1]" },
                                               { "*", "[::1]:8080" },
                                               { "*", "unix:/run/server.sock" },
                                               { "ttl", "5m" } };

    for (int which = 0; which < 4; which++) {
        int r = -ENOMEM;
        uint64_t n = 1;

        for (; r < 0; n++) {
            struct rp_pairs pairs = { 0 };

            assert_true(n < 100);
            rp_alloc_fail_at(n);
            r = add_option(which, &pairs);
            rp_alloc_fail_at(0);
            assert_true(r == 0 || r == -ENOMEM);
            if (r == 0) {
                assert_string_equal(pairs.items[0].key, expected[which][0]);
                assert_string_equal(pairs.items[0].value, expected[which][1]);
            }
            rp_pairs_deinit(&pairs);
        }
        assert_true(n > 4);
    }
}

/* ---- names ---- */

static void settings_of_names(void **state)
{
    static const struct {
        const char *text;
        struct rp_dns_settings settings;
    } cases[] = {
        { "ttl=answer", { .has_ttl = false } },
        { "ttl=0", { .has_ttl = true, .ttl = 0 } },
        { "ttl=INF,select=RoundRobin", { true, RP_NS_NEVER, RP_DNS_ROUND_ROBIN, RP_DNS_ANY } },
        { "ttl=1m30s,policy=preferipv6", { true, 90 * RP_S, RP_DNS_VU, RP_DNS_PREFER_IPV6 } },
        { "select=random,ttl=5s,policy=onlyIPv4",
          { true, 5 * RP_S, RP_DNS_RANDOM, RP_DNS_ONLY_IPV4 } },
        { "policy=any,policy=preferIPv4,select=first",
          { false, 0, RP_DNS_FIRST, RP_DNS_PREFER_IPV4 } },
    };
    static const char *const wrong[] = {
        "",        "ttl",         "ttl=",        "ttl=5",    "ttl=-1s",
        "select=", "select=last", "policy=ipv4", "ttl=1s,,", "server=1.1.1.1",
        "=5"
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct rp_dns_settings settings;
        struct rp_pairs dns = { 0 };

        assert_int_equal(rp_dns_option_add(cases[i].text, &dns, NULL), 0);
        assert_int_equal(rp_dns_settings_parse(&dns, &settings, NULL), 0);
        assert_int_equal(settings.has_ttl, cases[i].settings.has_ttl);
        assert_int_equal(settings.ttl, cases[i].settings.ttl);
        assert_int_equal(settings.select, cases[i].settings.select);
        assert_int_equal(settings.families, cases[i].settings.families);
        rp_pairs_deinit(&dns);
    }
    for (size_t i = 0; i < RP_ARRAY_LEN(wrong); i++) {
        struct rp_error err = { 0 };
        struct rp_pairs dns = { 0 };

        assert_int_equal(rp_dns_option_add(wrong[i], &dns, &err), -RP_EUSER);
        assert_memory_equal(err.message, "dns: ", 5);
        assert_non_null(err.hint);
        rp_error_deinit(&err);
        rp_pairs_deinit(&dns);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_to_connect_to),
        cmocka_unit_test(what_is_no_place),
        cmocka_unit_test(the_closest_rule_counts),
        cmocka_unit_test(every_failing_allocation_is_told),
        cmocka_unit_test(settings_of_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

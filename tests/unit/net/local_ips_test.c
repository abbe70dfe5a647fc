/* SPDX-License-Identifier: MIT */

/* Addresses to connect from: how they are written, who gets which, and lists without memory. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "net/local_ips.h"

static const char *text_of(const struct rp_address *address, char text[INET6_ADDRSTRLEN])
{
    const void *from = address->any.sa_family == AF_INET ? (const void *)&address->v4.sin_addr
                                                         : (const void *)&address->v6.sin6_addr;

    return inet_ntop(address->any.sa_family, from, text, INET6_ADDRSTRLEN);
}

static void lists_of_addresses(void **state)
{
    static const struct {
        const char *text;
        size_t count;
        const char *first, *last;
    } cases[] = {
        { "127.0.0.7", 1, "127.0.0.7", "127.0.0.7" },
        { "127.0.0.2-127.0.0.5", 4, "127.0.0.2", "127.0.0.5" },
        { "127.0.0.254-127.0.1.1", 4, "127.0.0.254", "127.0.1.1" },
        { "127.0.0.7-127.0.0.7", 1, "127.0.0.7", "127.0.0.7" },
        { "127.0.1.5/30", 2, "127.0.1.5", "127.0.1.6" },
        { "127.0.1.5/31", 2, "127.0.1.4", "127.0.1.5" },
        { "127.0.1.5/32", 1, "127.0.1.5", "127.0.1.5" },
        { "127.0.0.9,127.0.0.2-127.0.0.3,::1", 4, "127.0.0.9", "::1" },
        { "::1/128", 1, "::1", "::1" },
    };
    char first[INET6_ADDRSTRLEN], last[INET6_ADDRSTRLEN];

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct rp_local_ips sources = { 0 };

        assert_int_equal(rp_local_ips_parse(&sources, cases[i].text, NULL), 0);
        assert_int_equal(sources.count, cases[i].count);
        assert_string_equal(text_of(&sources.items[0], first), cases[i].first);
        assert_string_equal(text_of(&sources.items[sources.count - 1], last), cases[i].last);
        rp_local_ips_deinit(&sources);
    }
}

static void what_is_no_list(void **state)
{
    static const char *const wrong[] = {
        ",127.0.0.1",
        "here",
        "127.0.0.1/33",
        "127.0.0.1/x",
        "127.0.0.9-127.0.0.1",
        "127.0.0.1-::1",
        "127.0.0.1-",
        "127.0.0.1/",
        "127.0.0.1-127.0.0.2/8",
        "127.0.0.1/-1",
        "127.0.0.1 ",
        "127.0.0.0/8",
        "192.0.2.1",
        "::1/129",
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(wrong); i++) {
        struct rp_local_ips sources = { 0 };
        struct rp_error err = { 0 };

        assert_int_equal(rp_local_ips_parse(&sources, wrong[i], &err), -RP_EUSER);
        assert_non_null(strstr(err.message, "local_ips: "));
        rp_error_deinit(&err);
        rp_local_ips_deinit(&sources);
    }
}

static void each_number_has_one_of_its_family(void **state)
{
    struct rp_local_ips sources = { 0 };
    char text[INET6_ADDRSTRLEN];

    assert_null(rp_local_ips_pick(&sources, AF_INET, 0));
    assert_int_equal(rp_local_ips_parse(&sources, "127.0.0.5,127.0.0.6", NULL), 0);
    assert_string_equal(text_of(rp_local_ips_pick(&sources, AF_INET, 0), text), "127.0.0.5");
    assert_string_equal(text_of(rp_local_ips_pick(&sources, AF_INET, 3), text), "127.0.0.6");
    assert_null(rp_local_ips_pick(&sources, AF_INET6, 0));
    rp_local_ips_deinit(&sources);
}

static void every_failing_allocation_is_told(void **state)
{
    int failed = 0;

    for (uint64_t n = 1; n <= 8; n++) {
        struct rp_local_ips sources = { 0 };
        int r;

        rp_alloc_fail_at(n);
        r = rp_local_ips_parse(&sources, "127.0.0.1-127.0.0.70", NULL);
        rp_alloc_fail_at(0);
        assert_true(r == -ENOMEM || (r == 0 && sources.count == 70));
        failed += r < 0;
        rp_local_ips_deinit(&sources);
    }
    assert_int_equal(failed, 4); /* 16, 32, 64, 128 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_of_addresses),
        cmocka_unit_test(what_is_no_list),
        cmocka_unit_test(each_number_has_one_of_its_family),
        cmocka_unit_test(every_failing_allocation_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */

/* Networks that connections may lead to: how they are written, and which addresses they have. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "net/networks.h"

static struct rp_address address_of(const char *text)
{
    struct rp_address ret = { .len = sizeof(ret.v4) };

    if (inet_pton(AF_INET, text, &ret.v4.sin_addr) == 1) {
        ret.v4.sin_family = AF_INET;
        return ret;
    }
    ret.len = sizeof(ret.v6);
    assert_int_equal(inet_pton(AF_INET6, text, &ret.v6.sin6_addr), 1);
    ret.v6.sin6_family = AF_INET6;
    return ret;
}

static void addresses_of_networks(void **state)
{
    static const struct {
        const char *networks, *address;
        bool have;
    } cases[] = {
        { "127.0.0.1", "127.0.0.1", true },
        { "127.0.0.1", "127.0.0.2", false },
        { "10.0.0.0/8", "10.255.0.9", true },
        { "10.0.0.0/8", "11.0.0.0", false },
        { "10.1.2.3/8", "10.9.9.9", true },
        { "10.0.0.0/9", "10.127.255.255", true },
        { "10.0.0.0/9", "10.128.0.0", false },
        { "10.0.0.5/31", "10.0.0.4", true },
        { "10.0.0.5/31", "10.0.0.6", false },
        { "0.0.0.0/0", "203.0.113.9", true },
        { "0.0.0.0/0", "2001:db8::1", false },
        { "::/0", "2001:db8::1", true },
        { "::/0", "10.0.0.1", false },
        { "2001:db8::/33", "2001:db8:7fff::1", true },
        { "2001:db8::/33", "2001:db8:8000::1", false },
        { "::1", "::1", true },
        { "::1", "::2", false },
        { "127.0.0.0/8", "::ffff:127.0.0.1", true },
        { "::1", "::ffff:127.0.0.1", false },
        { "::/0", "::ffff:127.0.0.1", false },
        { "::ffff:10.0.0.0/104", "10.2.3.4", true },
        { "::ffff:10.0.0.0/104", "::ffff:11.2.3.4", false },
        { " 192.0.2.1 , ::1,10.0.0.0/8", "10.0.0.1", true },
        { "192.0.2.1,::1,10.0.0.0/8", "192.0.2.2", false },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct rp_address address = address_of(cases[i].address);
        struct rp_networks networks = { 0 };

        assert_int_equal(rp_networks_parse(&networks, cases[i].networks, NULL), 0);
        if (rp_networks_have(&networks, &address) != cases[i].have)
            fail_msg("%s, %s", cases[i].networks, cases[i].address);
        rp_networks_deinit(&networks);
    }
}

static void what_is_no_network(void **state)
{
    static const char *const wrong[] = { "",
                                         ",127.0.0.1",
                                         "127.0.0.1,",
                                         "localhost",
                                         "10.0.0.0/",
                                         "10.0.0.0/33",
                                         "10.0.0.0/-1",
                                         "10.0.0.0/8x",
                                         "::/129",
                                         "::/1000",
                                         "10.0.0/8",
                                         "[::1]",
                                         "127.0.0.1:80",
                                         "10.0.0.0/8/8",
                                         "\033[2J" };

    for (size_t i = 0; i < RP_ARRAY_LEN(wrong); i++) {
        struct rp_networks networks = { 0 };
        struct rp_error err = { 0 };

        assert_int_equal(rp_networks_parse(&networks, wrong[i], &err), -RP_EUSER);
        assert_non_null(strstr(err.message, "is no address and no network"));
        assert_null(strchr(err.message, '\033'));
        rp_error_deinit(&err);
        rp_networks_deinit(&networks);
    }
}

static void too_many_networks(void **state)
{
    char text[2 * RP_NETWORKS_MAX + 3];
    struct rp_networks networks = { 0 };

    memset(text, ',', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(rp_networks_parse(&networks, text, NULL), -RP_EUSER);
    rp_networks_deinit(&networks);
}

static void lists_without_memory(void **state)
{
    int r = -ENOMEM;

    for (int n = 1; r != 0; n++) {
        struct rp_networks networks = { 0 };

        rp_alloc_fail_at(n);
        r = rp_networks_parse(&networks, "10.0.0.0/8", NULL);
        rp_alloc_fail_at(0);
        assert_true(r == 0 || r == -ENOMEM);
        rp_networks_deinit(&networks);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_of_networks),
        cmocka_unit_test(what_is_no_network),
        cmocka_unit_test(too_many_networks),
        cmocka_unit_test(lists_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

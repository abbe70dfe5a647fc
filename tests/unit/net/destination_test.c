/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <string.h>

#include "base/compiler.h"
#include "net/destination.h"

/* In which order the addresses of a host are tried, and what is remembered of them. Addresses are
 * written as digits: 1 to 4 are of IPv4, 5 to 8 of IPv6. */

static struct rp_address address_of(char digit)
{
    struct rp_address address = { .len = 0 };

    if (digit <= '4') {
        address.v4.sin_family = AF_INET;
        address.v4.sin_addr.s_addr = htonl(0x7f000000u + (unsigned)digit);
        address.len = sizeof(address.v4);
    } else {
        address.v6.sin6_family = AF_INET6;
        address.v6.sin6_addr.s6_addr[15] = (uint8_t)digit;
        address.len = sizeof(address.v6);
    }
    return address;
}

static char digit_of(const struct rp_address *address)
{
    return address->any.sa_family == AF_INET ? (char)(ntohl(address->v4.sin_addr.s_addr) & 0xff)
                                             : (char)address->v6.sin6_addr.s6_addr[15];
}

static void check_order(struct rp_destination *destination, const char *given, unsigned spread,
                        rp_ns now, const char *expected)
{
    struct rp_address addresses[RP_ADDRESSES_MAX];
    size_t count = strlen(given);
    char got[RP_ADDRESSES_MAX + 1] = "";

    for (size_t i = 0; i < count; i++)
        addresses[i] = address_of(given[i]);
    rp_destination_order(destination, addresses, count, spread, NULL, now);
    for (size_t i = 0; i < count; i++)
        got[i] = digit_of(&addresses[i]);
    assert_string_equal(got, expected);
}

static void families_take_turns(void **state)
{
    static const struct {
        const char *given, *expected;
    } cases[] = {
        { "1", "1" },       { "12", "12" },       { "51", "51" },
        { "15", "15" },     { "5612", "5162" },   { "1256", "1526" },
        { "561", "516" },   { "51234", "51234" }, { "1234567", "1526374" },
        { "5678", "5678" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct rp_destination destination = { .family = 0 };

        check_order(&destination, cases[i].given, 0, 1, cases[i].expected);
    }
}

static void users_load_all_addresses_of_a_family(void **state)
{
    struct rp_destination destination = { .family = 0 };

    check_order(&destination, "123", 0, 1, "123");
    check_order(&destination, "123", 1, 1, "231");
    check_order(&destination, "123", 5, 1, "312");
    check_order(&destination, "5612", 1, 1, "6251");
}

static void the_family_that_has_won_comes_first(void **state)
{
    struct rp_destination destination = { .family = 0 };
    struct rp_address four = address_of('2'), six = address_of('5');

    rp_destination_won(&destination, &four);
    check_order(&destination, "5612", 0, 1, "1526");
    rp_destination_won(&destination, &six);
    check_order(&destination, "12", 0, 1, "12"); /* none is left of it */
    check_order(&destination, "12567", 0, 1, "51627");
}

static void what_has_failed_comes_last_for_a_while(void **state)
{
    struct rp_destination destination = { .family = 0 };
    struct rp_address one = address_of('1'), two = address_of('2');

    rp_destination_avoid(&destination, &one, 5 * RP_S);
    check_order(&destination, "123", 0, 6 * RP_S, "231");
    check_order(&destination, "123", 2, 6 * RP_S, "321");
    rp_destination_avoid(&destination, &two, 6 * RP_S);
    check_order(&destination, "12", 0, 7 * RP_S, "12"); /* all the same */
    rp_destination_won(&destination, &two);
    check_order(&destination, "123", 0, 8 * RP_S, "231");
    /* After ten seconds one dial tries it, and the others do not until it has won. */
    check_order(&destination, "123", 0, 15 * RP_S, "123");
    check_order(&destination, "123", 0, 15 * RP_S, "231");
    rp_destination_won(&destination, &one);
    check_order(&destination, "123", 0, 15 * RP_S, "123");
    assert_int_equal(destination.avoided_count, 0);
}

static void what_is_aimed_at_comes_first(void **state)
{
    struct rp_destination destination = { .avoid_for = RP_S };
    struct rp_address addresses[3], one = address_of('1'), three = address_of('3'),
                                    four = address_of('4');

    for (int i = 0; i < 3; i++)
        addresses[i] = address_of("123"[i]);
    rp_destination_avoid(&destination, &three, 5 * RP_S);
    assert_true(rp_destination_avoids(&destination, &three, 6 * RP_S - 1));
    assert_false(rp_destination_avoids(&destination, &one, 6 * RP_S - 1));
    assert_false(rp_destination_avoids(&destination, &three, 6 * RP_S));
    rp_destination_order(&destination, addresses, 3, 0, &three, 7 * RP_S);
    for (int i = 0; i < 3; i++)
        assert_int_equal(digit_of(&addresses[i]), "312"[i]);
    assert_true(rp_destination_avoids(&destination, &three, 7 * RP_S)); /* this dial finds out */
    assert_int_equal(destination.known_count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(digit_of(&destination.known[i]), "123"[i]);
    rp_destination_order(&destination, addresses, 3, 1, &four, 7 * RP_S); /* not one of them */
    for (int i = 0; i < 3; i++)
        assert_int_equal(digit_of(&addresses[i]), "123"[i]);
    rp_destination_order(&destination, addresses, 1, 0, NULL, 7 * RP_S);
    assert_int_equal(destination.known_count, 1);
}

static void the_memory_is_bounded(void **state)
{
    struct rp_destination destination = { .family = 0 };
    struct rp_address address = address_of('1');

    for (unsigned i = 0; i < 100; i++) {
        address.v4.sin_addr.s_addr = i;
        rp_destination_avoid(&destination, &address, (rp_ns)i * RP_MS);
        rp_destination_avoid(&destination, &address, (rp_ns)i * RP_MS);
    }
    assert_int_equal(destination.avoided_count, RP_AVOIDED_MAX);
    for (size_t i = 0; i < RP_AVOIDED_MAX; i++) /* the newest ones */
        assert_true(destination.avoided[i].address.v4.sin_addr.s_addr >= 100 - RP_AVOIDED_MAX);
}

static void dials_wait_longer_with_each_failure(void **state)
{
    static const int waits_ms[] = { 0, 0, 10, 20, 40, 80, 100, 100 };

    for (unsigned i = 0; i < RP_ARRAY_LEN(waits_ms); i++) {
        struct rp_destination destination = { .failures = i, .last = 7 * RP_S };

        assert_int_equal(rp_destination_ready(&destination),
                         waits_ms[i] ? 7 * RP_S + waits_ms[i] * RP_MS : 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(families_take_turns),
        cmocka_unit_test(users_load_all_addresses_of_a_family),
        cmocka_unit_test(the_family_that_has_won_comes_first),
        cmocka_unit_test(what_has_failed_comes_last_for_a_while),
        cmocka_unit_test(what_is_aimed_at_comes_first),
        cmocka_unit_test(the_memory_is_bounded),
        cmocka_unit_test(dials_wait_longer_with_each_failure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

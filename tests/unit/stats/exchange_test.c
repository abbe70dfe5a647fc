/* SPDX-License-Identifier: MIT */
#include "stats_test.h"

#include <errno.h>
#include <stdio.h>

#include "base/alloc.h"
#include "stats/exchange.h"

static struct rp_exchange failed(const char *name, uint32_t status, int64_t at)
{
    return (struct rp_exchange){ .name = rp_slice_str(name),
                                 .status = status,
                                 .error_code = 1000 + status,
                                 .is_failed = true,
                                 .wall_ns = at,
                                 .request_head = RP_SLICE("GET / HTTP/1.1\nHost: a\n") };
}

static void add(struct rp_exchanges *set, const char *name, uint32_t status, int64_t at)
{
    struct rp_exchange exchange = failed(name, status, at);

    assert_int_equal(rp_exchanges_add(set, exchange.name, &exchange), 0);
}

static void the_first_of_each_kind_are_kept(void **state)
{
    struct rp_exchanges set = { .of_kind = 2 };

    for (int i = 0; i < 5; i++) {
        assert_int_equal(rp_exchanges_want(&set, RP_SLICE("a"), 500, 1500), i < 2);
        add(&set, "a", 500, 100 + i);
    }
    add(&set, "a", 503, 1);
    add(&set, "b", 500, 2);
    assert_int_equal(set.count, 4);
    add(&set, "a", 500, 99); /* of another worker: it was earlier than one that is kept */
    rp_exchanges_sort(&set);
    assert_int_equal(set.count, 4);
    assert_int_equal(rp_exchanges_get(&set, 0)->wall_ns, 99);
    assert_int_equal(rp_exchanges_get(&set, 1)->wall_ns, 100);
    assert_int_equal(rp_exchanges_get(&set, 2)->status, 503);
    assert_true(rp_slice_eq_str(rp_exchanges_get(&set, 3)->name, "b"));
    assert_true(
        rp_slice_eq_str(rp_exchanges_get(&set, 3)->request_head, "GET / HTTP/1.1\nHost: a\n"));
    rp_exchanges_deinit(&set);
}

static void nothing_is_kept_without_a_number(void **state)
{
    struct rp_exchanges set = { 0 };

    assert_false(rp_exchanges_want(&set, RP_SLICE("a"), 500, 1500));
    add(&set, "a", 500, 1);
    assert_int_equal(set.count, 0);
    rp_exchanges_deinit(&set);
}

static void kinds_have_a_bound(void **state)
{
    struct rp_exchanges set = { .of_kind = 1 };
    char name[16];

    for (int i = 0; i < 2 * RP_EXCHANGE_KINDS_MAX; i++) {
        snprintf(name, sizeof(name), "/%d", i);
        assert_int_equal(rp_exchanges_want(&set, rp_slice_str(name), 500, 1500),
                         i < RP_EXCHANGE_KINDS_MAX);
        add(&set, name, 500, i);
    }
    assert_int_equal(set.count, RP_EXCHANGE_KINDS_MAX);
    rp_exchanges_deinit(&set);
}

static void bytes_have_a_bound(void **state)
{
    static char text[100000];
    struct rp_exchanges set = { .of_kind = RP_EXCHANGES_OF_KIND_MAX };
    struct rp_exchange exchange = failed("a", 500, 1);

    memset(text, 'x', sizeof(text));
    exchange.response_body = (struct rp_exchange_body){ rp_slice(text, sizeof(text)), 1, 1 };
    for (int i = 0; i < 50; i++)
        assert_int_equal(rp_exchanges_add(&set, exchange.name, &exchange), 0);
    assert_int_equal(set.count, RP_EXCHANGES_MAX_BYTES / sizeof(text));
    assert_true(set.bytes <= RP_EXCHANGES_MAX_BYTES);
    rp_exchanges_deinit(&set);
}

static void count_one(void *user, const struct rp_exchange *exchange)
{
    ++*(int *)user;
}

static void what_was_taken_still_counts(void **state)
{
    struct rp_exchanges set = { .of_kind = 2 };
    int taken = 0;

    add(&set, "a", 500, 1);
    rp_exchanges_take(&set, count_one, &taken);
    add(&set, "a", 500, 2);
    add(&set, "a", 500, 3);
    rp_exchanges_take(&set, count_one, &taken);
    assert_int_equal(taken, 2);
    assert_false(rp_exchanges_want(&set, RP_SLICE("a"), 500, 1500));
    rp_exchanges_deinit(&set);
}

static bool is_of_status(const void *user, const struct rp_exchange *exchange)
{
    return exchange->status == *(const uint32_t *)user;
}

static void a_filter_leaves_what_is_wanted(void **state)
{
    struct rp_exchanges set = { .of_kind = 2 };
    uint32_t wanted = 503;

    add(&set, "a", 500, 1);
    add(&set, "a", 503, 2);
    add(&set, "b", 500, 3);
    rp_exchanges_filter(&set, is_of_status, &wanted);
    assert_int_equal(set.count, 1);
    assert_int_equal(rp_exchanges_get(&set, 0)->wall_ns, 2);
    rp_exchanges_deinit(&set);
}

static void without_memory_the_set_stays_whole(void **state)
{
    struct rp_exchange exchange = failed("a", 500, 1);
    int failures = 0;

    for (uint64_t n = 1;; n++) {
        struct rp_exchanges set = { .of_kind = 2 };
        int r;

        rp_alloc_fail_at(n);
        r = rp_exchanges_add(&set, exchange.name, &exchange);
        rp_alloc_fail_at(0);
        assert_true(r == 0 || r == -ENOMEM);
        assert_int_equal(set.count, r == 0);
        add(&set, "a", 500, 2);
        assert_int_equal(set.count, r == 0 ? 2 : 1);
        rp_exchanges_deinit(&set);
        if (r == 0)
            break;
        failures++;
    }
    assert_int_equal(failures, 4); /* kinds, the name, the copy, the list */
}

static void people_read_lines(void **state)
{
    struct rp_exchange exchange = failed("a", 500, 1);
    struct rp_buf out;

    exchange.waiting = 12 * RP_MS;
    exchange.request_body.bytes = 3;
    exchange.response_head = RP_SLICE("HTTP/1.1 500 Oh\nServer: s\n");
    exchange.response_body = (struct rp_exchange_body){ RP_SLICE("a\nb\n"), 9, 4 };
    rp_buf_init(&out, 4096);
    rp_exchange_write(&exchange, true, &out);
    assert_string_equal(rp_buf_str(&out),
                        "> GET / HTTP/1.1\n> Host: a\n> (3 bytes of body)\n< HTTP/1.1 500 Oh\n"
                        "< Server: s\n< (9 bytes of body, the first 4 of them:)\n< a\n< b\n"
                        "= 12.00ms, failed\n");
    rp_buf_reset(&out);
    exchange.response_head = rp_slice(NULL, 0);
    exchange.error = RP_SLICE("connection refused");
    rp_exchange_write(&exchange, false, &out);
    assert_string_equal(rp_buf_str(&out), "> GET / HTTP/1.1\n> Host: a\n! connection refused\n"
                                          "= 12.00ms, failed\n");
    rp_buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_of_each_kind_are_kept),
        cmocka_unit_test(nothing_is_kept_without_a_number),
        cmocka_unit_test(kinds_have_a_bound),
        cmocka_unit_test(bytes_have_a_bound),
        cmocka_unit_test(what_was_taken_still_counts),
        cmocka_unit_test(a_filter_leaves_what_is_wanted),
        cmocka_unit_test(without_memory_the_set_stays_whole),
        cmocka_unit_test(people_read_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

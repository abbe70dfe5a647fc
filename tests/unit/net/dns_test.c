/* SPDX-License-Identifier: MIT */

/*
 * The resolver against a DNS server on the same loop. The resolver's view of the time can be moved ahead, so that the
 * end of a cached answer needs no waiting.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ares.h>
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "dns_server.h"
#include "net/dns.h"
#include "net/net_internal.h"

static rp_ns clock_offset, clock_stopped; /* 0 = it goes */

rp_ns __real_rp_loop_now(const struct rp_loop *loop);
rp_ns __wrap_rp_loop_now(const struct rp_loop *loop);
rp_ns __wrap_rp_loop_now(const struct rp_loop *loop)
{
    return (clock_stopped ? clock_stopped : __real_rp_loop_now(loop)) + clock_offset;
}

/* ---- the world ---- */

struct world {
    struct rp_loop *loop;
    struct dns_server server;
    struct rp_resolver *resolver;
};

static void set_up(struct world *world, int timeout_ms)
{
    const struct rp_loop_ops *ops;
    struct rp_resolver_options options = { .timeout_ms = timeout_ms, .tries = 2 };

    clock_offset = clock_stopped = 0;
    assert_int_equal(rp_loop_pick(NULL, &ops, NULL), 0);
    assert_int_equal(rp_loop_new(ops, &world->loop), 0);
    dns_server_start(&world->server, world->loop);
    options.servers = world->server.csv;
    assert_int_equal(rp_resolver_new_with(world->loop, &options, &world->resolver), 0);
}

static void tear_down(struct world *world)
{
    rp_resolver_free(world->resolver);
    dns_server_stop(&world->server);
    rp_loop_free(world->loop);
}

struct asked {
    struct rp_lookup lookup;
    int calls;
    enum rp_dns_status status;
    struct rp_address addresses[RP_ADDRESSES_MAX];
    size_t count;
    char text[80];
    void (*then)(struct asked *asked);
    void *user;
};

static void keep(struct asked *asked, const struct rp_address *addresses, size_t count)
{
    asked->count = count;
    if (count)
        memcpy(asked->addresses, addresses, count * sizeof(*addresses));
}

static void on_looked_up(struct rp_lookup *lookup, enum rp_dns_status status,
                         const struct rp_address *addresses, size_t count, const char *text)
{
    struct asked *asked = rp_container_of(lookup, struct asked, lookup);

    asked->calls++;
    asked->status = status;
    assert_int_equal(status == RP_DNS_OK, text == NULL);
    assert_int_equal(status == RP_DNS_OK, count > 0);
    snprintf(asked->text, sizeof(asked->text), "%s", text ? text : "");
    keep(asked, addresses, count);
    if (asked->then)
        asked->then(asked);
}

static int start(struct world *world, struct asked *asked, const char *host)
{
    const struct rp_address *addresses = NULL;
    size_t count = 0;
    int r;

    asked->lookup.fn = on_looked_up;
    r = rp_resolve(world->resolver, rp_slice_str(host), &asked->lookup, &addresses, &count);
    if (r == 1)
        keep(asked, addresses, count);
    return r;
}

static void finish(struct world *world, const struct asked *asked)
{
    rp_ns limit = rp_clock_ns() + 60 * RP_S;

    while (!asked->calls) {
        assert_int_equal(rp_loop_turn(world->loop, limit), 0);
        assert_true(rp_clock_ns() < limit);
    }
}

static struct asked resolve(struct world *world, const char *host)
{
    struct asked asked = { .calls = 0 };

    assert_int_equal(start(world, &asked, host), 0);
    assert_int_equal(asked.calls, 0);
    finish(world, &asked);
    assert_int_equal(asked.calls, 1);
    return asked;
}

static void assert_address(const struct rp_address *address, const char *expected)
{
    char text[INET6_ADDRSTRLEN];
    bool is_v4 = address->any.sa_family == AF_INET;

    assert_int_equal(address->len, is_v4 ? sizeof(address->v4) : sizeof(address->v6));
    assert_int_equal(is_v4 ? address->v4.sin_port : address->v6.sin6_port, 0);
    assert_non_null(inet_ntop(address->any.sa_family,
                              is_v4 ? (const void *)&address->v4.sin_addr
                                    : (const void *)&address->v6.sin6_addr,
                              text, sizeof(text)));
    assert_string_equal(text, expected);
}

/* ---- answers ---- */

static void test_answers_and_failures(void **state)
{
    static const struct {
        const char *host;
        enum rp_dns_status status;
        const char *first; /* address, or the reason */
        size_t count;
    } cases[] = {
        { "one.test", RP_DNS_OK, "127.0.0.1", 1 },
        { "two.test", RP_DNS_OK, "127.0.0.1", 2 },
        { "six.test", RP_DNS_OK, "::1", 1 },
        { "both.test", RP_DNS_OK, NULL, 2 },
        { "many.test", RP_DNS_OK, NULL, RP_ADDRESSES_MAX },
        { "alias.test", RP_DNS_OK, "127.0.0.1", 1 },
        { "missing.test", RP_DNS_NOT_FOUND, "no such host", 0 },
        { "empty.test", RP_DNS_NOT_FOUND, "the host has no address", 0 },
        { "fail.test", RP_DNS_FAILED, NULL, 0 },
        { "", RP_DNS_NOT_FOUND, "not a valid host name", 0 },
        { "two..dots", RP_DNS_NOT_FOUND, "not a valid host name", 0 },
    };
    struct world world;

    set_up(&world, 5000);
    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct asked asked = resolve(&world, cases[i].host);

        assert_int_equal(asked.status, cases[i].status);
        assert_int_equal(asked.count, cases[i].count);
        if (cases[i].first && asked.count)
            assert_address(&asked.addresses[0], cases[i].first);
        else if (cases[i].first)
            assert_string_equal(asked.text, cases[i].first);
    }
    tear_down(&world);
}

static void test_names_that_cannot_be(void **state)
{
    struct world world;
    struct asked asked = { .calls = 0 };
    const struct rp_address *addresses;
    char host[300];
    size_t count;

    set_up(&world, 5000);
    memset(host, 'a', sizeof(host));
    asked.lookup.fn = on_looked_up;
    assert_int_equal(
        rp_resolve(world.resolver, rp_slice(host, sizeof(host)), &asked.lookup, &addresses, &count),
        0);
    finish(&world, &asked);
    assert_int_equal(asked.status, RP_DNS_NOT_FOUND);
    asked.calls = 0;
    assert_int_equal(rp_resolve(world.resolver, rp_slice("one.test\0.evil", 14), &asked.lookup,
                                &addresses, &count),
                     0);
    finish(&world, &asked);
    assert_int_equal(asked.status, RP_DNS_NOT_FOUND);
    assert_int_equal(world.server.queries, 0);
    tear_down(&world);
}

static void test_time_out(void **state)
{
    struct world world;
    struct asked asked;

    set_up(&world, 20);
    asked = resolve(&world, "silent.test");
    assert_int_equal(asked.status, RP_DNS_TIMEOUT);
    assert_string_equal(asked.text, "the name server did not answer");
    while (world.server.queries < 4) /* A and AAAA, two tries: the server may be behind */
        assert_int_equal(rp_loop_turn(world.loop, 0), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(rp_loop_turn(world.loop, 0), 0);
    assert_int_equal(world.server.queries, 4);
    tear_down(&world);
}

static void test_no_server_there(void **state)
{
    struct world world;
    struct asked asked;
    struct rp_resolver_options options = { .timeout_ms = 5000, .tries = 2 };
    char csv[32];

    set_up(&world, 5000);
    memcpy(csv, world.server.csv, sizeof(csv));
    options.servers = csv;
    dns_server_stop(&world.server);
    rp_resolver_free(world.resolver);
    assert_int_equal(rp_resolver_new_with(world.loop, &options, &world.resolver), 0);
    asked = resolve(&world, "one.test");
    assert_int_equal(asked.status, RP_DNS_FAILED);
    assert_string_equal(asked.text, "the name server cannot be reached");
    rp_resolver_free(world.resolver);
    rp_loop_free(world.loop);
}

static void test_literals_and_local_names(void **state)
{
    static const struct {
        const char *host, *address;
    } cases[] = {
        { "127.0.0.1", "127.0.0.1" },
        { "10.1.2.255", "10.1.2.255" },
        { "::1", "::1" },
        { "2001:DB8:0::5", "2001:db8::5" },
    };
    struct world world;
    struct asked asked = { .calls = 0 };
    bool found = false;

    set_up(&world, 5000);
    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        assert_int_equal(start(&world, &asked, cases[i].host), 1);
        assert_int_equal(asked.count, 1);
        assert_address(&asked.addresses[0], cases[i].address);
    }
    assert_int_equal(start(&world, &asked, "localhost"), 1);
    for (size_t i = 0; i < asked.count; i++)
        found |= asked.addresses[i].any.sa_family == AF_INET &&
                 asked.addresses[i].v4.sin_addr.s_addr == htonl(INADDR_LOOPBACK);
    assert_true(found);
    assert_int_equal(start(&world, &asked, "127.0.0.1.test"), 0); /* only looks like one */
    rp_lookup_cancel(&asked.lookup);
    assert_int_equal(asked.calls, 0);
    tear_down(&world);
}

/* ---- sharing, cancelling, caching ---- */

static void test_look_ups_share_a_question(void **state)
{
    struct world world;
    struct asked asked[5] = { { .calls = 0 } };

    set_up(&world, 5000);
    for (int i = 0; i < 5; i++)
        assert_int_equal(start(&world, &asked[i], i % 2 ? "TWO.test" : "two.Test"), 0);
    rp_lookup_cancel(&asked[1].lookup);
    rp_lookup_cancel(&asked[1].lookup); /* no-op */
    finish(&world, &asked[4]);
    assert_int_equal(world.server.queries, 2); /* A and AAAA */
    for (int i = 0; i < 5; i++) {
        assert_int_equal(asked[i].calls, i != 1);
        assert_int_equal(asked[i].count, i == 1 ? 0 : 2);
    }
    tear_down(&world);
}

static void test_answers_are_cached_for_their_time(void **state)
{
    static const struct {
        const char *host;
        rp_ns lifetime;
    } cases[] = { { "one.test", 60 * RP_S }, { "zero.test", RP_S }, { "year.test", 300 * RP_S } };
    struct world world;
    struct asked asked = { .calls = 0 };

    set_up(&world, 5000);
    clock_stopped = rp_clock_ns();
    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        int before = world.server.queries;

        asked = resolve(&world, cases[i].host);
        assert_int_equal(world.server.queries, before + 2);
        assert_int_equal(start(&world, &asked, cases[i].host), 1);
        assert_address(&asked.addresses[0], "127.0.0.1");
        clock_offset += cases[i].lifetime - 1;
        assert_int_equal(start(&world, &asked, cases[i].host), 1);
        clock_offset++;
        assert_int_equal(world.server.queries, before + 2);
        asked = resolve(&world, cases[i].host);
        assert_int_equal(world.server.queries, before + 4);
    }
    asked = resolve(&world, "missing.test"); /* failures are not */
    asked = resolve(&world, "missing.test");
    tear_down(&world);
}

static void ask_again(struct asked *asked)
{
    struct asked *next = asked->user;

    assert_int_equal(start(next->user, next, "missing.test"), 0);
}

static void cancel_other(struct asked *asked)
{
    struct asked *other = asked->user;

    rp_lookup_cancel(&other->lookup);
}

static void test_answers_may_ask_and_cancel(void **state)
{
    struct world world;
    struct asked first = { .calls = 0 }, second = { .calls = 0 }, next = { .calls = 0 };

    set_up(&world, 5000);
    next.user = &world;
    first.then = ask_again;
    first.user = &next;
    assert_int_equal(start(&world, &first, "missing.test"), 0);
    finish(&world, &next);
    assert_int_equal(first.calls, 1);
    assert_int_equal(next.status, RP_DNS_NOT_FOUND);

    first = (struct asked){ .then = cancel_other, .user = &second };
    second = (struct asked){ .then = cancel_other, .user = &first };
    assert_int_equal(start(&world, &first, "one.test"), 0);
    assert_int_equal(start(&world, &second, "one.test"), 0);
    finish(&world, &first);
    assert_int_equal(rp_loop_turn(world.loop, 0), 0);
    assert_int_equal(first.calls + second.calls, 1);
    tear_down(&world);
}

static void test_a_cancelled_question_fills_the_cache(void **state)
{
    struct world world;
    struct asked asked = { .calls = 0 }, other = { .calls = 0 };

    set_up(&world, 5000);
    assert_int_equal(start(&world, &asked, "one.test"), 0);
    rp_lookup_cancel(&asked.lookup);
    other = resolve(&world, "two.test");
    assert_int_equal(other.count, 2);
    assert_int_equal(start(&world, &asked, "one.test"), 1);
    assert_int_equal(asked.calls, 0);
    tear_down(&world);
}

static void test_freeing_with_a_cancelled_question_under_way(void **state)
{
    struct world world;
    struct asked asked = { .calls = 0 };

    set_up(&world, 5000);
    assert_int_equal(start(&world, &asked, "silent.test"), 0);
    rp_lookup_cancel(&asked.lookup);
    tear_down(&world);
    assert_int_equal(asked.calls, 0);
}

static void test_the_cache_is_bounded(void **state)
{
    enum { NAMES = 1100 };
    struct world world;
    struct asked asked;
    char host[32];
    int queries;

    set_up(&world, 5000);
    asked = resolve(&world, "one.test");
    assert_int_equal(asked.count, 1);
    for (int i = 0; i < NAMES; i++) {
        snprintf(host, sizeof(host), "n%d.wild.test", i);
        asked = resolve(&world, host);
        assert_int_equal(asked.count, 1);
    }
    queries = world.server.queries;
    assert_int_equal(start(&world, &asked, "n1099.wild.test"), 1); /* the youngest is there */
    asked = resolve(&world, "one.test");                           /* the oldest has gone */
    assert_int_equal(world.server.queries, queries + 2);
    tear_down(&world);
}

/* ---- memory ---- */

/* c-ares forgets a packet that it has no memory to read: the next try comes soon. */
static int resolve_once(uint64_t fail_at, struct asked *asked)
{
    struct world world = { 0 };
    struct rp_resolver_options options = { .timeout_ms = 20, .tries = 2 };
    int r;

    *asked = (struct asked){ .calls = 0 };
    assert_int_equal(rp_loop_new(rp_loop_epoll, &world.loop), 0);
    dns_server_start(&world.server, world.loop);
    options.servers = world.server.csv;
    rp_alloc_fail_at(fail_at);
    r = rp_resolver_new_with(world.loop, &options, &world.resolver);
    if (r == 0) {
        r = start(&world, asked, "two.test");
        if (r == 0)
            finish(&world, asked);
    }
    rp_alloc_fail_at(0);
    tear_down(&world);
    return r;
}

static void test_every_failing_allocation(void **state)
{
    uint64_t begin = rp_alloc_count(), most;
    struct asked asked;
    int refused = 0, failed = 0;

    assert_int_equal(resolve_once(0, &asked), 0);
    most = rp_alloc_count() - begin + 10;
    assert_true(most > 30); /* those of c-ares count */
    for (uint64_t n = 1; n <= most; n++) {
        int r = resolve_once(n, &asked);

        assert_true(r == 0 || r == -ENOMEM || r == -EIO);
        assert_int_equal(asked.calls, r == 0);
        refused += r < 0;
        failed += r == 0 && asked.status != RP_DNS_OK;
    }
    assert_true(refused > 0 && failed > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers_and_failures),
        cmocka_unit_test(test_names_that_cannot_be),
        cmocka_unit_test(test_time_out),
        cmocka_unit_test(test_no_server_there),
        cmocka_unit_test(test_literals_and_local_names),
        cmocka_unit_test(test_look_ups_share_a_question),
        cmocka_unit_test(test_answers_are_cached_for_their_time),
        cmocka_unit_test(test_answers_may_ask_and_cancel),
        cmocka_unit_test(test_a_cancelled_question_fills_the_cache),
        cmocka_unit_test(test_freeing_with_a_cancelled_question_under_way),
        cmocka_unit_test(test_the_cache_is_bounded),
        cmocka_unit_test(test_every_failing_allocation),
    };

    if (ares_library_init_mem(ARES_LIB_INIT_ALL, rp_alloc, rp_free, rp_realloc) != ARES_SUCCESS)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

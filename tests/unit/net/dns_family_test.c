/* SPDX-License-Identifier: MIT */

/* Both families of a name: they are asked for by themselves, and are one answer. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>

#include "dns_server.h"
#include "net/dns.h"
#include "net/net_internal.h"

static rp_ns clock_offset;

rp_ns __real_rp_loop_now(const struct rp_loop *loop);
rp_ns __wrap_rp_loop_now(const struct rp_loop *loop);
rp_ns __wrap_rp_loop_now(const struct rp_loop *loop)
{
    return __real_rp_loop_now(loop) + clock_offset;
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

    clock_offset = 0;
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
    keep(asked, addresses, count);
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

/* RFC 8305, 3: an answer does not wait longer than 50 ms for the other family. */
static void one_family_that_is_silent_holds_nobody_up(void **state)
{
    static const struct {
        const char *name;
        int family;
    } cases[] = { { "four.test", AF_INET }, { "sixth.test", AF_INET6 } };
    struct world world;

    set_up(&world, 3600 * 1000);
    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct asked asked = { .calls = 0 }, again = { .calls = 0 };
        rp_ns began = rp_clock_ns();
        int queries;

        assert_int_equal(start(&world, &asked, cases[i].name), 0);
        finish(&world, &asked);
        assert_true(rp_clock_ns() - began >= 50 * RP_MS);
        assert_int_equal(asked.status, RP_DNS_OK);
        assert_int_equal(asked.count, 1);
        assert_int_equal(asked.addresses[0].any.sa_family, cases[i].family);
        /* Nobody asks anew while the rest of the answer may come. */
        queries = world.server.queries;
        clock_offset += 1000 * RP_S;
        assert_int_equal(start(&world, &again, cases[i].name), 1);
        assert_int_equal(again.count, 1);
        assert_int_equal(world.server.queries, queries);
        clock_offset = 0;
    }
    tear_down(&world);
}

static void both_families_are_one_answer(void **state)
{
    struct asked asked = { .calls = 0 };
    struct world world;

    set_up(&world, 3600 * 1000);
    assert_int_equal(start(&world, &asked, "both.test"), 0);
    finish(&world, &asked);
    assert_int_equal(asked.count, 2);
    assert_int_equal(asked.addresses[0].any.sa_family + asked.addresses[1].any.sa_family,
                     AF_INET + AF_INET6);
    tear_down(&world);
}

static void a_whole_name_of_the_hosts_file_ends_in_a_dot(void **state)
{
    struct asked asked = { .calls = 0 };
    struct world world;

    set_up(&world, 3600 * 1000);
    assert_int_equal(start(&world, &asked, "LOCALHOST."), 1);
    assert_true(asked.count >= 1);
    assert_int_equal(world.server.queries, 0);
    tear_down(&world);
}

/* ---- policies ---- */

static void set_up_with(struct world *world, const struct rp_dns_policy *policy)
{
    set_up(world, 3600 * 1000);
    rp_resolver_set_policy(world->resolver, policy);
}

/* 0 = the name was asked for; else it was known. */
static int look_up(struct world *world, struct asked *asked, const char *name)
{
    int r;

    *asked = (struct asked){ .calls = 0 };
    r = start(world, asked, name);
    if (r == 0)
        finish(world, asked);
    return r;
}

static void a_time_to_live_of_the_user_goes_over_that_of_the_answer(void **state)
{
    static const struct {
        const char *name;
        rp_ns ttl, known_after, asked_after;
    } cases[] = {
        { "zero.test", 300 * RP_S, 299 * RP_S, 301 * RP_S },
        { "year.test", 10 * RP_S, 9 * RP_S, 11 * RP_S },
        { "zero.test", RP_NS_NEVER, (rp_ns)100 * 365 * 86400 * RP_S, 0 },
        { "year.test", 0, 0, RP_NS_NEVER },
        { "localhost", 10 * RP_S, 9 * RP_S, 0 }, /* without a question when it has gone, too */
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        const struct rp_dns_policy policy = { .has_ttl = true, .ttl = cases[i].ttl };
        struct world world;
        struct asked asked;

        set_up_with(&world, &policy);
        (void)look_up(&world, &asked, cases[i].name);
        assert_true(asked.count > 0);
        if (cases[i].known_after) {
            clock_offset = cases[i].known_after;
            assert_int_equal(look_up(&world, &asked, cases[i].name), 1);
        }
        if (cases[i].asked_after) {
            clock_offset = cases[i].asked_after == RP_NS_NEVER ? 0 : cases[i].asked_after;
            assert_int_equal(look_up(&world, &asked, cases[i].name), 0);
            assert_int_equal(asked.status, RP_DNS_OK);
        }
        tear_down(&world);
    }
}

/* Two look-ups at the same time are one question, and none of it is left for a third one. */
static void an_answer_without_a_time_to_live_is_used_once(void **state)
{
    const struct rp_dns_policy policy = { .has_ttl = true, .ttl = 0 };
    struct asked one = { .calls = 0 }, two = { .calls = 0 }, three;
    struct world world;
    int queries;

    set_up_with(&world, &policy);
    assert_int_equal(start(&world, &one, "one.test"), 0);
    assert_int_equal(start(&world, &two, "one.test"), 0);
    finish(&world, &one);
    finish(&world, &two);
    queries = world.server.queries;
    assert_int_equal(queries, 2); /* A, AAAA */
    assert_int_equal(look_up(&world, &three, "one.test"), 0);
    assert_int_equal(world.server.queries, 2 * queries);
    assert_int_equal(look_up(&world, &three, "localhost"), 0);
    assert_int_equal(three.status, RP_DNS_OK);
    tear_down(&world);
}

static void a_policy_says_which_families_are_used(void **state)
{
    static const struct {
        struct rp_dns_policy policy;
        const char *name;
        sa_family_t family; /* 0 = there is no address */
        int queries;        /* -1 = not counted */
    } cases[] = {
        { { .only = AF_INET }, "both.test", AF_INET, 1 },
        { { .only = AF_INET6 }, "both.test", AF_INET6, 1 },
        { { .only = AF_INET6 }, "sixth.test", AF_INET6, 1 },
        { { .only = AF_INET6 }, "two.test", 0, -1 },
        { { .preferred = AF_INET }, "both.test", AF_INET, -1 },
        { { .preferred = AF_INET6 }, "both.test", AF_INET6, -1 },
        { { .preferred = AF_INET6 }, "two.test", AF_INET, -1 },
        { { .preferred = AF_INET },
          "four.test",
          AF_INET,
          -1 }, /* the other one is never answered */
        { { .only = AF_INET }, "localhost", AF_INET, 0 },
        { { .preferred = AF_INET }, "localhost", AF_INET, 0 },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct world world;
        struct asked asked;

        set_up_with(&world, &cases[i].policy);
        (void)look_up(&world, &asked, cases[i].name);
        assert_int_equal(asked.status, cases[i].family ? RP_DNS_OK : RP_DNS_NOT_FOUND);
        assert_int_equal(asked.count > 0, cases[i].family != 0);
        for (size_t k = 0; k < asked.count; k++)
            assert_int_equal(asked.addresses[k].any.sa_family, cases[i].family);
        if (cases[i].queries >= 0)
            assert_int_equal(world.server.queries, cases[i].queries);
        tear_down(&world);
    }
}

static void several_addresses_need_no_look_up(void **state)
{
    struct asked asked = { .calls = 0 };
    struct world world;
    char many[400] = "127.0.0.1";

    set_up(&world, 3600 * 1000);
    assert_int_equal(start(&world, &asked, "127.0.0.1,[::1],127.0.0.2"), 1);
    assert_int_equal(asked.count, 3);
    assert_int_equal(asked.addresses[1].any.sa_family, AF_INET6);
    for (int i = 0; i < 20; i++)
        strcat(many, ",127.0.0.1");
    assert_int_equal(start(&world, &asked, many), 1);
    assert_int_equal(asked.count, RP_ADDRESSES_MAX);
    assert_int_equal(look_up(&world, &asked, "127.0.0.1,"), 0);
    assert_int_equal(asked.status, RP_DNS_NOT_FOUND);
    tear_down(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_family_that_is_silent_holds_nobody_up),
        cmocka_unit_test(both_families_are_one_answer),
        cmocka_unit_test(a_whole_name_of_the_hosts_file_ends_in_a_dot),
        cmocka_unit_test(a_time_to_live_of_the_user_goes_over_that_of_the_answer),
        cmocka_unit_test(an_answer_without_a_time_to_live_is_used_once),
        cmocka_unit_test(a_policy_says_which_families_are_used),
        cmocka_unit_test(several_addresses_need_no_look_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

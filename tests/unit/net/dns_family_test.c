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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_family_that_is_silent_holds_nobody_up),
        cmocka_unit_test(both_families_are_one_answer),
        cmocka_unit_test(a_whole_name_of_the_hosts_file_ends_in_a_dot),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */

/* Names that a run will ask for are looked up before it. */

#include <stdio.h>

#include "testing.h"
#include "../net/dns_server.h"
#include "base/alloc.h"
#include "net/net_internal.h"
#include "plan/plan.h"

struct place {
    struct env env;
    struct dns_server dns;
    struct rp_resolver *resolver;
};

static void place_init(struct place *place, struct world *world)
{
    struct rp_resolver_options options = { .timeout_ms = 60000, .tries = 1 };

    env_init(&place->env, world, (struct rp_http_limits){ 0 });
    dns_server_start(&place->dns, world->loop);
    options.servers = place->dns.csv;
    assert_int_equal(rp_resolver_new_with(world->loop, &options, &place->resolver), 0);
}

static void place_deinit(struct place *place)
{
    rp_resolver_free(place->resolver);
    dns_server_stop(&place->dns);
    env_deinit(&place->env);
}

/* Makes the origin of @url, so that the client knows it. */
static void make(struct place *place, const char *url, const char *proxy)
{
    const struct rp_http_spec spec = { .method = RP_SLICE("GET"),
                                       .url = rp_slice_str(url),
                                       .proxy = rp_slice_str(proxy) };
    struct rp_http_template *template;

    assert_int_equal(rp_http_template_new(place->env.client, &spec, &template, NULL), 0);
    rp_http_template_unref(template);
}

static int check(struct place *place, rp_ns wait, struct rp_error *err)
{
    struct rp_loop *loop = place->env.world->loop;

    return rp_http_check_names_with(place->env.client, loop, place->resolver,
                                    rp_ns_add(rp_loop_now(loop), wait), err);
}

static void test_what_ends_a_run(struct world *world)
{
    static const struct {
        const char *url, *proxy;
        const char *message; /* NULL = it may run */
        const char *hint;
    } cases[] = {
        { "http://one.test/", NULL, NULL, NULL },
        { "http://127.0.0.1/", NULL, NULL, NULL },
        { "http+unix://%2Frun%2Fno.sock/", NULL, NULL, NULL },
        { "http://fail.test/", NULL, NULL, NULL }, /* that may pass */
        { "http://missing.test/", NULL,
          "the name of http://missing.test:80 cannot be resolved: no such host",
          "check the URL, or give the name an address: --resolve missing.test:80:ADDRESS" },
        { "http://empty.test:8080/", NULL,
          "the name of http://empty.test:8080 cannot be resolved: the host has no address",
          "check the URL, or give the name an address: --resolve empty.test:8080:ADDRESS" },
        { "http://missing.test/", "http://one.test:3128", NULL, NULL }, /* the proxy's to find */
        { "http://missing.test/", "socks5h://one.test:1080", NULL, NULL },
        { "http://missing.test/", "socks5://one.test:1080",
          "the name of http://missing.test:80 cannot be resolved: no such host",
          "check the URL, or give the name an address: --resolve missing.test:80:ADDRESS" },
        { "http://one.test/", "http://gone.test:3128",
          "the name of the proxy gone.test:3128 cannot be resolved: no such host",
          "check the name" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(cases); i++) {
        struct rp_error err = { 0 };
        struct place place;

        place_init(&place, world);
        make(&place, "http://two.test/", NULL);
        make(&place, cases[i].url, cases[i].proxy);
        assert_int_equal(check(&place, 60 * RP_S, &err), cases[i].message ? -RP_EUSER : 0);
        if (cases[i].message) {
            assert_string_equal(err.message, cases[i].message);
            assert_string_equal(err.hint, cases[i].hint);
        }
        rp_error_deinit(&err);
        place_deinit(&place);
    }
}

/* Where a rule leads counts, and not the name that nobody looks up. */
static void test_rules(struct world *world)
{
    static struct rp_pair items[] = { { (char *)"missing.test", (char *)"127.0.0.1" },
                                      { (char *)"one.test", (char *)"gone.test" } };
    const struct rp_pairs hosts = { items, RP_ARRAY_LEN(items) };
    struct rp_error err = { 0 };
    struct place place;

    place_init(&place, world);
    assert_int_equal(rp_http_client_set_hosts(place.env.client, &hosts, NULL, NULL), 0);
    make(&place, "http://missing.test/", NULL);
    assert_int_equal(check(&place, 60 * RP_S, &err), 0);
    make(&place, "http://one.test/", NULL);
    assert_int_equal(check(&place, 60 * RP_S, &err), -RP_EUSER);
    assert_string_equal(err.message, "connections to http://one.test:80 are to go to 'gone.test', "
                                     "a name that cannot be resolved: no such host");
    rp_error_deinit(&err);
    place_deinit(&place);
}

/* A name server that does not answer holds no run up for long, and one name that is missing is told
 * without waiting for it. */
static void test_slow_answers(struct world *world)
{
    struct rp_error err = { 0 };
    struct place place;

    place_init(&place, world);
    make(&place, "http://silent.test/", NULL);
    assert_int_equal(check(&place, 10 * RP_MS, &err), 0);
    make(&place, "http://missing.test/", NULL);
    assert_int_equal(check(&place, 3600 * RP_S, &err), -RP_EUSER);
    rp_error_deinit(&err);
    place_deinit(&place);
}

/* More names than are looked up: the rest is left to the requests. */
static void test_many(struct world *world)
{
    struct place place;
    char url[64];

    place_init(&place, world);
    make(&place, "http://missing.test/", NULL); /* the one that was made first is looked up last */
    for (int i = 0; i < 100; i++) {
        snprintf(url, sizeof(url), "http://n%d.wild.test/", i);
        make(&place, url, NULL);
    }
    assert_int_equal(check(&place, 3600 * RP_S, NULL), 0);
    place_deinit(&place);
}

/* By the system's name servers: a name that cannot be one needs none of them. */
static void test_the_base(struct world *world)
{
    struct rp_error err = { 0 };
    struct env env;

    env_init(&env, world, (struct rp_http_limits){ 0 });
    assert_int_equal(rp_http_client_check_names(env.client, &err), 0); /* nothing is known */
    assert_int_equal(rp_http_client_set_base(env.client, "no url"), 0);
    assert_int_equal(rp_http_client_check_names(env.client, &err),
                     0); /* told by the first request */
    assert_int_equal(rp_http_client_set_base(env.client, "http://two..dots:8080/api"), 0);
    assert_int_equal(rp_http_client_check_names(env.client, &err), -RP_EUSER);
    assert_string_equal(err.message, "the name of http://two..dots:8080 cannot be resolved: "
                                     "not a valid host name");
    rp_error_deinit(&err);
    env_deinit(&env);
}

static void test_no_memory(struct world *world)
{
    struct env env;
    int r;

    for (uint64_t n = 1;; n++) {
        env_init(&env, world, (struct rp_http_limits){ 0 });
        assert_int_equal(rp_http_client_set_base(env.client, "http://two..dots/"), 0);
        rp_alloc_fail_at(n);
        r = rp_http_client_check_names(env.client, NULL);
        rp_alloc_fail_at(0);
        env_deinit(&env);
        if (r == -RP_EUSER)
            break;
        assert_int_equal(r, -ENOMEM);
    }
}

int main(void)
{
    static const struct world_case cases[] = {
        CASE(test_what_ends_a_run), CASE(test_rules),     CASE(test_slow_answers), CASE(test_many),
        CASE(test_the_base),        CASE(test_no_memory),
    };

    return run_worlds(cases, RP_ARRAY_LEN(cases));
}

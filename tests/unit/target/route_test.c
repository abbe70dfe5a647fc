/* SPDX-License-Identifier: MIT */

/* The part of the target that does no I/O: what is answered to which request. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "target/reply.h"
#include "target/target.h"

static const struct route_case {
    const char *path, *query;
    int status; /* 0 = not an answer */
    enum rp_target_action action;
    rp_ns delay_min, delay_max;
    uint64_t filler;
} route_cases[] = {
    { "/", "", 200 },
    { "/json", "", 200 },
    { "/nothing", "", 404 },
    { "/jso", "", 404 },
    { "/json/", "", 404 },
    { "/delay/0", "", 200 },
    { "/delay/20", "", 200, 0, 20 * RP_MS, 20 * RP_MS },
    { "/delay/0.5", "", 200, 0, RP_MS / 2, RP_MS / 2 },
    { "/delay/20", "jitter=10", 200, 0, 20 * RP_MS, 30 * RP_MS },
    { "/delay/20", "a=b&jitter=10", 200, 0, 20 * RP_MS, 30 * RP_MS },
    { "/delay/20", "jitter=x", 400 },
    { "/delay/", "", 400 },
    { "/delay/-1", "", 400 },
    { "/delay/1s", "", 400 },
    { "/delay/86400001", "", 400 },
    { "/status/200", "", 200 },
    { "/status/599", "", 599 },
    { "/redirect/0", "", 200 },
    { "/redirect/1000", "", 302 },
    { "/redirect/1001", "", 400 },
    { "/redirect/-1", "", 400 },
    { "/redirect/x", "", 400 },
    { "/status/199", "", 400 },
    { "/status/600", "", 400 },
    { "/status/abc", "", 400 },
    { "/bytes/0", "", 200 },
    { "/bytes/123456789012", "", 200, 0, 0, 0, 123456789012 },
    { "/bytes/-1", "", 400 },
    { "/bytes/", "", 400 },
    { "/chunked/7", "", 200, 0, 0, 0, 7 },
    { "/chunked/x", "", 400 },
    { "/slow/1", "", 200, 0, 0, 0, 1000 },
    { "/slow/1", "bytes=5", 200, 0, 0, 0, 5 },
    { "/slow/0", "", 400 },
    { "/slow/1", "bytes=", 400 },
    { "/echo", "", 200 },
    { "/headers", "", 200 },
    { "/grpc.testing.TestService/EmptyCall", "", 415 },
    { "/close", "", 200 },
    { "/extra", "", 200 },
    { "/reset", "", 0, RP_TARGET_RESET },
    { "/hang", "", 0, RP_TARGET_HANG },
    { "/garbage", "", 0, RP_TARGET_RAW },
};

static void paths_are_routed(void **state)
{
    struct rp_target_random random = { 1 };

    for (size_t i = 0; i < RP_ARRAY_LEN(route_cases); i++) {
        const struct route_case *c = &route_cases[i];
        struct rp_buf head = { 0 }, stored;
        struct rp_h1_request request = { .path = rp_slice_str(c->path),
                                         .query = rp_slice_str(c->query),
                                         .parser = { .head = &head, .minor_version = 1 } };
        struct rp_target_reply reply;

        rp_buf_init(&stored, RP_TARGET_BODY_MAX);
        rp_target_route(&request, &random, &stored, &reply);
        if (reply.status != c->status || reply.action != c->action)
            print_error("%s: %d\n", c->path, reply.status);
        assert_int_equal(reply.status, c->status);
        assert_int_equal(reply.action, c->action);
        assert_true(reply.delay >= c->delay_min && reply.delay <= c->delay_max);
        assert_int_equal(reply.filler_len, c->filler);
        rp_buf_deinit(&stored);
    }
}

static void jitter_fills_its_range(void **state)
{
    struct rp_h1_request request = { .path = RP_SLICE("/delay/1"), .query = RP_SLICE("jitter=4") };
    struct rp_target_random random = { 12345 };
    int quarters[4] = { 0 };

    for (int i = 0; i < 4000; i++) {
        struct rp_target_reply reply;

        rp_target_route(&request, &random, NULL, &reply);
        assert_true(reply.delay >= RP_MS && reply.delay <= 5 * RP_MS);
        quarters[(reply.delay - RP_MS) * 4 / (4 * RP_MS + 1)]++;
    }
    for (int i = 0; i < 4; i++)
        assert_in_range(quarters[i], 850, 1150);
}

/* Every endpoint of the table answers by itself, with an argument where it shows one. */
static void every_endpoint_is_routed(void **state)
{
    const struct rp_target_endpoint *endpoint;
    struct rp_target_random random = { 1 };
    size_t count = 0;

    for (; (endpoint = rp_target_endpoint(count)); count++) {
        const char *angle = strchr(endpoint->path, '<');
        struct rp_buf head = { 0 }, stored;
        struct rp_h1_request request = { .parser = { .head = &head, .minor_version = 1 } };
        struct rp_target_reply reply;
        char path[64];

        snprintf(path, sizeof(path), "%.*s%s",
                 (int)(angle ? angle - endpoint->path : (long)strlen(endpoint->path)),
                 endpoint->path, angle ? "200" : "");
        request.path = rp_slice_str(path);
        rp_buf_init(&stored, RP_TARGET_BODY_MAX);
        rp_target_route(&request, &random, &stored, &reply);
        assert_int_not_equal(reply.status, 404);
        assert_int_not_equal(reply.status, 400);
        assert_true(strlen(endpoint->summary) > 0);
        assert_int_equal(rp_target_constant_index(request.path),
                         count < RP_TARGET_CONSTANTS ? (int)count : -1);
        if (count < RP_TARGET_CONSTANTS) /* what is written once must not depend on the request */
            assert_true(reply.body == RP_TARGET_TEXT && !reply.delay && !reply.close);
        rp_buf_deinit(&stored);
    }
    assert_int_equal(count, 17);
}

/* docs/target.md holds the same table, in the same order, and nothing else with such a path. */
static void the_documentation_lists_the_endpoints(void **state)
{
    FILE *file = fopen(TARGET_DOCS, "r");
    char line[512], expected[512];
    size_t count = 0;

    assert_non_null(file);
    while (fgets(line, sizeof(line), file)) {
        const struct rp_target_endpoint *endpoint = rp_target_endpoint(count);

        if (strncmp(line, "| `/", 4) != 0)
            continue;
        assert_non_null(endpoint);
        snprintf(expected, sizeof(expected), "| `%s` | %s |\n", endpoint->path, endpoint->summary);
        assert_string_equal(line, expected);
        count++;
    }
    fclose(file);
    assert_null(rp_target_endpoint(count));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_routed),
        cmocka_unit_test(jitter_fills_its_range),
        cmocka_unit_test(every_endpoint_is_routed),
        cmocka_unit_test(the_documentation_lists_the_endpoints),
    };

    return cmocka_run_group_tests_name("target: routes", tests, NULL, NULL);
}

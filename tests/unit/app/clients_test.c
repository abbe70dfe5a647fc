/* SPDX-License-Identifier: MIT */

/*
 * A worker whose scripts have a kind of client that only this test has, beside those of the program: what it takes to add
 * one is a row. It "knocks": a request that is answered at once, by nobody.
 */

#include "../worker/worker_side.h"
#include "base/alloc.h"

enum { KNOCK = RP_CLIENT_HTTP + 1, KIND_COUNT, VUS = 4 };

struct knock_client {
    struct rp_series *knocks;
    uint64_t count;
    int sessions;
};

struct knock_session {
    struct knock_client *client;
    uint64_t count;
};

/* Of all clients that a test has opened. */
static struct {
    int opened, closed, sessions_made, sessions_freed;
} tally;

/* ---- the kind --------------------------------------------------------------------------------------------------- */

static int knock_open(struct rp_loop *loop, struct rp_registry *registry,
                      const struct rp_plan *plan, void **ret, struct rp_error *err)
{
    struct knock_client *client = rp_calloc(1, sizeof(*client));
    const struct rp_metric *metric;
    int r;

    assert_string_equal(plan->script, "load.py");
    if (!client)
        return -ENOMEM;
    r = rp_registry_metric(registry, "knocks", RP_TREND, false, &metric, NULL);
    if (r == 0)
        client->knocks = rp_registry_series(registry, metric, rp_tags_empty(registry));
    if (!client->knocks) {
        rp_free(client);
        return -ENOMEM;
    }
    tally.opened++;
    *ret = client;
    return 0;
}

static void knock_close(void *opaque)
{
    struct knock_client *client = opaque;

    assert_int_equal(client->sessions, 0);
    tally.closed++;
    rp_free(client);
}

static void knock_free_session(void *opaque)
{
    struct knock_session *session = opaque;

    assert_int_equal(session->count, ITERATIONS / VUS);
    session->client->sessions--;
    tally.sessions_freed++;
    rp_free(session);
}

static void knock_count(void *opaque, struct rp_client_counters *counters)
{
    const struct knock_client *client = opaque;

    counters->no_descriptors += client->count;
    counters->no_ports += 2 * client->count;
    counters->stray_bytes += 3 * client->count;
    counters->retried += 4 * client->count;
    counters->open_connections += (uint64_t)client->sessions;
}

static const struct rp_client_kind knock_kind = {
    .name = "knock",
    .open = knock_open,
    .close = knock_close,
    .free_session = knock_free_session,
    .count = knock_count,
};

/* ---- the script --------------------------------------------------------------------------------------------------- */

static struct knock_session *session_new(struct knock_client *client)
{
    struct knock_session *session = rp_calloc(1, sizeof(*session));

    assert_non_null(session);
    session->client = client;
    client->sessions++;
    tally.sessions_made++;
    return session;
}

static void knock(struct side *side, struct rp_vu *vu)
{
    struct knock_session *session = vu->sessions[KNOCK];

    if (!session)
        vu->sessions[KNOCK] = session = session_new(side->clients->client[KNOCK]);
    rp_series_trend(session->client->knocks, (double)++session->count);
    session->client->count++;
}

/* ---- tests --------------------------------------------------------------------------------------------------------- */

static void check_http_is_untouched(const struct side *side)
{
    struct rp_client_counters http = { 0 };

    assert_string_equal(rp_client_kinds.rows[RP_CLIENT_HTTP]->name, "http");
    rp_client_kinds.rows[RP_CLIENT_HTTP]->count(side->clients->client[RP_CLIENT_HTTP], &http);
    assert_int_equal(http.no_descriptors + http.no_ports + http.stray_bytes + http.retried +
                         http.open_connections,
                     0);
    for (int i = 0; i < VUS; i++)
        assert_null(side->slots[i].vu->sessions[RP_CLIENT_HTTP]);
    assert_null(rp_store_view(side->store, "http_reqs"));
}

static void test_a_second_kind(struct world *world)
{
    const struct rp_client_kind *rows[KIND_COUNT] = { rp_client_kinds.rows[RP_CLIENT_HTTP],
                                                      &knock_kind };
    struct side side;

    tally.opened = tally.closed = tally.sessions_made = tally.sessions_freed = 0;
    side_init_with(&side, world, (struct rp_client_kinds){ rows, KIND_COUNT });
    side.use = knock;
    go_to(&side, RP_MSG_TEARDOWN);
    assert_int_equal(tally.sessions_made, VUS);
    assert_int_equal(tally.sessions_freed, 0); /* a VU keeps its session as long as it is there */
    assert_int_equal(rp_clients_count(side.clients).open_connections, VUS);
    check_http_is_untouched(&side);
    assert_int_equal(side.health.no_descriptors, ITERATIONS);
    assert_int_equal(side.health.no_ports, 2 * ITERATIONS);
    assert_int_equal(side.stray_bytes, 3 * ITERATIONS);
    assert_int_equal(side.retried, 4 * ITERATIONS);
    tell_and_wait(&side, RP_MSG_EXIT, RP_MSG_BYE);
    assert_false(side.totals_differ);
    assert_int_equal(rp_store_view(side.store, "knocks")->total.samples, ITERATIONS);
    side_deinit(&side);
    assert_int_equal(tally.sessions_freed, VUS);
    assert_int_equal(tally.opened, 1);
    assert_int_equal(tally.closed, 1);
}

/* Whatever allocation fails while clients are opened: none is left open. */
static void test_no_memory(struct world *world)
{
    const struct rp_client_kind *rows[KIND_COUNT] = { &knock_kind,
                                                      rp_client_kinds.rows[RP_CLIENT_HTTP] };
    const struct rp_client_kinds kinds = { rows, KIND_COUNT };
    const struct rp_plan plan = { .script = (char *)"load.py" };
    struct rp_registry *registry;
    struct rp_clients clients;
    int r = -ENOMEM;

    tally.opened = tally.closed = 0;
    for (uint64_t n = 1; r < 0; n++) {
        assert_int_equal(rp_registry_new((struct rp_registry_limits){ 0 }, &registry), 0);
        rp_alloc_fail_at(n);
        r = rp_clients_open(&clients, kinds, world->loop, registry, &plan, NULL);
        rp_alloc_fail_at(0);
        assert_true(r == 0 || r == -ENOMEM);
        assert_int_equal(tally.opened - tally.closed, r == 0);
        rp_clients_close(&clients);
        assert_int_equal(tally.opened, tally.closed);
        rp_registry_free(registry);
    }
    assert_true(tally.opened > 3); /* it was HTTP that could not be opened */
}

int main(void)
{
    static const struct world_case cases[] = {
        CASE(test_a_second_kind),
        CASE(test_no_memory),
    };

    return run_worlds(cases, RP_ARRAY_LEN(cases));
}

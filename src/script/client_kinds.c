/* SPDX-License-Identifier: MIT */

/* The clients that this program has, as the rest of a worker sees them. */

#include "http/http.h"
#include "script/clients.h"
#include "script/trace.h"

/* ---- HTTP ------------------------------------------------------------------------------------ */

static int http_open(struct rp_loop *loop, struct rp_registry *registry, const struct rp_plan *plan,
                     void **ret)
{
    struct rp_http_client *client;
    int r = rp_http_client_new(loop, registry, (struct rp_http_limits){ 0 }, &client);

    if (r < 0)
        return r;
    if (plan->once)
        rp_http_client_set_trace(client, rp_trace_print);
    r = rp_http_client_set_base(client, plan->base_url);
    if (r < 0) {
        rp_http_client_free(client);
        return r;
    }
    *ret = client;
    return 0;
}

static void http_close(void *client)
{
    rp_http_client_free(client);
}

static void http_free_session(void *session)
{
    rp_http_session_free(session);
}

static void http_count(void *client, struct rp_client_counters *counters)
{
    const struct rp_http_counters *http = rp_http_client_counters(client);

    counters->no_descriptors += http->no_descriptors;
    counters->no_ports += http->no_ports;
    counters->stray_bytes += http->stray_bytes;
    counters->retried += http->retried;
    counters->open_connections += http->open_connections;
}

static void http_take_unfinished(void *client, rp_unfinished_fn *fn, void *user)
{
    rp_http_client_take_unfinished(client, fn, user);
}

static const struct rp_client_kind http_kind = {
    .name = "http",
    .open = http_open,
    .close = http_close,
    .free_session = http_free_session,
    .count = http_count,
    .take_unfinished = http_take_unfinished,
};

/* ---- all of them ----------------------------------------------------------------------------- */

static const struct rp_client_kind *const rows[] = {
    [RP_CLIENT_HTTP] = &http_kind,
};

const struct rp_client_kinds rp_client_kinds = { rows, RP_ARRAY_LEN(rows) };

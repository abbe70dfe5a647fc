/* SPDX-License-Identifier: MIT */

/* The clients that this program has, as the rest of a worker sees them. */

#include <string.h>

#include "grpc/grpc.h"
#include "http/http.h"
#include "http/trace.h"
#include "script/clients.h"
#include "ws/ws.h"

/* ---- HTTP ------------------------------------------------------------------------------------ */

/* Made before the run when something of TLS is set, so that what is wrong with it is said then. */
static int set_tls(struct rp_http_client *client, const struct rp_plan *plan, struct rp_error *err)
{
    struct rp_tls_settings settings = { .is_unverified = plan->insecure_skip_tls_verify,
                                        .ca_file = plan->tls_ca,
                                        .cert_file = plan->tls_cert,
                                        .key_file = plan->tls_key,
                                        .ciphers = plan->tls_cipher_suites,
                                        .no_resumption = plan->no_tls_resumption,
                                        .wants_status = plan->tls_cert_status,
                                        .keylog_file = plan->tls_keylog };

    if (plan->tls_min_version)
        settings.min_version = rp_tls_version_parse(plan->tls_min_version);
    if (plan->tls_max_version)
        settings.max_version = rp_tls_version_parse(plan->tls_max_version);
    if (!settings.is_unverified && !settings.ca_file && !settings.cert_file && !settings.ciphers &&
        !settings.no_resumption && !settings.wants_status && !settings.keylog_file &&
        !settings.min_version && !settings.max_version)
        return 0;
    return rp_http_client_set_tls(client, &settings, err);
}

static void set_h2(struct rp_http_client *client, const char *when)
{
    if (!when)
        rp_http_client_set_h2(client, RP_HTTP_H2_IF_AGREED);
    else if (strcmp(when, "always") == 0)
        rp_http_client_set_h2(client, RP_HTTP_H2_ALWAYS);
}

static struct rp_http_limits limits_of(const struct rp_plan *plan)
{
    return (struct rp_http_limits){
        .connections_per_host = (unsigned)plan->connections_per_host,
        .shared_connections = (unsigned)plan->shared_connections,
        .connect = plan->connect_timeout,
        .no_reuse = plan->no_connection_reuse,
        .keep_cookies = plan->keep_cookies,
        .connection_requests = (uint32_t)plan->max_connection_requests,
        .connection_age = plan->max_connection_age,
    };
}

/* What the plan says of connections, and of how servers are reached. */
static int set_ways(struct rp_http_client *client, const struct rp_plan *plan, struct rp_error *err)
{
    int r = rp_http_client_set_hosts(client, &plan->hosts, plan->local_ips, err);

    if (r == 0)
        r = rp_http_client_set_networks(client, plan->allow_ips, err);
    if (r == 0)
        r = rp_http_client_set_dns(client, &plan->dns, plan->seed, err);
    if (r == 0)
        r = set_tls(client, plan, err);
    if (r == 0)
        r = rp_http_client_set_proxy(client, plan->proxy, plan->proxy_auth, plan->no_proxy, err);
    return r;
}

static int http_open(struct rp_loop *loop, struct rp_registry *registry, const struct rp_plan *plan,
                     void **ret, struct rp_error *err)
{
    struct rp_http_client *client;
    int r = rp_http_client_new(loop, registry, limits_of(plan), &client);

    if (r < 0)
        return r;
    if (plan->once)
        rp_http_client_set_trace(client, rp_trace_print, NULL);
    else if (plan->http_debug)
        rp_http_client_show(client, strcmp(plan->http_debug, "full") == 0);
    rp_http_client_keep_failed(client, (unsigned)plan->failed_exchanges);
    set_h2(client, plan->http2);
    rp_http_client_set_traceparent(client, plan->traceparent);
    r = rp_http_client_set_base(client, plan->base_url);
    if (r == 0)
        r = set_ways(client, plan, err);
    if (r < 0) {
        rp_http_client_free(client);
        return r;
    }
    *ret = client;
    return 0;
}

static int http_check(void *client, struct rp_error *err)
{
    return rp_http_client_check_names(client, err);
}

static void http_close(void *client)
{
    rp_http_client_free(client);
}

static void http_free_session(void *session)
{
    rp_http_session_free(session);
}

static void add_counters(struct rp_http_client *client, struct rp_client_counters *counters)
{
    const struct rp_http_counters *http = rp_http_client_counters(client);

    counters->no_descriptors += http->no_descriptors;
    counters->no_ports += http->no_ports;
    counters->stray_bytes += http->stray_bytes;
    counters->retried += http->retried;
    counters->open_connections += http->open_connections;
}

static void http_count(void *client, struct rp_client_counters *counters)
{
    add_counters(client, counters);
}

static void http_take_unfinished(void *client, rp_unfinished_fn *fn, void *user)
{
    rp_http_client_take_unfinished(client, fn, user);
}

static void http_take_exchanges(void *client, rp_exchange_fn *fn, void *user)
{
    rp_http_client_take_exchanges(client, fn, user);
}

static void http_take_shown(void *client, rp_shown_fn *fn, void *user)
{
    rp_http_client_take_shown(client, fn, user);
}

static const struct rp_client_kind http_kind = {
    .name = "http",
    .open = http_open,
    .check = http_check,
    .close = http_close,
    .free_session = http_free_session,
    .count = http_count,
    .take_unfinished = http_take_unfinished,
    .take_exchanges = http_take_exchanges,
    .take_shown = http_take_shown,
};

/* ---- WebSocket ------------------------------------------------------------------------------- */

/* What the plan says of connections, the HTTP client does: its sessions open them. */
static int ws_open(struct rp_loop *loop, struct rp_registry *registry, const struct rp_plan *plan,
                   void **ret, struct rp_error *err)
{
    struct rp_ws_client *client;
    int r = rp_ws_client_new(loop, registry, &client);

    if (r < 0)
        return r;
    rp_ws_client_keep_failed(client, (unsigned)plan->failed_exchanges);
    *ret = client;
    return 0;
}

static void ws_close(void *client)
{
    rp_ws_client_free(client);
}

static void ws_finish(void *client)
{
    rp_ws_client_finish(client);
}

static void ws_take_exchanges(void *client, rp_exchange_fn *fn, void *user)
{
    rp_ws_client_take_exchanges(client, fn, user);
}

static void ws_free_session(void *user)
{
    rp_ws_user_free(user);
}

static const struct rp_client_kind ws_kind = {
    .name = "ws",
    .open = ws_open,
    .close = ws_close,
    .finish = ws_finish,
    .free_session = ws_free_session,
    .take_exchanges = ws_take_exchanges,
};

/* ---- gRPC ------------------------------------------------------------------------------------ */

static int grpc_open(struct rp_loop *loop, struct rp_registry *registry, const struct rp_plan *plan,
                     void **ret, struct rp_error *err)
{
    struct rp_http_client *http;
    struct rp_grpc_client *client;
    int r = rp_http_client_new(loop, NULL, limits_of(plan), &http);

    if (r < 0)
        return r;
    rp_http_client_set_h2(http, RP_HTTP_H2_ONLY);
    rp_http_client_set_traceparent(http, plan->traceparent);
    r = set_ways(http, plan, err);
    if (r < 0) {
        rp_http_client_free(http);
        return r;
    }
    r = rp_grpc_client_new(http, loop, registry, &client);
    if (r < 0)
        return r;
    rp_grpc_client_keep_failed(client, (unsigned)plan->failed_exchanges);
    if (plan->once || plan->http_debug)
        rp_grpc_client_show(client, plan->once);
    *ret = client;
    return 0;
}

static void grpc_close(void *client)
{
    rp_grpc_client_free(client);
}

/* Of the calls that a URL run makes. */
static int grpc_check(void *client, struct rp_error *err)
{
    return rp_http_client_check_names(rp_grpc_client_http(client), err);
}

static void grpc_count(void *client, struct rp_client_counters *counters)
{
    add_counters(rp_grpc_client_http(client), counters);
}

static void grpc_take_unfinished(void *client, rp_unfinished_fn *fn, void *user)
{
    rp_grpc_client_take_unfinished(client, fn, user);
}

static void grpc_take_exchanges(void *client, rp_exchange_fn *fn, void *user)
{
    rp_grpc_client_take_exchanges(client, fn, user);
}

static void grpc_take_shown(void *client, rp_shown_fn *fn, void *user)
{
    rp_http_client_take_shown(rp_grpc_client_http(client), fn, user);
}

static const struct rp_client_kind grpc_kind = {
    .name = "grpc",
    .open = grpc_open,
    .check = grpc_check,
    .close = grpc_close,
    .free_session = http_free_session,
    .count = grpc_count,
    .take_unfinished = grpc_take_unfinished,
    .take_exchanges = grpc_take_exchanges,
    .take_shown = grpc_take_shown,
};

/* ---- all of them ----------------------------------------------------------------------------- */

static const struct rp_client_kind *const rows[] = {
    [RP_CLIENT_HTTP] = &http_kind,
    [RP_CLIENT_WS] = &ws_kind,
    [RP_CLIENT_GRPC] = &grpc_kind,
};

const struct rp_client_kinds rp_client_kinds = { rows, RP_ARRAY_LEN(rows) };

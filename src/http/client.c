/* SPDX-License-Identifier: MIT */

/*
 * The HTTP client of a worker.
 *
 * client.c: life and origins. schemes.c: http and https. template.c: requests prepared once.
 * session.c: which connection a call gets. connection.c: a connection and what it carries. shared.c
 * and h2_streams.c: one that speaks HTTP/2. upgrade.c: one that goes to another protocol. own_head.c: heads with cookies or a trace. call.c: how a
 * call ends. names.c: whether names exist, before a run. samples.c: what is recorded. exchanges.c: failed requests that are kept. trace.c,
 * trace_body.c: what people are shown of a request. Who opens connections is net/dial.c.
 *
 * The hot path is a call on an idle connection: rp_http_start finds it by comparing the origin's
 * pointer, resets the parser, queues the prepared bytes; the loop flushes; the data callback parses
 * into the response's own buffers, records into series found by (tags, status) in the template and
 * calls done. Nothing is allocated, no timer is armed: a connection's timer stays where an earlier
 * request armed it and is moved when it fires too early.
 */

#include "http/body.h"
#include "http/http_internal.h"

#include <errno.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/random.h"

/* The built-in metrics that this room records. */
static const enum rp_builtin recorded[] = {
    RP_M_HTTP_REQS,
    RP_M_HTTP_REQ_FAILED,
    RP_M_HTTP_REQ_DURATION,
    RP_M_HTTP_REQ_BLOCKED,
    RP_M_HTTP_REQ_LOOKING_UP,
    RP_M_HTTP_REQ_CONNECTING,
    RP_M_HTTP_REQ_TLS_HANDSHAKING,
    RP_M_HTTP_REQ_SENDING,
    RP_M_HTTP_REQ_WAITING,
    RP_M_HTTP_REQ_RECEIVING,
    RP_M_SSE_EVENTS,
    RP_M_SSE_FIRST_EVENT,
    RP_M_SSE_EVENT_GAP,
    RP_M_DATA_SENT,
    RP_M_DATA_RECEIVED,
    RP_M_TLS_FULL,
    RP_M_TLS_RESUMED,
};

static void free_graveyard(struct rp_http_client *client)
{
    struct rp_list *node;

    while ((node = rp_list_pop(&client->graveyard))) {
        struct connection *connection = rp_container_of(node, struct connection, node);

        rp_stack_deinit(&connection->stack);
        if (connection->shared)
            client->h2->free(connection->shared);
        rp_free(connection);
    }
}

/* Not from the seed of the run: one that is repeated must not use the ids of the first one again. */
static void seed_traces(struct rp_http_client *client)
{
    uint64_t seed;

    if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
        seed = (uint64_t)rp_wall_clock_ns() ^ (uint64_t)getpid() << 48;
    rp_random_seed(client->trace_random, seed);
}

int rp_http_client_new(struct rp_loop *loop, struct rp_registry *registry,
                       struct rp_http_limits limits, struct rp_http_client **ret)
{
    struct rp_http_client *client = rp_calloc(1, sizeof(*client));
    int r;

    if (!client)
        return -ENOMEM;
    client->loop = loop;
    client->registry = registry;
    client->limits = limits;
    if (!limits.head_bytes)
        client->limits.head_bytes = RP_H1_HEAD_MAX;
    if (!limits.body_bytes)
        client->limits.body_bytes = (size_t)64 << 20;
    if (!limits.connections_per_host)
        client->limits.connections_per_host = 6;
    if (!limits.timeout)
        client->limits.timeout = 60 * RP_S;
    client->schemes = rp_http_own_schemes;
    seed_traces(client);
    rp_list_init(&client->graveyard);
    rp_list_init(&client->failing);
    r = rp_builtin_declare(registry, recorded, RP_ARRAY_LEN(recorded), client->metrics);
    if (r == 0)
        r = rp_dialler_init(&client->dialler, loop);
    if (r < 0) {
        rp_http_client_free(client);
        return r;
    }
    *ret = client;
    return 0;
}

void rp_http_client_free(struct rp_http_client *client)
{
    if (!client)
        return;
    rp_assert(client->sessions == 0);
    rp_task_cancel(&client->bury);
    free_graveyard(client);
    rp_http_free_decoders(client);
    rp_dialler_deinit(&client->dialler);
    rp_http_free_schemes(client);
    rp_free(client->base_url);
    rp_unfinished_list_deinit(&client->unfinished);
    rp_exchanges_deinit(&client->failed);
    rp_buf_deinit(&client->shown);
    while (client->origins) {
        struct origin *origin = client->origins;

        client->origins = origin->next;
        rp_http_free_origin(origin);
    }
    rp_http_free_proxies(client);
    rp_free(client);
}

int rp_http_client_set_base(struct rp_http_client *client, const char *url)
{
    char *copy = url ? rp_strdup(url) : NULL;

    if (url && !copy)
        return -ENOMEM;
    rp_free(client->base_url);
    client->base_url = copy;
    return 0;
}

void rp_http_client_set_trace(struct rp_http_client *client, rp_http_trace_fn *trace, void *user)
{
    client->trace = trace;
    client->trace_user = user;
}

void rp_http_client_set_traceparent(struct rp_http_client *client, bool is_default)
{
    client->has_traceparent = is_default;
}

const struct rp_http_counters *rp_http_client_counters(struct rp_http_client *client)
{
    client->counters.no_descriptors = client->dialler.no_descriptors;
    client->counters.no_ports = client->dialler.no_ports;
    return &client->counters;
}

void rp_http_client_take_unfinished(struct rp_http_client *client, rp_unfinished_fn *fn, void *user)
{
    rp_unfinished_list_take(&client->unfinished, fn, user);
}

struct origin *rp_http_origin(struct rp_http_client *client, const struct rp_http_scheme *scheme,
                              struct rp_slice host, uint16_t port, struct proxy *proxy)
{
    struct origin *origin;

    for (origin = client->origins; origin; origin = origin->next)
        if (origin->scheme == scheme && origin->port == port && origin->proxy == proxy &&
            rp_http_is_host(origin, host))
            return origin;
    origin = rp_calloc(1, sizeof(*origin));
    if (!origin)
        return NULL;
    origin->host = rp_strndup(host.ptr, host.len);
    origin->scheme = scheme;
    origin->port = port;
    origin->proxy = proxy;
    if (!scheme->is_http1)
        origin->is_shared = scheme->is_h2    ? true
                            : scheme->is_tls ? client->h2_use != RP_HTTP_H2_NEVER
                                             : client->h2_use >= RP_HTTP_H2_ALWAYS;
    if (!origin->host || rp_http_route(client, origin) < 0) {
        rp_http_free_origin(origin);
        return NULL;
    }
    origin->next = client->origins;
    client->origins = origin;
    return origin;
}

static void bury(struct rp_task *task)
{
    free_graveyard(rp_container_of(task, struct rp_http_client, bury));
}

void rp_http_bury(struct rp_http_client *client, struct connection *connection)
{
    rp_list_append(&client->graveyard, &connection->node);
    rp_loop_defer(client->loop, &client->bury, bury);
}

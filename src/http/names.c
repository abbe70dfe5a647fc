/* SPDX-License-Identifier: MIT */

/*
 * Whether the names are there that a run will ask for. A name that does not exist ends a run before
 * it begins: else the whole load would be failures of one kind.
 *
 * The look-ups have a loop and a resolver of their own, so that the first request of the run still
 * measures its own look-up.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "http/http_internal.h"

/* A list of targets may have many. A run that begins late because of them would be worse. */
enum { NAMES_MAX = 100 };
#define WAIT (2 * RP_S) /* for all answers: who is slower may have the name all the same */

struct name {
    struct rp_lookup lookup;
    struct names *names;
    const struct origin *origin;
    const char *host; /* borrowed from the origin or its proxy */
};

struct names {
    struct rp_resolver *resolver;
    size_t count, waiting;
    const struct name *missing; /* the first one that does not exist, or NULL */
    char why[64];
    struct name all[NAMES_MAX];
};

static void note_missing(struct name *name, const char *why)
{
    struct names *names = name->names;

    if (names->missing)
        return;
    names->missing = name;
    snprintf(names->why, sizeof(names->why), "%s", why);
}

static void looked_up(struct rp_lookup *lookup, enum rp_dns_status status,
                      const struct rp_address *addresses, size_t count, const char *text)
{
    struct name *name = rp_container_of(lookup, struct name, lookup);

    name->names->waiting--;
    if (status == RP_DNS_NOT_FOUND)
        note_missing(name, text);
}

static int look_up(struct names *names, const struct origin *origin, const char *host)
{
    struct name *name = &names->all[names->count];
    const struct rp_address *addresses;
    size_t count;
    int r;

    if (names->count == NAMES_MAX)
        return 0;
    name->names = names;
    name->origin = origin;
    name->host = host;
    name->lookup.fn = looked_up;
    r = rp_resolve(names->resolver, rp_slice_str(host), &name->lookup, &addresses, &count);
    names->count++;
    names->waiting += r == 0;
    return r < 0 ? r : 0;
}

/* The names that a dial to @origin looks up: see connection.c and rp_http_dial_via(). */
static int look_up_of(struct names *names, const struct origin *origin)
{
    const struct via *via = origin->via;
    int r;

    if (origin->unix_path)
        return 0;
    if (!via)
        return look_up(names, origin, origin->dial_host ? origin->dial_host : origin->host);
    r = look_up(names, origin, via->proxy->host);
    return r < 0 || !via->is_looked ? r : look_up(names, origin, via->host);
}

/* As users write it: a client that speaks HTTP/2 only is one of gRPC. */
static const char *scheme_of(const struct rp_http_client *client, const struct origin *origin)
{
    const char *name = origin->scheme->name;

    if (client->h2_use != RP_HTTP_H2_ONLY)
        return name;
    return strcmp(name, "https") == 0 ? "grpcs" : "grpc";
}

static int refuse(const struct rp_http_client *client, const struct name *name, const char *why,
                  struct rp_error *err)
{
    const struct origin *origin = name->origin;
    const struct via *via = origin->via;
    bool is_proxy = via && name->host == via->proxy->host;
    bool is_own = !is_proxy && strcmp(name->host, origin->host) == 0;
    char url[300];

    snprintf(url, sizeof(url), "%s://%s:%u", scheme_of(client, origin), origin->host, origin->port);
    if (is_proxy)
        rp_error_set(err, -RP_EUSER, "the name of the proxy %s cannot be resolved: %s",
                     via->proxy->place, why);
    else if (is_own)
        rp_error_set(err, -RP_EUSER, "the name of %s cannot be resolved: %s", url, why);
    else
        rp_error_set(err, -RP_EUSER,
                     "connections to %s are to go to '%s', a name that cannot be resolved: %s", url,
                     name->host, why);
    if (is_own)
        rp_error_hint(err, "check the URL, or give the name an address: --resolve %s:%u:ADDRESS",
                      origin->host, origin->port);
    else
        rp_error_hint(err, "check the name");
    return -RP_EUSER;
}

int rp_http_check_names_with(struct rp_http_client *client, struct rp_loop *loop,
                             struct rp_resolver *resolver, rp_ns until, struct rp_error *err)
{
    struct names *names = rp_calloc(1, sizeof(*names));
    int r = names ? 0 : -ENOMEM;

    if (names)
        names->resolver = resolver;
    for (const struct origin *it = client->origins; r == 0 && it; it = it->next)
        r = look_up_of(names, it);
    while (r == 0 && names->waiting && !names->missing && rp_loop_now(loop) < until)
        r = rp_loop_turn(loop, until);
    if (r == 0 && names->missing)
        r = refuse(client, names->missing, names->why, err);
    for (size_t i = 0; names && i < names->count; i++)
        rp_lookup_cancel(&names->all[i].lookup);
    rp_free(names);
    return r;
}

/* Whether some connection of @client needs a look-up. */
static bool has_names(const struct rp_http_client *client)
{
    for (const struct origin *it = client->origins; it; it = it->next) {
        const char *host = it->via         ? it->via->proxy->host
                           : it->dial_host ? it->dial_host
                                           : it->host;

        if (!it->unix_path &&
            (!rp_dns_is_address(rp_slice_str(host)) || (it->via && it->via->is_looked)))
            return true;
    }
    return false;
}

/* Of a script the base is all that is known before it runs. What is wrong with it is told with the
 * first request that needs it. */
static int make_base_origin(struct rp_http_client *client)
{
    const struct rp_http_spec spec = { .method = RP_SLICE("GET"), .url = RP_SLICE("/") };
    struct rp_http_template *template;
    struct rp_error err = { 0 };
    int r;

    if (!client->base_url)
        return 0;
    r = rp_http_template_new(client, &spec, &template, &err);
    if (r == 0)
        rp_http_template_unref(template);
    rp_error_deinit(&err);
    return r == -RP_EUSER ? 0 : r;
}

int rp_http_client_check_names(struct rp_http_client *client, struct rp_error *err)
{
    struct rp_resolver *resolver = NULL;
    struct rp_loop *loop = NULL;
    int r = make_base_origin(client);

    if (r < 0 || !has_names(client))
        return r;
    r = rp_loop_new(rp_loop_epoll, &loop);
    if (r == 0)
        r = rp_resolver_new(loop, &resolver);
    if (r == 0) {
        rp_resolver_set_policy(resolver, rp_resolver_policy(client->dialler.resolver));
        r = rp_http_check_names_with(client, loop, resolver, rp_ns_add(rp_loop_now(loop), WAIT),
                                     err);
    }
    rp_resolver_free(resolver);
    rp_loop_free(loop);
    return r;
}

/* SPDX-License-Identifier: MIT */

/* Where the connections of an origin go: found once, when the origin is made. */

#include <errno.h>

#include "base/alloc.h"
#include "http/http_internal.h"
#include "plan/dns.h"
#include "plan/hosts.h"

/* See rp_url_is_unix(). */
static bool is_socket(const struct origin *origin)
{
    return origin->host[0] == '%';
}

int rp_http_client_set_hosts(struct rp_http_client *client, const struct rp_pairs *hosts,
                             const char *local_ips, struct rp_error *err)
{
    rp_assert(!client->origins);
    client->hosts = hosts;
    return local_ips ? rp_local_ips_parse(&client->dialler.sources, local_ips, err) : 0;
}

int rp_http_client_set_networks(struct rp_http_client *client, const char *networks,
                                struct rp_error *err)
{
    return networks ? rp_networks_parse(&client->dialler.networks, networks, err) : 0;
}

int rp_http_client_set_dns(struct rp_http_client *client, const struct rp_pairs *dns, uint64_t seed,
                           struct rp_error *err)
{
    static const enum rp_dial_select selects[] = { [RP_DNS_VU] = RP_DIAL_BY_SPREAD,
                                                   [RP_DNS_FIRST] = RP_DIAL_FIRST,
                                                   [RP_DNS_ROUND_ROBIN] = RP_DIAL_IN_TURN,
                                                   [RP_DNS_RANDOM] = RP_DIAL_AT_RANDOM };
    static const struct {
        sa_family_t only, preferred;
    } families[] = { [RP_DNS_ANY] = { 0, 0 },
                     [RP_DNS_PREFER_IPV4] = { 0, AF_INET },
                     [RP_DNS_PREFER_IPV6] = { 0, AF_INET6 },
                     [RP_DNS_ONLY_IPV4] = { AF_INET, 0 },
                     [RP_DNS_ONLY_IPV6] = { AF_INET6, 0 } };
    struct rp_dns_settings settings;
    struct rp_dns_policy policy;
    int r = rp_dns_settings_parse(dns, &settings, err);

    if (r < 0)
        return r;
    policy = (struct rp_dns_policy){ settings.has_ttl, settings.ttl,
                                     families[settings.families].only,
                                     families[settings.families].preferred };
    rp_resolver_set_policy(client->dialler.resolver, &policy);
    client->dialler.select = selects[settings.select];
    client->dialler.random = seed;
    return 0;
}

static bool has_rule(const struct rp_http_client *client, const struct origin *origin,
                     struct rp_host_rule *ret)
{
    *ret = (struct rp_host_rule){ 0 };
    return client->hosts &&
           rp_host_rule_find(client->hosts, rp_slice_str(origin->host), origin->port, ret);
}

bool rp_http_is_host(const struct origin *origin, struct rp_slice host)
{
    struct rp_slice own = rp_slice_str(origin->host);

    return is_socket(origin) ? rp_slice_eq(own, host) : rp_slice_ieq(own, host);
}

static int route_to_socket(struct origin *origin)
{
    struct rp_buf path;
    int r;

    rp_buf_init(&path, SIZE_MAX);
    rp_url_append_decoded(rp_slice_str(origin->host), &path);
    r = path.error;
    if (r == 0) {
        origin->unix_path = rp_strndup(path.data, path.len);
        r = origin->unix_path ? 0 : -ENOMEM;
    }
    rp_buf_deinit(&path);
    return r;
}

/* A socket of this machine is reached without a proxy, which could not reach it. */
int rp_http_route(struct rp_http_client *client, struct origin *origin)
{
    struct rp_host_rule rule;
    bool is_elsewhere = has_rule(client, origin, &rule);
    char **place = rule.is_unix ? &origin->unix_path : &origin->dial_host;

    origin->layers = origin->scheme->layers;
    origin->dial_port = rule.to_port ? rule.to_port : origin->port;
    if (is_socket(origin))
        return route_to_socket(origin);
    if (origin->proxy && !rule.is_unix)
        return rp_http_go_via(client, origin, origin->proxy,
                              rule.to.len ? rule.to : rp_slice_str(origin->host), origin->dial_port,
                              is_elsewhere);
    if (!rule.to.len)
        return 0;
    *place = rp_strndup(rule.to.ptr, rule.to.len);
    return *place ? 0 : -ENOMEM;
}

void rp_http_free_origin(struct origin *origin)
{
    rp_free(origin->host);
    rp_free(origin->dial_host);
    rp_free(origin->unix_path);
    rp_http_free_via(origin->via);
    rp_free(origin);
}

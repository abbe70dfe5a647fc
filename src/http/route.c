/* SPDX-License-Identifier: MIT */

/* Where the connections of an origin go: found once, when the origin is made. */

#include <errno.h>

#include "base/alloc.h"
#include "http/http_internal.h"
#include "plan/hosts.h"

int rp_http_client_set_hosts(struct rp_http_client *client, const struct rp_pairs *hosts,
                             const char *local_ips, struct rp_error *err)
{
    rp_assert(!client->origins);
    client->hosts = hosts;
    return local_ips ? rp_local_ips_parse(&client->dialler.sources, local_ips, err) : 0;
}

int rp_http_route(struct rp_http_client *client, struct origin *origin)
{
    struct rp_host_rule rule;
    char **place = &origin->dial_host;

    origin->dial_port = origin->port;
    if (!client->hosts ||
        !rp_host_rule_find(client->hosts, rp_slice_str(origin->host), origin->port, &rule))
        return 0;
    if (rule.to_port)
        origin->dial_port = rule.to_port;
    if (rule.is_unix)
        place = &origin->unix_path;
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
    rp_free(origin);
}

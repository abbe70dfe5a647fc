/* SPDX-License-Identifier: MIT */

/* A connection that leaves the client, for another protocol: see upgrade.h. */

#include "http/upgrade.h"

#include "http/handover.h"

int rp_http_start_upgrade(struct rp_http_session *session, struct rp_http_call *call,
                          struct rp_http_upgraded *upgraded)
{
    *upgraded = (struct rp_http_upgraded){ 0 };
    if (call->template->is_tunnel)
        return rp_http_tunnel_start(session, call, &upgraded->tunnel);
    rp_http_start(session, call);
    return 0;
}

static bool take_tunnel(struct rp_http_upgraded *upgraded)
{
    upgraded->transport = rp_http_tunnel_take(upgraded->tunnel);
    upgraded->connection = upgraded->transport ? upgraded->tunnel : NULL;
    return upgraded->transport != NULL;
}

bool rp_http_take_upgraded(const struct rp_http_call *call, struct rp_http_upgraded *upgraded)
{
    struct rp_http_client *client = call->template->client;
    struct connection *connection = client->upgraded;

    if (upgraded->tunnel)
        return take_tunnel(upgraded);
    if (!connection)
        return false;
    client->upgraded = NULL;
    *upgraded = (struct rp_http_upgraded){ connection->stack.top, connection, NULL };
    return true;
}

void rp_http_count_upgraded(const struct rp_http_upgraded *upgraded)
{
    if (upgraded->tunnel)
        rp_http_tunnel_count(upgraded->tunnel);
}

void rp_http_finish_upgraded(const struct rp_http_upgraded *upgraded)
{
    if (upgraded->tunnel)
        rp_http_tunnel_finish(upgraded->tunnel);
}

const struct rp_http_response *rp_http_upgraded_end(const struct rp_http_upgraded *upgraded)
{
    return upgraded->tunnel ? rp_http_tunnel_end(upgraded->tunnel) : NULL;
}

void rp_http_close_upgraded(struct rp_http_upgraded *upgraded, bool reset)
{
    struct rp_http_upgraded last = *upgraded;

    *upgraded = (struct rp_http_upgraded){ 0 };
    if (last.tunnel)
        rp_http_tunnel_close(last.tunnel);
    else if (last.connection)
        rp_http_connection_close(last.connection, reset);
}

const struct rp_tags *rp_http_upgrade_tags(const struct rp_http_template *template,
                                           const struct rp_tags *base)
{
    struct rp_registry *registry = template->client->registry;
    struct rp_slice name = rp_slice_str(template->name);
    const struct rp_tags *tags = rp_tags_with(registry, base, RP_SLICE("url"), name);

    if (tags)
        tags = rp_tags_with(registry, tags, RP_SLICE("name"), name);
    for (size_t i = 0; tags && i < template->tag_count; i++)
        tags = rp_tags_with(registry, tags, template->tags[i].name, template->tags[i].value);
    return tags;
}

/* SPDX-License-Identifier: MIT */

/* A connection that leaves the client, for another protocol: see upgrade.h. */

#include "http/upgrade.h"

#include "http/http_internal.h"

bool rp_http_take_upgraded(const struct rp_http_call *call, struct rp_http_upgraded *ret)
{
    struct rp_http_client *client = call->template->client;
    struct connection *connection = client->upgraded;

    if (!connection)
        return false;
    client->upgraded = NULL;
    *ret = (struct rp_http_upgraded){ connection->stack.top, connection };
    return true;
}

void rp_http_close_upgraded(struct rp_http_upgraded *upgraded, bool reset)
{
    if (upgraded->connection)
        rp_http_connection_close(upgraded->connection, reset);
    *upgraded = (struct rp_http_upgraded){ NULL, NULL };
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

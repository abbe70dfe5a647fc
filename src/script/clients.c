/* SPDX-License-Identifier: MIT */
#include "script/clients.h"

int rp_clients_open(struct rp_clients *clients, struct rp_client_kinds kinds, struct rp_loop *loop,
                    struct rp_registry *registry, const struct rp_plan *plan, struct rp_error *err)
{
    rp_assert(kinds.count <= RP_CLIENT_KINDS_MAX);
    *clients = (struct rp_clients){ .kinds = { kinds.rows, 0 } };
    for (size_t i = 0; i < kinds.count; i++) {
        int r = kinds.rows[i]->open(loop, registry, plan, &clients->client[i], err);

        if (r < 0) {
            rp_clients_close(clients);
            return r;
        }
        clients->kinds.count++;
    }
    return 0;
}

int rp_clients_check(const struct rp_clients *clients, struct rp_error *err)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < clients->kinds.count; i++)
        if (clients->kinds.rows[i]->check)
            r = clients->kinds.rows[i]->check(clients->client[i], err);
    return r;
}

void rp_clients_finish(const struct rp_clients *clients)
{
    for (size_t i = 0; i < clients->kinds.count; i++)
        if (clients->kinds.rows[i]->finish)
            clients->kinds.rows[i]->finish(clients->client[i]);
}

void rp_clients_close(struct rp_clients *clients)
{
    while (clients->kinds.count) {
        size_t last = --clients->kinds.count;

        clients->kinds.rows[last]->close(clients->client[last]);
    }
    *clients = (struct rp_clients){ .kinds.count = 0 };
}

void rp_clients_free_sessions(const struct rp_clients *clients, void *sessions[RP_CLIENT_KINDS_MAX])
{
    for (size_t i = clients->kinds.count; i-- > 0;) {
        if (sessions[i])
            clients->kinds.rows[i]->free_session(sessions[i]);
        sessions[i] = NULL;
    }
}

void rp_clients_take_unfinished(const struct rp_clients *clients, rp_unfinished_fn *fn, void *user)
{
    for (size_t i = 0; i < clients->kinds.count; i++)
        if (clients->kinds.rows[i]->take_unfinished)
            clients->kinds.rows[i]->take_unfinished(clients->client[i], fn, user);
}

void rp_clients_take_exchanges(const struct rp_clients *clients, rp_exchange_fn *fn, void *user)
{
    for (size_t i = 0; i < clients->kinds.count; i++)
        if (clients->kinds.rows[i]->take_exchanges)
            clients->kinds.rows[i]->take_exchanges(clients->client[i], fn, user);
}

void rp_clients_take_shown(const struct rp_clients *clients, rp_shown_fn *fn, void *user)
{
    for (size_t i = 0; i < clients->kinds.count; i++)
        if (clients->kinds.rows[i]->take_shown)
            clients->kinds.rows[i]->take_shown(clients->client[i], fn, user);
}

struct rp_client_counters rp_clients_count(const struct rp_clients *clients)
{
    struct rp_client_counters counters = { 0 };

    for (size_t i = 0; i < clients->kinds.count; i++)
        if (clients->kinds.rows[i]->count)
            clients->kinds.rows[i]->count(clients->client[i], &counters);
    return counters;
}

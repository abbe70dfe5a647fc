/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * script/clients.h - the kinds of clients that scripts make requests with: HTTP, WebSocket, gRPC.
 *
 * A worker opens one client of each kind that it is given. What a VU has of a client, its
 * connections for instance, is the VU's session of that kind: a script host makes it when the VU
 * first needs it, and it goes with the VU. Only script hosts know what a client can do. The worker
 * and the engine open and close clients, free sessions and add up what clients have counted, all by
 * the table of kinds; so a further kind is a room of its own, a number below, and a row of
 * rp_client_kinds (script/client_kinds.c).
 */

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "loop/loop.h"
#include "plan/plan.h"
#include "stats/exchange.h"
#include "stats/registry.h"
#include "stats/unfinished.h"

/* The number of a kind is its place in the list of kinds, and that of its sessions in a VU. */
enum rp_client_number { RP_CLIENT_HTTP, RP_CLIENT_WS, RP_CLIENT_GRPC };

/* Each VU has so many places for sessions, used or not: 8 bytes each, which is why there are no
 * more. */
enum { RP_CLIENT_KINDS_MAX = 3 };

/* What clients saw that is the generator's own fault or worth a warning. A kind leaves alone what
 * it does not know. */
struct rp_client_counters {
    uint64_t no_descriptors;   /* connections that failed for want of file descriptors */
    uint64_t no_ports;         /* connections that failed for want of local ports */
    uint64_t stray_bytes;      /* connections dropped for bytes that nobody had asked for */
    uint64_t retried;          /* requests sent again because a kept connection had been closed */
    uint64_t open_connections; /* at present */
};

struct rp_client_kind {
    const char *name; /* "http" */
    /* Makes the client of a worker, before any VU; what it measures goes to @registry. 0, or
     * -errno, or -RP_EUSER for what the plan says of it: then *@ret is untouched. All three are borrowed until close(). */
    int (*open)(struct rp_loop *loop, struct rp_registry *registry, const struct rp_plan *plan,
                void **ret, struct rp_error *err);
    /* Frees the client. Its sessions are gone. */
    void (*close)(void *client);
    /* Frees a VU's session with all that is under way in it, of which nothing is told any more.
     * Never called with NULL. */
    void (*free_session)(void *session);
    /* Adds what the client has counted since open(). Optional: it counts nothing. */
    void (*count)(void *client, struct rp_client_counters *counters);
    /* Calls @fn once with the requests that were interrupted since the last call, if there are any,
     * and forgets them. Optional: it has none. */
    void (*take_unfinished)(void *client, rp_unfinished_fn *fn, void *user);
    /* Calls @fn with each exchange that was kept since the last call, and forgets it. Optional: it
     * keeps none. */
    void (*take_exchanges)(void *client, rp_exchange_fn *fn, void *user);
    /* Calls @fn with the lines of each exchange that is to be shown, and forgets it; with an empty text
     * when no further one will be shown. Optional: it shows none. */
    void (*take_shown)(void *client, rp_shown_fn *fn, void *user);
    /* Finds out whether what the script host has prepared for the client, and what the plan says, can
     * be run at all. 0, -errno, or -RP_EUSER. Optional: nothing of it is known before the run. */
    int (*check)(void *client, struct rp_error *err);
    /* The run has ended, and its samples are about to be read: what the sessions of VUs have open, and
     * record something of at its end, is ended. Optional: there is no such thing. */
    void (*finish)(void *client);
};

struct rp_client_kinds {
    const struct rp_client_kind *const *rows; /* by their number */
    size_t count;                             /* at most RP_CLIENT_KINDS_MAX */
};

/* All that this program has. */
extern const struct rp_client_kinds rp_client_kinds;

/* The clients of one worker. Zeroed = none. */
struct rp_clients {
    struct rp_client_kinds kinds;
    void *client[RP_CLIENT_KINDS_MAX]; /* by its kind's number */
};

/* Opens one client of each of @kinds. -errno of the one that failed: then none is open. */
RP_NODISCARD int rp_clients_open(struct rp_clients *clients, struct rp_client_kinds kinds,
                                 struct rp_loop *loop, struct rp_registry *registry,
                                 const struct rp_plan *plan, struct rp_error *err);
/* To be called when the script host is prepared: see struct rp_client_kind. */
RP_NODISCARD int rp_clients_check(const struct rp_clients *clients, struct rp_error *err);
/* To be called when the run has ended, before its last samples are read: see struct rp_client_kind. */
void rp_clients_finish(const struct rp_clients *clients);
/* No session may be left. Zeroed is allowed, and is what it leaves. */
void rp_clients_close(struct rp_clients *clients);
/* Frees a VU's sessions, by the number of their kinds, the last one first, for it may stand on one
 * before it; NULL = it has none of that kind, and is what is left. */
void rp_clients_free_sessions(const struct rp_clients *clients,
                              void *sessions[RP_CLIENT_KINDS_MAX]);
/* Calls @fn with the requests that were interrupted since the last call, once for each client that
 * has some. */
void rp_clients_take_unfinished(const struct rp_clients *clients, rp_unfinished_fn *fn, void *user);
/* Calls @fn with each exchange that a client has kept since the last call. */
void rp_clients_take_exchanges(const struct rp_clients *clients, rp_exchange_fn *fn, void *user);
/* The same with the lines of those that are to be shown. */
void rp_clients_take_shown(const struct rp_clients *clients, rp_shown_fn *fn, void *user);
/* What all of them have counted. */
struct rp_client_counters rp_clients_count(const struct rp_clients *clients);

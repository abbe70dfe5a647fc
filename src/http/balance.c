/* SPDX-License-Identifier: MIT */

/*
 * Calls that go to all addresses of a host in turn: a user has a connection to each of them.
 *
 * A connection is opened by the first call that finds an address without one, as others are. What fails
 * there is no failure of the call as long as another address works: the call goes on with the connection
 * whose turn it is, and the address is left alone for RETRY_AFTER. The dial has tried the other addresses
 * too, so that a call is never without a connection while one of them can be reached; a connection that
 * leads where another one does already is closed, and its call uses those that there are.
 */

#include <errno.h>

#include "base/alloc.h"
#include "http/handover.h"
#include "http/shared.h"

/* An address that does not work is tried again by one call of all users. It costs a SYN, and 250 ms of that
 * call if nobody answers to it. */
#define RETRY_AFTER RP_S

/* It may take a call, or will once it is open. */
static bool is_of_use(const struct connection *connection, const struct origin *origin)
{
    if (connection->origin != origin)
        return false;
    return connection->state == CONNECTION_OPENING
               ? connection->dial != NULL
               : connection->state == CONNECTION_SHARED &&
                     connection->session->client->h2->is_worth_waiting(connection);
}

static bool has_connection(const struct rp_http_session *pool, const struct origin *origin,
                           const struct rp_address *address)
{
    RP_LIST_EACH (it, &pool->connections) {
        const struct connection *connection = rp_container_of(it, struct connection, node);

        if (is_of_use(connection, origin) &&
            (!address || (connection->peer && rp_address_is(connection->peer, address))))
            return true;
    }
    return false;
}

static unsigned first_of(const struct rp_http_call *call)
{
    return call->session->user > 0 ? (unsigned)(call->session->user - 1) : 0;
}

/* How many addresses are passed over until one lacks a connection. -1 = none does. */
static int find_lack(const struct rp_http_session *pool, const struct rp_http_call *call)
{
    const struct origin *origin = call->template->origin;
    const struct rp_destination *destination = &origin->destination;
    rp_ns now = rp_loop_now(pool->client->loop);

    for (unsigned i = 0; i < destination->known_count; i++) {
        const struct rp_address *address =
            &destination->known[(first_of(call) + i) % destination->known_count];

        if (!rp_destination_avoids(destination, address, now) &&
            !has_connection(pool, origin, address))
            return (int)i;
    }
    return -1;
}

static bool is_balanced(const struct rp_http_session *pool, const struct rp_http_call *call)
{
    return call->template->is_balanced && !pool->is_pool;
}

struct connection *rp_http_connection_new(struct rp_http_session *pool, struct rp_http_call *call)
{
    size_t peer = is_balanced(pool, call) ? sizeof(struct rp_address) : 0;
    struct connection *connection = rp_calloc(1, sizeof(*connection) + peer);

    if (!connection)
        return NULL;
    connection->session = pool;
    connection->origin = call->template->origin;
    connection->call = call;
    if (peer)
        connection->peer = (struct rp_address *)(connection + 1);
    return connection;
}

void rp_http_aim(struct connection *connection, struct rp_dial_spec *spec)
{
    const struct rp_http_call *call = connection->call;
    struct rp_destination *destination = &connection->origin->destination;
    int lack;

    spec->spread = first_of(call);
    spec->peer = connection->peer;
    if (!is_balanced(connection->session, call))
        return;
    if (!destination->avoid_for)
        destination->avoid_for = RETRY_AFTER;
    lack = find_lack(connection->session, call);
    if (lack < 0)
        return;
    spec->spread += (unsigned)lack;
    *connection->peer = destination->known[spec->spread % destination->known_count];
    spec->aim = connection->peer;
}

/* Gives @call to the connection that has not had one for longest. False when none takes it. */
static bool begin_in_turn(struct rp_http_session *pool, struct rp_http_call *call)
{
    RP_LIST_EACH (it, &pool->connections) {
        struct connection *connection = rp_container_of(it, struct connection, node);

        if (connection->origin != call->template->origin ||
            connection->state != CONNECTION_SHARED || !pool->client->h2->begin(connection, call))
            continue;
        rp_list_remove(&connection->node);
        rp_list_append(&pool->connections, &connection->node);
        return true;
    }
    return false;
}

enum turn rp_http_take_turn(struct rp_http_session *pool, struct rp_http_call *call)
{
    bool has_failed = call->first_attempt || (call->more && call->more->lost_peers);

    if (has_failed && begin_in_turn(pool, call))
        return TURN_BEGUN;
    if (find_lack(pool, call) >= 0)
        return TURN_OPENS;
    if (!has_failed && begin_in_turn(pool, call))
        return TURN_BEGUN;
    return has_connection(pool, call->template->origin, NULL) ? TURN_WAITS : TURN_OPENS;
}

bool rp_http_is_double(const struct connection *connection)
{
    return is_balanced(connection->session, connection->call) &&
           has_connection(connection->session, connection->origin, connection->peer) &&
           begin_in_turn(connection->session,
                         connection->call); /* else all are full: it is of use */
}

/* Whether @call, which has lost its connection to @peer, may try another address. */
static bool may_go_on(const struct rp_http_session *pool, struct rp_http_call *call,
                      const struct rp_address *peer)
{
    struct rp_destination *destination = &call->template->origin->destination;
    struct rp_http_more *more = rp_http_more(call);
    rp_ns now = rp_loop_now(pool->client->loop);

    if (peer && peer->len)
        rp_destination_avoid(destination, peer, now);
    return more && ++more->lost_peers < destination->known_count && call->deadline > now &&
           (find_lack(pool, call) >= 0 || has_connection(pool, call->template->origin, NULL));
}

bool rp_http_may_redial(const struct connection *connection)
{
    /* A peer was reached, and has refused a handshake. */
    return is_balanced(connection->session, connection->call) &&
           may_go_on(connection->session, connection->call, connection->peer);
}

bool rp_http_may_leave_peer(const struct shared *shared, struct rp_http_call *call)
{
    const struct connection *connection = shared->connection;

    return is_balanced(connection->session, call) &&
           rp_h2_takes_protocols(shared->session) == -EAGAIN &&
           may_go_on(connection->session, call, connection->peer);
}

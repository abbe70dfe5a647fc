/* SPDX-License-Identifier: MIT */

/*
 * A VU's connections: which one a call gets. An idle connection to the origin is taken; else a new
 * one is opened, up to the limit of connections_per_host; else the call waits for one to become
 * free (and its wait is `blocked`). A pool that all VUs share is a session without a user, which has
 * the connections of the others.
 */

#include <errno.h>

#include "base/alloc.h"
#include "http/cookies.h"
#include "http/handover.h"

/* A connection that was idle for less is trusted without a look, which is a system call. */
#define LOOK_AFTER RP_MS

static struct rp_http_session *session_new(struct rp_http_client *client)
{
    struct rp_http_session *session = rp_calloc(1, sizeof(*session));

    if (!session)
        return NULL;
    session->client = client;
    session->pool = session;
    rp_list_init(&session->connections);
    rp_list_init(&session->waiting);
    return session;
}

static int make_pool(struct rp_http_client *client)
{
    client->pool = session_new(client);
    if (!client->pool)
        return -ENOMEM;
    client->pool->is_pool = true;
    return 0;
}

int rp_http_session_new(struct rp_http_client *client, int64_t user, struct rp_http_session **ret)
{
    struct rp_http_session *session = session_new(client);

    if (!session)
        return -ENOMEM;
    if (client->limits.shared_connections && !client->pool && make_pool(client) < 0) {
        rp_free(session);
        return -ENOMEM;
    }
    if (client->pool)
        session->pool = client->pool;
    session->user = user;
    client->sessions++;
    *ret = session;
    return 0;
}

void rp_http_session_set_iteration(struct rp_http_session *session, const uint64_t *iteration)
{
    session->iteration = iteration;
}

void rp_http_session_who(const struct rp_http_session *session, int64_t *user, uint64_t *iteration)
{
    *user = session->user;
    *iteration = session->iteration ? *session->iteration : 0;
}

/* Some call of @session that waits in @calls, or NULL. */
static struct rp_http_call *find_call(const struct rp_list *calls,
                                      const struct rp_http_session *session)
{
    RP_LIST_EACH (it, calls) {
        struct rp_http_call *call = rp_container_of(it, struct rp_http_call, node);

        if (call->session == session)
            return call;
    }
    return NULL;
}

/* Some call of @session that has a connection, or NULL. */
static struct rp_http_call *find_sent(const struct rp_http_session *session)
{
    RP_LIST_EACH (it, &session->pool->connections) {
        struct connection *connection = rp_container_of(it, struct connection, node);
        struct rp_http_call *call = connection->call;

        if (connection->shared)
            call = session->client->h2->call_of(connection, session);
        if (call && call->session == session)
            return call;
    }
    return NULL;
}

/* Those that wait come first, so that they do not get the connections of the others. */
static void cancel_all(struct rp_http_session *session)
{
    struct rp_http_call *call;

    while ((call = find_call(&session->pool->waiting, session)) ||
           (call = find_call(&session->client->failing, session)) || (call = find_sent(session)))
        rp_http_cancel(call, false);
}

static void close_all(struct rp_http_session *pool)
{
    while (!rp_list_is_empty(&pool->connections))
        rp_http_connection_close(rp_container_of(pool->connections.next, struct connection, node),
                                 false);
}

static void free_connections(struct rp_http_session *session)
{
    close_all(session);
    rp_http_free_tickets(session);
}

/* The pool goes with the last session. */
void rp_http_session_free(struct rp_http_session *session)
{
    struct rp_http_client *client;

    if (!session)
        return;
    client = session->client;
    cancel_all(session);
    free_connections(session);
    rp_http_drop_jar(session);
    rp_free(session);
    if (--client->sessions || !client->pool)
        return;
    free_connections(client->pool);
    rp_free(client->pool);
    client->pool = NULL;
}

static bool is_unused(const struct connection *connection)
{
    return connection->shared && connection->session->client->h2->is_unused(connection);
}

void rp_http_session_close_idle(struct rp_http_session *session)
{
    RP_LIST_EACH (it, &session->pool->connections) {
        struct connection *connection = rp_container_of(it, struct connection, node);

        if (connection->state == CONNECTION_IDLE || is_unused(connection))
            rp_http_connection_close(connection, false);
        else if (connection->shared && !session->pool->is_pool) /* such as for a last word */
            session->client->h2->retire(connection);
    }
}

static void waiting_timed_out(struct rp_timer *timer, rp_ns now)
{
    struct rp_http_call *call = rp_container_of(timer, struct rp_http_call, timer);

    if (call->timeouts && rp_http_connection_limit(call) > now) {
        rp_timer_arm(call->session->client->loop, timer, rp_http_connection_limit(call),
                     waiting_timed_out);
        return;
    }
    rp_http_fail(call, RP_HTTP_TIMEOUT, "timeout", "no connection became free", now);
}

/* A server may have closed an idle connection, and the loop has not seen it yet, because the script
 * has kept it from looking. A request that must not be sent twice would be lost there. Closes the
 * connections of which that is so, up to the one that assign() takes. */
RP_COLD static void close_ended(struct rp_http_session *pool, const struct rp_http_call *call)
{
    bool has_idle_first = pool->is_pool && !call->template->origin->is_shared;

    RP_LIST_EACH (it, &pool->connections) {
        struct connection *connection = rp_container_of(it, struct connection, node);

        if (has_idle_first && connection->state != CONNECTION_IDLE)
            return;
        if (connection->origin != call->template->origin ||
            (connection->state != CONNECTION_IDLE && !is_unused(connection)))
            continue;
        if (call->began - connection->last_bytes < LOOK_AFTER ||
            !rp_stack_peer_has_ended(&connection->stack))
            return;
        rp_http_connection_close(connection, false);
    }
}

/* Whether @origin, with @of_origin connections in @pool, may have another one. */
static bool may_open(const struct rp_http_session *pool, unsigned of_origin)
{
    const struct rp_http_limits *limits = &pool->client->limits;

    return of_origin < (pool->is_pool ? limits->shared_connections : limits->connections_per_host);
}

/* As assign(), for an origin with which one connection is enough, if it is as before. Users that share
 * a pool get another connection when the streams of the first ones are all taken. */
RP_COLD static bool assign_shared(struct rp_http_session *pool, struct rp_http_call *call)
{
    struct origin *origin = call->template->origin;
    unsigned of_origin = 0;

    if (call->template->is_balanced && !pool->is_pool) {
        enum turn turn = rp_http_take_turn(pool, call);

        if (turn == TURN_OPENS)
            rp_http_connection_open(call, pool);
        return turn != TURN_WAITS;
    }
    RP_LIST_EACH (it, &pool->connections) {
        struct connection *connection = rp_container_of(it, struct connection, node);

        if (connection->origin != origin)
            continue;
        /* One that is being opened for a request which shares it with no other is not worth waiting for. */
        if (connection->state == CONNECTION_OPENING && call->template->reuse != NOT_REUSED)
            return false;
        if (connection->state == CONNECTION_SHARED) {
            if (pool->client->h2->begin(connection, call))
                return true;
            if (!pool->is_pool && pool->client->h2->is_worth_waiting(connection))
                return false;
        }
        of_origin += !is_unused(connection); /* else it is about to be closed */
    }
    if (!may_open(pool, of_origin))
        return false;
    rp_http_connection_open(call, pool);
    return true;
}

/* As assign(), of a pool that may have thousands of connections: it is not walked through. */
RP_COLD static bool assign_pooled(struct rp_http_session *pool, struct rp_http_call *call)
{
    struct origin *origin = call->template->origin;

    RP_LIST_EACH (it, &pool->connections) {
        struct connection *connection = rp_container_of(it, struct connection, node);

        if (connection->state != CONNECTION_IDLE)
            break;
        if (connection->origin != origin)
            continue;
        rp_list_remove(&connection->node);
        rp_list_append(&pool->connections, &connection->node);
        rp_http_connection_begin(connection, call);
        return true;
    }
    if (origin->is_shared)
        return assign_shared(pool, call);
    if (!may_open(pool, origin->pooled))
        return false;
    rp_http_connection_open(call, pool);
    return true;
}

/* Gives @call an idle connection or a new one. False when it must wait: nothing has changed then.
 */
static bool assign(struct rp_http_session *pool, struct rp_http_call *call)
{
    struct origin *origin = call->template->origin;
    unsigned of_origin = 0;

    if (RP_UNLIKELY(!call->template->is_idempotent))
        close_ended(pool, call);
    if (RP_UNLIKELY(pool->is_pool))
        return assign_pooled(pool, call);
    for (struct rp_list *it = pool->connections.next; it != &pool->connections; it = it->next) {
        struct connection *connection = rp_container_of(it, struct connection, node);

        if (connection->origin != origin)
            continue;
        if (RP_LIKELY(connection->state == CONNECTION_IDLE)) {
            rp_http_connection_begin(connection, call);
            return true;
        }
        if (RP_UNLIKELY(origin->is_shared))
            return assign_shared(pool, call);
        of_origin++;
    }
    if (!may_open(pool, of_origin))
        return false;
    rp_http_connection_open(call, pool);
    return true;
}

/* All but what counts for the request however often it is sent. */
RP_INLINE void response_reset(const struct rp_http_call *call, const struct rp_http_client *client)
{
    struct rp_http_response *response = call->response;

    response->status = 0;
    response->is_expected = false;
    response->version = RP_HTTP_NO_VERSION;
    response->tls_version = RP_TLS_NONE;
    response->is_h2 = response->is_of_connection = false;
    response->error_code = 0;
    response->error[0] = '\0';
    response->head.max = client->limits.head_bytes;
    response->body.max = client->limits.body_bytes;
    if (RP_UNLIKELY(call->head_max | call->body_max)) {
        response->head.max = call->head_max ? call->head_max : response->head.max;
        response->body.max = call->body_max ? call->body_max : response->body.max;
    }
    rp_buf_reset(&response->head);
    rp_buf_reset(&response->body);
    response->body_bytes = 0;
    response->blocked = response->looking_up = response->connecting = 0;
    response->tls_handshaking = response->sending = response->waiting = response->receiving = 0;
    response->wire_sent = response->wire_received = 0;
}

/* Of a call with time-outs of its own. */
RP_COLD static void set_deadline(struct rp_http_call *call)
{
    call->deadline = call->end = rp_ns_add(call->began, call->timeout);
    call->rate_began = 0;
    if (call->timeouts)
        call->deadline = rp_http_first_look(call, call->began);
}

static void wait_for_connection(struct rp_http_session *session, struct rp_http_call *call)
{
    rp_list_append(&session->pool->waiting, &call->node);
    rp_timer_arm(session->client->loop, &call->timer, call->deadline, waiting_timed_out);
}

void rp_http_assign(struct rp_http_call *call)
{
    if (!assign(call->session->pool, call))
        wait_for_connection(call->session, call);
}

void rp_http_start(struct rp_http_session *session, struct rp_http_call *call)
{
    struct rp_http_client *client = session->client;

    rp_assert(!call->session);
    call->session = session;
    call->connection = NULL;
    call->began = rp_loop_now(client->loop);
    if (RP_LIKELY(!call->timeout))
        call->deadline = rp_ns_add(call->began, client->limits.timeout);
    else
        set_deadline(call);
    rp_http_template_ref(call->template);
    call->response->full_handshakes = call->response->resumed_handshakes = 0;
    response_reset(call, client);
    if (RP_UNLIKELY(client->has_own_heads) && !rp_http_make_head(call))
        rp_http_fail_later(call);
    else if (RP_UNLIKELY(!assign(session->pool, call)))
        wait_for_connection(session, call);
}

int rp_http_start_with(struct rp_http_session *session, struct rp_http_call *call,
                       struct rp_http_body *body)
{
    struct rp_http_more *more = rp_http_more(call);

    if (!more)
        return -ENOMEM;
    more->body = body;
    rp_http_start(session, call);
    return 0;
}

void rp_http_continue(struct rp_http_call *call)
{
    struct rp_http_session *session = call->session;

    call->connection = NULL;
    call->began = rp_loop_now(session->client->loop);
    if (call->timeouts)
        call->deadline = rp_http_first_look(call, call->began);
    call->rate_began = 0;
    call->response->full_handshakes = call->response->resumed_handshakes = 0;
    response_reset(call, session->client);
    if (session->client->has_own_heads && !rp_http_make_head(call))
        rp_http_fail_later(call);
    else
        rp_http_assign(call);
}

void rp_http_restart(struct rp_http_call *call, struct attempt first)
{
    struct connection *connection;

    call->connection = NULL;
    response_reset(call, call->session->client);
    rp_http_connection_open(call, call->session->pool);
    connection = call->connection;
    if (!connection)
        return; /* there was no memory */
    connection->first_attempt = first.took;
    connection->counted_sent -= first.sent;
    connection->counted_received -= first.received;
}

void rp_http_send_again(struct rp_http_call *call, rp_ns took)
{
    call->connection = NULL;
    call->first_attempt = took > 0 ? took : 1; /* there was one */
    response_reset(call, call->session->client);
    rp_http_assign(call);
}

void rp_http_let_go(struct connection *connection)
{
    const struct rp_dial_times none = { 0 };
    struct rp_http_session *pool = connection->session;
    struct origin *origin = connection->origin;
    struct rp_http_call *call = connection->call;
    bool has_other = call->connection != connection;

    rp_http_take_dial_times(call->response, &none);
    connection->call = NULL;
    rp_http_connection_close(connection, !has_other);
    if (!has_other) {
        call->connection = NULL;
        rp_http_assign(call);
    }
    rp_http_serve_all(pool, origin);
}

/* The first call that waits for @origin gets a connection, if there is one; else it keeps its
 * place. */
bool rp_http_serve_waiting(struct rp_http_session *session, struct origin *origin)
{
    RP_LIST_EACH (it, &session->pool->waiting) {
        struct rp_http_call *call = rp_container_of(it, struct rp_http_call, node);
        struct rp_list *behind = it->next;

        if (call->template->origin != origin)
            continue;
        rp_list_remove(&call->node);
        if (assign(session->pool, call)) {
            rp_timer_disarm(&call->timer);
            return true;
        }
        rp_list_append(behind, &call->node);
        return false;
    }
    return false;
}

void rp_http_serve_all(struct rp_http_session *session, struct origin *origin)
{
    while (rp_http_serve_waiting(session, origin)) {
    }
}

void rp_http_interrupt(struct rp_http_call *call)
{
    if (!call->session)
        return;
    rp_http_record_interruption(call, rp_loop_now(call->session->client->loop));
    rp_http_cancel(call, false);
}

void rp_http_cancel(struct rp_http_call *call, bool record)
{
    struct rp_http_session *session = call->session;
    struct connection *connection = call->connection;
    struct origin *origin;

    if (!session)
        return;
    origin = call->template->origin;
    if (record)
        rp_http_record_failure(call, RP_HTTP_CANCELLED, rp_http_cancel_kind(call), NULL,
                               rp_loop_now(session->client->loop));
    rp_list_remove(&call->node);
    rp_timer_disarm(&call->timer);
    rp_task_cancel(&call->task);
    call->session = NULL;
    call->connection = NULL;
    call->first_attempt = 0;
    rp_http_template_unref(call->template);
    if (call->more)
        rp_http_drop_more(call);
    if (connection) {
        connection->call = NULL;
        rp_http_connection_close(connection, true);
    }
    rp_http_serve_waiting(session, origin);
}

/* ---- connections that leave ------------------------------------------------------------------ */

void rp_http_drop_upgraded(struct rp_http_client *client)
{
    struct connection *connection = client->upgraded;

    client->upgraded = NULL;
    if (connection)
        rp_http_connection_close(connection, true);
}

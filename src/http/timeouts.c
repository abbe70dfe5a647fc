/* SPDX-License-Identifier: MIT */

/*
 * Time-outs of parts of a request. Nothing is armed or moved for them while a request goes well: the
 * timer of its connection fires when the first of them may be over, finds out how far the request
 * has come, and is armed for the next one.
 */

#include "http/http_internal.h"

static rp_ns earlier(rp_ns a, rp_ns b)
{
    return a < b ? a : b;
}

rp_ns rp_http_connection_limit(const struct rp_http_call *call)
{
    rp_ns timeout = call->timeouts->connection;

    return timeout ? earlier(call->end, rp_ns_add(call->began, timeout)) : call->end;
}

rp_ns rp_http_first_look(const struct rp_http_call *call, rp_ns now)
{
    const struct rp_http_timeouts *timeouts = call->timeouts;
    rp_ns look = call->end;

    if (timeouts->connection)
        look = earlier(look, rp_ns_add(now, timeouts->connection));
    if (timeouts->first_byte)
        look = earlier(look, rp_ns_add(now, timeouts->first_byte));
    if (timeouts->idle)
        look = earlier(look, rp_ns_add(now, timeouts->idle));
    if (timeouts->min_rate)
        look = earlier(look, rp_ns_add(now, timeouts->min_rate_time));
    return look;
}

static void limit(rp_ns from, rp_ns timeout, const char *kind, rp_ns *limit, const char **ret_kind)
{
    if (!timeout || rp_ns_add(from, timeout) >= *limit)
        return;
    *limit = rp_ns_add(from, timeout);
    *ret_kind = kind;
}

void rp_http_restart_rate(struct rp_http_call *call, rp_ns now)
{
    call->rate_began = now;
    call->rate_bytes = call->response->body_bytes;
}

/* Begins a further span when one has gone by with enough bytes. */
static void limit_rate(const struct connection *connection, rp_ns now, rp_ns *end,
                       const char **ret_kind)
{
    struct rp_http_call *call = connection->call;
    const struct rp_http_timeouts *timeouts = call->timeouts;
    rp_ns span = timeouts->min_rate_time;
    double wanted = (double)timeouts->min_rate * ((double)span / 1e9);

    if (!connection->first_byte) { /* there is nothing to count yet */
        *end = earlier(*end, rp_ns_add(now, span));
        return;
    }
    if (!call->rate_began) {
        call->rate_began = connection->first_byte;
        call->rate_bytes = 0;
    }
    if (connection->is_paused ||
        (now >= rp_ns_add(call->rate_began, span) &&
         (double)(call->response->body_bytes - call->rate_bytes) >= wanted))
        rp_http_restart_rate(call, now);
    limit(call->rate_began, span, "below the minimum rate", end, ret_kind);
}

rp_ns rp_http_next_limit(struct connection *connection, rp_ns now, const char **ret_kind)
{
    const struct rp_http_call *call = connection->call;
    const struct rp_http_timeouts *timeouts = call->timeouts;
    const struct rp_traffic *traffic = connection->traffic;
    rp_ns sent, last, end = call->end;

    if (connection->is_stream)
        connection->session->client->h2->settle(connection);
    sent = last = traffic->send_ended ? traffic->send_ended : now;
    *ret_kind = "request timeout";
    if (!connection->first_byte)
        limit(sent, timeouts->first_byte, "first byte timeout", &end, ret_kind);
    if (connection->last_bytes > last)
        last = connection->last_bytes;
    if (connection->is_paused) /* it is the reader who takes none */
        last = now;
    limit(last, timeouts->idle, "idle timeout", &end, ret_kind);
    if (timeouts->min_rate)
        limit_rate(connection, now, &end, ret_kind);
    return end;
}

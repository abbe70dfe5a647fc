/* SPDX-License-Identifier: MIT */

/*
 * Failed requests that are kept for people: the first ones of each kind.
 *
 * Nothing of it is on the way of a request that succeeds. When one has failed, its request is still
 * there in its template, and its answer in its response; only the start of a body that nobody wanted
 * must be kept before anybody knows (rp_http_keep_start()).
 */

#include <stdio.h>

#include "http/http_internal.h"
#include "http/trace.h"

/* A request that was interrupted sooner has not failed: see coordinator/unfinished.h. */
#define UNFINISHED_MIN RP_S

enum { START_MAX = 2048 };

void rp_http_client_keep_failed(struct rp_http_client *client, unsigned of_kind)
{
    client->failed.of_kind = of_kind;
}

void rp_http_client_take_exchanges(struct rp_http_client *client, rp_exchange_fn *fn, void *user)
{
    rp_exchanges_take(&client->failed, fn, user);
}

void rp_http_keep_start(struct rp_http_response *response, struct rp_slice body)
{
    size_t len = response->body.len;

    if (len < START_MAX)
        rp_buf_append(&response->body, body.ptr,
                      body.len < START_MAX - len ? body.len : START_MAX - len);
}

static bool may_have_failed(const struct rp_http_response *response)
{
    if (response->error_code == RP_HTTP_UNFINISHED)
        return response->sending + response->waiting + response->receiving >= UNFINISHED_MIN ||
               response->blocked + response->looking_up + response->connecting +
                       response->tls_handshaking >=
                   UNFINISHED_MIN;
    return !response->is_expected;
}

/* Calls @fn with the head of @call as people are shown it. */
static void tell(const struct rp_http_call *call, rp_http_trace_fn *fn, void *user)
{
    struct rp_slice head = rp_http_head_of(call);
    struct rp_buf text;

    rp_buf_init(&text, SIZE_MAX);
    if (call->response->is_h2)
        rp_h2_append_head(head, &text);
    fn(user, call, text.len && !text.error ? rp_buf_slice(&text) : head);
    rp_buf_deinit(&text);
}

void rp_http_trace(const struct rp_http_client *client, const struct rp_http_call *call)
{
    tell(call, client->trace, client->trace_user);
}

/* Without memory it is lost, as everything soon will be. */
static void keep(void *user, const struct rp_http_call *call, struct rp_slice request_head)
{
    struct rp_http_client *client = user;
    struct rp_trace trace;

    if (rp_trace_take(&trace, call, request_head) < 0 ||
        rp_exchanges_add(&client->failed, rp_slice_str(call->template->name), &trace.exchange) <
            0) {
        /* nothing is kept */
    }
    rp_trace_deinit(&trace);
}

void rp_http_tell_ended(struct rp_http_call *call)
{
    struct rp_http_client *client = call->session->client;
    struct rp_http_response *response = call->response;

    rp_http_tell_trace(client, call);
    if (may_have_failed(response) &&
        rp_exchanges_want(&client->failed, rp_slice_str(call->template->name), response->status,
                          (uint32_t)response->error_code))
        tell(call, keep, client);
    if (call->discard_body)
        rp_buf_reset(&response->body);
}

void rp_http_write_remote(const struct rp_http_call *call, char out[RP_REMOTE_SIZE])
{
    const struct origin *origin = call->template->origin;
    const struct connection *connection = call->connection;
    struct rp_address peer = origin->destination.tried;

    *out = '\0';
    if (origin->unix_path) {
        snprintf(out, RP_REMOTE_SIZE, "unix:%s", origin->unix_path);
        return;
    }
    if (connection && connection->is_stream)
        connection = connection->shared->connection;
    if ((connection && rp_stack_peer(&connection->stack, &peer)) || peer.len)
        rp_address_write(&peer, origin->dial_port, out, RP_REMOTE_SIZE);
}

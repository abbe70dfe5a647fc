/* SPDX-License-Identifier: MIT */

/*
 * Requests for people: failed ones that are kept, the first ones of each kind, and those that are shown.
 *
 * Nothing of it is on the way of a request that succeeds. When one has failed, its request is still
 * there in its template, and its answer in its response; only the start of a body that nobody wanted
 * must be kept before anybody knows (rp_http_keep_start()).
 */

#include <stdio.h>

#include "http/handover.h"
#include "http/shared.h"
#include "http/trace.h"
#include "http/upgrade.h"

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

/* ---- those that are shown -------------------------------------------------------------------- */

/* Who has made it, and where it went: others are shown between. */
static void append_who(struct rp_buf *out, const struct rp_exchange *exchange)
{
    rp_buf_append_str(out, "* ");
    if (exchange->scenario.len && exchange->vu)
        rp_buf_appendf(out, "%.*s, VU %lld, iteration %llu: ", RP_SLICE_FMT(exchange->scenario),
                       (long long)exchange->vu, (unsigned long long)exchange->iteration);
    rp_buf_append_slice(out, exchange->url);
    if (exchange->remote.len)
        rp_buf_appendf(out, " (%.*s)", RP_SLICE_FMT(exchange->remote));
    rp_buf_append_str(out, "\n");
}

/* What was appended to what is shown, which had @before bytes. */
static void count_shown(struct rp_http_client *client, size_t before)
{
    if (client->shown.error) {
        client->shown.len = before;
        client->shown.error = 0;
    }
    client->shown_bytes += client->shown.len - before;
    if (++client->shown_count < RP_SHOWN_MAX && client->shown_bytes < RP_SHOWN_MAX_BYTES)
        return;
    client->is_shown_out = true;
    client->trace = NULL; /* from now on requests cost nothing more */
}

/* Without memory it is lost, as everything soon will be. */
static void show(void *user, const struct rp_http_call *call, struct rp_slice request_head)
{
    struct rp_http_client *client = user;
    size_t before = client->shown.len;
    struct rp_trace trace;

    if (rp_trace_take(&trace, call, request_head) == 0) {
        append_who(&client->shown, &trace.exchange);
        rp_exchange_write(&trace.exchange, client->shows_bodies, &client->shown);
        if (client->note)
            client->note(call, &client->shown);
        rp_buf_append(&client->shown, "", 1);
    }
    rp_trace_deinit(&trace);
    count_shown(client, before);
}

enum rp_http_shown rp_http_shows(const struct rp_http_client *client)
{
    if (!client->trace)
        return RP_HTTP_SHOWN_NOT;
    return client->trace == rp_trace_print || client->shows_bodies ? RP_HTTP_SHOWN_WHOLE
                                                                   : RP_HTTP_SHOWN_HEADS;
}

void rp_http_show_lines(struct rp_http_client *client, const struct rp_exchange *who,
                        struct rp_slice lines)
{
    size_t before = client->shown.len;

    if (client->trace == rp_trace_print) {
        rp_trace_print_text(lines);
    } else if (client->trace) {
        append_who(&client->shown, who);
        rp_buf_append_slice(&client->shown, lines);
        rp_buf_append(&client->shown, "", 1);
        count_shown(client, before);
    }
}

void rp_http_client_set_note(struct rp_http_client *client, rp_http_note_fn *note)
{
    client->note = note;
}

void rp_http_client_show(struct rp_http_client *client, bool with_bodies)
{
    client->shows_bodies = with_bodies;
    rp_buf_init(&client->shown, (size_t)4 * RP_SHOWN_MAX_BYTES);
    rp_http_client_set_trace(client, show, client);
}

void rp_http_client_take_shown(struct rp_http_client *client, rp_shown_fn *fn, void *user)
{
    for (size_t at = 0; at < client->shown.len;) {
        struct rp_slice text = rp_slice_str(client->shown.data + at);

        fn(user, text);
        at += text.len + 1;
    }
    rp_buf_reset(&client->shown);
    if (client->is_shown_out)
        fn(user, rp_slice("", 0));
    client->is_shown_out = false;
}

/* ---- those that are kept --------------------------------------------------------------------- */

void rp_http_keep_start(struct rp_http_response *response, struct rp_slice body)
{
    size_t len = response->body.len;

    if (len < START_MAX)
        rp_buf_append(&response->body, body.ptr,
                      body.len < START_MAX - len ? body.len : START_MAX - len);
}

static bool may_have_failed(const struct rp_http_call *call)
{
    const struct rp_http_response *response = call->response;

    if (call->is_left)
        return false;
    if (response->error_code == RP_HTTP_UNFINISHED)
        return response->sending + response->waiting + response->receiving >= UNFINISHED_MIN ||
               response->blocked + response->looking_up + response->connecting +
                       response->tls_handshaking >=
                   UNFINISHED_MIN;
    /* An answer that is no failure of HTTP, and does not agree, its owner judges (ws/exchanges.c). */
    if (call->template->is_upgrade && response->status && !response->error_code)
        return false;
    return !response->is_expected;
}

/* Calls @fn with the head of @call as people are shown it. */
static void tell(const struct rp_http_call *call, rp_http_trace_fn *fn, void *user)
{
    struct rp_slice head = rp_http_head_of(call);
    struct rp_buf text;

    rp_buf_init(&text, SIZE_MAX);
    if (call->response->is_h2)
        rp_h2_append_head(head, rp_http_protocol(call->template), &text);
    fn(user, call, text.len && !text.error ? rp_buf_slice(&text) : head);
    rp_buf_deinit(&text);
}

void rp_http_tell_answered(const struct rp_http_call *call, rp_http_trace_fn *fn, void *user)
{
    tell(call, fn, user);
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

    if (call->is_open_tunnel) /* it was told when it was opened */
        return;
    rp_http_tell_trace(client, call);
    if (may_have_failed(call) &&
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
    uint16_t port = origin->via ? origin->via->proxy->port : origin->dial_port;

    *out = '\0';
    if (origin->unix_path) {
        snprintf(out, RP_REMOTE_SIZE, "unix:%s", origin->unix_path);
        return;
    }
    if (connection && connection->is_stream)
        connection = connection->shared->connection;
    if (connection && rp_stack_peer(&connection->stack, &peer))
        port = ntohs(peer.any.sa_family == AF_INET6 ? peer.v6.sin6_port : peer.v4.sin_port);
    if (peer.len)
        rp_address_write(&peer, port, out, RP_REMOTE_SIZE);
}

/* SPDX-License-Identifier: MIT */

/* WebSockets that have failed, kept with what is said of that: the first ones of each kind. Nothing of it is on
 * the way of one that goes well. */

#include <string.h>

#include "base/text.h"
#include "http/trace.h"
#include "ws/ws_internal.h"

enum { TEXT_MAX = 1 << 16, TEXT_COLS = 1000 };

void rp_ws_client_keep_failed(struct rp_ws_client *client, unsigned of_kind)
{
    client->failed.of_kind = of_kind;
}

void rp_ws_client_take_exchanges(struct rp_ws_client *client, rp_exchange_fn *fn, void *user)
{
    rp_exchanges_take(&client->failed, fn, user);
}

struct keeper {
    struct rp_ws_session *session;
    const char *kind;
};

/* "connection lost: the connection has ended without a close frame". It begins with the tag `error`. */
static void append_error(struct rp_buf *out, const struct keeper *keeper)
{
    const char *text = keeper->session->error;

    rp_buf_reset(out);
    if (strncmp(text, keeper->kind, strlen(keeper->kind)) != 0)
        rp_buf_appendf(out, "%s: ", keeper->kind);
    rp_text_append(out, rp_slice_str(text), TEXT_COLS);
}

/* Fills in what the session knows, and keeps it. Without memory it is lost, as everything soon will be. */
static void add(struct rp_trace *trace, const struct keeper *keeper)
{
    struct rp_ws_session *session = keeper->session;
    struct rp_exchange *exchange = &trace->exchange;
    struct rp_buf *error = &trace->texts[RP_TRACE_ERROR];

    append_error(error, keeper);
    exchange->error = rp_buf_slice(error);
    exchange->status = session->status;
    exchange->error_code = (uint32_t)session->error_code;
    exchange->is_failed = true;
    rp_http_session_who(session->user->http, &exchange->vu, &exchange->iteration);
    if (!error->error && rp_exchanges_add(&session->user->client->failed,
                                          rp_http_template_name(session->template), exchange) < 0) {
        /* nothing is kept */
    }
}

/* The server has answered, but has not agreed as it should. */
static void add_answered(void *user, const struct rp_http_call *call, struct rp_slice head)
{
    struct rp_trace trace;

    if (rp_trace_take(&trace, call, head) == 0)
        add(&trace, user);
    rp_trace_deinit(&trace);
}

/* The request and its answer are gone. */
static void add_open(const struct keeper *keeper)
{
    const struct rp_ws_session *session = keeper->session;
    const char *scenario = session->tags ? rp_tags_get(session->tags, "scenario") : NULL;
    struct rp_trace trace = { .exchange = { .wall_ns = rp_wall_clock_ns() } };
    struct rp_buf *name = &trace.texts[RP_TRACE_NAME], *url = &trace.texts[RP_TRACE_URL];

    for (size_t i = 0; i < RP_TRACE_TEXTS; i++)
        rp_buf_init(&trace.texts[i], TEXT_MAX);
    rp_trace_append_url(name, rp_http_template_name(session->template));
    rp_trace_append_url(url, rp_http_template_url(session->template));
    trace.exchange.name = rp_buf_slice(name);
    trace.exchange.url = rp_buf_slice(url);
    if (scenario)
        trace.exchange.scenario = rp_slice_str(scenario);
    if (!name->error && !url->error)
        add(&trace, keeper);
    rp_trace_deinit(&trace);
}

void rp_ws_keep_failed(struct rp_ws_session *session, const char *kind)
{
    const struct rp_http_response *response = session->response;
    struct keeper keeper = { session, kind };

    if (!session->opened && (!response || !response->status || response->error_code))
        return; /* HTTP has kept and shown it */
    if (session->is_shown)
        rp_ws_show_error(session);
    if (!rp_exchanges_want(&session->user->client->failed, rp_http_template_name(session->template),
                           session->status, (uint32_t)session->error_code))
        return;
    if (session->opened)
        add_open(&keeper);
    else
        rp_http_tell_answered(&session->call, add_answered, &keeper);
}

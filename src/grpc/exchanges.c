/* SPDX-License-Identifier: MIT */

/* Calls that have failed, kept with what the server or the connection has said: the first ones of each
 * kind. Nothing of it is on the way of a call that succeeds. */

#include "base/text.h"
#include "grpc/grpc_internal.h"
#include "http/trace.h"

enum { DETAILS_COLS = 1000 };

void rp_grpc_client_keep_failed(struct rp_grpc_client *client, unsigned of_kind)
{
    client->failed.of_kind = of_kind;
}

void rp_grpc_client_take_exchanges(struct rp_grpc_client *client, rp_exchange_fn *fn, void *user)
{
    rp_exchanges_take(&client->failed, fn, user);
}

/* "gRPC NOT_FOUND: no such cart". It begins with what the tag `error` says. */
static void append_error(struct rp_buf *out, const struct rp_grpc_call *call)
{
    rp_buf_reset(out);
    rp_buf_appendf(out, "gRPC %s", rp_grpc_status_text(call->status));
    if (call->text.len) {
        rp_buf_append_str(out, ": ");
        rp_text_append(out, rp_buf_slice(&call->text), DETAILS_COLS);
    }
}

/* The HTTP call may have ended well, and its method has a name and a scheme of its own. */
static void make_one_of_grpc(struct rp_trace *trace, const struct rp_grpc_call *call)
{
    struct rp_exchange *exchange = &trace->exchange;
    struct rp_buf *name = &trace->texts[RP_TRACE_NAME], *error = &trace->texts[RP_TRACE_ERROR];
    struct rp_buf *url = &trace->texts[RP_TRACE_URL];

    rp_buf_reset(name);
    rp_trace_append_url(name, rp_slice_str(call->method->name));
    rp_buf_reset(url);
    rp_trace_append_url(url, rp_slice_str(call->method->url));
    append_error(error, call);
    exchange->url = rp_buf_slice(url);
    exchange->name = rp_buf_slice(name);
    exchange->error = rp_buf_slice(error);
    exchange->status = call->status;
    exchange->error_code = (uint32_t)call->error_code;
    exchange->is_failed = true;
    rp_http_session_who(call->session, &exchange->vu, &exchange->iteration);
}

void rp_grpc_keep_failed(const struct rp_grpc_call *call)
{
    struct rp_exchanges *failed = &call->method->client->failed;
    struct rp_slice name = rp_slice_str(call->method->name);
    struct rp_trace trace;
    int r;

    if (!rp_exchanges_want(failed, name, call->status, (uint32_t)call->error_code))
        return;
    r = rp_trace_take(&trace, &call->http, rp_slice(NULL, 0));
    if (r == 0) {
        make_one_of_grpc(&trace, call);
        r = trace.texts[RP_TRACE_NAME].error ? trace.texts[RP_TRACE_NAME].error
                                             : trace.texts[RP_TRACE_URL].error;
    }
    if (r == 0 && !trace.texts[RP_TRACE_ERROR].error)
        r = rp_exchanges_add(failed, name, &trace.exchange);
    if (r < 0) {
        /* without memory it is lost, as everything soon will be */
    }
    rp_trace_deinit(&trace);
}

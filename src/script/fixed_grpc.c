/* SPDX-License-Identifier: MIT */
#include "script/fixed_grpc.h"

#include <errno.h>

#include "base/alloc.h"

#define DEADLINE (60 * RP_S) /* as for a request of HTTP */

struct rp_fixed_caller {
    struct rp_vu *vu;
    struct rp_grpc_call call;
    bool closes_connections;
};

int rp_fixed_call_init(struct rp_fixed_call *ret, struct rp_grpc_client *client,
                       const struct rp_one_request *request, rp_ns timeout, struct rp_error *err)
{
    const struct rp_grpc_spec spec = { .target = request->url,
                                       .path = request->method,
                                       .metadata = request->headers,
                                       .metadata_count = request->header_count,
                                       .deadline = timeout ? timeout : DEADLINE,
                                       .is_stream = request->kind != RP_REQUEST_UNARY,
                                       .has_one_response = request->kind != RP_REQUEST_STREAM,
                                       .name = request->name };
    char *copy = rp_strndup(request->body.ptr ? request->body.ptr : "", request->body.len);

    *ret = (struct rp_fixed_call){ .message = rp_slice(copy, request->body.len) };
    return copy ? rp_grpc_method_new(client, &spec, &ret->method, err) : -ENOMEM;
}

void rp_fixed_call_deinit(struct rp_fixed_call *call)
{
    rp_grpc_method_unref(call->method);
    rp_free((char *)call->message.ptr);
    *call = (struct rp_fixed_call){ 0 };
}

int rp_fixed_caller_new(struct rp_vu *vu, struct rp_grpc_client *client, bool closes_connections,
                        struct rp_fixed_caller **ret)
{
    struct rp_fixed_caller *caller = rp_calloc(1, sizeof(*caller));
    struct rp_http_session *session;
    int r;

    if (!caller)
        return -ENOMEM;
    r = rp_http_session_new(rp_grpc_client_http(client), vu->number, &session);
    if (r < 0) {
        rp_free(caller);
        return r;
    }
    rp_http_session_set_iteration(session, &vu->iteration);
    vu->sessions[RP_CLIENT_GRPC] = session;
    caller->vu = vu;
    caller->closes_connections = closes_connections;
    *ret = caller;
    return 0;
}

void rp_fixed_caller_free(struct rp_fixed_caller *caller)
{
    if (!caller)
        return;
    rp_grpc_cancel(&caller->call, RP_GRPC_ABANDON);
    rp_grpc_deinit(&caller->call);
    rp_free(caller);
}

static void end(struct rp_fixed_caller *caller, enum rp_ending ending)
{
    if (caller->closes_connections)
        rp_http_session_close_idle(caller->vu->sessions[RP_CLIENT_GRPC]);
    caller->vu->host->engine->ended(caller->vu, ending);
}

/* Nobody looks at the messages of a stream; they are taken so that it goes on. */
static void on_wake(struct rp_grpc_call *call)
{
    struct rp_fixed_caller *caller = rp_container_of(call, struct rp_fixed_caller, call);
    struct rp_slice message;

    while (rp_grpc_receive(call, &message))
        continue;
    if (call->has_ended)
        end(caller, RP_ENDED_COMPLETED);
}

void rp_fixed_caller_begin(struct rp_fixed_caller *caller, const struct rp_fixed_call *call)
{
    int r;

    rp_grpc_deinit(&caller->call);
    caller->call =
        (struct rp_grpc_call){ .method = call->method, .tags = caller->vu->tags, .wake = on_wake };
    r = rp_grpc_send(&caller->call, call->message);
    if (r == 0) {
        rp_grpc_half_close(&caller->call);
        r = rp_grpc_start(caller->vu->sessions[RP_CLIENT_GRPC], &caller->call);
    }
    if (r < 0) /* there is no memory for a call */
        end(caller, RP_ENDED_FAILED);
}

void rp_fixed_caller_interrupt(struct rp_fixed_caller *caller)
{
    rp_grpc_cancel(&caller->call, RP_GRPC_INTERRUPT);
}

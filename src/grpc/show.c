/* SPDX-License-Identifier: MIT */

/* What people are shown of a call, behind its request and its answer of HTTP/2. */

#include <inttypes.h>

#include "base/text.h"
#include "grpc/grpc_internal.h"
#include "http/trace.h"

enum { DETAILS_COLS = 1000 };

static void append_status(struct rp_buf *out, struct rp_grpc_call *call)
{
    int error_code = call->response.error_code;

    if (error_code == RP_HTTP_CANCELLED || error_code == RP_HTTP_UNFINISHED) {
        rp_buf_appendf(out, "gRPC: CANCELLED (1), %s\n",
                       error_code == RP_HTTP_UNFINISHED ? "with the iteration"
                       : call->http.is_left             ? "left by the script"
                                                        : "given up by the script");
        return;
    }
    rp_grpc_judge(call); /* once more when the call ends, with the same result */
    rp_buf_appendf(out, "gRPC: %s (%d)", rp_grpc_status_text(call->status), (int)call->status);
    if (call->text.len) {
        rp_buf_append_str(out, ", ");
        rp_text_append(out, rp_buf_slice(&call->text), DETAILS_COLS);
    }
    rp_buf_append_str(out, "\n");
}

static void append_call(const struct rp_http_call *http, struct rp_buf *out)
{
    struct rp_grpc_call *call = rp_container_of((struct rp_http_call *)http, struct rp_grpc_call,
                                                http);

    append_status(out, call);
    rp_buf_appendf(
        out, "gRPC: messages sent %u (%" PRIu64 " bytes), received %u (%" PRIu64 " bytes)\n\n",
        call->gone, call->gone_bytes, call->came, call->came_bytes);
}

void rp_grpc_client_show(struct rp_grpc_client *client, bool at_once)
{
    rp_http_client_set_note(client->http, append_call);
    if (at_once)
        rp_http_client_set_trace(client->http, rp_trace_print, client->http);
    else
        rp_http_client_show(client->http, false);
}

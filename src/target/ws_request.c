/* SPDX-License-Identifier: MIT */

/* What is answered to a request at /ws: the beginning of a WebSocket, or why there is none. */

#include "proto/ws_handshake.h"
#include "target/reply.h"

static void refuse(enum rp_ws_refusal refusal, struct rp_buf *stored, struct rp_target_reply *ret)
{
    bool is_upgrade = refusal == RP_WS_NO_UPGRADE || refusal == RP_WS_WRONG_VERSION;

    *ret = (struct rp_target_reply){ .status = is_upgrade                      ? 426
                                               : refusal == RP_WS_WRONG_METHOD ? 405
                                                                               : 400,
                                     .body = RP_TARGET_STORED,
                                     .content_type = RP_SLICE("text/plain; charset=utf-8") };
    if (is_upgrade)
        ret->fields = RP_SLICE("\r\nUpgrade: websocket\r\nConnection: Upgrade"
                               "\r\nSec-WebSocket-Version: 13");
    if (refusal == RP_WS_WRONG_METHOD)
        ret->fields = RP_SLICE("\r\nAllow: GET");
    rp_buf_appendf(stored, "a WebSocket is expected here, and %s\n", rp_ws_refusal_text(refusal));
}

void rp_target_ws_answer(const struct rp_h1_request *request, struct rp_buf *stored,
                         struct rp_target_reply *ret)
{
    struct rp_slice protocols, first;
    char accept[RP_WS_ACCEPT_LEN + 1];
    struct rp_ws_agreement agreement;
    enum rp_ws_refusal refusal = RP_WS_NO_UPGRADE;

    if (request->parser.minor_version == 1)
        refusal = rp_ws_check_request(request->method, rp_buf_slice(request->parser.head),
                                      &agreement, &protocols, accept);
    if (refusal != RP_WS_ACCEPTED) {
        refuse(refusal, stored, ret);
        return;
    }
    *ret = (struct rp_target_reply){ .action = RP_TARGET_UPGRADE,
                                     .status = 101,
                                     .has_deflate = agreement.has_deflate,
                                     .deflate = agreement.deflate };
    rp_buf_appendf(stored,
                   "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                   "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n",
                   accept);
    first = rp_ws_first_protocol(protocols);
    if (first.len)
        rp_buf_appendf(stored, "Sec-WebSocket-Protocol: %.*s\r\n", RP_SLICE_FMT(first));
    if (agreement.has_deflate) {
        rp_buf_append_str(stored, "Sec-WebSocket-Extensions: ");
        rp_ws_append_terms(&agreement.deflate, stored);
        rp_buf_append_str(stored, "\r\n");
    }
    rp_buf_append_str(stored, "\r\n");
}

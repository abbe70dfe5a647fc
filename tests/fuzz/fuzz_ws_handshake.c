/* SPDX-License-Identifier: MIT */
#include "fuzz_targets.h"

#include <string.h>

#include "base/buf.h"
#include "base/compiler.h"
#include "proto/h1.h"
#include "proto/ws_handshake.h"

/* Any value of the fields is accepted or refused; what a server answers is what a client agrees to. */

enum { HEAD_MAX = 1 << 16 };

#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define FIELDS "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"

/* What the server has chosen, offered by a client with the same wishes, is agreed to unchanged. */
static void check_terms(const struct rp_ws_deflate_terms *terms)
{
    struct rp_ws_request request = { .offer = terms };
    struct rp_ws_agreement agreement;
    struct rp_buf head;

    rp_buf_init(&head, HEAD_MAX);
    rp_buf_append_str(&head, "HTTP/2.0 200 \r\nsec-websocket-extensions: ");
    rp_ws_append_terms(terms, &head);
    rp_buf_append_str(&head, "\r\n\r\n");
    rp_assert(rp_ws_check_answer(&request, 200, rp_buf_slice(&head), &agreement) == RP_WS_ACCEPTED);
    rp_assert(agreement.has_deflate &&
              agreement.deflate.server_no_context == terms->server_no_context &&
              agreement.deflate.client_no_context == terms->client_no_context &&
              agreement.deflate.server_bits == terms->server_bits &&
              agreement.deflate.client_bits == terms->client_bits);
    rp_buf_deinit(&head);
}

int rp_fuzz_ws_handshake(const uint8_t *data, size_t size)
{
    static const char *const names[] = { "Sec-WebSocket-Extensions", "Sec-WebSocket-Protocol",
                                         "Sec-WebSocket-Accept", "Connection" };
    struct rp_ws_deflate_terms offer = { .server_bits = 12, .client_bits = 15 };
    struct rp_ws_request request = { .key = RP_SLICE(KEY),
                                     .protocols = RP_SLICE("a, b"),
                                     .offer = &offer };
    struct rp_ws_agreement agreement;
    char accept[RP_WS_ACCEPT_LEN + 1];
    struct rp_slice protocols;
    enum rp_ws_refusal refusal;
    struct rp_buf head;

    if (!size || !rp_h1_is_field_value(rp_slice((const char *)data + 1, size - 1)))
        return 0;
    rp_buf_init(&head, HEAD_MAX);
    rp_buf_appendf(&head, "HTTP/1.1 101 \r\n" FIELDS "Sec-WebSocket-Key: " KEY "\r\n%s: ",
                   names[data[0] % RP_ARRAY_LEN(names)]);
    rp_buf_append(&head, data + 1, size - 1);
    rp_buf_append_str(&head, "\r\n\r\n");
    if (!head.error) {
        refusal = rp_ws_check_answer(&request, 101, rp_buf_slice(&head), &agreement);
        rp_assert(refusal != RP_WS_ACCEPTED || !agreement.has_deflate ||
                  agreement.deflate.server_bits <= offer.server_bits);
        refusal = rp_ws_check_request(RP_SLICE("GET"), rp_buf_slice(&head), &agreement, &protocols,
                                      accept);
        rp_assert(refusal == RP_WS_ACCEPTED);
        if (agreement.has_deflate)
            check_terms(&agreement.deflate);
    }
    rp_buf_deinit(&head);
    return 0;
}

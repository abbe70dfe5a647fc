/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * proto/ws_handshake.h - what comes before the first frame of a WebSocket, without I/O: the fields of
 * a request and of its answer (RFC 6455, 4; over HTTP/2 RFC 8441), the terms of permessage-deflate
 * (RFC 7692, 7) and the subprotocol. For a client and for a server.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "proto/ws.h"
#include "proto/ws_deflate.h"

enum { RP_WS_KEY_LEN = 24, RP_WS_ACCEPT_LEN = 28 };

/* Writes the key of a new connection, a text: 16 random bytes in base64. -errno of getrandom. */
RP_NODISCARD int rp_ws_make_key(struct rp_ws_shared *shared, char ret[static RP_WS_KEY_LEN + 1]);
/* Writes what a server answers to @key, a text: the SHA-1 of the key and a constant, in base64. -EIO
 * when OpenSSL has no SHA-1. */
RP_NODISCARD int rp_ws_make_accept(struct rp_slice key, char ret[static RP_WS_ACCEPT_LEN + 1]);

/* ---- permessage-deflate ----------------------------------------------------------------------- */

/* Appends the value of a client's Sec-WebSocket-Extensions. */
void rp_ws_append_offer(const struct rp_ws_deflate_terms *offer, struct rp_buf *out);

/* ---- the client ------------------------------------------------------------------------------- */

/* What the client has asked for. */
struct rp_ws_request {
    struct rp_slice key;       /* empty = by RFC 8441, where there is none */
    struct rp_slice protocols; /* as in Sec-WebSocket-Protocol, "a, b"; empty = none */
    const struct rp_ws_deflate_terms *offer; /* NULL = no compression */
};

/* What the server has agreed to. */
struct rp_ws_agreement {
    struct rp_slice protocol; /* a part of the head; empty = none */
    bool has_deflate;
    struct rp_ws_deflate_terms deflate;
};

enum rp_ws_refusal {
    RP_WS_ACCEPTED,
    RP_WS_WRONG_STATUS,
    RP_WS_NO_UPGRADE,
    RP_WS_NO_CONNECTION,
    RP_WS_NO_ACCEPT,
    RP_WS_WRONG_ACCEPT,
    RP_WS_UNASKED_PROTOCOL,
    RP_WS_TWO_PROTOCOLS,
    RP_WS_UNASKED_EXTENSION,
    RP_WS_BAD_EXTENSION,
    RP_WS_WRONG_METHOD, /* from here of requests */
    RP_WS_WRONG_VERSION,
    RP_WS_BAD_KEY,
    RP_WS_REFUSAL_COUNT
};

/* One clause: "the answer has no field Upgrade: websocket". */
const char *rp_ws_refusal_text(enum rp_ws_refusal refusal);

/* Whether the server has accepted @request. @head: of the answer, as the parsers of HTTP/1 and of
 * HTTP/2 give it. */
enum rp_ws_refusal rp_ws_check_answer(const struct rp_ws_request *request, unsigned status,
                                      struct rp_slice head, struct rp_ws_agreement *ret);

/* ---- the server ------------------------------------------------------------------------------- */

/* Whether a request with this head (of HTTP/1.1) asks for a WebSocket at all: it has a field Upgrade
 * that names it. */
bool rp_ws_is_asked_for(struct rp_slice head);
/* Whether @list, as in Sec-WebSocket-Protocol, has @name. */
bool rp_ws_has_protocol(struct rp_slice list, struct rp_slice name);
/* The first one of @list, for a server that takes any; empty when there is none, or no token. */
struct rp_slice rp_ws_first_protocol(struct rp_slice list);
/* Accepts a request of HTTP/1.1, or refuses it. *@protocols gets what stands in its field
 * Sec-WebSocket-Protocol; the caller chooses. *@ret has the terms of the first offer of
 * permessage-deflate that is valid, if any. *@accept gets the value of Sec-WebSocket-Accept. */
enum rp_ws_refusal rp_ws_check_request(struct rp_slice method, struct rp_slice head,
                                       struct rp_ws_agreement *ret, struct rp_slice *protocols,
                                       char accept[static RP_WS_ACCEPT_LEN + 1]);
/* Appends the value of a server's Sec-WebSocket-Extensions. */
void rp_ws_append_terms(const struct rp_ws_deflate_terms *terms, struct rp_buf *out);

/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * http/handover.h - how a connection leaves the client, as the rest of the room sees it: see upgrade.h.
 */

#include "http/http_internal.h"

/* Whether the answer of @call makes its connection one of another protocol. */
static inline bool rp_http_is_upgraded(const struct rp_http_call *call)
{
    return call->template->is_upgrade && call->response->status == 101;
}
/* What the request of @template wants to speak on a stream of HTTP/2; empty = HTTP. */
static inline struct rp_slice rp_http_protocol(const struct rp_http_template *template)
{
    return template->is_tunnel ? RP_SLICE("websocket") : RP_SLICE("");
}
/* Bytes that follow a complete answer: they are the other protocol's, or nobody has asked for them. */
RP_COLD void rp_http_note_rest(struct connection *connection, struct rp_slice rest);
/* Takes the connection of a call whose answer is 101 out of its session. It is closed by
 * rp_http_drop_upgraded() unless done() has taken it. */
RP_COLD void rp_http_detach(struct connection *connection);
RP_COLD void rp_http_drop_upgraded(struct rp_http_client *client);

/* ---- tunnel.c: streams of HTTP/2 that carry another protocol ---- */

struct rp_http_tunnel;
/* As rp_http_start_upgrade(). */
RP_NODISCARD int rp_http_tunnel_start(struct rp_http_session *session, struct rp_http_call *opener,
                                      struct rp_http_tunnel **ret);
/* Sends the requests of @shared that have waited for the server's SETTINGS, once these have come. */
void rp_http_tunnels_begin(struct shared *shared);
/* NULL when the server has not agreed. */
struct rp_transport *rp_http_tunnel_take(struct rp_http_tunnel *tunnel);
/* Brings the bytes that its transport shows up to date. */
void rp_http_tunnel_count(struct rp_http_tunnel *tunnel);
void rp_http_tunnel_finish(struct rp_http_tunnel *tunnel);
const struct rp_http_response *rp_http_tunnel_end(const struct rp_http_tunnel *tunnel);
/* Ends the stream, with a reset unless both sides are done, and frees the tunnel. */
void rp_http_tunnel_close(struct rp_http_tunnel *tunnel);

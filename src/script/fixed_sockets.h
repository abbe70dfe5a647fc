/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * script/fixed_sockets.h - the WebSockets of `rampa run ws://...`, as the host of URLs (fixed.c) sees them.
 *
 * A VU has one WebSocket for each URL of the list that is one. It opens it when an iteration first
 * needs it, and keeps it. An iteration sends the message of the URL and ends when the next message
 * of the server has come, which is a sample of ws_roundtrip; without a message to send it opens the
 * WebSocket and closes it. What goes wrong is a sample, too (ws_errors), and no error of the
 * iteration: the next one opens a new WebSocket.
 */

#include "script/fixed.h"
#include "script/requests.h"

struct rp_fixed_sockets; /* of a VU */

/* Notes that the list's request with the number @index, of which the host has a template, is a
 * WebSocket. @spec becomes what opens its connection. -RP_EUSER with @err, -ENOMEM. */
RP_NODISCARD int rp_fixed_socket_add(struct rp_fixed_host *host, size_t index,
                                     const struct rp_one_request *request,
                                     const struct rp_requests_common *common,
                                     struct rp_http_spec *spec, struct rp_error *err);
/* Forgets them all. */
void rp_fixed_sockets_release(struct rp_fixed_host *host);

/* -ENOMEM. The VU has its session of HTTP. */
RP_NODISCARD int rp_fixed_sockets_new(struct rp_fixed_host *host, struct rp_vu *vu,
                                      struct rp_fixed_sockets **ret);
/* Leaves what is open. NULL is allowed. */
void rp_fixed_sockets_free(struct rp_fixed_sockets *sockets);
/* False: the request with the number @index is none of WebSocket. Else the iteration has begun, and
 * ended() follows. */
bool rp_fixed_sockets_begin(struct rp_fixed_sockets *sockets, size_t index);
/* Gives up what the iteration waits for. False: it has none. */
bool rp_fixed_sockets_interrupt(struct rp_fixed_sockets *sockets);

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
/* Bytes that follow a complete answer: they are the other protocol's, or nobody has asked for them. */
RP_COLD void rp_http_note_rest(struct connection *connection, struct rp_slice rest);
/* Takes the connection of a call whose answer is 101 out of its session. It is closed by
 * rp_http_drop_upgraded() unless done() has taken it. */
RP_COLD void rp_http_detach(struct connection *connection);
RP_COLD void rp_http_drop_upgraded(struct rp_http_client *client);

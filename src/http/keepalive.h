/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * http/keepalive.h - finds out that the peer of a connection of HTTP/2 is gone without a word, such as
 * behind a cable that was pulled: when nothing has come for a while, it is asked by a PING.
 *
 * Only connections with calls under way are watched, and only those that such a call has asked for.
 * The peer may say anything within the time-out, not just the answer to the PING. Then the calls have
 * failed with RP_HTTP_NO_ANSWER, and the connection is closed.
 */

#include "http/shared.h"

/* Nothing has come for long. @waited: for the answer to a PING, for so long; the connection is dead. 0 =
 * the PING is to be sent. */
typedef void rp_http_silent_fn(struct shared *shared, rp_ns waited, rp_ns now);

/* A call of @template has begun on the connection, which is to be watched as the template says. Of
 * several templates the shortest time holds. Without memory nothing is watched. */
RP_COLD void rp_http_keep_alive(struct shared *shared, const struct rp_http_template *template,
                                rp_http_silent_fn *silent);
/* The connection is closed. NULL is allowed. */
void rp_http_keepalive_stop(struct keepalive *keepalive);
void rp_http_keepalive_free(struct keepalive *keepalive);

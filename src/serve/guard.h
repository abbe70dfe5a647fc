/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * serve/guard.h - who may speak to the control server: pure functions, without I/O.
 *
 * A token keeps other users and other programs out. Host and Origin keep out the pages that a
 * browser of the user's shows: such a page may send requests to loopback, and by a name that leads
 * there, but cannot choose what stands in these two fields.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/time.h"

/* Whether @field, of Authorization, is "Bearer " and @token. It takes as long for a wrong token as for
 * the right one. */
bool rp_guard_is_bearer(struct rp_slice field, const char *token);
/* The same of the token itself. */
bool rp_guard_is_token(struct rp_slice given, const char *token);

/* Whether @host, of the field Host, names a server on loopback at @port or the server's own address
 * @name ("127.0.0.1:8080"): localhost, 127.0.0.1, [::1], the host of @name, or @page_host ("" =
 * there is none). */
bool rp_guard_is_host(struct rp_slice host, uint16_t port, const char *name, const char *page_host);
/* Whether a page of the server itself has this @origin: "http://" or, with @is_tls, "https://" and
 * @host, the request's own field. */
bool rp_guard_is_origin(struct rp_slice origin, struct rp_slice host, bool is_tls);

/* Wrong tokens: so many at once, and one more every three seconds. Zeroed is full. */
enum { RP_GUARD_TRIES = 20 };
struct rp_guard_tries {
    unsigned used;
    rp_ns last;
};
/* A wrong token has come at @now. False: there were too many. */
bool rp_guard_may_try(struct rp_guard_tries *tries, rp_ns now);

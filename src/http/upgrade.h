/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * http/upgrade.h - a request that asks to speak another protocol on its connection (RFC 9110, 7.8).
 *
 * A template with is_upgrade has a URL of ws:// or wss://, or of http:// or https://, and the caller
 * gives the fields Connection and Upgrade. Its connection is opened as that of any request, by the
 * same names, proxies and TLS, and has the cookies of the session; but it speaks HTTP/1.1 only, goes
 * through a proxy by CONNECT (RFC 6455, 4.1), and is no sample of HTTP: only its bytes are counted.
 * When the answer is 101, done() takes the connection. Any other answer is that of a request, with
 * head and body.
 */

#include "http/http.h"

struct rp_http_upgraded {
    struct rp_transport *transport; /* open; events and user are the new owner's to set */
    void *connection;               /* private */
};

/* To be called in done() of @call: false unless the answer was 101. The connection is the caller's
 * from then on, and must be closed before the session of the call is freed. What the server has sent
 * behind its answer is the body of the response. */
bool rp_http_take_upgraded(const struct rp_http_call *call, struct rp_http_upgraded *ret);
/* @base with the tags of the samples that @template says: url, name, and those that it was given. NULL
 * when there is no memory. The client has a registry. */
const struct rp_tags *rp_http_upgrade_tags(const struct rp_http_template *template,
                                           const struct rp_tags *base);
/* Closes the connection and frees it, soon: it may be called in a callback of the transport. No-op when
 * there is none. */
void rp_http_close_upgraded(struct rp_http_upgraded *upgraded, bool reset);

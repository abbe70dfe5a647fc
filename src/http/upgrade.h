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
 *
 * With is_tunnel, too, it is a stream of HTTP/2 that speaks the other protocol, WebSocket (RFC 8441):
 * the method is CONNECT, the template is streamed and chunked, there are no fields Connection and
 * Upgrade, and the answer that agrees is a 2xx. The streams of a session share a connection, which is
 * not the one of requests of HTTP. A server that does not speak HTTP/2, or whose settings do not
 * allow such streams, fails the call. What was opened is used in the same way: as a transport.
 */

#include "http/http.h"

struct rp_http_upgraded {
    struct rp_transport *transport; /* open; events and user are the new owner's to set */
    void *connection;               /* private; NULL until it is the caller's */
    struct rp_http_tunnel *tunnel;  /* private; NULL with HTTP/1.1 */
};

/* Starts @call, whose template is_upgrade. *@upgraded is to be closed when it is of no more use, also when
 * the call has failed; a call that is a tunnel ends with that. Never calls done() from inside. -ENOMEM:
 * nothing has begun. */
RP_NODISCARD int rp_http_start_upgrade(struct rp_http_session *session, struct rp_http_call *call,
                                       struct rp_http_upgraded *upgraded);

/* To be called in done() of @call: false unless the server has agreed. The connection is the caller's
 * from then on, and must be closed before the session of the call is freed. What the server has sent
 * behind its answer is the body of the response. */
bool rp_http_take_upgraded(const struct rp_http_call *call, struct rp_http_upgraded *upgraded);
/* In done() of @call, which was answered: calls @fn with the head of its request, as people are shown it.
 * What the request was given by the session, such as cookies, is missing in it. */
void rp_http_tell_answered(const struct rp_http_call *call, rp_http_trace_fn *fn, void *user);
/* What the client shows to people: `--once` and `--http-debug`. */
enum rp_http_shown { RP_HTTP_SHOWN_NOT, RP_HTTP_SHOWN_HEADS, RP_HTTP_SHOWN_WHOLE };
enum rp_http_shown rp_http_shows(const struct rp_http_client *client);
/* Shows @lines as it shows requests; of @who: scenario, vu, iteration, url. */
void rp_http_show_lines(struct rp_http_client *client, const struct rp_exchange *who,
                        struct rp_slice lines);
/* Nothing is sent behind what the transport has been given. A stream of HTTP/2 has an end of its own for
 * that, once the transport's fill() gives nothing; a connection goes on. */
void rp_http_finish_upgraded(const struct rp_http_upgraded *upgraded);
/* Brings the bytes that the transport shows up to date: of a stream of HTTP/2 it has those until something last
 * passed. */
void rp_http_count_upgraded(const struct rp_http_upgraded *upgraded);
/* In the transport's ended(): how a stream of HTTP/2 has ended, in error_code and error; NULL = it is a
 * connection of HTTP/1.1. */
const struct rp_http_response *rp_http_upgraded_end(const struct rp_http_upgraded *upgraded);
/* @base with the tags of the samples that @template says: url, name, and those that it was given. NULL
 * when there is no memory. The client has a registry. */
const struct rp_tags *rp_http_upgrade_tags(const struct rp_http_template *template,
                                           const struct rp_tags *base);
/* Closes the connection and frees it, soon: it may be called in a callback of the transport. No-op when
 * there is none. */
void rp_http_close_upgraded(struct rp_http_upgraded *upgraded, bool reset);

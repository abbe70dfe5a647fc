/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * serve/serve.h - the sink that lets others watch a run and steer it: the control server of `rampa
 * run --serve`. docs/control.md has all that it answers.
 *
 * It listens on a UNIX socket of the user's (serve/place.h) and, when asked, on TCP: without TLS on
 * loopback only, with TLS anywhere. It is served on the coordinator's loop: a request costs the workers
 * nothing. Whatever clients do is
 * bounded: connections, bodies, streams and their memory, wrong tokens. A client that does not take
 * what it has asked for is dropped.
 *
 * It answers from rp_serve_new() on as soon as the run has its loop, and until it is closed. It should
 * be behind the sink of the result in the list: then the result is written when the stream of events
 * ends. At most a second is waited for clients that have not taken the end.
 */

#include "output/event_bus.h"
#include "run/sink.h"

struct rp_serve;

struct rp_serve_options {
    const char *address; /* "HOST:PORT"; NULL = the UNIX socket only */
    /* PEM: what it shows on TCP, where it speaks TLS then, with its chain; and its key, which is not
     * encrypted. NULL = no TLS, and loopback only. They fit each other. */
    const char *certificate, *key;
    const char *run_id; /* that of the run */
    const char *script; /* as people see it */
};

/* Listens, and adds itself to @sinks; @bus must be of the same list and outlive it. The strings are
 * borrowed. -RP_EUSER with @err filled: there is no place to listen. */
RP_NODISCARD int rp_serve_new(struct rp_sinks *sinks, struct rp_event_bus *bus,
                              const struct rp_serve_options *options, struct rp_serve **ret,
                              struct rp_error *err);
void rp_serve_free(struct rp_serve *serve); /* NULL is allowed */
/* The path of its UNIX socket. */
const char *rp_serve_socket(const struct rp_serve *serve);
/* Where it can be reached on TCP, "http://127.0.0.1:8080"; NULL when it does not listen there. */
const char *rp_serve_url(const struct rp_serve *serve);
/* A new address for a browser, which lets in the first one that opens it. @host, "HOST:PORT": where
 * somebody has reached it over TLS; NULL = not known. -ENOTCONN when it does not listen on TCP;
 * -errno. */
enum { RP_SERVE_BROWSER_SIZE = 512 };
RP_NODISCARD int rp_serve_browser_address(struct rp_serve *serve, const char *host,
                                          char ret[RP_SERVE_BROWSER_SIZE]);

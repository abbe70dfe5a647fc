/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * http/proxy.h - the proxies of a client, and the ways that go through them.
 *
 * A request of http through a proxy that speaks HTTP is the proxy's to make: the whole URL stands in its first
 * line. Where that cannot be (https, SOCKS5, HTTP/2, a server that is somewhere else than its URL says), the
 * proxy is asked for a connection to the server, and carries bytes only. Credentials for the proxy are only in
 * what the proxy itself is told.
 */

#include "http/http.h"
#include "net/tunnel.h"
#include "plan/proxy.h"

struct connection;
struct origin;
struct rp_dial_spec;

/* Interned: equal texts are the same pointer. */
struct proxy {
    struct proxy *next;
    char *text, *auth; /* as they were given; @auth may be NULL */
    char *place;       /* HOST:PORT, for messages */
    char *host;
    uint16_t port;
    enum rp_proxy_kind kind;
    struct rp_buf user, password; /* decoded */
    struct rp_buf authorization;  /* the value of Proxy-Authorization; empty = none */
    /* Of one that speaks TLS: a layer for the proxy's own host. */
    struct rp_layer tls;
    const struct rp_layer *context_layer;
};

struct proxies { /* of a client */
    struct proxy *all;
    struct proxy *own;         /* of requests that name none; NULL = none */
    char *no_proxy;            /* hosts that are reached without @own; NULL = none */
    struct rp_tls_shared *tls; /* of those that speak TLS: other TLS may stand upon it */
    struct rp_tls_context *tls_context;
};

enum { VIA_LAYERS_MAX = 6 };

/* How connections to an origin go through a proxy. */
struct via {
    const struct proxy *proxy;
    bool is_asked;  /* the proxy makes the requests: there is no tunnel */
    bool is_looked; /* the proxy is given the address of the server, which is looked up here */
    char *host;     /* of the server: where a rule of the client's hosts leads, or its own */
    struct rp_tunnel tunnel;
    const struct rp_layer *layers[VIA_LAYERS_MAX + 1];
};

/* The proxy that requests to @host and @port go through; NULL = none. @text: what the request itself says of
 * it, see struct rp_http_spec. -RP_EUSER, -ENOMEM. */
RP_NODISCARD int rp_http_find_proxy(struct rp_http_client *client, struct rp_slice text,
                                    struct rp_slice host, uint16_t port, struct proxy **ret,
                                    struct rp_error *err);
/* Makes origin->via, for connections that end at @host and @port. -ENOMEM. */
RP_NODISCARD int rp_http_go_via(struct rp_http_client *client, struct origin *origin,
                                struct proxy *proxy, struct rp_slice host, uint16_t port,
                                bool is_elsewhere);
void rp_http_free_via(struct via *via);
void rp_http_free_proxies(struct rp_http_client *client);
/* Completes @spec for a connection that goes through a proxy. */
void rp_http_dial_via(const struct connection *connection, struct rp_dial_spec *spec);
/* Whether @host, of a URL, is that of @origin. */
bool rp_http_is_host(const struct origin *origin, struct rp_slice host);
/* route.c: finds where the connections of @origin go. -ENOMEM. */
RP_NODISCARD int rp_http_route(struct rp_http_client *client, struct origin *origin);
void rp_http_free_origin(struct origin *origin);
/* schemes.c: the layer of TLS with a proxy. -RP_EUSER, -ENOMEM. */
RP_NODISCARD int rp_http_proxy_tls(struct rp_http_client *client, const struct rp_layer **ret,
                                   struct rp_error *err);
/* What a failure to open @connection means when it goes through a proxy: false when that is nothing else than
 * without one. *@ret_kind is a constant text, @detail of at most @size bytes. */
bool rp_http_explain_via(const struct connection *connection, const struct rp_net_failure *failure,
                         int *ret_code, const char **ret_kind, char *detail, size_t size);

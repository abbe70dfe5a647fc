/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * net/tunnel.h - a layer that reaches the server through a proxy: by CONNECT of HTTP, or by SOCKS5.
 *
 * The dial connects to the proxy. The layer asks it for a connection to the server; from then on bytes go
 * through as they are. What the proxy is asked counts as connecting. The layer fails with RP_NET_PROXY_AUTH,
 * _REFUSED, _NO_SERVER, _BAD or _CLOSED; the detail is what the proxy has said.
 */

#include "base/slice.h"
#include "net/stack.h"

enum rp_tunnel_kind { RP_TUNNEL_CONNECT, RP_TUNNEL_SOCKS5 };

struct rp_tunnel { /* must outlive the stacks made with it, as its texts */
    struct rp_layer layer;
    enum rp_tunnel_kind kind;
    const char *host; /* of the server, without brackets */
    uint16_t port;
    struct rp_slice authorization;  /* CONNECT: value of Proxy-Authorization; empty = none */
    struct rp_slice user, password; /* SOCKS5, at most 255 bytes each; no user = none is offered */
};

/* Sets what the layer does; all else is the caller's. */
void rp_tunnel_init(struct rp_tunnel *tunnel);
/* Has the tunnel of the closed stack below @top ask for @address in place of the server's name. */
void rp_tunnel_aim(struct rp_transport *top, const struct rp_address *address);
/* Whether that has been done. */
bool rp_tunnel_is_aimed(const struct rp_transport *top);

/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * plan/proxy.h - what users write of proxies: which one, and which hosts are reached without it.
 *
 * A proxy is SCHEME://[USER[:PASSWORD]@]HOST:PORT. Its user and password are secrets: a plan keeps them apart
 * from the rest, which is shown, and no message of this file has them.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"

enum rp_proxy_kind {
    RP_PROXY_HTTP,
    RP_PROXY_HTTPS,   /* the same inside TLS */
    RP_PROXY_SOCKS5,  /* the proxy is given the address of the server */
    RP_PROXY_SOCKS5H, /* the proxy is given its name */
};

struct rp_proxy_text { /* slices of the text */
    enum rp_proxy_kind kind;
    struct rp_slice user;  /* USER:PASSWORD or USER, each with "%41" for a byte; empty = none */
    struct rp_slice place; /* HOST:PORT as it is written */
    struct rp_slice host;  /* without brackets */
    uint16_t port;
};

/* A text without a scheme is that of an HTTP proxy. -RP_EUSER with what is wrong. */
RP_NODISCARD int rp_proxy_parse(struct rp_slice text, struct rp_proxy_text *ret,
                                struct rp_error *err);

/* @list is the value of NO_PROXY: hosts that are separated by commas. Each is a name, for that host and those
 * below it; a name with a dot or "*." before it, for those below it only; an address; a network
 * (10.0.0.0/8); or "*" for all. Each but the last may have a port. -RP_EUSER with what is wrong. */
RP_NODISCARD int rp_no_proxy_check(const char *list, struct rp_error *err);
/* Whether @host, without brackets, is one of @list. NULL = no list. Names are not resolved. */
bool rp_no_proxy_has(const char *list, struct rp_slice host, uint16_t port);

/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * proto/url.h - absolute http URLs, parsed strictly (RFC 3986) and kept as slices of the caller's text.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

struct rp_url {
    struct rp_slice scheme;   /* "http", "https" (any case in the text) */
    struct rp_slice userinfo; /* may be empty; without '@' */
    struct rp_slice host;     /* without the brackets of an IPv6 literal */
    bool is_ipv6;
    uint16_t port; /* the given one or the scheme's */
    bool has_port;
    struct rp_slice path;  /* may be empty: then "/" is meant */
    struct rp_slice query; /* without '?'; has_query tells "" from none */
    bool has_query;
    struct rp_slice fragment; /* without '#'; never sent */
};

/* Slices of @text. -RP_EUSER with what is wrong and an example (missing scheme, unknown scheme, empty host, bad port,
 * control characters, blanks). Schemes: http, https, ws, wss. */
RP_NODISCARD int rp_url_parse(struct rp_slice text, struct rp_url *ret, struct rp_error *err);
/* Appends the request target, "/path?query". Bytes outside of what a URL may hold (UTF-8 text, blanks inside) are
 * percent-encoded; '%' is kept. */
void rp_url_append_target(const struct rp_url *url, struct rp_buf *out);
/* Appends the Host field's value: host, brackets for IPv6, port unless it is the scheme's. */
void rp_url_append_authority(const struct rp_url *url, struct rp_buf *out);
/* Resolves a Location value against @base (RFC 3986, 5.2) into an absolute URL text. */
RP_NODISCARD int rp_url_resolve(const struct rp_url *base, struct rp_slice reference,
                                struct rp_buf *out, struct rp_error *err);

/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * proto/url.h - absolute http URLs, parsed strictly (RFC 3986) and kept as slices of the caller's
 * text.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

struct rp_url {
    struct rp_slice scheme;   /* "http", "https", "http+unix" (any case in the text) */
    struct rp_slice userinfo; /* may be empty; without '@' */
    struct rp_slice host;     /* without the brackets of an IPv6 literal; see rp_url_is_unix() */
    bool is_ipv6;
    uint16_t port; /* the given one or the scheme's */
    bool has_port;
    struct rp_slice path;  /* may be empty: then "/" is meant */
    struct rp_slice query; /* without '?'; has_query tells "" from none */
    bool has_query;
    struct rp_slice fragment; /* without '#'; never sent */
};

/* Parses @text; the members of *ret are slices of it. -RP_EUSER with what is wrong and an example:
 * a missing or unknown scheme (known: http, https, ws, wss, http+unix); an empty host; a host that is no
 * address and no name of letters, digits, '-', '.' and '_'; a bad port (1..65535; an empty one is
 * the scheme's, unless an '@' follows); control characters anywhere; blanks around the URL or
 * before the path. An IPv6 literal has no zone. No message shows user name and password. *ret is
 * untouched on failure. */
RP_NODISCARD int rp_url_parse(struct rp_slice text, struct rp_url *ret, struct rp_error *err);
/* The same of the URL of a call of gRPC: its scheme is grpc or grpcs, and the port is that of http or https
 * unless it says otherwise. */
RP_NODISCARD int rp_url_parse_call(struct rp_slice text, struct rp_url *ret, struct rp_error *err);
/* Whether @url is http+unix://SOCKET/path?query, a server at a socket of this machine. Its host is the
 * path of the socket, percent-encoded: so it begins with '%', as no other host does. */
bool rp_url_is_unix(const struct rp_url *url);
/* Appends the request target, "/path?query". Bytes outside of what a URL may hold there (blanks
 * inside, UTF-8 text, brackets, backslashes) are percent-encoded; '%' is kept. */
void rp_url_append_target(const struct rp_url *url, struct rp_buf *out);
/* Appends the Host field's value: host, brackets for IPv6, port unless it is the scheme's; of a socket
 * "localhost". */
void rp_url_append_authority(const struct rp_url *url, struct rp_buf *out);
/* Resolves @reference, the value of a Location field, against @base (RFC 3986, 5.2) and appends the
 * text of the absolute URL, fragment included. The result may have another scheme, or be no valid
 * URL: rp_url_parse() tells. -RP_EUSER when @reference holds control characters, else @out's error.
 * On failure @out keeps its old length. */
RP_NODISCARD int rp_url_resolve(const struct rp_url *base, struct rp_slice reference,
                                struct rp_buf *out, struct rp_error *err);
/* The port a scheme stands for (80 or 443), 0 for a scheme that rp_url_parse does not know. */
uint16_t rp_url_default_port(struct rp_slice scheme);
/* User name and password of @text, which need be no valid URL: what stands between "://" (or the
 * beginning, when that is missing) and the last '@' before the path. Empty when there is none. */
struct rp_slice rp_url_userinfo(struct rp_slice text);
/* Appends @text without user name and password: as it may be shown, stored and sent on. */
void rp_url_append_public(struct rp_slice text, struct rp_buf *out);
/* The same for a text that rp_url_parse() refuses. Where a password ends in it is not known: what
 * stands between "://" (or the beginning) and the last '@' is left out when there is a ':' in it. */
void rp_url_append_bad_public(struct rp_slice text, struct rp_buf *out);
/* Appends @text with each "%41" as the byte that it stands for. */
void rp_url_append_decoded(struct rp_slice text, struct rp_buf *out);

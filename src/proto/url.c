/* SPDX-License-Identifier: MIT */
#include "proto/url.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "proto/proto_internal.h"

#define EXAMPLE "write it like http://127.0.0.1:8080/path?query"

enum { CHAR_HOST = 1, CHAR_PATH = 2, CHAR_QUERY = 4 };

/* What may stand unencoded in a host name, a path, a query. The fragment is never sent. */
static const uint8_t char_class[256] = {
    ['0' ... '9'] = 7, ['A' ... 'Z'] = 7, ['a' ... 'z'] = 7, ['-'] = 7, ['.'] = 7,  ['_'] = 7,
    ['~'] = 6,         ['!'] = 6,         ['$'] = 6,         ['&'] = 6, ['\''] = 6, ['('] = 6,
    [')'] = 6,         ['*'] = 6,         ['+'] = 6,         [','] = 6, [';'] = 6,  ['='] = 6,
    [':'] = 6,         ['@'] = 6,         ['/'] = 6,         ['%'] = 6, ['?'] = 4,
};

#define UNIX_SCHEME RP_SLICE("http+unix")
enum { UNIX_PATH_MAX_LEN = 107 }; /* of struct sockaddr_un */

uint16_t rp_url_default_port(struct rp_slice scheme)
{
    if (rp_slice_ieq(scheme, RP_SLICE("http")) || rp_slice_ieq(scheme, RP_SLICE("ws")) ||
        rp_slice_ieq(scheme, UNIX_SCHEME))
        return 80;
    if (rp_slice_ieq(scheme, RP_SLICE("https")) || rp_slice_ieq(scheme, RP_SLICE("wss")))
        return 443;
    return 0;
}

bool rp_url_is_unix(const struct rp_url *url)
{
    return rp_slice_ieq(url->scheme, UNIX_SCHEME);
}

/* The URL as a message may show it: without user name and password, cut to what fits. */
enum { SHOWN_BYTES = 1024 };

RP_COLD static const char *shown(struct rp_slice url, char *out)
{
    struct rp_slice userinfo = rp_url_userinfo(url);
    size_t before = (size_t)(userinfo.ptr - url.ptr);

    if (!userinfo.len)
        snprintf(out, SHOWN_BYTES, "%.*s", RP_SLICE_FMT(url));
    else
        snprintf(out, SHOWN_BYTES, "%.*s***%.*s", (int)before, url.ptr,
                 (int)(url.len - before - userinfo.len), userinfo.ptr + userinfo.len);
    return out;
}

#define SHOWN(url) shown(url, (char[SHOWN_BYTES]){ 0 })

static int check_text(struct rp_slice text, struct rp_error *err)
{
    if (!text.len) {
        rp_error_set(err, 0, "the URL is empty");
        rp_error_hint(err, EXAMPLE);
        return -RP_EUSER;
    }
    for (size_t i = 0; i < text.len; i++)
        if (rp_url_is_control(text.ptr[i]))
            return rp_error_set(err, -RP_EUSER,
                                "the URL holds the control character 0x%02x at byte %zu",
                                (unsigned char)text.ptr[i], i);
    if (text.ptr[0] == ' ' || text.ptr[text.len - 1] == ' ')
        return rp_error_set(err, -RP_EUSER, "the URL '%s' has blanks around it", SHOWN(text));
    return 0;
}

static int parse_scheme(struct rp_slice text, uint16_t port_of(struct rp_slice scheme),
                        struct rp_url *url, struct rp_error *err)
{
    const char *colon = rp_url_find_any(text, ":/?#");
    size_t left = (size_t)(text.ptr + text.len - colon);

    if (left < 3 || memcmp(colon, "://", 3) != 0) {
        rp_error_set(err, 0, "the URL '%s' has no scheme", SHOWN(text));
        rp_error_hint(err, EXAMPLE);
        return -RP_EUSER;
    }
    url->scheme = rp_url_until(text.ptr, colon);
    url->port = port_of(url->scheme);
    if (!url->port) {
        rp_error_set(err, 0, "the URL '%s' has the unknown scheme '%.*s'", SHOWN(text),
                     RP_SLICE_FMT(url->scheme));
        rp_error_hint(err, "the schemes are http, https, ws, wss and http+unix; for calls of gRPC "
                           "there are grpc and grpcs");
        return -RP_EUSER;
    }
    return 0;
}

static int parse_port(struct rp_slice text, struct rp_slice port, struct rp_url *url,
                      struct rp_error *err)
{
    uint32_t value = 0;
    size_t i = 0, left = (size_t)(text.ptr + text.len - port.ptr);

    /* "http://host:/": the scheme's port is meant (RFC 3986, 6.2.3). Where an '@' follows, it may be
     * "http://user:/password@host/". */
    if (!port.len && !memchr(port.ptr, '@', left))
        return 0;
    for (; i < port.len && port.ptr[i] >= '0' && port.ptr[i] <= '9' && value <= 65535; i++)
        value = value * 10 + (uint32_t)(port.ptr[i] - '0');
    if ((i < port.len || value < 1 || value > 65535) && memchr(port.ptr, '@', left)) {
        rp_error_set(err, 0, "a URL has an '@' behind its first '/' or '?', and no port before it");
        rp_error_hint(err, "write a '/', '?' or '#' of a user name or password as %%2F, %%3F or "
                           "%%23");
        return -RP_EUSER;
    }
    if (i < port.len || value < 1 || value > 65535) {
        rp_error_set(err, 0, "the URL '%s' has the bad port '%.*s'", SHOWN(text),
                     RP_SLICE_FMT(port));
        rp_error_hint(err, memchr(port.ptr, ':', port.len)
                               ? "write an IPv6 address in brackets, like http://[::1]:8080/"
                               : "a port is a number from 1 to 65535");
        return -RP_EUSER;
    }
    url->port = (uint16_t)value;
    url->has_port = true;
    return 0;
}

static bool is_ip_address(int family, struct rp_slice host)
{
    struct in6_addr address;
    char copy[INET6_ADDRSTRLEN];

    if (host.len >= sizeof(copy))
        return false;
    memcpy(copy, host.ptr, host.len);
    copy[host.len] = '\0';
    return inet_pton(family, copy, &address) == 1;
}

static int check_host(struct rp_slice text, struct rp_slice host, struct rp_error *err)
{
    bool is_numeric = true;

    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];

        if (!(char_class[(uint8_t)c] & CHAR_HOST)) {
            rp_error_set(err, 0, "the host '%.*s' of the URL '%s' holds a byte that no host has",
                         RP_SLICE_FMT(host), SHOWN(text));
            rp_error_hint(err, "a host is letters, digits, '-', '.' and '_', an IPv4 address or "
                               "an IPv6 address in brackets; write international names as xn--");
            return -RP_EUSER;
        }
        is_numeric = is_numeric && ((c >= '0' && c <= '9') || c == '.');
    }
    if (is_numeric && !is_ip_address(AF_INET, host))
        return rp_error_set(err, -RP_EUSER, "the host '%.*s' of the URL '%s' is no IPv4 address",
                            RP_SLICE_FMT(host), SHOWN(text));
    return 0;
}

/* @place is what follows the userinfo: "[v6]", "[v6]:port", "host", "host:port". */
static int parse_host(struct rp_slice text, struct rp_slice place, struct rp_url *url,
                      struct rp_error *err)
{
    const char *end = place.ptr + place.len, *host_end;

    url->is_ipv6 = place.len && place.ptr[0] == '[';
    host_end = rp_url_find_any(place, url->is_ipv6 ? "]" : ":");
    url->host = rp_url_until(place.ptr + url->is_ipv6, host_end);
    if (url->is_ipv6 && (host_end == end || !is_ip_address(AF_INET6, url->host))) {
        rp_error_set(err, 0, "the URL '%s' has a bad IPv6 address", SHOWN(text));
        rp_error_hint(err, "write it like http://[::1]:8080/");
        return -RP_EUSER;
    }
    host_end += url->is_ipv6;
    if (!url->host.len) {
        rp_error_set(err, 0, "the URL '%s' has no host", SHOWN(text));
        rp_error_hint(err, EXAMPLE);
        return -RP_EUSER;
    }
    if (host_end < end && *host_end != ':')
        return rp_error_set(err, -RP_EUSER, "the URL '%s' has text between ']' and the port",
                            SHOWN(text));
    if (host_end < end && parse_port(text, rp_url_until(host_end + 1, end), url, err) < 0)
        return -RP_EUSER;
    return url->is_ipv6 ? 0 : check_host(text, url->host, err);
}

/* "%2Frun%2Fserver.sock" */
static int parse_socket(struct rp_slice text, struct rp_slice place, struct rp_url *url,
                        struct rp_error *err)
{
    struct rp_buf path;
    bool is_good;

    url->host = place;
    rp_buf_init(&path, UNIX_PATH_MAX_LEN);
    rp_url_append_decoded(place, &path);
    is_good = !path.error && path.len > 1 && path.data[0] == '/' &&
              !memchr(path.data, '\0', path.len);
    for (size_t i = 0; i < place.len; i++)
        is_good = is_good && (char_class[(uint8_t)place.ptr[i]] & CHAR_PATH) &&
                  place.ptr[i] != '@' && place.ptr[i] != ':';
    rp_buf_deinit(&path);
    if (is_good)
        return 0;
    rp_error_set(err, 0, "the URL '%s' has no path of a socket before its first '/'", SHOWN(text));
    rp_error_hint(err,
                  "write http+unix://%%2Frun%%2Fserver.sock/path, with %%2F for each '/' of the "
                  "socket's path, which has at most 107 bytes");
    return -RP_EUSER;
}

static int parse_authority(struct rp_slice text, struct rp_slice authority, struct rp_url *url,
                           struct rp_error *err)
{
    const char *end = authority.ptr + authority.len;
    const char *at = rp_url_find_any(authority, "@");

    if (memchr(authority.ptr, ' ', authority.len))
        return rp_error_set(err, -RP_EUSER, "the URL '%s' has a blank before its path",
                            SHOWN(text));
    if (rp_url_is_unix(url))
        return parse_socket(text, authority, url, err);
    if (at == end)
        return parse_host(text, authority, url, err);
    if (memchr(at + 1, '@', (size_t)(end - at - 1))) {
        rp_error_set(err, 0, "the URL '%s' has a second '@' before its path", SHOWN(text));
        rp_error_hint(err, "write an '@' of a user name or password as %%40");
        return -RP_EUSER;
    }
    url->userinfo = rp_url_until(authority.ptr, at);
    return parse_host(text, rp_url_until(at + 1, end), url, err);
}

static int parse(struct rp_slice text, uint16_t port_of(struct rp_slice scheme), struct rp_url *ret,
                 struct rp_error *err)
{
    struct rp_url url = { 0 };
    struct rp_slice rest;
    const char *p, *end = text.ptr + text.len;
    int r = check_text(text, err);

    if (r < 0)
        return r;
    r = parse_scheme(text, port_of, &url, err);
    if (r < 0)
        return r;
    rest = rp_url_until(url.scheme.ptr + url.scheme.len + 3, end);
    p = rp_url_find_any(rest, "/?#");
    r = parse_authority(text, rp_url_until(rest.ptr, p), &url, err);
    if (r < 0)
        return r;
    url.path = rp_url_until(p, rp_url_find_any(rp_url_until(p, end), "?#"));
    p += url.path.len;
    if (p < end && *p == '?') {
        url.has_query = true;
        url.query = rp_url_until(p + 1, rp_url_find_any(rp_url_until(p + 1, end), "#"));
        p += 1 + url.query.len;
    }
    if (p < end)
        url.fragment = rp_url_until(p + 1, end);
    *ret = url;
    return 0;
}

int rp_url_parse(struct rp_slice text, struct rp_url *ret, struct rp_error *err)
{
    return parse(text, rp_url_default_port, ret, err);
}

static uint16_t call_port(struct rp_slice scheme)
{
    return rp_slice_ieq(scheme, RP_SLICE("grpc"))    ? 80
           : rp_slice_ieq(scheme, RP_SLICE("grpcs")) ? 443
                                                     : 0;
}

int rp_url_parse_call(struct rp_slice text, struct rp_url *ret, struct rp_error *err)
{
    return parse(text, call_port, ret, err);
}

static void append_encoded(struct rp_buf *out, struct rp_slice text, uint8_t class)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t start = 0;

    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = (uint8_t)text.ptr[i];

        if (char_class[c] & class)
            continue;
        rp_buf_append(out, text.ptr + start, i - start);
        rp_buf_append(out, (char[]){ '%', digits[c >> 4], digits[c & 15] }, 3);
        start = i + 1;
    }
    if (start < text.len)
        rp_buf_append(out, text.ptr + start, text.len - start);
}

void rp_url_append_target(const struct rp_url *url, struct rp_buf *out)
{
    if (url->path.len)
        append_encoded(out, url->path, CHAR_PATH);
    else
        rp_buf_append(out, "/", 1);
    if (url->has_query) {
        rp_buf_append(out, "?", 1);
        append_encoded(out, url->query, CHAR_QUERY);
    }
}

void rp_url_append_place(const struct rp_url *url, bool with_port, struct rp_buf *out)
{
    if (url->is_ipv6)
        rp_buf_append(out, "[", 1);
    rp_buf_append_slice(out, url->host);
    if (url->is_ipv6)
        rp_buf_append(out, "]", 1);
    if (with_port)
        rp_buf_appendf(out, ":%u", (unsigned)url->port);
}

void rp_url_append_authority(const struct rp_url *url, struct rp_buf *out)
{
    if (rp_url_is_unix(url))
        rp_buf_append_slice(out, RP_SLICE("localhost"));
    else
        rp_url_append_place(url, url->port != rp_url_default_port(url->scheme), out);
}

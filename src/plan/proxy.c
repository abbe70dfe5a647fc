/* SPDX-License-Identifier: MIT */
#include "plan/proxy.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/compiler.h"
#include "base/str.h"

enum { HOST_LEN_MAX = 253, TEXT_LEN_MAX = 2048, ROW_SHOWN = 100 };

static bool parse_port(struct rp_slice text, uint16_t *ret)
{
    int64_t port;

    if (!rp_parse_i64(text, &port) || port < 1 || port > UINT16_MAX)
        return false;
    *ret = (uint16_t)port;
    return true;
}

/* A name or an address: nothing that belongs to another part of a URL, and no blanks. */
static bool is_host(struct rp_slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] <= ' ' || (unsigned char)text.ptr[i] >= 0x7f ||
            strchr("/@?#*[]%,", text.ptr[i]))
            return false;
    return text.len > 0 && text.len <= HOST_LEN_MAX;
}

static struct rp_slice behind(struct rp_slice text, size_t skipped)
{
    return rp_slice(text.ptr + skipped, text.len - skipped);
}

/* HOST:PORT, [IPV6]:PORT and, unless @needs_port, HOST, [IPV6] and IPV6. *@port stays 0 without one. */
static bool split(struct rp_slice text, bool needs_port, struct rp_slice *host, uint16_t *port)
{
    const char *colon = text.len ? memchr(text.ptr, ':', text.len) : NULL;
    size_t used = colon ? (size_t)(colon - text.ptr) : text.len;

    *port = 0;
    if (text.len && text.ptr[0] == '[') {
        const char *end = memchr(text.ptr, ']', text.len);

        if (!end)
            return false;
        used = (size_t)(end - text.ptr) + 1;
        *host = rp_slice(text.ptr + 1, used - 2);
    } else if (colon && memchr(colon + 1, ':', text.len - used - 1)) { /* an IPv6 address */
        *host = text;
        return !needs_port && is_host(text);
    } else {
        *host = rp_slice(text.ptr, used);
    }
    if (used == text.len)
        return !needs_port && is_host(*host);
    return text.ptr[used] == ':' && is_host(*host) && parse_port(behind(text, used + 1), port);
}

/* ---- the proxy ------------------------------------------------------------------------------- */

static int refuse(struct rp_error *err)
{
    rp_error_set(err, -RP_EUSER,
                 "proxy: it must be http://HOST:PORT, https://HOST:PORT, socks5://HOST:PORT or "
                 "socks5h://HOST:PORT");
    rp_error_hint(err, "user and password stand before the host, as in "
                       "http://user:password@127.0.0.1:3128, with %%40 for a @ in them");
    return -RP_EUSER;
}

/* Takes the scheme off @text. False = it is an unknown one. */
static bool take_scheme(struct rp_slice *text, enum rp_proxy_kind *ret)
{
    static const char *const names[] = { [RP_PROXY_HTTP] = "http://",
                                         [RP_PROXY_HTTPS] = "https://",
                                         [RP_PROXY_SOCKS5] = "socks5://",
                                         [RP_PROXY_SOCKS5H] = "socks5h://" };

    *ret = RP_PROXY_HTTP;
    for (size_t i = 0; i < RP_ARRAY_LEN(names); i++) {
        size_t len = strlen(names[i]);

        if (text->len < len || !rp_slice_ieq(rp_slice(text->ptr, len), rp_slice_str(names[i])))
            continue;
        *text = behind(*text, len);
        *ret = (enum rp_proxy_kind)i;
        return true;
    }
    return !memmem(text->ptr, text->len, "://", 3);
}

int rp_proxy_parse(struct rp_slice text, struct rp_proxy_text *ret, struct rp_error *err)
{
    struct rp_slice rest = text;
    const char *at;

    *ret = (struct rp_proxy_text){ 0 };
    if (!text.len || text.len > TEXT_LEN_MAX || memchr(text.ptr, '\0', text.len) ||
        !take_scheme(&rest, &ret->kind))
        return refuse(err);
    if (rest.len && rest.ptr[rest.len - 1] == '/')
        rest.len--;
    at = memrchr(rest.ptr, '@', rest.len);
    if (at) {
        ret->user = rp_slice(rest.ptr, (size_t)(at - rest.ptr));
        rest = behind(rest, ret->user.len + 1);
    }
    ret->place = rest;
    return split(rest, true, &ret->host, &ret->port) ? 0 : refuse(err);
}

/* ---- hosts without it ------------------------------------------------------------------------ */

struct row {
    bool is_any, is_below_only;
    struct rp_slice host;
    uint16_t port;    /* 0 = any */
    int family, bits; /* of an address: AF_INET or AF_INET6, else 0; how many bits of it count */
    unsigned char address[16];
};

/* The family of the address that @text is; 0 = it is none. */
static int parse_address(struct rp_slice text, unsigned char ret[16])
{
    char copy[INET6_ADDRSTRLEN] = "";

    if (text.len >= sizeof(copy))
        return 0;
    memcpy(copy, text.ptr, text.len);
    return inet_pton(AF_INET, copy, ret) == 1    ? AF_INET
           : inet_pton(AF_INET6, copy, ret) == 1 ? AF_INET6
                                                 : 0;
}

static bool parse_network(struct rp_slice text, const char *slash, struct row *ret)
{
    size_t len = (size_t)(slash - text.ptr);
    int64_t bits;

    ret->family = parse_address(rp_slice(text.ptr, len), ret->address);
    if (!ret->family || !rp_parse_i64(behind(text, len + 1), &bits) || bits < 0 ||
        bits > (ret->family == AF_INET ? 32 : 128))
        return false;
    ret->bits = (int)bits;
    return true;
}

static bool parse_row(struct rp_slice text, struct row *ret)
{
    const char *slash = memchr(text.ptr, '/', text.len);

    *ret = (struct row){ .is_any = rp_slice_eq_str(text, "*") };
    if (ret->is_any)
        return true;
    if (slash)
        return parse_network(text, slash, ret);
    if (text.len > 1 && text.ptr[0] == '*' && text.ptr[1] == '.')
        text = behind(text, 1);
    ret->is_below_only = text.ptr[0] == '.';
    if (ret->is_below_only)
        text = behind(text, 1);
    if (!split(text, false, &ret->host, &ret->port))
        return false;
    ret->family = parse_address(ret->host, ret->address);
    ret->bits = ret->family == AF_INET ? 32 : 128;
    return true;
}

/* The next row of *@list, which is not empty; empty at the end. */
static struct rp_slice next_row(const char **list)
{
    struct rp_slice row = { 0 };

    while (*list && **list && !row.len) {
        size_t len = strcspn(*list, ",");

        row = rp_slice(*list, len);
        *list += len + ((*list)[len] == ',');
        while (row.len && row.ptr[0] == ' ')
            row = behind(row, 1);
        while (row.len && row.ptr[row.len - 1] == ' ')
            row.len--;
    }
    return row;
}

int rp_no_proxy_check(const char *list, struct rp_error *err)
{
    struct rp_slice text;
    struct row row;

    while ((text = next_row(&list)).len)
        if (!parse_row(text, &row)) {
            rp_error_set(err, -RP_EUSER, "no_proxy: '%.*s' is neither a host nor a network",
                         text.len < ROW_SHOWN ? (int)text.len : ROW_SHOWN, text.ptr);
            rp_error_hint(err, "write example.com, .example.com, example.com:8080, 10.0.0.1, "
                               "10.0.0.0/8 or *, separated by commas");
            return -RP_EUSER;
        }
    return 0;
}

static bool is_in_network(const struct row *row, const unsigned char address[16])
{
    size_t bytes = (size_t)row->bits / 8;
    unsigned rest = (unsigned)row->bits % 8;

    return memcmp(row->address, address, bytes) == 0 &&
           (!rest || (row->address[bytes] ^ address[bytes]) >> (8 - rest) == 0);
}

static bool matches(const struct row *row, struct rp_slice host, uint16_t port)
{
    unsigned char address[16];
    struct rp_slice end;
    int family;

    if (row->is_any)
        return true;
    if (row->port && row->port != port)
        return false;
    family = parse_address(host, address);
    if (row->family)
        return family == row->family && is_in_network(row, address);
    if (family || host.len < row->host.len)
        return false;
    end = behind(host, host.len - row->host.len);
    if (!rp_slice_ieq(end, row->host))
        return false;
    return host.len == row->host.len ? !row->is_below_only : end.ptr[-1] == '.';
}

bool rp_no_proxy_has(const char *list, struct rp_slice host, uint16_t port)
{
    struct rp_slice text;
    struct row row;

    while ((text = next_row(&list)).len)
        if (parse_row(text, &row) && matches(&row, host, port))
            return true;
    return false;
}

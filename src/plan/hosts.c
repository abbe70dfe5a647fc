/* SPDX-License-Identifier: MIT */
#include "plan/hosts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "plan/fields.h"

enum { RULE_MAX = 4096, UNIX_PATH_MAX_LEN = 107, HOST_SHOWN = 200, ADDRESSES_MAX = 16 };

/* ---- parts of a text ------------------------------------------------------------------------- */

static bool parse_port(struct rp_slice text, uint16_t *ret)
{
    int64_t port;

    if (!rp_parse_i64(text, &port) || port < 1 || port > UINT16_MAX)
        return false;
    *ret = (uint16_t)port;
    return true;
}

static size_t count_colons(struct rp_slice text)
{
    size_t count = 0;

    for (size_t i = 0; i < text.len; i++)
        count += text.ptr[i] == ':';
    return count;
}

/* HOST, HOST:PORT, [IPV6], [IPV6]:PORT or IPV6. *@port stays 0 without one. */
static bool split(struct rp_slice text, struct rp_slice *host, uint16_t *port)
{
    const char *colon;

    *port = 0;
    if (text.len && text.ptr[0] == '[') {
        const char *end = memchr(text.ptr, ']', text.len);
        size_t used = end ? (size_t)(end - text.ptr) + 1 : 0;

        *host = rp_slice(text.ptr + 1, used > 2 ? used - 2 : 0);
        if (!host->len)
            return false;
        text = rp_slice(text.ptr + used, text.len - used);
        return !text.len ||
               (text.ptr[0] == ':' && parse_port(rp_slice(text.ptr + 1, text.len - 1), port));
    }
    *host = text;
    if (count_colons(text) != 1)
        return true;
    colon = memchr(text.ptr, ':', text.len);
    *host = rp_slice(text.ptr, (size_t)(colon - text.ptr));
    return parse_port(rp_slice(colon + 1, text.len - host->len - 1), port);
}

/* Names, addresses: no control characters, no blanks, nothing of a URL. */
static bool is_host(struct rp_slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] <= ' ' || text.ptr[i] == 0x7f ||
            strchr("/@?#*[],", text.ptr[i]))
            return false;
    return text.len > 0 && text.len <= 253;
}

/* ---- rules ----------------------------------------------------------------------------------- */

static bool parse_key(const char *key, struct rp_host_rule *rule)
{
    if (!split(rp_slice_str(key), &rule->host, &rule->port))
        return false;
    rule->is_any = rp_slice_eq_str(rule->host, "*");
    if (rule->is_any)
        return true;
    if (rule->host.len > 2 && memcmp(rule->host.ptr, "*.", 2) == 0) {
        rule->is_below = true;
        rule->host = rp_slice(rule->host.ptr + 1, rule->host.len - 1);
    }
    return is_host(rule->host);
}

static bool is_address(struct rp_slice text)
{
    char copy[INET6_ADDRSTRLEN];
    struct in6_addr address;

    if (text.len > 2 && text.ptr[0] == '[' && text.ptr[text.len - 1] == ']')
        text = rp_slice(text.ptr + 1, text.len - 2);
    if (text.len >= sizeof(copy))
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    return strlen(copy) == text.len &&
           (inet_pton(AF_INET, copy, &address) == 1 || inet_pton(AF_INET6, copy, &address) == 1);
}

/* Addresses with commas between them, the last one of which may have a port, which is that of all. */
static bool parse_addresses(struct rp_slice text, struct rp_host_rule *rule)
{
    const char *last = memrchr(text.ptr, ',', text.len);
    struct rp_slice rest = text, host;
    unsigned count = 1;

    if (!split(rp_slice(last + 1, (size_t)(text.ptr + text.len - last) - 1), &host,
               &rule->to_port) ||
        !is_address(host))
        return false;
    rule->to = rp_slice(text.ptr, (size_t)(host.ptr + host.len - text.ptr));
    if (host.ptr > text.ptr && host.ptr[-1] == '[')
        rule->to.len++;
    for (const char *comma; (comma = memchr(rest.ptr, ',', rest.len)); count++) {
        size_t len = (size_t)(comma - rest.ptr);

        if (!is_address(rp_slice(rest.ptr, len)))
            return false;
        rest = rp_slice(comma + 1, rest.len - len - 1);
    }
    return count <= ADDRESSES_MAX;
}

static bool parse_value(const char *value, struct rp_host_rule *rule)
{
    if (strncmp(value, "unix:", 5) == 0) {
        rule->is_unix = true;
        rule->to = rp_slice_str(value + 5);
        return rule->to.len && rule->to.len <= UNIX_PATH_MAX_LEN;
    }
    if (strchr(value, ','))
        return parse_addresses(rp_slice_str(value), rule);
    return split(rp_slice_str(value), &rule->to, &rule->to_port) &&
           (is_host(rule->to) || (!rule->to.len && rule->to_port));
}

int rp_host_rule_parse(const char *key, const char *value, struct rp_host_rule *ret,
                       struct rp_error *err)
{
    struct rp_host_rule rule = { .port = 0 };

    if (!parse_key(key, &rule)) {
        rp_error_set(err, -RP_EUSER, "hosts: '%.*s' is neither a host nor a host with its port",
                     HOST_SHOWN, key);
        rp_error_hint(err, "write example.com, example.com:443, *.example.com or *");
        return -RP_EUSER;
    }
    if (!parse_value(value, &rule)) {
        rp_error_set(err, -RP_EUSER, "hosts: '%.*s' is no place to connect to", HOST_SHOWN, value);
        rp_error_hint(err, "write 127.0.0.1, 127.0.0.1:8080, [::1]:8080, :8080, up to 16 addresses "
                           "as 127.0.0.1,127.0.0.2:8080, or unix:/run/server.sock");
        return -RP_EUSER;
    }
    if (ret)
        *ret = rule;
    return 0;
}

/* How close a rule is to a host and a port; 0 = it is another one's. */
static size_t closeness(const struct rp_host_rule *rule, struct rp_slice host, uint16_t port)
{
    size_t of_port = rule->port ? 1 : 0;

    if (rule->port && rule->port != port)
        return 0;
    if (rule->is_any)
        return 1 + of_port;
    if (rule->is_below) /* the longer, the closer */
        return host.len > rule->host.len &&
                       rp_slice_ieq(rp_slice(host.ptr + host.len - rule->host.len, rule->host.len),
                                    rule->host)
                   ? 2 * rule->host.len + of_port
                   : 0;
    return rp_slice_ieq(rule->host, host) ? RULE_MAX + of_port : 0;
}

bool rp_host_rule_find(const struct rp_pairs *hosts, struct rp_slice host, uint16_t port,
                       struct rp_host_rule *ret)
{
    size_t best = 0;

    for (size_t i = 0; i < hosts->count; i++) {
        struct rp_host_rule rule;
        size_t close;

        if (rp_host_rule_parse(hosts->items[i].key, hosts->items[i].value, &rule, NULL) < 0)
            continue;
        close = closeness(&rule, host, port);
        if (close > best) {
            best = close;
            *ret = rule;
        }
    }
    return best > 0;
}

/* ---- options --------------------------------------------------------------------------------- */

/* Takes what stands before the next colon, which may be an address in brackets. */
static struct rp_slice take_part(struct rp_slice *rest)
{
    const char *end = rest->len && rest->ptr[0] == '[' ? memchr(rest->ptr, ']', rest->len) : NULL;
    size_t from = end ? (size_t)(end - rest->ptr) : 0;
    const char *colon = memchr(rest->ptr + from, ':', rest->len - from);
    struct rp_slice part = rp_slice(rest->ptr, colon ? (size_t)(colon - rest->ptr) : rest->len);

    *rest = rp_slice(rest->ptr + part.len, rest->len - part.len);
    if (rest->len)
        *rest = rp_slice(rest->ptr + 1, rest->len - 1);
    return part;
}

static void append_place(struct rp_buf *out, struct rp_slice host, struct rp_slice port)
{
    rp_buf_append_slice(out, host);
    if (port.len) {
        rp_buf_append(out, ":", 1);
        rp_buf_append_slice(out, port);
    }
}

int rp_host_option_add(enum rp_host_option_kind kind, const char *text, struct rp_pairs *hosts,
                       struct rp_error *err)
{
    struct rp_slice rest = rp_slice_str(text), host, port, to_host;
    struct rp_buf key, value;
    int r;

    rp_buf_init(&key, RULE_MAX);
    rp_buf_init(&value, RULE_MAX);
    if (kind == RP_HOST_UNIX) {
        rp_buf_append(&key, "*", 1);
        rp_buf_appendf(&value, "unix:%s", text);
    } else {
        host = take_part(&rest);
        port = take_part(&rest);
        append_place(&key, host.len ? host : RP_SLICE("*"), port);
        to_host = kind == RP_HOST_RESOLVE ? rest : take_part(&rest);
        append_place(&value, to_host, kind == RP_HOST_RESOLVE ? RP_SLICE("") : rest);
    }
    r = key.error ? key.error : value.error;
    if (r == 0)
        r = rp_host_rule_parse(rp_buf_str(&key), rp_buf_str(&value), NULL, err);
    if (r == 0)
        r = rp_pairs_set(hosts, rp_buf_str(&key), rp_buf_str(&value));
    rp_buf_deinit(&key);
    rp_buf_deinit(&value);
    return r;
}

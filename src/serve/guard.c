/* SPDX-License-Identifier: MIT */
#include "serve/guard.h"

#include <stdio.h>

#define TRY_EVERY (3 * RP_S)

bool rp_guard_is_token(struct rp_slice given, const char *token)
{
    size_t len = strlen(token);
    unsigned char differs = given.len != len;

    for (size_t i = 0; i < given.len && len; i++)
        differs |= (unsigned char)(given.ptr[i] ^ token[i % len]);
    return len && !differs;
}

bool rp_guard_is_bearer(struct rp_slice field, const char *token)
{
    struct rp_slice scheme = RP_SLICE("Bearer ");

    if (field.len < scheme.len || !rp_slice_ieq(rp_slice(field.ptr, scheme.len), scheme))
        return false;
    return rp_guard_is_token(
        rp_slice_trim(rp_slice(field.ptr + scheme.len, field.len - scheme.len)), token);
}

/* A browser leaves out the port that its scheme has anyway. */
static bool is_at(struct rp_slice host, struct rp_slice name, uint16_t port)
{
    char text[8];
    int len = snprintf(text, sizeof(text), ":%u", port);
    bool is_usual = port == 80 || port == 443;

    if (host.len < name.len || !rp_slice_ieq(rp_slice(host.ptr, name.len), name))
        return false;
    host = rp_slice(host.ptr + name.len, host.len - name.len);
    return (is_usual && !host.len) || rp_slice_eq(host, rp_slice(text, (size_t)len));
}

bool rp_guard_is_host(struct rp_slice host, uint16_t port, const char *name, const char *page_host)
{
    static const char *const names[] = { "localhost", "127.0.0.1", "[::1]" };
    const char *colon = strrchr(name, ':');

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (is_at(host, rp_slice_str(names[i]), port))
            return true;
    if (*page_host && is_at(host, rp_slice_str(page_host), port))
        return true;
    return colon && is_at(host, rp_slice(name, (size_t)(colon - name)), port);
}

bool rp_guard_is_origin(struct rp_slice origin, struct rp_slice host, bool is_tls)
{
    struct rp_slice scheme = is_tls ? RP_SLICE("https://") : RP_SLICE("http://");

    if (origin.len < scheme.len || !rp_slice_eq(rp_slice(origin.ptr, scheme.len), scheme))
        return false;
    return host.len &&
           rp_slice_ieq(rp_slice(origin.ptr + scheme.len, origin.len - scheme.len), host);
}

bool rp_guard_may_try(struct rp_guard_tries *tries, rp_ns now)
{
    rp_ns since = now - tries->last;
    uint64_t back = since > 0 ? (uint64_t)(since / TRY_EVERY) : 0;

    tries->last = back ? now : tries->used ? tries->last : now;
    tries->used = back >= tries->used ? 0 : tries->used - (unsigned)back;
    if (tries->used >= RP_GUARD_TRIES)
        return false;
    tries->used++;
    return true;
}

/* SPDX-License-Identifier: MIT */

/* Which cookies go where. Sections are those of RFC 6265bis (draft 12 and later). */

#include <ctype.h>
#include <errno.h>
#include <libpsl.h>
#include <string.h>

#include "base/alloc.h"
#include "proto/cookie.h"

enum { HOST_MAX = 255 };

void rp_cookie_jar_init(struct rp_cookie_jar *jar)
{
    rp_list_init(&jar->entries);
    jar->count = 0;
}

void rp_cookie_jar_remove(struct rp_cookie_jar *jar, struct rp_cookie_entry *entry)
{
    rp_list_remove(&entry->node);
    jar->count--;
    rp_free(entry);
}

static struct rp_cookie_entry *entry_of(struct rp_list *node)
{
    return rp_container_of(node, struct rp_cookie_entry, node);
}

void rp_cookie_jar_clear(struct rp_cookie_jar *jar)
{
    while (!rp_list_is_empty(&jar->entries))
        rp_cookie_jar_remove(jar, entry_of(jar->entries.next));
}

/* ---- domains: 5.1.3 --------------------------------------------------------------------------- */

/* An address of either family: it has no parts. */
static bool is_address(struct rp_slice host)
{
    size_t dots = 0;

    for (size_t i = 0; i < host.len; i++) {
        if (host.ptr[i] == ':')
            return true;
        dots += host.ptr[i] == '.';
        if (host.ptr[i] != '.' && !isdigit((unsigned char)host.ptr[i]))
            return false;
    }
    return dots == 3;
}

static bool domain_matches(struct rp_slice host, struct rp_slice domain)
{
    size_t more;

    if (rp_slice_ieq(host, domain))
        return true;
    if (host.len <= domain.len || is_address(host))
        return false;
    more = host.len - domain.len;
    return host.ptr[more - 1] == '.' && rp_slice_ieq(rp_slice(host.ptr + more, domain.len), domain);
}

bool rp_cookie_is_public_suffix(struct rp_slice host)
{
    char name[HOST_MAX + 1];

    if (!host.len || host.len > HOST_MAX || is_address(host))
        return false;
    for (size_t i = 0; i < host.len; i++)
        name[i] = (char)tolower((unsigned char)host.ptr[i]);
    name[host.len] = '\0';
    return psl_is_public_suffix(psl_builtin(), name);
}

/* ---- paths: 5.1.4 ----------------------------------------------------------------------------- */

static struct rp_slice default_path(const struct rp_url *url)
{
    const char *slash = url->path.len ? memrchr(url->path.ptr, '/', url->path.len) : NULL;

    if (!slash || url->path.ptr[0] != '/' || slash == url->path.ptr)
        return RP_SLICE("/");
    return rp_slice(url->path.ptr, (size_t)(slash - url->path.ptr));
}

static bool path_matches(const struct rp_url *url, struct rp_slice path)
{
    struct rp_slice whole = url->path.len ? url->path : RP_SLICE("/");

    if (whole.len < path.len || memcmp(whole.ptr, path.ptr, path.len) != 0)
        return false;
    return whole.len == path.len || path.ptr[path.len - 1] == '/' || whole.ptr[path.len] == '/';
}

/* ---- storing: 5.7 ----------------------------------------------------------------------------- */

/* Nobody can listen on the way to this machine itself: browsers and curl think so too. */
static bool is_secure(const struct rp_url *url)
{
    return rp_slice_ieq(url->scheme, RP_SLICE("https")) ||
           rp_slice_ieq(url->scheme, RP_SLICE("wss")) ||
           rp_slice_ieq(url->host, RP_SLICE("localhost")) ||
           rp_slice_eq(url->host, RP_SLICE("127.0.0.1")) || rp_slice_eq(url->host, RP_SLICE("::1"));
}

static bool begins_with(struct rp_slice text, struct rp_slice prefix)
{
    return text.len >= prefix.len && rp_slice_ieq(rp_slice(text.ptr, prefix.len), prefix);
}

/* A name that promises something must keep it (5.4). */
static bool keeps_promise(const struct rp_cookie *cookie)
{
    struct rp_slice shown = cookie->name.len ? cookie->name : cookie->value;

    if (begins_with(shown, RP_SLICE("__Host-")))
        return cookie->name.len && cookie->secure && !cookie->domain.len &&
               rp_slice_eq_str(cookie->path, "/");
    if (begins_with(shown, RP_SLICE("__Secure-")))
        return cookie->name.len && cookie->secure;
    return true;
}

/* What of @cookie goes into a jar: domain and path are never empty there. False: it may not. */
static bool resolve(const struct rp_url *url, const struct rp_cookie *cookie,
                    struct rp_cookie_entry *ret)
{
    struct rp_slice domain = cookie->domain;

    if (domain.len && rp_cookie_is_public_suffix(domain)) {
        if (!rp_slice_ieq(domain, url->host))
            return false;
        domain.len = 0;
    }
    if (domain.len && !domain_matches(url->host, domain))
        return false;
    if ((cookie->secure && !is_secure(url)) || !keeps_promise(cookie))
        return false;
    *ret = (struct rp_cookie_entry){ .name = cookie->name,
                                     .value = cookie->value,
                                     .domain = domain.len ? domain : url->host,
                                     .path = cookie->path.len ? cookie->path : default_path(url),
                                     .host_only = !domain.len,
                                     .secure = cookie->secure,
                                     .http_only = cookie->http_only,
                                     .expires = cookie->expires,
                                     .expiry = cookie->expiry };
    return true;
}

static struct rp_slice put(char **to, struct rp_slice text)
{
    char *start = *to;

    if (text.len)
        memcpy(start, text.ptr, text.len);
    *to = start + text.len;
    return rp_slice(start, text.len);
}

/* One block of memory holds the entry and its texts. */
static struct rp_cookie_entry *copy(const struct rp_cookie_entry *from)
{
    size_t size = from->name.len + from->value.len + from->domain.len + from->path.len;
    struct rp_cookie_entry *entry = rp_alloc(sizeof(*entry) + size);
    char *to;

    if (!entry)
        return NULL;
    to = (char *)(entry + 1);
    *entry = *from;
    entry->name = put(&to, from->name);
    entry->value = put(&to, from->value);
    entry->domain = put(&to, from->domain);
    entry->path = put(&to, from->path);
    return entry;
}

static struct rp_cookie_entry *find_same(struct rp_cookie_jar *jar,
                                         const struct rp_cookie_entry *entry)
{
    RP_LIST_EACH (it, &jar->entries) {
        struct rp_cookie_entry *other = entry_of(it);

        if (rp_slice_eq(other->name, entry->name) && rp_slice_ieq(other->domain, entry->domain) &&
            other->host_only == entry->host_only && rp_slice_eq(other->path, entry->path))
            return other;
    }
    return NULL;
}

static bool is_over(const struct rp_cookie_entry *entry, int64_t now)
{
    return entry->expires && entry->expiry <= now;
}

int rp_cookie_jar_store(struct rp_cookie_jar *jar, const struct rp_url *url,
                        const struct rp_cookie *cookie, int64_t now)
{
    struct rp_cookie_entry wanted, *entry = NULL, *same;
    struct rp_list *behind;

    if (!resolve(url, cookie, &wanted))
        return 0;
    if (!is_over(&wanted, now) && !(entry = copy(&wanted)))
        return -ENOMEM;
    same = find_same(jar, &wanted);
    behind = same ? same->node.next : &jar->entries; /* its age stays */
    if (same)
        rp_cookie_jar_remove(jar, same);
    if (!entry)
        return 1;
    if (jar->count >= RP_COOKIES_MAX)
        rp_cookie_jar_remove(jar, entry_of(jar->entries.next));
    rp_list_append(behind, &entry->node);
    jar->count++;
    return 1;
}

/* ---- sending: 5.8 ----------------------------------------------------------------------------- */

bool rp_cookie_goes_to(const struct rp_cookie_entry *entry, const struct rp_url *url, int64_t now)
{
    bool is_domain = entry->host_only ? rp_slice_ieq(url->host, entry->domain)
                                      : domain_matches(url->host, entry->domain);

    return is_domain && path_matches(url, entry->path) && (!entry->secure || is_secure(url)) &&
           !is_over(entry, now);
}

static bool is_given(struct rp_slice given, struct rp_slice name)
{
    struct rp_slice other, value;
    size_t pos = 0;

    while (rp_cookie_next_pair(given, &pos, &other, &value))
        if (rp_slice_eq(other, name))
            return true;
    return false;
}

/* The longest path of those that are shorter than @than, of the cookies that go to @url. */
static size_t next_path_len(const struct rp_cookie_jar *jar, const struct rp_url *url, int64_t now,
                            size_t than)
{
    size_t len = 0;

    for (struct rp_list *it = jar->entries.next; it != &jar->entries; it = it->next) {
        const struct rp_cookie_entry *entry = entry_of(it);

        if (entry->path.len < than && entry->path.len > len && rp_cookie_goes_to(entry, url, now))
            len = entry->path.len;
    }
    return len;
}

void rp_cookie_jar_append(const struct rp_cookie_jar *jar, const struct rp_url *url, int64_t now,
                          struct rp_slice given, struct rp_buf *out)
{
    size_t start = out->len, len = SIZE_MAX;

    while ((len = next_path_len(jar, url, now, len)) > 0) {
        for (struct rp_list *it = jar->entries.next; it != &jar->entries; it = it->next) {
            const struct rp_cookie_entry *entry = entry_of(it);

            if (entry->path.len != len || !rp_cookie_goes_to(entry, url, now) ||
                is_given(given, entry->name))
                continue;
            if (out->len > start)
                rp_buf_append(out, "; ", 2);
            rp_buf_append_slice(out, entry->name);
            if (entry->name.len)
                rp_buf_append(out, "=", 1);
            rp_buf_append_slice(out, entry->value);
        }
    }
}

/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * proto/cookie.h - cookies as a user agent reads them (RFC 6265bis), without I/O and without a
 * clock: the value of a Set-Cookie field is taken apart, and a jar says which cookies go where.
 *
 * A jar is what one user has. It keeps the text of its cookies and knows nothing of requests: who
 * fills it says from which URL a cookie came, and who asks says for which URL.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/slice.h"
#include "proto/url.h"

/* Limits of RFC 6265bis: a longer cookie is refused, a longer attribute is as if it were not there.
 * In a jar that is full the oldest cookie makes room. */
enum { RP_COOKIE_BYTES_MAX = 4096, RP_COOKIE_ATTRIBUTE_MAX = 1024, RP_COOKIES_MAX = 1000 };

struct rp_cookie { /* slices of the field's value */
    struct rp_slice name, value;
    struct rp_slice domain; /* without a dot in front; empty = only the host that sent it */
    struct rp_slice path;   /* begins with '/'; empty = that of the URL, without its last part */
    bool secure, http_only;
    bool expires;   /* else it lasts as long as the jar */
    int64_t expiry; /* seconds since 1970, with expires */
};

/* Takes the value of a Set-Cookie field apart. @now: seconds since 1970, for Max-Age. False: it is
 * no cookie. */
bool rp_cookie_parse(struct rp_slice field, int64_t now, struct rp_cookie *ret);
/* The time that an Expires attribute means, in seconds since 1970. False: it is none. */
bool rp_cookie_date(struct rp_slice text, int64_t *ret);
/* Whether @text can be the name or the value of a cookie that a program sets. */
bool rp_cookie_is_name(struct rp_slice text);
bool rp_cookie_is_value(struct rp_slice text);
/* Gives the next name and value of a Cookie field; false at the end. *pos starts at 0. */
bool rp_cookie_next_pair(struct rp_slice field, size_t *pos, struct rp_slice *ret_name,
                         struct rp_slice *ret_value);
/* Whether @host belongs to nobody in particular, as "co.uk" and "com" do (the public suffix
 * list). */
bool rp_cookie_is_public_suffix(struct rp_slice host);

struct rp_cookie_entry { /* texts are the jar's */
    struct rp_list node;
    struct rp_slice name, value, domain, path;
    bool host_only, secure, http_only, expires;
    int64_t expiry;
};

struct rp_cookie_jar {
    struct rp_list entries; /* the oldest first */
    size_t count;
};

void rp_cookie_jar_init(struct rp_cookie_jar *jar);
/* Forgets all. */
void rp_cookie_jar_clear(struct rp_cookie_jar *jar);
/* Takes a cookie that came from @url, in place of one of the same name, domain and path. One that
 * has expired takes that one out. 1: taken; 0: refused, for its domain or path is not one of @url,
 * it is secure and @url is not, or its name says what it is not; -ENOMEM. */
RP_NODISCARD int rp_cookie_jar_store(struct rp_cookie_jar *jar, const struct rp_url *url,
                                     const struct rp_cookie *cookie, int64_t now);
/* Takes an entry out. */
void rp_cookie_jar_remove(struct rp_cookie_jar *jar, struct rp_cookie_entry *entry);
/* Whether @entry goes to @url. */
bool rp_cookie_goes_to(const struct rp_cookie_entry *entry, const struct rp_url *url, int64_t now);
/* Appends "name=value; name=value" of those that go to @url, those with the longest path first, but
 * none that is named in @given, the value of a Cookie field. */
void rp_cookie_jar_append(const struct rp_cookie_jar *jar, const struct rp_url *url, int64_t now,
                          struct rp_slice given, struct rp_buf *out);

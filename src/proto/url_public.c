/* SPDX-License-Identifier: MIT */

/* User name and password of a URL: where they stand, and the URL without them. */

#include "proto/url.h"

/* Of what stands behind the scheme and its colon, or of a URL that has no scheme. */
static struct rp_slice userinfo_of(struct rp_slice rest)
{
    size_t slashes = rest.len >= 2 && memcmp(rest.ptr, "//", 2) == 0 ? 2 : 0;
    struct rp_slice tail = rp_slice(rest.ptr + slashes, rest.len - slashes);
    size_t len = 0;
    const char *at;

    while (len < tail.len && (!tail.ptr[len] || !strchr("/?#", tail.ptr[len])))
        len++;
    at = memrchr(tail.ptr, '@', len);
    return rp_slice(tail.ptr, at ? (size_t)(at - tail.ptr) : 0);
}

struct rp_slice rp_url_userinfo(struct rp_slice text)
{
    const char *colon = memmem(text.ptr, text.len, "://", 3);

    return userinfo_of(colon ? rp_slice(colon + 1, text.len - (size_t)(colon + 1 - text.ptr))
                             : text);
}

void rp_url_append_public(struct rp_slice text, struct rp_buf *out)
{
    struct rp_slice userinfo = rp_url_userinfo(text);
    const char *rest = userinfo.ptr + userinfo.len;

    if (!userinfo.len) {
        rp_buf_append_slice(out, text);
        return;
    }
    rp_buf_append(out, text.ptr, (size_t)(userinfo.ptr - text.ptr));
    rp_buf_append(out, rest + 1, text.len - (size_t)(rest + 1 - text.ptr));
}

void rp_url_append_bad_public(struct rp_slice text, struct rp_buf *out)
{
    const char *end = text.ptr + text.len, *rest = memmem(text.ptr, text.len, "://", 3), *at;

    rest = rest ? rest + 3 : text.ptr;
    at = memrchr(rest, '@', (size_t)(end - rest));
    if (!at || !memchr(rest, ':', (size_t)(at - rest))) {
        rp_url_append_public(text, out);
        return;
    }
    rp_buf_append(out, text.ptr, (size_t)(rest - text.ptr));
    rp_buf_append(out, at + 1, (size_t)(end - at - 1));
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void rp_url_append_decoded(struct rp_slice text, struct rp_buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (c == '%' && text.len - i > 2 && hex_digit(text.ptr[i + 1]) >= 0 &&
            hex_digit(text.ptr[i + 2]) >= 0) {
            c = (char)(hex_digit(text.ptr[i + 1]) << 4 | hex_digit(text.ptr[i + 2]));
            i += 2;
        }
        rp_buf_append(out, &c, 1);
    }
}

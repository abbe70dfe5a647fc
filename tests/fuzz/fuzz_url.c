/* SPDX-License-Identifier: MIT */
#include "fuzz_targets.h"

#include <stdio.h>
#include <stdlib.h>

#include "proto/request.h"
#include "proto/url.h"

enum { OUT_MAX = 1 << 20 };

static void check_inside(struct rp_slice part, struct rp_slice text)
{
    rp_assert(!part.len || (part.ptr >= text.ptr && part.ptr + part.len <= text.ptr + text.len));
}

/* Written out again from its parts, a URL means the same. */
static void check_round_trip(const struct rp_url *url, const struct rp_buf *authority,
                             const struct rp_buf *target)
{
    struct rp_url again;
    struct rp_buf text, target_again;

    rp_buf_init(&text, OUT_MAX);
    rp_buf_init(&target_again, OUT_MAX);
    rp_buf_append_slice(&text, url->scheme);
    rp_buf_append_str(&text, "://");
    rp_buf_append_slice(&text, rp_url_is_unix(url) ? url->host : rp_buf_slice(authority));
    rp_buf_append_slice(&text, rp_buf_slice(target));
    rp_assert(rp_url_parse(rp_buf_slice(&text), &again, NULL) == 0);
    rp_assert(rp_slice_eq(again.host, url->host) && again.port == url->port);
    rp_assert(again.is_ipv6 == url->is_ipv6 && again.has_query == url->has_query);
    rp_url_append_target(&again, &target_again);
    rp_assert(rp_slice_eq(rp_buf_slice(&target_again), rp_buf_slice(target)));
    rp_buf_deinit(&target_again);
    rp_buf_deinit(&text);
}

/* What came out of a URL may stand in a request as it is. */
static void check_request(const struct rp_url *url)
{
    struct rp_buf target, authority, head;
    struct rp_request_head request = { .method = RP_SLICE("GET") };

    rp_buf_init(&target, OUT_MAX);
    rp_buf_init(&authority, OUT_MAX);
    rp_buf_init(&head, OUT_MAX);
    rp_url_append_target(url, &target);
    rp_url_append_authority(url, &authority);
    rp_assert(!target.error && !authority.error && target.data[0] == '/');
    for (size_t i = 0; i < target.len; i++)
        rp_assert(target.data[i] > ' ' && target.data[i] < 0x7f);
    request.target = rp_buf_slice(&target);
    request.authority = rp_buf_slice(&authority);
    rp_assert(rp_request_append_head(&request, &head, NULL) == 0);
    check_round_trip(url, &authority, &target);
    rp_buf_deinit(&head);
    rp_buf_deinit(&authority);
    rp_buf_deinit(&target);
}

static bool has_dot_segment(struct rp_slice path)
{
    const char *p = path.ptr, *end = p + path.len, *slash;

    while (p < end) {
        p += *p == '/';
        slash = p < end ? memchr(p, '/', (size_t)(end - p)) : NULL;
        slash = slash ? slash : end;
        if ((slash - p == 1 && p[0] == '.') || (slash - p == 2 && p[0] == '.' && p[1] == '.'))
            return true;
        p = slash;
    }
    return false;
}

static void check_resolve(const struct rp_url *base, struct rp_slice reference)
{
    struct rp_url resolved;
    struct rp_buf out;
    int r;

    rp_buf_init(&out, OUT_MAX);
    r = rp_url_resolve(base, reference, &out, NULL);
    rp_assert(r == 0 || r == -RP_EUSER);
    if (r == 0 && rp_url_parse(rp_buf_slice(&out), &resolved, NULL) == 0) {
        rp_assert(rp_slice_eq(resolved.path, base->path) || !has_dot_segment(resolved.path));
        check_request(&resolved);
    }
    rp_buf_deinit(&out);
}

int rp_fuzz_url(const uint8_t *data, size_t size)
{
    const uint8_t *lf = size ? memchr(data, '\n', size) : NULL;
    size_t len = lf ? (size_t)(lf - data) : size;
    size_t reference_len = lf ? size - len - 1 : 0;
    char *text = malloc(len ? len : 1), *reference = malloc(reference_len ? reference_len : 1);
    struct rp_error err = { 0 };
    struct rp_url url;

    rp_assert(text && reference);
    if (len)
        memcpy(text, data, len);
    if (reference_len)
        memcpy(reference, lf + 1, reference_len);
    if (rp_url_parse(rp_slice(text, len), &url, &err) == 0) {
        check_inside(url.host, rp_slice(text, len));
        check_inside(url.path, rp_slice(text, len));
        check_inside(url.query, rp_slice(text, len));
        check_inside(url.fragment, rp_slice(text, len));
        rp_assert(url.host.len && url.port);
        check_request(&url);
        check_resolve(&url, rp_slice(reference, reference_len));
    } else {
        rp_assert(err.message);
    }
    rp_error_deinit(&err);
    free(reference);
    free(text);
    return 0;
}

/* SPDX-License-Identifier: MIT */

/* References to URLs, such as the value of a Location field: RFC 3986, 5.2. */

#include <string.h>

#include "proto/proto_internal.h"
#include "proto/url.h"

/* A reference cut into its five parts (RFC 3986, appendix B), unchecked. */
struct reference {
    struct rp_slice scheme, authority, path, query, fragment;
    bool has_scheme, has_authority, has_query, has_fragment;
};

static bool is_scheme(struct rp_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i] | 0x20;
        bool is_alpha = c >= 'a' && c <= 'z';
        bool is_other = (text.ptr[i] >= '0' && text.ptr[i] <= '9') || text.ptr[i] == '+' ||
                        text.ptr[i] == '-' || text.ptr[i] == '.';

        if (!is_alpha && (i == 0 || !is_other))
            return false;
    }
    return text.len > 0;
}

static struct reference cut_reference(struct rp_slice text)
{
    struct reference ref = { 0 };
    const char *p = text.ptr, *end = p + text.len, *stop = rp_url_find_any(text, ":/?#");

    if (stop < end && *stop == ':' && is_scheme(rp_url_until(p, stop))) {
        ref.has_scheme = true;
        ref.scheme = rp_url_until(p, stop);
        p = stop + 1;
    }
    if (end - p >= 2 && p[0] == '/' && p[1] == '/') {
        ref.has_authority = true;
        ref.authority = rp_url_until(p + 2, rp_url_find_any(rp_url_until(p + 2, end), "/?#"));
        p = ref.authority.ptr + ref.authority.len;
    }
    ref.path = rp_url_until(p, rp_url_find_any(rp_url_until(p, end), "?#"));
    p += ref.path.len;
    if (p < end && *p == '?') {
        ref.has_query = true;
        ref.query = rp_url_until(p + 1, rp_url_find_any(rp_url_until(p + 1, end), "#"));
        p += 1 + ref.query.len;
    }
    ref.has_fragment = p < end;
    if (ref.has_fragment)
        ref.fragment = rp_url_until(p + 1, end);
    return ref;
}

/* Drops the last segment and its '/' of path[0..@to). */
static size_t drop_segment(const char *path, size_t to)
{
    while (to > 0 && path[to - 1] != '/')
        to--;
    return to ? to - 1 : 0;
}

/* RFC 3986, 5.2.4, in place: the output is never longer than what was read. Returns the new
 * length. */
static size_t remove_dot_segments(char *path, size_t len)
{
    size_t from = 0, to = 0, segment;
    bool has_slash;

    while (from < len) {
        has_slash = path[from] == '/';
        segment = from + has_slash;
        while (segment < len && path[segment] != '/')
            segment++;
        struct rp_slice name = rp_url_until(path + from + has_slash, path + segment);
        bool is_dot = rp_slice_eq(name, RP_SLICE(".")), is_up = rp_slice_eq(name, RP_SLICE(".."));

        if (!is_dot && !is_up) {
            memmove(path + to, path + from, segment - from);
            to += segment - from;
        } else {
            if (is_up)
                to = drop_segment(path, to);
            if (segment == len && has_slash)
                path[to++] = '/';
            if (!has_slash && segment < len)
                segment++;
        }
        from = segment;
    }
    return to;
}

static void append_path(const struct rp_url *base, const struct reference *ref, struct rp_buf *out)
{
    size_t start = out->len, keep;

    if (!ref->has_scheme && !ref->has_authority && !ref->path.len) {
        rp_buf_append_slice(out, base->path);
        return;
    }
    if (!ref->has_scheme && !ref->has_authority && ref->path.ptr[0] != '/') {
        keep = base->path.len ? drop_segment(base->path.ptr, base->path.len) : 0;
        rp_buf_append(out, base->path.ptr, keep);
        rp_buf_append(out, "/", 1);
    }
    rp_buf_append_slice(out, ref->path);
    if (out->error || out->len == start)
        return;
    out->len = start + remove_dot_segments(out->data + start, out->len - start);
    out->data[out->len] = '\0';
}

static void append_base_authority(const struct rp_url *base, struct rp_buf *out)
{
    if (base->userinfo.len) {
        rp_buf_append_slice(out, base->userinfo);
        rp_buf_append(out, "@", 1);
    }
    rp_url_append_place(base, base->has_port, out);
}

static void append_resolved(const struct rp_url *base, const struct reference *ref,
                            struct rp_buf *out)
{
    bool keeps_query = !ref->has_scheme && !ref->has_authority && !ref->path.len && !ref->has_query;
    bool has_query = keeps_query ? base->has_query : ref->has_query;

    rp_buf_append_slice(out, ref->has_scheme ? ref->scheme : base->scheme);
    rp_buf_append(out, ":", 1);
    if (ref->has_authority || !ref->has_scheme)
        rp_buf_append(out, "//", 2);
    if (ref->has_authority)
        rp_buf_append_slice(out, ref->authority);
    else if (!ref->has_scheme)
        append_base_authority(base, out);
    append_path(base, ref, out);
    if (has_query) {
        rp_buf_append(out, "?", 1);
        rp_buf_append_slice(out, keeps_query ? base->query : ref->query);
    }
    if (ref->has_fragment) {
        rp_buf_append(out, "#", 1);
        rp_buf_append_slice(out, ref->fragment);
    }
}

int rp_url_resolve(const struct rp_url *base, struct rp_slice reference, struct rp_buf *out,
                   struct rp_error *err)
{
    struct reference ref;
    size_t start = out->len;

    if (!reference.ptr)
        reference = RP_SLICE("");
    for (size_t i = 0; i < reference.len; i++)
        if (rp_url_is_control(reference.ptr[i]))
            return rp_error_set(err, -RP_EUSER,
                                "the reference holds the control character 0x%02x at byte %zu",
                                (unsigned char)reference.ptr[i], i);
    if (out->error)
        return out->error;
    ref = cut_reference(reference);
    append_resolved(base, &ref, out);
    if (out->error) {
        out->len = start;
        if (out->data)
            out->data[start] = '\0';
    }
    return out->error;
}

/* SPDX-License-Identifier: MIT */
#include "output/output_url.h"

#include <string.h>
#include <strings.h>

#include "http/http.h"

int rp_output_url_parse(const char *text, struct rp_url *ret, struct rp_error *err)
{
    struct rp_error its = { 0 };
    int r = rp_http_check_url(rp_slice_str(text), &its);

    if (r == 0)
        r = rp_url_parse(rp_slice_str(text), ret, &its);
    rp_error_deinit(&its);
    if (r != -RP_EUSER)
        return r;
    rp_error_set(err, r, "the destination is no URL of http or https");
    rp_error_hint(err, "it begins with http://HOST:PORT");
    return r;
}

void rp_output_url_show(const struct rp_url *url, bool is_grpc, struct rp_buf *out)
{
    if (!is_grpc)
        rp_buf_append_slice(out, url->scheme);
    else
        rp_buf_append_str(out, rp_slice_ieq(url->scheme, RP_SLICE("https")) ? "grpcs" : "grpc");
    rp_buf_append_str(out, "://");
    rp_url_append_authority(url, out);
    /* That is left out which the scheme stands for in HTTP. */
    if (is_grpc && !rp_url_is_unix(url) && url->port == rp_url_default_port(url->scheme))
        rp_buf_appendf(out, ":%u", url->port);
}

static bool begins_with(const char *text, const char *start)
{
    return strncasecmp(text, start, strlen(start)) == 0;
}

bool rp_output_url_is_grpc(const char *text)
{
    return begins_with(text, "grpc://") || begins_with(text, "grpcs://");
}

static int refuse_target(struct rp_error *err, const char *what)
{
    rp_error_set(err, -RP_EUSER, "the destination %s", what);
    rp_error_hint(err, "it is grpc://HOST:PORT, or grpcs://HOST:PORT for TLS");
    return -RP_EUSER;
}

/* As a URL that HTTP knows. */
static void put_http(const char *text, const char *default_scheme, struct rp_buf *out)
{
    if (rp_output_url_is_grpc(text))
        rp_buf_appendf(out, "http%s", text + strlen("grpc"));
    else if (default_scheme && !strstr(text, "://"))
        rp_buf_appendf(out, "%s://%s", default_scheme, text);
    else
        rp_buf_append_str(out, text);
}

int rp_output_url_put_target(const char *text, uint16_t port, const char *default_scheme,
                             struct rp_buf *out, struct rp_error *err)
{
    struct rp_error its = { 0 };
    struct rp_buf whole;
    struct rp_url url;
    int r;

    rp_buf_init(&whole, 1 << 16);
    put_http(text, default_scheme, &whole);
    r = whole.error ? whole.error : rp_output_url_parse(rp_buf_str(&whole), &url, &its);
    rp_error_deinit(&its);
    if (r == -RP_EUSER) {
        refuse_target(err, "is no server of gRPC");
    } else if (r == 0 && (url.has_query || url.fragment.len ||
                          (url.path.len && !rp_slice_eq(url.path, RP_SLICE("/"))))) {
        r = refuse_target(err, "has a path, and gRPC has none");
    } else if (r == 0) {
        size_t start = (size_t)(url.path.ptr - whole.data);

        rp_buf_append(out, whole.data, url.path.len ? start : whole.len);
        if (rp_output_url_is_grpc(text) && !url.has_port)
            rp_buf_appendf(out, ":%u", port);
        r = out->error;
    }
    rp_buf_deinit(&whole);
    return r;
}

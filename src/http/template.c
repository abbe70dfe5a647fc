/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/base64.h"
#include "http/http_internal.h"
#include "proto/request.h"
#include "proto/url.h"

enum { REQUEST_HEAD_MAX = 256 * 1024, REQUEST_BODY_MAX = 1 << 30 };

static void template_free(struct rp_http_template *template)
{
    rp_http_template_unref(template->hop);
    rp_free(template->hop_location);
    for (size_t i = 0; i < template->tag_count; i++) {
        rp_free((char *)template->tags[i].name.ptr);
        rp_free((char *)template->tags[i].value.ptr);
    }
    rp_free(template->tags);
    rp_free(template->expected);
    rp_free(template->digest_user);
    rp_free(template->digest_password);
    rp_free(template->method);
    rp_free(template->url);
    rp_free(template->name);
    rp_free((char *)template->body.ptr);
    rp_buf_deinit(&template->head);
    rp_h2_request_free(template->h2);
    rp_free(template);
}

static int copy_slice(struct rp_slice text, struct rp_slice *ret)
{
    char *copy = rp_strndup(text.ptr, text.len);

    if (!copy)
        return -ENOMEM;
    *ret = rp_slice(copy, text.len);
    return 0;
}

static int copy_tags(struct rp_http_template *template, const struct rp_http_spec *spec)
{
    if (!spec->tag_count)
        return 0;
    template->tags = rp_calloc(spec->tag_count, sizeof(*template->tags));
    if (!template->tags)
        return -ENOMEM;
    template->tag_count = spec->tag_count;
    for (size_t i = 0; i < spec->tag_count; i++)
        if (copy_slice(spec->tags[i].name, &template->tags[i].name) < 0 ||
            copy_slice(spec->tags[i].value, &template->tags[i].value) < 0)
            return -ENOMEM;
    return 0;
}

static int copy_expected(struct rp_http_template *template, const struct rp_http_spec *spec)
{
    size_t size = spec->expected_count * sizeof(*spec->expected);

    if (!spec->expected)
        return 0;
    template->expected = rp_alloc(size);
    if (!template->expected)
        return -ENOMEM;
    memcpy(template->expected, spec->expected, size);
    template->expected_count = spec->expected_count;
    return 0;
}

/* A copy of a URL without user name and password: it becomes a tag, and what scripts and their
 * messages show. */
static char *copy_public(struct rp_slice text)
{
    struct rp_buf copy;

    rp_buf_init(&copy, SIZE_MAX);
    rp_url_append_public(text, &copy);
    return rp_buf_take(&copy);
}

char *rp_http_copy_name(struct rp_slice name)
{
    return memmem(name.ptr, name.len, "://", 3) ? copy_public(name)
                                                : rp_strndup(name.ptr, name.len);
}

static int copy_digest(struct rp_http_template *template, const struct rp_http_spec *spec)
{
    struct rp_slice user = spec->digest_user, password = spec->digest_password;

    if (!user.len)
        return 0;
    template->digest_user = rp_strndup(user.ptr, user.len);
    template->digest_password = rp_strndup(password.ptr, password.len);
    return template->digest_user && template->digest_password ? 0 : -ENOMEM;
}

/* What opens a WebSocket is one of ws or wss, whatever it was given as. */
static char *copy_url(const struct rp_http_spec *spec)
{
    static const char given[] = "http";
    const size_t len = sizeof(given) - 1;
    char *url = copy_public(spec->url);
    struct rp_buf copy;

    if (!url || !spec->is_upgrade || strncasecmp(url, given, len) != 0 || url[len] == '+')
        return url;
    rp_buf_init(&copy, SIZE_MAX);
    rp_buf_append_str(&copy, "ws");
    rp_buf_append_str(&copy, url + len);
    rp_free(url);
    return rp_buf_take(&copy);
}

static int copy_texts(struct rp_http_template *template, const struct rp_http_spec *spec)
{
    template->method = rp_strndup(spec->method.ptr, spec->method.len);
    template->url = copy_url(spec);
    template->is_named = spec->name.len > 0;
    template->name = spec->name.len ? rp_http_copy_name(spec->name) : copy_url(spec);
    if (!template->method || !template->url || !template->name)
        return -ENOMEM;
    if (spec->body.len && copy_slice(spec->body, &template->body) < 0)
        return -ENOMEM;
    if (copy_tags(template, spec) < 0 || copy_digest(template, spec) < 0)
        return -ENOMEM;
    return copy_expected(template, spec);
}

/* RFC 9110, 9.2.2: sending these twice has the effect of sending them once. */
static bool is_idempotent(struct rp_slice method)
{
    static const char *const methods[] = { "GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE" };

    for (size_t i = 0; i < RP_ARRAY_LEN(methods); i++)
        if (rp_slice_eq_str(method, methods[i]))
            return true;
    return false;
}

/* User name and password of a URL are sent as browsers, curl and k6 send them (RFC 7617). */
static void append_basic(struct rp_slice userinfo, struct rp_buf *out)
{
    struct rp_buf plain;
    const char *colon = memchr(userinfo.ptr, ':', userinfo.len);

    rp_buf_init(&plain, REQUEST_HEAD_MAX);
    rp_url_append_decoded(userinfo, &plain);
    if (!colon)
        rp_buf_append(&plain, ":", 1);
    rp_buf_append_str(out, "Basic ");
    rp_base64_append(out, rp_buf_slice(&plain));
    if (plain.error)
        out->error = plain.error;
    rp_buf_deinit(&plain);
}

static int write_head(struct rp_http_template *template, const struct rp_http_spec *spec,
                      const struct rp_url *url, struct rp_error *err)
{
    const struct via *via = template->origin->via;
    const struct proxy *proxy = via && via->is_asked ? via->proxy : NULL;
    struct rp_slice credentials = proxy ? rp_buf_slice(&proxy->authorization) : rp_slice(NULL, 0);
    struct rp_buf target, authority, basic;
    int r;

    rp_buf_init(&target, REQUEST_HEAD_MAX);
    rp_buf_init(&authority, REQUEST_HEAD_MAX);
    rp_buf_init(&basic, REQUEST_HEAD_MAX);
    rp_buf_init(&template->head, REQUEST_HEAD_MAX);
    rp_url_append_authority(url, &authority);
    if (proxy) { /* which finds the server by the whole URL (RFC 9112, 3.2.2) */
        rp_buf_append_str(&target, "http://");
        rp_buf_append_slice(&target, rp_buf_slice(&authority));
    }
    rp_url_append_target(url, &target);
    if (url->userinfo.len)
        append_basic(url->userinfo, &basic);
    r = target.error ? target.error : authority.error ? authority.error : basic.error;
    if (r == 0) {
        struct rp_request_head request = { .method = spec->method,
                                           .target = rp_buf_slice(&target),
                                           .authority = rp_buf_slice(&authority),
                                           .authorization = rp_buf_slice(&basic),
                                           .headers = spec->headers,
                                           .header_count = spec->header_count,
                                           .proxy_authorization = credentials,
                                           .has_no_accept = spec->has_no_accept,
                                           .closes = template->client->limits.no_reuse,
                                           .has_body = spec->has_body || spec->is_streamed,
                                           .is_chunked = spec->is_chunked,
                                           .body_bytes = spec->is_streamed ? spec->streamed_bytes
                                                                           : spec->body.len };

        r = rp_request_append_head(&request, &template->head, err);
    }
    rp_buf_deinit(&target);
    rp_buf_deinit(&authority);
    rp_buf_deinit(&basic);
    if (r == -EMSGSIZE)
        r = rp_error_set(err, -RP_EUSER, "the request head has more than %d bytes",
                         REQUEST_HEAD_MAX);
    return r;
}

static bool has_field(const struct rp_http_spec *spec, struct rp_slice name)
{
    for (size_t i = 0; i < spec->header_count; i++)
        if (rp_slice_ieq(spec->headers[i].name, name))
            return true;
    return false;
}

/* A proxy that only carries the bytes does not see the fields of the request: what is meant for it would
 * be told to the server. */
static int check_tunnel(const struct origin *origin, const struct rp_http_spec *spec,
                        struct rp_error *err)
{
    const struct via *via = origin->via;

    if (!via || via->is_asked || via->tunnel.kind != RP_TUNNEL_CONNECT ||
        !has_field(spec, RP_SLICE("Proxy-Authorization")))
        return 0;
    rp_error_set(err, -RP_EUSER,
                 "the header Proxy-Authorization would go to %s://%s: the proxy %s only carries "
                 "the bytes",
                 origin->scheme->name, origin->host, via->proxy->place);
    rp_error_hint(err, "give user and password with the proxy: USER:PASSWORD@ before its host");
    return -RP_EUSER;
}

/* A trace that the script has named itself is its own. */
static bool has_trace(const struct rp_http_client *client, const struct rp_http_spec *spec)
{
    if (spec->trace == RP_HTTP_TRACE_AS_SET ? !client->has_traceparent
                                            : spec->trace == RP_HTTP_TRACE_NOT)
        return false;
    return !has_field(spec, RP_SLICE("traceparent"));
}

static int reuse_of(const struct rp_http_limits *limits, const struct rp_http_spec *spec)
{
    if (limits->no_reuse || rp_request_closes(spec->headers, spec->header_count))
        return NOT_REUSED;
    return limits->connection_requests || limits->connection_age ? REUSED_WITHIN_LIMITS : REUSED;
}

static int fill(struct rp_http_template *template, const struct rp_http_spec *spec,
                struct rp_error *err)
{
    const struct rp_http_scheme *scheme;
    struct proxy *proxy = NULL;
    struct rp_url url;
    int r = rp_url_parse(spec->url, &url, err);

    if (r < 0)
        return r;
    r = rp_http_find_scheme(template->client, spec, &url, &scheme, &template->tls, err);
    if (r < 0)
        return r;
    if (spec->body.len > REQUEST_BODY_MAX)
        return rp_error_set(err, -RP_EUSER, "the request body has %zu bytes, more than %d",
                            spec->body.len, REQUEST_BODY_MAX);
    r = rp_http_find_proxy(template->client, spec->proxy, url.host, url.port, &proxy, err);
    if (r < 0)
        return r;
    if (spec->proxy.ptr)
        template->proxy = proxy ? rp_slice_str(proxy->text) : RP_SLICE("");
    template->origin = rp_http_origin(template->client, scheme, url.host, url.port, proxy);
    if (!template->origin)
        return -ENOMEM;
    r = check_tunnel(template->origin, spec, err);
    if (r == 0)
        r = write_head(template, spec, &url, err);
    if (r < 0)
        return r;
    template->is_head = rp_slice_eq_str(spec->method, "HEAD");
    template->is_idempotent = is_idempotent(spec->method);
    template->is_streamed = spec->is_streamed;
    template->is_chunked = spec->is_chunked;
    template->streamed_bytes = spec->streamed_bytes;
    template->is_upgrade = spec->is_upgrade;
    template->is_tunnel = spec->is_tunnel;
    template->keepalive = spec->keepalive;
    template->is_balanced = spec->is_balanced;
    template->keepalive_timeout = spec->keepalive_timeout;
    template->expects_continue = spec->is_streamed &&has_field(spec, RP_SLICE("Expect"));
    template->has_cookie = has_field(spec, RP_SLICE("Cookie"));
    template->has_trace = has_trace(template->client, spec);
    template->client->has_own_heads |= template->has_trace;
    template->reuse = reuse_of(&template->client->limits, spec);
    return copy_texts(template, spec);
}

static bool is_relative(const struct rp_http_client *client, struct rp_slice url)
{
    return client->base_url && url.len && url.ptr[0] == '/';
}

/* Appends @url to @out, with the client's base before it. */
static int resolve(const struct rp_http_client *client, struct rp_slice url, struct rp_buf *out,
                   struct rp_error *err)
{
    struct rp_url base;
    int r = rp_url_parse(rp_slice_str(client->base_url), &base, err);

    if (r < 0)
        return r == -RP_EUSER ? rp_error_prefix(err, r, "base_url") : r;
    return rp_url_resolve(&base, url, out, err);
}

int rp_http_client_check_url(const struct rp_http_client *client, struct rp_slice url,
                             struct rp_error *err)
{
    struct rp_buf whole;
    int r;

    if (!is_relative(client, url))
        return rp_http_check_whole_url(&client->schemes, url, err);
    rp_buf_init(&whole, REQUEST_HEAD_MAX);
    r = resolve(client, url, &whole, err);
    if (r == 0)
        r = rp_http_check_whole_url(&client->schemes, rp_buf_slice(&whole), err);
    rp_buf_deinit(&whole);
    return r;
}

/* With the client's base before the URL. The name stays as it was written, so that the results of
 * several servers can be compared. */
static int fill_relative(struct rp_http_template *template, const struct rp_http_spec *spec,
                         struct rp_error *err)
{
    struct rp_http_spec whole = *spec;
    struct rp_buf url;
    int r;

    rp_buf_init(&url, REQUEST_HEAD_MAX);
    r = resolve(template->client, spec->url, &url, err);
    if (r == 0) {
        whole.url = rp_buf_slice(&url);
        if (!whole.name.len)
            whole.name = spec->url;
        r = fill(template, &whole, err);
        template->is_named = spec->name.len > 0;
    }
    rp_buf_deinit(&url);
    return r;
}

int rp_http_template_new(struct rp_http_client *client, const struct rp_http_spec *spec,
                         struct rp_http_template **ret, struct rp_error *err)
{
    struct rp_http_template *template = rp_calloc(1, sizeof(*template));
    int r;

    if (!template)
        return -ENOMEM;
    template->client = client;
    template->refs = 1;
    r = is_relative(client, spec->url) ? fill_relative(template, spec, err)
                                       : fill(template, spec, err);
    if (r < 0) {
        template_free(template);
        return r;
    }
    *ret = template;
    return 0;
}

struct rp_http_template *rp_http_template_ref(struct rp_http_template *template)
{
    template->refs++;
    return template;
}

void rp_http_template_unref(struct rp_http_template *template)
{
    if (template && --template->refs == 0)
        template_free(template);
}

struct rp_slice rp_http_template_url(const struct rp_http_template *template)
{
    return rp_slice_str(template->url);
}

struct rp_slice rp_http_template_name(const struct rp_http_template *template)
{
    return rp_slice_str(template->name);
}

struct rp_slice rp_http_template_method(const struct rp_http_template *template)
{
    return rp_slice_str(template->method);
}

struct rp_slice rp_http_template_body(const struct rp_http_template *template)
{
    return template->body;
}

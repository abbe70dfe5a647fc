/* SPDX-License-Identifier: MIT */

/*
 * Redirects: which request an answer 3xx leads to, and how a call goes on with it.
 *
 * The further request is a template of its own, made of the one that was answered. A template keeps
 * the last one that it has led to: a load test is led to the same place again and again. The answer
 * to a challenge (401) is such a further request too.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/alloc.h"
#include "http/http_internal.h"
#include "http/proxy.h"
#include "proto/digest.h"
#include "proto/url.h"

enum { LOCATION_MAX = 64 * 1024 };

/* ---- the further part of a call --------------------------------------------------------------- */

static void more_done(struct rp_http_call *call)
{
    rp_http_drop_more(call);
    call->done(call);
}

struct rp_http_more *rp_http_more(struct rp_http_call *call)
{
    struct rp_http_more *more = call->more;

    if (more)
        return more;
    more = rp_calloc(1, sizeof(*more));
    if (!more)
        return NULL;
    more->first = rp_http_template_ref(call->template);
    more->done = call->done;
    rp_buf_init(&more->head, SIZE_MAX);
    rp_buf_init(&more->piece, SIZE_MAX);
    call->done = more_done;
    call->more = more;
    return more;
}

void rp_http_drop_more(struct rp_http_call *call)
{
    struct rp_http_more *more = call->more;

    call->more = NULL;
    call->template = more->first;
    call->done = more->done;
    rp_http_template_unref(more->first);
    rp_buf_deinit(&more->head);
    rp_buf_deinit(&more->piece);
    rp_free(more);
}

/* ---- which request ---------------------------------------------------------------------------- */

static bool is_redirect(unsigned status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* The first Location of the answer; empty when there is none. */
static struct rp_slice location_of(const struct rp_http_response *response)
{
    struct rp_slice name, value;
    size_t pos = 0;

    while (rp_http_response_next_field(response, &pos, &name, &value))
        if (rp_slice_ieq(name, RP_SLICE("Location")))
            return value;
    return RP_SLICE("");
}

/* RFC 9110, 15.4, as browsers and curl do it. */
static bool becomes_get(unsigned status, struct rp_slice method)
{
    if (status == 303)
        return !rp_slice_eq_str(method, "GET") && !rp_slice_eq_str(method, "HEAD");
    return (status == 301 || status == 302) && rp_slice_eq_str(method, "POST");
}

/* What the next request is to be, beside its URL. */
struct hop {
    const struct rp_http_template *from;
    struct rp_url url;
    bool is_get;                   /* the method becomes GET, and the body is left out */
    bool is_other_origin;          /* nothing secret goes there */
    bool keeps_host;               /* the script has given Host, and it is still the same server */
    struct rp_slice authorization; /* the answer to a challenge; empty = there is none */
};

static bool is_one_of(struct rp_slice name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (rp_slice_ieq(name, rp_slice_str(names[i])))
            return true;
    return false;
}

/* Whether a field of the last request is a field of the next one too. */
static bool is_kept(const struct hop *hop, struct rp_slice name)
{
    static const char *const secrets[] = { "Authorization", "Cookie", "Proxy-Authorization" };
    static const char *const of_body[] = { "Content-Type", "Content-Encoding", "Content-Language",
                                           "Content-Location", "Expect" };

    if (rp_slice_ieq(name, RP_SLICE("Content-Length")) ||
        rp_slice_ieq(name, RP_SLICE("Transfer-Encoding"))) /* written for the body that there is */
        return false;
    if (rp_slice_ieq(name, RP_SLICE("Host")))
        return hop->keeps_host;
    if (hop->is_get && is_one_of(name, of_body, RP_ARRAY_LEN(of_body)))
        return false;
    if (rp_slice_ieq(name, RP_SLICE("Authorization")) &&
        (hop->url.userinfo.len || hop->from->digest_user))
        return false; /* the Location has its own; the answer to a challenge is good for one request */
    return !hop->is_other_origin || !is_one_of(name, secrets, RP_ARRAY_LEN(secrets));
}

/* Whether the script has given the Host of the last request: it is not that of the URL then. */
static bool has_own_host(const struct rp_http_template *from, const struct rp_url *url)
{
    struct rp_slice name, value;
    struct rp_buf authority;
    size_t pos = 0;
    bool is_own = false;

    rp_buf_init(&authority, LOCATION_MAX);
    rp_url_append_authority(url, &authority);
    while (rp_h1_next_field(rp_buf_slice(&from->head), &pos, &name, &value))
        if (rp_slice_ieq(name, RP_SLICE("Host")))
            is_own = !rp_slice_eq(value, rp_buf_slice(&authority));
    rp_buf_deinit(&authority);
    return is_own;
}

static bool is_same_origin(const struct origin *origin, const struct rp_url *url)
{
    return (rp_url_is_unix(url) || rp_slice_ieq(url->scheme, rp_slice_str(origin->scheme->name))) &&
           url->port == origin->port && rp_http_is_host(origin, url->host);
}

static int make_template(const struct hop *hop, struct rp_slice url, struct rp_http_template **ret,
                         struct rp_error *err)
{
    const struct rp_http_template *from = hop->from;
    struct rp_http_spec spec = { .method = hop->is_get ? RP_SLICE("GET")
                                                       : rp_slice_str(from->method),
                                 .url = url,
                                 .proxy = from->proxy,
                                 .tags = from->tags,
                                 .tag_count = from->tag_count,
                                 .expected = (const uint16_t(*)[2])from->expected,
                                 .expected_count = from->expected_count,
                                 .trace = from->has_trace ? RP_HTTP_TRACE : RP_HTTP_TRACE_NOT };
    struct rp_slice name, value;
    struct rp_buf fields;
    size_t pos = 0;
    int r;

    if (from->tls)
        spec.tls = *from->tls;
    if (from->digest_user && !hop->is_other_origin) {
        spec.digest_user = rp_slice_str(from->digest_user);
        spec.digest_password = rp_slice_str(from->digest_password);
    }
    if (from->is_named)
        spec.name = rp_slice_str(from->name);
    if (!hop->is_get) {
        spec.body = from->body;
        spec.has_body = from->body.len > 0;
        spec.is_streamed = from->is_streamed;
        spec.is_chunked = from->is_chunked;
        spec.streamed_bytes = from->streamed_bytes;
    }
    rp_buf_init(&fields, SIZE_MAX);
    while (rp_h1_next_field(rp_buf_slice(&from->head), &pos, &name, &value)) {
        const struct rp_header field = { name, value };

        if (is_kept(hop, name))
            rp_buf_append(&fields, &field, sizeof(field));
    }
    if (hop->authorization.len) {
        const struct rp_header field = { RP_SLICE("Authorization"), hop->authorization };

        rp_buf_append(&fields, &field, sizeof(field));
    }
    spec.headers = (const struct rp_header *)(const void *)fields.data;
    spec.header_count = fields.len / sizeof(struct rp_header);
    r = fields.error;
    if (r == 0)
        r = rp_http_template_new(from->client, &spec, ret, err);
    rp_buf_deinit(&fields);
    return r;
}

/* The request to which @location leads, as one of @hop. */
static int resolve(struct hop *hop, struct rp_slice location, struct rp_http_template **ret,
                   struct rp_error *err)
{
    const struct rp_http_template *from = hop->from;
    struct rp_url base;
    struct rp_buf url;
    int r = rp_url_parse(rp_slice_str(from->url), &base, err);

    if (r < 0)
        return r;
    rp_buf_init(&url, LOCATION_MAX);
    r = rp_url_resolve(&base, location, &url, err);
    if (r == -EMSGSIZE)
        r = rp_error_set(err, -RP_EUSER, "the Location has more than %d bytes", LOCATION_MAX);
    if (r == 0)
        r = rp_url_parse(rp_buf_slice(&url), &hop->url, err);
    if (r == 0) {
        hop->is_other_origin = !is_same_origin(from->origin, &hop->url);
        hop->keeps_host = !hop->is_other_origin && has_own_host(from, &base);
        if (hop->is_other_origin && rp_url_is_unix(&hop->url))
            r = rp_error_set(err, -RP_EUSER, "a server leads to a socket of this machine");
    }
    if (r == 0)
        r = make_template(hop, rp_buf_slice(&url), ret, err);
    rp_buf_deinit(&url);
    return r;
}

/* Has @template remember that @location leads to @next. Without memory it forgets what it knew. */
static void remember(struct rp_http_template *template, struct rp_slice location, bool is_get,
                     struct rp_http_template *next)
{
    rp_http_template_unref(template->hop);
    rp_free(template->hop_location);
    template->hop = NULL;
    template->hop_location = rp_strndup(location.ptr, location.len);
    if (!template->hop_location)
        return;
    template->hop = rp_http_template_ref(next);
    template->hop_is_get = is_get;
}

/* The request to which @location leads; a reference. */
static int find(struct rp_http_template *from, struct rp_slice location, bool is_get,
                struct rp_http_template **ret, struct rp_error *err)
{
    struct hop hop = { .from = from, .is_get = is_get };
    int r;

    if (from->hop && from->hop_is_get == is_get &&
        rp_slice_eq(location, rp_slice_str(from->hop_location))) {
        *ret = rp_http_template_ref(from->hop);
        return 0;
    }
    r = resolve(&hop, location, ret, err);
    if (r == 0)
        remember(from, location, is_get, *ret);
    return r;
}

const char *rp_http_refuse(struct rp_http_response *response, int code, const char *kind,
                           const char *detail)
{
    snprintf(response->error, sizeof(response->error), "%s%s%s", kind, detail ? ": " : "",
             detail ? detail : "");
    response->status = 0;
    response->version = RP_HTTP_NO_VERSION;
    response->error_code = code;
    return kind;
}

/* ---- challenges ------------------------------------------------------------------------------- */

static bool find_challenge(const struct rp_http_response *response, struct rp_digest_challenge *ret)
{
    struct rp_slice name, value;
    size_t pos = 0;

    while (rp_http_response_next_field(response, &pos, &name, &value))
        if (rp_slice_ieq(name, RP_SLICE("WWW-Authenticate")) && rp_digest_parse(value, ret))
            return true;
    return false;
}

/* Something that nobody has used before, in hexadecimal. */
static struct rp_slice make_cnonce(char out[33])
{
    uint64_t random[2] = { 0 };

    if (getrandom(random, sizeof(random), GRND_NONBLOCK) < 0)
        random[0] = (uint64_t)rp_wall_clock_ns();
    snprintf(out, 33, "%016" PRIx64 "%016" PRIx64, random[0], random[1]);
    return rp_slice(out, 32);
}

static int make_answer(const struct rp_http_template *from,
                       const struct rp_digest_challenge *challenge, struct rp_http_template **ret)
{
    const char *target = from->head.data + strlen(from->method) + 1;
    const char *end = memchr(target, ' ', from->head.len - (size_t)(target - from->head.data));
    const struct via *via = from->origin->via;
    struct hop hop = { .from = from };
    struct rp_buf answer;
    char cnonce[33];
    int r;

    if (via && via->is_asked) /* the server will see the path only */
        target = strchr(strstr(target, "://") + 3, '/');
    rp_buf_init(&answer, LOCATION_MAX);
    rp_digest_append(challenge, rp_slice_str(from->digest_user),
                     rp_slice_str(from->digest_password), rp_slice_str(from->method),
                     rp_slice(target, (size_t)(end - target)), make_cnonce(cnonce), &answer);
    hop.authorization = rp_buf_slice(&answer);
    r = answer.error ? answer.error : rp_url_parse(rp_slice_str(from->url), &hop.url, NULL);
    if (r == 0) {
        hop.keeps_host = has_own_host(from, &hop.url);
        r = make_template(&hop, rp_slice_str(from->url), ret, NULL);
    }
    rp_buf_deinit(&answer);
    return r;
}

/* The answer of the call is 401. NULL in *@ret when that is the end of it. */
static const char *answer_challenge(struct rp_http_call *call, struct rp_http_template **ret)
{
    struct rp_http_template *template = call->template;
    struct rp_digest_challenge challenge;
    struct rp_http_more *more;
    int r;

    if (!template->digest_user || (call->more && call->more->is_answered) ||
        !find_challenge(call->response, &challenge))
        return NULL;
    more = rp_http_more(call);
    r = more ? make_answer(template, &challenge, ret) : -ENOMEM;
    if (r == -ENOMEM)
        return rp_http_refuse(call->response, RP_HTTP_GENERIC, "out of memory", NULL);
    if (r == 0)
        more->is_answered = true;
    return NULL; /* what cannot be answered is an answer of the server like others */
}

bool rp_http_is_hop(const struct rp_http_call *call)
{
    const struct rp_http_response *response = call->response;
    struct rp_digest_challenge challenge;

    if (response->status == 401)
        return call->template->digest_user && !(call->more && call->more->is_answered) &&
               find_challenge(response, &challenge);
    return call->max_redirects && is_redirect(response->status) && location_of(response).len;
}

const char *rp_http_next_hop(struct rp_http_call *call, struct rp_http_template **ret)
{
    struct rp_http_response *response = call->response;
    struct rp_slice location, method;
    struct rp_error err = { 0 };
    struct rp_http_more *more;
    const char *kind = NULL;
    char detail[64];
    int r;

    if (response->status == 401)
        return answer_challenge(call, ret);
    if (!call->max_redirects || !is_redirect(response->status))
        return NULL;
    location = location_of(response);
    if (!location.len)
        return NULL;
    if (call->more && call->more->redirects >= call->max_redirects) {
        snprintf(detail, sizeof(detail), "more than %d, the last one with status %d",
                 call->max_redirects, response->status);
        return rp_http_refuse(response, RP_HTTP_TOO_MANY_REDIRECTS, "too many redirects", detail);
    }
    method = rp_slice_str(call->template->method);
    more = rp_http_more(call);
    r = more ? find(call->template, location, becomes_get(response->status, method), ret, &err)
             : -ENOMEM;
    if (r == -RP_EUSER)
        kind = rp_http_refuse(response, RP_HTTP_BAD_REDIRECT, "bad redirect", err.message);
    else if (r < 0)
        kind = rp_http_refuse(response, RP_HTTP_GENERIC, "out of memory", NULL);
    if (r == 0)
        more->is_answered = false; /* the next server may ask anew */
    rp_error_deinit(&err);
    return kind;
}

/* SPDX-License-Identifier: MIT */

/* Life of a client, and methods: what calls have in common. */

#include <errno.h>

#include "base/alloc.h"
#include "grpc/grpc_internal.h"
#include "proto/coding.h"
#include "proto/url.h"

enum { MESSAGE_MAX = 4 << 20, OWN_FIELDS = 6, TARGET_MAX = 64 * 1024 };

int rp_grpc_client_new(struct rp_http_client *http, struct rp_loop *loop,
                       struct rp_registry *registry, struct rp_grpc_client **ret)
{
    struct rp_grpc_client *client = rp_calloc(1, sizeof(*client));
    int r;

    if (!client) {
        rp_http_client_free(http);
        return -ENOMEM;
    }
    client->http = http;
    client->loop = loop;
    client->registry = registry;
    r = rp_grpc_declare_metrics(client);
    if (r < 0) {
        rp_grpc_client_free(client);
        return r;
    }
    *ret = client;
    return 0;
}

void rp_grpc_client_free(struct rp_grpc_client *client)
{
    if (!client)
        return;
    rp_decoder_free(client->decoder);
    rp_exchanges_deinit(&client->failed);
    rp_unfinished_list_deinit(&client->unfinished);
    rp_http_client_free(client->http);
    rp_free(client);
}

void rp_grpc_client_take_unfinished(struct rp_grpc_client *client, rp_unfinished_fn *fn, void *user)
{
    rp_unfinished_list_take(&client->unfinished, fn, user);
}

struct rp_http_client *rp_grpc_client_http(const struct rp_grpc_client *client)
{
    return client->http;
}

/* ---- methods --------------------------------------------------------------------------------- */

static void method_free(struct rp_grpc_method *method)
{
    for (size_t i = 0; i < method->tag_count; i++) {
        rp_free((char *)method->tags[i].name.ptr);
        rp_free((char *)method->tags[i].value.ptr);
    }
    rp_free(method->tags);
    rp_http_template_unref(method->template);
    rp_free(method->path);
    rp_free(method->service);
    rp_free(method->method);
    rp_free(method->url);
    rp_free(method->name);
    rp_free(method);
}

static bool is_path(struct rp_slice path)
{
    const char *slash;

    if (path.len < 4 || path.ptr[0] != '/')
        return false;
    for (size_t i = 0; i < path.len; i++)
        if (path.ptr[i] <= ' ' || path.ptr[i] >= 0x7f || path.ptr[i] == '?' || path.ptr[i] == '#')
            return false;
    slash = memchr(path.ptr + 1, '/', path.len - 1);
    return slash && slash > path.ptr + 1 && slash + 1 < path.ptr + path.len;
}

static int check_path(struct rp_slice path, struct rp_error *err)
{
    if (is_path(path))
        return 0;
    rp_error_set(err, -RP_EUSER, "'%.*s' is no method of gRPC", RP_SLICE_FMT(path));
    rp_error_hint(err, "write it as \"/package.Service/Method\"");
    return -RP_EUSER;
}

static int copy_tags(struct rp_grpc_method *method, const struct rp_grpc_spec *spec)
{
    if (!spec->tag_count)
        return 0;
    method->tags = rp_calloc(spec->tag_count, sizeof(*method->tags));
    if (!method->tags)
        return -ENOMEM;
    for (size_t i = 0; i < spec->tag_count; i++) {
        struct rp_slice name = spec->tags[i].name, value = spec->tags[i].value;
        struct rp_header *copy = &method->tags[method->tag_count++];

        *copy = (struct rp_header){ rp_slice(rp_strndup(name.ptr, name.len), name.len),
                                    rp_slice(rp_strndup(value.ptr, value.len), value.len) };
        if (!copy->name.ptr || !copy->value.ptr)
            return -ENOMEM;
    }
    return 0;
}

static bool has_prefix(struct rp_slice text, struct rp_slice prefix)
{
    return text.len >= prefix.len && rp_slice_eq(rp_slice(text.ptr, prefix.len), prefix);
}

/* A URL of HTTP as one of gRPC, without user name and password: "grpc://HOST:PORT/PATH". A socket of this machine
 * has none, and stays. */
static void append_shown(struct rp_slice url, struct rp_buf *out)
{
    struct rp_buf public;

    rp_buf_init(&public, SIZE_MAX);
    rp_url_append_public(url, &public);
    url = rp_buf_slice(&public);
    if (has_prefix(url, RP_SLICE("http://")) || has_prefix(url, RP_SLICE("https://"))) {
        rp_buf_append_str(out, "grpc");
        url = rp_slice(url.ptr + 4, url.len - 4);
    }
    rp_buf_append_slice(out, url);
    if (public.error)
        out->error = public.error;
    rp_buf_deinit(&public);
}

/* @url: the target and the path. */
static int copy_texts(struct rp_grpc_method *method, const struct rp_grpc_spec *spec,
                      struct rp_slice url)
{
    const char *end = spec->path.ptr + spec->path.len;
    const char *slash = memrchr(spec->path.ptr, '/', spec->path.len);
    struct rp_buf shown;

    rp_buf_init(&shown, SIZE_MAX);
    append_shown(url, &shown);
    method->url = rp_buf_take(&shown);
    method->path = rp_strndup(spec->path.ptr, spec->path.len);
    method->service = rp_strndup(spec->path.ptr + 1, (size_t)(slash - spec->path.ptr) - 1);
    method->method = rp_strndup(slash + 1, (size_t)(end - slash) - 1);
    method->name = spec->name.len ? rp_strndup(spec->name.ptr, spec->name.len)
                                  : rp_strndup(spec->path.ptr, spec->path.len);
    if (!method->url || !method->path || !method->service || !method->method || !method->name)
        return -ENOMEM;
    return copy_tags(method, spec);
}

/* Fills @fields, which has room for them, with what a request of gRPC says, metadata last. */
static size_t list_fields(const struct rp_grpc_spec *spec, const char *timeout,
                          struct rp_header *fields)
{
    size_t count = 0;

    fields[count++] = (struct rp_header){ RP_SLICE("Content-Type"), RP_SLICE("application/grpc") };
    fields[count++] = (struct rp_header){ RP_SLICE("TE"), RP_SLICE("trailers") };
    fields[count++] = (struct rp_header){ RP_SLICE("grpc-accept-encoding"),
                                          RP_SLICE("identity,gzip") };
    if (spec->compression == RP_GRPC_GZIP)
        fields[count++] = (struct rp_header){ RP_SLICE("grpc-encoding"), RP_SLICE("gzip") };
    if (spec->deadline)
        fields[count++] = (struct rp_header){ RP_SLICE("grpc-timeout"), rp_slice_str(timeout) };
    for (size_t i = 0; i < spec->metadata_count; i++)
        fields[count++] = spec->metadata[i];
    return count;
}

static int make_template(struct rp_grpc_method *method, const struct rp_grpc_spec *spec,
                         struct rp_slice url, struct rp_error *err)
{
    struct rp_header *fields = rp_calloc(spec->metadata_count + OWN_FIELDS, sizeof(*fields));
    char timeout[RP_GRPC_TIMEOUT_TEXT] = "";
    struct rp_http_spec http = { .method = RP_SLICE("POST"),
                                 .url = url,
                                 .headers = fields,
                                 .is_streamed = true,
                                 .is_chunked = true,
                                 .has_no_accept = true,
                                 .trace = RP_HTTP_TRACE_AS_SET,
                                 .tls = spec->tls,
                                 .keepalive = spec->keepalive,
                                 .is_balanced = spec->is_balanced,
                                 .keepalive_timeout = spec->keepalive_timeout };
    int r;

    if (!fields)
        return -ENOMEM;
    if (spec->deadline)
        rp_grpc_timeout_text(spec->deadline, timeout);
    http.header_count = list_fields(spec, timeout, fields);
    r = rp_http_template_new(method->client->http, &http, &method->template, err);
    rp_free(fields);
    return r;
}

static int fill(struct rp_grpc_method *method, const struct rp_grpc_spec *spec,
                struct rp_error *err)
{
    struct rp_buf url;
    int r = check_path(spec->path, err);

    if (r < 0)
        return r;
    rp_buf_init(&url, TARGET_MAX);
    rp_buf_append_slice(&url, spec->target);
    rp_buf_append_slice(&url, spec->path);
    r = url.error == -EMSGSIZE ? rp_error_set(err, -RP_EUSER, "the target is too long") : url.error;
    if (r == 0)
        r = make_template(method, spec, rp_buf_slice(&url), err);
    if (r == 0)
        r = copy_texts(method, spec, rp_buf_slice(&url));
    rp_buf_deinit(&url);
    return r;
}

int rp_grpc_method_new(struct rp_grpc_client *client, const struct rp_grpc_spec *spec,
                       struct rp_grpc_method **ret, struct rp_error *err)
{
    struct rp_grpc_method *method = rp_calloc(1, sizeof(*method));
    int r;

    if (!method)
        return -ENOMEM;
    method->client = client;
    method->refs = 1;
    method->deadline = spec->deadline;
    method->message_max = spec->message_max ? spec->message_max : MESSAGE_MAX;
    method->compression = spec->compression;
    method->is_stream = spec->is_stream;
    method->has_one_response = spec->has_one_response;
    method->is_unmeasured = spec->is_unmeasured;
    r = fill(method, spec, err);
    if (r < 0) {
        method_free(method);
        return r;
    }
    *ret = method;
    return 0;
}

struct rp_grpc_method *rp_grpc_method_ref(struct rp_grpc_method *method)
{
    method->refs++;
    return method;
}

void rp_grpc_method_unref(struct rp_grpc_method *method)
{
    if (method && --method->refs == 0)
        method_free(method);
}

struct rp_slice rp_grpc_method_path(const struct rp_grpc_method *method)
{
    return rp_slice_str(method->path);
}

/* SPDX-License-Identifier: MIT */
#include "output/otel_settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "output/output_url.h"

#define OTLP "OTEL_EXPORTER_OTLP_"
#define DEFAULT_URL "http://localhost:4318"
#define DEFAULT_TARGET "grpc://localhost"
#define TIMEOUT_MAX (3600 * RP_S)

enum { TEXTS_MAX = 1 << 16, URL_MAX = 1 << 16, GRPC_PORT = 4317 };

/* ---- one setting ----------------------------------------------------------------------------- */

struct setting {
    const char *text; /* NULL = nobody says it */
    const char *from; /* who does, for messages */
};

static struct setting variable(const char *name)
{
    const char *text = getenv(name);

    return (struct setting){ text && *text ? text : NULL, name };
}

/* The option @key, which may be NULL, else the first of the variables that is set. */
static struct setting find(const struct rp_output_spec *spec, const char *key, const char *first,
                           const char *second)
{
    const char *text = key ? rp_output_option(spec, key) : NULL;
    struct setting ret = { text, key };

    if (!ret.text && first)
        ret = variable(first);
    if (!ret.text && second)
        ret = variable(second);
    return ret;
}

/* Which of @words, NULL at the end, the setting is; 0 without a setting. */
static int choose(struct setting setting, const char *const *words, unsigned *ret,
                  struct rp_error *err)
{
    *ret = 0;
    if (!setting.text)
        return 0;
    for (unsigned i = 0; words[i]; i++)
        if (rp_slice_ieq(rp_slice_str(setting.text), rp_slice_str(words[i]))) {
            *ret = i;
            return 0;
        }
    return rp_error_set(err, -RP_EUSER, "%s of the output otel is '%s', which it does not know",
                        setting.from, setting.text);
}

/* ---- where to -------------------------------------------------------------------------------- */

static bool ends_with(struct rp_slice text, const char *end)
{
    size_t len = strlen(end);

    return text.len >= len && memcmp(text.ptr + text.len - len, end, len) == 0;
}

/* -RP_EUSER names the schemes of gRPC too: whoever writes a wrong one may have meant them. */
static int parse(const char *text, struct rp_url *ret, struct rp_error *err)
{
    int r = rp_output_url_parse(text, ret, err);

    if (r == -RP_EUSER) {
        rp_error_set(err, r, "the destination is no URL of http, https, grpc or grpcs");
        rp_error_hint(err,
                      "it begins with http://HOST:PORT, or with grpc://HOST:PORT for OTLP over "
                      "gRPC");
    }
    return r;
}

/* The path of metrics goes behind that of the URL, unless it is there. */
static int put_url(const char *text, struct rp_buf *out, struct rp_error *err)
{
    struct rp_url url;
    struct rp_slice path;
    int r = parse(text, &url, err);

    if (r < 0)
        return r;
    path = url.path;
    while (path.len && path.ptr[path.len - 1] == '/')
        path.len--;
    rp_buf_append(out, text, (size_t)(url.path.ptr - text));
    rp_buf_append_slice(out, path);
    if (!ends_with(path, "/v1/metrics"))
        rp_buf_append_str(out, "/v1/metrics");
    if (url.has_query) {
        rp_buf_append_str(out, "?");
        rp_buf_append_slice(out, url.query);
    }
    return out->error;
}

/* The variables may have HOST:PORT only, which is TLS unless a variable says that it is not. */
static int read_target(const struct rp_output_spec *spec, struct rp_otel_settings *ret,
                       struct rp_error *err)
{
    struct setting target = find(NULL, NULL, OTLP "METRICS_ENDPOINT", OTLP "ENDPOINT");
    struct setting insecure = find(NULL, NULL, OTLP "METRICS_INSECURE", OTLP "INSECURE");
    bool is_plain = insecure.text && strcasecmp(insecure.text, "true") == 0;
    int r;

    if (*spec->destination || !target.text)
        return rp_output_url_put_target(*spec->destination ? spec->destination : DEFAULT_TARGET,
                                        GRPC_PORT, NULL, &ret->url, err);
    r = rp_output_url_put_target(target.text, GRPC_PORT, is_plain ? "http" : "https", &ret->url,
                                 err);
    return r == -RP_EUSER ? rp_error_prefix(err, r, target.from) : r;
}

static int read_url(const struct rp_output_spec *spec, struct rp_otel_settings *ret,
                    struct rp_error *err)
{
    struct setting whole = variable(OTLP "METRICS_ENDPOINT"), base = variable(OTLP "ENDPOINT");
    struct rp_url url;
    int r;

    rp_buf_init(&ret->url, URL_MAX);
    if (ret->is_grpc)
        return read_target(spec, ret, err);
    if (*spec->destination)
        return put_url(spec->destination, &ret->url, err);
    if (!whole.text) {
        r = put_url(base.text ? base.text : DEFAULT_URL, &ret->url, err);
        return r < 0 && r != -ENOMEM ? rp_error_prefix(err, r, base.from) : r;
    }
    rp_buf_append_str(&ret->url, whole.text); /* it is taken as it is */
    r = parse(whole.text, &url, err);
    return r == -RP_EUSER ? rp_error_prefix(err, r, whole.from) : r;
}

/* ---- lists ----------------------------------------------------------------------------------- */

/* Appends the part as a text that ends with NUL; returns where it begins. */
static size_t keep(struct rp_buf *texts, struct rp_slice part)
{
    size_t at = texts->len;

    rp_url_append_decoded(rp_slice_trim(part), texts);
    rp_buf_append(texts, "", 1);
    return at;
}

/* "a=b,c=d%20e". What is kept are the places of the texts, for these may move. The text is not
 * shown, for it may be a secret. */
static int read_list(struct setting setting, struct rp_buf *texts, size_t (*places)[2], size_t max,
                     size_t *count, struct rp_error *err)
{
    struct rp_slice rest = rp_slice_str(setting.text ? setting.text : "");

    while (rest.len) {
        const char *comma = memchr(rest.ptr, ',', rest.len);
        struct rp_slice pair = rp_slice(rest.ptr, comma ? (size_t)(comma - rest.ptr) : rest.len);
        const char *equals = memchr(pair.ptr, '=', pair.len);
        size_t key_len = equals ? (size_t)(equals - pair.ptr) : 0;

        rest = rp_slice(rest.ptr + pair.len + !!comma, rest.len - pair.len - !!comma);
        if (!rp_slice_trim(pair).len)
            continue;
        if (!rp_slice_trim(rp_slice(pair.ptr, key_len)).len || *count == max)
            return rp_error_set(err, -RP_EUSER,
                                "%s of the output otel is no list KEY=VALUE,KEY=VALUE, or too long",
                                setting.from);
        places[*count][0] = keep(texts, rp_slice(pair.ptr, key_len));
        places[(*count)++][1] = keep(texts, rp_slice(equals + 1, pair.len - key_len - 1));
    }
    return texts->error;
}

static int read_headers(struct rp_otel_settings *ret, struct rp_error *err)
{
    struct setting list = find(NULL, NULL, OTLP "METRICS_HEADERS", OTLP "HEADERS");
    size_t places[RP_OTEL_HEADERS_MAX][2], count = 0;
    int r = read_list(list, &ret->texts, places, RP_OTEL_HEADERS_MAX - 2, &count, err);

    if (!ret->is_grpc)
        ret->headers[ret->header_count++] = (struct rp_header){
            RP_SLICE("content-type"),
            ret->is_json ? RP_SLICE("application/json") : RP_SLICE("application/x-protobuf")
        };
    if (ret->is_gzip && !ret->is_grpc)
        ret->headers[ret->header_count++] = (struct rp_header){ RP_SLICE("content-encoding"),
                                                                RP_SLICE("gzip") };
    for (size_t i = 0; r == 0 && i < count; i++)
        ret->headers[ret->header_count++] = /* offsets, until there are no more texts */
            (struct rp_header){ { NULL, places[i][0] }, { NULL, places[i][1] } };
    return r;
}

/* The service's name stands before what is said of the resource, and wins. */
static int read_attributes(const struct rp_output_spec *spec, struct rp_otel_settings *ret,
                           size_t (*places)[2], struct rp_error *err)
{
    struct setting service = find(spec, "service", "OTEL_SERVICE_NAME", NULL);
    struct setting list = find(spec, "resource", "OTEL_RESOURCE_ATTRIBUTES", NULL);
    bool has_service = false;
    int r = read_list(list, &ret->texts, places, RP_OTEL_ATTRIBUTES_MAX - 1, &ret->attribute_count,
                      err);

    for (size_t i = 0; r == 0 && i < ret->attribute_count; i++)
        if (strcmp(ret->texts.data + places[i][0], "service.name") == 0) {
            has_service = true;
            if (service.text)
                places[i][1] = keep(&ret->texts, rp_slice_str(service.text));
        }
    if (r < 0 || has_service)
        return r < 0 ? r : ret->texts.error;
    places[ret->attribute_count][0] = keep(&ret->texts, RP_SLICE("service.name"));
    places[ret->attribute_count++][1] = keep(&ret->texts,
                                             rp_slice_str(service.text ? service.text : "rampa"));
    return ret->texts.error;
}

/* Now the texts stay where they are. */
static void place_texts(struct rp_otel_settings *ret, size_t (*places)[2])
{
    const char *texts = ret->texts.data;

    for (size_t i = 0; i < ret->attribute_count; i++)
        ret->attributes[i] = (struct rp_otel_attribute){ texts + places[i][0],
                                                         texts + places[i][1] };
    for (size_t i = ret->is_grpc ? 0 : ret->is_gzip ? 2 : 1; i < ret->header_count; i++)
        ret->headers[i] = (struct rp_header){ rp_slice_str(texts + ret->headers[i].name.len),
                                              rp_slice_str(texts + ret->headers[i].value.len) };
}

/* ---- all of them ----------------------------------------------------------------------------- */

static int read_timeout(struct rp_otel_settings *ret, struct rp_error *err)
{
    struct setting setting = find(NULL, NULL, OTLP "METRICS_TIMEOUT", OTLP "TIMEOUT");
    int64_t ms;

    if (!setting.text)
        return 0;
    if (!rp_parse_i64(rp_slice_str(setting.text), &ms) || ms < 1 || ms > TIMEOUT_MAX / RP_MS)
        return rp_error_set(err, -RP_EUSER, "%s is '%s', which are no milliseconds up to an hour",
                            setting.from, setting.text);
    ret->timeout = ms * RP_MS;
    return 0;
}

/* The scheme of the URL says gRPC too, and more strongly than a variable: it names the server. */
static int read_protocol(const struct rp_output_spec *spec, struct rp_otel_settings *ret,
                         struct rp_error *err)
{
    static const char *const protocols[] = { "http/protobuf", "http/json", "grpc", NULL };
    struct setting option = { rp_output_option(spec, "protocol"), "protocol" };
    struct setting setting = find(spec, "protocol", OTLP "METRICS_PROTOCOL", OTLP "PROTOCOL");
    struct setting url = find(NULL, NULL, OTLP "METRICS_ENDPOINT", OTLP "ENDPOINT");
    bool is_target = rp_output_url_is_grpc(*spec->destination ? spec->destination
                                           : url.text         ? url.text
                                                              : "");
    unsigned which;
    int r = choose(is_target ? option : setting, protocols, &which, err);

    if (r < 0) {
        rp_error_hint(err, "it is http/protobuf or http/json, to a port that is 4318 mostly, or "
                           "grpc, to 4317");
        return r;
    }
    if (is_target && option.text && which < 2) {
        rp_error_set(err, -RP_EUSER, "protocol of the output otel is '%s', and its URL says grpc",
                     option.text);
        rp_error_hint(err, "write the URL with http:// or https://, or leave out the protocol");
        return -RP_EUSER;
    }
    ret->is_json = which == 1;
    ret->is_grpc = which == 2 || is_target;
    return 0;
}

static int read_words(const struct rp_output_spec *spec, struct rp_otel_settings *ret,
                      struct rp_error *err)
{
    static const char *const temporalities[] = { "cumulative", "delta", "lowmemory", NULL };
    static const char *const histograms[] = { "explicit", "explicit_bucket_histogram",
                                              "exponential", "base2_exponential_bucket_histogram",
                                              NULL };
    static const char *const compressions[] = { "none", "gzip", NULL };
    unsigned which;
    int r = read_protocol(spec, ret, err);

    if (r < 0)
        return r;
    r = choose(find(spec, "temporality", OTLP "METRICS_TEMPORALITY_PREFERENCE", NULL),
               temporalities, &which, err);
    if (r < 0) {
        rp_error_hint(err, "it is cumulative or delta");
        return r;
    }
    ret->is_delta = which > 0;
    r = choose(find(spec, "histograms", OTLP "METRICS_DEFAULT_HISTOGRAM_AGGREGATION", NULL),
               histograms, &which, err);
    if (r < 0) {
        rp_error_hint(err, "it is explicit or exponential");
        return r;
    }
    ret->is_exponential = which > 1;
    r = choose(find(spec, "compression", OTLP "METRICS_COMPRESSION", OTLP "COMPRESSION"),
               compressions, &which, err);
    ret->is_gzip = which == 1;
    if (r < 0)
        rp_error_hint(err, "it is none or gzip");
    return r;
}

int rp_otel_settings_read(const struct rp_output_spec *spec, struct rp_otel_settings *ret,
                          struct rp_error *err)
{
    size_t places[RP_OTEL_ATTRIBUTES_MAX][2];
    int r;

    *ret = (struct rp_otel_settings){ .attribute_count = 0 };
    rp_buf_init(&ret->texts, TEXTS_MAX);
    ret->ca_file = find(NULL, NULL, OTLP "METRICS_CERTIFICATE", OTLP "CERTIFICATE").text;
    ret->cert_file =
        find(NULL, NULL, OTLP "METRICS_CLIENT_CERTIFICATE", OTLP "CLIENT_CERTIFICATE").text;
    ret->key_file = find(NULL, NULL, OTLP "METRICS_CLIENT_KEY", OTLP "CLIENT_KEY").text;
    r = read_words(spec, ret, err);
    if (r == 0)
        r = read_url(spec, ret, err);
    if (r == 0)
        r = read_timeout(ret, err);
    if (r == 0)
        r = read_headers(ret, err);
    if (r == 0)
        r = read_attributes(spec, ret, places, err);
    if (r == 0)
        place_texts(ret, places);
    if (r == -EMSGSIZE)
        r = rp_error_set(err, -RP_EUSER, "a setting of the output otel is too long");
    return r;
}

void rp_otel_settings_deinit(struct rp_otel_settings *settings)
{
    rp_buf_deinit(&settings->url);
    rp_buf_deinit(&settings->texts);
}

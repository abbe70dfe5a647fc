/* SPDX-License-Identifier: MIT */

/*
 * The output influxdb: a line for each series that got something in a second, in the line protocol
 * of InfluxDB, by the write interface of version 1 or 2.
 *
 * What a line holds by the type of the metric stands in docs/outputs.md. Sums over all lines of a
 * series are the totals of the run, and the cumulative fields of the last line are too.
 */

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "base/text.h"
#include "output/network.h"
#include "output/output_url.h"

enum { BODY_MAX = 1 << 20, URL_MAX = 1 << 16 };

/* ---- names ----------------------------------------------------------------------------------- */

/* What a backslash in front of it may be taken for an escape of, by one server or another. */
static bool may_be_escaped(struct rp_slice rest)
{
    return !rest.len || strchr("\\,= \n\r\t", *rest.ptr);
}

/* @special: the characters that need a backslash. There is no way to write a backslash in front of
 * one of them that all servers read alike, so it becomes a slash there. */
static void put_name(struct rp_buf *out, struct rp_slice text, const char *special)
{
    while (text.len) {
        struct rp_rune rune = rp_rune_decode(text);
        struct rp_slice rest = rp_slice(text.ptr + rune.len, text.len - rune.len);

        if (rune.code == '\n' || rune.code == '\r' || rune.code == '\t')
            rp_buf_append_str(out, "\\ ");
        else if (!rune.is_valid || rune.code < 0x20 || rune.code == 0x7f)
            rp_buf_append_str(out, "\xef\xbf\xbd");
        else if (rune.code == '\\' && may_be_escaped(rest))
            rp_buf_append_str(out, "/");
        else if (rune.code < 0x80 && strchr(special, (int)rune.code))
            rp_buf_appendf(out, "\\%c", (char)rune.code);
        else
            rp_buf_append(out, text.ptr, rune.len);
        text = rest;
    }
}

/* Measurement and tags. A name that begins with '#' would be a comment; a tag may not be empty, nor
 * be called as the time is. */
static void put_key(struct rp_buf *out, const struct rp_store_series *series)
{
    if (series->metric[0] == '#' || series->metric[0] == '_')
        rp_buf_append_str(out, "metric");
    put_name(out, rp_slice_str(series->metric), ", ");
    for (size_t i = 0; i < series->tag_count; i++) {
        const char *key = series->tags[i][0], *value = series->tags[i][1];

        if (!*key || !*value)
            continue;
        rp_buf_append_str(out, strcmp(key, "time") == 0 || *key == '_' ? ",tag_" : ",");
        put_name(out, rp_slice_str(key), ",= ");
        rp_buf_append_str(out, "=");
        put_name(out, rp_slice_str(value), ",= ");
    }
}

/* ---- values ---------------------------------------------------------------------------------- */

/* All fields are floats: a field of InfluxDB keeps the type that it had first. */
static void put_fields(struct rp_buf *out, const struct rp_net_fields *fields)
{
    for (size_t i = 0; i < fields->count; i++) {
        char text[RP_DOUBLE_TEXT];

        rp_buf_appendf(out, "%s%s=", i ? "," : " ", fields->items[i].name);
        rp_buf_append(out, text, rp_format_double(fields->items[i].value, text));
    }
}

static void add_interval(struct rp_net_output *net, const struct rp_interval *interval)
{
    struct rp_net_fields fields;

    for (size_t i = 0; i < interval->count; i++) {
        const struct rp_store_change *change = &interval->changes[i];

        if (rp_net_output_fields(net, change, &fields) < 0) {
            net->body.error = -ENOMEM; /* the body is lost, and counted */
        } else {
            put_key(&net->body, change->series);
            put_fields(&net->body, &fields);
            rp_buf_appendf(&net->body, " %lld\n", (long long)interval->wall_ns);
        }
        rp_net_output_added(net, 1);
    }
}

/* ---- where to -------------------------------------------------------------------------------- */

static void put_query(struct rp_buf *out, const char *key, const char *value)
{
    rp_buf_appendf(out, "%s=", key);
    for (; *value; value++) {
        unsigned char byte = (unsigned char)*value;
        bool is_plain = (byte >= '0' && byte <= '9') || strchr("-._~", byte) ||
                        ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z');

        rp_buf_appendf(out, is_plain ? "%c" : "%%%02X", byte);
    }
}

static bool ends_with(struct rp_slice text, const char *end)
{
    size_t len = strlen(end);

    return text.len >= len && memcmp(text.ptr + text.len - len, end, len) == 0;
}

static struct rp_slice without_slash(struct rp_slice path)
{
    while (path.len && path.ptr[path.len - 1] == '/')
        path.len--;
    return path;
}

/* "http://HOST/write?db=NAME" and "http://HOST/api/v2/write?.." are taken as they are,
 * "http://HOST/NAME" is the database NAME, and "http://HOST" is version 2 with the options org and
 * bucket. */
static int make_url(const struct rp_output_spec *spec, struct rp_buf *out, struct rp_error *err)
{
    const char *bucket = rp_output_option(spec, "bucket"), *org = rp_output_option(spec, "org");
    struct rp_slice path;
    struct rp_url url;
    int r = rp_output_url_parse(spec->destination, &url, err);

    if (r < 0)
        return r;
    path = without_slash(url.path);
    if (ends_with(path, "/write")) {
        rp_buf_append_str(out, spec->destination);
        return out->error;
    }
    rp_buf_append(out, spec->destination, (size_t)(url.path.ptr - spec->destination));
    if (path.len > 1 && !memchr(path.ptr + 1, '/', path.len - 1)) {
        rp_buf_append_str(out, "/write?db=");
        rp_buf_append(out, path.ptr + 1, path.len - 1);
    } else if (!path.len && bucket) {
        rp_buf_append_str(out, "/api/v2/write?");
        put_query(out, "org", org ? org : "");
        rp_buf_append_str(out, "&");
        put_query(out, "bucket", bucket);
    } else {
        rp_error_set(err, -RP_EUSER, "the destination of influxdb names no database and no bucket");
        rp_error_hint(err, "write http://HOST:8086/DATABASE, or http://HOST:8086 with "
                           "--output-option influxdb.bucket=NAME and influxdb.org=NAME");
        return -RP_EUSER;
    }
    if (url.has_query) {
        rp_buf_append_str(out, "&");
        rp_buf_append_slice(out, url.query);
    }
    return out->error;
}

static int make(const struct rp_output_spec *spec, struct rp_output **ret, struct rp_error *err)
{
    static const struct rp_net_format format = { .body_max = BODY_MAX, .interval = add_interval };
    const char *token = rp_output_option(spec, "token");
    struct rp_header headers[2] = { { RP_SLICE("content-type"),
                                      RP_SLICE("text/plain; charset=utf-8") } };
    struct rp_delivery_config config = { .server.headers = headers, .server.header_count = 1 };
    struct rp_buf url, authorization;
    int r;

    rp_buf_init(&url, URL_MAX);
    rp_buf_init(&authorization, URL_MAX);
    if (token && *token) {
        rp_buf_appendf(&authorization, "Token %s", token);
        headers[config.server.header_count++] = (struct rp_header){ RP_SLICE("authorization"),
                                                                    rp_buf_slice(&authorization) };
    }
    r = make_url(spec, &url, err);
    r = r < 0 ? r : authorization.error;
    if (r == 0) {
        config.server.url = rp_buf_str(&url);
        r = rp_net_output_new(spec, &format, &config, NULL, ret, err);
    }
    rp_buf_deinit(&authorization);
    rp_buf_deinit(&url);
    return r;
}

const struct rp_output_kind rp_output_influxdb = {
    .name = "influxdb",
    .destination = RP_DESTINATION_URL,
    .help = "numbers of each second to InfluxDB",
    .options =
        (const struct rp_output_option[]){
            { .key = "token", .env = "INFLUX_TOKEN", .help = "the token of the server" },
            { .key = "org", .env = "INFLUX_ORG", .help = "the organisation, of version 2" },
            { .key = "bucket", .env = "INFLUX_BUCKET", .help = "the bucket, of version 2" },
            RP_NET_OPTIONS("INFLUXDB"),
            { .key = NULL },
        },
    .make = make,
};

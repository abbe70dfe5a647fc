/* SPDX-License-Identifier: MIT */

/*
 * The output influxdb: a line for each series that got something in a second, in the line protocol
 * of InfluxDB, by the write interface of version 1 or 2.
 *
 * What a line holds by the type of the metric stands in docs/outputs.md. Sums over all lines of a
 * series are the totals of the run, and the cumulative fields of the last line are too.
 */

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/text.h"
#include "output/network.h"
#include "output/output_url.h"

enum { BODY_MAX = 1 << 20, URL_MAX = 1 << 16 };

struct total { /* of one series since the start */
    double sum;
    uint64_t hits, count;
};

struct totals {
    struct total *items; /* by the id of the series */
    size_t count;
};

/* ---- names ----------------------------------------------------------------------------------- */

/* @special: the characters that need a backslash. A backslash at the end would escape what follows,
 * whatever is done about it, so a blank goes behind it. */
static void put_name(struct rp_buf *out, struct rp_slice text, const char *special)
{
    bool is_backslash = false;

    while (text.len) {
        struct rp_rune rune = rp_rune_decode(text);

        is_backslash = rune.code == '\\';
        if (rune.code == '\n' || rune.code == '\r' || rune.code == '\t')
            rp_buf_append_str(out, "\\ ");
        else if (!rune.is_valid || rune.code < 0x20 || rune.code == 0x7f)
            rp_buf_append_str(out, "\xef\xbf\xbd");
        else if (rune.code < 0x80 && strchr(special, (int)rune.code))
            rp_buf_appendf(out, "\\%c", (char)rune.code);
        else
            rp_buf_append(out, text.ptr, rune.len);
        text = rp_slice(text.ptr + rune.len, text.len - rune.len);
    }
    if (is_backslash)
        rp_buf_append_str(out, "\\ ");
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
static void put_field(struct rp_buf *out, const char *name, double value, bool *is_first)
{
    char text[RP_DOUBLE_TEXT];

    if (!isfinite(value))
        return;
    rp_buf_appendf(out, "%s%s=", *is_first ? " " : ",", name);
    rp_buf_append(out, text, rp_format_double(value, text));
    *is_first = false;
}

static void put_trend(struct rp_buf *out, const struct rp_store_change *change, bool *is_first)
{
    static const struct {
        const char *name;
        struct rp_stat stat;
    } fields[] = {
        { "min", { RP_STAT_MIN, 0 } }, { "max", { RP_STAT_MAX, 0 } }, { "avg", { RP_STAT_AVG, 0 } },
        { "med", { RP_STAT_MED, 0 } }, { "p90", { RP_STAT_P, 90 } },  { "p95", { RP_STAT_P, 95 } },
        { "p99", { RP_STAT_P, 99 } },
    };
    bool is_time = change->series->is_time;

    put_field(out, "sum", rp_trend_shown(is_time, rp_hist_sum(&change->delta->hist)), is_first);
    for (size_t i = 0; i < RP_ARRAY_LEN(fields); i++)
        put_field(out, fields[i].name, rp_value_stat(change->delta, is_time, fields[i].stat, 1),
                  is_first);
}

static void put_fields(struct rp_buf *out, const struct rp_store_change *change,
                       struct total *total)
{
    const struct rp_value *delta = change->delta;
    bool is_first = true;

    total->count += delta->samples;
    switch (delta->type) {
    case RP_COUNTER:
        total->sum += rp_value_sum(delta);
        put_field(out, "value", rp_value_sum(delta), &is_first);
        put_field(out, "total", total->sum, &is_first);
        break;
    case RP_GAUGE:
        put_field(out, "value", delta->gauge.last, &is_first);
        put_field(out, "min", delta->gauge.min, &is_first);
        put_field(out, "max", delta->gauge.max, &is_first);
        break;
    case RP_RATE:
        total->hits += delta->rate.hits;
        put_field(out, "value", (double)delta->rate.hits / (double)delta->rate.total, &is_first);
        put_field(out, "hits", (double)delta->rate.hits, &is_first);
        put_field(out, "total_hits", (double)total->hits, &is_first);
        break;
    case RP_TREND:
        put_trend(out, change, &is_first);
        break;
    case RP_METRIC_TYPE_COUNT:
        break;
    }
    put_field(out, "count", (double)delta->samples, &is_first);
    put_field(out, "total_count", (double)total->count, &is_first);
}

static struct total *find_total(struct totals *totals, uint32_t id)
{
    size_t count = totals->count * 2 > id ? totals->count * 2 : (size_t)id + 1;
    struct total *grown;

    if (id < totals->count)
        return &totals->items[id];
    grown = rp_realloc_array(totals->items, count, sizeof(*grown));
    if (!grown)
        return NULL;
    memset(grown + totals->count, 0, (count - totals->count) * sizeof(*grown));
    totals->items = grown;
    totals->count = count;
    return &grown[id];
}

static void add_interval(struct rp_net_output *net, const struct rp_interval *interval)
{
    for (size_t i = 0; i < interval->count; i++) {
        const struct rp_store_change *change = &interval->changes[i];
        struct total *total = find_total(net->own, change->series->id);

        if (!total) {
            net->body.error = -ENOMEM; /* the body is lost, and counted */
        } else {
            put_key(&net->body, change->series);
            put_fields(&net->body, change, total);
            rp_buf_appendf(&net->body, " %lld\n", (long long)interval->wall_ns);
        }
        rp_net_output_added(net, 1);
    }
}

static void free_totals(struct rp_net_output *net)
{
    struct totals *totals = net->own;

    if (totals)
        rp_free(totals->items);
    rp_free(totals);
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
    static const struct rp_net_format format = { .body_max = BODY_MAX,
                                                 .interval = add_interval,
                                                 .free = free_totals };
    const char *token = rp_output_option(spec, "token");
    struct rp_header headers[2] = { { RP_SLICE("content-type"),
                                      RP_SLICE("text/plain; charset=utf-8") } };
    struct rp_delivery_config config = { .headers = headers, .header_count = 1 };
    struct totals *totals;
    struct rp_buf url, authorization;
    int r;

    rp_buf_init(&url, URL_MAX);
    rp_buf_init(&authorization, URL_MAX);
    if (token && *token) {
        rp_buf_appendf(&authorization, "Token %s", token);
        headers[config.header_count++] = (struct rp_header){ RP_SLICE("authorization"),
                                                             rp_buf_slice(&authorization) };
    }
    r = make_url(spec, &url, err);
    r = r < 0 ? r : authorization.error;
    if (r == 0) {
        config.url = rp_buf_str(&url);
        totals = rp_calloc(1, sizeof(*totals));
        r = totals ? rp_net_output_new(spec, &format, &config, totals, ret, err) : -ENOMEM;
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
            RP_NET_OPTIONS,
            { .key = NULL },
        },
    .make = make,
};

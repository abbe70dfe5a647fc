/* SPDX-License-Identifier: MIT */

/*
 * The output prometheus: remote write 1.0, which is a protobuf message, compressed by Snappy.
 *
 * Everything is cumulative, as Prometheus wants it: a series of a metric becomes one or several
 * series there, and each time that something was added to it its state is sent. All states are sent
 * again each RESEND intervals, because Prometheus forgets a series that is silent for five minutes.
 * What grows begins with a zero: rate() is made of differences, and would never see the first sum.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/text.h"
#include "output/network.h"
#include "output/output_url.h"
#include "output/totals.h"
#include "proto/protobuf.h"
#include "proto/snappy.h"

enum { BODY_MAX = 1 << 20, MESSAGE_MAX = 32 << 20, URL_MAX = 1 << 16, RESEND = 30 };

struct state {
    struct rp_totals totals;
    int64_t first_ms, last_ms; /* of the interval: its samples have last_ms; both only grow */
    unsigned intervals;
    struct rp_buf message; /* a body, before it is compressed */
};

/* ---- names ----------------------------------------------------------------------------------- */

/* [a-zA-Z_][a-zA-Z0-9_]*; what is not allowed is '_', which also goes before a digit that would be
 * the first. */
static void put_text(struct rp_buf *out, const char *text)
{
    for (const char *at = text; *at; at++) {
        bool is_letter = ((*at | 0x20) >= 'a' && (*at | 0x20) <= 'z') || *at == '_';
        bool is_digit = *at >= '0' && *at <= '9';

        if (is_digit && !out->len)
            rp_buf_append_str(out, "_");
        rp_buf_append(out, is_letter || is_digit ? at : "_", 1);
    }
}

static void put_name(struct rp_buf *out, const char *metric)
{
    rp_buf_append_str(out, "rampa_");
    put_text(out, metric);
}

/* None of Prometheus's own. */
static void put_tag(struct rp_buf *out, const char *tag)
{
    if (strcmp(tag, "le") == 0 || strncmp(tag, "__", 2) == 0)
        rp_buf_append_str(out, "tag_");
    put_text(out, tag);
}

static const char *suffix(enum rp_metric_type type, bool is_time, enum rp_totals_part part)
{
    static const char *const suffixes[RP_METRIC_TYPE_COUNT][RP_PARTS] = {
        [RP_COUNTER] = { [RP_PART_VALUE] = "_total" },
        [RP_GAUGE] = { [RP_PART_VALUE] = "" },
        [RP_RATE] = { [RP_PART_VALUE] = "_total", [RP_PART_TRUE] = "_true_total" },
        [RP_TREND] = { [RP_PART_VALUE] = "", /* a native histogram */
                       [RP_PART_BUCKET] = "_bucket",
                       [RP_PART_SUM] = "_sum",
                       [RP_PART_COUNT] = "_count" },
    };
    static const char *const of_times[RP_PARTS] = {
        [RP_PART_VALUE] = "_seconds",
        [RP_PART_BUCKET] = "_seconds_bucket",
        [RP_PART_SUM] = "_seconds_sum",
        [RP_PART_COUNT] = "_seconds_count",
    };

    return type == RP_TREND && is_time ? of_times[part] : suffixes[type][part];
}

static const struct rp_totals_style style = { .put_name = put_name,
                                              .suffix = suffix,
                                              .put_tag = put_tag };

/* ---- the message ----------------------------------------------------------------------------- */

/* message Label { string name = 1; string value = 2; } as field 1 of a TimeSeries. */
static void put_label(struct rp_buf *out, const char *name, const char *value)
{
    size_t label, text;

    if (!*value) /* an empty label is none */
        return;
    label = rp_pb_begin(out, 1);
    rp_pb_bytes(out, 1, rp_slice_str(name));
    text = rp_pb_begin(out, 2);
    rp_text_utf8(out, rp_slice_str(value));
    rp_pb_end(out, text);
    rp_pb_end(out, label);
}

/* The labels of @series, the name and, for a bucket, its bound, all in the order of their names. */
static void put_labels(struct rp_buf *out, const struct rp_total *series, enum rp_totals_part part,
                       const char *bound)
{
    char name[RP_TOTALS_NAME_BYTES + RP_TOTALS_SUFFIX_BYTES];
    const struct rp_total_tag extra[] = { { (char[]){ "__name__" }, name },
                                          { (char[]){ "le" }, bound } };
    size_t next = 0, extras = bound ? 2 : 1;

    snprintf(name, sizeof(name), "%s%s", series->name,
             suffix(series->origin->type, series->origin->is_time, part));
    for (size_t i = 0; i <= series->origin->tag_count; i++) {
        const struct rp_total_tag *label = i < series->origin->tag_count ? &series->tags[i] : NULL;

        for (; next < extras && (!label || strcmp(extra[next].name, label->name) < 0); next++)
            put_label(out, extra[next].name, extra[next].value);
        if (label)
            put_label(out, label->name, label->value);
    }
}

/* message TimeSeries { repeated Label labels = 1; repeated Sample samples = 2; repeated Histogram
 * histograms = 4; } as field 1 of the WriteRequest. */
static size_t begin_series(struct rp_net_output *net, const struct rp_total *series,
                           enum rp_totals_part part, const char *bound)
{
    size_t begin = rp_pb_begin(&net->body, 1);

    put_labels(&net->body, series, part, bound);
    return begin;
}

/* message Sample { double value = 1; int64 timestamp = 2; } */
static void put_value(struct rp_buf *out, double value, int64_t ms)
{
    size_t sample = rp_pb_begin(out, 2);

    rp_pb_double(out, 1, value);
    rp_pb_int(out, 2, (uint64_t)ms);
    rp_pb_end(out, sample);
}

static void put_sample(struct rp_net_output *net, const struct rp_total *series,
                       enum rp_totals_part part, const char *bound, double value)
{
    const struct state *state = net->own;
    size_t begin = begin_series(net, series, part, bound);

    if (!series->is_told && series->origin->type != RP_GAUGE)
        put_value(&net->body, 0, state->first_ms);
    put_value(&net->body, value, state->last_ms);
    rp_pb_end(&net->body, begin);
}

/* One span of buckets, without gaps: message BucketSpan { sint32 offset = 1; uint32 length = 2; }, and
 * how much each bucket has more than the one before. Buckets are numbered by their upper ends. */
static void put_side(struct rp_buf *out, unsigned spans, unsigned deltas,
                     const struct rp_exp_side *side)
{
    uint64_t before = 0;
    size_t begin;

    if (!side->count)
        return;
    begin = rp_pb_begin(out, spans);
    rp_pb_sint(out, 1, (int64_t)side->first + 1);
    rp_pb_int(out, 2, side->count);
    rp_pb_end(out, begin);
    begin = rp_pb_begin(out, deltas);
    for (uint32_t i = 0; i < side->count; i++) {
        rp_pb_varint(out, rp_pb_zigzag((int64_t)(side->counts[i] - before)));
        before = side->counts[i];
    }
    rp_pb_end(out, begin);
}

/* message Histogram { uint64 count_int = 1; double sum = 3; sint32 schema = 4; uint64 zero_count_int =
 * 6; int64 timestamp = 15; } and the buckets: spans and deltas of the negative ones 8 and 9, of the
 * positive ones 11 and 12. */
static void put_buckets(struct rp_buf *out, uint64_t count, double sum, const struct rp_exp *exp,
                        int64_t ms)
{
    size_t histogram = rp_pb_begin(out, 4);

    rp_pb_int(out, 1, count);
    rp_pb_double(out, 3, sum);
    rp_pb_sint(out, 4, exp->scale);
    rp_pb_int(out, 6, exp->zeros);
    put_side(out, 8, 9, &exp->negative);
    put_side(out, 11, 12, &exp->positive);
    rp_pb_int(out, 15, (uint64_t)ms);
    rp_pb_end(out, histogram);
}

static void put_native(struct rp_net_output *net, const struct rp_total *series)
{
    const struct rp_exp nothing = { .scale = series->exp.scale };
    const struct state *state = net->own;
    size_t begin = begin_series(net, series, RP_PART_VALUE, NULL);

    if (!series->is_told)
        put_buckets(&net->body, 0, 0, &nothing, state->first_ms);
    put_buckets(&net->body, series->count, series->sum, &series->exp, state->last_ms);
    rp_pb_end(&net->body, begin);
}

/* A series whose percentiles are kept elsewhere has no buckets of its own (docs/metrics.md). */
static void put_histogram(struct rp_net_output *net, const struct rp_total *series)
{
    const double *bounds = rp_totals_bounds(series->origin->is_time);
    bool has_buckets = rp_total_has_buckets(series);
    uint64_t below = 0;

    if (has_buckets && !series->buckets) {
        put_native(net, series);
        return;
    }
    for (size_t i = 0; has_buckets && i <= RP_TOTALS_BOUNDS; i++) {
        char bound[RP_DOUBLE_TEXT] = "+Inf";

        below += series->buckets[i];
        if (i < RP_TOTALS_BOUNDS)
            rp_format_double(bounds[i], bound);
        put_sample(net, series, RP_PART_BUCKET, bound, (double)below);
    }
    put_sample(net, series, RP_PART_SUM, NULL, series->sum);
    put_sample(net, series, RP_PART_COUNT, NULL, (double)series->count);
}

static void put_series(struct rp_net_output *net, struct rp_total *series)
{
    switch (series->origin->type) {
    case RP_COUNTER:
        put_sample(net, series, RP_PART_VALUE, NULL, series->sum);
        break;
    case RP_GAUGE:
        put_sample(net, series, RP_PART_VALUE, NULL, series->last);
        break;
    case RP_RATE:
        put_sample(net, series, RP_PART_VALUE, NULL, (double)series->count);
        put_sample(net, series, RP_PART_TRUE, NULL, (double)series->hits);
        break;
    case RP_TREND:
        put_histogram(net, series);
        break;
    case RP_METRIC_TYPE_COUNT:
        break;
    }
    series->is_told = true;
    rp_net_output_added(net, 1);
}

/* ---- the output ------------------------------------------------------------------------------ */

static void add_interval(struct rp_net_output *net, const struct rp_interval *interval)
{
    struct state *state = net->own;
    int64_t begin = interval->wall_ns / RP_MS, end = (interval->wall_ns + interval->length) / RP_MS,
            before = state->last_ms;
    bool are_all = ++state->intervals % RESEND == 0;

    state->last_ms = end > before ? end : before + 1;
    begin = begin < state->last_ms ? begin : state->last_ms - 1;
    state->first_ms = begin > before ? begin : before;
    for (size_t i = 0; i < interval->count; i++) {
        struct rp_total *series = rp_totals_add(&state->totals, &interval->changes[i]);

        if (!series) {
            net->body.error = -ENOMEM; /* the body is lost, and counted */
            rp_net_output_added(net, 1);
        }
        if (series && !are_all)
            put_series(net, series);
    }
    for (size_t i = 0; are_all && i < state->totals.count; i++)
        if (state->totals.series[i].origin)
            put_series(net, &state->totals.series[i]);
}

static void complete(struct rp_net_output *net)
{
    struct state *state = net->own;
    struct rp_buf plain = net->body;

    if (net->body.error)
        return;
    net->body = state->message;
    state->message = plain;
    rp_buf_reset(&net->body);
    rp_snappy_compress(rp_buf_slice(&plain), &net->body);
    rp_buf_reset(&state->message);
}

static void free_state(struct rp_net_output *net)
{
    struct state *state = net->own;

    rp_totals_deinit(&state->totals);
    rp_buf_deinit(&state->message);
    rp_free(state);
}

/* A URL without a path gets that of Prometheus. */
static int make_url(const char *destination, struct rp_buf *out, struct rp_error *err)
{
    struct rp_url url;
    int r = rp_output_url_parse(destination, &url, err);

    if (r < 0)
        return r;
    rp_buf_append(out, destination, (size_t)(url.path.ptr - destination));
    if (url.path.len <= 1)
        rp_buf_append_str(out, "/api/v1/write");
    else
        rp_buf_append_slice(out, url.path);
    if (url.has_query) {
        rp_buf_append_str(out, "?");
        rp_buf_append_slice(out, url.query);
    }
    return out->error;
}

static int read_histograms(const struct rp_output_spec *spec, bool *ret_native,
                           struct rp_error *err)
{
    const char *text = rp_output_option(spec, "histograms");

    *ret_native = text && strcmp(text, "native") == 0;
    if (!text || *ret_native || strcmp(text, "classic") == 0)
        return 0;
    return rp_error_set(
        err, -RP_EUSER,
        "the option prometheus.histograms is '%s', which is neither classic nor native", text);
}

static int make(const struct rp_output_spec *spec, struct rp_output **ret, struct rp_error *err)
{
    static const struct rp_net_format format = { .body_max = BODY_MAX,
                                                 .probe = RP_SLICE("\0"), /* an empty message */
                                                 .interval = add_interval,
                                                 .complete = complete,
                                                 .free = free_state };
    static const struct rp_header headers[] = {
        { RP_SLICE("content-type"), RP_SLICE("application/x-protobuf") },
        { RP_SLICE("content-encoding"), RP_SLICE("snappy") },
        { RP_SLICE("x-prometheus-remote-write-version"), RP_SLICE("0.1.0") },
    };
    struct rp_delivery_config config = { .server.headers = headers,
                                         .server.header_count = RP_ARRAY_LEN(headers) };
    struct state *state;
    struct rp_buf url;
    bool is_native;
    int r;

    rp_buf_init(&url, URL_MAX);
    r = make_url(spec->destination, &url, err);
    if (r == 0)
        r = read_histograms(spec, &is_native, err);
    if (r == 0) {
        config.server.url = rp_buf_str(&url);
        state = rp_calloc(1, sizeof(*state));
        r = state ? rp_net_output_new(spec, &format, &config, state, ret, err) : -ENOMEM;
        if (r == 0) {
            rp_totals_init(&state->totals, &style, is_native);
            rp_buf_init(&state->message, MESSAGE_MAX);
        }
    }
    rp_buf_deinit(&url);
    return r;
}

const struct rp_output_kind rp_output_prometheus = {
    .name = "prometheus",
    .destination = RP_DESTINATION_URL,
    .help = "numbers of each second to Prometheus, by remote write",
    .options =
        (const struct rp_output_option[]){
            { .key = "histograms", .help = "classic or native" },
            RP_NET_OPTIONS("PROMETHEUS"),
            { .key = NULL },
        },
    .make = make,
};

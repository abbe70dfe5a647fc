/* SPDX-License-Identifier: MIT */

/*
 * The output otel: metrics of OpenTelemetry, by OTLP over HTTP or over gRPC.
 *
 * Each second the series that have got something are sent; series of one metric stand in one message
 * Metric. With the temporality "cumulative" a state is sent, since the start of the run, and all
 * states again each RESEND intervals; with "delta" what came since the message before.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "output/network.h"
#include "output/otel_settings.h"
#include "proto/gzip.h"

enum {
    BODY_MAX = 1 << 20,
    MESSAGE_MAX = 32 << 20,
    RESEND = 30,
    SERIES_OF_ONE = 512,
    PROBE_MAX = 4096
};

#define GRPC_METHOD "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"

struct state {
    struct rp_otel_settings settings;
    struct rp_net_format format;
    struct rp_buf probe;
    struct rp_otel_style style;
    struct rp_totals totals;
    unsigned intervals;
    const struct rp_total **touched; /* those to be sent, room for all series */
    size_t touched_room, touched_count;
    struct rp_buf metrics; /* a part of a message */
};

/* ---- an interval ----------------------------------------------------------------------------- */

static void set_times(struct state *state, const struct rp_interval *interval)
{
    uint64_t end = (uint64_t)(interval->wall_ns + interval->length);

    if (!state->intervals)
        state->style.start_ns = (uint64_t)interval->wall_ns;
    else if (state->style.is_delta)
        state->style.start_ns = state->style.end_ns;
    state->style.end_ns = end > state->style.end_ns ? end : state->style.end_ns + 1;
    state->intervals++;
}

/* Adds what has come, and says in state->touched what is to be sent. Series that there is no memory
 * for are lost, and counted. */
static void take(struct rp_net_output *net, const struct rp_interval *interval)
{
    struct state *state = net->own;
    bool are_all = !state->style.is_delta && state->intervals % RESEND == 0;
    size_t lost = 0;

    for (size_t i = 0; i < interval->count; i++)
        lost += !rp_totals_add(&state->totals, &interval->changes[i]);
    if (state->totals.count > state->touched_room) {
        const struct rp_total **grown = rp_realloc_array(state->touched, state->totals.count,
                                                         sizeof(const struct rp_total *));

        if (grown) {
            state->touched = grown;
            state->touched_room = state->totals.count;
        }
    }
    state->touched_count = 0;
    for (size_t i = 0; are_all && i < state->totals.count && i < state->touched_room; i++)
        if (state->totals.series[i].origin)
            state->touched[state->touched_count++] = &state->totals.series[i];
    for (size_t i = 0; !are_all && i < interval->count; i++) {
        size_t id = interval->changes[i].series->id;

        if (id >= state->touched_room)
            lost++;
        else if (state->totals.series[id].origin)
            state->touched[state->touched_count++] = &state->totals.series[id];
    }
    if (lost) {
        net->body.error = -ENOMEM;
        rp_net_output_added(net, lost);
    }
}

/* By metric, then in the order of their ids. */
static int compare(const void *a, const void *b)
{
    const struct rp_total *x = *(const struct rp_total *const *)a,
                          *y = *(const struct rp_total *const *)b;
    int by_name = x->name == y->name ? 0 : strcmp(x->name, y->name);

    return by_name ? by_name : x->origin->id < y->origin->id ? -1 : x->origin->id > y->origin->id;
}

static void add_interval(struct rp_net_output *net, const struct rp_interval *interval)
{
    struct state *state = net->own;
    size_t next;

    set_times(state, interval);
    take(net, interval);
    if (state->touched_count)
        qsort(state->touched, state->touched_count, sizeof(const struct rp_total *), compare);
    for (size_t i = 0; i < state->touched_count; i = next) {
        for (next = i + 1; next < state->touched_count && next - i < SERIES_OF_ONE &&
                           state->touched[next]->name == state->touched[i]->name;)
            next++;
        rp_net_output_added(
            net, rp_otel_put_metrics(&state->style, &net->body, &state->touched[i], next - i));
    }
    for (size_t i = 0; state->style.is_delta && i < state->touched_count; i++)
        rp_total_reset(&state->totals.series[state->touched[i]->origin->id]);
}

/* gRPC compresses messages itself. */
static bool packs_bodies(const struct rp_otel_settings *settings)
{
    return settings->is_gzip && !settings->is_grpc;
}

/* The body has the metrics so far. */
static void complete(struct rp_net_output *net)
{
    struct state *state = net->own;
    struct rp_otel_attribute attributes[RP_OTEL_ATTRIBUTES_MAX + 1];
    size_t count = state->settings.attribute_count;
    struct rp_buf metrics = net->body;

    if (net->body.error)
        return;
    memcpy(attributes, state->settings.attributes, count * sizeof(attributes[0]));
    attributes[count++] = (struct rp_otel_attribute){ "service.instance.id", net->run_id };
    net->body = state->metrics;
    state->metrics = metrics;
    rp_buf_reset(&net->body);
    rp_otel_put_request(&state->style, &net->body, rp_buf_slice(&metrics), attributes, count);
    rp_buf_reset(&state->metrics);
    if (packs_bodies(&state->settings) && !net->body.error) {
        struct rp_buf plain = net->body;

        net->body = state->metrics;
        state->metrics = plain;
        rp_gzip_compress(rp_buf_slice(&plain), &net->body);
        rp_buf_reset(&state->metrics);
    }
}

/* ---- answers --------------------------------------------------------------------------------- */

/* The specification names these. */
static bool is_passing(unsigned status)
{
    return status == 429 || status == 502 || status == 503 || status == 504;
}

/* The answer is in the encoding of the request, whatever it says of itself. */
static uint64_t count_refused_protobuf(struct rp_slice answer, struct rp_buf *why)
{
    return rp_otel_count_refused(false, answer, why);
}

static uint64_t count_refused_json(struct rp_slice answer, struct rp_buf *why)
{
    return rp_otel_count_refused(true, answer, why);
}

/* ---- life ------------------------------------------------------------------------------------ */

static void free_state(struct rp_net_output *net)
{
    struct state *state = net->own;

    rp_otel_settings_deinit(&state->settings);
    rp_totals_deinit(&state->totals);
    rp_free(state->touched);
    rp_buf_deinit(&state->probe);
    rp_buf_deinit(&state->metrics);
    rp_free(state);
}

/* A request without metrics; as protobuf it has no bytes. */
static int make_probe(struct state *state)
{
    struct rp_slice text = state->settings.is_json ? RP_SLICE("{\"resourceMetrics\":[]}")
                                                   : RP_SLICE("");

    rp_buf_init(&state->probe, PROBE_MAX);
    if (packs_bodies(&state->settings))
        rp_gzip_compress(text, &state->probe);
    else
        rp_buf_append_slice(&state->probe, text);
    return state->probe.error;
}

static int make(const struct rp_output_spec *spec, struct rp_output **ret, struct rp_error *err)
{
    struct rp_delivery_config config = { .name = NULL };
    struct state *state = rp_calloc(1, sizeof(*state));
    struct rp_otel_settings *settings;
    int r;

    if (!state)
        return -ENOMEM;
    settings = &state->settings;
    rp_buf_init(&state->metrics, MESSAGE_MAX);
    r = rp_otel_settings_read(spec, settings, err);
    if (r == 0)
        r = make_probe(state);
    if (r < 0) {
        free_state(&(struct rp_net_output){ .own = state });
        return r;
    }
    state->style.is_json = settings->is_json;
    state->style.is_delta = settings->is_delta;
    rp_totals_init(&state->totals, &rp_otel_names, settings->is_exponential);
    state->format = (struct rp_net_format){ .body_max = BODY_MAX,
                                            .probe = rp_buf_slice(&state->probe),
                                            .interval = add_interval,
                                            .complete = complete,
                                            .free = free_state };
    config.timeout = settings->timeout;
    config.count_refused = settings->is_json ? count_refused_json : count_refused_protobuf;
    config.server = (struct rp_poster_config){ .url = rp_buf_str(&settings->url),
                                               .grpc_method = settings->is_grpc ? GRPC_METHOD
                                                                                : NULL,
                                               .compresses = settings->is_gzip,
                                               .is_passing = is_passing,
                                               .headers = settings->headers,
                                               .header_count = settings->header_count,
                                               .ca_file = settings->ca_file,
                                               .cert_file = settings->cert_file,
                                               .key_file = settings->key_file };
    return rp_net_output_new(spec, &state->format, &config, state, ret, err);
}

const struct rp_output_kind rp_output_otel = {
    .name = "otel",
    .destination = RP_DESTINATION_OPTIONAL_URL,
    .help = "numbers of each second to a receiver of OpenTelemetry (OTLP over HTTP or gRPC)",
    .options =
        (const struct rp_output_option[]){
            { .key = "protocol", .help = "http/protobuf, http/json or grpc" },
            { .key = "temporality", .help = "cumulative or delta" },
            { .key = "histograms", .help = "explicit or exponential" },
            { .key = "compression", .help = "none or gzip" },
            { .key = "service", .help = "the name of the service: rampa" },
            { .key = "resource", .help = "attributes of the resource, KEY=VALUE,KEY=VALUE" },
            RP_NET_OPTIONS("OTEL"),
            { .key = NULL },
        },
    .make = make,
};

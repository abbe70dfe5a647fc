/* SPDX-License-Identifier: MIT */
#include "output/network.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"

static void send_body(struct rp_net_output *net)
{
    if (!net->points)
        return;
    if (net->format->complete)
        net->format->complete(net);
    rp_delivery_put(net->delivery, &net->body, net->points);
    net->points = 0;
}

void rp_net_output_added(struct rp_net_output *net, uint64_t points)
{
    net->points += points;
    if (net->body.len >= net->format->body_max || net->body.error)
        send_body(net);
}

/* ---- fields ---------------------------------------------------------------------------------- */

struct rp_net_series { /* what it has got since the start */
    double sum;
    uint64_t hits, count;
};

static struct rp_net_series *find_series(struct rp_net_output *net, uint32_t id)
{
    size_t count = net->series_count * 2 > id ? net->series_count * 2 : (size_t)id + 1;
    struct rp_net_series *grown;

    if (id < net->series_count)
        return &net->series[id];
    grown = rp_realloc_array(net->series, count, sizeof(*grown));
    if (!grown)
        return NULL;
    memset(grown + net->series_count, 0, (count - net->series_count) * sizeof(*grown));
    net->series = grown;
    net->series_count = count;
    return &grown[id];
}

/* A percentile may be missing: then it is no number. */
static void add_field(struct rp_net_fields *fields, const char *name, double value)
{
    if (!isfinite(value))
        return;
    rp_assert(fields->count < RP_NET_FIELDS_MAX);
    fields->items[fields->count].name = name;
    fields->items[fields->count++].value = value;
}

static void add_trend(struct rp_net_fields *fields, const struct rp_store_change *change)
{
    static const struct {
        const char *name;
        struct rp_stat stat;
    } stats[] = {
        { "min", { RP_STAT_MIN, 0 } }, { "max", { RP_STAT_MAX, 0 } }, { "avg", { RP_STAT_AVG, 0 } },
        { "med", { RP_STAT_MED, 0 } }, { "p90", { RP_STAT_P, 90 } },  { "p95", { RP_STAT_P, 95 } },
        { "p99", { RP_STAT_P, 99 } },
    };
    bool is_time = change->series->is_time;

    add_field(fields, "sum", rp_trend_shown(is_time, rp_hist_sum(&change->delta->hist)));
    for (size_t i = 0; i < RP_ARRAY_LEN(stats); i++)
        add_field(fields, stats[i].name, rp_value_stat(change->delta, is_time, stats[i].stat, 1));
}

int rp_net_output_fields(struct rp_net_output *net, const struct rp_store_change *change,
                         struct rp_net_fields *ret)
{
    struct rp_net_series *series = find_series(net, change->series->id);
    const struct rp_value *delta = change->delta;

    ret->count = 0;
    if (!series)
        return -ENOMEM;
    series->count += delta->samples;
    switch (delta->type) {
    case RP_COUNTER:
        series->sum += rp_value_sum(delta);
        add_field(ret, "value", rp_value_sum(delta));
        add_field(ret, "total", series->sum);
        break;
    case RP_GAUGE:
        add_field(ret, "value", delta->gauge.last);
        add_field(ret, "min", delta->gauge.min);
        add_field(ret, "max", delta->gauge.max);
        break;
    case RP_RATE:
        series->hits += delta->rate.hits;
        add_field(ret, "value", (double)delta->rate.hits / (double)delta->rate.total);
        add_field(ret, "hits", (double)delta->rate.hits);
        add_field(ret, "total_hits", (double)series->hits);
        break;
    case RP_TREND:
        add_trend(ret, change);
        break;
    case RP_METRIC_TYPE_COUNT:
        break;
    }
    add_field(ret, "count", (double)delta->samples);
    add_field(ret, "total_count", (double)series->count);
    return 0;
}

/* ---- the sink -------------------------------------------------------------------------------- */

static int open_net(struct rp_sink *sink, const struct rp_plan *plan, struct rp_error *err)
{
    struct rp_net_output *net = rp_container_of(sink, struct rp_net_output, output.sink);

    net->run_id = sink->sinks->result->run_id;
    return rp_delivery_begin(net->delivery, sink, net->format->probe, err);
}

static void take_interval(struct rp_sink *sink, const struct rp_interval *interval)
{
    struct rp_net_output *net = rp_container_of(sink, struct rp_net_output, output.sink);

    net->format->interval(net, interval);
    send_body(net);
}

/* The last event: the loop of the run is about to go. */
static void finished(struct rp_sink *sink, const struct rp_event *event)
{
    rp_delivery_leave_loop(rp_container_of(sink, struct rp_net_output, output.sink)->delivery);
}

static int close_net(struct rp_sink *sink, const struct rp_result *result, struct rp_error *err)
{
    struct rp_net_output *net = rp_container_of(sink, struct rp_net_output, output.sink);

    rp_delivery_leave_loop(net->delivery);
    if (!result || sink->is_opening) {
        sink->is_opening = false;
        return 0;
    }
    if (net->format->end)
        net->format->end(net, result);
    send_body(net);
    return rp_delivery_end(net->delivery, err);
}

static const struct rp_sink_ops ops = { .events = RP_EVENT_BIT(RP_EVENT_FINISHED),
                                        .open = open_net,
                                        .event = finished,
                                        .interval = take_interval,
                                        .close = close_net };

/* ---- life ------------------------------------------------------------------------------------ */

static void free_net(struct rp_output *output)
{
    struct rp_net_output *net = rp_container_of(output, struct rp_net_output, output);

    rp_delivery_free(net->delivery);
    rp_buf_deinit(&net->body);
    if (net->format->free)
        net->format->free(net);
    rp_free(net->series);
    rp_free(net);
}

/* "1" or "0". */
static int read_flag(const struct rp_output_spec *spec, const char *key, bool *ret,
                     struct rp_error *err)
{
    const char *text = rp_output_option(spec, key);

    *ret = text && strcmp(text, "1") == 0;
    if (!text || *ret || strcmp(text, "0") == 0)
        return 0;
    return rp_error_set(err, -RP_EUSER, "the option %s.%s is '%s', which is neither 1 nor 0",
                        spec->kind->name, key, text);
}

enum { HEADERS_MAX = 64 };

/* "NAME: VALUE". The text is never shown: it may be a secret. */
static int add_header(const char *text, const char *name, struct rp_header *headers, size_t *count,
                      struct rp_error *err)
{
    const char *colon = strchr(text, ':'), *value = colon ? colon + 1 + strspn(colon + 1, " ") : "";

    if (!colon || colon == text || *count == HEADERS_MAX) {
        rp_error_set(err, -RP_EUSER, "an option %s.header is not NAME: VALUE", name);
        return -RP_EUSER;
    }
    headers[(*count)++] = (struct rp_header){ rp_slice(text, (size_t)(colon - text)),
                                              rp_slice_str(value) };
    return 0;
}

/* The output's own fields and the user's. */
static int collect_headers(const struct rp_output_spec *spec,
                           const struct rp_delivery_config *config, struct rp_header *headers,
                           size_t *ret_count, struct rp_error *err)
{
    const char *text = rp_output_option_nth(spec, "header", 0);
    int r = 0;

    for (*ret_count = 0; *ret_count < config->server.header_count; (*ret_count)++)
        headers[*ret_count] = config->server.headers[*ret_count];
    if (!text) { /* the environment may have one */
        text = rp_output_option(spec, "header");
        return text && *text ? add_header(text, spec->kind->name, headers, ret_count, err) : 0;
    }
    for (size_t n = 0; r == 0 && (text = rp_output_option_nth(spec, "header", n)); n++)
        r = add_header(text, spec->kind->name, headers, ret_count, err);
    return r;
}

int rp_net_output_new(const struct rp_output_spec *spec, const struct rp_net_format *format,
                      struct rp_delivery_config *config, void *own, struct rp_output **ret,
                      struct rp_error *err)
{
    struct rp_net_output *net = rp_calloc(1, sizeof(*net));
    struct rp_header headers[HEADERS_MAX];
    size_t header_count;
    int r;

    if (!net) {
        if (format->free)
            format->free(&(struct rp_net_output){ .own = own });
        return -ENOMEM;
    }
    net->own = own;
    net->output.ops = &ops;
    net->output.free = free_net;
    net->format = format;
    rp_buf_init(&net->body, format->body_max + (16u << 20));
    config->name = spec->kind->name;
    if (rp_output_option(spec, "cacert"))
        config->server.ca_file = rp_output_option(spec, "cacert");
    r = read_flag(spec, "insecure", &config->server.is_insecure, err);
    if (r == 0)
        r = read_flag(spec, "required", &config->is_required, err);
    if (r == 0)
        r = rp_output_option_wait(spec, RP_DELIVERY_WAIT, &config->wait, err);
    if (r == 0)
        r = collect_headers(spec, config, headers, &header_count, err);
    if (r == 0) {
        config->server.headers = headers;
        config->server.header_count = header_count;
        r = rp_delivery_new(config, &net->delivery, err);
    }
    if (r < 0) {
        free_net(&net->output);
        return r;
    }
    *ret = &net->output;
    return 0;
}

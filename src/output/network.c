/* SPDX-License-Identifier: MIT */
#include "output/network.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "plan/duration.h"

#define WAIT_MAX (3600 * RP_S)

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

/* ---- the sink -------------------------------------------------------------------------------- */

static int open_net(struct rp_sink *sink, const struct rp_plan *plan, struct rp_error *err)
{
    struct rp_net_output *net = rp_container_of(sink, struct rp_net_output, output.sink);

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
    if (!result)
        return 0;
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

static int read_wait(const struct rp_output_spec *spec, rp_ns *ret, struct rp_error *err)
{
    const char *text = rp_output_option(spec, "wait");

    *ret = RP_DELIVERY_WAIT;
    if (!text || (rp_duration_parse(rp_slice_str(text), ret, NULL) == 0 && *ret <= WAIT_MAX))
        return 0;
    return rp_error_set(err, -RP_EUSER, "the option %s.wait is '%s', which is no time up to 1h",
                        spec->kind->name, text);
}

int rp_net_output_new(const struct rp_output_spec *spec, const struct rp_net_format *format,
                      struct rp_delivery_config *config, void *own, struct rp_output **ret,
                      struct rp_error *err)
{
    struct rp_net_output *net = rp_calloc(1, sizeof(*net));
    struct rp_net_output nothing = { .own = own };
    int r;

    if (!net) {
        if (format->free)
            format->free(&nothing);
        return -ENOMEM;
    }
    net->output.ops = &ops;
    net->output.free = free_net;
    net->format = format;
    net->own = own;
    rp_buf_init(&net->body, format->body_max + (16u << 20));
    config->name = spec->kind->name;
    config->ca_file = rp_output_option(spec, "cacert");
    r = read_flag(spec, "insecure", &config->is_insecure, err);
    if (r == 0)
        r = read_flag(spec, "required", &config->is_required, err);
    if (r == 0)
        r = read_wait(spec, &config->wait, err);
    if (r == 0)
        r = rp_delivery_new(config, &net->delivery, err);
    if (r < 0) {
        free_net(&net->output);
        return r;
    }
    *ret = &net->output;
    return 0;
}

/* SPDX-License-Identifier: MIT */

/* The output webhook: JSON by POST, once a second what was measured, and at the end how it went. */

#include <errno.h>
#include <string.h>

#include "base/json_line.h"
#include "output/network.h"

enum { BODY_MAX = 1 << 20 };

/* Begins a body, or goes on with it. */
static struct rp_json_line begin_body(struct rp_net_output *net)
{
    struct rp_json_line line = { .out = &net->body };

    if (net->body.len) {
        line.has_member = true;
        return line;
    }
    rp_line_open(&line, NULL);
    rp_line_text(&line, "run_id", net->run_id);
    rp_line_open_list(&line, "samples");
    return line;
}

static void put_sample(struct rp_json_line *line, const struct rp_store_series *series,
                       const struct rp_net_fields *fields, const struct rp_interval *interval)
{
    bool has_value = false;
    int64_t microseconds = interval->wall_ns / RP_US;

    rp_line_open(line, NULL);
    rp_line_text(line, "metric", series->metric);
    rp_line_text(line, "type", rp_metric_type_name(series->type));
    rp_line_number(line, "timestamp", (double)microseconds / 1e6);
    rp_line_open(line, "tags");
    for (size_t i = 0; i < series->tag_count; i++)
        rp_line_text(line, series->tags[i][0], series->tags[i][1]);
    rp_line_close(line);
    for (size_t i = 0; i < fields->count; i++) {
        rp_line_number(line, fields->items[i].name, fields->items[i].value);
        has_value = has_value || strcmp(fields->items[i].name, "value") == 0;
    }
    for (size_t i = 0; !has_value && i < fields->count; i++)
        if (strcmp(fields->items[i].name, "avg") == 0)
            rp_line_number(line, "value", fields->items[i].value);
    rp_line_close(line);
}

static void add_interval(struct rp_net_output *net, const struct rp_interval *interval)
{
    struct rp_net_fields fields;

    for (size_t i = 0; i < interval->count; i++) {
        const struct rp_store_change *change = &interval->changes[i];
        struct rp_json_line line = begin_body(net);

        if (rp_net_output_fields(net, change, &fields) < 0)
            net->body.error = -ENOMEM; /* the body is lost, and counted */
        else
            put_sample(&line, change->series, &fields, interval);
        rp_net_output_added(net, 1);
    }
}

static void complete(struct rp_net_output *net)
{
    struct rp_json_line line = { .out = &net->body, .has_member = true };

    rp_line_close_list(&line);
    rp_line_close(&line);
}

static void put_thresholds(struct rp_json_line *line, const struct rp_result *result)
{
    const struct rp_plan *plan = result->plan;

    rp_line_open_list(line, "thresholds");
    for (size_t i = 0; plan && i < plan->threshold_count; i++) {
        const struct rp_verdict *verdict = result->verdicts ? &result->verdicts[i] : NULL;

        rp_line_open(line, NULL);
        rp_line_text(line, "metric", plan->thresholds[i].display);
        rp_line_text(line, "source", plan->thresholds[i].source);
        if (verdict) {
            rp_line_bool(line, "passed", verdict->passed);
            rp_line_number(line, "actual", verdict->actual);
        } else {
            rp_line_null(line, "passed");
            rp_line_null(line, "actual");
        }
        rp_line_close(line);
    }
    rp_line_close_list(line);
}

/* The last body has no samples, and how the run has ended. */
static void end(struct rp_net_output *net, const struct rp_result *result)
{
    struct rp_json_line line = begin_body(net);

    rp_line_close_list(&line);
    rp_line_open(&line, "finished");
    rp_line_text(&line, "status", rp_result_status_name(result));
    rp_line_i64(&line, "exit_code", result->exit_code);
    rp_line_text(&line, "reason", result->reason);
    rp_line_number(&line, "elapsed_s", (double)result->elapsed / 1e9);
    put_thresholds(&line, result);
    rp_line_close(&line);
    rp_line_open_list(&line, "warnings"); /* closed by complete() */
    for (size_t i = 0; i < result->warning_count; i++)
        rp_line_text(&line, NULL, result->warnings[i].text);
    rp_net_output_added(net, 1);
}

static int make(const struct rp_output_spec *spec, struct rp_output **ret, struct rp_error *err)
{
    static const struct rp_net_format format = { .body_max = BODY_MAX,
                                                 .probe = RP_SLICE("{\"samples\":[]}"),
                                                 .interval = add_interval,
                                                 .complete = complete,
                                                 .end = end };
    const struct rp_header headers[] = { { RP_SLICE("content-type"),
                                           RP_SLICE("application/json") } };
    struct rp_delivery_config config = { .server.url = spec->destination,
                                         .server.headers = headers,
                                         .server.header_count = RP_ARRAY_LEN(headers) };

    return rp_net_output_new(spec, &format, &config, NULL, ret, err);
}

const struct rp_output_kind rp_output_webhook = {
    .name = "webhook",
    .destination = RP_DESTINATION_URL,
    .help = "numbers of each second as JSON to any server",
    .options =
        (const struct rp_output_option[]){
            RP_NET_OPTIONS("WEBHOOK"),
            { .key = NULL },
        },
    .make = make,
};

/* SPDX-License-Identifier: MIT */

/* What a call records. A method keeps the series of its last outcomes, so that a call finds them by
 * comparing the VU's tags and the status. */

#include <stdio.h>

#include "grpc/grpc_internal.h"

static const enum rp_builtin recorded[] = {
    RP_M_GRPC_REQS,
    RP_M_GRPC_REQ_DURATION,
    RP_M_GRPC_REQ_FAILED,
    RP_M_GRPC_STREAM_DURATION,
    RP_M_GRPC_STREAMS,
    RP_M_GRPC_STREAMS_MSGS_SENT,
    RP_M_GRPC_STREAMS_MSGS_RECEIVED,
    RP_M_DATA_SENT,
    RP_M_DATA_RECEIVED,
    RP_M_TLS_FULL,
    RP_M_TLS_RESUMED,
};

int rp_grpc_declare_metrics(struct rp_grpc_client *client)
{
    return rp_builtin_declare(client->registry, recorded, RP_ARRAY_LEN(recorded), client->metrics);
}

static const struct rp_tags *with(struct rp_grpc_client *client, const struct rp_tags *tags,
                                  const char *key, const char *value)
{
    return tags ? rp_tags_with(client->registry, tags, rp_slice_str(key), rp_slice_str(value))
                : NULL;
}

/* NULL without memory, or when nothing is recorded. */
static struct rp_series *series_of(struct rp_grpc_client *client, enum rp_builtin metric,
                                   const struct rp_tags *tags)
{
    return tags ? rp_registry_series(client->registry, client->metrics[metric], tags) : NULL;
}

/* The tags of a method, without those of an outcome. */
static const struct rp_tags *method_tags(const struct rp_grpc_method *method,
                                         const struct rp_tags *tags)
{
    struct rp_grpc_client *client = method->client;

    tags = with(client, tags, "service", method->service);
    tags = with(client, tags, "method", method->method);
    tags = with(client, tags, "url", method->url);
    tags = with(client, tags, "name", method->name);
    for (size_t i = 0; tags && i < method->tag_count; i++)
        tags = rp_tags_with(client->registry, tags, method->tags[i].name, method->tags[i].value);
    return tags;
}

/* ---- the beginning --------------------------------------------------------------------------- */

static bool find_stream(struct rp_grpc_method *method, const struct rp_tags *base)
{
    struct stream_series *stream = &method->stream;
    const struct rp_tags *tags;

    if (stream->base == base)
        return true;
    stream->base = NULL;
    tags = method_tags(method, base);
    stream->streams = series_of(method->client, RP_M_GRPC_STREAMS, tags);
    stream->sent = series_of(method->client, RP_M_GRPC_STREAMS_MSGS_SENT, tags);
    stream->received = series_of(method->client, RP_M_GRPC_STREAMS_MSGS_RECEIVED, tags);
    if (!stream->streams || !stream->sent || !stream->received)
        return false;
    stream->base = base;
    return true;
}

void rp_grpc_record_begin(struct rp_grpc_call *call)
{
    struct rp_grpc_method *method = call->method;

    if (!method->client->registry || !call->tags || !find_stream(method, call->tags))
        return; /* nothing is recorded, or memory has run out */
    call->sent = method->stream.sent;
    call->received = method->stream.received;
    rp_series_count(method->stream.streams, 1);
    if (call->early)
        rp_series_count(call->sent, call->early);
}

/* ---- the end --------------------------------------------------------------------------------- */

static void record_wire(struct rp_grpc_call *call)
{
    struct rp_grpc_method *method = call->method;
    const struct rp_http_response *response = &call->response;
    struct wire_series *wire = &method->wire;

    if (wire->base != call->wire_tags) {
        wire->base = NULL;
        wire->sent = series_of(method->client, RP_M_DATA_SENT, call->wire_tags);
        wire->received = series_of(method->client, RP_M_DATA_RECEIVED, call->wire_tags);
        if (!wire->sent || !wire->received)
            return;
        wire->base = call->wire_tags;
    }
    if (response->wire_sent)
        rp_series_count(wire->sent, (int64_t)response->wire_sent);
    if (response->wire_received)
        rp_series_count(wire->received, (int64_t)response->wire_received);
}

RP_COLD static void record_handshakes(const struct rp_grpc_call *call, enum rp_builtin metric,
                                      unsigned count)
{
    struct rp_series *series = count ? series_of(call->method->client, metric, call->wire_tags)
                                     : NULL;

    if (series)
        rp_series_count(series, count);
}

/* NULL when memory has run out. */
RP_COLD static struct outcome_series *new_outcome(struct rp_grpc_method *method,
                                                  const struct rp_grpc_call *call)
{
    struct outcome_series *outcome = &method->outcomes[method->next_outcome++ % OUTCOMES];
    struct rp_grpc_client *client = method->client;
    const struct rp_tags *tags = method_tags(method, call->tags);
    char number[16], kind[48];

    snprintf(number, sizeof(number), "%d", (int)call->status);
    tags = with(client, tags, "status", number);
    if (call->status != RP_GRPC_OK) {
        snprintf(kind, sizeof(kind), "gRPC %s", rp_grpc_status_text(call->status));
        tags = with(client, tags, "error", kind);
    }
    if (call->error_code) {
        snprintf(number, sizeof(number), "%d", call->error_code);
        tags = with(client, tags, "error_code", number);
    }
    outcome->base = NULL;
    outcome->reqs = series_of(client, RP_M_GRPC_REQS, tags);
    outcome->failed = series_of(client, RP_M_GRPC_REQ_FAILED, tags);
    outcome->duration = series_of(
        client, method->is_stream ? RP_M_GRPC_STREAM_DURATION : RP_M_GRPC_REQ_DURATION, tags);
    if (!outcome->reqs || !outcome->failed || !outcome->duration)
        return NULL;
    outcome->base = call->tags;
    outcome->status = (uint8_t)call->status;
    outcome->error_code = call->error_code;
    return outcome;
}

static struct outcome_series *outcome_of(struct rp_grpc_method *method,
                                         const struct rp_grpc_call *call)
{
    for (size_t i = 0; i < OUTCOMES; i++) {
        struct outcome_series *outcome = &method->outcomes[i];

        if (outcome->base == call->tags && outcome->status == call->status &&
            outcome->error_code == call->error_code)
            return outcome;
    }
    return new_outcome(method, call);
}

/* Without memory the call is counted all the same. */
RP_COLD static void keep_unfinished(const struct rp_grpc_call *call, const struct rp_series *reqs)
{
    struct rp_unfinished *kept = rp_unfinished_list_add(&call->method->client->unfinished);
    const struct rp_http_response *response = &call->response;

    if (!kept)
        return;
    *kept = (struct rp_unfinished){ .series = reqs->id,
                                    .was_sent = response->sending || response->waiting ||
                                                response->receiving,
                                    .blocked = response->blocked,
                                    .looking_up = response->looking_up,
                                    .connecting = response->connecting,
                                    .tls_handshaking = response->tls_handshaking,
                                    .sending = response->sending,
                                    .waiting = response->waiting,
                                    .receiving = response->receiving };
}

void rp_grpc_record_end(struct rp_grpc_call *call, enum recorded how)
{
    const struct rp_http_response *response = &call->response;
    rp_ns took = response->sending + response->waiting + response->receiving;
    struct outcome_series *outcome;

    if (!call->method->client->registry || !call->wire_tags)
        return;
    record_wire(call);
    if (RP_UNLIKELY(response->full_handshakes | response->resumed_handshakes)) {
        record_handshakes(call, RP_M_TLS_FULL, response->full_handshakes);
        record_handshakes(call, RP_M_TLS_RESUMED, response->resumed_handshakes);
    }
    if (!call->tags)
        return;
    if (RP_UNLIKELY(how == RECORD_ALL && call->status != RP_GRPC_OK))
        rp_grpc_keep_failed(call);
    outcome = outcome_of(call->method, call);
    if (!outcome)
        return;
    rp_series_count(outcome->reqs, 1);
    if (RP_UNLIKELY(how == RECORD_UNFINISHED)) {
        if (!call->method->is_stream)
            keep_unfinished(call, outcome->reqs);
        return;
    }
    rp_series_rate(outcome->failed, how == RECORD_ALL && call->status != RP_GRPC_OK);
    if (took) /* else it was never sent */
        rp_series_trend(outcome->duration, (double)took);
}

/* SPDX-License-Identifier: MIT */

/*
 * What a request records. The series of an outcome (a status or an error) are looked up once and
 * kept in the template, so that a request finds them by two comparisons.
 */

#include <stdio.h>

#include "base/alloc.h"
#include "http/http_internal.h"
#include "http/stream.h"
#include "proto/url.h"

static const struct rp_tags *with(struct rp_http_client *client, const struct rp_tags *tags,
                                  const char *key, const char *value)
{
    return tags ? rp_tags_with(client->registry, tags, rp_slice_str(key), rp_slice_str(value))
                : NULL;
}

static const struct rp_tags *outcome_tags(struct rp_http_template *template,
                                          const struct rp_http_call *call, const char *kind)
{
    struct rp_http_client *client = template->client;
    const struct rp_http_response *response = call->response;
    const struct rp_tags *tags = call->tags;
    char number[16];

    tags = with(client, tags, "method", template->method);
    /* Requests that were given a name share their series, so their URLs, of which there may be
     * millions, are no tag. */
    tags = with(client, tags, "url", template->name);
    tags = with(client, tags, "name", template->name);
    snprintf(number, sizeof(number), "%u", response->status);
    tags = with(client, tags, "status", number);
    tags = with(client, tags, "expected_response", response->is_expected ? "true" : "false");
    if (response->version)
        tags = with(client, tags, "proto", rp_http_version_text(response->version));
    if (response->tls_version)
        tags = with(client, tags, "tls_version", rp_tls_version_text(response->tls_version));
    if (response->error_code) {
        snprintf(number, sizeof(number), "%d", response->error_code);
        tags = with(client, tags, "error_code", number);
    }
    if (kind)
        tags = with(client, tags, "error", kind);
    for (size_t i = 0; tags && i < template->tag_count; i++)
        tags = rp_tags_with(client->registry, tags, template->tags[i].name,
                            template->tags[i].value);
    return tags;
}

static bool find_series(struct rp_http_client *client, const struct rp_tags *tags,
                        const struct rp_tags *base, struct outcome_series *out)
{
    struct {
        struct rp_series **slot;
        enum rp_builtin metric;
        const struct rp_tags *tags;
    } wanted[] = {
        { &out->reqs, RP_M_HTTP_REQS, tags },
        { &out->failed, RP_M_HTTP_REQ_FAILED, tags },
        { &out->duration, RP_M_HTTP_REQ_DURATION, tags },
        { &out->blocked, RP_M_HTTP_REQ_BLOCKED, tags },
        { &out->looking_up, RP_M_HTTP_REQ_LOOKING_UP, tags },
        { &out->connecting, RP_M_HTTP_REQ_CONNECTING, tags },
        { &out->tls, RP_M_HTTP_REQ_TLS_HANDSHAKING, tags },
        { &out->sending, RP_M_HTTP_REQ_SENDING, tags },
        { &out->waiting, RP_M_HTTP_REQ_WAITING, tags },
        { &out->receiving, RP_M_HTTP_REQ_RECEIVING, tags },
        { &out->sent, RP_M_DATA_SENT, base },
        { &out->received, RP_M_DATA_RECEIVED, base },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(wanted); i++) {
        *wanted[i].slot = rp_registry_series(client->registry, client->metrics[wanted[i].metric],
                                             wanted[i].tags);
        if (!*wanted[i].slot)
            return false;
    }
    return true;
}

/* Looks an outcome up that the template does not keep. NULL when the client records nothing, or
 * memory ran out: the sample is lost then, as everything soon will be. */
RP_COLD static struct outcome_series *new_outcome(struct rp_http_template *template,
                                                  const struct rp_http_call *call, const char *kind)
{
    const struct rp_http_response *response = call->response;
    struct outcome_series *outcome;
    const struct rp_tags *tags;

    if (!template->client->registry)
        return NULL;
    tags = outcome_tags(template, call, kind);
    if (!tags)
        return NULL;
    outcome = &template->outcomes[template->next_outcome++ % OUTCOME_CACHE];
    outcome->base = NULL;
    if (!find_series(template->client, tags, call->tags, outcome))
        return NULL;
    outcome->base = call->tags;
    outcome->status = response->status;
    outcome->error_code = (uint16_t)response->error_code;
    outcome->version = response->version;
    outcome->tls_version = response->tls_version;
    outcome->kind = kind;
    return outcome;
}

/* NULL as new_outcome(). */
RP_INLINE struct outcome_series *outcome_of(struct rp_http_template *template,
                                            const struct rp_http_call *call, const char *kind)
{
    const struct rp_http_response *response = call->response;

    for (size_t i = 0; i < OUTCOME_CACHE; i++) {
        struct outcome_series *outcome = &template->outcomes[i];

        if (outcome->base == call->tags && outcome->status == response->status &&
            outcome->error_code == response->error_code && outcome->version == response->version &&
            outcome->tls_version == response->tls_version && outcome->kind == kind)
            return outcome;
    }
    return new_outcome(template, call, kind);
}

static void count_bytes(struct rp_http_call *call, enum rp_builtin metric, uint64_t bytes)
{
    struct rp_http_client *client = call->template->client;
    struct rp_series *series;

    if (!bytes)
        return;
    series = rp_registry_series(client->registry, client->metrics[metric], call->tags);
    if (series) /* else memory has run out: it is lost, as everything soon will be */
        rp_series_count(series, (int64_t)bytes);
}

/* Of a call that is an upgrade: what else there is to record, its user records. */
RP_COLD static void record_bytes(struct rp_http_call *call)
{
    if (!call->template->client->registry || !call->tags)
        return;
    count_bytes(call, RP_M_DATA_SENT, call->response->wire_sent);
    count_bytes(call, RP_M_DATA_RECEIVED, call->response->wire_received);
}

/* A request that never got onto a connection is counted and has its phases, but is no sample of a
 * latency. */
void rp_http_record(struct rp_http_call *call, const char *kind, bool was_sent)
{
    const struct rp_http_response *response = call->response;
    struct outcome_series *outcome;

    if (RP_UNLIKELY(call->template->is_upgrade)) {
        record_bytes(call);
        return;
    }
    outcome = outcome_of(call->template, call, kind);
    if (RP_UNLIKELY(!outcome))
        return;
    rp_series_count(outcome->reqs, 1);
    rp_series_rate(outcome->failed, !response->is_expected);
    rp_series_trend(outcome->blocked, (double)response->blocked);
    rp_series_trend(outcome->looking_up, (double)response->looking_up);
    rp_series_trend(outcome->connecting, (double)response->connecting);
    if (response->wire_received)
        rp_series_count(outcome->received, (int64_t)response->wire_received);
    if (!was_sent) {
        if (response->wire_sent) /* by a handshake */
            rp_series_count(outcome->sent, (int64_t)response->wire_sent);
        return;
    }
    rp_series_count(outcome->sent, (int64_t)response->wire_sent);
    rp_series_trend(outcome->tls, (double)response->tls_handshaking);
    rp_series_trend(outcome->sending, (double)response->sending);
    rp_series_trend(outcome->waiting, (double)response->waiting);
    rp_series_trend(outcome->receiving, (double)response->receiving);
    rp_series_trend(outcome->duration,
                    (double)(response->sending + response->waiting + response->receiving));
}

void rp_http_record_handshake(struct rp_http_call *call, bool is_resumed)
{
    struct rp_http_client *client = call->session->client;
    enum rp_builtin metric = is_resumed ? RP_M_TLS_RESUMED : RP_M_TLS_FULL;
    struct rp_series *series;

    call->response->full_handshakes += !is_resumed;
    call->response->resumed_handshakes += is_resumed;
    if (!client->registry || !call->tags)
        return;
    series = rp_registry_series(client->registry, client->metrics[metric], call->tags);
    if (series) /* else memory has run out: it is lost, as everything soon will be */
        rp_series_count(series, 1);
}

void rp_http_begin_events(struct rp_http_events *events, struct rp_http_template *template,
                          const struct rp_http_stream *stream)
{
    struct rp_http_client *client = template->client;
    const struct rp_tags *tags = client->registry ? outcome_tags(template, &stream->call, NULL)
                                                  : NULL;

    *events = (struct rp_http_events){ .sent = stream->sent };
    if (!tags)
        return;
    events->count = rp_registry_series(client->registry, client->metrics[RP_M_SSE_EVENTS], tags);
    events->first = rp_registry_series(client->registry, client->metrics[RP_M_SSE_FIRST_EVENT],
                                       tags);
    events->gap = rp_registry_series(client->registry, client->metrics[RP_M_SSE_EVENT_GAP], tags);
}

void rp_http_record_event(struct rp_http_events *events, rp_ns at)
{
    struct rp_series *series = events->last ? events->gap : events->first;
    rp_ns since = events->last ? events->last : events->sent;

    events->last = at;
    if (events->count)
        rp_series_count(events->count, 1);
    if (series)
        rp_series_trend(series, (double)(at > since ? at - since : 0));
}

void rp_http_record_unfinished(struct rp_http_call *call, const char *kind, bool was_sent)
{
    const struct rp_http_response *response = call->response;
    struct outcome_series *outcome;
    struct rp_unfinished *kept;

    if (call->template->is_upgrade) {
        record_bytes(call);
        return;
    }
    outcome = outcome_of(call->template, call, kind);
    if (!outcome)
        return;
    rp_series_count(outcome->reqs, 1);
    if (response->wire_sent)
        rp_series_count(outcome->sent, (int64_t)response->wire_sent);
    if (response->wire_received)
        rp_series_count(outcome->received, (int64_t)response->wire_received);
    kept = rp_unfinished_list_add(&call->template->client->unfinished);
    if (!kept)
        return; /* it is counted all the same */
    *kept = (struct rp_unfinished){ .series = outcome->reqs->id,
                                    .was_sent = was_sent,
                                    .blocked = response->blocked,
                                    .looking_up = response->looking_up,
                                    .connecting = response->connecting,
                                    .tls_handshaking = response->tls_handshaking,
                                    .sending = response->sending,
                                    .waiting = response->waiting,
                                    .receiving = response->receiving };
}

/* A copy of what stands in a URL's place, without what may be a password. */
static char *copy_bad_url(struct rp_slice url)
{
    struct rp_buf copy;

    rp_buf_init(&copy, SIZE_MAX);
    rp_url_append_bad_public(url, &copy);
    return rp_buf_take(&copy);
}

void rp_http_count_bad_url(struct rp_http_client *client, const struct rp_tags *tags,
                           struct rp_slice method, struct rp_slice url, struct rp_slice name)
{
    struct rp_http_template template = { .client = client };
    struct rp_http_response response = { .error_code = RP_HTTP_BAD_URL };
    struct rp_http_call call = { .template = &template, .response = &response, .tags = tags };
    struct outcome_series *outcome = NULL;

    template.method = rp_strndup(method.ptr, method.len);
    template.name = name.len ? rp_http_copy_name(name) : copy_bad_url(url);
    if (template.method && template.name)
        outcome = outcome_of(&template, &call, "bad URL");
    if (outcome) {
        rp_series_count(outcome->reqs, 1);
        rp_series_rate(outcome->failed, true);
    }
    rp_free(template.method);
    rp_free(template.name);
}

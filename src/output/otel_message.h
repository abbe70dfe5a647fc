/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * output/otel_message.h - the messages of OTLP 1, the protocol of OpenTelemetry, as Protocol Buffers
 * or as JSON, which are the same fields in two encodings.
 */

#include "output/totals.h"

struct rp_otel_style {
    bool is_json;
    bool is_delta; /* values since the message before, else since the start of the run */
    uint64_t start_ns, end_ns; /* of the values, since 1970 */
};

struct rp_otel_attribute {
    const char *key, *value;
};

/* How names of metrics are made valid. */
extern const struct rp_totals_style rp_otel_names;

/* Appends all that there is to say of @count series of one metric, as further items of the list of
 * metrics. Returns how many data points that are. */
size_t rp_otel_put_metrics(const struct rp_otel_style *style, struct rp_buf *out,
                           const struct rp_total *const *series, size_t count);
/* Appends a request with the list of metrics @metrics. @attributes: of the resource. */
void rp_otel_put_request(const struct rp_otel_style *style, struct rp_buf *out,
                         struct rp_slice metrics, const struct rp_otel_attribute *attributes,
                         size_t attribute_count);
/* How many data points the server has not taken, by the body of its answer 2xx; and what it says of
 * that, in @why, which stays empty when it says nothing. 0 for what is no such message. */
uint64_t rp_otel_count_refused(bool is_json, struct rp_slice body, struct rp_buf *why);

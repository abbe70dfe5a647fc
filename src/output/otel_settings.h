/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * output/otel_settings.h - what the output otel is told: by its options, else by the variables of
 * the environment that every exporter of OpenTelemetry reads. A variable that is empty is none.
 */

#include "output/delivery.h"
#include "output/otel_message.h"

enum { RP_OTEL_ATTRIBUTES_MAX = 64, RP_OTEL_HEADERS_MAX = 48 };

struct rp_otel_settings {
    bool is_grpc; /* else by HTTP */
    bool is_json, is_delta, is_exponential, is_gzip;
    struct rp_buf url; /* as in struct rp_poster_config */
    /* Of the resource, without service.instance.id, which is the id of the run. */
    struct rp_otel_attribute attributes[RP_OTEL_ATTRIBUTES_MAX];
    size_t attribute_count;
    struct rp_header
        headers[RP_OTEL_HEADERS_MAX]; /* those of the content, of HTTP, are the first */
    size_t header_count;
    struct rp_buf texts; /* of both */
    rp_ns timeout;       /* 0 = not said */
    const char *ca_file, *cert_file, *key_file;
};

/* -RP_EUSER: a setting cannot be used; the message names it and shows no header. -ENOMEM. The
 * settings are to be freed in any case. */
RP_NODISCARD int rp_otel_settings_read(const struct rp_output_spec *spec,
                                       struct rp_otel_settings *ret, struct rp_error *err);
void rp_otel_settings_deinit(struct rp_otel_settings *settings); /* zeroed is allowed */

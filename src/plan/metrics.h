/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * plan/metrics.h - the table of built-in metrics (k6's names): thresholds are checked against it
 * before the run, worker registries and the docs are made from it.
 */

#include <stdbool.h>

#include "base/compiler.h"
#include "base/slice.h"
#include "stats/registry.h"

enum rp_builtin {
    RP_M_ITERATIONS,
    RP_M_ITERATION_ERRORS,
    RP_M_DROPPED_ITERATIONS,
    RP_M_INTERRUPTED_ITERATIONS,
    RP_M_ITERATION_DURATION,
    RP_M_ITERATION_RUN_DURATION,
    RP_M_ITERATION_LATENESS,
    RP_M_GROUP_DURATION,
    RP_M_VUS,
    RP_M_VUS_MAX,
    RP_M_CHECKS,
    RP_M_HTTP_REQS,
    RP_M_HTTP_REQ_FAILED,
    RP_M_HTTP_REQ_DURATION,
    RP_M_HTTP_REQ_BLOCKED,
    RP_M_HTTP_REQ_LOOKING_UP,
    RP_M_HTTP_REQ_CONNECTING,
    RP_M_HTTP_REQ_TLS_HANDSHAKING,
    RP_M_HTTP_REQ_SENDING,
    RP_M_HTTP_REQ_WAITING,
    RP_M_HTTP_REQ_RECEIVING,
    RP_M_SSE_EVENTS,
    RP_M_SSE_FIRST_EVENT,
    RP_M_SSE_EVENT_GAP,
    RP_M_DATA_SENT,
    RP_M_DATA_RECEIVED,
    RP_M_TLS_FULL,
    RP_M_TLS_RESUMED,
    RP_M_LOOP_LAG,
    RP_M_RECEIVE_DELAY,
    RP_M_GENERATOR_CPU,
    RP_M_WS_SESSIONS,
    RP_M_WS_CONNECTING,
    RP_M_WS_SESSION_DURATION,
    RP_M_WS_PING,
    RP_M_WS_ROUNDTRIP,
    RP_M_WS_MESSAGES_SENT,
    RP_M_WS_MESSAGES_RECEIVED,
    RP_M_WS_ERRORS,
    RP_M_GRPC_REQS,
    RP_M_GRPC_REQ_DURATION,
    RP_M_GRPC_REQ_FAILED,
    RP_M_GRPC_STREAM_DURATION,
    RP_M_GRPC_STREAMS,
    RP_M_GRPC_STREAMS_MSGS_SENT,
    RP_M_GRPC_STREAMS_MSGS_RECEIVED,
    RP_BUILTIN_COUNT
};

struct rp_builtin_metric {
    const char *name;
    enum rp_metric_type type;
    bool is_time;        /* milliseconds at the border */
    bool is_bytes;       /* shown as bytes */
    const char *section; /* of the summary: "HTTP", "EXECUTION", "NETWORK", ... */
    const char *help;
};

extern const struct rp_builtin_metric rp_builtin_metrics[RP_BUILTIN_COUNT];

static inline const char *rp_builtin_name(enum rp_builtin id)
{
    return rp_builtin_metrics[id].name;
}

/* The tag `error` of ws_errors, of WebSockets that were refused by an answer that says it agrees. */
#define RP_WS_KIND_NO_SOCKET "not a WebSocket"
#define RP_WS_KIND_NO_SUBPROTOCOL "subprotocol refused"

/* Declares those of @ids in @registry, so that each has its place in @ret. Nothing without a registry.
 * -ENOMEM. */
RP_NODISCARD int rp_builtin_declare(struct rp_registry *registry, const enum rp_builtin *ids,
                                    size_t count, const struct rp_metric *ret[RP_BUILTIN_COUNT]);
/* By name, or NULL. */
const struct rp_builtin_metric *rp_builtin_metric_find(const char *name);

/* A further name of a metric, which the package rampa 0.0 has given it: thresholds and snapshots take
 * it, and nothing else. */
struct rp_metric_alias {
    const char *alias;
    enum rp_builtin metric;
};
/* All of them; a NULL alias at the end. */
extern const struct rp_metric_alias rp_metric_aliases[];
/* The name of the metric of which @name is a further name; NULL = it is none. */
const char *rp_metric_of_alias(const char *name);

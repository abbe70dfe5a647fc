/* SPDX-License-Identifier: MIT */
#include "plan/metrics.h"

#include <string.h>

#include "base/compiler.h"

#define COUNTER .type = RP_COUNTER
#define GAUGE .type = RP_GAUGE
#define RATE .type = RP_RATE
#define TIME .type = RP_TREND, .is_time = true

const struct rp_builtin_metric rp_builtin_metrics[RP_BUILTIN_COUNT] = {
    [RP_M_ITERATIONS] = { "iterations", COUNTER, .section = "EXECUTION",
                          .help = "iterations that ran to their end" },
    [RP_M_ITERATION_ERRORS] = { "iteration_errors", COUNTER, .section = "EXECUTION",
                                .help = "iterations that an exception ended" },
    [RP_M_DROPPED_ITERATIONS] = { "dropped_iterations", COUNTER, .section = "EXECUTION",
                                  .help = "iterations that were due and could not start" },
    [RP_M_INTERRUPTED_ITERATIONS] = { "interrupted_iterations", COUNTER, .section = "EXECUTION",
                                      .help = "iterations cut off at the end of graceful_stop" },
    [RP_M_ITERATION_DURATION] = { "iteration_duration", TIME, .section = "EXECUTION",
                                  .help = "time of one whole iteration" },
    [RP_M_ITERATION_RUN_DURATION] = { "iteration_run_duration", TIME, .section = "EXECUTION",
                                      .help = "of an arrival executor: the same without "
                                              "lateness" },
    [RP_M_ITERATION_LATENESS] = { "iteration_lateness", TIME, .section = "EXECUTION",
                                  .help = "how late an iteration of an arrival executor began" },
    [RP_M_GROUP_DURATION] = { "group_duration", TIME, .section = "EXECUTION",
                              .help = "time inside one `worker.group`" },
    [RP_M_VUS] = { "vus", GAUGE, .section = "EXECUTION", .help = "VUs that are running" },
    [RP_M_VUS_MAX] = { "vus_max", GAUGE, .section = "EXECUTION", .help = "VUs that exist" },
    [RP_M_CHECKS] = { "checks", RATE, .section = "CHECKS", .help = "checks that passed" },
    [RP_M_HTTP_REQS] = { "http_reqs", COUNTER, .section = "HTTP",
                         .help = "HTTP requests, failed and interrupted ones included" },
    [RP_M_HTTP_REQ_FAILED] = { "http_req_failed", RATE, .section = "HTTP",
                               .help = "HTTP requests that failed" },
    [RP_M_HTTP_REQ_DURATION] = { "http_req_duration", TIME, .section = "HTTP",
                                 .help = "sending + waiting + receiving" },
    [RP_M_HTTP_REQ_BLOCKED] = { "http_req_blocked", TIME, .section = "HTTP",
                                .help = "waiting for a free connection and in the generator" },
    [RP_M_HTTP_REQ_LOOKING_UP] = { "http_req_looking_up", TIME, .section = "HTTP",
                                   .help = "name resolution" },
    [RP_M_HTTP_REQ_CONNECTING] = { "http_req_connecting", TIME, .section = "HTTP",
                                   .help = "TCP connect" },
    [RP_M_HTTP_REQ_TLS_HANDSHAKING] = { "http_req_tls_handshaking", TIME, .section = "HTTP",
                                        .help = "TLS handshake" },
    [RP_M_HTTP_REQ_SENDING] = { "http_req_sending", TIME, .section = "HTTP",
                                .help = "writing the request" },
    [RP_M_HTTP_REQ_WAITING] = { "http_req_waiting", TIME, .section = "HTTP",
                                .help = "from the request's last byte to the response's first" },
    [RP_M_HTTP_REQ_RECEIVING] = { "http_req_receiving", TIME, .section = "HTTP",
                                  .help = "reading the response" },
    [RP_M_SSE_EVENTS] = { "sse_events", COUNTER, .section = "HTTP",
                          .help = "server-sent events that scripts have read" },
    [RP_M_SSE_FIRST_EVENT] = { "sse_first_event", TIME, .section = "HTTP",
                               .help = "from the request's first byte to the first event" },
    [RP_M_SSE_EVENT_GAP] = { "sse_event_gap", TIME, .section = "HTTP",
                             .help = "from one server-sent event to the next" },
    [RP_M_DATA_SENT] = { "data_sent", COUNTER, .is_bytes = true, .section = "NETWORK",
                         .help = "bytes written to the wire" },
    [RP_M_DATA_RECEIVED] = { "data_received", COUNTER, .is_bytes = true, .section = "NETWORK",
                             .help = "bytes read from the wire" },
    [RP_M_TLS_FULL] = { "tls_full_handshakes", COUNTER, .section = "NETWORK",
                        .help = "TLS handshakes, without those that were resumed" },
    [RP_M_TLS_RESUMED] = { "tls_resumed_handshakes", COUNTER, .section = "NETWORK",
                           .help = "short TLS handshakes, of users who come back" },
    [RP_M_LOOP_LAG] = { "loop_lag", TIME, .section = "GENERATOR",
                        .help = "how late the generator's own timers fire" },
    [RP_M_RECEIVE_DELAY] = { "receive_delay", TIME, .section = "GENERATOR",
                             .help = "how long answers lay in this machine's kernel before the "
                                     "generator took them" },
    [RP_M_GENERATOR_CPU] = { "generator_cpu", GAUGE, .section = "GENERATOR",
                             .help = "share of its core that a worker uses, 0 to 1" },
    [RP_M_WS_SESSIONS] = { "ws_sessions", COUNTER, .section = "WEBSOCKET",
                           .help = "WebSocket sessions that were opened" },
    [RP_M_WS_CONNECTING] = { "ws_connecting", TIME, .section = "WEBSOCKET",
                             .help = "time to open a WebSocket session" },
    [RP_M_WS_SESSION_DURATION] = { "ws_session_duration", TIME, .section = "WEBSOCKET",
                                   .help = "time of a WebSocket session, from its opening on" },
    [RP_M_WS_PING] = { "ws_ping", TIME, .section = "WEBSOCKET",
                       .help = "from a ping to the pong of the server" },
    [RP_M_WS_ROUNDTRIP] = { "ws_roundtrip", TIME, .section = "WEBSOCKET",
                            .help = "from a message to the one that answers it (request())" },
    [RP_M_WS_MESSAGES_SENT] = { "ws_msgs_sent", COUNTER, .section = "WEBSOCKET",
                                .help = "WebSocket messages that were sent" },
    [RP_M_WS_MESSAGES_RECEIVED] = { "ws_msgs_received", COUNTER, .section = "WEBSOCKET",
                                    .help = "WebSocket messages that were received" },
    [RP_M_WS_ERRORS] = { "ws_errors", COUNTER, .section = "WEBSOCKET",
                         .help = "WebSocket sessions that failed, or could not be opened" },
    [RP_M_GRPC_REQS] = { "grpc_reqs", COUNTER, .section = "GRPC",
                         .help = "gRPC calls of all kinds, failed and interrupted ones included" },
    [RP_M_GRPC_REQ_DURATION] = { "grpc_req_duration", TIME, .section = "GRPC",
                                 .help = "time of a unary gRPC call" },
    [RP_M_GRPC_REQ_FAILED] = { "grpc_req_failed", RATE, .section = "GRPC",
                               .help = "gRPC calls that ended with another status than OK" },
    [RP_M_GRPC_STREAM_DURATION] = { "grpc_stream_duration", TIME, .section = "GRPC",
                                    .help = "time of a whole gRPC stream" },
    [RP_M_GRPC_STREAMS] = { "grpc_streams", COUNTER, .section = "GRPC",
                            .help = "gRPC streams that were opened" },
    [RP_M_GRPC_STREAMS_MSGS_SENT] = { "grpc_streams_msgs_sent", COUNTER, .section = "GRPC",
                                      .help = "messages sent on gRPC streams" },
    [RP_M_GRPC_STREAMS_MSGS_RECEIVED] = { "grpc_streams_msgs_received", COUNTER, .section = "GRPC",
                                          .help = "messages received on gRPC streams" },
};

int rp_builtin_declare(struct rp_registry *registry, const enum rp_builtin *ids, size_t count,
                       const struct rp_metric *ret[RP_BUILTIN_COUNT])
{
    for (size_t i = 0; registry && i < count; i++) {
        const struct rp_builtin_metric *metric = &rp_builtin_metrics[ids[i]];
        int r = rp_registry_metric(registry, metric->name, metric->type, metric->is_time,
                                   &ret[ids[i]], NULL);

        if (r < 0)
            return r;
    }
    return 0;
}

const struct rp_builtin_metric *rp_builtin_metric_find(const char *name)
{
    for (size_t i = 0; i < RP_BUILTIN_COUNT; i++)
        if (strcmp(rp_builtin_metrics[i].name, name) == 0)
            return &rp_builtin_metrics[i];
    return NULL;
}

const struct rp_metric_alias rp_metric_aliases[] = {
    { "ws_messages_sent", RP_M_WS_MESSAGES_SENT },
    { "ws_messages_received", RP_M_WS_MESSAGES_RECEIVED },
    { "grpc_streams_opened", RP_M_GRPC_STREAMS },
    { "grpc_messages_sent", RP_M_GRPC_STREAMS_MSGS_SENT },
    { "grpc_messages_received", RP_M_GRPC_STREAMS_MSGS_RECEIVED },
    { NULL, RP_BUILTIN_COUNT },
};

const char *rp_metric_of_alias(const char *name)
{
    for (const struct rp_metric_alias *it = rp_metric_aliases; it->alias; it++)
        if (strcmp(it->alias, name) == 0)
            return rp_builtin_name(it->metric);
    return NULL;
}

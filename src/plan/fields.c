/* SPDX-License-Identifier: MIT */
#include "plan/fields.h"

#define BIT(executor) (1u << (executor))
#define ALL (BIT(RP_EXECUTOR_KIND_COUNT) - 1)
#define ITERATING (BIT(RP_SHARED_ITERATIONS) | BIT(RP_PER_VU_ITERATIONS))
#define ARRIVAL (BIT(RP_CONSTANT_ARRIVAL_RATE) | BIT(RP_RAMPING_ARRIVAL_RATE))
#define RAMPING (BIT(RP_RAMPING_VUS) | BIT(RP_RAMPING_ARRIVAL_RATE))

#define SCENARIO(member) offsetof(struct rp_scenario, member)
#define PLAN(member) offsetof(struct rp_plan, member)

/* In the order in which fields are written. */
const struct rp_field rp_scenario_fields[RP_F_COUNT] = {
    [RP_F_EXECUTOR] = { "executor", RP_FT_EXECUTOR, ALL, .offset = SCENARIO(executor),
                        .default_value = RP_CONSTANT_VUS, .help = "how iterations are scheduled" },
    [RP_F_EXEC_FN] = { "exec_fn", RP_FT_TEXT, ALL, .offset = SCENARIO(exec_fn),
                       .default_kind = RP_FD_OTHER,
                       .default_text = "the decorated function, or the one of the scenario's name, "
                                       "or `default`",
                       .help = "the function that is one iteration" },
    [RP_F_VUS] = { "vus", RP_FT_INTEGER, BIT(RP_CONSTANT_VUS) | ITERATING, .offset = SCENARIO(vus),
                   .min = 1, .max = RP_MOST_VUS, .default_value = 1, .help = "number of VUs" },
    [RP_F_START_VUS] = { "start_vus", RP_FT_INTEGER, BIT(RP_RAMPING_VUS),
                         .offset = SCENARIO(start_vus), .min = 0, .max = RP_MOST_VUS,
                         .default_value = 1, .help = "VUs at the start of the first stage" },
    [RP_F_DURATION] = { "duration", RP_FT_DURATION,
                        BIT(RP_CONSTANT_VUS) | BIT(RP_CONSTANT_ARRIVAL_RATE),
                        BIT(RP_CONSTANT_VUS) | BIT(RP_CONSTANT_ARRIVAL_RATE),
                        .offset = SCENARIO(duration), .min = 1, .max = RP_LONGEST,
                        .help = "how long iterations start" },
    [RP_F_ITERATIONS] = { "iterations", RP_FT_INTEGER, ITERATING, .offset = SCENARIO(iterations),
                          .min = 1, .max = RP_MOST_ITERATIONS, .default_value = 1,
                          .help = "iterations of all VUs together (shared), or of each VU" },
    [RP_F_STAGES] = { "stages", RP_FT_STAGES, RAMPING, RAMPING, .offset = SCENARIO(stages),
                      .help = "steps of `{duration, target}`: in this time to so many VUs, or "
                              "to this rate" },
    [RP_F_RATE] = { "rate", RP_FT_NUMBER, ARRIVAL, BIT(RP_CONSTANT_ARRIVAL_RATE),
                    .offset = SCENARIO(rate), .min = 0, .max = RP_MOST_RATE,
                    .help =
                        "iterations per `time_unit`; of a ramping rate, the one it starts from" },
    [RP_F_TIME_UNIT] = { "time_unit", RP_FT_DURATION, ARRIVAL, .offset = SCENARIO(time_unit),
                         .min = 1, .max = RP_LONGEST, .default_value = RP_S,
                         .help = "what `rate` and the targets of stages count in" },
    [RP_F_ARRIVAL] = { "arrival", RP_FT_ARRIVAL, ARRIVAL, .offset = SCENARIO(arrival),
                       .default_value = RP_ARRIVAL_UNIFORM,
                       .help = "`uniform`: exactly at the rate; `poisson`: by chance, as "
                               "independent users come, with the rate on average" },
    [RP_F_PRE_ALLOCATED_VUS] = { "pre_allocated_vus", RP_FT_INTEGER, ARRIVAL,
                                 .offset = SCENARIO(pre_allocated_vus), .min = 0,
                                 .max = RP_MOST_VUS, .default_kind = RP_FD_OTHER,
                                 .default_text = "`max_vus`, or 10 without it",
                                 .help = "VUs made before the start" },
    [RP_F_MAX_VUS] = { "max_vus", RP_FT_INTEGER, ALL & ~ITERATING, .offset = SCENARIO(max_vus),
                       .min = 1, .max = RP_MOST_VUS, .default_kind = RP_FD_OTHER,
                       .default_text = "`pre_allocated_vus`; of the executors of VUs the most that "
                                       "they ask for",
                       .help = "most VUs: when more are made because all are busy, and when the "
                               "load is adjusted" },
    [RP_F_MAX_DURATION] = { "max_duration", RP_FT_DURATION, ITERATING,
                            .offset = SCENARIO(max_duration), .min = 1, .max = RP_LONGEST,
                            .default_value = 600 * RP_S,
                            .help = "iterations not started by then are dropped" },
    [RP_F_START_TIME] = { "start_time", RP_FT_DURATION, ALL, .offset = SCENARIO(start_time),
                          .min = 0, .max = RP_LONGEST,
                          .help = "wait this long after the run's start" },
    [RP_F_GRACEFUL_STOP] = { "graceful_stop", RP_FT_DURATION, ALL,
                             .offset = SCENARIO(graceful_stop), .min = 0, .max = RP_LONGEST,
                             .default_value = 30 * RP_S,
                             .help =
                                 "time for running iterations to end before they are interrupted" },
    [RP_F_GRACEFUL_RAMP_DOWN] = { "graceful_ramp_down", RP_FT_DURATION, BIT(RP_RAMPING_VUS),
                                  .offset = SCENARIO(graceful_ramp_down), .min = 0,
                                  .max = RP_LONGEST, .default_value = 30 * RP_S,
                                  .help = "the same for a VU that a stage takes away" },
    [RP_F_TAGS] = { "tags", RP_FT_PAIRS, ALL, .offset = SCENARIO(tags),
                    .help = "tags of every sample of the scenario" },
    [RP_F_ENV] = { "env", RP_FT_PAIRS, ALL, .offset = SCENARIO(env),
                   .help = "`worker.env` of the scenario, over the environment" },
};

const char *const rp_arrival_names[] = {
    [RP_ARRIVAL_UNIFORM] = "uniform", [RP_ARRIVAL_POISSON] = "poisson"
};

const struct rp_field rp_plan_settings[RP_S_COUNT] = {
    [RP_S_TAGS] = { "tags", RP_FT_PAIRS, .offset = PLAN(tags),
                    .help = "tags of every sample of the run" },
    [RP_S_SETUP_TIMEOUT] = { "setup_timeout", RP_FT_DURATION, .offset = PLAN(setup_timeout),
                             .min = 1, .max = RP_LONGEST, .default_value = 60 * RP_S,
                             .help = "longest time of `setup`" },
    [RP_S_TEARDOWN_TIMEOUT] = { "teardown_timeout", RP_FT_DURATION,
                                .offset = PLAN(teardown_timeout), .min = 1, .max = RP_LONGEST,
                                .default_value = 60 * RP_S, .help = "longest time of `teardown`" },
    [RP_S_TREND_STATS] = { "summary_trend_stats", RP_FT_STATS, .offset = PLAN(trend_stats),
                           .default_kind = RP_FD_OTHER,
                           .default_text = "avg, min, med, max, p(90), p(95), p(99)",
                           .help = "what the summary shows of trends" },
    [RP_S_SEED] = { "seed", RP_FT_INTEGER, .offset = PLAN(seed), .min = 0, .max = RP_MOST_SEED,
                    .default_kind = RP_FD_OTHER, .default_text = "chosen by chance for every run",
                    .help = "of what is random in the run; the same seed repeats it" },
    [RP_S_BASE_URL] = { "base_url", RP_FT_TEXT, .offset = PLAN(base_url),
                        .default_kind = RP_FD_OTHER, .default_text = "none",
                        .help = "goes before URLs that begin with `/`" },
    [RP_S_HTTP2] = { "http2", RP_FT_TEXT, .offset = PLAN(http2), .default_kind = RP_FD_OTHER,
                     .default_text = "over TLS, where the server chooses it",
                     .help = "True: speak HTTP/2 without TLS too, by prior knowledge; "
                             "False: HTTP/1.1 only" },
    [RP_S_INSECURE] = { "insecure_skip_tls_verify", RP_FT_FLAG,
                        .offset = PLAN(insecure_skip_tls_verify),
                        .help = "accepts any certificate of a server" },
    [RP_S_TLS_CA] = { "tls_ca", RP_FT_TEXT, .offset = PLAN(tls_ca), .default_kind = RP_FD_OTHER,
                      .default_text = "the authorities of the system",
                      .help = "file (PEM) of the authorities that sign servers' certificates" },
    [RP_S_TLS_CERT] = { "tls_cert", RP_FT_TEXT, .offset = PLAN(tls_cert),
                        .default_kind = RP_FD_OTHER, .default_text = "none",
                        .help = "file (PEM) of the certificate that is shown to servers, with its "
                                "chain" },
    [RP_S_TLS_KEY] = { "tls_key", RP_FT_TEXT, .offset = PLAN(tls_key), .default_kind = RP_FD_OTHER,
                       .default_text = "`tls_cert`",
                       .help = "file (PEM) of the key of that certificate" },
    [RP_S_TLS_MIN] = { "tls_min_version", RP_FT_TEXT, .offset = PLAN(tls_min_version),
                       .default_kind = RP_FD_OTHER, .default_text = "`1.2`",
                       .help =
                           "oldest version of TLS that is spoken: `1.0`, `1.1`, `1.2` or `1.3`" },
    [RP_S_TLS_MAX] = { "tls_max_version", RP_FT_TEXT, .offset = PLAN(tls_max_version),
                       .default_kind = RP_FD_OTHER, .default_text = "`1.3`",
                       .help = "newest version of TLS that is spoken" },
    [RP_S_TLS_CIPHERS] = { "tls_cipher_suites", RP_FT_TEXT, .offset = PLAN(tls_cipher_suites),
                           .default_kind = RP_FD_OTHER, .default_text = "those of OpenSSL",
                           .help =
                               "ciphers, separated by `:`, by their names in OpenSSL or of IANA" },
    [RP_S_CERT_STATUS] = { "tls_cert_status", RP_FT_FLAG, .offset = PLAN(tls_cert_status),
                           .help = "a server must bring along that its certificate is not revoked "
                                   "(OCSP stapling)" },
    [RP_S_NO_RESUMPTION] = { "no_tls_resumption", RP_FT_FLAG, .offset = PLAN(no_tls_resumption),
                             .help = "makes each TLS handshake a full one" },
    [RP_S_TLS_KEYLOG] = { "tls_keylog", RP_FT_TEXT, .offset = PLAN(tls_keylog),
                          .default_kind = RP_FD_OTHER, .default_text = "none",
                          .help =
                              "file that gets the keys of TLS connections, for reading a capture" },
    [RP_S_NO_KERNEL_TIMESTAMPS] = { "no_kernel_timestamps", RP_FT_FLAG,
                                    .offset = PLAN(no_kernel_timestamps),
                                    .help = "times answers when the generator looks at them, not "
                                            "when the kernel received them" },
    [RP_S_CONNECT_TIMEOUT] = { "connect_timeout", RP_FT_DURATION, .offset = PLAN(connect_timeout),
                               .min = 0, .max = RP_LONGEST, .default_kind = RP_FD_OTHER,
                               .default_text = "the timeout of the request",
                               .help = "how long opening a connection may take" },
    [RP_S_NO_CONNECTION_REUSE] = { "no_connection_reuse", RP_FT_FLAG,
                                   .offset = PLAN(no_connection_reuse),
                                   .help = "a new connection for each request" },
    [RP_S_NO_VU_CONNECTION_REUSE] = { "no_vu_connection_reuse", RP_FT_FLAG,
                                      .offset = PLAN(no_vu_connection_reuse),
                                      .help = "new connections in each iteration" },
    [RP_S_KEEP_COOKIES] = { "keep_cookies", RP_FT_FLAG, .offset = PLAN(keep_cookies),
                            .help = "cookies last as long as the VU, and not only the iteration" },
    [RP_S_CONNECTIONS_PER_HOST] = { "connections_per_host", RP_FT_INTEGER,
                                    .offset = PLAN(connections_per_host), .min = 1, .max = 10000,
                                    .default_value = 6,
                                    .help = "most connections of a VU to one host and port" },
    [RP_S_SHARED_CONNECTIONS] = { "shared_connections", RP_FT_INTEGER,
                                  .offset = PLAN(shared_connections), .min = 0, .max = 1000000,
                                  .default_kind = RP_FD_OTHER,
                                  .default_text = "0: each VU has connections of its own",
                                  .help = "most connections of all VUs of a worker to one host and "
                                          "port, which they share" },
    [RP_S_BATCH] = { "batch", RP_FT_INTEGER, .offset = PLAN(batch), .min = 1, .max = 10000,
                     .default_value = 20,
                     .help = "most requests of one `worker.http.batch()` that are under way at a "
                             "time" },
    [RP_S_TRACEPARENT] = { "traceparent", RP_FT_FLAG, .offset = PLAN(traceparent),
                           .help = "each request names a trace of its own (W3C Trace Context)" },
    [RP_S_MAX_CONNECTION_REQUESTS] = { "max_connection_requests", RP_FT_INTEGER,
                                       .offset = PLAN(max_connection_requests), .min = 0,
                                       .max = 1000000000, .default_kind = RP_FD_OTHER,
                                       .default_text = "0, which is no limit",
                                       .help = "most requests on one connection" },
    [RP_S_MAX_CONNECTION_AGE] = { "max_connection_age", RP_FT_DURATION,
                                  .offset = PLAN(max_connection_age), .min = 0, .max = RP_LONGEST,
                                  .default_kind = RP_FD_OTHER,
                                  .default_text = "0s, which is no limit",
                                  .help = "a connection that is older serves no further request" },
    [RP_S_HOSTS] = { "hosts", RP_FT_PAIRS, .offset = PLAN(hosts),
                     .help = "where connections go instead: `HOST[:PORT]` to `HOST[:PORT]` or "
                             "`unix:PATH`; the first HOST may be `*` or `*.example.com`" },
    [RP_S_ALLOW_IPS] = { "allow_ips", RP_FT_TEXT, .offset = PLAN(allow_ips),
                         .default_kind = RP_FD_OTHER, .default_text = "all",
                         .help = "the only addresses and networks that connections may lead to: "
                                 "`127.0.0.1,10.0.0.0/8`" },
    [RP_S_LOCAL_IPS] = { "local_ips", RP_FT_TEXT, .offset = PLAN(local_ips),
                         .default_kind = RP_FD_OTHER, .default_text = "chosen by the system",
                         .help =
                             "addresses that VUs connect from: `127.0.0.2-127.0.0.9,10.0.0.0/28`" },
    [RP_S_DNS] = { "dns", RP_FT_PAIRS, .offset = PLAN(dns),
                   .help = "how names become addresses: `ttl`, `select` and `policy`" },
    [RP_S_FAILED_EXCHANGES] = { "failed_exchanges", RP_FT_INTEGER, .offset = PLAN(failed_exchanges),
                                .min = 0, .max = 100, .default_value = 3,
                                .help = "how many failed requests of each kind are kept for the "
                                        "result, with their answers; 0 keeps none" },
    [RP_S_PROXY] = { "proxy", RP_FT_TEXT, .offset = PLAN(proxy), .default_kind = RP_FD_OTHER,
                     .default_text = "none, whatever the environment says",
                     .help =
                         "proxy that requests go through: `http://HOST:PORT`, `https://HOST:PORT`, "
                         "`socks5://HOST:PORT` or `socks5h://HOST:PORT`, with `USER:PASSWORD@` "
                         "before the host" },
    [RP_S_PROXY_AUTH] = { "proxy_auth", RP_FT_TEXT, .offset = PLAN(proxy_auth),
                          .default_kind = RP_FD_OTHER, .default_text = "that of `proxy`",
                          .help =
                              "user and password of the proxy, `USER:PASSWORD` or a pair; they are "
                              "never shown" },
    [RP_S_NO_PROXY] = { "no_proxy", RP_FT_TEXT, .offset = PLAN(no_proxy),
                        .default_kind = RP_FD_OTHER, .default_text = "none",
                        .help = "hosts that are reached without the proxy, separated by commas: "
                                "`example.com` with those below it, `10.0.0.0/8`, `*`" },
    [RP_S_HTTP_DEBUG] = { "http_debug", RP_FT_TEXT, .offset = PLAN(http_debug),
                          .default_kind = RP_FD_OTHER, .default_text = "none",
                          .help = "shows requests and answers: `headers` or, with the start of the "
                                  "bodies, `full`" },
    [RP_S_SEGMENT] = { "execution_segment", RP_FT_TEXT, .offset = PLAN(execution_segment),
                       .default_kind = RP_FD_OTHER, .default_text = "everything",
                       .help = "the part of the load that this run makes, as a part of 0 to 1: "
                               "`0:1/4`, `25%:50%`" },
    [RP_S_SEGMENT_SEQUENCE] = { "execution_segment_sequence", RP_FT_TEXT,
                                .offset = PLAN(execution_segment_sequence),
                                .default_kind = RP_FD_OTHER,
                                .default_text = "the segment and what is left on both sides",
                                .help = "the cuts between the segments of all runs that share the "
                                        "load: `0,1/4,1/2,1`" },
};

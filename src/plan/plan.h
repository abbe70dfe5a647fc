/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * plan/plan.h - a test, fully resolved: what runs, for how long, and what must hold.
 *
 * A script declares (any script host hands over one JSON text, the declaration); overrides from the
 * command line and the environment are laid over it; the result is validated completely and every
 * default filled in. The same JSON that `rampa inspect --format json` prints travels to the workers
 * and stands in the result file as `config`, with the seed of the run.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/time.h"
#include "plan/threshold.h"

enum rp_executor_kind {
    RP_CONSTANT_VUS,
    RP_RAMPING_VUS,
    RP_SHARED_ITERATIONS,
    RP_PER_VU_ITERATIONS,
    RP_CONSTANT_ARRIVAL_RATE,
    RP_RAMPING_ARRIVAL_RATE,
    RP_EXECUTOR_KIND_COUNT
};

/* What other rooms ask of a kind of executor. Code that asks for one of these properties works with
 * a further kind too. */
struct rp_executor_kind_info {
    const char *name; /* "constant-vus" */
    const char *help; /* what it does, for the docs */
    /* The schedule says when each iteration is due, however long others take, and a VU has to be
     * found for it. Else a VU that is free begins its next iteration at once. */
    bool has_arrivals;
    /* The load follows the scenario's stages: their targets are rates when it has_arrivals, else
     * numbers of VUs. */
    bool has_stages;
    /* It runs a number of iterations, within max_duration. */
    bool has_iterations;
    /* All VUs together run that number of iterations. Else each VU runs so many. */
    bool shares_iterations;
};
/* plan/executors.c; which fields of a scenario a kind takes stands in plan/fields.c. */
extern const struct rp_executor_kind_info rp_executor_kinds[RP_EXECUTOR_KIND_COUNT];
/* The name of a kind; "unknown" for a number that is no kind. */
const char *rp_executor_kind_name(enum rp_executor_kind kind);

enum rp_arrival { RP_ARRIVAL_UNIFORM, RP_ARRIVAL_POISSON }; /* names "uniform", "poisson" */

struct rp_pair {
    char *key, *value;
};

struct rp_pairs {
    struct rp_pair *items;
    size_t count;
};

struct rp_stage {
    rp_ns duration;
    int64_t target;
};

struct rp_scenario {
    char *name;
    char *file; /* where it was declared; NULL when unknown */
    int line;
    enum rp_executor_kind executor;
    char *exec_fn;
    int64_t vus, start_vus, iterations;
    rp_ns duration, max_duration, start_time, graceful_stop, graceful_ramp_down;
    struct rp_stage *stages;
    size_t stage_count;
    double rate;
    rp_ns time_unit;
    enum rp_arrival arrival; /* of the arrival executors */
    int64_t pre_allocated_vus, max_vus;
    struct rp_pairs tags, env;
};

struct rp_custom_metric {
    char *name;
    enum rp_metric_type type;
    bool is_guess; /* from the text of the script; nothing is refused because of it */
};

enum { RP_SERIES_MEMORY = 64, RP_SERIES_MEMORY_MAX = 1 << 20 }; /* MiB */

struct rp_plan {
    char *script; /* as given by the user */
    struct rp_scenario *scenarios;
    size_t scenario_count;
    struct rp_threshold *thresholds;
    size_t threshold_count;
    struct rp_custom_metric *metrics; /* the script's own, as far as known before the run */
    size_t metric_count;
    struct rp_pairs tags; /* of the whole run */
    struct rp_pairs env;  /* --env, over the environment */
    rp_ns setup_timeout, teardown_timeout;
    bool has_setup, has_teardown;
    uint64_t seed;      /* of everything random in the run, at most 2^53-1 */
    bool seed_is_given; /* false: this plan's resolution has chosen it by chance */
    /* The times of answers are those at which the generator looks, not the kernel's. */
    bool no_kernel_timestamps;
    bool no_spin;   /* waits for arrivals without spinning over the last microseconds */
    bool once;      /* each scenario is one iteration, and each request is shown */
    char *base_url; /* goes before URLs that begin with '/'; NULL = there is none */
    char *http2;    /* "always" or "never"; NULL = where TLS agrees on it */
    /* Of https (net/tls.h); a text is NULL when nobody has given it. */
    bool insecure_skip_tls_verify, no_tls_resumption, tls_cert_status;
    char *tls_ca, *tls_cert, *tls_key; /* files */
    char *tls_min_version, *tls_max_version;
    char *tls_cipher_suites;
    char *tls_keylog; /* a file */
    /* How clients open connections and keep them. */
    rp_ns connect_timeout;        /* 0 = that of the request */
    bool no_connection_reuse;     /* a connection serves one request */
    bool no_vu_connection_reuse;  /* a connection serves one iteration */
    bool keep_cookies;            /* they last as long as the VU */
    char *http_debug;             /* "headers" or "full": requests are shown; NULL = they are not */
    int64_t failed_exchanges;     /* of each kind, how many are kept for the result */
    int64_t connections_per_host; /* of a VU */
    int64_t shared_connections;   /* of all VUs of a worker, in its place; 0 = they share none */
    bool traceparent;             /* requests name a trace of their own */
    int64_t batch;                /* most requests of a batch that are under way at a time */
    int64_t max_connection_requests;  /* 0 = no limit */
    rp_ns max_connection_age;         /* 0 = no limit */
    struct rp_pairs hosts;            /* plan/hosts.h */
    char *allow_ips;                  /* net/networks.h; NULL = all */
    char *local_ips;                  /* net/local_ips.h; NULL = none is chosen */
    char *proxy;                      /* without user and password; NULL = none */
    char *proxy_auth;                 /* its USER:PASSWORD as in a URL; never shown; NULL = none */
    char *no_proxy;                   /* hosts, separated by commas; NULL = none */
    struct rp_pairs dns;              /* plan/dns.h */
    char *execution_segment;          /* this run's part (plan/execution_segment.h); NULL = all */
    char *execution_segment_sequence; /* those of all runs that share the plan; NULL = not said */
    int64_t workers;                  /* processes that share the run's part, at least 1 */
    int64_t series_memory;       /* MiB that the histograms of series may take in each worker */
    struct rp_stat *trend_stats; /* what the summary shows of trends */
    size_t trend_stat_count;
    /* What does nothing, or not what it says, in the order of the declaration: whole sentences with
     * their place, for people. Not in the JSON. */
    char **warnings;
    size_t warning_count;
};

/* What the command line or RAMPA_* asks for; zeroed = nothing. Strings are borrowed.
 * rp_plan_resolve() parses them and names @origin ("--duration", "RAMPA_DURATION") in its
 * errors. */
struct rp_override {
    const char *value; /* NULL = not given */
    const char *origin;
};
struct rp_host_option {
    int kind; /* enum rp_host_option_kind, plan/hosts.h */
    const char *value, *origin;
};
struct rp_overrides {
    struct rp_override vus, duration, iterations, rate, max_vus, seed;
    struct rp_override workers; /* a number or "auto"; 1 when not given */
    struct rp_override execution_segment, execution_segment_sequence;
    struct rp_override series_memory; /* MiB; RP_SERIES_MEMORY when not given */
    int64_t cores;                    /* what "auto" may use; 0 = 1 */
    struct rp_override *stages;       /* laid end to end; each may have several: "30s:10,1m:0" */
    size_t stage_count;
    bool no_spin;
    bool no_kernel_timestamps; /* false: as the script says */
    const char *http2;         /* "always" or "never"; NULL = as the script says */
    bool once; /* one iteration of each scenario, in one worker; the options of a load do nothing */
    bool no_setup, no_teardown;
    bool no_thresholds; /* those of the script; the following ones are judged all the same */
    const struct rp_override *thresholds; /* "METRIC:EXPRESSION" */
    size_t threshold_count;
    struct rp_override base_url;
    bool insecure, no_tls_resumption, tls_cert_status;
    struct rp_override tls_ca, tls_cert, tls_key, tls_min, tls_max, tls_ciphers, tls_keylog;
    struct rp_override connect_timeout, connections_per_host, shared_connections, failed_exchanges,
        http_debug;
    const struct rp_host_option *host_options; /* over the hosts of the script */
    size_t host_option_count;
    struct rp_override allow_ips, local_ips, proxy, no_proxy;
    struct rp_override dns; /* over the settings of the script, one by one */
    bool traceparent;
    bool no_connection_reuse, no_vu_connection_reuse; /* also when the script says nothing of it */
    struct rp_override trend_stats;     /* what the summary shows of trends: "avg,p(99)" */
    struct rp_override *scenario_names; /* only these run */
    size_t scenario_name_count;
    const struct rp_pair *tags, *env;
    size_t tag_count, env_count;
};

/*
 * Declaration JSON (what a script host sends), every field optional but "script":
 * {
 *   "script": "load.py",
 *   "functions": [{"name": "browse", "file": "load.py", "line": 12}],
 *   "decorated": [{"name": "browse", "exec_fn": "browse", "file": "load.py", "line": 11,
 *                  "fields": {...}}],
 *   "config": {"file": "load.py", "line": 3, "scenarios": {"browse": {...}}, "options": {...},
 *              "thresholds": {"m": ["p(95)<500", {"threshold": "..", "abort_on_fail": true,
 *                                                 "delay_abort_eval": "10s"}]},
 *              "places": {"scenarios": {"browse": ["load.py", 4]}, "options": ["load.py", 9],
 *                         "thresholds": {"m": ["load.py", 6]}}},
 *   "metrics": [{"name": "cart_size", "type": "trend"}],
 *   "dynamic_metrics": false,
 *   "has_setup": true, "has_teardown": false,
 *   "mistakes": [{"text": "...", "hint": "...", "file": "load.py", "line": 7}],
 *   "warnings": [{"text": "...", "file": "load.py", "line": 8}]
 * }
 * "functions" are the async functions that exec_fn may name. "metrics" has the literal names that
 * stand in worker.trend(..) and the like; "dynamic_metrics" is true when a call names its metric at
 * run time. "mistakes" and "warnings" are what the script host has found itself; "places" says where
 * single entries of the config stand.
 *
 * Field values: numbers, strings, lists and objects as in the script; a duration is a string with
 * units or a number of seconds; a number may be text. A null field is as if absent. A field that
 * belongs to another executor does nothing, which is a warning unless its value is the default;
 * "vus" of ramping-vus means start_vus, "duration" of an executor of iterations max_duration.
 *
 * A threshold's metric must be built in (plan/metrics.h), or in "metrics", or in config.metrics
 * ({"name": "trend"}), or "dynamic_metrics" is true; else it is an error that suggests the nearest
 * name and says how to declare one.
 *
 * Rules: scenarios come from "decorated" and from config.scenarios; a decorated function named in
 * config.scenarios takes its settings from there. Options' shortcuts (vus, duration, iterations,
 * stages) as in k6, an error beside a scenario with fields in config.scenarios, and a warning beside
 * a decorated one. Overrides: see docs/scenarios.md. An override that one scenario can take does
 * nothing, with a warning, in those that cannot; it is an error when none can. Thresholds with the
 * tag of a scenario that an override leaves out are left out too, with a warning.
 *
 * Everything is checked, and all mistakes are reported at once (struct rp_error, next), each with
 * file, line, scenario and field, what was expected, and "did you mean".
 */
RP_NODISCARD int rp_plan_resolve(const char *declaration_json, const struct rp_overrides *overrides,
                                 struct rp_plan **ret, struct rp_error *err);
/* A shallow copy for people: where the plan has the user and password of a proxy, it has "***". */
struct rp_plan rp_plan_public(const struct rp_plan *plan);
/* The resolved plan as JSON (durations as strings, "30s"; fields of other executors left out) and
 * back: reading what was written gives an equal plan. */
RP_NODISCARD int rp_plan_write_json(const struct rp_plan *plan, struct rp_buf *out);
RP_NODISCARD int rp_plan_read_json(const char *json, struct rp_plan **ret, struct rp_error *err);
/* `inspect --format json`: the same without a seed that was chosen by chance, which would be
 * another one each time. Every scenario has vus, duration, iterations, rate and stages, null when
 * its executor has no such field. */
RP_NODISCARD int rp_plan_write_inspection(const struct rp_plan *plan, struct rp_buf *out);
/* `inspect --format text`: aligned and grouped, with every default, and without a seed that was
 * chosen by chance. */
void rp_plan_write_text(const struct rp_plan *plan, struct rp_buf *out);
void rp_plan_free(struct rp_plan *plan);

enum { RP_WORKERS_MAX = 1024 };
/* How many of @cores processes the run's part of the plan is worth: one for each 32 VUs, or for each
 * 2,000 iterations a second, that it can have at the same time. */
int64_t rp_plan_auto_workers(const struct rp_plan *plan, int64_t cores);

/* The largest number of VUs that can run at once: scenarios whose times do not meet are not added
 * up. */
int64_t rp_plan_max_vus(const struct rp_plan *plan);
/* The largest number of VUs that the scenario can have. */
int64_t rp_scenario_max_vus(const struct rp_scenario *scenario);
/* How long the scenario starts iterations, counted from its start_time: duration, the stages' sum,
 * or max_duration. */
rp_ns rp_scenario_regular(const struct rp_scenario *scenario);
/* The highest rate that the scenario asks for, in iterations per second; 0 when it has no
 * arrivals. */
double rp_scenario_highest_rate(const struct rp_scenario *scenario);
/* Regular time + graceful stop, counted from the scenario's start_time (which is not in it). */
rp_ns rp_scenario_longest(const struct rp_scenario *scenario);
/* The latest time, counted from the start of the executors, at which a scenario can still run. */
rp_ns rp_plan_longest(const struct rp_plan *plan);

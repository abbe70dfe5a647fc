/* SPDX-License-Identifier: MIT */
/* Stands in for the commands on scripts: prints what it was given, one fact a line, and ends with code 40 and more. */
#include <stdio.h>

#include "app/run.h"

static void print_override(const char *name, struct rp_override override)
{
    if (override.value)
        printf("%s=%s from %s\n", name, override.value, override.origin);
}

static void print_options(const char *command, const struct rp_run_options *options)
{
    const struct rp_overrides *overrides = &options->overrides;

    printf("command=%s\nscript=%s\npython=%s\n", command, options->script, options->python);
    print_override("vus", overrides->vus);
    print_override("duration", overrides->duration);
    print_override("iterations", overrides->iterations);
    for (size_t i = 0; i < overrides->stage_count; i++)
        print_override("stage", overrides->stages[i]);
    print_override("rate", overrides->rate);
    print_override("max_vus", overrides->max_vus);
    print_override("seed", overrides->seed);
    for (size_t i = 0; i < overrides->scenario_name_count; i++)
        print_override("scenario", overrides->scenario_names[i]);
    for (size_t i = 0; i < overrides->tag_count; i++)
        printf("tag %s is %s\n", overrides->tags[i].key, overrides->tags[i].value);
    for (size_t i = 0; i < overrides->env_count; i++)
        printf("env %s is %s\n", overrides->env[i].key, overrides->env[i].value);
    if (options->out)
        printf("out=%s\n", options->out);
    if (options->event_log)
        printf("event_log=%s\n", options->event_log);

    print_override("series_memory", overrides->series_memory);
    if (overrides->no_spin)
        printf("no_spin\n");
    if (overrides->no_kernel_timestamps)
        printf("no_kernel_timestamps\n");
    for (size_t i = 0; i < overrides->threshold_count; i++)
        print_override("threshold", overrides->thresholds[i]);
    print_override("base_url", overrides->base_url);
    if (overrides->http2)
        printf("http2=%s\n", overrides->http2);
    print_override("tls_ca", overrides->tls_ca);
    print_override("tls_cert", overrides->tls_cert);
    print_override("tls_key", overrides->tls_key);
    print_override("tls_min", overrides->tls_min);
    print_override("tls_max", overrides->tls_max);
    print_override("tls_ciphers", overrides->tls_ciphers);
    print_override("tls_keylog", overrides->tls_keylog);
    if (overrides->tls_cert_status)
        printf("tls_cert_status\n");
    if (overrides->insecure || overrides->no_tls_resumption)
        printf("insecure=%d no_tls_resumption=%d\n", overrides->insecure,
               overrides->no_tls_resumption);
    print_override("connect_timeout", overrides->connect_timeout);
    print_override("connections_per_host", overrides->connections_per_host);
    print_override("shared_connections", overrides->shared_connections);
    print_override("failed_exchanges", overrides->failed_exchanges);
    print_override("http_debug", overrides->http_debug);
    for (size_t i = 0; i < overrides->host_option_count; i++)
        printf("host option %d=%s\n", overrides->host_options[i].kind,
               overrides->host_options[i].value);
    print_override("allow_ips", overrides->allow_ips);
    print_override("local_ips", overrides->local_ips);
    print_override("execution_segment", overrides->execution_segment);
    print_override("execution_segment_sequence", overrides->execution_segment_sequence);
    print_override("dns", overrides->dns);
    if (overrides->traceparent)
        printf("traceparent\n");
    print_override("proxy", overrides->proxy);
    print_override("no_proxy", overrides->no_proxy);
    if (overrides->no_connection_reuse || overrides->no_vu_connection_reuse)
        printf("no_connection_reuse=%d no_vu_connection_reuse=%d\n", overrides->no_connection_reuse,
               overrides->no_vu_connection_reuse);
    if (overrides->once || overrides->no_setup || overrides->no_teardown ||
        overrides->no_thresholds)
        printf("once=%d no_setup=%d no_teardown=%d no_thresholds=%d\n", overrides->once,
               overrides->no_setup, overrides->no_teardown, overrides->no_thresholds);
    if (options->overrides.trend_stats.value)
        printf("trend_stats=%s\n", options->overrides.trend_stats.value);
    if (options->histogram)
        printf("histogram\n");
    printf("strict=%d quiet=%d progress=%d color=%d error_color=%d width=%u\n", options->strict,
           options->quiet, options->progress, options->color, options->error_color, options->width);
}

int rp_cmd_run(const struct rp_run_options *options)
{
    print_options("run", options);
    return 40;
}

int rp_cmd_worker(void)
{
    printf("command=worker\n");
    return 43;
}

int rp_cmd_check(const struct rp_run_options *options)
{
    print_options("check", options);
    return 41;
}

int rp_cmd_inspect(const struct rp_run_options *options, enum rp_format format)
{
    print_options("inspect", options);
    printf("format=%s\n", format == RP_FORMAT_JSON ? "json" : "text");
    return 42;
}

int rp_cmd_archive(const struct rp_run_options *options)
{
    print_options("archive", options);
    printf("archive=%s\n", options->archive ? options->archive : "-");
    for (size_t i = 0; i < options->included_count; i++)
        printf("include=%s\n", options->included[i].value);
    return 44;
}

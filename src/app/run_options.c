/* SPDX-License-Identifier: MIT */
#include "app/run_options.h"

#include <errno.h>
#include <string.h>

#include "app/python_find.h"
#include "base/sysfile.h"
#include "app/term.h"
#include "base/alloc.h"
#include "plan/hosts.h"

static size_t count_uses(const struct rp_cli *cli, enum rp_option_id id)
{
    size_t count = 0;

    for (size_t i = 0; i < cli->given_count; i++)
        count += cli->given[i].option == &rp_options[id];
    return count;
}

/* Every use of a repeatable option. */
static int fill_uses(const struct rp_cli *cli, enum rp_option_id id, struct rp_override **ret,
                     size_t *ret_count)
{
    size_t count = count_uses(cli, id);

    if (!count)
        return 0;
    *ret = rp_calloc(count, sizeof(**ret));
    if (!*ret)
        return -ENOMEM;
    for (size_t i = 0; i < cli->given_count; i++)
        if (cli->given[i].option == &rp_options[id])
            (*ret)[(*ret_count)++] = (struct rp_override){ cli->given[i].value,
                                                           cli->given[i].origin };
    return 0;
}

static int fill_hosts(struct rp_run_request *request, const struct rp_cli *cli)
{
    static const struct {
        enum rp_option_id id;
        enum rp_host_option_kind kind;
    } rows[] = { { RP_OPT_RESOLVE, RP_HOST_RESOLVE },
                 { RP_OPT_CONNECT_TO, RP_HOST_CONNECT_TO },
                 { RP_OPT_UNIX_SOCKET, RP_HOST_UNIX } };
    struct rp_overrides *overrides = &request->options.overrides;
    size_t count = 0;

    for (size_t i = 0; i < RP_ARRAY_LEN(rows); i++)
        count += count_uses(cli, rows[i].id);
    if (!count)
        return 0;
    request->hosts = rp_calloc(count, sizeof(*request->hosts));
    if (!request->hosts)
        return -ENOMEM;
    for (size_t i = 0; i < cli->given_count; i++)
        for (size_t k = 0; k < RP_ARRAY_LEN(rows); k++)
            if (cli->given[i].option == &rp_options[rows[k].id])
                request->hosts[overrides->host_option_count++] = (struct rp_host_option){
                    rows[k].kind, cli->given[i].value, cli->given[i].origin
                };
    overrides->host_options = request->hosts;
    return 0;
}

static int fill_lists(struct rp_run_request *request, const struct rp_cli *cli)
{
    struct rp_overrides *overrides = &request->options.overrides;
    int r = fill_uses(cli, RP_OPT_SCENARIO, &request->scenarios, &overrides->scenario_name_count);

    if (r == 0)
        r = fill_uses(cli, RP_OPT_STAGE, &request->stages, &overrides->stage_count);
    if (r == 0)
        r = fill_uses(cli, RP_OPT_THRESHOLD, &request->thresholds, &overrides->threshold_count);
    if (r == 0)
        r = fill_hosts(request, cli);
    if (r == 0)
        r = fill_uses(cli, RP_OPT_OUTPUT, &request->outputs, &request->options.output_count);
    if (r == 0)
        r = fill_uses(cli, RP_OPT_OUTPUT_OPTION, &request->output_options,
                      &request->options.output_option_count);
    if (r == 0)
        r = fill_uses(cli, RP_OPT_INCLUDE, &request->included, &request->options.included_count);
    request->options.serve = rp_cli_value(cli, RP_OPT_SERVE).value;
    request->options.serve_cert = rp_cli_value(cli, RP_OPT_SERVE_CERT);
    request->options.serve_key = rp_cli_value(cli, RP_OPT_SERVE_KEY);
    request->options.archive = rp_cli_value(cli, RP_OPT_ARCHIVE).value;
    request->options.included = request->included;
    request->options.outputs = request->outputs;
    request->options.output_options = request->output_options;
    overrides->thresholds = request->thresholds;
    overrides->scenario_names = request->scenarios;
    overrides->stages = request->stages;
    return r;
}

/* Splits the texts of an option at their first '='; the parser has seen that there is one. */
static int add_pairs(struct rp_run_request *request, const struct rp_cli *cli, enum rp_option_id id)
{
    for (size_t i = 0; i < cli->given_count; i++) {
        struct rp_pair *pair = &request->pairs[request->pair_count];
        const char *text = cli->given[i].value, *equals = strchr(text, '=');

        if (cli->given[i].option != &rp_options[id])
            continue;
        rp_assert(equals);
        pair->key = rp_strndup(text, (size_t)(equals - text));
        pair->value = rp_strdup(equals + 1);
        request->pair_count++;
        if (!pair->key || !pair->value)
            return -ENOMEM;
    }
    return 0;
}

static int fill_pairs(struct rp_run_request *request, const struct rp_cli *cli)
{
    struct rp_overrides *overrides = &request->options.overrides;
    size_t count;
    int r;

    overrides->tag_count = count_uses(cli, RP_OPT_TAG);
    overrides->env_count = count_uses(cli, RP_OPT_ENV);
    count = overrides->tag_count + overrides->env_count;
    if (!count)
        return 0;
    request->pairs = rp_calloc(count, sizeof(*request->pairs));
    if (!request->pairs)
        return -ENOMEM;
    r = add_pairs(request, cli, RP_OPT_TAG);
    if (r < 0)
        return r;
    overrides->tags = request->pairs;
    overrides->env = request->pairs + overrides->tag_count;
    return add_pairs(request, cli, RP_OPT_ENV);
}

static bool is_continue(const char *policy)
{
    return policy && strcmp(policy, "continue") == 0;
}

static struct rp_overrides overrides_of(const struct rp_cli *cli)
{
    return (struct rp_overrides){
        .vus = rp_cli_value(cli, RP_OPT_VUS),
        .duration = rp_cli_value(cli, RP_OPT_DURATION),
        .iterations = rp_cli_value(cli, RP_OPT_ITERATIONS),
        .rate = rp_cli_value(cli, RP_OPT_RATE),
        .max_vus = rp_cli_value(cli, RP_OPT_MAX_VUS),
        .seed = rp_cli_value(cli, RP_OPT_SEED),
        .no_spin = cli->flags[RP_OPT_NO_SPIN],
        .no_kernel_timestamps = cli->flags[RP_OPT_NO_KERNEL_TIMESTAMPS],
        .series_memory = rp_cli_value(cli, RP_OPT_SERIES_MEMORY),
        .workers = rp_cli_value(cli, RP_OPT_WORKERS),
        .execution_segment = rp_cli_value(cli, RP_OPT_SEGMENT),
        .execution_segment_sequence = rp_cli_value(cli, RP_OPT_SEGMENT_SEQUENCE),
        .cores = rp_usable_cores(""),
        .trend_stats = rp_cli_value(cli, RP_OPT_TREND_STATS),
        .base_url = rp_cli_value(cli, RP_OPT_BASE_URL),
        .http2 = cli->flags[RP_OPT_NO_HTTP2] ? "never"
                 : cli->flags[RP_OPT_HTTP2]  ? "always"
                                             : NULL,
        .insecure = cli->flags[RP_OPT_INSECURE],
        .no_tls_resumption = cli->flags[RP_OPT_NO_TLS_RESUMPTION],
        .tls_cert_status = cli->flags[RP_OPT_CERT_STATUS],
        .tls_ca = rp_cli_value(cli, RP_OPT_CACERT),
        .tls_cert = rp_cli_value(cli, RP_OPT_CERT),
        .tls_key = rp_cli_value(cli, RP_OPT_KEY),
        .tls_min = rp_cli_value(cli, RP_OPT_TLS_MIN),
        .tls_max = rp_cli_value(cli, RP_OPT_TLS_MAX),
        .tls_ciphers = rp_cli_value(cli, RP_OPT_CIPHERS),
        .tls_keylog = rp_cli_value(cli, RP_OPT_TLS_KEYLOG),
        .connect_timeout = rp_cli_value(cli, RP_OPT_CONNECT_TIMEOUT),
        .connections_per_host = rp_cli_value(cli, RP_OPT_CONNECTIONS_PER_HOST),
        .shared_connections = rp_cli_value(cli, RP_OPT_SHARED_CONNECTIONS),
        .http_debug = rp_cli_value(cli, RP_OPT_HTTP_DEBUG),
        .failed_exchanges = rp_cli_value(cli, RP_OPT_FAILED_EXCHANGES),
        .allow_ips = rp_cli_value(cli, RP_OPT_ALLOW_IPS),
        .local_ips = rp_cli_value(cli, RP_OPT_LOCAL_IPS),
        .dns = rp_cli_value(cli, RP_OPT_DNS),
        .traceparent = cli->flags[RP_OPT_TRACEPARENT],
        .proxy = rp_cli_value(cli, RP_OPT_PROXY),
        .no_proxy = rp_cli_value(cli, RP_OPT_NO_PROXY),
        .no_connection_reuse = cli->flags[RP_OPT_NO_REUSE],
        .no_vu_connection_reuse = cli->flags[RP_OPT_NO_VU_REUSE],
        .once = cli->flags[RP_OPT_ONCE],
        .no_setup = cli->flags[RP_OPT_NO_SETUP],
        .no_teardown = cli->flags[RP_OPT_NO_TEARDOWN],
        .no_thresholds = cli->flags[RP_OPT_NO_THRESHOLDS],
    };
}

int rp_run_request_init(struct rp_run_request *ret, const struct rp_cli *cli)
{
    bool no_color = cli->flags[RP_OPT_NO_COLOR];
    int r;

    *ret = (struct rp_run_request){
        .options = {
            .script = cli->arguments[0],
            .overrides = overrides_of(cli),
            .out = rp_cli_value(cli, RP_OPT_OUT).value,
            .event_log = rp_cli_value(cli, RP_OPT_EVENT_LOG).value,
            .histogram = cli->flags[RP_OPT_HISTOGRAM],
            .strict = cli->flags[RP_OPT_STRICT],
            .quiet = cli->flags[RP_OPT_QUIET],
            .progress = cli->flags[RP_OPT_PROGRESS],
            .tui = cli->flags[RP_OPT_TUI],
            .color = rp_term_color(stdout, no_color),
            .error_color = rp_term_color(stderr, no_color),
            .width = rp_term_width(stdout),
            .bears_losses = is_continue(rp_cli_value(cli, RP_OPT_WORKER_LOSS).value),
        },
    };
    r = rp_python_find(rp_cli_value(cli, RP_OPT_PYTHON).value, &ret->python);
    if (r >= 0)
        r = fill_lists(ret, cli);
    if (r >= 0)
        r = fill_pairs(ret, cli);
    if (r < 0) {
        rp_run_request_deinit(ret);
        return r;
    }
    ret->options.python = ret->python;
    return 0;
}

void rp_run_request_deinit(struct rp_run_request *request)
{
    for (size_t i = 0; i < request->pair_count; i++) {
        rp_free(request->pairs[i].key);
        rp_free(request->pairs[i].value);
    }
    rp_free(request->pairs);
    rp_free(request->scenarios);
    rp_free(request->stages);
    rp_free(request->hosts);
    rp_free(request->outputs);
    rp_free(request->output_options);
    rp_free(request->included);
    rp_free(request->thresholds);
    rp_free(request->python);
    *request = (struct rp_run_request){ 0 };
}

/* SPDX-License-Identifier: MIT */

/* What options of the command line say of the settings of a run: its memory, its connections. */

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "plan/dns.h"
#include "plan/execution_segment.h"
#include "plan/hosts.h"
#include "plan/plan_internal.h"
#include "plan/proxy.h"

int rp_overrides_apply_memory(const struct rp_overrides *overrides, struct rp_plan *plan,
                              struct rp_error *err)
{
    const struct rp_override *given = &overrides->series_memory;

    plan->series_memory = RP_SERIES_MEMORY;
    if (!given->value || (rp_parse_i64(rp_slice_str(given->value), &plan->series_memory) &&
                          plan->series_memory >= 1 && plan->series_memory <= RP_SERIES_MEMORY_MAX))
        return 0;
    return rp_error_set(err, -RP_EUSER, "%s must be a number of MiB from 1 to %d, not '%s'",
                        given->origin, RP_SERIES_MEMORY_MAX, given->value);
}

static int apply(const struct rp_override *given, enum rp_setting_id id, struct rp_plan *plan,
                 struct rp_error *err)
{
    if (!given->value)
        return 0;
    return rp_error_keep(
        err, rp_field_parse_text(&rp_plan_settings[id], plan, given->value, given->origin, err));
}

/* Moves user and password out of the text of the proxy, which is shown and stored. */
static int move_user(struct rp_plan *plan, const struct rp_proxy_text *proxy)
{
    char *user = plan->proxy + (proxy->user.ptr - plan->proxy);

    if (proxy->user.len) {
        rp_free(plan->proxy_auth);
        plan->proxy_auth = rp_strndup(user, proxy->user.len);
        if (!plan->proxy_auth)
            return -ENOMEM;
    }
    memmove(user, user + proxy->user.len + 1, strlen(user + proxy->user.len + 1) + 1);
    return 0;
}

static int fail_proxy_auth(struct rp_error *err)
{
    rp_error_set(err, -RP_EUSER, "proxy_auth: there is no proxy that it is for");
    rp_error_hint(err, "give proxy too (--proxy URL)");
    return -RP_EUSER;
}

/* A proxy of the command line stands in place of that of the script, whose user and password it must not
 * learn. An empty text is no proxy. */
static int apply_proxy(const struct rp_override *given, struct rp_plan *plan, struct rp_error *err)
{
    struct rp_proxy_text proxy;
    int r = 0;

    if (given->value) {
        rp_free(plan->proxy);
        rp_free(plan->proxy_auth);
        plan->proxy = plan->proxy_auth = NULL;
    }
    if (given->value && *given->value)
        r = apply(given, RP_S_PROXY, plan, err);
    if (r == 0 && plan->proxy)
        r = rp_proxy_parse(rp_slice_str(plan->proxy), &proxy, err);
    else if (r == 0 && plan->proxy_auth)
        r = fail_proxy_auth(err);
    if (r == 0 && plan->proxy && proxy.user.ptr)
        r = move_user(plan, &proxy);
    if (r == 0)
        r = rp_no_proxy_check(plan->no_proxy, err);
    return rp_error_keep(err, r);
}

static int apply_hosts(const struct rp_overrides *overrides, struct rp_plan *plan,
                       struct rp_error *err)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < plan->hosts.count; i++)
        r = rp_error_keep(err, rp_host_rule_parse(plan->hosts.items[i].key,
                                                  plan->hosts.items[i].value, NULL, err));
    for (size_t i = 0; r == 0 && i < overrides->host_option_count; i++) {
        const struct rp_host_option *option = &overrides->host_options[i];

        r = rp_host_option_add((enum rp_host_option_kind)option->kind, option->value, &plan->hosts,
                               err);
        if (r == -RP_EUSER)
            rp_error_prefix(err, r, option->origin);
        r = rp_error_keep(err, r);
    }
    return r;
}

static int apply_dns(const struct rp_override *given, struct rp_plan *plan, struct rp_error *err)
{
    int r = rp_error_keep(err, rp_dns_settings_parse(&plan->dns, NULL, err));

    if (r < 0 || !given->value)
        return r;
    r = rp_dns_option_add(given->value, &plan->dns, err);
    if (r == -RP_EUSER)
        rp_error_prefix(err, r, given->origin);
    return rp_error_keep(err, r);
}

static int apply_http_debug(const struct rp_overrides *overrides, struct rp_plan *plan,
                            struct rp_error *err)
{
    int r = apply(&overrides->http_debug, RP_S_HTTP_DEBUG, plan, err);

    if (r < 0 || !plan->http_debug || strcmp(plan->http_debug, "headers") == 0 ||
        strcmp(plan->http_debug, "full") == 0)
        return r;
    rp_error_set(err, -RP_EUSER, "http_debug must be \"headers\" or \"full\", not '%.64s'",
                 plan->http_debug);
    return rp_error_keep(err, -RP_EUSER);
}

/* A shared connection belongs to no VU. */
static int check_shared(struct rp_plan *plan, struct rp_error *err)
{
    const struct rp_where where = { .kind = "options" };

    if (!plan->shared_connections)
        return 0;
    if (plan->no_vu_connection_reuse) {
        rp_error_set(err, -RP_EUSER,
                     "shared_connections cannot stand beside no_vu_connection_reuse");
        rp_error_hint(err, "connections that VUs share do not end with an iteration: leave one of "
                           "the two out, or use no_connection_reuse");
        return rp_error_keep(err, -RP_EUSER);
    }
    if (plan->connections_per_host == rp_plan_settings[RP_S_CONNECTIONS_PER_HOST].default_value)
        return 0;
    return rp_plan_warn(plan, &where,
                        "connections_per_host does nothing beside "
                        "shared_connections, which is the limit then");
}

int rp_overrides_apply_connections(const struct rp_overrides *overrides, struct rp_plan *plan,
                                   struct rp_error *err)
{
    int r = apply(&overrides->connect_timeout, RP_S_CONNECT_TIMEOUT, plan, err);

    if (r == 0)
        r = apply(&overrides->connections_per_host, RP_S_CONNECTIONS_PER_HOST, plan, err);
    if (r == 0)
        r = apply(&overrides->shared_connections, RP_S_SHARED_CONNECTIONS, plan, err);
    if (r == 0)
        r = apply(&overrides->allow_ips, RP_S_ALLOW_IPS, plan, err);
    if (r == 0)
        r = apply(&overrides->local_ips, RP_S_LOCAL_IPS, plan, err);
    if (r == 0)
        r = apply(&overrides->failed_exchanges, RP_S_FAILED_EXCHANGES, plan, err);
    if (r == 0)
        r = apply(&overrides->no_proxy, RP_S_NO_PROXY, plan, err);
    if (r == 0)
        r = apply_proxy(&overrides->proxy, plan, err);
    if (r == 0)
        r = apply_http_debug(overrides, plan, err);
    if (r == 0)
        r = apply_hosts(overrides, plan, err);
    if (r == 0)
        r = apply_dns(&overrides->dns, plan, err);
    plan->traceparent |= overrides->traceparent;
    plan->no_connection_reuse |= overrides->no_connection_reuse;
    plan->no_vu_connection_reuse |= overrides->no_vu_connection_reuse;
    return r < 0 ? r : check_shared(plan, err);
}

/* A segment of the command line is none of a sequence that the script names for other runs. */
static void forget_sequence(const struct rp_overrides *overrides, struct rp_plan *plan)
{
    if (overrides->execution_segment.value && !overrides->execution_segment_sequence.value)
        rp_field_clear(&rp_plan_settings[RP_S_SEGMENT_SEQUENCE], plan);
}

/* Random arrivals are those of one run only when all runs draw the same numbers. */
static int warn_of_seed(const struct rp_overrides *overrides, struct rp_plan *plan)
{
    static const struct rp_where nowhere = { NULL, 0, NULL, NULL };

    for (size_t i = 0; i < plan->scenario_count; i++) {
        const struct rp_scenario *scenario = &plan->scenarios[i];

        if (rp_executor_kinds[scenario->executor].has_arrivals &&
            scenario->arrival == RP_ARRIVAL_POISSON && !plan->seed_is_given &&
            !overrides->seed.value)
            return rp_plan_warn(plan, &nowhere,
                                "scenario '%s' has random arrivals, and each run of the segment "
                                "sequence chooses its own: give all of them the same --seed",
                                scenario->name);
    }
    return 0;
}

int rp_overrides_apply_segment(const struct rp_overrides *overrides, struct rp_plan *plan,
                               struct rp_error *err)
{
    struct rp_segment_sequence sequence = { 0 };
    size_t index = 0;
    int r;

    if (overrides->once) { /* it is no load that could be shared */
        rp_field_clear(&rp_plan_settings[RP_S_SEGMENT], plan);
        rp_field_clear(&rp_plan_settings[RP_S_SEGMENT_SEQUENCE], plan);
        return 0;
    }
    forget_sequence(overrides, plan);
    r = apply(&overrides->execution_segment, RP_S_SEGMENT, plan, err);
    if (r == 0)
        r = apply(&overrides->execution_segment_sequence, RP_S_SEGMENT_SEQUENCE, plan, err);
    if (r == 0)
        r = rp_plan_segments(plan, &sequence, &index, err);
    if (r == 0 && sequence.count)
        r = warn_of_seed(overrides, plan);
    rp_segment_sequence_deinit(&sequence);
    return rp_error_keep(err, r);
}

/* SPDX-License-Identifier: MIT */

/* What options of the command line say of the settings of a run: its memory, its connections. */

#include "base/str.h"
#include "plan/dns.h"
#include "plan/hosts.h"
#include "plan/plan_internal.h"

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

int rp_overrides_apply_connections(const struct rp_overrides *overrides, struct rp_plan *plan,
                                   struct rp_error *err)
{
    int r = apply(&overrides->connect_timeout, RP_S_CONNECT_TIMEOUT, plan, err);

    if (r == 0)
        r = apply(&overrides->connections_per_host, RP_S_CONNECTIONS_PER_HOST, plan, err);
    if (r == 0)
        r = apply(&overrides->local_ips, RP_S_LOCAL_IPS, plan, err);
    if (r == 0)
        r = apply(&overrides->failed_exchanges, RP_S_FAILED_EXCHANGES, plan, err);
    if (r == 0)
        r = apply_hosts(overrides, plan, err);
    if (r == 0)
        r = apply_dns(&overrides->dns, plan, err);
    plan->traceparent |= overrides->traceparent;
    plan->no_connection_reuse |= overrides->no_connection_reuse;
    plan->no_vu_connection_reuse |= overrides->no_vu_connection_reuse;
    return r;
}

/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "plan/parts.h"

int rp_overrides_parse(const struct rp_overrides *overrides, struct rp_wanted *ret,
                       struct rp_error *err)
{
    struct rp_scenario values = { 0 }; /* numbers only: nothing to free */
    int r = 0;

    *ret = (struct rp_wanted){ .source = overrides };
    if (overrides->vus.value) {
        ret->has_vus = true;
        r = rp_field_parse_text(&rp_scenario_fields[RP_F_VUS], &values, overrides->vus.value,
                                overrides->vus.origin, err);
    }
    if (r == 0 && overrides->duration.value) {
        ret->has_duration = true;
        r = rp_field_parse_text(&rp_scenario_fields[RP_F_DURATION], &values,
                                overrides->duration.value, overrides->duration.origin, err);
    }
    if (r == 0 && overrides->iterations.value) {
        ret->has_iterations = true;
        r = rp_field_parse_text(&rp_scenario_fields[RP_F_ITERATIONS], &values,
                                overrides->iterations.value, overrides->iterations.origin, err);
    }
    ret->vus = values.vus;
    ret->duration = values.duration;
    ret->iterations = values.iterations;
    return r;
}

static void put(struct rp_scenario *scenario, rp_field_set *given, enum rp_field_id id,
                int64_t value)
{
    *(int64_t *)rp_field_at(&rp_scenario_fields[id], scenario) = value;
    *given |= 1u << id;
}

/* --iterations: one shared pool. What shared-iterations does not have goes; the VUs stay. */
static void make_shared(const struct rp_wanted *wanted, struct rp_scenario *scenario,
                        rp_field_set *given)
{
    for (int i = 0; i < RP_F_COUNT; i++)
        if (!rp_executor_has(RP_SHARED_ITERATIONS, (enum rp_field_id)i)) {
            rp_field_clear(&rp_scenario_fields[i], scenario);
            *given &= ~(1u << i);
        }
    scenario->executor = RP_SHARED_ITERATIONS;
    *given |= 1u << RP_F_EXECUTOR;
    put(scenario, given, RP_F_ITERATIONS, wanted->iterations);
    if (wanted->has_vus)
        put(scenario, given, RP_F_VUS, wanted->vus);
    if (*given >> RP_F_VUS & 1 && scenario->vus > wanted->iterations)
        scenario->vus = wanted->iterations;
    if (wanted->has_duration)
        put(scenario, given, RP_F_MAX_DURATION, wanted->duration);
}

static int fail_not_had(const struct rp_override *override, const char *what, const char *remedy,
                        const struct rp_scenario *scenario, const struct rp_where *where,
                        struct rp_error *err)
{
    rp_where_fail(where, err, "%s cannot be applied: executor '%s' has no %s", override->origin,
                  rp_executors[scenario->executor].name, what);
    rp_error_hint(err, "change its %s in the script, or leave it out with --scenario", remedy);
    return -RP_EUSER;
}

int rp_overrides_apply(const struct rp_wanted *wanted, struct rp_scenario *scenario,
                       rp_field_set *given, const struct rp_where *where, struct rp_error *err)
{
    enum rp_executor executor = scenario->executor;

    if (wanted->has_iterations) {
        make_shared(wanted, scenario, given);
        return 0;
    }
    if (wanted->has_duration) {
        if (rp_executor_has(executor, RP_F_DURATION))
            put(scenario, given, RP_F_DURATION, wanted->duration);
        else if (rp_executor_has(executor, RP_F_MAX_DURATION))
            put(scenario, given, RP_F_MAX_DURATION, wanted->duration);
        else
            return fail_not_had(&wanted->source->duration, "duration", "stages", scenario, where,
                                err);
    }
    if (wanted->has_vus) {
        if (!rp_executor_has(executor, RP_F_VUS))
            return fail_not_had(&wanted->source->vus, "fixed number of VUs",
                                executor == RP_RAMPING_VUS ? "stages"
                                                           : "pre_allocated_vus and max_vus",
                                scenario, where, err);
        put(scenario, given, RP_F_VUS, wanted->vus);
    }
    return 0;
}

/* What the plan holds is written as JSON, which is UTF-8. The well-formed sequences of RFC 3629. */
static bool is_utf8(const char *text)
{
    const unsigned char *p = (const unsigned char *)text;

    while (*p) {
        unsigned char low = 0x80, high = 0xbf;
        int more = *p < 0x80   ? 0
                   : *p < 0xc2 ? -1
                   : *p < 0xe0 ? 1
                   : *p < 0xf0 ? 2
                   : *p < 0xf5 ? 3
                               : -1;

        if (more < 0)
            return false;
        low = *p == 0xe0 ? 0xa0 : *p == 0xf0 ? 0x90 : low;
        high = *p == 0xed ? 0x9f : *p == 0xf4 ? 0x8f : high;
        for (p++; more > 0; more--, p++, low = 0x80, high = 0xbf)
            if (*p < low || *p > high)
                return false;
    }
    return true;
}

static int apply_pairs(struct rp_pairs *pairs, const struct rp_pair *items, size_t count,
                       const char *option, struct rp_error *err)
{
    for (size_t i = 0; i < count; i++) {
        int r;

        if (!*items[i].key || strchr(items[i].key, '='))
            return rp_error_set(err, -RP_EUSER, "%s: a name must not be empty or contain '='",
                                option);
        if (!is_utf8(items[i].key) || !is_utf8(items[i].value))
            return rp_error_set(err, -RP_EUSER, "%s: name and value must be UTF-8", option);
        r = rp_pairs_set(pairs, items[i].key, items[i].value);
        if (r < 0)
            return r;
    }
    return 0;
}

int rp_overrides_apply_pairs(const struct rp_overrides *overrides, struct rp_plan *plan,
                             struct rp_error *err)
{
    int r = apply_pairs(&plan->tags, overrides->tags, overrides->tag_count, "--tag", err);

    return r == 0 ? apply_pairs(&plan->env, overrides->env, overrides->env_count, "--env", err) : r;
}

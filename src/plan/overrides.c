/* SPDX-License-Identifier: MIT */
/*
 * What the command line and the environment change in a scenario.
 *
 * The options of a load decide the executor. A number of iterations makes it shared-iterations.
 * Stages make it the ramping executor of its family (of VUs, or of arrivals). A rate makes it one
 * of the family of arrivals. All other options set the field that means the same in the executor
 * that they find.
 */
#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <string.h>
#include <sys/random.h>

#include "base/alloc.h"
#include "base/str.h"
#include "plan/duration.h"
#include "plan/plan_internal.h"
#include "plan/shorthand.h"

static bool has(rp_field_set set, enum rp_field_id id)
{
    return set >> id & 1;
}

/* ---- reading --------------------------------------------------------------------------------- */

static int parse_field(struct rp_wanted *wanted, enum rp_field_id id,
                       const struct rp_override *override, struct rp_error *err)
{
    int r;

    if (!override->value)
        return 0;
    r = rp_field_parse_text(&rp_scenario_fields[id], &wanted->values, override->value,
                            override->origin, err);
    wanted->given |= r == 0 ? 1u << id : 0;
    return rp_error_keep(err, r);
}

static int parse_stages(struct rp_wanted *wanted, struct rp_error *err)
{
    struct rp_stages stages = { 0 };
    int r = 0;

    for (size_t i = 0; r == 0 && i < wanted->source->stage_count; i++) {
        const struct rp_override *stage = &wanted->source->stages[i];

        r = rp_stages_parse(rp_slice_str(stage->value), &stages, err);
        if (r == -RP_EUSER)
            r = rp_error_keep(err, rp_error_prefix(err, r, stage->origin));
    }
    wanted->values.stages = stages.items;
    wanted->values.stage_count = stages.count;
    wanted->given |= stages.count ? 1u << RP_F_STAGES : 0;
    return r;
}

static int parse_rate(struct rp_wanted *wanted, struct rp_error *err)
{
    const struct rp_override *override = &wanted->source->rate;
    struct rp_rate rate;

    if (!override->value)
        return 0;
    if (rp_rate_parse(rp_slice_str(override->value), &rate, err) < 0)
        return rp_error_keep(err, rp_error_prefix(err, -RP_EUSER, override->origin));
    wanted->given |= 1u << RP_F_RATE | (rate.time_unit ? 1u << RP_F_TIME_UNIT : 0);
    wanted->values.rate = rate.count;
    wanted->values.time_unit = rate.time_unit;
    return 0;
}

/* Two that contradict each other are both left out of what follows. */
static int check_together(struct rp_wanted *wanted, struct rp_error *err)
{
    const struct rp_overrides *o = wanted->source;
    const char *stage = o->stage_count ? o->stages[0].origin : NULL;
    const struct {
        enum rp_field_id one, other;
        const char *one_origin, *other_origin, *hint;
    } table[] = {
        { RP_F_STAGES, RP_F_DURATION, stage, o->duration.origin, "stages have their own times" },
        { RP_F_STAGES, RP_F_ITERATIONS, stage, o->iterations.origin,
          "stages last as long as they say, however many iterations that are" },
        { RP_F_RATE, RP_F_ITERATIONS, o->rate.origin, o->iterations.origin,
          "a rate lasts for a time: give --duration" },
        { RP_F_MAX_VUS, RP_F_ITERATIONS, o->max_vus.origin, o->iterations.origin,
          "the number of VUs is given by --vus" },
    };

    for (size_t i = 0; i < RP_ARRAY_LEN(table); i++)
        if (has(wanted->given, table[i].one) && has(wanted->given, table[i].other)) {
            rp_error_set(err, -RP_EUSER, "%s cannot stand beside %s", table[i].one_origin,
                         table[i].other_origin);
            rp_error_hint(err, "%s", table[i].hint);
            wanted->given &= ~(1u << table[i].one | 1u << table[i].other);
            return rp_error_keep(err, -RP_EUSER);
        }
    return 0;
}

int rp_overrides_parse(const struct rp_overrides *overrides, struct rp_wanted *ret,
                       struct rp_error *err)
{
    int r;

    *ret = (struct rp_wanted){ .source = overrides };
    r = parse_field(ret, RP_F_VUS, &overrides->vus, err);
    if (r == 0)
        r = parse_field(ret, RP_F_DURATION, &overrides->duration, err);
    if (r == 0)
        r = parse_field(ret, RP_F_ITERATIONS, &overrides->iterations, err);
    if (r == 0)
        r = parse_stages(ret, err);
    if (r == 0)
        r = parse_rate(ret, err);
    if (r == 0)
        r = parse_field(ret, RP_F_MAX_VUS, &overrides->max_vus, err);
    return r == 0 ? check_together(ret, err) : r;
}

void rp_wanted_deinit(struct rp_wanted *wanted)
{
    rp_scenario_deinit(&wanted->values);
    for (size_t i = 0; i < wanted->refusal_count; i++)
        rp_error_deinit(&wanted->refusals[i].error);
    rp_free(wanted->refusals);
    *wanted = (struct rp_wanted){ 0 };
}

/* ---- laying over ----------------------------------------------------------------------------- */

static void put(struct rp_scenario *scenario, rp_field_set *given, enum rp_field_id id,
                int64_t value)
{
    *(int64_t *)rp_field_at(&rp_scenario_fields[id], scenario) = value;
    *given |= 1u << id;
}

/* Makes the scenario one of @executor. Fields that this executor does not have are cleared. */
static void become(struct rp_scenario *scenario, rp_field_set *given,
                   enum rp_executor_kind executor)
{
    for (int i = 0; i < RP_F_COUNT; i++)
        if (!rp_executor_kind_has(executor, (enum rp_field_id)i)) {
            rp_field_clear(&rp_scenario_fields[i], scenario);
            *given &= ~(1u << i);
        }
    scenario->executor = executor;
    *given |= 1u << RP_F_EXECUTOR;
}

/* --iterations: all VUs share that number of iterations. The number of VUs stays. */
static void make_shared(const struct rp_wanted *wanted, struct rp_scenario *scenario,
                        rp_field_set *given)
{
    become(scenario, given, RP_SHARED_ITERATIONS);
    put(scenario, given, RP_F_ITERATIONS, wanted->values.iterations);
    if (has(wanted->given, RP_F_VUS))
        put(scenario, given, RP_F_VUS, wanted->values.vus);
    else if (has(*given, RP_F_VUS) && scenario->vus > wanted->values.iterations)
        scenario->vus = wanted->values.iterations;
    if (has(wanted->given, RP_F_DURATION))
        put(scenario, given, RP_F_MAX_DURATION, wanted->values.duration);
}

static enum rp_executor_kind executor_for(const struct rp_wanted *wanted,
                                          enum rp_executor_kind executor)
{
    bool arrives = rp_executor_kinds[executor].has_arrivals || has(wanted->given, RP_F_RATE);

    if (has(wanted->given, RP_F_STAGES))
        return arrives ? RP_RAMPING_ARRIVAL_RATE : RP_RAMPING_VUS;
    if (arrives && !rp_executor_kinds[executor].has_arrivals)
        return RP_CONSTANT_ARRIVAL_RATE;
    return executor;
}

/* As many VUs as are needed when each iteration lasts up to a second. */
static int64_t vus_for_a_second(const struct rp_scenario *scenario, rp_ns time_unit)
{
    double highest = scenario->rate;

    for (size_t i = 0; i < scenario->stage_count; i++)
        highest = fmax(highest, (double)scenario->stages[i].target);
    highest = ceil(highest * (double)RP_S / (double)time_unit);
    return highest < 1 ? 1 : highest > RP_MOST_CHOSEN_VUS ? RP_MOST_CHOSEN_VUS : (int64_t)highest;
}

/* Chooses the VUs of a scenario whose executor had no arrivals before. A number that somebody has
 * named is kept. */
static void choose_arrival_vus(const struct rp_wanted *wanted, int64_t own_vus,
                               struct rp_scenario *scenario, rp_field_set *given)
{
    bool is_named = own_vus || has(wanted->given, RP_F_VUS) || has(wanted->given, RP_F_MAX_VUS);
    rp_ns unit = scenario->time_unit ? scenario->time_unit : RP_S;

    put(scenario, given, RP_F_PRE_ALLOCATED_VUS, own_vus ? own_vus : 1);
    if (!is_named)
        put(scenario, given, RP_F_MAX_VUS, vus_for_a_second(scenario, unit));
}

static int fail_units(const struct rp_wanted *wanted, rp_ns time_unit, const struct rp_where *where,
                      struct rp_error *err)
{
    char ours[64], theirs[64];

    rp_duration_format(time_unit, ours, sizeof(ours));
    rp_duration_format(wanted->values.time_unit, theirs, sizeof(theirs));
    rp_where_fail(where, err, "%s counts in %s, but the targets of its stages in %s",
                  wanted->source->rate.origin, theirs, ours);
    rp_error_hint(err, "give the stages too, with --stage, or the rate in %s", ours);
    return -RP_EUSER;
}

/* --stage and --rate: they decide the executor, and set its stages and its rate. */
static int apply_schedule(const struct rp_wanted *wanted, struct rp_scenario *scenario,
                          rp_field_set *given, const struct rp_where *where, struct rp_error *err)
{
    enum rp_executor_kind before = scenario->executor, after = executor_for(wanted, before);
    int64_t own_vus = has(*given, RP_F_VUS) ? scenario->vus : 0;
    rp_ns own_unit = has(*given, RP_F_TIME_UNIT) ? scenario->time_unit : RP_S;

    if (after != before)
        become(scenario, given, after);
    if (has(wanted->given, RP_F_STAGES)) {
        size_t size = wanted->values.stage_count * sizeof(struct rp_stage);
        struct rp_stage *stages = rp_alloc(size);

        if (!stages)
            return -ENOMEM;
        memcpy(stages, wanted->values.stages, size);
        rp_free(scenario->stages);
        scenario->stages = stages;
        scenario->stage_count = wanted->values.stage_count;
        *given |= 1u << RP_F_STAGES;
    } else if (after == RP_RAMPING_ARRIVAL_RATE && has(wanted->given, RP_F_TIME_UNIT) &&
               wanted->values.time_unit != own_unit) {
        return fail_units(wanted, own_unit, where, err);
    }
    if (has(wanted->given, RP_F_RATE)) {
        scenario->rate = wanted->values.rate;
        *given |= 1u << RP_F_RATE;
    }
    if (has(wanted->given, RP_F_TIME_UNIT))
        put(scenario, given, RP_F_TIME_UNIT, wanted->values.time_unit);
    if (after == RP_RAMPING_VUS && own_vus)
        put(scenario, given, RP_F_START_VUS, own_vus);
    if (rp_executor_kinds[after].has_arrivals && !rp_executor_kinds[before].has_arrivals)
        choose_arrival_vus(wanted, own_vus, scenario, given);
    return 0;
}

/* Notes that the scenario cannot take an override, and how that would be said. */
static int refuse(struct rp_wanted *wanted, enum rp_field_id id, const struct rp_override *override,
                  const char *what, const char *instead, const struct rp_scenario *scenario,
                  const struct rp_where *where)
{
    struct rp_refusal *refusals = rp_realloc_array(wanted->refusals, wanted->refusal_count + 1,
                                                   sizeof(*refusals));
    struct rp_error *err;

    if (!refusals)
        return -ENOMEM;
    wanted->refusals = refusals;
    refusals[wanted->refusal_count] = (struct rp_refusal){ .id = id };
    err = &refusals[wanted->refusal_count++].error;
    rp_where_fail(where, err, "%s cannot be applied: executor '%s' has no %s", override->origin,
                  rp_executor_kinds[scenario->executor].name, what);
    rp_error_hint(err, "give %s instead, or leave the scenario out with --scenario", instead);
    return 0;
}

static int apply_duration(struct rp_wanted *wanted, struct rp_scenario *scenario,
                          rp_field_set *given, const struct rp_where *where)
{
    enum rp_field_id id = rp_executor_kind_has(scenario->executor, RP_F_DURATION)
                              ? RP_F_DURATION
                              : RP_F_MAX_DURATION;

    if (!has(wanted->given, RP_F_DURATION))
        return 0;
    if (!rp_executor_kind_has(scenario->executor, id))
        return refuse(wanted, RP_F_DURATION, &wanted->source->duration, "duration", "--stage",
                      scenario, where);
    wanted->applied |= 1u << RP_F_DURATION;
    put(scenario, given, id, wanted->values.duration);
    return 0;
}

static int apply_vus(struct rp_wanted *wanted, struct rp_scenario *scenario, rp_field_set *given,
                     const struct rp_where *where)
{
    int64_t vus = wanted->values.vus;

    if (!has(wanted->given, RP_F_VUS))
        return 0;
    if (rp_executor_kind_has(scenario->executor, RP_F_VUS)) {
        put(scenario, given, RP_F_VUS, vus);
        if (has(*given, RP_F_MAX_VUS) && scenario->max_vus < vus)
            scenario->max_vus = vus;
    } else if (rp_executor_kinds[scenario->executor].has_arrivals) {
        put(scenario, given, RP_F_PRE_ALLOCATED_VUS, vus);
        if (has(*given, RP_F_MAX_VUS) && scenario->max_vus < vus)
            scenario->max_vus = vus;
    } else if (has(wanted->given, RP_F_STAGES)) {
        put(scenario, given, RP_F_START_VUS, vus);
    } else {
        return refuse(wanted, RP_F_VUS, &wanted->source->vus, "fixed number of VUs", "--stage",
                      scenario, where);
    }
    wanted->applied |= 1u << RP_F_VUS;
    return 0;
}

static int apply_max_vus(struct rp_wanted *wanted, struct rp_scenario *scenario,
                         rp_field_set *given, const struct rp_where *where)
{
    int64_t most = wanted->values.max_vus;

    if (!has(wanted->given, RP_F_MAX_VUS))
        return 0;
    if (!rp_executor_kind_has(scenario->executor, RP_F_MAX_VUS))
        return refuse(wanted, RP_F_MAX_VUS, &wanted->source->max_vus, "max_vus", "--vus", scenario,
                      where);
    wanted->applied |= 1u << RP_F_MAX_VUS;
    put(scenario, given, RP_F_MAX_VUS, most);
    if (!has(wanted->given, RP_F_VUS) && scenario->pre_allocated_vus > most)
        scenario->pre_allocated_vus = most;
    return 0;
}

/* --once: one iteration of one VU, at once. */
static void make_single(struct rp_scenario *scenario, rp_field_set *given)
{
    become(scenario, given, RP_PER_VU_ITERATIONS);
    put(scenario, given, RP_F_VUS, 1);
    put(scenario, given, RP_F_ITERATIONS, 1);
    put(scenario, given, RP_F_START_TIME, 0);
}

int rp_overrides_apply(struct rp_wanted *wanted, struct rp_scenario *scenario, rp_field_set *given,
                       const struct rp_where *where, struct rp_error *err)
{
    int r;

    if (wanted->source->once) {
        make_single(scenario, given);
        return 0;
    }
    if (has(wanted->given, RP_F_ITERATIONS)) {
        make_shared(wanted, scenario, given);
        return 0;
    }
    r = apply_schedule(wanted, scenario, given, where, err);
    if (r == 0)
        r = apply_duration(wanted, scenario, given, where);
    if (r == 0)
        r = apply_vus(wanted, scenario, given, where);
    return r == 0 ? apply_max_vus(wanted, scenario, given, where) : r;
}

int rp_overrides_finish(struct rp_wanted *wanted, struct rp_plan *plan, struct rp_error *err)
{
    rp_field_set refused = 0;

    for (size_t i = 0; i < wanted->refusal_count; i++) {
        struct rp_refusal *refusal = &wanted->refusals[i];
        const struct rp_where where = { refusal->error.file, refusal->error.line, NULL, NULL };
        int r = 0;

        if (has(wanted->applied, refusal->id)) {
            r = rp_plan_warn(plan, &where, "%s",
                             refusal->error.message ? refusal->error.message : "?");
        } else if (!has(refused, refusal->id)) { /* the first one will do */
            refused |= 1u << refusal->id;
            *err = (struct rp_error){ .next = err->next,
                                      .file = refusal->error.file,
                                      .line = refusal->error.line,
                                      .message = refusal->error.message,
                                      .hint = refusal->error.hint };
            refusal->error = (struct rp_error){ 0 };
            r = rp_error_keep(err, -RP_EUSER);
        }
        if (r < 0)
            return r;
    }
    return 0;
}

/* ---- the run --------------------------------------------------------------------------------- */

/* Found before the first request. The plan is shown and stored: nothing secret may stand in it. */
static int check_base_url(const struct rp_plan *plan, const char *origin, struct rp_error *err)
{
    const char *host = plan->base_url ? strstr(plan->base_url, "://") : NULL;
    const char *at = host ? strchr(host, '@') : NULL;

    if (plan->base_url && strncasecmp(plan->base_url, "http://", strlen("http://")) != 0 &&
        strncasecmp(plan->base_url, "https://", strlen("https://")) != 0 &&
        strncasecmp(plan->base_url, "http+unix://", strlen("http+unix://")) != 0) {
        rp_error_set(err, -RP_EUSER, "%s must be a URL of http or https: http://127.0.0.1:8080",
                     origin ? origin : "base_url");
        return rp_error_keep(err, -RP_EUSER);
    }
    if (!at || (size_t)(at - host) > 3 + strcspn(host + 3, "/?#"))
        return 0;
    rp_error_set(err, -RP_EUSER, "%s must not have a user name or a password: results show it",
                 origin ? origin : "base_url");
    rp_error_hint(err, "send them in the header Authorization");
    return rp_error_keep(err, -RP_EUSER);
}

static int apply_workers(const struct rp_overrides *overrides, struct rp_plan *plan,
                         struct rp_error *err)
{
    const struct rp_override *given = &overrides->workers;
    int64_t count = 1;
    int r = given->value
                ? rp_error_keep(err, rp_workers_parse(given->value, given->origin, &count, err))
                : 0;

    plan->workers = count ? count : rp_plan_auto_workers(plan, overrides->cores);
    return r;
}

int rp_overrides_apply_run(const struct rp_overrides *overrides, struct rp_plan *plan,
                           struct rp_error *err)
{
    int r = rp_overrides_apply_segment(overrides, plan, err);

    if (r == 0)
        r = apply_workers(overrides, plan, err);
    if (r == 0)
        r = rp_error_keep(err, rp_overrides_apply_memory(overrides, plan, err));
    if (r == 0)
        r = rp_error_keep(err, rp_trend_stats_apply(&overrides->trend_stats, plan, err));
    if (r < 0)
        return r;
    plan->no_spin = overrides->no_spin;
    plan->no_kernel_timestamps |= overrides->no_kernel_timestamps;
    plan->once = overrides->once;
    if (plan->once)
        plan->workers = 1;
    if (overrides->base_url.value)
        r = rp_error_keep(err, rp_field_parse_text(&rp_plan_settings[RP_S_BASE_URL], plan,
                                                   overrides->base_url.value,
                                                   overrides->base_url.origin, err));
    if (r < 0)
        return r;
    r = check_base_url(plan, overrides->base_url.value ? overrides->base_url.origin : NULL, err);
    if (r == 0)
        r = rp_overrides_apply_connections(overrides, plan, err);
    if (r == 0 && overrides->seed.value) {
        plan->seed_is_given = true;
        return rp_error_keep(err, rp_field_parse_text(&rp_plan_settings[RP_S_SEED], plan,
                                                      overrides->seed.value, overrides->seed.origin,
                                                      err));
    }
    if (r < 0 || plan->seed_is_given)
        return r;
    if (getrandom(&plan->seed, sizeof(plan->seed), 0) != sizeof(plan->seed))
        return rp_error_set(err, -EIO, "the system has no random bytes for a seed");
    plan->seed &= RP_MOST_SEED;
    return 0;
}

static int apply_pairs(struct rp_pairs *pairs, const struct rp_pair *items, size_t count,
                       const char *option, struct rp_error *err)
{
    for (size_t i = 0; i < count; i++) {
        int r;

        if (!*items[i].key || strchr(items[i].key, '='))
            return rp_error_set(err, -RP_EUSER, "%s: a name must not be empty or contain '='",
                                option);
        /* The plan is written as JSON. */
        if (!rp_utf8_is_valid(rp_slice_str(items[i].key)) ||
            !rp_utf8_is_valid(rp_slice_str(items[i].value)))
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

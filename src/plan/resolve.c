/* SPDX-License-Identifier: MIT */
/*
 * From a declaration to a plan: settings and shortcuts of the options, the script's metrics, the
 * scenarios one after the other (fields, function, overrides, defaults, rules), the thresholds.
 * Nothing is put right silently: what cannot be meant is an error at the place where it stands.
 */
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "plan/plan_internal.h"
#include "plan/sources.h"

static const enum rp_field_id shortcuts[] = { RP_F_VUS, RP_F_DURATION, RP_F_ITERATIONS,
                                              RP_F_STAGES };

struct resolver {
    json_t *root;
    const json_t *config, *options; /* NULL = absent */
    const struct rp_overrides *overrides;
    struct rp_wanted wanted;
    struct rp_sources sources;
    rp_field_set shortcuts_given;
    bool has_dynamic_metrics;
    struct rp_plan *plan;
    struct rp_error *err;
};

static int read_head(struct resolver *r)
{
    static const char *const keys[] = { "script",  "functions",       "decorated", "config",
                                        "metrics", "dynamic_metrics", "has_setup", "has_teardown" };
    const struct rp_where host = { NULL, 0, "declaration", NULL };
    const char *script = NULL;
    int res = rp_json_check_keys(r->root, keys, RP_ARRAY_LEN(keys), &host, r->err);

    if (res == 0)
        res = rp_json_text_at(r->root, "script", &script, &host, r->err);
    if (res == 0 && !script)
        return rp_where_fail(&host, r->err, "script is missing");
    r->sources.script = script;
    if (res == 0)
        res = rp_json_list_at(r->root, "functions", &r->sources.functions, &host, r->err);
    if (res == 0)
        res = rp_json_list_at(r->root, "decorated", &r->sources.decorated, &host, r->err);
    if (res == 0)
        res = rp_json_object_at(r->root, "config", &r->config, &host, r->err);
    if (res == 0)
        res = rp_json_bool_at(r->root, "dynamic_metrics", &r->has_dynamic_metrics, &host, r->err);
    if (res == 0)
        res = rp_json_bool_at(r->root, "has_setup", &r->plan->has_setup, &host, r->err);
    if (res == 0)
        res = rp_json_bool_at(r->root, "has_teardown", &r->plan->has_teardown, &host, r->err);
    if (res < 0)
        return res;
    r->plan->script = rp_strdup(script);
    return r->plan->script ? 0 : -ENOMEM;
}

static int read_config(struct resolver *r)
{
    static const char *const keys[] = { "file",       "line",    "scenarios",
                                        "thresholds", "options", "metrics" };
    struct rp_where where = { NULL, 0, "config", NULL };
    int res = rp_json_place_at(r->config, &where, r->err);

    if (res == 0)
        res = rp_json_check_keys(r->config, keys, RP_ARRAY_LEN(keys), &where, r->err);
    if (res == 0)
        res = rp_json_object_at(r->config, "scenarios", &r->sources.scenarios, &where, r->err);
    if (res == 0)
        res = rp_json_object_at(r->config, "options", &r->options, &where, r->err);
    r->sources.config = (struct rp_where){ where.file, where.line, NULL, NULL };
    return res;
}

static int set_default_settings(struct rp_plan *plan)
{
    static const struct rp_stat stats[] = {
        { .kind = RP_STAT_AVG },        { .kind = RP_STAT_MIN },
        { .kind = RP_STAT_MED },        { .kind = RP_STAT_MAX },
        { .kind = RP_STAT_P, .p = 90 }, { .kind = RP_STAT_P, .p = 95 },
        { .kind = RP_STAT_P, .p = 99 },
    };

    plan->setup_timeout = rp_plan_settings[RP_S_SETUP_TIMEOUT].default_value;
    plan->teardown_timeout = rp_plan_settings[RP_S_TEARDOWN_TIMEOUT].default_value;
    plan->trend_stats = rp_alloc(sizeof(stats));
    if (!plan->trend_stats)
        return -ENOMEM;
    memcpy(plan->trend_stats, stats, sizeof(stats));
    plan->trend_stat_count = RP_ARRAY_LEN(stats);
    return 0;
}

static bool has(rp_field_set set, enum rp_field_id id)
{
    return set >> id & 1;
}

/* Puts the settings of the options into the plan. Shortcuts are only checked here; every scenario
 * that takes them reads them again. */
static int read_options(struct resolver *r)
{
    const struct rp_where where = { r->sources.config.file, r->sources.config.line, "options",
                                    NULL };
    const char *keys[RP_ARRAY_LEN(shortcuts) + RP_S_COUNT];
    struct rp_scenario checked = { 0 };
    size_t count = 0;
    int res = set_default_settings(r->plan);

    for (size_t i = 0; i < RP_ARRAY_LEN(shortcuts); i++)
        keys[count++] = rp_scenario_fields[shortcuts[i]].name;
    for (size_t i = 0; i < RP_S_COUNT; i++)
        keys[count++] = rp_plan_settings[i].name;
    if (res == 0)
        res = rp_json_check_keys(r->options, keys, count, &where, r->err);
    for (size_t i = 0; res == 0 && i < RP_ARRAY_LEN(shortcuts); i++) {
        const struct rp_field *field = &rp_scenario_fields[shortcuts[i]];
        const json_t *value = json_object_get(r->options, field->name);

        if (rp_json_is_absent(value))
            continue;
        res = rp_field_parse(field, &checked, value, &where, r->err);
        r->shortcuts_given |= 1u << shortcuts[i];
    }
    for (size_t i = 0; res == 0 && i < RP_S_COUNT; i++) {
        const json_t *value = json_object_get(r->options, rp_plan_settings[i].name);

        if (rp_json_is_absent(value))
            continue;
        res = rp_field_parse(&rp_plan_settings[i], r->plan, value, &where, r->err);
        r->plan->seed_is_given = r->plan->seed_is_given || i == RP_S_SEED;
    }
    if (res == 0 && has(r->shortcuts_given, RP_F_STAGES) &&
        (has(r->shortcuts_given, RP_F_DURATION) || has(r->shortcuts_given, RP_F_ITERATIONS)))
        res = rp_where_fail(&where, r->err, "stages cannot stand beside %s",
                            has(r->shortcuts_given, RP_F_DURATION) ? "duration" : "iterations");
    rp_scenario_deinit(&checked);
    return res;
}

/* What stands in the text of the script: a guess, for other objects have such methods too. */
static int read_script_metric(struct resolver *r, const json_t *entry)
{
    static const char *const keys[] = { "name", "type", "file", "line" };
    struct rp_where where = { NULL, 0, "declaration", "metrics" };
    const char *name = NULL, *type = NULL;
    char shown[RP_SHOW_SIZE];
    int res;

    if (!json_is_object(entry))
        return rp_where_fail(&where, r->err, "expected an object, not %s",
                             rp_show_json(entry, shown));
    res = rp_json_check_keys(entry, keys, RP_ARRAY_LEN(keys), &where, r->err);
    if (res == 0)
        res = rp_json_place_at(entry, &where, r->err);
    if (res == 0)
        res = rp_json_text_at(entry, "name", &name, &where, r->err);
    if (res == 0)
        res = rp_json_text_at(entry, "type", &type, &where, r->err);
    if (res == 0 && (!name || !type))
        return rp_where_fail(&where, r->err, "name or type is missing");
    return res == 0 ? rp_plan_guess_metric(r->plan, name, type) : res;
}

static int read_metrics(struct resolver *r)
{
    const struct rp_where host = { NULL, 0, "declaration", NULL };
    struct rp_where where = { r->sources.config.file, r->sources.config.line, "config", NULL };
    const json_t *list, *object;
    char shown[RP_SHOW_SIZE];
    const char *name;
    json_t *type;
    int res = rp_json_object_at(r->config, "metrics", &object, &where, r->err);

    if (res < 0)
        return res;
    json_object_foreach((json_t *)object, name, type)
    {
        if (!json_is_string(type))
            return rp_where_fail(&where, r->err,
                                 "metrics: the type of '%.64s' must be counter, gauge, rate or "
                                 "trend, not %s",
                                 name, rp_show_json(type, shown));
        res = rp_plan_add_metric(r->plan, name, json_string_value(type), &where, r->err);
        if (res < 0)
            return res;
    }
    /* After what is declared, which they cannot override. */
    res = rp_json_list_at(r->root, "metrics", &list, &host, r->err);
    for (size_t i = 0; res == 0 && i < json_array_size(list); i++)
        res = read_script_metric(r, json_array_get(list, i));
    return res;
}

static int check_mixing(const struct resolver *r)
{
    const struct rp_where where = { r->sources.config.file, r->sources.config.line, "options",
                                    NULL };
    const char *shortcut = NULL;

    for (size_t i = 0; i < RP_ARRAY_LEN(shortcuts) && !shortcut; i++)
        if (has(r->shortcuts_given, shortcuts[i]))
            shortcut = rp_scenario_fields[shortcuts[i]].name;
    for (size_t i = 0; shortcut && i < r->sources.count; i++) {
        if (!rp_source_has_fields(&r->sources.items[i]))
            continue;
        rp_where_fail(&where, r->err,
                      "'%s' cannot stand beside scenario '%s', which has fields of its own",
                      shortcut, r->sources.items[i].name);
        rp_error_hint(r->err, "give '%s' to the scenarios that need it", shortcut);
        return -RP_EUSER;
    }
    return 0;
}

static bool is_selected(const struct resolver *r, const char *name)
{
    for (size_t i = 0; i < r->overrides->scenario_name_count; i++)
        if (strcmp(r->overrides->scenario_names[i].value, name) == 0)
            return true;
    return r->overrides->scenario_name_count == 0;
}

static int check_selection(const struct resolver *r)
{
    for (size_t i = 0; i < r->overrides->scenario_name_count; i++) {
        const struct rp_override *wanted = &r->overrides->scenario_names[i];
        char shown[RP_SHOW_SIZE];
        const char **names, *near;
        size_t k = 0;

        while (k < r->sources.count && strcmp(r->sources.items[k].name, wanted->value) != 0)
            k++;
        if (k < r->sources.count)
            continue;
        names = rp_realloc_array(NULL, r->sources.count, sizeof(*names));
        if (!names)
            return -ENOMEM;
        for (k = 0; k < r->sources.count; k++)
            names[k] = r->sources.items[k].name;
        near = rp_suggest(rp_slice_str(wanted->value), names, k);
        rp_free(names);
        rp_error_set(r->err, -RP_EUSER, "%s: %s has no scenario %s", wanted->origin,
                     r->sources.script, rp_show_text(wanted->value, shown));
        if (near)
            rp_error_suggest(r->err, near);
        else
            rp_error_hint(r->err, "the first of its %zu is '%s'; see: rampa inspect %s",
                          r->sources.count, r->sources.items[0].name, r->sources.script);
        return -RP_EUSER;
    }
    return 0;
}

static int take(struct resolver *r, struct rp_scenario *scenario, rp_field_set *given,
                enum rp_field_id from, enum rp_field_id to)
{
    const struct rp_where where = { r->sources.config.file, r->sources.config.line, "options",
                                    NULL };
    const json_t *value = json_object_get(r->options, rp_scenario_fields[from].name);

    if (!has(r->shortcuts_given, from))
        return 0;
    *given |= 1u << to;
    return rp_field_parse(&rp_scenario_fields[to], scenario, value, &where, r->err);
}

/* Fills in a scenario without fields: it takes k6's shortcuts, or is one iteration of one VU when
 * there are none. A --duration alone means constant-vus, because nothing in the script says
 * otherwise. */
static int take_shortcuts(struct resolver *r, struct rp_scenario *scenario, rp_field_set *given)
{
    bool has_duration = has(r->shortcuts_given, RP_F_DURATION) ||
                        has(r->wanted.given, RP_F_DURATION);
    int res;

    scenario->executor = has(r->shortcuts_given, RP_F_STAGES)       ? RP_RAMPING_VUS
                         : has(r->shortcuts_given, RP_F_ITERATIONS) ? RP_SHARED_ITERATIONS
                         : has_duration                             ? RP_CONSTANT_VUS
                                                                    : RP_PER_VU_ITERATIONS;
    *given = 1u << RP_F_EXECUTOR;
    res = take(r, scenario, given, RP_F_VUS,
               scenario->executor == RP_RAMPING_VUS ? RP_F_START_VUS : RP_F_VUS);
    if (res == 0)
        res = take(r, scenario, given, RP_F_ITERATIONS, RP_F_ITERATIONS);
    if (res == 0)
        res = take(r, scenario, given, RP_F_DURATION,
                   scenario->executor == RP_CONSTANT_VUS ? RP_F_DURATION : RP_F_MAX_DURATION);
    return res == 0 ? take(r, scenario, given, RP_F_STAGES, RP_F_STAGES) : res;
}

static int name_scenario(struct resolver *r, const struct rp_source *source,
                         struct rp_scenario *scenario, rp_field_set *given)
{
    const char *function = scenario->exec_fn ? scenario->exec_fn
                                             : rp_sources_default_function(&r->sources, source);
    int res = rp_sources_check_function(&r->sources, source, function, r->err);

    if (res < 0)
        return res;
    if (!scenario->exec_fn)
        scenario->exec_fn = rp_strdup(function);
    *given |= 1u << RP_F_EXEC_FN;
    scenario->name = rp_strdup(source->name);
    if (source->where.file)
        scenario->file = rp_strdup(source->where.file);
    scenario->line = source->where.line;
    if (!scenario->name || !scenario->exec_fn || (source->where.file && !scenario->file))
        return -ENOMEM;
    return 0;
}

/* Scenarios that do not run are checked too, as far as that can be done without the overrides. */
static int resolve_scenario(struct resolver *r, const struct rp_source *source)
{
    struct rp_scenario scenario = { 0 };
    rp_field_set given = 0;
    bool runs = is_selected(r, source->name);
    int res = rp_scenario_parse(&scenario, source->fields, &given, &source->where, r->err);

    if (res == 0 && !rp_source_has_fields(source))
        res = take_shortcuts(r, &scenario, &given);
    if (res == 0)
        res = name_scenario(r, source, &scenario, &given);
    if (res == 0 && runs)
        res = rp_overrides_apply(&r->wanted, &scenario, &given, &source->where, r->err);
    if (res == 0 && runs)
        res = rp_scenario_finish(&scenario, given, &source->where, r->err);
    if (res < 0 || !runs)
        rp_scenario_deinit(&scenario);
    else
        r->plan->scenarios[r->plan->scenario_count++] = scenario;
    return res;
}

static int resolve_scenarios(struct resolver *r)
{
    int res = rp_sources_collect(&r->sources, r->err);

    if (res == 0)
        res = check_mixing(r);
    if (res == 0)
        res = check_selection(r);
    if (res < 0)
        return res;
    r->plan->scenarios = rp_calloc(r->sources.count, sizeof(*r->plan->scenarios));
    if (!r->plan->scenarios)
        return -ENOMEM;
    for (size_t i = 0; res == 0 && i < r->sources.count; i++)
        res = resolve_scenario(r, &r->sources.items[i]);
    return res;
}

static int resolve_thresholds(struct resolver *r)
{
    struct rp_where where = { r->sources.config.file, r->sources.config.line, "config", NULL };
    const json_t *thresholds;
    int res = rp_json_object_at(r->config, "thresholds", &thresholds, &where, r->err);

    return res == 0
               ? rp_plan_add_thresholds(r->plan, thresholds, r->has_dynamic_metrics, &where, r->err)
               : res;
}

static int resolve(struct resolver *r)
{
    int res = rp_overrides_parse(r->overrides, &r->wanted, r->err);

    if (res == 0)
        res = read_head(r);
    if (res == 0)
        res = read_config(r);
    if (res == 0)
        res = read_options(r);
    if (res == 0)
        res = read_metrics(r);
    if (res == 0)
        res = resolve_scenarios(r);
    if (res == 0)
        res = resolve_thresholds(r);
    if (res == 0)
        res = rp_overrides_apply_judgement(r->overrides, r->plan, r->has_dynamic_metrics, r->err);
    if (res == 0)
        res = rp_overrides_apply_run(r->overrides, r->plan, r->err);
    return res == 0 ? rp_overrides_apply_pairs(r->overrides, r->plan, r->err) : res;
}

int rp_plan_resolve(const char *declaration_json, const struct rp_overrides *overrides,
                    struct rp_plan **ret, struct rp_error *err)
{
    static const struct rp_overrides none = { 0 };
    struct resolver r = { .overrides = overrides ? overrides : &none, .err = err };
    int res = rp_json_load(declaration_json, "the declaration", &r.root, err);

    if (res == 0 && !json_is_object(r.root))
        res = rp_error_set(err, -RP_EUSER, "the declaration is not a JSON object");
    if (res == 0) {
        r.plan = rp_calloc(1, sizeof(*r.plan));
        res = r.plan ? resolve(&r) : -ENOMEM;
    }
    rp_wanted_deinit(&r.wanted);
    rp_sources_deinit(&r.sources);
    json_decref(r.root);
    if (res < 0) {
        rp_plan_free(r.plan);
        return res;
    }
    *ret = r.plan;
    return 0;
}

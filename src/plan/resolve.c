/* SPDX-License-Identifier: MIT */
/*
 * From a declaration to a plan: the settings of the whole plan (resolve_settings.c), the scenarios
 * one after the other (fields, function, overrides, defaults, rules), the thresholds. Nothing is put
 * right silently: what cannot be meant is an error at the place where it stands, what does nothing
 * is a warning.
 */
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "plan/plan_internal.h"
#include "plan/resolve.h"

static int read_head(struct rp_resolver *r)
{
    static const char *const keys[] = { "script",    "functions",   "decorated",       "config",
                                        "metrics",   "mistakes",    "dynamic_metrics", "warnings",
                                        "has_setup", "has_teardown" };
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

static int read_config(struct rp_resolver *r)
{
    static const char *const keys[] = { "scenarios", "thresholds", "options", "metrics",
                                        "file",      "line",       "places" };
    struct rp_where where = { NULL, 0, "config", NULL };
    int res = rp_json_place_at(r->config, &where, r->err);

    if (res == 0)
        res = rp_json_check_keys(r->config, keys, RP_ARRAY_LEN(keys), &where, r->err);
    if (res == 0)
        res = rp_error_keep(r->err, rp_json_object_at(r->config, "scenarios", &r->sources.scenarios,
                                                      &where, r->err));
    if (res == 0)
        res = rp_error_keep(r->err,
                            rp_json_object_at(r->config, "options", &r->options, &where, r->err));
    r->places = json_object_get(r->config, "places");
    r->sources.places = json_object_get(r->places, "scenarios");
    r->sources.config = (struct rp_where){ where.file, where.line, NULL, NULL };
    return res;
}

/* Shortcuts are for scenarios without fields. What was decorated with some may be another author's;
 * what stands in config.scenarios beside the options is a contradiction. */
static int check_mixing(struct rp_resolver *r)
{
    const struct rp_where where = rp_resolve_options_place(r);
    const char *shortcut = NULL;
    int res = 0;

    for (size_t i = 0; i < RP_SHORTCUT_COUNT && !shortcut; i++)
        if (rp_field_set_has(r->shortcuts_given, rp_shortcuts[i]))
            shortcut = rp_scenario_fields[rp_shortcuts[i]].name;
    for (size_t i = 0; res == 0 && shortcut && i < r->sources.count; i++) {
        const struct rp_source *source = &r->sources.items[i];

        if (!rp_source_has_fields(source))
            continue;
        if (!source->is_configured) {
            res = rp_plan_warn(r->plan, &where,
                               "'%s' does nothing in scenario '%s', which has fields of its own",
                               shortcut, source->name);
            continue;
        }
        rp_where_fail(&where, r->err,
                      "'%s' cannot stand beside scenario '%s', which has fields of its own",
                      shortcut, source->name);
        rp_error_hint(r->err, "give '%s' to the scenarios that need it", shortcut);
        return rp_error_keep(r->err, -RP_EUSER);
    }
    return res;
}

static bool is_selected(const struct rp_resolver *r, const char *name)
{
    for (size_t i = 0; i < r->overrides->scenario_name_count; i++)
        if (strcmp(r->overrides->scenario_names[i].value, name) == 0)
            return true;
    return r->overrides->scenario_name_count == 0;
}

static int check_selection(const struct rp_resolver *r)
{
    if (!r->sources.count) /* which is a mistake, and has been kept */
        return 0;
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
        if (rp_error_keep(r->err, -RP_EUSER) < 0)
            return -ENOMEM;
    }
    return 0;
}

static int take(struct rp_resolver *r, struct rp_scenario *scenario, rp_field_set *given,
                enum rp_field_id from, enum rp_field_id to)
{
    const struct rp_where where = rp_resolve_options_place(r);
    const json_t *value = json_object_get(r->options, rp_scenario_fields[from].name);

    if (!rp_field_set_has(r->shortcuts_given, from))
        return 0;
    *given |= 1u << to;
    if (!rp_field_set_has(r->shortcuts_read, from)) /* a mistake, and it has been kept */
        return 0;
    return rp_field_parse(&rp_scenario_fields[to], scenario, value, &where, r->err);
}

/* Whether every shortcut that was given has a value. */
static bool is_read(const struct rp_resolver *r)
{
    return r->shortcuts_given == r->shortcuts_read;
}

/* Fills in a scenario without fields: it takes k6's shortcuts, or is one iteration of one VU when
 * there are none. A --duration alone means constant-vus, because nothing in the script says
 * otherwise. */
static int take_shortcuts(struct rp_resolver *r, struct rp_scenario *scenario, rp_field_set *given)
{
    bool has_duration = rp_field_set_has(r->shortcuts_given, RP_F_DURATION) ||
                        rp_field_set_has(r->wanted.given, RP_F_DURATION);
    int res;

    scenario->executor = rp_field_set_has(r->shortcuts_given, RP_F_STAGES) ? RP_RAMPING_VUS
                         : rp_field_set_has(r->shortcuts_given, RP_F_ITERATIONS)
                             ? RP_SHARED_ITERATIONS
                         : has_duration ? RP_CONSTANT_VUS
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

/* Gives the scenario its name, its place and its function. One that the script has named by a value
 * or a field that is a mistake is not looked for. */
static int name_scenario(struct rp_resolver *r, const struct rp_source *source,
                         struct rp_scenario *scenario, rp_field_set *given)
{
    const char *function = scenario->exec_fn ? scenario->exec_fn
                                             : rp_sources_default_function(&r->sources, source);
    bool is_mistake = rp_field_set_has(*given, RP_F_EXEC_FN) && !scenario->exec_fn;
    int res = is_mistake ? 0 : rp_sources_check_function(&r->sources, source, function, r->err);

    *given |= 1u << RP_F_EXEC_FN;
    if (res < 0 || is_mistake)
        return res;
    if (!scenario->exec_fn)
        scenario->exec_fn = rp_strdup(function);
    scenario->name = rp_strdup(source->name);
    if (source->where.file)
        scenario->file = rp_strdup(source->where.file);
    scenario->line = source->where.line;
    if (!scenario->name || !scenario->exec_fn || (source->where.file && !scenario->file))
        return -ENOMEM;
    return 0;
}

/* Scenarios that do not run are checked too, as far as that can be done without the overrides. */
static int resolve_scenario(struct rp_resolver *r, const struct rp_source *source)
{
    struct rp_scenario scenario = { 0 };
    rp_field_set given = 0;
    bool runs = is_selected(r, source->name);
    size_t mistakes = rp_error_count_kept(r->err);
    int res = rp_scenario_parse(&scenario, source->fields, &given, &source->where,
                                runs ? r->plan : NULL, r->err);
    bool has_executor = res == 0;

    if (res == 0 && !rp_source_has_fields(source))
        res = take_shortcuts(r, &scenario, &given);
    if (res >= 0)
        res = rp_error_keep(r->err, name_scenario(r, source, &scenario, &given));
    if (res == 0 && runs && has_executor)
        res = rp_error_keep(
            r->err, rp_overrides_apply(&r->wanted, &scenario, &given, &source->where, r->err));
    if (res == 0 && runs && has_executor) {
        bool is_whole = rp_error_count_kept(r->err) == mistakes && is_read(r);

        res = rp_scenario_finish(&scenario, given, is_whole, &source->where, r->plan, r->err);
    }
    if (res < 0 || !runs)
        rp_scenario_deinit(&scenario);
    else
        r->plan->scenarios[r->plan->scenario_count++] = scenario;
    return res;
}

static int resolve_scenarios(struct rp_resolver *r)
{
    int res = rp_sources_collect(&r->sources, r->err);

    if (res == 0)
        res = check_mixing(r);
    if (res == 0)
        res = check_selection(r);
    if (res < 0)
        return res;
    r->plan->scenarios = rp_calloc(r->sources.count ? r->sources.count : 1,
                                   sizeof(*r->plan->scenarios));
    if (!r->plan->scenarios)
        return -ENOMEM;
    for (size_t i = 0; res == 0 && i < r->sources.count; i++)
        res = resolve_scenario(r, &r->sources.items[i]);
    return res == 0 ? rp_overrides_finish(&r->wanted, r->plan, r->err) : res;
}

/* The scenario that a threshold is about, when that is one that an override leaves out; else
 * NULL. */
static const char *left_out(const struct rp_resolver *r, const struct rp_threshold *threshold)
{
    for (size_t i = 0; i < threshold->filter.count; i++) {
        const char *name = threshold->filter.pairs[i].value;

        if (strcmp(threshold->filter.pairs[i].key, "scenario") != 0 || is_selected(r, name))
            continue;
        for (size_t k = 0; k < r->sources.count; k++)
            if (strcmp(r->sources.items[k].name, name) == 0)
                return name;
    }
    return NULL;
}

static int skip_thresholds(struct rp_resolver *r, const struct rp_where *where)
{
    struct rp_plan *plan = r->plan;
    size_t count = plan->threshold_count;
    int res = 0;

    plan->threshold_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct rp_threshold threshold = plan->thresholds[i];
        const char *name = left_out(r, &threshold);

        if (!name) {
            plan->thresholds[plan->threshold_count++] = threshold;
            continue;
        }
        if (res == 0)
            res = rp_plan_warn(plan, where,
                               "threshold '%s' on '%s' is skipped, because scenario '%s' does not "
                               "run",
                               threshold.source, threshold.display, name);
        rp_threshold_deinit(&threshold);
    }
    return res;
}

static int resolve_thresholds(struct rp_resolver *r)
{
    struct rp_where where = { r->sources.config.file, r->sources.config.line, "config", NULL };
    const json_t *thresholds;
    int res = rp_error_keep(
        r->err, rp_json_object_at(r->config, "thresholds", &thresholds, &where, r->err));

    if (res == 0)
        res = rp_plan_add_thresholds(r->plan, thresholds, r->has_dynamic_metrics,
                                     json_object_get(r->places, "thresholds"), &where, r->err);
    where.kind = NULL;
    return res == 0 ? skip_thresholds(r, &where) : res;
}

static int resolve(struct rp_resolver *r)
{
    int res = rp_overrides_parse(r->overrides, &r->wanted, r->err);

    if (res == 0)
        res = read_head(r);
    if (res == 0)
        res = rp_resolve_notes(r);
    if (res == 0)
        res = read_config(r);
    if (res == 0)
        res = rp_resolve_options(r);
    if (res == 0)
        res = rp_resolve_metrics(r);
    if (res == 0)
        res = resolve_scenarios(r);
    if (res == 0)
        res = resolve_thresholds(r);
    if (res == 0)
        res = rp_overrides_apply_judgement(r->overrides, r->plan, r->has_dynamic_metrics, r->err);
    if (res == 0)
        res = rp_overrides_apply_run(r->overrides, r->plan, r->err);
    if (res == 0)
        res = rp_overrides_apply_tls(r->overrides, r->plan, r->err);
    if (res == 0)
        res = rp_http2_apply(r->overrides->http2, r->plan, r->err);
    return res == 0 ? rp_overrides_apply_pairs(r->overrides, r->plan, r->err) : res;
}

int rp_plan_resolve(const char *declaration_json, const struct rp_overrides *overrides,
                    struct rp_plan **ret, struct rp_error *err)
{
    static const struct rp_overrides none = { 0 };
    struct rp_error own = { 0 };
    struct rp_resolver r = { .overrides = overrides ? overrides : &none, .err = err ? err : &own };
    int res = rp_json_load(declaration_json, "the declaration", &r.root, r.err);

    if (res == 0 && !json_is_object(r.root))
        res = rp_error_set(r.err, -RP_EUSER, "the declaration is not a JSON object");
    if (res == 0) {
        r.plan = rp_calloc(1, sizeof(*r.plan));
        res = r.plan ? resolve(&r) : -ENOMEM;
    }
    res = rp_error_kept(r.err, res);
    rp_error_deinit(&own);
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

/* SPDX-License-Identifier: MIT */

/* What a declaration says of the whole plan: the options, the script's metrics, and the notes of the
 * script host. */

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "plan/plan_internal.h"
#include "plan/resolve.h"

const enum rp_field_id rp_shortcuts[RP_SHORTCUT_COUNT] = { RP_F_VUS, RP_F_DURATION, RP_F_ITERATIONS,
                                                           RP_F_STAGES };

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
    plan->failed_exchanges = rp_plan_settings[RP_S_FAILED_EXCHANGES].default_value;
    plan->connections_per_host = rp_plan_settings[RP_S_CONNECTIONS_PER_HOST].default_value;
    plan->batch = rp_plan_settings[RP_S_BATCH].default_value;
    plan->trend_stats = rp_alloc(sizeof(stats));
    if (!plan->trend_stats)
        return -ENOMEM;
    memcpy(plan->trend_stats, stats, sizeof(stats));
    plan->trend_stat_count = RP_ARRAY_LEN(stats);
    return 0;
}

int rp_http2_apply(const char *given, struct rp_plan *plan, struct rp_error *err)
{
    if (given) {
        rp_free(plan->http2);
        plan->http2 = rp_strdup(given);
        return plan->http2 ? 0 : -ENOMEM;
    }
    if (!plan->http2 || strcmp(plan->http2, "always") == 0 || strcmp(plan->http2, "never") == 0)
        return 0;
    rp_error_set(err, -RP_EUSER, "http2 must be True or False, not '%.64s'", plan->http2);
    return rp_error_keep(err, -RP_EUSER);
}

struct rp_where rp_resolve_options_place(const struct rp_resolver *r)
{
    struct rp_where where = { r->sources.config.file, r->sources.config.line, "options", NULL };

    rp_json_place(json_object_get(r->places, "options"), &where);
    return where;
}

int rp_resolve_options(struct rp_resolver *r)
{
    const struct rp_where where = rp_resolve_options_place(r);
    const char *keys[RP_SHORTCUT_COUNT + RP_S_COUNT];
    struct rp_scenario checked = { 0 };
    size_t count = 0;
    int res = set_default_settings(r->plan);

    for (size_t i = 0; i < RP_SHORTCUT_COUNT; i++)
        keys[count++] = rp_scenario_fields[rp_shortcuts[i]].name;
    for (size_t i = 0; i < RP_S_COUNT; i++)
        keys[count++] = rp_plan_settings[i].name;
    if (res == 0)
        res = rp_json_check_keys(r->options, keys, count, &where, r->err);
    for (size_t i = 0; res == 0 && i < RP_SHORTCUT_COUNT; i++) {
        const struct rp_field *field = &rp_scenario_fields[rp_shortcuts[i]];
        const json_t *value = json_object_get(r->options, field->name);

        if (rp_json_is_absent(value))
            continue;
        res = rp_field_parse(field, &checked, value, &where, r->err);
        r->shortcuts_given |= 1u << rp_shortcuts[i];
        r->shortcuts_read |= res == 0 ? 1u << rp_shortcuts[i] : 0;
        res = rp_error_keep(r->err, res);
    }
    for (size_t i = 0; res == 0 && i < RP_S_COUNT; i++) {
        const json_t *value = json_object_get(r->options, rp_plan_settings[i].name);

        if (rp_json_is_absent(value))
            continue;
        res = rp_error_keep(r->err,
                            rp_field_parse(&rp_plan_settings[i], r->plan, value, &where, r->err));
        r->plan->seed_is_given = r->plan->seed_is_given || i == RP_S_SEED;
    }
    if (res == 0 && rp_field_set_has(r->shortcuts_given, RP_F_STAGES) &&
        (rp_field_set_has(r->shortcuts_given, RP_F_DURATION) ||
         rp_field_set_has(r->shortcuts_given, RP_F_ITERATIONS)))
        res = rp_error_keep(r->err,
                            rp_where_fail(&where, r->err, "stages cannot stand beside %s",
                                          rp_field_set_has(r->shortcuts_given, RP_F_DURATION)
                                              ? "duration"
                                              : "iterations"));
    rp_scenario_deinit(&checked);
    return res;
}

/* What stands in the text of the script: a guess, for other objects have such methods too. */
static int read_script_metric(struct rp_resolver *r, const json_t *entry)
{
    static const char *const keys[] = { "name", "type", "file", "line" };
    struct rp_where where = { NULL, 0, "declaration", "metrics" };
    const char *name = NULL, *type = NULL;
    char shown[RP_SHOW_SIZE];
    int res;

    if (!json_is_object(entry))
        return rp_where_fail(&where, r->err, "expected a dict, not %s", rp_show_json(entry, shown));
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

int rp_resolve_metrics(struct rp_resolver *r)
{
    const struct rp_where host = { NULL, 0, "declaration", NULL };
    struct rp_where where = { r->sources.config.file, r->sources.config.line, "config", NULL };
    const json_t *list, *object;
    char shown[RP_SHOW_SIZE];
    const char *name;
    json_t *type;
    int res = rp_error_keep(r->err,
                            rp_json_object_at(r->config, "metrics", &object, &where, r->err));

    if (res < 0)
        return res;
    json_object_foreach((json_t *)object, name, type)
    {
        if (json_is_string(type))
            res = rp_plan_add_metric(r->plan, name, json_string_value(type), &where, r->err);
        else
            res = rp_where_fail(&where, r->err,
                                "metrics: the type of '%.64s' must be counter, gauge, rate or "
                                "trend, not %s",
                                name, rp_show_json(type, shown));
        res = rp_error_keep(r->err, res);
        if (res < 0)
            return res;
    }
    /* After what is declared, which they cannot override. */
    res = rp_json_list_at(r->root, "metrics", &list, &host, r->err);
    for (size_t i = 0; res == 0 && i < json_array_size(list); i++)
        res = rp_error_keep(r->err, read_script_metric(r, json_array_get(list, i)));
    return res;
}

static int read_note(struct rp_resolver *r, const json_t *note, bool is_mistake)
{
    const char *text = json_string_value(json_object_get(note, "text"));
    const char *hint = json_string_value(json_object_get(note, "hint"));
    struct rp_where where = { NULL, 0, "declaration", is_mistake ? "mistakes" : "warnings" };
    int res = rp_json_place_at(note, &where, r->err);

    if (res < 0)
        return res;
    if (!text)
        return rp_where_fail(&where, r->err, "text is missing");
    where.kind = NULL;
    if (!is_mistake)
        return rp_plan_warn(r->plan, &where, "%s", text);
    rp_where_fail(&where, r->err, "%s", text);
    if (hint)
        rp_error_hint(r->err, "%s", hint);
    return rp_error_keep(r->err, -RP_EUSER);
}

static int read_list(struct rp_resolver *r, bool is_mistake)
{
    const struct rp_where host = { NULL, 0, "declaration", NULL };
    const json_t *list;
    int res = rp_json_list_at(r->root, is_mistake ? "mistakes" : "warnings", &list, &host, r->err);

    for (size_t i = 0; res == 0 && i < json_array_size(list); i++)
        res = read_note(r, json_array_get(list, i), is_mistake);
    return res;
}

int rp_resolve_notes(struct rp_resolver *r)
{
    int res = read_list(r, true);

    return res == 0 ? read_list(r, false) : res;
}

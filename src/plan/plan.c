/* SPDX-License-Identifier: MIT */
#include "plan/plan.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "plan/duration.h"
#include "plan/plan_internal.h"

/* A setting of the whole plan that is no option of the script. */
static const struct rp_field env_field = { "env", RP_FT_PAIRS,
                                           .offset = offsetof(struct rp_plan, env) };

void rp_plan_free(struct rp_plan *plan)
{
    if (!plan)
        return;
    for (size_t i = 0; i < plan->scenario_count; i++)
        rp_scenario_deinit(&plan->scenarios[i]);
    for (size_t i = 0; i < plan->threshold_count; i++)
        rp_threshold_deinit(&plan->thresholds[i]);
    for (size_t i = 0; i < plan->metric_count; i++)
        rp_free(plan->metrics[i].name);
    for (size_t i = 0; i < RP_S_COUNT; i++)
        rp_field_clear(&rp_plan_settings[i], plan);
    rp_field_clear(&env_field, plan);
    for (size_t i = 0; i < plan->warning_count; i++)
        rp_free(plan->warnings[i]);
    rp_free(plan->warnings);
    rp_free(plan->scenarios);
    rp_free(plan->thresholds);
    rp_free(plan->metrics);
    rp_free(plan->script);
    rp_free(plan->base_url);
    rp_free(plan->http2);
    rp_free(plan->http_debug);
    rp_free(plan);
}

int rp_plan_warn(struct rp_plan *plan, const struct rp_where *where, const char *fmt, ...)
{
    char what[1024], *text;
    struct rp_error told = { 0 };
    struct rp_buf out;
    void *warnings;
    va_list args;

    if (!plan)
        return 0;
    va_start(args, fmt);
    vsnprintf(what, sizeof(what), fmt, args);
    va_end(args);
    rp_where_fail(where, &told, "%s", what);
    rp_buf_init(&out, 1 << 16);
    if (told.file)
        rp_buf_appendf(&out, "%s:%d: ", told.file, told.line);
    rp_buf_append_str(&out, told.message ? told.message : what);
    rp_error_deinit(&told);
    text = rp_buf_take(&out);
    rp_buf_deinit(&out);
    warnings = text ? rp_realloc_array(plan->warnings, plan->warning_count + 1, sizeof(text))
                    : NULL;
    if (!warnings) {
        rp_free(text);
        return -ENOMEM;
    }
    plan->warnings = warnings;
    plan->warnings[plan->warning_count++] = text;
    return 0;
}

/* Takes @value. False when out of memory. */
static bool put(json_t *object, const char *key, json_t *value)
{
    return value && json_object_set_new(object, key, value) == 0;
}

/* Fields that a reader of an inspection finds in every scenario. */
static bool is_always_shown(int id)
{
    return id == RP_F_VUS || id == RP_F_DURATION || id == RP_F_ITERATIONS || id == RP_F_RATE ||
           id == RP_F_STAGES;
}

static json_t *scenario_to_json(const struct rp_scenario *scenario, bool is_inspection)
{
    json_t *object = json_object();
    bool ok = object != NULL;

    if (scenario->file)
        ok = ok && put(object, "file", json_string(scenario->file)) &&
             put(object, "line", json_integer(scenario->line));
    for (int i = 0; ok && i < RP_F_COUNT; i++)
        if (rp_scenario_has(scenario, (enum rp_field_id)i))
            ok = put(object, rp_scenario_fields[i].name,
                     rp_field_to_json(&rp_scenario_fields[i], scenario));
        else if (is_inspection && is_always_shown(i))
            ok = put(object, rp_scenario_fields[i].name, json_null());
    if (ok)
        return object;
    json_decref(object);
    return NULL;
}

static json_t *scenarios_to_json(const struct rp_plan *plan, bool is_inspection)
{
    json_t *object = json_object();

    for (size_t i = 0; object && i < plan->scenario_count; i++)
        if (!put(object, plan->scenarios[i].name,
                 scenario_to_json(&plan->scenarios[i], is_inspection))) {
            json_decref(object);
            object = NULL;
        }
    return object;
}

static json_t *threshold_to_json(const struct rp_threshold *threshold)
{
    json_t *object = json_object();
    char delay[64];

    rp_duration_format(threshold->delay_abort_eval, delay, sizeof(delay));
    if (object && put(object, "threshold", json_string(threshold->source)) &&
        put(object, "abort_on_fail", json_boolean(threshold->abort_on_fail)) &&
        put(object, "delay_abort_eval", json_string(delay)))
        return object;
    json_decref(object);
    return NULL;
}

static json_t *thresholds_to_json(const struct rp_plan *plan)
{
    json_t *object = json_object();

    for (size_t i = 0; object && i < plan->threshold_count; i++) {
        const char *display = plan->thresholds[i].display;
        json_t *list = json_object_get(object, display);

        if ((!list && !put(object, display, json_array())) ||
            json_array_append_new(json_object_get(object, display),
                                  threshold_to_json(&plan->thresholds[i])) < 0) {
            json_decref(object);
            object = NULL;
        }
    }
    return object;
}

static json_t *metrics_to_json(const struct rp_plan *plan)
{
    json_t *object = json_object();

    for (size_t i = 0; object && i < plan->metric_count; i++)
        if (!put(object, plan->metrics[i].name,
                 json_string(rp_metric_type_name(plan->metrics[i].type)))) {
            json_decref(object);
            object = NULL;
        }
    return object;
}

struct rp_plan rp_plan_public(const struct rp_plan *plan)
{
    static char hidden[] = "***";
    struct rp_plan copy = *plan;

    if (copy.proxy_auth)
        copy.proxy_auth = hidden;
    return copy;
}

static json_t *plan_to_json(const struct rp_plan *plan, bool is_inspection)
{
    json_t *object = json_object();
    bool ok = object && put(object, "script", json_string(plan->script)) &&
              put(object, "scenarios", scenarios_to_json(plan, is_inspection)) &&
              put(object, "thresholds", thresholds_to_json(plan)) &&
              put(object, "metrics", metrics_to_json(plan)) &&
              put(object, env_field.name, rp_field_to_json(&env_field, plan)) &&
              put(object, "has_setup", json_boolean(plan->has_setup)) &&
              put(object, "has_teardown", json_boolean(plan->has_teardown)) &&
              put(object, "no_spin", json_boolean(plan->no_spin)) &&
              put(object, "once", json_boolean(plan->once)) &&
              put(object, "series_memory", json_integer(plan->series_memory)) &&
              put(object, "workers", json_integer(plan->workers));

    for (int i = 0; ok && i < RP_S_COUNT; i++)
        ok = (i == RP_S_SEED && is_inspection && !plan->seed_is_given) ||
             put(object, rp_plan_settings[i].name, rp_field_to_json(&rp_plan_settings[i], plan));
    if (ok)
        return object;
    json_decref(object);
    return NULL;
}

/* The fewest digits with which every rate reads back as the same number: 0.1 and not
 * 0.10000000000000001. */
static size_t real_precision(const struct rp_plan *plan)
{
    size_t precision = 1;
    char text[40];

    for (size_t i = 0; i < plan->scenario_count; i++)
        for (; precision < 17; precision++) {
            snprintf(text, sizeof(text), "%.*g", (int)precision, plan->scenarios[i].rate);
            if (strtod(text, NULL) == plan->scenarios[i].rate)
                break;
        }
    return precision;
}

static int append_chunk(const char *text, size_t len, void *user)
{
    struct rp_buf *out = user;

    rp_buf_append(out, text, len);
    return out->error ? -1 : 0;
}

static int write_json(const struct rp_plan *plan, bool is_inspection, struct rp_buf *out)
{
    json_t *object = plan_to_json(plan, is_inspection);
    int r;

    if (!object)
        return -ENOMEM;
    r = json_dump_callback(object, append_chunk, out,
                           JSON_INDENT(2) | JSON_REAL_PRECISION(real_precision(plan)));
    json_decref(object);
    if (r < 0)
        return out->error ? out->error : -ENOMEM;
    return 0;
}

int rp_plan_write_json(const struct rp_plan *plan, struct rp_buf *out)
{
    return write_json(plan, false, out);
}

int rp_plan_write_inspection(const struct rp_plan *plan, struct rp_buf *out)
{
    const struct rp_plan shown = rp_plan_public(plan);

    return write_json(&shown, true, out);
}

static int read_scenario(struct rp_plan *plan, const char *name, const json_t *fields,
                         struct rp_error *err)
{
    struct rp_where where = { NULL, 0, "scenario", name };
    struct rp_scenario *scenario = &plan->scenarios[plan->scenario_count];
    json_t *own = json_copy((json_t *)fields);
    rp_field_set given;
    int r;

    if (!own)
        return -ENOMEM;
    r = rp_json_place_at(own, &where, err);
    plan->scenario_count++;
    if (r == 0 && !rp_name_is_valid(rp_slice_str(name)))
        r = rp_where_fail(&where, err, "the name must be " RP_NAME_RULE);
    if (r == 0) {
        scenario->name = rp_strdup(name);
        scenario->file = where.file ? rp_strdup(where.file) : NULL;
        scenario->line = where.line;
        r = scenario->name && (scenario->file || !where.file) ? 0 : -ENOMEM;
        json_object_del(own, "file"); /* what is left are fields; the text stays with @fields */
        json_object_del(own, "line");
    }
    if (r == 0)
        r = rp_scenario_parse(scenario, own, &given, &where, NULL, err);
    if (r == 0)
        r = rp_scenario_finish(scenario, given, !rp_error_count_kept(err), &where, plan, err);
    json_decref(own);
    return r;
}

static int read_scenarios(struct rp_plan *plan, const json_t *scenarios, struct rp_error *err)
{
    const struct rp_where nowhere = { NULL, 0, "plan", NULL };
    size_t count = json_object_size(scenarios);
    char shown[RP_SHOW_SIZE];
    const char *name;
    json_t *fields;

    if (!count)
        return rp_where_fail(&nowhere, err, "it has no scenario");
    plan->scenarios = rp_calloc(count, sizeof(*plan->scenarios));
    if (!plan->scenarios)
        return -ENOMEM;
    json_object_foreach((json_t *)scenarios, name, fields)
    {
        int r = json_is_object(fields)
                    ? read_scenario(plan, name, fields, err)
                    : rp_where_fail(&nowhere, err, "a scenario must be an object, not %s",
                                    rp_show_json(fields, shown));

        if (r < 0)
            return r;
    }
    return 0;
}

/* Settings behind these came later: a plan without one was made by a version that did not have it. */
enum { LAST_OF_THE_FIRST = RP_S_SEED };

static int read_settings(struct rp_plan *plan, const json_t *root, const struct rp_where *where,
                         struct rp_error *err)
{
    for (int i = 0; i <= RP_S_COUNT; i++) {
        const struct rp_field *field = i < RP_S_COUNT ? &rp_plan_settings[i] : &env_field;
        const json_t *value = json_object_get(root, field->name);
        int r = 0;

        if (!rp_json_is_absent(value))
            r = rp_field_parse(field, plan, value, where, err);
        else if (i <= LAST_OF_THE_FIRST || i == RP_S_COUNT)
            r = rp_where_fail(where, err, "%s is missing", field->name);
        if (r < 0)
            return r;
    }
    return 0;
}

static int read_metrics(struct rp_plan *plan, const json_t *metrics, const struct rp_where *where,
                        struct rp_error *err)
{
    const char *name;
    json_t *type;

    json_object_foreach((json_t *)metrics, name, type)
    {
        int r = json_is_string(type)
                    ? rp_plan_add_metric(plan, name, json_string_value(type), where, err)
                    : rp_where_fail(where, err, "metrics: a type must be text");

        if (r < 0)
            return r;
    }
    return 0;
}

static int read_plan(struct rp_plan *plan, const json_t *root, struct rp_error *err)
{
    const struct rp_where where = { NULL, 0, "plan", NULL };
    const json_t *scenarios, *thresholds, *metrics;
    const char *script = NULL;
    int r = rp_json_text_at(root, "script", &script, &where, err);

    if (r == 0 && !script)
        return rp_where_fail(&where, err, "script is missing");
    if (r == 0)
        r = rp_json_object_at(root, "scenarios", &scenarios, &where, err);
    if (r == 0)
        r = rp_json_object_at(root, "thresholds", &thresholds, &where, err);
    if (r == 0)
        r = rp_json_object_at(root, "metrics", &metrics, &where, err);
    if (r == 0)
        r = rp_json_bool_at(root, "has_setup", &plan->has_setup, &where, err);
    if (r == 0)
        r = rp_json_bool_at(root, "has_teardown", &plan->has_teardown, &where, err);
    if (r == 0)
        r = rp_json_bool_at(root, "no_spin", &plan->no_spin, &where, err);
    if (r == 0)
        r = rp_json_bool_at(root, "once", &plan->once, &where, err);
    if (r < 0)
        return r;
    /* A plan without this member was made before there were several workers. */
    plan->workers = json_is_integer(json_object_get(root, "workers"))
                        ? json_integer_value(json_object_get(root, "workers"))
                        : 1;
    if (plan->workers < 1 || plan->workers > RP_WORKERS_MAX)
        return rp_where_fail(&where, err, "workers is not a number of 1 to 1024");
    plan->series_memory = json_is_integer(json_object_get(root, "series_memory"))
                              ? json_integer_value(json_object_get(root, "series_memory"))
                              : RP_SERIES_MEMORY;
    if (plan->series_memory < 1 || plan->series_memory > RP_SERIES_MEMORY_MAX)
        return rp_where_fail(&where, err, "series_memory is not a number of 1 to %d",
                             RP_SERIES_MEMORY_MAX);
    plan->seed_is_given = true;
    plan->script = rp_strdup(script);
    if (!plan->script)
        return -ENOMEM;
    r = read_settings(plan, root, &where, err);
    if (r == 0)
        r = read_metrics(plan, metrics, &where, err);
    if (r == 0)
        r = read_scenarios(plan, scenarios, err);
    /* When the plan was made, metrics that only show at run time were let pass without a type. */
    return r == 0 ? rp_plan_add_thresholds(plan, thresholds, true, NULL, &where, err) : r;
}

static int check_keys(const json_t *root, const struct rp_where *where, struct rp_error *err)
{
    static const char *const others[] = { "script",  "scenarios", "thresholds",   "metrics",
                                          "env",     "has_setup", "has_teardown", "no_spin",
                                          "workers", "once",      "series_memory" };
    const char *keys[RP_ARRAY_LEN(others) + RP_S_COUNT];
    size_t count = 0;

    for (; count < RP_ARRAY_LEN(others); count++)
        keys[count] = others[count];
    for (size_t i = 0; i < RP_S_COUNT; i++)
        keys[count++] = rp_plan_settings[i].name;
    return rp_json_check_keys(root, keys, count, where, err);
}

int rp_plan_read_json(const char *json, struct rp_plan **ret, struct rp_error *err)
{
    const struct rp_where where = { NULL, 0, "plan", NULL };
    struct rp_plan *plan = NULL;
    json_t *root;
    int r = rp_json_load(json, "the plan", &root, err);

    if (r < 0)
        return r;
    if (json_is_object(root))
        r = check_keys(root, &where, err);
    else
        r = rp_where_fail(&where, err, "it is not a JSON object");
    if (r == 0) {
        plan = rp_calloc(1, sizeof(*plan));
        r = plan ? read_plan(plan, root, err) : -ENOMEM;
    }
    r = rp_error_kept(err, r);
    json_decref(root);
    if (r != 0) {
        rp_plan_free(plan);
        return r;
    }
    *ret = plan;
    return 0;
}

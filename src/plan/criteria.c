/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/text.h"
#include "plan/metrics.h"
#include "plan/plan_internal.h"

static const struct rp_custom_metric *find_custom(const struct rp_plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->metric_count; i++)
        if (strcmp(plan->metrics[i].name, name) == 0)
            return &plan->metrics[i];
    return NULL;
}

static bool find_type(const struct rp_plan *plan, const char *name, enum rp_metric_type *ret)
{
    const struct rp_builtin_metric *builtin = rp_builtin_metric_find(name);
    const struct rp_custom_metric *custom = find_custom(plan, name);

    if (builtin)
        *ret = builtin->type;
    else if (custom)
        *ret = custom->type;
    return builtin || custom;
}

static int parse_type(const char *text, enum rp_metric_type *ret)
{
    for (int i = 0; i < RP_METRIC_TYPE_COUNT; i++)
        if (strcmp(text, rp_metric_type_name((enum rp_metric_type)i)) == 0) {
            *ret = (enum rp_metric_type)i;
            return 0;
        }
    return -EINVAL;
}

static int append_metric(struct rp_plan *plan, const char *name, enum rp_metric_type type,
                         bool is_guess)
{
    struct rp_custom_metric *metrics = rp_realloc_array(plan->metrics, plan->metric_count + 1,
                                                        sizeof(*metrics));
    char *copy;

    if (!metrics)
        return -ENOMEM;
    plan->metrics = metrics;
    copy = rp_strdup(name);
    if (!copy)
        return -ENOMEM;
    metrics[plan->metric_count++] = (struct rp_custom_metric){ copy, type, is_guess };
    return 0;
}

int rp_plan_add_metric(struct rp_plan *plan, const char *name, const char *type,
                       const struct rp_where *where, struct rp_error *err)
{
    struct rp_where here = { where->file, where->line, "metric", NULL };
    enum rp_metric_type wanted, known;
    char shown[RP_SHOW_SIZE];

    if (!rp_metric_name_is_valid(rp_slice_str(name)))
        return rp_where_fail(&here, err, "the name must be " RP_NAME_RULE ", not %s",
                             rp_show_text(name, shown));
    here.name = name;
    if (parse_type(type, &wanted) < 0)
        return rp_where_fail(&here, err, "the type must be counter, gauge, rate or trend, not %s",
                             rp_show_text(type, shown));
    if (!find_type(plan, name, &known))
        return append_metric(plan, name, wanted, false);
    if (known == wanted)
        return 0;
    rp_where_fail(&here, err, "it is a %s%s and cannot be a %s too", rp_metric_type_name(known),
                  rp_builtin_metric_find(name) ? " of rampa's own" : "",
                  rp_metric_type_name(wanted));
    rp_error_hint(err, "use another name for one of them");
    return -RP_EUSER;
}

int rp_plan_guess_metric(struct rp_plan *plan, const char *name, const char *type)
{
    enum rp_metric_type guess, known;

    if (!rp_metric_name_is_valid(rp_slice_str(name)) || parse_type(type, &guess) < 0 ||
        find_type(plan, name, &known))
        return 0;
    return append_metric(plan, name, guess, true);
}

/* A threshold wants a statistic that the guess has not: then the guess was wrong. */
static void forget_guess(struct rp_plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->metric_count; i++) {
        if (strcmp(plan->metrics[i].name, name) != 0)
            continue;
        rp_free(plan->metrics[i].name);
        plan->metrics[i] = plan->metrics[--plan->metric_count];
        return;
    }
}

static int fail_unknown_metric(const struct rp_plan *plan, const char *name,
                               const struct rp_where *where, struct rp_error *err)
{
    size_t count = 0;
    const char **names = rp_realloc_array(NULL, RP_BUILTIN_COUNT + plan->metric_count,
                                          sizeof(*names));
    char shown[RP_SHOW_SIZE];
    const char *near;

    if (!names)
        return -ENOMEM;
    for (; count < RP_BUILTIN_COUNT; count++)
        names[count] = rp_builtin_name(count);
    for (size_t i = 0; i < plan->metric_count; i++)
        names[count++] = plan->metrics[i].name;
    near = rp_suggest(rp_slice_str(name), names, count);
    if (where->name) /* it is the metric */
        rp_where_fail(where, err, "unknown metric");
    else
        rp_where_fail(where, err, "unknown metric %s", rp_show_text(name, shown));
    if (near)
        rp_error_hint(err,
                      "did you mean '%s'? A metric of the script's own can be declared: "
                      "Config(metrics={\"%.64s\": \"trend\"})",
                      near, name);
    else
        rp_error_hint(err,
                      "a metric of the script's own can be declared: "
                      "Config(metrics={\"%.64s\": \"trend\"})",
                      name);
    rp_free(names);
    return -RP_EUSER;
}

static int check(struct rp_plan *plan, struct rp_threshold *threshold, bool has_dynamic_metrics,
                 const struct rp_where *where, struct rp_error *err)
{
    const struct rp_custom_metric *custom = find_custom(plan, threshold->metric);
    int r;

    if (custom && custom->is_guess && rp_threshold_check_type(threshold, custom->type, NULL) < 0) {
        forget_guess(plan, threshold->metric);
        return 0; /* what the metric is shows when it is recorded */
    }
    threshold->has_type = find_type(plan, threshold->metric, &threshold->type);
    if (!threshold->has_type)
        return has_dynamic_metrics ? 0 : fail_unknown_metric(plan, threshold->metric, where, err);
    r = rp_threshold_check_type(threshold, threshold->type, err);
    if (r < 0)
        rp_error_place(err, where->file, where->line);
    return r;
}

/* Reads the expression of a threshold and, in its long form, the other members. */
static int read_item(const json_t *item, struct rp_slice *ret_expression,
                     struct rp_threshold *extra, const struct rp_where *where, struct rp_error *err)
{
    static const char *const keys[] = { "threshold", "abort_on_fail", "delay_abort_eval" };
    static const struct rp_field delay = {
        "delay_abort_eval", RP_FT_DURATION,
        .offset = offsetof(struct rp_threshold, delay_abort_eval), .max = RP_LONGEST
    };
    const json_t *expression = item;
    char shown[RP_SHOW_SIZE];
    int r = 0;

    if (json_is_object(item)) {
        const json_t *wait = json_object_get(item, "delay_abort_eval");

        expression = json_object_get(item, "threshold");
        r = rp_json_check_keys(item, keys, RP_ARRAY_LEN(keys), where, err);
        if (r == 0)
            r = rp_error_keep(
                err, rp_json_bool_at(item, "abort_on_fail", &extra->abort_on_fail, where, err));
        if (r == 0 && !rp_json_is_absent(wait))
            r = rp_error_keep(err, rp_field_parse(&delay, extra, wait, where, err));
        if (r == 0 && !json_is_string(expression))
            return rp_where_fail(where, err, "'threshold' must be text such as 'p(95)<500', not %s",
                                 rp_show_json(expression, shown));
    } else if (!json_is_string(item)) {
        return rp_where_fail(where, err,
                             "expected text such as 'p(95)<500' or {threshold, abort_on_fail, "
                             "delay_abort_eval}, not %s",
                             rp_show_json(item, shown));
    }
    if (r == 0)
        *ret_expression = rp_slice(json_string_value(expression), json_string_length(expression));
    return r;
}

static int add_one(struct rp_plan *plan, const char *metric, const json_t *item,
                   bool has_dynamic_metrics, const struct rp_where *where, struct rp_error *err)
{
    struct rp_threshold threshold, extra = { 0 }, *thresholds;
    struct rp_slice expression;
    int r = read_item(item, &expression, &extra, where, err);

    if (r < 0)
        return r;
    r = rp_threshold_parse(rp_slice_str(metric), expression, &threshold, err);
    if (r < 0) {
        if (r == -RP_EUSER)
            rp_error_place(err, where->file, where->line);
        return r;
    }
    threshold.abort_on_fail = extra.abort_on_fail;
    threshold.delay_abort_eval = extra.delay_abort_eval;
    r = check(plan, &threshold, has_dynamic_metrics, where, err);
    if (r == 0) {
        thresholds = rp_realloc_array(plan->thresholds, plan->threshold_count + 1,
                                      sizeof(*thresholds));
        if (thresholds) {
            plan->thresholds = thresholds;
            thresholds[plan->threshold_count++] = threshold;
            return 0;
        }
        r = -ENOMEM;
    }
    rp_threshold_deinit(&threshold);
    return r;
}

/* Equal metrics with equal filters are put together, so that thresholds of one view are
 * neighbours. */
static int check_repeated(const struct rp_plan *plan, size_t first, const struct rp_where *where,
                          struct rp_error *err)
{
    for (size_t i = 0; i < first; i++)
        if (strcmp(plan->thresholds[i].display, plan->thresholds[first].display) == 0)
            return rp_where_fail(where, err, "'%s' has thresholds already: put all into one list",
                                 plan->thresholds[first].display);
    return 0;
}

/* The thresholds of one metric, whose mistakes are kept. */
static int add_list(struct rp_plan *plan, const char *metric, const json_t *list,
                    bool has_dynamic_metrics, const struct rp_where *where, struct rp_error *err)
{
    size_t first = plan->threshold_count;
    char shown[RP_SHOW_SIZE];
    int r = 0;

    if (!json_is_array(list) || !json_array_size(list)) {
        rp_where_fail(where, err, "expected a list of at least one threshold, not %s",
                      rp_show_json(list, shown));
        rp_error_hint(err, "write \"%s\": [\"p(95)<500\"]", metric);
        return rp_error_keep(err, -RP_EUSER);
    }
    for (size_t i = 0; r == 0 && i < json_array_size(list); i++)
        r = rp_error_keep(
            err, add_one(plan, metric, json_array_get(list, i), has_dynamic_metrics, where, err));
    if (r == 0 && plan->threshold_count > first)
        r = rp_error_keep(err, check_repeated(plan, first, where, err));
    return r;
}

int rp_plan_add_thresholds(struct rp_plan *plan, const json_t *thresholds, bool has_dynamic_metrics,
                           const json_t *places, const struct rp_where *where, struct rp_error *err)
{
    const char *metric;
    json_t *list;

    json_object_foreach((json_t *)thresholds, metric, list)
    {
        struct rp_where here = { where->file, where->line, "thresholds of", metric };
        int r;

        rp_json_place(json_object_get(places, metric), &here);
        r = add_list(plan, metric, list, has_dynamic_metrics, &here, err);
        if (r < 0)
            return r;
    }
    return 0;
}

/* ---- the command line ------------------------------------------------------------------------ */

/* Where the metric of "http_req_duration{name:a}:p(95)<500" ends, which is a colon outside of the
 * braces of its filter; NULL when there is none. */
static const char *end_of_metric(const char *text)
{
    bool is_inside = false, is_quoted = false;

    for (; *text; text++) {
        if (*text == '"' && is_inside)
            is_quoted = !is_quoted;
        else if (*text == '\\' && is_quoted && text[1])
            text++;
        else if (*text == '{' && !is_quoted)
            is_inside = true;
        else if (*text == '}' && !is_quoted)
            is_inside = false;
        else if (*text == ':' && !is_inside)
            return text;
    }
    return NULL;
}

/* Puts the last threshold behind the last one before it that has its metric and filter. */
static void join_equals(struct rp_plan *plan)
{
    size_t last = plan->threshold_count - 1, at = last;
    struct rp_threshold added = plan->thresholds[last];

    while (at && strcmp(plan->thresholds[at - 1].display, added.display) != 0)
        at--;
    if (!at)
        return;
    memmove(&plan->thresholds[at + 1], &plan->thresholds[at],
            (last - at) * sizeof(*plan->thresholds));
    plan->thresholds[at] = added;
}

static int add_from_line(struct rp_plan *plan, const struct rp_override *override,
                         bool has_dynamic_metrics, struct rp_error *err)
{
    const struct rp_where where = { NULL, 0, NULL, NULL };
    const char *colon = end_of_metric(override->value);
    char shown[RP_SHOW_SIZE], *metric;
    json_t *expression;
    int r;

    if (!colon || colon == override->value || !colon[1]) {
        rp_error_set(err, -RP_EUSER, "%s: %s is not METRIC:EXPRESSION", override->origin,
                     rp_show_text(override->value, shown));
        rp_error_hint(err, "as in %s 'http_req_duration:p(95)<500'", override->origin);
        return -RP_EUSER;
    }
    metric = rp_strndup(override->value, (size_t)(colon - override->value));
    expression = json_string(colon + 1);
    if (!metric)
        r = -ENOMEM;
    else if (!expression) /* most likely */
        r = rp_error_set(err, -RP_EUSER, "the expression for %s is not UTF-8",
                         rp_show_text(metric, shown));
    else
        r = add_one(plan, metric, expression, has_dynamic_metrics, &where, err);
    rp_free(metric);
    json_decref(expression);
    if (r == 0)
        join_equals(plan);
    return r == -RP_EUSER ? rp_error_prefix(err, r, override->origin) : r;
}

int rp_overrides_apply_judgement(const struct rp_overrides *overrides, struct rp_plan *plan,
                                 bool has_dynamic_metrics, struct rp_error *err)
{
    int r = 0;

    plan->has_setup = plan->has_setup && !overrides->no_setup;
    plan->has_teardown = plan->has_teardown && !overrides->no_teardown;
    if (overrides->no_thresholds) {
        for (size_t i = 0; i < plan->threshold_count; i++)
            rp_threshold_deinit(&plan->thresholds[i]);
        plan->threshold_count = 0;
    }
    for (size_t i = 0; r == 0 && i < overrides->threshold_count; i++)
        r = rp_error_keep(err,
                          add_from_line(plan, &overrides->thresholds[i], has_dynamic_metrics, err));
    return r;
}

/* SPDX-License-Identifier: MIT */

/* The fields of a scenario as a script gives them. One that the executor does not have is no
 * mistake: it does nothing, or is the executor's own name for the same. */

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "plan/foreign.h"
#include "plan/plan_internal.h"

static int find_field(const char *key)
{
    for (int i = 0; key && i < RP_F_COUNT; i++)
        if (strcmp(rp_scenario_fields[i].name, key) == 0)
            return i;
    return -1;
}

/* The field that was meant counts as given, so that nobody asks for it. */
static int fail_unknown(const char *key, rp_field_set *given, const struct rp_where *where,
                        struct rp_error *err)
{
    const char *names[RP_F_COUNT];
    char shown[RP_SHOW_SIZE];
    int meant;

    for (int i = 0; i < RP_F_COUNT; i++)
        names[i] = rp_scenario_fields[i].name;
    rp_where_fail(where, err, "unknown field %s", rp_show_text(key, shown));
    meant = find_field(rp_foreign_hint(key, names, RP_F_COUNT, err));
    *given |= meant >= 0 ? 1u << meant : 0;
    return rp_error_keep(err, -RP_EUSER);
}

/* How the executor says what a field of another one may have been meant for; "" when it does not. */
static void say_instead(enum rp_executor_kind executor, enum rp_field_id id, char *out, size_t size)
{
    static const struct {
        enum rp_field_id given, instead;
        const char *what;
    } table[] = {
        { RP_F_DURATION, RP_F_STAGES, "its time is that of its" },
        { RP_F_MAX_DURATION, RP_F_DURATION, "its time is its" },
        { RP_F_VUS, RP_F_PRE_ALLOCATED_VUS, "its VUs come from" },
    };

    out[0] = '\0';
    for (size_t i = 0; i < RP_ARRAY_LEN(table); i++)
        if (table[i].given == id && rp_executor_kind_has(executor, table[i].instead)) {
            snprintf(out, size, "; %s '%s'", table[i].what,
                     rp_scenario_fields[table[i].instead].name);
            return;
        }
}

/* The field of @executor that means the same as @id, which it does not have; @id when there is
 * none. */
static enum rp_field_id same_as(enum rp_executor_kind executor, enum rp_field_id id)
{
    if (id == RP_F_DURATION && rp_executor_kind_has(executor, RP_F_MAX_DURATION))
        return RP_F_MAX_DURATION;
    if (id == RP_F_VUS && rp_executor_kind_has(executor, RP_F_START_VUS))
        return RP_F_START_VUS;
    return id;
}

static int warn_of_unused(enum rp_executor_kind executor, enum rp_field_id id,
                          const struct rp_where *where, struct rp_plan *plan)
{
    char names[256] = "", instead[64];
    size_t used = 0;

    for (int i = 0; i < RP_EXECUTOR_KIND_COUNT; i++)
        if (rp_executor_kind_has((enum rp_executor_kind)i, id) && used < sizeof(names))
            used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", used ? ", " : "",
                                     rp_executor_kinds[i].name);
    say_instead(executor, id, instead, sizeof(instead));
    return rp_plan_warn(plan, where, "'%s' does nothing: executor '%s' has no such field%s (%s)",
                        rp_scenario_fields[id].name, rp_executor_kinds[executor].name, instead,
                        names);
}

/* Whether the scenario's value of a field is what it would be anyway. */
static bool is_default(const struct rp_field *field, const struct rp_scenario *scenario)
{
    const void *at = rp_field_peek(field, scenario);

    if (field->default_kind != RP_FD_VALUE)
        return false;
    switch (field->type) {
    case RP_FT_INTEGER:
    case RP_FT_DURATION:
        return *(const int64_t *)at == field->default_value;
    case RP_FT_NUMBER:
        return *(const double *)at == (double)field->default_value;
    case RP_FT_ARRIVAL:
        return *(const enum rp_arrival *)at == (enum rp_arrival)field->default_value;
    default:
        return false;
    }
}

/* A field that the executor does not have. Its value is checked as any other is. */
static int read_unused(enum rp_executor_kind executor, enum rp_field_id id, const json_t *value,
                       const struct rp_where *where, struct rp_plan *plan, struct rp_error *err)
{
    struct rp_scenario scratch = { 0 };
    int r = rp_error_keep(err,
                          rp_field_parse(&rp_scenario_fields[id], &scratch, value, where, err));

    if (r == 0 && executor != RP_EXECUTOR_KIND_COUNT &&
        !is_default(&rp_scenario_fields[id], &scratch))
        r = warn_of_unused(executor, id, where, plan);
    rp_scenario_deinit(&scratch);
    return r;
}

static int read_member(struct rp_scenario *scenario, const json_t *fields, enum rp_field_id id,
                       const json_t *value, rp_field_set *given, const struct rp_where *where,
                       struct rp_plan *plan, struct rp_error *err)
{
    enum rp_field_id meant = same_as(scenario->executor, id);
    struct rp_field field = rp_scenario_fields[meant];
    const json_t *own = json_object_get(fields, field.name);

    if (!rp_executor_kind_has(scenario->executor, meant) ||
        (meant != id && !rp_json_is_absent(own)))
        return read_unused(scenario->executor, id, value, where, plan, err);
    field.name = rp_scenario_fields[id].name; /* for messages */
    *given |= 1u << meant;
    return rp_error_keep(err, rp_field_parse(&field, scenario, value, where, err));
}

int rp_scenario_parse(struct rp_scenario *scenario, const json_t *fields, rp_field_set *given,
                      const struct rp_where *where, struct rp_plan *plan, struct rp_error *err)
{
    const json_t *executor = json_object_get(fields, "executor");
    bool is_unknown = false;
    const char *key;
    json_t *value;
    int r;

    *given = 0;
    scenario->executor = RP_CONSTANT_VUS;
    if (!rp_json_is_absent(executor)) { /* first: it decides which fields there are */
        r = rp_field_parse(&rp_scenario_fields[RP_F_EXECUTOR], scenario, executor, where, err);
        is_unknown = r == -RP_EUSER;
        r = rp_error_keep(err, r);
        if (r < 0)
            return r;
        *given |= 1u << RP_F_EXECUTOR;
    }
    json_object_foreach((json_t *)fields, key, value)
    {
        int id = find_field(key);

        if (id == RP_F_EXECUTOR || (id >= 0 && rp_json_is_absent(value)))
            continue;
        if (id < 0)
            r = fail_unknown(key, given, where, err);
        else if (is_unknown)
            r = read_unused(RP_EXECUTOR_KIND_COUNT, (enum rp_field_id)id, value, where, plan, err);
        else
            r = read_member(scenario, fields, (enum rp_field_id)id, value, given, where, plan, err);
        if (r < 0)
            return r;
    }
    return is_unknown;
}

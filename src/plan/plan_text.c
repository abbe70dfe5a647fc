/* SPDX-License-Identifier: MIT */
/* What `rampa inspect` shows people: one block a topic, names on the left, every default in its
 * place. */
#include <inttypes.h>
#include <string.h>

#include "plan/duration.h"
#include "plan/plan_internal.h"

enum { NAME_WIDTH = 20 }; /* fits all names of fields but one */

static void write_field(const struct rp_field *field, const void *base, int indent,
                        struct rp_buf *out)
{
    rp_buf_appendf(out, "%*s%-*s ", indent, "", NAME_WIDTH, field->name);
    rp_field_to_text(field, base, out);
    rp_buf_append_str(out, "\n");
}

static void write_head(const struct rp_plan *plan, struct rp_buf *out)
{
    char longest[64];

    rp_duration_format(rp_plan_longest(plan), longest, sizeof(longest));
    rp_buf_appendf(out, "%-*s %s\n", NAME_WIDTH + 2, "script", plan->script);
    rp_buf_appendf(out, "%-*s %zu, at most %" PRId64 " VUs at once, over after at most %s\n",
                   NAME_WIDTH + 2, "scenarios", plan->scenario_count, rp_plan_max_vus(plan),
                   longest);
    rp_buf_appendf(out, "%-*s %s\n", NAME_WIDTH + 2, "setup", plan->has_setup ? "yes" : "no");
    rp_buf_appendf(out, "%-*s %s\n", NAME_WIDTH + 2, "teardown", plan->has_teardown ? "yes" : "no");
}

static void write_scenario(const struct rp_scenario *scenario, struct rp_buf *out)
{
    rp_buf_appendf(out, "\nscenario %s", scenario->name);
    if (scenario->file && scenario->line)
        rp_buf_appendf(out, " (%s:%d)", scenario->file, scenario->line);
    else if (scenario->file)
        rp_buf_appendf(out, " (%s)", scenario->file);
    rp_buf_append_str(out, "\n");
    for (int i = 0; i < RP_F_COUNT; i++)
        if (rp_scenario_has(scenario, (enum rp_field_id)i))
            write_field(&rp_scenario_fields[i], scenario, 2, out);
}

static void write_thresholds(const struct rp_plan *plan, struct rp_buf *out)
{
    int width = NAME_WIDTH, source_width = 0;
    char delay[64];

    rp_buf_append_str(out, "\nthresholds\n");
    if (!plan->threshold_count)
        rp_buf_append_str(out, "  none\n");
    for (size_t i = 0; i < plan->threshold_count; i++) {
        int len = (int)strlen(plan->thresholds[i].display);
        int source_len = (int)strlen(plan->thresholds[i].source);

        width = len > width ? len : width;
        source_width = source_len > source_width ? source_len : source_width;
    }
    for (size_t i = 0; i < plan->threshold_count; i++) {
        const struct rp_threshold *threshold = &plan->thresholds[i];

        rp_buf_appendf(out, "  %-*s %s", width, threshold->display, threshold->source);
        if (threshold->abort_on_fail) {
            rp_duration_format(threshold->delay_abort_eval, delay, sizeof(delay));
            rp_buf_appendf(out, "%*s  aborts the run, not before %s",
                           source_width - (int)strlen(threshold->source), "", delay);
        }
        rp_buf_append_str(out, "\n");
    }
}

static void write_metrics(const struct rp_plan *plan, struct rp_buf *out)
{
    if (!plan->metric_count)
        return;
    rp_buf_append_str(out, "\nmetrics of the script\n");
    for (size_t i = 0; i < plan->metric_count; i++)
        rp_buf_appendf(out, "  %-*s %s\n", NAME_WIDTH, plan->metrics[i].name,
                       rp_metric_type_name(plan->metrics[i].type));
}

void rp_plan_write_text(const struct rp_plan *plan, struct rp_buf *out)
{
    static const struct rp_field env = { "env", RP_FT_PAIRS,
                                         .offset = offsetof(struct rp_plan, env) };
    const struct rp_plan shown = rp_plan_public(plan);

    write_head(plan, out);
    for (size_t i = 0; i < plan->scenario_count; i++)
        write_scenario(&plan->scenarios[i], out);
    write_thresholds(plan, out);
    write_metrics(plan, out);
    rp_buf_append_str(out, "\nrun\n");
    for (int i = 0; i < RP_S_COUNT; i++)
        if (i != RP_S_SEED || plan->seed_is_given)
            write_field(&rp_plan_settings[i], &shown, 2, out);
    rp_buf_appendf(out, "  %-*s %s\n", NAME_WIDTH, "no_spin", plan->no_spin ? "yes" : "no");
    rp_buf_appendf(out, "  %-*s %lld MiB\n", NAME_WIDTH, "series_memory",
                   (long long)plan->series_memory);
    rp_buf_appendf(out, "  %-*s %lld\n", NAME_WIDTH, "workers", (long long)plan->workers);
    write_field(&env, plan, 2, out);
}

/* SPDX-License-Identifier: MIT */
#include "ui/summary.h"

#include <math.h>
#include <string.h>

#include "base/str.h"
#include "base/units.h"
#include "plan/metrics.h"

enum { ACTUAL_SIZE = RP_ACTUAL_SIZE + 32 };

/* What a threshold's number is measured in. */
enum measure { TIME, BYTES, BYTES_PER_SECOND, SHARE, COUNT, PER_SECOND, NUMBER };

static enum measure measure_of(const struct rp_threshold *threshold, struct rp_store *store)
{
    const struct rp_builtin_metric *builtin = rp_builtin_metric_find(threshold->metric);
    const struct rp_view *view = store ? rp_store_view(store, threshold->display) : NULL;
    bool is_bytes = builtin && builtin->is_bytes;
    enum rp_metric_type type = view ? view->type : builtin ? builtin->type : RP_TREND;
    bool is_time = view ? view->is_time : builtin && builtin->is_time;

    if (threshold->stat.kind == RP_STAT_COUNT)
        return is_bytes ? BYTES : COUNT;
    if (type == RP_COUNTER)
        return is_bytes ? BYTES_PER_SECOND : PER_SECOND;
    if (type == RP_RATE)
        return SHARE;
    return is_time ? TIME : NUMBER;
}

/* @more further digits than usual. */
static void format_measure(double value, enum measure measure, int more, char *out, size_t size)
{
    char number[RP_UNIT_SIZE];

    switch (measure) {
    case TIME:
        snprintf(out, size, "%s", rp_unit_time(value, 4 + more > 9 ? 9 : 4 + more, number));
        break;
    case SHARE:
        snprintf(out, size, "%s%%", rp_unit_fixed(value * 100, 2 + more, number));
        break;
    case BYTES:
        snprintf(out, size, "%s",
                 more ? rp_unit_count(value, number) : rp_unit_bytes(value, number));
        break;
    case BYTES_PER_SECOND:
        snprintf(out, size, "%s/s",
                 more ? rp_unit_fixed(value, more, number) : rp_unit_bytes(value, number));
        break;
    case PER_SECOND:
        if (more)
            snprintf(out, size, "%s/s", rp_unit_fixed(value, more + 1, number));
        else
            snprintf(out, size, "%s", rp_unit_per_second(value, number));
        break;
    case COUNT:
        if (more) /* every digit that tells it from its neighbours */
            rp_format_double(value, number);
        else
            rp_unit_count(value, number);
        snprintf(out, size, "%s", number);
        break;
    case NUMBER:
        snprintf(out, size, "%s",
                 more ? rp_unit_fixed(value, 2 + more, number) : rp_unit_number(value, 4, number));
        break;
    }
}

/* Whether a share that is nearly none or nearly all would be read as none or all. */
static bool looks_exact(double share, const char *text)
{
    bool is_none = !text[strspn(text, "0.%")];
    bool is_all = !strncmp(text, "100.", 4) && !text[4 + strspn(text + 4, "0%")];

    return (share != 0 && is_none) || (share != 1 && is_all);
}

/* "512.3ms". A value beside its bound gets as many digits as it takes to tell them apart:
 * "500ms" against "p(95)<500" would look like a wrong verdict. */
static void format_actual(const struct rp_threshold *threshold, double actual,
                          struct rp_store *store, char *out)
{
    enum measure measure = measure_of(threshold, store);
    char value[RP_UNIT_SIZE + 8], bound[RP_UNIT_SIZE + 8];

    for (int more = 0; more <= 8; more++) {
        format_measure(actual, measure, more, value, sizeof(value));
        format_measure(threshold->bound, measure, more, bound, sizeof(bound));
        if (actual != threshold->bound && strcmp(value, bound) == 0)
            continue;
        if (measure != SHARE || !looks_exact(actual, value))
            break;
    }
    snprintf(out, RP_ACTUAL_SIZE, "%s", value);
}

bool rp_summary_actual(const struct rp_result *result, const struct rp_verdict *verdicts, size_t i,
                       char *out)
{
    bool has_samples = verdicts && (!verdicts[i].no_samples || !isnan(verdicts[i].actual));

    if (!verdicts)
        snprintf(out, RP_ACTUAL_SIZE, "not judged");
    else if (!has_samples)
        snprintf(out, RP_ACTUAL_SIZE, "no samples");
    else
        format_actual(&result->plan->thresholds[i], verdicts[i].actual, result->store, out);
    return has_samples;
}

/* "p(95)=512.3ms" */
static void actual_text(struct rp_summary *summary, size_t i, char *out)
{
    char name[32], value[RP_ACTUAL_SIZE];

    rp_stat_format(summary->result->plan->thresholds[i].stat, name, sizeof(name));
    if (rp_summary_actual(summary->result, summary->result->verdicts, i, value))
        snprintf(out, ACTUAL_SIZE, "%s=%s", name, value);
    else
        snprintf(out, ACTUAL_SIZE, "%s", value);
}

struct threshold_columns {
    size_t name, source, actual;
    bool is_wrapped; /* the expression and the value stand below the name */
};

enum { NAME_MIN = 12, WRAPPED_INDENT = RP_INDENT + 4 };

static struct threshold_columns measure_thresholds(struct rp_summary *summary)
{
    const struct rp_plan *plan = summary->result->plan;
    struct threshold_columns columns = { 0 };
    char actual[ACTUAL_SIZE];
    size_t fixed;

    for (size_t i = 0; i < plan->threshold_count; i++) {
        size_t name = rp_text_cols(rp_slice_str(plan->thresholds[i].display));
        size_t source = rp_text_cols(rp_slice_str(plan->thresholds[i].source));

        actual_text(summary, i, actual);
        columns.name = name > columns.name ? name : columns.name;
        columns.source = source > columns.source ? source : columns.source;
        columns.actual = strlen(actual) > columns.actual ? strlen(actual) : columns.actual;
    }
    if (columns.source > summary->width / 3)
        columns.source = summary->width / 3;
    columns.name += 3;
    fixed = RP_INDENT + 2 + 1 + columns.source + 2 + columns.actual;
    columns.is_wrapped = fixed + NAME_MIN > summary->width;
    if (!columns.is_wrapped && fixed + columns.name > summary->width)
        columns.name = summary->width - fixed;
    return columns;
}

static void name_and_source(struct rp_summary *summary, const struct threshold_columns *columns,
                            const struct rp_threshold *threshold)
{
    if (!columns->is_wrapped) {
        rp_summary_dotted(summary, rp_slice_str(threshold->display), columns->name);
        rp_text_pad(summary->out, rp_slice_str(threshold->source), columns->source);
    } else {
        rp_text_append(summary->out, rp_slice_str(threshold->display),
                       summary->width - RP_INDENT - 2);
        rp_buf_append_str(summary->out, "\n");
        rp_text_fill(summary->out, ' ', WRAPPED_INDENT);
        rp_text_append(summary->out, rp_slice_str(threshold->source), columns->source);
    }
    rp_buf_append_str(summary->out, "  ");
}

void rp_summary_thresholds(struct rp_summary *summary)
{
    const struct rp_result *result = summary->result;
    struct threshold_columns columns;
    char actual[ACTUAL_SIZE];

    if (!result->plan || !result->plan->threshold_count)
        return;
    rp_summary_title(summary, "THRESHOLDS");
    rp_buf_append_str(summary->out, "\n");
    columns = measure_thresholds(summary);
    for (size_t i = 0; i < result->plan->threshold_count; i++) {
        const struct rp_threshold *threshold = &result->plan->thresholds[i];
        const struct rp_verdict *verdict = result->verdicts ? &result->verdicts[i] : NULL;

        rp_text_fill(summary->out, ' ', RP_INDENT);
        rp_summary_mark(summary, verdict);
        rp_buf_append_str(summary->out, " ");
        name_and_source(summary, &columns, threshold);
        actual_text(summary, i, actual);
        if (verdict && !verdict->passed)
            rp_summary_inked(summary, RP_INK_RED, actual);
        else
            rp_buf_append_str(summary->out, actual);
        rp_buf_append_str(summary->out, "\n");
    }
}

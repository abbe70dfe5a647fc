/* SPDX-License-Identifier: MIT */
#include "ui/summary.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "plan/metrics.h"
#include "run/collect.h"
#include "base/units.h"

/*
 * All sections share their columns, so that the eye can run down one statistic. A trend is a row of
 * cells; what does not fit is tried in this order: four digits, three digits, shorter names, and at
 * last "avg=.. min=.." below the name.
 */

enum { GAP = 1, MIN_NAME_COLS = 20, MAX_STATS = 32, VALUE_SIZE = 64 };

static const char *const sections[] = { "HTTP",    "WEBSOCKET", "GRPC",     "EXECUTION",
                                        "NETWORK", "CUSTOM",    "GENERATOR" };

static const struct rp_stat default_stats[] = {
    { .kind = RP_STAT_AVG },        { .kind = RP_STAT_MIN },        { .kind = RP_STAT_MED },
    { .kind = RP_STAT_MAX },        { .kind = RP_STAT_P, .p = 90 }, { .kind = RP_STAT_P, .p = 95 },
    { .kind = RP_STAT_P, .p = 99 },
};

struct grid {
    struct rp_view **views; /* those that are shown, sorted */
    size_t count;
    const struct rp_stat *stats;
    size_t stat_count;
    int digits;
    bool is_wrapped; /* no table: the cells stand below the name */
    size_t name_cols, value_cols;
    size_t stat_cols[MAX_STATS];
};

static const char *section_of(const struct rp_view *view)
{
    const struct rp_builtin_metric *builtin = rp_builtin_metric_find(view->name);

    return builtin ? builtin->section : "CUSTOM";
}

/* Whether a metric says something: it has samples and, when it is ours, is not zero throughout (no
 * TLS, no drops). */
static bool says_something(const struct rp_view *view)
{
    const struct rp_value *total = &view->total;

    if (!total->samples)
        return false;
    if (!rp_builtin_metric_find(view->name))
        return true;
    if (view->type == RP_COUNTER)
        return rp_value_sum(total) != 0;
    return view->type != RP_TREND || total->hist.min != 0 || total->hist.max != 0;
}

/* The metrics of each section that a compact summary has, where it has not all of them. What made
 * requests slow, and how much was sent, is asked for next, if at all. */
static bool is_left_out(const char *section, const char *name)
{
    static const char *const kept[] = {
        "http_reqs",        "http_req_failed",    "http_req_duration",      "iterations",
        "iteration_errors", "dropped_iterations", "interrupted_iterations", "iteration_duration"
    };

    if (strcmp(section, "HTTP") != 0 && strcmp(section, "EXECUTION") != 0)
        return strcmp(section, "NETWORK") == 0;
    for (size_t i = 0; i < RP_ARRAY_LEN(kept); i++)
        if (strcmp(kept[i], name) == 0)
            return false;
    return true;
}

static bool has_section(const struct rp_summary *summary, const struct rp_view *view)
{
    const char *section = section_of(view);

    if (summary->is_compact && is_left_out(section, view->name))
        return false;
    if (!strcmp(section, "GENERATOR"))
        return summary->result->generator != RP_GENERATOR_VALID;
    return strcmp(section, "CHECKS") != 0; /* it is a part of its own */
}

/* Keeps the views that have a row. A sub-metric follows its metric and is shown with it. */
static void choose_rows(const struct rp_summary *summary, struct grid *grid)
{
    size_t kept = 0;
    const struct rp_view *metric = NULL;

    for (size_t i = 0; i < grid->count; i++) {
        struct rp_view *view = grid->views[i];

        if (!view->filter)
            metric = has_section(summary, view) && says_something(view) ? view : NULL;
        if (metric && !strcmp(metric->name, view->name))
            grid->views[kept++] = view;
    }
    grid->count = kept;
}

/* "http_req_duration", "  {status:200}" */
static void label_of(const struct rp_view *view, struct rp_buf *out)
{
    size_t len = strlen(view->name);

    if (!view->filter) {
        rp_buf_append_str(out, view->name);
        return;
    }
    rp_buf_append_str(out, "  ");
    rp_buf_append_str(out, strncmp(view->display, view->name, len) ? view->display
                                                                   : view->display + len);
}

static const char *cell_text(const struct rp_view *view, struct rp_stat stat, int digits, char *out)
{
    double value = rp_view_stat(view, stat, 0);

    if (stat.kind == RP_STAT_COUNT)
        return rp_unit_count(value, out);
    return view->is_time ? rp_unit_time(value, digits, out) : rp_unit_number(value, digits, out);
}

/* The generator's share of a core reads better as a percentage. */
static const char *gauge_text(const struct rp_view *view, double value, char *out)
{
    char number[RP_UNIT_SIZE];

    if (strcmp(view->name, rp_builtin_name(RP_M_GENERATOR_CPU)) != 0)
        return rp_unit_count(value, out);
    snprintf(out, RP_UNIT_SIZE, "%.20s%%", rp_unit_fixed(value * 100, 0, number));
    return out;
}

static void value_text(const struct rp_view *view, char *out)
{
    const struct rp_builtin_metric *builtin = rp_builtin_metric_find(view->name);
    char number[RP_UNIT_SIZE] = "";

    if (view->type == RP_COUNTER && builtin && builtin->is_bytes)
        rp_unit_bytes(rp_value_sum(&view->total), number);
    else if (view->type == RP_COUNTER)
        rp_unit_count(rp_value_sum(&view->total), number);
    else if (view->type == RP_RATE)
        rp_unit_percent(view->total.rate.hits, view->total.rate.total, number);
    else if (view->type == RP_GAUGE)
        gauge_text(view, view->total.gauge.last, number);
    snprintf(out, VALUE_SIZE, "%s", number);
}

static void detail_text(const struct rp_summary *summary, const struct rp_view *view, char *out)
{
    const struct rp_builtin_metric *builtin = rp_builtin_metric_find(view->name);
    double per_second = rp_view_counted(view) / summary->elapsed_s;
    char a[RP_UNIT_SIZE], b[RP_UNIT_SIZE];

    *out = '\0';
    if (view->type == RP_COUNTER && !isfinite(per_second))
        return;
    if (view->type == RP_COUNTER && builtin && builtin->is_bytes)
        snprintf(out, VALUE_SIZE, "%s/s", rp_unit_bytes(per_second, a));
    else if (view->type == RP_COUNTER)
        snprintf(out, VALUE_SIZE, "%s", rp_unit_per_second(per_second, a));
    else if (view->type == RP_RATE)
        snprintf(out, VALUE_SIZE, "%llu of %llu", (unsigned long long)view->total.rate.hits,
                 (unsigned long long)view->total.rate.total);
    else if (view->type == RP_GAUGE)
        snprintf(out, VALUE_SIZE, "min=%s max=%s", gauge_text(view, view->total.gauge.min, a),
                 gauge_text(view, view->total.gauge.max, b));
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Measures the names, and the values that are no trends. */
static void measure_names(struct rp_summary *summary, struct grid *grid)
{
    struct rp_buf label;
    char value[VALUE_SIZE];

    rp_buf_init(&label, RP_COMPOSE_MAX);
    for (size_t i = 0; i < grid->count; i++) {
        const struct rp_view *view = grid->views[i];

        rp_summary_reuse(summary, &label);
        label_of(view, &label);
        grid->name_cols = larger(grid->name_cols, rp_text_cols(rp_buf_slice(&label)) + 3);
        if (view->type == RP_TREND || !view->total.samples)
            continue;
        value_text(view, value);
        grid->value_cols = larger(grid->value_cols, strlen(value));
    }
    rp_summary_done(summary, &label);
}

/* Returns the columns that the cells take, the gap before each included. */
static size_t measure_cells(struct grid *grid)
{
    char text[RP_UNIT_SIZE];
    size_t sum = 0;

    for (size_t j = 0; j < grid->stat_count; j++) {
        rp_stat_format(grid->stats[j], text, sizeof(text));
        grid->stat_cols[j] = strlen(text);
        for (size_t i = 0; i < grid->count; i++) {
            const struct rp_view *view = grid->views[i];

            if (view->type == RP_TREND && view->total.samples)
                grid->stat_cols[j] = larger(
                    grid->stat_cols[j],
                    strlen(cell_text(view, grid->stats[j], grid->digits, text)));
        }
        sum += grid->stat_cols[j] + GAP;
    }
    return sum;
}

static void lay_out(struct rp_summary *summary, struct grid *grid)
{
    size_t room = summary->width - RP_INDENT, cells;

    measure_names(summary, grid);
    for (grid->digits = 4; grid->digits >= 3; grid->digits--) {
        cells = measure_cells(grid);
        if (grid->name_cols + cells <= room)
            return;
    }
    grid->digits = 3;
    if (MIN_NAME_COLS + cells <= room) {
        grid->name_cols = room - cells;
        return;
    }
    grid->is_wrapped = true;
    if (grid->name_cols > room / 2)
        grid->name_cols = room / 2;
}

static void trend_cells(struct rp_summary *summary, const struct grid *grid,
                        const struct rp_view *view)
{
    char text[RP_UNIT_SIZE];

    for (size_t j = 0; j < grid->stat_count; j++)
        /* The dots end with a blank, which is the first cell's gap. */
        rp_summary_right(summary, cell_text(view, grid->stats[j], grid->digits, text),
                         grid->stat_cols[j] + (j ? GAP : 0));
    rp_buf_append_str(summary->out, "\n");
}

static void wrapped_trend(struct rp_summary *summary, const struct grid *grid,
                          const struct rp_view *view, struct rp_slice label)
{
    char name[32], text[RP_UNIT_SIZE];
    struct rp_buf line;

    rp_buf_init(&line, RP_COMPOSE_MAX);
    for (size_t j = 0; j < grid->stat_count; j++) {
        rp_stat_format(grid->stats[j], name, sizeof(name));
        rp_buf_appendf(&line, "%s%s=%s", j ? " " : "", name,
                       cell_text(view, grid->stats[j], grid->digits, text));
    }
    rp_text_append(summary->out, label, summary->width - RP_INDENT);
    rp_buf_append_str(summary->out, "\n");
    rp_text_fill(summary->out, ' ', RP_INDENT + 4);
    rp_text_wrap(summary->out, rp_buf_slice(&line), summary->width, RP_INDENT + 4, RP_INDENT + 4);
    rp_buf_append_str(summary->out, "\n");
    rp_summary_done(summary, &line);
}

/* Behind the @used columns of the row, or below it when there is no room: a number that a terminal
 * breaks is two. */
static void append_detail(struct rp_summary *summary, const char *detail, size_t used)
{
    if (!*detail)
        return;
    if (used + 2 + rp_text_cols(rp_slice_str(detail)) <= summary->width) {
        rp_buf_appendf(summary->out, "  %s", detail);
        return;
    }
    rp_buf_append_str(summary->out, "\n");
    rp_text_fill(summary->out, ' ', RP_INDENT + 4);
    rp_text_wrap(summary->out, rp_slice_str(detail), summary->width, RP_INDENT + 4, RP_INDENT + 4);
}

static void metric_row(struct rp_summary *summary, const struct grid *grid,
                       const struct rp_view *view)
{
    char value[VALUE_SIZE], detail[VALUE_SIZE];
    struct rp_buf label;

    rp_buf_init(&label, RP_COMPOSE_MAX);
    label_of(view, &label);
    rp_text_fill(summary->out, ' ', RP_INDENT);
    if (view->type == RP_TREND && view->total.samples && grid->is_wrapped) {
        wrapped_trend(summary, grid, view, rp_buf_slice(&label));
        rp_summary_done(summary, &label);
        return;
    }
    rp_summary_dotted(summary, rp_buf_slice(&label), grid->name_cols);
    if (!view->total.samples) {
        rp_buf_append_str(summary->out, "no samples\n");
    } else if (view->type == RP_TREND) {
        trend_cells(summary, grid, view);
    } else {
        value_text(view, value);
        detail_text(summary, view, detail);
        rp_summary_right(summary, value, grid->value_cols);
        append_detail(summary, detail, RP_INDENT + grid->name_cols + 1 + grid->value_cols);
        rp_buf_append_str(summary->out, "\n");
    }
    rp_summary_done(summary, &label);
}

static bool is_in(const struct rp_view *view, const char *section, bool is_trend)
{
    return (view->type == RP_TREND) == is_trend && !strcmp(section_of(view), section);
}

/* The names of the statistics above their columns, in the line of the title. */
static void stat_titles(struct rp_summary *summary, const struct grid *grid, const char *section)
{
    char text[32];

    rp_text_fill(summary->out, ' ', RP_INDENT + grid->name_cols + 1 - strlen(section));
    for (size_t j = 0; j < grid->stat_count; j++) {
        rp_stat_format(grid->stats[j], text, sizeof(text));
        rp_summary_right(summary, text, grid->stat_cols[j] + (j ? GAP : 0));
    }
}

static void section_rows(struct rp_summary *summary, const struct grid *grid, const char *section)
{
    bool has_trend = false, has_value = false;

    for (size_t i = 0; i < grid->count; i++) {
        has_trend |= is_in(grid->views[i], section, true);
        has_value |= is_in(grid->views[i], section, false);
    }
    if (!has_trend && !has_value)
        return;
    rp_summary_title(summary, section);
    if (has_trend && !grid->is_wrapped)
        stat_titles(summary, grid, section);
    rp_buf_append_str(summary->out, "\n");
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < grid->count; i++) {
            if (is_in(grid->views[i], section, pass == 0))
                metric_row(summary, grid, grid->views[i]);
        }
    }
}

void rp_summary_metrics(struct rp_summary *summary)
{
    const struct rp_plan *plan = summary->result->plan;
    struct grid grid = { .stats = default_stats, .stat_count = RP_ARRAY_LEN(default_stats) };
    int r = rp_views_sorted(summary->result->store, &grid.views, &grid.count);

    if (r < 0) {
        rp_summary_fail(summary, r);
        return;
    }
    if (plan && plan->trend_stat_count) {
        grid.stats = plan->trend_stats;
        grid.stat_count = plan->trend_stat_count < MAX_STATS ? plan->trend_stat_count : MAX_STATS;
    }
    choose_rows(summary, &grid);
    if (grid.count) {
        lay_out(summary, &grid);
        for (size_t i = 0; i < RP_ARRAY_LEN(sections); i++)
            section_rows(summary, &grid, sections[i]);
    } else {
        rp_buf_append_str(summary->out, "\nNo samples were recorded.\n");
    }
    rp_free(grid.views);
}

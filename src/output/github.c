/* SPDX-License-Identifier: MIT */
#include "output/github.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"
#include "base/text.h"
#include "base/units.h"
#include "output/markdown.h"
#include "plan/threshold.h"
#include "run/collect.h"

enum {
    ANNOTATIONS_MAX = 10,
    ROWS_MAX = 100, /* of each table */
    CELL_COLS = 200,
    TEXT_MAX = 1 << 20, /* never reached: three tables of such rows are smaller */
};

struct github {
    struct rp_output output; /* first */
    const char *path;        /* of the step summary; NULL = there is none */
    int fd;
    bool annotates;
};

/* ---- annotations ----------------------------------------------------------------------------- */

/* The text on one line, its control characters gone, and "%" written as GitHub wants it. */
static void put_message(struct rp_buf *out, const char *text)
{
    struct rp_buf line;

    rp_buf_init(&line, TEXT_MAX);
    rp_text_append(&line, rp_slice_str(text), 4 * CELL_COLS);
    for (const char *at = rp_buf_str(&line); *at; at++)
        rp_buf_append(out, *at == '%' ? "%25" : at, *at == '%' ? 3 : 1);
    if (line.error)
        out->error = line.error;
    rp_buf_deinit(&line);
}

struct annotations {
    struct rp_buf *out;
    size_t count, left; /* how many were written, how many are still to come */
};

/* Of more than GitHub shows, the last one says how many there are. */
static void annotate(struct annotations *annotations, const char *text)
{
    annotations->left--;
    if (annotations->count >= ANNOTATIONS_MAX)
        return;
    rp_buf_append_str(annotations->out, "::error title=rampa::");
    put_message(annotations->out, text);
    if (++annotations->count == ANNOTATIONS_MAX && annotations->left)
        rp_buf_appendf(annotations->out, " (and %zu more)", annotations->left);
    rp_buf_append_str(annotations->out, "\n");
}

static bool has_failed(const struct rp_result *result, size_t i)
{
    return result->verdicts && !result->verdicts[i].passed;
}

static bool is_other_failure(const struct rp_result *result)
{
    return result->exit_code > RP_EXIT_THRESHOLDS || result->nothing_succeeded;
}

/* "p(95) was 612.3", "there were no samples". */
static void put_actual(struct rp_buf *out, const struct rp_result *result, size_t i)
{
    const struct rp_verdict *verdict = result->verdicts ? &result->verdicts[i] : NULL;
    char stat[32], number[RP_DOUBLE_TEXT];

    rp_stat_format(result->plan->thresholds[i].stat, stat, sizeof(stat));
    if (!verdict || !isfinite(verdict->actual)) {
        rp_buf_append_str(out, verdict ? "there were no samples" : "it was not judged");
        return;
    }
    snprintf(number, sizeof(number), "%.6g", verdict->actual);
    rp_buf_appendf(out, "%s was %s", stat, number);
}

static void write_annotations(const struct rp_result *result, struct rp_buf *out)
{
    struct annotations annotations = { .out = out, .left = is_other_failure(result) };
    size_t thresholds = result->plan ? result->plan->threshold_count : 0;

    for (size_t i = 0; i < thresholds; i++)
        annotations.left += has_failed(result, i);
    if (is_other_failure(result))
        annotate(&annotations, result->reason ? result->reason : rp_result_status_name(result));
    for (size_t i = 0; i < thresholds; i++) {
        struct rp_buf text;

        if (!has_failed(result, i))
            continue;
        rp_buf_init(&text, TEXT_MAX);
        rp_buf_appendf(&text, "Threshold failed: %s: %s: ", result->plan->thresholds[i].display,
                       result->plan->thresholds[i].source);
        put_actual(&text, result, i);
        annotate(&annotations, rp_buf_str(&text));
        rp_buf_deinit(&text);
    }
}

/* ---- step summary ---------------------------------------------------------------------------- */

static void put_plain(struct rp_buf *out, const char *text)
{
    rp_markdown_text(out, text, CELL_COLS);
}

static void put_more(struct rp_buf *out, size_t count)
{
    if (count > ROWS_MAX)
        rp_buf_appendf(out, "\n%zu more are not shown.\n", count - ROWS_MAX);
}

static void put_thresholds(struct rp_buf *out, const struct rp_result *result)
{
    const struct rp_plan *plan = result->plan;

    if (!plan || !plan->threshold_count)
        return;
    rp_buf_append_str(out, "\n| | Threshold | Condition | Actual |\n|---|---|---|---|\n");
    for (size_t i = 0; i < plan->threshold_count && i < ROWS_MAX; i++) {
        struct rp_buf actual;

        rp_buf_init(&actual, TEXT_MAX);
        put_actual(&actual, result, i);
        rp_buf_appendf(out, "| %s | ",
                       !result->verdicts       ? ":grey_question:"
                       : has_failed(result, i) ? ":x:"
                                               : ":white_check_mark:");
        put_plain(out, plan->thresholds[i].display);
        rp_buf_append_str(out, " | ");
        put_plain(out, plan->thresholds[i].source);
        rp_buf_append_str(out, " | ");
        put_plain(out, rp_buf_str(&actual));
        rp_buf_append_str(out, " |\n");
        rp_buf_deinit(&actual);
    }
    put_more(out, plan->threshold_count);
}

static int put_checks(struct rp_buf *out, const struct rp_result *result)
{
    struct rp_check_counts checks = { 0 };
    int r = result->store ? rp_checks_collect(result->store, &checks) : 0;

    if (r == 0 && checks.count)
        rp_buf_append_str(out, "\n| | Check | Passed | Failed |\n|---|---|---:|---:|\n");
    for (size_t i = 0; r == 0 && i < checks.count && i < ROWS_MAX; i++) {
        const struct rp_check_count *check = &checks.items[i];

        rp_buf_appendf(out, "| %s | ", check->fails ? ":x:" : ":white_check_mark:");
        put_plain(out, check->group);
        rp_buf_append_str(out, *check->group ? " " : "");
        put_plain(out, check->name);
        rp_buf_appendf(out, " | %" PRIu64 " | %" PRIu64 " |\n", check->passes, check->fails);
    }
    put_more(out, checks.count);
    rp_checks_deinit(&checks);
    return r;
}

static void put_value(struct rp_buf *out, const struct rp_result *result, struct rp_view *view)
{
    static const struct rp_stat counter[] = { { RP_STAT_COUNT, 0 }, { RP_STAT_RATE, 0 } },
                                gauge[] = { { RP_STAT_VALUE, 0 },
                                            { RP_STAT_MIN, 0 },
                                            { RP_STAT_MAX, 0 } },
                                rate[] = { { RP_STAT_RATE, 0 } };
    const struct rp_stat *stats = result->plan->trend_stats;
    size_t count = result->plan->trend_stat_count;

    if (view->type == RP_COUNTER) {
        stats = counter;
        count = RP_ARRAY_LEN(counter);
    } else if (view->type == RP_GAUGE) {
        stats = gauge;
        count = RP_ARRAY_LEN(gauge);
    } else if (view->type == RP_RATE) {
        stats = rate;
        count = RP_ARRAY_LEN(rate);
    }
    for (size_t i = 0; i < count; i++) {
        double value = rp_view_stat(view, stats[i], (double)result->elapsed / 1e9);
        char name[32], number[RP_UNIT_SIZE];

        rp_stat_format(stats[i], name, sizeof(name));
        rp_buf_appendf(out, "%s%s=%s", i ? " " : "", name,
                       view->is_time && stats[i].kind != RP_STAT_COUNT
                           ? rp_unit_time(value, 4, number)
                           : rp_unit_number(value, 4, number));
    }
}

static int put_metrics(struct rp_buf *out, const struct rp_result *result)
{
    struct rp_view **views;
    size_t count, rows = 0;
    int r;

    if (!result->store || !result->plan)
        return 0;
    r = rp_views_sorted(result->store, &views, &count);
    if (r < 0)
        return r;
    rp_buf_append_str(out, "\n| Metric | Value |\n|---|---|\n");
    for (size_t i = 0; i < count; i++) {
        if (!views[i]->total.samples || rows++ >= ROWS_MAX)
            continue;
        rp_buf_append_str(out, "| ");
        put_plain(out, views[i]->display);
        rp_buf_append_str(out, " | ");
        put_value(out, result, views[i]);
        rp_buf_append_str(out, " |\n");
    }
    put_more(out, rows);
    rp_free(views);
    return 0;
}

static int write_summary(const struct rp_result *result, struct rp_buf *out)
{
    char time[RP_UNIT_SIZE];
    int r;

    rp_buf_append_str(out, "## rampa: ");
    put_plain(out, rp_result_status_name(result));
    rp_buf_append_str(out, "\n\n");
    if (result->reason) {
        put_plain(out, result->reason);
        rp_buf_append_str(out, "\n\n");
    }
    rp_buf_append_str(out, "**Script:** ");
    put_plain(out, result->plan && result->plan->script ? result->plan->script : "-");
    rp_buf_appendf(out, "  \n**Duration:** %s\n",
                   rp_unit_time((double)result->elapsed / 1e6, 4, time));
    put_thresholds(out, result);
    r = put_checks(out, result);
    if (r == 0)
        r = put_metrics(out, result);
    rp_buf_append_str(out, "\n");
    return r;
}

/* ---- the sink -------------------------------------------------------------------------------- */

static int open_github(struct rp_sink *sink, const struct rp_plan *plan, struct rp_error *err)
{
    struct github *self = rp_container_of(sink, struct github, output.sink);

    if (!self->path && !self->annotates)
        rp_result_warn(sink->sinks->result,
                       "the output github writes nothing: neither GITHUB_ACTIONS nor "
                       "GITHUB_STEP_SUMMARY is set");
    if (!self->path)
        return 0;
    self->fd = open(self->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0666);
    if (self->fd < 0)
        return rp_error_set(err, -RP_EUSER, "the output github cannot write to '%s': %s",
                            self->path, strerror(errno));
    return 0;
}

static int put_all(int fd, struct rp_slice text)
{
    while (text.len) {
        ssize_t n = write(fd, text.ptr, text.len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        text = rp_slice(text.ptr + n, text.len - (size_t)n);
    }
    return 0;
}

static int close_github(struct rp_sink *sink, const struct rp_result *result, struct rp_error *err)
{
    struct github *self = rp_container_of(sink, struct github, output.sink);
    struct rp_buf text;
    int r = 0;

    if (!result)
        return 0;
    rp_buf_init(&text, TEXT_MAX);
    if (self->annotates) {
        write_annotations(result, &text);
        r = text.error ? text.error : put_all(STDERR_FILENO, rp_buf_slice(&text));
    }
    rp_buf_reset(&text);
    if (r == 0 && self->fd >= 0) {
        r = write_summary(result, &text);
        if (r == 0)
            r = text.error ? text.error : put_all(self->fd, rp_buf_slice(&text));
    }
    rp_buf_deinit(&text);
    if (r < 0)
        rp_error_set(err, r, "the output github cannot write to '%s': %s",
                     self->path ? self->path : "standard error", strerror(-r));
    return r;
}

static void free_github(struct rp_output *output)
{
    struct github *self = rp_container_of(output, struct github, output);

    if (self->fd >= 0)
        close(self->fd);
    rp_free(self);
}

static int make(const struct rp_output_spec *spec, struct rp_output **ret, struct rp_error *err)
{
    static const struct rp_sink_ops ops = { .open = open_github, .close = close_github };
    const char *actions = getenv("GITHUB_ACTIONS"), *summary = getenv("GITHUB_STEP_SUMMARY");
    struct github *self = rp_calloc(1, sizeof(*self));

    if (!self)
        return -ENOMEM;
    self->output.ops = &ops;
    self->output.free = free_github;
    self->fd = -1;
    self->annotates = actions && strcmp(actions, "true") == 0;
    self->path = *spec->destination ? spec->destination : summary && *summary ? summary : NULL;
    *ret = &self->output;
    return 0;
}

const struct rp_output_kind rp_output_github = {
    .name = "github",
    .destination = RP_DESTINATION_OPTIONAL_FILE,
    .help = "annotations and the step summary of a workflow of GitHub",
    .make = make,
};

/* SPDX-License-Identifier: MIT */
#include "ui/summary.h"

#include <string.h>

#include "base/units.h"

void rp_summary_ink_on(struct rp_summary *summary, const char *ink)
{
    if (summary->color)
        rp_buf_append_str(summary->out, ink);
}

void rp_summary_ink_off(struct rp_summary *summary)
{
    if (summary->color)
        rp_buf_append_str(summary->out, RP_INK_OFF);
}

void rp_summary_inked(struct rp_summary *summary, const char *ink, const char *text)
{
    rp_summary_ink_on(summary, ink);
    rp_buf_append_str(summary->out, text);
    rp_summary_ink_off(summary);
}

void rp_summary_fail(struct rp_summary *summary, int error)
{
    if (error < 0 && !summary->out->error)
        summary->out->error = error;
}

void rp_summary_done(struct rp_summary *summary, struct rp_buf *buf)
{
    rp_summary_fail(summary, buf->error);
    rp_buf_deinit(buf);
}

void rp_summary_reuse(struct rp_summary *summary, struct rp_buf *buf)
{
    rp_summary_fail(summary, buf->error);
    rp_buf_reset(buf);
}

void rp_summary_title(struct rp_summary *summary, const char *title)
{
    rp_buf_append_str(summary->out, "\n");
    rp_summary_inked(summary, RP_INK_BOLD, title);
}

void rp_summary_dotted(struct rp_summary *summary, struct rp_slice name, size_t cols)
{
    size_t used = rp_text_append(summary->out, name, cols);

    if (used + 1 < cols) {
        rp_buf_append_str(summary->out, " ");
        rp_summary_ink_on(summary, RP_INK_DIM);
        rp_text_fill(summary->out, '.', cols - used - 1);
        rp_summary_ink_off(summary);
    } else {
        rp_text_fill(summary->out, ' ', cols - used);
    }
    rp_buf_append_str(summary->out, " ");
}

void rp_summary_right(struct rp_summary *summary, const char *text, size_t cols)
{
    size_t used = rp_text_cols(rp_slice_str(text));

    rp_text_fill(summary->out, ' ', used < cols ? cols - used : 0);
    rp_buf_append_str(summary->out, text);
}

void rp_summary_left(struct rp_summary *summary, const char *text, size_t cols)
{
    size_t used = rp_text_cols(rp_slice_str(text));

    rp_buf_append_str(summary->out, text);
    rp_text_fill(summary->out, ' ', used < cols ? cols - used : 0);
}

void rp_summary_mark(struct rp_summary *summary, const struct rp_verdict *verdict)
{
    if (!verdict)
        rp_summary_inked(summary, RP_INK_DIM, "-");
    else if (verdict->passed)
        rp_summary_inked(summary, RP_INK_GREEN, RP_TICK);
    else
        rp_summary_inked(summary, RP_INK_RED, RP_CROSS);
}

void rp_summary_warnings(struct rp_summary *summary)
{
    const struct rp_result *result = summary->result;
    struct rp_buf text;

    if (!result->warning_count)
        return;
    rp_summary_title(summary, "WARNINGS");
    rp_buf_append_str(summary->out, "\n");
    rp_buf_init(&text, RP_COMPOSE_MAX);
    for (size_t i = 0; i < result->warning_count; i++) {
        const struct rp_result_warning *warning = &result->warnings[i];

        rp_summary_reuse(summary, &text);
        rp_buf_append_str(&text, warning->text);
        if (warning->count > 1)
            rp_buf_appendf(&text, " (%llu times)", (unsigned long long)warning->count);
        rp_text_fill(summary->out, ' ', RP_INDENT);
        rp_summary_inked(summary, RP_INK_YELLOW, "!");
        rp_buf_append_str(summary->out, " ");
        rp_text_wrap(summary->out, rp_buf_slice(&text), summary->width, 4, 4);
        rp_buf_append_str(summary->out, "\n");
    }
    rp_summary_done(summary, &text);
}

/* Whether a scenario needs no line: everything that was to run ran to its end. */
static bool is_uneventful(const struct rp_accounting *accounting)
{
    return !accounting->dropped && !accounting->interrupted && rp_accounting_holds(accounting);
}

static size_t widest_scenario(const struct rp_result *result)
{
    size_t widest = 0;

    for (size_t i = 0; i < result->accounting_count; i++) {
        size_t cols = rp_text_cols(rp_slice_str(result->accounting[i].scenario));

        if (!is_uneventful(&result->accounting[i]) && cols > widest)
            widest = cols;
    }
    return widest;
}

enum { ACCOUNT_COLUMNS = 5, ACCOUNT_NUMBERS = 9 + 9 + 11 + 13 + 9, ACCOUNT_NAME_MIN = 10 };
static const char *const account_titles[ACCOUNT_COLUMNS] = { "scheduled", "started", "completed",
                                                             "interrupted", "dropped" };

static void account_titles_line(struct rp_summary *summary, size_t name_cols)
{
    rp_text_fill(summary->out, ' ', RP_INDENT + name_cols + 1 - strlen("ITERATIONS"));
    for (size_t i = 0; i < ACCOUNT_COLUMNS; i++)
        rp_buf_appendf(summary->out, "%s%s", i ? "  " : "", account_titles[i]);
}

/* Without room for a table (@name_cols 0) the numbers follow the name. */
static void account_row(struct rp_summary *summary, const struct rp_accounting *accounting,
                        size_t name_cols)
{
    const uint64_t numbers[ACCOUNT_COLUMNS] = { accounting->scheduled, accounting->started,
                                                accounting->completed, accounting->interrupted,
                                                accounting->dropped };
    char text[RP_UNIT_SIZE];
    struct rp_buf line;

    rp_buf_init(&line, RP_COMPOSE_MAX);
    rp_text_fill(summary->out, ' ', RP_INDENT);
    if (name_cols)
        rp_summary_dotted(summary, rp_slice_str(accounting->scenario), name_cols);
    else
        rp_buf_appendf(&line, "%s:", accounting->scenario);
    for (size_t i = 0; i < ACCOUNT_COLUMNS; i++) {
        snprintf(text, sizeof(text), "%llu", (unsigned long long)numbers[i]);
        if (name_cols)
            rp_summary_right(summary, text, strlen(account_titles[i]) + (i ? 2 : 0));
        else
            rp_buf_appendf(&line, " %s=%s", account_titles[i], text);
    }
    rp_text_wrap(summary->out, rp_buf_slice(&line), summary->width, RP_INDENT + 2, RP_INDENT);
    rp_buf_append_str(summary->out, "\n");
    if (!rp_accounting_holds(accounting)) {
        rp_text_fill(summary->out, ' ', RP_INDENT + 2);
        rp_summary_inked(summary, RP_INK_RED,
                         RP_CROSS " these numbers do not add up: a bug of rampa");
        rp_buf_append_str(summary->out, "\n");
    }
    rp_summary_done(summary, &line);
}

void rp_summary_accounting(struct rp_summary *summary)
{
    const struct rp_result *result = summary->result;
    size_t name_cols = widest_scenario(result) + 3, fixed = RP_INDENT + 1 + ACCOUNT_NUMBERS;
    bool is_open = false;

    if (name_cols < ACCOUNT_NAME_MIN)
        name_cols = ACCOUNT_NAME_MIN; /* the title stands in this column */
    if (summary->width < fixed + ACCOUNT_NAME_MIN)
        name_cols = 0;
    else if (name_cols > summary->width - fixed)
        name_cols = summary->width - fixed;
    for (size_t i = 0; i < result->accounting_count; i++) {
        if (is_uneventful(&result->accounting[i]))
            continue;
        if (!is_open) {
            rp_summary_title(summary, "ITERATIONS");
            if (name_cols)
                account_titles_line(summary, name_cols);
            rp_buf_append_str(summary->out, "\n");
            is_open = true;
        }
        account_row(summary, &result->accounting[i], name_cols);
    }
}

static void failed_thresholds(const struct rp_result *result, size_t *ret_failed, size_t *ret_all)
{
    *ret_failed = 0;
    *ret_all = result->plan && result->verdicts ? result->plan->threshold_count : 0;
    for (size_t i = 0; i < *ret_all; i++)
        *ret_failed += !result->verdicts[i].passed;
}

/* What an exit code means, for the line that people paste into a ticket. */
static const char *exit_meaning(enum rp_exit code)
{
    switch (code) {
    case RP_EXIT_PASSED:
        return "passed";
    case RP_EXIT_THRESHOLDS:
        return "a threshold was not met";
    case RP_EXIT_ITERATION_ERRORS:
        return "the script raised";
    case RP_EXIT_CONFIG:
        return "the configuration is invalid";
    case RP_EXIT_ABORTED:
        return "stopped";
    case RP_EXIT_SETUP:
        return "setup failed";
    case RP_EXIT_OUTPUT:
        return "an output failed or lost data";
    case RP_EXIT_TEARDOWN:
        return "teardown failed";
    case RP_EXIT_GENERATOR:
        return "the generator was the limit";
    case RP_EXIT_INTERNAL:
        break;
    }
    return "an internal error of rampa";
}

static bool is_nothing(const struct rp_result *result)
{
    return result->exit_code == RP_EXIT_THRESHOLDS && result->nothing_succeeded;
}

static void append_cause(struct rp_summary *summary, struct rp_buf *text, size_t failed, size_t all)
{
    const struct rp_result *result = summary->result;

    if (result->exit_code == RP_EXIT_THRESHOLDS && !result->nothing_succeeded && failed) {
        rp_buf_appendf(text, "%zu of %zu threshold%s", failed, all, all == 1 ? "" : "s");
        return;
    }
    rp_buf_append_str(text, result->reason ? result->reason : exit_meaning(result->exit_code));
    if (failed)
        rp_buf_appendf(text, "; %zu of %zu threshold%s not met", failed, all, all == 1 ? "" : "s");
}

/* A run without thresholds has not passed anything. */
static void passed(struct rp_summary *summary, size_t all)
{
    if (!all) {
        rp_summary_inked(summary, RP_INK_YELLOW, "NOT JUDGED");
        rp_buf_append_str(summary->out, ": there is no threshold\n");
        return;
    }
    rp_summary_inked(summary, RP_INK_GREEN, "PASSED");
    rp_buf_appendf(summary->out, ": %zu of %zu threshold%s\n", all, all, all == 1 ? "" : "s");
}

void rp_summary_left_out(struct rp_summary *summary)
{
    if (!summary->is_compact)
        return;
    rp_text_wrap(
        summary->out,
        RP_SLICE("Left out: checks that passed, phases of requests, bytes; -O console shows them. "
                 "Single failures: --out FILE, then rampa result errors FILE"),
        summary->width, 0, 0);
    rp_buf_append_str(summary->out, "\n");
}

void rp_summary_verdict(struct rp_summary *summary)
{
    const struct rp_result *result = summary->result;
    bool is_stopped = result->exit_code == RP_EXIT_ABORTED;
    const char *word = is_stopped ? "STOPPED" : is_nothing(result) ? "NOTHING SUCCEEDED" : "FAILED";
    size_t failed, all;
    struct rp_buf text;

    failed_thresholds(result, &failed, &all);
    rp_buf_append_str(summary->out, "\n");
    if (result->exit_code == RP_EXIT_PASSED) {
        passed(summary, all);
        return;
    }
    rp_buf_init(&text, RP_COMPOSE_MAX);
    rp_buf_append_str(&text, ": ");
    append_cause(summary, &text, failed, all);
    rp_buf_appendf(&text, " (exit code %d", result->exit_code);
    if (!is_nothing(result))
        rp_buf_appendf(&text, ": %s", exit_meaning(result->exit_code));
    rp_buf_append_str(&text, ")");
    rp_summary_inked(summary, is_stopped ? RP_INK_YELLOW : RP_INK_RED, word);
    rp_text_wrap(summary->out, rp_buf_slice(&text), summary->width, RP_INDENT, strlen(word));
    rp_buf_append_str(summary->out, "\n");
    rp_summary_done(summary, &text);
}

/* What is in doubt beside the first reason, in one line: the result file has the sentences. */
static void other_causes(struct rp_summary *summary)
{
    const struct rp_result *result = summary->result;
    struct rp_buf text;

    if (result->generator_reason_count < 2)
        return;
    rp_buf_init(&text, RP_COMPOSE_MAX);
    rp_buf_append_str(&text, "also: ");
    for (size_t i = 1; i < result->generator_reason_count; i++)
        rp_buf_appendf(&text, "%s%s", i > 1 ? ", " : "",
                       rp_generator_cause_words(result->generator_reasons[i].cause));
    rp_text_fill(summary->out, ' ', RP_INDENT);
    rp_text_wrap(summary->out, rp_buf_slice(&text), summary->width, RP_INDENT, RP_INDENT);
    rp_buf_append_str(summary->out, "\n");
    rp_summary_done(summary, &text);
}

void rp_summary_generator(struct rp_summary *summary)
{
    static const struct {
        const char *word;
        const char *ink;
        const char *meaning;
    } lines[] = {
        [RP_GENERATOR_VALID] = { "valid", RP_INK_GREEN, "rampa itself was not the limit" },
        [RP_GENERATOR_SUSPECT] = { "suspect", RP_INK_YELLOW, "rampa may have been the limit" },
        [RP_GENERATOR_LIMITED] = { "limited", RP_INK_RED, "rampa itself was the limit" },
    };
    const struct rp_result *result = summary->result;
    const struct rp_generator_reason *reasons = result->generator_reasons;
    const char *first = lines[result->generator].meaning;
    size_t used = strlen("Generator: ") + strlen(lines[result->generator].word) + 2;

    rp_buf_append_str(summary->out, "Generator: ");
    if (!result->started_wall_ns) {
        rp_buf_append_str(summary->out, "no load was made\n");
        return;
    }
    rp_summary_inked(summary, lines[result->generator].ink, lines[result->generator].word);
    rp_buf_append_str(summary->out, ", ");
    if (result->generator_reason_count)
        first = reasons[0].text;
    rp_text_wrap(summary->out, rp_slice_str(first), summary->width, RP_INDENT, used);
    rp_buf_append_str(summary->out, "\n");
    other_causes(summary);
}

/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "compare/show.h"
#include "output/markdown.h"

enum { CELL_COLS = 200, ROWS_MAX = 200 };

static const char *const marks[RP_COMPARE_VERDICTS] = {
    [RP_COMPARE_SAME] = ":white_check_mark:", [RP_COMPARE_WORSE] = ":x:",
    [RP_COMPARE_BETTER] = ":green_circle:",   [RP_COMPARE_CHANGED] = ":large_orange_diamond:",
    [RP_COMPARE_UNCLEAR] = ":grey_question:",
};

/* What has changed comes first, because a long table is cut. */
static const enum rp_compare_verdict order[] = { RP_COMPARE_WORSE, RP_COMPARE_CHANGED,
                                                 RP_COMPARE_BETTER, RP_COMPARE_UNCLEAR,
                                                 RP_COMPARE_SAME };

static void put_row(struct rp_buf *out, const struct rp_compare_row *row)
{
    static const char *const kinds[] = { "", "request ", "check " };
    const struct rp_subject *subject = row->subject;
    char word[RP_COMPARE_WORD];

    rp_buf_appendf(out, "| %s | %s", marks[row->verdict], kinds[subject->kind]);
    rp_markdown_text(out, subject->group, CELL_COLS);
    rp_buf_append_str(out, *subject->group ? " " : "");
    rp_markdown_text(out, subject->name, CELL_COLS);
    rp_buf_appendf(out, " | %s | ", row->stat);
    rp_compare_value(row, row->base, word);
    rp_buf_appendf(out, "%s | ", word);
    rp_compare_value(row, row->current, word);
    rp_buf_appendf(out, "%s | ", word);
    rp_compare_change(row, row->change, word);
    rp_buf_appendf(out, "%s | ", word);
    rp_compare_interval(row, word);
    rp_buf_appendf(out, "%s | %s |\n", word, rp_compare_verdict_name(row->verdict));
}

static void put_rows(struct rp_buf *out, const struct rp_comparison *self)
{
    size_t shown = 0;

    rp_buf_append_str(out, "\n| | Metric | Statistic | Base | Current | Change | With 95 % "
                           "confidence | Verdict |\n|---|---|---|---:|---:|---:|---:|---|\n");
    for (size_t n = 0; n < RP_COMPARE_VERDICTS; n++)
        for (size_t i = 0; i < self->row_count && shown < ROWS_MAX; i++)
            if (self->rows[i].verdict == order[n]) {
                put_row(out, &self->rows[i]);
                shown++;
            }
    if (self->row_count > shown)
        rp_buf_appendf(out, "\n%zu more are not shown.\n", self->row_count - shown);
}

static void put_thresholds(struct rp_buf *out, const struct rp_comparison *self)
{
    static const char *const words[] = { "not judged", "missed", "met" };

    if (self->threshold_count)
        rp_buf_append_str(out, "\n| | Threshold | Base | Current |\n|---|---|---|---|\n");
    for (size_t i = 0; i < self->threshold_count && i < ROWS_MAX; i++) {
        const struct rp_compare_threshold *row = &self->thresholds[i];

        rp_buf_appendf(out, "| %s | ", marks[row->verdict]);
        rp_markdown_text(out, row->current->metric, CELL_COLS);
        rp_buf_append_str(out, *row->current->metric ? ": " : "");
        rp_markdown_text(out, row->current->expression, CELL_COLS);
        rp_buf_appendf(out, " | %s | %s |\n", row->base ? words[row->base->passed + 1] : "-",
                       words[row->current->passed + 1]);
    }
}

static void put_notes(struct rp_buf *out, const struct rp_comparison *self)
{
    struct rp_buf line;

    rp_buf_init(&line, 1 << 20);
    for (const char *at = rp_buf_str(&self->notes); *at;) {
        size_t length = strcspn(at, "\n");

        rp_buf_reset(&line);
        rp_buf_append(&line, at, length);
        rp_buf_append_str(out, "\n- ");
        rp_markdown_text(out, rp_buf_str(&line), 4 * CELL_COLS);
        at += length + (at[length] == '\n');
    }
    rp_buf_append_str(out, self->notes.len ? "\n" : "");
    if (line.error)
        out->error = line.error;
    rp_buf_deinit(&line);
}

int rp_compare_write_markdown(const struct rp_comparison *self, struct rp_buf *out)
{
    rp_buf_appendf(out, "## rampa: %s\n\n", rp_compare_verdict_name(rp_compare_overall(self)));
    rp_markdown_text(out, self->current->name, CELL_COLS);
    rp_buf_append_str(out, " beside ");
    for (size_t i = 0; i < self->base_count; i++) {
        rp_buf_append_str(out, i ? ", " : "");
        rp_markdown_text(out, self->bases[i].name, CELL_COLS);
    }
    rp_buf_append_str(out, ": ");
    rp_compare_sentence(self, out);
    rp_buf_append_str(out, ".\n");
    put_thresholds(out, self);
    put_rows(out, self);
    put_notes(out, self);
    return out->error;
}

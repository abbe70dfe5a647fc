/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/text.h"
#include "compare/show.h"
#include "ui/ink.h"

/* A table whose columns are as wide as their widest cell; only names are shortened. */

enum {
    NAME_COLS = 44,
    TITLE_COLS = 400,
    STAT_COLS = 7,
    VALUE_COLS = 10,
    CHANGE_COLS = 10,
    INTERVAL_COLS = 22
};

static const char *ink_of(enum rp_compare_verdict verdict)
{
    static const char *const inks[RP_COMPARE_VERDICTS] = {
        [RP_COMPARE_SAME] = RP_INK_DIM,       [RP_COMPARE_WORSE] = RP_INK_RED,
        [RP_COMPARE_BETTER] = RP_INK_GREEN,   [RP_COMPARE_CHANGED] = RP_INK_YELLOW,
        [RP_COMPARE_UNCLEAR] = RP_INK_YELLOW,
    };

    return inks[verdict];
}

static void put_right(struct rp_buf *out, const char *text, size_t cols)
{
    size_t used = rp_text_cols(rp_slice_str(text));

    rp_text_fill(out, ' ', used < cols ? cols - used : 0);
    rp_buf_append_str(out, text);
}

static void put_verdict(struct rp_buf *out, enum rp_compare_verdict verdict, bool color)
{
    rp_buf_appendf(out, "  %s%s%s\n", rp_ink(color, ink_of(verdict)),
                   rp_compare_verdict_name(verdict), rp_ink(color, RP_INK_OFF));
}

/* The name once, above its statistics. */
static void put_name(struct rp_buf *out, const struct rp_compare_row *row,
                     const struct rp_compare_row *before)
{
    const struct rp_subject *subject = row->subject;
    struct rp_buf name;

    rp_buf_init(&name, 1 << 20);
    if (!before || before->subject->kind != subject->kind ||
        strcmp(before->subject->name, subject->name) != 0 ||
        strcmp(before->subject->group, subject->group) != 0) {
        rp_buf_append_str(&name, subject->group);
        rp_buf_append_str(&name, *subject->group ? " " : "");
        rp_buf_append_str(&name, subject->name);
    }
    rp_buf_append_str(out, "  ");
    rp_text_pad(out, rp_buf_slice(&name), NAME_COLS);
    if (name.error)
        out->error = name.error;
    rp_buf_deinit(&name);
}

static void put_row(struct rp_buf *out, const struct rp_compare_row *row,
                    const struct rp_compare_row *before, bool color)
{
    char word[RP_COMPARE_WORD];

    put_name(out, row, before);
    rp_buf_append_str(out, " ");
    rp_text_pad(out, rp_slice_str(row->stat), STAT_COLS);
    rp_compare_value(row, row->base, word);
    put_right(out, word, VALUE_COLS);
    rp_buf_append_str(out, " ");
    rp_compare_value(row, row->current, word);
    put_right(out, word, VALUE_COLS);
    rp_buf_append_str(out, " ");
    rp_compare_change(row, row->change, word);
    put_right(out, word, CHANGE_COLS);
    rp_buf_append_str(out, " ");
    rp_compare_interval(row, word);
    put_right(out, word, INTERVAL_COLS);
    put_verdict(out, row->verdict, color);
}

static void put_title(struct rp_buf *out, const char *title, bool color)
{
    rp_buf_appendf(out, "\n%s%s%s\n", rp_ink(color, RP_INK_BOLD), title, rp_ink(color, RP_INK_OFF));
}

static void put_rows(struct rp_buf *out, const struct rp_comparison *self, bool color)
{
    static const char *const titles[] = { "METRICS", "REQUESTS", "CHECKS" };

    for (size_t i = 0; i < self->row_count; i++) {
        const struct rp_compare_row *row = &self->rows[i], *before = i ? row - 1 : NULL;

        if (!before || before->subject->kind != row->subject->kind)
            put_title(out, titles[row->subject->kind], color);
        put_row(out, row, before, color);
    }
}

static void put_threshold(struct rp_buf *out, const struct rp_compare_threshold *row, bool color)
{
    static const char *const words[] = { "not judged", "missed", "met" };
    struct rp_buf name;

    rp_buf_init(&name, 1 << 20);
    rp_buf_append_str(&name, row->current->metric);
    rp_buf_append_str(&name, *row->current->metric ? ": " : "");
    rp_buf_append_str(&name, row->current->expression);
    rp_buf_append_str(out, "  ");
    rp_text_pad(out, rp_buf_slice(&name), NAME_COLS + 1 + STAT_COLS);
    put_right(out, row->base ? words[row->base->passed + 1] : "-", VALUE_COLS);
    rp_buf_append_str(out, " ");
    put_right(out, words[row->current->passed + 1], VALUE_COLS);
    rp_text_fill(out, ' ', CHANGE_COLS + INTERVAL_COLS + 2);
    put_verdict(out, row->verdict, color);
    if (name.error)
        out->error = name.error;
    rp_buf_deinit(&name);
}

static void put_head(struct rp_buf *out, const struct rp_comparison *self, bool color)
{
    rp_buf_append_str(out, rp_ink(color, RP_INK_BOLD));
    rp_text_append(out, rp_slice_str(self->current->name), TITLE_COLS);
    rp_buf_append_str(out, rp_ink(color, RP_INK_OFF));
    rp_buf_append_str(out, " beside ");
    for (size_t i = 0; i < self->base_count; i++) {
        rp_buf_append_str(out, i ? ", " : "");
        rp_text_append(out, rp_slice_str(self->bases[i].name), TITLE_COLS);
    }
    rp_buf_append_str(out, "\n\n  ");
    rp_text_fill(out, ' ', NAME_COLS + 1 + STAT_COLS);
    put_right(out, self->base_count > 1 ? "bases" : "base", VALUE_COLS);
    rp_buf_append_str(out, " ");
    put_right(out, "current", VALUE_COLS);
    rp_buf_append_str(out, " ");
    put_right(out, "change", CHANGE_COLS);
    rp_buf_append_str(out, " ");
    put_right(out, "with 95% confidence", INTERVAL_COLS);
    rp_buf_append_str(out, "\n");
}

static void put_notes(struct rp_buf *out, const struct rp_comparison *self, bool color)
{
    if (!self->notes.len)
        return;
    put_title(out, "NOTES", color);
    for (const char *at = rp_buf_str(&self->notes); *at;) {
        size_t length = strcspn(at, "\n");

        rp_buf_appendf(out, "  %.*s\n", (int)length, at);
        at += length + (at[length] == '\n');
    }
}

int rp_compare_write_text(const struct rp_comparison *self, bool color, struct rp_buf *out)
{
    enum rp_compare_verdict overall = rp_compare_overall(self);

    put_head(out, self, color);
    put_rows(out, self, color);
    if (self->threshold_count)
        put_title(out, "THRESHOLDS", color);
    for (size_t i = 0; i < self->threshold_count; i++)
        put_threshold(out, &self->thresholds[i], color);
    put_notes(out, self, color);
    rp_buf_appendf(out, "\n%s", rp_ink(color, ink_of(overall)));
    rp_compare_sentence(self, out);
    rp_buf_appendf(out, "%s (a change of %.4g%% matters, of shares %.4g points)\n",
                   rp_ink(color, RP_INK_OFF), self->min_effect * 100, self->min_effect * 10);
    return out->error;
}

/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "base/units.h"
#include "plan/metrics.h"
#include "ui/summary.h"

/*
 * How long the requests took: one row for each range of times, with a bar. The ends of the ranges
 * are round numbers, in steps that grow with the time, so that a few slow requests show beside many
 * fast ones. The steps are the coarsest ones that give enough rows.
 */

enum { ROWS_MIN = 6, ROWS_MAX = 24, LABEL_COLS = 10, COUNT_COLS = 9, SHARE_COLS = 8, BAR_MAX = 60 };

/* Ends of ranges within a decade, from the coarsest steps to the finest. */
static const struct steps {
    double ends[18];
    size_t count;
} all_steps[] = {
    { { 1, 10 }, 1 },
    { { 1, 2, 5, 10 }, 3 },
    { { 1, 1.5, 2, 3, 5, 7, 10 }, 6 },
    { { 1, 1.2, 1.5, 1.8, 2, 2.5, 3, 3.5, 4, 4.5, 5, 5.5, 6, 7, 8, 9, 10 }, 16 },
};

struct range {
    double end; /* milliseconds */
    uint64_t count;
};

/* The end of the range after the one that ends at @end, which is not the last of its decade only up
 * to rounding. */
static double next_end(const struct steps *steps, double end)
{
    double decade = pow(10, floor(log10(end) + 1e-9));

    for (size_t i = 0; i <= steps->count; i++)
        if (steps->ends[i] * decade > end * (1 + 1e-9))
            return steps->ends[i] * decade;
    return end * 10;
}

/* The ends of the ranges that reach from @min to @max, at most ROWS_MAX of them; how many. */
static size_t make_ranges(const struct steps *steps, double min, double max, struct range *ret)
{
    double end = pow(10, floor(log10(min)));
    size_t count = 0;

    while (end < min * (1 - 1e-9))
        end = next_end(steps, end);
    while (count < ROWS_MAX) {
        ret[count++] = (struct range){ .end = end };
        if (end >= max)
            break;
        end = next_end(steps, end);
    }
    if (ret[count - 1].end < max)
        ret[count - 1].end = max;
    return count;
}

static size_t choose_ranges(double min, double max, struct range *ret)
{
    size_t count = 0;

    if (!(min >= 0.001)) /* below a microsecond there is nothing to tell apart */
        min = 0.001;
    if (max < min)
        max = min;
    for (size_t i = 0; i < RP_ARRAY_LEN(all_steps); i++) {
        count = make_ranges(&all_steps[i], min, max, ret);
        if (count >= ROWS_MIN)
            break;
    }
    return count;
}

static void count_values(const struct rp_hist *hist, struct range *ranges, size_t count)
{
    struct rp_hist_iter iter;
    size_t at = 0;

    rp_hist_iter_init(&iter, hist);
    while (rp_hist_iter_next(&iter)) {
        double value = (iter.low + iter.high) / 2 / 1e6; /* ns -> ms */

        while (at + 1 < count && value > ranges[at].end)
            at++;
        ranges[at].count += iter.count;
    }
}

static void draw_bar(struct rp_summary *summary, double share, size_t cols)
{
    size_t len = (size_t)lround(share * (double)cols);

    if (!len && share > 0)
        len = 1;
    rp_summary_ink_on(summary, RP_INK_CYAN);
    for (size_t i = 0; i < len; i++)
        rp_buf_append_str(summary->out, "\xe2\x96\x88");
    rp_summary_ink_off(summary);
}

static void draw_row(struct rp_summary *summary, const struct range *range, uint64_t total,
                     uint64_t most, size_t bar_cols)
{
    char text[RP_UNIT_SIZE], label[RP_UNIT_SIZE + 8];
    double leading = range->end / pow(10, floor(log10(range->end) + 1e-9));
    int digits = fabs(leading - round(leading)) < 1e-6 ? 1 : 2; /* "1ms", "1.5ms" */

    snprintf(label, sizeof(label), "<= %s", rp_unit_time(range->end, digits, text));
    rp_text_fill(summary->out, ' ', RP_INDENT);
    rp_summary_right(summary, label, LABEL_COLS);
    snprintf(text, sizeof(text), "%llu", (unsigned long long)range->count);
    rp_summary_right(summary, text, COUNT_COLS);
    rp_summary_right(summary, rp_unit_percent(range->count, total, text), SHARE_COLS);
    if (range->count && bar_cols) {
        rp_buf_append_str(summary->out, " ");
        draw_bar(summary, (double)range->count / (double)most, bar_cols);
    }
    rp_buf_append_str(summary->out, "\n");
}

void rp_summary_histogram(struct rp_summary *summary)
{
    const struct rp_view *view =
        summary->result->store
            ? rp_store_view(summary->result->store, rp_builtin_metrics[RP_M_HTTP_REQ_DURATION].name)
            : NULL;
    size_t used = RP_INDENT + LABEL_COLS + COUNT_COLS + SHARE_COLS + 1, count, bar_cols = 0;
    struct range ranges[ROWS_MAX];
    const struct rp_hist *hist;
    uint64_t most = 0;

    if (!view || !view->total.samples)
        return;
    hist = &view->total.hist;
    if (summary->width > used)
        bar_cols = summary->width - used > BAR_MAX ? BAR_MAX : summary->width - used;
    count = choose_ranges(hist->min / 1e6, hist->max / 1e6, ranges);
    count_values(hist, ranges, count);
    for (size_t i = 0; i < count; i++)
        if (ranges[i].count > most)
            most = ranges[i].count;
    rp_summary_title(summary, "HISTOGRAM of http_req_duration");
    rp_buf_append_str(summary->out, "\n");
    for (size_t i = 0; i < count; i++)
        draw_row(summary, &ranges[i], hist->count, most, bar_cols);
}

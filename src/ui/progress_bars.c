/* SPDX-License-Identifier: MIT */

/*
 * The bars of the scenarios: name, bar, and what the executor is measured by.
 *
 *     browse  [=====>----]  12.3s/30s  10/10 VUs
 *     buy     [==>-------]   123/1000 iters  12.3s/10m00s  5/5 VUs
 *     orders  [=====>----]  12.3s/30s  500.0 iters/s  12/50 VUs  3 dropped
 *     late    [----------]  waiting 5s
 *
 * All have the same columns. Where the width is short, they lose the same parts, in the order of
 * enum detail.
 */

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "plan/duration.h"
#include "ui/progress_parts.h"
#include "base/text.h"
#include "base/units.h"

enum {
    PART_SIZE = 96,
    GAP = 2,
    NAME_MIN =
        10, /* columns that a name has at least, if it needs them; else a quarter of the width */
    BAR_MIN = 6,
    BAR_MAX = 30,
};

enum part { MEASURE, STATE, SECOND, VUS, DROPPED, PART_COUNT };

/* How many iterations were dropped in all stands in the first line. */
enum detail { EVERYTHING, NO_SECOND, NO_VUS, NO_DROPPED, STATE_FOR_MEASURE, NO_BAR, DETAIL_COUNT };

enum urgency { GOING, WAITING, OVER, URGENCY_COUNT }; /* the first ones are shown first */

struct bar {
    char text[PART_COUNT][PART_SIZE];
    double share;
    enum urgency urgency;
};

struct layout {
    enum detail detail;
    size_t width, name_cols, bar_cols; /* bar_cols: without the brackets; 0 = no bar */
};

/* ---- what a bar says ------------------------------------------------------------------------- */

static bool counts_iterations(const struct rp_scenario *plan)
{
    return rp_executor_kinds[plan->executor].has_iterations;
}

/* "12.3s/30s", "1m05s/2m00s". The first time is as wide as it may become. */
static void format_time(const struct rp_scenario_progress *at, char *out)
{
    char elapsed[RP_CLOCK_SIZE], total[RP_CLOCK_SIZE], number[RP_UNIT_SIZE];
    rp_ns tenths = at->elapsed / (RP_S / 10);
    int cols;

    if (at->regular >= 60 * RP_S) {
        rp_clock_text(at->elapsed, elapsed);
        cols = (int)strlen(rp_clock_text(at->regular, total));
    } else { /* cut: it never shows more than has been */
        snprintf(elapsed, sizeof(elapsed), "%ss", rp_unit_fixed((double)tenths / 10, 1, number));
        rp_duration_format(at->regular, total, sizeof(total));
        cols = at->regular >= 10 * RP_S ? 5 : 4;
    }
    snprintf(out, PART_SIZE, "%*.30s/%.30s", cols, elapsed, total);
}

static int digits(uint64_t number)
{
    int count = 1;

    for (; number > 9; number /= 10)
        count++;
    return count;
}

static uint64_t done_of(const struct rp_scenario_progress *at)
{
    return at->completed + at->interrupted;
}

static void format_iterations(const struct rp_scenario_progress *at, char *out)
{
    if (at->total)
        snprintf(out, PART_SIZE, "%*" PRIu64 "/%" PRIu64 " iters", digits(at->total), done_of(at),
                 at->total);
    else
        snprintf(out, PART_SIZE, "%" PRIu64 " iters", done_of(at));
}

/* "1,000.0 iters/s" */
static void format_rate(double rate, char *out)
{
    char number[RP_UNIT_SIZE], grouped[2 * RP_UNIT_SIZE];
    size_t whole, len = 0;

    if (rate < 0.1)
        rp_unit_number(rate, 2, number);
    else
        rp_unit_fixed(rate, 1, number);
    whole = strspn(number, "0123456789");
    for (size_t i = 0; number[i]; i++) {
        if (i && i < whole && (whole - i) % 3 == 0)
            grouped[len++] = ',';
        grouped[len++] = number[i];
    }
    grouped[len] = '\0';
    snprintf(out, PART_SIZE, "%s iters/s", grouped);
}

static void format_waiting(rp_ns left, char *out)
{
    char clock[RP_CLOCK_SIZE];

    left = left > 0 ? left : 0;
    snprintf(out, PART_SIZE, "waiting %.30s", rp_clock_text(rp_ns_add(left, RP_S - 1), clock));
}

static double share_of(const struct rp_scenario *plan, const struct rp_scenario_progress *at)
{
    double share = 0;

    if (counts_iterations(plan) && at->total)
        share = (double)(done_of(at) + at->dropped) / (double)at->total;
    else if (at->regular > 0)
        share = (double)at->elapsed / (double)at->regular;
    return fmin(fmax(share, 0), 1);
}

static void format_measures(const struct rp_scenario *plan, const struct rp_scenario_progress *at,
                            struct bar *bar)
{
    if (counts_iterations(plan)) {
        format_iterations(at, bar->text[MEASURE]);
        format_time(at, bar->text[SECOND]);
        return;
    }
    format_time(at, bar->text[MEASURE]);
    if (at->rate > 0)
        format_rate(at->rate, bar->text[SECOND]);
}

static void format_bar(const struct rp_progress *progress, size_t i, struct bar *bar)
{
    static const char *const states[] = {
        [RP_SCENARIO_WAITING] = "",          [RP_SCENARIO_RUNNING] = "",
        [RP_SCENARIO_STOPPING] = "stopping", [RP_SCENARIO_INTERRUPTING] = "interrupting",
        [RP_SCENARIO_FINISHED] = "finished",
    };
    const struct rp_scenario_progress *at = &progress->scenarios[i];
    const struct rp_scenario *plan = &progress->plan[i];
    char number[RP_UNIT_SIZE];

    *bar = (struct bar){ .urgency = GOING };
    if (at->state == RP_SCENARIO_WAITING) {
        bar->urgency = WAITING;
        format_waiting(plan->start_time - progress->run_elapsed, bar->text[STATE]);
        return;
    }
    bar->share = share_of(plan, at);
    format_measures(plan, at, bar);
    snprintf(bar->text[STATE], PART_SIZE, "%s", states[at->state]);
    if (at->state == RP_SCENARIO_FINISHED)
        bar->urgency = OVER;
    else
        snprintf(bar->text[VUS], PART_SIZE, "%*" PRId64 "/%" PRId64 " VUs",
                 digits((uint64_t)at->vus_made), at->vus, at->vus_made);
    if (at->dropped)
        snprintf(bar->text[DROPPED], PART_SIZE, "%s dropped",
                 rp_unit_number((double)at->dropped, 3, number));
}

/* ---- which are shown ------------------------------------------------------------------------- */

struct choice {
    size_t shown[URGENCY_COUNT]; /* the first so many of each */
    size_t all[URGENCY_COUNT];
};

static enum urgency urgency_of(const struct rp_scenario_progress *at)
{
    if (at->state == RP_SCENARIO_WAITING)
        return WAITING;
    return at->state == RP_SCENARIO_FINISHED ? OVER : GOING;
}

/* Chooses what is shown. There is room for @lines lines. */
static struct choice choose(const struct rp_progress *progress, size_t lines)
{
    struct choice choice = { 0 };

    for (size_t i = 0; i < progress->scenario_count; i++)
        choice.all[urgency_of(&progress->scenarios[i])]++;
    if (progress->scenario_count > lines && lines)
        lines--; /* of how many more there are */
    for (size_t i = 0; i < URGENCY_COUNT; i++) {
        choice.shown[i] = choice.all[i] < lines ? choice.all[i] : lines;
        lines -= choice.shown[i];
    }
    return choice;
}

/* Finds the next scenario that is shown, from *@i on, in the order of the plan; false at the end.
 * @seen counts from zero. */
static bool next_shown(const struct rp_progress *progress, const struct choice *choice,
                       size_t seen[URGENCY_COUNT], size_t *i)
{
    for (; *i < progress->scenario_count; (*i)++) {
        enum urgency urgency = urgency_of(&progress->scenarios[*i]);

        if (seen[urgency]++ < choice->shown[urgency])
            return true;
    }
    return false;
}

/* "… and 12 more: 3 waiting, 9 finished" */
static void append_rest(const struct choice *choice, size_t width, bool color, struct rp_buf *out)
{
    static const char *const words[] = {
        [GOING] = "running", [WAITING] = "waiting", [OVER] = "finished"
    };
    size_t rest = 0, len;
    char text[PART_SIZE * 2];
    const char *separator = ": ";

    for (size_t i = 0; i < URGENCY_COUNT; i++)
        rest += choice->all[i] - choice->shown[i];
    if (!rest)
        return;
    len = (size_t)snprintf(text, sizeof(text), RP_TEXT_ELLIPSIS " and %zu more", rest);
    for (size_t i = 0; i < URGENCY_COUNT; i++) {
        if (choice->all[i] == choice->shown[i])
            continue;
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%zu %s", separator,
                                choice->all[i] - choice->shown[i], words[i]);
        separator = ", ";
    }
    rp_progress_ink(out, color, RP_INK_DIM, text, width);
    rp_buf_append_str(out, "\n");
}

/* ---- layout ---------------------------------------------------------------------------------- */

static bool is_part_shown(const struct bar *bar, enum part part, enum detail detail)
{
    switch (part) {
    case MEASURE:
        return detail < STATE_FOR_MEASURE || !*bar->text[STATE];
    case SECOND:
        return detail < NO_SECOND;
    case VUS:
        return detail < NO_VUS;
    case DROPPED:
        return detail < NO_DROPPED;
    default:
        return true;
    }
}

static size_t text_cols(const struct bar *bar, enum detail detail)
{
    size_t cols = 0;

    for (enum part part = 0; part < PART_COUNT; part++) {
        if (*bar->text[part] && is_part_shown(bar, part, detail))
            cols += (cols ? GAP : 0) + strlen(bar->text[part]);
    }
    return cols;
}

/* The width of the widest text behind the bars. */
static size_t widest_text(const struct rp_progress *progress, const struct choice *choice,
                          enum detail detail)
{
    size_t seen[URGENCY_COUNT] = { 0 }, widest = 0;
    struct bar bar;

    for (size_t i = 0; next_shown(progress, choice, seen, &i); i++) {
        size_t cols;

        format_bar(progress, i, &bar);
        cols = text_cols(&bar, detail);
        widest = cols > widest ? cols : widest;
    }
    return widest;
}

static size_t widest_name(const struct rp_progress *progress, const struct choice *choice)
{
    size_t seen[URGENCY_COUNT] = { 0 }, widest = 1;

    for (size_t i = 0; next_shown(progress, choice, seen, &i); i++) {
        size_t cols = rp_text_cols(rp_slice_str(progress->plan[i].name));

        widest = cols > widest ? cols : widest;
    }
    return widest;
}

static struct layout lay_out(const struct rp_progress *progress, const struct choice *choice,
                             size_t width)
{
    size_t most = width / 4 > NAME_MIN ? width / 4 : NAME_MIN;
    struct layout layout = { .width = width, .name_cols = widest_name(progress, choice) };

    if (layout.name_cols > most)
        layout.name_cols = most;
    if (layout.name_cols > width)
        layout.name_cols = width;
    for (layout.detail = EVERYTHING; layout.detail < DETAIL_COUNT; layout.detail++) {
        size_t frame = layout.name_cols + GAP, text;

        if (layout.detail < NO_BAR)
            frame += 2 + GAP; /* brackets */
        text = widest_text(progress, choice, layout.detail);
        if (frame + text + (layout.detail < NO_BAR ? BAR_MIN : 0) > width)
            continue;
        if (layout.detail < NO_BAR) {
            layout.bar_cols = width - frame - text;
            if (layout.bar_cols > BAR_MAX)
                layout.bar_cols = BAR_MAX;
        }
        return layout;
    }
    layout.detail = NO_BAR; /* what is too long is cut */
    return layout;
}

/* ---- drawing --------------------------------------------------------------------------------- */

static void append_bar(const struct bar *bar, const struct layout *layout, bool color,
                       struct rp_buf *out)
{
    char text[BAR_MAX + 3];
    size_t cols = layout->bar_cols, full = (size_t)(bar->share * (double)cols);

    memset(text + 1, '-', cols);
    memset(text + 1, '=', full);
    if (full < cols && bar->urgency == GOING)
        text[1 + full] = '>';
    text[0] = '[';
    text[cols + 1] = ']';
    text[cols + 2] = '\0';
    rp_progress_ink(out, color,
                    bar->urgency == GOING  ? RP_INK_CYAN
                    : bar->urgency == OVER ? RP_INK_GREEN
                                           : RP_INK_DIM,
                    text, cols + 2);
    rp_text_fill(out, ' ', GAP);
}

static void append_texts(const struct bar *bar, const struct layout *layout, size_t room,
                         bool color, struct rp_buf *out)
{
    static const char *const inks[PART_COUNT] = {
        [MEASURE] = "", [STATE] = RP_INK_DIM, [SECOND] = "", [VUS] = "", [DROPPED] = RP_INK_YELLOW
    };
    bool is_first = true;

    for (enum part part = 0; part < PART_COUNT; part++) {
        size_t gap = is_first ? 0 : GAP;

        if (!*bar->text[part] || !is_part_shown(bar, part, layout->detail))
            continue;
        if (room <= gap)
            break;
        rp_text_fill(out, ' ', gap);
        room -= gap;
        room -= rp_progress_ink(out, color,
                                part == STATE && bar->urgency == GOING ? RP_INK_YELLOW : inks[part],
                                bar->text[part], room);
        is_first = false;
    }
}

static void append_line(const struct rp_progress *progress, size_t i, const struct layout *layout,
                        bool color, struct rp_buf *out)
{
    size_t used = layout->name_cols + GAP;
    struct bar bar;

    format_bar(progress, i, &bar);
    if (layout->width > used) {
        rp_text_pad(out, rp_slice_str(progress->plan[i].name), layout->name_cols);
        rp_text_fill(out, ' ', GAP);
        if (layout->bar_cols) {
            append_bar(&bar, layout, color, out);
            used += layout->bar_cols + 2 + GAP;
        }
        append_texts(&bar, layout, layout->width - used, color, out);
    } else {
        rp_text_append(out, rp_slice_str(progress->plan[i].name), layout->name_cols);
    }
    rp_buf_append_str(out, "\n");
}

void rp_progress_format_block(const struct rp_progress *progress, unsigned width, unsigned height,
                              bool color, struct rp_buf *out)
{
    size_t seen[URGENCY_COUNT] = { 0 };
    struct layout layout;
    struct choice choice;

    if (!width)
        width = RP_PROGRESS_WIDTH;
    rp_progress_format(progress, width, color, out);
    rp_buf_append_str(out, "\n");
    if (!progress->plan || !progress->scenarios || height < 2)
        return;
    choice = choose(progress, height - 1);
    layout = lay_out(progress, &choice, width);
    for (size_t i = 0; next_shown(progress, &choice, seen, &i); i++)
        append_line(progress, i, &layout, color, out);
    append_rest(&choice, layout.width, color, out);
}

/* SPDX-License-Identifier: MIT */

/*
 * Where everything stands on the screen.
 *
 * The sections stand below each other. Each says how many rows it needs at least and how many it
 * can use. First each gets its least, the most important one first, and one that does not get it is
 * left out. What is left then goes to the sections row by row in turn, so that a large screen shows
 * more of everything.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "base/units.h"
#include "ui/dashboard_parts.h"
#include "ui/progress_parts.h"
#include "ui/summary.h"

enum {
    MIN_COLS = 30,
    MIN_ROWS = 6,
    BLOCK_MAX = 1 << 16,
    TIME_COLS = 9,
    CELL_COLS = 9,
    MIN_NAME_COLS = 12,
    STATS = 3,
};

/* In the order in which they stand. */
enum section { HEAD, PLOTS, GENERATOR, THRESHOLDS, REQUESTS, ERRORS, LOG, SECTION_COUNT };

/* The most important one first. */
static const enum section by_weight[] = {
    HEAD, GENERATOR, REQUESTS, PLOTS, THRESHOLDS, ERRORS, LOG
};

struct rows {
    unsigned least, most; /* 0: there is nothing to show */
    unsigned given;
};

/* ---- small parts ----------------------------------------------------------------------------- */

void rp_dashboard_put(struct rp_dashboard_screen *screen, unsigned row, unsigned col,
                      enum rp_cell_ink ink, const char *text)
{
    if (col < screen->cols)
        rp_cells_put(screen->cells, row, RP_DASHBOARD_MARGIN + col, screen->cols - col, ink,
                     rp_slice_str(text));
}

void rp_dashboard_put_right(struct rp_dashboard_screen *screen, unsigned row, unsigned end,
                            unsigned width, enum rp_cell_ink ink, const char *text)
{
    rp_cells_put_right(screen->cells, row, RP_DASHBOARD_MARGIN + end, width, ink,
                       rp_slice_str(text));
}

bool rp_dashboard_has_requests(const struct rp_dashboard_screen *screen)
{
    const struct rp_requests *requests = screen->shown->requests;

    return requests && requests->count;
}

static void title(struct rp_dashboard_screen *screen, unsigned row, const char *text)
{
    rp_dashboard_put(screen, row, 0, RP_CELL_BOLD, text);
}

static unsigned at_most(size_t count, unsigned most)
{
    return count < most ? (unsigned)count : most;
}

/* ---- head: the line of the run and a bar for each scenario ----------------------------------- */

static void draw_head(struct rp_dashboard_screen *screen, unsigned row, unsigned rows)
{
    struct rp_buf block;
    struct rp_slice rest;

    rp_buf_init(&block, BLOCK_MAX);
    rp_progress_format_block(&screen->shown->progress, screen->cols, rows, true, &block);
    rest = block.error ? (struct rp_slice){ 0 } : rp_buf_slice(&block);
    for (unsigned i = 0; i < rows && rest.len; i++) {
        const char *end = memchr(rest.ptr, '\n', rest.len);
        size_t len = end ? (size_t)(end - rest.ptr) : rest.len;

        rp_cells_put_inked(screen->cells, row + i, RP_DASHBOARD_MARGIN, rp_slice(rest.ptr, len));
        len += end != NULL;
        rest = rp_slice(rest.ptr + len, rest.len - len);
    }
    rp_buf_deinit(&block);
}

/* ---- the generator --------------------------------------------------------------------------- */

static void draw_generator(struct rp_dashboard_screen *screen, unsigned row, unsigned rows)
{
    const struct rp_result *result = screen->shown->result;
    static const enum rp_cell_ink inks[] = { [RP_GENERATOR_VALID] = RP_CELL_GREEN,
                                             [RP_GENERATOR_SUSPECT] = RP_CELL_YELLOW,
                                             [RP_GENERATOR_LIMITED] = RP_CELL_RED };
    const char *word = rp_generator_verdict_name(result->generator);

    rp_dashboard_put(screen, row, 0, RP_CELL_DIM, "generator");
    rp_dashboard_put(screen, row, 11, inks[result->generator], word);
    for (unsigned i = 0; i < rows && i < result->generator_reason_count; i++)
        rp_dashboard_put(screen, row + i, 20, RP_CELL_PLAIN, result->generator_reasons[i].text);
}

/* ---- thresholds ------------------------------------------------------------------------------ */

static void draw_threshold(struct rp_dashboard_screen *screen, unsigned row, size_t i)
{
    static const struct {
        const char *mark;
        enum rp_cell_ink ink;
    } states[] = { { "\xc2\xb7", RP_CELL_DIM },
                   { "\xe2\x9c\x93", RP_CELL_GREEN },
                   { "\xe2\x9c\x97", RP_CELL_RED } };
    const struct rp_dashboard *shown = screen->shown;
    const struct rp_threshold *threshold = &shown->result->plan->thresholds[i];
    const struct rp_verdict *verdict = shown->verdicts ? &shown->verdicts[i] : NULL;
    int state = !verdict || verdict->no_samples ? 0 : verdict->passed ? 1 : 2;
    unsigned end = screen->cols, actual_cols = CELL_COLS + 3, col = 2;
    char actual[RP_ACTUAL_SIZE];

    rp_summary_actual(shown->result, shown->verdicts, i, actual);
    rp_dashboard_put(screen, row, 0, states[state].ink, states[state].mark);
    col += rp_cells_put(screen->cells, row, RP_DASHBOARD_MARGIN + col, (end - col) / 2,
                        RP_CELL_PLAIN, rp_slice_str(threshold->display));
    if (col + 2 + actual_cols < end)
        rp_cells_put(screen->cells, row, RP_DASHBOARD_MARGIN + col + 1, end - col - 2 - actual_cols,
                     RP_CELL_PLAIN, rp_slice_str(threshold->source));
    rp_dashboard_put_right(screen, row, end, actual_cols, states[state].ink, actual);
}

/* Those that fail come first: the others may be more than there is room for. */
static void draw_thresholds(struct rp_dashboard_screen *screen, unsigned row, unsigned rows)
{
    const struct rp_dashboard *shown = screen->shown;
    size_t count = shown->result->plan->threshold_count, left = count;
    unsigned end = row + rows;

    title(screen, row++, "THRESHOLDS");
    for (int passed = 0; passed < 2; passed++)
        for (size_t i = 0; i < count; i++) {
            bool is_good = !shown->verdicts || shown->verdicts[i].passed ||
                           shown->verdicts[i].no_samples;

            if (is_good == passed && row < end) {
                draw_threshold(screen, row++, i);
                left--;
            }
        }
    if (left)
        rp_cells_putf(screen->cells, end - rows, RP_DASHBOARD_MARGIN + 12, screen->cols - 12,
                      RP_CELL_DIM, "%zu more", left);
}

/* ---- requests -------------------------------------------------------------------------------- */

static const char *const columns[] = { "count", "failed", "med", "p(95)", "p(99)" };

/* The @rank-th name by the number of its requests, and by the order of names where that is the
 * same. */
static int by_count(const void *a, const void *b)
{
    const struct rp_named_requests *first = *(const struct rp_named_requests *const *)a;
    const struct rp_named_requests *second = *(const struct rp_named_requests *const *)b;

    if (first->count != second->count)
        return first->count < second->count ? 1 : -1;
    return strcmp(first->name, second->name);
}

static void draw_named(struct rp_dashboard_screen *screen, unsigned row, unsigned cells,
                       const struct rp_named_requests *named)
{
    static const struct rp_stat stats[STATS] = { { .kind = RP_STAT_MED },
                                                 { .kind = RP_STAT_P, .p = 95 },
                                                 { .kind = RP_STAT_P, .p = 99 } };
    unsigned name_cols = screen->cols - cells * CELL_COLS;
    char text[RP_UNIT_SIZE];

    rp_cells_put(screen->cells, row, RP_DASHBOARD_MARGIN, name_cols - 1, RP_CELL_PLAIN,
                 *named->name ? rp_slice_str(named->name) : RP_SLICE("(other names)"));
    for (unsigned i = 0; i < cells; i++) {
        if (i < 2)
            rp_unit_number((double)(i ? named->failed : named->count), 4, text);
        else
            rp_unit_time(rp_requests_stat(named, stats[i - 2]), 3, text);
        rp_dashboard_put_right(screen, row, name_cols + (i + 1) * CELL_COLS, CELL_COLS - 1,
                               i == 1 && named->failed ? RP_CELL_RED : RP_CELL_PLAIN, text);
    }
}

static void draw_requests(struct rp_dashboard_screen *screen, unsigned row, unsigned rows)
{
    const struct rp_requests *requests = screen->shown->requests;
    const struct rp_named_requests **sorted = rp_calloc(requests->count, sizeof(const void *));
    unsigned cells = RP_ARRAY_LEN(columns), shown = rows - 1;
    size_t first = screen->shown->first_request;

    while (cells > 2 && screen->cols < MIN_NAME_COLS + cells * CELL_COLS)
        cells--;
    title(screen, row, "REQUESTS");
    for (unsigned i = 0; i < cells; i++)
        rp_dashboard_put_right(screen, row, screen->cols - (cells - 1 - i) * CELL_COLS,
                               CELL_COLS - 1, RP_CELL_DIM, columns[i]);
    if (!sorted)
        return;
    for (size_t i = 0; i < requests->count; i++)
        sorted[i] = &requests->items[i];
    qsort(sorted, requests->count, sizeof(const void *), by_count);
    if (first + shown > requests->count)
        first = requests->count > shown ? requests->count - shown : 0;
    for (unsigned i = 0; i < shown && first + i < requests->count; i++)
        draw_named(screen, row + 1 + i, cells, sorted[first + i]);
    if (shown < requests->count && screen->cols > 10 + cells * CELL_COLS)
        rp_cells_putf(screen->cells, row, RP_DASHBOARD_MARGIN + 9,
                      screen->cols - cells * CELL_COLS - 9, RP_CELL_DIM, "%zu-%zu of %zu",
                      first + 1, first + shown, requests->count);
    screen->requests_shown = shown;
    rp_free(sorted);
}

/* ---- errors ---------------------------------------------------------------------------------- */

static size_t error_rows(const struct rp_dashboard *shown)
{
    return (shown->failed ? shown->failed->count : 0) + shown->result->error_count;
}

/* "connection refused (1212)  get /cart" */
static void put_error(struct rp_dashboard_screen *screen, unsigned row, uint64_t count,
                      const struct rp_buf *what, const char *where)
{
    char text[RP_UNIT_SIZE];
    unsigned col = CELL_COLS + 1;

    rp_dashboard_put_right(screen, row, CELL_COLS, CELL_COLS, RP_CELL_RED,
                           rp_unit_number((double)count, 4, text));
    if (!what->error)
        col += 2 + rp_cells_put(screen->cells, row, RP_DASHBOARD_MARGIN + col, screen->cols - col,
                                RP_CELL_PLAIN, rp_buf_slice(what));
    rp_dashboard_put(screen, row, col, RP_CELL_DIM, where ? where : "");
}

static void draw_errors(struct rp_dashboard_screen *screen, unsigned row, unsigned rows)
{
    const struct rp_dashboard *shown = screen->shown;
    unsigned end = row + rows;
    struct rp_buf what;

    rp_buf_init(&what, BLOCK_MAX);
    title(screen, row++, "ERRORS");
    for (size_t i = 0; i < shown->result->error_count && row < end; i++) {
        const struct rp_error_group *group = &shown->result->errors[i];

        rp_buf_reset(&what);
        rp_summary_append_exception(&what, group);
        put_error(screen, row++, group->count, &what, group->place);
    }
    for (size_t i = 0; shown->failed && i < shown->failed->count && row < end; i++) {
        const struct rp_failed_request *failed = &shown->failed->items[i];

        rp_buf_reset(&what);
        rp_summary_append_kind(&what, failed);
        put_error(screen, row++, failed->count, &what, failed->name);
    }
    rp_buf_deinit(&what);
}

/* ---- log ------------------------------------------------------------------------------------- */

static void draw_log(struct rp_dashboard_screen *screen, unsigned row, unsigned rows)
{
    title(screen, row, "LOG");
    for (unsigned age = 0; age + 1 < rows; age++) {
        const struct rp_dashboard_line *line = rp_dashboard_log_at(screen->shown->log, age);
        char clock[RP_CLOCK_SIZE];
        unsigned at = row + rows - 1 - age;

        if (!line)
            continue;
        rp_dashboard_put_right(screen, at, TIME_COLS - 1, TIME_COLS - 1, RP_CELL_DIM,
                               rp_clock_text(line->at, clock));
        rp_dashboard_put(screen, at, TIME_COLS, line->ink, line->text);
    }
}

/* ---- all of it ------------------------------------------------------------------------------- */

static void ask_for_rows(const struct rp_dashboard_screen *screen, struct rows rows[SECTION_COUNT])
{
    const struct rp_dashboard *shown = screen->shown;
    size_t thresholds = shown->result->plan ? shown->result->plan->threshold_count : 0;
    size_t errors = error_rows(shown), reasons = shown->result->generator_reason_count;
    size_t requests = rp_dashboard_has_requests(screen) ? shown->requests->count : 0;
    unsigned half = screen->cells->rows / 2;
    size_t bars = shown->progress.scenarios ? shown->progress.scenario_count : 0;

    rows[HEAD] = (struct rows){ 1, at_most(bars + 1, half), 0 };
    rows[PLOTS] = (struct rows){ 2, rp_dashboard_has_requests(screen) ? RP_DASHBOARD_PLOTS : 1, 0 };
    rows[PLOTS].least = rp_dashboard_has_requests(screen) ? 2 : 1;
    rows[GENERATOR] = (struct rows){ 1, reasons ? at_most(reasons, 3) : 1, 0 };
    if (thresholds)
        rows[THRESHOLDS] = (struct rows){ 2, at_most(thresholds + 1, half), 0 };
    if (requests)
        rows[REQUESTS] = (struct rows){ 2, at_most(requests + 1, 1000), 0 };
    if (errors)
        rows[ERRORS] = (struct rows){ 2, at_most(errors + 1, half), 0 };
    if (shown->log->count)
        rows[LOG] = (struct rows){ 2, at_most(shown->log->count + 1, 1000), 0 };
}

/* Returns the rows that no section can use. */
static unsigned give_rows(struct rows rows[SECTION_COUNT], unsigned left)
{
    bool is_given = true;

    for (size_t i = 0; i < SECTION_COUNT; i++) {
        struct rows *section = &rows[by_weight[i]];

        section->given = section->least <= left ? section->least : 0;
        left -= section->given;
    }
    while (left && is_given) {
        is_given = false;
        for (size_t i = 0; i < SECTION_COUNT && left; i++) {
            struct rows *section = &rows[by_weight[i]];

            if (section->given && section->given < section->most) {
                section->given++;
                left--;
                is_given = true;
            }
        }
    }
    return left;
}

/* What the keys do. The name of the scenario comes last: it may be long. */
static void draw_foot(struct rp_dashboard_screen *screen, unsigned row)
{
    static const char *const texts[] = {
        [RP_DASHBOARD_WATCH] = "p pause  s stop  ? help  \xe2\x86\x91\xe2\x86\x93 requests",
        [RP_DASHBOARD_ASK] = "Stop the run? y: stop it, then the summary. Any other key: go on.",
        [RP_DASHBOARD_HELP] = "Any key: back",
    };
    const char *text = texts[screen->shown->mode], *adjusted = screen->shown->adjusted;
    unsigned col = (unsigned)rp_text_cols(rp_slice_str(text)) + 2;
    bool asks = screen->shown->mode == RP_DASHBOARD_ASK;

    rp_dashboard_put(screen, row, 0, RP_CELL_PLAIN, text);
    if (screen->shown->mode == RP_DASHBOARD_WATCH && adjusted && col + 10 < screen->cols) {
        rp_dashboard_put(screen, row, col, RP_CELL_PLAIN, "+ - load of");
        rp_dashboard_put(screen, row, col + 12, RP_CELL_PLAIN, adjusted);
    }
    rp_cells_ink(screen->cells, row, 0, screen->cells->cols, asks ? RP_CELL_RED : RP_CELL_REVERSE);
}

/* The lines fit into 60 columns. */
static void draw_help(struct rp_dashboard_screen *screen)
{
    static const char *const lines[] = {
        "p        pause the run, and let it go on",
        "s, q     stop the run, after a question",
        "+, -     a tenth more or less load for the scenario that",
        "         the last line names, at least one, until it ends",
        "\xe2\x86\x90 \xe2\x86\x92      another scenario for + and -",
        "\xe2\x86\x91 \xe2\x86\x93      move the table of requests; so do page keys, home",
        "?        this page",
        "Ctrl-C   stop the run; again: at once",
        "",
        "The summary is printed when the run has ended.",
    };

    for (unsigned i = 0; i < RP_ARRAY_LEN(lines); i++)
        rp_dashboard_put(screen, 2 + i, 0, RP_CELL_PLAIN, lines[i]);
}

size_t rp_dashboard_draw(const struct rp_dashboard *dashboard, struct rp_cells *cells)
{
    static void (*const draw[SECTION_COUNT])(struct rp_dashboard_screen *, unsigned, unsigned) = {
        [HEAD] = draw_head,
        [PLOTS] = rp_dashboard_draw_plots,
        [GENERATOR] = draw_generator,
        [THRESHOLDS] = draw_thresholds,
        [REQUESTS] = draw_requests,
        [ERRORS] = draw_errors,
        [LOG] = draw_log,
    };
    struct rp_dashboard_screen screen = { .shown = dashboard, .cells = cells };
    struct rows rows[SECTION_COUNT] = { 0 };
    unsigned row = 0, left;

    if (cells->cols < MIN_COLS || cells->rows < MIN_ROWS) {
        rp_cells_put(cells, 0, 0, cells->cols, RP_CELL_PLAIN, RP_SLICE("window too small"));
        return 0;
    }
    screen.cols = cells->cols - 2 * RP_DASHBOARD_MARGIN;
    if (dashboard->mode == RP_DASHBOARD_HELP) {
        title(&screen, 0, "KEYS");
        draw_help(&screen);
    } else {
        ask_for_rows(&screen, rows);
        left = give_rows(rows, cells->rows - 1);
        for (size_t i = 0; i < SECTION_COUNT; i++) {
            if (!rows[i].given)
                continue;
            if (i >= THRESHOLDS && left) { /* an empty line before a title */
                left--;
                row++;
            }
            draw[i](&screen, row, rows[i].given);
            row += rows[i].given;
        }
    }
    draw_foot(&screen, cells->rows - 1);
    return screen.requests_shown;
}

/* SPDX-License-Identifier: MIT */
#include "ui/summary.h"

#include <math.h>
#include <string.h>

#include "base/units.h"
#include "run/requests.h"

/*
 * With one name the metrics below say all but the statuses, which have one line. With several there
 * is a table; where it does not fit, the numbers stand below the name. Names may be made at run
 * time, so the table is bounded: those with the most requests are shown.
 */

enum {
    MAX_ROWS = 40,
    STATS = 3,
    CELLS = 2 + STATS,
    GAP = 2,
    MIN_NAME_COLS = 16,
    MAX_NAME_COLS = 48
};

static const struct rp_stat stats[STATS] = {
    { .kind = RP_STAT_MED },
    { .kind = RP_STAT_P, .p = 95 },
    { .kind = RP_STAT_P, .p = 99 },
};
static const char *const titles[CELLS] = { "count", "failed", "med", "p(95)", "p(99)" };

struct table {
    const struct rp_requests *requests;
    uint64_t least;  /* requests that a name must have to be shown */
    size_t at_least; /* how many of those that have exactly so many are shown */
    size_t name_cols;
    size_t cell_cols[CELLS];
    bool has_statuses; /* as a column */
    bool is_wrapped;   /* no table: the cells stand below the name */
};

static struct rp_slice name_of(const struct rp_named_requests *named)
{
    return *named->name ? rp_slice_str(named->name) : RP_SLICE("(other names)");
}

static const char *status_words(const char *status)
{
    if (!*status)
        return "unknown";
    return strcmp(status, "0") == 0 ? "none" : status;
}

/* "200: 950, 302: 50, none: 3", but "200" when that is the only one: the count says how many. */
static void append_statuses(struct rp_buf *out, const struct rp_named_requests *named, bool counts)
{
    for (size_t i = 0; i < named->status_count; i++) {
        const struct rp_status_count *status = &named->statuses[i];

        rp_buf_appendf(out, "%s%s", i ? ", " : "", status_words(status->status));
        if (counts || named->status_count > 1)
            rp_buf_appendf(out, ": %llu", (unsigned long long)status->count);
    }
}

static const char *cell_text(const struct rp_named_requests *named, size_t cell, char *out)
{
    if (cell < 2)
        snprintf(out, RP_UNIT_SIZE, "%llu",
                 (unsigned long long)(cell ? named->failed : named->count));
    else
        rp_unit_time(rp_requests_stat(named, stats[cell - 2]), 3, out);
    return out;
}

/* ---- which rows ------------------------------------------------------------------------------ */

static size_t count_from(const struct rp_requests *requests, uint64_t least)
{
    size_t count = 0;

    for (size_t i = 0; i < requests->count; i++)
        count += requests->items[i].count >= least;
    return count;
}

/* Finds the smallest number of requests that leaves few enough names, bit by bit. */
static void choose_rows(struct table *table)
{
    table->at_least = table->requests->count;
    if (table->requests->count <= MAX_ROWS)
        return;
    for (uint64_t bit = UINT64_C(1) << 62; bit; bit >>= 1)
        if (count_from(table->requests, table->least + bit) > MAX_ROWS)
            table->least += bit;
    /* More than MAX_ROWS have at least so many; those above it are shown whole. */
    table->at_least = MAX_ROWS - count_from(table->requests, table->least + 1);
}

/* Whether the next row, in their order, is shown. @left is what is left of at_least. */
static bool is_shown(const struct table *table, const struct rp_named_requests *named, size_t *left)
{
    if (named->count > table->least)
        return true;
    if (named->count < table->least || !*left)
        return false;
    --*left;
    return true;
}

/* ---- the table ------------------------------------------------------------------------------- */

static void measure(struct table *table)
{
    size_t left = table->at_least;
    char text[RP_UNIT_SIZE];

    for (size_t cell = 0; cell < CELLS; cell++)
        table->cell_cols[cell] = strlen(titles[cell]);
    for (size_t i = 0; i < table->requests->count; i++) {
        const struct rp_named_requests *named = &table->requests->items[i];
        size_t cols = rp_text_cols(name_of(named)) + 3;

        if (!is_shown(table, named, &left))
            continue;
        table->name_cols = cols > table->name_cols ? cols : table->name_cols;
        for (size_t cell = 0; cell < CELLS; cell++) {
            cols = strlen(cell_text(named, cell, text));
            if (cols > table->cell_cols[cell])
                table->cell_cols[cell] = cols;
        }
    }
}

static void lay_out(struct rp_summary *summary, struct table *table)
{
    size_t taken = RP_INDENT, statuses = GAP + strlen("statuses");

    measure(table);
    for (size_t cell = 0; cell < CELLS; cell++)
        taken += table->cell_cols[cell] + (cell ? GAP : 1);
    table->has_statuses = taken + statuses + MIN_NAME_COLS <= summary->width;
    taken += table->has_statuses ? statuses : 0;
    if (table->name_cols < MIN_NAME_COLS)
        table->name_cols = MIN_NAME_COLS;
    if (taken + MIN_NAME_COLS > summary->width)
        table->is_wrapped = true;
    else if (taken + table->name_cols > summary->width)
        table->name_cols = summary->width - taken;
}

static void title_line(struct rp_summary *summary, const struct table *table)
{
    rp_summary_title(summary, "REQUESTS");
    if (!table->is_wrapped) {
        rp_text_fill(summary->out, ' ', RP_INDENT + table->name_cols + 1 - strlen("REQUESTS"));
        for (size_t cell = 0; cell < CELLS; cell++)
            rp_summary_right(summary, titles[cell], table->cell_cols[cell] + (cell ? GAP : 0));
        if (table->has_statuses)
            rp_buf_append_str(summary->out, "  statuses");
    }
    rp_buf_append_str(summary->out, "\n");
}

static void cell(struct rp_summary *summary, const char *text, size_t cols, bool is_bad)
{
    if (is_bad)
        rp_summary_ink_on(summary, RP_INK_RED);
    rp_summary_right(summary, text, cols);
    if (is_bad)
        rp_summary_ink_off(summary);
}

static bool is_all_200(const struct rp_named_requests *named)
{
    return named->status_count == 1 && strcmp(named->statuses[0].status, "200") == 0;
}

/* The statuses behind the cells, or below them where there is no room. A table without a column for
 * them has such a line for what is not 200 only. */
static void append_row_statuses(struct rp_summary *summary, const struct table *table,
                                const struct rp_named_requests *named, size_t used)
{
    struct rp_buf statuses;

    rp_buf_init(&statuses, RP_COMPOSE_MAX);
    append_statuses(&statuses, named, false);
    if (used + GAP + rp_text_cols(rp_buf_slice(&statuses)) <= summary->width &&
        table->has_statuses) {
        rp_text_fill(summary->out, ' ', GAP);
        rp_text_append(summary->out, rp_buf_slice(&statuses), SIZE_MAX);
    } else if (table->has_statuses || !is_all_200(named)) {
        rp_buf_append_str(summary->out, "\n");
        rp_text_fill(summary->out, ' ', RP_INDENT + 4);
        rp_text_wrap(summary->out, rp_buf_slice(&statuses), summary->width, RP_INDENT + 4,
                     RP_INDENT + 4);
    }
    rp_summary_done(summary, &statuses);
}

static void row(struct rp_summary *summary, const struct table *table,
                const struct rp_named_requests *named)
{
    size_t used = RP_INDENT + table->name_cols + 1;
    char text[RP_UNIT_SIZE];

    rp_text_fill(summary->out, ' ', RP_INDENT);
    rp_summary_dotted(summary, name_of(named), table->name_cols);
    for (size_t i = 0; i < CELLS; i++) {
        size_t cols = table->cell_cols[i] + (i ? GAP : 0);

        cell(summary, cell_text(named, i, text), cols, i == 1 && named->failed);
        used += cols;
    }
    append_row_statuses(summary, table, named, used);
    rp_buf_append_str(summary->out, "\n");
}

/* "count=1234 failed=3 med=12.3ms .. 200: 1231, 503: 3" below the name. */
static void wrapped_row(struct rp_summary *summary, const struct rp_named_requests *named)
{
    char text[RP_UNIT_SIZE];
    struct rp_buf line;

    rp_text_fill(summary->out, ' ', RP_INDENT);
    rp_text_append(summary->out, name_of(named), summary->width - RP_INDENT);
    rp_buf_append_str(summary->out, "\n");
    rp_buf_init(&line, RP_COMPOSE_MAX);
    for (size_t i = 0; i < CELLS; i++)
        rp_buf_appendf(&line, "%s=%s ", titles[i], cell_text(named, i, text));
    append_statuses(&line, named, true);
    rp_text_fill(summary->out, ' ', RP_INDENT + 4);
    rp_text_wrap(summary->out, rp_buf_slice(&line), summary->width, RP_INDENT + 4, RP_INDENT + 4);
    rp_buf_append_str(summary->out, "\n");
    rp_summary_done(summary, &line);
}

static void rows(struct rp_summary *summary, const struct rp_requests *requests)
{
    struct table table = { .requests = requests };
    size_t left, shown = 0;

    choose_rows(&table);
    lay_out(summary, &table);
    title_line(summary, &table);
    left = table.at_least;
    for (size_t i = 0; i < requests->count; i++) {
        if (!is_shown(&table, &requests->items[i], &left))
            continue;
        shown++;
        if (table.is_wrapped)
            wrapped_row(summary, &requests->items[i]);
        else
            row(summary, &table, &requests->items[i]);
    }
    if (shown < requests->count)
        rp_buf_appendf(summary->out, "    and %zu more names, see --out\n",
                       requests->count - shown);
}

static void one_line(struct rp_summary *summary, const struct rp_named_requests *named)
{
    struct rp_buf statuses;

    rp_buf_init(&statuses, RP_COMPOSE_MAX);
    append_statuses(&statuses, named, true);
    rp_summary_title(summary, "STATUSES");
    rp_buf_append_str(summary->out, "  ");
    rp_text_wrap(summary->out, rp_buf_slice(&statuses), summary->width, RP_INDENT,
                 strlen("STATUSES") + 2);
    rp_buf_append_str(summary->out, "\n");
    rp_summary_done(summary, &statuses);
}

void rp_summary_requests(struct rp_summary *summary)
{
    struct rp_requests requests;
    int r = rp_requests_collect(summary->result->store, &requests);

    if (r < 0)
        rp_summary_fail(summary, r);
    else if (requests.count > 1)
        rows(summary, &requests);
    else if (requests.count == 1 && requests.items[0].status_count)
        one_line(summary, &requests.items[0]);
    rp_requests_deinit(&requests);
}

/* SPDX-License-Identifier: MIT */
#include "run/history.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "plan/metrics.h"

/* ---- cells ----------------------------------------------------------------------------------- */

static void cell_deinit(struct rp_history_cell *cell)
{
    rp_free(cell->counts);
    *cell = (struct rp_history_cell){ 0 };
}

/* How many buckets of @more the cell does not have yet. */
static size_t count_new(const struct rp_history_cell *cell, const struct rp_history_cell *more)
{
    size_t count = 0, at = 0;

    for (size_t i = 0; i < more->count; i++) {
        while (at < cell->count && cell->counts[at].bucket < more->counts[i].bucket)
            at++;
        count += at == cell->count || cell->counts[at].bucket != more->counts[i].bucket;
    }
    return count;
}

/* cell += more. *ret_new: buckets that it did not have. -ENOMEM changes nothing. */
static int cell_add(struct rp_history_cell *cell, const struct rp_history_cell *more,
                    size_t *ret_new)
{
    size_t fresh = count_new(cell, more), left = cell->count, to = left + fresh;
    struct rp_history_count *counts = cell->counts;

    *ret_new = fresh;
    if (fresh)
        counts = rp_realloc_array(cell->counts, to, sizeof(*counts));
    if (fresh && !counts)
        return -ENOMEM;
    cell->counts = counts;
    cell->count = to;
    /* From the end, so that nothing is written over that is still to be read. */
    for (size_t i = more->count; i-- > 0;) {
        while (left && counts[left - 1].bucket > more->counts[i].bucket)
            counts[--to] = counts[--left];
        if (left && counts[left - 1].bucket == more->counts[i].bucket) {
            counts[--to] = counts[--left];
            counts[to].count += more->counts[i].count;
        } else {
            counts[--to] = more->counts[i];
        }
    }
    return 0;
}

/* The wider buckets of a histogram. -ENOMEM. */
static int cell_of(const struct rp_hist *hist, struct rp_history_cell *ret)
{
    struct rp_hist_iter iter;
    size_t cap = 0;

    *ret = (struct rp_history_cell){ 0 };
    rp_hist_iter_init(&iter, hist);
    while (rp_hist_iter_next(&iter)) {
        int32_t bucket = iter.bucket / RP_HISTORY_FINE;

        if (!ret->count || ret->counts[ret->count - 1].bucket != bucket) {
            if (ret->count == cap) {
                struct rp_history_count *counts;

                cap = cap ? cap * 2 : 64;
                counts = rp_realloc_array(ret->counts, cap, sizeof(*counts));
                if (!counts) {
                    cell_deinit(ret);
                    return -ENOMEM;
                }
                ret->counts = counts;
            }
            ret->counts[ret->count++] = (struct rp_history_count){ .bucket = bucket };
        }
        ret->counts[ret->count - 1].count += iter.count;
    }
    return 0;
}

/* ---- lines ----------------------------------------------------------------------------------- */

static void line_free(struct rp_history_line *line)
{
    cell_deinit(&line->aside);
    for (size_t i = 0; i < line->cell_count; i++)
        cell_deinit(&line->cells[i]);
    rp_free(line->cells);
    rp_free(line->name);
    rp_free(line);
}

static void table_clear(struct rp_history_table *table)
{
    for (size_t i = 0; i < table->line_count; i++)
        line_free(table->lines[i]);
    rp_free(table->lines);
    *table = (struct rp_history_table){ 0 };
}

static void give_up(struct rp_history_table *table)
{
    table_clear(table);
    table->is_gone = true;
}

void rp_history_deinit(struct rp_history *history)
{
    table_clear(&history->whole);
    table_clear(&history->named);
    rp_free(history->line_of);
    *history = (struct rp_history){ 0 };
}

/* Where the line of @name stands, or would have to stand. */
static size_t place_of(const struct rp_history_table *table, const char *name)
{
    size_t low = 0, high = table->line_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(table->lines[middle]->name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct rp_history_line *insert_line(struct rp_history_table *table, size_t place,
                                           const char *name)
{
    struct rp_history_line *line;

    if (table->line_count == table->line_cap) {
        size_t cap = table->line_cap ? table->line_cap * 2 : 8;
        struct rp_history_line **lines = rp_realloc_array(table->lines, cap, sizeof(*lines));

        if (!lines)
            return NULL;
        table->lines = lines;
        table->line_cap = cap;
    }
    line = rp_calloc(1, sizeof(*line));
    if (!line)
        return NULL;
    line->name = rp_strdup(name);
    if (!line->name) {
        rp_free(line);
        return NULL;
    }
    memmove(&table->lines[place + 1], &table->lines[place],
            (table->line_count - place) * sizeof(*table->lines));
    table->lines[place] = line;
    table->line_count++;
    return line;
}

/* NULL for want of memory. */
static struct rp_history_line *find_or_add_line(struct rp_history_table *table, const char *name)
{
    size_t place = place_of(table, name);

    if (place < table->line_count && strcmp(table->lines[place]->name, name) == 0)
        return table->lines[place];
    return insert_line(table, place, name);
}

/* Room for an interval, and for those before it. */
static int reserve_cells(struct rp_history_table *table, struct rp_history_line *line, size_t count)
{
    struct rp_history_cell *cells;

    if (count <= line->cell_count)
        return 0;
    cells = rp_realloc_array(line->cells, count, sizeof(*cells));
    if (!cells)
        return -ENOMEM;
    memset(&cells[line->cell_count], 0, (count - line->cell_count) * sizeof(*cells));
    table->places += count - line->cell_count;
    line->cells = cells;
    line->cell_count = count;
    return 0;
}

/* ---- fewer intervals ------------------------------------------------------------------------- */

/* Two neighbours become one. -ENOMEM: some are done. */
static int fold_line(struct rp_history_table *table, struct rp_history_line *line)
{
    size_t count = (line->cell_count + 1) / 2, fresh;

    for (size_t i = 0; i < count; i++) {
        struct rp_history_cell *cell = &line->cells[2 * i], *next = cell + 1;

        if (2 * i + 1 < line->cell_count) {
            if (cell_add(cell, next, &fresh) < 0)
                return -ENOMEM;
            table->places -= next->count - fresh;
            cell_deinit(next);
        }
        if (i) {
            line->cells[i] = *cell;
            *cell = (struct rp_history_cell){ 0 };
        }
    }
    table->places -= line->cell_count - count;
    line->cell_count = count;
    if (count) {
        struct rp_history_cell *cells = rp_realloc_array(line->cells, count, sizeof(*cells));

        line->cells = cells ? cells : line->cells; /* the longer one is as good */
    }
    return 0;
}

static int fold(struct rp_history_table *table)
{
    for (size_t i = 0; i < table->line_count; i++)
        if (fold_line(table, table->lines[i]) < 0)
            return -ENOMEM;
    table->width *= 2;
    return 0;
}

static bool has_one_interval(const struct rp_history_table *table)
{
    for (size_t i = 0; i < table->line_count; i++)
        if (table->lines[i]->cell_count > 1)
            return false;
    return true;
}

/* Which interval @at is in. -ENOMEM. */
static int find_interval(struct rp_history_table *table, rp_ns at, size_t *ret)
{
    if (!table->width)
        table->width = RP_S;
    while (at / table->width >= RP_HISTORY_INTERVALS)
        if (fold(table) < 0)
            return -ENOMEM;
    *ret = (size_t)(at / table->width);
    return 0;
}

/* ---- adding ---------------------------------------------------------------------------------- */

/* *line: NULL, then it is looked for. -ENOMEM: no memory; -E2BIG: there is too much. Either way the
 * table is of no use any more. */
static int add(struct rp_history_table *table, size_t most, struct rp_history_line **line,
               const char *name, const struct rp_history_cell *more, rp_ns at)
{
    struct rp_history_cell *cell;
    size_t interval, fresh;
    int r = 0;

    if (!*line)
        *line = find_or_add_line(table, name);
    if (!*line)
        return -ENOMEM;
    cell = &(*line)->aside;
    if (at >= 0) {
        r = find_interval(table, at, &interval);
        if (r == 0)
            r = reserve_cells(table, *line, interval + 1);
        if (r == 0)
            cell = &(*line)->cells[interval];
    }
    if (r == 0)
        r = cell_add(cell, more, &fresh);
    if (r < 0)
        return r;
    table->places += fresh;
    while (table->places > most) {
        if (has_one_interval(table))
            return -E2BIG;
        if (fold(table) < 0)
            return -ENOMEM;
    }
    return 0;
}

static const char *name_of(const struct rp_store_series *series)
{
    for (size_t i = 0; i < series->tag_count; i++)
        if (strcmp(series->tags[i][0], "name") == 0)
            return series->tags[i][1];
    return "";
}

static int reserve_line_of(struct rp_history *history, uint32_t id)
{
    size_t count = history->line_of_count ? history->line_of_count : 64;
    struct rp_history_line **line_of;

    while (count <= id)
        count *= 2;
    if (count == history->line_of_count)
        return 0;
    line_of = rp_realloc_array(history->line_of, count, sizeof(*line_of));
    if (!line_of)
        return -ENOMEM;
    memset(&line_of[history->line_of_count], 0,
           (count - history->line_of_count) * sizeof(struct rp_history_line *));
    history->line_of = line_of;
    history->line_of_count = count;
    return 0;
}

static void add_to_whole(struct rp_history *history, const struct rp_history_cell *more, rp_ns at)
{
    struct rp_history_table *whole = &history->whole;
    struct rp_history_line *line = whole->line_count ? whole->lines[0] : NULL;

    if (!whole->is_gone && add(whole, RP_HISTORY_WHOLE, &line, "", more, at) < 0)
        give_up(whole);
}

static void add_to_named(struct rp_history *history, const struct rp_store_series *series,
                         const struct rp_history_cell *more, int64_t guests, rp_ns at)
{
    struct rp_history_table *named = &history->named;
    int r;

    if (named->is_gone)
        return;
    r = reserve_line_of(history, series->id);
    if (r == 0)
        r = add(named, RP_HISTORY_NAMED, &history->line_of[series->id], name_of(series), more, at);
    if (r < 0)
        give_up(named);
    else
        history->line_of[series->id]->guests += guests;
}

void rp_history_add(struct rp_history *history, const struct rp_store_series *series,
                    const struct rp_value *delta, struct rp_history_time time)
{
    rp_ns from = time.from > 0 ? time.from : 0, at = -1;
    struct rp_history_cell more;

    if (series->type != RP_TREND || !delta->samples ||
        strcmp(series->metric, rp_builtin_name(RP_M_HTTP_REQ_DURATION)) != 0)
        return;
    if (!time.is_aside) {
        at = time.until > from ? from + (time.until - from) / 2 : from;
        if (time.until > history->end)
            history->end = time.until;
    }
    if (cell_of(&delta->hist, &more) < 0) {
        give_up(&history->whole);
        give_up(&history->named);
        return;
    }
    add_to_whole(history, &more, at);
    add_to_named(history, series, &more, delta->hist.guests, at);
    cell_deinit(&more);
}

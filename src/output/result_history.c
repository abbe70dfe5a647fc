/* SPDX-License-Identifier: MIT */
#include "output/result_json.h"

#include "plan/metrics.h"

/* @start below 0: no interval of time, but what setup() and teardown() have recorded. */
static json_t *cell_json(const struct rp_history_cell *cell, rp_ns start, rp_ns length)
{
    struct rp_json_object object = rp_json_object();
    uint64_t count = 0;

    for (size_t i = 0; i < cell->count; i++)
        count += cell->counts[i].count;
    rp_json_put(&object, "start_s", start < 0 ? json_null() : rp_json_number((double)start / 1e9));
    rp_json_put(&object, "length_s",
                start < 0 ? json_null() : rp_json_number((double)length / 1e9));
    rp_json_put(&object, "count", rp_json_count(count));
    rp_json_put(&object, "buckets", rp_result_counts_json(cell->counts, cell->count, true));
    return rp_json_take(&object);
}

/* The cells of a line one by one, those without samples left out. */
struct walk {
    const struct rp_history_line *line;
    rp_ns width, end;
    size_t next; /* 0 = that of setup() and teardown(), from 1 the intervals */
};

/* False when there are no more. NULL in *ret is want of memory. */
static bool walk_on(struct walk *walk, json_t **ret)
{
    const struct rp_history_line *line = walk->line;

    for (; walk->next <= line->cell_count; walk->next++) {
        const struct rp_history_cell *cell = walk->next ? &line->cells[walk->next - 1]
                                                        : &line->aside;
        rp_ns start = ((rp_ns)walk->next - 1) * walk->width, length = walk->width;

        if (!cell->count)
            continue;
        if (length > walk->end - start) /* the run ends within it */
            length = walk->end - start;
        *ret = cell_json(cell, walk->next ? start : -1, length);
        walk->next++;
        return true;
    }
    return false;
}

static json_t *line_json(const struct rp_history_table *table, const struct rp_history_line *line,
                         rp_ns end)
{
    struct walk walk = { .line = line, .width = table->width, .end = end };
    struct rp_json_object object = rp_json_object();
    json_t *array = line->guests ? json_null() : json_array(), *item;

    while (!line->guests && walk_on(&walk, &item))
        rp_json_push(&array, item);
    rp_json_put(&object, "name", rp_json_text(*line->name ? line->name : NULL));
    rp_json_put(&object, "intervals", array);
    return rp_json_take(&object);
}

static int write_whole(struct rp_result_writer *writer, const struct rp_history *history)
{
    struct walk walk = { .line = history->whole.lines[0],
                         .width = history->whole.width,
                         .end = history->end };
    json_t *item;
    int r = 0;

    rp_json_open_list(&writer->document, "all");
    while (r == 0 && walk_on(&walk, &item))
        r = rp_json_item(&writer->document, item, RP_JSON_DENSE);
    rp_json_close_list(&writer->document);
    return r;
}

static int write_named(struct rp_result_writer *writer, const struct rp_history *history)
{
    const struct rp_history_table *named = &history->named;
    int r = 0;

    if (named->is_gone)
        return rp_json_member(&writer->document, "requests", json_null(), 0);
    rp_json_open_list(&writer->document, "requests");
    for (size_t i = 0; r == 0 && i < named->line_count; i++) {
        const struct rp_history_line *line = named->lines[i];

        /* Only the samples of others that were folded into one series. */
        if (!*line->name && line->guests)
            continue;
        r = rp_json_item(&writer->document, line_json(named, line, history->end), RP_JSON_DENSE);
    }
    rp_json_close_list(&writer->document);
    return r;
}

int rp_result_write_intervals(struct rp_result_writer *writer)
{
    const struct rp_history *history = &writer->result->history;
    int r;

    if (history->whole.is_gone || !history->whole.line_count)
        return rp_json_member(&writer->document, "intervals", json_null(), 0);
    rp_json_open(&writer->document, "intervals");
    r = rp_json_member(&writer->document, "metric",
                       json_string(rp_builtin_name(RP_M_HTTP_REQ_DURATION)), 0);
    if (r == 0)
        r = write_whole(writer, history);
    if (r == 0)
        r = write_named(writer, history);
    rp_json_close(&writer->document);
    return r;
}

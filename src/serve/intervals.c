/* SPDX-License-Identifier: MIT */

/* How long requests took in the course of the run, as the report draws it. */

#include "output/result_json.h"
#include "plan/metrics.h"
#include "serve/serve_internal.h"

static void put_interval(struct rp_json_line *line, const struct rp_history_cell *cell, rp_ns start,
                         rp_ns length)
{
    uint64_t count = 0;

    for (size_t i = 0; i < cell->count; i++)
        count += cell->counts[i].count;
    rp_line_open(line, NULL);
    rp_line_number(line, "start_s", (double)start / 1e9);
    rp_line_number(line, "length_s", (double)length / 1e9);
    rp_line_i64(line, "count", (int64_t)count);
    rp_line_number(line, "med", rp_result_counts_percentile(cell, 0.5, true));
    rp_line_number(line, "p(95)", rp_result_counts_percentile(cell, 0.95, true));
    rp_line_number(line, "p(99)", rp_result_counts_percentile(cell, 0.99, true));
    rp_line_close(line);
}

unsigned rp_serve_get_intervals(const struct rp_serve_request *request, struct rp_json_line *line)
{
    const struct rp_serve *serve = request->serve;
    const struct rp_history *history = &serve->result->history;
    const struct rp_history_table *whole = &history->whole;
    const struct rp_history_line *all = whole->line_count ? whole->lines[0] : NULL;

    rp_line_text(line, "run_id", serve->options.run_id);
    rp_line_text(line, "metric", rp_builtin_name(RP_M_HTTP_REQ_DURATION));
    rp_line_open_list(line, "intervals");
    for (size_t i = 0; all && !whole->is_gone && i < all->cell_count; i++) {
        rp_ns start = (rp_ns)i * whole->width, length = whole->width;

        if (length > history->end - start) /* it goes on */
            length = history->end - start;
        if (all->cells[i].count)
            put_interval(line, &all->cells[i], start, length);
    }
    rp_line_close_list(line);
    return MHD_HTTP_OK;
}

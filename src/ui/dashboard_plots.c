/* SPDX-License-Identifier: MIT */

/* The course of the run: a column for each second. */

#include <math.h>

#include "base/units.h"
#include "ui/dashboard_parts.h"

enum { LABEL_COLS = 7, VALUE_COLS = 11, LEVELS = 8 /* of a bar */ };

/* The order in which plots are given up is from the last one to the first one. */
enum plot { RATE, P95, P99, P50 };

static const struct {
    const char *label;
    enum rp_cell_ink ink;
} plots[RP_DASHBOARD_PLOTS] = {
    [RATE] = { "rate", RP_CELL_CYAN },
    [P95] = { "p95", RP_CELL_YELLOW },
    [P99] = { "p99", RP_CELL_YELLOW },
    [P50] = { "p50", RP_CELL_YELLOW },
};

static double value_of(const struct rp_dashboard_screen *screen,
                       const struct rp_dashboard_second *second, enum plot plot)
{
    switch (plot) {
    case P50:
        return second->p50_ms;
    case P95:
        return second->p95_ms;
    case P99:
        return second->p99_ms;
    default:
        return rp_dashboard_has_requests(screen) ? second->requests_per_s
                                                 : second->iterations_per_s;
    }
}

/* The top of a plot's scale: percentiles share theirs, so that their heights can be compared. */
static double top_of(const struct rp_dashboard_screen *screen, enum plot plot, size_t seconds)
{
    double top = 0;

    for (size_t age = 0; age < seconds; age++) {
        const struct rp_dashboard_second *second = rp_dashboard_history_at(screen->shown->history,
                                                                           age);
        double value = second ? value_of(screen, second, plot == RATE ? RATE : P99) : NAN;

        top = value > top ? value : top;
    }
    return top;
}

static void draw_plot(struct rp_dashboard_screen *screen, unsigned row, enum plot plot)
{
    static const char *const bars[LEVELS] = { "\xe2\x96\x81", "\xe2\x96\x82", "\xe2\x96\x83",
                                              "\xe2\x96\x84", "\xe2\x96\x85", "\xe2\x96\x86",
                                              "\xe2\x96\x87", "\xe2\x96\x88" };
    unsigned cols = screen->cols - LABEL_COLS - VALUE_COLS;
    double top = top_of(screen, plot, cols);
    const struct rp_dashboard_second *last = rp_dashboard_history_at(screen->shown->history, 0);
    double value = last ? value_of(screen, last, plot) : NAN;
    char text[RP_UNIT_SIZE];

    rp_dashboard_put(screen, row, 0, RP_CELL_DIM, plots[plot].label);
    for (unsigned age = 0; age < cols; age++) {
        const struct rp_dashboard_second *second = rp_dashboard_history_at(screen->shown->history,
                                                                           age);
        double at = second ? value_of(screen, second, plot) : NAN;
        int level = at > 0 && top > 0 ? (int)ceil(at / top * LEVELS) - 1 : 0;

        if (isfinite(at))
            rp_dashboard_put(screen, row, LABEL_COLS + cols - 1 - age, plots[plot].ink,
                             bars[level < 0        ? 0
                                  : level < LEVELS ? level
                                                   : LEVELS - 1]);
    }
    if (plot == RATE)
        rp_dashboard_put_right(screen, row, screen->cols, VALUE_COLS, RP_CELL_PLAIN,
                               isfinite(value) ? rp_unit_per_second(value, text) : "-");
    else
        rp_dashboard_put_right(screen, row, screen->cols, VALUE_COLS, RP_CELL_PLAIN,
                               rp_unit_time(value, 3, text));
}

void rp_dashboard_draw_plots(struct rp_dashboard_screen *screen, unsigned row, unsigned rows)
{
    static const enum plot order[] = { RATE, P50, P95, P99 };

    for (size_t i = 0; i < RP_ARRAY_LEN(order); i++)
        if (order[i] < rows)
            draw_plot(screen, row++, order[i]);
}

/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * ui/dashboard_parts.h - what the layout of the dashboard and its plots share.
 */

#include "ui/dashboard.h"

enum {
    RP_DASHBOARD_MARGIN = 1, /* columns on both sides */
    RP_DASHBOARD_PLOTS = 4,  /* of a run with requests */
};

struct rp_dashboard_screen {
    const struct rp_dashboard *shown;
    struct rp_cells *cells;
    unsigned cols; /* that are written to, without the margin */
    size_t requests_shown;
};

/* Columns are counted from the margin. */
void rp_dashboard_put(struct rp_dashboard_screen *screen, unsigned row, unsigned col,
                      enum rp_cell_ink ink, const char *text);
/* The text ends before @end and has at most @width columns. */
void rp_dashboard_put_right(struct rp_dashboard_screen *screen, unsigned row, unsigned end,
                            unsigned width, enum rp_cell_ink ink, const char *text);
/* A run without requests has iterations only. */
bool rp_dashboard_has_requests(const struct rp_dashboard_screen *screen);

void rp_dashboard_draw_plots(struct rp_dashboard_screen *screen, unsigned row, unsigned rows);

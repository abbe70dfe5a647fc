/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * ui/dashboard.h - a run on a whole screen: what is shown, and where. Nothing here knows of a
 * terminal: the screen is drawn into cells, which ui/screen.h shows.
 */

#include <stdbool.h>
#include <stddef.h>

#include "run/collect.h"
#include "run/requests.h"
#include "run/result.h"
#include "ui/cells.h"
#include "ui/progress.h"

enum {
    RP_DASHBOARD_SECONDS = 600, /* that the plots remember */
    RP_DASHBOARD_LINES = 1000,  /* that the log remembers */
};

/* What one second of the run came to. */
struct rp_dashboard_second {
    double requests_per_s, iterations_per_s;
    double p50_ms, p95_ms, p99_ms; /* of the requests that ended in it; NaN without any */
};

/* The latest seconds; zeroed is valid. */
struct rp_dashboard_history {
    struct rp_dashboard_second seconds[RP_DASHBOARD_SECONDS]; /* a ring */
    size_t count;                                             /* that were ever added */
};
void rp_dashboard_history_add(struct rp_dashboard_history *history,
                              struct rp_dashboard_second second);
/* The second @age seconds before the last one, which has age 0; NULL when nobody remembers it. */
const struct rp_dashboard_second *
rp_dashboard_history_at(const struct rp_dashboard_history *history, size_t age);

struct rp_dashboard_line {
    char *text; /* owned */
    rp_ns at;   /* since the start of the run */
    enum rp_cell_ink ink;
    bool is_held; /* it was printed by the script, and the terminal gets it after the end */
};

/* The latest lines; zeroed is valid. */
struct rp_dashboard_log {
    struct rp_dashboard_line lines[RP_DASHBOARD_LINES]; /* a ring */
    size_t count;                                       /* that were ever added */
    size_t lost;                                        /* held lines that had to make room */
};
/* Adds a copy of @text; a line that is lost for want of memory is counted if it is @is_held. */
void rp_dashboard_log_add(struct rp_dashboard_log *log, rp_ns at, enum rp_cell_ink ink,
                          bool is_held, const char *text);
/* The line @age lines before the last one, or NULL. */
const struct rp_dashboard_line *rp_dashboard_log_at(const struct rp_dashboard_log *log, size_t age);
void rp_dashboard_log_deinit(struct rp_dashboard_log *log);

enum rp_dashboard_mode {
    RP_DASHBOARD_WATCH,
    RP_DASHBOARD_ASK, /* whether the run is to stop */
    RP_DASHBOARD_HELP
};

/* All that is shown at one moment. Everything is borrowed. */
struct rp_dashboard {
    struct rp_progress progress;
    const struct rp_result *result;
    const struct rp_verdict *verdicts;  /* on the plan's thresholds; NULL: not judged yet */
    const struct rp_requests *requests; /* by name */
    const struct rp_failed_requests *failed;
    const struct rp_dashboard_history *history;
    const struct rp_dashboard_log *log;
    enum rp_dashboard_mode mode;
    size_t first_request; /* of the table, counted from the most frequent one */
    /* The scenario whose load the keys change; NULL: there is none whose load can be changed. */
    const char *adjusted;
};

/* Draws all of it into @cells, of whatever size they are. Returns how many requests the table
 * shows, by which a page of it is moved. */
size_t rp_dashboard_draw(const struct rp_dashboard *dashboard, struct rp_cells *cells);

/* SPDX-License-Identifier: MIT */

/* What the dashboard remembers: the latest seconds and the latest lines. */

#include "base/alloc.h"
#include "base/str.h"
#include "ui/dashboard.h"

void rp_dashboard_history_add(struct rp_dashboard_history *history,
                              struct rp_dashboard_second second)
{
    history->seconds[history->count++ % RP_DASHBOARD_SECONDS] = second;
}

const struct rp_dashboard_second *
rp_dashboard_history_at(const struct rp_dashboard_history *history, size_t age)
{
    if (age >= history->count || age >= RP_DASHBOARD_SECONDS)
        return NULL;
    return &history->seconds[(history->count - 1 - age) % RP_DASHBOARD_SECONDS];
}

void rp_dashboard_log_add(struct rp_dashboard_log *log, rp_ns at, enum rp_cell_ink ink,
                          bool is_held, const char *text)
{
    struct rp_dashboard_line *line = &log->lines[log->count % RP_DASHBOARD_LINES];
    char *copy = rp_strdup(text);

    if (!copy) {
        log->lost += is_held;
        return;
    }
    log->lost += line->is_held;
    rp_free(line->text);
    *line = (struct rp_dashboard_line){ .text = copy, .at = at, .ink = ink, .is_held = is_held };
    log->count++;
}

const struct rp_dashboard_line *rp_dashboard_log_at(const struct rp_dashboard_log *log, size_t age)
{
    if (age >= log->count || age >= RP_DASHBOARD_LINES)
        return NULL;
    return &log->lines[(log->count - 1 - age) % RP_DASHBOARD_LINES];
}

void rp_dashboard_log_deinit(struct rp_dashboard_log *log)
{
    for (size_t i = 0; i < RP_DASHBOARD_LINES; i++)
        rp_free(log->lines[i].text);
    *log = (struct rp_dashboard_log){ 0 };
}

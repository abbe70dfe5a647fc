/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * output/event_log.h - a file that gets every event as a line, at once.
 *
 * Each line is one write(2): what was written survives the end of this process, however it ends. A line that cannot be
 * written is lost and counted, and the next one is tried again; what was written of it is taken back, or ended by a line
 * end where that is not possible. A pipe whose reader is slow loses lines instead of holding up the run.
 *
 * The caller's process must ignore SIGPIPE and SIGXFSZ, as rampa and Python do.
 */

#include "base/error.h"
#include "run/events.h"

struct rp_event_log;

/* Begins to listen. Each loss calls @lost (-errno), which may publish. */
RP_NODISCARD int rp_event_log_new(struct rp_events *events, const char *path,
                                  void (*lost)(void *user, int error), void *user,
                                  struct rp_event_log **ret);
void rp_event_log_free(struct rp_event_log *log); /* NULL is allowed */
/* Makes the file, or empties the old one, and writes what has come so far. -RP_EUSER with @err when it cannot be opened. */
RP_NODISCARD int rp_event_log_open(struct rp_event_log *log, struct rp_error *err);
/* Lines written and lost. */
uint64_t rp_event_log_written(const struct rp_event_log *log);
uint64_t rp_event_log_lost(const struct rp_event_log *log);

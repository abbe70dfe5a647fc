/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * output/event_log.h - a file that gets every event as a line, at once. A sink.
 *
 * Each line is one write(2): what was written survives the end of this process, however it ends. A
 * line that cannot be written is lost, and the next one is tried again; what was written of it is
 * taken back, or ended by a line end where that is not possible. A pipe whose reader is slow loses
 * lines instead of holding up the run. A loss fails the run as run/sink.h says.
 *
 * The file is made, or an old one emptied, when the run's plan is known; what has happened before
 * is written then. One that cannot be opened refuses the run (-RP_EUSER).
 *
 * The caller's process must ignore SIGPIPE and SIGXFSZ, as rampa and Python do.
 */

#include "output/event_bus.h"

struct rp_event_log;

/* Adds itself to @sinks, and listens to @bus, which must be of the same list and outlive it. @path
 * is borrowed. */
RP_NODISCARD int rp_event_log_new(struct rp_sinks *sinks, struct rp_event_bus *bus,
                                  const char *path, struct rp_event_log **ret);
void rp_event_log_free(struct rp_event_log *log); /* NULL is allowed */

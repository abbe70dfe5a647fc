/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * output/event_log.h - the sink that writes every event to a file, as a line, at once.
 *
 * Each line is one write(2): a line that was written survives the end of this process, however it
 * ends. A line that cannot be written is lost, and the next one is tried again. A part of a line
 * that was written is taken back; where that is not possible a line end is put behind it. A pipe
 * whose reader is slow loses lines and does not hold up the run. A loss fails the run, as
 * run/sink.h says.
 *
 * The file is made, or an old one emptied, when the plan of the run is known; the events of before
 * are written then. A file that cannot be opened refuses the run (-RP_EUSER).
 *
 * The process must ignore SIGPIPE and SIGXFSZ, as rampa and Python do.
 */

#include "output/event_bus.h"

struct rp_event_log;

/* Adds itself to @sinks, and listens to @bus, which must be of the same list and outlive it. @path
 * is borrowed. */
RP_NODISCARD int rp_event_log_new(struct rp_sinks *sinks, struct rp_event_bus *bus,
                                  const char *path, struct rp_event_log **ret);
void rp_event_log_free(struct rp_event_log *log); /* NULL is allowed */

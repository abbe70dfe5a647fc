/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * output/event_json.h - an event as the members of a JSON object (docs/events.md has them all).
 */

#include "base/json_line.h"
#include "run/event.h"

/* The kind of a line that stands for lines which somebody has missed. */
enum { RP_EVENT_MISSED = RP_EVENT_KINDS };

/* The kinds of events that are written as JSON, as a set. */
#define RP_EVENTS_AS_JSON                                                                          \
    (RP_EVENT_BIT(RP_EVENT_KINDS) - 1 - RP_EVENT_BIT(RP_EVENT_STATUS) -                            \
     RP_EVENT_BIT(RP_EVENT_PRINTED))

/* "phase", "snapshot", ..., "missed"; NULL for kinds that are not written. */
const char *rp_event_kind_name(unsigned kind);

/* What one snapshot has to know of the one before; zeroed is valid. */
struct rp_event_memory {
    rp_ns at;       /* of the run, pauses included */
    double *counts; /* of the counters, by number of view */
    size_t count;
};
void rp_event_memory_deinit(struct rp_event_memory *memory);

/* The members that only events of its kind have. */
void rp_event_write(struct rp_json_line *line, const struct rp_event *event,
                    struct rp_event_memory *memory);

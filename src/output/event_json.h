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
/* The name of its class in Python, as in the reference: "PhaseEvent", ... */
const char *rp_event_class_of(unsigned kind);

/* What one snapshot has to know of the one before; zeroed is valid. */
struct rp_event_memory {
    rp_ns at; /* of the run, pauses included */
    struct rp_event_counter {
        double count, rate; /* rate: since the snapshot before */
    } * counters;           /* by number of view */
    size_t count;
    const char *part; /* of the run: that which was told last */
};
void rp_event_memory_deinit(struct rp_event_memory *memory);

/* The same of an event: a phase within the part of the run that was told last is a "DetailEvent".
 * Once for each event. */
const char *rp_event_class_name(const struct rp_event *event, struct rp_event_memory *memory);
/* A moment of the wall clock, RFC 3339 in UTC with milliseconds. */
void rp_event_write_time(struct rp_json_line *line, const char *key, int64_t wall_ns);
/* For who writes no snapshots, and wants the rates of counters: the same memory of each snapshot. */
void rp_event_note_snapshot(const struct rp_event *event, struct rp_event_memory *memory);
/* The metrics as the member "values" of a snapshot has them: those of @store (NULL = none yet), and
 * the built-in ones that have no samples yet; or, when @only is not NULL, the metric of this name.
 * Whether there was any. */
bool rp_event_write_values(struct rp_json_line *line, struct rp_store *store,
                           const struct rp_event_memory *memory, const char *only);
/* The members that only events of its kind have. */
void rp_event_write(struct rp_json_line *line, const struct rp_event *event,
                    struct rp_event_memory *memory);

/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * run/events.h - what happens in a run, told to any number of consumers.
 *
 * An event is one line of JSON, made once however many take it; docs/events.md has the fields of each. Consumers hold a
 * queue of bounded length: who is slow loses the oldest events and is told how many, nobody is slowed. Without queues
 * nothing is made.
 *
 * Threads: none; a bus and its queues belong to one thread. wake() runs inside the publishing and may take events, and
 * publish, but not free a queue.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/time.h"
#include "base/json_line.h"
#include "run/event.h"

/* The kind of a line that is made for one queue and stands for those that it has lost. */
enum { RP_EVENT_MISSED = RP_EVENT_KINDS };
/* NULL for kinds that are no lines. */
const char *rp_event_kind_name(unsigned kind);

enum {
    RP_EVENT_QUEUE_DEFAULT = 1024,
    RP_EVENT_MAX_BYTES = 8 << 20, /* a larger one is missed by all */
};

struct rp_event_line {
    unsigned kind; /* enum rp_event_kind, or RP_EVENT_MISSED */
    uint64_t seq;  /* from 1; what a queue hands out is ascending */
    rp_ns at;      /* since the start of the run */
    unsigned refs;
    size_t len;
    char line[]; /* with its line end, and a NUL that len does not count */
};

struct rp_events;
struct rp_event_queue;

/* ---- publishing ------------------------------------------------------------------------------------------- */

RP_NODISCARD int rp_events_new(struct rp_events **ret);
/* NULL is allowed. Its queues must have been freed. */
void rp_events_free(struct rp_events *events);
/* Before the first event: the run they belong to, and both clocks at its start. */
void rp_events_start(struct rp_events *events, const char *run_id, int64_t wall_ns, rp_ns now);
/* Whether anybody listens: only then is begin allowed. NULL is nobody. */
bool rp_events_are_wanted(const struct rp_events *events);
/* The fields that all events have are written; those of @kind follow into what is returned, then end. One at a time. */
struct rp_json_line *rp_events_begin(struct rp_events *events, unsigned kind, rp_ns now);
/* What cannot be made for want of memory counts as missed by everybody. */
void rp_events_end(struct rp_events *events);

/* ---- consuming -------------------------------------------------------------------------------------------- */

/* @max events at most (0 = RP_EVENT_QUEUE_DEFAULT) from now on. @wake (may be NULL) is called when an empty queue has got
 * something to take. */
RP_NODISCARD int rp_event_queue_new(struct rp_events *events, size_t max, void (*wake)(void *user),
                                    void *user, struct rp_event_queue **ret);
void rp_event_queue_free(struct rp_event_queue *queue); /* NULL is allowed */
/* The oldest event, or before it a `missed` one with the number of those that are gone; NULL when there is none. To be
 * given back with rp_event_line_unref(); it may outlive queue and bus. */
struct rp_event_line *rp_event_queue_take(struct rp_event_queue *queue);
void rp_event_line_unref(struct rp_event_line *event);

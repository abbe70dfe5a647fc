/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * output/event_bus.h - the events of a run as lines of JSON, for any number of consumers.
 *
 * The bus is a sink. It makes one line of an event, however many consumers take it; docs/events.md
 * has the members of each. A consumer holds a queue of bounded length. A consumer that is slow
 * loses the oldest events and is told how many; it slows nobody down. Without a queue no line is
 * made.
 *
 * Threads: a bus and its queues belong to one thread. wake() is called from inside the telling of
 * an event. It may take lines, but not free a queue.
 */

#include <stddef.h>
#include <stdint.h>

#include "output/event_json.h"
#include "run/sink.h"

enum {
    RP_EVENT_QUEUE_DEFAULT = 1024,
    RP_EVENT_MAX_BYTES = 8 << 20, /* a larger one is missed by all */
};

struct rp_event_line {
    unsigned kind;    /* enum rp_event_kind, or RP_EVENT_MISSED */
    const char *type; /* the name of its class, as in the line; static */
    uint64_t seq;     /* from 1; what a queue hands out is ascending */
    rp_ns at;         /* since the start of the run */
    unsigned refs;
    size_t len;
    char line[]; /* with its line end, and a NUL that len does not count */
};

struct rp_event_bus;
struct rp_event_queue;

/* Adds itself to @sinks. */
RP_NODISCARD int rp_event_bus_new(struct rp_sinks *sinks, struct rp_event_bus **ret);
/* NULL is allowed. Its queues must have been freed. */
void rp_event_bus_free(struct rp_event_bus *bus);

/* From now on the queue keeps the lines of all events, the newest @max of them (0 =
 * RP_EVENT_QUEUE_DEFAULT). @wake is called when an empty queue has got a line; it may be NULL. */
RP_NODISCARD int rp_event_queue_new(struct rp_event_bus *bus, size_t max, void (*wake)(void *user),
                                    void *user, struct rp_event_queue **ret);
void rp_event_queue_free(struct rp_event_queue *queue); /* NULL is allowed */
/* Takes the oldest line; NULL when there is none. When lines were lost, a `missed` line with their
 * number comes first. A line is given back with rp_event_line_unref(), and may outlive queue and
 * bus. */
struct rp_event_line *rp_event_queue_take(struct rp_event_queue *queue);
void rp_event_line_unref(struct rp_event_line *line);
/* A `missed` line for somebody who keeps lines of the queue for longer: @count are missing, of which
 * the last has the number @seq and happened at @at. NULL without memory. */
struct rp_event_line *rp_event_line_missed(const struct rp_event_queue *queue, uint64_t seq,
                                           rp_ns at, uint64_t count);

/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * output/event_bus.h - the events of a run as lines of JSON, for any number of consumers.
 *
 * The bus is a sink. It makes a line of an event once, however many take it; docs/events.md has the
 * fields of each. Consumers hold a queue of bounded length: who is slow loses the oldest events and
 * is told how many, nobody is slowed. Without queues nothing is made.
 *
 * Threads: none; a bus and its queues belong to one thread. wake() runs inside the telling of an
 * event and may take lines, but not free a queue.
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
    unsigned kind; /* enum rp_event_kind, or RP_EVENT_MISSED */
    uint64_t seq;  /* from 1; what a queue hands out is ascending */
    rp_ns at;      /* since the start of the run */
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

/* @max lines at most (0 = RP_EVENT_QUEUE_DEFAULT) from now on. @wake (may be NULL) is called when
 * an empty queue has got something to take. */
RP_NODISCARD int rp_event_queue_new(struct rp_event_bus *bus, size_t max, void (*wake)(void *user),
                                    void *user, struct rp_event_queue **ret);
void rp_event_queue_free(struct rp_event_queue *queue); /* NULL is allowed */
/* The oldest line, or before it a `missed` one with the number of those that are gone; NULL when
 * there is none. To be given back with rp_event_line_unref(); it may outlive queue and bus. */
struct rp_event_line *rp_event_queue_take(struct rp_event_queue *queue);
void rp_event_line_unref(struct rp_event_line *line);

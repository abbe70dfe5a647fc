/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * run/sink.h - who wants to know of a run: the display, the summary, files, other programs. Who
 * makes the run keeps a list of them and tells each the same; nobody learns of a run in another
 * way.
 *
 * A sink is embedded in its owner's object. The order of the list is the order in which the sinks
 * are told. Every sink gets the events in the order in which they happened: an event that a sink
 * causes while it is told of another one is told when all have had the first. (Without the memory
 * to keep it until then, it is told at once.) No sink may be added or removed while the list is
 * telling.
 *
 * Threads: none; the list and its sinks belong to the thread of the run.
 */

#include <stdbool.h>

#include "base/error.h"
#include "base/list.h"
#include "run/event.h"

struct rp_control;
struct rp_interval;
struct rp_loop;
struct rp_sample_block;
struct rp_sink;

/* Every slot may be NULL. What is passed in is borrowed and holds until the slot returns. */
struct rp_sink_ops {
    unsigned events; /* the kinds that event() is called with: RP_EVENT_BIT(..) of each */
    /* Once, when the plan is known and valid and nothing has run: an output that cannot work fails
     * here. A negative code with @err refuses the run (-RP_EUSER: exit 3): no sink further down the
     * list is opened, and all are told the events that follow from that. It is never called when
     * there is no valid plan, or when only the plan was wanted. One that has to wait for something
     * does so on the loop, after open(): it sets is_opening, and calls rp_sink_opened() later. */
    int (*open)(struct rp_sink *sink, const struct rp_plan *plan, struct rp_error *err);
    /* From the start of the run on: before open(), and without it when the run comes to nothing. It
     * may steer the run (run/control.h). What cannot be kept is told with rp_sink_lose(). */
    void (*event)(struct rp_sink *sink, const struct rp_event *event);
    /* What was measured in one second, in each series (run/measured.h): about once a second while
     * iterations run, and once at the end for what is left, when there is something. Nothing is
     * kept by series unless a sink has this slot when the plan is known. It must not steer the
     * run. */
    void (*interval)(struct rp_sink *sink, const struct rp_interval *interval);
    /* Samples one by one (run/measured.h), as the workers deliver them: at least once a second, and
     * before the interval that they are in. Workers record them only if a sink has this slot when
     * the plan is known, and wait for no sink: what comes faster than it is taken is lost, and
     * counted. It must not steer the run. */
    void (*samples)(struct rp_sink *sink, const struct rp_sample_block *block);
    /* Once for each sink that open() did not fail for, whether or not it was called: after the last
     * event. @result is NULL when the run could not be run: then there is nothing to report, and
     * what open() made is given up. A negative code with @err: the result did not get where it
     * should, which is exit 6 when the run has passed or failed by its thresholds only. It must not
     * steer the run, nor lose anything. */
    int (*close)(struct rp_sink *sink, const struct rp_result *result, struct rp_error *err);
};

struct rp_sink {
    const struct rp_sink_ops *ops;
    struct rp_list node;
    struct rp_sinks *sinks; /* the list that it is in, or NULL */
    bool is_closed;         /* or could not be opened */
    bool is_opening;        /* see rp_sink_opened() */
};

/* The sinks of one run. */
struct rp_sinks {
    struct rp_list list;
    struct rp_result *result; /* of the run that they are told of; NULL before and after it */
    /* Who may steer the run while it goes on; NULL before and after it. Set by who makes the
     * run. */
    struct rp_control *control;
    /* The loop that the run is made on, for a sink that waits for something itself. It holds from
     * open() on until RP_EVENT_FINISHED has been told; NULL before and after. */
    struct rp_loop *loop;
    /* Called when a sink that was opening could not be opened, with the error, which is the callee's
     * then; and when the last one has opened, with 0. Set by who makes the run and can wait; NULL =
     * nobody can, and open() has to block. */
    void (*opened)(void *user, int status, struct rp_error *err);
    void *opened_user;
    rp_ns start; /* of the run, by both clocks */
    int64_t wall_start;
    unsigned wanted; /* kinds of events */
    bool is_telling;
    struct rp_list pending; /* events that were caused while it was telling */
};

void rp_sinks_init(struct rp_sinks *sinks);
/* @sink is told from now on, after those that were added before. It must be removed, or the list
 * forgotten, before its memory goes. */
void rp_sinks_add(struct rp_sinks *sinks, struct rp_sink *sink, const struct rp_sink_ops *ops);
void rp_sink_remove(struct rp_sink *sink); /* no-op for one that is in no list */

/* ---- for a sink ------------------------------------------------------------------------------ */

/* It was opening, and has done it (@status 0), or could not: a negative code with @err. */
void rp_sink_opened(struct rp_sink *sink, int status, struct rp_error *err);
/* It could not keep what it was told, because: the run fails with RP_EXIT_OUTPUT, and a warning
 * says so. */
void rp_sink_lose(struct rp_sink *sink, const char *fmt, ...) RP_PRINTF(2, 3);

/* ---- for who makes the run; @sinks may be NULL, which is nobody ------------------------------ */

/* The run begins, and @result (borrowed until rp_sinks_close()) is what is known of it. Warnings of
 * the result are told from now on. */
void rp_sinks_start(struct rp_sinks *sinks, struct rp_result *result);
/* Opens all in turn. Some may still be opening then. */
RP_NODISCARD int rp_sinks_open(struct rp_sinks *sinks, const struct rp_plan *plan,
                               struct rp_error *err);
bool rp_sinks_are_opening(const struct rp_sinks *sinks);
/* Whether some sink takes events of @kind. For what costs something to find out. */
bool rp_sinks_want(const struct rp_sinks *sinks, enum rp_event_kind kind);
/* Fills the common members of @event and tells it. What it points to must hold until this returns;
 * when a sink may have caused it, until that sink has been told. */
void rp_sinks_event(struct rp_sinks *sinks, struct rp_event *event);
/* Whether some sink has the slot: only then the rest need be made. */
bool rp_sinks_take_intervals(const struct rp_sinks *sinks);
bool rp_sinks_take_samples(const struct rp_sinks *sinks);
void rp_sinks_interval(struct rp_sinks *sinks, const struct rp_interval *interval);
void rp_sinks_samples(struct rp_sinks *sinks, const struct rp_sample_block *block);
/* The run is over: closes all in turn, after which none is told anything. @is_run: the result is
 * one, else nothing was run. When some fail, the first error is in @err with the others' messages
 * below it, and the run has failed with RP_EXIT_OUTPUT. No-op for a run that did not start or is
 * closed already. */
void rp_sinks_close(struct rp_sinks *sinks, bool is_run, struct rp_error *err);

/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * python/bridge/run.h - what run.c and run_events.c share: a run in the process of a program that
 * is not ours, and the consumers of its events.
 */

#include "coordinator/coordinator.h"
#include "output/event_log.h"
#include "python/bridge/guest.h"

struct py_run {
    PyObject_HEAD struct py_host *host; /* strong */
    struct rp_coordinator *coordinator; /* NULL once the host is closed */
    struct rp_coordinator_config config;
    struct rp_overrides overrides;
    char *script, *event_log, *trend_stats, *seed, *run_id;
    struct rp_result result;
    struct rp_error err;
    struct rp_sinks sinks;
    struct rp_sink own_sink;
    struct rp_event_bus *bus;
    struct rp_event_log *log; /* NULL: none is wanted */
    struct rp_event_queue *own_queue;
    struct rp_event_line *snapshot; /* the last one */
    struct rp_list queues;          /* of consumers */
    int status;
    bool is_over, is_planned;
};

struct py_events {
    PyObject_HEAD struct py_run *run; /* strong */
    struct rp_event_queue *queue;
    struct rp_list node; /* of the run's */
    PyObject *wake;
    bool is_ready;
};

/* Called by the bus, with the run. */
void rp_py_run_keep_snapshot(void *user);
/* Run.events(wake) */
PyObject *rp_py_run_events(PyObject *self, PyObject *wake);

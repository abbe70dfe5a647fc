/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * python/bridge/run.h - what run.c, run_events.c and run_samples.c share: a run in the process of a
 * program that is not ours, the consumers of its events, and who takes its samples one by one.
 */

#include "coordinator/coordinator.h"
#include "output/event_log.h"
#include "python/bridge/guest.h"
#include "run/measured.h"
#include "ui/tui.h"

struct py_run {
    PyObject_HEAD struct py_host *host; /* strong */
    struct rp_coordinator *coordinator; /* NULL once the host is closed */
    struct rp_coordinator_config config;
    struct rp_overrides overrides;
    rp_ns live_interval; /* between snapshots; 0 = 1 s */
    char *script, *event_log, *trend_stats, *seed, *run_id;
    struct rp_result result;
    struct rp_error err;
    struct rp_sinks sinks;
    struct rp_sink own_sink;
    struct rp_event_bus *bus;
    struct rp_event_log *log; /* NULL: none is wanted */
    struct rp_tui *tui;       /* NULL: none is wanted */
    FILE *terminal;           /* of the dashboard, or NULL */
    struct rp_event_queue *own_queue;
    struct rp_event_line *snapshot; /* the last one */
    struct rp_list queues;          /* of consumers */
    PyObject *on_samples;           /* NULL: nobody wants samples */
    PyObject *series;               /* list of (metric, tags) by number of series, or NULL */
    struct rp_sink sample_sink;     /* is in the list when on_samples is there */
    struct rp_sample *waiting;      /* for on_samples */
    size_t waiting_count;
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
/* From now on samples are kept for @on_samples, which is called with lists of (metric, value, ns,
 * tags). */
void rp_py_run_want_samples(struct py_run *self, PyObject *on_samples);
/* Hands over what has been kept. Runs Python code. */
void rp_py_run_hand_samples(struct py_run *self);

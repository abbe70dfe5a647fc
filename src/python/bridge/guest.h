/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * python/bridge/guest.h - a host whose reactor is a guest in the asyncio loop of a program that is
 * not ours. That loop watches two descriptors of the reactor and turns it when they are ready.
 *
 * Guarantees: of the other loop only what is documented of every loop is used (call_soon,
 * add_reader, create_future). A turn never waits and is bounded. What callbacks of that loop ask of
 * the reactor between turns is carried out soon.
 */

#include <stdbool.h>

#include "python/bridge/bridge.h"

struct py_run;

struct py_guest {       /* host->guest, made by attach_guest() */
    PyObject *wake;     /* wake() has turn() called soon; NULL once the guest is closed */
    struct py_run *run; /* borrowed: it holds the host */
    int timer_fd;       /* -1 once the guest is closed */
    rp_ns armed;        /* what the timer is set to; RP_NS_NEVER = not */
    bool is_turning;
};

/* Methods of Host. */
PyObject *rp_py_host_attach_guest(PyObject *self, PyObject *args);
PyObject *rp_py_host_turn(PyObject *self, PyObject *unused);
PyObject *rp_py_host_fileno(PyObject *self, PyObject *unused);
PyObject *rp_py_host_timer_fileno(PyObject *self, PyObject *unused);

/* Has turn() called soon. Leaves an exception that is set as it is. */
void rp_py_guest_wake(struct py_host *host);
/* Ends the run, whether or not it was over, before the worker is freed. The other loop must have
 * forgotten the descriptors. */
void rp_py_guest_close(struct py_host *host);
void rp_py_guest_free(struct py_host *host);

/* run.c */
PyObject *rp_py_host_start(PyObject *self, PyObject *args);
void rp_py_run_close(struct py_run *run);
/* Wakes the consumers that have got events. */
void rp_py_run_wake(struct py_run *run);

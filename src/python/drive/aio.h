/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * python/drive/aio.h - the asyncio loop that a host works with.
 *
 * A worker process has a loop of its own, whose queues are used directly, and whose call_soon() is
 * ours (handle.c). A host that is a guest has the loop of a program that is not ours, and uses what
 * every loop has.
 */

#include <stdbool.h>

#include "python/drive/state.h"

struct py_host;

struct py_aio { /* zeroed = no loop */
    PyObject *loop;
    PyObject *call_soon;        /* the method of the loop's own class */
    PyObject *get_running_loop; /* asyncio._get_running_loop() */
    PyObject *neutral_context;  /* an empty one: what wakes a VU is called in it */
    /* Of a loop of our own, else NULL. */
    PyObject *ready; /* its queue of handles that are to be run */
    /* its heap of timers, which asyncio replaces when many of them were cancelled */
    PyObject *scheduled;
    PyObject *heappush;
    bool has_handles; /* handle.c makes them */
};

/* Takes what is asked of every asyncio loop. The calling thread becomes the loop's. -1 with an
 * exception. */
int rp_py_aio_take_loop(struct py_host *host, PyObject *loop);
/* Takes the queues of a loop of our own. @wakeup is the method of a VU that asyncio calls to resume
 * it (drive.h). -1 with an exception: the host has no loop then. */
int rp_py_aio_take_queues(struct py_host *host, PyCFunction wakeup);
/* Asks for the heap of timers anew, before the reactor waits. -1 with an exception. */
int rp_py_aio_take_scheduled(struct py_host *host);
void rp_py_aio_forget(struct py_host *host);
/* Whether the loop that runs in the calling thread is the host's: 1, 0, or -1 with an exception. */
int rp_py_aio_is_running_here(const struct py_host *host);

/* handle.c: the loop's call_soon(callback, arg, context=context), whichever loop it is. -1 with an
 * exception. */
int rp_py_call_soon(struct py_host *host, PyObject *callback, PyObject *arg, PyObject *context);
/* For take_queues(). -1 with an exception. */
int rp_py_handles_init(struct py_host *host, PyCFunction wakeup);

/* Methods of Host. */
PyObject *rp_py_host_call_soon(PyObject *self, PyObject *const *args, Py_ssize_t nargs,
                               PyObject *kwnames);
/* Host.pause(delay), asyncio_sleep.c: None when asyncio's own sleep() must do it. */
PyObject *rp_py_host_pause(PyObject *self, PyObject *delay);

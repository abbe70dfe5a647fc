/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * python/drive/tasks.h - the asyncio tasks that iterations create, and what becomes of them at an
 * iteration's end.
 *
 * tasks.c says whose a task is. A VU keeps its tasks in struct py_vu_extra.
 */

#include <stdbool.h>

#include "python/drive/state.h"

struct py_host;
struct py_vu;

struct py_tasks {            /* zeroed = the host has no loop */
    PyObject *type;          /* asyncio.Task */
    PyObject *create_task;   /* the method of the loop's own class */
    PyObject *current_task;  /* asyncio's own in C, from Python 3.12 on; else NULL */
    PyObject *current_tasks; /* asyncio's dict loop -> task, before Python 3.12; else NULL */
    PyObject *loop_name;     /* the tuple ("loop",) */
    PyObject *owners;        /* dict task -> VU, of VUs that run an iteration */
    PyObject *file_kinds;    /* dict name of a file -> what hooks.kind_of_file() has said */
    struct py_vu *spawning;  /* whose task is being made; borrowed */
};

int rp_py_tasks_init(struct py_host *host); /* -1 with an exception */
void rp_py_tasks_deinit(struct py_host *host);

/* The iteration of @vu has ended: cancels the tasks that it has left. Returns whether the VU must
 * be held until Worker._released() is called. */
bool rp_py_tasks_end(struct py_vu *vu, bool is_interrupted);
/* Forgets the tasks of @vu, whose extra part is there. */
void rp_py_tasks_clear(struct py_vu *vu);

/* Methods of Host. Host.spawn(make, coro, ...) is make(coro, ...) for a task factory. */
PyObject *rp_py_host_create_task(PyObject *self, PyObject *const *args, Py_ssize_t nargs,
                                 PyObject *kwnames);
PyObject *rp_py_host_spawn(PyObject *self, PyObject *const *args, Py_ssize_t nargs,
                           PyObject *kwnames);
/* Worker._released(leftovers) */
PyObject *rp_py_vu_released(PyObject *self, PyObject *leftovers);

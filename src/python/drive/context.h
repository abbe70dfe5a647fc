/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * python/drive/context.h - what a VU is to asyncio while its coroutine runs: its context variables
 * and its current task.
 */

#include "python/drive/state.h"

struct py_host;
struct py_vu;

struct py_contexts {
    PyObject *shared; /* that of all VUs that have set no variable; NULL = to be made */
    PyObject *base;   /* what the script's module has set */
    /* Its value is the innermost group that the code which reads it is in (api/group.c): each task
     * has its own. NULL before the first group. */
    PyObject *group;
    /* asyncio._enter_task() and _leave_task(), when asyncio itself is told whose step runs; else
     * NULL */
    PyObject *enter_task, *leave_task;
};

/* A step of @vu has left variables in the shared context: it is that VU's from now on. */
void rp_py_context_keep(struct py_vu *vu);
/* The context of a new VU, when the script's module has set variables. -1 with an exception. */
int rp_py_context_init(struct py_vu *vu);
/* A context that no other VU will run in: borrowed, NULL with an exception. */
PyObject *rp_py_context_own(struct py_vu *vu);
void rp_py_contexts_clear(struct py_host *host);

/* From now on asyncio's own note of the current task is kept: nothing of asyncio is replaced in a
 * program that is not ours. -1 with an exception. */
int rp_py_announce_tasks(struct py_host *host);
/* Around a step of @vu's coroutine, when tasks are announced. Leaving keeps an exception that is
 * set. */
void rp_py_task_enter(struct py_vu *vu);
void rp_py_task_leave(struct py_vu *vu);

/* Host.current_task(loop): that of the VU whose coroutine runs now in the loop (None = the running
 * one), or None. */
PyObject *rp_py_host_current_task(PyObject *self, PyObject *loop);

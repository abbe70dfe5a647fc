/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * python/drive/drive.h - drives the coroutines of VUs.
 *
 * The lowest folder of the room: it has hosts (host.h), VUs (vu.h), operations (op.h) and the
 * questions to Python (hooks.h), and knows neither what scripts call (python/api) nor who made the
 * host (python/bridge).
 *
 * A step resumes the coroutine of a VU until it waits or ends. Guarantees: a step is never taken
 * inside another task's step; the engine is told of the end of each iteration once; all happens in
 * the loop's thread.
 */

#include "python/drive/op.h"

/* Resumes the coroutine of @vu, by throwing @exception (borrowed) if there is one. Nothing happens
 * when none runs. */
void rp_py_step(struct py_vu *vu, PyObject *exception);

/* Members of the engine's table of a script host. */
void rp_py_begin(struct rp_script_host *script, struct rp_vu *engine_vu);
void rp_py_interrupt(struct rp_script_host *script, struct rp_vu *engine_vu);

/* Throws CancelledError into the coroutine: 1, 0 when it runs nothing, or -1 with an exception. */
int rp_py_vu_throw_cancelled(struct py_vu *vu);
/* As Task.cancel(), which counts: timeout() and TaskGroup ask for the count to know whose
 * cancellation it is. */
int rp_py_vu_cancel(struct py_vu *vu);
/* The iteration counts as interrupted and has a second to clean up. What ends it, the caller
 * does. */
void rp_py_vu_set_interrupted(struct py_vu *vu);

/* The method Worker._wakeup(what it waits for), which asyncio calls. */
PyObject *rp_py_vu_wakeup(PyObject *self, PyObject *arg);
/* -1 with the exception that a guest has kept for its program, else 0. */
int rp_py_raise_fatal(struct py_host *host);

/* foreign.c: parks @vu on what is no operation of ours, or on an operation that another VU waits
 * for. -1 with an exception. */
int rp_py_park_on_future(struct py_vu *vu, PyObject *future);
int rp_py_park_on_foreign(struct py_vu *vu, PyObject *object);

/* Specs of the types. */
extern PyType_Spec rp_py_pause_spec;

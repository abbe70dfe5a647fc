/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * python/bridge/bridge.h - the host as a whole: what ties VUs and scripts' objects to the rest of
 * the program.
 *
 * The highest folder of the room. It makes the module and its types, the type Host with both ways
 * to share an asyncio loop (host.c, guest.h), the answers to the worker (script.c), runs in a
 * program that is not ours (run.h), the watchdog, and the ends of a run that come from inside
 * (abort.c, fork.c). It gives python/drive its struct py_host_ops.
 */

#include "loop/loop.h"
#include "python/api/api.h"
#include "python/bridge/watchdog.h"
#include "python/drive/drive.h"

/* host.c: how a worker's own asyncio loop waits in the reactor. */
struct py_sharing {
    struct rp_watch watch; /* watches the descriptor of asyncio's selector */
    bool is_ready;         /* that descriptor is ready */
    bool is_turning;       /* the reactor is at work */
    PyThreadState *thread; /* the loop's thread, while the GIL is given away */
};

/* script.c: setup() and teardown(). */
struct py_setup {
    struct py_vu *vu;       /* the `worker` that they are given */
    struct rp_vu engine_vu; /* what that VU records as: no scenario runs it */
    struct rp_task failed_task;
    enum rp_hook failed; /* the hook that could not be started */
    bool is_running;
};

/* script.c: the VUs of a scenario are made one after the other, and hooks.function() is asked once
 * for all of them. */
struct py_function {
    const struct rp_scenario *scenario; /* whose function was asked for last */
    PyObject *object;
};

struct py_bridge {
    struct py_host host; /* first: the part that the folders below know */
    struct py_sharing sharing;
    struct py_setup setup;
    struct py_function function;
    struct py_watchdog watchdog;
    bool has_ended;   /* the worker has nothing left to do */
    int end_status;   /* 0 or -errno: how the worker has ended */
    int timer_slack;  /* the slack of the thread's timers before the reactor was made, in ns */
    char runtime[64]; /* "CPython 3.11.2" */
};

/* plan.c. What stands behind the first mistake of an input, as a tuple of (message, file, line,
 * hint). A new reference, or NULL with an exception set. */
struct rp_error;
PyObject *rp_py_further_mistakes(const struct rp_error *err);

/* Every host is part of a struct py_bridge, for only the type Host makes hosts. */
static inline struct py_bridge *rp_py_bridge(struct py_host *host)
{
    return (struct py_bridge *)host;
}

/* host.c: the end of the worker; @user is the host. */
void rp_py_worker_ended(struct rp_worker *worker, void *user, int status);

/* script.c: what the engine and the worker ask of a script host. */
extern const struct rp_script_ops rp_py_script_ops;

/* errors.c: fills @err from the current Python exception (cleared): the user's file and line,
 * message, cleaned traceback. */
void rp_py_fetch_error(struct py_host *host, struct rp_error *err, const char *what);

/* abort.c: the ends of a run that come from inside. */
/* NULL when no iterations run. */
struct rp_engine *rp_py_running_engine(const struct py_host *host);
/* See struct py_host_ops. */
void rp_py_end_run(struct py_host *host, const char *reason);
/* Methods of Host. */
PyObject *rp_py_host_overdue(PyObject *self, PyObject *unused);
PyObject *rp_py_host_running(PyObject *self, PyObject *unused);

/* fork.c: in a process that the script has forked everything but its objects is still the parent's.
 * The first is a method of Host, which Python calls in such a process. */
PyObject *rp_py_host_forked(PyObject *self, PyObject *unused);
/* See struct py_host_ops. */
_Noreturn void rp_py_leave_fork(struct py_host *host);

/* Specs of the types, and functions of the module (plan.c). */
extern PyType_Spec rp_py_host_spec, rp_py_run_spec, rp_py_events_spec;
extern PyMethodDef rp_py_plan_methods[], rp_py_process_methods[];

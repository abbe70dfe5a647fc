/* SPDX-License-Identifier: MIT */

/*
 * The end of a run that comes from inside: a script that aborts it, and an iteration that blocks the loop when its time is
 * over. Both stop the engine in the midst of a step and end that step by a CancelledError, so that clean-up runs as in
 * any interruption.
 */

#include <unistd.h>

#include "python/bridge/state.h"

enum { OVERDUE_SILENCE_MS = 1000 };

struct rp_engine *rp_py_running_engine(const struct py_host *host)
{
    struct rp_engine *engine = host->worker ? rp_worker_engine(host->worker) : NULL;

    return engine && rp_engine_elapsed(engine) && !rp_engine_is_finished(engine) ? engine : NULL;
}

/* What executes now ends by the exception that its caller raises, everything else when it would go on. */
static void end_all(struct py_host *host, struct rp_engine *engine)
{
    host->is_over = true;
    rp_engine_stop(engine, 0);
    if (host->stepping && host->stepping->engine_vu && !host->stepping->interrupting)
        rp_py_vu_set_interrupted(host->stepping);
}

void rp_py_end_run(struct py_host *host, const char *reason)
{
    struct rp_engine *engine = rp_py_running_engine(host);

    if (host->worker)
        rp_worker_abort(host->worker, reason);
    if (engine)
        end_all(host, engine);
}

/* ---- where rampa's operations may be used --------------------------------------------------------------------- */

int rp_py_refuse_here(struct py_host *host, const char *what)
{
    if (host->is_forked)
        PyErr_SetString(PyExc_RuntimeError, "this process was forked by the script: it has no part "
                                            "in the run, and can await nothing of it");
    else
        PyErr_Format(PyExc_RuntimeError, "%s in the thread of the event loop", what);
    return -1;
}

PyObject *rp_py_host_forked(PyObject *object, PyObject *unused)
{
    struct py_host *self = (struct py_host *)object;
    PyObject *cleared;

    self->is_forked = true;
    self->loop_thread = 0;
    self->watchdog = (struct py_watchdog){ .is_watching = false };
    if (!self->ready)
        Py_RETURN_NONE;
    cleared = PyObject_CallMethod(self->ready, "clear", NULL); /* all of it is the parent's */
    return cleared;
}

void rp_py_leave_fork(struct py_host *host)
{
    PyObject *type, *value, *traceback;

    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    rp_py_tell(host, PY_HOOK_LEAVE_FORK, value ? value : Py_None);
    _exit(1);
}

/* ---- worker.abort(reason) ----------------------------------------------------------------------------------- */

static int parse_reason(PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames,
                        const char **ret)
{
    Py_ssize_t keywords = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;

    *ret = "";
    if (nargs + keywords > 1 || (keywords && PyUnicode_CompareWithASCIIString(
                                                 PyTuple_GET_ITEM(kwnames, 0), "reason") != 0)) {
        PyErr_SetString(PyExc_TypeError, "abort() takes one argument, the reason");
        return -1;
    }
    if (nargs + keywords == 0)
        return 0;
    if (!PyUnicode_Check(args[0])) {
        PyErr_Format(PyExc_TypeError, "abort() takes the reason as a str, not %.100s",
                     Py_TYPE(args[0])->tp_name);
        return -1;
    }
    *ret = PyUnicode_AsUTF8(args[0]);
    return *ret ? 0 : -1;
}

PyObject *rp_py_vu_abort(PyObject *object, PyObject *const *args, Py_ssize_t nargs,
                         PyObject *kwnames)
{
    struct py_vu *self = (struct py_vu *)object;
    struct py_host *host = self->host;
    struct rp_engine *engine;
    const char *reason;

    if (parse_reason(args, nargs, kwnames, &reason) < 0)
        return NULL;
    if (!self->engine_vu || !host->worker)
        return PyErr_Format(PyExc_RuntimeError, "the run that this worker belongs to is over");
    if (rp_py_require_here(host, "abort() must be called") < 0)
        return NULL;
    rp_worker_abort(host->worker, reason);
    engine = rp_py_running_engine(host);
    if (engine)
        end_all(host, engine);
    return PyErr_Format(host->state->run_aborted, "%s", reason);
}

/* ---- the time is over, and the loop does not turn -------------------------------------------------------------- */

PyObject *rp_py_host_running(PyObject *object, PyObject *unused)
{
    struct py_host *self = (struct py_host *)object;
    PyObject *stepping = self->stepping ? (PyObject *)self->stepping : Py_None;

    return Py_BuildValue("OO", rp_py_running_engine(self) ? Py_True : Py_False, stepping);
}

/* The coordinator says that the time is over. For how many seconds the code that runs now has been in the way of the
 * loop, if it is to be ended by a CancelledError; else 0, for a loop that turns ends everything by itself. */
PyObject *rp_py_host_overdue(PyObject *object, PyObject *unused)
{
    struct py_host *self = (struct py_host *)object;
    struct rp_engine *engine = rp_py_running_engine(self);
    rp_ns silence = rp_py_watchdog_silence(&self->watchdog);

    if (!self->plan || silence < OVERDUE_SILENCE_MS * RP_MS)
        return PyFloat_FromDouble(0);
    if (engine)
        end_all(self, engine);
    return PyFloat_FromDouble((double)silence / 1e9);
}

/* SPDX-License-Identifier: MIT */

/*
 * A run may be ended from inside: by a script that aborts it, and by an iteration that blocks the
 * loop when the time is over. Both stop the engine in the midst of a step, and that step ends by an
 * exception, so that clean-up runs as in any interruption.
 */

#include "python/bridge/bridge.h"

enum { OVERDUE_SILENCE_MS = 1000 };

struct rp_engine *rp_py_running_engine(const struct py_host *host)
{
    struct rp_engine *engine = host->worker ? rp_worker_engine(host->worker) : NULL;

    return engine && rp_engine_elapsed(engine) && !rp_engine_is_finished(engine) ? engine : NULL;
}

/* What executes now ends by the exception that its caller raises, everything else when it would go
 * on. */
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

/* ---- the time is over, and the loop does not turn -------------------------------------------- */

PyObject *rp_py_host_running(PyObject *object, PyObject *unused)
{
    struct py_host *self = (struct py_host *)object;
    PyObject *stepping = self->stepping ? (PyObject *)self->stepping : Py_None;

    return Py_BuildValue("OO", rp_py_running_engine(self) ? Py_True : Py_False, stepping);
}

/* Host.overdue(): the coordinator says that the time is over. Returns for how many seconds the code
 * that runs now has been in the way of the loop, when the caller must end it by a CancelledError.
 * Returns 0 when the loop turns: then it ends everything by itself. */
PyObject *rp_py_host_overdue(PyObject *object, PyObject *unused)
{
    struct py_host *self = (struct py_host *)object;
    struct rp_engine *engine = rp_py_running_engine(self);
    rp_ns silence = rp_py_watchdog_silence(rp_py_bridge(self));

    if (!self->plan || silence < OVERDUE_SILENCE_MS * RP_MS)
        return PyFloat_FromDouble(0);
    if (engine)
        end_all(self, engine);
    return PyFloat_FromDouble((double)silence / 1e9);
}

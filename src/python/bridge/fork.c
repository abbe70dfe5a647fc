/* SPDX-License-Identifier: MIT */

/*
 * A process that the script has forked shares descriptors with the worker and must touch none of
 * them. It ends where it comes back from the script's code to the reactor.
 */

#include <unistd.h>

#include "python/bridge/bridge.h"

PyObject *rp_py_host_forked(PyObject *object, PyObject *unused)
{
    struct py_host *self = (struct py_host *)object;

    self->is_forked = true;
    self->loop_thread = 0;
    rp_py_watchdog_forget(rp_py_bridge(self));
    if (!self->aio.ready)
        Py_RETURN_NONE;
    return PyObject_CallMethod(self->aio.ready, "clear", NULL); /* all handles are the parent's */
}

void rp_py_leave_fork(struct py_host *host)
{
    PyObject *type, *value, *traceback;

    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    rp_py_tell(host, PY_HOOK_LEAVE_FORK, value ? value : Py_None);
    _exit(1);
}

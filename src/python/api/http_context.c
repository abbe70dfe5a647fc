/* SPDX-License-Identifier: MIT */

/* What is written in Python of the client: batches, and `async with worker.http` and `await
 * worker.http.close()`, which scripts of the reference write. */

#include "python/api/api_internal.h"

/* What can be awaited and gives @value at once. */
static PyObject *ready(PyObject *value)
{
    PyObject *module = PyImport_ImportModule("rampa._standin");
    PyObject *ret = module ? PyObject_CallMethod(module, "Ready", "O", value) : NULL;

    Py_XDECREF(module);
    return ret;
}

PyObject *rp_py_http_batch(PyObject *self, PyObject *requests)
{
    struct py_vu *vu = ((struct py_http *)self)->vu;
    PyObject *module, *ret;

    if (!vu || !vu->engine_vu) {
        rp_py_vu_refuse("client");
        return NULL;
    }
    module = PyImport_ImportModule("rampa._batch");
    ret = module ? PyObject_CallMethod(module, "batch", "OOL", self, requests,
                                       (long long)vu->host->plan->batch)
                 : NULL;
    Py_XDECREF(module);
    return ret;
}

/* The connections belong to the VU, not to an iteration: closing the client leaves them. */
PyObject *rp_py_http_close(PyObject *self, PyObject *unused)
{
    return ready(Py_None);
}

PyObject *rp_py_http_enter(PyObject *self, PyObject *unused)
{
    return ready(self);
}

PyObject *rp_py_http_exit(PyObject *self, PyObject *args)
{
    return ready(Py_None);
}

/* SPDX-License-Identifier: MIT */
#include "python/drive/host.h"

PyObject *rp_py_take_error(void)
{
    PyObject *type, *value, *traceback;

    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback && value)
        PyException_SetTraceback(value, traceback);
    Py_XDECREF(type);
    Py_XDECREF(traceback);
    return value;
}

int rp_py_refuse_here(const struct py_host *host, const char *what)
{
    if (host->is_forked)
        PyErr_SetString(PyExc_RuntimeError, "this process was forked by the script: it has no part "
                                            "in the run, and can await nothing of it");
    else
        PyErr_Format(PyExc_RuntimeError, "%s in the thread of the event loop", what);
    return -1;
}

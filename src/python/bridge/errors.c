/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "python/bridge/state.h"

PyObject *rp_py_raise(int code, const struct rp_error *err)
{
    const char *message = err && err->message ? err->message : NULL;

    if (code == -ENOMEM)
        return PyErr_NoMemory();
    if (message && err->hint)
        return PyErr_Format(PyExc_ValueError, "%s (%s)", message, err->hint);
    return PyErr_Format(PyExc_ValueError, "%s", message ? message : strerror(-code));
}

/* A copy of the str attribute @i of the tuple, or NULL. */
static const char *text_at(PyObject *tuple, Py_ssize_t i)
{
    PyObject *item = PyTuple_GET_ITEM(tuple, i);

    return item == Py_None ? NULL : PyUnicode_AsUTF8(item);
}

/* hooks.describe(exception) gives (message, file or None, line, traceback or None, hint or None). */
static bool describe(struct py_host *host, PyObject *value, struct rp_error *err)
{
    PyObject *told = rp_py_ask(host, PY_HOOK_DESCRIBE, value);
    const char *message;

    if (!told)
        return false;
    message = text_at(told, 0);
    rp_error_set(err, -RP_EUSER, "%s", message ? message : "the script raised an exception");
    if (text_at(told, 1))
        rp_error_place(err, text_at(told, 1), (int)PyLong_AsLong(PyTuple_GET_ITEM(told, 2)));
    if (text_at(told, 3))
        rp_error_detail(err, text_at(told, 3));
    if (text_at(told, 4))
        rp_error_hint(err, "%s", text_at(told, 4));
    Py_DECREF(told);
    return !PyErr_Occurred();
}

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

void rp_py_fetch_error(struct py_host *host, struct rp_error *err, const char *what)
{
    PyObject *value = rp_py_take_error();

    if (!value || !describe(host, value, err)) {
        PyErr_Clear();
        rp_error_set(err, -RP_EUSER, "%s", what);
    }
    Py_XDECREF(value);
}

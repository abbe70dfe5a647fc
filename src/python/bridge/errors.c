/* SPDX-License-Identifier: MIT */
#include "python/bridge/bridge.h"

/* The text at @i of the tuple, borrowed; NULL for None. */
static const char *text_at(PyObject *tuple, Py_ssize_t i)
{
    PyObject *item = PyTuple_GET_ITEM(tuple, i);

    return item == Py_None ? NULL : PyUnicode_AsUTF8(item);
}

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

void rp_py_fetch_error(struct py_host *host, struct rp_error *err, const char *what)
{
    PyObject *value = rp_py_take_error();

    if (!value || !describe(host, value, err)) {
        PyErr_Clear();
        rp_error_set(err, -RP_EUSER, "%s", what);
    }
    Py_XDECREF(value);
}

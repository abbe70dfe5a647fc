/* SPDX-License-Identifier: MIT */

/* Values of Python become values of C, and errors of C exceptions of Python. */

#include <errno.h>

#include "python/api/api.h"

int rp_py_utf8(PyObject *object, const char *what, struct rp_slice *ret)
{
    Py_ssize_t len;
    const char *text;

    if (!PyUnicode_Check(object)) {
        PyErr_Format(PyExc_TypeError, "%s must be a str, not %.100s", what,
                     Py_TYPE(object)->tp_name);
        return -1;
    }
    text = PyUnicode_AsUTF8AndSize(object, &len);
    if (!text)
        return -1;
    *ret = rp_slice(text, (size_t)len);
    return 0;
}

int rp_py_number(PyObject *object, const char *function, const char *what, double *ret)
{
    *ret = PyFloat_AsDouble(object);
    if (RP_LIKELY(*ret != -1.0 || !PyErr_Occurred()))
        return 0;
    /* Another exception is that of a __float__() of the script. */
    if (!PyNumber_Check(object))
        PyErr_Format(PyExc_TypeError, "%s: %s as a number, not %R", function, what, object);
    return -1;
}

PyObject *rp_py_raise(int code, const struct rp_error *err)
{
    const char *message = err && err->message ? err->message : NULL;

    if (code == -ENOMEM)
        return PyErr_NoMemory();
    if (message && err->hint)
        return PyErr_Format(PyExc_ValueError, "%s (%s)", message, err->hint);
    return PyErr_Format(PyExc_ValueError, "%s", message ? message : strerror(-code));
}

PyObject *rp_py_raise_and_deinit(int code, struct rp_error *err)
{
    rp_py_raise(code, err);
    rp_error_deinit(err);
    return NULL;
}

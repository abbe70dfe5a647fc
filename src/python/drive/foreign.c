/* SPDX-License-Identifier: MIT */

/*
 * A VU may wait for something that is none of our operations. That is a future of asyncio's, or an
 * object like it, which calls back through the event loop; or it is a bare yield, which waits for
 * one turn of the loop.
 */

#include "python/drive/drive.h"

static PyMethodDef wakeup_def = { "_wakeup", rp_py_vu_wakeup, METH_O, NULL };

/* The method that asyncio calls to resume @vu: borrowed, NULL with an exception. */
static PyObject *wakeup_of(struct py_vu *vu)
{
    if (!vu->wakeup)
        vu->wakeup = PyCFunction_New(&wakeup_def, (PyObject *)vu);
    return vu->wakeup;
}

static int wake_soon(struct py_vu *vu)
{
    PyObject *wakeup = wakeup_of(vu);

    return wakeup ? rp_py_call_soon(vu->host, wakeup, Py_None, vu->host->aio.neutral_context) : -1;
}

int rp_py_park_on_future(struct py_vu *vu, PyObject *future)
{
    const struct rp_pystate *state = vu->host->state;
    PyObject *args[] = { future, wakeup_of(vu), vu->host->aio.neutral_context };
    PyObject *added;

    if (!args[1] || PyObject_SetAttr(future, state->s_blocking, Py_False) < 0)
        return -1;
    added = PyObject_VectorcallMethod(state->s_add_done_callback, args, 2, state->context_names);
    Py_XDECREF(added);
    return added ? 0 : -1;
}

/* 1 when @object is a future that is being awaited, 0 when it is something else, or -1 with an
 * exception. */
static int is_awaited_future(struct py_vu *vu, PyObject *object)
{
    PyObject *blocking = PyObject_GetAttr(object, vu->host->state->s_blocking);
    int truth;

    if (!blocking) {
        if (!PyErr_ExceptionMatches(PyExc_AttributeError))
            return -1;
        PyErr_Clear();
        return 0;
    }
    truth = blocking == Py_None ? 0 : PyObject_IsTrue(blocking);
    Py_DECREF(blocking);
    return truth;
}

int rp_py_park_on_foreign(struct py_vu *vu, PyObject *object)
{
    int is_future;

    if (object == Py_None) /* a bare yield: asyncio.sleep(0) */
        return wake_soon(vu);
    is_future = is_awaited_future(vu, object);
    if (is_future > 0)
        return rp_py_park_on_future(vu, object);
    if (is_future == 0)
        PyErr_Format(PyExc_RuntimeError,
                     "a scenario awaited %R, which neither rampa nor asyncio knows", object);
    return -1;
}

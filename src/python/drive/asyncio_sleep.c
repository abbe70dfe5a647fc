/* SPDX-License-Identifier: MIT */

/*
 * A pause is what asyncio.sleep() waits for. asyncio itself takes a future, a timer handle, its
 * arguments and its context; a pause is one object that stands in asyncio's heap of timers, so that
 * it comes due among the handles of call_later() as asyncio's own would. asyncio runs it twice:
 * first when its time has come, then to resume the VU that waits for it.
 */

#include <math.h>

#include "python/drive/drive.h"

/* To asyncio it is a timer handle. */
struct py_pause {
    struct py_op op;
    /* the moment, in the time of the asyncio loop; before the start the seconds to sleep */
    double when;
};

/* ---- the operation --------------------------------------------------------------------------- */

static int pause_start(struct py_op *op)
{
    struct py_pause *self = (struct py_pause *)op;
    PyObject *args[] = { op->host->aio.scheduled, (PyObject *)op }, *pushed;

    self->when += (double)rp_loop_now(op->host->loop) / 1e9;
    pushed = PyObject_Vectorcall(op->host->aio.heappush, args, 2, NULL);
    op->is_scheduled = pushed != NULL;
    Py_XDECREF(pushed);
    return pushed ? 0 : -1;
}

/* asyncio takes a cancelled pause out of its heap when it comes due, or when too many of the heap
 * are cancelled. */
static void pause_cancel(struct py_op *op)
{
    PyObject *told = PyObject_CallMethod(op->host->aio.loop, "_timer_handle_cancelled", "O", op);

    if (!told)
        PyErr_WriteUnraisable((PyObject *)op);
    Py_XDECREF(told);
}

static const struct py_op_kind pause_kind = { .start = pause_start, .cancel = pause_cancel };

PyObject *rp_py_host_pause(PyObject *object, PyObject *delay)
{
    struct py_host *host = (struct py_host *)object;
    PyTypeObject *type = host->state->pause_type;
    struct py_pause *self;
    double seconds;
    int is_here;

    if (!PyFloat_Check(delay) && !PyLong_Check(delay))
        Py_RETURN_NONE;
    seconds = PyFloat_AsDouble(delay);
    if (seconds == -1.0 && PyErr_Occurred())
        return NULL;
    if (!host->aio.scheduled)
        Py_RETURN_NONE;
    is_here = rp_py_aio_is_running_here(host);
    if (is_here < 0)
        return NULL;
    if (!is_here || !(seconds > 0))
        Py_RETURN_NONE;
    self = (struct py_pause *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    self->op.kind = &pause_kind;
    self->op.host = (struct py_host *)Py_NewRef(host);
    self->when = seconds;
    return (PyObject *)self;
}

/* ---- the timer handle ------------------------------------------------------------------------ */

static PyObject *due(struct py_op *op)
{
    PyObject *queued;

    op->op_state = PY_OP_DONE;
    op->outcome = Py_NewRef(Py_None);
    rp_py_op_run_callbacks(op);
    if (!op->waiter)
        Py_RETURN_NONE;
    queued = PyObject_CallMethodOneArg(op->host->aio.ready, op->host->state->s_append,
                                       (PyObject *)op);
    return queued;
}

static PyObject *pause_run(PyObject *self, PyObject *unused)
{
    struct py_op *op = (struct py_op *)self;
    struct py_vu *waiter = op->waiter;

    if (op->op_state == PY_OP_RUNNING)
        return due(op);
    op->waiter = NULL;
    if (waiter)
        rp_py_step(waiter, NULL);
    Py_RETURN_NONE;
}

/* asyncio compares handles by their time. */
static PyObject *pause_compare(PyObject *self, PyObject *other, int how)
{
    double mine = ((struct py_pause *)self)->when, theirs;

    if (how == Py_EQ || how == Py_NE)
        Py_RETURN_NOTIMPLEMENTED;
    if (Py_IS_TYPE(other, Py_TYPE(self))) {
        theirs = ((struct py_pause *)other)->when;
    } else {
        PyObject *when = PyObject_GetAttrString(other, "_when");

        if (!when) {
            PyErr_Clear();
            Py_RETURN_NOTIMPLEMENTED;
        }
        theirs = PyFloat_AsDouble(when);
        Py_DECREF(when);
        if (theirs == -1.0 && PyErr_Occurred())
            return NULL;
    }
    Py_RETURN_RICHCOMPARE(mine, theirs, how);
}

static Py_hash_t pause_hash(PyObject *self)
{
    return (Py_hash_t)((uintptr_t)self >> 4);
}

static PyObject *get_cancelled(PyObject *self, void *unused)
{
    return PyBool_FromLong(((struct py_op *)self)->op_state == PY_OP_CANCELLED);
}

static PyObject *get_callback(PyObject *self, void *unused)
{
    Py_RETURN_NONE; /* asyncio's debug mode then prints the handle itself */
}

static PyMethodDef run_def = { "_run", pause_run, METH_NOARGS, NULL };

static PyObject *get_run(PyObject *self, void *unused)
{
    return PyCFunction_New(&run_def, self);
}

static PyMemberDef pause_members[] = {
    { "_when", T_DOUBLE, offsetof(struct py_pause, when), READONLY, NULL },
    { "_scheduled", T_BOOL, offsetof(struct py_op, is_scheduled), 0, NULL },
    { "_asyncio_future_blocking", T_BOOL, offsetof(struct py_op, blocking), 0, NULL },
    { NULL, 0, 0, 0, NULL },
};

static PyGetSetDef pause_getset[] = {
    { "_run", get_run, NULL, NULL, NULL },
    { "_cancelled", get_cancelled, NULL, NULL, NULL },
    { "_callback", get_callback, NULL, NULL, NULL },
    { NULL, NULL, NULL, NULL, NULL },
};

static PyType_Slot pause_slots[] = {
    { Py_tp_dealloc, rp_py_op_dealloc },
    { Py_tp_richcompare, pause_compare },
    { Py_tp_hash, pause_hash },
    { Py_tp_iter, rp_py_op_await },
    { Py_tp_iternext, rp_py_op_iternext },
    { Py_am_await, rp_py_op_await },
    { Py_am_send, rp_py_op_send },
    { Py_tp_methods, rp_py_op_methods },
    { Py_tp_members, pause_members },
    { Py_tp_getset, pause_getset },
    { Py_tp_doc, (void *)PyDoc_STR("What asyncio.sleep() waits for.") },
    { 0, NULL },
};

PyType_Spec rp_py_pause_spec = {
    .name = "rampa.Pause",
    .basicsize = sizeof(struct py_pause),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = pause_slots,
};

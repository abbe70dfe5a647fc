/* SPDX-License-Identifier: MIT */

/* Operations that wait for their next use: a script makes one for each message, and its memory and the
 * place that the collector has for it are the dearest part of that. */

#include "python/drive/drive.h"

struct py_op *rp_py_op_take(struct py_spares *spares, PyTypeObject *type)
{
    struct py_op *op = spares->first;

    if (!op)
        return (struct py_op *)type->tp_alloc(type, 0);
    spares->first = op->next_spare;
    spares->count--;
    memset((char *)op + sizeof(PyObject), 0, (size_t)type->tp_basicsize - sizeof(PyObject));
    Py_SET_TYPE(op, (PyTypeObject *)Py_NewRef(type)); /* as PyObject_Init() */
    _Py_NewReference((PyObject *)op);
    PyObject_GC_Track(op);
    return op;
}

void rp_py_op_give_back(struct py_spares *spares, struct py_op *op)
{
    PyTypeObject *type = Py_TYPE(op);

    if (spares->count < RP_PY_FREE_MAX) {
        op->next_spare = spares->first;
        spares->first = op;
        spares->count++;
    } else {
        type->tp_free(op);
    }
    Py_DECREF(type);
}

void rp_py_spares_clear(struct py_spares *spares)
{
    struct py_op *op;

    while ((op = spares->first)) {
        spares->first = op->next_spare;
        PyObject_GC_Del(op);
    }
    spares->count = 0;
}

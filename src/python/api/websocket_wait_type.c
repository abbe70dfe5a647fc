/* SPDX-License-Identifier: MIT */

/* The types of a Wait, and of what worker.ws.connect() returns: see websocket.h. */

#include "python/api/websocket.h"

#include <structmember.h>

struct py_wait *rp_py_wait_new(struct py_vu *vu, struct py_socket *socket, enum py_wait_kind kind)
{
    struct rp_pystate *state = vu->host->state;
    PyTypeObject *type = state->connect_type;
    struct py_wait *self = kind == PY_WAIT_OPEN ? (struct py_wait *)type->tp_alloc(type, 0)
                                                : (struct py_wait *)rp_py_op_take(
                                                      &state->spare_waits, state->wait_type);

    if (!self)
        return NULL;
    self->op.kind = &rp_py_wait_kind;
    self->op.host = (struct py_host *)Py_NewRef(vu->host);
    self->vu = (struct py_vu *)Py_NewRef(vu);
    self->socket = (struct py_socket *)Py_XNewRef(socket);
    self->kind = kind;
    return self;
}

static int wait_traverse(PyObject *object, visitproc visit, void *arg)
{
    struct py_wait *self = (struct py_wait *)object;

    Py_VISIT(self->vu);
    Py_VISIT(self->socket);
    Py_VISIT(self->data);
    Py_VISIT(self->match);
    return rp_py_op_traverse(&self->op, visit, arg);
}

static int wait_clear(PyObject *object)
{
    struct py_wait *self = (struct py_wait *)object;

    rp_py_op_clear(&self->op);
    Py_CLEAR(self->socket);
    Py_CLEAR(self->data);
    Py_CLEAR(self->match);
    Py_CLEAR(self->vu);
    return 0;
}

/* A forgotten await is an easy mistake: nothing is opened or sent. */
static void warn_never_awaited(struct py_wait *self)
{
    static const char *const calls[] = {
        [PY_WAIT_OPEN] = "does not await worker.ws.connect(), so nothing is opened",
        [PY_WAIT_SEND] = "does not await send() of a WebSocket, so nothing is sent",
        [PY_WAIT_RECEIVE] = "does not await receive() of a WebSocket, so nothing is received",
        [PY_WAIT_PING] = "does not await ping() of a WebSocket, so no ping is sent",
        [PY_WAIT_CLOSE] = "does not await close() of a WebSocket, so it stays open",
        [PY_WAIT_REQUEST] = "does not await request() of a WebSocket, so nothing is sent",
        [PY_WAIT_CLOSE_ALL] = "does not await worker.ws.close(), so nothing is closed",
    };
    char text[128];

    if ((size_t)self->kind >= RP_ARRAY_LEN(calls) || !calls[self->kind])
        return;
    snprintf(text, sizeof(text), "the script %s", calls[self->kind]);
    rp_py_op_warn_never_awaited(&self->op, text);
}

static void wait_dealloc(PyObject *object)
{
    struct py_wait *self = (struct py_wait *)object;
    struct rp_pystate *state = self->op.host->state;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    if (self->op.op_state == PY_OP_NEW)
        warn_never_awaited(self);
    if (self->weakrefs)
        PyObject_ClearWeakRefs(object);
    wait_clear(object);
    rp_py_op_deinit(&self->op);
    if (RP_LIKELY(type == state->wait_type)) {
        rp_py_op_give_back(&state->spare_waits, &self->op);
        return;
    }
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMemberDef members[] = {
    { "__weaklistoffset__", T_PYSSIZET, offsetof(struct py_wait, weakrefs), READONLY, NULL },
    { NULL, 0, 0, 0, NULL },
};

static PyType_Slot wait_slots[] = {
    { Py_tp_dealloc, wait_dealloc },
    { Py_tp_traverse, wait_traverse },
    { Py_tp_clear, wait_clear },
    { Py_tp_iter, rp_py_op_await },
    { Py_tp_iternext, rp_py_op_iternext },
    { Py_am_await, rp_py_op_await },
    { Py_am_send, rp_py_op_send },
    { Py_tp_methods, rp_py_op_methods },
    { Py_tp_getset, rp_py_op_getset },
    { Py_tp_members, members },
    { 0, NULL },
};

PyType_Spec rp_py_wait_spec = {
    .name = "rampa.Wait",
    .basicsize = sizeof(struct py_wait),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
             Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_BASETYPE,
    .slots = wait_slots,
};

/* async with worker.ws.connect(...) as s */
static PyObject *connect_enter(PyObject *object, PyObject *unused)
{
    return Py_NewRef(object);
}

static PyObject *connect_exit(PyObject *object, PyObject *args)
{
    struct py_wait *self = (struct py_wait *)object;
    struct py_wait *wait = rp_py_wait_new(self->vu, self->socket, PY_WAIT_CLOSE);

    if (wait)
        wait->code = RP_WS_NORMAL;
    return (PyObject *)wait;
}

/* As of any object; of what only the WebSocket has it says what is missing. */
static PyObject *connect_getattro(PyObject *object, PyObject *name)
{
    struct py_wait *self = (struct py_wait *)object;
    PyObject *found = PyObject_GenericGetAttr(object, name), *type, *value, *traceback;

    if (found || !PyErr_ExceptionMatches(PyExc_AttributeError))
        return found;
    PyErr_Fetch(&type, &value, &traceback);
    if (!self->socket || !PyObject_HasAttr((PyObject *)Py_TYPE(self->socket), name)) {
        PyErr_Restore(type, value, traceback);
        return NULL;
    }
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
    PyErr_Format(PyExc_AttributeError,
                 "'%U' is of the WebSocket that connect() opens: write s = await "
                 "worker.ws.connect(url) first",
                 name);
    return NULL;
}

static PyMethodDef connect_methods[] = {
    { "__aenter__", connect_enter, METH_NOARGS, NULL },
    { "__aexit__", connect_exit, METH_VARARGS, NULL },
    { NULL, NULL, 0, NULL },
};

static PyType_Slot connect_slots[] = {
    { Py_tp_dealloc, wait_dealloc },    { Py_tp_traverse, wait_traverse },
    { Py_tp_clear, wait_clear },        { Py_tp_getattro, connect_getattro },
    { Py_tp_methods, connect_methods }, { 0, NULL },
};

static PyType_Spec connect_spec = {
    .name = "rampa.WebSocketConnect",
    .basicsize = sizeof(struct py_wait),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
             Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = connect_slots,
};

PyTypeObject *rp_py_connect_type(PyObject *module, PyTypeObject *wait)
{
    PyObject *type = PyType_FromModuleAndSpec(module, &connect_spec, (PyObject *)wait);

    wait->tp_flags &= ~Py_TPFLAGS_BASETYPE; /* for us only: a Wait has its VU */
    return (PyTypeObject *)type;
}

/* SPDX-License-Identifier: MIT */

/* One wait for something of a call: see grpc.h. */

#include "python/api/grpc.h"

enum { ROOM = 64 * 1024 }; /* bytes that may wait to be sent when there is room for more */

/* ---- what is waited for ---------------------------------------------------------------------- */

/* The next message. NULL without an exception: there is none. */
static PyObject *next_message(struct py_grpc *self)
{
    struct rp_slice message;

    if (!self->vu->engine_vu || !rp_grpc_receive(&self->call, &message))
        return NULL;
    return PyBytes_FromStringAndSize(message.ptr, (Py_ssize_t)message.len);
}

static PyObject *make_result(struct py_grpc *self)
{
    PyObject *message = next_message(self), *status, *result;
    PyObject *args[3];

    if (!message && PyErr_Occurred())
        return NULL;
    if (!message)
        message = PyBytes_FromStringAndSize(NULL, 0);
    status = PyLong_FromLong(self->call.status);
    args[0] = (PyObject *)self;
    args[1] = message;
    args[2] = status;
    result = message && status ? PyObject_Vectorcall(self->state->make_grpc_response, args, 3, NULL)
                               : NULL;
    Py_XDECREF(message);
    Py_XDECREF(status);
    return result;
}

/* What there is for a wait. NULL without an exception: it must go on. */
static PyObject *look(struct py_grpc *self, enum py_grpc_wait_kind kind)
{
    const struct rp_grpc_call *call = &self->call;
    PyObject *found;

    switch (kind) {
    case PY_GRPC_RESULT:
        return call->has_ended ? make_result(self) : NULL;
    case PY_GRPC_HEAD:
        return call->has_head ? Py_NewRef(Py_None) : NULL;
    case PY_GRPC_RECEIVE:
        found = next_message(self);
        if (found || PyErr_Occurred())
            return found;
        return call->has_ended ? Py_NewRef(Py_None) : NULL;
    case PY_GRPC_ROOM:
        return call->has_ended || rp_grpc_unsent(call) <= ROOM ? Py_NewRef(Py_None) : NULL;
    case PY_GRPC_WAIT_KINDS:
        break;
    }
    return NULL;
}

static void wake_one(struct py_grpc *self, enum py_grpc_wait_kind kind)
{
    struct py_grpc_wait *wait = self->waits[kind];
    PyObject *found;

    if (!wait)
        return;
    found = look(self, kind);
    if (!found && !PyErr_Occurred())
        return;
    self->waits[kind] = NULL;
    rp_py_op_finish(&wait->op, found, found ? NULL : rp_py_take_error());
    Py_DECREF(wait);
}

void rp_py_grpc_wake(struct py_grpc *self)
{
    Py_INCREF(self);
    for (int kind = 0; kind < PY_GRPC_WAIT_KINDS; kind++)
        wake_one(self, (enum py_grpc_wait_kind)kind);
    Py_DECREF(self);
}

void rp_py_grpc_cancel_waits(struct py_grpc *self)
{
    for (int kind = 0; kind < PY_GRPC_WAIT_KINDS; kind++) {
        struct py_grpc_wait *wait = self->waits[kind];

        self->waits[kind] = NULL;
        if (wait)
            rp_py_op_cancel(&wait->op);
        Py_XDECREF(wait); /* not before: it may be the last reference */
    }
}

/* ---- the operation --------------------------------------------------------------------------- */

/* Wakes the waits soon, if there is what one of them waits for. */
static int wait_start(struct py_op *op)
{
    struct py_grpc_wait *wait = (struct py_grpc_wait *)op;
    struct py_grpc *self = wait->grpc;
    bool was_started = self->is_started;

    if (rp_py_vu_require(self->vu) < 0)
        return -1;
    if (self->waits[wait->kind] || (wait->kind == PY_GRPC_RESULT && self->has_result)) {
        PyErr_SetString(PyExc_RuntimeError, self->waits[wait->kind]
                                                ? "another task waits for this call already"
                                                : "a call is awaited once");
        return -1;
    }
    if (!was_started && rp_py_grpc_begin(self) < 0)
        return -1;
    self->waits[wait->kind] = (struct py_grpc_wait *)Py_NewRef(wait);
    self->has_result |= wait->kind == PY_GRPC_RESULT;
    if (was_started)
        rp_grpc_nudge(&self->call);
    return 0;
}

static void wait_cancel(struct py_op *op)
{
    struct py_grpc_wait *wait = (struct py_grpc_wait *)op;
    struct py_grpc *self = wait->grpc;

    if (self->waits[wait->kind] != wait)
        return;
    self->waits[wait->kind] = NULL;
    if (wait->kind == PY_GRPC_RESULT)
        rp_py_grpc_leave_call(self, true);
    Py_DECREF(wait);
}

static const struct py_op_kind wait_kind = { .start = wait_start, .cancel = wait_cancel };

/* ---- the type of a GrpcWait ------------------------------------------------------------------ */

PyObject *rp_py_grpc_wait_new(struct py_grpc *grpc, enum py_grpc_wait_kind kind)
{
    struct rp_pystate *state = grpc->state;
    struct py_grpc_wait *self = (struct py_grpc_wait *)rp_py_op_take(&state->spare_grpc_waits,
                                                                     state->grpc_wait_type);

    if (!self)
        return NULL;
    self->op.kind = &wait_kind;
    self->op.host = (struct py_host *)Py_NewRef(grpc->vu->host);
    self->grpc = (struct py_grpc *)Py_NewRef(grpc);
    self->kind = kind;
    return (PyObject *)self;
}

static int wait_traverse(PyObject *object, visitproc visit, void *arg)
{
    struct py_grpc_wait *self = (struct py_grpc_wait *)object;

    Py_VISIT(self->grpc);
    return rp_py_op_traverse(&self->op, visit, arg);
}

static int wait_clear(PyObject *object)
{
    struct py_grpc_wait *self = (struct py_grpc_wait *)object;

    rp_py_op_clear(&self->op);
    Py_CLEAR(self->grpc);
    return 0;
}

static void warn_never_awaited(struct py_grpc_wait *self)
{
    struct rp_slice path;
    char text[256];

    if (!self->grpc || self->grpc->is_started || self->kind != PY_GRPC_RESULT)
        return;
    path = rp_grpc_method_path(self->grpc->call.method);
    snprintf(text, sizeof(text), "the script does not await a call, so it is not sent: gRPC %.*s",
             RP_SLICE_FMT(path));
    rp_py_op_warn_never_awaited(&self->op, text);
}

static void wait_dealloc(PyObject *object)
{
    struct py_grpc_wait *self = (struct py_grpc_wait *)object;
    struct rp_pystate *state = self->op.host->state;

    PyObject_GC_UnTrack(self);
    if (RP_UNLIKELY(self->op.op_state == PY_OP_NEW))
        warn_never_awaited(self);
    wait_clear(object);
    rp_py_op_deinit(&self->op);
    rp_py_op_give_back(&state->spare_grpc_waits, &self->op);
}

static PyType_Slot wait_slots[] = {
    { Py_tp_dealloc, wait_dealloc },       { Py_tp_traverse, wait_traverse },
    { Py_tp_clear, wait_clear },           { Py_tp_iter, rp_py_op_await },
    { Py_tp_iternext, rp_py_op_iternext }, { Py_am_await, rp_py_op_await },
    { Py_am_send, rp_py_op_send },         { Py_tp_methods, rp_py_op_methods },
    { Py_tp_getset, rp_py_op_getset },     { 0, NULL },
};

PyType_Spec rp_py_grpc_wait_spec = {
    .name = "rampa.GrpcWait",
    .basicsize = sizeof(struct py_grpc_wait),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
             Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = wait_slots,
};

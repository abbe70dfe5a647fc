/* SPDX-License-Identifier: MIT */

/* worker.sleep(): a timer of the reactor that resumes the VU by itself. */

#include "python/api/docs.h"
#include "python/bridge/state.h"

static void sleep_over(struct rp_timer *timer, rp_ns now)
{
    struct py_sleep *self = rp_container_of(timer, struct py_sleep, timer);

    rp_py_op_finish(&self->op, Py_NewRef(Py_None), NULL);
    Py_DECREF(self);
}

static int sleep_start(struct py_op *op)
{
    struct py_sleep *self = (struct py_sleep *)op;
    struct rp_loop *loop = op->host->loop;
    rp_ns delay = self->timer.deadline;

    if (!loop) {
        PyErr_SetString(PyExc_RuntimeError, "the run that this worker belongs to is over");
        return -1;
    }
    Py_INCREF(self); /* the armed timer */
    rp_timer_arm(loop, &self->timer, rp_ns_add(rp_loop_now(loop), delay), sleep_over);
    return 0;
}

static void sleep_cancel(struct py_op *op)
{
    struct py_sleep *self = (struct py_sleep *)op;

    if (!rp_timer_is_armed(&self->timer))
        return;
    rp_timer_disarm(&self->timer);
    Py_DECREF(self);
}

void rp_py_sleep_abandon(struct rp_timer *timer)
{
    struct py_sleep *self = rp_container_of(timer, struct py_sleep, timer);

    if (timer->fn != sleep_over)
        return;
    rp_py_op_cancel(&self->op);
    Py_DECREF(self);
}

static const struct py_op_kind sleep_kind = { .start = sleep_start, .cancel = sleep_cancel };

PyObject *rp_py_sleep_new(struct py_vu *vu, rp_ns delay)
{
    PyTypeObject *type = vu->host->state->sleep_type;
    struct py_sleep *self = (struct py_sleep *)type->tp_alloc(type, 0);

    if (!self)
        return NULL;
    self->op.kind = &sleep_kind;
    self->op.host = (struct py_host *)Py_NewRef(vu->host);
    self->timer.deadline = delay;
    return (PyObject *)self;
}

static void sleep_dealloc(PyObject *object)
{
    struct py_op *op = (struct py_op *)object;

    if (RP_UNLIKELY(op->op_state == PY_OP_NEW))
        rp_py_op_warn_never_awaited(
            op, "the script does not await worker.sleep(), so it does not sleep");
    rp_py_op_dealloc(object);
}

static PyType_Slot sleep_slots[] = {
    { Py_tp_dealloc, sleep_dealloc },
    { Py_tp_iter, rp_py_op_await },
    { Py_tp_iternext, rp_py_op_iternext },
    { Py_am_await, rp_py_op_await },
    { Py_am_send, rp_py_op_send },
    { Py_tp_methods, rp_py_op_methods },
    { Py_tp_getset, rp_py_op_getset },
    { Py_tp_doc, (void *)RP_DOC_SLEEP },
    { 0, NULL },
};

PyType_Spec rp_py_sleep_spec = {
    .name = "rampa.Sleep",
    .basicsize = sizeof(struct py_sleep),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = sleep_slots,
};

/* SPDX-License-Identifier: MIT */

/* A Sleep is the operation that worker.sleep() returns: a timer of the reactor that resumes the VU
 * by itself. */

#include <math.h>

#include "python/api/api_internal.h"
#include "python/api/docs.h"

/* The garbage collector does not track it, nor a pause: as long as it has callbacks the loop holds
 * it, and then it releases them. */
struct py_sleep {
    struct py_op op;
    struct rp_timer timer; /* before the start its deadline is the time to sleep */
};

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

    if (!loop)
        return rp_py_vu_refuse("worker");
    Py_INCREF(self); /* for the armed timer */
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

/* Other timers are taken from the loop too, and left alone. */
void rp_py_sleeps_abandon(struct py_host *host)
{
    struct rp_timer *timer;

    while ((timer = rp_loop_take_timer(host->loop))) {
        struct py_sleep *self = rp_container_of(timer, struct py_sleep, timer);

        if (timer->fn != sleep_over)
            continue;
        rp_py_op_cancel(&self->op);
        Py_DECREF(self);
    }
}

static const struct py_op_kind sleep_kind = { .start = sleep_start, .cancel = sleep_cancel };

PyObject *rp_py_vu_sleep(PyObject *object, PyObject *arg)
{
    struct py_host *host = ((struct py_vu *)object)->host;
    PyTypeObject *type = host->state->sleep_type;
    struct py_sleep *self;
    double seconds;

    if (rp_py_number(arg, "sleep", "seconds", &seconds) < 0)
        return NULL;
    if (!(seconds >= 0) || seconds > 1e9)
        return PyErr_Format(PyExc_ValueError, "sleep takes seconds from 0 to 1e9, not %R", arg);
    self = (struct py_sleep *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    self->op.kind = &sleep_kind;
    self->op.host = (struct py_host *)Py_NewRef(host);
    self->timer.deadline = (rp_ns)llround(seconds * 1e9);
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

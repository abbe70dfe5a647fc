/* SPDX-License-Identifier: MIT */
#include "python/drive/vu.h"

#include "base/alloc.h"

struct py_vu *rp_py_vu_new(struct py_host *host, struct rp_vu *engine_vu)
{
    PyTypeObject *type = host->state->vu_type;
    struct py_vu *self = (struct py_vu *)type->tp_alloc(type, 0);

    if (!self)
        return NULL;
    self->host = (struct py_host *)Py_NewRef(host);
    self->engine_vu = engine_vu;
    return self;
}

struct py_vu_extra *rp_py_vu_extra(struct py_vu *self)
{
    if (self->extra)
        return self->extra;
    self->extra = rp_calloc(1, sizeof(*self->extra));
    if (self->extra)
        self->extra->vu = self;
    else
        PyErr_NoMemory();
    return self->extra;
}

int rp_py_vu_refuse(const char *what)
{
    PyErr_Format(PyExc_RuntimeError, "the run that this %s belongs to is over", what);
    return -1;
}

static void free_extra(struct py_vu *self)
{
    struct py_vu_extra *extra = self->extra;

    if (!extra)
        return;
    rp_task_cancel(&extra->throw_task);
    rp_timer_disarm(&extra->patience);
    rp_py_tasks_clear(self);
    self->extra = NULL;
    Py_XDECREF(extra->task);
    Py_XDECREF(extra->vu_dict);
    Py_XDECREF(extra->env);
    Py_XDECREF(extra->ws);
    Py_XDECREF(extra->grpc);
    rp_free(extra);
}

void rp_py_vu_deinit(struct py_vu *self)
{
    self->engine_vu = NULL;
    Py_CLEAR(self->coro);
    Py_CLEAR(self->waiting);
    Py_CLEAR(self->wakeup);
    Py_CLEAR(self->function);
    Py_CLEAR(self->context);
    Py_CLEAR(self->attributes);
    free_extra(self);
}

/* SPDX-License-Identifier: MIT */

/* `worker`: what a scenario is given. One object per VU, alive as long as the VU. */

#include <math.h>

#include "base/alloc.h"
#include "python/api/docs.h"
#include "python/bridge/state.h"

static PyMethodDef wakeup_def = { "_wakeup", rp_py_vu_wakeup, METH_O, NULL };

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

PyObject *rp_py_vu_wakeup_of(struct py_vu *self)
{
    if (!self->wakeup)
        self->wakeup = PyCFunction_New(&wakeup_def, (PyObject *)self);
    return self->wakeup;
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
    rp_free(extra);
}

void rp_py_vu_release(struct py_vu *self)
{
    self->engine_vu = NULL;
    Py_CLEAR(self->coro);
    Py_CLEAR(self->waiting);
    Py_CLEAR(self->wakeup);
    Py_CLEAR(self->function);
    Py_CLEAR(self->context);
    if (self->http)
        ((struct py_http *)self->http)->vu = NULL;
    Py_CLEAR(self->http);
    free_extra(self);
}

static int require_vu(struct py_vu *self)
{
    if (self->engine_vu)
        return 0;
    PyErr_SetString(PyExc_RuntimeError, "the run that this worker belongs to is over");
    return -1;
}

static struct py_vu_extra *require_extra(struct py_vu *self)
{
    return require_vu(self) < 0 ? NULL : rp_py_vu_extra(self);
}

/* ---- attributes ------------------------------------------------------------------------------------------- */

static PyObject *get_http(PyObject *object, void *unused)
{
    struct py_vu *self = (struct py_vu *)object;

    if (RP_UNLIKELY(!self->http)) {
        if (require_vu(self) < 0)
            return NULL;
        self->http = rp_py_http_new(self);
    }
    return Py_XNewRef(self->http);
}

static PyObject *get_setup_data(PyObject *object, void *unused)
{
    PyObject *data = ((struct py_vu *)object)->host->setup_data;

    return Py_NewRef(data ? data : Py_None);
}

static PyObject *get_execution(PyObject *object, void *unused)
{
    return rp_py_execution_new((struct py_vu *)object);
}

static PyObject *get_vu(PyObject *object, void *unused)
{
    struct py_vu_extra *extra = require_extra((struct py_vu *)object);

    if (!extra)
        return NULL;
    if (!extra->vu_dict)
        extra->vu_dict = PyDict_New();
    return Py_XNewRef(extra->vu_dict);
}

static int put_pairs(PyObject *dict, const struct rp_pairs *pairs)
{
    for (size_t i = 0; i < pairs->count; i++) {
        PyObject *value = PyUnicode_DecodeFSDefault(pairs->items[i].value);
        int r = value ? PyDict_SetItemString(dict, pairs->items[i].key, value) : -1;

        Py_XDECREF(value);
        if (r < 0)
            return -1;
    }
    return 0;
}

/* The environment, --env over it, the scenario's over that. */
static PyObject *get_env(PyObject *object, void *unused)
{
    struct py_vu *self = (struct py_vu *)object;
    struct py_vu_extra *extra = require_extra(self);
    PyObject *env;

    if (!extra || extra->env)
        return extra ? Py_NewRef(extra->env) : NULL;
    env = PyDict_Copy(self->host->env);
    if (!env || put_pairs(env, &self->host->plan->env) < 0 ||
        (self->engine_vu->scenario && put_pairs(env, &self->engine_vu->scenario->env) < 0))
        Py_CLEAR(env);
    extra->env = env;
    return Py_XNewRef(env);
}

static PyObject *get_tags(PyObject *object, void *unused)
{
    struct py_vu *self = (struct py_vu *)object;
    PyObject *tags;

    if (require_vu(self) < 0)
        return NULL;
    tags = PyDict_New();
    for (uint32_t i = 0; tags && i < self->engine_vu->tags->count; i++) {
        PyObject *value = PyUnicode_FromString(self->engine_vu->tags->tag[i].value);

        if (!value || PyDict_SetItemString(tags, self->engine_vu->tags->tag[i].key, value) < 0)
            Py_CLEAR(tags);
        Py_XDECREF(value);
    }
    return tags;
}

static PyObject *get_coro(PyObject *object, void *unused)
{
    PyObject *coro = ((struct py_vu *)object)->coro;

    return Py_NewRef(coro ? coro : Py_None);
}

static PyObject *get_context(PyObject *object, void *unused)
{
    struct py_vu *self = (struct py_vu *)object;

    return self->engine_vu ? Py_XNewRef(rp_py_own_context(self)) : Py_NewRef(Py_None);
}

/* ---- methods ---------------------------------------------------------------------------------------------- */

static PyObject *vu_sleep(PyObject *object, PyObject *arg)
{
    struct py_vu *self = (struct py_vu *)object;
    double seconds = PyFloat_AsDouble(arg);

    if (seconds == -1.0 && PyErr_Occurred())
        return NULL;
    if (!(seconds >= 0) || seconds > 1e9)
        return PyErr_Format(PyExc_ValueError, "sleep takes seconds from 0 to 1e9, not %R", arg);
    return rp_py_sleep_new(self, (rp_ns)llround(seconds * 1e9));
}

static PyObject *vu_cancel(PyObject *object, PyObject *unused)
{
    int was_running = rp_py_vu_cancel((struct py_vu *)object);

    return was_running < 0 ? NULL : PyBool_FromLong(was_running);
}

static PyObject *vu_uncancel(PyObject *object, PyObject *unused)
{
    struct py_vu_extra *extra = ((struct py_vu *)object)->extra;

    if (extra && extra->cancel_requests > 0)
        extra->cancel_requests--;
    return PyLong_FromLong(extra ? extra->cancel_requests : 0);
}

static PyObject *get_cancelling(PyObject *object, void *unused)
{
    const struct py_vu_extra *extra = ((struct py_vu *)object)->extra;

    return PyLong_FromLong(extra ? extra->cancel_requests : 0);
}

static PyObject *vu_repr(PyObject *object)
{
    struct py_vu *self = (struct py_vu *)object;

    if (!self->engine_vu || !self->engine_vu->scenario)
        return PyUnicode_FromString("<rampa.Worker>");
    return PyUnicode_FromFormat("<rampa.Worker VU %lld of %s>", (long long)self->engine_vu->number,
                                self->engine_vu->scenario->name);
}

static void vu_dealloc(PyObject *object)
{
    struct py_vu *self = (struct py_vu *)object;
    PyTypeObject *type = Py_TYPE(self);

    rp_py_vu_release(self);
    Py_CLEAR(self->host);
    type->tp_free(self);
    Py_DECREF(type);
}

#define FASTCALL(function) (PyCFunction)(void (*)(void)) function, METH_FASTCALL | METH_KEYWORDS

static PyMethodDef methods[] = {
    { "check", FASTCALL(rp_py_vu_check), RP_DOC_WORKER_CHECK },
    { "counter", FASTCALL(rp_py_vu_counter), RP_DOC_WORKER_COUNTER },
    { "gauge", FASTCALL(rp_py_vu_gauge), RP_DOC_WORKER_GAUGE },
    { "rate", FASTCALL(rp_py_vu_rate), RP_DOC_WORKER_RATE },
    { "trend", FASTCALL(rp_py_vu_trend), RP_DOC_WORKER_TREND },
    { "group", rp_py_vu_group, METH_O, RP_DOC_WORKER_GROUP },
    { "abort", FASTCALL(rp_py_vu_abort), RP_DOC_WORKER_ABORT },
    { "sleep", vu_sleep, METH_O, RP_DOC_WORKER_SLEEP },
    { "_cancel", vu_cancel, METH_NOARGS, NULL },
    { "_uncancel", vu_uncancel, METH_NOARGS, NULL },
    { "_released", rp_py_vu_released, METH_O, NULL },
    { NULL, NULL, 0, NULL },
};

/* For libraries that look into tasks (anyio): what the coroutine waits for, and whether a cancellation is on its way. */
static PyObject *get_waiting(PyObject *object, void *unused)
{
    PyObject *waiting = ((struct py_vu *)object)->waiting;

    return Py_NewRef(waiting ? waiting : Py_None);
}

static PyObject *get_must_cancel(PyObject *object, void *unused)
{
    struct py_vu *self = (struct py_vu *)object;

    return PyBool_FromLong(self->must_cancel || self->throwing);
}

static PyGetSetDef getset[] = {
    { "http", get_http, NULL, RP_DOC_WORKER_HTTP, NULL },
    { "setup_data", get_setup_data, NULL, RP_DOC_WORKER_SETUP_DATA, NULL },
    { "execution", get_execution, NULL, RP_DOC_WORKER_EXECUTION, NULL },
    { "vu", get_vu, NULL, RP_DOC_WORKER_VU, NULL },
    { "env", get_env, NULL, RP_DOC_WORKER_ENV, NULL },
    { "tags", get_tags, NULL, RP_DOC_WORKER_TAGS, NULL },
    { "_cancelling", get_cancelling, NULL, NULL, NULL },
    { "_coro", get_coro, NULL, NULL, NULL },
    { "_context", get_context, NULL, NULL, NULL },
    { "_waiting", get_waiting, NULL, NULL, NULL },
    { "_must_cancel", get_must_cancel, NULL, NULL, NULL },
    { NULL, NULL, NULL, NULL, NULL },
};

static PyType_Slot slots[] = {
    { Py_tp_dealloc, vu_dealloc },        { Py_tp_repr, vu_repr },
    { Py_tp_methods, methods },           { Py_tp_getset, getset },
    { Py_tp_doc, (void *)RP_DOC_WORKER }, { 0, NULL },
};

PyType_Spec rp_py_vu_spec = {
    .name = "rampa.Worker",
    .basicsize = sizeof(struct py_vu),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = slots,
};

/* ---- execution -------------------------------------------------------------------------------------------- */

struct py_execution {
    PyObject_HEAD PyObject *scenario;
    long long vu, stage; /* stage: -1 = none */
    unsigned long long iteration, iteration_in_vu;
    unsigned worker_id;
};

static int64_t stage_of(const struct py_vu *vu)
{
    const struct rp_scenario *scenario = vu->engine_vu->scenario;
    const struct rp_engine *engine;

    if (!scenario || !scenario->stage_count)
        return -1;
    engine = rp_worker_engine(vu->host->worker);
    return rp_engine_progress(engine, (size_t)(scenario - vu->host->plan->scenarios)).stage;
}

PyObject *rp_py_execution_new(struct py_vu *vu)
{
    PyTypeObject *type = vu->host->state->execution_type;
    struct py_execution *self;

    if (require_vu(vu) < 0)
        return NULL;
    self = (struct py_execution *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    self->vu = vu->engine_vu->number;
    self->worker_id = rp_worker_number(vu->host->worker);
    self->stage = stage_of(vu);
    self->iteration = vu->engine_vu->iteration;
    self->iteration_in_vu = vu->engine_vu->iteration_in_vu;
    self->scenario = vu->engine_vu->scenario ? PyUnicode_FromString(vu->engine_vu->scenario->name)
                                             : Py_NewRef(Py_None);
    if (!self->scenario)
        Py_CLEAR(self);
    return (PyObject *)self;
}

static void execution_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);

    Py_XDECREF(((struct py_execution *)object)->scenario);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyObject *get_stage(PyObject *object, void *unused)
{
    long long stage = ((struct py_execution *)object)->stage;

    return stage < 0 ? Py_NewRef(Py_None) : PyLong_FromLongLong(stage);
}

static PyMemberDef execution_members[] = {
    { "scenario", T_OBJECT, offsetof(struct py_execution, scenario), READONLY,
      RP_DOC_EXECUTION_SCENARIO },
    { "vu", T_LONGLONG, offsetof(struct py_execution, vu), READONLY, RP_DOC_EXECUTION_VU },
    { "iteration", T_ULONGLONG, offsetof(struct py_execution, iteration), READONLY,
      RP_DOC_EXECUTION_ITERATION },
    { "iteration_in_vu", T_ULONGLONG, offsetof(struct py_execution, iteration_in_vu), READONLY,
      RP_DOC_EXECUTION_ITERATION_IN_VU },
    { "worker_id", T_UINT, offsetof(struct py_execution, worker_id), READONLY,
      RP_DOC_EXECUTION_WORKER_ID },
    { NULL, 0, 0, 0, NULL },
};

static PyGetSetDef execution_getset[] = {
    { "stage", get_stage, NULL, RP_DOC_EXECUTION_STAGE, NULL },
    { NULL, NULL, NULL, NULL, NULL },
};

static PyType_Slot execution_slots[] = {
    { Py_tp_dealloc, execution_dealloc },
    { Py_tp_members, execution_members },
    { Py_tp_getset, execution_getset },
    { Py_tp_doc, (void *)RP_DOC_EXECUTION },
    { 0, NULL },
};

PyType_Spec rp_py_execution_spec = {
    .name = "rampa.Execution",
    .basicsize = sizeof(struct py_execution),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = execution_slots,
};

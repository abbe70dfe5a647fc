/* SPDX-License-Identifier: MIT */

/* The type rampa.Worker: the object of a VU, which scripts are given as `worker`. */

#include "python/api/api_internal.h"

#include <structmember.h>

#include "python/api/docs.h"
#include "python/api/grpc.h"
#include "python/api/metrics.h"
#include "python/api/websocket.h"
#include "python/drive/drive.h"

struct py_vu *rp_py_worker_new(struct py_host *host, struct rp_vu *engine_vu)
{
    struct py_vu *self = rp_py_vu_new(host, engine_vu);

    if (!self)
        return NULL;
    self->http = rp_py_http_new(self);
    if (!self->http)
        Py_CLEAR(self);
    return self;
}

void rp_py_vu_release(struct py_vu *self)
{
    if (self->http)
        ((struct py_http *)self->http)->vu = NULL;
    rp_py_streams_abandon(self);
    rp_py_sockets_abandon(self);
    if (self->extra && self->extra->ws)
        ((struct py_ws_client *)self->extra->ws)->vu = NULL;
    rp_py_vu_deinit(self);
}

static struct py_vu_extra *require_extra(struct py_vu *self)
{
    return rp_py_vu_require(self) < 0 ? NULL : rp_py_vu_extra(self);
}

/* ---- attributes ------------------------------------------------------------------------------ */

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

static PyObject *get_ws(PyObject *object, void *unused)
{
    struct py_vu *self = (struct py_vu *)object;
    struct py_vu_extra *extra = require_extra(self);

    if (!extra)
        return NULL;
    if (!extra->ws)
        extra->ws = rp_py_ws_client_new(self);
    return Py_XNewRef(extra->ws);
}

/* The environment of the process, with that of the plan over it, and that of the scenario over
 * both. */
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
    const struct rp_tags *now;
    PyObject *tags;

    if (rp_py_vu_require(self) < 0)
        return NULL;
    now = rp_py_vu_tags(self);
    tags = PyDict_New();
    for (uint32_t i = 0; tags && i < now->count; i++) {
        PyObject *value = PyUnicode_FromString(now->tag[i].value);

        if (!value || PyDict_SetItemString(tags, now->tag[i].key, value) < 0)
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

    return self->engine_vu ? Py_XNewRef(rp_py_context_own(self)) : Py_NewRef(Py_None);
}

/* ---- methods --------------------------------------------------------------------------------- */

static int parse_reason(PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames,
                        const char **ret)
{
    Py_ssize_t keywords = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;

    *ret = "";
    if (nargs + keywords > 1 || (keywords && PyUnicode_CompareWithASCIIString(
                                                 PyTuple_GET_ITEM(kwnames, 0), "reason") != 0)) {
        PyErr_SetString(PyExc_TypeError, "abort() takes one argument, the reason");
        return -1;
    }
    if (nargs + keywords == 0)
        return 0;
    if (!PyUnicode_Check(args[0])) {
        PyErr_Format(PyExc_TypeError, "abort() takes the reason as a str, not %.100s",
                     Py_TYPE(args[0])->tp_name);
        return -1;
    }
    *ret = PyUnicode_AsUTF8(args[0]);
    return *ret ? 0 : -1;
}

static PyObject *vu_abort(PyObject *object, PyObject *const *args, Py_ssize_t nargs,
                          PyObject *kwnames)
{
    struct py_vu *self = (struct py_vu *)object;
    struct py_host *host = self->host;
    const char *reason;

    if (parse_reason(args, nargs, kwnames, &reason) < 0)
        return NULL;
    if (rp_py_vu_require(self) < 0)
        return NULL;
    if (!host->worker) {
        rp_py_vu_refuse("worker");
        return NULL;
    }
    if (rp_py_require_here(host, "abort() must be called") < 0)
        return NULL;
    host->ops->end_run(host, reason);
    return PyErr_Format(host->state->run_aborted, "%s", reason);
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
    Py_CLEAR(self->http);
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
    { "abort", FASTCALL(vu_abort), RP_DOC_WORKER_ABORT },
    { "sleep", rp_py_vu_sleep, METH_O, RP_DOC_WORKER_SLEEP },
    { "_grpc_method", rp_py_vu_grpc_method, METH_VARARGS, NULL },
    { "_grpc_call", (PyCFunction)(void (*)(void))rp_py_vu_grpc_call, METH_FASTCALL, NULL },
    { "_cancel", vu_cancel, METH_NOARGS, NULL },
    { "_uncancel", vu_uncancel, METH_NOARGS, NULL },
    { "_released", rp_py_vu_released, METH_O, NULL },
    { NULL, NULL, 0, NULL },
};

/* Libraries that look into tasks (anyio) ask what the coroutine waits for, and whether a
 * cancellation is on its way. */
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

/* CPython reads a member that is an object in place, and calls nobody. */
static PyMemberDef members[] = {
    { "http", T_OBJECT_EX, offsetof(struct py_vu, http), READONLY, RP_DOC_WORKER_HTTP },
    { NULL, 0, 0, 0, NULL },
};

static PyGetSetDef getset[] = {
    { "ws", get_ws, NULL, RP_DOC_WORKER_WS, NULL },
    { "grpc", rp_py_vu_grpc, NULL, RP_DOC_WORKER_GRPC, NULL },
    { "_grpc_methods", rp_py_vu_grpc_methods, NULL, NULL, NULL },
    { "_grpc_schemas", rp_py_vu_grpc_schemas, NULL, NULL, NULL },
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

/* Scripts may keep things on `worker`, until the iteration ends. An object with a dict has slower
 * methods: CPython 3.11 has no quick way to call one while the dict is not there yet. So a VU gets
 * the type with a dict when a script first keeps something. */
static int vu_setattro(PyObject *object, PyObject *name, PyObject *value)
{
    struct py_vu *self = (struct py_vu *)object;
    PyTypeObject *plain = Py_TYPE(object), *keeping = self->host->state->keeping_vu_type;

    /* What the type has stays what it is; the error of a new __class__ is CPython's. */
    if (value && PyObject_HasAttr((PyObject *)plain, name) &&
        PyUnicode_CompareWithASCIIString(name, "__class__") != 0) {
        PyErr_Format(PyExc_AttributeError, "attribute '%S' of 'rampa.Worker' objects is read-only",
                     name);
        return -1;
    }
    if (value && plain != keeping) {
        Py_SET_TYPE(object, (PyTypeObject *)Py_NewRef(keeping));
        Py_DECREF(plain);
    }
    return PyObject_GenericSetAttr(object, name, value);
}

static PyMemberDef keeping_members[] = {
    { "__dictoffset__", T_PYSSIZET, offsetof(struct py_vu, attributes), READONLY, NULL },
    { NULL, 0, 0, 0, NULL },
};

static PyType_Slot keeping_slots[] = {
    { Py_tp_members, keeping_members },
    { Py_tp_dealloc, vu_dealloc },
    { 0, NULL },
};

static PyType_Spec keeping_spec = {
    .name = "rampa.Worker",
    .basicsize = sizeof(struct py_vu),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = keeping_slots,
};

PyTypeObject *rp_py_keeping_vu_type(PyObject *module, PyTypeObject *plain)
{
    PyObject *type;

    /* Scripts may not derive from the type: their objects would have no VU. */
    plain->tp_flags |= Py_TPFLAGS_BASETYPE;
    type = PyType_FromModuleAndSpec(module, &keeping_spec, (PyObject *)plain);
    plain->tp_flags &= ~Py_TPFLAGS_BASETYPE;
    return (PyTypeObject *)type;
}

static PyType_Slot slots[] = {
    { Py_tp_setattro, vu_setattro },
    { Py_tp_dealloc, vu_dealloc },
    { Py_tp_repr, vu_repr },
    { Py_tp_methods, methods },
    { Py_tp_members, members },
    { Py_tp_getset, getset },
    { Py_tp_doc, (void *)RP_DOC_WORKER },
    { 0, NULL },
};

PyType_Spec rp_py_vu_spec = {
    .name = "rampa.Worker",
    .basicsize = sizeof(struct py_vu),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = slots,
};

/* SPDX-License-Identifier: MIT */

/* worker.execution says which iteration of which scenario runs. The object keeps what was true when
 * it was made. */

#include "python/api/api_internal.h"
#include "python/api/docs.h"

struct py_execution {
    PyObject_HEAD PyObject *scenario;
    long long vu;
    long long stage; /* -1 = none */
    unsigned long long iteration, iteration_in_vu;
    unsigned process;
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

    if (rp_py_vu_require(vu) < 0)
        return NULL;
    self = (struct py_execution *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    self->vu = vu->engine_vu->number;
    self->process = rp_worker_number(vu->host->worker);
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
    { "worker_id", T_ULONGLONG, offsetof(struct py_execution, iteration), READONLY,
      RP_DOC_EXECUTION_WORKER_ID },
    { "process", T_UINT, offsetof(struct py_execution, process), READONLY,
      RP_DOC_EXECUTION_PROCESS },
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

/* SPDX-License-Identifier: MIT */

/* worker.group(name) is a with block. Its samples carry the tag `group`, and its time is a sample
 * of group_duration. */

#include "plan/metrics.h"
#include "python/api/docs.h"
#include "python/api/api_internal.h"

struct py_group {
    PyObject_HEAD struct py_vu *vu; /* strong */
    PyObject *name;                 /* str */
    const struct rp_tags *outer;    /* the VU's tags outside of the block; NULL = not entered */
    rp_ns began;
};

enum { GROUP_TAG_MAX = 1024 };

PyObject *rp_py_vu_group(PyObject *object, PyObject *name)
{
    struct py_vu *vu = (struct py_vu *)object;
    PyTypeObject *type = vu->host->state->group_type;
    struct py_group *self;

    if (!PyUnicode_Check(name))
        return PyErr_Format(PyExc_TypeError, "group() takes a name, not %.100s",
                            Py_TYPE(name)->tp_name);
    self = (struct py_group *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    self->vu = (struct py_vu *)Py_NewRef(vu);
    self->name = Py_NewRef(name);
    return (PyObject *)self;
}

/* The tags inside of the block, with the group as "::outer::inner", as k6 writes it. NULL with an
 * exception. */
static const struct rp_tags *inner_tags(struct py_group *self, const struct rp_tags *outer)
{
    const char *above = rp_tags_get(outer, "group");
    const char *name = PyUnicode_AsUTF8(self->name);
    const struct rp_tags *tags;
    char path[GROUP_TAG_MAX];
    int len;

    if (!name)
        return NULL;
    len = snprintf(path, sizeof(path), "%s::%s", above ? above : "", name);
    if (len >= (int)sizeof(path)) {
        PyErr_SetString(PyExc_ValueError, "group names nest to more than 1023 bytes");
        return NULL;
    }
    tags = rp_tags_with(self->vu->host->registry, outer, RP_SLICE("group"),
                        rp_slice(path, (size_t)len));
    if (!tags)
        PyErr_NoMemory();
    return tags;
}

static PyObject *group_enter(PyObject *object, PyObject *unused)
{
    struct py_group *self = (struct py_group *)object;
    struct rp_vu *engine_vu = self->vu ? self->vu->engine_vu : NULL;
    struct py_vu_extra *extra;
    const struct rp_tags *tags;

    if (!engine_vu)
        return PyErr_Format(PyExc_RuntimeError, "the run that this worker belongs to is over");
    if (self->outer)
        return PyErr_Format(PyExc_RuntimeError, "this group has been entered already");
    extra = rp_py_vu_extra(self->vu);
    tags = extra ? inner_tags(self, engine_vu->tags) : NULL;
    if (!tags)
        return NULL;
    if (!extra->base_tags)
        extra->base_tags = engine_vu->tags;
    self->outer = engine_vu->tags;
    engine_vu->tags = tags;
    self->began = rp_loop_now(self->vu->host->loop);
    return Py_NewRef(object);
}

static int record_duration(struct py_group *self, rp_ns duration)
{
    const struct rp_builtin_metric *builtin = &rp_builtin_metrics[RP_M_GROUP_DURATION];
    struct py_host *host = self->vu->host;
    const struct rp_metric *metric;
    struct rp_series *series;

    if (rp_registry_metric(host->registry, builtin->name, builtin->type, builtin->is_time, &metric,
                           NULL) < 0)
        return -1;
    series = rp_registry_series(host->registry, metric, self->vu->engine_vu->tags);
    if (!series)
        return -1;
    rp_series_trend(series, (double)duration);
    return 0;
}

static PyObject *group_exit(PyObject *object, PyObject *args)
{
    struct py_group *self = (struct py_group *)object;
    struct rp_vu *engine_vu = self->vu ? self->vu->engine_vu : NULL;
    int r = 0;

    /* After the end of the run there is nothing left to record into. */
    if (engine_vu && self->outer) {
        if (!self->vu->interrupting)
            r = record_duration(self, rp_loop_now(self->vu->host->loop) - self->began);
        engine_vu->tags = self->outer;
    }
    self->outer = NULL;
    if (r < 0)
        return PyErr_NoMemory();
    Py_RETURN_FALSE;
}

static int group_traverse(PyObject *object, visitproc visit, void *arg)
{
    struct py_group *self = (struct py_group *)object;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->vu);
    return 0;
}

static int group_clear(PyObject *object)
{
    struct py_group *self = (struct py_group *)object;

    Py_CLEAR(self->vu);
    Py_CLEAR(self->name);
    return 0;
}

static void group_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);

    PyObject_GC_UnTrack(object);
    group_clear(object);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyMethodDef methods[] = {
    { "__enter__", group_enter, METH_NOARGS, RP_DOC_GROUP_ENTER },
    { "__exit__", group_exit, METH_VARARGS, RP_DOC_GROUP_EXIT },
    { NULL, NULL, 0, NULL },
};

static PyType_Slot slots[] = {
    { Py_tp_dealloc, group_dealloc },    { Py_tp_traverse, group_traverse },
    { Py_tp_clear, group_clear },        { Py_tp_methods, methods },
    { Py_tp_doc, (void *)RP_DOC_GROUP }, { 0, NULL },
};

PyType_Spec rp_py_group_spec = {
    .name = "rampa.Group",
    .basicsize = sizeof(struct py_group),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
             Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = slots,
};

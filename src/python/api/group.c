/* SPDX-License-Identifier: MIT */

/*
 * worker.group(name) is a with block. Its samples carry the tag `group`, and its time is a sample
 * of group_duration.
 *
 * A group belongs to the task that has entered it, and to the tasks that are made inside of it: it
 * is the value of a context variable. A VU that has entered none never asks for that value.
 */

#include "plan/metrics.h"
#include "python/api/docs.h"
#include "python/api/api_internal.h"

struct py_group {
    PyObject_HEAD struct py_vu *vu; /* strong */
    PyObject *name;                 /* str */
    /* Inside of the block; NULL = never entered. Tasks that were made inside keep them when the block
     * is left. */
    const struct rp_tags *tags;
    PyObject *token;    /* of the context variable */
    uint64_t iteration; /* of its VU */
    rp_ns began;
    bool is_entered;
    bool is_void; /* it was left where it was not the current group: it holds nobody any more */
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

/* Whether code of @vu has the group whose current one it is. A block that an iteration has not left
 * ends with it. */
static bool holds(const struct py_group *self, const struct py_vu *vu)
{
    return self->tags && !self->is_void && self->vu == vu && vu->engine_vu &&
           self->iteration == vu->engine_vu->iteration_in_vu;
}

/* The value of the context variable: a new reference, or NULL. */
static struct py_group *current(const struct py_host *host)
{
    PyObject *value = NULL;

    if (host->contexts.group && PyContextVar_Get(host->contexts.group, NULL, &value) < 0)
        PyErr_Clear();
    return (struct py_group *)value;
}

const struct rp_tags *rp_py_group_tags(struct py_vu *vu)
{
    struct py_group *group = current(vu->host);
    const struct rp_tags *tags = group && holds(group, vu) ? group->tags : vu->engine_vu->tags;

    Py_XDECREF(group);
    return tags;
}

/* Makes the group the current one of the code that runs. -1 with an exception. */
static int set_current(struct py_group *self)
{
    struct py_contexts *contexts = &self->vu->host->contexts;

    if (!contexts->group)
        contexts->group = PyContextVar_New("rampa.group", NULL);
    if (contexts->group)
        self->token = PyContextVar_Set(contexts->group, (PyObject *)self);
    return self->token ? 0 : -1;
}

/* Gives the code that runs the group outside of this one. But this one need not be the current
 * group: other code may leave it than has entered it, such as the end of a generator, and groups may
 * be left in another order than they were entered. */
static void unset_current(struct py_group *self)
{
    const struct py_host *host = self->vu->host;
    PyObject *type, *value, *traceback;
    struct py_group *now;

    PyErr_Fetch(&type, &value, &traceback);
    now = current(host);
    self->is_void = now != self || PyContextVar_Reset(host->contexts.group, self->token) < 0;
    PyErr_Clear();
    Py_XDECREF(now);
    Py_CLEAR(self->token);
    PyErr_Restore(type, value, traceback);
}

/* A group that an earlier iteration has never left is current no more. Otherwise each new group would
 * keep all of them, as what to go back to. */
static void forget_stale(const struct py_vu *vu)
{
    struct py_group *group = vu->has_grouped ? current(vu->host) : NULL;

    if (group && group->vu == vu && group->token && !holds(group, vu))
        unset_current(group);
    Py_XDECREF(group);
}

static PyObject *group_enter(PyObject *object, PyObject *unused)
{
    struct py_group *self = (struct py_group *)object;
    struct py_vu *vu = self->vu;
    const struct rp_tags *tags;

    if (!vu || !vu->engine_vu)
        return PyErr_Format(PyExc_RuntimeError, "the run that this worker belongs to is over");
    if (self->is_entered)
        return PyErr_Format(PyExc_RuntimeError, "this group has been entered already");
    forget_stale(vu);
    tags = inner_tags(self, rp_py_vu_tags(vu));
    if (!tags || set_current(self) < 0)
        return NULL;
    vu->has_grouped = true;
    self->tags = tags;
    self->is_entered = true;
    self->is_void = false;
    self->iteration = vu->engine_vu->iteration_in_vu;
    self->began = rp_loop_now(vu->host->loop);
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
    series = rp_registry_series(host->registry, metric, self->tags);
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
    if (engine_vu && self->is_entered && !self->vu->interrupting)
        r = record_duration(self, rp_loop_now(self->vu->host->loop) - self->began);
    if (self->vu && self->token)
        unset_current(self);
    self->is_entered = false;
    if (r < 0)
        return PyErr_NoMemory();
    Py_RETURN_FALSE;
}

static int group_traverse(PyObject *object, visitproc visit, void *arg)
{
    struct py_group *self = (struct py_group *)object;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->vu);
    Py_VISIT(self->token);
    return 0;
}

static int group_clear(PyObject *object)
{
    struct py_group *self = (struct py_group *)object;

    Py_CLEAR(self->vu);
    Py_CLEAR(self->name);
    Py_CLEAR(self->token);
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

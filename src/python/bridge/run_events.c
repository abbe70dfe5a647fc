/* SPDX-License-Identifier: MIT */

/*
 * The consumers of a run's events. Events are made inside the reactor's work; who waits for them is
 * woken when that is done (rp_py_run_wake()), for Python code may do anything.
 */

#include "python/bridge/run.h"

/* Called while an event is told. */
void rp_py_run_keep_snapshot(void *user)
{
    struct py_run *self = user;
    struct rp_event_line *line;

    while ((line = rp_event_queue_take(self->own_queue))) {
        if (line->kind == RP_EVENT_SNAPSHOT) {
            if (self->snapshot)
                rp_event_line_unref(self->snapshot);
            self->snapshot = line;
        } else {
            rp_event_line_unref(line);
        }
    }
}

static void note_ready(void *user)
{
    struct py_events *self = user;

    self->is_ready = true;
}

static struct py_events *take_ready(struct py_run *run)
{
    RP_LIST_EACH (node, &run->queues) {
        struct py_events *events = rp_container_of(node, struct py_events, node);

        if (events->is_ready) {
            events->is_ready = false;
            return events;
        }
    }
    return NULL;
}

void rp_py_run_wake(struct py_run *run)
{
    struct py_events *events;

    while ((events = take_ready(run))) {
        PyObject *wake = Py_NewRef(events->wake);
        PyObject *told = PyObject_CallNoArgs(wake);

        if (!told)
            PyErr_WriteUnraisable(wake);
        Py_XDECREF(told);
        Py_DECREF(wake);
    }
    rp_py_run_hand_samples(run);
}

static PyObject *events_take(PyObject *object, PyObject *unused)
{
    struct py_events *self = (struct py_events *)object;
    PyObject *list = PyList_New(0);
    struct rp_event_line *line;

    while (list && self->queue && (line = rp_event_queue_take(self->queue))) {
        PyObject *text = PyUnicode_DecodeUTF8(line->line, (Py_ssize_t)line->len, "replace");

        rp_event_line_unref(line);
        if (!text || PyList_Append(list, text) < 0)
            Py_CLEAR(list);
        Py_XDECREF(text);
    }
    return list;
}

static int events_traverse(PyObject *object, visitproc visit, void *arg)
{
    struct py_events *self = (struct py_events *)object;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->run);
    Py_VISIT(self->wake);
    return 0;
}

static int events_clear(PyObject *object)
{
    struct py_events *self = (struct py_events *)object;

    rp_list_remove(&self->node);
    self->is_ready = false;
    rp_event_queue_free(self->queue);
    self->queue = NULL;
    Py_CLEAR(self->wake);
    return 0;
}

static void events_dealloc(PyObject *object)
{
    struct py_events *self = (struct py_events *)object;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    events_clear(object);
    Py_CLEAR(self->run);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMethodDef events_methods[] = {
    { "take", events_take, METH_NOARGS, NULL },
    { NULL, NULL, 0, NULL },
};

static PyType_Slot events_slots[] = {
    { Py_tp_dealloc, events_dealloc },
    { Py_tp_traverse, events_traverse },
    { Py_tp_clear, events_clear },
    { Py_tp_methods, events_methods },
    { 0, NULL },
};

PyType_Spec rp_py_events_spec = {
    .name = "_rampa.Events",
    .basicsize = sizeof(struct py_events),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
             Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = events_slots,
};

PyObject *rp_py_run_events(PyObject *object, PyObject *wake)
{
    struct py_run *self = (struct py_run *)object;
    PyTypeObject *type = self->host->state->events_type;
    struct py_events *events = (struct py_events *)type->tp_alloc(type, 0);

    if (!events)
        return NULL;
    if (rp_event_queue_new(self->bus, 0, note_ready, events, &events->queue) < 0) {
        Py_DECREF(events);
        return PyErr_NoMemory();
    }
    rp_list_append(&self->queues, &events->node);
    events->run = (struct py_run *)Py_NewRef(self);
    events->wake = Py_NewRef(wake);
    return (PyObject *)events;
}

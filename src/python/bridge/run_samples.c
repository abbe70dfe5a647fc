/* SPDX-License-Identifier: MIT */

/*
 * Samples one by one for a program that wants them (EngineOptions.on_sample). Blocks arrive inside
 * the reactor's work, where no Python code may run. So they are copied, and handed over in a list
 * when that work is done.
 */

#include "python/bridge/run.h"

#include <string.h>

#include "base/alloc.h"

static void take_block(struct rp_sink *sink, const struct rp_sample_block *block)
{
    struct py_run *self = rp_container_of(sink, struct py_run, sample_sink);
    struct rp_sample *waiting = rp_realloc_array(
        self->waiting, self->waiting_count + block->count + 1, sizeof(*waiting));

    if (!waiting) {
        rp_sink_lose(sink, "%zu samples did not reach on_sample: out of memory", block->count);
        return;
    }
    self->waiting = waiting;
    if (block->count)
        memcpy(waiting + self->waiting_count, block->samples, block->count * sizeof(*waiting));
    self->waiting_count += block->count;
}

static const struct rp_sink_ops sample_ops = { .samples = take_block };

void rp_py_run_want_samples(struct py_run *self, PyObject *on_samples)
{
    self->on_samples = Py_NewRef(on_samples);
    rp_sinks_add(&self->sinks, &self->sample_sink, &sample_ops);
}

static PyObject *make_tags(const struct rp_store_series *series)
{
    PyObject *tags = PyDict_New();

    for (size_t i = 0; tags && i < series->tag_count; i++) {
        PyObject *value = PyUnicode_DecodeUTF8(series->tags[i][1],
                                               (Py_ssize_t)strlen(series->tags[i][1]), "replace");

        if (!value || PyDict_SetItemString(tags, series->tags[i][0], value) < 0)
            Py_CLEAR(tags);
        Py_XDECREF(value);
    }
    return tags;
}

/* Borrowed: (metric, tags) of a series. They are made when the series is first seen. */
static PyObject *series_of(struct py_run *self, const struct rp_store_series *series)
{
    PyObject *known, *metric, *tags;

    while ((uint32_t)PyList_GET_SIZE(self->series) <= series->id)
        if (PyList_Append(self->series, Py_None) < 0)
            return NULL;
    known = PyList_GET_ITEM(self->series, series->id);
    if (known != Py_None)
        return known;
    metric = PyUnicode_DecodeUTF8(series->metric, (Py_ssize_t)strlen(series->metric), "replace");
    tags = make_tags(series);
    known = metric && tags ? PyTuple_Pack(2, metric, tags) : NULL;
    Py_XDECREF(metric);
    Py_XDECREF(tags);
    if (known)
        PyList_SetItem(self->series, series->id, known); /* takes the reference */
    return known;
}

/* (metric, value, ns of the monotonic clock, tags) */
static PyObject *make_row(struct py_run *self, const struct rp_sample *sample)
{
    PyObject *series = series_of(self, sample->series);
    PyObject *tags = series ? PyDict_Copy(PyTuple_GET_ITEM(series, 1)) : NULL;
    rp_ns at = sample->wall_ns - self->sinks.wall_start + self->sinks.start;

    return tags ? Py_BuildValue("OdLN", PyTuple_GET_ITEM(series, 0), rp_sample_shown(sample),
                                (long long)at, tags)
                : NULL;
}

static PyObject *make_rows(struct py_run *self, const struct rp_sample *samples, size_t count)
{
    PyObject *rows = PyList_New((Py_ssize_t)count);

    if (!self->series)
        self->series = PyList_New(0);
    if (!self->series)
        Py_CLEAR(rows);
    for (size_t i = 0; rows && i < count; i++) {
        PyObject *row = make_row(self, &samples[i]);

        if (row)
            PyList_SET_ITEM(rows, (Py_ssize_t)i, row);
        else
            Py_CLEAR(rows);
    }
    return rows;
}

void rp_py_run_hand_samples(struct py_run *self)
{
    while (self->waiting_count) {
        struct rp_sample *samples = self->waiting;
        size_t count = self->waiting_count;
        PyObject *rows, *told;

        self->waiting = NULL;
        self->waiting_count = 0;
        rows = make_rows(self, samples, count);
        rp_free(samples);
        told = rows ? PyObject_CallOneArg(self->on_samples, rows) : NULL;
        if (!told)
            PyErr_WriteUnraisable(self->on_samples);
        Py_XDECREF(told);
        Py_XDECREF(rows);
    }
}

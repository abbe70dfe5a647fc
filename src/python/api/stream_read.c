/* SPDX-License-Identifier: MIT */

/* One wait for something of a stream: see stream.h. */

#include "python/api/stream.h"

/* ---- what a Read waits for ------------------------------------------------------------------- */

static PyObject *text_of(struct rp_slice text)
{
    return PyUnicode_DecodeUTF8(text.ptr ? text.ptr : "", (Py_ssize_t)text.len, "replace");
}

static PyObject *event_tuple(const struct rp_sse_event *event)
{
    PyObject *retry = event->retry_ms < 0 ? Py_NewRef(Py_None)
                                          : PyLong_FromLongLong(event->retry_ms);

    return Py_BuildValue("(NNNN)", text_of(event->event), text_of(event->data), text_of(event->id),
                         retry);
}

/* The next event of the bytes that wait. NULL without an exception: there is none yet. */
static PyObject *next_event(struct py_stream *self)
{
    struct rp_sse_event event;
    enum rp_sse_result result;
    rp_ns at;

    for (;;) {
        struct rp_slice piece = rp_http_stream_peek(&self->stream, &at);
        PyObject *tuple = NULL;
        size_t len = piece.len;

        if (!len)
            return NULL;
        result = rp_sse_parse(&self->sse, &piece, &event);
        if (result == RP_SSE_EVENT) {
            rp_http_record_event(&self->events, at);
            tuple = event_tuple(&event);
        }
        rp_http_stream_drop(&self->stream, len - piece.len);
        if (result == RP_SSE_NO_MEMORY)
            return PyErr_NoMemory();
        if (result == RP_SSE_TOO_LARGE)
            return PyErr_Format(PyExc_ValueError, "an event has more than %d bytes",
                                RP_PY_EVENT_MAX);
        if (result == RP_SSE_EVENT)
            return tuple;
    }
}

static PyObject *next_bytes(struct py_stream *self)
{
    struct rp_slice bytes;

    if (!rp_http_stream_has_bytes(&self->stream))
        return NULL;
    bytes = rp_http_stream_take(&self->stream);
    return PyBytes_FromStringAndSize(bytes.ptr, (Py_ssize_t)bytes.len);
}

/* Raises what has kept the request's body from its end. NULL. */
static PyObject *tell_failure(struct py_stream *self)
{
    self->has_told = true;
    PyErr_SetObject((PyObject *)Py_TYPE(self->failure), self->failure);
    return NULL;
}

/* Scripts see the status from the head on; it becomes 0 when the body fails. -1 with an exception. */
static int show(struct py_stream *self)
{
    Py_CLEAR(self->response->status);
    return rp_py_response_show(self->response);
}

/* What there is for a Read. NULL without an exception: it must wait. */
static PyObject *look(struct py_stream *self, enum py_read_kind kind)
{
    PyObject *found = NULL;

    if (self->failure)
        return tell_failure(self);
    if (kind == PY_READ_HEAD && self->stream.has_head)
        return show(self) == 0 ? Py_NewRef(Py_None) : NULL;
    if (kind == PY_READ_BYTES)
        found = next_bytes(self);
    if (kind == PY_READ_EVENT)
        found = next_event(self);
    if (found || PyErr_Occurred() || !self->stream.has_ended)
        return found;
    if (show(self) < 0)
        return NULL;
    if (self->response->response.status == 0 && self->raise_errors) {
        PyObject *error = rp_py_response_error(self->response);

        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
        Py_DECREF(error);
        return NULL;
    }
    return kind == PY_READ_BYTES ? PyBytes_FromStringAndSize(NULL, 0) : Py_NewRef(Py_None);
}

void rp_py_read_wake(struct py_stream *self)
{
    struct py_read *read = self->reading;
    PyObject *found;

    if (!read)
        return;
    found = look(self, read->kind);
    if (!found && !PyErr_Occurred())
        return;
    self->reading = NULL;
    rp_py_op_finish(&read->op, found, found ? NULL : rp_py_take_error());
    Py_DECREF(read);
}

static int read_start(struct py_op *op)
{
    struct py_read *read = (struct py_read *)op;
    struct py_stream *self = read->stream;

    if (!self->vu->engine_vu)
        return rp_py_vu_refuse("worker");
    if (self->reading || self->is_started == (read->kind == PY_READ_HEAD)) {
        PyErr_SetString(PyExc_RuntimeError, self->reading ? "another task reads this stream already"
                                                          : "a stream is used once, in async with");
        return -1;
    }
    if (self->failure) {
        tell_failure(self);
        return -1;
    }
    if (self->is_cut) {
        PyErr_SetString(PyExc_RuntimeError,
                        "the stream was closed when its block, or its iteration, was left");
        return -1;
    }
    if (read->kind == PY_READ_HEAD && rp_py_stream_begin(self) < 0)
        return -1;
    self->reading = (struct py_read *)Py_NewRef(read);
    if (read->kind != PY_READ_HEAD)
        rp_http_stream_nudge(&self->stream);
    return 0;
}

static void read_cancel(struct py_op *op)
{
    struct py_read *read = (struct py_read *)op;
    struct py_stream *self = read->stream;

    if (self->reading != read)
        return;
    self->reading = NULL;
    if (read->kind == PY_READ_HEAD)
        rp_py_stream_leave(self, true);
    Py_DECREF(read);
}

static const struct py_op_kind read_kind = { .start = read_start, .cancel = read_cancel };

/* ---- the type of a Read ---------------------------------------------------------------------- */

PyObject *rp_py_read_new(struct py_stream *stream, enum py_read_kind kind)
{
    PyTypeObject *type = stream->state->read_type;
    struct py_read *self = (struct py_read *)type->tp_alloc(type, 0);

    if (!self)
        return NULL;
    self->op.kind = &read_kind;
    self->op.host = (struct py_host *)Py_NewRef(stream->vu->host);
    self->stream = (struct py_stream *)Py_NewRef(stream);
    self->kind = kind;
    return (PyObject *)self;
}

static int read_traverse(PyObject *object, visitproc visit, void *arg)
{
    struct py_read *self = (struct py_read *)object;

    Py_VISIT(self->stream);
    return rp_py_op_traverse(&self->op, visit, arg);
}

static int read_clear(PyObject *object)
{
    struct py_read *self = (struct py_read *)object;

    rp_py_op_clear(&self->op);
    Py_CLEAR(self->stream);
    return 0;
}

static void read_dealloc(PyObject *object)
{
    struct py_read *self = (struct py_read *)object;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    read_clear(object);
    rp_py_op_deinit(&self->op);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyType_Slot read_slots[] = {
    { Py_tp_dealloc, read_dealloc },       { Py_tp_traverse, read_traverse },
    { Py_tp_clear, read_clear },           { Py_tp_iter, rp_py_op_await },
    { Py_tp_iternext, rp_py_op_iternext }, { Py_am_await, rp_py_op_await },
    { Py_am_send, rp_py_op_send },         { Py_tp_methods, rp_py_op_methods },
    { Py_tp_getset, rp_py_op_getset },     { 0, NULL },
};

PyType_Spec rp_py_read_spec = {
    .name = "rampa.Read",
    .basicsize = sizeof(struct py_read),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
             Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = read_slots,
};

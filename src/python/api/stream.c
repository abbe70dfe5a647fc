/* SPDX-License-Identifier: MIT */

/*
 * What worker.http.stream() stands on: a request whose body the script takes as it comes. The class
 * that scripts see is python/rampa/_stream.py; here is what it awaits.
 *
 * A BodyStream holds the request. A Read is one wait for something of it: its head, bytes, an event.
 * While a Read waits, both hold each other.
 */

#include <errno.h>

#include "python/api/api_internal.h"

#include <structmember.h>

#include "base/alloc.h"
#include "http/stream.h"
#include "proto/sse.h"
#include "python/api/options.h"

enum { EVENT_MAX = 16 << 20, MAX_REDIRECTS = 10 };

enum read_kind { READ_HEAD, READ_BYTES, READ_EVENT };

struct py_read {
    struct py_op op;
    struct py_stream *stream; /* strong */
    enum read_kind kind;
};

struct py_stream {
    PyObject_HEAD struct rp_pystate *state;
    struct py_vu *vu;             /* strong */
    struct py_response *response; /* strong */
    struct rp_http_stream stream;
    struct py_read *reading; /* the one that waits, strong; or NULL */
    struct rp_list node;     /* of host->streams, while the request is under way */
    bool is_started, raise_errors;
    bool is_cut; /* the script has left it before the body had ended */
    bool has_sse;
    struct rp_sse sse;
    struct rp_http_events events;
};

/* ---- what a Read waits for ------------------------------------------------------------------- */

/* The exception of a request that has failed; when it cannot be made, the one that prevents it. */
static PyObject *error_of(struct py_stream *self)
{
    PyObject *error = PyObject_CallOneArg(self->state->request_error, (PyObject *)self->response);

    return error ? error : rp_py_take_error();
}

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
            return PyErr_Format(PyExc_ValueError, "an event has more than %d bytes", EVENT_MAX);
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

/* What there is for a Read. NULL without an exception: it must wait. */
static PyObject *look(struct py_stream *self, enum read_kind kind)
{
    PyObject *found = NULL;

    if (kind == READ_HEAD && self->stream.has_head)
        return Py_NewRef(Py_None);
    if (kind == READ_BYTES)
        found = next_bytes(self);
    if (kind == READ_EVENT)
        found = next_event(self);
    if (found || PyErr_Occurred() || !self->stream.has_ended)
        return found;
    if (self->response->response.status == 0 && self->raise_errors) {
        PyObject *error = error_of(self);

        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
        Py_DECREF(error);
        return NULL;
    }
    return kind == READ_BYTES ? PyBytes_FromStringAndSize(NULL, 0) : Py_NewRef(Py_None);
}

static void note_over(struct py_stream *self)
{
    if (!rp_list_is_linked(&self->node))
        return;
    rp_list_remove(&self->node);
    self->vu->open_streams--;
}

static void stream_woken(struct rp_http_stream *stream)
{
    struct py_stream *self = rp_container_of(stream, struct py_stream, stream);
    struct py_read *read = self->reading;
    PyObject *found;

    if (stream->has_ended)
        note_over(self);
    if (!read)
        return;
    found = look(self, read->kind);
    if (!found && !PyErr_Occurred())
        return;
    self->reading = NULL;
    rp_py_op_finish(&read->op, found, found ? NULL : rp_py_take_error());
    Py_DECREF(read); /* may free the stream */
}

/* ---- the request ----------------------------------------------------------------------------- */

static int stream_hop(struct rp_http_call *call, struct rp_http_template *next)
{
    struct py_stream *self = rp_container_of(call, struct py_stream, stream.call);
    struct py_response *response = rp_py_response_new(self->state);

    if (response)
        response->template = rp_http_template_ref(next);
    if (!response || rp_py_response_follow(response, self->response) < 0) {
        PyErr_Clear();
        Py_XDECREF(response);
        return -ENOMEM;
    }
    Py_SETREF(self->response, response);
    call->response = &response->response;
    return 0;
}

static int start_request(struct py_stream *self)
{
    struct rp_http_session *session = rp_py_session(self->vu);

    if (!session)
        return -1;
    self->is_started = true;
    self->stream.call.response = &self->response->response;
    self->stream.call.tags = rp_py_vu_tags(self->vu);
    self->stream.call.hop = stream_hop;
    self->stream.wake = stream_woken;
    rp_list_append(&self->vu->host->streams, &self->node);
    self->vu->open_streams++;
    rp_http_stream_start(session, &self->stream);
    return 0;
}

/* Ends the request if it is under way. @gave_up: the script has waited for it long enough. */
static void leave(struct py_stream *self, bool gave_up)
{
    if (!self->is_started)
        return;
    self->is_cut |= rp_list_is_linked(&self->node);
    note_over(self);
    if (self->has_sse) /* which may never end by themselves: there is no waiting for the end */
        rp_http_stream_leave(&self->stream);
    else if (self->vu->interrupting)
        rp_http_stream_interrupt(&self->stream);
    else if (gave_up)
        rp_http_stream_cancel(&self->stream, true);
    else
        rp_http_stream_leave(&self->stream);
}

static int read_start(struct py_op *op)
{
    struct py_read *read = (struct py_read *)op;
    struct py_stream *self = read->stream;

    if (!self->vu->engine_vu)
        return rp_py_vu_refuse("worker");
    if (self->reading || self->is_started == (read->kind == READ_HEAD)) {
        PyErr_SetString(PyExc_RuntimeError, self->reading ? "another task reads this stream already"
                                                          : "a stream is used once, in async with");
        return -1;
    }
    if (self->is_cut) {
        PyErr_SetString(PyExc_RuntimeError,
                        "the stream was closed when its block, or its iteration, was left");
        return -1;
    }
    if (read->kind == READ_HEAD && start_request(self) < 0)
        return -1;
    self->reading = (struct py_read *)Py_NewRef(read);
    if (read->kind != READ_HEAD)
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
    if (read->kind == READ_HEAD)
        leave(self, true);
    Py_DECREF(read);
}

static const struct py_op_kind read_kind = { .start = read_start, .cancel = read_cancel };

static struct py_stream *find_of(struct py_vu *vu)
{
    RP_LIST_EACH (it, &vu->host->streams) {
        struct py_stream *self = rp_container_of(it, struct py_stream, node);

        if (self->vu == vu)
            return self;
    }
    return NULL;
}

void rp_py_streams_abandon(struct py_vu *vu)
{
    struct py_stream *self;

    while ((self = find_of(vu))) {
        Py_INCREF(self);
        note_over(self);
        if (self->reading)
            rp_py_op_cancel(&self->reading->op);
        rp_http_stream_cancel(&self->stream, false);
        Py_DECREF(self);
    }
}

void rp_py_streams_leave(struct py_vu *vu)
{
    struct py_stream *self;

    while ((self = find_of(vu))) {
        Py_INCREF(self);
        leave(self, false);
        if (self->reading) /* in a task that has outlived its iteration */
            rp_http_stream_nudge(&self->stream);
        Py_DECREF(self);
    }
}

/* ---- the type of a Read ---------------------------------------------------------------------- */

static PyObject *new_read(struct py_stream *stream, enum read_kind kind)
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

/* ---- the type of a BodyStream ---------------------------------------------------------------- */

static struct py_stream *new_stream(struct py_vu *vu, struct rp_http_template *template)
{
    struct rp_pystate *state = vu->host->state;
    struct py_stream *self = (struct py_stream *)state->stream_type->tp_alloc(state->stream_type,
                                                                              0);

    if (!self)
        return NULL;
    self->state = state;
    self->vu = (struct py_vu *)Py_NewRef(vu);
    self->raise_errors = true;
    self->stream.call.template = template;
    self->stream.call.max_redirects = MAX_REDIRECTS;
    self->response = rp_py_response_new(state);
    if (!self->response) {
        Py_DECREF(self);
        return NULL;
    }
    self->response->template = rp_http_template_ref(template);
    return self;
}

PyObject *rp_py_stream_new(struct py_vu *vu, struct rp_http_template *template,
                           const struct rp_py_options *options)
{
    struct py_stream *self = new_stream(vu, template);
    PyObject *made = NULL;

    if (self && rp_py_options_apply(options, &self->stream.call, &self->raise_errors) == 0)
        made = PyObject_CallOneArg(self->state->make_stream, (PyObject *)self);
    Py_XDECREF(self);
    return made;
}

static PyObject *stream_open(PyObject *self, PyObject *unused)
{
    return new_read((struct py_stream *)self, READ_HEAD);
}

static PyObject *stream_read(PyObject *self, PyObject *unused)
{
    return new_read((struct py_stream *)self, READ_BYTES);
}

static PyObject *stream_event(PyObject *object, PyObject *unused)
{
    struct py_stream *self = (struct py_stream *)object;

    if (!self->has_sse) {
        self->has_sse = true;
        rp_sse_init(&self->sse, EVENT_MAX);
        rp_http_begin_events(&self->events, self->response->template, &self->stream);
    }
    return new_read(self, READ_EVENT);
}

static PyObject *stream_leave(PyObject *object, PyObject *gave_up)
{
    struct py_stream *self = (struct py_stream *)object;
    int truth = PyObject_IsTrue(gave_up);

    if (truth < 0 || rp_py_require_here(self->vu->host, "a stream must be left") < 0)
        return NULL;
    if (self->vu->engine_vu)
        leave(self, truth);
    Py_RETURN_NONE;
}

static PyObject *get_proto(PyObject *object, void *unused)
{
    return Py_BuildValue("z", rp_http_version_text(((struct py_stream *)object)->stream.version));
}

static int stream_traverse(PyObject *object, visitproc visit, void *arg)
{
    struct py_stream *self = (struct py_stream *)object;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->vu);
    Py_VISIT(self->reading);
    return 0;
}

static int stream_clear(PyObject *object)
{
    struct py_stream *self = (struct py_stream *)object;

    if (self->is_started && self->vu && self->vu->engine_vu)
        leave(self, false);
    Py_CLEAR(self->reading);
    return 0;
}

static void stream_dealloc(PyObject *object)
{
    struct py_stream *self = (struct py_stream *)object;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    stream_clear(object);
    note_over(self);
    rp_http_stream_deinit(&self->stream);
    rp_free((void *)self->stream.call.timeouts);
    if (self->has_sse)
        rp_sse_deinit(&self->sse);
    Py_CLEAR(self->response);
    Py_CLEAR(self->vu);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMethodDef methods[] = {
    { "open", stream_open, METH_NOARGS, NULL },
    { "read", stream_read, METH_NOARGS, NULL },
    { "event", stream_event, METH_NOARGS, NULL },
    { "leave", stream_leave, METH_O, NULL },
    { NULL, NULL, 0, NULL },
};

static PyMemberDef members[] = {
    { "response", T_OBJECT, offsetof(struct py_stream, response), READONLY, NULL },
    { "status", T_USHORT, offsetof(struct py_stream, stream.status), READONLY, NULL },
    { "has_head", T_BOOL, offsetof(struct py_stream, stream.has_head), READONLY, NULL },
    { "has_ended", T_BOOL, offsetof(struct py_stream, stream.has_ended), READONLY, NULL },
    { NULL, 0, 0, 0, NULL },
};

static PyGetSetDef getset[] = {
    { "proto", get_proto, NULL, NULL, NULL },
    { NULL, NULL, NULL, NULL, NULL },
};

static PyType_Slot slots[] = {
    { Py_tp_dealloc, stream_dealloc },
    { Py_tp_traverse, stream_traverse },
    { Py_tp_clear, stream_clear },
    { Py_tp_methods, methods },
    { Py_tp_getset, getset },
    { Py_tp_members, members },
    { 0, NULL },
};

PyType_Spec rp_py_stream_spec = {
    .name = "rampa.BodyStream",
    .basicsize = sizeof(struct py_stream),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE |
             Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = slots,
};
